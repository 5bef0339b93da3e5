//! The verdict: a pure function of an attack and the runs of its trial.

use gauntlet_corpus::Attack;
use gauntlet_record::{Cause, Layer, Run, Verdict, Why};

use crate::obtains::{injection_name, obtained};

/// A verdict with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// What was found.
    pub verdict: Verdict,
    /// Why.
    pub why: Why,
    /// The same for people.
    pub reason: String,
    /// The cause that stopped the attack, if it counts.
    pub cause: Option<Cause>,
    /// The layer that stopped it.
    pub layer: Option<Layer>,
}

/// What a trial is judged by.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The attack.
    pub attack: &'a Attack,
    /// The live control, if it was run.
    pub live: Option<&'a Run>,
    /// The attack's run under the policy.
    pub run: &'a Run,
    /// The benign twin, if it was run.
    pub benign: Option<&'a Run>,
}

impl Evidence<'_> {
    /// What [`judge`] says to it.
    #[must_use]
    pub fn judge(&self) -> Judgement {
        judge(self.attack, self.live, self.run, self.benign)
    }
}

/// Judges a trial. Contained means: the host saw that nothing was obtained, it saw why, the live control showed that the attack works
/// here, and the benign twin did its work. Whatever is missing of that makes it inconclusive, never contained.
#[must_use]
pub fn judge(attack: &Attack, live: Option<&Run>, run: &Run, benign: Option<&Run>) -> Judgement {
    let open = |why: Why, reason: &str| decide(Verdict::Inconclusive, why, reason.to_owned(), None);
    let measured = &run.measured;
    let witnessed = live.is_some_and(|live| live.obtained);
    let listed = run
        .causes
        .iter()
        .copied()
        .find(|cause| attack.contained_by.contains(cause) && (witnessed || *cause != Cause::NoEffect));
    let forged = measured.reports.iter().any(|found| found == injection_name(gauntlet_corpus::Injection::Forged));

    if let Some(death) = &measured.host_death {
        return decide(Verdict::Breached, Why::HostDied, format!("the process that ran the guest died: {death}"), None);
    }
    match obtained(&attack.obtains, measured) {
        seen if run.obtained || seen == Some(true) => {
            return decide(Verdict::Breached, Why::Obtained, format!("the host saw {}", attack.obtains_text), None);
        }
        None => return open(Why::NotMeasured, "the host could not measure what the attack wants"),
        Some(_) if measured.watchdog => {
            return open(Why::OtherCause, "the harness's watchdog ended it, not the target");
        }
        Some(_) if measured.ceiling => {
            return open(Why::OtherCause, "the harness's memory ceiling ended it, not the target");
        }
        Some(_) if forged => {
            return open(Why::Disagrees, "the target claims a limit that the host's clock does not bear out");
        }
        Some(_) => {}
    }
    if attack.has_live() && !witnessed {
        return match live {
            Some(live) if live.measured.ceiling => {
                open(Why::TooLarge, "the live control does not fit under the memory ceiling of the harness")
            }
            Some(_) => open(Why::LiveFailed, "the live control obtained nothing, so the attack proves nothing here"),
            None => open(Why::LiveFailed, "the live control was not run"),
        };
    }
    if !benign.is_some_and(|benign| benign.obtained) {
        return open(Why::BenignFailed, "the benign twin did not do its work");
    }
    match listed {
        Some(cause) => decide(Verdict::Contained, Why::Stopped, format!("stopped by {cause}"), Some(cause)),
        None if witnessed && run.causes.contains(&Cause::NotShown) => decide(
            Verdict::Contained,
            Why::StoppedSilently,
            "nothing was obtained; the target shows no cause".into(),
            Some(Cause::NotShown),
        ),
        None => open(Why::OtherCause, &format!("nothing was obtained, but for no listed cause ({})", seen(run))),
    }
}

fn decide(verdict: Verdict, why: Why, reason: String, cause: Option<Cause>) -> Judgement {
    Judgement { verdict, why, reason, cause, layer: cause.map(Cause::layer) }
}

fn seen(run: &Run) -> String {
    let causes: Vec<String> = run.causes.iter().map(Cause::to_string).collect();
    if causes.is_empty() {
        format!("it {}, no cause seen", run.end.ending)
    } else {
        format!("seen: {}", causes.join(", "))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::run::empty_attack;
    use gauntlet_corpus::{Channel, Live, Obtains, Quantity};
    use gauntlet_record::{DenialKind, Ending, LimitKey, Measured, Role};
    use proptest::prelude::*;

    const MEMORY: Cause = Cause::Limit(LimitKey::Memory);

    /// A run of the example with nothing measured that anybody wants.
    pub(crate) fn run_of(role: Role, obtained: bool) -> Run {
        let mut run = gauntlet_record::example().trials.remove(0).runs.remove(0);
        run.role = role;
        run.obtained = obtained;
        run.measured = Measured { memory: Some(1), ..Measured::default() };
        run
    }

    fn attack() -> Attack {
        Attack {
            obtains: Obtains::Above(Quantity::Memory, 64),
            obtains_text: "memory > 64 B".into(),
            contained_by: vec![MEMORY],
            live: Live::Lift(vec!["memory".into()]),
            ..empty_attack()
        }
    }

    fn verdict_of(attack: &Attack, live: Option<&Run>, run: &Run, benign: Option<&Run>) -> (Verdict, Why) {
        let judged = judge(attack, live, run, benign);
        (judged.verdict, judged.why)
    }

    /// A change to the runs of a trial that was contained.
    type Change = fn(&mut Attack, &mut Option<Run>, &mut Run, &mut Option<Run>);

    fn changed(change: Change) -> (Verdict, Why) {
        let (mut attack, mut live, mut run, mut benign) =
            (attack(), Some(run_of(Role::Live, true)), run_of(Role::Attack, false), Some(run_of(Role::Benign, true)));
        change(&mut attack, &mut live, &mut run, &mut benign);
        verdict_of(&attack, live.as_ref(), &run, benign.as_ref())
    }

    #[test]
    fn a_listed_cause_with_both_controls_is_contained_and_names_its_layer() {
        let (live, run, benign) = (run_of(Role::Live, true), run_of(Role::Attack, false), run_of(Role::Benign, true));
        let judged = judge(&attack(), Some(&live), &run, Some(&benign));
        assert_eq!(
            (judged.verdict, judged.why, judged.cause, judged.layer),
            (Verdict::Contained, Why::Stopped, Some(MEMORY), Some(Layer::Runtime))
        );
        assert_eq!(judged.reason, "stopped by limit-memory");
    }

    #[test]
    fn each_way_not_to_be_contained_has_its_reason() {
        let open = |why| (Verdict::Inconclusive, why);
        let cases: &[(&str, Change, (Verdict, Why))] = &[
            ("measured", |_, _, run, _| run.measured.memory = Some(65), (Verdict::Breached, Why::Obtained)),
            ("obtained", |_, _, run, _| run.obtained = true, (Verdict::Breached, Why::Obtained)),
            (
                "dead",
                |_, _, run, _| run.measured.host_death = Some("SIGSEGV".into()),
                (Verdict::Breached, Why::HostDied),
            ),
            ("not measured", |_, _, run, _| run.measured.memory = None, open(Why::NotMeasured)),
            ("watchdog", |_, _, run, _| run.measured.watchdog = true, open(Why::OtherCause)),
            ("ceiling", |_, _, run, _| run.measured.ceiling = true, open(Why::OtherCause)),
            ("forged", |_, _, run, _| run.measured.reports = vec!["forged".into()], open(Why::Disagrees)),
            ("live obtained nothing", |_, live, _, _| live.as_mut().unwrap().obtained = false, open(Why::LiveFailed)),
            ("live missing", |_, live, _, _| *live = None, open(Why::LiveFailed)),
            (
                "live too large",
                |_, live, _, _| {
                    let live = live.as_mut().unwrap();
                    (live.obtained, live.measured.ceiling) = (false, true);
                },
                open(Why::TooLarge),
            ),
            ("benign failed", |_, _, _, benign| benign.as_mut().unwrap().obtained = false, open(Why::BenignFailed)),
            ("benign missing", |_, _, _, benign| *benign = None, open(Why::BenignFailed)),
            ("another cause", |_, _, run, _| run.causes = vec![Cause::Denied(DenialKind::Path)], open(Why::OtherCause)),
            ("no cause", |_, _, run, _| run.causes = Vec::new(), open(Why::OtherCause)),
            (
                "not shown",
                |_, _, run, _| run.causes = vec![Cause::NotShown],
                (Verdict::Contained, Why::StoppedSilently),
            ),
            (
                "not shown and not witnessed",
                |attack, live, run, _| {
                    (attack.live, *live) = (Live::None("none".into()), None);
                    run.causes = vec![Cause::NotShown];
                },
                open(Why::OtherCause),
            ),
            (
                "no live control to be had",
                |attack, live, _, _| (attack.live, *live) = (Live::None("none".into()), None),
                (Verdict::Contained, Why::Stopped),
            ),
            (
                "no effect, witnessed",
                |attack, _, run, _| (attack.contained_by, run.causes) = (vec![Cause::NoEffect], vec![Cause::NoEffect]),
                (Verdict::Contained, Why::Stopped),
            ),
            (
                "no effect, not witnessed",
                |attack, live, run, _| {
                    (attack.live, *live) = (Live::None("none".into()), None);
                    (attack.contained_by, run.causes) = (vec![Cause::NoEffect], vec![Cause::NoEffect]);
                },
                open(Why::OtherCause),
            ),
        ];
        for (name, change, expected) in cases {
            assert_eq!(changed(*change), *expected, "{name}");
        }
    }

    fn causes() -> impl Strategy<Value = Vec<Cause>> {
        let one = prop_oneof![
            Just(MEMORY),
            Just(Cause::Denied(DenialKind::Path)),
            Just(Cause::KilledOs),
            Just(Cause::NoEffect),
            Just(Cause::NotShown),
            Just(Cause::EscapedText),
        ];
        prop::collection::vec(one, 0..4)
    }

    fn runs(role: Role) -> impl Strategy<Value = Run> {
        let measured = (prop::option::of(0_u64..130), any::<[bool; 3]>(), any::<[bool; 4]>());
        (measured, causes(), any::<bool>(), prop::sample::select(Ending::ALL)).prop_map(
            move |((memory, [stdout, ran, dead], [watchdog, ceiling, forged, rare]), causes, obtained, ending)| {
                let mut run = run_of(role, obtained);
                let word = |there: bool, word: &str| there.then(|| word.to_owned());
                run.measured = Measured {
                    memory,
                    canaries: word(stdout, "stdout").into_iter().collect(),
                    host_death: word(dead && rare, "SIGSEGV"),
                    reports: word(forged && rare, "forged").into_iter().collect(),
                    watchdog: watchdog && rare,
                    ceiling: ceiling && rare,
                    ran,
                    ..Measured::default()
                };
                run.causes = causes;
                run.end.ending = ending;
                run
            },
        )
    }

    fn attacks() -> impl Strategy<Value = Attack> {
        let obtains = prop_oneof![
            Just(Obtains::Above(Quantity::Memory, 64)),
            Just(Obtains::Above(Quantity::Threads, 1)),
            Just(Obtains::Canary(Channel::Stdout)),
            Just(Obtains::HostDeath),
        ];
        let live = prop_oneof![Just(Live::Lift(vec!["memory".into()])), Just(Live::None("none".into()))];
        (obtains, causes(), live).prop_map(|(obtains, contained_by, live)| Attack {
            obtains,
            contained_by,
            live,
            ..attack()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

        /// Contained means that every control held, whatever else was seen.
        #[test]
        fn contained_only_when_every_control_held(
            attack in attacks(), live in prop::option::of(runs(Role::Live)), run in runs(Role::Attack), benign in prop::option::of(runs(Role::Benign)),
        ) {
            let judged = judge(&attack, live.as_ref(), &run, benign.as_ref());
            let witnessed = live.as_ref().is_some_and(|live| live.obtained);
            if judged.verdict == Verdict::Contained {
                prop_assert_eq!(obtained(&attack.obtains, &run.measured), Some(false));
                prop_assert!(!run.obtained && run.measured.host_death.is_none() && !run.measured.watchdog && !run.measured.ceiling);
                prop_assert!(run.measured.reports.is_empty());
                prop_assert!(witnessed || !attack.has_live());
                prop_assert!(benign.is_some_and(|benign| benign.obtained));
                let cause = judged.cause.expect("contained has a cause");
                prop_assert!(run.causes.contains(&cause));
                prop_assert!(attack.contained_by.contains(&cause) || cause == Cause::NotShown);
                prop_assert!(witnessed || !matches!(cause, Cause::NoEffect) && judged.why == Why::Stopped);
                prop_assert_eq!(judged.layer, Some(cause.layer()));
            } else {
                prop_assert_eq!((judged.cause, judged.layer), (None, None));
            }
        }

        /// What the host saw under the policy is a breach, whatever the controls and the target say.
        #[test]
        fn what_was_obtained_is_always_a_breach(
            attack in attacks(), live in prop::option::of(runs(Role::Live)), run in runs(Role::Attack), benign in prop::option::of(runs(Role::Benign)),
        ) {
            let got = obtained(&attack.obtains, &run.measured) == Some(true) || run.obtained || run.measured.host_death.is_some();
            prop_assert_eq!(judge(&attack, live.as_ref(), &run, benign.as_ref()).verdict == Verdict::Breached, got);
        }
    }
}
