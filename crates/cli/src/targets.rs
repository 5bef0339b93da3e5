//! Targets by name, and what is known of this host.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use gauntlet_record::{Granted, Host};
use gauntlet_runner::{Child, Launcher, TargetChoice, TargetPlan};
use gauntlet_sandbox::{Inline, Worker};
use gauntlet_target::{CommandTarget, Description, Target};

use crate::failure::Failure;

/// Prefix of a broken executor's name, where one is named like a target.
const MISTAKE: &str = "mistake:";

/// What `--target` takes, with a word on each.
pub(crate) fn listed() -> Vec<(String, String)> {
    let mut rows = vec![
        ("worker".to_owned(), "our executor, in a jailed process of its own".to_owned()),
        ("inline".to_owned(), "our executor, in its caller's process".to_owned()),
    ];
    for (path, text) in gauntlet_attacks::FILES.iter().filter(|(path, _)| path.starts_with("targets/")) {
        let target = std::str::from_utf8(text).ok().and_then(|text| CommandTarget::parse(path, text).ok());
        if let Some(target) = target {
            let about = target.describe();
            rows.push((
                format!("attacks/{path}"),
                format!("{} {}, {}", about.engine, about.version, target.status().as_str()),
            ));
        }
    }
    rows
}

/// A target by the name that `--target` takes.
pub(crate) fn plan(name: &str) -> Result<TargetPlan, Failure> {
    let choice = match name {
        "worker" => TargetChoice::Worker { lift: Vec::new() },
        "inline" => TargetChoice::Inline { lift: Vec::new() },
        _ if name.starts_with(MISTAKE) => {
            TargetChoice::Weakened { name: name[MISTAKE.len()..].to_owned(), backstops: false }
        }
        _ => {
            let path = PathBuf::from(name);
            let target = CommandTarget::load(&path).map_err(|error| {
                Failure::usage(
                    anyhow::Error::new(error)
                        .context(format!("no target `{name}`; `gauntlet list targets` names them")),
                )
            })?;
            if !target.program_exists() {
                return Err(Failure::usage(anyhow!(
                    "the program `{}` of target `{name}` is not there",
                    target.program()
                )));
            }
            // Supervisors run elsewhere.
            let path = fs::canonicalize(&path)
                .map_err(|error| Failure::usage(anyhow::Error::new(error).context(format!("no target `{name}`"))))?;
            TargetChoice::Command { path }
        }
    };
    let description = describe(&choice)?;
    Ok(TargetPlan { choice, description })
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
        TargetChoice::Inline { lift } => in_child(format!("inline:{}", lift.join(","))),
        TargetChoice::Weakened { name, backstops } => {
            let mistake = gauntlet_weakened::find(name).ok_or_else(|| format!("no weakened executor `{name}`"))?;
            if mistake.in_process() { in_child(format!("{MISTAKE}{name}")) } else { Ok(mistake.target(*backstops)) }
        }
        TargetChoice::Command { path } => CommandTarget::load(path)
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
