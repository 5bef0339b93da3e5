//! Sequences of jobs on one executor: whatever the one before did, and however it ended, the next one finds nothing of it.

use arbitrary::Unstructured;

use super::{Asked, Bench, Bound, Depth, Health, Pair, Ran};
use crate::Case;
use crate::program::{Program, Step};

pub(crate) const PAIR: Pair = Pair {
    id: "jobs",
    summary: "jobs of several tenants on one executor, some of which trap, spin or are cut off, and none of which leaves a trace",
    bytes: 512,
    runs_guests: true,
    generate,
    run,
    health: &[
        Health { name: "jobs run", part: "calls", whole: "jobs", bound: Bound::AtLeast(0.6) },
        Health { name: "jobs cut off", part: "cut", whole: "jobs", bound: Bound::AtLeast(0.1) },
    ],
};

/// The guests of a sequence, as lines of a program: those that leave something behind, and those that end badly.
const GUESTS: &[&str] = &[
    "count",
    "memory 1; mark; count",
    "memory 1 4; grow memory 0 3; mark",
    "memory 1; mark; spin",
    "memory 2; mark; trap",
    "table 10; grow table 0 100; count",
    "recurse 100000",
    "memory 1; mark; recurse 200000",
    "loop 100; count; count",
];
const TENANTS: &[&str] = &["anna", "bert", "cleo"];

fn generate(bench: &Bench<'_>, u: &mut Unstructured<'_>) -> arbitrary::Result<Case> {
    let mut calls = Vec::new();
    for _ in 0..u.int_in_range(2..=10)? {
        let guest = if u.ratio(1, 5)? {
            Program::generate(bench.policy, u)?.lines().join("; ")
        } else {
            (*u.choose(GUESTS)?).to_owned()
        };
        calls.push(format!("{}: {guest}", u.choose(TENANTS)?));
    }
    Ok(Case { wasm: Vec::new(), policy: bench.policy.text.clone(), calls })
}

/// One tenant's calls go under its name.
struct AsTenant<'a> {
    target: &'a dyn gauntlet_target::Target,
    tenant: String,
}

impl gauntlet_target::Target for AsTenant<'_> {
    fn describe(&self) -> gauntlet_target::Description {
        self.target.describe()
    }

    fn run(&self, job: &gauntlet_target::Job) -> Result<gauntlet_target::Outcome, gauntlet_target::TargetError> {
        self.target.run_as(&self.tenant, job)
    }
}

fn run(bench: &Bench<'_>, case: &Case, depth: Depth) -> Ran {
    let policy = match bench.policy_of(case) {
        Ok(policy) => policy,
        Err(why) => return Ran::unreadable(why),
    };
    let mut ran = Ran::default();
    for line in &case.calls {
        let Some((tenant, steps)) = line.split_once(": ") else {
            return Ran::unreadable(format!("`{line}` is no job"));
        };
        let program = match Program::read(steps.split(';').map(str::trim)) {
            Ok(program) => program,
            Err(error) => return Ran::unreadable(error.to_string()),
        };
        let guest = program.wasm();
        let mut asked = Asked::new(&guest, &policy);
        let argument = u64::from_str_radix(&asked.nonce, 16).unwrap_or(0);
        asked.expected = Some(program.expected(argument, &policy));
        ran.counts.add("jobs", 1);
        let bad = |step: &Step| matches!(step, Step::Spin | Step::Trap | Step::Recurse(50_000..));
        ran.counts.add("cut", u64::from(program.0.iter().any(bad)));
        let target = AsTenant { target: bench.target, tenant: gauntlet_record::digest(tenant.as_bytes()) };
        let own = Bench { target: &target, ..*bench };
        asked.run(&own, depth.min(Depth::Cheap), &mut ran);
        if let Some(finding) = ran.findings.first_mut() {
            // What came before is part of where.
            finding.place = format!("{} after other jobs", finding.place);
            break;
        }
        if ran.setup.is_some() {
            break;
        }
    }
    ran
}
