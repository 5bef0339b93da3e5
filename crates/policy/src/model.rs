//! The policy as typed values. Every value keeps its place in the file; an absent limit is the strict default.

use gauntlet_record::{LimitKey, PolicyValue, Unit};
use serde::{Deserialize, Serialize};

use crate::document::{Span, Spanned};
use crate::quantity::{Bytes, Count, Fuel, Nanos, Quantity};

/// A limit, as a policy may give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Limit<T> {
    /// Not named: the strict default holds.
    #[default]
    Default,
    /// Written as `unlimited`.
    Unlimited(Span),
    /// A value.
    At(T, Span),
    /// A share of the host's or cgroup's memory, in percent.
    Share(u8, Span),
}

impl<T> Limit<T> {
    /// Where the policy names it.
    #[must_use]
    pub const fn span(&self) -> Option<Span> {
        match self {
            Self::Default => None,
            Self::Unlimited(span) | Self::At(_, span) | Self::Share(_, span) => Some(*span),
        }
    }
}

/// Declares the limits: field, key, type, strict default, documentation.
macro_rules! limits {
    ($($(#[$meta:meta])* $field:ident: $key:ident, $ty:ty, $default:expr;)*) => {
        /// The limits of a policy.
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        pub struct Limits { $($(#[$meta])* pub $field: Limit<$ty>,)* }

        impl Limits {
            /// The strict default of a limit in its base unit; `None` means that it is not counted unless a policy asks for it.
            #[must_use]
            pub const fn strict(key: LimitKey) -> Option<u64> {
                match key { $(LimitKey::$key => $default,)* }
            }

            /// The limit of a key, with its number in the key's base unit.
            #[must_use]
            pub fn get(&self, key: LimitKey) -> Limit<u64> {
                match key { $(LimitKey::$key => match self.$field {
                    Limit::Default => Limit::Default,
                    Limit::Unlimited(span) => Limit::Unlimited(span),
                    Limit::At(value, span) => Limit::At(Quantity::get(value), span),
                    Limit::Share(percent, span) => Limit::Share(percent, span),
                },)* }
            }

            /// Sets the limit of a key, its number in the key's base unit.
            pub fn set(&mut self, key: LimitKey, limit: Limit<u64>) {
                match key { $(LimitKey::$key => self.$field = match limit {
                    Limit::Default => Limit::Default,
                    Limit::Unlimited(span) => Limit::Unlimited(span),
                    Limit::At(value, span) => Limit::At(<$ty as Quantity>::new(value), span),
                    Limit::Share(percent, span) => Limit::Share(percent, span),
                },)* }
            }
        }
    };
}

limits! {
    /// Wall time from the first byte read to the verdict. Default: 10 s.
    deadline: Deadline, Nanos, Some(10_000_000_000);
    /// CPU time, user and system. Default: 5 s.
    cpu_time: CpuTime, Nanos, Some(5_000_000_000);
    /// Fuel of the engine. Default: 100 000 000.
    fuel: Fuel, Fuel, Some(100_000_000);
    /// Ceiling on linear memory, summed over every memory of the guest and the GC heap, in bytes. Default: 128 MiB.
    ///
    /// Memory grows in pages of 64 KiB, so the last part of a page cannot be used.
    /// Source: WebAssembly core specification, "Memory Instances"; enforced by the store's resource limiter.
    memory: Memory, Bytes, Some(128 << 20);
    /// Table elements, summed over all tables. Default: 10 000.
    table_elements: TableElements, Count, Some(10_000);
    /// Core instances. Default: 16.
    instances: Instances, Count, Some(16);
    /// The wasm stack, in bytes. Default: 1 MiB.
    stack: Stack, Bytes, Some(1 << 20);
    /// Size of the module, in bytes. Default: 10 MiB.
    module_size: ModuleSize, Bytes, Some(10 << 20);
    /// Time to validate and compile. Default: 5 s.
    compile_time: CompileTime, Nanos, Some(5_000_000_000);
    /// Peak memory while validating and compiling, in bytes. Default: 512 MiB.
    compile_memory: CompileMemory, Bytes, Some(512 << 20);
    /// Bytes on standard output and standard error together. Default: 1 MiB.
    output: Output, Bytes, Some(1 << 20);
    /// Bytes that the host moves or makes for the guest, in all calls together; every call costs some besides, and one that walks paths,
    /// lists directories, waits or synchronises costs more. Default: 64 MiB.
    ///
    /// A byte stands for up to about five nanoseconds of the host's time, which fuel does not see. What is over it is not done, and the run
    /// ends; only what comes in through a stream is charged after it was read, so that it may pass the limit by one read, at most 64 KiB.
    host_work: HostWork, Bytes, Some(64 << 20);
    /// Descriptors open at once. Default: 32.
    open_files: OpenFiles, Count, Some(32);
    /// Bytes on disk: how much the guest makes granted directories grow. Default: 64 MiB.
    ///
    /// Counted by the executor: files by their apparent size, holes included; unlinking gives nothing back, making a file shorter does. The
    /// system's own books are not counted, so the directories grow by no more than this plus one block for each of `files`. Over it the
    /// guest is told that no space is left.
    disk: Disk, Bytes, Some(64 << 20);
    /// Names made in granted directories: files, directories, links of both kinds. Removing one gives nothing back. Default: 1 000.
    files: Files, Count, Some(1_000);
    /// Size of one file, in bytes. Default: 16 MiB.
    file_size: FileSize, Bytes, Some(16 << 20);
    /// Network connections, counted by the try. Default: 0.
    connections: Connections, Count, Some(0);
    /// Network bytes, both ways, of streams and datagrams, without the protocols' own. What would pass it is refused whole before it is
    /// sent; on the way in the stream is closed for the guest at the byte that passes it. Default: 0.
    network_bytes: NetworkBytes, Bytes, Some(0);
    /// Component handles and host resources. Default: 1 000.
    handles: Handles, Count, Some(1_000);
    /// Local ports that the guest asks for by number; the near end that the system picks for a connection is not one. Default: 0.
    ports: Ports, Count, Some(0);
    /// Depth of the call stack in frames. Default: not counted.
    call_depth: CallDepth, Count, None;
}

impl Limits {
    /// The value in force in the key's base unit; `None` is unlimited. A share is taken of `host_memory` bytes.
    #[must_use]
    pub fn resolve(&self, key: LimitKey, host_memory: u64) -> Option<u64> {
        match self.get(key) {
            Limit::Default => Self::strict(key),
            Limit::Unlimited(_) => None,
            Limit::At(value, _) => Some(value),
            Limit::Share(percent, _) => {
                Some(u64::try_from(u128::from(host_memory) * u128::from(percent) / 100).unwrap_or(u64::MAX))
            }
        }
    }
}

/// Declares the proposals that a policy names.
macro_rules! features {
    ($($(#[$meta:meta])* $variant:ident = $word:literal, $default:literal;)*) => {
        /// A proposal of WebAssembly. Every one is named; none is inherited from the engine.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Feature { $($(#[$meta])* $variant,)* }

        impl Feature {
            /// Every proposal.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// Its key under `features:`.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word,)* } }
            /// Whether the strict default allows it.
            #[must_use]
            pub const fn strict(self) -> bool { match self { $(Self::$variant => $default,)* } }
        }
    };
}

features! {
    /// Bulk memory operations.
    BulkMemory = "bulk-memory", true;
    /// Reference types; decides the engine's support for garbage collected references, which `externref` needs.
    ReferenceTypes = "reference-types", true;
    /// Several results.
    MultiValue = "multi-value", true;
    /// 128-bit vectors.
    Simd = "simd", true;
    /// Vectors whose results may differ by machine.
    RelaxedSimd = "relaxed-simd", false;
    /// Shared memory and atomics.
    Threads = "threads", false;
    /// Several memories.
    MultiMemory = "multi-memory", false;
    /// 64-bit memories.
    Memory64 = "memory64", false;
    /// Tail calls.
    TailCall = "tail-call", false;
    /// Typed function references.
    FunctionReferences = "function-references", false;
    /// Garbage collection.
    Gc = "gc", false;
    /// Exceptions.
    Exceptions = "exceptions", false;
    /// Components.
    ComponentModel = "component-model", true;
    /// Asynchronous components.
    ComponentModelAsync = "component-model-async", false;
    /// Stack switching.
    StackSwitching = "stack-switching", false;
    /// Pages of one byte.
    CustomPageSizes = "custom-page-sizes", false;
    /// 128-bit arithmetic.
    WideArithmetic = "wide-arithmetic", false;
}

/// Which proposals a policy allows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Features {
    /// The proposals that the policy names.
    named: Vec<(Feature, bool, Span)>,
}

impl Features {
    /// Whether a proposal is allowed.
    #[must_use]
    pub fn allows(&self, feature: Feature) -> bool {
        self.named.iter().find(|(named, ..)| *named == feature).map_or(feature.strict(), |(_, allowed, _)| *allowed)
    }

    /// What the policy itself says of a proposal, and where.
    #[must_use]
    pub fn named(&self, feature: Feature) -> Option<(bool, Span)> {
        self.named.iter().find(|(named, ..)| *named == feature).map(|(_, allowed, span)| (*allowed, *span))
    }

    /// Allows or forbids a proposal.
    pub fn set(&mut self, feature: Feature, allowed: bool, span: Span) {
        self.named.retain(|(named, ..)| *named != feature);
        self.named.push((feature, allowed, span));
    }
}

/// How a guest may use a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Read only.
    ReadOnly,
    /// Read and write.
    ReadWrite,
    /// A directory of its own that is gone afterwards.
    Scratch,
}

impl Access {
    /// The word as policies spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::ReadWrite => "read-write",
            Self::Scratch => "scratch",
        }
    }
}

/// A directory that the guest gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileGrant {
    /// The host's directory; empty for scratch.
    pub host: Spanned<String>,
    /// The guest's name for it; the host's path if the policy gives none.
    pub guest: Spanned<String>,
    /// Whether the policy gives the guest's name.
    pub guest_named: bool,
    /// How it may be used.
    pub access: Spanned<Access>,
    /// Why it is needed.
    pub reason: Option<Spanned<String>>,
    /// The whole entry.
    pub span: Span,
}

/// What a network grant allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Connecting to an address.
    Connect,
    /// Listening on an address.
    Listen,
    /// Looking a name up.
    Resolve,
}

impl Scope {
    /// The key as policies spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Listen => "listen",
            Self::Resolve => "resolve",
        }
    }
}

/// An address that the guest may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkGrant {
    /// What it allows.
    pub scope: Scope,
    /// `host:port`, a name, or `*`.
    pub address: Spanned<String>,
    /// Why it is needed.
    pub reason: Option<Spanned<String>>,
    /// The whole entry.
    pub span: Span,
}

/// An environment variable that the guest gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: Spanned<String>,
    /// Its value.
    pub value: Spanned<String>,
}

/// What the guest reads on standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stdin {
    /// Nothing.
    #[default]
    Closed,
    /// What the executor was given.
    Inherit,
}

/// Where the guest's random numbers come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Random {
    /// The system.
    #[default]
    System,
    /// A seed: for tests.
    Seeded,
}

/// What the guest is handed. Closed by default: an absent grant is denied.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Grants {
    /// Directories.
    pub filesystem: Vec<FileGrant>,
    /// Addresses.
    pub network: Vec<NetworkGrant>,
    /// Environment variables; nothing is inherited.
    pub environment: Vec<Variable>,
    /// Command line arguments.
    pub arguments: Vec<Spanned<String>>,
    /// Standard input.
    pub stdin: Spanned<Stdin>,
    /// Resolution of the clocks. Default: 1 ms.
    pub clock_resolution: Option<Spanned<Nanos>>,
    /// Random numbers.
    pub random: Spanned<Random>,
    /// The seed of seeded random numbers. Default: one that the executor's documentation names.
    #[serde(default)]
    pub random_seed: Option<Spanned<u64>>,
}

/// Which modules may run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Modules {
    /// SHA-256 digests, in hex, of the modules that may run; empty allows any.
    pub sha256: Vec<Spanned<String>>,
    /// Keys one of which has to have signed the module; empty asks for none.
    ///
    /// Each is an Ed25519 key, as [`crate::PublicKey`] reads it.
    pub signed_by: Vec<Spanned<String>>,
    /// Whether precompiled bytes are accepted.
    pub precompiled: Spanned<bool>,
    /// Whether compressed bytes are accepted.
    pub compressed: Spanned<bool>,
    /// A file of module digests and engine builds that must not run, read again whenever it changes; none if absent.
    #[serde(default)]
    pub deny_list: Option<Spanned<String>>,
    /// Imports that are denied although their interface is granted.
    pub deny: Vec<Spanned<String>>,
    /// Whether unknown imports are stubbed instead of refused.
    pub unknown_imports: Spanned<bool>,
}

/// What a denial does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnDenial {
    /// The guest gets an error and goes on.
    #[default]
    Errno,
    /// The run ends.
    Trap,
}

/// How much a mechanism of confinement is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// Without it nothing runs.
    Required,
    /// Taken where the host has it.
    IfAvailable,
    /// Not asked for.
    Off,
}

impl Requirement {
    /// The word as policies spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::IfAvailable => "if-available",
            Self::Off => "off",
        }
    }
}

/// Who runs the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum User {
    /// An unprivileged user where the system allows the change.
    #[default]
    Unprivileged,
    /// Whoever runs the tool.
    Caller,
}

/// The confinement of the process that runs the guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolation {
    /// A process of its own.
    pub process: Spanned<Requirement>,
    /// A filter on system calls.
    pub seccomp: Spanned<Requirement>,
    /// Landlock rules on files and ports.
    pub landlock: Spanned<Requirement>,
    /// Namespaces.
    pub namespaces: Spanned<Requirement>,
    /// A control group.
    pub cgroup: Spanned<Requirement>,
    /// The user.
    pub user: Spanned<User>,
}

impl Default for Isolation {
    fn default() -> Self {
        let at = |value| Spanned { value, span: Span::default() };
        Self {
            process: at(Requirement::Required),
            seccomp: at(Requirement::Required),
            landlock: at(Requirement::IfAvailable),
            namespaces: at(Requirement::IfAvailable),
            cgroup: at(Requirement::IfAvailable),
            user: Spanned::default(),
        }
    }
}

impl Isolation {
    /// The mechanisms by their keys, in the policy's order.
    #[must_use]
    pub const fn mechanisms(&self) -> [(&'static str, Spanned<Requirement>); 5] {
        [
            ("process", self.process),
            ("seccomp", self.seccomp),
            ("landlock", self.landlock),
            ("namespaces", self.namespaces),
            ("cgroup", self.cgroup),
        ]
    }
}

impl<T: Copy> Copy for Spanned<T> {}

/// What errors tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// Nothing of the host.
    #[default]
    Generic,
    /// Everything.
    Full,
}

/// Where runs are logged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Audit {
    /// The log file, one JSON object a line; none if absent.
    pub log: Option<Spanned<String>>,
}

/// A finding that somebody accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// The rule.
    pub rule: Spanned<String>,
    /// Why it is accepted.
    pub reason: Option<Spanned<String>>,
    /// Who answers for it.
    pub owner: Option<Spanned<String>>,
    /// Until when, as `YYYY-MM-DD`.
    pub expires: Option<Spanned<String>>,
    /// The whole entry.
    pub span: Span,
}

/// Budgets of one tenant over time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PerTenant {
    /// Key and number in the key's base unit, as named.
    pub named: Vec<(Spanned<String>, u64)>,
}

/// A policy: what a guest may use, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    /// How messages call the file.
    pub name: String,
    /// The text that was read.
    pub text: String,
    /// Limits.
    pub limits: Limits,
    /// Grants.
    pub grants: Grants,
    /// Proposals.
    pub features: Features,
    /// Modules.
    pub modules: Modules,
    /// What a denial does.
    pub on_denial: Spanned<OnDenial>,
    /// Confinement.
    pub isolation: Isolation,
    /// What errors tell.
    pub errors: Spanned<Detail>,
    /// Logging.
    pub audit: Audit,
    /// Accepted findings.
    pub waivers: Vec<Waiver>,
    /// A virtual clock and seeded random numbers.
    pub deterministic: Spanned<bool>,
    /// Budgets a tenant.
    pub per_tenant: PerTenant,
    /// Where sections stand, by key: `limits`, `grants`, `grants.filesystem`, ... A finding about something missing points here.
    pub sections: Vec<(String, Span)>,
}

impl Policy {
    /// Where a section's key stands; the first character of the file if the section is missing.
    #[must_use]
    pub fn section(&self, key: &str) -> Span {
        let found = |key: &str| self.sections.iter().find(|(name, _)| name == key).map(|(_, span)| *span);
        let parent = key.rsplit_once('.').map_or("version", |(parent, _)| parent);
        found(key).or_else(|| found(parent)).or_else(|| found("version")).unwrap_or_else(|| Span::of(&self.text, 0, 1))
    }

    /// SHA-256 of the text, in hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        gauntlet_record::digest(self.text.as_bytes())
    }

    /// Every limit and grant as a record shows it, a share resolved against `host_memory` bytes.
    #[must_use]
    pub fn values(&self, host_memory: u64) -> Vec<PolicyValue> {
        let mut values = Vec::new();
        let mut add = |key: String, value: String, line: Option<u32>| {
            values.push(PolicyValue { key, value, line, not_held: None });
        };
        for key in LimitKey::ALL.iter().copied() {
            let limit = self.limits.get(key);
            let Some(shown) = self.show_limit(key, host_memory) else { continue };
            add(format!("limits.{key}"), shown, limit.span().map(|span| span.line));
        }
        let grants = &self.grants;
        let list = |items: Vec<String>| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
        let line = |key: &str| self.sections.iter().find(|(name, _)| name == key).map(|(_, span)| span.line);
        let files = grants
            .filesystem
            .iter()
            .map(|grant| format!("{} as {} ({})", grant.host.value, grant.guest.value, grant.access.value.as_str()));
        add("grants.filesystem".into(), list(files.collect()), line("grants.filesystem"));
        let network = grants.network.iter().map(|grant| format!("{} {}", grant.scope.as_str(), grant.address.value));
        add("grants.network".into(), list(network.collect()), line("grants.network"));
        let environment = grants.environment.iter().map(|variable| variable.name.value.clone());
        add("grants.environment".into(), list(environment.collect()), line("grants.environment"));
        add(
            "grants.arguments".into(),
            list(grants.arguments.iter().map(|arg| arg.value.clone()).collect()),
            line("grants.arguments"),
        );
        let stdin = match grants.stdin.value {
            Stdin::Closed => "closed",
            Stdin::Inherit => "inherit",
        };
        add("grants.stdin".into(), stdin.into(), line("grants.stdin"));
        let resolution = grants.clock_resolution.map_or(1_000_000, |resolution| resolution.value.get());
        add("grants.clock".into(), Unit::Time.show(resolution), line("grants.clock"));
        let random = match (grants.random.value, grants.random_seed) {
            (Random::System, _) => "system".to_owned(),
            (Random::Seeded, None) => "seeded".to_owned(),
            (Random::Seeded, Some(seed)) => format!("seeded with {}", seed.value),
        };
        add("grants.random".into(), random, line("grants.random"));
        let allowed = Feature::ALL
            .iter()
            .filter(|feature| self.features.allows(**feature))
            .map(|feature| feature.as_str().to_owned());
        add("features".into(), list(allowed.collect()), line("features"));
        let pinned = match self.modules.sha256.len() {
            0 => "any wasm".to_owned(),
            n => format!("{n} pinned"),
        };
        add("modules".into(), pinned, line("modules"));
        let on_denial = match self.on_denial.value {
            OnDenial::Errno => "errno",
            OnDenial::Trap => "trap",
        };
        add("on-denial".into(), on_denial.into(), line("on-denial"));
        for (name, requirement) in self.isolation.mechanisms() {
            add(format!("isolation.{name}"), requirement.value.as_str().into(), line("isolation"));
        }
        let detail = match self.errors.value {
            Detail::Generic => "generic",
            Detail::Full => "full",
        };
        add("errors".into(), detail.into(), line("errors"));
        if self.deterministic.value {
            add("deterministic".into(), "true".into(), line("deterministic"));
        }
        values
    }

    /// A limit for people; `None` if it is not counted.
    #[must_use]
    pub fn show_limit(&self, key: LimitKey, host_memory: u64) -> Option<String> {
        let show = |number| key.unit().show(number);
        match self.limits.get(key) {
            Limit::Default => Limits::strict(key).map(show),
            Limit::Unlimited(_) => Some("unlimited".to_owned()),
            Limit::At(number, _) => Some(show(number)),
            Limit::Share(percent, _) => {
                let resolved = self.limits.resolve(key, host_memory).unwrap_or_default();
                Some(format!("{percent}% = {}", show(resolved)))
            }
        }
    }
}
