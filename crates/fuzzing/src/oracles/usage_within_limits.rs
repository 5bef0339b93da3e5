//! What was used is within what the policy allows, by the executor's own count.
//!
//! Only for resources that an executor can refuse before they are used. Time is seen after it has passed, so a deadline is overshot by a
//! little on every machine; that is for attacks to judge, which measure it from outside.

use gauntlet_policy::{Limit, Policy};
use gauntlet_record::{LimitKey, Usage};
use gauntlet_target::Outcome;

use super::{Check, Finding, Oracle};
use crate::{Answer, Observation};

pub(super) const ORACLE: Oracle = Oracle {
    id: "usage-within-limits",
    property: "memory, table elements and output stay within the policy's limits",
    check: Check::Job(check),
};

fn check(observation: &Observation<'_>) -> Option<Finding> {
    observation.answers().filter_map(Answer::outcome).find_map(|outcome| of(observation.policy, outcome))
}

fn of(policy: &Policy, outcome: &Outcome) -> Option<Finding> {
    // What arrived counts, whatever the executor says of it.
    let arrived = outcome.stdout.len().saturating_add(outcome.stderr.len()) as u64;
    let arrived = Usage { limit: LimitKey::Output, used: Some(arrived), cap: None, unmeasured: None };
    outcome.usage.iter().chain([&arrived]).find_map(|usage| {
        let used = usage.used?;
        let cap = cap(policy, usage)?;
        if !matches!(usage.limit, LimitKey::Memory | LimitKey::TableElements | LimitKey::Output) || used <= cap {
            return None;
        }
        let show = |number| usage.limit.unit().show(number);
        Some(Finding::new(&ORACLE, &format!("{} of `{}` used, {} allowed", show(used), usage.limit, show(cap))))
    })
}

/// The policy's limit. An executor that holds a looser one than the policy says is not excused by its own number; only of a share,
/// which depends on the host, its number is taken.
fn cap(policy: &Policy, usage: &Usage) -> Option<u64> {
    match policy.limits.get(usage.limit) {
        Limit::Share(..) => usage.cap,
        Limit::Default | Limit::Unlimited(_) | Limit::At(..) => policy.limits.resolve(usage.limit, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(policy: &str, limit: LimitKey, used: Option<u64>, cap: Option<u64>) -> Option<String> {
        let policy = Policy::parse("p", &format!("version: 1\nlimits: {policy}\n")).unwrap();
        let usage = vec![Usage { limit, used, cap, unmeasured: None }];
        let answer = Answer::Outcome(Box::new(Outcome { usage, ..Outcome::default() }));
        let finding = check(&Observation::new(b"", &policy, answer))?;
        Some(finding.message.as_str().to_owned())
    }

    #[test]
    fn use_above_the_policys_limit_is_a_finding_whatever_the_executor_calls_its_cap() {
        let message = used("{ memory: 1MiB }", LimitKey::Memory, Some(2 << 20), Some(4 << 20)).unwrap();
        assert_eq!(message, "2 MiB of `memory` used, 1 MiB allowed");
        assert_eq!(used("{ memory: 1MiB }", LimitKey::Memory, Some(1 << 20), Some(4 << 20)), None);
        assert!(used("{}", LimitKey::TableElements, Some(10_001), None).is_some());
        assert_eq!(used("{ memory: unlimited }", LimitKey::Memory, Some(1 << 40), None), None);
        assert_eq!(used("{ memory: 1MiB }", LimitKey::Memory, None, None), None);
    }

    #[test]
    fn a_share_is_measured_against_the_executors_number() {
        assert!(used("{ memory: 10% }", LimitKey::Memory, Some(11), Some(10)).is_some());
        assert_eq!(used("{ memory: 10% }", LimitKey::Memory, Some(11), Some(12)), None);
    }

    #[test]
    fn time_is_not_for_this_oracle() {
        assert_eq!(used("{ deadline: 1s }", LimitKey::Deadline, Some(1_000_000_001), None), None);
    }

    #[test]
    fn output_that_arrived_counts_even_if_nobody_reports_it() {
        let policy = Policy::parse("p", "version: 1\nlimits: { output: 3B }\n").unwrap();
        let outcome = Outcome { stdout: b"ab".to_vec(), stderr: b"cd".to_vec(), ..Outcome::default() };
        assert!(of(&policy, &outcome).is_some());
        assert_eq!(of(&policy, &Outcome { stderr: b"c".to_vec(), ..outcome }), None);
    }
}
