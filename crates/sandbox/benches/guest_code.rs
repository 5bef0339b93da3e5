//! What metering costs a guest's own code: ours against the raw engine with the same metering, and against none.
//!
//! `cargo bench -p gauntlet-sandbox --bench guest_code` prints a table: four guests, five ways to bound them. `kill` is how a worker
//! runs with `fuel: unlimited`: nothing is checked in the guest's code, and somebody outside holds the deadline; its raw side is the
//! engine without any metering. `epoch` and `both` are how the library meters in this process. Each side calls the same function of an
//! instance that lives; what a call itself costs is the bench `inline`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and ends where it fails")]

use std::process::ExitCode;
use std::time::Duration;

use criterion::Criterion;
use gauntlet_policy::Policy;
use gauntlet_sandbox::{Guest, LimitKey, Placement, Sandbox, Session, Worker, worker_main};
use gauntlet_target::{Job, Target as _};
use wasmtime::{Config, Engine, Instance, Module, Store, TypedFunc};

/// Interleaved rounds.
const ROUNDS: usize = 15;
/// Runs in a worker, and calls in each: many, so that what the worker does besides does not count.
const WORKERS: usize = 3;
const CALLS: u32 = 200;

const GUESTS: [(&str, &str); 4] = [
    (
        "sieve",
        r#"(module (memory (export "memory") 32) (func $run (export "run") (param $n i32) (result i32)
        (local $i i32) (local $j i32) (local $count i32)
        (local.set $i (i32.const 2))
        (loop $outer
          (if (i32.eqz (i32.load8_u (local.get $i)))
            (then
              (local.set $count (i32.add (local.get $count) (i32.const 1)))
              (local.set $j (i32.add (local.get $i) (local.get $i)))
              (block $done
                (loop $inner
                  (br_if $done (i32.ge_u (local.get $j) (i32.const 2000000)))
                  (i32.store8 (local.get $j) (i32.const 1))
                  (local.set $j (i32.add (local.get $j) (local.get $i)))
                  (br $inner)))))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $outer (i32.lt_u (local.get $i) (i32.const 2000000))))
        (memory.fill (i32.const 0) (i32.const 0) (i32.const 2000000))
        (local.get $count)))"#,
    ),
    (
        "xorshift",
        r#"(module (func $run (export "run") (param $n i32) (result i32) (local $x i32)
        (local.set $x (i32.const 123456789))
        (local.set $n (i32.const 10000000))
        (loop $l
          (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 13))))
          (local.set $x (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 17))))
          (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 5))))
          (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $x)))"#,
    ),
    (
        "matmul",
        r#"(module (memory (export "memory") 20) (func $run (export "run") (param $n i32) (result i32)
        (local $i i32) (local $j i32) (local $k i32) (local $s f64)
        (loop $li
          (local.set $j (i32.const 0))
          (loop $lj
            (local.set $k (i32.const 0))
            (local.set $s (f64.const 0))
            (loop $lk
              (local.set $s (f64.add (local.get $s) (f64.mul
                (f64.load (i32.shl (i32.add (i32.mul (local.get $i) (i32.const 200)) (local.get $k)) (i32.const 3)))
                (f64.load offset=320000 (i32.shl (i32.add (i32.mul (local.get $k) (i32.const 200)) (local.get $j)) (i32.const 3))))))
              (br_if $lk (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 1))) (i32.const 200))))
            (f64.store offset=640000 (i32.shl (i32.add (i32.mul (local.get $i) (i32.const 200)) (local.get $j)) (i32.const 3)) (local.get $s))
            (br_if $lj (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (i32.const 200))))
          (br_if $li (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 200))))
        (i32.const 0)))"#,
    ),
    (
        "fib",
        r#"(module (func $fib (param i32) (result i32)
          (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
            (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
        (func $run (export "run") (param i32) (result i32) (call $fib (i32.const 30))))"#,
    ),
];

/// A way to bound a guest: name, epochs, fuel.
const WAYS: [(&str, bool, bool); 5] = [
    ("none", false, false),
    ("kill", false, false),
    ("epoch", true, false),
    ("fuel", false, true),
    ("both", true, true),
];

struct Raw {
    store: Store<()>,
    run: TypedFunc<i32, i32>,
}

impl Raw {
    fn new(text: &str, epoch: bool, fuel: bool) -> Self {
        let mut config = Config::new();
        config
            .epoch_interruption(epoch)
            .consume_fuel(fuel)
            .wasm_threads(false)
            .memory_init_cow(false)
            .concurrency_support(false);
        let engine = Engine::new(&config).unwrap();
        let module = Module::new(&engine, wat::parse_str(text).unwrap()).unwrap();
        let mut store = Store::new(&engine, ());
        if epoch {
            store.set_epoch_deadline(u64::MAX / 2);
        }
        if fuel {
            store.set_fuel(u64::MAX).unwrap();
        }
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let run = instance.get_typed_func(&mut store, "run").unwrap();
        Self { store, run }
    }

    fn time(&mut self) -> f64 {
        let began = cpu_time();
        self.run.call(&mut self.store, 0).unwrap();
        cpu_time() - began
    }
}

struct Ours(Session);

impl Ours {
    /// The library meters by epochs always, since nobody outside could end the call, and by fuel if there is a limit.
    fn new(text: &str, fuel: bool) -> Self {
        let long = Duration::from_secs(600);
        let builder = Sandbox::builder().placement(Placement::Inline).deadline(long).cpu_time(long);
        let builder = if fuel { builder.fuel(u64::MAX) } else { builder.unlimited(LimitKey::Fuel) };
        let guest = Guest::new(wat::parse_str(text).unwrap());
        Self(builder.build().unwrap().session(&guest).unwrap())
    }

    fn time(&mut self) -> f64 {
        let began = cpu_time();
        let _: i32 = self.0.call("run", (0,)).unwrap();
        cpu_time() - began
    }
}

/// A worker that calls the function many times, without any metering in its code.
fn worker(text: &str) -> Job {
    let all = text.trim_end().strip_suffix(')').unwrap();
    let many = format!(
        r#"{all} (func (export "_start") (local $n i32)
            (loop $again
              (drop (call $run (i32.const 0)))
              (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const {CALLS}))))))"#
    );
    let policy = "version: 1\nlimits: { fuel: unlimited, deadline: 5m, cpu-time: 5m }\n";
    Job { guest: wat::parse_str(many).unwrap(), policy: Policy::parse("bench", policy).unwrap(), ..Job::default() }
}

/// CPU time of one call in a worker, in seconds: what the worker counted from its job to the end.
fn worker_time(job: &Job) -> f64 {
    let outcome = Worker::new().run(job).unwrap();
    let used = outcome.usage.iter().find(|usage| usage.limit == LimitKey::CpuTime).and_then(|usage| usage.used);
    Duration::from_nanos(used.unwrap()).as_secs_f64() / f64::from(CALLS)
}

/// CPU time of this thread, on which both sides run their guests: a busy machine does not spoil it.
fn cpu_time() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap()).as_secs_f64()
}

/// The least of the rounds: the work is the same each time, and whatever disturbs it only adds.
fn least(times: &[f64]) -> f64 {
    times.iter().copied().fold(f64::INFINITY, f64::min)
}

fn main() -> ExitCode {
    if let Some(code) = worker_main() {
        return ExitCode::from(code);
    }
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    println!("{:<10} {:<6} {:>9} {:>12} {:>9} {:>10}", "guest", "way", "raw ms", "raw/none", "ours ms", "ours/raw");
    for (name, text) in GUESTS {
        let mut raw: Vec<Raw> = WAYS.iter().map(|(_, epoch, fuel)| Raw::new(text, *epoch, *fuel)).collect();
        let mut ours = [Ours::new(text, false), Ours::new(text, true)];
        let job = worker(text);
        let mut times = vec![Vec::new(); WAYS.len()];
        let mut mine = vec![Vec::new(); WAYS.len()];
        let mut means = Vec::new();
        for round in 0..ROUNDS {
            for (way, times) in raw.iter_mut().zip(&mut times) {
                times.push(way.time());
            }
            if round < WORKERS {
                // What a worker counts is the mean of many calls, so the other side's is, too.
                let mean = (0..CALLS).map(|_| raw[1].time()).sum::<f64>() / f64::from(CALLS);
                means.push(mean);
            }
            for ((way, epoch, fuel), mine) in WAYS.iter().zip(&mut mine) {
                match (*way, *epoch) {
                    (_, true) => mine.push(ours[usize::from(*fuel)].time()),
                    ("kill", _) if round < WORKERS => mine.push(worker_time(&job)),
                    _ => {}
                }
            }
        }
        let none = least(&times[0]);
        times[1] = means;
        for ((way, ..), (raw, mine)) in WAYS.iter().zip(times.iter().zip(&mine)) {
            let raw = least(raw);
            let shown = if mine.is_empty() {
                ("-".to_owned(), "-".to_owned())
            } else {
                (format!("{:.2}", least(mine) * 1e3), format!("{:.3}", least(mine) / raw))
            };
            println!("{name:<10} {way:<6} {:>9.2} {:>12.2} {:>9} {:>10}", raw * 1e3, raw / none, shown.0, shown.1);
        }
        criterion.bench_function(&format!("ours {name}, both"), |bencher| bencher.iter(|| ours[1].time()));
    }
    criterion.final_summary();
    ExitCode::SUCCESS
}
