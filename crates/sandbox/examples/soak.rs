//! Many runs of several tenants, many at once, with workers and launchers killed under them:
//! `cargo run --release -p gauntlet-sandbox --example soak -- --runs 10000 --at-once 1000 --lanes 2 --kill`.
//!
//! Ends 0 if every run that was submitted ended with a typed outcome or a typed error, if every run that started has exactly one end in
//! the audit log, and if processes, descriptors, threads, mounts, control groups, temporary files and memory of this process are back
//! at their starting counts.
#![expect(clippy::print_stdout, reason = "a tool that shows what it found")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gauntlet_policy::Policy;
use gauntlet_record::Ending;
use gauntlet_sandbox::audit::{AuditEntry, AuditLine, AuditLog, Fsync};
use gauntlet_sandbox::queue::{Queue, QueueSize};
use gauntlet_sandbox::tenants::Tenant;
use gauntlet_sandbox::watch::{Watch, Watched};
use gauntlet_sandbox::{Pool, worker_main};
use gauntlet_target::Job;

/// Memory that the allocator may keep, in kB.
const KEPT: u64 = 16_000;
/// Whose runs they are, in turn.
const TENANTS: usize = 10;
/// Set for the process that does the work: its temporary files are in a directory of its own, so that they can be counted.
const INSIDE: &str = "GAUNTLET_SOAK_INSIDE";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    if let Some(code) = worker_main() {
        return Ok(ExitCode::from(code));
    }
    if std::env::var_os(INSIDE).is_none() {
        let temporary = tempfile::tempdir()?;
        fs::set_permissions(temporary.path(), fs::Permissions::from_mode(0o711))?;
        let mut inside = Command::new(std::env::current_exe()?);
        inside.args(std::env::args().skip(1)).env(INSIDE, "1").env("TMPDIR", temporary.path());
        return Ok(if inside.status()?.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let runs = number("--runs")?.unwrap_or(10_000);
    let at_once = number("--at-once")?.unwrap_or(1_000);
    let lanes = number("--lanes")?.unwrap_or(2);
    let killing = std::env::args().any(|argument| argument == "--kill");
    let quiet = number("--warm-up")?.unwrap_or(at_once);

    let extra = std::env::var("SOAK_POLICY").unwrap_or_default();
    let policy = Policy::parse("soak", &format!("version: 1\nlimits: {{ deadline: 60s }}\n{extra}\n"))
        .map_err(|_| "a faulty policy")?;
    let guest = wat::parse_str(GUEST)?;
    let job = Job { guest, policy, nonce: "00000000000000ff".into(), ..Job::default() };
    let directory = tempfile::tempdir()?;
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711))?;
    let log = |name: &str| directory.path().join(name);

    // What the first wave sets up for good, such as the allocator's arenas for so many threads, is no leak.
    soak(&job, &log("warm-up.jsonl"), quiet, quiet, lanes, false)?;
    fs::File::create(log("audit.jsonl"))?;
    let before = Held::now()?;
    let start = Instant::now();
    let endings = soak(&job, &log("audit.jsonl"), runs, at_once, lanes, killing)?;
    let took = start.elapsed();
    let after = Held::now()?;
    let logged = Logged::read(&log("audit.jsonl"))?;
    println!("{runs} runs, {at_once} at once, on {lanes} lanes, in {took:.1?}");
    for (ending, count) in &endings {
        println!("  {count:>6}  {ending}");
    }
    println!("the audit log: {logged:?}");
    println!("before {before:?}\nafter  {after:?}");
    let all = endings.values().sum::<usize>();
    let flat = after.same(&before);
    let well = all == runs && logged.whole(runs) && flat;
    println!("{}", if well { "nothing is left, nothing was lost" } else { "LEFT OR LOST" });
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What an audit log says.
#[derive(Debug, Default)]
struct Logged {
    started: usize,
    ended_once: usize,
    never_ended: usize,
    ended_more_than_once: usize,
    ended_unstarted: usize,
    refused: usize,
    alerts: usize,
    lost: usize,
    no_lines: usize,
}

impl Logged {
    fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let mut logged = Self::default();
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        for line in fs::read_to_string(path)?.lines() {
            match AuditLine::parse(line).map(|line| line.entry) {
                Ok(AuditEntry::Start(start)) => _ = ends.entry(start.run.to_string()).or_default(),
                Ok(AuditEntry::End(end)) => {
                    logged.lost += usize::from(end.ending.to_string() == "lost");
                    match ends.get_mut(&end.run.to_string()) {
                        Some(ends) => *ends += 1,
                        None => logged.ended_unstarted += 1,
                    }
                }
                Ok(AuditEntry::Refused(_)) => logged.refused += 1,
                Ok(AuditEntry::Alert(_)) => logged.alerts += 1,
                Ok(_) => {}
                Err(_) => logged.no_lines += 1,
            }
        }
        logged.started = ends.len();
        for count in ends.values() {
            match count {
                0 => logged.never_ended += 1,
                1 => logged.ended_once += 1,
                _ => logged.ended_more_than_once += 1,
            }
        }
        Ok(logged)
    }

    /// Whether each run started and ended once.
    fn whole(&self, runs: usize) -> bool {
        let wrong = self.never_ended + self.ended_more_than_once + self.ended_unstarted + self.lost + self.no_lines;
        self.started == runs && self.ended_once == runs && wrong == 0
    }
}

/// Writes its nonce and a little more, so that output is on its way when workers are killed.
const GUEST: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "soaking\n")
  (func (export "_start") (local i32)
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 8))
    (loop $again
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (br_if $again (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 20))))))"#;

fn soak(
    job: &Job,
    log: &Path,
    runs: usize,
    at_once: usize,
    lanes: usize,
    killing: bool,
) -> Result<BTreeMap<String, usize>, Box<dyn Error>> {
    let pool = Pool::builder().min(1).max(lanes).cache(log.with_file_name("cache"), 16 << 20).build()?;
    let watch = Watch::builder().log(Arc::new(AuditLog::open(log, Fsync::default())?)).build();
    let pool = Watched::new(pool, watch).queue(Queue::new(QueueSize::new(lanes, at_once)));
    let tenants: Vec<Tenant> = (0..TENANTS).map(|tenant| Tenant::new(&format!("tenant {tenant}"))).collect();
    let endings: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let left = AtomicUsize::new(runs);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let killer = killing.then(|| scope.spawn(|| kill_at_random(&over)));
        let submitters: Vec<_> = (0..at_once.min(runs))
            .map(|submitter| {
                let tenant = &tenants[submitter % TENANTS];
                let (pool, left, endings) = (&pool, &left, &endings);
                scope.spawn(move || {
                    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                        let word = match pool.run_for(tenant, job).map(|run| run.outcome) {
                            Ok(outcome) => match outcome.ending.ending {
                                Ending::Returned if outcome.stdout.len() == 160 => "returned".to_owned(),
                                Ending::Returned => "RETURNED WITHOUT ITS OUTPUT".to_owned(),
                                ending => format!("{ending} {:?}", outcome.ending.signal),
                            },
                            Err(error) => format!("error: {error}"),
                        };
                        *endings.lock().expect("no submitter panics").entry(word).or_default() += 1;
                    }
                })
            })
            .collect();
        for submitter in submitters {
            submitter.join().expect("no submitter panics");
        }
        over.store(true, Ordering::Relaxed);
        if let Some(killer) = killer {
            killer.join().expect("the killer does not panic");
        }
    });
    drop(pool);
    Ok(endings.into_inner()?)
}

/// Kills a process below us, launcher or worker, every few milliseconds, at any step of its life.
fn kill_at_random(over: &AtomicBool) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    while !over.load(Ordering::Relaxed) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let victims: Vec<i32> =
            below().into_iter().filter(|(_, command)| command.contains("worker")).map(|(id, _)| id).collect();
        let count = u64::try_from(victims.len()).unwrap_or(1).max(1);
        let place = usize::try_from(state % count).unwrap_or(0);
        // Launchers are hit now and then, workers all the time.
        if let Some(victim) = victims.get(place).and_then(|victim| rustix::process::Pid::from_raw(*victim)) {
            let _ = rustix::process::kill_process(victim, rustix::process::Signal::KILL);
        }
        std::thread::park_timeout(Duration::from_millis(1 + state % 40));
    }
}

/// Every process that descends from this one, with its command line.
fn below() -> Vec<(i32, String)> {
    let mut parents: BTreeMap<i32, (i32, String)> = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let read = |file: &str| fs::read_to_string(entry.path().join(file)).unwrap_or_default();
        let parent = read("stat").rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok());
        if let Some(parent) = parent {
            parents.insert(id, (parent, read("cmdline")));
        }
    }
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let descends = |mut id: i32| {
        for _ in 0..8 {
            match parents.get(&id) {
                Some((parent, _)) if *parent == own => return true,
                Some((parent, _)) => id = *parent,
                None => return false,
            }
        }
        false
    };
    parents.iter().filter(|(id, _)| descends(**id)).map(|(id, (_, command))| (*id, command.clone())).collect()
}

/// What this process holds.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    processes: usize,
    descriptors: usize,
    threads: usize,
    mounts: usize,
    groups: usize,
    temporary: usize,
    resident_kb: u64,
}

impl Held {
    fn now() -> Result<Self, Box<dyn Error>> {
        let status = fs::read_to_string("/proc/self/status")?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().trim_end_matches(" kB").parse::<u64>().ok()
        };
        let groups = ["memory", "pids"].iter().map(|tree| count_named(&format!("/sys/fs/cgroup/{tree}"))).sum();
        Ok(Self {
            processes: below().len(),
            descriptors: fs::read_dir("/proc/self/fd")?.count(),
            threads: fs::read_dir("/proc/self/task")?.count(),
            mounts: fs::read_to_string("/proc/self/mounts")?.lines().count(),
            groups,
            temporary: count_files(&std::env::temp_dir()),
            resident_kb: field("VmRSS:").unwrap_or(0),
        })
    }

    /// Memory may differ by what the allocator keeps; nothing else may.
    fn same(&self, before: &Self) -> bool {
        let flat = self.resident_kb <= before.resident_kb + KEPT;
        flat && Self { resident_kb: 0, ..*self } == Self { resident_kb: 0, ..*before }
    }
}

/// Files and directories beneath a directory, but those that the cache for compiled code keeps.
fn count_files(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name() != "code").map(|entry| 1 + count_files(&entry.path())).sum()
}

/// Control groups of ours beneath a directory.
fn count_named(directory: &str) -> usize {
    let own = format!("gauntlet-{}-", std::process::id());
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| {
            let here = usize::from(entry.file_name().to_string_lossy().starts_with(&own));
            here + count_named(&entry.path().to_string_lossy())
        })
        .sum()
}

fn number(name: &str) -> Result<Option<usize>, Box<dyn Error>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    Ok(arguments.next().map(|number| number.parse()).transpose()?)
}
