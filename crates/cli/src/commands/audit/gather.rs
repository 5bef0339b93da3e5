//! What an audit is given: files that may be hostile, read with a bound and refused with a reason.

use std::path::Path;

use anyhow::anyhow;
use gauntlet_audit::supply::{self, Config, Database, MAX_LOCKFILE_BYTES, MAX_PROGRAM_BYTES};
use gauntlet_audit::{Answer, Controls, DependencyList, Layers, Lint};
use gauntlet_lint::{Options, lint_all};
use gauntlet_policy::{LoadError, MAX_POLICY_BYTES, Policy, read_limited};
use gauntlet_record::Record;

use super::Audit;
use crate::failure::Failure;
use crate::{inputs, targets};

/// Most bytes of a layers matrix or of a report of cargo-audit.
const MAX_JSON_BYTES: u64 = 64 << 20;

fn cannot_use(path: &Path) -> impl Fn(anyhow::Error) -> Failure {
    let what = format!("cannot use `{}`", path.display());
    move |error| Failure::usage(error.context(what.clone()))
}

fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, Failure> {
    read_limited(path, most).map_err(|error| cannot_use(path)(error.into()))
}

fn text(path: &Path, most: u64) -> Result<String, Failure> {
    String::from_utf8(bytes(path, most)?)
        .map_err(|error| cannot_use(path)(LoadError::NotUtf8(error.utf8_error().valid_up_to()).into()))
}

/// A text of the project; `None` if there is no such file.
fn optional(path: &Path, most: u64) -> Result<Option<String>, Failure> {
    if std::fs::symlink_metadata(path).is_err() { Ok(None) } else { text(path, most).map(Some) }
}

pub(super) fn known_frameworks(controls: &Controls, names: &[String]) -> Result<(), Failure> {
    let known: Vec<&str> = controls.framework_ids().collect();
    match names.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Failure::usage(anyhow!("no framework `{name}`; there are {}", known.join(", ")))),
        None => Ok(()),
    }
}

pub(super) fn answers(args: &Audit, controls: &Controls, now: &str) -> Result<Vec<Answer>, Failure> {
    let Some(path) = &args.answers else { return Ok(Vec::new()) };
    let text = text(path, MAX_POLICY_BYTES)?;
    gauntlet_audit::answers(&text, controls, &args.person, now).map_err(|error| cannot_use(path)(error.into()))
}

pub(super) fn config(project: &Path) -> Result<Config, Failure> {
    let path = project.join(".cargo").join("audit.toml");
    let Some(text) = optional(&path, MAX_POLICY_BYTES)? else { return Ok(Config::default()) };
    supply::config(&text).map_err(|error| cannot_use(&path)(error.into()))
}

pub(super) fn database(args: &Audit, now: &str) -> Result<Option<Database>, Failure> {
    let Some(folder) = &args.db else { return Ok(None) };
    Database::open(folder, args.db_commit.as_deref(), now, args.max_db_age).map(Some).map_err(|error| {
        Failure::usage(
            anyhow::Error::new(error).context(format!("cannot use the advisory database `{}`", folder.display())),
        )
    })
}

/// The lists of dependencies of the project, of this program and of programs that were named.
pub(super) fn lists(
    args: &Audit,
    database: Option<&Database>,
    config: &Config,
) -> Result<Vec<DependencyList>, Failure> {
    if !args.project.is_dir() {
        return Err(Failure::usage(anyhow!("the project `{}` is not a folder", args.project.display())));
    }
    let mut lists = Vec::new();
    let path = args.project.join("Cargo.lock");
    if let Some(text) = optional(&path, MAX_LOCKFILE_BYTES)? {
        lists.push(
            supply::lockfile("project", "Cargo.lock", &text, database, config)
                .map_err(|error| cannot_use(&path)(error.into()))?,
        );
    }
    let own = supply::lockfile(
        "gauntlet",
        "Cargo.lock of this tool, at build time",
        supply::OWN_LOCKFILE,
        database,
        &Config::default(),
    );
    lists.push(own.map_err(Failure::harness)?);
    for path in &args.program {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let list =
            supply::program(&format!("program:{name}"), &name, &bytes(path, MAX_PROGRAM_BYTES)?, database, config);
        lists.push(list.map_err(|error| cannot_use(path)(error.into()))?);
    }
    if let Some(path) = &args.cargo_audit {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let list = supply::cargo_audit(&name, &text(path, MAX_JSON_BYTES)?, config);
        lists.push(list.map_err(|error| cannot_use(path)(error.into()))?);
    }
    Ok(lists)
}

pub(super) fn record(path: &Path) -> Result<Record, Failure> {
    gauntlet_record::read(path).map_err(|error| {
        Failure::usage(anyhow::Error::new(error).context(format!("cannot use the record `{}`", path.display())))
    })
}

pub(super) fn layers(path: &Path) -> Result<Layers, Failure> {
    gauntlet_audit::layers(&bytes(path, MAX_JSON_BYTES)?).map_err(|error| cannot_use(path)(error.into()))
}

/// The policy under test as the linter sees it, where its text is at hand.
pub(super) struct Linted {
    policy: Option<(Policy, Options)>,
    module: Option<String>,
}

impl Linted {
    /// The policy that is named or, for a saved record, the one that it names, if that is at hand still.
    pub(super) fn of(args: &Audit, saved: Option<&Record>) -> Result<Self, Failure> {
        let module = args.module.as_deref().map(inputs::inspection).transpose()?.map(std::sync::Arc::new);
        let options = Options { module, ..targets::lint_options(true) };
        let policy = match saved {
            None => Some(inputs::policy(&args.policy)?),
            // Its text decides whether it is the same policy, not its name.
            Some(record) => {
                let names = [args.policy.as_str(), record.policy.name.as_str()];
                names
                    .iter()
                    .filter_map(|name| inputs::policy(name).ok())
                    .find(|policy| policy.sha256() == record.policy.sha256)
            }
        };
        if policy.is_none() && args.module.is_some() {
            let name = saved.map(|record| record.policy.name.as_str()).unwrap_or_default();
            return Err(Failure::usage(anyhow!(
                "`--module` needs the record's policy, `{name}`, and its text is not at hand: name it with `--policy`"
            )));
        }
        let module = args.module.as_ref().and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        Ok(Self { policy: policy.map(|policy| (policy, options)), module })
    }

    /// What the linter finds. Where the policy is not at hand it is what the record holds, without what was waived.
    pub(super) fn lint(&self, record: &Record) -> Lint {
        match &self.policy {
            Some((policy, options)) => {
                let linted = lint_all(policy, options);
                Lint {
                    source: "the policy".to_owned(),
                    findings: linted.findings,
                    waived: Some(linted.waived),
                    module: self.module.clone(),
                }
            }
            None => {
                Lint { source: "the record".to_owned(), findings: record.findings.clone(), waived: None, module: None }
            }
        }
    }
}
