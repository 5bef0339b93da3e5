//! An attack as it is written down, as typed values.

use gauntlet_policy::{Policy, Span};
use gauntlet_record::{Cause, Layer};
use serde::{Deserialize, Serialize};

/// A world that a guest is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum World {
    /// A core module without WASI: its entry takes the nonce as an `i64` and returns it plus one.
    Core,
    /// A core module with WASI preview 1.
    Preview1,
    /// A component with WASI preview 2.
    Preview2,
    /// A component without WASI.
    Component,
    /// A program in a language, for targets that run those: [`Attack::language`].
    Script,
}

impl World {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Core, Self::Preview1, Self::Preview2, Self::Component, Self::Script];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Preview1 => "preview1",
            Self::Preview2 => "preview2",
            Self::Component => "component",
            Self::Script => "script",
        }
    }
}

/// What kind of attack it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Kind {
    /// A guest that is run.
    #[default]
    Guest,
    /// Bytes given to the target in place of a guest: text, native code, a module cut short.
    Input,
}

/// A resource that the host measures for `obtains`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Quantity {
    /// CPU time, in nanoseconds.
    CpuTime,
    /// Wall time, in nanoseconds.
    WallTime,
    /// Peak memory above an empty guest's, in bytes.
    Memory,
    /// Table elements, taken from peak memory at the 8 bytes that a reference costs at least.
    TableElements,
    /// Output that arrived, in bytes.
    Output,
    /// Files made under the grants.
    Files,
    /// Bytes of disk under the grants.
    Disk,
    /// Descriptors above an empty guest's.
    OpenFiles,
    /// Threads above an empty guest's.
    Threads,
    /// Processes above an empty guest's.
    Processes,
    /// Read and write system calls.
    IoCalls,
    /// Bytes of the largest report.
    ReportBytes,
}

/// Where a canary may appear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Channel {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file under a writable grant.
    Files,
    /// A packet to a listener.
    Network,
    /// The report.
    Report,
}

/// What of the trial's world must not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Region {
    /// Everything outside the grants.
    Outside,
    /// What was granted read-only.
    ReadOnly,
}

/// A kind of packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Packet {
    /// A TCP connection.
    Tcp,
    /// A UDP datagram.
    Udp,
    /// A DNS query.
    Dns,
}

/// What a report must not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Injection {
    /// A raw control character.
    RawControl,
    /// Markup of the guest's.
    Markup,
    /// A line that a CI server takes for a command.
    CiCommand,
    /// A line or an ending that claims another result than the host measured.
    Forged,
}

/// What the attack wants, as the host measures it. Never read from what the guest says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Obtains {
    /// More than so much of a resource, in its base unit.
    Above(Quantity, u64),
    /// A canary from outside the grants in a channel.
    Canary(Channel),
    /// A change where nothing may change.
    Changed(Region),
    /// A packet at a listener of the harness.
    Packet(Packet),
    /// The death of the process that runs the guest.
    HostDeath,
    /// A raw payload in a report.
    Report(Injection),
    /// The guest's marker, which only running code can make.
    RanMarker,
}

/// How the live control opens the sandbox: exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Live {
    /// Other limits and grants.
    Overlay(Box<Policy>),
    /// Protections left out, by id: a policy key (`memory`, `filesystem`, ...), or `validation`, `jail`, `escaping`.
    Lift(Vec<String>),
    /// A weakened executor, by name.
    Executor(String),
    /// An older release of the engine.
    Engine(String),
    /// None, with a reason that a reader accepts.
    None(String),
}

/// One attack, or one case of an attack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attack {
    /// Its id: `class/name`, or `class/name#case`.
    pub id: String,
    /// Its class: the folder.
    pub class: String,
    /// What it does, in a few words.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// The weakness, `CWE-<n>`.
    pub weakness: String,
    /// What kind it is.
    pub kind: Kind,
    /// The world it is written for.
    pub world: World,
    /// The layers that are expected to stop it.
    pub layers: Vec<Layer>,
    /// What the target has to offer besides the world.
    pub requires: Vec<String>,
    /// Nothing else may run beside it.
    pub alone: bool,
    /// What is laid over the policy under test; only tightens.
    pub policy: Policy,
    /// The language that attack and twin are programs in, if they are: they are text then.
    pub language: Option<String>,
    /// The entry, if it is not the default.
    pub entry: Option<String>,
    /// What it wants.
    pub obtains: Obtains,
    /// The same as it is written, for reports: `memory > 64MiB`.
    pub obtains_text: String,
    /// The causes that count as contained.
    pub contained_by: Vec<Cause>,
    /// The live control.
    pub live: Live,
    /// The guest, assembled, or the input's or program's bytes as they are.
    pub attack: Vec<u8>,
    /// The benign twin, assembled.
    pub benign: Vec<u8>,
    /// Outside sources.
    pub references: Vec<String>,
    /// The keys of the policy that the trial is evidence for, for example `limits.memory`.
    pub subjects: Vec<String>,
    /// Where `attack.yaml` is, as a path in the repository or as it was given.
    pub file: String,
    /// Where `obtains` stands in it.
    pub span: Span,
}

impl Attack {
    /// Whether a live control can show on this host that the attack works.
    #[must_use]
    pub const fn has_live(&self) -> bool {
        !matches!(self.live, Live::None(_))
    }

    /// The id of its folder: that of the attack whose case this is.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.id.split('#').next().unwrap_or(&self.id)
    }

    /// Whether a word is its id, with or without the case.
    #[must_use]
    pub fn is_called(&self, word: &str) -> bool {
        word == self.id || word == self.folder()
    }
}
