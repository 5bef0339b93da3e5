//! `gauntlet audit`: a run, and what no run can show, as a bundle for a reviewer.

mod drills;
mod gather;
mod harness;

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use gauntlet_audit::{Audit as Report, Controls, Format, Inputs, audit};
use gauntlet_record::{Record, exit};
use gauntlet_runner::{EVENTS, Output};

use crate::args::Selection;
use crate::failure::Failure;
use crate::inputs::DEFAULT_POLICY;
use crate::targets;

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  gauntlet audit --db ./advisory-db
  gauntlet audit . --policy sandbox.yaml --db ./advisory-db --answers answers.yaml
  gauntlet audit --record gauntlet-report/record.json --framework soc2,iso27001
  gauntlet audit --selftest --layers --db ./advisory-db

Nothing is fetched: the advisory database is a folder, as a checkout of it without git.
Exit codes: 0 nothing is open, 1 evidence speaks against a line, 2 wrong input, 3 not everything is
decided, 4 harness or host.")]
pub(crate) struct Audit {
    /// The project: its `Cargo.lock` and `.cargo/audit.toml` are read.
    #[arg(value_name = "PROJECT", default_value = ".")]
    pub(crate) project: PathBuf,
    /// The policy under test: a preset's name or a file.
    #[arg(long, short, value_name = "POLICY", default_value = DEFAULT_POLICY)]
    pub(crate) policy: String,
    /// The sandbox under test, as `gauntlet run` takes it; may be given several times.
    #[arg(long, short, value_name = "TARGET", default_value = "worker")]
    pub(crate) target: Vec<String>,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Take this record of an earlier run, and run nothing.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["target", "filter", "attacks", "jobs", "max_memory", "layers", "selftest"])]
    pub(crate) record: Option<PathBuf>,
    /// Also run the self test, the quick one: broken executors have to be caught.
    #[arg(long, conflicts_with = "selftest_record")]
    pub(crate) selftest: bool,
    /// Take the self test from this record.
    #[arg(long, value_name = "FILE")]
    pub(crate) selftest_record: Option<PathBuf>,
    /// Also lift the layers of defence one at a time.
    #[arg(long, conflicts_with = "layers_matrix")]
    pub(crate) layers: bool,
    /// Take the layers matrix from this file, as `gauntlet run --layers` writes it.
    #[arg(long, value_name = "FILE")]
    pub(crate) layers_matrix: Option<PathBuf>,
    /// Make no drills: no runs for the log, the alerts and the fuzzer.
    #[arg(long)]
    pub(crate) no_drills: bool,
    /// The advisory database: a folder with `crates/<name>/RUSTSEC-*.md`.
    #[arg(long, value_name = "DIR")]
    pub(crate) db: Option<PathBuf>,
    /// The commit that the database is a copy of [default: what its file `COMMIT` says]
    #[arg(long, value_name = "COMMIT", requires = "db")]
    pub(crate) db_commit: Option<String>,
    /// Most days that the newest advisory of the database may be old.
    #[arg(long, value_name = "DAYS", default_value_t = gauntlet_audit::supply::DEFAULT_MOST_DAYS)]
    pub(crate) max_db_age: u64,
    /// Also take what `cargo audit --json` printed for the project.
    #[arg(long, value_name = "FILE")]
    pub(crate) cargo_audit: Option<PathBuf>,
    /// Also look at this program, built with `cargo auditable`; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) program: Vec<PathBuf>,
    /// Compare the policy with this module: what is granted and not needed.
    #[arg(long, value_name = "FILE")]
    pub(crate) module: Option<PathBuf>,
    /// What persons answered, as a YAML file.
    #[arg(long, value_name = "FILE")]
    pub(crate) answers: Option<PathBuf>,
    /// Who may answer; may be given several times [default: the list in the file of answers, or anybody].
    #[arg(long, value_name = "NAME", requires = "answers")]
    pub(crate) person: Vec<String>,
    /// The frameworks to arrange the report by [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) framework: Vec<String>,
    /// Folder for the bundle; an older one is replaced only if it is ours.
    #[arg(long, short, value_name = "DIR", default_value = "gauntlet-audit")]
    pub(crate) output: PathBuf,
    /// What to print: human, json, markdown or html.
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = format)]
    pub(crate) format: Format,
}

fn format(text: &str) -> Result<Format, String> {
    text.parse().map_err(|error: gauntlet_audit::UnknownFormat| error.to_string())
}

pub(super) fn run(args: &Audit) -> Result<u8, Failure> {
    let now = targets::now();
    let controls = Controls::embedded().map_err(Failure::harness)?;
    // What can be wrong with the input is found out before anything runs.
    gather::known_frameworks(&controls, &args.framework)?;
    let answers = gather::answers(args, &controls, &now)?;
    let config = gather::config(&args.project)?;
    let database = gather::database(args, &now)?;
    let mut lists = gather::lists(args, database.as_ref(), &config)?;
    let selftest = args.selftest_record.as_deref().map(gather::record).transpose()?;
    let matrix = args.layers_matrix.as_deref().map(gather::layers).transpose()?;
    let saved = args.record.as_deref().map(gather::record).transpose()?;
    let linted = gather::Linted::of(args, saved.as_ref())?;
    let mut output = Output::open(&args.output).map_err(Failure::usage)?;

    let made = match saved {
        Some(record) => harness::Made { record, layers: None, selftest: None },
        None => harness::run(args, &mut output)?,
    };
    let record = &made.record;
    let record_bytes = write_record(record, &mut output)?;
    let layers = matrix.or(made.layers);
    let selftest = selftest.or(made.selftest);
    let engines = gauntlet_audit::supply::engine(record, gauntlet_sandbox::ENGINE_VERSION, database.as_ref())
        .map_err(Failure::harness)?;
    let lint = linted.lint(record);
    let mut checks = gauntlet_audit::posture(Path::new("/"), &targets::host(), &record.host);
    let own = gauntlet_sandbox::ENGINE_VERSION;
    checks.extend(gauntlet_audit::supply::engine_checks(record, own, &engines, database.as_ref(), &lint, &now));
    lists.extend(engines);
    let supply = gauntlet_audit::Supply { database: database.map(|database| database.info().clone()), lists };
    checks.extend(gauntlet_audit::supply::checks(&supply));
    checks.extend(drills(args, record));
    let inputs = Inputs {
        record,
        record_bytes: &record_bytes,
        lint,
        checks,
        supply,
        layers,
        selftest: selftest.as_ref(),
        answers,
        frameworks: args.framework.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        now,
        command: std::env::args().collect(),
    };
    let report = audit(&controls, inputs).map_err(Failure::usage)?;
    write(&report, record, &mut output, args)?;
    Ok(report.summary.exit)
}

/// The drills run our own executor: of another sandbox they would say nothing.
fn drills(args: &Audit, record: &Record) -> Vec<gauntlet_audit::Check> {
    let ours = record.targets.iter().all(|target| matches!(target.name.as_str(), "worker" | "inline"));
    if args.no_drills {
        drills::none("no drill was asked for")
    } else if !ours || record.targets.is_empty() {
        drills::none("the target is another sandbox than ours: how it logs and alerts is not known here")
    } else {
        drills::all(record.seed)
    }
}

/// The record, sealed, and its bytes as they lie in the bundle.
fn write_record(record: &Record, output: &mut Output) -> Result<Vec<u8>, Failure> {
    let path = output.seal(record).map_err(Failure::harness)?;
    std::fs::read(path).map_err(Failure::harness)
}

fn write(report: &Report, record: &Record, output: &mut Output, args: &Audit) -> Result<(), Failure> {
    let render = |format| {
        let mut bytes = Vec::new();
        gauntlet_audit::write(report, format, &mut bytes).map_err(Failure::harness)?;
        Ok::<_, Failure>(bytes)
    };
    for format in [Format::Json, Format::Markdown, Format::Html] {
        output.write(format.file_name(), &render(format)?).map_err(Failure::harness)?;
    }
    super::run::write_reports(record, output)?;
    if args.record.is_some() {
        // Nothing was run, so there are no events, and an empty file of them would say otherwise.
        std::fs::remove_file(output.path().join(EVENTS)).map_err(Failure::harness)?;
    }
    super::print(&render(args.format)?)?;
    if args.format == Format::Human {
        anstream::eprintln!("bundle: {}", output.path().join(Format::Html.file_name()).display());
    }
    if report.summary.exit == exit::INCONCLUSIVE && !record.complete {
        anstream::eprintln!("the run was cut short: nothing that rests on its trials is claimed");
    }
    Ok(())
}
