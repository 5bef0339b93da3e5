//! `gauntlet serve tenants`: quotas and quarantine.

use std::time::Duration;

use anyhow::anyhow;
use clap::Subcommand;
use gauntlet_record::{Unit, exit};
use gauntlet_serve::{Store, Tenant};

use super::{Place, failed};
use crate::args::ExecFormat;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(super) enum Tenants {
    /// List tenants with what they have used today, UTC.
    List {
        #[command(flatten)]
        place: Place,
        /// What to print.
        #[arg(long, value_enum, default_value_t = ExecFormat::Human)]
        format: ExecFormat,
    },
    /// Set what a tenant may use; what is not named stays.
    Set {
        #[command(flatten)]
        place: Place,
        /// The tenant.
        #[arg(value_name = "NAME")]
        name: String,
        /// Runs a day.
        #[arg(long, value_name = "N")]
        runs_per_day: Option<u64>,
        /// CPU time a day.
        #[arg(long, value_name = "TIME", value_parser = super::duration)]
        cpu_per_day: Option<Duration>,
        /// Runs at once, those that wait included.
        #[arg(long, value_name = "N")]
        concurrent: Option<u64>,
        /// Requests a minute of each key.
        #[arg(long, value_name = "N")]
        per_minute: Option<u64>,
    },
    /// Let nothing of a tenant run until it is released; what runs goes on.
    Quarantine {
        #[command(flatten)]
        place: Place,
        /// The tenant.
        #[arg(value_name = "NAME")]
        name: String,
        /// Why; the tenant is told.
        #[arg(long, value_name = "TEXT", default_value = "ordered by the operator")]
        reason: String,
    },
    /// End a quarantine.
    Release {
        #[command(flatten)]
        place: Place,
        /// The tenant.
        #[arg(value_name = "NAME")]
        name: String,
    },
}

pub(super) fn run(command: &Tenants) -> Result<u8, Failure> {
    match command {
        Tenants::List { place, format } => {
            let store = place.store()?;
            let tenants = store.tenants().map_err(failed)?;
            let text = match format {
                ExecFormat::Human => {
                    tenants.iter().map(|tenant| line(&store, tenant)).collect::<Result<String, _>>()?
                }
                ExecFormat::Json => serde_json::to_string_pretty(&tenants).map_err(Failure::harness)? + "\n",
            };
            crate::commands::print(text.as_bytes())?;
        }
        Tenants::Set { place, name, runs_per_day, cpu_per_day, concurrent, per_minute } => {
            let tenant = Tenant {
                name: name.clone(),
                runs_per_day: *runs_per_day,
                cpu_ms_per_day: cpu_per_day.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
                concurrent: *concurrent,
                per_minute: *per_minute,
                ..Tenant::default()
            };
            place.store()?.set_tenant(&tenant).map_err(failed)?;
        }
        Tenants::Quarantine { place, name, reason } => order(place, name, Some(reason))?,
        Tenants::Release { place, name } => order(place, name, None)?,
    }
    Ok(exit::CLEAN)
}

fn order(place: &Place, name: &str, reason: Option<&str>) -> Result<(), Failure> {
    let reason = reason.map(gauntlet_record::GuestText::name);
    let known = place.store()?.quarantine(name, reason.as_ref().map(|reason| reason.as_str())).map_err(failed)?;
    if known { Ok(()) } else { Err(Failure::usage(anyhow!("no tenant `{name}`"))) }
}

fn line(store: &Store, tenant: &Tenant) -> Result<String, Failure> {
    let usage = store.usage(&tenant.name).map_err(failed)?;
    let of = |limit: Option<String>| limit.map_or_else(|| "no quota".to_owned(), |limit| format!("of {limit}"));
    let runs = of(tenant.runs_per_day.map(|runs| runs.to_string()));
    let cpu = of(tenant.cpu_ms_per_day.map(|ms| Unit::Time.show(ms.saturating_mul(1_000_000))));
    let state = tenant.quarantine.as_ref().map(|reason| format!("; in quarantine: {reason}")).unwrap_or_default();
    Ok(format!(
        "{}: {} runs today ({runs}), {} CPU ({cpu}){state}\n",
        tenant.name,
        usage.runs,
        Unit::Time.show(usage.cpu_ns)
    ))
}
