//! Each format over the one example record, and read back by readers that are not ours.

#![expect(clippy::unwrap_used, reason = "a test may")]

use gauntlet_record::{Record, Verdict, example};
use gauntlet_report::{Format, Options};
use serde_sarif::sarif::{ResultKind, ResultLevel, Sarif};

fn render(record: &Record, format: Format, options: Options) -> String {
    let mut out = Vec::new();
    gauntlet_report::write(record, format, &options, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn brief(format: Format) -> String {
    render(&example(), format, Options::default())
}

/// The example with everything that is rare: an overshoot, a second target, an interrupted run, a missed mistake.
fn rare() -> Record {
    let mut record = example();
    record.complete = false;
    record.finished = None;
    record.targets.push(gauntlet_record::TargetInfo {
        name: "command".into(),
        engine: "other".into(),
        version: "1".into(),
        sha256: None,
    });
    let mut late = record.trials[0].clone();
    late.attack = "cpu/a-rather-long-name-of-an-attack#with-a-case".into();
    late.target = "command".into();
    late.verdict = Verdict::Breached;
    late.closeness = Some(gauntlet_record::Closeness {
        limit: gauntlet_record::LimitKey::Memory,
        cap: 1 << 20,
        used: 5 << 20,
        by_host: true,
        overshoot: 4 << 20,
    });
    record.trials.push(late);
    let score = record.mutation.as_mut().unwrap();
    let mut missed = score.mutations[0].clone();
    missed.caught = false;
    missed.caught_by.clear();
    missed.backstopped.clear();
    score.mutations.push(missed);
    score.total = 2;
    record
}

#[test]
fn human_at_100_columns() {
    insta::assert_snapshot!(brief(Format::Human));
}

#[test]
fn human_at_60_columns() {
    insta::assert_snapshot!(render(&example(), Format::Human, Options { width: 60, ..Options::default() }));
}

#[test]
fn human_verbose() {
    insta::assert_snapshot!(render(&example(), Format::Human, Options { verbose: true, ..Options::default() }));
}

#[test]
fn human_of_what_is_rare() {
    insta::assert_snapshot!(render(&rare(), Format::Human, Options::default()));
}

#[test]
fn human_in_colour_says_the_same() {
    let coloured = render(&rare(), Format::Human, Options { color: true, ..Options::default() });
    let mut plain = String::new();
    let mut inside = false;
    for c in coloured.chars() {
        match (inside, c) {
            (false, '\u{1b}') => inside = true,
            (true, 'm') => inside = false,
            (true, _) => {}
            (false, c) => plain.push(c),
        }
    }
    let squeeze = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_ne!(coloured, plain);
    assert_eq!(squeeze(&plain), squeeze(&render(&rare(), Format::Human, Options::default())));
}

#[test]
fn no_line_of_human_text_is_wider_than_asked() {
    for width in [60, 72, 80, 100, 140] {
        for line in render(&rare(), Format::Human, Options { width, verbose: true, ..Options::default() }).lines() {
            assert!(unicode_width::UnicodeWidthStr::width(line) <= width, "{width}: {line}");
        }
    }
}

#[test]
fn json() {
    insta::assert_snapshot!(brief(Format::Json));
}

#[test]
fn junit() {
    insta::assert_snapshot!(brief(Format::Junit));
}

#[test]
fn sarif() {
    insta::assert_snapshot!(brief(Format::Sarif));
}

#[test]
fn html() {
    // The style sheet has a file of its own; its hash is compared below.
    let page = brief(Format::Html);
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    let (before, hash) = head.split_once("sha256-").unwrap();
    let (_, after) = hash.split_once('\'').unwrap();
    insta::assert_snapshot!(format!("{before}sha256-[hash]'{after}<style>[style]</style>{body}"));
}

#[test]
fn markdown() {
    insta::assert_snapshot!(brief(Format::Markdown));
}

#[test]
fn github() {
    insta::assert_snapshot!(brief(Format::Github));
}

#[test]
fn jobsummary() {
    insta::assert_snapshot!(brief(Format::Jobsummary));
}

#[test]
fn gitlab() {
    insta::assert_snapshot!(brief(Format::Gitlab));
}

#[test]
fn csv() {
    insta::assert_snapshot!(brief(Format::Csv));
}

#[test]
fn ctrf() {
    insta::assert_snapshot!(brief(Format::Ctrf));
}

#[test]
fn oscal() {
    insta::assert_snapshot!(brief(Format::Oscal));
}

#[test]
fn cyclonedx() {
    insta::assert_snapshot!(brief(Format::Cyclonedx));
}

#[test]
fn csv_reads_back_with_a_cell_for_every_column() {
    let text = render(&rare(), Format::Csv, Options::default());
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().unwrap().len();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), rare().trials.len());
    assert!(rows.iter().all(|row| row.len() == columns));
    assert_eq!((&rows[0][0], &rows[0][2]), ("contained", "memory/grow-past-limit"));
}

#[test]
fn gitlab_takes_every_alert_at_a_place_and_by_a_name_of_its_own() {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Alert {
        description: String,
        check_name: String,
        fingerprint: String,
        severity: String,
        location: Location,
    }
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Location {
        path: String,
        lines: Lines,
    }
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Lines {
        begin: u32,
    }
    let mut record = rare();
    record.trials.push(record.trials[1].clone());
    let alerts: Vec<Alert> = serde_json::from_str(&render(&record, Format::Gitlab, Options::default())).unwrap();
    assert_eq!(
        alerts.len(),
        record.count(Verdict::Breached) + record.count(Verdict::Inconclusive) + record.findings.len()
    );
    let mut names: Vec<&str> = alerts.iter().map(|alert| alert.fingerprint.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), alerts.len());
    for alert in &alerts {
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&alert.severity.as_str()));
        assert!(!alert.location.path.starts_with(['.', '/']) && alert.location.lines.begin > 0);
        assert!(!alert.description.is_empty() && !alert.check_name.is_empty());
    }
}

#[test]
fn ctrf_counts_what_the_record_counts() {
    let report: serde_json::Value = serde_json::from_str(&brief(Format::Ctrf)).unwrap();
    assert_eq!(report["reportFormat"], "CTRF");
    let (summary, record) = (&report["results"]["summary"], example());
    let tests = report["results"]["tests"].as_array().unwrap();
    for (status, verdict) in [
        ("passed", Verdict::Contained),
        ("failed", Verdict::Breached),
        ("other", Verdict::Inconclusive),
        ("skipped", Verdict::Unsupported),
    ] {
        assert_eq!(summary[status].as_u64(), Some(record.count(verdict) as u64));
        assert_eq!(tests.iter().filter(|test| test["status"] == status).count(), record.count(verdict));
    }
    assert_eq!(summary["tests"].as_u64(), Some(record.trials.len() as u64));
    assert_eq!(summary["stop"].as_u64().unwrap() - summary["start"].as_u64().unwrap(), 9000);
}

#[test]
fn oscal_has_a_finding_for_every_limit_and_no_empty_list() {
    fn empty(value: &serde_json::Value, path: &str, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Array(list) => {
                if list.is_empty() {
                    found.push(path.to_owned());
                }
                list.iter().for_each(|value| empty(value, path, found));
            }
            serde_json::Value::Object(map) => {
                map.iter().for_each(|(key, value)| empty(value, &format!("{path}/{key}"), found))
            }
            _ => {}
        }
    }
    let mut bare = example();
    (bare.trials, bare.targets, bare.findings) = (Vec::new(), Vec::new(), Vec::new());
    bare.policy.values.clear();
    for record in [example(), rare(), bare] {
        let document: serde_json::Value =
            serde_json::from_str(&render(&record, Format::Oscal, Options::default())).unwrap();
        let mut found = Vec::new();
        empty(&document, "", &mut found);
        assert_eq!(found, Vec::<String>::new());
        let result = &document["assessment-results"]["results"][0];
        let findings = result["findings"].as_array().map_or(0, Vec::len);
        assert_eq!(findings, record.policy.values.len());
        let known: Vec<&str> = result["observations"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|observation| observation["uuid"].as_str().unwrap())
            .collect();
        for finding in result["findings"].as_array().into_iter().flatten() {
            for related in finding["related-observations"].as_array().into_iter().flatten() {
                assert!(known.contains(&related["observation-uuid"].as_str().unwrap()));
            }
        }
    }
}

#[test]
fn cyclonedx_claims_nothing_without_evidence() {
    let bom: serde_json::Value = serde_json::from_str(&brief(Format::Cyclonedx)).unwrap();
    let declarations = &bom["declarations"];
    let evidence: Vec<&str> =
        declarations["evidence"].as_array().unwrap().iter().map(|shown| shown["bom-ref"].as_str().unwrap()).collect();
    let claims = declarations["claims"].as_array().unwrap();
    assert!(!claims.is_empty());
    for claim in claims {
        let shown = claim["evidence"].as_array().unwrap();
        assert!(!shown.is_empty() && shown.iter().all(|shown| evidence.contains(&shown.as_str().unwrap())));
    }
    let map = declarations["attestations"][0]["map"].as_array().unwrap();
    assert_eq!(map.len(), example().policy.values.len());
    for entry in map.iter().filter(|entry| entry.get("claims").is_none() && entry.get("counterClaims").is_none()) {
        assert!(entry.get("conformance").is_none(), "{entry}");
    }
}

#[test]
fn a_page_shows_the_matrix_of_layers_that_it_is_given() {
    let json = r#"{ "layers": ["validation", "runtime"], "complete": false, "attacks": [{
        "attack": "memory/<b>grow", "cause": "limit-memory", "stopped-by": ["runtime"], "by-probe": "isolation/x", "alerts": 1,
        "without": [["validation", { "what": "stopped", "cause": "limit-memory" }], ["runtime", { "what": "obtained" }]] }],
        "single-layer": {}, "listed-and-deep": [], "listed-and-unknown": [] }"#;
    let layers = gauntlet_report::layers(json.as_bytes()).unwrap();
    let mut out = Vec::new();
    gauntlet_report::write_page(&example(), &layers, &mut out).unwrap();
    let page = String::from_utf8(out).unwrap();
    for part in [
        "0 of 1 attacks are stopped by two",
        "memory/&lt;b&gt;grow",
        "<td class=\"hit-bad\">obtained</td>",
        "runtime (isolation/x)",
        "cut short",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!brief(Format::Html).contains("lifted one at a time"));
}

#[test]
fn json_reads_back_as_the_same_record_and_fits_the_schema() {
    let schema: serde_json::Value = serde_json::from_str(&gauntlet_record::json_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for record in [example(), rare()] {
        let json = render(&record, Format::Json, Options::default());
        assert_eq!(serde_json::from_str::<Record>(&json).unwrap(), record);
        let value = serde_json::from_str(&json).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new());
    }
}

#[test]
fn junit_counts_what_the_record_counts() {
    let report = quick_junit::Report::deserialize_from_str(&brief(Format::Junit)).unwrap();
    let suite = &report.test_suites[0];
    let record = example();
    assert_eq!(suite.tests, record.trials.len());
    assert_eq!(suite.failures, record.count(Verdict::Breached));
    assert_eq!(suite.errors, record.count(Verdict::Inconclusive));
    assert_eq!(suite.skipped, record.count(Verdict::Unsupported));
    let names: Vec<&str> = report.test_suites.iter().map(|suite| suite.name.as_str()).collect();
    assert_eq!(names, ["gauntlet", "gauntlet lint", "gauntlet selftest"]);
}

#[test]
fn junit_has_nothing_that_jenkins_refuses() {
    let xml = render(&rare(), Format::Junit, Options::default());
    let root = xml.lines().find(|line| line.contains("<testsuites")).unwrap();
    assert!(!root.contains("skipped"), "{root}");
    for case in xml.split("<testcase").skip(1) {
        assert!(!case.split("</testcase>").next().unwrap().contains("<properties"), "{case}");
    }
}

#[test]
fn a_run_that_was_cut_off_or_proves_nothing_fails_in_junit_and_sarif() {
    let mut record = example();
    record.trials.retain(|trial| trial.verdict == Verdict::Contained);
    record.findings.clear();
    record.mutation = None;
    let failures = |record: &Record| {
        let report =
            quick_junit::Report::deserialize_from_str(&render(record, Format::Junit, Options::default())).unwrap();
        report.failures + report.errors
    };
    let succeeded = |record: &Record| {
        let log: Sarif = serde_json::from_str(&render(record, Format::Sarif, Options::default())).unwrap();
        log.runs[0].invocations.as_ref().unwrap()[0].execution_successful
    };
    assert_eq!((failures(&record), succeeded(&record)), (0, true));
    record.complete = false;
    assert_eq!((failures(&record), succeeded(&record)), (1, false));
    for format in [Format::Human, Format::Html, Format::Markdown, Format::Github] {
        assert!(render(&record, format, Options::default()).contains("INCOMPLETE"), "{format}");
    }
    record.complete = true;
    record.trials.clear();
    assert_eq!(failures(&record), 1);
}

#[test]
fn sarif_holds_the_alerts_and_each_has_a_place_in_the_repository() {
    let log: Sarif = serde_json::from_str(&brief(Format::Sarif)).unwrap();
    let run = &log.runs[0];
    let results = run.results.as_ref().unwrap();
    let record = example();
    let of = |kind: ResultKind, level: ResultLevel| {
        results
            .iter()
            .filter(|result| result.kind.as_ref() == Some(&kind) && result.level.as_ref() == Some(&level))
            .count()
    };
    assert_eq!(of(ResultKind::Fail, ResultLevel::Error), record.count(Verdict::Breached) + record.findings.len());
    assert_eq!(of(ResultKind::Open, ResultLevel::None), record.count(Verdict::Inconclusive));
    assert_eq!(
        results.len(),
        record.count(Verdict::Breached) + record.count(Verdict::Inconclusive) + record.findings.len()
    );
    let rules = run.tool.driver.rules.as_ref().unwrap();
    for result in results {
        let place = result.locations.as_ref().unwrap()[0].physical_location.as_ref().unwrap();
        let uri = place.artifact_location.as_ref().unwrap().uri.as_ref().unwrap();
        assert!(!uri.starts_with('/') && !uri.contains(':') && !uri.contains('\\') && !uri.contains(".."), "{uri}");
        assert!(place.region.as_ref().unwrap().start_line.unwrap() >= 1);
        let index = usize::try_from(result.rule_index.unwrap()).unwrap();
        assert_eq!(Some(&rules[index].id), result.rule_id.as_ref());
    }
}

#[test]
fn the_page_runs_nothing_and_names_the_hash_of_its_style() {
    let page = brief(Format::Html);
    assert!(!page.to_lowercase().contains("<script"));
    assert!(!page.contains(" style="));
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert!(page.contains("\\u{1b}[31m"));
    let style = page.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let hash = page.split_once("style-src 'sha256-").unwrap().1.split_once('\'').unwrap().0;
    // What a browser does: hash the text of the element and compare in base 64, here decoded.
    let digits: Vec<u32> = hash
        .trim_end_matches('=')
        .bytes()
        .map(|digit| {
            u32::try_from(
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
                    .bytes()
                    .position(|known| known == digit)
                    .unwrap(),
            )
            .unwrap()
        })
        .collect();
    let bits: String = digits.iter().map(|digit| format!("{digit:06b}")).collect();
    let hex: String = bits.as_bytes()[..256]
        .chunks(4)
        .map(|nibble| {
            let text = std::str::from_utf8(nibble).unwrap();
            format!("{:x}", u8::from_str_radix(text, 2).unwrap())
        })
        .collect();
    assert_eq!(hex, gauntlet_record::digest(style.as_bytes()));
}

#[test]
fn the_page_is_one_document_with_headed_tables() {
    let page = brief(Format::Html);
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"));
    assert_eq!(page.matches("<h1").count(), 1);
    assert_eq!(page.matches("<table").count(), page.matches("<caption>").count());
    assert_eq!(page.matches("<table").count(), page.matches("</table>").count());
    for table in page.split("<table").skip(1) {
        assert!(table.contains("scope=\"col\""));
    }
    let mut ids: Vec<&str> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    for link in page.split("href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(ids.contains(&link), "{link}");
    }
    let number = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), number, "an id is used twice");
}
