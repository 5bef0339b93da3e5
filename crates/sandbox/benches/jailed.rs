//! What the jail costs: `cargo bench -p gauntlet-sandbox --bench jailed`.
//!
//! Everything that is compared is measured in turns within one run, because machines drift; the table shows ratios. With the path of the
//! engine's own command line and of ours as arguments (`-- --cli wasmtime --exec target/release/gauntlet`) those are measured, too.

#![expect(clippy::print_stdout, reason = "the table goes to standard output")]

use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gauntlet_policy::Policy;
use gauntlet_record::{Cause, Ending, LimitKey};
use gauntlet_sandbox::{Pool, Worker, worker_main};
use gauntlet_target::{Job, Outcome, Target};

/// Rounds of each comparison.
const ROUNDS: usize = 200;
/// How long each throughput is measured.
const STRETCH: Duration = Duration::from_secs(3);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    if let Some(code) = worker_main() {
        return Ok(ExitCode::from(code));
    }
    let cli = option("--cli").map(PathBuf::from);
    let policy = Policy::parse("bench", "version: 1\n").map_err(|_| "a faulty policy")?;
    let job = |guest: Vec<u8>| Job { guest, policy: policy.clone(), ..Job::default() };
    let tiny = job(wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start")))"#)?);
    let large = job(wat::parse_str(large())?);
    let directory = tempfile::tempdir()?;
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o711))?;
    let guest = directory.path().join("tiny.wasm");
    std::fs::write(&guest, &tiny.guest)?;

    let bare = Pool::builder().min(0).max(1).lifting(vec!["jail".into()])?.build()?;
    let cold = Pool::builder().min(0).max(1).build()?;
    let warm = Pool::builder().min(1).max(1).cache(directory.path().join("cache"), 64 << 20).build()?;
    warm.warm(&policy)?;
    let exec = option("--exec").map(PathBuf::from);
    let mut times: [Vec<Duration>; 5] = Default::default();
    for _ in 0..ROUNDS {
        times[0].push(timed(&bare, &tiny)?);
        times[1].push(timed(&cold, &tiny)?);
        rest();
        times[2].push(timed(&warm, &tiny)?);
        if let Some(cli) = &cli {
            let start = Instant::now();
            let status = Command::new(cli).arg("run").arg(&guest).stdout(Stdio::null()).status()?;
            assert!(status.success(), "the engine's own command line failed");
            times[3].push(start.elapsed());
        }
        if let Some(exec) = &exec {
            let start = Instant::now();
            let status = Command::new(exec).arg("exec").arg(&guest).stdout(Stdio::null()).status()?;
            assert!(status.success(), "gauntlet exec failed");
            times[4].push(start.elapsed());
        }
    }
    let [bare, cold, tiny_warm, by_cli, by_exec] = times.map(|mut times| {
        times.sort();
        times
    });
    let at = |times: &[Duration], share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    let p50 = |times: &[Duration]| at(times, 50);
    let ratio = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
    println!("| what | p50 | p99 | ratio |\n|---|---|---|---|");
    let row = |what: &str, times: &[Duration], ratio: String| {
        println!("| {what} | {:.2?} | {:.2?} | {ratio} |", p50(times), at(times, 99));
    };
    row("the same program started bare, unjailed", &bare, String::new());
    row("jailed, cold, namespaces held by a launcher", &cold, format!("{:.2} x bare", ratio(p50(&cold), p50(&bare))));
    row("jailed, warm, tiny module, a job every 10 ms", &tiny_warm, String::new());
    if !by_cli.is_empty() {
        row("the engine's own command line", &by_cli, String::new());
        println!("| jailed, warm, to that | | | {:.2} x |", ratio(p50(&tiny_warm), p50(&by_cli)));
        if !by_exec.is_empty() {
            row(
                "`gauntlet exec`, jail included",
                &by_exec,
                format!("{:.2} x that", ratio(p50(&by_exec), p50(&by_cli))),
            );
        }
    }

    let first = timed(&warm, &large)?;
    let (mut small, mut again) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS / 2 {
        rest();
        small.push(timed(&warm, &tiny)?);
        rest();
        again.push(timed(&warm, &large)?);
    }
    small.sort();
    again.sort();
    println!("| {} kB module, first run | {first:.2?} | | |", large.guest.len() / 1000);
    row("the same, later runs", &again, format!("{:.2} x tiny", ratio(p50(&again), p50(&small))));

    let one = throughput(1, &tiny)?;
    let two = throughput(2, &tiny)?;
    println!("| jobs a second, one lane | {one:.0} | | |");
    println!("| jobs a second, two lanes | {two:.0} | | {:.2} x one lane |", two / one);
    overshoot()?;
    println!("| a worker at rest | {:.1} MB resident | | |", resting(&warm, &policy)?);
    Ok(ExitCode::SUCCESS)
}

/// How far past its deadline a loop gets, and how far past its budget a compilation.
fn overshoot() -> Result<(), Box<dyn Error>> {
    let looping = wat::parse_str(r#"(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))"#)?;
    for (what, fuel) in
        [("deadline of 50 ms, metered", "fuel: 1_000_000_000_000"), ("the same, unmetered", "fuel: unlimited")]
    {
        let text = format!("version: 1\nlimits: {{ deadline: 50ms, {fuel} }}\n");
        let policy = Policy::parse("bench", &text).map_err(|_| "a faulty policy")?;
        let pool = Pool::builder().min(1).max(1).build()?;
        pool.warm(&policy)?;
        let job = Job { guest: looping.clone(), policy, ..Job::default() };
        let mut past = Vec::new();
        let mut early = 0;
        for _ in 0..ROUNDS {
            let outcome = pool.run(&job)?;
            assert_eq!(outcome.ending.cause, Some(Cause::Limit(LimitKey::Deadline)), "{:?}", outcome.ending);
            let used = usage(&outcome, LimitKey::Deadline).unwrap_or(0);
            early += usize::from(used < 50_000_000);
            past.push(Duration::from_nanos(used.saturating_sub(50_000_000)));
        }
        past.sort();
        println!(
            "| {what}: overshoot | {:.2?} | {:.2?} | {early} early |",
            past[past.len() / 2],
            past[past.len() * 99 / 100]
        );
    }
    let policy =
        Policy::parse("bench", "version: 1\nlimits: { compile-time: 500ms }\n").map_err(|_| "a faulty policy")?;
    let job = Job { guest: locals_bomb(), policy, ..Job::default() };
    let (mut past, mut memory) = (Vec::new(), 0);
    for _ in 0..5 {
        let outcome = Worker::new().run(&job)?;
        assert_eq!(outcome.ending.cause, Some(Cause::Limit(LimitKey::CompileTime)), "{:?}", outcome.ending);
        let used = usage(&outcome, LimitKey::CompileTime).unwrap_or(0);
        past.push(Duration::from_nanos(used.saturating_sub(500_000_000)));
        memory = memory.max(usage(&outcome, LimitKey::CompileMemory).unwrap_or(0));
    }
    past.sort();
    println!(
        "| compile bomb: past compile-time | {:.2?} | {:.2?} | {} MB at most |",
        past[2],
        past[4],
        memory / 1_000_000
    );
    Ok(())
}

fn usage(outcome: &Outcome, key: LimitKey) -> Option<u64> {
    outcome.usage.iter().find(|usage| usage.limit == key).and_then(|usage| usage.used)
}

/// 6 000 functions with 49 999 locals each, in 48 kB.
fn locals_bomb() -> Vec<u8> {
    use wasm_encoder::{CodeSection, Function, FunctionSection, Instruction, Module, TypeSection, ValType};
    let (mut types, mut functions, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
    types.ty().function([], []);
    for _ in 0..6000 {
        functions.function(0);
        let mut function = Function::new([(49_999, ValType::I64)]);
        function.instruction(&Instruction::End);
        code.function(&function);
    }
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    module.finish()
}

/// A pause between jobs, in which the next worker gets ready. The throughput rows leave none.
fn rest() {
    std::thread::sleep(Duration::from_millis(10));
}

fn timed(target: &dyn Target, job: &Job) -> Result<Duration, Box<dyn Error>> {
    let start = Instant::now();
    let outcome = target.run(job)?;
    let taken = start.elapsed();
    assert_eq!(outcome.ending.ending, Ending::Returned, "{:?}", outcome.ending);
    Ok(taken)
}

/// The value of an argument.
fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

fn throughput(lanes: usize, job: &Job) -> Result<f64, Box<dyn Error>> {
    let pool = Pool::builder().min(lanes).max(lanes).build()?;
    pool.warm(&job.policy)?;
    let done = AtomicU64::new(0);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..lanes {
            scope.spawn(|| {
                while start.elapsed() < STRETCH {
                    let outcome = pool.run(job).expect("the job runs");
                    assert_eq!(outcome.ending.ending, Ending::Returned);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    #[expect(clippy::cast_precision_loss, reason = "a few thousand jobs")]
    Ok(done.into_inner() as f64 / start.elapsed().as_secs_f64())
}

/// Resident memory of the worker that is ready, in MB: the largest process below us that is no launcher.
fn resting(pool: &Pool, policy: &Policy) -> Result<f64, Box<dyn Error>> {
    pool.warm(policy)?;
    let mut most = 0.0_f64;
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let read = |file: &str| std::fs::read_to_string(entry.path().join(file)).unwrap_or_default();
        let command = read("cmdline");
        if !command.contains("\0worker\0") || command.contains("launch") || command.contains("first") {
            continue;
        }
        let status = read("status");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        most = most.max(resident.and_then(|kb| kb.trim().parse::<f64>().ok()).unwrap_or(0.0) / 1000.0);
    }
    Ok(most)
}

/// A module of some 300 kB: 1 800 functions that each loop, calculate, load, store and call.
fn large() -> String {
    use std::fmt::Write as _;
    let mut text = String::from("(module (memory (export \"memory\") 1)\n");
    for number in 0..1800 {
        let next = (number + 1) % 1800;
        let _ = write!(
            text,
            "(func $f{number} (param i64) (result i64) (local i64 f64)
              (local.set 1 (i64.const {number}00))
              (loop $again
                (local.set 2 (f64.add (local.get 2) (f64.mul (f64.const {number}.5) (f64.convert_i64_s (local.get 1)))))
                (i64.store (i32.and (i32.wrap_i64 (local.get 1)) (i32.const 0xfff8))
                  (i64.add (i64.load (i32.const {offset})) (i64.trunc_sat_f64_s (local.get 2))))
                (if (i64.eqz (i64.and (local.get 1) (i64.const 7)))
                  (then (local.set 0 (i64.xor (local.get 0) (i64.shl (local.get 1) (i64.const 3)))))
                  (else (local.set 0 (i64.sub (local.get 0) (i64.const {number})))))
                (local.set 1 (i64.sub (local.get 1) (i64.const 1)))
                (br_if $again (i64.gt_s (local.get 1) (i64.const 0))))
              (if (result i64) (i64.eq (local.get 0) (i64.const -{number}))
                (then (call $f{next} (local.get 0))) (else (local.get 0))))\n",
            offset = number * 8,
        );
    }
    text.push_str("(func (export \"_start\")))");
    text
}
