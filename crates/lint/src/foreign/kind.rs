//! The formats of other hosts: what they are called, which of our rules make sense for them, and how they spell our keys.

use std::collections::BTreeSet;
use std::fmt;

use gauntlet_record::Finding;

use crate::rule::{Group, Rule};
use crate::rules;

/// A format that is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `policy.yaml` of Wassette.
    Wassette,
    /// `spin.toml` of Spin, manifest version 1 or 2.
    Spin,
    /// A manifest of Extism, in JSON or TOML.
    Extism,
    /// A line or shell script that calls the `wasmtime` command.
    WasmtimeCommand,
    /// The TOML file that `wasmtime --config` reads.
    WasmtimeConfig,
}

impl Kind {
    /// Every format.
    pub const ALL: &'static [Self] =
        &[Self::Wassette, Self::Spin, Self::Extism, Self::WasmtimeCommand, Self::WasmtimeConfig];

    /// The format for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wassette => "Wassette policy",
            Self::Spin => "Spin manifest",
            Self::Extism => "Extism manifest",
            Self::WasmtimeCommand => "wasmtime command line",
            Self::WasmtimeConfig => "wasmtime configuration",
        }
    }

    /// The host that reads it, as `data/not-enforced.yaml` names it.
    #[must_use]
    pub const fn host(self) -> &'static str {
        match self {
            Self::Wassette => "wassette",
            Self::Spin => "spin",
            Self::Extism => "extism",
            Self::WasmtimeCommand | Self::WasmtimeConfig => "wasmtime",
        }
    }

    /// The groups of rules that apply: those about grants, and limits, features and modules where the format has them.
    #[must_use]
    pub const fn groups(self) -> &'static [Group] {
        match self {
            Self::Spin => &[Group::Files, Group::Network, Group::Environment],
            Self::Wassette | Self::Extism => &[Group::Files, Group::Network, Group::Environment, Group::Limits],
            Self::WasmtimeCommand | Self::WasmtimeConfig => {
                &[Group::Files, Group::Network, Group::Environment, Group::Limits, Group::Features, Group::Modules]
            }
        }
    }

    /// Rules of those groups that would find nothing but the format itself.
    const fn senseless(self) -> &'static [&'static str] {
        match self {
            // Ports cannot be said, requests are filtered by the name of the host; and the guest's path is always that of the host. A
            // relative path starts from the folder of the component, wherever one stands.
            Self::Wassette => &["network-port-any", "grant-guest-path-shadows", "grant-relative"],
            Self::Extism => &["network-port-any"],
            // Files are copied into one tree of the guest, in the order of the list; a relative path starts from the manifest.
            Self::Spin => {
                &["grant-parent-of-other", "grant-guest-path-shadows", "grant-duplicate-guest-path", "grant-relative"]
            }
            // The module is named by the call; there is no place for its digest.
            Self::WasmtimeCommand | Self::WasmtimeConfig => &["module-digest-missing"],
        }
    }

    /// Whether a rule makes sense here.
    pub(super) fn takes(self, rule: &Rule) -> bool {
        /// Rules about keys that only our own policies have.
        const OURS: &[&str] = &[
            "limits-missing",
            "features-missing",
            "module-digest-missing",
            "grant-without-reason",
            "grant-write-without-quota",
            "network-grant-without-quota",
            // It is about when our executor looks names up.
            "network-name-unpinned",
        ];
        rules::OF_HOSTS.contains(&rule.id)
            || (self.groups().contains(&rule.group) && !OURS.contains(&rule.id) && !self.senseless().contains(&rule.id))
    }

    /// Our keys and what this format calls them.
    const fn words(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Wassette => &[("limits.memory", "resources.limits.memory")],
            Self::Spin => &[],
            Self::Extism => &[("limits.memory", "memory.max_pages"), ("limits.deadline", "timeout_ms")],
            Self::WasmtimeCommand => &[
                ("limits.fuel", "-W fuel"),
                ("limits.deadline", "-W timeout"),
                ("limits.memory", "-W max-memory-size"),
                ("limits.table-elements", "-W max-table-elements"),
                ("limits.instances", "-W max-instances"),
                ("limits.stack", "-W max-wasm-stack"),
                ("modules.precompiled", "--allow-precompiled"),
                ("modules.imports", "-W unknown-imports-default"),
            ],
            Self::WasmtimeConfig => &[
                ("limits.fuel", "wasm.fuel"),
                ("limits.deadline", "wasm.timeout"),
                ("limits.memory", "wasm.max-memory-size"),
                ("limits.table-elements", "wasm.max-table-elements"),
                ("limits.instances", "wasm.max-instances"),
                ("limits.stack", "wasm.max-wasm-stack"),
                ("modules.imports", "wasm.unknown-imports-default"),
            ],
        }
    }

    /// What to do about a finding, where what a rule says makes sense for our own policies alone.
    fn fix(self, rule: &str) -> Option<&'static str> {
        let command = matches!(self, Self::WasmtimeCommand | Self::WasmtimeConfig);
        Some(match rule {
            "grant-guest-unnamed" if command => "Name the guest's side behind two colons: `--dir HOST::/data`.",
            "module-precompiled" if command => {
                "Leave the option out and hand over wasm: `--codegen cache=y` keeps what is compiled."
            }
            "feature-threads" | "feature-gc" | "feature-memory64" if command => "Leave the option out.",
            "import-unknown-stubbed" if command => {
                "Leave the option out: a module that imports what is not there is refused."
            }
            "deadline-unbounded" if self == Self::Extism => "Set `timeout_ms`, for example to 10000.",
            "grant-world-writable" => "Grant a directory that only the host writes to.",
            _ => return None,
        })
    }

    /// Says in the words of this format what a rule said in ours.
    pub(super) fn translate(self, finding: &mut Finding) {
        if let Some(fix) = self.fix(&finding.rule) {
            fix.clone_into(&mut finding.fix);
        }
        for (ours, theirs) in self.words() {
            for text in [&mut finding.message, &mut finding.fix] {
                for after in ["`", ":", " "] {
                    let ours = format!("`{ours}{after}");
                    if text.contains(&ours) {
                        *text = text.replace(&ours, &format!("`{theirs}{after}"));
                    }
                }
            }
        }
        let proposals = match self {
            Self::WasmtimeCommand => "`-W ",
            Self::WasmtimeConfig => "`wasm.",
            Self::Wassette | Self::Spin | Self::Extism => return,
        };
        finding.message = finding.message.replace("`features.", proposals);
        finding.fix = finding.fix.replace("`features.", proposals);
    }
}

/// A finding that says more, and those at the same place that then say nothing new.
const SUPERSEDED: &[(&str, &[&str])] = &[
    ("fuel-and-deadline-missing", &["deadline-unbounded", "fuel-unbounded"]),
    ("grant-dot", &["grant-variable", "grant-relative"]),
    ("network-metadata", &["network-plaintext"]),
    ("feature-wildcard", &["feature-threads", "feature-unstable"]),
];

/// Leaves out what another finding at the same place already says.
pub(super) fn drop_superseded(findings: &mut Vec<Finding>) {
    let place = |finding: &Finding| (finding.location.line, finding.location.column);
    let mut said: BTreeSet<(u32, u32, &str)> = BTreeSet::new();
    for finding in findings.iter() {
        if let Some((_, less)) = SUPERSEDED.iter().find(|(more, _)| *more == finding.rule) {
            said.extend(less.iter().map(|less| (place(finding).0, place(finding).1, *less)));
        }
    }
    findings.retain(|finding| !said.contains(&(place(finding).0, place(finding).1, finding.rule.as_str())));
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
