//! `gauntlet fuzz`: what it finds, what it keeps, and what becomes of it when it is killed. Fixed seeds, no clock.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gauntlet"));
        command.arg("fuzz").args(arguments).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    fn fuzz(&self, arguments: &[&str]) -> (i32, String) {
        done(self.command(arguments).output().unwrap())
    }

    /// The findings in a folder.
    fn findings(&self, folder: &str) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = fs::read_dir(self.path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.join("expect.json").is_file())
            .collect();
        found.sort();
        found
    }
}

fn done(output: Output) -> (i32, String) {
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), text)
}

#[test]
fn every_listed_weakness_is_found_within_its_cases_by_the_oracle_that_is_about_it() {
    let (code, text) = Home::new().fuzz(&["weaknesses"]);
    assert_eq!(code, 0, "{text}");
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| weakness")).count();
    assert!(rows >= 15, "{text}");
    assert!(!text.contains("MISSED"), "{text}");
}

#[test]
fn every_pair_is_healthy_and_finds_nothing_in_our_executor() {
    let home = Home::new();
    let (code, text) = home.fuzz(&["--cases", "120", "--seed", "11", "--jobs", "2"]);
    assert_eq!(code, 0, "{text}");
    for pair in [
        "wasi-sequences",
        "wasi-sequences-without-openat2",
        "core-modules",
        "limits",
        "many-runs",
        "components",
        "corpus-mutations",
        "differential",
        "jobs",
        "policies",
        "reports",
        "judge",
    ] {
        assert!(text.contains(&format!("{pair}: 120 cases")), "{pair}\n{text}");
    }
    assert!(!text.contains("LOW"), "{text}");
}

#[test]
fn the_same_seed_makes_the_same_cases_whatever_the_number_of_processes() {
    let home = Home::new();
    let run = |output: &str, jobs: &str| {
        home.fuzz(&[
            "limits",
            "--cases",
            "60",
            "--seed",
            "3",
            "--jobs",
            jobs,
            "--target",
            "mistake:runs-nothing",
            "--no-minimize",
            "--output",
            output,
        ]);
        let text = |path: &PathBuf| fs::read_to_string(path.join("calls.txt")).unwrap();
        home.findings(output).iter().map(text).collect::<BTreeSet<_>>()
    };
    let (one, three) = (run("one", "1"), run("three", "3"));
    assert!(!one.is_empty());
    // Of one fault each process stores the first few, so that more processes store more of them.
    assert!(one.is_subset(&three), "{one:?} {three:?}");
}

#[test]
fn a_weakened_executor_ends_it_with_1_and_the_minimized_finding_replays_until_it_is_mended() {
    let home = Home::new();
    let (code, text) = home.fuzz(&[
        "limits",
        "--cases",
        "300",
        "--seed",
        "1",
        "--jobs",
        "1",
        "--first",
        "--target",
        "mistake:memory-limiter-detached",
    ]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("minimized: "), "{text}");
    let small = home
        .findings("gauntlet-fuzz")
        .into_iter()
        .find(|path| fs::read_to_string(path.join("expect.json")).unwrap().contains("\"minimized\": true"));
    let small = small.unwrap();
    assert!(fs::read_to_string(small.join("calls.txt")).unwrap().lines().count() <= 2);
    let folder = small.to_str().unwrap();
    assert_eq!(home.fuzz(&["replay", folder]).0, 1);
    // Our executor has no such fault: there it is clean, and once that is written down it has to stay so.
    let (code, text) = home.fuzz(&["replay", folder, "--target", "inline", "--settle"]);
    assert_eq!(code, 0, "{text}");
    assert!(fs::read_to_string(small.join("expect.json")).unwrap().contains("\"clean\""));
    let (code, text) = home.fuzz(&["replay", folder]);
    assert_eq!(code, 1);
    assert!(text.contains("it is back"), "{text}");
    // Promoted, it is an attack that runs, and that our executor contains.
    let (code, text) = home.fuzz(&["promote", folder, "--name", "grow-unseen", "--into", "regression"]);
    assert_eq!(code, 0, "{text}");
    let run = Command::new(env!("CARGO_BIN_EXE_gauntlet"))
        .args(["run", "regression/grow-unseen", "--target", "inline", "--output", "report"])
        .current_dir(home.0.path())
        .output()
        .unwrap();
    let (code, text) = done(run);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_process_that_dies_of_its_case_is_a_finding_with_that_case() {
    let home = Home::new();
    let (code, text) = home.fuzz(&[
        "limits",
        "--cases",
        "40",
        "--seed",
        "1",
        "--first",
        "--jobs",
        "1",
        "--target",
        "mistake:stack-larger-than-thread",
    ]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("died of signal"), "{text}");
    let calls = home
        .findings("gauntlet-fuzz")
        .iter()
        .map(|path| fs::read_to_string(path.join("calls.txt")).unwrap())
        .collect::<String>();
    assert!(calls.contains("recurse"), "{calls}");
}

#[test]
fn a_killed_run_loses_nothing_and_goes_on() {
    let home = Home::new();
    let mut child = home
        .command(&[
            "limits",
            "--time",
            "10min",
            "--seed",
            "1",
            "--jobs",
            "2",
            "--target",
            "mistake:runs-nothing",
            "--output",
            "out",
        ])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The first finding is told after it was stored.
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let told = lines.find(|line| line.as_ref().unwrap().starts_with("found: ")).unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let found = home.findings("out");
    assert!(found.iter().any(|path| told.contains(path.file_name().unwrap().to_str().unwrap())), "{told}\n{found:?}");
    for path in &found {
        assert_eq!(home.fuzz(&["replay", path.to_str().unwrap()]).0, 1, "{}", path.display());
    }
}

#[test]
fn resume_goes_on_after_the_cases_that_were_run_and_refuses_another_seed() {
    let home = Home::new();
    assert_eq!(home.fuzz(&["judge", "--cases", "50", "--seed", "4", "--output", "out"]).0, 0);
    assert_eq!(home.fuzz(&["judge", "--cases", "50", "--resume", "--output", "out"]).0, 0);
    let state = fs::read_to_string(home.path("out/state.json")).unwrap();
    assert!(state.contains("\"judge\": 100") && state.contains("\"seed\": 4"), "{state}");
    assert_eq!(home.fuzz(&["judge", "--cases", "5", "--resume", "--seed", "5", "--output", "out"]).0, 2);
    fs::write(home.path("out/state.json"), state.replace("wasm-smith", "wasm-smith-of-old")).unwrap();
    let (code, text) = home.fuzz(&["judge", "--cases", "5", "--resume", "--output", "out"]);
    assert_eq!(code, 0);
    assert!(text.contains("begin anew"), "{text}");
    fs::write(home.path("out/state.json"), "{").unwrap();
    assert_eq!(home.fuzz(&["judge", "--resume", "--output", "out"]).0, 2);
}

#[test]
fn wrong_input_is_told_and_foreign_files_are_left_alone() {
    let home = Home::new();
    for arguments in [
        &["no-such-pair"][..],
        &["judge", "--target", "mistake:no-such"],
        &["judge", "--policy", "no-such-policy"],
        &["replay", "no-such-folder"],
        &["promote", "no-such-folder", "--name", "x"],
        &["minimize", "no-such-folder"],
        &["judge", "--resume", "--output", "nothing-here"],
    ] {
        let (code, text) = home.fuzz(arguments);
        assert_eq!(code, 2, "{arguments:?}: {text}");
        assert!(text.contains("error:"), "{text}");
    }
    fs::create_dir(home.path("mixed")).unwrap();
    fs::write(home.path("mixed/holiday.jpg"), b"\xff\xd8").unwrap();
    fs::create_dir(home.path("mixed/half")).unwrap();
    fs::write(home.path("mixed/half/expect.json"), "{}").unwrap();
    let (code, text) = home.fuzz(&["replay", "mixed"]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("no finding, left alone: mixed/holiday.jpg") && text.contains("mixed/half"), "{text}");
}

#[test]
fn a_folder_that_cannot_be_written_ends_it_with_4() {
    let home = Home::new();
    let (code, text) = home.fuzz(&["judge", "--cases", "5", "--output", "/proc/nowhere"]);
    assert_eq!(code, 4, "{text}");
}

#[test]
fn the_projects_for_fuzzing_at_scale_name_targets_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
    let named: BTreeSet<String> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\"").map(str::to_owned))
        .collect();
    let files: BTreeSet<String> = fs::read_dir(root.join("fuzz/fuzz_targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(named, files);
    let mut fuzzed = named.clone();
    fuzzed.remove("sanitizer_selftest");
    let (_, text) = Home::new().fuzz(&["pairs"]);
    let pairs: BTreeSet<String> =
        text.lines().map(|line| line.split_whitespace().next().unwrap().replace('-', "_")).collect();
    assert!(fuzzed.is_subset(&pairs), "{fuzzed:?} {pairs:?}");
    for script in ["fuzz/oss-fuzz/gauntlet/build.sh", ".clusterfuzzlite/build.sh"] {
        let text = fs::read_to_string(root.join(script)).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("TARGETS=\"")?.strip_suffix('"')).unwrap();
        let listed: BTreeSet<String> = line.split(' ').map(str::to_owned).collect();
        assert_eq!(listed, fuzzed, "{script}");
    }
}

#[test]
fn seeds_are_envelopes_that_replay() {
    let home = Home::new();
    let (code, text) = home.fuzz(&["seeds", "f"]);
    assert_eq!(code, 0, "{text}");
    let (code, text) = home.fuzz(&["replay", "f/seeds/judge"]);
    assert_eq!(code, 0, "{text}");
    assert!(
        fs::read_to_string(home.path("f/dict/gauntlet.dict"))
            .unwrap()
            .lines()
            .skip(1)
            .all(|line| line.starts_with('"') && line.ends_with('"'))
    );
}
