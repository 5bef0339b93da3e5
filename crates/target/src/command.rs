//! Command targets: one YAML file says how to call another runtime, so that testing it needs no Rust.

mod decode;
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
use gauntlet_policy::{Access, Fault, LoadError, MAX_POLICY_BYTES, Policy, Reader, read_limited};
use gauntlet_record::{Cause, Ending, LimitKey, Unit, Usage};

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
    /// It was written from the program's documentation.
    #[default]
    NotTried,
}

impl Status {
    /// The word as target files spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tried => "tried",
            Self::NotTried => "not-tried",
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
}

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
    /// If the file cannot be read, is not UTF-8 or has faults.
    pub fn load(path: &Path) -> Result<Self, CommandTargetError> {
        let bytes = read_limited(path, MAX_POLICY_BYTES)?;
        let text =
            String::from_utf8(bytes).map_err(|error| CommandTargetError::NotUtf8(error.utf8_error().valid_up_to()))?;
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        Self::parse(&name, &text).map_err(|faults| CommandTargetError::Faults { text, faults })
    }

    /// The program as the file names it.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Whether the program is there and can be executed. A missing one means that nothing can be tested.
    #[must_use]
    pub fn program_exists(&self) -> bool {
        find_program(&self.program).is_some()
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

    /// The arguments for a job: the guest is at `module`, and `scratch` makes a directory for a scratch grant.
    fn arguments(
        &self,
        job: &Job,
        module: &Path,
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
                    arguments.push(template.fill(&[("module", module.as_os_str()), ("nonce", job.nonce.as_ref())]));
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
        let mut made = 0_usize;
        let mut scratch = || {
            let path = folder.path().join(format!("scratch-{made}"));
            made += 1;
            fs::create_dir(&path).map(|()| path)
        };
        let arguments = self.arguments(job, &module, &mut scratch).map_err(failed("cannot make a scratch folder"))?;
        let deadline = job
            .policy
            .limits
            .resolve(LimitKey::Deadline, 0)
            .map(|nanos| Duration::from_nanos(nanos).saturating_add(GRACE));
        let finished = process::run(&program, &arguments, deadline).map_err(spawn_error)?;
        Ok(outcome(finished, job.policy.limits.resolve(LimitKey::Output, 0)))
    }
}

/// What was seen of a program, as an outcome. A program's exit code and output are testimony: no typed cause is taken from them.
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

/// The first line of what a program says of its version; `unknown` if it says nothing.
fn ask_version(command: &[String]) -> String {
    let answer = command.split_first().and_then(|(program, arguments)| {
        let program = find_program(program)?;
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let finished = process::run(&program, &arguments, Some(VERSION_TIME)).ok()?;
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
