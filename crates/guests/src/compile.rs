//! Compilers: programs of this host that read what a stranger wrote, and are confined by `gauntlet launch --confine`.
//!
//! A compiler may read its own files and a private folder, write to that folder alone, and has no network, no other user's processes and
//! bounded CPU time, memory and file size. Its messages name the program by its plain name.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::build::on_path;
use crate::cache::GuestsError;
use crate::source::give;

/// How long a compiler may take. Its CPU time is bounded besides.
const PATIENCE: Duration = Duration::from_secs(60);
/// Most bytes of what a compiler says.
const MAX_MESSAGES: u64 = 64 << 10;
/// Most bytes of what it makes.
const MAX_GUEST: u64 = 64 << 20;
/// Exit code of the launcher where the host cannot confine.
const UNCONFINED: i32 = 4;
/// What C programs are compiled and linked with, in this order, beneath the compiler's folder.
const ENTRY: &str = "lib/crt1-command.o";
/// What the linker was told once besides inputs and output, for every later program.
const LINK: &[&str] = &[
    "--error-limit=20",
    "--export-memory",
    "-s",
    "--stack-first",
    "--entry",
    "_start",
    "-z",
    "stack-size=1048576",
    "--build-id=none",
];
/// The parts of the compiler's folder that compiling C for WASI reads; the rest is for other systems and languages.
const HEADERS: &[&str] = &["include", "libc/include/wasm-wasi-musl", "libc/include/generic-musl"];

/// Makes the compiler's folder usable: links one program, which makes the C library, and keeps what was linked; drops what C for WASI
/// does not need.
pub(crate) fn install(folder: &Path, files: &Path, work: &Path) -> Result<(), String> {
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error: io::Error| format!("{what}: {error}")
    };
    let zig = folder.join("zig/zig");
    let output = Command::new(&zig)
        .args(["cc", "--target=wasm32-wasi", "-O2", "-s", "-v", "-o"])
        .arg(work.join("probe.wasm"))
        .arg(files.join("probe.c"))
        .env("ZIG_GLOBAL_CACHE_DIR", work.join("made"))
        .env("ZIG_LOCAL_CACHE_DIR", work.join("made"))
        .current_dir(work)
        .output()
        .map_err(failed("the compiler cannot be started"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("the first program does not link: {}", said.trim()));
    }
    let line =
        said.lines().rfind(|line| line.starts_with("wasm-ld")).ok_or("the compiler does not say how it links")?;
    let lib = folder.join("lib");
    fs::create_dir(&lib).map_err(failed("cannot make a folder"))?;
    for part in line.split(' ').filter(|part| part.ends_with(".o") || part.ends_with(".a")) {
        let name = Path::new(part).file_name().ok_or("the linker was given no file")?;
        if name != "probe.o" {
            fs::copy(work.join(part), lib.join(name))
                .map_err(failed("the C library is not where the linker found it"))?;
        }
    }
    if !folder.join(ENTRY).is_file() {
        return Err("the linker was given no entry".to_owned());
    }
    let (whole, kept) = (folder.join("zig/lib"), folder.join("zig/kept"));
    for part in HEADERS.iter().chain(&["std/std.zig"]) {
        let place = kept.join(part);
        fs::create_dir_all(place.parent().unwrap_or(&kept)).map_err(failed("cannot make a folder"))?;
        fs::rename(whole.join(part), place).map_err(failed("the compiler has no such headers"))?;
    }
    fs::remove_dir_all(&whole)
        .and_then(|()| fs::rename(&kept, &whole))
        .map_err(failed("cannot drop what is not needed"))
}

/// Compiles a C program to a module of preview 1.
pub(crate) fn c(folder: &Path, launcher: &Path, code: &[u8]) -> Result<Vec<u8>, GuestsError> {
    let work = Work::new("main.c", code)?;
    let zig = folder.join("zig/zig");
    let (zig, reads) = (zig.as_os_str(), [folder]);
    let compile = ["cc", "--target=wasm32-wasi", "-O2", "-c", "-o", "main.o", "main.c"];
    let said = work.run(launcher, &reads, zig, compile.iter().map(|part| (*part).into()))?;
    let libraries = fs::read_dir(folder.join("lib")).map_err(failed("cannot list the C library"))?;
    let mut libraries: Vec<PathBuf> = libraries.flatten().map(|entry| entry.path()).collect();
    // The entry first; of the others the compiler's own last, as the first program was linked.
    libraries.sort_by_key(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        (!name.ends_with(".o"), name.contains("compiler_rt"), name.to_owned())
    });
    let mut link: Vec<std::ffi::OsString> = vec!["wasm-ld".into()];
    link.extend(LINK.iter().map(|part| (*part).into()));
    link.extend(["-o".into(), "main.wasm".into(), "main.o".into()]);
    link.extend(libraries.into_iter().map(PathBuf::into_os_string));
    work.run(launcher, &reads, zig, link.into_iter())?;
    work.guest(said)
}

/// The user's own Rust compiler, if it makes components.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rust {
    pub(crate) version: String,
    sysroot: PathBuf,
}

impl Rust {
    const TARGET: &'static str = "wasm32-wasip2";

    /// Looks for it on the path.
    pub(crate) fn find() -> Option<Self> {
        let said = |argument: &[&str]| {
            let output = Command::new(on_path("rustc")?).args(argument).stderr(Stdio::null()).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let sysroot = PathBuf::from(said(&["--print", "sysroot"])?);
        let here = sysroot.join("lib/rustlib").join(Self::TARGET).is_dir() && sysroot.join("bin/rustc").is_file();
        Some(Self { version: said(&["--version"]).filter(|_| here)?, sysroot })
    }

    /// The command that gets it.
    pub(crate) fn hint() -> String {
        let target = Self::TARGET;
        match on_path("rustup") {
            Some(_) => format!("rustup target add {target}"),
            None => format!("curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- --target {target}"),
        }
    }
}

/// Compiles a Rust program to a component of preview 2.
pub(crate) fn rust(rust: &Rust, launcher: &Path, code: &[u8]) -> Result<Vec<u8>, GuestsError> {
    let work = Work::new("main.rs", code)?;
    let program = rust.sysroot.join("bin/rustc");
    let compile = [
        "--target",
        Rust::TARGET,
        "--edition",
        "2024",
        "-C",
        "opt-level=2",
        "-C",
        "strip=symbols",
        "-o",
        "main.wasm",
        "main.rs",
    ];
    // It is linked with the system's C library.
    let reads: Vec<&Path> = [rust.sysroot.as_path(), Path::new("/usr/lib"), Path::new("/lib"), Path::new("/lib64")]
        .into_iter()
        .filter(|path| path.is_dir())
        .collect();
    let said = work.run(launcher, &reads, program.as_os_str(), compile.iter().map(|part| (*part).into()))?;
    work.guest(said)
}

fn failed(what: &str) -> impl FnOnce(io::Error) -> GuestsError {
    let what = what.to_owned();
    move |source| GuestsError::Io { what, source }
}

/// A private folder in which a program is compiled.
struct Work(tempfile::TempDir);

impl Work {
    fn new(name: &str, code: &[u8]) -> Result<Self, GuestsError> {
        let folder =
            tempfile::Builder::new().prefix("gauntlet-compile-").tempdir().map_err(failed("cannot make a folder"))?;
        fs::write(folder.path().join(name), code).map_err(failed("cannot write the program"))?;
        if rustix::process::geteuid().is_root() {
            give(folder.path()).map_err(failed("cannot give the program to the compiler"))?;
        }
        Ok(Self(folder))
    }

    /// Runs a compiler, confined, and gives what it says.
    fn run(
        &self,
        launcher: &Path,
        reads: &[&Path],
        program: &std::ffi::OsStr,
        arguments: impl Iterator<Item = std::ffi::OsString>,
    ) -> Result<String, GuestsError> {
        let work = self.0.path();
        let mut command = Command::new(launcher);
        command.args(["launch", "--confine", "--new-session", "--write"]).arg(work);
        for path in reads {
            command.arg("--read").arg(path);
        }
        command.arg("--").arg(program).args(arguments);
        command.env_clear();
        for name in ["HOME", "TMPDIR", "ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"] {
            command.env(name, work);
        }
        command.current_dir(work).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let (said, status) = finish(command)?;
        let mut said = said;
        for path in reads.iter().copied().chain([work]) {
            said = said.replace(&format!("{}/", path.display()), "");
        }
        match (status, status.and_then(|status| status.code())) {
            (None, _) => Err(GuestsError::CompileLimit { limit: format!("{} s of time", PATIENCE.as_secs()) }),
            (Some(_), Some(0)) => Ok(said),
            (Some(_), Some(UNCONFINED)) => Err(GuestsError::Unconfined(said.trim().to_owned())),
            (Some(_), Some(_)) => Err(GuestsError::DoesNotCompile { messages: said }),
            (Some(status), None) => Err(GuestsError::CompileLimit { limit: status.to_string() }),
        }
    }

    /// What was made.
    fn guest(&self, said: String) -> Result<Vec<u8>, GuestsError> {
        gauntlet_policy::read_limited(&self.0.path().join("main.wasm"), MAX_GUEST).map_err(|error| {
            GuestsError::DoesNotCompile {
                messages: format!("{said}the compiler made nothing that can be used: {error}\n"),
            }
        })
    }
}

/// Runs a command to its end; no status if it took too long. What it started goes with it.
fn finish(mut command: Command) -> Result<(String, Option<ExitStatus>), GuestsError> {
    let mut child = command.spawn().map_err(failed("the compiler cannot be started"))?;
    let (told, hear) = mpsc::channel();
    if let Some(stderr) = child.stderr.take() {
        let read = move || {
            let (mut bytes, mut stderr) = (Vec::new(), stderr);
            let _ = stderr.by_ref().take(MAX_MESSAGES).read_to_end(&mut bytes);
            // The rest is read, so that nobody waits for us, and not kept.
            let _ = io::copy(&mut stderr, &mut io::sink());
            let _ = told.send(bytes);
        };
        std::thread::Builder::new()
            .name("gauntlet-compile".into())
            .spawn(read)
            .map_err(failed("cannot start a thread"))?;
    }
    let said = hear.recv_timeout(PATIENCE);
    // It leads a session of its own: whatever it started is in its group.
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let status = child.wait().map_err(failed("the compiler cannot be waited for"))?;
    Ok(match said {
        Ok(bytes) => (String::from_utf8_lossy(&bytes).into_owned(), Some(status)),
        Err(_) => (String::new(), None),
    })
}
