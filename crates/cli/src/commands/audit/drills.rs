//! Drills: a few runs of our own executor with a log, a listener for alerts and generated modules, to see that monitoring works.
//!
//! They show what the executor does on this host. That the policy under test asks for a log is for the linter to say.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use gauntlet_audit::{Check, State};
use gauntlet_policy::Policy;
use gauntlet_record::{Cause, LimitKey};
use gauntlet_sandbox::Worker;
use gauntlet_sandbox::alerts::{AlertKind, AlertRules};
use gauntlet_sandbox::audit::{AuditEntry, AuditLine, AuditLog, EndLine, Fsync, StartLine};
use gauntlet_sandbox::tenants::Tenant;
use gauntlet_sandbox::watch::{Watch, Watched};
use gauntlet_sandbox::webhook::{Webhook, WebhookRules};
use gauntlet_target::Job;

/// Returns at once.
const HONEST: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
/// Asks for more memory than there is, and then loops until it is stopped.
const HOSTILE: &str = r#"(module (memory (export "memory") 1)
  (func (export "_start") (drop (memory.grow (i32.const 1000))) (loop $again (br $again))))"#;
/// What both run under.
const POLICY: &str = "version: 1\nlimits: { fuel: 1_000_000, cpu-time: 1s, memory: 1MiB }\n";
/// How often the hostile guest runs; as many make an alert about repetition.
const FAILURES: u64 = 3;
/// Which pair of a generator and its oracles: the modules are those that most hosts are given.
const PAIR: &str = "core-modules";
/// How many modules are generated.
const CASES: &str = "200";
/// How long alerts may take to arrive; on loopback it is milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is looked for, in the order of the report.
const TITLES: [(&str, &str); 7] = [
    ("drill/logged", "Each run is logged with start, end and duration"),
    ("drill/logged-usage", "Each run's fuel and memory stand in the log"),
    ("drill/logged-denial", "What a guest was denied stands in the log"),
    ("drill/alert-limit", "A run that ends at a limit raises an alert"),
    ("drill/alert-repeat", "Repeated failures of a tenant and of a module raise an alert"),
    ("drill/alert-delivered", "Alerts arrive at a webhook"),
    ("drill/fuzz", "Generated modules find nothing"),
];

/// All drills not made, with the reason.
pub(super) fn none(why: &str) -> Vec<Check> {
    TITLES.iter().map(|(id, title)| Check::new(id, title, State::Unknown, why, "-")).collect()
}

/// Makes the drills.
pub(super) fn all(seed: u64) -> Vec<Check> {
    let mut checks = match monitoring() {
        Ok(seen) => judge(&seen),
        Err(error) => {
            let mut checks = none(&format!("the drill failed: {error:#}"));
            checks.retain(|check| check.id != "drill/fuzz");
            checks
        }
    };
    let (id, title) = TITLES[6];
    let (state, says) = fuzz(seed).unwrap_or_else(|error| (State::Unknown, format!("the drill failed: {error:#}")));
    checks.push(Check::new(id, title, state, says, format!("gauntlet fuzz {PAIR} --cases {CASES} --seed {seed}")));
    checks
}

/// What the runs left behind.
#[derive(Debug, Default)]
struct Seen {
    runs: usize,
    starts: Vec<StartLine>,
    ends: Vec<EndLine>,
    alerts: Vec<AlertKind>,
    /// Alerts that arrived at the listener.
    arrived: usize,
}

fn monitoring() -> anyhow::Result<Seen> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let listener = Listener::start().context("cannot listen on loopback")?;
    let webhook = Arc::new(Webhook::new(&listener.url(), &[], WebhookRules::default())?);
    let log = Arc::new(AuditLog::open(folder.path().join("drill.jsonl"), Fsync::Never)?);
    let mut rules = AlertRules::default();
    rules.repeats = FAILURES;
    let watch = Watch::builder().log(Arc::clone(&log)).alerts(rules).sink(webhook.clone()).build();
    let watched = Watched::new(Worker::new(), watch);
    let policy = Policy::parse("drill", POLICY).map_err(|_| anyhow!("the policy of the drill is broken"))?;
    let tenant = Tenant::new("drill");
    let guests = std::iter::once(HONEST).chain(std::iter::repeat_n(HOSTILE, usize::try_from(FAILURES)?));
    let mut seen = Seen::default();
    for text in guests {
        let job = Job { guest: wat::parse_str(text)?, policy: policy.clone(), ..Job::default() };
        watched.run_for(&tenant, &job)?;
        seen.runs += 1;
    }
    log.flush()?;
    let _ = webhook.flush(PATIENCE);
    seen.arrived = listener.stop();
    read(log.path(), &mut seen)?;
    Ok(seen)
}

fn read(path: &Path, seen: &mut Seen) -> anyhow::Result<()> {
    for line in std::fs::read_to_string(path)?.lines() {
        match AuditLine::parse(line)?.entry {
            AuditEntry::Start(start) => seen.starts.push(*start),
            AuditEntry::End(end) => seen.ends.push(*end),
            AuditEntry::Alert(alert) => seen.alerts.push(alert.alert),
            _ => {}
        }
    }
    Ok(())
}

fn judge(seen: &Seen) -> Vec<Check> {
    let check = |at: usize, holds: bool, says: String| {
        let (id, title) = TITLES[at];
        let state = if holds { State::Holds } else { State::Fails };
        Check::new(id, title, state, says, "runs of our own executor, made for this audit")
    };
    let whole = |end: &&EndLine| end.duration.is_some() && seen.starts.iter().any(|start| start.run == end.run);
    let logged = seen.ends.iter().filter(whole).count();
    let used = |end: &&EndLine| {
        let of = |key| end.usage.get(&key).is_some_and(|usage| usage.used.is_some());
        of(LimitKey::Fuel) && of(LimitKey::Memory)
    };
    let measured = seen.ends.iter().filter(used).count();
    let denied = |end: &&EndLine| end.denials.iter().any(|denial| denial.cause == Cause::Limit(LimitKey::Memory));
    let denials = seen.ends.iter().filter(denied).count();
    let failures = usize::try_from(FAILURES).unwrap_or(usize::MAX);
    let of = |kind| seen.alerts.iter().filter(|alert| **alert == kind).count();
    let (limits, tenants, modules) =
        (of(AlertKind::LimitReached), of(AlertKind::RepeatedTenant), of(AlertKind::RepeatedModule));
    let runs = seen.runs;
    vec![
        check(
            0,
            logged == runs && runs > failures,
            format!("{logged} of {runs} runs have a start, an end and a duration"),
        ),
        check(
            1,
            measured == runs && runs > failures,
            format!("{measured} of {runs} runs have their fuel and their memory"),
        ),
        check(2, denials == failures, format!("{denials} of {failures} denied requests for memory stand in it")),
        check(3, limits >= failures, format!("{limits} alerts for {failures} runs that ended at a limit")),
        check(
            4,
            tenants > 0 && modules > 0,
            format!("{tenants} about the tenant and {modules} about the module after {failures} failures"),
        ),
        check(
            5,
            seen.arrived > 0 && seen.arrived == seen.alerts.len(),
            format!("{} of {} alerts arrived at a listener on loopback", seen.arrived, seen.alerts.len()),
        ),
    ]
}

/// This program's own fuzzing, for a number of cases.
fn fuzz(seed: u64) -> anyhow::Result<(State, String)> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let mut command = Command::new(std::env::current_exe().context("cannot find this executable")?);
    command
        .args(["fuzz", PAIR, "--cases", CASES, "--seed", &seed.to_string(), "--output"])
        .arg(folder.path().join("found"));
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().context("cannot start it")?;
    let told: String =
        String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().chars().take(300).collect();
    Ok(match output.status.code() {
        Some(0) => (State::Holds, told),
        Some(1) => (State::Fails, told),
        _ => (State::Unknown, format!("it ended with {}", output.status)),
    })
}

/// A listener on loopback that takes what is posted to it and counts the alerts.
struct Listener {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    bodies: Arc<Mutex<Vec<Vec<u8>>>>,
    thread: thread::JoinHandle<()>,
}

impl Listener {
    fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (stopping, bodies) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (stop, kept) = (Arc::clone(&stopping), Arc::clone(&bodies));
        let thread = thread::Builder::new().name("drill".into()).spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                if let Ok(Some(body)) = stream.map(|stream| take(stream).ok()) {
                    kept.lock().unwrap_or_else(PoisonError::into_inner).push(body);
                }
            }
        })?;
        Ok(Self { address, stopping, bodies, thread })
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Ends the thread and says how many alerts arrived.
    fn stop(self) -> usize {
        self.stopping.store(true, Ordering::Relaxed);
        // Wakes the thread, which looks at the flag then.
        if TcpStream::connect(self.address).is_ok() {
            let _ = self.thread.join();
        }
        let bodies = self.bodies.lock().unwrap_or_else(PoisonError::into_inner);
        let is_alert = |body: &&Vec<u8>| {
            serde_json::from_slice::<serde_json::Value>(body)
                .is_ok_and(|value| value["schema"] == gauntlet_sandbox::webhook::ALERT_SCHEMA)
        };
        bodies.iter().filter(is_alert).count()
    }
}

/// Takes one request and answers it.
fn take(stream: TcpStream) -> std::io::Result<Vec<u8>> {
    const MOST: u16 = 32 << 10;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(stream.try_clone()?.take(MOST.into()));
    let (mut length, mut line) = (0, String::new());
    while reader.read_line(&mut line)? > 2 {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<usize>().unwrap_or(0).min(MOST.into());
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    (&stream).write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    Ok(body)
}
