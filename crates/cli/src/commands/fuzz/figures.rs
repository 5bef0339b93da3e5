//! The loop against its parts, in one run on one machine: ratios are what counts.

use std::time::{Duration, Instant};

use gauntlet_fuzzing::{Answer, Case, Depth, Pair, case, pair};
use gauntlet_record::exit;
use gauntlet_target::Job;

use super::args;
use super::bench::{Stand, policy};
use crate::failure::Failure;

/// CPU time of this process, all its threads.
fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Runs something and says how many CPU seconds it took.
fn timed(run: impl FnOnce() -> u64) -> (u64, f64, f64) {
    let (start, wall) = (cpu(), Instant::now());
    let done = run();
    (done, (cpu() - start).as_secs_f64().max(1e-9), wall.elapsed().as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "counts of a measurement are far below 2^52")]
fn rate(done: u64, seconds: f64) -> f64 {
    done as f64 / seconds
}

pub(super) fn run(args: &args::Figures) -> Result<u8, Failure> {
    let stand = Stand::new("inline", policy(None)?)?;
    let of = |id: &str| pair(id).ok_or_else(|| Failure::harness(anyhow::anyhow!("no pair `{id}`")));
    let (fresh, many) = (of("core-modules")?, of("many-runs")?);
    let count = args.modules.max(1);
    // Each of the three sees modules of its own seed: what is compiled once is kept.
    let cases = |pair: &'static Pair, seed: u64, each: &mut dyn FnMut(Case) -> u64| {
        stand.with(|bench| {
            (0..count).filter_map(|number| case(pair, bench, seed, number).ok().flatten()).map(&mut *each).sum::<u64>()
        })
    };
    cases(fresh, 99, &mut |case| bare(&stand, &case));
    let (generated, generate, _) = timed(|| cases(fresh, 1, &mut |_| 1));
    // The same modules in both, on executors that have seen neither.
    let other = Stand::new("inline", policy(None)?)?;
    let (compiled, compile, _) = timed(|| cases(fresh, 2, &mut |case| bare(&other, &case)));
    let (ran, full, wall) = timed(|| {
        let mut number = 0;
        cases(fresh, 2, &mut |case| {
            number += 1;
            stand.with(|bench| (fresh.run)(bench, &case, Depth::of(number % 511)));
            1
        })
    });
    let mut begun = None;
    let mut module = 0;
    let (runs, amortised, _) = timed(|| {
        cases(many, 3, &mut |case| {
            module += 1;
            if module == count / 10 + 1 {
                begun = resident();
            }
            stand.with(|bench| (many.run)(bench, &case, Depth::Cheap).counts.get("runs"))
        })
    });
    let mib = |bytes: Option<u64>| bytes.map_or_else(|| "unknown".to_owned(), |bytes| format!("{} MiB", bytes >> 20));
    let (begun, ended) = (mib(begun), mib(resident()));
    let text = format!(
        "| what | per second of CPU time |\n|---|---|\n\
         | generate a module | {:.0} |\n\
         | generate and compile it | {:.0} |\n\
         | generate, compile, two calls, all oracles (one in eight twice) | {:.0} ({:.0} of wall time) |\n\
         | runs of a module that is compiled once, all oracles | {:.0} |\n\n\
         | ratio | value | to reach |\n|---|---|---|\n\
         | whole loop to generate and compile | {:.2} | 0.85 |\n\
         | many runs of a module to fresh modules | {:.1} | 8 |\n\n\
         Memory of the process after a tenth of {runs} executions: {begun}; after all: {ended}.\n",
        rate(generated, generate),
        rate(compiled, compile),
        rate(ran, full),
        rate(ran, wall),
        rate(runs, amortised),
        rate(ran, full) / rate(compiled, compile),
        rate(runs, amortised) / rate(ran, full),
    );
    super::super::print(text.as_bytes())?;
    Ok(exit::CLEAN)
}

/// Memory of this process that is resident.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}

/// Compiles a guest and calls nothing: the entry that is asked for is not there.
fn bare(stand: &Stand, case: &Case) -> u64 {
    let job = Job {
        guest: case.wasm.clone(),
        policy: stand.policy().clone(),
        entry: Some("no-such-entry".into()),
        ..Job::default()
    };
    let answer: Answer = Answer::of(stand.target(), &job);
    u64::from(answer.outcome().is_some())
}
