//! Starting the service, and ending it.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args as ClapArgs;
use gauntlet_policy::Policy;
use gauntlet_record::exit;
use gauntlet_serve::{AllLanguages, Languages, Server, Settings, StartError, Wasm};
use tokio::sync::oneshot;

use super::Place;
use super::languages::Interpreters;
use crate::commands::guests;
use crate::failure::Failure;
use crate::inputs;

#[derive(Debug, ClapArgs)]
pub(super) struct Start {
    /// Where to listen. Anything but loopback needs a key first.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", value_parser = super::address)]
    listen: SocketAddr,
    #[command(flatten)]
    place: Place,
    /// The policy that every run is held to: a preset's name or a file. Requests can only tighten it.
    #[arg(long, value_name = "POLICY", default_value = "code-runner")]
    policy: String,
    /// The language guests in this folder [default: the one that `gauntlet guests` uses].
    #[arg(long, value_name = "DIR")]
    guests: Option<PathBuf>,
    /// Runs at once [default: one a core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    runs: Option<u16>,
    /// Runs that may wait, of all tenants together.
    #[arg(long, value_name = "N", default_value_t = 64)]
    queue: u16,
    /// How long a run may wait.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = super::duration)]
    patience: Duration,
    /// Runs of one tenant at once, those that wait included, where it has no number of its own.
    #[arg(long, value_name = "N", default_value_t = 8)]
    concurrent: u16,
    /// Requests a minute of one key, where its tenant has no rate of its own.
    #[arg(long, value_name = "N", default_value_t = 120)]
    key_rate: u32,
    /// Requests a minute from one address.
    #[arg(long, value_name = "N", default_value_t = 600)]
    address_rate: u32,
    /// Most bytes of code.
    #[arg(long, value_name = "SIZE", default_value = "256KiB", value_parser = super::size)]
    max_code: u64,
    /// Most bytes of a request.
    #[arg(long, value_name = "SIZE", default_value = "2MiB", value_parser = super::size)]
    max_request: u64,
    /// A proxy whose `X-Forwarded-For` is believed; may be given several times.
    #[arg(long, value_name = "IP", value_parser = super::ip)]
    trust_proxy: Vec<IpAddr>,
    /// An origin whose pages may call; may be given several times. None may unless it is named.
    #[arg(long, value_name = "ORIGIN", value_parser = super::origin)]
    cors_origin: Vec<String>,
    /// Also write the code of every run to `code.jsonl` in the data directory.
    #[arg(long)]
    log_code: bool,
    /// Sync the audit log to the disk with each line, and not each second.
    #[arg(long)]
    sync_audit: bool,
    /// How long runs may go on after the service was told to end.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = super::duration)]
    drain: Duration,
}

impl Start {
    fn settings(&self) -> Result<Settings, Failure> {
        let mut settings = Settings::new(&self.place.data, policy(&self.policy)?);
        settings.listen = self.listen;
        settings.store = self.place.location();
        settings.proxies.clone_from(&self.trust_proxy);
        settings.origins.clone_from(&self.cors_origin);
        settings.log_code = self.log_code;
        settings.sync_audit = self.sync_audit;
        settings.drain = self.drain;
        let limits = &mut settings.limits;
        if let Some(runs) = self.runs {
            limits.lanes = usize::from(runs);
        }
        limits.waiting = usize::from(self.queue);
        limits.patience = self.patience;
        limits.concurrent = usize::from(self.concurrent);
        limits.key_rate = self.key_rate;
        limits.address_rate = self.address_rate;
        limits.code = usize::try_from(self.max_code).unwrap_or(usize::MAX);
        limits.request = usize::try_from(self.max_request).unwrap_or(usize::MAX);
        Ok(settings)
    }
}

fn policy(name: &str) -> Result<Policy, Failure> {
    let mut policy = inputs::policy(name)?;
    if !inputs::names_file(name) {
        // A preset shows where a log would stand; the service has its own.
        policy.audit.log = None;
    }
    Ok(policy)
}

/// What can be run here: interpreters first, since they are what most people come for.
fn languages(guests: Option<&Path>) -> Result<Arc<dyn Languages>, Failure> {
    let mut languages = AllLanguages::default();
    // Without a folder, and without one by default, there is WebAssembly alone.
    if guests.is_some() || gauntlet_guests::default_cache().is_some() {
        languages = languages.and(Interpreters(guests::open(guests)?));
    }
    Ok(Arc::new(languages.and(Wasm)))
}

pub(super) fn run(args: &Start) -> Result<u8, Failure> {
    let settings = args.settings()?;
    let languages = languages(args.guests.as_deref())?;
    for language in languages.list().iter().filter(|language| !language.available) {
        anstream::eprintln!("{} is not ready: {}", language.name, language.note);
    }
    let server = Server::open(settings, languages).map_err(|error| match error {
        StartError::Open(_) | StartError::Data { .. } | StartError::Listen { .. } => Failure::usage(error),
        other => Failure::harness(other),
    })?;
    let address = server.address().map_err(Failure::harness)?;
    let keys = if server.asks_for_keys().map_err(Failure::harness)? {
        "with API keys"
    } else {
        "no keys: for this machine only"
    };
    anstream::eprintln!("listening on http://{address} ({keys}); Ctrl+C ends it");
    let (stop, stopped) = oneshot::channel();
    let mut stop = Some(stop);
    ctrlc::set_handler(move || {
        if let Some(stop) = stop.take() {
            let _ = stop.send(());
        }
    })
    .map_err(|error| Failure::harness(anyhow!(error)))?;
    let drained = server.serve(async move { _ = stopped.await }).map_err(Failure::harness)?;
    if drained {
        anstream::eprintln!("ended; nothing was cut");
        Ok(exit::CLEAN)
    } else {
        anstream::eprintln!("ended; some runs or connections were cut");
        Ok(exit::INCONCLUSIVE)
    }
}
