//! Command targets: one YAML file says how to call another runtime, so that testing it needs no Rust.

mod decode;
mod file;
mod process;
mod template;

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;
use std::{env, fs, io};

use gauntlet_policy::document;
use gauntlet_policy::{Access, Fault, LoadError, Policy, Reader};
use gauntlet_record::{Cause, Ending, LimitKey, Unit, Usage};

pub use self::file::{CommandFile, Release};

use self::file::Releases;
use self::process::{End, Finished};
use self::template::Template;
use crate::{Description, EndingSeen, Job, Outcome, Target, TargetError};

/// How long past the policy's deadline a program may run before it is killed.
const GRACE: Duration = Duration::from_secs(5);
/// How long a program may take to tell its version.
const VERSION_TIME: Duration = Duration::from_secs(10);

/// Whether somebody has run a target file against its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// It was run.
    Tried,
    /// It was not run.
    #[default]
    NotTried,
    /// It was written from the program's documentation by somebody who could not run it.
    FromDocumentation,
}

impl Status {
    /// The word as target files spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tried => "tried",
            Self::NotTried => "not-tried",
            Self::FromDocumentation => "from-documentation",
        }
    }
}

/// A runtime that is called as a program, as its file says.
///
#[doc = "```yaml"]
#[doc = include_str!("command/example.yaml")]
#[doc = "```"]
///
/// A limit that is not mapped cannot be set on that target; it is attacked all the same. Times are rounded up to the placeholder's unit
/// (0 often means "none"), sizes down. No shell is involved, and a value that looks like a placeholder is not one.
#[derive(Debug)]
pub struct CommandTarget {
    name: String,
    engine: String,
    version: Version,
    program: String,
    offers: Vec<String>,
    arguments: Vec<Item>,
    entry: Vec<Template>,
    limits: Vec<(LimitKey, Vec<Template>)>,
    filesystem: Option<Vec<Template>>,
    read_only: Option<Vec<Template>>,
    environment: Option<Vec<Template>>,
    status: Status,
    notes: String,
    install: String,
    driver: Option<String>,
    driver_text: Option<String>,
    releases: Option<Releases>,
    shows: Vec<Shown>,
}

/// What the program says when it stopped a guest, and what that means.
#[derive(Debug)]
struct Shown {
    exit_code: Option<i32>,
    stderr: String,
    cause: Cause,
}

/// How much of the end of standard error a cause is looked for in, in bytes.
const SAID_LAST: usize = 16 << 10;

/// Where the version comes from.
#[derive(Debug)]
enum Version {
    Text(String),
    Command { command: Vec<String>, answer: OnceLock<String> },
}

/// One item of `arguments`.
#[derive(Debug)]
enum Item {
    Limits,
    Grants,
    Entry,
    Arguments,
    One(Template),
}

impl Item {
    const fn splice(text: &str) -> Option<Self> {
        match text.as_bytes() {
            b"{{limits}}" => Some(Self::Limits),
            b"{{grants}}" => Some(Self::Grants),
            b"{{entry}}" => Some(Self::Entry),
            b"{{arguments}}" => Some(Self::Arguments),
            _ => None,
        }
    }
}

/// A target file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandTargetError {
    /// The file cannot be read.
    #[error("cannot read the target file")]
    Read(#[from] LoadError),
    /// The file is not UTF-8.
    #[error("the target file is not UTF-8 at byte {0}")]
    NotUtf8(usize),
    /// The driver that the file names cannot be read.
    #[error("cannot read the driver `{file}`")]
    Driver {
        /// The driver's file.
        file: String,
        /// Why not.
        source: LoadError,
    },
    /// A release was asked for, and the file does not say how to get one.
    #[error("the target file has no `releases`, so that no release of it can be asked for")]
    NoReleases,
    /// What was asked for is no release.
    #[error("`{0}` is not a release; one looks like `44.0.0`")]
    NotARelease(String),
    /// The text has faults.
    #[error("{} fault(s) in the target file", .faults.len())]
    Faults {
        /// The text, for drawing the faults.
        text: String,
        /// The faults.
        faults: Vec<Fault>,
    },
}

impl CommandTarget {
    /// Reads a target. `name` is its name if the text gives none.
    ///
    /// # Errors
    ///
    /// All faults of the text, in its order.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Fault>> {
        let node = document::parse(text)?;
        let mut reader = Reader::default();
        let target = decode::target(&mut reader, name, &node);
        match target {
            Some(target) if reader.faults.is_empty() => Ok(target),
            _ => {
                reader.faults.sort_by_key(|fault| fault.span);
                Err(reader.faults)
            }
        }
    }

    /// Reads a target from a file.
    ///
    /// # Errors
    ///
    /// If the file or its driver cannot be read, is not UTF-8 or has faults.
    pub fn load(path: &Path) -> Result<Self, CommandTargetError> {
        Self::new(&CommandFile::load(path)?)
    }

    /// Makes a target from its file.
    ///
    /// # Errors
    ///
    /// If the text has faults, or a release is asked for that the file does not know how to get.
    pub fn new(file: &CommandFile) -> Result<Self, CommandTargetError> {
        let mut target = Self::parse(&file.name, &file.text)
            .map_err(|faults| CommandTargetError::Faults { text: file.text.clone(), faults })?;
        target.driver_text.clone_from(&file.driver);
        if let Some(release) = &file.release {
            if !file::is_release(&release.version) {
                return Err(CommandTargetError::NotARelease(release.version.clone()));
            }
            let releases = target.releases.as_ref().ok_or(CommandTargetError::NoReleases)?;
            target.program = releases.program(release);
            target.name = format!("{}@{}", target.name, release.version);
            target.version = Version::Text(release.version.clone());
        }
        Ok(target)
    }

    /// The commands that build the environment of a release, each a program with its arguments; none where the file knows of no releases.
    #[must_use]
    pub fn install_commands(&self, release: &Release) -> Vec<Vec<OsString>> {
        self.releases.as_ref().map(|releases| releases.commands(release)).unwrap_or_default()
    }

    /// How to get the program, for people; empty where the file does not say.
    #[must_use]
    pub fn install_hint(&self) -> &str {
        &self.install
    }

    /// The program as the file names it.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The engine, as the file names it.
    #[must_use]
    pub fn engine(&self) -> &str {
        &self.engine
    }

    /// Whether any release of the program can be asked for.
    #[must_use]
    pub const fn has_releases(&self) -> bool {
        self.releases.is_some()
    }

    /// Whether the program is there and can be executed. A missing one means that nothing can be tested.
    #[must_use]
    pub fn program_exists(&self) -> bool {
        find_program(&self.program).is_some()
    }

    /// Whether the program is there and answers when it is asked for its version. An interpreter may be there without the library that
    /// is the target.
    #[must_use]
    pub fn answers(&self) -> bool {
        self.program_exists()
            && match &self.version {
                Version::Text(_) => true,
                Version::Command { command, .. } => ask(command).is_some_and(|finished| finished.end == End::Exited(0)),
            }
    }

    /// Whether the target can set a limit. One that it cannot set is attacked all the same.
    #[must_use]
    pub fn expresses(&self, key: LimitKey) -> bool {
        self.limits.iter().any(|(known, _)| *known == key)
    }

    /// Whether the target can grant a directory read-only; if not, it is granted with `filesystem`, for reading and writing.
    #[must_use]
    pub const fn expresses_read_only(&self) -> bool {
        self.read_only.is_some()
    }

    /// Whether somebody has run this file against its program.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// What its author says of it.
    #[must_use]
    pub fn notes(&self) -> &str {
        &self.notes
    }

    /// The arguments for a job: the guest is at `module`, the driver at `driver`, and `scratch` makes a directory for a scratch grant.
    fn arguments(
        &self,
        job: &Job,
        module: &Path,
        driver: &Path,
        scratch: &mut dyn FnMut() -> io::Result<PathBuf>,
    ) -> io::Result<Vec<OsString>> {
        let mut arguments = Vec::new();
        for item in &self.arguments {
            match item {
                Item::Limits => self.limit_arguments(&job.policy, &mut arguments),
                Item::Grants => self.grant_arguments(&job.policy, scratch, &mut arguments)?,
                Item::Entry => {
                    if let Some(entry) = &job.entry {
                        fill(&self.entry, &[("entry", entry.as_ref())], &mut arguments);
                    }
                }
                Item::Arguments => {
                    arguments.extend(job.policy.grants.arguments.iter().map(|argument| OsString::from(&argument.value)))
                }
                Item::One(template) => {
                    let values =
                        [("module", module.as_os_str()), ("driver", driver.as_os_str()), ("nonce", job.nonce.as_ref())];
                    arguments.push(template.fill(&values));
                }
            }
        }
        Ok(arguments)
    }

    fn limit_arguments(&self, policy: &Policy, out: &mut Vec<OsString>) {
        for (key, templates) in &self.limits {
            let Some(number) = policy.limits.resolve(*key, host_memory()) else { continue };
            let values: Vec<(&str, String)> =
                units(key.unit()).iter().map(|unit| (unit.name, unit.convert(number).to_string())).collect();
            let values: Vec<(&str, &OsStr)> = values.iter().map(|(name, value)| (*name, value.as_ref())).collect();
            fill(templates, &values, out);
        }
    }

    fn grant_arguments(
        &self,
        policy: &Policy,
        scratch: &mut dyn FnMut() -> io::Result<PathBuf>,
        out: &mut Vec<OsString>,
    ) -> io::Result<()> {
        for grant in &policy.grants.filesystem {
            let templates = match grant.access.value {
                Access::ReadOnly => self.read_only.as_ref().or(self.filesystem.as_ref()),
                Access::ReadWrite | Access::Scratch => self.filesystem.as_ref(),
            };
            let Some(templates) = templates else { continue };
            let host = match grant.access.value {
                Access::Scratch => scratch()?,
                Access::ReadOnly | Access::ReadWrite => PathBuf::from(&grant.host.value),
            };
            fill(templates, &[("host", host.as_os_str()), ("guest", grant.guest.value.as_ref())], out);
        }
        if let Some(templates) = &self.environment {
            for variable in &policy.grants.environment {
                fill(
                    templates,
                    &[("name", variable.name.value.as_ref()), ("value", variable.value.value.as_ref())],
                    out,
                );
            }
        }
        Ok(())
    }
}

impl Target for CommandTarget {
    fn describe(&self) -> Description {
        let version = match &self.version {
            Version::Text(text) => text.clone(),
            Version::Command { command, answer } => answer.get_or_init(|| ask_version(command)).clone(),
        };
        Description { name: self.name.clone(), engine: self.engine.clone(), version, offers: self.offers.clone() }
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        let spawn_error = |source| TargetError::Spawn { program: PathBuf::from(&self.program), source };
        let program = find_program(&self.program)
            .ok_or_else(|| spawn_error(io::Error::new(io::ErrorKind::NotFound, "no such program")))?;
        let failed = |what| move |source| TargetError::Io { what, source };
        // Removed when it goes out of scope.
        let folder = tempfile::Builder::new()
            .prefix("gauntlet-")
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir()
            .map_err(failed("cannot make a private folder"))?;
        let module = folder.path().join("guest.wasm");
        fs::File::create_new(&module)
            .and_then(|mut file| file.write_all(&job.guest))
            .map_err(failed("cannot write the guest to its private folder"))?;
        let driver = folder.path().join(self.driver.as_deref().unwrap_or("driver"));
        if self.driver.is_some() {
            let text = self.driver_text.as_deref().ok_or(io::ErrorKind::NotFound).map_err(io::Error::from);
            text.and_then(|text| fs::File::create_new(&driver)?.write_all(text.as_bytes()))
                .map_err(failed("cannot write the driver to its private folder"))?;
        }
        let mut made = 0_usize;
        let mut scratch = || {
            let path = folder.path().join(format!("scratch-{made}"));
            made += 1;
            fs::create_dir(&path).map(|()| path)
        };
        let arguments =
            self.arguments(job, &module, &driver, &mut scratch).map_err(failed("cannot make a scratch folder"))?;
        let deadline = job
            .policy
            .limits
            .resolve(LimitKey::Deadline, 0)
            .map(|nanos| Duration::from_nanos(nanos).saturating_add(GRACE));
        let finished = process::run(&program, &arguments, deadline).map_err(spawn_error)?;
        let cause = self.shown(&finished);
        let mut outcome = outcome(finished, job.policy.limits.resolve(LimitKey::Output, 0));
        if let Some(cause) = cause {
            outcome.ending.ending = match cause {
                Cause::Limit(_) => Ending::LimitReached,
                Cause::RefusedModule | Cause::RefusedDigest | Cause::RefusedPolicy => Ending::Refused,
                _ => Ending::Trapped,
            };
            outcome.ending.cause = Some(cause);
        }
        Ok(outcome)
    }
}

impl CommandTarget {
    /// The cause that the program's own words name. Only an exit is a word; a death by a signal is not. It may be the guest's doing, so
    /// it can name what stopped a guest, and never that it was stopped.
    fn shown(&self, finished: &Finished) -> Option<Cause> {
        let End::Exited(code) = finished.end else { return None };
        let said = &finished.stderr.bytes;
        let said = String::from_utf8_lossy(&said[said.len().saturating_sub(SAID_LAST)..]);
        let fits = |shown: &&Shown| shown.exit_code.is_none_or(|wanted| wanted == code) && said.contains(&shown.stderr);
        self.shows.iter().find(fits).map(|shown| shown.cause)
    }
}

/// What was seen of a program, as an outcome. A program's exit code and output are testimony: no typed cause is taken from them unless
/// the target file says how it shows one.
fn outcome(finished: Finished, output_cap: Option<u64>) -> Outcome {
    let ending = match finished.end {
        End::Killed => {
            let detail = format!("killed {} s past the deadline", GRACE.as_secs());
            EndingSeen::caused(Ending::LimitReached, Cause::KilledParent, detail)
        }
        End::Exited(code) => EndingSeen { ending: Ending::Exited, exit_code: Some(code), ..EndingSeen::default() },
        End::Signalled(signal) => {
            EndingSeen { ending: Ending::WorkerDied, signal: Some(signal), ..EndingSeen::default() }
        }
    };
    let (stdout, stderr) = (finished.stdout, finished.stderr);
    // Counted on our side of the pipes: what arrived, kept or not.
    let used = stdout.arrived.saturating_add(stderr.arrived);
    Outcome {
        ending,
        truncated: stdout.is_cut() || stderr.is_cut(),
        usage: vec![Usage { limit: LimitKey::Output, used: Some(used), cap: output_cap, unmeasured: None }],
        stdout: stdout.bytes,
        stderr: stderr.bytes,
        ..Outcome::default()
    }
}

/// Runs the command that asks for a version.
fn ask(command: &[String]) -> Option<Finished> {
    let (program, arguments) = command.split_first()?;
    let program = find_program(program)?;
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    process::run(&program, &arguments, Some(VERSION_TIME)).ok()
}

/// The first line of what a program says of its version; `unknown` if it says nothing.
fn ask_version(command: &[String]) -> String {
    let answer = ask(command).and_then(|finished| {
        let text = String::from_utf8_lossy(&finished.stdout.bytes).into_owned();
        let line: String = text.lines().next()?.trim().chars().filter(|c| !c.is_control()).take(100).collect();
        (!line.is_empty()).then_some(line)
    });
    answer.unwrap_or_else(|| "unknown".to_owned())
}

/// Where a program is: as it is written if it has a `/`, else in `PATH`.
fn find_program(program: &str) -> Option<PathBuf> {
    let executable =
        |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    if program.contains('/') {
        return std::path::absolute(program).ok().filter(executable);
    }
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(executable)
}

/// Memory of this host in bytes, which shares are taken of.
fn host_memory() -> u64 {
    let system = rustix::system::sysinfo();
    system.totalram.saturating_mul(u64::from(system.mem_unit))
}

fn fill(templates: &[Template], values: &[(&str, &OsStr)], out: &mut Vec<OsString>) {
    out.extend(templates.iter().map(|template| template.fill(values)));
}

/// A placeholder for a limit's number, and how the number becomes its unit.
struct UnitName {
    name: &'static str,
    size: u64,
    rounds_up: bool,
}

impl UnitName {
    const fn convert(&self, number: u64) -> u64 {
        if self.rounds_up { number.div_ceil(self.size) } else { number / self.size }
    }
}

/// The placeholders for limits of a unit.
const fn units(unit: Unit) -> &'static [UnitName] {
    const fn up(name: &'static str, size: u64) -> UnitName {
        UnitName { name, size, rounds_up: true }
    }
    const fn down(name: &'static str, size: u64) -> UnitName {
        UnitName { name, size, rounds_up: false }
    }
    match unit {
        Unit::Time => const { &[up("seconds", 1_000_000_000), up("milliseconds", 1_000_000), up("nanoseconds", 1)] },
        Unit::Bytes => const { &[down("bytes", 1), down("kibibytes", 1 << 10), down("pages", 1 << 16)] },
        Unit::Count => const { &[down("count", 1)] },
    }
}

#[cfg(test)]
mod tests;
