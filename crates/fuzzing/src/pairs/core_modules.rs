//! Core modules of any shape that a policy allows, each run once and then again in other ways.

use arbitrary::Unstructured;

use super::{Asked, Bench, Depth, MODULE_HEALTH, Pair, Ran, was_accepted};
use crate::generators::core_module::{self, has_code};
use crate::{Answer, Case};

pub(crate) const PAIR: Pair = Pair {
    id: "core-modules",
    summary: "core modules of any shape that the policy allows",
    bytes: 1024,
    runs_guests: true,
    generate,
    run,
    health: MODULE_HEALTH,
};

fn generate(bench: &Bench<'_>, u: &mut Unstructured<'_>) -> arbitrary::Result<Case> {
    let wasm = core_module::generate(bench.policy, u)?.wasm;
    // A second call, with another number, goes through the module once more: compiling is what costs.
    let calls = vec!["call".to_owned(), format!("call {:016x}", u.arbitrary::<u64>().unwrap_or(1))];
    Ok(Case { wasm, policy: bench.policy.text.clone(), calls })
}

/// Reads `call`, or `call` with the number in 16 hex digits.
pub(crate) fn nonce_of(line: &str) -> Option<Option<&str>> {
    let mut words = line.split_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some("call"), None, None) => Some(None),
        (Some("call"), Some(nonce), None) if nonce.len() == 16 && u64::from_str_radix(nonce, 16).is_ok() => {
            Some(Some(nonce))
        }
        _ => None,
    }
}

fn run(bench: &Bench<'_>, case: &Case, depth: Depth) -> Ran {
    let policy = match bench.policy_of(case) {
        Ok(policy) => policy,
        Err(why) => return Ran::unreadable(why),
    };
    let mut ran = Ran::default();
    ran.counts.add("modules", 1);
    ran.counts.add("with-code", u64::from(has_code(&case.wasm)));
    for (at, line) in case.calls.iter().enumerate() {
        let Some(nonce) = nonce_of(line) else { return Ran::unreadable(format!("`{line}` is no call")) };
        let mut asked = Asked::new(&case.wasm, &policy);
        if let Some(nonce) = nonce {
            asked.nonce = nonce.to_owned();
        }
        let before = ran.counts.get("calls");
        asked.run(bench, if at == 0 { depth } else { Depth::Cheap }, &mut ran);
        if at == 0 {
            ran.counts.add("accepted", u64::from(ran.counts.get("calls") > before));
        }
        if ran.setup.is_some() || !ran.findings.is_empty() {
            break;
        }
    }
    ran
}

/// Whether an answer shows that the guest was compiled and entered.
pub(crate) fn accepted(answer: &Answer) -> bool {
    answer.outcome().is_some_and(was_accepted)
}
