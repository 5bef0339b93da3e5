//! `gauntlet guests`: the guests that run programs in a language.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use gauntlet_guests::{BuildError, Guests, Kind, Language, Source};
use gauntlet_record::{GuestText, exit};
use gauntlet_sandbox::Pool;
use gauntlet_target::error_chain;
use serde::Serialize;

use crate::failure::Failure;
use crate::inputs;

/// Most bytes of compiled code that are kept.
pub(crate) const KEPT: u64 = 2 << 30;
/// How long an interpreter may take to be compiled.
pub(crate) const COMPILING: Duration = Duration::from_secs(300);
/// The policy that interpreters are compiled for ahead of the first program.
const POLICY: &str = "code-runner";

#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Build guests from pinned packages of the registries that your own tools use.
    Build(Build),
    /// List the languages, and what was built of them.
    List(List),
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  gauntlet guests build python javascript
  gauntlet guests build c --cache /var/cache/gauntlet/guests

Versions and digests of all packages are pinned. What is built lies beneath gauntlet/guests in the cache folder of your
user, or of root in /var/cache/gauntlet/guests. Python takes 300 MB of disk while it is built and 30 MB afterwards,
JavaScript 400 MB and 14 MB, C 900 MB and 200 MB.
Exit codes: 0 built, 2 an unknown language or a missing program, 4 a step failed.")]
struct Build {
    /// The languages: python, javascript, c.
    #[arg(value_name = "LANGUAGE", required = true)]
    languages: Vec<String>,
    /// Where guests are kept.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  gauntlet guests list
  gauntlet guests list --format json")]
struct List {
    /// Where guests are kept.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table.
    Human,
    /// JSON.
    Json,
}

pub(super) fn run(args: &Args) -> Result<u8, Failure> {
    match &args.what {
        What::Build(args) => build(args),
        What::List(args) => list(args),
    }
}

pub(super) fn place(cache: Option<&Path>) -> Result<PathBuf, Failure> {
    let place = cache.map(Path::to_owned).or_else(gauntlet_guests::default_cache);
    let place = place.ok_or_else(|| {
        Failure::usage(anyhow!("no place for guests: neither HOME nor XDG_CACHE_HOME is set; pass --cache DIR"))
    })?;
    std::path::absolute(&place).map_err(|error| Failure::usage(anyhow::Error::new(error).context("cannot use --cache")))
}

/// The guests in a cache directory.
pub(super) fn open(cache: Option<&Path>) -> Result<Guests, Failure> {
    Guests::open(place(cache)?).map_err(Failure::usage)
}

fn build(args: &Build) -> Result<u8, Failure> {
    let guests = Guests::closed(place(args.cache.as_deref())?);
    // A wrong name stops before the first minute of work.
    for name in &args.languages {
        guests.language(name).map_err(Failure::usage)?;
    }
    for name in &args.languages {
        let start = Instant::now();
        let mut told =
            |line: &str| anstream::eprintln!("building {name}: {}", GuestText::new(line.as_bytes(), 1024).as_str());
        guests.build(name, &mut told).map_err(|error| match error {
            BuildError::UnknownLanguage(_) | BuildError::NothingToBuild { .. } | BuildError::Missing { .. } => {
                Failure::usage(error)
            }
            error => Failure::harness(anyhow::Error::new(error).context(format!("cannot build `{name}`"))),
        })?;
        let language = warm(guests.cache(), name)?;
        let seconds = start.elapsed().as_secs();
        let digest = language.digest.unwrap_or_default();
        let version = language.version.unwrap_or_default();
        anstream::eprintln!("built {name} in {seconds} s: {version}, sha256 {digest}");
    }
    Ok(exit::CLEAN)
}

/// Runs a program in a guest that was just built: it works, and its code is there for the next one.
fn warm(cache: &Path, name: &str) -> Result<Language, Failure> {
    let guests = Guests::open(cache).map_err(Failure::harness)?;
    let language = guests.language(name).map_err(Failure::usage)?.clone();
    let mut policy = inputs::policy(POLICY)?;
    policy.audit.log = None;
    let program = match language.kind {
        Kind::Compiler => "int main(void) { return 0; }\n",
        Kind::Interpreter | Kind::Wasm => "",
    };
    let failed = |why: String| Failure::harness(anyhow!("`{name}` was built and does not work: {why}"));
    let prepared = guests.job(name, &Source::new(program), &policy).map_err(|error| failed(error_chain(&error)))?;
    let pool = Pool::builder().min(0).max(1).on_demand().shared_cache(guests.compiled(), KEPT);
    let pool = pool.compiling_within(COMPILING).build().map_err(Failure::harness)?;
    let outcome = gauntlet_target::Target::run(&pool, &prepared.job).map_err(Failure::harness)?;
    let end = &outcome.ending;
    let well = matches!(end.ending, gauntlet_record::Ending::Returned)
        || (end.ending == gauntlet_record::Ending::Exited && end.exit_code == Some(0));
    if well { Ok(language) } else { Err(failed(format!("{}: {}", end.ending, end.detail))) }
}

#[derive(Serialize)]
struct Document<'a> {
    cache: String,
    languages: Vec<&'a Language>,
}

fn list(args: &List) -> Result<u8, Failure> {
    let guests = open(args.cache.as_deref())?;
    let text = match args.format {
        Format::Json => {
            let document = Document { cache: guests.cache().display().to_string(), languages: guests.languages() };
            serde_json::to_string_pretty(&document).map_err(Failure::harness)? + "\n"
        }
        Format::Human => table(&guests),
    };
    super::print(text.as_bytes())?;
    Ok(exit::CLEAN)
}

fn table(guests: &Guests) -> String {
    let mut text = format!("guests in {}\n\n", guests.cache().display());
    let _ = writeln!(text, "{:<12} {:<12} {:<13} {:<42} digest", "language", "also", "files", "version");
    for language in guests.languages() {
        let extensions: Vec<String> = language.extensions.iter().map(|extension| format!(".{extension}")).collect();
        let digest = language.digest.as_deref().unwrap_or("-");
        let version = language.version.as_deref().unwrap_or("not here");
        let _ = writeln!(
            text,
            "{:<12} {:<12} {:<13} {:<42} {}",
            language.id,
            language.aliases.join(", "),
            extensions.join(" "),
            version,
            &digest[..digest.len().min(16)]
        );
        if !language.ready {
            let _ = writeln!(text, "             get it with: {}", language.hint);
        }
    }
    text
}
