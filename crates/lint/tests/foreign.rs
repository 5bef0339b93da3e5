//! Policies of other hosts, written after public examples: what is found in each, what an import makes of it, and that no cut or changed
//! one is more than a refusal.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::path::Path;

use gauntlet_lint::{Format, Options, fingerprints, foreign, lint_all, lint_text, render};
use gauntlet_policy::Policy;
use proptest::prelude::*;

/// Name and text of every example, by name.
fn examples() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign");
    let mut all: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    all.sort();
    all
}

fn read(name: &str, text: &str) -> foreign::Foreign {
    let kind = foreign::recognise(text).unwrap_or_else(|| panic!("{name} is not recognised"));
    foreign::read(kind, name, text).unwrap_or_else(|faults| panic!("{name}: {faults:?}"))
}

#[test]
fn every_format_has_examples() {
    let kinds: Vec<foreign::Kind> = examples().iter().map(|(name, text)| read(name, text).kind).collect();
    assert!(kinds.len() >= 10);
    for kind in foreign::Kind::ALL {
        assert!(kinds.contains(kind), "{kind}");
    }
}

#[test]
fn what_is_found_in_each_example() {
    for (name, text) in examples() {
        let linted = lint_text(&name, &text, &Options::default()).unwrap();
        let drawn = render(&linted.findings, &[(name.clone(), text.clone())], Format::Human, false);
        insta::assert_snapshot!(name.replace('.', "-"), drawn);
    }
}

#[test]
fn what_an_import_makes_of_each_example() {
    for (name, text) in examples() {
        let foreign = read(&name, &text);
        let mut all = String::new();
        for part in &foreign.parts {
            let imported = foreign::import(&foreign, part).unwrap();
            // It is one of ours, and the linter takes it as such.
            assert_eq!(foreign::recognise(&imported.yaml), None);
            assert_eq!(Policy::parse(&name, &imported.yaml).unwrap(), imported.policy);
            lint_text(&name, &imported.yaml, &Options::default()).unwrap();
            // Nothing is granted that the file does not grant.
            let granted = |policy: &Policy| policy.grants.filesystem.len() + policy.grants.network.len();
            assert!(granted(&imported.policy) <= granted(&part.policy));
            all.push_str(&imported.yaml);
            all.push('\n');
        }
        insta::assert_snapshot!(format!("import-{}", name.replace('.', "-")), all);
    }
}

#[test]
fn careful_examples_import_to_policies_without_a_serious_finding() {
    for (name, text) in examples().into_iter().filter(|(name, _)| name.contains("careful")) {
        let foreign = read(&name, &text);
        let imported = foreign::import(&foreign, &foreign.parts[0]).unwrap();
        let options = Options { host: false, ..Options::default() };
        let worst = lint_all(&imported.policy, &options).findings.into_iter().map(|finding| finding.severity).max();
        assert!(worst < Some(gauntlet_record::Severity::High), "{name}: {worst:?}");
    }
}

#[test]
fn no_format_shows_a_secret_of_another_hosts_policy() {
    for (name, text) in examples() {
        let findings = lint_text(&name, &text, &Options::default()).unwrap().findings;
        for format in Format::ALL {
            let out = render(&findings, &[(name.clone(), text.clone())], *format, false);
            for secret in ["hunter2", "9fQ2mX7v", "4f9d1c7b2a8e"] {
                assert!(!out.contains(secret), "{name} as {format}: {out}");
            }
        }
        let foreign = read(&name, &text);
        for part in &foreign.parts {
            let imported = foreign::import(&foreign, part).unwrap();
            let comments: String = imported.yaml.lines().filter(|line| line.starts_with('#')).collect();
            assert!(!["hunter2", "9fQ2mX7v", "4f9d1c7b2a8e"].iter().any(|secret| comments.contains(secret)), "{name}");
        }
    }
}

#[test]
fn sarif_carries_what_code_scanning_requires() {
    let (mut findings, mut sources) = (Vec::new(), Vec::new());
    for (name, text) in examples() {
        let name = format!("./ci/my policies/{name}");
        findings.extend(lint_text(&name, &text, &Options::default()).unwrap().findings);
        sources.push((name, text));
    }
    let text = render(&findings, &sources, Format::Sarif, false);
    let log: serde_json::Value = serde_json::from_str(&text).unwrap();
    let runs = log["runs"].as_array().unwrap();
    // Several runs of one tool and category in a file are refused.
    assert_eq!((log["version"].as_str(), runs.len()), (Some("2.1.0"), 1));
    let rules = runs[0]["tool"]["driver"]["rules"].as_array().unwrap();
    for rule in rules {
        let tags = rule["properties"]["tags"].as_array().unwrap();
        // Only the first ten are kept.
        assert!(!tags.is_empty() && tags.len() <= 10, "{rule}");
        if tags.iter().any(|tag| tag == "security") {
            // Ignored unless it is text.
            let severity: f64 = rule["properties"]["security-severity"].as_str().unwrap().parse().unwrap();
            assert!((0.1..=10.0).contains(&severity), "{rule}");
        }
        assert!(rule["help"]["text"].as_str().is_some_and(|text| !text.is_empty()), "{rule}");
    }
    let results = runs[0]["results"].as_array().unwrap();
    // Only the first 5 000 are kept.
    assert!(results.len() == findings.len() && results.len() <= 5_000);
    let mut prints = std::collections::BTreeSet::new();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(result["ruleId"], rules[index]["id"]);
        assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
        // One result without a physical location, and the whole upload is turned down.
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.starts_with("ci/my%20policies/") && !uri.contains([':', '\\', ' ']), "{uri}");
        for key in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert!(place["region"][key].as_u64().is_some_and(|number| number >= 1), "{place}");
        }
        assert!(prints.insert(result["partialFingerprints"]["gauntlet/v1"].as_str().unwrap().to_owned()), "{result}");
    }
}

#[test]
fn findings_point_into_the_original_file() {
    for (name, text) in examples() {
        let lines: Vec<&str> = text.lines().collect();
        for finding in lint_text(&name, &text, &Options::default()).unwrap().findings {
            let at = &finding.location;
            let line = lines[usize::try_from(at.line).unwrap() - 1];
            assert!(usize::try_from(at.column).unwrap() <= line.chars().count(), "{name}: {finding:?}");
            assert!(at.end_line > at.line || at.end_column > at.column, "{name}: {finding:?}");
        }
    }
}

#[test]
fn fingerprints_survive_moved_lines_in_every_format() {
    for (name, text) in examples() {
        let prints = |text: &str| {
            let findings = lint_text(&name, text, &Options::default()).unwrap().findings;
            fingerprints(&findings, &[(name.clone(), text.to_owned())])
        };
        let moved = if text.starts_with('{') { format!("\n\n{text}") } else { format!("# one\n# two\n{text}") };
        assert_eq!(prints(&text), prints(&moved), "{name}");
    }
}

#[test]
fn a_cut_example_is_read_or_refused() {
    for (name, text) in examples() {
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            everything(&name, &text[..end]);
        }
    }
}

/// Runs all that a text may go through; nothing may panic, and a refusal points into the text.
fn everything(name: &str, text: &str) {
    match lint_text(name, text, &Options::default()) {
        Ok(linted) => {
            let sources = [(name.to_owned(), text.to_owned())];
            let _ = render(&linted.findings, &sources, Format::Human, false);
            assert_eq!(fingerprints(&linted.findings, &sources).len(), linted.findings.len());
        }
        Err(faults) => assert!(!faults.is_empty() && faults.iter().all(|fault| fault.span.start <= text.len())),
    }
    for kind in foreign::Kind::ALL {
        if let Ok(foreign) = foreign::read(*kind, name, text) {
            for part in &foreign.parts {
                foreign::import(&foreign, part).unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_example_is_read_or_refused(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), "[\\x00-\\x7f]|\u{202e}|\u{e9}|\\*|/|\"|'|\\[|\\{\\{|=|\\$\\(|0|::|\n"), 1..6),
    ) {
        let all = examples();
        let (name, text) = which.get(&all);
        let mut characters: Vec<String> = text.chars().map(String::from).collect();
        for (at, with) in changes {
            let at = at.index(characters.len());
            characters[at] = with;
        }
        everything(name, &characters.concat());
    }

    #[test]
    fn arbitrary_text_is_read_or_refused(text in "\\PC{0,200}") {
        everything("x", &text);
    }
}

#[test]
fn huge_files_are_refused_and_not_gone_through() {
    let cases = [
        (
            foreign::Kind::Spin,
            format!(
                "spin_manifest_version = 2\n{}",
                (0..5_000).map(|i| format!("[component.c{i}]\n")).collect::<String>()
            ),
        ),
        (foreign::Kind::WasmtimeCommand, "wasmtime run x\n".repeat(5_000)),
        (foreign::Kind::WasmtimeCommand, format!("wasmtime run {}\n", "--dir / ".repeat(20_000))),
        (foreign::Kind::Extism, format!("{{\"wasm\": [{}]}}", "{},".repeat(30_000))),
        (foreign::Kind::Wassette, format!("permissions: {}", "[".repeat(100_000))),
        (foreign::Kind::WasmtimeConfig, format!("[wasm]\nx = {}", "[".repeat(100_000))),
    ];
    for (kind, text) in cases {
        let faults = foreign::read(kind, "x", &text).unwrap_err();
        assert!(faults.len() <= 20, "{kind}: {}", faults.len());
    }
}
