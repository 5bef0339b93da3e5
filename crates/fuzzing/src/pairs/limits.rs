//! Guests written in lines that go to the policy's limits and past them, under policies that are tight in one way or another.

use arbitrary::Unstructured;
use gauntlet_policy::Policy;

use super::{Asked, Bench, Bound, Depth, Health, Pair, Ran};
use crate::Case;
use crate::program::Program;

pub(crate) const PAIR: Pair = Pair {
    id: "limits",
    summary: "guests that go to the limits and past them, and tell what they hold",
    bytes: 512,
    runs_guests: true,
    generate,
    run,
    health: &[
        Health { name: "run to an end", part: "calls", whole: "programs", bound: Bound::AtLeast(0.25) },
        Health { name: "honest", part: "honest", whole: "programs", bound: Bound::AtLeast(0.05) },
    ],
};

/// What may differ from policy to policy: nothing, or one key at a tight value. The executor keeps an engine for each policy, so there are few.
const LIMITS: &[&str] = &[
    "fuel: 1_000_000",
    "fuel: 5_000",
    "fuel: 0",
    "memory: 1MiB",
    "memory: 0B",
    "table-elements: 100",
    "table-elements: 0",
    "stack: 64KiB",
    "call-depth: 40",
    "module-size: 1KiB",
];
const OTHERS: &[&str] = &[
    "",
    "on-denial: trap\n",
    "features: { multi-memory: true }\n",
    "features: { multi-memory: true }\non-denial: trap\n",
    "features: { simd: false, tail-call: false, multi-value: false }\n",
    "modules: { sha256: [e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855] }\n",
    // A key that signs nothing here: the first of the test vectors of RFC 8032.
    "modules: { signed-by: [d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a] }\n",
];
/// What every such policy begins with.
const BASE: &str = "deadline: 5s, cpu-time: 5s";
const ISOLATION: &str =
    "isolation: { process: off, seccomp: off, landlock: off, namespaces: off, cgroup: off, user: caller }\n";

fn generate(_: &Bench<'_>, u: &mut Unstructured<'_>) -> arbitrary::Result<Case> {
    let limit = u.choose(LIMITS)?;
    let mut limits = vec![BASE, limit];
    for (key, value) in [("fuel", "fuel: 1_000_000"), ("memory", "memory: 4MiB"), ("stack", "stack: 256KiB")] {
        if !limit.starts_with(key) {
            limits.push(value);
        }
    }
    let other = if u.ratio(1, 2)? { *u.choose(OTHERS)? } else { "" };
    let policy = format!("version: 1\nlimits: {{ {} }}\n{other}{ISOLATION}", limits.join(", "));
    let parsed = Policy::parse("limits", &policy).map_err(|_| arbitrary::Error::IncorrectFormat)?;
    let program = Program::generate(&parsed, u)?;
    Ok(Case { wasm: program.wasm(), policy, calls: program.lines() })
}

fn run(bench: &Bench<'_>, case: &Case, depth: Depth) -> Ran {
    let (policy, program) = match (bench.policy_of(case), Program::read(case.calls.iter().map(String::as_str))) {
        (Ok(policy), Ok(program)) => (policy, program),
        (Err(why), _) => return Ran::unreadable(why),
        (_, Err(error)) => return Ran::unreadable(error.to_string()),
    };
    // The lines are the guest. A module that was made by an older writer of the same lines is left as it is.
    let guest = if case.wasm.is_empty() { program.wasm() } else { case.wasm.clone() };
    let mut asked = Asked::new(&guest, &policy);
    let argument = u64::from_str_radix(&asked.nonce, 16).unwrap_or(0);
    asked.expected = Some(program.expected(argument, &policy));
    let mut ran = Ran::default();
    ran.counts.add("programs", 1);
    ran.counts.add("honest", u64::from(asked.expected.is_some_and(|expected| expected.honest)));
    asked.run(bench, depth, &mut ran);
    ran
}
