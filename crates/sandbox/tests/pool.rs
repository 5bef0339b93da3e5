//! The pool with workers that are killed, lie or hang, on hosts that have run out of something. The worker is this program started
//! again, so `main` begins by becoming one.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests, and what runs them")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gauntlet_policy::Policy;
use gauntlet_record::{Cause, Ending, LimitKey};
use gauntlet_sandbox::audit::{AuditEntry, AuditLine, AuditLog, Fsync};
use gauntlet_sandbox::queue::{Queue, QueueSize};
use gauntlet_sandbox::tenants::Tenant;
use gauntlet_sandbox::watch::{Watch, Watched};
use gauntlet_sandbox::{Bytes, DenyList, Guest, Pool, PoolBuilder, Sandbox, Worker, worker_main};
use gauntlet_target::{Job, Outcome, Target, TargetError};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Returns at once.
const IDLE: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
/// Goes on until it is stopped.
const SPIN: &str = r#"(module (memory (export "memory") 1) (func (export "_start") (loop $again (br $again))))"#;
/// For guests that are to be killed from outside, and by no limit before that.
const PATIENT: &str = "limits: { deadline: 120s, cpu-time: 120s, compile-time: 120s, fuel: unlimited }";
/// For workers that are not ours: no launcher is asked for.
const BARE: &str = "isolation: { namespaces: off, cgroup: off }";

fn policy(more: &str) -> Policy {
    Policy::parse("pool", &format!("version: 1\n{more}\n")).unwrap()
}

fn job(guest: &str, more: &str) -> Job {
    Job { guest: wat::parse_str(guest).unwrap(), policy: policy(more), ..Job::default() }
}

/// A guest that is large enough to be kept compiled.
fn large() -> String {
    format!(
        r#"(module (memory (export "memory") 1) (data (i32.const 0) "{}") (func (export "_start")))"#,
        "a".repeat(8192)
    )
}

/// Many locals in many functions: 48 kB that a compiler needs 20 s for.
fn bomb() -> Vec<u8> {
    use wasm_encoder::{
        CodeSection, ExportKind, ExportSection, Function, FunctionSection, Module, TypeSection, ValType,
    };
    const FUNCTIONS: u32 = 6_000;
    let (mut types, mut functions, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    for _ in 0..FUNCTIONS {
        functions.function(0);
        let mut body = Function::new([(49_999, ValType::I32)]);
        body.instructions().end();
        code.function(&body);
    }
    let mut exports = ExportSection::new();
    exports.export("_start", ExportKind::Func, 0);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&exports).section(&code);
    module.finish()
}

/// A directory that workers of another user can pass.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    folder
}

fn one() -> PoolBuilder {
    Pool::builder().min(1).max(1)
}

fn ending(outcome: &Outcome) -> (Ending, Option<Cause>, Option<i32>) {
    (outcome.ending.ending, outcome.ending.cause, outcome.ending.signal)
}

fn returned(outcome: &Outcome) {
    assert_eq!(outcome.ending.ending, Ending::Returned, "{:?}", outcome.ending);
}

/// A process below this one.
#[derive(Debug, Clone)]
struct Below {
    id: i32,
    /// The word after `worker`: `launch`, `first`, or the number of a worker's parent.
    role: String,
    /// CPU time in ticks, of which there are 100 in a second.
    ticks: u64,
}

fn below() -> Vec<Below> {
    let mut parents: BTreeMap<i32, (i32, Below)> = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let read = |file: &str| fs::read_to_string(entry.path().join(file)).unwrap_or_default();
        let stat = read("stat");
        let Some((_, rest)) = stat.rsplit_once(") ") else { continue };
        let fields: Vec<&str> = rest.split(' ').collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
        let role = read("cmdline").split('\0').skip_while(|word| *word != "worker").nth(1).unwrap_or("").to_owned();
        let process = Below { id, role, ticks: number(11) + number(12) };
        parents.insert(id, (i32::try_from(number(1)).unwrap_or(0), process));
    }
    let own = i32::try_from(std::process::id()).unwrap();
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
    parents.iter().filter(|(id, _)| descends(**id)).map(|(_, (_, process))| process.clone()).collect()
}

/// Waits until some process below us is as it should be. A test that waits for ever is ended by whoever runs it.
fn find(what: impl Fn(&Below) -> bool) -> i32 {
    loop {
        if let Some(found) = below().into_iter().find(&what) {
            return found.id;
        }
        std::thread::yield_now();
    }
}

/// Whether a process is there and no zombie, whoever its parent is by now.
fn lives(id: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn is_worker(process: &Below) -> bool {
    process.role.parse::<u32>().is_ok()
}

fn kill(id: i32, signal: Signal) {
    kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
}

/// A program that takes the place of the worker and does something else.
fn impostor(folder: &TempDir, script: &str) -> PathBuf {
    let path = folder.path().join("impostor");
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o755).open(&path).unwrap();
    writeln!(file, "#!/bin/sh\n{script}").unwrap();
    path
}

fn a_worker_killed_before_it_has_its_guest_is_replaced() {
    let pool = one().build().unwrap();
    let job = job(IDLE, "");
    pool.warm(&job.policy).unwrap();
    kill(find(is_worker), Signal::KILL);
    returned(&pool.run(&job).unwrap());
    // Which of both the second attempt was is for the keeper's thread to say. It is one run all the same.
    let status = pool.status();
    assert_eq!((status.warm_starts + status.cold_starts, status.ready <= 1), (1, true));
}

fn a_launcher_killed_between_runs_is_replaced() {
    let pool = one().build().unwrap();
    let job = job(IDLE, "");
    for role in ["launch", "first"] {
        returned(&pool.run(&job).unwrap());
        let Some(victim) = below().into_iter().find(|process| process.role == role) else {
            println!("  (no `{role}`: this host gives no namespaces)");
            return;
        };
        let workers: Vec<Below> = below().into_iter().filter(is_worker).collect();
        kill(victim.id, Signal::KILL);
        // The worker that was ready ends with it, a little later: until then it might still take a guest along.
        while workers.iter().any(|worker| lives(worker.id)) {
            std::thread::yield_now();
        }
        returned(&pool.run(&job).unwrap());
    }
}

fn a_worker_killed_while_its_guest_runs_is_a_death_and_the_next_run_is_well() {
    let pool = one().build().unwrap();
    let spin = job(SPIN, PATIENT);
    let outcome = std::thread::scope(|scope| {
        let run = scope.spawn(|| pool.run(&spin));
        kill(find(|process| is_worker(process) && process.ticks >= 20), Signal::KILL);
        run.join().unwrap().unwrap()
    });
    assert_eq!(ending(&outcome), (Ending::WorkerDied, None, Some(9)));
    returned(&pool.run(&job(IDLE, PATIENT)).unwrap());
}

fn a_launcher_killed_while_a_guest_runs_is_a_death_and_no_fault_of_the_guest() {
    let pool = one().build().unwrap();
    let spin = job(SPIN, PATIENT);
    let outcome = std::thread::scope(|scope| {
        let run = scope.spawn(|| pool.run(&spin));
        let worker = find(|process| is_worker(process) && process.ticks >= 20);
        let launcher = below().into_iter().find(|process| process.role == "launch");
        kill(launcher.map_or(worker, |launcher| launcher.id), Signal::KILL);
        run.join().unwrap().unwrap()
    });
    assert_eq!(outcome.ending.ending, Ending::WorkerDied);
    assert!(matches!(outcome.ending.signal, None | Some(9)), "{:?}", outcome.ending);
    returned(&pool.run(&job(IDLE, PATIENT)).unwrap());
}

fn a_worker_killed_while_it_compiles_is_a_death_with_and_without_a_cache() {
    let folder = folder();
    for pool in [one(), one().cache(folder.path().join("cache"), 1 << 20)] {
        let pool = pool.build().unwrap();
        let slow = Job { guest: bomb(), policy: policy(PATIENT), ..Job::default() };
        let outcome = std::thread::scope(|scope| {
            let run = scope.spawn(|| pool.run(&slow));
            kill(find(|process| is_worker(process) && process.ticks >= 30), Signal::KILL);
            run.join().unwrap().unwrap()
        });
        assert_eq!(ending(&outcome), (Ending::WorkerDied, None, Some(9)));
        returned(&pool.run(&job(&large(), PATIENT)).unwrap());
    }
}

fn a_worker_that_is_stopped_does_not_hold_its_parent() {
    let pool = one().build().unwrap();
    // More than a pipe holds, so that whoever waited for the worker to take it would wait for ever.
    let large = format!(
        r#"(module (memory (export "memory") 64) (data (i32.const 0) "{}") (func (export "_start")))"#,
        "a".repeat(1 << 20)
    );
    let job = job(&large, "limits: { deadline: 500ms }");
    pool.warm(&job.policy).unwrap();
    kill(find(is_worker), Signal::STOP);
    let outcome = pool.run(&job).unwrap();
    assert_eq!(ending(&outcome), (Ending::LimitReached, Some(Cause::Limit(LimitKey::Deadline)), None));
}

fn an_impostor_for_a_worker_ends_typed_whatever_it_does() {
    // Answers in the words of the protocol: ready, with nothing confined.
    let ready = r"printf 'R\002\000\000\000[]'";
    let cases = [
        ("dies at once", "kill -9 $$".to_owned(), "worker-died"),
        ("exits", "exit 3".to_owned(), "worker-died"),
        ("says nothing", "exec sleep 1000".to_owned(), "limit-reached"),
        ("closes its end and stays", "exec sleep 1000 >/dev/null".to_owned(), "worker-died"),
        ("speaks nonsense", "echo hello, how are you".to_owned(), "broke the protocol"),
        ("writes zeros without end", "exec cat /dev/zero".to_owned(), "broke the protocol"),
        ("is ready again and again", format!("while :; do {ready}; done"), "broke the protocol"),
        (
            "writes output without end",
            format!("{ready}; while :; do printf 'o\\004\\000\\000\\000abcd'; done"),
            "limit-reached",
        ),
        (
            "announces more than a frame holds",
            format!("{ready}; printf 'o\\377\\377\\377\\377'; sleep 1000"),
            "broke the protocol",
        ),
        (
            "announces much and sends little",
            format!("{ready}; printf 'o\\000\\000\\377\\000'; sleep 1000"),
            "limit-reached",
        ),
        (
            "claims a result of nonsense",
            format!("{ready}; printf 'F\\002\\000\\000\\000{{}}'; sleep 1000"),
            "broke the protocol",
        ),
    ];
    for (what, script, expected) in cases {
        let folder = folder();
        let pool = one().min(0).program(impostor(&folder, &script)).build().unwrap();
        let outcome = pool.run(&job(IDLE, &format!("limits: {{ deadline: 400ms, output: 1KiB }}\n{BARE}")));
        let seen = match &outcome {
            Ok(outcome) => outcome.ending.ending.as_str().to_owned(),
            Err(error) => error.to_string(),
        };
        assert!(seen.contains(expected), "one that {what}: {seen}");
        if let Ok(outcome) = &outcome {
            assert!(outcome.stdout.len() <= (64 << 10) + (2 << 10), "one that {what}: {}", outcome.stdout.len());
        }
        drop(pool);
        assert!(below().is_empty(), "one that {what} is left: {:?}", below());
    }
}

fn a_job_too_large_for_a_frame_is_refused() {
    const FRAME: usize = 64 << 20;
    let pool = one().min(0).build().unwrap();
    let targets: [&dyn Target; 2] = [&pool, &Worker::new()];
    for target in targets {
        let huge =
            Job { guest: vec![0; FRAME + 1], policy: policy("limits: { module-size: unlimited }"), ..Job::default() };
        let outcome = target.run(&huge).unwrap();
        assert_eq!(ending(&outcome), (Ending::Refused, Some(Cause::Limit(LimitKey::ModuleSize)), None));
        let stdin = Job { stdin: vec![0; FRAME], ..job(IDLE, "grants: { stdin: inherit }") };
        let error = target.run(&stdin).unwrap_err();
        assert!(matches!(&error, TargetError::LimitUnenforced { key, .. } if key == "grants.stdin"), "{error}");
        // The same bytes under the usual limit are the worker's to refuse.
        let outcome = target.run(&Job { guest: vec![0; 11 << 20], policy: policy(""), ..Job::default() }).unwrap();
        assert_eq!(ending(&outcome), (Ending::Refused, Some(Cause::Limit(LimitKey::ModuleSize)), None));
    }
}

fn a_full_disk_keeps_nothing_and_guests_run_all_the_same() {
    use nix::mount::{MntFlags, MsFlags, mount, umount2};
    struct Mounted(PathBuf);
    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = umount2(&self.0, MntFlags::MNT_DETACH);
        }
    }
    for (full_of, options) in [("bytes", "size=256k,mode=711"), ("inodes", "size=16m,nr_inodes=24,mode=711")] {
        let folder = folder();
        let place = folder.path().join("disk");
        fs::create_dir(&place).unwrap();
        if let Err(errno) = mount(Some("tmpfs"), &place, Some("tmpfs"), MsFlags::empty(), Some(options)) {
            println!("  (not tried: mounting a tmpfs gave {errno})");
            return;
        }
        let mounted = Mounted(place.clone());
        let pool = one().cache(place.join("cache"), 1 << 20).build().unwrap();
        if full_of == "bytes" {
            let mut filler = fs::File::create(place.join("filler")).unwrap();
            while filler.write_all(&[1; 4096]).is_ok() {}
        } else {
            let mut made = 0;
            while fs::File::create(place.join(format!("filler-{made}"))).is_ok() {
                made += 1;
            }
        }
        for _ in 0..3 {
            returned(&pool.run(&job(&large(), "")).unwrap());
        }
        assert_eq!(pool.status().cache_hits, 0, "nothing can be kept on a disk that is full of {full_of}");
        drop(pool);
        drop(mounted);
    }
}

fn a_deny_list_holds_for_kept_code_and_ready_workers_at_once() {
    let folder = folder();
    let list = Arc::new(DenyList::new());
    let pool = one().cache(folder.path().join("cache"), 1 << 20).deny_list(Arc::clone(&list)).build().unwrap();
    let (kept, other) = (job(&large(), ""), job(IDLE, ""));
    returned(&pool.run(&kept).unwrap());
    returned(&pool.run(&kept).unwrap());
    assert_eq!((pool.status().cache_hits, pool.status().cache_misses), (1, 1));
    list.deny_module(&gauntlet_record::digest(&kept.guest), "found out").unwrap();
    assert_eq!(ending(&pool.run(&kept).unwrap()), (Ending::Refused, Some(Cause::RefusedModule), None));
    returned(&pool.run(&other).unwrap());
    list.deny_engine(&format!("{} {}", gauntlet_sandbox::ENGINE, gauntlet_sandbox::ENGINE_VERSION), "an advisory")
        .unwrap();
    assert_eq!(ending(&pool.run(&other).unwrap()), (Ending::Refused, Some(Cause::RefusedModule), None));
}

fn a_guest_that_is_denied_while_it_is_compiled_does_not_run() {
    let list = Arc::new(DenyList::new());
    let pool = one().deny_list(Arc::clone(&list)).build().unwrap();
    // Writes if it runs. It takes long enough to compile that the list changes before it can.
    let slow = Job { guest: bomb(), policy: policy(PATIENT), ..Job::default() };
    let outcome = std::thread::scope(|scope| {
        let run = scope.spawn(|| pool.run(&slow));
        find(|process| is_worker(process) && process.ticks >= 10);
        list.deny_module(&gauntlet_record::digest(&slow.guest), "found out").unwrap();
        run.join().unwrap().unwrap()
    });
    assert_eq!(ending(&outcome), (Ending::Refused, Some(Cause::RefusedModule), None));
}

fn two_pools_share_a_directory_for_compiled_code() {
    let folder = folder();
    // Room for one entry only, so that the two take each other's away all the time.
    let pools: Vec<Pool> =
        (0..2).map(|_| Pool::builder().max(1).cache(folder.path().join("cache"), 1).build().unwrap()).collect();
    std::thread::scope(|scope| {
        for pool in &pools {
            scope.spawn(move || {
                for round in 0..6 {
                    let guest = large().replacen("aaaa", &format!("{round:04}"), 1);
                    returned(&pool.run(&job(&guest, "")).unwrap());
                    returned(&pool.run(&job(&large(), "")).unwrap());
                }
            });
        }
    });
    drop(pools);
    for kind in ["slots", "making"] {
        let left = fs::read_dir(folder.path().join("cache").join(kind)).unwrap().count();
        assert_eq!(left, 0, "{kind}");
    }
}

fn a_policy_that_changes_between_runs_is_the_one_in_force() {
    let pool = one().build().unwrap();
    for (more, key) in [
        ("limits: { fuel: 10_000 }", LimitKey::Fuel),
        ("limits: { fuel: unlimited, deadline: 200ms }", LimitKey::Deadline),
        ("limits: { fuel: unlimited, cpu-time: 100ms }", LimitKey::CpuTime),
        ("limits: { fuel: 20_000 }", LimitKey::Fuel),
    ] {
        let outcome = pool.run(&job(SPIN, more)).unwrap();
        assert_eq!(ending(&outcome), (Ending::LimitReached, Some(Cause::Limit(key)), None), "{more}");
    }
    // Policies that differ in memory have a launcher each; those that nobody uses go.
    for memory in 1..=12 {
        returned(&pool.run(&job(IDLE, &format!("limits: {{ memory: {memory}MiB }}"))).unwrap());
    }
    let launchers = below().into_iter().filter(|process| process.role == "launch").count();
    assert!(launchers <= 8, "{launchers}");
}

fn tenants_take_turns_have_code_of_their_own_and_a_full_queue_is_a_refusal() {
    let folder = folder();
    let pool = one().waiting(1).cache(folder.path().join("cache"), 1 << 20).build().unwrap();
    let (acme, other) = (Tenant::new("acme"), Tenant::new("other"));
    let kept = job(&large(), "");
    for tenant in [&acme, &acme, &other] {
        returned(&pool.run_for(tenant, &kept).unwrap());
    }
    assert_eq!((pool.status().cache_hits, pool.status().cache_misses), (1, 2));

    let spin = job(SPIN, PATIENT);
    std::thread::scope(|scope| {
        let runs = scope.spawn(|| pool.run_for(&acme, &spin));
        let worker = find(|process| is_worker(process) && process.ticks >= 10);
        let waits = scope.spawn(|| pool.run_for(&other, &kept));
        while pool.status().waiting == 0 {
            std::thread::yield_now();
        }
        let refused = pool.run_for(&acme, &kept).unwrap();
        assert_eq!(ending(&refused), (Ending::Refused, Some(Cause::RefusedTenant), None));
        kill(worker, Signal::KILL);
        assert_eq!(runs.join().unwrap().unwrap().ending.ending, Ending::WorkerDied);
        returned(&waits.join().unwrap().unwrap());
    });
    assert_eq!((pool.status().running, pool.status().waiting), (0, 0));
}

fn a_run_that_waited_long_enough_is_refused() {
    let pool = one().patience(Duration::from_millis(1)).build().unwrap();
    let spin = job(SPIN, PATIENT);
    std::thread::scope(|scope| {
        let runs = scope.spawn(|| pool.run(&spin));
        let worker = find(|process| is_worker(process) && process.ticks >= 10);
        let refused = pool.run(&job(IDLE, "")).unwrap();
        assert_eq!(ending(&refused), (Ending::Refused, Some(Cause::RefusedTenant), None));
        kill(worker, Signal::KILL);
        assert_eq!(runs.join().unwrap().unwrap().ending.ending, Ending::WorkerDied);
    });
}

fn kept_code_does_not_lift_what_a_tighter_policy_says_of_globals() {
    let folder = folder();
    let pool = one().cache(folder.path().join("cache"), 1 << 20).build().unwrap();
    let globals = large().replacen("(memory", &format!("{}(memory", "(global i32 (i32.const 0))".repeat(10_000)), 1);
    for _ in 0..2 {
        returned(&pool.run(&job(&globals, "")).unwrap());
    }
    assert_eq!(pool.status().cache_hits, 1);
    let tight = pool.run(&job(&globals, "limits: { memory: 128KiB }")).unwrap();
    assert_eq!(ending(&tight), (Ending::Refused, Some(Cause::Limit(LimitKey::Memory)), None));
}

fn a_watched_pool_keeps_tenants_apart_and_logs_each_run_once() {
    let folder = folder();
    let path = folder.path().join("audit.jsonl");
    let watch = Watch::builder().log(Arc::new(AuditLog::open(&path, Fsync::Never).unwrap())).build();
    let pool = one().cache(folder.path().join("cache"), 1 << 20).build().unwrap();
    // No more than one may wait, so that of three at once one is refused, and logged as that.
    let watched = Watched::new(pool, watch).queue(Queue::new(QueueSize::new(1, 1)));
    let (acme, other) = (Tenant::new("acme"), Tenant::new("other"));
    let kept = job(&large(), "per-tenant: { concurrent: 1 }");
    for tenant in [&acme, &acme, &other] {
        returned(&watched.run_for(tenant, &kept).unwrap().outcome);
    }
    let status = watched.target().status();
    assert_eq!((status.cache_hits, status.cache_misses), (1, 2), "code is kept for each tenant apart");

    let spin = job(SPIN, PATIENT);
    std::thread::scope(|scope| {
        let runs = scope.spawn(|| watched.run_for(&acme, &spin));
        let worker = find(|process| is_worker(process) && process.ticks >= 10);
        // Of these two one waits and one is refused.
        let others: Vec<_> = (0..2).map(|_| scope.spawn(|| watched.run_for(&other, &kept))).collect();
        while others.iter().all(|other| !other.is_finished()) {
            std::thread::yield_now();
        }
        kill(worker, Signal::KILL);
        runs.join().unwrap().unwrap();
        let mut seen: Vec<bool> =
            others.into_iter().map(|other| other.join().unwrap().unwrap().seen.is_some()).collect();
        seen.sort_unstable();
        assert_eq!(seen, [false, true]);
    });
    drop(watched);
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    let mut refused = 0;
    for line in fs::read_to_string(&path).unwrap().lines() {
        match AuditLine::parse(line).unwrap().entry {
            AuditEntry::Start(start) => assert_eq!(ends.insert(start.run.to_string(), 0), None),
            AuditEntry::End(end) => *ends.get_mut(&end.run.to_string()).unwrap() += 1,
            AuditEntry::Refused(_) => refused += 1,
            _ => {}
        }
    }
    assert_eq!((ends.len(), refused), (5, 1));
    assert!(ends.values().all(|ends| *ends == 1), "{ends:?}");
}

fn a_compile_bomb_ends_typed_and_its_worker_is_gone() {
    let folder = folder();
    for (what, pool) in
        [("compiled where it runs", one()), ("compiled to be kept", one().cache(folder.path().join("cache"), 1 << 20))]
    {
        let pool = pool.min(0).build().unwrap();
        let job = Job { guest: bomb(), policy: policy("limits: { compile-time: 500ms }"), ..Job::default() };
        assert!(job.guest.len() < 64 << 10, "{}", job.guest.len());
        let began = Instant::now();
        let outcome = pool.run(&job).unwrap();
        let took = began.elapsed();
        assert_eq!(ending(&outcome), (Ending::LimitReached, Some(Cause::Limit(LimitKey::CompileTime)), None));
        let used = |key| outcome.usage.iter().find(|usage| usage.limit == key).and_then(|usage| usage.used);
        let compiling = Duration::from_nanos(used(LimitKey::CompileTime).unwrap());
        assert!(compiling >= Duration::from_millis(500));
        drop(pool);
        assert!(below().is_empty(), "{:?}", below());
        let over = compiling.saturating_sub(Duration::from_millis(500));
        println!("  {what}: overshoot {over:.1?}, the run took {took:.1?}, worker gone after {:.1?}", began.elapsed());
    }
}

fn a_sandbox_is_warm_from_its_second_run_on() {
    let folder = folder();
    let add = r#"(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"#;
    let add = Guest::new(wat::parse_str(add).unwrap());
    let sandbox = Sandbox::builder().build().unwrap();
    assert_eq!(sandbox.call::<_, i32>(&add, "add", (1, 2)).unwrap(), 3);
    assert!(below().is_empty(), "whoever calls once keeps nothing");
    for i in 0..5 {
        assert_eq!(sandbox.call::<_, i32>(&add, "add", (i, 2)).unwrap(), i + 2);
    }
    find(is_worker);
    drop(sandbox);
    assert!(below().is_empty(), "{:?}", below());

    let cached = Sandbox::builder().cache_dir(folder.path().join("cache"), Bytes::mib(1)).build().unwrap();
    let large = Guest::new(wat::parse_str(large()).unwrap());
    returned(&cached.run(&large).unwrap());
    returned(&cached.run(&large).unwrap());
    assert_eq!(fs::read_dir(folder.path().join("cache/code")).unwrap().count(), 1, "one tenant");
    let own = Sandbox::builder().pool(Pool::builder().max(1).waiting(0)).build().unwrap();
    assert_eq!(own.call::<_, i32>(&add, "add", (1, 2)).unwrap(), 3);
}

/// Runs one of [`CHILDREN`] in a process of its own, as somebody who is not root where that can be chosen.
fn in_a_process_of_its_own(child: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    // Our own program may lie where nobody else can read it.
    let program = folder.path().join("pool");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(&program);
    command.args(["child", child]).current_dir("/");
    if rustix::process::geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    assert!(command.status().unwrap().success(), "{child}");
}

fn no_descriptors_left_is_a_typed_error_and_passes() {
    in_a_process_of_its_own("descriptors");
}

fn no_processes_left_is_a_typed_error_and_passes() {
    in_a_process_of_its_own("processes");
}

fn open_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn without_descriptors() {
    let pool = one().min(0).build().unwrap();
    let job = job(IDLE, "");
    returned(&pool.run(&job).unwrap());
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let open = u64::try_from(open_descriptors()).unwrap();
    let mut errors = 0;
    // None at all, until what was ready is used up; then ever more.
    for few in [3; 6].into_iter().chain(open - 1..open + 23) {
        setrlimit(Resource::RLIMIT_NOFILE, few, hard).unwrap();
        match pool.run(&job) {
            // Whatever could be opened was enough, or its worker could not begin.
            Ok(outcome) => {
                assert!(matches!(outcome.ending.ending, Ending::Returned | Ending::WorkerDied), "{outcome:?}")
            }
            Err(TargetError::Spawn { .. } | TargetError::Io { .. } | TargetError::Unconfined { .. }) => errors += 1,
            Err(other) => panic!("{few} descriptors: {other}"),
        }
    }
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    assert!(errors > 0, "with none left no worker is started");
    returned(&pool.run(&job).unwrap());
    drop(pool);
    assert!(below().is_empty());
    // The pool's own are gone, and so are those of all that failed.
    assert!(open_descriptors() <= usize::try_from(open).unwrap());
}

fn without_processes() {
    let pool = one().min(0).build().unwrap();
    let job = job(IDLE, "");
    let (soft, hard) = getrlimit(Resource::RLIMIT_NPROC).unwrap();
    setrlimit(Resource::RLIMIT_NPROC, 0, hard).unwrap();
    for _ in 0..3 {
        let error = pool.run(&job).unwrap_err();
        assert!(
            matches!(&error, TargetError::Spawn { source, .. } if source.raw_os_error() == Some(nix::libc::EAGAIN)),
            "{error:?}"
        );
    }
    setrlimit(Resource::RLIMIT_NPROC, soft, hard).unwrap();
    returned(&pool.run(&job).unwrap());
}

/// What is run in a process of its own.
const CHILDREN: [(&str, fn()); 2] = [("descriptors", without_descriptors), ("processes", without_processes)];

macro_rules! tests {
    ($($test:ident),* $(,)?) => { [$((stringify!($test), $test as fn())),*] };
}

fn main() -> ExitCode {
    if let Some(code) = worker_main() {
        return ExitCode::from(code);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [child, name] = arguments.as_slice()
        && child == "child"
    {
        CHILDREN.iter().find(|(child, _)| child == name).unwrap().1();
        return ExitCode::SUCCESS;
    }
    let tests = tests![
        a_worker_killed_before_it_has_its_guest_is_replaced,
        a_launcher_killed_between_runs_is_replaced,
        a_worker_killed_while_its_guest_runs_is_a_death_and_the_next_run_is_well,
        a_launcher_killed_while_a_guest_runs_is_a_death_and_no_fault_of_the_guest,
        a_worker_killed_while_it_compiles_is_a_death_with_and_without_a_cache,
        a_worker_that_is_stopped_does_not_hold_its_parent,
        an_impostor_for_a_worker_ends_typed_whatever_it_does,
        a_job_too_large_for_a_frame_is_refused,
        a_full_disk_keeps_nothing_and_guests_run_all_the_same,
        a_deny_list_holds_for_kept_code_and_ready_workers_at_once,
        a_guest_that_is_denied_while_it_is_compiled_does_not_run,
        two_pools_share_a_directory_for_compiled_code,
        a_policy_that_changes_between_runs_is_the_one_in_force,
        tenants_take_turns_have_code_of_their_own_and_a_full_queue_is_a_refusal,
        a_run_that_waited_long_enough_is_refused,
        kept_code_does_not_lift_what_a_tighter_policy_says_of_globals,
        a_watched_pool_keeps_tenants_apart_and_logs_each_run_once,
        a_compile_bomb_ends_typed_and_its_worker_is_gone,
        a_sandbox_is_warm_from_its_second_run_on,
        no_descriptors_left_is_a_typed_error_and_passes,
        no_processes_left_is_a_typed_error_and_passes,
    ];
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    for (name, test) in tests {
        if wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str())) {
            test();
            // Whatever a test did, it leaves no process behind.
            assert!(below().is_empty(), "{name} left {:?}", below());
            println!("test {name} ... ok");
        }
    }
    ExitCode::SUCCESS
}
