//! What a trial means for the test of its attack.

use gauntlet_corpus::{Attack, Live};
use gauntlet_record::{Cause, Role, Run, Trial, Verdict, Why};
use gauntlet_runner::judge;

/// What came of an attack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Stopped for a listed cause; the live control showed that the attack works on this sandbox when it is opened.
    Proved,
    /// The live control worked and the attack obtained nothing, but the sandbox does not say what stopped it.
    Weak,
    /// Nothing was obtained and the benign twin worked, but nothing shows that the attack works here. Says why not.
    NotWitnessed(String),
    /// The attack obtained what it wants.
    Breached,
    /// Nothing can be concluded. Says why not.
    Inconclusive(String),
    /// The sandbox does not offer what the attack requires. Says what.
    Unsupported(String),
}

/// Sorts a trial. There is no executor of ours here to show on that an attack works, so a sandbox that cannot be opened is judged once
/// more by what was seen without a live control, and what holds then is told apart from what is proved.
pub(crate) fn sort(attack: &Attack, trial: &Trial) -> Finding {
    match (trial.verdict, trial.why) {
        (Verdict::Breached, _) => Finding::Breached,
        (Verdict::Unsupported, _) => Finding::Unsupported(trial.reason.clone()),
        (Verdict::Contained, Why::StoppedSilently) => Finding::Weak,
        (Verdict::Contained, _) if trial.witnessed => Finding::Proved,
        (Verdict::Contained, _) => Finding::NotWitnessed(unwitnessed(attack, trial)),
        (Verdict::Inconclusive, Why::LiveFailed | Why::TooLarge | Why::HarnessError | Why::OtherCause) => {
            without_witness(attack, trial)
        }
        (Verdict::Inconclusive, _) => Finding::Inconclusive(trial.reason.clone()),
    }
}

/// Judges a trial whose live control could not be run, or obtained nothing.
fn without_witness(attack: &Attack, trial: &Trial) -> Finding {
    let live = trial.run(Role::Live);
    let Some(run) = trial.run(Role::Attack).filter(|_| !live.is_some_and(|live| live.obtained)) else {
        return Finding::Inconclusive(trial.reason.clone());
    };
    let alone = Attack { live: Live::None(trial.reason.clone()), ..attack.clone() };
    let judged = judge(&alone, None, run, trial.run(Role::Benign));
    match judged.verdict {
        Verdict::Breached => Finding::Breached,
        Verdict::Contained => Finding::NotWitnessed(unwitnessed(attack, trial)),
        Verdict::Inconclusive if judged.why == Why::OtherCause && is_silent(run) => {
            Finding::NotWitnessed(format!("{}, and the sandbox shows no cause", unwitnessed(attack, trial)))
        }
        Verdict::Inconclusive | Verdict::Unsupported => Finding::Inconclusive(judged.reason),
    }
}

/// Why nothing shows that the attack works here.
fn unwitnessed(attack: &Attack, trial: &Trial) -> String {
    match (&attack.live, trial.run(Role::Live)) {
        (Live::None(reason), _) => {
            format!(
                "no sandbox lets it through, so no control can show that it works: {}",
                reason.trim().trim_end_matches('.')
            )
        }
        (Live::Executor(name), _) => format!("only the weakened executor `{name}` could show that it works"),
        (_, Some(live)) if live.measured.ceiling => "the live control met the harness's memory ceiling".to_owned(),
        (Live::Lift(ids), Some(_)) => {
            format!("it obtained nothing when the sandbox was asked to lift {}", ids.join(", "))
        }
        (_, Some(_)) => "it obtained nothing under the wider limits and grants of its live control, either".to_owned(),
        (_, None) => trial.reason.clone(),
    }
}

/// Whether a run ended by itself and the sandbox named no cause. What the harness had to end was not stopped by the sandbox.
fn is_silent(run: &Run) -> bool {
    let said = |cause: &Cause| !matches!(cause, Cause::NoEffect | Cause::NotShown | Cause::EscapedText);
    !run.measured.watchdog && !run.measured.ceiling && !run.causes.iter().any(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gauntlet_corpus::Corpus;
    use gauntlet_record::{DenialKind, Measured};

    fn attack() -> Attack {
        let corpus = Corpus::embedded(gauntlet_attacks::FILES).unwrap();
        corpus.attacks.into_iter().find(|attack| attack.id == "environment/host-variables").unwrap()
    }

    fn run(role: Role, obtained: bool, causes: &[Cause]) -> Run {
        let mut run = gauntlet_record::example().trials.remove(0).runs.remove(0);
        run.role = role;
        run.obtained = obtained;
        run.causes = causes.to_vec();
        run.measured = Measured { ran: role == Role::Benign, ..Measured::default() };
        run
    }

    fn trial(why: Why, runs: Vec<Run>) -> Trial {
        let example = gauntlet_record::example().trials.remove(0);
        Trial { verdict: Verdict::Inconclusive, why, reason: "no live control".into(), runs, ..example }
    }

    const SILENT: &[Cause] = &[Cause::NoEffect, Cause::NotShown];

    #[test]
    fn what_no_control_witnessed_is_not_proved_and_not_lost() {
        let benign = || run(Role::Benign, true, &[]);
        let found = |why, runs| sort(&attack(), &trial(why, runs));
        let held = found(Why::HarnessError, vec![run(Role::Attack, false, SILENT), benign()]);
        assert!(matches!(&held, Finding::NotWitnessed(why) if why.contains("environment-inherited")), "{held:?}");
        let tried = vec![run(Role::Attack, false, SILENT), run(Role::Live, false, SILENT), benign()];
        assert!(matches!(found(Why::LiveFailed, tried), Finding::NotWitnessed(_)));
    }

    #[test]
    fn a_sandbox_that_runs_nothing_or_hangs_or_stops_by_accident_holds_nothing() {
        let found = |runs| sort(&attack(), &trial(Why::LiveFailed, runs));
        let idle = found(vec![run(Role::Attack, false, SILENT), run(Role::Benign, false, SILENT)]);
        assert!(matches!(idle, Finding::Inconclusive(why) if why.contains("benign")));
        let mut hung = run(Role::Attack, false, SILENT);
        hung.measured.watchdog = true;
        let hung = found(vec![hung, run(Role::Benign, true, &[])]);
        assert!(matches!(hung, Finding::Inconclusive(why) if why.contains("watchdog")));
        let other = [Cause::Denied(DenialKind::Address)];
        let accident = found(vec![run(Role::Attack, false, &other), run(Role::Benign, true, &[])]);
        assert!(matches!(accident, Finding::Inconclusive(why) if why.contains("denied-address")));
        let mut witnessed =
            vec![run(Role::Attack, false, &other), run(Role::Benign, true, &[]), run(Role::Live, true, &[])];
        let accident = |runs| sort(&attack(), &trial(Why::OtherCause, runs));
        assert!(matches!(accident(witnessed.clone()), Finding::Inconclusive(_)));
        witnessed[0] = run(Role::Attack, false, SILENT);
        assert!(matches!(accident(witnessed), Finding::Inconclusive(_)));
    }

    #[test]
    fn an_attack_without_a_control_may_be_stopped_in_silence() {
        let attack = Attack { live: Live::None("It has none.".into()), ..attack() };
        let runs = vec![run(Role::Attack, false, SILENT), run(Role::Benign, true, &[])];
        let held = sort(&attack, &trial(Why::OtherCause, runs));
        assert!(
            matches!(&held, Finding::NotWitnessed(why) if why.contains("It has none, and the sandbox shows no cause")),
            "{held:?}"
        );
    }

    #[test]
    fn a_trial_without_the_attack_s_own_run_says_what_went_wrong() {
        let lost = sort(&attack(), &trial(Why::HarnessError, Vec::new()));
        assert_eq!(lost, Finding::Inconclusive("no live control".into()));
    }

    #[test]
    fn a_breach_and_what_is_proved_stay_what_they_are() {
        let as_is = |verdict, why, witnessed| {
            sort(&attack(), &Trial { verdict, witnessed, live_reason: None, ..trial(why, Vec::new()) })
        };
        assert_eq!(as_is(Verdict::Breached, Why::Obtained, true), Finding::Breached);
        assert_eq!(as_is(Verdict::Contained, Why::Stopped, true), Finding::Proved);
        assert_eq!(as_is(Verdict::Contained, Why::StoppedSilently, true), Finding::Weak);
        assert!(matches!(as_is(Verdict::Contained, Why::Stopped, false), Finding::NotWitnessed(_)));
        assert!(matches!(as_is(Verdict::Unsupported, Why::Lacking, false), Finding::Unsupported(_)));
    }
}
