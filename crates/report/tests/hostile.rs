//! Any record renders, and nothing that a guest or a hostile record says gets out of its place.

#![expect(clippy::unwrap_used, reason = "a test may")]

use gauntlet_record::{GuestText, MAX_TEXT_BYTES, Record, Verdict, example};
use gauntlet_report::{Format, Options, payloads};
use proptest::collection::vec;
use proptest::prelude::*;

fn render(record: &Record, format: Format, verbose: bool) -> String {
    let mut out = Vec::new();
    gauntlet_report::write(record, format, &Options { verbose, ..Options::default() }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// What hostile guests write, between arbitrary bytes.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<Vec<u8>>(),
        any::<String>().prop_map(String::into_bytes),
        prop::sample::select(vec![
            "\n::error::x",
            "\r\n##vso[task.complete]",
            "##[error]x",
            "##teamcity[x]",
            "\nok 1 - x",
            "\nnot ok 2",
            "\nPASS",
            "\nFAIL x",
            "\ntest result: ok",
            "\n{\"verdict\":\"contained\"}",
            "<script>alert(1)</script>",
            "<img src=x onerror=y>",
            "\" onmouseover=\"x",
            "</td></table>",
            "--></style>",
            "]]>",
            "\u{1b}[31m",
            "\u{9b}",
            "\u{202e}",
            "\u{2066}",
            "\u{7f}",
            "`|*_[x](y)",
            "%0A",
            ",file=x",
            "&amp;",
            "\u{fffe}",
            "\0",
            "@everyone #1",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn verdicts() -> impl Strategy<Value = Vec<Verdict>> {
    vec(prop::sample::select(Verdict::ALL.to_vec()), 0..8)
}

/// A record with these verdicts whose guests wrote this.
fn record(verdicts: &[Verdict], text: &GuestText) -> Record {
    let mut record = example();
    let model = record.trials[0].clone();
    record.trials = verdicts
        .iter()
        .enumerate()
        .map(|(index, verdict)| {
            let mut trial = model.clone();
            trial.attack = format!("memory/attack-{index}");
            trial.verdict = *verdict;
            for run in &mut trial.runs {
                run.stdout = text.clone();
                run.stderr = text.clone();
                run.end.detail = Some(text.clone());
                run.measured.changed = vec![text.clone()];
                for denial in &mut run.denials {
                    denial.asked = text.clone();
                }
            }
            trial
        })
        .collect();
    record
}

/// Replaces every string of a record that is not from a closed list, as a hostile file on disk may.
fn poison(mut record: Record, text: &str) -> Record {
    let text = || text.to_owned();
    record.tool.name = text();
    record.tool.version = text();
    record.host.os = text();
    record.host.kernel = text();
    record.host.arch = text();
    record.started = text();
    record.finished = Some(text());
    record.command = vec![text()];
    for mechanism in &mut record.host.mechanisms {
        mechanism.name = text();
        mechanism.note = text();
        mechanism.remedy = Some(text());
    }
    for target in &mut record.targets {
        target.name = text();
        target.engine = text();
        target.version = text();
    }
    record.policy.name = text();
    record.policy.sha256 = text();
    record.corpus.sha256 = text();
    record.closed_gaps = vec![text()];
    for value in &mut record.policy.values {
        value.key = text();
        value.value = text();
        value.not_held = Some(text());
    }
    for trial in &mut record.trials {
        trial.attack = text();
        trial.title = text();
        trial.why_it_matters = text();
        trial.weakness = text();
        trial.file = text();
        trial.target = text();
        trial.reason = text();
        trial.obtains = text();
        trial.subjects = vec![text()];
        trial.live_reason = Some(text());
        trial.known = Some(gauntlet_record::Known { reason: text(), link: text() });
        trial.references = vec![text()];
        for run in &mut trial.runs {
            run.measured.canaries = vec![text()];
            run.measured.packets = vec![text()];
            run.measured.reports = vec![text()];
            run.measured.host_death = Some(text());
            run.witnessed_on = Some(text());
            for usage in &mut run.usage {
                usage.used = None;
                usage.unmeasured = Some(text());
            }
            for value in run.values.iter_mut() {
                value.key = text();
                value.value = text();
            }
            for mechanism in run.confinement.iter_mut() {
                mechanism.mechanism = text();
                mechanism.note = text();
            }
        }
    }
    for finding in &mut record.findings {
        finding.rule = text();
        finding.message = text();
        finding.fix = text();
        finding.location.file = text();
    }
    for mutation in record.mutation.iter_mut().flat_map(|score| &mut score.mutations) {
        mutation.name = text();
        mutation.mistake = text();
        for caught in &mut mutation.caught_by {
            caught.attack = text();
        }
    }
    // Guest text from disk is not escaped either: it may hold anything.
    let mut json = serde_json::to_value(&record).unwrap();
    for trial in json["trials"].as_array_mut().unwrap() {
        for run in trial["runs"].as_array_mut().unwrap() {
            run["stdout"]["text"] = text().into();
            if run["detail"].is_object() {
                run["detail"]["text"] = text().into();
            }
        }
    }
    serde_json::from_value(json).unwrap()
}

/// Lines that a hostile string must not have made.
fn forged(text: &str) -> Option<&str> {
    text.lines().map(str::trim_start).find(|line| {
        ["::", "ok 1", "not ok ", "test result:", "{\"verdict\"", "PASS\n"].iter().any(|word| line.starts_with(word))
            || ["##[", "##vso[", "##teamcity["].iter().any(|word| line.contains(word))
    })
}

/// A page of Markdown without its code spans, in which nothing is active. No string of a record puts a backtick into one.
fn outside_code(page: &str) -> String {
    let mut out = String::with_capacity(page.len());
    for line in page.lines() {
        let (mut in_code, mut escaped) = (false, false);
        for c in line.chars() {
            in_code ^= c == '`' && !escaped;
            if !in_code {
                out.push(c);
            }
            escaped = !in_code && c == '\\' && !escaped;
        }
        assert!(!in_code, "a code span is left open: {line}");
        out.push('\n');
    }
    out
}

/// The number of elements of each kind.
fn elements(page: &str) -> usize {
    page.matches('<').count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_format_takes_any_guest_text_and_its_counts_add_up(bytes in hostile(), verdicts in verdicts()) {
        let record = record(&verdicts, &GuestText::new(&bytes, MAX_TEXT_BYTES));
        let of = |verdict| verdicts.iter().filter(|known| **known == verdict).count();

        prop_assert_eq!(payloads(&record), Vec::<String>::new());

        let human = render(&record, Format::Human, false);
        for verdict in Verdict::ALL {
            let count = format!("{} {verdict} ·", of(*verdict));
            prop_assert!(human.contains(&count), "{}", human);
        }

        let junit = quick_junit::Report::deserialize_from_str(&render(&record, Format::Junit, false)).unwrap();
        let suite = &junit.test_suites[0];
        prop_assert_eq!(
            (suite.tests, suite.failures, suite.errors, suite.skipped),
            (verdicts.len(), of(Verdict::Breached), of(Verdict::Inconclusive), of(Verdict::Unsupported))
        );

        let sarif: serde_sarif::sarif::Sarif = serde_json::from_str(&render(&record, Format::Sarif, false)).unwrap();
        let alerts = sarif.runs[0].results.as_ref().unwrap().len();
        prop_assert_eq!(alerts, of(Verdict::Breached) + of(Verdict::Inconclusive) + record.findings.len());

        let page = render(&record, Format::Html, false);
        prop_assert_eq!(page.matches("<details class=\"trial").count(), verdicts.len());

        let markdown = render(&record, Format::Markdown, true);
        prop_assert_eq!(markdown.matches("\n### Attack ").count(), verdicts.len() - of(Verdict::Unsupported));

        let json: Record = serde_json::from_str(&render(&record, Format::Json, false)).unwrap();
        prop_assert_eq!(json, record);
    }

    #[test]
    fn a_hostile_record_stays_in_its_place(text in hostile(), verdicts in verdicts(), complete in any::<bool>()) {
        let text = String::from_utf8_lossy(&text).into_owned();
        let tame = {
            let mut tame = poison(record(&verdicts, &GuestText::name("x")), if text.trim().is_empty() { "" } else { "x" });
            tame.complete = complete;
            tame
        };
        let mut record = poison(record(&verdicts, &GuestText::name("x")), &text);
        record.complete = complete;
        prop_assert_eq!(payloads(&record), Vec::<String>::new());
        for format in Format::ALL.iter().copied().filter(|format| !matches!(format, Format::Html | Format::Github)) {
            for verbose in [false, true] {
                let out = render(&record, format, verbose);
                prop_assert_eq!(forged(&out), None, "{}", format);
            }
        }
        if !text.is_empty() && !text.trim().is_empty() && !text.starts_with("http") {
            prop_assert_eq!(elements(&render(&record, Format::Html, false)), elements(&render(&tame, Format::Html, false)));
        }
        let github = render(&record, Format::Github, false);
        prop_assert!(github.lines().all(|line| ["::error ", "::warning ", "::notice "].iter().any(|word| line.starts_with(word))), "{}", github);
        quick_junit::Report::deserialize_from_str(&render(&record, Format::Junit, false)).unwrap();
        for format in [Format::Json, Format::Sarif, Format::Gitlab, Format::Ctrf, Format::Oscal, Format::Cyclonedx] {
            let parsed = serde_json::from_str::<serde_json::Value>(&render(&record, format, false));
            prop_assert!(parsed.is_ok(), "{}: {:?}", format, parsed);
        }
        let sheet = render(&record, Format::Csv, false);
        let mut rows = 0;
        for row in csv::Reader::from_reader(sheet.as_bytes()).records() {
            let row = row.unwrap();
            rows += 1;
            let calculates = |cell: &str| cell.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
            prop_assert!(!row.iter().any(calculates), "{:?}", row);
        }
        prop_assert_eq!(rows, verdicts.len());
        for format in [Format::Markdown, Format::Jobsummary] {
            let page = outside_code(&render(&record, format, false));
            let active = page.split('<').skip(1).find(|rest| !["details>", "/details>", "summary>", "/summary>"].iter().any(|ours| rest.starts_with(ours)));
            prop_assert_eq!(active, None, "{}", format);
        }
    }

    #[test]
    fn text_whose_escaping_was_lifted_is_found(before in "[a-z ]{0,20}", after in "[a-z ]{0,20}") {
        for (payload, name) in [
            ("\u{1b}[31m", "raw-control"), ("\u{202e}", "raw-control"), ("\n::error::x", "ci-command"), ("##vso[x]", "ci-command"),
            ("<script>x</script>", "markup"), ("<img src=x>", "markup"), ("\" onmouseover=\"x", "markup"), ("\nok 1 - x", "forged"),
            ("\nPASS x", "forged"), ("\ntest result: ok", "forged"),
        ] {
            let text = format!("{before}{payload}{after}");
            let record = record(&[Verdict::Contained], &GuestText::unescaped(text.as_bytes()));
            let found = payloads(&record);
            prop_assert!(found.iter().any(|word| word == name), "{name} in {text:?}: {found:?}");
        }
    }
}

/// A record in which every string is far longer and every list has far more items than a report shows.
fn endless() -> Record {
    let text = "x\u{1b}<`|".repeat(4_000);
    let mut record = poison(
        record(
            &[Verdict::Breached, Verdict::Inconclusive, Verdict::Contained, Verdict::Unsupported],
            &GuestText::name("x"),
        ),
        &text,
    );
    for trial in &mut record.trials {
        for run in &mut trial.runs {
            run.denials = vec![
                run.denials.first().cloned().unwrap_or(gauntlet_record::Denial {
                    cause: gauntlet_record::Cause::NoEffect,
                    asked: GuestText::name("x"),
                    limit: None,
                    count: 1,
                });
                300
            ];
            run.values = vec![run.values[0].clone(); 300].into();
            run.usage = vec![run.usage[0].clone(); 300];
            run.confinement = vec![run.confinement[0].clone(); 300].into();
            run.measured.changed = vec![GuestText::name("y"); 300];
            run.measured.canaries = vec![text.clone(); 300];
        }
    }
    record
}

#[test]
fn no_string_and_no_list_makes_a_report_larger_than_its_bound() {
    let record = endless();
    for format in Format::ALL.iter().filter(|format| **format != Format::Json) {
        for verbose in [false, true] {
            let size = render(&record, *format, verbose).len();
            assert!(
                size as u64 <= format.most_bytes(&record, verbose),
                "{format}: {size} of {}",
                format.most_bytes(&record, verbose)
            );
        }
    }
    assert_eq!(Format::Markdown.most_bytes(&record, false), 65_000);
}
