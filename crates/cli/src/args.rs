//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use gauntlet_corpus::World;
use gauntlet_record::{Layer, Severity};

use crate::commands::report::Report;
use crate::commands::share::Sharing;
use crate::inputs::DEFAULT_POLICY;
use crate::terminal::Color;

const EXAMPLES: &str = "\
Examples:
  gauntlet run                                   prove the default policy against the whole corpus
  gauntlet run --policy sandbox.yaml --junit out.xml --sarif out.sarif
  gauntlet lint sandbox.yaml
  gauntlet inspect guest.wasm
  gauntlet infer guest.wasm --run --dir ./data::/data
  gauntlet exec guest.wasm --policy agent
  gauntlet guests build python && gauntlet exec script.py
  gauntlet explain memory/grow-past-limit

Exit codes: 0 contained, 1 breached or findings, 2 wrong input, 3 inconclusive, 4 the harness failed
or the host cannot enforce what the policy requires.";

/// Proves that a WebAssembly sandbox holds: attacks, controls, verdicts, reports.
#[derive(Debug, Parser)]
#[command(name = "gauntlet", version, about, after_help = EXAMPLES, max_term_width = 100)]
pub(crate) struct Args {
    /// When to use colours.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Color,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the attacks against a sandbox and prove what holds.
    Run(Run),
    /// Run the attacks against executors that are broken on purpose: each has to be caught.
    Selftest(Selftest),
    /// Gather the evidence that a reviewer or an auditor asks for.
    Audit(crate::commands::audit::Audit),
    /// Find faults in policies.
    Lint(Lint),
    /// Turn a policy of another host into one of ours.
    Import(Import),
    /// Say what a module is and can do, without running it.
    Inspect(Inspect),
    /// Write the least policy that a module needs.
    Infer(Infer),
    /// Run one guest, or a program in a language, under a policy.
    Exec(Exec),
    /// Run code for others over HTTP, with a page, keys, quotas and an audit log.
    Serve(Box<crate::commands::serve::Serve>),
    /// Build and list the language guests: Python, JavaScript, C.
    Guests(crate::commands::guests::Args),
    /// Fuzz the executor, the policy reader, the judge and the reports.
    Fuzz(crate::commands::Fuzz),
    /// Render a saved record; sign, verify, merge and compare records.
    Report(Report),
    /// List attacks, their classes, rules, presets, targets, mistakes or formats.
    List(List),
    /// Explain an attack, a rule or a mistake.
    Explain(Explain),
    /// Say what this host can enforce of the worker's jail, why not, and how to get it.
    Doctor(Doctor),
    /// Print completions for a shell.
    Completions(Completions),
    /// One run of one trial, in a process of its own. Not for use by hand.
    #[command(hide = true)]
    Trial(Trial),
    /// One job on a target that runs guests in its own process. Not for use by hand.
    #[command(hide = true)]
    Perform(Perform),
    /// Start a program as an older or more closed kernel would run it. Not for daily use.
    #[command(hide = true)]
    Launch(Launch),
}

/// Which attacks, and how they are run.
#[derive(Debug, ClapArgs)]
pub(crate) struct Selection {
    /// Only attacks whose id contains this; may be given several times.
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Vec<String>,
    /// Also the attacks in this folder; may be given several times.
    #[arg(long, value_name = "DIR")]
    pub(crate) attacks: Vec<PathBuf>,
    /// Trials at once [default: one a core].
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// Seed of everything random in the harness [default: random, and recorded].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Most memory that a live control may take; attacks that need more are inconclusive.
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = size)]
    pub(crate) max_memory: u64,
}

fn size(text: &str) -> Result<u64, String> {
    gauntlet_policy::parse_quantity(text, gauntlet_record::Unit::Bytes).map_err(|error| error.to_string())
}

pub(crate) fn duration(text: &str) -> Result<u64, String> {
    gauntlet_policy::parse_quantity(text, gauntlet_record::Unit::Time).map_err(|error| error.to_string())
}

pub(crate) fn report_format(text: &str) -> Result<gauntlet_report::Format, String> {
    text.parse().map_err(|error: gauntlet_report::UnknownFormat| error.to_string())
}

/// `CWE-770`, from that or from its number alone.
fn weakness(text: &str) -> Result<String, String> {
    let number = text.strip_prefix("CWE-").or_else(|| text.strip_prefix("cwe-")).unwrap_or(text);
    number
        .parse::<u32>()
        .map(|number| format!("CWE-{number}"))
        .map_err(|_| "a weakness is written like CWE-770".to_owned())
}

fn lint_format(text: &str) -> Result<gauntlet_lint::Format, String> {
    text.parse().map_err(|error: gauntlet_lint::UnknownFormat| error.to_string())
}

/// Where results go.
#[derive(Debug, ClapArgs)]
pub(crate) struct Outputs {
    /// Folder for the record and the reports; an older one is replaced only if it is ours.
    #[arg(long, short, value_name = "DIR", default_value = "gauntlet-report")]
    pub(crate) output: PathBuf,
    /// What to print: human, json, junit, sarif, html, markdown, github, or another one that `gauntlet list formats` names.
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = report_format)]
    pub(crate) format: gauntlet_report::Format,
    /// Show everything that is known of every trial.
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  gauntlet run
  gauntlet run --policy sandbox.yaml --target worker --filter memory/
  gauntlet run ./my-attack/                      run one folder of your own
  gauntlet run --target my-runtime.yaml          attack another sandbox
  gauntlet run --target wasmtime-py@44.0.0 --install
  gauntlet run --guests --policy code-runner --filter services/
  gauntlet run --layers                          which layers of defence stop each attack
  gauntlet run --shard 2/3 --output part-2       a third of it; `gauntlet report merge` puts the parts together
  gauntlet run --resume                          go on with a run that was killed

Exit codes: 0 contained, 1 breached, 2 wrong input, 3 inconclusive, 4 harness or host.")]
pub(crate) struct Run {
    /// Only the attacks in these folders.
    #[arg(value_name = "DIR")]
    pub(crate) only: Vec<PathBuf>,
    /// The policy under test: a preset's name or a file.
    #[arg(long, short, value_name = "POLICY", default_value = DEFAULT_POLICY)]
    pub(crate) policy: String,
    /// The sandbox under test: worker, inline, a name that `gauntlet list targets` gives, or a file that describes a program; may be
    /// given several times.
    ///
    /// NAME@RELEASE is one release of it, in an environment of its own: see --install. http://HOST:PORT is a code runner that is there
    /// already, and is attacked over HTTP.
    #[arg(long, short, value_name = "TARGET", default_value = "worker")]
    pub(crate) target: Vec<String>,
    #[command(flatten)]
    pub(crate) service: crate::commands::services::Service,
    /// Build the environments of the releases that targets and live controls name, where they are not there yet.
    ///
    /// They are downloaded from the package registry that your own tools use, into the cache folder of your user.
    #[arg(long)]
    pub(crate) install: bool,
    /// Our worker also runs programs in the languages whose guests `gauntlet guests build` has made there: attacks under `services/`.
    ///
    /// They need a policy that lets an interpreter run, such as code-runner.
    #[arg(long, value_name = "DIR", num_args = 0..=1)]
    pub(crate) guests: Option<Option<PathBuf>>,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Run every attack this often; one breach or doubt among them counts.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repeat: u32,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
    /// Also write JUnit XML to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Also write SARIF to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) sarif: Option<PathBuf>,
    /// Also write HTML to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Also write Markdown to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Known gaps of a target do not count for the exit code.
    #[arg(long)]
    pub(crate) allow_known: bool,
    /// Stop at the first breach.
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Lift validation, grants, runtime limits and the operating system's confinement one at a time, and say what stops each attack then.
    #[arg(long)]
    pub(crate) layers: bool,
    /// Say what would be run, and run nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) sharing: Sharing,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  gauntlet selftest
  gauntlet selftest --quick
  gauntlet selftest --mistake memory-limiter-detached

Exit codes: 0 all caught, 1 one missed, 2 wrong input, 4 harness or host.")]
pub(crate) struct Selftest {
    /// Only mistakes whose name contains this; may be given several times.
    #[arg(long, value_name = "TEXT")]
    pub(crate) mistake: Vec<String>,
    /// Go on to the next mistake when one attack has caught it; the matrix of mistakes and attacks stays incomplete.
    #[arg(long)]
    pub(crate) quick: bool,
    #[command(flatten)]
    pub(crate) selection: Selection,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  gauntlet lint sandbox.yaml
  gauntlet lint .                                every policy below this folder
  gauntlet lint policies/*.yaml --format sarif > lint.sarif
  gauntlet lint sandbox.yaml --fix               mend what can be mended safely
  gauntlet lint sandbox.yaml --show-effective    what holds in the end, and where each value comes from
  gauntlet lint . --write-baseline lint.json && gauntlet lint . --baseline lint.json
  gauntlet lint sandbox.yaml --module guest.wasm

Exit codes: 0 nothing at or above the chosen severity, 1 findings, 2 a policy that cannot be read.")]
pub(crate) struct Lint {
    /// The policies: files, folders, patterns in quotes, or `-` for standard input.
    ///
    /// In folders, `*.yaml`, `*.yml`, `*.toml` and `*.json` are taken if they look like a policy: one of ours, or of another host that is
    /// known by its content. Links are not followed.
    #[arg(value_name = "PATH", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// What to print: human, json, sarif, github or compact (`file:line:column: severity[rule] message`).
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = lint_format)]
    pub(crate) format: gauntlet_lint::Format,
    /// Compare the policies with this module: grants, limits and proposals that it needs or does not.
    #[arg(long, value_name = "FILE")]
    pub(crate) module: Option<PathBuf>,
    /// The severity from which a finding fails the command.
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t = FailOn::Medium)]
    pub(crate) fail_on: FailOn,
    /// The least severity of a finding that is told [default: low; info with --rule]
    #[arg(long, value_name = "SEVERITY", value_enum)]
    pub(crate) min_severity: Option<FailOn>,
    /// Only the findings of these rules; may be given several times.
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub(crate) rule: Vec<String>,
    /// Do not tell the findings that this file knows, as --write-baseline wrote it.
    #[arg(long, value_name = "FILE", conflicts_with = "write_baseline")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write the findings to this file, to be known from now on.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fix", "show_effective"])]
    pub(crate) write_baseline: Option<PathBuf>,
    /// Apply the fixes that change nothing of what a policy means, and suggest the others.
    ///
    /// Comments and layout stay. A file is replaced whole or not at all.
    #[arg(long, conflicts_with = "show_effective")]
    pub(crate) fix: bool,
    /// Print what holds in the end, with what the policy extends and the defaults, and where each value comes from. Nothing is linted.
    #[arg(long)]
    pub(crate) show_effective: bool,
    /// Do not look at this host, neither at granted directories nor at what confinement it offers: one file, the same findings everywhere.
    #[arg(long)]
    pub(crate) no_host: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum FailOn {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl FailOn {
    pub(crate) const fn severity(self) -> Severity {
        match self {
            Self::Info => Severity::Info,
            Self::Low => Severity::Low,
            Self::Medium => Severity::Medium,
            Self::High => Severity::High,
            Self::Critical => Severity::Critical,
        }
    }
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  gauntlet import spin.toml --part api > api.yaml
  gauntlet import manifest.json
  echo 'wasmtime run --dir ./data::/data guest.wasm' | gauntlet import -

The policy goes to standard output, what could not be carried over to standard error and into its comments.
Exit codes: 0 a policy was written, 2 a file that cannot be read or is no such policy.")]
pub(crate) struct Import {
    /// A policy of Wassette, a manifest of Spin or Extism, a wasmtime command line or its configuration; `-` is standard input.
    ///
    /// The format is known by the content.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Which guest, where the file has several: its name, or its number from 1.
    #[arg(long, value_name = "NAME")]
    pub(crate) part: Option<String>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = ImportFormat::Yaml)]
    pub(crate) format: ImportFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFormat {
    /// A policy with comments.
    Yaml,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  gauntlet inspect guest.wasm
  gauntlet inspect guest.wasm --format json > guest.json
  gauntlet inspect old.wasm new.wasm               what a reload would break

Nothing is executed. Exit codes: 0 looked at, and of two modules nothing breaks; 1 the second one breaks callers or
asks for more; 2 no sound wasm.")]
pub(crate) struct Inspect {
    /// The module or component: binary wasm.
    #[arg(value_name = "FILE")]
    pub(crate) module: PathBuf,
    /// Another one that is to take its place: the report says what changes for callers and for the policy.
    #[arg(value_name = "OTHER")]
    pub(crate) other: Option<PathBuf>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = ExecFormat::Human)]
    pub(crate) format: ExecFormat,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  gauntlet infer guest.wasm                        from its imports: no grants, and what would need one
  gauntlet infer guest.wasm --run --dir ./data::/data:rw --env LANG=C -- first second
  gauntlet infer client.wasm --run --net api.example.com:443 --output client.yaml

With --run the guest runs in a jailed worker with what is offered, several times: to record what it uses, and to see
that the policy is enough. The policy keeps only what was used. Limits are twice the peak that was seen, times four
times, rounded up to a readable number.
Exit codes: 0 the policy lints clean and the same run succeeds under it, 1 one of these is not so, 2 wrong input,
4 harness or host.")]
pub(crate) struct Infer {
    /// The guest: binary wasm, a module or a component.
    #[arg(value_name = "GUEST")]
    pub(crate) guest: PathBuf,
    /// Run it, and record what it uses.
    #[arg(long)]
    pub(crate) run: bool,
    /// Offer a directory for recording, as HOST::GUEST or HOST::GUEST:ACCESS, where ACCESS is ro (the default), rw or scratch.
    #[arg(long, value_name = "HOST::GUEST[:ACCESS]", requires = "run")]
    pub(crate) dir: Vec<String>,
    /// Offer an environment variable; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", requires = "run")]
    pub(crate) env: Vec<String>,
    /// Offer an address to connect to, or `*` for any; may be given several times.
    #[arg(long, value_name = "ADDRESS", requires = "run")]
    pub(crate) net: Vec<String>,
    /// Offer standard input. It is read to its end, at most 16 MiB, before the guest starts.
    #[arg(long, requires = "run")]
    pub(crate) stdin: bool,
    /// The policy that recording is bounded by: a preset's name or a file [default: one with wide limits and no grants].
    #[arg(long, short, value_name = "POLICY", requires = "run")]
    pub(crate) policy: Option<String>,
    /// The file that the policy is written to; an existing one is replaced [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Arguments for the guest.
    #[arg(value_name = "ARGUMENT", last = true, requires = "run")]
    pub(crate) arguments: Vec<String>,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  gauntlet exec guest.wasm
  gauntlet exec guest.wasm --policy agent -- first second
  gauntlet exec guest.wasm --dir ./data::/data:ro --env LANG=C --usage
  gauntlet exec add.wasm --invoke add -- 5 3
  gauntlet exec script.py --stdin -- first second < input.txt
  echo 'print(6 * 7)' | gauntlet exec --language python -
  gauntlet exec guest.wasm --format json > outcome.json
  gauntlet exec --calibrate

The guest's output goes to standard output and standard error when it has ended, how it ended to standard error.
Exit codes: 0 the guest ended well, 1 it did not, 2 wrong input, 4 harness or host. The guest's own exit code
is told by --usage and --format json; see --guest-exit-code.")]
pub(crate) struct Exec {
    /// The guest: binary wasm, a module or a component; or a program in a language, by its extension or --language.
    ///
    /// A program is run by a guest that `gauntlet guests build` has made, or compiled in a confined process. `-` reads it from standard
    /// input.
    #[arg(value_name = "GUEST", required_unless_present = "calibrate")]
    pub(crate) guest: Option<PathBuf>,
    /// The policy: a preset's name or a file [default: strict; code-runner for a program in a language].
    ///
    /// The audit log that a file names is written; that of a preset is not, unless --audit-log asks for one.
    #[arg(long, short, value_name = "POLICY")]
    pub(crate) policy: Option<String>,
    /// The language of the program: see `gauntlet guests list`.
    #[arg(long, value_name = "LANGUAGE", conflicts_with_all = ["invoke", "wat", "signature"])]
    pub(crate) language: Option<String>,
    /// Where language guests and their compiled code are kept.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// A file for a program in a language, which finds it by its name in `/work`, read-only; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Vec<PathBuf>,
    /// Where the guest runs.
    #[arg(long, value_enum, default_value_t = Placement::Worker)]
    pub(crate) placement: Placement,
    /// The exported function to call [default: `_start`, or a component's `wasi:cli/run`].
    ///
    /// What follows `--` is then read as its parameters' types say, and its results are printed, one a line. A function that takes
    /// nothing leaves the arguments to the guest's WASI. Numbers, `true`, characters and text are written as they are, everything else of
    /// the component model as JSON.
    #[arg(long, value_name = "FUNCTION", visible_alias = "entry")]
    pub(crate) invoke: Option<String>,
    /// Also grant a directory, as HOST::GUEST or HOST::GUEST:ACCESS, where ACCESS is ro (the default), rw or scratch.
    ///
    /// May be given several times. A scratch directory has no host's side: `::/tmp:scratch`.
    #[arg(long, value_name = "HOST::GUEST[:ACCESS]")]
    pub(crate) dir: Vec<String>,
    /// Also grant an environment variable; may be given several times. Nothing is inherited.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) env: Vec<String>,
    /// Also grant standard input. It is read to its end, at most 16 MiB, before the guest starts.
    #[arg(long)]
    pub(crate) stdin: bool,
    /// Report on standard error what was used of every limit and grant, what was denied, and what the jail gave.
    #[arg(long)]
    pub(crate) usage: bool,
    /// Report on standard error when things happened.
    #[arg(long)]
    pub(crate) timeline: bool,
    /// Write where the guest's time went to this file, as folded stacks. Needs a limit on fuel.
    #[arg(long, value_name = "FILE")]
    pub(crate) profile: Option<PathBuf>,
    /// A detached signature of the guest, for policies with `modules.signed-by`.
    #[arg(long, value_name = "FILE")]
    pub(crate) signature: Option<PathBuf>,
    /// Write the start and the end of the run to this audit log.
    #[arg(long, value_name = "FILE")]
    pub(crate) audit_log: Option<PathBuf>,
    /// Whose run it is, for the audit log and the policy's `per-tenant`.
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// The guest is WebAssembly text. It is assembled here, outside of the jail, before it is run.
    #[arg(long)]
    pub(crate) wat: bool,
    /// End with the guest's own exit code if it ended by one; a code that no process can end with becomes 255.
    ///
    /// All other endings keep our codes, and are told on standard error.
    #[arg(long)]
    pub(crate) guest_exit_code: bool,
    /// Run no guest; measure how much fuel a second of CPU time burns on this host.
    #[arg(long, conflicts_with_all = ["guest", "invoke", "dir", "env", "usage", "timeline", "profile", "signature", "wat"])]
    pub(crate) calibrate: bool,
    /// What to print of the outcome.
    #[arg(long, value_enum, default_value_t = ExecFormat::Human)]
    pub(crate) format: ExecFormat,
    /// Arguments for the guest, or for the function that --invoke names.
    #[arg(value_name = "ARGUMENT", last = true)]
    pub(crate) arguments: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Placement {
    /// A jailed process of its own.
    Worker,
    /// This process.
    Inline,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExecFormat {
    Human,
    Json,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  gauntlet list attacks --class memory
  gauntlet list attacks --layer validation --weakness CWE-20
  gauntlet list attacks --format json | jq .attacks
  gauntlet list classes")]
pub(crate) struct List {
    /// What to list.
    #[arg(value_enum)]
    pub(crate) what: Listed,
    /// How it is written.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: ListFormat,
    /// Only the attacks of a class.
    #[arg(long, value_name = "CLASS", value_parser = PossibleValuesParser::new(gauntlet_corpus::CLASSES))]
    pub(crate) class: Option<String>,
    /// Only attacks that this layer is expected to stop.
    #[arg(long, value_name = "LAYER", value_parser = PossibleValuesParser::new(Layer::ALL.iter().map(|layer| layer.as_str())))]
    pub(crate) layer: Option<String>,
    /// Only attacks on this weakness, as `CWE-770` or `770`.
    #[arg(long, visible_alias = "cwe", value_name = "CWE", value_parser = weakness)]
    pub(crate) weakness: Option<String>,
    /// Only attacks written for this world.
    #[arg(long, value_name = "WORLD", value_parser = PossibleValuesParser::new(World::ALL.iter().map(|world| world.as_str())))]
    pub(crate) world: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum ListFormat {
    #[default]
    Human,
    Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Listed {
    Attacks,
    Classes,
    Rules,
    Presets,
    Targets,
    Mistakes,
    Formats,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  gauntlet explain memory-unbounded
  gauntlet explain files-read/dot-dot
  gauntlet explain --all --format markdown > rules.md
  gauntlet explain --all --output docs/rules      a page for each rule, and an index")]
pub(crate) struct Explain {
    /// The id of an attack, a rule or a mistake.
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) id: Option<String>,
    /// Every rule of the linter, with an index by group.
    #[arg(long)]
    pub(crate) all: bool,
    /// How it is written.
    #[arg(long, value_enum, default_value_t = ExplainFormat::Markdown)]
    pub(crate) format: ExplainFormat,
    /// Write a page for each rule into this folder, and print nothing.
    #[arg(long, short, value_name = "DIR", requires = "all")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ExplainFormat {
    Markdown,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Doctor {
    /// What to print.
    #[arg(long, value_enum, default_value_t = ExecFormat::Human)]
    pub(crate) format: ExecFormat,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Trial {
    /// The file that says what to run.
    #[arg(value_name = "SPEC")]
    pub(crate) spec: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Perform {
    /// The target.
    #[arg(value_name = "TARGET")]
    pub(crate) target: String,
    /// The file that holds the job, as JSON.
    #[arg(value_name = "JOB")]
    pub(crate) job: PathBuf,
    /// The file that the outcome goes to, as JSON.
    #[arg(value_name = "OUTCOME")]
    pub(crate) outcome: PathBuf,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  gauntlet launch --without landlock -- gauntlet run
  gauntlet launch --without userns,namespaces -- gauntlet exec guest.wasm --usage

The program takes this process's place: it dies with the parent, gains no privileges, and gets the answers that a
kernel without the named abilities gives. Exit codes: the program's, 2 if it is not there, 4 if the host lets no filter in.")]
pub(crate) struct Launch {
    /// What the kernel is to lack; may be given several times.
    #[arg(long, value_enum, value_name = "ABILITY", value_delimiter = ',')]
    pub(crate) without: Vec<Ability>,
    /// Start a session of its own.
    #[arg(long)]
    pub(crate) new_session: bool,
    /// Confine the program as a compiler is confined: no file but those named, no network, bounded resources.
    #[arg(long)]
    pub(crate) confine: bool,
    /// With --confine: a directory that it may read, and whose programs it may run; may be given several times.
    #[arg(long, value_name = "DIR", requires = "confine")]
    pub(crate) read: Vec<PathBuf>,
    /// With --confine: a directory that it may also write to; may be given several times.
    #[arg(long, value_name = "DIR", requires = "confine")]
    pub(crate) write: Vec<PathBuf>,
    /// The program and its arguments.
    #[arg(value_name = "PROGRAM", last = true, required = true)]
    pub(crate) program: Vec<OsString>,
}

/// Something that a kernel may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Ability {
    /// Landlock: its calls are not known.
    Landlock,
    /// `openat2`: the call is not known.
    Openat2,
    /// User namespaces: making or entering one is not permitted.
    Userns,
    /// Namespaces of every kind: making or entering one is not permitted.
    Namespaces,
}
