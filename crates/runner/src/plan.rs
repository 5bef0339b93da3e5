//! What is to be run: which attack on which target, under which policy, with which controls.

use std::time::Duration;

use gauntlet_corpus::{Attack, Live, World};
use gauntlet_policy::{Feature, FileGrant, Limit, Overlay, Policy, Span, Spanned};
use gauntlet_record::{Guest, Known, Role, TargetInfo, Trial, Verdict, Why, digest};
use gauntlet_target::Description;

use crate::measure::Calibration;
use crate::trial::{ESCAPING, FixtureCounts, TargetChoice};

/// How the harness runs trials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many trials run at once; attacks that say `alone` run one at a time after all others.
    pub jobs: usize,
    /// How often each trial is run; the worst verdict counts.
    pub repeat: u32,
    /// Picks the nonces. Canaries are always random.
    pub seed: u64,
    /// At how much memory the harness ends a run, in bytes. Default: 512 MiB.
    pub max_memory: u64,
    /// When the harness ends an attack or a benign twin. Default: 10 s.
    pub watchdog: Duration,
    /// When the harness ends a live control. Default: 20 s.
    pub live_watchdog: Duration,
    /// Start nothing new after a breach that is not a known gap.
    pub fail_fast: bool,
    /// Memory that shares in a policy are taken of, in bytes.
    pub host_memory: u64,
    /// Known gaps.
    pub known: Vec<KnownGap>,
    /// Trials that an earlier run has finished: target and attack.
    pub skip: Vec<(String, String)>,
    /// Releases of engines whose environment was built: live controls that need one run there. What is not here is `unsupported`.
    pub releases: Vec<TargetPlan>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            jobs: 1,
            repeat: 1,
            seed: 0,
            max_memory: 512 << 20,
            watchdog: Duration::from_secs(10),
            live_watchdog: Duration::from_secs(20),
            fail_fast: false,
            host_memory: 0,
            known: Vec::new(),
            skip: Vec::new(),
            releases: Vec::new(),
        }
    }
}

/// A gap of a target that is known and listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownGap {
    /// The target's name.
    pub target: String,
    /// The attack's id; without a case it stands for all cases.
    pub attack: String,
    /// Why it is accepted, and where that is discussed.
    pub known: Known,
}

/// A target to test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPlan {
    /// How a supervisor finds it.
    pub choice: TargetChoice,
    /// What it is.
    pub description: Description,
}

/// Everything that is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The attacks, in corpus order.
    pub attacks: Vec<Attack>,
    /// The targets.
    pub targets: Vec<TargetPlan>,
    /// The executor that live controls run on when a target cannot be opened itself. None where none of ours is linked in.
    pub reference: Option<TargetPlan>,
    /// The policy under test.
    pub policy: Policy,
    /// How to run.
    pub options: Options,
}

/// One run to make: where, under what, and whose word it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunPlan {
    pub(crate) role: Role,
    pub(crate) choice: TargetChoice,
    pub(crate) overlay: Overlay,
    pub(crate) fixtures: FixtureCounts,
    pub(crate) user_grants: Vec<FileGrant>,
    pub(crate) escaping: bool,
    /// The name of the target, when it is not the one under test.
    pub(crate) witness: Option<String>,
}

impl Plan {
    /// The targets as a record lists them.
    #[must_use]
    pub fn target_infos(&self) -> Vec<TargetInfo> {
        let info = |target: &TargetPlan| TargetInfo {
            name: target.description.name.clone(),
            engine: target.description.engine.clone(),
            version: target.description.version.clone(),
            sha256: None,
        };
        self.targets.iter().map(info).collect()
    }

    /// How many trials the plan holds.
    #[must_use]
    pub fn trials(&self) -> usize {
        self.cells().len()
    }

    /// Target and attack of each trial, in the order of a record.
    pub(crate) fn cells(&self) -> Vec<(usize, usize)> {
        let done = |target: &TargetPlan, attack: &Attack| {
            self.options.skip.iter().any(|(name, id)| *name == target.description.name && *id == attack.id)
        };
        let targets = self.targets.iter().enumerate();
        targets
            .flat_map(|(t, target)| {
                self.attacks
                    .iter()
                    .enumerate()
                    .filter(move |(_, attack)| !done(target, attack))
                    .map(move |(a, _)| (t, a))
            })
            .collect()
    }

    /// What a target lacks for an attack, in words; `None` if it lacks nothing.
    #[must_use]
    pub fn lacking(&self, target: &TargetPlan, attack: &Attack) -> Option<String> {
        let offers = |word: &str| target.description.offers.iter().any(|offer| offer == word);
        let name = &target.description.name;
        let (world, offered) = match attack.world {
            World::Core => ("core modules", offers("core")),
            World::Preview1 => ("preview 1", offers("preview1")),
            World::Preview2 => ("preview 2 components", offers("preview2") || offers("component")),
            World::Component => ("components", offers("component")),
            // Which language it has to be is among what the attack requires.
            World::Script => ("programs in a language", offers_languages(&target.description.offers)),
        };
        if !offered {
            return Some(format!("{name} runs no {world}"));
        }
        let component = matches!(attack.world, World::Preview2 | World::Component);
        // Ours refuses them whatever they do. Whether somebody else's does is not for the policy to say: there the attack runs.
        if component && !target.choice.may_be_silent() && !self.policy.features.allows(Feature::ComponentModel) {
            return Some("the policy refuses components, its benign twins included".to_owned());
        }
        let entry = attack.entry.as_deref().filter(|entry| *entry != "_start");
        if entry.is_some() && !offers("invoke") {
            return Some(format!("{name} calls no entry but the default one"));
        }
        if let Some(missing) = attack.requires.iter().find(|need| !offers(need)) {
            return Some(format!("{name} lacks `{missing}`"));
        }
        match &attack.live {
            Live::Engine(release) if self.release(release).is_none() => Some(format!(
                "the live control needs {release}, which was not built; `gauntlet run --target {release} --install` does that"
            )),
            Live::Engine(_) | Live::Overlay(_) | Live::Lift(_) | Live::Executor(_) | Live::None(_) => None,
        }
    }

    /// A release of an engine, by the name that a live control gives it.
    fn release(&self, name: &str) -> Option<&TargetPlan> {
        self.options.releases.iter().find(|release| release.description.name == name)
    }

    /// Known gaps of the targets that were tried and none of whose trials breached any more, each as `attack on target`. A gap of which a
    /// trial proved nothing is not among them.
    #[must_use]
    pub fn closed_gaps(&self, trials: &[Trial]) -> Vec<String> {
        let about = |gap: &KnownGap, trial: &Trial| {
            let family = trial.attack.split('#').next();
            trial.target == gap.target && (trial.attack == gap.attack || family == Some(gap.attack.as_str()))
        };
        let closed = |gap: &&KnownGap| {
            let mut about = trials.iter().filter(|trial| about(gap, trial)).peekable();
            about.peek().is_some() && about.all(|trial| trial.verdict == Verdict::Contained)
        };
        let named = |gap: &KnownGap| format!("{} on {}", gap.attack, gap.target);
        self.options.known.iter().filter(closed).map(named).collect()
    }

    /// The attack, or its benign twin, under the policy.
    pub(crate) fn under_policy(&self, choice: &TargetChoice, attack: &Attack, role: Role) -> RunPlan {
        let mut overlay = Overlay::new(&self.policy, self.options.host_memory);
        overlay.tighten(&attack.policy);
        self.run_plan(choice.clone(), overlay, None, attack, role, choice.escapes(), None)
    }

    /// The ways to open the sandbox for the live control, to be tried in this order until one obtains.
    pub(crate) fn live(&self, target: &TargetPlan, attack: &Attack) -> Vec<RunPlan> {
        let mut tightened = Overlay::new(&self.policy, self.options.host_memory);
        tightened.tighten(&attack.policy);
        let reference = |target: &TargetPlan| -> Option<(TargetChoice, String)> {
            let reference = self.reference.as_ref().filter(|reference| reference.choice != target.choice)?;
            Some((reference.choice.clone(), reference.description.name.clone()))
        };
        let live = |choice: TargetChoice,
                    overlay: Overlay,
                    opened: Option<&Policy>,
                    escaping: bool,
                    witness: Option<String>| {
            self.run_plan(choice, overlay, opened, attack, Role::Live, escaping, witness)
        };
        match &attack.live {
            Live::Overlay(opened) => {
                let mut overlay = tightened;
                overlay.open(opened);
                let mut plans = vec![live(target.choice.clone(), overlay.clone(), Some(opened), true, None)];
                // What a foreign target cannot be told by its policy is shown on ours.
                if let (true, Some((choice, name))) = (lifted(&target.choice, &[]).is_none(), reference(target)) {
                    plans.push(live(choice, overlay, Some(opened), true, Some(name)));
                }
                plans
            }
            Live::Lift(ids) => {
                let escaping = !ids.iter().any(|id| id == ESCAPING);
                let others: Vec<String> = ids.iter().filter(|id| *id != ESCAPING).cloned().collect();
                // Escaping is ours to lift, whatever the target.
                let own = if others.is_empty() { Some(target.choice.clone()) } else { lifted(&target.choice, &others) };
                let borrowed =
                    || reference(target).and_then(|(choice, name)| Some((lifted(&choice, &others)?, Some(name))));
                if let (TargetChoice::Custom { name, .. }, false) = (&target.choice, others.is_empty()) {
                    let asked = TargetChoice::Custom { name: name.clone(), lift: others.clone() };
                    let mut overlay = tightened.clone();
                    overlay.open(&unlimited(&others));
                    let mut plans = vec![live(asked, overlay, None, escaping, None)];
                    plans.extend(borrowed().map(|(choice, name)| live(choice, tightened, None, escaping, name)));
                    return plans;
                }
                let placed = own.map(|choice| (choice, None)).or_else(borrowed);
                placed
                    .into_iter()
                    .map(|(choice, witness)| live(choice, tightened.clone(), None, escaping, witness))
                    .collect()
            }
            Live::Executor(name) => {
                let choice = TargetChoice::Weakened { name: name.clone(), backstops: false };
                // Weakened executors come with the reference.
                let ours = self.reference.is_some() || lifted(&target.choice, &[]).is_some();
                ours.then(|| live(choice, tightened, None, true, Some(format!("weakened executor {name}"))))
                    .into_iter()
                    .collect()
            }
            Live::Engine(name) => {
                let witness = |release: &TargetPlan| (release.choice != target.choice).then(|| name.clone());
                let plans = self
                    .release(name)
                    .map(|release| live(release.choice.clone(), tightened, None, true, witness(release)));
                plans.into_iter().collect()
            }
            Live::None(_) => Vec::new(),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one value, named once")]
    fn run_plan(
        &self,
        choice: TargetChoice,
        mut overlay: Overlay,
        opened: Option<&Policy>,
        attack: &Attack,
        role: Role,
        escaping: bool,
        witness: Option<String>,
    ) -> RunPlan {
        let user = &self.policy.grants;
        // A control's grant takes the place of any other with the same guest path.
        let replaced = |grant: &FileGrant| {
            opened.is_some_and(|opened| opened.grants.filesystem.iter().any(|new| new.guest.value == grant.guest.value))
        };
        let users: Vec<FileGrant> = user.filesystem.iter().filter(|grant| !replaced(grant)).cloned().collect();
        let all = &overlay.policy.grants;
        let fixtures = FixtureCounts {
            filesystem: all.filesystem.len() - users.len(),
            network: all.network.len() - user.network.len(),
            environment: all.environment.len() - user.environment.len(),
            arguments: all.arguments.len() - user.arguments.len(),
        };
        pin(&mut overlay.policy, attack, role);
        RunPlan { role, choice, overlay, fixtures, user_grants: user.filesystem.clone(), escaping, witness }
    }

    /// The trial before any run.
    pub(crate) fn skeleton(&self, target: &TargetPlan, attack: &Attack) -> Trial {
        Trial {
            attack: attack.id.clone(),
            title: attack.title.clone(),
            why_it_matters: attack.why.clone(),
            weakness: attack.weakness.clone(),
            file: attack.file.clone(),
            target: target.description.name.clone(),
            verdict: Verdict::Breached,
            why: Why::Obtained,
            reason: attack.obtains_text.clone(),
            obtains: attack.obtains_text.clone(),
            contained_by: attack.contained_by.clone(),
            cause: None,
            layer: None,
            subjects: attack.subjects.clone(),
            witnessed: false,
            live_reason: match &attack.live {
                Live::None(reason) => Some(reason.clone()),
                Live::Overlay(_) | Live::Lift(_) | Live::Executor(_) | Live::Engine(_) => None,
            },
            known: None,
            closeness: None,
            guests: vec![
                Guest { role: Role::Attack, sha256: digest(&attack.attack) },
                Guest { role: Role::Benign, sha256: digest(&attack.benign) },
            ],
            runs: Vec::new(),
            duration: 0,
            references: attack.references.clone(),
        }
    }

    /// The entry of the list of known gaps that a trial falls under.
    pub(crate) fn known(&self, target: &TargetPlan, attack: &Attack) -> Option<Known> {
        let mut gaps = self.options.known.iter().filter(|gap| gap.target == target.description.name);
        gaps.find(|gap| attack.is_called(&gap.attack)).map(|gap| gap.known.clone())
    }

    /// The first twelve digits of a run's nonce.
    pub(crate) fn nonce_stem(&self, attack: &Attack, role: Role, repeat: u32) -> String {
        let text = format!("{}/{}/{}/{repeat}", self.options.seed, attack.id, role.as_str());
        digest(text.as_bytes())[..12].to_owned()
    }
}

/// A choice with protections left out; `None` for a target that cannot be opened.
pub(crate) fn lifted(choice: &TargetChoice, ids: &[String]) -> Option<TargetChoice> {
    let with = |lift: &[String]| {
        let mut lift = lift.to_vec();
        lift.extend(ids.iter().filter(|id| !lift.contains(id)).cloned().collect::<Vec<_>>());
        lift
    };
    match choice {
        TargetChoice::Worker { lift } => Some(TargetChoice::Worker { lift: with(lift) }),
        TargetChoice::Inline { lift } => Some(TargetChoice::Inline { lift: with(lift) }),
        TargetChoice::Guests { cache, lift } => Some(TargetChoice::Guests { cache: cache.clone(), lift: with(lift) }),
        TargetChoice::Weakened { .. } | TargetChoice::Command { .. } | TargetChoice::Custom { .. } => None,
    }
}

/// Whether a target runs programs in some language.
fn offers_languages(offers: &[String]) -> bool {
    offers.iter().any(|offer| offer.starts_with("language:"))
}

/// What a policy can say of protections that are to be left out: limits without a bound.
fn unlimited(ids: &[String]) -> Policy {
    let mut opened = Policy::default();
    for key in ids.iter().filter_map(|id| id.parse().ok()) {
        opened.limits.set(key, Limit::Unlimited(Span::default()));
    }
    opened
}

/// Pinned digests are mapped onto the guests of the trial, as grants are mapped onto fixtures: the user's own modules are not among them.
/// Where pinning itself is under attack, only the benign twin is pinned.
fn pin(policy: &mut Policy, attack: &Attack, role: Role) {
    let Some(span) = policy.modules.sha256.first().map(|pinned| pinned.span) else { return };
    if attack.language.is_some() {
        // What is pinned for programs is their interpreter, which is no part of the trial.
        return;
    }
    let at = |bytes: &[u8]| Spanned { value: digest(bytes), span };
    policy.modules.sha256 = vec![at(&attack.benign)];
    if role == Role::Live || !attack.subjects.iter().any(|subject| subject == "modules") {
        policy.modules.sha256.push(at(&attack.attack));
    }
}

/// A guest that does nothing, as a preview 1 command: the base that measurements are taken from.
pub(crate) const EMPTY_GUEST: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x04\x01\x60\0\0\
    \x03\x02\x01\0\
    \x05\x03\x01\0\x01\
    \x07\x13\x02\x06_start\0\0\x06memory\x02\0\
    \x0a\x04\x01\x02\0\x0b";

/// What an empty guest uses, taken as the most of several looks.
pub(crate) fn worst(looks: &[gauntlet_record::Measured]) -> Calibration {
    looks.iter().fold(Calibration::default(), Calibration::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::empty_attack;
    use gauntlet_policy::Reader;
    use gauntlet_policy::document;
    use gauntlet_record::LimitKey;
    use gauntlet_target::CommandFile;

    fn part(text: &str) -> Policy {
        Reader::default().policy(&document::parse(text).expect("sound YAML"), false)
    }

    fn target(choice: TargetChoice) -> TargetPlan {
        let offers = vec!["core".to_owned(), "preview1".to_owned()];
        TargetPlan {
            choice,
            description: Description { name: "t".into(), engine: "e".into(), version: "1".into(), offers },
        }
    }

    fn worker() -> TargetPlan {
        target(TargetChoice::Worker { lift: Vec::new() })
    }

    fn command() -> TargetPlan {
        let file = CommandFile { name: "x".into(), text: String::new(), driver: None, release: None };
        target(TargetChoice::Command { file: Box::new(file) })
    }

    fn plan(policy: &str) -> Plan {
        let policy = Policy::parse("t", &format!("version: 1\n{policy}")).expect("a sound policy");
        Plan {
            attacks: Vec::new(),
            targets: Vec::new(),
            reference: Some(worker()),
            policy,
            options: Options::default(),
        }
    }

    fn attack(live: Live) -> Attack {
        Attack {
            policy: part(
                "limits: { memory: 1MiB }\ngrants: { filesystem: [{ host: granted, guest: /g, access: read-only }] }\n",
            ),
            live,
            ..empty_attack()
        }
    }

    fn choices(target: &TargetPlan, live: Live) -> Vec<(TargetChoice, Option<String>, bool)> {
        let plans = plan("").live(target, &attack(live));
        plans.into_iter().map(|plan| (plan.choice, plan.witness, plan.escaping)).collect()
    }

    #[test]
    fn a_live_control_opens_the_target_itself_where_it_can() {
        let lift = Live::Lift(vec!["memory".into(), "jail".into()]);
        let lifted = TargetChoice::Worker { lift: vec!["memory".into(), "jail".into()] };
        assert_eq!(choices(&worker(), lift.clone()), [(lifted.clone(), None, true)]);
        assert_eq!(choices(&command(), lift), [(lifted, Some("t".into()), true)]);
        let overlay = Live::Overlay(Box::new(part("limits: { memory: 64MiB }\n")));
        assert_eq!(choices(&worker(), overlay.clone()), [(worker().choice, None, true)]);
        assert_eq!(
            choices(&command(), overlay),
            [(command().choice, None, true), (worker().choice, Some("t".into()), true)]
        );
    }

    #[test]
    fn a_sandbox_that_is_linked_in_is_asked_to_leave_out_what_is_lifted_and_told_by_its_policy() {
        let custom = |lift: &[&str]| TargetChoice::Custom {
            name: "mine".into(),
            lift: lift.iter().map(|id| (*id).to_owned()).collect(),
        };
        let mine = target(custom(&[]));
        let lift = Live::Lift(vec!["memory".into(), "jail".into()]);
        let worker = TargetChoice::Worker { lift: vec!["memory".into(), "jail".into()] };
        let expected = [(custom(&["memory", "jail"]), None, true), (worker, Some("t".into()), true)];
        assert_eq!(choices(&mine, lift.clone()), expected);
        let alone = Plan { reference: None, ..plan("") };
        let plans = alone.live(&mine, &attack(lift));
        assert_eq!(plans.len(), 1);
        assert_eq!(plans[0].overlay.limit(LimitKey::Memory), None);
        assert!(alone.live(&mine, &attack(Live::Executor("naive-paths".into()))).is_empty());
    }

    #[test]
    fn escaping_is_the_harness_s_own_to_lift() {
        assert_eq!(choices(&command(), Live::Lift(vec!["escaping".into()])), [(command().choice, None, false)]);
        assert_eq!(choices(&worker(), Live::Lift(vec!["escaping".into()])), [(worker().choice, None, false)]);
    }

    #[test]
    fn a_weakened_executor_witnesses_by_name() {
        let found = choices(&command(), Live::Executor("naive-paths".into()));
        let weakened = TargetChoice::Weakened { name: "naive-paths".into(), backstops: false };
        assert_eq!(found, [(weakened, Some("weakened executor naive-paths".into()), true)]);
    }

    #[test]
    fn an_attack_tightens_and_its_control_opens() {
        let plan = plan(
            "limits: { memory: 64MiB }\ngrants: { filesystem: [{ host: /srv, guest: /g, access: read-only }, { host: /b, guest: /b, access: read-only }] }\n",
        );
        let attack = attack(Live::Overlay(Box::new(part(
            "limits: { memory: 128MiB }\ngrants: { filesystem: [{ host: \".\", guest: /g, access: read-write }] }\n",
        ))));
        let under = plan.under_policy(&worker().choice, &attack, Role::Attack);
        assert_eq!((under.overlay.limit(LimitKey::Memory), under.fixtures.filesystem), (Some(1 << 20), 1));
        let live = plan.live(&worker(), &attack).remove(0);
        assert_eq!(live.overlay.limit(LimitKey::Memory), Some(128 << 20));
        // The control's grant of `/g` took the place of the attack's and of the user's; `/b` is still the user's.
        let guests: Vec<&str> =
            live.overlay.policy.grants.filesystem.iter().map(|grant| grant.guest.value.as_str()).collect();
        assert_eq!((guests, live.fixtures.filesystem), (vec!["/g", "/b"], 1));
        assert_eq!(live.user_grants.len(), 2);
    }

    #[test]
    fn pinned_digests_admit_the_guests_of_the_trial() {
        let plan = plan(&format!("modules: {{ sha256: [{}] }}\n", "0".repeat(64)));
        let mut attack = Attack { attack: b"a".to_vec(), benign: b"b".to_vec(), ..attack(Live::None(String::new())) };
        let pinned = |attack: &Attack, role| -> Vec<String> {
            let run = plan.under_policy(&worker().choice, attack, role);
            run.overlay.policy.modules.sha256.iter().map(|pin| pin.value.clone()).collect()
        };
        assert_eq!(pinned(&attack, Role::Attack), [digest(b"b"), digest(b"a")]);
        attack.subjects = vec!["modules".into()];
        assert_eq!(pinned(&attack, Role::Attack), [digest(b"b")]);
    }

    #[test]
    fn what_a_target_lacks_is_said() {
        let plan = plan("");
        let lacks = |attack: &Attack| plan.lacking(&worker(), attack);
        assert_eq!(lacks(&empty_attack()), None);
        assert!(lacks(&Attack { world: World::Component, ..empty_attack() }).is_some());
        assert!(lacks(&Attack { requires: vec!["threads".into()], ..empty_attack() }).is_some());
        let closed = self::plan("features: { component-model: false }\n");
        let components = || TargetPlan {
            description: Description { offers: vec!["component".into()], ..worker().description },
            ..worker()
        };
        let component = Attack { world: World::Component, ..empty_attack() };
        assert_eq!(plan.lacking(&components(), &component), None);
        assert!(closed.lacking(&components(), &component).is_some());
        let foreign = TargetPlan { choice: command().choice, ..components() };
        assert_eq!(closed.lacking(&foreign, &component), None, "a sandbox that cannot be told is attacked");
        assert!(lacks(&Attack { entry: Some("spin".into()), ..empty_attack() }).is_some());
        assert!(lacks(&Attack { entry: Some("_start".into()), ..empty_attack() }).is_none());
    }

    #[test]
    fn a_live_control_on_a_release_needs_its_environment() {
        let attack = Attack { live: Live::Engine("wasmtime-py@44.0.0".into()), ..empty_attack() };
        let mut plan = plan("");
        let lacking = plan.lacking(&worker(), &attack).unwrap();
        assert!(lacking.contains("gauntlet run --target wasmtime-py@44.0.0 --install"), "{lacking}");
        assert!(plan.live(&worker(), &attack).is_empty());
        let mut release = command();
        release.description.name = "wasmtime-py@44.0.0".into();
        plan.options.releases = vec![release.clone()];
        assert_eq!(plan.lacking(&worker(), &attack), None);
        let witness = |target: &TargetPlan| plan.live(target, &attack).remove(0).witness;
        assert_eq!(witness(&worker()).as_deref(), Some("wasmtime-py@44.0.0"));
        assert_eq!(witness(&release), None, "the release itself is under test");
    }

    #[test]
    fn a_known_gap_is_closed_when_all_its_trials_were_contained() {
        let mut plan = plan("");
        let known = Known { reason: "r".into(), link: "l".into() };
        let gap = |attack: &str| KnownGap { target: "t".into(), attack: attack.into(), known: known.clone() };
        plan.options.known = vec![gap("a/held"), gap("a/open"), gap("a/doubt"), gap("a/not-run")];
        let trial = |id: &str, verdict| {
            let skeleton = plan.skeleton(&worker(), &Attack { id: id.into(), ..empty_attack() });
            Trial { verdict, ..skeleton }
        };
        let mut trials = vec![
            trial("a/held#one", Verdict::Contained),
            trial("a/held#two", Verdict::Contained),
            trial("a/open#one", Verdict::Contained),
            trial("a/open#two", Verdict::Breached),
            trial("a/doubt", Verdict::Inconclusive),
        ];
        assert_eq!(plan.closed_gaps(&trials), ["a/held on t"]);
        trials[0].target = "another".into();
        trials[1].target = "another".into();
        assert!(plan.closed_gaps(&trials).is_empty());
    }

    #[test]
    fn a_known_gap_covers_the_cases_of_its_attack() {
        let mut plan = plan("");
        let known = Known { reason: "r".into(), link: "l".into() };
        plan.options.known = vec![KnownGap { target: "t".into(), attack: "a/b".into(), known: known.clone() }];
        let id = |id: &str| plan.known(&worker(), &Attack { id: id.into(), ..empty_attack() });
        assert_eq!((id("a/b"), id("a/b#c"), id("a/bc")), (Some(known.clone()), Some(known), None));
    }

    #[test]
    fn nonces_differ_by_run_and_repeat_by_seed() {
        let plan = plan("");
        let stem = |role, repeat| plan.nonce_stem(&empty_attack(), role, repeat);
        assert_eq!(stem(Role::Attack, 0), stem(Role::Attack, 0));
        assert_ne!(stem(Role::Attack, 0), stem(Role::Benign, 0));
        assert_ne!(stem(Role::Attack, 0), stem(Role::Attack, 1));
        assert_eq!(stem(Role::Attack, 0).len(), 12);
    }
}
