//! Pure modules against a second engine, which has to come to the same end but for the differences that are legal.

use arbitrary::Unstructured;
use gauntlet_policy::{Feature, Policy};
use wasm_smith::{Config, Module};

use super::core_modules::{accepted, nonce_of};
use super::{Asked, Bench, Depth, MODULE_HEALTH, Pair, Ran, count};
use crate::generators::core_module::{self, has_code};
use crate::oracles::check;
use crate::{Answer, Case, Observation, Second};

pub(crate) const PAIR: Pair = Pair {
    id: "differential",
    summary: "pure modules on the executor and on another engine, which have to agree",
    bytes: 1024,
    runs_guests: true,
    generate,
    run,
    health: MODULE_HEALTH,
};

/// Turns and calls of a module: few enough that neither engine runs out of fuel.
const STEPS: u32 = 1000;

/// The shapes that both engines know, whose results are the same: not-a-number has one form, and nothing is left to the machine.
fn config(policy: &Policy) -> Config {
    let on = |feature| policy.features.allows(feature);
    Config {
        canonicalize_nans: true,
        simd_enabled: false,
        relaxed_simd_enabled: false,
        threads_enabled: false,
        gc_enabled: false,
        exceptions_enabled: false,
        memory64_enabled: on(Feature::Memory64),
        max_memory32_bytes: 1 << 20,
        max_memory64_bytes: 1 << 20,
        max_tags: 0,
        ..core_module::config(policy)
    }
}

fn generate(bench: &Bench<'_>, u: &mut Unstructured<'_>) -> arbitrary::Result<Case> {
    let mut config = config(bench.policy);
    config.disallow_traps = u.ratio(9, 10)?;
    let mut module = Module::new(config, u)?;
    module.ensure_termination(STEPS).map_err(|_| arbitrary::Error::IncorrectFormat)?;
    let calls = vec!["call".into(), "call 0000000000000000".into(), "call ffffffffffffffff".into()];
    Ok(Case { wasm: module.to_bytes(), policy: bench.policy.text.clone(), calls })
}

fn run(bench: &Bench<'_>, case: &Case, _: Depth) -> Ran {
    let policy = match bench.policy_of(case) {
        Ok(policy) => policy,
        Err(why) => return Ran::unreadable(why),
    };
    let mut ran = Ran::default();
    ran.counts.add("modules", 1);
    ran.counts.add("with-code", u64::from(has_code(&case.wasm)));
    let mut job = Asked::new(&case.wasm, &policy).job();
    for (at, line) in case.calls.iter().enumerate() {
        let Some(nonce) = nonce_of(line) else { return Ran::unreadable(format!("`{line}` is no call")) };
        if let Some(nonce) = nonce {
            nonce.clone_into(&mut job.nonce);
        }
        let answer = Answer::of(bench.target, &job);
        count(&answer, &mut ran.counts);
        if at == 0 {
            ran.counts.add("accepted", u64::from(accepted(&answer)));
        }
        if let Answer::Error(error) = &answer
            && crate::oracles::is_setup(error)
        {
            ran.setup = Some(gauntlet_target::error_chain(error));
            break;
        }
        let second = Answer::of(&Second, &job);
        let both = [&answer, &second].map(|answer| answer.outcome().and_then(|outcome| outcome.returned).is_some());
        ran.counts.add("both-returned", u64::from(both == [true, true]));
        let seen = Observation { second: Some(second), ..Observation::new(&case.wasm, &policy, answer) };
        ran.findings.extend(check(&seen));
        if !ran.findings.is_empty() {
            break;
        }
    }
    ran
}
