//! A run in parts, a run that is killed and goes on, and what is done with the records afterwards.

#![expect(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::fs;
use std::process::Stdio;

use gauntlet_record::{Ending, EndingInfo, Record, Run, Trial, Verdict, exit};
use support::{Done, Home};

/// Attacks that are quick, of several classes, and the probes of the jail whose ids contain one of the words.
const FILTER: &[&str] = &["--filter", "tables/", "--filter", "files-read/dot-dot", "--filter", "socket-pair"];

fn run(home: &Home, more: &[&str]) -> Done {
    home.gauntlet(&[&["run", "--seed", "7"], FILTER, more].concat())
}

/// A record without what differs from run to run: host, times, what was measured, and how it was asked for.
fn steady(mut record: Record) -> Record {
    let steady_run = |run: &Run| Run {
        measured: gauntlet_record::Measured::default(),
        usage: Vec::new(),
        confinement: gauntlet_record::Shared::default(),
        // Whether a control that has what it wants is ended by the harness or comes to its own end first is a matter of time.
        end: if run.obtained {
            EndingInfo { ending: Ending::Returned, cause: None, detail: None }
        } else {
            run.end.clone()
        },
        // A benign twin writes its nonce, the end of which is random.
        stdout: gauntlet_record::GuestText::default(),
        ..run.clone()
    };
    for trial in &mut record.trials {
        let runs = trial.runs.iter().map(steady_run).collect();
        *trial = Trial { duration: 0, closeness: None, runs, ..trial.clone() };
    }
    Record { started: String::new(), finished: None, command: Vec::new(), parts: Vec::new(), ..record }
}

/// Two records are equal, or the first trial in which they differ is told.
fn same(one: Record, other: Record) {
    for (one, other) in one.trials.iter().zip(&other.trials) {
        assert_eq!(one, other, "{}", one.attack);
    }
    assert!(one == other, "they differ outside of their trials");
}

#[test]
fn three_parts_merged_are_the_whole_run_but_for_host_and_time() {
    let home = Home::new();
    run(&home, &["--output", "whole"]).ended(exit::CLEAN);
    let whole = home.record("whole");
    for part in ["1/3", "2/3", "3/3"] {
        let done = run(&home, &["--shard", part, "--output", &part.replace('/', "-")]).ended(exit::CLEAN);
        assert!(done.stderr.contains(&format!("part {} of 3: ", &part[..1])), "{}", done.stderr);
    }
    let parts = ["1-3", "2-3", "3-3"].map(|part| home.record(part));
    assert!(parts.iter().all(|part| !part.trials.is_empty() && part.trials.len() < whole.trials.len()));
    let merge = |parts: &[&str], more: &[&str]| home.gauntlet(&[&["report", "merge"], parts, more].concat());
    let files = ["3-3/record.json", "1-3/record.json", "2-3/record.json"];
    merge(&files, &["--output", "merged.json"]).ended(exit::CLEAN);
    let merged = gauntlet_record::read(&home.path("merged.json")).unwrap();
    assert_eq!(merged.parts.len(), 3);
    assert!(merged.trials.iter().any(|trial| trial.guests.is_empty()), "the probes are in one of the parts");
    same(steady(merged), steady(whole));
    home.gauntlet(&["report", "merged.json", "--format", "html", "--output", "merged.html"]).ended(exit::CLEAN);

    let gap = merge(&files[..2], &[]).ended(exit::USAGE);
    assert!(gap.stderr.contains("missing: ") && gap.stderr.contains(&parts[1].trials[0].attack), "{}", gap.stderr);
    let twice = merge(&[files[0], files[0], files[1], files[2]], &[]).ended(exit::USAGE);
    assert!(twice.stderr.contains("there more than once: "), "{}", twice.stderr);
    let partial = merge(&files[..2], &["--allow-gaps", "--output", "partial.json"]).ended(exit::INCONCLUSIVE);
    assert_eq!(partial.stdout, "");
    let other = run(&home, &["--policy", "agent", "--shard", "2/3", "--output", "agent"]);
    assert!(other.code == Some(0), "{}", other.stderr);
    let mixed = merge(&[files[0], files[1], "agent/record.json"], &[]).ended(exit::USAGE);
    assert!(mixed.stderr.contains("another policy"), "{}", mixed.stderr);
}

#[test]
fn a_killed_run_goes_on_and_comes_to_what_it_would_have() {
    let home = Home::new();
    run(&home, &["--output", "whole"]).ended(exit::CLEAN);
    let whole = home.record("whole");
    let mut command = home.command(env!("CARGO_BIN_EXE_gauntlet"));
    command.args([&["run", "--seed", "7"], FILTER, &["--jobs", "1", "--output", "out"]].concat());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let events = home.path("out/events.jsonl");
    let lines = || fs::read_to_string(&events).map(|text| text.lines().count()).unwrap_or(0);
    while lines() < 3 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let had = lines();
    assert!(!home.path("out/record.json").exists());

    let refused =
        home.gauntlet(&["run", "--resume", "--seed", "8", "--filter", "tables/", "--output", "out"]).ended(exit::USAGE);
    assert!(refused.stderr.contains("another "), "{}", refused.stderr);
    let resume = [&["run"], FILTER, &["--resume", "--output", "out"]].concat();
    let done = home.gauntlet(&resume).ended(exit::CLEAN);
    assert!(done.stderr.contains("going on: "), "{}", done.stderr);
    assert!(lines() > had);
    same(steady(home.record("out")), steady(whole));
    let again = home.gauntlet(&resume).ended(exit::CLEAN);
    assert!(again.stderr.contains("had ended"), "{}", again.stderr);
    run(&home, &["--resume", "--output", "new"]).ended(exit::CLEAN);
    assert!(home.record("new").complete);
}

#[test]
fn what_is_redacted_is_in_no_file_of_the_run() {
    let home = Home::new();
    home.write("attacks.yaml", "x");
    let policy = home.path("secret-folder-name/policy.yaml");
    fs::create_dir_all(policy.parent().unwrap()).unwrap();
    fs::write(&policy, "version: 1\nlimits: { memory: 32MiB }\n").unwrap();
    let mut command = home.command(env!("CARGO_BIN_EXE_gauntlet"));
    command.env("API_TOKEN", "T0ken-of-nobody").env("USER", "ada-of-nowhere");
    command.args(["run", "--filter", "tables/", "--redact", "--output", "out", "--policy"]).arg(&policy);
    command.args(["--seed", "1", "--junit", "junit.xml"]);
    let done = Done::of(&mut command);
    assert!(matches!(done.code, Some(0 | 3)), "{}", done.stderr);
    let folder = home.path("out");
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8(fs::read(&path).unwrap()).unwrap();
        for secret in [
            "secret-folder-name",
            "T0ken-of-nobody",
            "ada-of-nowhere",
            home.path(".").to_str().unwrap().trim_end_matches("/."),
        ] {
            assert!(!text.contains(secret), "{secret} in {}", path.display());
        }
    }
    assert_eq!(home.record("out").policy.name, "<path>");
}

#[test]
fn records_are_compared_and_have_a_history() {
    let home = Home::new();
    let mut record = gauntlet_record::example();
    record.trials.retain(|trial| trial.verdict == Verdict::Contained);
    record.corpus.selected = 1;
    let write = |name: &str, record: &Record| {
        let mut bytes = Vec::new();
        gauntlet_record::write_json(record, &mut bytes).unwrap();
        home.write(name, &bytes);
    };
    write("records/a.json", &record);
    write("records/b.json", &gauntlet_record::example());
    home.write("records/c.json", "{}");
    home.gauntlet(&["report", "diff", "records/a.json", "records/a.json"]).ended(exit::CLEAN);
    let diff = home.gauntlet(&["report", "diff", "records/a.json", "records/b.json"]).ended(exit::BREACH);
    assert!(
        diff.stdout.contains("New breaches (1)\n  - files-read/dot-dot on worker: not run -> breached"),
        "{}",
        diff.stdout
    );
    home.gauntlet(&["report", "history", "records", "--output", "history.html"]).ended(exit::CLEAN);
    let page = fs::read_to_string(home.path("history.html")).unwrap();
    assert!(page.contains("a.json</code>") && page.contains("c.json</code>: "));
    home.gauntlet(&["report", "history", "records/none"]).ended(exit::USAGE);
    let costs = home.gauntlet(&["report", "costs", "records/b.json"]).ended(exit::CLEAN);
    assert!(costs.stdout.starts_with("# "));
}

#[test]
fn a_record_that_does_not_agree_with_itself_is_no_record() {
    let home = Home::new();
    let write = |change: fn(&mut Record)| {
        let mut record = gauntlet_record::example();
        change(&mut record);
        let mut bytes = Vec::new();
        gauntlet_record::write_json(&record, &mut bytes).unwrap();
        home.write("record.json", &bytes);
        home.gauntlet(&["report", "record.json"]).ended(exit::USAGE).stderr
    };
    let twice = write(|record| record.trials.push(record.trials[0].clone()));
    assert!(twice.contains("this trial is there twice"), "{twice}");
    let counts = write(|record| record.corpus.attacks = 0);
    assert!(counts.contains("4 of 0 attacks are selected"), "{counts}");
    let edited = write(|record| record.trials[1].verdict = Verdict::Contained);
    assert!(edited.contains("it is contained for a reason of breached"), "{edited}");
    let newer = write(|record| record.schema = "gauntlet.record/2".into());
    assert!(newer.contains("its schema is `gauntlet.record/2`"), "{newer}");
    home.write("record.json", "{\"schema\": \"gauntlet.record/2\", \"new\": {}}");
    let newer = home.gauntlet(&["report", "record.json"]).ended(exit::USAGE).stderr;
    assert!(newer.contains("its schema is `gauntlet.record/2`"), "{newer}");
}
