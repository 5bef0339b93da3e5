//! One fixed record with one of everything, for snapshots, examples and documentation.

use crate::{
    Category, Cause, Closeness, Confidence, Confinement, CorpusInfo, Denial, DenialKind, Ending, EndingInfo, Finding,
    Granted, Guest, GuestText, Host, Known, Layer, LimitKey, Location, MAX_TEXT_BYTES, Measured, Mechanism, Mutation,
    MutationScore, Origin, PolicyInfo, PolicyValue, Record, Role, Run, SCHEMA, Severity, TargetInfo, Tool, Trial,
    Usage, ValueInForce, Verdict, Why,
};

/// A record with one trial of each verdict, hostile guest text, a finding and a mutation score. Always the same.
#[must_use]
pub fn example() -> Record {
    Record {
        schema: SCHEMA.to_owned(),
        complete: true,
        tool: Tool { name: "gauntlet".into(), version: "0.0.0".into() },
        host: Host {
            os: "linux".into(),
            kernel: "6.1.0".into(),
            arch: "x86_64".into(),
            cores: 2,
            memory: 8 << 30,
            root: false,
            mechanisms: vec![
                mechanism("seccomp", Granted::Full, "filters are available", None),
                mechanism("landlock", Granted::Partial, "ABI 1", Some("a kernel of 6.7 or later")),
                mechanism("cgroup", Granted::None, "not delegated", Some("run under `systemd-run --user --scope`")),
            ],
        },
        started: "2026-01-01T00:00:00Z".into(),
        finished: Some("2026-01-01T00:00:09Z".into()),
        command: vec!["gauntlet".into(), "run".into()],
        seed: 1,
        targets: vec![TargetInfo {
            name: "worker".into(),
            engine: "wasmtime".into(),
            version: "48.0.8".into(),
            sha256: Some("2".repeat(64)),
        }],
        policy: PolicyInfo {
            name: "strict".into(),
            sha256: "0".repeat(64),
            values: vec![
                value("limits.deadline", "10 s", None),
                value("limits.memory", "128 MiB", None),
                value("limits.disk", "64 MiB", Some("not held by this executor yet")),
                value("grants.filesystem", "none", None),
                value("grants.network", "none", None),
            ],
        },
        corpus: CorpusInfo { sha256: "1".repeat(64), attacks: 5, selected: 4 },
        trials: vec![contained(), breached(), inconclusive(), unsupported()],
        findings: vec![Finding {
            rule: "memory-unbounded".into(),
            severity: Severity::High,
            category: Category::Security,
            confidence: Confidence::High,
            message: "`memory` is unlimited".into(),
            impact: "a guest exhausts the memory of the host and ends its neighbours".into(),
            fix: "Set `limits.memory` to the most the guest needs.".into(),
            location: Location { file: "sandbox.yaml".into(), line: 2, column: 19, end_line: 2, end_column: 28 },
            references: vec!["CWE-770".into()],
        }],
        mutation: Some(MutationScore {
            caught: 1,
            total: 1,
            mutations: vec![Mutation {
                name: "memory-limiter-detached".into(),
                mistake: "The memory limiter is written and never attached.".into(),
                caught: true,
                caught_by: vec![crate::CaughtBy {
                    attack: "memory/grow-past-limit".into(),
                    verdict: Verdict::Breached,
                }],
                backstopped: vec![crate::Backstopped { attack: "memory/grow-past-limit".into(), layer: Layer::System }],
            }],
        }),
        known_allowed: false,
        closed_gaps: Vec::new(),
        shard: None,
        parts: Vec::new(),
    }
}

fn mechanism(name: &str, granted: Granted, note: &str, remedy: Option<&str>) -> Mechanism {
    Mechanism { name: name.into(), granted, note: note.into(), remedy: remedy.map(str::to_owned) }
}

fn value(key: &str, value: &str, not_held: Option<&str>) -> PolicyValue {
    PolicyValue { key: key.into(), value: value.into(), line: None, not_held: not_held.map(str::to_owned) }
}

fn run(role: Role, obtained: bool, ending: Ending, cause: Option<Cause>) -> Run {
    Run {
        role,
        obtained,
        end: EndingInfo { ending, cause, detail: None },
        causes: cause.into_iter().collect(),
        denials: Vec::new(),
        measured: Measured {
            wall_time: Some(12_000_000),
            cpu_time: Some(8_000_000),
            memory: Some(3 << 20),
            ..Measured::default()
        },
        usage: vec![Usage { limit: LimitKey::Memory, used: Some(1 << 20), cap: Some(1 << 20), unmeasured: None }],
        values: vec![ValueInForce { key: "limits.memory".into(), value: "1 MiB".into(), from: Origin::Attack }].into(),
        stdout: GuestText::default(),
        stderr: GuestText::default(),
        truncated: false,
        confinement: vec![Confinement {
            mechanism: "seccomp".into(),
            granted: Granted::Full,
            note: "allow-list".into(),
        }]
        .into(),
        witnessed_on: None,
    }
}

fn trial(attack: &str, title: &str, verdict: Verdict, why: Why, reason: &str) -> Trial {
    Trial {
        attack: attack.into(),
        title: title.into(),
        why_it_matters: "A sandbox that ignores this lets one guest starve the host.".into(),
        weakness: "CWE-770".into(),
        file: format!("attacks/{attack}/attack.yaml"),
        target: "worker".into(),
        verdict,
        why,
        reason: reason.into(),
        obtains: "memory > 64 MiB".into(),
        contained_by: vec![Cause::Limit(LimitKey::Memory)],
        cause: None,
        layer: None,
        subjects: vec!["limits.memory".into()],
        witnessed: true,
        live_reason: None,
        known: None,
        closeness: None,
        guests: vec![
            Guest { role: Role::Attack, sha256: "3".repeat(64) },
            Guest { role: Role::Benign, sha256: "4".repeat(64) },
        ],
        runs: Vec::new(),
        duration: 40_000_000,
        references: vec!["https://webassembly.github.io/spec/core/exec/instructions.html".into()],
    }
}

fn contained() -> Trial {
    let memory = Cause::Limit(LimitKey::Memory);
    let mut attack = run(Role::Attack, false, Ending::Returned, Some(memory));
    attack.denials.push(Denial { cause: memory, asked: GuestText::name("67108864"), limit: Some(1 << 20), count: 3 });
    Trial {
        cause: Some(memory),
        layer: Some(Layer::Runtime),
        closeness: Some(Closeness {
            limit: LimitKey::Memory,
            cap: 1 << 20,
            used: 1 << 20,
            by_host: false,
            overshoot: 0,
        }),
        runs: vec![
            attack,
            run(Role::Live, true, Ending::Returned, None),
            run(Role::Benign, true, Ending::Returned, None),
        ],
        ..trial(
            "memory/grow-past-limit",
            "Grow linear memory past the ceiling",
            Verdict::Contained,
            Why::Stopped,
            "stopped by limit-memory",
        )
    }
}

fn breached() -> Trial {
    let mut attack = run(Role::Attack, true, Ending::Exited, None);
    attack.stdout = GuestText::new(
        b"\x1b[31m<script>alert(1)</script>\n::error::forged | `x` ]]> \xe2\x80\xae\xff",
        MAX_TEXT_BYTES,
    );
    attack.end.detail = Some(GuestText::name("exit code 0"));
    attack.measured.canaries = vec!["stdout".into()];
    Trial {
        obtains: "canary on stdout".into(),
        contained_by: vec![Cause::Denied(DenialKind::Path)],
        subjects: vec!["grants.filesystem".into()],
        known: Some(Known {
            reason: "The target follows links by name.".into(),
            link: "https://example.org/issue/1".into(),
        }),
        runs: vec![
            attack,
            run(Role::Live, true, Ending::Returned, None),
            run(Role::Benign, true, Ending::Returned, None),
        ],
        ..trial(
            "files-read/dot-dot",
            "Leave the grant with `..`",
            Verdict::Breached,
            Why::Obtained,
            "the canary reached stdout",
        )
    }
}

fn inconclusive() -> Trial {
    Trial {
        witnessed: false,
        obtains: "wall-time > 1 s".into(),
        contained_by: vec![Cause::Limit(LimitKey::Deadline)],
        subjects: vec!["limits.deadline".into()],
        runs: vec![run(Role::Attack, false, Ending::Returned, None), run(Role::Live, false, Ending::Returned, None)],
        ..trial(
            "sleep/relative",
            "Sleep past the deadline",
            Verdict::Inconclusive,
            Why::LiveFailed,
            "the live control obtained nothing",
        )
    }
}

fn unsupported() -> Trial {
    Trial {
        witnessed: false,
        obtains: "a tcp packet".into(),
        contained_by: vec![Cause::Denied(DenialKind::Address)],
        subjects: vec!["grants.network".into()],
        ..trial(
            "network/connect-loopback",
            "Connect to loopback",
            Verdict::Unsupported,
            Why::Lacking,
            "the target runs no components",
        )
    }
}
