//! Security events: what a run's outcome says about its guest, each with a severity.
//!
//! Events are a function of the outcome and of nothing else, so a saved outcome gives the same ones again. The list of kinds with severity,
//! points, meaning and advice is one table, [`EventKind::ALL`].

use std::borrow::Cow;
use std::fmt;

use gauntlet_record::{Cause, DenialKind, Ending, GuestText, LimitKey, Severity};
use gauntlet_target::{DenialSeen, Outcome, is_fault_signal};
use serde::{Deserialize, Serialize};

/// Most events of one run; what is beyond them is counted under the last of its kind.
pub const MAX_EVENTS: usize = 64;
/// Most bytes that are kept of what a guest asked for.
const MAX_ASKED: usize = 128;
/// From how many different denied things of one kind on a guest is said to be probing.
const MANY_DIFFERENT: usize = 4;
/// From how many denials of one kind on, whatever was asked.
const MANY_TIMES: u64 = 32;

/// Declares the kinds: variant, word, severity, points for each, most points, what it may mean, what to do.
macro_rules! kinds {
    ($($(#[$meta:meta])* $variant:ident = $word:literal, $severity:ident, $points:literal, $most:literal, $threat:literal, $advice:literal;)*) => {
        /// A kind of security event.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[non_exhaustive]
        pub enum EventKind { $($(#[$meta])* $variant,)* }

        impl EventKind {
            /// Every kind, in the order of this table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word as logs and metrics spell it.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word,)* } }

            /// How bad it is.
            #[must_use]
            pub const fn severity(self) -> Severity { match self { $(Self::$variant => Severity::$severity,)* } }

            /// How much each event of this kind adds to a threat score.
            #[must_use]
            pub const fn points(self) -> u32 { match self { $(Self::$variant => $points,)* } }

            /// How much all events of this kind together can add.
            #[must_use]
            pub const fn most_points(self) -> u32 { match self { $(Self::$variant => $most,)* } }

            /// What it may mean.
            #[must_use]
            pub const fn threat(self) -> &'static str { match self { $(Self::$variant => $threat,)* } }

            /// What to do about it.
            #[must_use]
            pub const fn advice(self) -> &'static str { match self { $(Self::$variant => $advice,)* } }
        }
    };
}

kinds! {
    /// A path outside the grants, or a change to something read-only.
    DeniedPath = "denied-path", Low, 2, 10,
        "the guest asked for files that it was not granted",
        "compare the paths with what the guest needs; grant those that it should have, read-only";
    /// A network address or name.
    DeniedAddress = "denied-address", Medium, 5, 20,
        "the guest asked for the network where it has none",
        "look for the address in threat intelligence; grant it by name and port if the guest is meant to reach it";
    /// An import that is not linked.
    DeniedImport = "denied-import", Low, 3, 6,
        "the module needs a host function that the policy does not give",
        "inspect the module's imports before it is accepted";
    /// A proposal that the policy turns off.
    DeniedFeature = "denied-feature", Info, 1, 3,
        "the module was built for proposals that the policy turns off",
        "build the module for the proposals of the policy";
    /// A descriptor that the guest does not hold.
    DeniedDescriptor = "denied-descriptor", Low, 3, 9,
        "the guest used descriptors that it does not hold",
        "a bug of the guest, or a search for descriptors left open: confirm that workers hold none but their own";
    /// A request beyond a limit was turned down and the guest went on.
    LimitMet = "limit-met", Info, 1, 5,
        "the guest asked for more than a limit gives and went on with less",
        "raise the limit if the guest is trusted to need more";
    /// A limit of the policy ended the run.
    LimitReached = "limit-reached", Medium, 8, 24,
        "the guest used up a resource: by mistake, or to exhaust the host",
        "look at the usage of this module's earlier runs; a module that always ends so is broken or hostile";
    /// The guest asked for what only somebody who explores asks for, or for many things in turn.
    Probing = "probing", High, 25, 50,
        "the guest explores what it can reach",
        "keep the module for analysis, and quarantine the tenant until somebody has looked";
    /// The module failed the validator, or was no binary wasm.
    RefusedModule = "refused-module", Low, 3, 9,
        "the bytes are no module that this policy accepts",
        "validate modules where they are uploaded";
    /// The module's digest is not pinned, or is denied.
    RefusedDigest = "refused-digest", High, 20, 40,
        "a module other than the pinned ones was submitted, or one that was withdrawn",
        "find out how it came to be submitted: the supply chain may be broken";
    /// The policy was refused.
    RefusedPolicy = "refused-policy", Info, 1, 1,
        "the policy cannot be held here",
        "run `gauntlet doctor` and `gauntlet lint`";
    /// A budget of the tenant was used up, or the tenant is in quarantine.
    RefusedTenant = "refused-tenant", Low, 3, 15,
        "the tenant submits more than its budgets allow",
        "raise the tenant's budgets, or slow its submissions down before they get here";
    /// The supervising process ended the worker without naming a limit.
    KilledByParent = "killed-by-parent", Medium, 15, 30,
        "the worker had to be ended from outside",
        "look at the host's log of that moment";
    /// The system killed the worker: a system call that its filter forbids, or a resource limit of the kernel.
    KilledBySystem = "killed-by-system", High, 30, 60,
        "the process that runs the guest did what the jail forbids",
        "treat it as an attempted escape: keep the module and update the engine";
    /// The process that runs the guest died of a fault.
    WorkerDied = "worker-died", Critical, 50, 100,
        "the guest crashed the engine or the host functions: what crashes may be made to do worse",
        "quarantine the tenant, keep the module, update the engine and report the crash to its authors";
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Something in a run's outcome that somebody who watches should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SecurityEvent {
    /// What happened.
    pub kind: EventKind,
    /// How bad it is.
    pub severity: Severity,
    /// The typed reason in the outcome, where there is one.
    pub cause: Option<Cause>,
    /// What the guest asked for, escaped and cut; empty where nothing was asked.
    pub asked: GuestText,
    /// How often.
    pub count: u64,
    /// Why this counts as an event, in our words only.
    pub why: Cow<'static, str>,
}

/// Names that a guest asks for when it looks round the host, and why each is on the list. Matched against the parts of a denied path,
/// without regard to case.
const TELLING_PARTS: &[(&str, &str)] = &[
    ("..", "a path that climbs out of its directory"),
    ("proc", "a path into the kernel's view of processes"),
    ("sys", "a path into the kernel's view of devices"),
    ("dev", "a path to a device"),
    ("etc", "a path into the system's configuration"),
    ("root", "a path into the administrator's home"),
    ("passwd", "the list of users"),
    ("shadow", "the list of password digests"),
    ("sudoers", "the list of administrators"),
    (".ssh", "somebody's keys"),
    ("id_rsa", "somebody's key"),
    ("id_ed25519", "somebody's key"),
    (".aws", "somebody's cloud credentials"),
    (".kube", "somebody's cluster credentials"),
    (".docker", "somebody's registry credentials"),
    (".netrc", "somebody's passwords"),
    (".git-credentials", "somebody's passwords"),
    (".env", "a file of secrets"),
    ("docker.sock", "the control socket of a container engine"),
    ("containerd.sock", "the control socket of a container engine"),
    ("kubernetes.io", "the credentials of a pod"),
    ("environ", "the environment of a process"),
];

/// Addresses that a guest asks for when it looks for credentials, and why.
const TELLING_ADDRESSES: &[(&str, &str)] = &[
    ("169.254.169.254", "the metadata service of a cloud host"),
    ("169.254.170.2", "the credentials service of a container"),
    ("[fd00:ec2::254]", "the metadata service of a cloud host"),
    ("fd00:ec2::254", "the metadata service of a cloud host"),
    ("100.100.100.200", "the metadata service of a cloud host"),
    ("metadata.google.internal", "the metadata service of a cloud host"),
];

/// The security events of an outcome: at most [`MAX_EVENTS`], those of the ending first.
#[must_use]
pub fn events(outcome: &Outcome) -> Vec<SecurityEvent> {
    let mut found = Found(Vec::new());
    ending(outcome, &mut found);
    let mut tallies = [Tally::default(); 4];
    for denial in &outcome.denials {
        let (slot, kind) = match denial.cause {
            Cause::Denied(DenialKind::Path) => (Some(0), EventKind::DeniedPath),
            Cause::Denied(DenialKind::Address) => (Some(1), EventKind::DeniedAddress),
            Cause::Denied(DenialKind::Descriptor) => (Some(2), EventKind::DeniedDescriptor),
            Cause::Denied(DenialKind::Import) => (Some(3), EventKind::DeniedImport),
            Cause::Denied(DenialKind::Feature) => (None, EventKind::DeniedFeature),
            Cause::Limit(_) => (None, EventKind::LimitMet),
            // These end runs and are seen there; as denials they say nothing of the guest.
            Cause::RefusedModule
            | Cause::RefusedDigest
            | Cause::RefusedPolicy
            | Cause::RefusedTenant
            | Cause::EscapedText
            | Cause::KilledParent
            | Cause::KilledOs
            | Cause::NoEffect
            | Cause::NotShown => continue,
        };
        if let Some(tally) = slot.and_then(|slot| tallies.get_mut(slot)) {
            tally.different += 1;
            tally.times = tally.times.saturating_add(denial.count);
        }
        found.denial(kind, denial);
        if let Some(why) = telling(denial) {
            found.add(EventKind::Probing, Some(denial.cause), asked(denial), denial.count, why);
        }
    }
    for (tally, why) in tallies.iter().zip([
        "many different paths were denied",
        "many different addresses were denied",
        "many different descriptors were denied",
        "many different imports were denied",
    ]) {
        if tally.different >= MANY_DIFFERENT {
            found.add(EventKind::Probing, None, GuestText::default(), tally.times, why);
        } else if tally.times >= MANY_TIMES {
            let why = "one kind of thing was asked for again and again";
            found.add(EventKind::Probing, None, GuestText::default(), tally.times, why);
        }
    }
    found.0
}

#[derive(Default, Clone, Copy)]
struct Tally {
    different: usize,
    times: u64,
}

/// The events of an outcome so far.
struct Found(Vec<SecurityEvent>);

impl Found {
    fn add(&mut self, kind: EventKind, cause: Option<Cause>, asked: GuestText, count: u64, why: &'static str) {
        // The same kind for the same reason and ask is one event. When there is no room, the last of its kind takes the count.
        let full = self.0.len() >= MAX_EVENTS;
        let same = self.0.iter_mut().rev().find(|event| {
            event.kind == kind && (full || (event.cause == cause && event.why == why && event.asked == asked))
        });
        match same {
            Some(event) => event.count = event.count.saturating_add(count),
            // Of a kind that is not there yet there are at most as many more as there are kinds.
            None => self.0.push(SecurityEvent {
                kind,
                severity: kind.severity(),
                cause,
                asked,
                count,
                why: Cow::Borrowed(why),
            }),
        }
    }

    fn denial(&mut self, kind: EventKind, denial: &DenialSeen) {
        self.add(kind, Some(denial.cause), asked(denial), denial.count, kind.threat());
    }
}

fn asked(denial: &DenialSeen) -> GuestText {
    GuestText::new(denial.asked.as_bytes(), MAX_ASKED)
}

/// The events of how the run ended.
fn ending(outcome: &Outcome, found: &mut Found) {
    let end = &outcome.ending;
    let kind = match end.ending {
        Ending::Returned | Ending::Exited | Ending::Trapped => None,
        Ending::LimitReached => Some(EventKind::LimitReached),
        Ending::Refused => match end.cause {
            Some(Cause::Denied(DenialKind::Import)) => Some(EventKind::DeniedImport),
            Some(Cause::Denied(DenialKind::Feature)) => Some(EventKind::DeniedFeature),
            Some(Cause::Denied(DenialKind::Path)) => Some(EventKind::DeniedPath),
            Some(Cause::Denied(DenialKind::Address)) => Some(EventKind::DeniedAddress),
            Some(Cause::Denied(DenialKind::Descriptor)) => Some(EventKind::DeniedDescriptor),
            Some(Cause::Limit(_)) => Some(EventKind::LimitReached),
            Some(Cause::RefusedDigest) => Some(EventKind::RefusedDigest),
            Some(Cause::RefusedPolicy) => Some(EventKind::RefusedPolicy),
            Some(Cause::RefusedTenant) => Some(EventKind::RefusedTenant),
            Some(
                Cause::RefusedModule
                | Cause::EscapedText
                | Cause::KilledParent
                | Cause::KilledOs
                | Cause::NoEffect
                | Cause::NotShown,
            )
            | None => Some(EventKind::RefusedModule),
        },
        Ending::WorkerDied => Some(match (end.cause, end.signal) {
            (Some(Cause::KilledOs), _) => EventKind::KilledBySystem,
            (Some(Cause::KilledParent), _) => EventKind::KilledByParent,
            // Killed from outside by somebody who is not us: no fault of the engine.
            (_, Some(signal)) if !is_fault_signal(signal) => EventKind::KilledByParent,
            _ => EventKind::WorkerDied,
        }),
    };
    if let Some(kind) = kind {
        found.add(kind, end.cause, GuestText::default(), 1, kind.threat());
    }
    // A denial that ends the run (`on-denial: trap`) is in the list of denials, too, and is told there.
}

/// Why what was asked for is telling, if it is.
fn telling(denial: &DenialSeen) -> Option<&'static str> {
    let lowered = denial.asked.get(..floor(&denial.asked, 1024))?.to_ascii_lowercase();
    match denial.cause {
        // What was asked follows the name of the operation.
        Cause::Denied(DenialKind::Path) => {
            let path = lowered.split_once(' ').map_or(lowered.as_str(), |(_, path)| path);
            // The first entry of the list that is anywhere in the path, so that the answer does not hang on the path's order.
            TELLING_PARTS.iter().find(|(part, _)| path.split(['/', '\\']).any(|own| own == *part)).map(|(_, why)| *why)
        }
        Cause::Denied(DenialKind::Address) => {
            TELLING_ADDRESSES.iter().find(|(address, _)| lowered.contains(address)).map(|(_, why)| *why)
        }
        Cause::Denied(DenialKind::Import | DenialKind::Feature | DenialKind::Descriptor)
        | Cause::Limit(_)
        | Cause::RefusedModule
        | Cause::RefusedDigest
        | Cause::RefusedPolicy
        | Cause::RefusedTenant
        | Cause::EscapedText
        | Cause::KilledParent
        | Cause::KilledOs
        | Cause::NoEffect
        | Cause::NotShown => None,
    }
}

/// The last place up to `at` where a text may be cut.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The limit that ended a run, if one did: also one that refused the guest before it ran.
#[must_use]
pub(crate) fn limit_that_ended(outcome: &Outcome) -> Option<LimitKey> {
    match (outcome.ending.ending, outcome.ending.cause) {
        (Ending::LimitReached | Ending::Refused, Some(Cause::Limit(key))) => Some(key),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use gauntlet_target::EndingSeen;

    use super::*;

    fn denied(cause: Cause, asked: &str, count: u64) -> Outcome {
        let denial = DenialSeen { cause, asked: asked.to_owned(), limit: None, count };
        Outcome { denials: vec![denial], ..Outcome::default() }
    }

    fn kinds(outcome: &Outcome) -> Vec<EventKind> {
        events(outcome).iter().map(|event| event.kind).collect()
    }

    const PATH: Cause = Cause::Denied(DenialKind::Path);
    const ADDRESS: Cause = Cause::Denied(DenialKind::Address);

    #[test]
    fn an_honest_run_has_no_events() {
        assert_eq!(events(&Outcome::default()), []);
        let exited = EndingSeen { ending: Ending::Exited, exit_code: Some(1), ..EndingSeen::default() };
        assert_eq!(kinds(&Outcome { ending: exited, ..Outcome::default() }), []);
    }

    #[test]
    fn a_denied_path_is_an_event_and_a_telling_one_is_probing() {
        assert_eq!(kinds(&denied(PATH, "path_open notes.txt", 1)), [EventKind::DeniedPath]);
        assert_eq!(kinds(&denied(PATH, "path_open a..b/prod", 1)), [EventKind::DeniedPath]);
        for telling in ["path_open ../x", "open-at /proc/self/maps", "path_open a/ETC/passwd", "stat-at x\\..\\y"] {
            assert_eq!(kinds(&denied(PATH, telling, 1)), [EventKind::DeniedPath, EventKind::Probing], "{telling}");
        }
    }

    #[test]
    fn a_denied_address_is_an_event_and_a_metadata_service_is_probing() {
        assert_eq!(kinds(&denied(ADDRESS, "connect 192.0.2.1:443", 1)), [EventKind::DeniedAddress]);
        let metadata = kinds(&denied(ADDRESS, "connect 169.254.169.254:80", 1));
        assert_eq!(metadata, [EventKind::DeniedAddress, EventKind::Probing]);
    }

    #[test]
    fn many_different_asks_are_probing_and_so_is_one_ask_made_often() {
        let mut outcome = Outcome::default();
        for name in ["a", "b", "c"] {
            outcome.denials.extend(denied(PATH, &format!("path_open {name}"), 1).denials);
        }
        assert!(!kinds(&outcome).contains(&EventKind::Probing));
        outcome.denials.extend(denied(PATH, "path_open d", 1).denials);
        assert!(kinds(&outcome).contains(&EventKind::Probing));
        let often = denied(Cause::Denied(DenialKind::Descriptor), "fd_read descriptor 9", 32);
        assert!(kinds(&often).contains(&EventKind::Probing));
    }

    #[test]
    fn each_ending_has_its_event() {
        let ended = |ending, cause, signal| {
            let ending = EndingSeen { ending, cause, signal, ..EndingSeen::default() };
            kinds(&Outcome { ending, ..Outcome::default() })
        };
        let fuel = Some(Cause::Limit(LimitKey::Fuel));
        assert_eq!(ended(Ending::LimitReached, fuel, None), [EventKind::LimitReached]);
        assert_eq!(ended(Ending::Refused, Some(Cause::Limit(LimitKey::ModuleSize)), None), [EventKind::LimitReached]);
        assert_eq!(ended(Ending::Refused, Some(Cause::RefusedDigest), None), [EventKind::RefusedDigest]);
        assert_eq!(ended(Ending::Refused, Some(Cause::RefusedTenant), None), [EventKind::RefusedTenant]);
        assert_eq!(ended(Ending::WorkerDied, None, Some(11)), [EventKind::WorkerDied]);
        assert_eq!(ended(Ending::WorkerDied, None, Some(0)), [EventKind::WorkerDied]);
        assert_eq!(ended(Ending::WorkerDied, None, None), [EventKind::WorkerDied]);
        assert_eq!(ended(Ending::WorkerDied, None, Some(9)), [EventKind::KilledByParent]);
        assert_eq!(ended(Ending::WorkerDied, Some(Cause::KilledOs), Some(31)), [EventKind::KilledBySystem]);
    }

    #[test]
    fn events_stay_few_and_their_text_short_and_tame() {
        let mut outcome = Outcome::default();
        for i in 0..10_000 {
            let asked = format!("path_open {i}\n\u{2028}\x1b{}", "x".repeat(1000));
            outcome.denials.extend(denied(PATH, &asked, 2).denials);
        }
        let events = events(&outcome);
        assert!(events.len() <= MAX_EVENTS + EventKind::ALL.len());
        let counted: u64 = events.iter().filter(|event| event.kind == EventKind::DeniedPath).map(|e| e.count).sum();
        assert_eq!(counted, 20_000);
        assert!(events.iter().all(|event| event.asked.as_str().chars().all(gauntlet_record::is_printable)));
        assert!(events.iter().all(|event| event.asked.as_str().len() < 2000));
    }

    #[test]
    fn the_words_of_the_table_are_those_of_the_logs() {
        for kind in EventKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert!(kind.points() > 0 && kind.points() <= kind.most_points() && kind.most_points() <= 100);
        }
    }
}
