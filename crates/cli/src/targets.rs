//! Targets by name, and what is known of this host.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow};
use gauntlet_policy::LoadError;
use gauntlet_record::{Granted, Host, LimitKey};
use gauntlet_runner::{Child, Launcher, TargetChoice, TargetPlan};
use gauntlet_sandbox::{Inline, Worker};
use gauntlet_target::{CommandFile, CommandTarget, CommandTargetError, Description, Release, Target};

use crate::failure::Failure;
use crate::inputs;
use crate::scripts::Scripts;

/// Prefix of a broken executor's name, where one is named like a target.
const MISTAKE: &str = "mistake:";

/// The target file that is there to be copied.
const TEMPLATE: &str = "template";

/// What `--target` takes, with a word on each. No program is started for it.
pub(crate) fn listed() -> Vec<(String, String)> {
    let mut rows = vec![
        ("worker".to_owned(), "our executor, in a jailed process of its own".to_owned()),
        ("inline".to_owned(), "our executor, in its caller's process".to_owned()),
    ];
    for (name, text) in embedded().filter(|(name, _)| *name != TEMPLATE) {
        if let Ok(target) = CommandTarget::parse(name, text) {
            let there = if target.program_exists() { "" } else { ", not installed here" };
            let releases =
                if target.has_releases() { format!(", and any release as {name}@RELEASE") } else { String::new() };
            rows.push((name.to_owned(), format!("{}, {}{there}{releases}", target.engine(), target.status().as_str())));
        }
    }
    rows
}

/// The target files that ship with the program, by name.
fn embedded() -> impl Iterator<Item = (&'static str, &'static str)> {
    gauntlet_attacks::FILES.iter().filter_map(|(path, text)| {
        let name = path.strip_prefix("targets/")?.strip_suffix(".yaml")?;
        Some((name, std::str::from_utf8(text).ok()?))
    })
}

/// A target by the name that `--target` takes. With `install`, the environment of a release is built if it is not there. With `guests`, our
/// worker also runs programs in the languages that were built there.
pub(crate) fn plan(name: &str, install: bool, guests: Option<&Path>) -> Result<TargetPlan, Failure> {
    let choice = match name {
        "worker" => match guests {
            Some(cache) => TargetChoice::Guests { cache: cache.to_owned(), lift: Vec::new() },
            None => TargetChoice::Worker { lift: Vec::new() },
        },
        "inline" => TargetChoice::Inline { lift: Vec::new() },
        _ if name.starts_with(MISTAKE) => {
            TargetChoice::Weakened { name: name[MISTAKE.len()..].to_owned(), backstops: false }
        }
        _ => TargetChoice::Command { file: Box::new(command(name, install)?) },
    };
    let description = describe(&choice)?;
    Ok(TargetPlan { choice, description })
}

/// The release of an engine that a live control names, if its environment was built; with `install`, it is built.
pub(crate) fn release(name: &str, install: bool) -> Result<Option<TargetPlan>, Failure> {
    let built = || {
        let file = find(name).ok()?;
        let target = CommandTarget::new(&file).ok()?;
        (target.program_exists() && is_built(file.release.as_ref()?)).then_some(())
    };
    if install || built().is_some() { plan(name, install, None).map(Some) } else { Ok(None) }
}

/// A target file, its program there and answering.
fn command(name: &str, install: bool) -> Result<CommandFile, Failure> {
    let file = find(name)?;
    let target = CommandTarget::new(&file).map_err(|error| unusable(name, error))?;
    if let Some(release) = &file.release {
        let there = || target.program_exists() && is_built(release);
        if !there() && install {
            build(name, &target, release)?;
        }
        if !there() {
            let commands: Vec<String> = target.install_commands(release).iter().map(|command| shown(command)).collect();
            return Err(Failure::usage(anyhow!(
                "the environment of `{name}` was not built. Run the same with `--install`, which builds it in `{}` by: {}",
                release.folder.display(),
                commands.join("; ")
            )));
        }
    } else if !target.answers() {
        let hint = match target.install_hint() {
            "" => String::new(),
            hint => format!("; to get it: {hint}"),
        };
        return Err(Failure::usage(anyhow!(
            "the program `{}` of target `{name}` is not there, or does not answer{hint}",
            target.program()
        )));
    }
    Ok(file)
}

/// A target file by its path or, of those that ship with the program, by its name; `name@release` is one release of it.
fn find(name: &str) -> Result<CommandFile, Failure> {
    let (base, release) = match name.rsplit_once('@') {
        Some((base, release)) if !Path::new(name).exists() => (base, Some(release)),
        _ => (name, None),
    };
    let shipped = embedded().find(|(known, _)| *known == base);
    let read = match shipped {
        Some((known, text)) => CommandFile::new(known, text, |driver| {
            let path = format!("targets/{driver}");
            let found = gauntlet_attacks::FILES.iter().find(|(known, _)| *known == path);
            found.map(|(_, text)| text.to_vec()).ok_or_else(|| CommandTargetError::Driver {
                file: path,
                source: LoadError::Io(std::io::ErrorKind::NotFound.into()),
            })
        }),
        None => CommandFile::load(Path::new(base)),
    };
    let mut file = read.map_err(|error| unusable(name, error))?;
    if let Some(version) = release {
        let folder = cache().map_err(Failure::usage)?.join(&file.name).join(version);
        file.release = Some(Release { version: version.to_owned(), folder });
    }
    Ok(file)
}

/// The failure for a target file that cannot be used, with its faults drawn.
fn unusable(name: &str, error: CommandTargetError) -> Failure {
    if let CommandTargetError::Faults { text, faults } = error {
        return inputs::unusable(name, LoadError::Faults { text, faults });
    }
    Failure::usage(anyhow::Error::new(error).context(format!("no target `{name}`; `gauntlet list targets` names them")))
}

/// Where environments of releases are kept: `gauntlet/targets` in the user's cache folder.
fn cache() -> anyhow::Result<PathBuf> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")));
    let folder = folder
        .context("there is no cache folder for the release: set `XDG_CACHE_HOME` or `HOME` to an absolute path")?;
    Ok(folder.join("gauntlet/targets"))
}

/// The file that is written when an environment is whole.
fn mark(release: &Release) -> PathBuf {
    let mut name = release.folder.clone().into_os_string();
    name.push(".built");
    name.into()
}

fn is_built(release: &Release) -> bool {
    mark(release).is_file()
}

/// Builds the environment of a release. Two that want the same one take turns.
fn build(name: &str, target: &CommandTarget, release: &Release) -> Result<(), Failure> {
    let failed = |what: &str| {
        let what = format!("cannot build the environment of `{name}`: {what}");
        move |error: std::io::Error| Failure::harness(anyhow::Error::new(error).context(what))
    };
    let above = release.folder.parent().unwrap_or(&release.folder);
    fs::create_dir_all(above).map_err(failed("its folder cannot be made"))?;
    let turn = fs::File::create(mark(release).with_extension("lock")).map_err(failed("its lock cannot be made"))?;
    turn.lock().map_err(failed("its lock cannot be taken"))?;
    if target.program_exists() && is_built(release) {
        return Ok(());
    }
    if release.folder.exists() {
        fs::remove_dir_all(&release.folder).map_err(failed("what was left of an earlier try cannot be removed"))?;
    }
    for command in target.install_commands(release) {
        let line = shown(&command);
        anstream::eprintln!("building {name}: {line}");
        let Some((program, arguments)) = command.split_first() else { continue };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(std::io::stderr());
        let status = command.status().map_err(failed(&format!("`{line}` cannot be started")))?;
        if !status.success() {
            return Err(Failure::harness(anyhow!(
                "cannot build the environment of `{name}`: `{line}` ended with {status}"
            )));
        }
    }
    fs::write(mark(release), format!("{}\n", release.version)).map_err(failed("its mark cannot be written"))
}

/// A command as a person would type it, roughly.
fn shown(command: &[std::ffi::OsString]) -> String {
    command.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// What foreign targets cannot be told of a limit, in words for the record; `None` where all can be told, or are ours.
pub(crate) fn not_expressible(targets: &[TargetPlan], key: &str) -> Option<String> {
    let key = key.strip_prefix("limits.")?.parse::<LimitKey>().ok()?;
    let cannot = |target: &&TargetPlan| match &target.choice {
        TargetChoice::Command { file } => CommandTarget::new(file).is_ok_and(|target| !target.expresses(key)),
        TargetChoice::Worker { .. }
        | TargetChoice::Guests { .. }
        | TargetChoice::Inline { .. }
        | TargetChoice::Weakened { .. }
        | TargetChoice::Custom { .. } => false,
    };
    let names: Vec<&str> = targets.iter().filter(cannot).map(|target| target.description.name.as_str()).collect();
    (!names.is_empty()).then(|| format!("not expressible on {}", names.join(", ")))
}

fn describe(choice: &TargetChoice) -> Result<Description, Failure> {
    let target = make(choice, &std::env::temp_dir()).map_err(|why| Failure::usage(anyhow!(why)))?;
    Ok(target.describe())
}

/// Makes the target that a supervisor runs. `directory` is private to the run.
pub(crate) fn make(choice: &TargetChoice, directory: &Path) -> Result<Box<dyn Target>, String> {
    let in_child = |name: String| -> Result<Box<dyn Target>, String> {
        let description = in_process(&name).map_err(|failure| format!("{failure:?}"))?.describe();
        let program = std::env::current_exe().map_err(|error| format!("cannot find this executable: {error}"))?;
        let launcher = Launcher { program, args: vec!["perform".into(), name.into()] };
        Ok(Box::new(Child::new(launcher, description, directory.to_owned())))
    };
    match choice {
        TargetChoice::Worker { lift } => {
            Ok(Box::new(Worker::new().lifting(lift.clone()).map_err(|error| error.to_string())?))
        }
        TargetChoice::Guests { cache, lift } => {
            Scripts::open(cache, lift.clone()).map(|target| Box::new(target) as Box<dyn Target>)
        }
        TargetChoice::Inline { lift } => in_child(format!("inline:{}", lift.join(","))),
        TargetChoice::Weakened { name, backstops } => {
            let mistake = gauntlet_weakened::find(name).ok_or_else(|| format!("no weakened executor `{name}`"))?;
            if mistake.in_process() { in_child(format!("{MISTAKE}{name}")) } else { Ok(mistake.target(*backstops)) }
        }
        TargetChoice::Command { file } => CommandTarget::new(file)
            .map(|target| Box::new(target) as Box<dyn Target>)
            .map_err(|error| error.to_string()),
        TargetChoice::Custom { name, .. } => Err(format!("no target `{name}`")),
    }
}

/// A target that runs guests in the calling process: `inline:` with the protections to lift, or a broken executor.
pub(crate) fn in_process(name: &str) -> Result<Box<dyn Target>, Failure> {
    if let Some(lift) = name.strip_prefix("inline:") {
        let lift = lift.split(',').filter(|id| !id.is_empty()).map(str::to_owned).collect();
        return Ok(Box::new(Inline::lifting(lift).map_err(Failure::usage)?));
    }
    let mistake = name.strip_prefix(MISTAKE).and_then(gauntlet_weakened::find);
    let mistake =
        mistake.filter(|mistake| mistake.in_process()).ok_or_else(|| Failure::usage(anyhow!("no target `{name}`")))?;
    Ok(mistake.target(false))
}

/// What is known of this host.
pub(crate) fn host() -> Host {
    let system = rustix::system::uname();
    Host {
        os: std::env::consts::OS.to_owned(),
        kernel: system.release().to_string_lossy().into_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        cores: std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64),
        memory: gauntlet_sandbox::host_memory(),
        root: rustix::process::geteuid().is_root(),
        mechanisms: gauntlet_sandbox::mechanisms(),
    }
}

/// The time, RFC 3339 in UTC, to the second.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A random seed, short enough to type again.
pub(crate) fn random_seed() -> u64 {
    let mut bytes = [0; 4];
    match rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty()) {
        Ok(_) => u64::from(u32::from_le_bytes(bytes)),
        Err(_) => u64::from(std::process::id()),
    }
}

/// What the linter is told: the date, the engine that is linked, and with `host` what this machine offers.
pub(crate) fn lint_options(host: bool) -> gauntlet_lint::Options {
    let mut options = gauntlet_lint::Options {
        today: Some(now()),
        host,
        engine: Some(gauntlet_sandbox::ENGINE_VERSION.to_owned()),
        ..gauntlet_lint::Options::default()
    };
    if host {
        let offered = gauntlet_sandbox::mechanisms().into_iter().filter(|mechanism| mechanism.granted != Granted::None);
        options.facts = gauntlet_lint::HostFacts {
            mechanisms: offered.map(|mechanism| mechanism.name).collect(),
            memory: Some(gauntlet_sandbox::host_memory()).filter(|bytes| *bytes > 0),
            root: is_root(),
        };
    }
    options
}

/// Whether this process is root, as the system shows it in the process's own files.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
