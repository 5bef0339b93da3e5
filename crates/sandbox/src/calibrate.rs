//! Fuel per second of CPU time on this host: what a number in `limits.fuel` is worth here.
//!
//! Fuel counts instructions, roughly, and a second of CPU time buys very different numbers of them: few where each waits for memory or for
//! the one before, many where they are plain. So several mixes are run, and the spread is the answer, not one number. The settings are
//! those of a run under the strict policy: fuel and epoch both on.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use gauntlet_policy::Policy;
use gauntlet_record::Unit;
use serde::{Deserialize, Serialize};
use wasmtime::{Engine, Instance, Module, Store};

use crate::{Protections, engine};

/// The mixes: name, what it exercises, the module.
const MIXES: &[(&str, &str, &[u8])] = &[
    ("sieve", "bytes of memory", include_bytes!(concat!(env!("OUT_DIR"), "/sieve.wasm"))),
    ("xorshift", "integers in registers", include_bytes!(concat!(env!("OUT_DIR"), "/xorshift.wasm"))),
    ("matmul", "floats in memory", include_bytes!(concat!(env!("OUT_DIR"), "/matmul.wasm"))),
    ("fib", "direct calls", include_bytes!(concat!(env!("OUT_DIR"), "/fib.wasm"))),
    ("calls", "calls through a table", include_bytes!(concat!(env!("OUT_DIR"), "/calls.wasm"))),
];

/// Least samples of each mix, whatever the duration.
const MIN_SAMPLES: usize = 5;
/// CPU time of one sample that is worth looking at: clocks have steps, too.
const SAMPLE: Duration = Duration::from_millis(5);

/// How much fuel a second of CPU time burns on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Calibration {
    /// The engine's name and version.
    pub engine: String,
    /// The mixes, in the order in which they ran.
    pub mixes: Vec<MixRate>,
    /// The least rate of any sample, in fuel per CPU second.
    pub lowest: u64,
    /// The median of the mixes' medians.
    pub median: u64,
    /// The greatest rate of any sample.
    pub highest: u64,
}

/// The rates of one mix, in fuel per CPU second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MixRate {
    /// Its name.
    pub name: String,
    /// What it exercises.
    pub exercises: String,
    /// The least rate of a sample.
    pub lowest: u64,
    /// The median.
    pub median: u64,
    /// The greatest.
    pub highest: u64,
    /// How many samples were taken.
    pub samples: u64,
}

/// Calibrating failed.
#[derive(Debug, thiserror::Error)]
#[error("the mix `{mix}` does not run on this host: {why}")]
pub struct CalibrateError {
    /// Which mix.
    pub mix: String,
    /// The engine's words.
    pub why: String,
}

impl Calibration {
    /// CPU time that an amount of fuel lasts on this host: at the greatest rate and at the least.
    #[must_use]
    pub fn lasts(&self, fuel: u64) -> (Duration, Duration) {
        let at = |rate: u64| {
            let nanos = u128::from(fuel) * 1_000_000_000 / u128::from(rate.max(1));
            Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
        };
        (at(self.highest), at(self.lowest))
    }

    /// Lines for people.
    #[must_use]
    pub fn table(&self) -> String {
        let show = |rate: u64| format!("{} M", Unit::Count.show(rate / 1_000_000));
        let mut text = format!("Fuel per CPU second, {}\n\n", self.engine);
        let _ = writeln!(text, "{:<10} {:>10} {:>10} {:>10}  exercises", "mix", "lowest", "median", "highest");
        for mix in &self.mixes {
            let (lowest, median, highest) = (show(mix.lowest), show(mix.median), show(mix.highest));
            let _ = writeln!(text, "{:<10} {lowest:>10} {median:>10} {highest:>10}  {}", mix.name, mix.exercises);
        }
        let (lowest, median, highest) = (show(self.lowest), show(self.median), show(self.highest));
        let _ = writeln!(text, "{:<10} {lowest:>10} {median:>10} {highest:>10}", "all");
        let fuel = gauntlet_policy::Limits::strict(gauntlet_record::LimitKey::Fuel).unwrap_or_default();
        let (least, most) = self.lasts(fuel);
        let time = |time: Duration| Unit::Time.show(crate::execute::nanos(time));
        let _ = writeln!(text, "\nfuel: {fuel} lasts {} to {} here", time(least), time(most));
        text
    }
}

/// Runs the mixes for about `duration` of wall time in all and says what fuel is worth on this host.
///
/// The guests run in the caller's process and are this crate's own. A few seconds are enough on an idle machine.
///
/// # Errors
///
/// If the engine cannot run them here.
pub fn calibrate(duration: Duration) -> Result<Calibration, CalibrateError> {
    let policy = Policy::default();
    let protections = Protections::of(&policy);
    let failed = |mix: &str, error: wasmtime::Error| CalibrateError { mix: mix.to_owned(), why: format!("{error:#}") };
    let engine =
        engine::build(&policy, &protections, &engine::Options::default()).map_err(|error| failed("none", error))?;
    let share = duration / u32::try_from(MIXES.len()).unwrap_or(1);
    let mut mixes = Vec::new();
    for (name, exercises, module) in MIXES {
        let mut rates = rates(&engine, module, share).map_err(|error| failed(name, error))?;
        rates.sort_unstable();
        mixes.push(MixRate {
            name: (*name).to_owned(),
            exercises: (*exercises).to_owned(),
            lowest: rates.first().copied().unwrap_or_default(),
            median: rates.get(rates.len() / 2).copied().unwrap_or_default(),
            highest: rates.last().copied().unwrap_or_default(),
            samples: rates.len() as u64,
        });
    }
    let mut medians: Vec<u64> = mixes.iter().map(|mix| mix.median).collect();
    medians.sort_unstable();
    Ok(Calibration {
        engine: format!("{} {}", crate::ENGINE, crate::ENGINE_VERSION),
        lowest: mixes.iter().map(|mix| mix.lowest).min().unwrap_or_default(),
        median: medians.get(medians.len() / 2).copied().unwrap_or_default(),
        highest: mixes.iter().map(|mix| mix.highest).max().unwrap_or_default(),
        mixes,
    })
}

/// Fuel per CPU second of one mix, sample by sample.
fn rates(engine: &Engine, module: &[u8], share: Duration) -> wasmtime::Result<Vec<u64>> {
    let start = Instant::now();
    let module = Module::from_binary(engine, module)?;
    let mut store = Store::new(engine, ());
    // Nobody advances the epoch of this engine.
    store.set_epoch_deadline(1);
    store.set_fuel(u64::MAX)?;
    let instance = Instance::new(&mut store, &module, &[])?;
    let run = instance.get_typed_func::<i32, i64>(&mut store, "run")?;
    let mut sample = |rounds: i32| -> wasmtime::Result<(u64, Duration)> {
        store.set_fuel(u64::MAX)?;
        let before = thread_time();
        run.call(&mut store, rounds)?;
        Ok((u64::MAX - store.get_fuel()?, thread_time().saturating_sub(before)))
    };
    // The first calls touch the pages and find how many rounds make a sample.
    let mut rounds = 1;
    while sample(rounds)?.1 < SAMPLE && rounds < 1 << 20 {
        rounds *= 2;
    }
    let mut rates = Vec::new();
    while rates.len() < MIN_SAMPLES || (start.elapsed() < share && rates.len() < 100_000) {
        let (fuel, time) = sample(rounds)?;
        let nanos = time.as_nanos().max(1);
        rates.push(u64::try_from(u128::from(fuel) * 1_000_000_000 / nanos).unwrap_or(u64::MAX));
    }
    Ok(rates)
}

/// CPU time of this thread.
fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mix_burns_fuel_and_the_table_names_it() {
        let calibration = calibrate(Duration::ZERO).unwrap();
        assert_eq!(calibration.mixes.len(), MIXES.len());
        for mix in &calibration.mixes {
            assert!(mix.samples >= 5 && mix.lowest > 0, "{mix:?}");
            assert!(mix.lowest <= mix.median && mix.median <= mix.highest, "{mix:?}");
            assert!(calibration.table().contains(&mix.name));
        }
        assert!(calibration.lowest <= calibration.median && calibration.median <= calibration.highest);
        let (least, most) = calibration.lasts(1_000_000_000);
        assert!(least <= most);
    }
}
