//! `gauntlet exec` in four situations: as it is started here (root, usually), as an ordinary user, without user namespaces and without
//! Landlock. The guest ends the same way each time, and the report names what the kernel did not give.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value as Json;

const GAUNTLET: &str = env!("CARGO_BIN_EXE_gauntlet");
/// Whoever has no rights of his own: `nobody`.
const NOBODY: u32 = 65534;
/// Writes a word, asks for a file that nobody granted, and ends with a code of its own.
const GUEST: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\10\00\00\00\06\00\00\00")
    (data (i32.const 16) "hello\n")
    (func (export "_start")
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
        (call $exit (i32.const 7))))"#;

/// A place that everybody can reach, with the program and a guest.
struct Place {
    directory: tempfile::TempDir,
    program: PathBuf,
    guest: PathBuf,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
        let (program, guest) = (directory.path().join("gauntlet"), directory.path().join("guest.wasm"));
        // The build's own directory may be closed to others.
        fs::copy(GAUNTLET, &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        // A process that another test started meanwhile may still hold the copy open for writing, until it becomes its own program.
        let busy = |error: &io::Error| error.kind() == io::ErrorKind::ExecutableFileBusy;
        while Command::new(&program).arg("--version").output().is_err_and(|error| busy(&error)) {
            std::thread::yield_now();
        }
        fs::write(&guest, wat::parse_str(GUEST).unwrap()).unwrap();
        Self { directory, program, guest }
    }

    /// The program, started by itself under a kernel without some abilities.
    fn gauntlet(&self, without: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(self.directory.path());
        if !without.is_empty() {
            command.arg("launch").args(without.iter().flat_map(|ability| ["--without", ability]));
            command.arg("--").arg(&self.program);
        }
        command
    }
}

fn exec(mut command: Command, guest: &Path) -> Json {
    let output = command.args(["exec", "--usage", "--format", "json"]).arg(guest).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    let outcome: Json = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(outcome["ending"]["ending"], "exited", "{told}");
    assert_eq!(outcome["ending"]["exit_code"], 7, "{told}");
    assert_eq!(outcome["stdout"], "68656c6c6f0a", "{told}");
    // The table for people says the same as the document.
    for achieved in outcome["confinement"].as_array().unwrap() {
        let (name, granted) = (achieved["mechanism"].as_str().unwrap(), achieved["granted"].as_str().unwrap());
        let said = told.lines().any(|line| line.split_whitespace().take(2).eq([name, granted]));
        assert!(said, "no line `{name} {granted}`:\n{told}");
    }
    outcome
}

fn mechanism<'a>(outcome: &'a Json, name: &str) -> (&'a str, &'a str) {
    let achieved = outcome["confinement"].as_array().unwrap();
    let found = achieved.iter().find(|achieved| achieved["mechanism"] == name);
    found.map_or(("absent", ""), |found| (found["granted"].as_str().unwrap(), found["note"].as_str().unwrap()))
}

#[test]
fn as_it_is_started_here_the_jail_is_reported() {
    let place = Place::new();
    let outcome = exec(place.gauntlet(&[]), &place.guest);
    assert_eq!(mechanism(&outcome, "process").0, "full");
    assert_eq!(mechanism(&outcome, "seccomp").0, "full");
    for name in ["landlock", "namespaces", "cgroup"] {
        assert_ne!(mechanism(&outcome, name).0, "absent", "{name}: {outcome:#}");
    }
}

#[test]
fn an_ordinary_user_gets_the_same_ending() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("not tried: only root can become another user, and this user is an ordinary one already");
        return;
    }
    let place = Place::new();
    let mut command = place.gauntlet(&[]);
    command.uid(NOBODY).gid(NOBODY);
    let outcome = exec(command, &place.guest);
    assert_eq!(mechanism(&outcome, "process").0, "full");
    assert_eq!(mechanism(&outcome, "seccomp").0, "full");
}

#[test]
fn without_user_namespaces_the_report_says_so() {
    let place = Place::new();
    let outcome = exec(place.gauntlet(&["userns", "namespaces"]), &place.guest);
    let (granted, note) = mechanism(&outcome, "namespaces");
    assert_eq!(granted, "none", "{note}");
    assert!(note.contains("Operation not permitted"), "{note}");
    assert_eq!(mechanism(&outcome, "seccomp").0, "full");
}

#[test]
fn without_landlock_the_report_says_so() {
    let place = Place::new();
    let outcome = exec(place.gauntlet(&["landlock"]), &place.guest);
    let (granted, note) = mechanism(&outcome, "landlock");
    assert_eq!(granted, "none", "{note}");
    assert!(!note.is_empty());
    assert_eq!(mechanism(&outcome, "seccomp").0, "full");
}

#[test]
fn scratch_without_namespaces_is_never_run_without_its_quota() {
    let place = Place::new();
    let mut command = place.gauntlet(&["namespaces"]);
    let output = command.args(["exec", "--dir", "::/tmp:scratch"]).arg(&place.guest).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(output.stdout.is_empty(), "the guest ran: {output:?}");
}

/// Runs one command and gives its exit code and both streams.
fn told(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned())
}

#[test]
fn a_function_is_called_with_arguments_as_its_types_say() {
    let place = Place::new();
    let file = place.directory.path().join("add.wat");
    let text = r#"(module (func (export "add") (param i32 i64) (result i64)
        (i64.add (i64.extend_i32_s (local.get 0)) (local.get 1))))"#;
    fs::write(&file, text).unwrap();
    let call = |wat: &[&str], arguments: &[&str]| {
        told(place.gauntlet(&[]).arg("exec").args(wat).arg(&file).args(["--invoke", "add", "--"]).args(arguments))
    };
    assert_eq!(call(&["--wat"], &["-5", "8"]), (Some(0), "3\n".to_owned(), String::new()));
    for wrong in [&["5"][..], &["5", "x"], &["5000000000", "1"]] {
        let (code, stdout, stderr) = call(&["--wat"], wrong);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{wrong:?}: {stderr}");
        assert!(stderr.contains("cannot call `add`"), "{stderr}");
    }
    let (code, _, stderr) = call(&[], &["5", "3"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("text is not executed"), "{stderr}");
}

#[test]
fn the_guests_exit_code_and_the_audit_log_come_when_they_are_asked_for() {
    let place = Place::new();
    let log = place.directory.path().join("audit.jsonl");
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(place.directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let (code, stdout, _) = told(place.gauntlet(&[]).args(["exec", "--guest-exit-code"]).arg(&place.guest));
    assert_eq!((code, stdout.as_str()), (Some(7), "hello\n"));
    assert_eq!(names(), before, "a preset's log was written");
    let (code, ..) =
        told(place.gauntlet(&[]).args(["exec", "--tenant", "acme", "--audit-log"]).arg(&log).arg(&place.guest));
    assert_eq!(code, Some(1));
    let lines: Vec<Json> =
        fs::read_to_string(&log).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines.iter().all(|line| line.to_string().contains("acme")), "{lines:#?}");
}

#[test]
fn a_source_file_is_named_with_what_would_compile_it() {
    let place = Place::new();
    let file = place.directory.path().join("guest.go");
    fs::write(&file, "package main").unwrap();
    let (code, _, stderr) = told(place.gauntlet(&[]).arg("exec").arg(&file));
    assert_eq!(code, Some(2));
    assert!(stderr.contains("GOARCH=wasm"), "{stderr}");
}
