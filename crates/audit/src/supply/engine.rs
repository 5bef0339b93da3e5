//! The engine that guests ran on: its open advisories by name, and how old its release is within its line.

use gauntlet_record::Record;
use rustsec::Lockfile;
use std::str::FromStr as _;

use super::{Config, Database, ListError, OWN_LOCKFILE, lockfile};
use crate::day::{between, day};
use crate::model::{Advisory, Check, DependencyList, Lint, State};

/// Days that a release may be behind the newest of its line.
const MONTH: i64 = 31;

/// The parts of wasmtime, by the beginnings of their names.
const PARTS: &[&str] = &["wasmtime", "cranelift", "wiggle", "wasi-common", "pulley-interpreter", "wasmparser"];

/// The engine of each target as a list of its parts, with the advisories about them. Targets whose engine is not published as crates are
/// left out.
///
/// # Errors
///
/// If our own lock file cannot be read, which a test would have seen.
pub fn engine(record: &Record, own: &str, database: Option<&Database>) -> Result<Vec<DependencyList>, ListError> {
    let ours = Lockfile::from_str(OWN_LOCKFILE).map_err(|error| ListError::Lockfile(error.to_string()))?;
    let mut lists = Vec::new();
    for target in record.targets.iter().filter(|target| target.engine == "wasmtime") {
        // For the engine that is linked all parts are known, for another one those that carry its version.
        let linked = target.version == own;
        let parts: Vec<(String, String)> = if linked {
            let is_part = |name: &str| PARTS.iter().any(|part| name.starts_with(part));
            let packages = ours.packages.iter().filter(|package| is_part(package.name.as_str()));
            packages.map(|package| (package.name.to_string(), package.version.to_string())).collect()
        } else {
            ["wasmtime", "wasmtime-wasi"].map(|name| (name.to_owned(), target.version.clone())).to_vec()
        };
        let mut text = String::from("version = 4\n");
        for (name, version) in &parts {
            let (name, version) = (serde_json::to_string(name)?, serde_json::to_string(version)?);
            text.push_str(&format!("\n[[package]]\nname = {name}\nversion = {version}\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\n"));
        }
        let source = if linked { "the lock file at build time" } else { "the version that the target tells" };
        // A version that is none makes no lock file: nothing is known of it then.
        if let Ok(list) = lockfile(&format!("engine:{}", target.name), source, &text, database, &Config::default()) {
            lists.push(list);
        }
    }
    Ok(lists)
}

/// What is known of the engine, for the checklist.
#[must_use]
pub fn engine_checks(
    record: &Record,
    own: &str,
    lists: &[DependencyList],
    database: Option<&Database>,
    lint: &Lint,
    now: &str,
) -> Vec<Check> {
    vec![advisories_check(record, lists), line_check(record, own, lint), age_check(record, lists, database, now)]
}

fn advisories_check(record: &Record, lists: &[DependencyList]) -> Check {
    const TITLE: &str = "No advisory is open for the engine";
    let check = |state, says: String| Check::new("supply/engine-advisories", TITLE, state, says, "--db");
    let names: Vec<String> =
        record.targets.iter().map(|target| format!("{} {}", target.engine, target.version)).collect();
    let of = |name: &str| lists.iter().find(|list| list.of == format!("engine:{name}") && list.looked_up);
    if record.targets.is_empty() || record.targets.iter().any(|target| of(&target.name).is_none()) {
        let why = if lists.iter().any(|list| list.looked_up) {
            "the database is not about every engine"
        } else {
            "no advisory database was named"
        };
        return check(State::Unknown, format!("{why} ({})", names.join(", ")));
    }
    let open: Vec<&Advisory> =
        lists.iter().flat_map(|list| &list.advisories).filter(|advisory| advisory.counts()).collect();
    if open.is_empty() {
        let parts: u64 = lists.iter().map(|list| list.packages).sum();
        return check(State::Holds, format!("none for {} ({parts} parts)", names.join(", ")));
    }
    let told: Vec<String> = open
        .iter()
        .map(|advisory| format!("{} ({}) in {} {}", advisory.id, advisory.title, advisory.package, advisory.version))
        .collect();
    check(State::Fails, told.join("; "))
}

/// Whether the engine's release line still gets fixes, as the linter knows it of the engine that is linked.
fn line_check(record: &Record, own: &str, lint: &Lint) -> Check {
    const TITLE: &str = "The engine's release line still gets fixes";
    let linked = |target: &gauntlet_record::TargetInfo| target.engine == "wasmtime" && target.version == own;
    if record.targets.is_empty() || !record.targets.iter().all(linked) {
        return Check::new(
            "supply/engine-line",
            TITLE,
            State::Unknown,
            "nothing is known here of the lines of this engine or release",
            "-",
        );
    }
    let ended =
        lint.findings.iter().chain(lint.waived.iter().flatten()).find(|finding| finding.rule == "engine-end-of-life");
    match ended {
        Some(finding) => {
            Check::new("supply/engine-line", TITLE, State::Fails, finding.message.clone(), "rule engine-end-of-life")
        }
        None => Check::new(
            "supply/engine-line",
            TITLE,
            State::Holds,
            "the linter knows of no end of it",
            "rule engine-end-of-life",
        ),
    }
}

/// How long a fix for the engine's line has been out that the release does not have. Without a database nobody here knows of newer
/// releases; with it, those that fix something are known by their advisories.
fn age_check(record: &Record, lists: &[DependencyList], database: Option<&Database>, now: &str) -> Check {
    const TITLE: &str = "The engine is not more than a month behind the fixes of its line";
    let check =
        |state, says: String| Check::new("supply/engine-age", TITLE, state, says, "dates of advisories in --db");
    let (Some(database), Some(today)) = (database, day(now)) else {
        return check(State::Unknown, "no advisory database was named, so no newer release is known".into());
    };
    if lists.is_empty() || lists.len() < record.targets.len() {
        return check(State::Unknown, "the database is not about every engine".into());
    }
    let mut oldest: Option<(i64, &Advisory)> = None;
    for advisory in lists.iter().flat_map(|list| &list.advisories).filter(|advisory| advisory.counts()) {
        let days = day(&advisory.date).map_or(i64::MAX, |date| between(date, today));
        if oldest.is_none_or(|(most, _)| days > most) {
            oldest = Some((days, advisory));
        }
    }
    match oldest {
        None => check(
            State::Holds,
            format!(
                "it has every fix that was published up to {}; releases without a fix are not known",
                database.info().newest
            ),
        ),
        Some((days, advisory)) if days <= MONTH => {
            check(State::Holds, format!("{} is {days} days old and its fix is not in", advisory.id))
        }
        Some((days, advisory)) => {
            check(State::Fails, format!("the fix of {} has been out for {days} days", advisory.id))
        }
    }
}
