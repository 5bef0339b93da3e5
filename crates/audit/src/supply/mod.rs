//! The supply chain: lists of dependencies against an advisory database in a folder. Nothing is fetched.

mod cargo_audit;
mod config;
mod database;
mod engine;
mod lists;

use rustsec::advisory::{Informational, Metadata, Severity as Score, Versions};

pub use cargo_audit::{CargoAuditError, cargo_audit};
pub use config::{Config, ConfigError, config};
pub use database::{DEFAULT_MOST_DAYS, Database, DatabaseError};
pub use engine::{engine, engine_checks};
pub use lists::{ListError, MAX_LOCKFILE_BYTES, MAX_PROGRAM_BYTES, OWN_LOCKFILE, lockfile, program};

use crate::model::{Advisory, Check, DatabaseInfo, DependencyList, State, Supply};

/// What is told of an advisory, with why it does not count, if it does not.
fn advisory(found: &Metadata, versions: &Versions, package: &str, version: &str, config: &Config) -> Advisory {
    let kind = match &found.informational {
        None => "vulnerability".to_owned(),
        Some(Informational::Notice) => "notice".to_owned(),
        Some(Informational::Unmaintained) => "unmaintained".to_owned(),
        Some(Informational::Unsound) => "unsound".to_owned(),
        Some(Informational::Other(other)) => short(other),
        Some(_) => "informational".to_owned(),
    };
    let severity = match (kind.as_str(), &found.cvss) {
        ("vulnerability", None) => Score::High,
        ("unsound", None) => Score::Medium,
        (_, None) => Score::Low,
        (_, Some(cvss)) => cvss.severity(),
    };
    let mut told = Advisory {
        id: short(found.id.as_ref()),
        aliases: found.aliases.iter().map(|alias| short(alias.as_ref())).take(16).collect(),
        package: short(package),
        version: short(version),
        title: short(&found.title),
        date: found.date.to_string(),
        kind,
        severity: severity.as_str().to_owned(),
        patched: versions.patched().iter().map(ToString::to_string).collect(),
        ignored: None,
    };
    told.ignored = config.ignores(&told, severity);
    told
}

/// A text of a database or list, cut.
fn short(text: &str) -> String {
    const MOST: usize = 400;
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST).chain("...".chars()).collect() }
}

/// What the lists and the database come to, for the checklist. `project` is false where the project has no lock file.
#[must_use]
pub fn checks(supply: &Supply) -> Vec<Check> {
    let mut checks = vec![database_check(supply.database.as_ref())];
    for (id, title, of) in [
        ("supply/project", "The project's dependencies have no open advisory", "project"),
        ("supply/gauntlet", "The dependencies that this tool was built from have no open advisory", "gauntlet"),
    ] {
        let list = supply.lists.iter().find(|list| list.of == of);
        // A report of cargo-audit on the project stands in where no database was named.
        let imported = supply.lists.iter().find(|list| of == "project" && list.of.starts_with("cargo-audit:"));
        checks.push(list_check(id, title, list.filter(|list| list.looked_up).or(imported).or(list)));
    }
    let all: Vec<&DependencyList> = supply.lists.iter().filter(|list| list.looked_up).collect();
    checks.push(kinds_check("supply/unmaintained", "No dependency is unmaintained", "unmaintained", &all));
    let elsewhere: Vec<&str> = supply.lists.iter().flat_map(|list| &list.elsewhere).map(String::as_str).collect();
    let (state, says) = match elsewhere.as_slice() {
        [] if supply.lists.is_empty() => (State::Unknown, "no list of dependencies was read".to_owned()),
        [] => (State::Holds, "every dependency is from the registry that advisories are about".to_owned()),
        [first, ..] => (
            State::Fails,
            format!(
                "{} are from git or another registry, {first} among them: no advisory can be looked up",
                elsewhere.len()
            ),
        ),
    };
    checks.push(Check::new(
        "supply/sources",
        "Advisories can be looked up for every dependency",
        state,
        says,
        "lists of dependencies",
    ));
    let inventoried: u64 = supply.lists.iter().map(|list| list.packages).sum();
    let (state, says) = if inventoried > 0 {
        (
            State::Holds,
            format!("{} lists name {inventoried} packages, with versions and digests of the lists", supply.lists.len()),
        )
    } else {
        (State::Unknown, "no list of dependencies was read".to_owned())
    };
    checks.push(Check::new("supply/inventory", "What was built from is listed", state, says, "lists of dependencies"));
    checks.push(yanked_check(supply));
    checks
}

fn database_check(database: Option<&DatabaseInfo>) -> Check {
    let (state, says) = match database {
        None => (State::Unknown, "no advisory database was named".to_owned()),
        Some(found) if found.age_days <= found.most_days => (
            State::Holds,
            format!(
                "{} advisories, the newest of {}, {} days old (at most {})",
                found.advisories, found.newest, found.age_days, found.most_days
            ),
        ),
        Some(found) => {
            (State::Fails, format!("the newest advisory is {} days old, more than {}", found.age_days, found.most_days))
        }
    };
    let source = database.map_or_else(|| "--db".to_owned(), |found| format!("sha256 {}", found.sha256));
    Check::new("supply/database", "The advisory database is recent", state, says, source)
}

fn list_check(id: &str, title: &str, list: Option<&DependencyList>) -> Check {
    let Some(list) = list else {
        return Check::new(id, title, State::Unknown, "no list of dependencies was read", "--db");
    };
    let source = format!("{} (sha256 {})", list.source, list.sha256);
    if !list.looked_up {
        return Check::new(id, title, State::Unknown, "no advisory database was named", source);
    }
    let open: Vec<&Advisory> = list.advisories.iter().filter(|advisory| advisory.counts()).collect();
    let ignored = list.advisories.iter().filter(|advisory| advisory.ignored.is_some()).count();
    let beside = if ignored > 0 { format!("; {ignored} are ignored by `.cargo/audit.toml`") } else { String::new() };
    match open.as_slice() {
        [] => Check::new(id, title, State::Holds, format!("none for {} packages{beside}", list.packages), source),
        open => {
            let ids: Vec<String> = open
                .iter()
                .take(5)
                .map(|advisory| format!("{} in {} {}", advisory.id, advisory.package, advisory.version))
                .collect();
            let more = if open.len() > 5 { format!(" and {} more", open.len() - 5) } else { String::new() };
            Check::new(id, title, State::Fails, format!("{}{more}{beside}", ids.join(", ")), source)
        }
    }
}

fn kinds_check(id: &str, title: &str, kind: &str, lists: &[&DependencyList]) -> Check {
    let found: Vec<String> = lists
        .iter()
        .flat_map(|list| &list.advisories)
        .filter(|advisory| advisory.kind == kind && advisory.ignored.is_none())
        .map(|advisory| format!("{} {}", advisory.package, advisory.version))
        .collect();
    let (state, says) = match found.as_slice() {
        _ if lists.is_empty() => (State::Unknown, "no advisories were looked up".to_owned()),
        [] => (State::Holds, "none".to_owned()),
        found => (State::Fails, found.join(", ")),
    };
    Check::new(id, title, state, says, "informational advisories")
}

fn yanked_check(supply: &Supply) -> Check {
    const TITLE: &str = "No release in use was yanked";
    let imported: Vec<&DependencyList> =
        supply.lists.iter().filter(|list| list.of.starts_with("cargo-audit:")).collect();
    let yanked = kinds_check("supply/yanked", TITLE, "yanked", &imported);
    if yanked.state == State::Fails {
        return yanked;
    }
    // Such a report is silent about yanked releases both when there are none and when it could not look.
    Check::new("supply/yanked", TITLE, State::Unknown, "only the registry's index knows, and it is not asked", "-")
}
