//! The formats: nothing active in them whatever they are given, and the schema takes every audit.
#![expect(clippy::unwrap_used, reason = "tests may")]

use std::path::Path;

use gauntlet_audit::{Answer, Audit, Format, Lint, Reply, State, write};
use proptest::prelude::*;

mod support;

fn render(audit: &Audit, format: Format) -> String {
    let mut bytes = Vec::new();
    write(audit, format, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// An audit with this text wherever a hostile file could put one.
fn with_text(text: &str) -> Audit {
    let mut record = support::sound();
    record.policy.name = text.into();
    record.host.kernel = text.into();
    record.targets[0].engine = text.into();
    record.trials[0].attack = text.into();
    record.trials[0].reason = text.into();
    record.trials[0].verdict = gauntlet_record::Verdict::Breached;
    let mut finding = support::finding("grant-root");
    finding.message = text.into();
    let checks = support::all_checks(State::Fails)
        .into_iter()
        .map(|check| gauntlet_audit::Check { says: text.into(), source: text.into(), ..check })
        .collect();
    let answer = Answer {
        line: "A1.subscribed".into(),
        answer: Reply::Yes,
        by: text.into(),
        date: "2026-11-20".into(),
        note: text.into(),
    };
    let accepted = Answer { line: "risk.cpu".into(), answer: Reply::Accepted, ..answer.clone() };
    let lint = Lint { source: text.into(), findings: vec![finding], waived: Some(Vec::new()), module: None };
    let mut audit = support::with(&record, lint, checks, vec![answer, accepted], Vec::new());
    audit.supply.lists.push(gauntlet_audit::DependencyList {
        of: text.into(),
        source: text.into(),
        sha256: text.into(),
        packages: 1,
        elsewhere: vec![text.into()],
        looked_up: true,
        advisories: vec![gauntlet_audit::Advisory {
            id: text.into(),
            aliases: vec![text.into()],
            package: text.into(),
            version: text.into(),
            title: text.into(),
            date: text.into(),
            kind: "vulnerability".into(),
            severity: text.into(),
            patched: vec![text.into()],
            ignored: Some(text.into()),
        }],
        notes: vec![text.into()],
    });
    audit.command = vec![text.into()];
    audit.made = text.into();
    audit.frameworks[0].source = text.into();
    audit
}

const HOSTILE: &[&str] = &[
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "javascript:alert(1)",
    "[click](javascript:alert(1))",
    "| a | b |\n|---|---|\n# heading",
    "`code` **bold** <b>x</b>",
    "::error file=x::y\n##[error]x\n##vso[task.complete]x",
    "\u{1b}[2J\u{202e}\u{9b}31m",
    "@everyone https://example.org www.example.org",
    "```\n</details>",
];

#[test]
fn nothing_hostile_acts_in_any_format() {
    for text in HOSTILE {
        let audit = with_text(text);
        let html = render(&audit, Format::Html);
        for active in ["<script", "<img", " onerror=", " onmouseover=", "javascript:alert(1)\"", "<b>"] {
            let harmless = active == " onerror=" || active == " onmouseover=";
            let found = html.matches(active).count();
            // An attribute's name in escaped text has no tag around it.
            assert!(found == 0 || (harmless && !html.contains(&format!("<img{active}"))), "{text}: {active} in HTML");
        }
        assert_eq!(html.matches("<style>").count(), 1, "{text}");
        assert!(!html.contains("href=\"javascript"), "{text}");
        let markdown = render(&audit, Format::Markdown);
        assert!(!markdown.contains("<script") && !markdown.contains("<img") && !markdown.contains("<b>"), "{text}");
        assert!(!markdown.replace("\\](", "").contains("](javascript"), "{text}");
        for all in [&html, &markdown, &render(&audit, Format::Human)] {
            assert!(!all.contains('\u{1b}') && !all.contains('\u{202e}') && !all.contains('\u{9b}'), "{text}");
            for line in all.lines() {
                assert!(
                    !line.trim_start().starts_with("::") && !line.contains("##[") && !line.contains("##vso["),
                    "{text}: {line}"
                );
            }
        }
    }
}

#[test]
fn the_page_is_closed_and_whole() {
    let html = render(&with_text("plain"), Format::Html);
    assert!(html.contains("default-src 'none'; style-src 'sha256-"));
    for outside in ["<script", "src=", "url(", "@import", "<link rel=\"stylesheet\""] {
        assert!(!html.contains(outside), "{outside}");
    }
    let mut open: Vec<&str> = Vec::new();
    for tag in [
        "section", "table", "details", "ul", "li", "dl", "article", "nav", "main", "header", "footer", "tr", "td",
        "th", "p", "a", "span", "div", "svg",
    ] {
        let starts = html.matches(&format!("<{tag}>")).count() + html.matches(&format!("<{tag} ")).count();
        if starts != html.matches(&format!("</{tag}>")).count() {
            open.push(tag);
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
    let ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for target in html.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.contains(&target), "a link to nowhere: #{target}");
    }
    let mut unique = ids.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), ids.len(), "an id stands twice");
}

#[test]
fn the_schema_takes_every_audit_and_is_the_one_that_lies_in_the_repository() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports/schemas/audit.schema.json");
    let schema = gauntlet_audit::json_schema();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        schema,
        "`UPDATE=1 cargo test -p gauntlet-audit --test formats` rewrites it"
    );
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    for audit in [with_text("plain"), support::of(&support::sound(), Vec::new(), Vec::new())] {
        let json: serde_json::Value = serde_json::from_str(&render(&audit, Format::Json)).unwrap();
        let faults: Vec<String> = validator.iter_errors(&json).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(serde_json::from_value::<Audit>(json).unwrap(), audit);
    }
}

#[test]
fn every_format_names_the_open_lines() {
    let audit = support::of(&support::sound(), support::all_checks(State::Holds), Vec::new());
    for format in Format::ALL {
        assert_eq!(format.to_string().parse(), Ok(*format));
        let text = render(&audit, *format);
        assert!(
            text.contains("Who reads the engine's security advisories")
                || text.contains("Who reads the engine&#39;s security advisories"),
            "{format}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_text_stays_text(text in "\\PC{0,60}|[<>&\"'`|\\[\\]()!#*_ -]{0,40}") {
        let audit = with_text(&text);
        let html = render(&audit, Format::Html);
        let plain = render(&with_text("plain"), Format::Html);
        for sign in ["<script", "<img", "<table", "<section", "<tr", "<td", "<style", "<svg"] {
            prop_assert_eq!(html.matches(sign).count(), plain.matches(sign).count(), "{}", sign);
        }
        let rows = |text: &str| text.lines().filter(|line| line.starts_with("| ")).count();
        prop_assert_eq!(rows(&render(&audit, Format::Markdown)), rows(&render(&with_text("plain"), Format::Markdown)));
    }
}
