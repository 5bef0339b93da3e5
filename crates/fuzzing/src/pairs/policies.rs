//! Policies, valid and nearly so: reading, linting and loading them never panics, and all three are of one opinion.

use std::fmt::Write as _;

use arbitrary::Unstructured;
use gauntlet_lint::{Format, Options, faults_as_findings, lint, render};
use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{LimitKey, Severity, Unit};

use super::{Bench, Bound, Depth, Health, Pair, Ran};
use crate::Case;
use crate::observe::quietly;
use crate::oracles::{Check, ORACLES, PolicySeen};

pub(crate) const PAIR: Pair = Pair {
    id: "policies",
    summary: "policies, valid and nearly so, through reader, linter and executor",
    bytes: 1024,
    runs_guests: false,
    generate,
    run,
    health: &[
        Health { name: "read", part: "parsed", whole: "policies", bound: Bound::AtLeast(0.2) },
        Health { name: "refused", part: "faulty", whole: "policies", bound: Bound::AtLeast(0.2) },
    ],
};

/// Scalars that somebody might write, right or wrong.
const SCALARS: &[&str] = &[
    "unlimited",
    "true",
    "false",
    "no",
    "~",
    "0",
    "1",
    "-1",
    "1e3",
    "0x10",
    "017",
    ".inf",
    "1:30",
    "10%",
    "101%",
    "18446744073709551615",
    "18446744073709551616",
    "1_000",
    "64MiB",
    "64 MB",
    "5s",
    "100ms",
    "99999h",
    "strict",
    "agent",
    "read-only",
    "read-write",
    "scratch",
    "required",
    "if-available",
    "off",
    "refuse",
    "accept",
    "trap",
    "errno",
    "seeded",
    "[]",
    "{}",
    "\"\"",
    "''",
    "\"a\\u001b[31mb\"",
    "*a",
    "&a b",
    "!!binary aGk=",
    "|",
    ">",
    "- a",
    "a: b",
    "# c",
    "\u{202e}",
    "\t",
    "\"..\"",
    "/",
    "\"/etc/passwd\"",
    "\"*.example.org:443\"",
];
const KEYS: &[&str] = &[
    "version",
    "limits",
    "grants",
    "features",
    "modules",
    "on-denial",
    "isolation",
    "errors",
    "audit",
    "waivers",
    "deterministic",
    "per-tenant",
    "extends",
    "filesystem",
    "network",
    "environment",
    "arguments",
    "stdin",
    "clock",
    "random",
    "seed",
    "host",
    "guest",
    "access",
    "reason",
    "connect",
    "listen",
    "resolve",
    "rule",
    "owner",
    "expires",
    "log",
    "detail",
    "sha256",
    "precompiled",
    "process",
    "user",
    "runs",
    "window",
    "<<",
    "memroy",
    "",
];

fn generate(bench: &Bench<'_>, u: &mut Unstructured<'_>) -> arbitrary::Result<Case> {
    let policy = match u.int_in_range(0..=9)? {
        0..=4 => sound(u)?,
        5..=6 => nearly(u)?,
        7..=8 => scarred(bench, u)?,
        _ => String::from_utf8_lossy(u.bytes(u.len().min(200))?).into_owned(),
    };
    Ok(Case { wasm: Vec::new(), policy, calls: vec!["read".into(), "lint".into(), "load".into()] })
}

/// A policy that is sound, with limits, features, modules and grants that need no host.
fn sound(u: &mut Unstructured<'_>) -> arbitrary::Result<String> {
    let mut text = String::from("version: 1\nlimits:\n");
    for key in LimitKey::ALL {
        if u.ratio(1, 3)? {
            let number = u.int_in_range(0..=2_000_000_u64)? >> u.int_in_range(0..=20)?;
            let unit = match key.unit() {
                Unit::Bytes => *u.choose(&["B", "KiB", "MB"])?,
                Unit::Time => *u.choose(&["us", "ms", "s"])?,
                Unit::Count => "",
            };
            let _ = match u.int_in_range(0..=9)? {
                0 => writeln!(text, "  {key}: unlimited"),
                _ => writeln!(text, "  {key}: {number}{unit}"),
            };
        }
    }
    text.push_str("  output: 64KiB\n");
    if u.arbitrary()? {
        text.push_str("features:\n  simd: true\n");
        for feature in Feature::ALL.iter().filter(|feature| feature.as_str() != "simd") {
            if u.ratio(1, 4)? {
                let _ = writeln!(text, "  {}: {}", feature.as_str(), u.arbitrary::<bool>()?);
            }
        }
    }
    for line in [
        "on-denial: trap",
        "deterministic: true",
        "errors: { detail: full }",
        "grants: { stdin: closed }",
        "grants: { clock: 1ms }",
        "grants: { random: { seed: 7 } }",
        "grants: { arguments: [\"a\", \"b c\"] }",
        "grants: { environment: { A: b } }",
        "modules: { precompiled: accept }",
        "modules: { compressed: accept }",
        "modules: { deny: [\"env::x\"] }",
        "per-tenant: { runs: 10, window: 1min }",
    ] {
        let key = line.split(':').next().unwrap_or("");
        if u.ratio(1, 6)? && !text.contains(&format!("\n{key}:")) {
            text.push_str(line);
            text.push('\n');
        }
    }
    text.push_str(
        "isolation: { process: off, seccomp: off, landlock: off, namespaces: off, cgroup: off, user: caller }\n",
    );
    Ok(text)
}

/// Keys and values that may or may not belong together.
fn nearly(u: &mut Unstructured<'_>) -> arbitrary::Result<String> {
    let mut text = String::from("version: 1\n");
    for _ in 0..u.int_in_range(0..=6)? {
        let _ = writeln!(text, "{}: {}", key(u)?, tree(u, 3)?);
    }
    Ok(text)
}

fn key(u: &mut Unstructured<'_>) -> arbitrary::Result<String> {
    Ok(match u.int_in_range(0..=5)? {
        0..=1 => u.choose(LimitKey::ALL)?.to_string(),
        2 => u.choose(Feature::ALL)?.as_str().to_owned(),
        _ => (*u.choose(KEYS)?).to_owned(),
    })
}

fn tree(u: &mut Unstructured<'_>, deep: u32) -> arbitrary::Result<String> {
    let kind = if deep == 0 { 0 } else { u.int_in_range(0..=3)? };
    Ok(match kind {
        0 | 1 => (*u.choose(SCALARS)?).to_owned(),
        2 => {
            let items = (0..u.int_in_range(0..=4)?).map(|_| tree(u, deep - 1)).collect::<Result<Vec<_>, _>>()?;
            format!("[{}]", items.join(", "))
        }
        _ => {
            let entry = |u: &mut Unstructured<'_>| Ok(format!("{}: {}", key(u)?, tree(u, deep - 1)?));
            let entries = (0..u.int_in_range(0..=4)?).map(|_| entry(u)).collect::<arbitrary::Result<Vec<_>>>()?;
            format!("{{ {} }}", entries.join(", "))
        }
    })
}

/// A preset with a piece cut out and another put in.
fn scarred(bench: &Bench<'_>, u: &mut Unstructured<'_>) -> arbitrary::Result<String> {
    let Ok((_, text)) = u.choose(bench.policies) else { return sound(u) };
    let chars: Vec<char> = text.chars().collect();
    let from = u.int_in_range(0..=chars.len())?;
    let to = (from + u.int_in_range(0..=40)?).min(chars.len());
    let scar: String = if u.arbitrary()? { (*u.choose(SCALARS)?).to_owned() } else { key(u)? };
    Ok(chars[..from].iter().copied().chain(scar.chars()).chain(chars[to..].iter().copied()).collect())
}

fn run(bench: &Bench<'_>, case: &Case, _: Depth) -> Ran {
    let mut ran = Ran::default();
    let seen = quietly(|| look(bench, &case.policy));
    let seen = seen.unwrap_or_else(|panicked| PolicySeen { panicked: Some(panicked), ..PolicySeen::default() });
    ran.counts.add("policies", 1);
    ran.counts.add("parsed", u64::from(seen.parses));
    ran.counts.add("loaded", u64::from(seen.parses && seen.refused.is_none()));
    ran.counts.add("faulty", u64::from(!seen.parses));
    for oracle in ORACLES {
        if let Check::Policy(check) = oracle.check {
            ran.findings.extend(check(&seen));
        }
    }
    ran
}

/// What the reader, the linter and the executor make of a text.
fn look(bench: &Bench<'_>, text: &str) -> PolicySeen {
    let options = Options { today: Some("2026-01-31".into()), host: false, ..Options::default() };
    let parsed = Policy::parse("case.yaml", text);
    let findings = match &parsed {
        Ok(policy) => lint(policy, &options),
        Err(faults) => faults_as_findings("case.yaml", text, faults),
    };
    let sources = [("case.yaml".to_owned(), text.to_owned())];
    let raw = Format::ALL
        .iter()
        .any(|format| render(&findings, &sources, *format, false).chars().any(|c| c.is_control() && c != '\n'));
    let round_trip = parsed.as_ref().ok().map(|policy| {
        let written = policy.to_yaml();
        Policy::parse("case.yaml", &written).is_ok_and(|again| again.to_yaml() == written)
    });
    PolicySeen {
        panicked: None,
        parses: parsed.is_ok(),
        lint_objects: findings.iter().any(|finding| finding.severity == Severity::High),
        refused: (bench.loads)(text).err(),
        round_trip,
        raw,
    }
}
