//! One module, compiled once, run many times: other numbers, less fuel, the same again.
//!
//! Compiling takes many times what a run takes, so this is where most executions are. A module that comes to its end uses the same fuel
//! each time with the same number; with less than that it does not come to its end.

use arbitrary::Unstructured;
use gauntlet_policy::{Limit, Span};
use gauntlet_record::{Ending, LimitKey};
use gauntlet_target::Outcome;

use super::core_modules::nonce_of;
use super::{Asked, Bench, Bound, Depth, Health, Pair, Ran};
use crate::generators::core_module::{self, has_code};
use crate::oracles::check;
use crate::{Answer, Case, Finding, Observation};

pub(crate) const PAIR: Pair = Pair {
    id: "many-runs",
    summary: "one module, compiled once, run many times with other numbers and less fuel",
    bytes: 1024,
    runs_guests: true,
    generate,
    run,
    health: &[
        Health { name: "accepted", part: "accepted", whole: "modules", bound: Bound::AtLeast(0.98) },
        Health { name: "with code", part: "with-code", whole: "modules", bound: Bound::AtLeast(0.99) },
        Health { name: "calls a module", part: "calls", whole: "modules", bound: Bound::AtLeast(30.0) },
    ],
};

/// Runs of a module under the policy as it is.
const RUNS: usize = 48;
/// One module in so many is run with less fuel as well: another fuel is another policy, and compiles it again.
const LESS_FUEL: u32 = 8;

fn generate(bench: &Bench<'_>, u: &mut Unstructured<'_>) -> arbitrary::Result<Case> {
    let less_fuel = u.ratio(1, LESS_FUEL)?;
    let mut numbers: Vec<u64> = vec![0, 1, u64::MAX, 1 << 63, 0x7fff_ffff];
    for _ in 0..8 {
        numbers.push(u.arbitrary()?);
    }
    let wasm = core_module::generate(bench.policy, u)?.wasm;
    let mut calls: Vec<String> = (0..RUNS).map(|at| format!("call {:016x}", numbers[at % numbers.len()])).collect();
    if less_fuel {
        calls.extend(["fuel 500".to_owned(), "call 0000000000000000".to_owned(), "call 0000000000000001".to_owned()]);
    }
    Ok(Case { wasm, policy: bench.policy.text.clone(), calls })
}

fn run(bench: &Bench<'_>, case: &Case, depth: Depth) -> Ran {
    let mut policy = match bench.policy_of(case) {
        Ok(policy) => policy.into_owned(),
        Err(why) => return Ran::unreadable(why),
    };
    let mut ran = Ran::default();
    ran.counts.add("modules", 1);
    ran.counts.add("with-code", u64::from(has_code(&case.wasm)));
    let mut job = Asked::new(&case.wasm, &policy).job();
    let mut seen: Vec<(String, Outcome)> = Vec::new();
    let mut asked_deep = false;
    for line in &case.calls {
        if let Some(fuel) = line.strip_prefix("fuel ").and_then(|number| number.parse().ok()) {
            policy.limits.set(LimitKey::Fuel, Limit::At(fuel, Span::default()));
            job.policy = policy.clone();
            continue;
        }
        let Some(Some(nonce)) = nonce_of(line) else {
            return Ran::unreadable(format!("`{line}` is neither call nor fuel"));
        };
        if depth == Depth::All && !asked_deep {
            asked_deep = true;
            let mut asked = Asked::new(&case.wasm, &policy);
            asked.nonce = nonce.to_owned();
            asked.run(bench, depth, &mut ran);
        }
        nonce.clone_into(&mut job.nonce);
        let observed = Observation::new(&case.wasm, &policy, Answer::of(bench.target, &job));
        ran.findings.extend(check(&observed));
        ran.counts.add("calls", u64::from(super::core_modules::accepted(&observed.answer)));
        ran.counts.add("runs", 1);
        if seen.is_empty() {
            ran.counts.add("accepted", u64::from(super::core_modules::accepted(&observed.answer)));
        }
        if let Answer::Outcome(outcome) = observed.answer {
            if let Some(found) = compare(&seen, nonce, &outcome, &policy) {
                ran.findings.push(found);
            }
            // Most endings repeat; what has been seen of a number is kept once.
            if seen.len() < 32 && !seen.iter().any(|(number, _)| number == nonce) {
                seen.push((nonce.to_owned(), *outcome));
            }
        } else if let Answer::Error(error) = &observed.answer
            && crate::oracles::is_setup(error)
        {
            ran.setup = Some(gauntlet_target::error_chain(error));
        }
        if ran.setup.is_some() || !ran.findings.is_empty() {
            break;
        }
    }
    ran
}

/// The same number gives the same result and costs the same fuel, however often; with less fuel than that it gives none.
fn compare(
    seen: &[(String, Outcome)],
    nonce: &str,
    now: &Outcome,
    policy: &gauntlet_policy::Policy,
) -> Option<Finding> {
    let (_, before) = seen.iter().find(|(number, _)| number == nonce)?;
    let fuel = |outcome: &Outcome| outcome.usage.iter().find(|usage| usage.limit == LimitKey::Fuel)?.used;
    let ended = |outcome: &Outcome| outcome.ending.ending == Ending::Returned;
    if ended(before) && ended(now) {
        if before.returned != now.returned {
            return Some(Finding::of(
                "same-case-same-outcome",
                &format!("first {:?}, then {:?}", before.returned, now.returned),
            ));
        }
        if fuel(before).is_some() && fuel(before) != fuel(now) {
            let message = format!("the same run cost {:?} of fuel, and then {:?}", fuel(before), fuel(now));
            return Some(Finding::of("fuel-never-grows", &message));
        }
    }
    let cap = policy.limits.resolve(LimitKey::Fuel, 0)?;
    let cost = fuel(before).filter(|_| ended(before))?;
    (ended(now) && cost > cap).then(|| {
        Finding::of("fuel-never-grows", &format!("a run that costs {cost} came to its end with {cap} of fuel"))
    })
}
