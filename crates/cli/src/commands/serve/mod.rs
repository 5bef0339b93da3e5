//! `gauntlet serve`: run code for others over HTTP.

mod keys;
mod languages;
mod start;
mod tenants;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args as ClapArgs, Subcommand};
use gauntlet_policy::parse_quantity;
use gauntlet_record::Unit;
use gauntlet_serve::{Location, Store, StoreError};

use crate::failure::Failure;

#[derive(Debug, ClapArgs)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  gauntlet serve                                  this machine only, no keys: http://127.0.0.1:8080
  gauntlet serve keys create --tenant acme        make a key; it is printed once
  gauntlet serve --listen 0.0.0.0:8080            for others, with keys; put a proxy with TLS before it
  gauntlet serve --database postgres://user@db/gauntlet
  gauntlet serve tenants quarantine acme --reason \"asked by support\"

Exit codes: 0 ended and drained, 2 wrong input, 3 runs were cut at the end, 4 the service or this host failed."
)]
pub(crate) struct Serve {
    #[command(subcommand)]
    command: Option<Admin>,
    #[command(flatten)]
    start: start::Start,
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Make, list and revoke API keys.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// List tenants, set their quotas, put them in quarantine.
    #[command(subcommand)]
    Tenants(tenants::Tenants),
    /// Print the OpenAPI document.
    Openapi,
}

/// Where keys and usage are.
#[derive(Debug, Clone, ClapArgs)]
pub(super) struct Place {
    /// The directory of the database, the audit log, compiled code and the files of runs.
    #[arg(long, value_name = "DIR", default_value = "gauntlet-data")]
    data: PathBuf,
    /// PostgreSQL for keys and usage, by URL, instead of a file in the data directory; also read from GAUNTLET_DATABASE.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

impl Place {
    /// Where the store is. The environment keeps a password off the list of processes.
    fn location(&self) -> Location {
        let url =
            self.database.clone().or_else(|| std::env::var("GAUNTLET_DATABASE").ok().filter(|url| !url.is_empty()));
        url.map_or_else(|| Location::File(self.data.join("serve.db")), Location::Url)
    }

    fn store(&self) -> Result<Store, Failure> {
        std::fs::create_dir_all(&self.data).map_err(|error| {
            let path = self.data.display();
            Failure::usage(anyhow::Error::new(error).context(format!("cannot use the data directory `{path}`")))
        })?;
        Store::open(&self.location()).map_err(failed)
    }
}

/// A store that fails is the host's fault; a name that is none is the caller's.
fn failed(error: StoreError) -> Failure {
    match error {
        StoreError::Name(_) => Failure::usage(error),
        other => Failure::harness(anyhow::Error::new(other).context("cannot use the store for keys and usage")),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_quantity(text, Unit::Time).map(Duration::from_nanos).map_err(|error| error.to_string())
}

fn size(text: &str) -> Result<u64, String> {
    parse_quantity(text, Unit::Bytes).map_err(|error| error.to_string())
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` is no address with a port, for example 127.0.0.1:8080"))
}

fn ip(text: &str) -> Result<IpAddr, String> {
    text.parse::<IpAddr>().map(|ip| ip.to_canonical()).map_err(|_| format!("`{text}` is no IP address"))
}

fn origin(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let fine = rest.is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"/*?#@".contains(&byte))
    });
    if fine { Ok(text.to_owned()) } else { Err(format!("`{text}` is no origin, for example https://learn.example")) }
}

pub(super) fn run(args: &Serve) -> Result<u8, Failure> {
    match &args.command {
        None => start::run(&args.start),
        Some(Admin::Keys(command)) => keys::run(command),
        Some(Admin::Tenants(command)) => tenants::run(command),
        Some(Admin::Openapi) => {
            let text = serde_json::to_string_pretty(&gauntlet_serve::openapi())
                .map_err(|error| Failure::harness(anyhow!(error)))?;
            super::print(format!("{text}\n").as_bytes())?;
            Ok(gauntlet_record::exit::CLEAN)
        }
    }
}
