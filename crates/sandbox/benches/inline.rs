//! What a run in the caller's process costs, against the raw engine's cycle with the same protections.
//!
//! `cargo bench -p gauntlet-sandbox --bench inline` prints criterion's figures, then a table of ratios from interleaved rounds: two
//! figures that were taken one after the other say more about the machine than about us.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and ends where it fails")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use gauntlet_sandbox::{Guest, LimitKey, Placement, Sandbox};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, InstancePre, Linker, Module, PoolingAllocationConfig, ResourceLimiter,
    Store, UpdateDeadline,
};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p1::{self, WasiP1Ctx};
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;

const EMPTY: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
/// Interleaved rounds of the table, and runs in each.
const ROUNDS: usize = 41;
const RUNS: u32 = 400;

/// The data of a raw store: what is needed for the same protections.
struct Raw {
    wasi: WasiP1Ctx,
    used: usize,
}

impl ResourceLimiter for Raw {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.used += desired - current;
        Ok(self.used <= 128 << 20)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= 10_000)
    }
}

/// The raw engine: one engine, one linked module, one runtime, as an embedder would keep them.
struct RawCycle {
    engine: Engine,
    linked: InstancePre<Raw>,
    runtime: tokio::runtime::Runtime,
}

impl RawCycle {
    fn new(pooled: bool) -> Self {
        let mut config = Config::new();
        config
            .wasm_threads(false)
            .concurrency_support(false)
            .consume_fuel(true)
            .epoch_interruption(true)
            .memory_init_cow(false)
            .max_wasm_stack(1 << 20)
            .async_stack_size(2 << 20);
        if pooled {
            let mut pool = PoolingAllocationConfig::new();
            pool.total_core_instances(32)
                .total_memories(64)
                .total_tables(128)
                .total_stacks(64)
                .max_memory_size(128 << 20)
                .table_elements(10_000)
                .linear_memory_keep_resident(128 << 10)
                .table_keep_resident(128 << 10);
            config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        }
        let engine = Engine::new(&config).unwrap();
        let mut linker: Linker<Raw> = Linker::new(&engine);
        p1::add_to_linker_async(&mut linker, |raw| &mut raw.wasi).unwrap();
        let module = Module::new(&engine, wat::parse_str(EMPTY).unwrap()).unwrap();
        let linked = linker.instantiate_pre(&module).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Self { engine, linked, runtime }
    }

    fn run(&self) {
        self.runtime.block_on(async {
            let (out, err) = (MemoryOutputPipe::new(1 << 20), MemoryOutputPipe::new(1 << 20));
            let wasi = WasiCtxBuilder::new().arg("guest").stdout(out.clone()).stderr(err.clone()).build_p1();
            let mut store = Store::new(&self.engine, Raw { wasi, used: 0 });
            store.limiter(|raw| raw);
            store.set_fuel(100_000_000).unwrap();
            store.set_hostcall_fuel(64 << 20);
            let start = Instant::now();
            store.set_epoch_deadline(1);
            store.epoch_deadline_callback(move |_| {
                if start.elapsed() > Duration::from_secs(10) {
                    return Err(wasmtime::Error::msg("late"));
                }
                Ok(UpdateDeadline::Yield(1))
            });
            let instance = self.linked.instantiate_async(&mut store).await.unwrap();
            let entry = instance.get_typed_func::<(), ()>(&mut store, "_start").unwrap();
            entry.call_async(&mut store, ()).await.unwrap();
            black_box((store.get_fuel().unwrap(), store.data().used));
            drop(store);
            black_box((out.contents(), err.contents()));
        });
    }
}

/// Ours: the same guest, with usage and captured output in the outcome.
struct Ours {
    sandbox: Sandbox,
    guest: Guest,
}

impl Ours {
    fn new(pooled: bool) -> Self {
        let builder = Sandbox::builder().placement(Placement::Inline);
        // Without a bound on tables there is no slot size, so that instances are made on demand.
        let builder = if pooled { builder } else { builder.unlimited(LimitKey::TableElements) };
        let ours = Self { sandbox: builder.build().unwrap(), guest: Guest::new(wat::parse_str(EMPTY).unwrap()) };
        ours.run();
        ours
    }

    fn run(&self) {
        let outcome = self.sandbox.run(&self.guest).unwrap();
        assert_eq!(outcome.usage.len(), LimitKey::ALL.len());
        black_box(outcome);
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Microseconds of one run: wall time, and CPU time of the whole process, which a busy machine does not spoil. Ours includes the ticker.
fn time(run: impl Fn()) -> (f64, f64) {
    let (began, cpu) = (Instant::now(), cpu_time());
    for _ in 0..RUNS {
        run();
    }
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(RUNS);
    (each(began.elapsed()), each(cpu_time().saturating_sub(cpu)))
}

fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap(), u32::try_from(time.tv_nsec).unwrap())
}

/// Wall and CPU time of a cycle, in microseconds: of the raw engine and of ours.
type Round = ((f64, f64), (f64, f64));

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(30);
    println!(
        "{:<12} {:>9} {:>9} {:>7} {:>11} {:>12} {:>7}",
        "instances", "raw us", "ours us", "ratio", "raw CPU us", "ours CPU us", "ratio"
    );
    for (name, pooled) in [("pooled", true), ("on demand", false)] {
        let (raw, ours) = (RawCycle::new(pooled), Ours::new(pooled));
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push((time(|| raw.run()), time(|| ours.run())));
        }
        let over = |of: fn(&Round) -> f64| median(rounds.iter().map(of).collect());
        println!(
            "{name:<12} {:>9.2} {:>9.2} {:>7.2} {:>11.2} {:>12.2} {:>7.2}",
            over(|(raw, _)| raw.0),
            over(|(_, ours)| ours.0),
            over(|(raw, ours)| ours.0 / raw.0),
            over(|(raw, _)| raw.1),
            over(|(_, ours)| ours.1),
            over(|(raw, ours)| ours.1 / raw.1),
        );
        criterion.bench_function(&format!("raw {name}"), |bencher| bencher.iter(|| raw.run()));
        criterion.bench_function(&format!("ours {name}"), |bencher| bencher.iter(|| ours.run()));
    }
    criterion.final_summary();
}
