use gauntlet_policy::Policy;
use serde_json::Value;

use super::*;
use crate::{Options, faults_as_findings, lint};

const TEXT: &str = "version: 1
limits:
  memory: unlimited
  deadline: 10min
grants:
  filesystem: [{ host: /, guest: /host, access: read-only, reason: \"all\" }]
  environment: { GITHUB_TOKEN: \"hunter2\" }
  arguments: [\"--key=AKIAIOSFODNN7EXAMPLE\"]
audit: { log: audit.jsonl }
";

/// Without a look at the host, so that no test depends on the machine.
fn quiet() -> Options {
    Options { host: false, ..Options::default() }
}

fn example() -> (Vec<Finding>, Vec<(String, String)>) {
    let policy = Policy::parse("ci/policy.yaml", TEXT).unwrap();
    let options = Options { today: Some("2026-01-31".into()), ..quiet() };
    (lint(&policy, &options), vec![("ci/policy.yaml".to_owned(), TEXT.to_owned())])
}

#[test]
fn human() {
    let (findings, sources) = example();
    insta::assert_snapshot!(render(&findings, &sources, Format::Human, false));
}

#[test]
fn github() {
    let (findings, sources) = example();
    insta::assert_snapshot!(render(&findings, &sources, Format::Github, false));
}

#[test]
fn compact() {
    let (findings, sources) = example();
    insta::assert_snapshot!(render(&findings, &sources, Format::Compact, false));
}

#[test]
fn json() {
    let (findings, sources) = example();
    let text = render(&findings, &sources, Format::Json, false);
    let back: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(back["schema"], "gauntlet.findings/1");
    assert_eq!(serde_json::from_value::<Vec<Finding>>(back["findings"].clone()).unwrap(), findings);
    insta::assert_snapshot!(text);
}

#[test]
fn sarif() {
    let (findings, sources) = example();
    let mut log: Value = serde_json::from_str(&render(&findings, &sources, Format::Sarif, false)).unwrap();
    // The table grows with the rules; one of it shows its shape.
    let driver = &mut log["runs"][0]["tool"]["driver"];
    driver["semanticVersion"] = "[version]".into();
    let rules = driver["rules"].as_array_mut().unwrap();
    rules.retain(|rule| rule["id"] == "memory-unbounded");
    insta::assert_snapshot!(serde_json::to_string_pretty(&log).unwrap());
}

#[test]
fn a_foreign_reader_takes_the_sarif() {
    let (findings, sources) = example();
    let log: serde_sarif::sarif::Sarif =
        serde_json::from_str(&render(&findings, &sources, Format::Sarif, false)).unwrap();
    let run = &log.runs[0];
    let rules = run.tool.driver.rules.as_ref().unwrap();
    let results = run.results.as_ref().unwrap();
    assert_eq!(results.len(), findings.len());
    assert_eq!(rules.len(), crate::rules().count() + crate::structural_faults().count());
    for result in results {
        let place = result.locations.as_ref().unwrap()[0].physical_location.as_ref().unwrap();
        assert_eq!(place.artifact_location.as_ref().unwrap().uri.as_deref(), Some("ci/policy.yaml"));
        let region = place.region.as_ref().unwrap();
        assert!(region.start_line.unwrap() >= 1 && region.start_column.unwrap() >= 1);
        let index = usize::try_from(result.rule_index.unwrap()).unwrap();
        assert_eq!(Some(&rules[index].id), result.rule_id.as_ref());
    }
}

#[test]
fn fingerprints_differ_and_survive_a_moved_line() {
    let prints = |text: &str| {
        let policy = Policy::parse("p.yaml", text).unwrap();
        let sources = [("p.yaml".to_owned(), text.to_owned())];
        let log: Value =
            serde_json::from_str(&render(&lint(&policy, &quiet()), &sources, Format::Sarif, false)).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap().clone();
        results
            .iter()
            .map(|result| result["partialFingerprints"]["gauntlet/v1"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let text = "version: 1\nlimits: { memory: unlimited, output: unlimited }\naudit: { log: a.jsonl }\n";
    let mut before = prints(text);
    assert_eq!(before, prints(&format!("# moved\n{text}")));
    let count = before.len();
    before.sort();
    before.dedup();
    assert_eq!(before.len(), count);
}

#[test]
fn no_format_shows_a_secret() {
    let (findings, sources) = example();
    for format in Format::ALL {
        for color in [false, true] {
            let text = render(&findings, &sources, *format, color);
            assert!(!text.contains("hunter2") && !text.contains("IOSFODNN7"), "{format}: {text}");
        }
    }
}

#[test]
fn people_hear_nothing_where_nothing_was_found() {
    assert_eq!(render(&[], &[], Format::Human, true), "");
    assert_eq!(render(&[], &[], Format::Github, false), "");
    assert_eq!(render(&[], &[], Format::Compact, false), "");
    for format in [Format::Json, Format::Sarif] {
        assert!(serde_json::from_str::<Value>(&render(&[], &[], format, false)).is_ok());
    }
}

#[test]
fn a_hostile_policy_reaches_no_terminal_and_no_ci_server() {
    let name = "a\u{1b}]0;x\u{7}\n::error::b.yaml";
    let text = "version: 1\ngrants:\n  filesystem: [{ host: \"/\\e[31m\\n::error::x\\u202e\", access: read-write, reason: \"##vso[task.complete]\" }]\nwaivers: [{ rule: \"\\n::set-output name=x::y\" }]\n";
    let broken = "version: 1\n\"\\e[31m\\n::error::k\": 1\n# \u{1b}[0m\u{202e}\nfuel: \"\u{7f}\"\n";
    let mut findings = lint(&Policy::parse(name, text).unwrap(), &quiet());
    let faults = Policy::parse(name, broken).unwrap_err();
    findings.extend(faults_as_findings(name, broken, &faults));
    assert!(findings.len() > 6);
    for source in [text, broken] {
        let sources = [(name.to_owned(), source.to_owned())];
        for format in Format::ALL {
            let out = render(&findings, &sources, *format, false);
            assert!(out.chars().all(|c| c == '\n' || !c.is_control()), "{format}: {out:?}");
            assert!(!out.contains('\u{202e}') && !out.contains("##vso["), "{format}: {out:?}");
            let commands = out.lines().filter(|line| line.trim_start().starts_with("::")).count();
            assert_eq!(commands, if *format == Format::Github { findings.len().min(10) } else { 0 }, "{format}: {out}");
        }
    }
}

#[test]
fn code_scanning_gets_the_worst_ten() {
    let text = "version: 1\nlimits: { memory: unlimited, output: unlimited, fuel: unlimited, deadline: unlimited, stack: unlimited, instances: unlimited, handles: unlimited, cpu-time: unlimited, host-work: unlimited, module-size: unlimited, open-files: unlimited }\n";
    let findings = lint(&Policy::parse("p.yaml", text).unwrap(), &quiet());
    let out = render(&findings, &[], Format::Github, false);
    assert_eq!(out.lines().count(), 11);
    assert!(out.lines().next().unwrap().contains("fuel-and-deadline-missing"));
    assert_eq!(out.lines().last().unwrap(), format!("and {} more", findings.len() - 10));
}

#[test]
fn structural_faults_are_drawn_like_findings() {
    let text = "version: 1\nlimits:\n  memroy: 64MiB\n  fuel: lots\n";
    let faults = Policy::parse("p.yaml", text).unwrap_err();
    let findings = faults_as_findings("p.yaml", text, &faults);
    insta::assert_snapshot!(render(&findings, &[("p.yaml".to_owned(), text.to_owned())], Format::Human, false));
}

#[test]
fn files_are_named_from_the_root_of_the_repository() {
    assert_eq!(relative("./a/b.yaml"), "a/b.yaml");
    assert_eq!(relative("/a/b.yaml"), "a/b.yaml");
    assert_eq!(relative(""), "policy.yaml");
}
