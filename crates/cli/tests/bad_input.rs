//! Wrong and hostile input, policies that guard nothing, and places that cannot be written: one clear message that names what is wrong and
//! where, the exit code that says whose fault it is, and nothing half-written.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::fs::{self, File};
use std::path::Path;

use gauntlet_record::{Cause, Ending, Role, Verdict, Why, exit};
use gauntlet_target::Outcome;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use support::{Done, Home};

/// An attack that ends in a few milliseconds, for runs that are not about the attack.
const QUICK: &str = "tables/big-minimum";

/// The one message of a command that refused its input.
#[track_caller]
fn refused(done: Done) -> String {
    let done = done.ended(exit::USAGE);
    assert_eq!(done.stdout, "");
    let mut messages = done.stderr.lines().filter(|line| line.starts_with("error: "));
    let message = messages.next().expect("a message").to_owned();
    assert_eq!(messages.next(), None, "one message is enough");
    message
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// A folder of the corpus.
fn attack(id: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    let folder = format!("{id}/");
    gauntlet_attacks::FILES
        .iter()
        .filter_map(move |(path, content)| Some((path.strip_prefix(folder.as_str())?, *content)))
}

#[test]
fn a_policy_with_a_fault_is_refused_with_its_file_and_line() {
    let mut bomb = String::from("version: 1\na0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let more = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{more}]\n"));
    }
    for (text, place, word) in [
        ("{ [ :\n", "p.yaml:1:", "not YAML"),
        ("\0\u{1}\u{2}", "p.yaml:1:", "not YAML"),
        ("", "p.yaml:1:", "no document"),
        ("version: 1\nversion: 1\n", "p.yaml:2:1", "already set on line 1"),
        (bomb.as_str(), "p.yaml:2:", "anchor"),
        ("version: 1\nlimits: { memroy: 1MiB }\n", "p.yaml:2:11", "Did you mean `memory`?"),
        ("version: 1\nlimits:\n  memory: -1MiB\n", "p.yaml:3:11", "negative"),
        ("version: 1\nlimits:\n  memory: 99999999999999999999GiB\n", "p.yaml:3:11", "larger than"),
        ("version: 1\nlimits:\n  memory: 18446744073709551616B\n", "p.yaml:3:11", "larger than"),
    ] {
        let home = Home::new();
        home.write("p.yaml", text);
        let done = home.gauntlet(&["run", "--policy", "p.yaml", "--output", "out", "--filter", QUICK]);
        assert!(done.stderr.contains(place) && done.stderr.contains(word), "{text:?}: {}", done.stderr);
        assert!(refused(done).contains("cannot use `p.yaml`"));
        assert_eq!(names(&home.path(".")), ["p.yaml", "tmp"]);
        let linted = home.gauntlet(&["lint", "p.yaml"]).ended(exit::USAGE);
        assert!(linted.stdout.contains(place) && linted.stdout.contains(word), "{text:?}: {}", linted.stdout);
    }
}

#[test]
fn a_policy_that_is_no_plain_file_or_too_long_is_not_read() {
    let home = Home::new();
    File::create(home.path("long.yaml")).unwrap().set_len(50 << 20).unwrap();
    fs::create_dir(home.path("folder.yaml")).unwrap();
    mknodat(CWD, home.path("pipe.yaml"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    for (name, why) in [
        ("long.yaml", "larger than 1048576 bytes"),
        ("folder.yaml", "not a regular file"),
        ("pipe.yaml", "not a regular file"),
        ("/dev/zero", "not a regular file"),
        ("missing.yaml", "No such file"),
        ("no-such-preset", "presets: agent, code-runner, hardened, quota, strict"),
    ] {
        let message = refused(home.gauntlet(&["run", "--policy", name, "--output", "out", "--filter", QUICK]));
        assert!(message.contains(name) && message.contains(why), "{message}");
    }
    assert!(!home.path("out").exists());
}

#[test]
fn a_guest_that_is_no_module_is_an_outcome_and_no_crash() {
    let home = Home::new();
    let whole = wat::parse_str("(module (memory (export \"memory\") 1) (func (export \"_start\")))").unwrap();
    home.write("whole.wasm", &whole);
    home.gauntlet(&["exec", "whole.wasm"]).ended(exit::CLEAN);
    let cuts = [0, 4, 7, whole.len() / 2, whole.len() - 1].map(|length| whole[..length].to_vec());
    for bytes in cuts.into_iter().chain([b"(module)".to_vec(), b"hello, world\n".to_vec(), vec![0xff; 4096]]) {
        home.write("guest.wasm", &bytes);
        let done = home.gauntlet(&["exec", "guest.wasm", "--format", "json"]).ended(exit::BREACH);
        let outcome: Outcome = serde_json::from_str(&done.stdout).unwrap();
        let seen = (outcome.ending.ending, outcome.ending.cause);
        assert_eq!(seen, (Ending::Refused, Some(Cause::RefusedModule)), "{bytes:?}");
    }
}

#[test]
fn a_guest_that_is_no_plain_file_or_too_long_is_not_read() {
    let home = Home::new();
    File::create(home.path("sparse.wasm")).unwrap().set_len(1 << 30).unwrap();
    fs::create_dir(home.path("folder.wasm")).unwrap();
    mknodat(CWD, home.path("pipe.wasm"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    for (name, why) in [
        ("sparse.wasm", "larger than"),
        ("folder.wasm", "not a regular file"),
        ("pipe.wasm", "not a regular file"),
        ("/dev/zero", "not a regular file"),
        ("missing.wasm", "No such file"),
    ] {
        let message = refused(home.gauntlet(&["exec", name, "--format", "json"]));
        assert!(message.contains(&format!("cannot use the guest `{name}`")) && message.contains(why), "{message}");
    }
}

#[test]
fn an_attack_folder_with_a_fault_is_refused_before_anything_runs() {
    let home = Home::new();
    for (file, content) in attack("memory/grow-past-limit") {
        let text = std::str::from_utf8(content).unwrap();
        if file != "benign.wat" {
            home.write(&format!("no-twin/{file}"), text);
        }
        home.write(&format!("bad-key/{file}"), text.replace("obtains:", "obtians:"));
        home.write(&format!("bad-text/{file}"), text.replacen("(module", "(modul", usize::from(file == "attack.wat")));
    }
    fs::create_dir(home.path("empty")).unwrap();
    for (folder, place) in [
        ("no-twin", "no-twin/benign.wat"),
        ("bad-key", "bad-key/attack.yaml:5:1"),
        ("bad-text", "bad-text/attack.wat:2:2"),
        ("empty", "no `attack.yaml` in `empty`"),
        ("missing", "cannot read `missing`"),
    ] {
        let done = home.gauntlet(&["run", folder, "--output", "out"]);
        assert!(done.stderr.contains(place), "{}", done.stderr);
        assert!(refused(done).contains(&format!("cannot use the attacks in `{folder}`")));
        let beside = home.gauntlet(&["run", "--attacks", folder, "--filter", QUICK, "--output", "out"]);
        assert!(refused(beside).contains(folder));
    }
    assert!(!home.path("out").exists());
}

#[test]
fn an_attack_whose_live_control_obtains_nothing_proves_nothing() {
    let home = Home::new();
    for (file, content) in attack("memory/grow-past-limit") {
        home.write(&format!("lame/{file}"), content);
    }
    home.write("lame/attack.wat", "(module (memory (export \"memory\") 1) (func (export \"_start\")))");
    let done = home.gauntlet(&["run", "lame", "--output", "out"]).ended(exit::INCONCLUSIVE);
    assert!(done.stdout.contains("the live control obtained nothing"), "{}", done.stdout);
    let record = home.record("out");
    let seen: Vec<_> = record.trials.iter().map(|trial| (trial.verdict, trial.why, trial.witnessed)).collect();
    assert_eq!(seen, [(Verdict::Inconclusive, Why::LiveFailed, false)]);
    home.gauntlet(&["report", "out/record.json"]).ended(exit::INCONCLUSIVE);
}

#[test]
fn a_run_of_nothing_is_never_a_pass() {
    let home = Home::new();
    let message = refused(home.gauntlet(&["run", "--filter", "nothing-like-this", "--output", "out"]));
    assert!(message.contains("no attack matches `nothing-like-this`"), "{message}");
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/targets/offers-nothing.yaml");
    let text = fs::read_to_string(&target).unwrap();
    home.write("missing.yaml", text.replace("/bin/true", "/nowhere/gauntlet-has-no-such-program"));
    let message = refused(home.gauntlet(&["run", "--target", "missing.yaml", "--filter", QUICK, "--output", "out"]));
    assert!(message.contains("/nowhere/gauntlet-has-no-such-program") && message.contains("missing.yaml"), "{message}");
    let message = refused(home.gauntlet(&["run", "--target", "no-such-target", "--filter", QUICK, "--output", "out"]));
    assert!(message.contains("no target `no-such-target`"), "{message}");
    assert!(!home.path("out").exists());
    let target = target.to_str().unwrap();
    home.gauntlet(&["run", "--target", target, "--filter", "memory/", "--output", "out"]).ended(exit::INCONCLUSIVE);
    let record = home.record("out");
    assert!(!record.trials.is_empty() && record.count(Verdict::Unsupported) == record.trials.len());
}

#[test]
fn a_place_that_cannot_be_written_is_refused_before_anything_runs() {
    let home = Home::new();
    home.write("taken", "precious");
    fs::create_dir(home.path("folder")).unwrap();
    let message = refused(home.gauntlet(&["run", "--filter", QUICK, "--output", "taken"]));
    assert!(message.contains("cannot write to `taken`"), "{message}");
    refused(home.gauntlet(&["run", "--filter", QUICK, "--output", "taken/below"]));
    for flag in ["--junit", "--sarif", "--html", "--markdown"] {
        for place in ["nowhere/report", "folder", "taken/report"] {
            let message = refused(home.gauntlet(&["run", "--filter", QUICK, "--output", "out", flag, place]));
            assert!(message.contains(&format!("cannot write `{place}`")), "{message}");
        }
    }
    assert_eq!(names(&home.path(".")), ["folder", "taken", "tmp"]);
    assert_eq!(fs::read_to_string(home.path("taken")).unwrap(), "precious");
}

#[test]
fn files_of_somebody_else_are_never_replaced() {
    let home = Home::new();
    home.write("thesis/chapter.txt", "words");
    let message = refused(home.gauntlet(&["run", "--filter", QUICK, "--output", "thesis"]));
    assert!(message.contains("`thesis` is not empty and not a report of ours"), "{message}");
    assert_eq!(names(&home.path("thesis")), ["chapter.txt"]);
    let run = ["run", "--filter", QUICK, "--output", "ours"];
    home.gauntlet(&run).ended(exit::CLEAN);
    // Ours alone is replaced; with somebody's note in it, it is left as it is.
    home.gauntlet(&run).ended(exit::CLEAN);
    let sealed = fs::read(home.path("ours/record.json")).unwrap();
    home.write("ours/note.txt", "keep me");
    refused(home.gauntlet(&run));
    assert_eq!(fs::read(home.path("ours/record.json")).unwrap(), sealed);
    assert_eq!(fs::read_to_string(home.path("ours/note.txt")).unwrap(), "keep me");
}

#[test]
fn a_record_that_is_cut_or_no_record_is_refused() {
    let home = Home::new();
    let whole =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports/examples/example.json")).unwrap();
    home.write("whole.json", &whole);
    home.gauntlet(&["report", "whole.json"]).ended(gauntlet_record::example().exit_code());
    for length in [0, 1, whole.len() / 4, whole.len() / 2, whole.trim_end().len() - 1] {
        home.write("cut.json", &whole[..length]);
        let message = refused(home.gauntlet(&["report", "cut.json", "--format", "html", "--output", "cut.html"]));
        assert!(message.contains("cannot use the record `cut.json`") && message.contains("line "), "{message}");
        assert!(!home.path("cut.html").exists());
    }
    home.write("other.json", whole.replace("gauntlet.record/1", "gauntlet.record/9"));
    home.write("bytes.json", [0xff, 0xfe]);
    for (name, why) in [
        ("other.json", "its schema is `gauntlet.record/9`"),
        ("bytes.json", "not UTF-8 at byte 0"),
        ("missing.json", "No such file"),
        ("/dev/zero", "not a regular file"),
        ("tmp", "not a regular file"),
    ] {
        let message = refused(home.gauntlet(&["report", name]));
        assert!(message.contains(&format!("cannot use the record `{name}`")) && message.contains(why), "{message}");
    }
}

/// Runs attacks against a policy that lets them through, and says which ones were.
fn breached(policy: &str, filter: &str) -> (Vec<String>, gauntlet_record::Record) {
    let home = Home::new();
    home.write("open.yaml", format!("version: 1\n{policy}\n"));
    let run = ["run", "--policy", "open.yaml", "--filter", filter, "--output", "out"];
    home.gauntlet(&run).ended(exit::BREACH);
    let record = home.record("out");
    let breached = record.trials.iter().filter(|trial| trial.verdict == Verdict::Breached);
    (breached.map(|trial| trial.attack.clone()).collect(), record)
}

#[test]
fn unlimited_memory_is_a_breach() {
    let (breached, _) = breached("limits: { memory: unlimited }", "memory/grow-past-limit");
    assert_eq!(breached, ["memory/grow-past-limit"]);
}

#[test]
fn unlimited_time_is_a_breach() {
    let open = "limits: { deadline: unlimited, cpu-time: unlimited, fuel: unlimited }";
    assert_eq!(breached(open, "cpu/endless-loop").0, ["cpu/endless-loop"]);
}

#[test]
fn an_unlimited_deadline_alone_is_a_breach() {
    let (breached, _) = breached("limits: { deadline: unlimited }", "sleep/one-long-sleep#relative");
    assert_eq!(breached, ["sleep/one-long-sleep#relative"]);
}

#[test]
fn a_grant_of_the_root_is_a_breach_and_mounts_nothing_of_the_host() {
    let open = "grants: { filesystem: [{ host: /, guest: /, access: read-only, reason: \"everything\" }] }";
    let (breached, record) = breached(open, "files-read/");
    assert!(breached.iter().any(|id| id == "files-read/host-file-without-grant"), "{breached:?}");
    let mut leaked = 0;
    for trial in &record.trials {
        let text = trial.run(Role::Attack).unwrap().stdout.as_str();
        let mut lines = text.split("\\n").filter(|line| !line.is_empty()).peekable();
        // Every file of the trial's world says nothing but the canary, in the words of its kind.
        let Some(canary) = lines.peek().copied() else { continue };
        assert!(canary.len() == 32 && canary.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
        for line in lines {
            let kind = line.replace(canary, "*");
            assert!(
                ["*", "root:x:0:0:*:/root:/bin/sh", "TOKEN=*", "version: 1 # *"].contains(&kind.as_str()),
                "{line}"
            );
            leaked += 1;
        }
    }
    assert!(leaked >= 5, "the guest read what lies in its world");
}

/// What a host lacks cannot be taken from it here, so the test asks it first: `hardened` requires a control group.
#[test]
fn a_policy_that_cannot_be_held_here_ends_before_any_trial_and_names_one_that_can() {
    let home = Home::new();
    let mechanisms = gauntlet_sandbox::mechanisms();
    let lacks = mechanisms.iter().any(|have| have.granted == gauntlet_record::Granted::None);
    let run = home.gauntlet(&["run", "--policy", "hardened", "--filter", QUICK, "--output", "out"]);
    if lacks {
        let done = run.ended(exit::HARNESS);
        for word in
            ["`hardened` cannot be held here", "the preset `strict` would run", "`isolation.", "gauntlet doctor"]
        {
            assert!(done.stderr.contains(word), "{word}: {}", done.stderr);
        }
        assert!(done.stdout.is_empty() && !home.path("out").exists());
    } else {
        run.ended(exit::CLEAN);
    }
    home.gauntlet(&["run", "--policy", "strict", "--filter", QUICK, "--output", "again"]).ended(exit::CLEAN);
}
