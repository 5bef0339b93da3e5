//! Every key of a policy, once: what it takes, whether it is needed, what holds when it is absent, and what it is for.
//!
//! The reader lets through what stands here and nothing else, the JSON Schema is written from it, and the effective policy is shown in its
//! order. Limits and proposals add their own keys to it, beside their fields.

use gauntlet_record::{LimitKey, Unit};

use crate::model::words::Word;
use crate::model::{
    Access, Detail, FEATURES, Feature, LIMITS, Limits, OnDenial, Random, Requirement, Scope, Stdin, User,
};

/// A key and what may stand behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it takes.
    pub(crate) takes: Takes,
    /// Whether its mapping is faulty without it.
    pub(crate) needed: bool,
    /// What holds when it is absent, as it would be written; empty if nothing stands for that.
    absent: &'static str,
    /// What it is for, in a sentence or two.
    pub(crate) doc: &'static str,
}

/// What may stand behind a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Takes {
    /// The version of the format.
    Version,
    /// A limit: a quantity, `unlimited`, or a share if it counts bytes.
    Limit(LimitKey),
    /// A quantity.
    Amount(Unit),
    /// `true` or `false` for a proposal.
    Feature(Feature),
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    Words(&'static [&'static str]),
    /// Any text.
    Text,
    /// A path: not empty, without NUL.
    Path,
    /// SHA-256 in hex.
    Digest,
    /// A list of these.
    List(&'static Takes),
    /// A mapping with these keys and no others.
    Mapping(&'static [Key]),
    /// A file grant: a mapping whose access decides which keys it needs.
    FileGrant(&'static [Key]),
    /// A network grant: a mapping with exactly one scope.
    NetworkGrant(&'static [Key]),
    /// Names of the writer's choice with texts.
    Variables,
    /// One of these words, or a mapping.
    WordsOr(&'static [&'static str], &'static [Key]),
}

impl Key {
    pub(crate) const fn new(name: &'static str, takes: Takes, doc: &'static str) -> Self {
        Self { name, takes, needed: false, absent: "", doc }
    }

    const fn needed(self) -> Self {
        Self { needed: true, ..self }
    }

    const fn absent(self, absent: &'static str) -> Self {
        Self { absent, ..self }
    }

    /// What holds when the key is absent, as it would be written; `None` if nothing stands for that.
    pub(crate) fn default_text(&self) -> Option<String> {
        match self.takes {
            Takes::Limit(key) => Limits::strict(key).map(|number| crate::render::readable(number, key.unit())),
            Takes::Feature(feature) => Some(feature.strict().to_string()),
            Takes::Version
            | Takes::Amount(_)
            | Takes::Boolean
            | Takes::Words(_)
            | Takes::Text
            | Takes::Path
            | Takes::Digest
            | Takes::List(_)
            | Takes::Mapping(_)
            | Takes::FileGrant(_)
            | Takes::NetworkGrant(_)
            | Takes::Variables
            | Takes::WordsOr(..) => (!self.absent.is_empty()).then(|| self.absent.to_owned()),
        }
    }
}

/// Words of which the second, or `accept`, is the open one.
pub(crate) const ACCEPT: &[&str] = &["refuse", "accept"];
/// What happens to imports that nobody knows.
pub(crate) const IMPORTS: &[&str] = &["wasi-granted", "stub-unknown"];

/// The keys of a file grant.
pub(crate) const FILE_GRANT: &[Key] = &[
    Key::new("host", Takes::Path, "The host's directory. A scratch grant has none."),
    Key::new("guest", Takes::Path, "The guest's name for it; the host's path if absent, which then is no secret."),
    Key::new(
        "access",
        Takes::Words(Access::WORDS),
        "How it may be used; `scratch` is made for the run and gone afterwards.",
    )
    .needed(),
    Key::new("reason", Takes::Text, "Why the guest needs it."),
];

/// The keys of a network grant, of which one names the scope.
pub(crate) const NETWORK_GRANT: &[Key] = &[
    Key::new(Scope::Connect.as_str(), Takes::Text, "An address to connect to, as `host:port`."),
    Key::new(Scope::Listen.as_str(), Takes::Text, "An address to listen on, as `host:port`."),
    Key::new(Scope::Resolve.as_str(), Takes::Text, "A name to look up."),
    Key::new("reason", Takes::Text, "Why the guest needs it."),
];

/// The keys of `grants.random`, where it is a mapping.
pub(crate) const RANDOM: &[Key] =
    &[Key::new("seed", Takes::Amount(Unit::Count), "The seed of random numbers that repeat: for tests.").needed()];

/// The keys of `grants.clock`.
pub(crate) const CLOCK: &[Key] =
    &[Key::new("resolution", Takes::Amount(Unit::Time), "Resolution of the clocks.").absent("1ms")];

/// The keys under `grants:`.
pub(crate) const GRANTS: &[Key] = &[
    Key::new("filesystem", Takes::List(&Takes::FileGrant(FILE_GRANT)), "Directories that the guest gets.").absent("[]"),
    Key::new("network", Takes::List(&Takes::NetworkGrant(NETWORK_GRANT)), "Addresses that the guest may use.")
        .absent("[]"),
    Key::new("environment", Takes::Variables, "Environment variables; nothing is inherited.").absent("{}"),
    Key::new("arguments", Takes::List(&Takes::Text), "Command line arguments.").absent("[]"),
    Key::new("stdin", Takes::Words(Stdin::WORDS), "What the guest reads on standard input.").absent("closed"),
    Key::new("clock", Takes::Mapping(CLOCK), "The guest's clocks."),
    Key::new("random", Takes::WordsOr(Random::WORDS, RANDOM), "Where the guest's random numbers come from.")
        .absent("system"),
];

/// The keys under `modules:`.
pub(crate) const MODULES: &[Key] = &[
    Key::new("sha256", Takes::List(&Takes::Digest), "SHA-256 digests of the modules that may run; empty allows any.")
        .absent("[]"),
    Key::new("signed-by", Takes::List(&Takes::Text), "Ed25519 keys one of which has to have signed the module.")
        .absent("[]"),
    Key::new("precompiled", Takes::Words(ACCEPT), "Whether precompiled bytes are accepted: they are native code.")
        .absent("refuse"),
    Key::new("compressed", Takes::Words(ACCEPT), "Whether compressed bytes are accepted.").absent("refuse"),
    Key::new("imports", Takes::Words(IMPORTS), "Whether imports that nobody knows are refused or stubbed.")
        .absent("wasi-granted"),
    Key::new("deny", Takes::List(&Takes::Text), "Imports that are denied although their interface is granted.")
        .absent("[]"),
    Key::new("deny-list", Takes::Path, "A file of module digests and engine builds that must not run."),
];

/// The keys under `isolation:`.
pub(crate) const ISOLATION: &[Key] = &[
    Key::new("process", Takes::Words(Requirement::WORDS), "A process of its own.").absent("required"),
    Key::new("seccomp", Takes::Words(Requirement::WORDS), "A filter on system calls.").absent("required"),
    Key::new("landlock", Takes::Words(Requirement::WORDS), "Landlock rules on files and ports.").absent("if-available"),
    Key::new("namespaces", Takes::Words(Requirement::WORDS), "Namespaces.").absent("if-available"),
    Key::new("cgroup", Takes::Words(Requirement::WORDS), "A control group.").absent("if-available"),
    Key::new("user", Takes::Words(User::WORDS), "Who runs the worker.").absent("unprivileged"),
];

/// The keys under `errors:`.
pub(crate) const ERRORS: &[Key] =
    &[Key::new("detail", Takes::Words(Detail::WORDS), "What errors tell the guest.").absent("generic")];

/// The keys under `audit:`.
pub(crate) const AUDIT: &[Key] =
    &[Key::new("log", Takes::Path, "The file that runs are logged to, one JSON object a line.")];

/// The keys of a waiver.
pub(crate) const WAIVER: &[Key] = &[
    Key::new("rule", Takes::Text, "The rule whose findings are accepted.").needed(),
    Key::new("reason", Takes::Text, "Why they are accepted; without it the waiver has no effect."),
    Key::new("owner", Takes::Text, "Who answers for it."),
    Key::new("expires", Takes::Text, "The last day on which it holds, as `YYYY-MM-DD`."),
];

/// The keys under `per-tenant:`.
pub(crate) const PER_TENANT: &[Key] = &[
    Key::new("runs", Takes::Amount(Unit::Count), "Runs in a window."),
    Key::new("concurrent", Takes::Amount(Unit::Count), "Runs at once."),
    Key::new("cpu-time", Takes::Amount(Unit::Time), "CPU time in a window."),
    Key::new("memory", Takes::Amount(Unit::Bytes), "Memory of all runs at once."),
    Key::new("disk", Takes::Amount(Unit::Bytes), "Bytes on disk in a window."),
    Key::new("network-bytes", Takes::Amount(Unit::Bytes), "Network bytes in a window."),
    Key::new("window", Takes::Amount(Unit::Time), "How long a window is."),
];

/// The keys of a policy.
pub(crate) const POLICY: &[Key] = &[
    Key::new("version", Takes::Version, "The version of the format: 1.").needed(),
    Key::new(
        "extends",
        Takes::Path,
        "What this policy builds on: a preset by its name, or a file in this one's folder or below it. Mappings are merged key by key; \
         lists and everything else that is named here take the place of what is inherited.",
    ),
    Key::new("limits", Takes::Mapping(LIMITS), "How much the guest may use. An absent limit is the strict default."),
    Key::new("grants", Takes::Mapping(GRANTS), "What the guest is handed. An absent grant is denied."),
    Key::new("features", Takes::Mapping(FEATURES), "Which proposals of WebAssembly modules may use."),
    Key::new("modules", Takes::Mapping(MODULES), "Which modules may run."),
    Key::new("on-denial", Takes::Words(OnDenial::WORDS), "What a denied path, address or growth does.").absent("errno"),
    Key::new("isolation", Takes::Mapping(ISOLATION), "The confinement of the process that runs the guest."),
    Key::new("errors", Takes::Mapping(ERRORS), "What errors tell."),
    Key::new("audit", Takes::Mapping(AUDIT), "Where runs are logged."),
    Key::new("deterministic", Takes::Boolean, "A virtual clock and seeded random numbers.").absent("false"),
    Key::new("per-tenant", Takes::Mapping(PER_TENANT), "Budgets of one tenant over time."),
    Key::new("waivers", Takes::List(&Takes::Mapping(WAIVER)), "Findings of the linter that somebody accepted.")
        .absent("[]"),
];

/// The key of a name.
pub(crate) fn find(keys: &'static [Key], name: &str) -> Option<&'static Key> {
    keys.iter().find(|key| key.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;

    /// A value that a key takes and that is not what holds without it, as text.
    fn sample(takes: &Takes) -> String {
        let all =
            |keys: &[Key]| keys.iter().map(|key| format!("{}: {}", key.name, sample(&key.takes))).collect::<Vec<_>>();
        match takes {
            Takes::Version => "1".into(),
            Takes::Limit(key) => sample(&Takes::Amount(key.unit())),
            Takes::Amount(Unit::Time) => "7s".into(),
            Takes::Amount(Unit::Bytes) => "7KiB".into(),
            Takes::Amount(Unit::Count) => "7".into(),
            Takes::Feature(feature) => (!feature.strict()).to_string(),
            Takes::Boolean => "true".into(),
            Takes::Words(words) => format!("\"{}\"", words.last().unwrap()),
            Takes::Text | Takes::Path => "text".into(),
            Takes::Digest => "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".into(),
            Takes::List(takes) => format!("[{}]", sample(takes)),
            Takes::Mapping(keys) | Takes::WordsOr(_, keys) => format!("{{ {} }}", all(keys).join(", ")),
            Takes::FileGrant(keys) => {
                let keys: Vec<Key> = keys.iter().copied().filter(|key| key.name != "host").collect();
                format!("{{ {} }}", all(&keys).join(", "))
            }
            Takes::NetworkGrant(keys) => format!("{{ {} }}", all(&[keys[0], keys[3]]).join(", ")),
            Takes::Variables => "{ A: b }".into(),
        }
    }

    /// The values of a policy without their places.
    fn plain(policy: &Policy) -> String {
        policy.to_yaml()
    }

    #[test]
    fn the_reader_reads_every_key_of_the_table_and_keeps_what_it_says() {
        let empty = plain(&Policy::default());
        for key in POLICY.iter().filter(|key| !["version", "extends"].contains(&key.name)) {
            let mut cases = vec![(key.name.to_owned(), format!("{}: {}", key.name, sample(&key.takes)))];
            if let Takes::Mapping(keys) = key.takes {
                cases = keys
                    .iter()
                    .map(|inner| {
                        let path = format!("{}.{}", key.name, inner.name);
                        (path, format!("{}: {{ {}: {} }}", key.name, inner.name, sample(&inner.takes)))
                    })
                    .collect();
            }
            for (path, text) in cases {
                // A key is no text that could stand there.
                let text = text.replace("signed-by: [text]", &format!("signed-by: [{}]", sample(&Takes::Digest)));
                let policy = Policy::parse("t", &format!("version: 1\n{text}\n"));
                let policy = policy.unwrap_or_else(|faults| panic!("{path}: {text}: {faults:?}"));
                assert_ne!(plain(&policy), empty, "{path}: the reader drops {text}");
            }
        }
    }

    #[test]
    fn every_key_says_what_it_is_for() {
        fn all(keys: &[Key]) {
            for key in keys {
                assert!(key.doc.trim_end().ends_with(['.', '1']), "{}: {}", key.name, key.doc);
                match &key.takes {
                    Takes::Mapping(keys) | Takes::WordsOr(_, keys) => all(keys),
                    Takes::List(Takes::Mapping(keys) | Takes::FileGrant(keys) | Takes::NetworkGrant(keys)) => all(keys),
                    _ => {}
                }
            }
        }
        all(POLICY);
    }
}
