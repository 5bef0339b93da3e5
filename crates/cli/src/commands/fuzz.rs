//! `gauntlet fuzz`: generated modules against the executor, on a stable compiler.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use gauntlet_fuzzing::{Driver, ORACLES, Stats, Until};
use gauntlet_policy::Policy;
use gauntlet_record::exit;
use gauntlet_sandbox::{Inline, Worker};
use gauntlet_target::Target;

use crate::args::{Fuzz, Placement};
use crate::failure::Failure;
use crate::{inputs, terminal};

pub(super) fn run(args: &Fuzz) -> Result<u8, Failure> {
    let policy = match &args.policy {
        Some(name) => inputs::policy(name)?,
        None => Policy::parse("fuzz", gauntlet_fuzzing::POLICY)
            .map_err(|_| Failure::harness(anyhow!("the built-in fuzzing policy is broken")))?,
    };
    let seed = args.seed.unwrap_or_else(crate::targets::random_seed);
    let target: Box<dyn Target> = match args.placement {
        Placement::Worker => Box::new(Worker::new()),
        Placement::Inline => Box::new(Inline::new()),
    };
    anstream::eprintln!("fuzzing {} with seed {seed}", target.describe().name);
    let until = match args.cases {
        Some(cases) => Until::Cases(cases),
        None => Until::Instant(Instant::now() + Duration::from_nanos(args.time)),
    };
    let mut shown = Instant::now();
    let progress = terminal::shows_progress();
    let report =
        Driver { target: &*target, policy: &policy, seed, oracles: ORACLES }.run(until, &mut |stats: &Stats| {
            if progress && shown.elapsed() >= Duration::from_millis(500) {
                shown = Instant::now();
                anstream::eprint!("\r\u{1b}[K{stats}");
            }
        });
    if progress {
        anstream::eprint!("\r\u{1b}[K");
    }
    if let Some(error) = report.stopped {
        return Err(super::exec::failed(error));
    }
    super::print(format!("{}\n", report.stats).as_bytes())?;
    for crash in &report.crashes {
        let path = crash.store(&args.output).map_err(|error| {
            Failure::harness(anyhow::Error::new(error).context(format!("cannot write to `{}`", args.output.display())))
        })?;
        super::print(format!("{}: {} ({})\n", crash.oracle, crash.message, path.display()).as_bytes())?;
    }
    Ok(if report.stats.findings > 0 { exit::BREACH } else { exit::CLEAN })
}
