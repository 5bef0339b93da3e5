//! What the tests of a sandbox say, and how they are selected. The sandboxes here run no wasm: what they are is in the name that this
//! program is started by, since each run of a guest is this program, started again.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use gauntlet_testing::{Cause, DenialKind, DenialSeen, Description, Job, Outcome, Suite, Target, TargetError, Terms};
use libtest_mimic::{Arguments, Trial};

const DOT_DOT: &str = "files-read/dot-dot#plain";
const VARIABLES: &str = "environment/host-variables";

/// A sandbox that leaves the marker of a guest which did its work, and reads a secret if it is told to or may.
struct Fake {
    name: String,
}

impl Fake {
    fn is(&self, word: &str) -> bool {
        self.name.split('-').any(|part| part == word)
    }
}

impl Target for Fake {
    fn describe(&self) -> Description {
        Description {
            name: self.name.clone(),
            engine: "none".into(),
            version: "0".into(),
            offers: vec!["preview1".into()],
        }
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        let terms = Terms::of(job);
        if self.is("aborts") {
            std::process::abort();
        }
        assert!(!self.is("panics"), "on purpose");
        if self.is("idle") {
            return Ok(Outcome::default());
        }
        let secret = if self.is("leaky") { "../outside/secret.txt" } else { "outside/secret.txt" };
        let hosts = terms.directories.iter().filter_map(|directory| directory.host.as_ref());
        let read: Vec<u8> = hosts.filter_map(|host| std::fs::read(host.join(secret)).ok()).flatten().collect();
        let denial = DenialSeen { cause: Cause::Denied(DenialKind::Path), asked: "..".into(), limit: None, count: 1 };
        let denials = if self.is("telling") && read.is_empty() { vec![denial] } else { Vec::new() };
        let stdout = job.nonce.bytes().rev().chain(read).collect();
        Ok(Outcome { stdout, denials, ..Outcome::default() })
    }
}

/// The suite of a sandbox by its name.
fn suite(name: &str) -> Suite {
    let fake = Fake { name: name.to_owned() };
    let suite = Suite::new(Fake { name: name.to_owned() });
    match () {
        () if fake.is("known") => suite.known_gap("files-read/dot-dot", "links are hard", "https://example.org/7"),
        () if fake.is("without") => suite.without("files-read", "it has no files"),
        () if fake.is("strict") => suite.require_witness(),
        () if fake.is("mistaken") => suite.known_gap("files-read/dot-dto", "a slip", "https://example.org/8"),
        () => suite,
    }
}

/// What a run of a sandbox's tests left: exit code, standard output, standard error.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    #[track_caller]
    fn has(&self, code: i32, out: &[&str], err: &[&str]) {
        let shown = || format!("exit code {:?}\n{}\n{}", self.code, self.out, self.err);
        assert_eq!(self.code, Some(code), "{}", shown());
        for (text, parts) in [(&self.out, out), (&self.err, err)] {
            for part in parts {
                assert!(text.contains(part), "`{part}` is missing:\n{}", shown());
            }
        }
    }
}

/// Runs this program under the name of a sandbox.
fn tests_of(name: &str, arguments: &[&str]) -> Said {
    let program = folder().join(name);
    let _ = std::fs::remove_file(&program);
    std::fs::hard_link(env::current_exe().unwrap(), &program).unwrap();
    let output = Command::new(&program).args(arguments).output().unwrap();
    std::fs::remove_file(&program).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Where this program lies under other names; every test has names of its own there.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("flags");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn the_flags_are_those_of_every_rust_test() {
    let listed = tests_of("quiet-lists", &["--list"]);
    listed.has(0, &["files-read/dot-dot#plain: test\n", "cpu/endless-loop: test\n"], &[]);
    assert!(!listed.out.contains("markup-in-output") && listed.err.is_empty(), "{}{}", listed.out, listed.err);
    tests_of("quiet-exact", &["--exact", DOT_DOT]).has(0, &["running 1 test", "1 passed"], &["1  weak"]);
    tests_of("quiet-filter", &["files-read/dot-dot#", "--skip", "component"]).has(0, &["2 passed"], &["2  weak"]);
    tests_of("quiet-nothing", &["no-such-attack"]).has(0, &["running 0 tests"], &["nothing is proved"]);
    let ignored = tests_of("quiet-offers", &["component/hundred-core-instances"]);
    ignored.has(0, &["ignored", "runs no preview 2 components", "1 ignored"], &["1  not offered", "nothing is proved"]);
}

fn a_breach_fails_and_says_what_a_reader_needs() {
    let said = tests_of("leaky", &["--exact", DOT_DOT]);
    let parts = [
        "BREACHED: Climb out of a granted directory",
        "canary: stdout: a secret from outside its grants",
        "measured      canary on stdout",
        "why           A sandbox that joins paths",
        "must stop it  denied-path",
        "--exact 'files-read/dot-dot#plain'",
        "1 failed",
    ];
    said.has(101, &parts, &["1  BREACHED"]);
}

fn a_crash_of_the_sandbox_is_a_breach() {
    tests_of("aborts", &["--exact", DOT_DOT]).has(
        101,
        &["BREACHED", "obtained      the process that ran the guest died: SIGABRT"],
        &[],
    );
    tests_of("panics", &["--exact", DOT_DOT]).has(101, &["BREACHED", "the process died (panic)"], &[]);
}

fn a_sandbox_that_runs_nothing_passes_nothing() {
    let said = tests_of("idle", &["--exact", DOT_DOT]);
    said.has(101, &["INCONCLUSIVE", "the benign twin did not do its work"], &["1  INCONCLUSIVE"]);
}

fn a_pass_says_how_well_it_is_proved() {
    tests_of("telling", &["--exact", DOT_DOT]).has(0, &["1 passed"], &["1  proved"]);
    let variables = ["1  NOT PROVED", "not proved: environment/host-variables: only the weakened executor"];
    tests_of("quiet", &["--exact", VARIABLES]).has(0, &["1 passed"], &variables);
    tests_of("quiet-strict", &["--exact", VARIABLES]).has(101, &["NOT WITNESSED"], &["1  NOT PROVED"]);
}

fn a_known_gap_passes_while_it_is_one() {
    let gap = "known gap, breached: files-read/dot-dot#plain: links are hard (https://example.org/7)";
    tests_of("leaky-known", &["--exact", DOT_DOT]).has(0, &["1 passed"], &["1  BREACHED", gap]);
    tests_of("quiet-known", &["--exact", DOT_DOT]).has(101, &["NO LONGER A GAP", "links are hard"], &[]);
    tests_of("leaky-without", &["--exact", DOT_DOT]).has(0, &["ignored", "it has no files"], &["nothing is proved"]);
    let said = tests_of("leaky-mistaken", &[]);
    said.has(2, &[], &["error: known_gap names no attack: `files-read/dot-dto`; did you mean `files-read/dot-dot"]);
}

const TESTS: &[(&str, fn())] = &[
    ("the_flags_are_those_of_every_rust_test", the_flags_are_those_of_every_rust_test),
    ("a_breach_fails_and_says_what_a_reader_needs", a_breach_fails_and_says_what_a_reader_needs),
    ("a_crash_of_the_sandbox_is_a_breach", a_crash_of_the_sandbox_is_a_breach),
    ("a_sandbox_that_runs_nothing_passes_nothing", a_sandbox_that_runs_nothing_passes_nothing),
    ("a_pass_says_how_well_it_is_proved", a_pass_says_how_well_it_is_proved),
    ("a_known_gap_passes_while_it_is_one", a_known_gap_passes_while_it_is_one),
];

fn main() -> ExitCode {
    let program = env::current_exe().unwrap();
    let sandbox = program.parent().zip(program.file_name()).filter(|(parent, _)| parent.ends_with("flags"));
    if let Some((_, name)) = sandbox {
        return suite(&name.to_string_lossy()).main();
    }
    let tests = TESTS.iter().map(|(name, test)| {
        Trial::test(*name, || {
            test();
            Ok(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), tests.collect()).exit_code()
}
