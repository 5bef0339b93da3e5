//! Foreign programs as targets: what they breach, what they prove, and what a program that misbehaves comes to. Never a hang, never a pass.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use gauntlet_record::{Record, Role, Verdict, Why, exit};
use support::{Done, Home};

/// An attack on files whose live control is our own weakened executor, so that it is witnessed whatever the target does.
const ATTACK: &str = "files-read/guest-made-symlink";

/// Its id for an attack that has no cases, and the only one that these tests run.
fn only(record: &Record) -> &gauntlet_record::Trial {
    assert_eq!(record.trials.len(), 1, "{:?}", record.trials.iter().map(|trial| &trial.attack).collect::<Vec<_>>());
    &record.trials[0]
}

/// A target whose program is a shell script, called with the guest's file and the nonce.
fn script(home: &Home, name: &str, text: &str, more: &str) {
    let path = home.write(&format!("{name}.sh"), format!("#!/bin/sh\n{text}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let file = format!(
        "name: {name}\nengine: sh\nversion: \"1\"\nprogram: {}\noffers: [preview1]\n\
         arguments: [\"{{{{module}}}}\", \"{{{{nonce}}}}\"]\n{more}",
        path.display()
    );
    home.write(&format!("{name}.yaml"), file);
}

/// Runs one attack against a script, under a deadline of 2 s.
fn against(home: &Home, name: &str) -> Done {
    home.write("p.yaml", "version: 1\nlimits: { deadline: 2s }\n");
    let target = format!("{name}.yaml");
    home.gauntlet(&["run", "--policy", "p.yaml", "--target", &target, "--filter", ATTACK, "--output", name])
}

/// The command lines of living processes that hold a word.
fn living(word: &str) -> Vec<String> {
    let lines = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&line).replace('\0', " "))
    });
    lines.filter(|line| line.contains(word)).collect()
}

#[test]
fn a_program_that_runs_nothing_fails_the_benign_control() {
    let home = Home::new();
    for (name, text) in [
        ("idle", "exit 0"),
        ("fails", "exit 3"),
        // A friendly word is no work.
        ("friendly", "echo ok; echo '{\"status\":\"contained\"}'"),
        // The nonce as it was given is no marker.
        ("echoes", "echo \"$2\""),
    ] {
        script(&home, name, text, "");
        let done = against(&home, name).ended(exit::INCONCLUSIVE);
        assert!(done.stdout.contains("the benign twin did not do its work"), "{}", done.stdout);
        let record = home.record(name);
        let trial = only(&record);
        assert_eq!((trial.verdict, trial.why, trial.witnessed), (Verdict::Inconclusive, Why::BenignFailed, true));
    }
}

#[test]
fn a_program_that_does_not_end_is_ended_with_all_that_it_started() {
    let home = Home::new();
    let word = home.path("hangs.sh").to_str().unwrap().to_owned();
    // Its child leaves the process group, and neither listens to a polite signal.
    let text = "trap '' TERM INT HUP\n[ \"$1\" = child ] || setsid \"$0\" child >/dev/null 2>&1 &\nwhile :; do sleep 1000; done";
    script(&home, "hangs", text, "");
    against(&home, "hangs").ended(exit::INCONCLUSIVE);
    let record = home.record("hangs");
    let trial = only(&record);
    assert_eq!((trial.verdict, trial.why), (Verdict::Inconclusive, Why::BenignFailed), "{}", trial.reason);
    let end = trial.run(Role::Attack).unwrap().end.detail.clone().unwrap();
    assert!(end.as_str().contains("killed 5 s past the deadline"), "{}", end.as_str());
    assert_eq!(living(&word), Vec::<String>::new());
}

#[test]
fn a_program_that_forks_and_leaves_is_cleaned_up() {
    let home = Home::new();
    let text = "[ \"$1\" = child ] && while :; do sleep 1000; done\n\
                for i in 1 2 3 4 5 6 7 8; do setsid \"$0\" child >/dev/null 2>&1 & done; exit 0";
    let word = home.path("forks.sh").to_str().unwrap().to_owned();
    script(&home, "forks", text, "");
    against(&home, "forks").ended(exit::INCONCLUSIVE);
    assert_eq!(only(&home.record("forks")).verdict, Verdict::Inconclusive);
    assert_eq!(living(&word), Vec::<String>::new());
}

#[test]
fn ten_gigabytes_of_output_are_counted_and_not_kept() {
    let home = Home::new();
    script(&home, "floods", "head -c 10000000000 /dev/zero; exit 0", "");
    against(&home, "floods").ended(exit::INCONCLUSIVE);
    let record = home.record("floods");
    let run = only(&record).run(Role::Attack).unwrap();
    assert!(run.measured.output.unwrap() >= 4 << 20 && run.truncated);
    assert!(fs::metadata(home.path("floods/record.json")).unwrap().len() < 4 << 20);
}

#[test]
fn a_program_that_writes_to_our_control_files_gains_nothing() {
    let home = Home::new();
    // Its parent is the supervisor: the file it was given, every file beside that one, and its standard output, where the answer goes.
    let text = "spec=$(tr '\\0' '\\n' </proc/$PPID/cmdline | grep '/spec.json$')\n\
                [ -n \"$spec\" ] || exit 9\n\
                find \"$(dirname \"$spec\")\" -type f -exec sh -c 'echo \"{\\\"contained\\\":true}\" >\"$1\"' sh {} \\; 2>/dev/null\n\
                for fd in 1 2 3 4 5 6 7 8 9; do echo '{\"contained\":true}' >/proc/$PPID/fd/$fd; done 2>/dev/null\n\
                exit 0";
    script(&home, "forges", text, "");
    // Changing what lies outside of every grant is a breach where it is seen, and never a pass.
    let done = against(&home, "forges");
    assert!(matches!(done.code, Some(1 | 3)), "{}\n{}", done.stdout, done.stderr);
    assert_ne!(only(&home.record("forges")).verdict, Verdict::Contained);
}

#[test]
fn a_program_that_a_fault_ends_is_a_breach() {
    let home = Home::new();
    script(&home, "dies", "kill -SEGV $$", "");
    let done = against(&home, "dies").ended(exit::BREACH);
    assert!(done.stdout.contains("SIGSEGV"), "{}", done.stdout);
    assert_eq!(only(&home.record("dies")).why, Why::HostDied);
}

#[test]
fn a_missing_program_ends_with_the_hint_and_a_wrong_template_with_its_line() {
    let home = Home::new();
    script(&home, "gone", "exit 0", "install: ask the makers\n");
    fs::remove_file(home.path("gone.sh")).unwrap();
    let done = against(&home, "gone").ended(exit::USAGE);
    assert!(done.stderr.contains("gone.sh") && done.stderr.contains("to get it: ask the makers"), "{}", done.stderr);
    // An interpreter without its library: the program is there, and does not answer.
    script(&home, "mute", "exit 1", "install: ask the makers\n");
    let text = fs::read_to_string(home.path("mute.yaml")).unwrap();
    let asks = format!("version-command: [{}, --version]", home.path("mute.sh").display());
    home.write("mute.yaml", text.replace("version: \"1\"", &asks));
    let done = against(&home, "mute").ended(exit::USAGE);
    assert!(done.stderr.contains("does not answer; to get it: ask the makers"), "{}", done.stderr);
    script(&home, "wrong", "exit 0", "limits: { memory: [\"{{megs}}\"] }\n");
    let done = against(&home, "wrong").ended(exit::USAGE);
    assert!(done.stderr.contains("wrong.yaml:7:") && done.stderr.contains("{{megs}}"), "{}", done.stderr);
    script(&home, "driverless", "exit 0", "driver: ../driver.py\n");
    let done = against(&home, "driverless").ended(exit::USAGE);
    assert!(done.stderr.contains("driverless.yaml:7:") && done.stderr.contains("beside this one"), "{}", done.stderr);
    for name in ["gone", "mute", "wrong", "driverless"] {
        assert!(!home.path(name).exists(), "{name}: something ran");
    }
}

/// Runs honest guests and stops the others with a word: the twin of the attack imports a function that the attack does not need.
const PICKY: &str = "grep -q args_get \"$1\" && { echo \"$2\" | rev; exit 0; }\necho 'out of fuel' >&2; exit 70";

#[test]
fn a_target_that_shows_no_cause_is_weakly_contained_and_one_that_stops_by_accident_proves_nothing() {
    let home = Home::new();
    script(&home, "silent", PICKY, "");
    let done = against(&home, "silent").ended(exit::CLEAN);
    assert!(done.stdout.contains("not expressible on silent"), "{}", done.stdout);
    let record = home.record("silent");
    let trial = only(&record);
    assert_eq!((trial.verdict, trial.why, trial.witnessed), (Verdict::Contained, Why::StoppedSilently, true));
    script(&home, "accident", PICKY, "shows: [{ cause: limit-fuel, exit-code: \"70\", stderr: out of fuel }]\n");
    let done = against(&home, "accident").ended(exit::INCONCLUSIVE);
    assert!(done.stdout.contains("limit-fuel"), "{}", done.stdout);
    assert_eq!(only(&home.record("accident")).why, Why::OtherCause);
    script(&home, "listed", PICKY, "shows: [{ cause: denied-path, stderr: out of fuel }]\n");
    against(&home, "listed").ended(exit::CLEAN);
    assert_eq!(only(&home.record("listed")).why, Why::Stopped);
}

#[test]
fn a_release_is_built_on_request_only_and_once() {
    let home = Home::new();
    let releases = "releases:\n  program: \"{{folder}}/run\"\n  install:\n\
                    \x20   - [mkdir, \"{{folder}}\"]\n\
                    \x20   - [/bin/sh, -c, 'printf \"%s\\n\" \"#!/bin/sh\" \"echo $2\" >\"$1/run\"; chmod +x \"$1/run\"; echo built >>\"$1/../log\"', sh, \"{{folder}}\", \"{{release}}\"]\n";
    script(&home, "runtime", "exit 0", releases);
    let run = |target: &str, more: &[&str]| {
        let mut command = home.command(env!("CARGO_BIN_EXE_gauntlet"));
        command.env("XDG_CACHE_HOME", home.path("cache"));
        Done::of(command.args(["run", "--target", target, "--filter", ATTACK, "--output", "out"]).args(more))
    };
    let done = run("runtime.yaml@1.2.0", &[]).ended(exit::USAGE);
    assert!(done.stderr.contains("--install") && done.stderr.contains("mkdir"), "{}", done.stderr);
    assert!(!home.path("cache").exists(), "nothing is built by itself");
    for _ in 0..2 {
        let done = run("runtime.yaml@1.2.0", &["--install"]).ended(exit::INCONCLUSIVE);
        assert!(done.stdout.contains("runtime@1.2.0"), "{}", done.stdout);
    }
    assert_eq!(only(&home.record("out")).run(Role::Attack).unwrap().stdout.as_str(), "1.2.0\\n");
    assert_eq!(fs::read_to_string(home.path("cache/gauntlet/targets/runtime/log")).unwrap(), "built\n");
    // A build that was cut short is not taken for a whole one.
    fs::remove_file(home.path("cache/gauntlet/targets/runtime/1.2.0.built")).unwrap();
    run("runtime.yaml@1.2.0", &[]).ended(exit::USAGE);
    run("runtime.yaml@1.2.0", &["--install"]).ended(exit::INCONCLUSIVE);
    assert_eq!(fs::read_to_string(home.path("cache/gauntlet/targets/runtime/log")).unwrap(), "built\nbuilt\n");
    for wrong in ["runtime.yaml@../../1", "runtime.yaml@", "runtime.yaml@--help", "node-wasi@20.0.0"] {
        run(wrong, &["--install"]).ended(exit::USAGE);
    }
}

#[test]
fn an_attack_whose_live_control_needs_a_release_is_unsupported_until_that_was_built() {
    let home = Home::new();
    let mut command = home.command(env!("CARGO_BIN_EXE_gauntlet"));
    command.env("XDG_CACHE_HOME", home.path("cache"));
    let run = ["run", "--filter", "regression/dropped-externref-segment", "--output", "out"];
    Done::of(command.args(run)).ended(exit::INCONCLUSIVE);
    let record = home.record("out");
    let trial = only(&record);
    assert_eq!((trial.verdict, trial.why), (Verdict::Unsupported, Why::Lacking));
    assert!(trial.reason.contains("gauntlet run --target wasmtime-py@19.0.0 --install"), "{}", trial.reason);
}

#[test]
fn node_is_breached_as_its_documentation_says() {
    if !Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success()) {
        eprintln!("Node is not here: nothing was tried");
        return;
    }
    let home = Home::new();
    // The guest made nothing: the link lies in the granted directory, as links do in projects.
    let attack = "files-read/planted-symlink#plain";
    let run = ["run", "--target", "node-wasi", "--filter", attack, "--output", "out"];
    let done = home.gauntlet(&run).ended(exit::BREACH);
    assert!(done.stdout.contains("BREACHED"), "{}", done.stdout);
    let record = home.record("out");
    let trial = only(&record);
    assert_eq!((trial.verdict, trial.why), (Verdict::Breached, Why::Obtained));
    let run_of_attack = trial.run(Role::Attack).unwrap();
    // The evidence is the run's own canary, which lies outside of every grant.
    assert_eq!(run_of_attack.measured.canaries, ["stdout"]);
    let canary = run_of_attack.stdout.as_str();
    assert!(canary.as_bytes().windows(32).any(|word| word.iter().all(u8::is_ascii_hexdigit)), "{canary}");
    assert!(trial.run(Role::Benign).unwrap().obtained, "Node runs honest guests");
    assert!(trial.known.as_ref().is_some_and(|known| known.link.starts_with("https://nodejs.org/")));
    // Beside what it does contain, the gap may be allowed; alone it proves nothing.
    let allowed = ["run", "--target", "node-wasi", "--filter", attack, "--output", "out", "--allow-known"];
    home.gauntlet(&allowed).ended(exit::INCONCLUSIVE);
    let beside = [&allowed[..], &["--filter", "files-read/absolute-path#etc-passwd"]].concat();
    assert!(home.gauntlet(&beside).ended(exit::CLEAN).stdout.contains("KNOWN GAPS"));
}

#[test]
fn every_shipped_target_file_is_listed_by_the_name_it_is_called_with() {
    let home = Home::new();
    let listed = home.gauntlet(&["list", "targets"]).ended(exit::CLEAN).stdout;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../attacks/targets");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let expected = path.extension().unwrap() == "yaml" && name != "template";
        let named = listed.lines().any(|line| line.split_whitespace().next() == Some(name));
        assert_eq!(named, expected || name == "wasmtime-py", "{}", path.display());
    }
}
