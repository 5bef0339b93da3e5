use std::fs;

use gauntlet_record::{Cause, Confinement, DenialKind, Ending, Granted, LimitKey, Usage};
use gauntlet_target::{DenialSeen, EndingSeen, Outcome};
use proptest::prelude::*;

use super::*;
use crate::clock::ManualClock;
use crate::events::events;
use crate::tenants::Tenant;
use crate::watch::Placement;

fn start(tenant: &str) -> StartLine {
    let (tenant, tenant_sha256) = names(&Tenant::new(tenant));
    StartLine {
        run: RunId::draw().unwrap(),
        time: "2026-01-01T00:00:00Z".into(),
        tenant,
        tenant_sha256,
        module: word(&gauntlet_record::digest(b"guest")),
        policy: word(&gauntlet_record::digest(b"policy")),
        engine: "engine".into(),
        engine_version: "1".into(),
        tool_version: "1".into(),
        placement: Placement::Worker,
        process: ProcessName::own(),
    }
}

fn ended(start: &StartLine, outcome: &Outcome) -> EndLine {
    start.end(AuditEnding::Ended(outcome.ending.ending), "2026-01-01T00:00:01Z".into()).with(outcome, &events(outcome))
}

/// Every line of a log, each of which has to be one object of the schema.
fn lines(path: &Path) -> Vec<AuditLine> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(|line| AuditLine::parse(line).expect(line)).collect()
}

/// `start`, `end ending`, ... in a word each, with the number of its run in order of appearance.
fn told(path: &Path) -> Vec<String> {
    let mut runs = Vec::new();
    let mut number = |run: RunId| {
        let known = runs.iter().position(|known| *known == run);
        known.unwrap_or_else(|| {
            runs.push(run);
            runs.len() - 1
        })
    };
    lines(path)
        .into_iter()
        .map(|line| match line.entry {
            AuditEntry::Start(line) => format!("start {}", number(line.run)),
            AuditEntry::Running(line) => format!("running {}", number(line.run)),
            AuditEntry::End(line) => format!("{} {}", line.ending, number(line.run)),
            AuditEntry::Refused(line) => format!("refused x {}", line.count),
            AuditEntry::Alert(alert) => format!("alert {}", alert.alert),
            AuditEntry::Checkpoint { .. } => "checkpoint".to_owned(),
        })
        .collect()
}

fn log(path: &Path) -> AuditLog {
    AuditLog::open(path, Fsync::Never).unwrap()
}

#[test]
fn one_start_and_one_end_for_each_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let log = log(&path);
    let line = start("acme");
    log.start(line.clone()).unwrap();
    let ending = EndingSeen::caused(Ending::LimitReached, Cause::Limit(LimitKey::Fuel), "out of fuel");
    let usage = vec![
        Usage { limit: LimitKey::Fuel, used: Some(17), cap: Some(16), unmeasured: None },
        Usage { limit: LimitKey::Disk, used: None, cap: Some(1), unmeasured: Some("not counted".into()) },
    ];
    log.end(ended(&line, &Outcome { ending, usage, stdout: b"abc".to_vec(), ..Outcome::default() })).unwrap();
    assert_eq!(told(&path), ["start 0", "limit-reached 0"]);
    let AuditEntry::End(end) = &lines(&path)[1].entry else { panic!("no end") };
    assert_eq!(end.cause, Some(Cause::Limit(LimitKey::Fuel)));
    assert_eq!(end.usage[&LimitKey::Fuel], UsedOf { used: Some(17), limit: Some(16) });
    assert_eq!(end.usage[&LimitKey::Disk], UsedOf { used: None, limit: Some(1) });
    assert_eq!((end.stdout_bytes, end.worst), (3, Some(gauntlet_record::Severity::Medium)));
    assert_eq!((log.running(), log.waiting()), (0, 0));
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_line_has_the_keys_that_its_readers_know() {
    let line = start("acme");
    let keys = |entry: AuditEntry| {
        let bytes = AuditLine::new(entry).render();
        let value: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&bytes).unwrap();
        assert!(bytes.starts_with(line::LINE_START.as_bytes()));
        value.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        keys(AuditEntry::Start(Box::new(line.clone()))),
        "engine engine-version kind module placement policy process run schema tenant tenant-sha256 time tool-version"
    );
    assert_eq!(
        keys(AuditEntry::End(Box::new(ended(&line, &Outcome::default())))),
        "cause confinement denials denials-not-listed detail duration ending events exit-code kind module placement policy recovered run \
         schema signal stderr-bytes stdout-bytes tenant tenant-sha256 threat time truncated usage worst"
    );
}

#[test]
fn nothing_that_a_guest_or_a_tenant_writes_forges_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let log = log(&path);
    let forged = format!("x\n{}\"end\",\"run\":\"0\"}}\r\n\u{2028}\u{85}\x1b[2J\u{202e}\0\u{feff}", line::LINE_START);
    let line = start(&forged);
    log.start(line.clone()).unwrap();
    let lossy = String::from_utf8_lossy(b"\xff\xfe\xf0\x9f").into_owned();
    let asks = [forged.clone(), lossy, "y".repeat(1 << 20), "\u{1}".repeat(1 << 20)];
    let denials = asks
        .iter()
        .map(|asked| DenialSeen { cause: Cause::Denied(DenialKind::Path), asked: asked.clone(), limit: None, count: 1 })
        .collect();
    let ending = EndingSeen { detail: forged.repeat(10_000), ..EndingSeen::default() };
    let confinement = vec![Confinement { mechanism: forged.repeat(99), granted: Granted::Full, note: forged.clone() }];
    log.end(ended(&line, &Outcome { ending, denials, confinement, ..Outcome::default() })).unwrap();
    assert_eq!(told(&path), ["start 0", "returned 0"]);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(text.chars().all(|c| c == '\n' || gauntlet_record::is_printable(c)), "{text:?}");
}

#[test]
fn the_longest_line_is_within_its_bound() {
    let line = start(&"\u{1}".repeat(1 << 20));
    let denials = (0..1000)
        .map(|i| DenialSeen {
            cause: Cause::Denied(DenialKind::Descriptor),
            asked: format!("{i}{}", "\u{1}".repeat(1 << 16)),
            limit: Some(u64::MAX),
            count: u64::MAX,
        })
        .collect();
    let usage = LimitKey::ALL
        .iter()
        .map(|limit| Usage { limit: *limit, used: Some(u64::MAX), cap: Some(u64::MAX), unmeasured: None })
        .collect();
    let confinement = (0..1000)
        .map(|i| Confinement {
            mechanism: format!("{i}{}", "\u{1}".repeat(999)),
            granted: Granted::Partial,
            note: String::new(),
        })
        .collect();
    let ending = EndingSeen { detail: "\u{1}".repeat(1 << 20), ..EndingSeen::default() };
    let end = ended(&line, &Outcome { ending, denials, usage, confinement, ..Outcome::default() });
    assert_eq!((end.denials.len(), end.denials_not_listed), (MAX_LISTED_DENIALS, 1000 - MAX_LISTED_DENIALS as u64));
    let bytes = AuditLine::new(AuditEntry::End(Box::new(end))).render();
    assert!(bytes.len() <= MAX_LINE_BYTES, "{}", bytes.len());
    let AuditEntry::End(back) = AuditLine::parse(std::str::from_utf8(&bytes).unwrap()).unwrap().entry else { panic!() };
    assert_eq!(back.denials.len(), MAX_LISTED_DENIALS, "nothing had to be left out to make it fit");
}

#[test]
fn a_run_whose_process_died_is_closed_as_lost_and_a_live_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let alive = log(&path);
    let goes_on = start("acme");
    alive.start(goes_on.clone()).unwrap();
    let mut dead = start("acme");
    dead.process.started = Some(1);
    alive.start(dead.clone()).unwrap();
    alive.lock().running.remove(&dead.run);
    let second = log(&path);
    assert_eq!(second.found_lost(), 1);
    assert_eq!(told(&path), ["start 0", "start 1", "lost 1"]);
    assert_eq!(log(&path).found_lost(), 0, "closed once");
    drop(second);
    // The process that held the log is gone without a word, however alive its name looks: nobody holds the lock.
    drop(alive);
    let third = log(&path);
    assert_eq!(third.found_lost(), 1);
    assert_eq!(told(&path), ["start 0", "start 1", "lost 1", "lost 0"]);
    let AuditEntry::End(end) = &lines(&path)[3].entry else { panic!("no end") };
    assert!(end.recovered && end.duration.is_none() && end.threat.is_none());
}

#[test]
fn a_rotated_log_is_opened_anew_and_the_runs_that_go_on_are_named_there() {
    let folder = tempfile::tempdir().unwrap();
    let (path, old) = (folder.path().join("audit.jsonl"), folder.path().join("audit.jsonl.1"));
    let log = log(&path);
    let (long, short) = (start("a"), start("a"));
    log.start(long.clone()).unwrap();
    log.start(short.clone()).unwrap();
    log.end(ended(&short, &Outcome::default())).unwrap();
    fs::rename(&path, &old).unwrap();
    let new = start("a");
    log.start(new.clone()).unwrap();
    log.end(ended(&long, &Outcome::default())).unwrap();
    log.end(ended(&new, &Outcome::default())).unwrap();
    assert_eq!(told(&old), ["start 0", "start 1", "returned 1"]);
    assert_eq!(told(&path), ["running 0", "start 1", "returned 0", "returned 1"]);
    fs::remove_file(&path).unwrap();
    log.start(start("a")).unwrap();
    assert_eq!(told(&path), ["start 0"]);
}

#[test]
fn a_log_that_was_copied_and_cut_names_the_runs_that_go_on_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let log = log(&path);
    let line = start("a");
    log.start(line.clone()).unwrap();
    log.start(start("a")).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    log.end(ended(&line, &Outcome::default())).unwrap();
    // The run that goes on, and the end of the other one.
    assert_eq!(told(&path), ["running 0", "returned 1"]);
}

#[test]
fn a_full_disk_stops_starts_and_keeps_ends_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let log = log(&path);
    let (first, second) = (start("a"), start("a"));
    log.start(first.clone()).unwrap();
    log.start(second.clone()).unwrap();
    log.lock().room = Some(100);
    assert!(matches!(log.end(ended(&first, &Outcome::default())), Err(AuditError::Write { .. })));
    assert!(matches!(log.end(ended(&second, &Outcome::default())), Err(AuditError::Write { .. })));
    assert!(matches!(log.start(start("a")), Err(AuditError::Write { .. })), "nothing starts before they are written");
    assert_eq!(log.waiting(), 2);
    log.lock().room = None;
    let third = start("a");
    log.start(third.clone()).unwrap();
    assert_eq!((log.waiting(), log.running()), (0, 1));
    // The part of a line that fitted is a line of its own, and nothing was lost with it.
    let text = fs::read_to_string(&path).unwrap();
    let whole: Vec<AuditLine> = text.lines().filter_map(|line| AuditLine::parse(line).ok()).collect();
    assert_eq!((text.lines().count(), whole.len()), (6, 5));
    assert!(matches!(&whole[4].entry, AuditEntry::Start(line) if line.run == third.run));
}

#[test]
fn lines_that_wait_are_bounded_but_ends_are_never_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let log = log(&path);
    let line = start("a");
    log.start(line.clone()).unwrap();
    log.lock().room = Some(0);
    for _ in 0..MAX_WAITING + 5 {
        let entry = AuditEntry::Checkpoint { time: String::new() };
        assert!(log.note(entry).is_err());
    }
    assert!(log.end(ended(&line, &Outcome::default())).is_err());
    assert_eq!((log.waiting(), log.dropped()), (MAX_WAITING + 1, 5));
    log.lock().room = None;
    log.flush().unwrap();
    assert_eq!(told(&path).last().unwrap(), "returned 0");
}

#[test]
fn a_log_that_becomes_unwritable_is_a_typed_error_and_its_ends_come_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let log = log(&path);
    let line = start("a");
    log.start(line.clone()).unwrap();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(log.end(ended(&line, &Outcome::default())), Err(AuditError::NotAFile { .. })));
    assert!(log.start(start("a")).is_err());
    fs::remove_dir(&path).unwrap();
    log.flush().unwrap();
    assert_eq!(told(&path), ["returned 0"]);
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let refused = |path: &Path| matches!(AuditLog::open(path, Fsync::Never), Err(AuditError::NotAFile { .. }));
    assert!(refused(folder.path()));
    std::os::unix::fs::symlink(folder.path().join("elsewhere"), &path).unwrap();
    assert!(refused(&path));
    fs::remove_file(&path).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert!(refused(&path));
    assert!(refused(Path::new("/dev/null")));
    let nowhere = folder.path().join("missing/log");
    assert!(matches!(AuditLog::open(nowhere, Fsync::Never), Err(AuditError::Open { .. })));
}

#[test]
fn a_torn_line_swallows_neither_the_next_one_nor_an_open_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let line = start("a");
    let whole = AuditLine::new(AuditEntry::Start(Box::new(line))).render();
    let torn = [&whole[..whole.len() / 2], &whole[..], &whole[..40]].concat();
    fs::write(&path, torn).unwrap();
    let log = log(&path);
    assert_eq!(log.found_lost(), 1);
    let text = fs::read_to_string(&path).unwrap();
    assert!(AuditLine::parse(text.lines().next().unwrap()).is_ok(), "the whole line after half a line is read");
    assert!(matches!(AuditLine::parse(text.lines().last().unwrap()).unwrap().entry, AuditEntry::End(_)));
}

#[test]
fn a_long_log_is_read_from_its_last_checkpoint_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    {
        let log = log(&path);
        while fs::metadata(&path).unwrap().len() < 3 << 20 {
            let line = start(&"x".repeat(250));
            log.start(line.clone()).unwrap();
            log.end(ended(&line, &Outcome::default())).unwrap();
        }
        log.start(start("left open")).unwrap();
    }
    let all = recover::scan(&fs::File::open(&path).unwrap()).unwrap();
    assert!(all.read >= 3 << 20 && all.runs.len() == 1);
    assert_eq!(log(&path).found_lost(), 1);
    assert_eq!(told(&path).last().unwrap(), "checkpoint");
    let again = recover::scan(&fs::File::open(&path).unwrap()).unwrap();
    assert!(again.read < 1000 && again.runs.is_empty(), "{}", again.read);
}

#[test]
fn several_writers_share_a_file_without_mixing_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let threads: Vec<_> = (0..8)
        .map(|i| {
            let path = path.clone();
            std::thread::spawn(move || {
                let log = log(&path);
                for _ in 0..50 {
                    let line = start(&i.to_string());
                    log.start(line.clone()).unwrap();
                    log.end(ended(&line, &Outcome::default())).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let told = told(&path);
    assert_eq!(told.iter().filter(|line| line.starts_with("start")).count(), 400);
    assert_eq!(told.iter().filter(|line| line.starts_with("returned")).count(), 400);
    assert_eq!(told.len(), 800);
}

#[test]
fn the_disk_is_synced_as_often_as_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new());
    let open = |name: &str, fsync| {
        AuditLog::open_with(folder.path().join(name), fsync, Arc::clone(&clock) as Arc<dyn Clock>).unwrap()
    };
    let (never, each) = (open("never", Fsync::Never), open("each", Fsync::Each));
    let interval = open("interval", Fsync::Interval(Duration::from_secs(1)));
    for log in [&never, &each, &interval] {
        log.start(start("a")).unwrap();
    }
    let unsynced = || [&never, &each, &interval].map(|log| log.lock().unsynced);
    assert_eq!(unsynced(), [true, false, true]);
    clock.advance(Duration::from_secs(1));
    interval.start(start("a")).unwrap();
    assert_eq!(unsynced(), [true, false, false]);
    never.flush().unwrap();
    assert_eq!(unsynced(), [false, false, false]);
}

fn hostile_text() -> impl Strategy<Value = String> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..3000);
    let lossy = bytes.prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let nasty = proptest::collection::vec(
        prop_oneof![
            Just("\n".to_owned()),
            Just("\r".to_owned()),
            Just("\u{2028}".to_owned()),
            Just("\u{2029}".to_owned()),
            Just("\x1b[31m".to_owned()),
            Just("\"".to_owned()),
            Just("\\".to_owned()),
            Just(line::LINE_START.to_owned()),
            Just("\0".to_owned()),
            any::<char>().prop_map(|c| c.to_string()),
        ],
        0..2000,
    );
    prop_oneof![lossy, nasty.prop_map(|parts| parts.concat())]
}

fn hostile_outcome() -> impl Strategy<Value = Outcome> {
    let cause = prop_oneof![
        (0..LimitKey::ALL.len()).prop_map(|i| Cause::Limit(LimitKey::ALL[i])),
        (0..DenialKind::ALL.len()).prop_map(|i| Cause::Denied(DenialKind::ALL[i])),
        Just(Cause::RefusedModule),
        Just(Cause::KilledOs),
    ];
    let denial = (cause.clone(), hostile_text(), any::<Option<u64>>(), any::<u64>())
        .prop_map(|(cause, asked, limit, count)| DenialSeen { cause, asked, limit, count });
    let ending =
        (0..Ending::ALL.len(), proptest::option::of(cause), any::<Option<i32>>(), any::<Option<i32>>(), hostile_text());
    let usage =
        (0..LimitKey::ALL.len(), any::<Option<u64>>(), any::<Option<u64>>(), proptest::option::of(hostile_text()))
            .prop_map(|(i, used, cap, unmeasured)| Usage { limit: LimitKey::ALL[i], used, cap, unmeasured });
    let confinement = (hostile_text(), hostile_text()).prop_map(|(mechanism, note)| Confinement {
        mechanism,
        granted: Granted::Partial,
        note,
    });
    (
        ending,
        proptest::collection::vec(denial, 0..40),
        proptest::collection::vec(usage, 0..40),
        proptest::collection::vec(confinement, 0..40),
        proptest::collection::vec(any::<u8>(), 0..100),
        any::<bool>(),
    )
        .prop_map(
            |((ending, cause, exit_code, signal, detail), denials, usage, confinement, stdout, truncated)| Outcome {
                ending: EndingSeen {
                    ending: Ending::ALL[ending],
                    cause,
                    exit_code,
                    signal,
                    detail,
                    frames: Vec::new(),
                },
                denials,
                usage,
                confinement,
                stdout,
                truncated,
                ..Outcome::default()
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_outcome_gives_lines_that_are_exactly_one_object_each(tenant in hostile_text(), outcome in hostile_outcome()) {
        let line = start(&tenant);
        let end = ended(&line, &outcome);
        for entry in [AuditEntry::Start(Box::new(line)), AuditEntry::End(Box::new(end))] {
            let line = AuditLine::new(entry);
            let bytes = line.render();
            prop_assert!(bytes.len() <= MAX_LINE_BYTES);
            let text = std::str::from_utf8(&bytes).unwrap();
            prop_assert_eq!(text.matches('\n').count(), 1);
            prop_assert!(text.ends_with('\n'));
            prop_assert!(text.trim_end_matches('\n').chars().all(gauntlet_record::is_printable));
            prop_assert!(serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok());
            prop_assert_eq!(AuditLine::parse(text).unwrap(), line);
        }
    }
}

/// Names the log for tests that run in a process of their own.
const LOG_OF_CHILD: &str = "GAUNTLET_TEST_AUDIT_LOG";

/// Runs an ignored test of this file in a process of its own, after a few words of shell.
fn in_child(test: &str, path: &Path, shell: &str) -> std::process::Output {
    std::process::Command::new("sh")
        .arg("-c")
        .arg(format!("{shell} exec \"$0\" --ignored --exact --nocapture \"$1\""))
        .arg(std::env::current_exe().unwrap())
        .arg(format!("audit::tests::{test}"))
        .env(LOG_OF_CHILD, path)
        .output()
        .unwrap()
}

#[test]
#[ignore = "another test runs it in a process of its own"]
fn child_dies_in_a_run() {
    let Some(path) = std::env::var_os(LOG_OF_CHILD) else { return };
    let log = log(Path::new(&path));
    log.start(start("a")).unwrap();
    let finished = start("a");
    log.start(finished.clone()).unwrap();
    log.end(ended(&finished, &Outcome::default())).unwrap();
    std::process::abort();
}

#[test]
fn the_runs_of_a_process_that_died_are_closed_by_the_next_one_while_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let alive = log(&path);
    alive.start(start("a")).unwrap();
    let died = in_child("child_dies_in_a_run", &path, "");
    assert!(!died.status.success());
    assert_eq!(told(&path), ["start 0", "start 1", "start 2", "returned 2"]);
    assert_eq!(log(&path).found_lost(), 1);
    assert_eq!(told(&path).last().unwrap(), "lost 1");
}

#[test]
#[ignore = "another test runs it in a process of its own"]
fn child_meets_the_end_of_the_disk() {
    let Some(path) = std::env::var_os(LOG_OF_CHILD) else { return };
    let log = log(Path::new(&path));
    let mut open = Vec::new();
    loop {
        let line = start("a");
        match log.start(line.clone()) {
            Ok(()) => open.push(line),
            Err(AuditError::Write { .. }) => break,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(!open.is_empty());
    for line in &open {
        assert!(log.end(ended(line, &Outcome::default())).is_err());
    }
    assert_eq!(log.waiting(), open.len());
    let limit = rustix::process::getrlimit(rustix::process::Resource::Fsize);
    let room = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    rustix::process::setrlimit(rustix::process::Resource::Fsize, room).unwrap();
    log.flush().unwrap();
    assert_eq!((log.waiting(), log.running()), (0, 0));
}

#[test]
fn a_file_that_the_system_lets_grow_no_further_loses_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let child = in_child("child_meets_the_end_of_the_disk", &path, "trap '' XFSZ; ulimit -S -f 16;");
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    let text = fs::read_to_string(&path).unwrap();
    let whole: Vec<AuditEntry> =
        text.lines().filter_map(|line| AuditLine::parse(line).ok()).map(|line| line.entry).collect();
    let starts = whole.iter().filter(|entry| matches!(entry, AuditEntry::Start(_))).count();
    let ends = whole.iter().filter(|entry| matches!(entry, AuditEntry::End(_))).count();
    assert!(starts > 1 && starts == ends, "{starts} starts, {ends} ends");
}
