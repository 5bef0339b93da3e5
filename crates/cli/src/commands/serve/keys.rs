//! `gauntlet serve keys`: API keys.

use std::time::Duration;

use anyhow::anyhow;
use clap::Subcommand;
use gauntlet_record::exit;
use gauntlet_serve::{Key, Scope, Tenant, UnknownScope};

use super::{Place, failed};
use crate::args::ExecFormat;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    /// Make a key and print it: it is shown this once.
    Create {
        #[command(flatten)]
        place: Place,
        /// Whose key it is. A tenant that is not there yet is made.
        #[arg(long, value_name = "NAME")]
        tenant: String,
        /// What the key is called in lists.
        #[arg(long, value_name = "TEXT", default_value = "")]
        label: String,
        /// What it is for: run or metrics.
        #[arg(long, value_name = "SCOPE", default_value = "run", value_parser = scope)]
        scope: Scope,
        /// After how long it ends by itself.
        #[arg(long, value_name = "TIME", value_parser = super::duration)]
        expires: Option<Duration>,
        /// Runs a day of the tenant.
        #[arg(long, value_name = "N")]
        runs_per_day: Option<u64>,
        /// CPU time a day of the tenant.
        #[arg(long, value_name = "TIME", value_parser = super::duration)]
        cpu_per_day: Option<Duration>,
        /// Runs at once of the tenant, those that wait included.
        #[arg(long, value_name = "N")]
        concurrent: Option<u64>,
        /// Requests a minute of each of the tenant's keys.
        #[arg(long, value_name = "N")]
        per_minute: Option<u64>,
    },
    /// List keys, without their secrets.
    List {
        #[command(flatten)]
        place: Place,
        /// What to print.
        #[arg(long, value_enum, default_value_t = ExecFormat::Human)]
        format: ExecFormat,
    },
    /// Revoke a key by its id: from the next request on it opens nothing.
    Revoke {
        #[command(flatten)]
        place: Place,
        /// The id, as the list shows it: the part of the key between the underscores.
        #[arg(value_name = "ID")]
        id: String,
    },
}

fn scope(text: &str) -> Result<Scope, String> {
    text.parse().map_err(|error: UnknownScope| error.to_string())
}

pub(super) fn run(command: &Keys) -> Result<u8, Failure> {
    match command {
        Keys::Create { place, tenant, label, scope, expires, runs_per_day, cpu_per_day, concurrent, per_minute } => {
            let store = place.store()?;
            let until = expires.map(|time| now().saturating_add(time.as_secs()));
            let token = store.create_key(tenant, label, *scope, until).map_err(failed)?;
            let cpu = cpu_per_day.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
            store
                .set_tenant(&Tenant {
                    name: tenant.clone(),
                    runs_per_day: *runs_per_day,
                    cpu_ms_per_day: cpu,
                    concurrent: *concurrent,
                    per_minute: *per_minute,
                    ..Tenant::default()
                })
                .map_err(failed)?;
            anstream::eprintln!("key {} of tenant `{tenant}`; it is not kept and cannot be shown again:", token.id());
            crate::commands::print(format!("{}\n", token.text()).as_bytes())?;
        }
        Keys::List { place, format } => {
            let keys = place.store()?.keys().map_err(failed)?;
            let text = match format {
                ExecFormat::Human => keys.iter().map(line).collect(),
                ExecFormat::Json => serde_json::to_string_pretty(&keys).map_err(Failure::harness)? + "\n",
            };
            crate::commands::print(text.as_bytes())?;
        }
        Keys::Revoke { place, id } => {
            if !place.store()?.revoke_key(id).map_err(failed)? {
                return Err(Failure::usage(anyhow!("no key `{id}` that is not revoked yet")));
            }
            anstream::eprintln!("key {id} is revoked");
        }
    }
    Ok(exit::CLEAN)
}

fn now() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0)
}

fn line(key: &Key) -> String {
    let state = match (key.revoked, key.expires) {
        (Some(_), _) => "revoked".to_owned(),
        (None, Some(expires)) if expires <= now() => "ended".to_owned(),
        (None, Some(expires)) => format!("until {}", day(expires)),
        (None, None) => "valid".to_owned(),
    };
    let (id, tenant, scope, label) = (&key.id, &key.tenant, key.scope.as_str(), &key.label);
    format!("{id}  {:<10}  {scope:<7}  {state:<16}  {tenant}  {label}", day(key.created)).trim_end().to_owned() + "\n"
}

fn day(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .map_or_else(|| "?".to_owned(), |time| time.strftime("%Y-%m-%d").to_string())
}
