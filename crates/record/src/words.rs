//! The closed vocabularies: limits, grants, causes, endings, layers, verdicts. `policy`, `target` and `runner` use them from here.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A word that is not in the closed list it was looked up in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not a {what}")]
pub struct UnknownWord {
    /// What was looked for, for example `limit`.
    pub what: &'static str,
    /// The word that was given.
    pub word: String,
}

/// Reads a word where it stands: a trial has a hundred of them, and none needs a string of its own.
fn look_up<'de, D: Deserializer<'de>, T: FromStr<Err = UnknownWord>>(deserializer: D) -> Result<T, D::Error> {
    struct Words<T>(PhantomData<T>);

    impl<T: FromStr<Err = UnknownWord>> Visitor<'_> for Words<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a word")
        }

        fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<T, E> {
            word.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Words(PhantomData))
}

/// Declares an enum whose variants are words, in the spelling that policies, attacks and records use.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $what:literal, { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* $variant,)* }

        impl $name {
            /// Every word of this list, in its canonical order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word as policies, attacks and records spell it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(self.as_str()) }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word)
                    .ok_or_else(|| UnknownWord { what: $what, word: word.to_owned() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> { serializer.serialize_str(self.as_str()) }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                look_up(deserializer)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> { stringify!($name).into() }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let words: Vec<&str> = Self::ALL.iter().map(|word| word.as_str()).collect();
                json_schema!({ "type": "string", "enum": words })
            }
        }
    };
}

words! {
    /// What a trial found.
    Verdict, "verdict", {
        /// Stopped as the policy says, and the controls held.
        Contained = "contained",
        /// The attack obtained what the policy denies, or crashed its worker.
        Breached = "breached",
        /// A control failed, evidence disagrees, or the harness erred.
        Inconclusive = "inconclusive",
        /// The target lacks what the attack requires.
        Unsupported = "unsupported",
    }
}

words! {
    /// A layer of defence: what stopped an attack.
    Layer, "layer", {
        /// The module, the component or the policy was refused before anything ran.
        Validation = "validation",
        /// A capability that was never handed out.
        Grants = "grants",
        /// A limit that the executor holds while the guest runs.
        Runtime = "runtime",
        /// The operating system or the supervising process.
        System = "system",
        /// Seen and reported, not stopped.
        Monitoring = "monitoring",
    }
}

words! {
    /// How a run ended.
    Ending, "ending", {
        /// The entry function returned.
        Returned = "returned",
        /// The guest asked to exit; its exit code is testimony, never a verdict.
        Exited = "exited",
        /// The guest trapped.
        Trapped = "trapped",
        /// A limit of the policy ended the run.
        LimitReached = "limit-reached",
        /// The guest was refused before it ran.
        Refused = "refused",
        /// The process that ran the guest died without an answer.
        WorkerDied = "worker-died",
    }
}

words! {
    /// A limit of the policy, by its key under `limits:`.
    LimitKey, "limit", {
        /// Wall time from the first byte read to the verdict.
        Deadline = "deadline",
        /// CPU time, user and system, of everything that runs the guest.
        CpuTime = "cpu-time",
        /// Instructions, in the engine's fuel.
        Fuel = "fuel",
        /// Linear memory, summed over everything that the guest holds, in bytes.
        Memory = "memory",
        /// Table elements, summed over all tables.
        TableElements = "table-elements",
        /// Core instances.
        Instances = "instances",
        /// The wasm stack, in bytes.
        Stack = "stack",
        /// The module's size, in bytes.
        ModuleSize = "module-size",
        /// Wall time of validating and compiling.
        CompileTime = "compile-time",
        /// Peak memory while validating and compiling, in bytes.
        CompileMemory = "compile-memory",
        /// Bytes on standard output and standard error together.
        Output = "output",
        /// Bytes and calls that the host does for the guest.
        HostWork = "host-work",
        /// Descriptors that the guest holds open at once.
        OpenFiles = "open-files",
        /// Bytes on disk.
        Disk = "disk",
        /// Files and directories made.
        Files = "files",
        /// Size of one file, in bytes.
        FileSize = "file-size",
        /// Network connections.
        Connections = "connections",
        /// Network bytes, both ways.
        NetworkBytes = "network-bytes",
        /// Component handles and resources.
        Handles = "handles",
        /// Local ports bound.
        Ports = "ports",
        /// Depth of the call stack, in frames.
        CallDepth = "call-depth",
    }
}

/// What the number of a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds.
    Time,
    /// Bytes.
    Bytes,
    /// A plain count.
    Count,
}

impl LimitKey {
    /// What the limit's number counts.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Deadline | Self::CpuTime | Self::CompileTime => Unit::Time,
            Self::Memory
            | Self::Stack
            | Self::ModuleSize
            | Self::CompileMemory
            | Self::Output
            | Self::HostWork
            | Self::Disk
            | Self::FileSize
            | Self::NetworkBytes => Unit::Bytes,
            Self::Fuel
            | Self::TableElements
            | Self::Instances
            | Self::OpenFiles
            | Self::Files
            | Self::Connections
            | Self::Handles
            | Self::Ports
            | Self::CallDepth => Unit::Count,
        }
    }
}

impl Unit {
    /// A number of this unit for people: `1.5 s`, `64 MiB`, `10 000`.
    #[must_use]
    pub fn show(self, number: u64) -> String {
        match self {
            Self::Time => show_scaled(number, &[("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)]),
            Self::Bytes => {
                show_scaled(number, &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)])
            }
            Self::Count => {
                let digits = number.to_string();
                let mut out = String::new();
                for (i, digit) in digits.chars().enumerate() {
                    if i > 0 && (digits.len() - i).is_multiple_of(3) {
                        out.push(' ');
                    }
                    out.push(digit);
                }
                out
            }
        }
    }
}

fn show_scaled(number: u64, scales: &[(&str, u64)]) -> String {
    let (name, scale) = scales.iter().rev().find(|(_, scale)| number >= *scale).copied().unwrap_or(scales[0]);
    let whole = number / scale;
    let tenths = u128::from(number % scale) * 10 / u128::from(scale);
    if tenths == 0 || whole >= 100 { format!("{whole} {name}") } else { format!("{whole}.{tenths} {name}") }
}

words! {
    /// A kind of capability that a policy grants or withholds, by its key.
    Grant, "grant", {
        /// Directories.
        Filesystem = "filesystem",
        /// Sockets and name lookup.
        Network = "network",
        /// Environment variables.
        Environment = "environment",
        /// Command line arguments.
        Arguments = "arguments",
        /// Standard input.
        Stdin = "stdin",
        /// Clocks and their resolution.
        Clock = "clock",
        /// Random numbers.
        Random = "random",
        /// Proposals of WebAssembly.
        Features = "features",
        /// Which modules may run, and what they may import.
        Modules = "modules",
        /// The confinement of the worker process.
        Isolation = "isolation",
        /// What errors tell the guest and the end user.
        Errors = "errors",
        /// Guest text in reports and terminals.
        Escaping = "escaping",
    }
}

words! {
    /// What a guest was denied.
    DenialKind, "denial", {
        /// A path outside the grants, or a change to a read-only one.
        Path = "path",
        /// A network address or name.
        Address = "address",
        /// An import that is not linked.
        Import = "import",
        /// A proposal that the policy turns off.
        Feature = "feature",
        /// A descriptor that the guest does not hold.
        Descriptor = "descriptor",
    }
}

/// Why an attack did not obtain what it wanted: a typed reason, never matched text. The closed list of `contained-by`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// A limit was met: `limit-<key>`.
    Limit(LimitKey),
    /// Something was denied: `denied-<kind>`.
    Denied(DenialKind),
    /// The module was refused before it ran.
    RefusedModule,
    /// The module's digest is not pinned, or is denied.
    RefusedDigest,
    /// The policy was refused before anything ran.
    RefusedPolicy,
    /// The tenant has used up a budget or is in quarantine.
    RefusedTenant,
    /// Guest text was escaped or cut.
    EscapedText,
    /// The parent killed the worker without naming a limit.
    KilledParent,
    /// The system killed the worker: SIGXCPU, SIGXFSZ or SIGSYS.
    KilledOs,
    /// A leak that a sound host answers without denying anything.
    NoEffect,
    /// The target shows no typed cause.
    NotShown,
}

impl Cause {
    /// The layer that a cause belongs to, where the cause alone decides it.
    #[must_use]
    pub const fn layer(self) -> Layer {
        match self {
            Self::Limit(LimitKey::ModuleSize)
            | Self::RefusedModule
            | Self::RefusedDigest
            | Self::RefusedPolicy
            | Self::Denied(DenialKind::Feature | DenialKind::Import) => Layer::Validation,
            Self::Limit(LimitKey::CompileTime | LimitKey::CompileMemory | LimitKey::FileSize)
            | Self::KilledParent
            | Self::KilledOs => Layer::System,
            Self::Limit(_) => Layer::Runtime,
            Self::Denied(DenialKind::Path | DenialKind::Address | DenialKind::Descriptor) | Self::NoEffect => {
                Layer::Grants
            }
            // Budgets over time and quarantine follow from what was seen of earlier runs.
            Self::EscapedText | Self::RefusedTenant => Layer::Monitoring,
            Self::NotShown => Layer::System,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(key) => f.pad(&format!("limit-{key}")),
            Self::Denied(kind) => f.pad(&format!("denied-{kind}")),
            Self::RefusedModule => f.pad("refused-module"),
            Self::RefusedDigest => f.pad("refused-digest"),
            Self::RefusedPolicy => f.pad("refused-policy"),
            Self::RefusedTenant => f.pad("refused-tenant"),
            Self::EscapedText => f.pad("escaped-text"),
            Self::KilledParent => f.pad("killed-parent"),
            Self::KilledOs => f.pad("killed-os"),
            Self::NoEffect => f.pad("no-effect"),
            Self::NotShown => f.pad("not-shown"),
        }
    }
}

impl FromStr for Cause {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        let unknown = || UnknownWord { what: "cause", word: word.to_owned() };
        if let Some(key) = word.strip_prefix("limit-") {
            return key.parse().map(Self::Limit).map_err(|_| unknown());
        }
        if let Some(kind) = word.strip_prefix("denied-") {
            return kind.parse().map(Self::Denied).map_err(|_| unknown());
        }
        match word {
            "refused-module" => Ok(Self::RefusedModule),
            "refused-digest" => Ok(Self::RefusedDigest),
            "refused-policy" => Ok(Self::RefusedPolicy),
            "refused-tenant" => Ok(Self::RefusedTenant),
            "escaped-text" => Ok(Self::EscapedText),
            "killed-parent" => Ok(Self::KilledParent),
            "killed-os" => Ok(Self::KilledOs),
            "no-effect" => Ok(Self::NoEffect),
            "not-shown" => Ok(Self::NotShown),
            _ => Err(unknown()),
        }
    }
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        look_up(deserializer)
    }
}

impl JsonSchema for Cause {
    fn schema_name() -> Cow<'static, str> {
        "Cause".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let limits = LimitKey::ALL.iter().map(|key| format!("limit-{key}"));
        let denials = DenialKind::ALL.iter().map(|kind| format!("denied-{kind}"));
        let others = [
            "refused-module",
            "refused-digest",
            "refused-policy",
            "refused-tenant",
            "escaped-text",
            "killed-parent",
            "killed-os",
            "no-effect",
            "not-shown",
        ];
        let words: Vec<String> = limits.chain(denials).chain(others.map(str::to_owned)).collect();
        json_schema!({ "type": "string", "enum": words })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_survives_a_round_trip() {
        let limits = LimitKey::ALL.iter().map(|key| Cause::Limit(*key));
        let denials = DenialKind::ALL.iter().map(|kind| Cause::Denied(*kind));
        for cause in limits.chain(denials).chain([
            Cause::RefusedModule,
            Cause::RefusedDigest,
            Cause::RefusedTenant,
            Cause::KilledOs,
            Cause::NoEffect,
            Cause::NotShown,
        ]) {
            assert_eq!(cause.to_string().parse(), Ok(cause));
        }
        assert!("limit-".parse::<Cause>().is_err());
        assert!("limit-memroy".parse::<Cause>().is_err());
    }

    #[test]
    fn numbers_are_shown_in_the_unit_that_reads_best() {
        assert_eq!(Unit::Bytes.show(64 << 20), "64 MiB");
        assert_eq!(Unit::Bytes.show((3 << 20) / 2), "1.5 MiB");
        assert_eq!(Unit::Time.show(250_000_000), "250 ms");
        assert_eq!(Unit::Count.show(100_000_000), "100 000 000");
        assert_eq!(Unit::Count.show(12), "12");
        assert_eq!(Unit::Bytes.show(0), "0 B");
    }
}
