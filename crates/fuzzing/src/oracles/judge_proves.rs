//! Contained is said only of what was proved.
//!
//! The rule is written here a second time, from what a containment has to show: the attack's run obtained nothing that was measured, the
//! host lived, nobody but the sandbox ended it, the attack is known to work here, the harmless twin did its work, and a cause is shown
//! that the attack names.

use gauntlet_corpus::Live;
use gauntlet_record::{Cause, Verdict};
use gauntlet_runner::{Evidence, obtained};

use super::{Check, Finding, Oracle};

pub(super) const ORACLE: Oracle = Oracle {
    id: "judge-proves",
    property: "a judge calls an attack contained only if the host saw that nothing was obtained, why, and that the controls held",
    check: Check::Judge(check),
};

/// Evidence, and what a judge said of it.
#[derive(Debug, Clone, Copy)]
pub struct Proof<'a> {
    /// The evidence.
    pub evidence: &'a Evidence<'a>,
    /// The verdict.
    pub verdict: Verdict,
}

fn check(proof: &Proof<'_>) -> Option<Finding> {
    if proof.verdict != Verdict::Contained {
        return None;
    }
    let missing = proved(proof.evidence)?;
    Some(Finding::new(&ORACLE, &format!("it was called contained, and {missing}")))
}

/// What evidence lacks to be a proof of containment; `None` if it lacks nothing.
#[must_use]
pub fn proved(evidence: &Evidence<'_>) -> Option<&'static str> {
    let Evidence { attack, live, run, benign } = *evidence;
    let witnessed = live.is_some_and(|live| live.obtained);
    let needs_live = !matches!(attack.live, Live::None(_));
    let listed = |cause: &Cause| attack.contained_by.contains(cause) && (witnessed || *cause != Cause::NoEffect);
    let not_shown = witnessed && run.causes.contains(&Cause::NotShown);
    let checks = [
        (run.measured.host_death.is_some(), "the host died"),
        (run.obtained, "the attack obtained what it wants"),
        (obtained(&attack.obtains, &run.measured) == Some(true), "the host measured what the attack wants"),
        (obtained(&attack.obtains, &run.measured).is_none(), "nobody measured what the attack wants"),
        (run.measured.watchdog, "the harness's watchdog ended it"),
        (run.measured.ceiling, "the harness's memory ceiling ended it"),
        (run.measured.reports.iter().any(|word| word == "forged"), "the target's clock is not the host's"),
        (needs_live && !witnessed, "the attack is not known to work here"),
        (!benign.is_some_and(|benign| benign.obtained), "the harmless twin did not do its work"),
        (!run.causes.iter().any(listed) && !not_shown, "no cause was shown that the attack names"),
    ];
    checks.into_iter().find(|(lacks, _)| *lacks).map(|(_, why)| why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pairs::judge::Told;

    #[test]
    fn whole_evidence_is_a_proof_and_each_gap_is_seen() {
        let lacks = |lines: &[&str]| {
            let told = Told::read(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()).unwrap();
            proved(&told.evidence())
        };
        assert_eq!(lacks(&[]), None);
        for gap in [
            "live absent",
            "live failed",
            "benign absent",
            "benign failed",
            "memory unmeasured",
            "memory obtained",
            "watchdog",
            "ceiling",
            "host died",
            "cause none",
            "report forged",
        ] {
            assert!(lacks(&[gap]).is_some(), "{gap}");
        }
    }
}
