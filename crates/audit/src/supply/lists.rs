//! Lists of dependencies: lock files, and those that `cargo auditable` writes into programs.

use std::str::FromStr as _;

use rustsec::Lockfile;
use serde::Deserialize;

use super::{Config, Database, short};
use crate::model::DependencyList;

/// Most bytes of a lock file.
pub const MAX_LOCKFILE_BYTES: u64 = 16 << 20;
/// Most bytes of a program.
pub const MAX_PROGRAM_BYTES: u64 = 1 << 30;
/// Most bytes of the list in a program, uncompressed.
const MAX_LIST_BYTES: usize = 8 << 20;
/// Most packages of a list.
const MAX_PACKAGES: usize = 50_000;

/// The lock file that this program was built with: all of the workspace, tests included.
pub const OWN_LOCKFILE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock"));

/// A list that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// It is not a lock file.
    #[error("not a lock file: {0}")]
    Lockfile(String),
    /// The program carries no list.
    #[error("it carries no list of dependencies, as `cargo auditable` writes it: {0}")]
    NoList(String),
    /// The list in the program is broken.
    #[error("its list of dependencies is broken")]
    Broken(#[from] serde_json::Error),
    /// A list with more packages than any.
    #[error("more than {MAX_PACKAGES} packages, which no list has")]
    TooLarge,
}

/// Looks up what a lock file names. Without a database nothing is, and the list says so.
///
/// # Errors
///
/// If the text is not a lock file.
pub fn lockfile(
    of: &str,
    source: &str,
    text: &str,
    database: Option<&Database>,
    config: &Config,
) -> Result<DependencyList, ListError> {
    let lockfile = Lockfile::from_str(text).map_err(|error| ListError::Lockfile(short(&error.to_string())))?;
    let mut list = list(of, source, text.as_bytes(), &lockfile, database, config)?;
    if of == "gauntlet" {
        list.notes.push("the whole workspace's lock file at build time: more than what is linked".into());
    }
    Ok(list)
}

/// Looks up what a program carries in itself.
///
/// # Errors
///
/// If it carries nothing, or something broken.
pub fn program(
    of: &str,
    source: &str,
    bytes: &[u8],
    database: Option<&Database>,
    config: &Config,
) -> Result<DependencyList, ListError> {
    let json = auditable_info::json_from_slice(bytes, MAX_LIST_BYTES)
        .map_err(|error| ListError::NoList(short(&error.to_string())))?;
    let carried: Carried = serde_json::from_str(&json)?;
    let mut text = String::from("version = 4\n");
    for package in &carried.packages {
        // Written again as a lock file, so that one reader looks both up. What TOML would take for markup is escaped by `{:?}` of
        // JSON, whose strings are strings of TOML.
        let (name, version) = (serde_json::to_string(&package.name)?, serde_json::to_string(&package.version)?);
        text.push_str(&format!("\n[[package]]\nname = {name}\nversion = {version}\n"));
        match package.source.as_str() {
            "crates.io" | "registry" => {
                text.push_str("source = \"registry+https://github.com/rust-lang/crates.io-index\"\n")
            }
            _ => {}
        }
    }
    let lockfile = Lockfile::from_str(&text).map_err(|error| ListError::Lockfile(short(&error.to_string())))?;
    let mut list = list(of, source, json.as_bytes(), &lockfile, database, config)?;
    let others = carried
        .packages
        .iter()
        .filter(|package| !matches!(package.source.as_str(), "crates.io" | "registry" | "local"));
    list.elsewhere =
        others.map(|package| short(&format!("{} {} ({})", package.name, package.version, package.source))).collect();
    list.notes.push("what the program says of itself; nobody signed it".into());
    Ok(list)
}

#[derive(Debug, Deserialize)]
struct Carried {
    packages: Vec<CarriedPackage>,
}

#[derive(Debug, Deserialize)]
struct CarriedPackage {
    name: String,
    version: String,
    source: String,
}

fn list(
    of: &str,
    source: &str,
    bytes: &[u8],
    lockfile: &Lockfile,
    database: Option<&Database>,
    config: &Config,
) -> Result<DependencyList, ListError> {
    if lockfile.packages.len() > MAX_PACKAGES {
        return Err(ListError::TooLarge);
    }
    let elsewhere = lockfile.packages.iter().filter_map(|package| {
        let source = package.source.as_ref().filter(|source| !source.is_default_registry())?;
        Some(short(&format!("{} {} ({source})", package.name, package.version)))
    });
    Ok(DependencyList {
        of: of.to_owned(),
        source: source.to_owned(),
        sha256: gauntlet_record::digest(bytes),
        packages: lockfile.packages.len() as u64,
        elsewhere: elsewhere.collect(),
        looked_up: database.is_some(),
        advisories: database.map(|database| database.concerning(lockfile, config)).unwrap_or_default(),
        notes: config.unused.iter().map(|key| format!("`[{key}]` of `.cargo/audit.toml` is not used here")).collect(),
    })
}
