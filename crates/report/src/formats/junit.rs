//! JUnit XML, as CI servers read it: one test case a trial.
//!
//! Jenkins' schema is the narrowest in use, so it decides: no `skipped` on `testsuites`, no properties in a test case.

use std::io;
use std::time::Duration;

use gauntlet_record::{GuestText, Record, Severity, Trial, Verdict};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite, XmlString};

use crate::evidence::{Group, group_line, role, trial_facts};
use crate::summary::{Summary, advice, run_line};
use crate::text::{Line, Piece, plain};
use crate::{Options, WriteError};

pub(crate) fn write(record: &Record, _: &Options, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let summary = Summary::of(record);
    let mut report = Report::new("gauntlet");
    let mut suite = TestSuite::new("gauntlet");
    suite.add_property(Property::new("run", xml(&run_line(record).join(", "))));
    suite.add_property(Property::new("result", xml(&format!("{}: {}", summary.word, summary.sentence))));
    suite.add_property(Property::new("exit-code", summary.exit.to_string()));
    for trial in &record.trials {
        suite.add_test_case(case(trial));
    }
    suite.set_time(
        record
            .trials
            .iter()
            .map(|trial| Duration::from_nanos(trial.duration))
            .fold(Duration::ZERO, Duration::saturating_add),
    );
    report.add_test_suite(suite);
    if let Some(fault) = unproved(&summary, record) {
        report.add_test_suite(fault);
    }
    if !record.findings.is_empty() {
        report.add_test_suite(findings(record));
    }
    if let Some(mutations) = mutations(record) {
        report.add_test_suite(mutations);
    }
    out.write_all(without_skipped(&report.to_string()?).as_bytes())?;
    Ok(())
}

/// A guest's text. The one place where escaping that was lifted on purpose shows; the XML stays well-formed all the same.
fn guest(text: &GuestText) -> String {
    if text.is_raw() { text.as_str().to_owned() } else { plain(text.as_str()).into_owned() }
}

fn flat(line: &Line<'_>) -> String {
    line.iter()
        .map(|piece| match piece {
            Piece::Plain(text) => plain(text).into_owned(),
            Piece::Guest(text) => guest(text),
        })
        .collect()
}

fn xml(text: &str) -> XmlString {
    XmlString::new(plain(text))
}

/// JUnit has no word for a failed control; `error` is the nearest.
fn status(verdict: Verdict) -> TestCaseStatus {
    match verdict {
        Verdict::Contained => TestCaseStatus::success(),
        Verdict::Breached => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Inconclusive => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::Unsupported => TestCaseStatus::skipped(),
    }
}

fn case(trial: &Trial) -> TestCase {
    let mut status = status(trial.verdict);
    let mut text = format!("what: {}\n{}", plain(&trial.title), evidence(trial));
    if trial.verdict == Verdict::Inconclusive {
        text = format!("what to do: {}\n{text}", advice(trial.why));
    }
    let failed = match trial.verdict {
        Verdict::Contained | Verdict::Unsupported => false,
        Verdict::Breached | Verdict::Inconclusive => true,
    };
    if failed {
        status.set_type(xml(&trial.weakness));
    }
    if trial.verdict != Verdict::Contained {
        status.set_message(xml(&trial.reason));
    }
    if failed {
        // GitLab shows the text of a failure and not its message.
        status.set_description(XmlString::new(format!("{}\n{text}", plain(&trial.reason))));
    }
    let mut case = TestCase::new(xml(&format!("{}/{}", trial.target, trial.attack)), status);
    case.set_classname(xml(&trial.target));
    case.set_time(Duration::from_nanos(trial.duration));
    if !failed {
        case.set_system_out(XmlString::new(text));
    }
    case
}

/// The evidence as lines; each begins with a word of ours.
fn evidence(trial: &Trial) -> String {
    let mut out = String::new();
    for (label, line) in trial_facts(trial) {
        out.push_str(&format!("{label}: {}\n", flat(&line)));
    }
    for run in &trial.runs {
        for group in Group::ALL {
            if let Some(line) = group_line(run, group) {
                out.push_str(&format!("{}, {}: {}\n", role(run.role), group.short(), flat(&line)));
            }
        }
    }
    out
}

/// A suite that fails where the trials alone would look like a pass: a run that was cut off or that proved nothing.
fn unproved(summary: &Summary, record: &Record) -> Option<TestSuite> {
    let nothing = summary.contained + summary.breached + summary.inconclusive == 0 && record.mutation.is_none();
    if record.complete && !nothing {
        return None;
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_message(xml(&summary.sentence));
    status.set_type(if record.complete { "NOTHING PROVED" } else { "INCOMPLETE" });
    let mut suite = TestSuite::new("gauntlet run");
    suite.add_test_case(TestCase::new("the run is complete and proves something", status));
    Some(suite)
}

fn findings(record: &Record) -> TestSuite {
    let mut suite = TestSuite::new("gauntlet lint");
    for (index, finding) in record.findings.iter().enumerate() {
        let place = format!("{}:{}:{}", finding.location.file, finding.location.line, finding.location.column);
        let text = XmlString::new(format!(
            "{}: {}\nfix: {}\nat: {}",
            finding.severity.as_str(),
            plain(&finding.message),
            plain(&finding.fix),
            plain(&place)
        ));
        let mut case = if finding.severity >= Severity::High {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(xml(&finding.message));
            status.set_type(finding.severity.as_str());
            status.set_description(text);
            TestCase::new(xml(&format!("{} {} at {place}", index + 1, finding.rule)), status)
        } else {
            let mut case =
                TestCase::new(xml(&format!("{} {} at {place}", index + 1, finding.rule)), TestCaseStatus::success());
            case.set_system_out(text);
            case
        };
        case.set_classname("lint");
        suite.add_test_case(case);
    }
    suite
}

fn mutations(record: &Record) -> Option<TestSuite> {
    let score = record.mutation.as_ref()?;
    let mut suite = TestSuite::new("gauntlet selftest");
    for mutation in &score.mutations {
        let mut status = if mutation.caught {
            TestCaseStatus::success()
        } else {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        };
        if !mutation.caught {
            status.set_message(xml(&format!("no attack caught it: {}", mutation.mistake)));
            status.set_type("MISSED");
        }
        let mut case = TestCase::new(xml(&mutation.name), status);
        case.set_classname("selftest");
        let attacks: Vec<&str> = mutation.caught_by.iter().map(|caught| caught.attack.as_str()).collect();
        case.set_system_out(xml(&format!("mistake: {} caught by: {}", mutation.mistake, attacks.join(", "))));
        suite.add_test_case(case);
    }
    Some(suite)
}

/// Drops `skipped` from the root, where Jenkins' schema does not know it. Nothing before it in the tag is a string of the record.
fn without_skipped(xml: &str) -> String {
    let Some(tag) = xml.find("<testsuites ") else { return xml.to_owned() };
    let end = xml[tag..].find('>').map_or(xml.len(), |end| tag + end);
    let Some(start) = xml[tag..end].find(" skipped=\"").map(|start| tag + start) else { return xml.to_owned() };
    let value = start + " skipped=\"".len();
    let stop = xml[value..end].find('"').map_or(end, |quote| value + quote + 1);
    format!("{}{}", &xml[..start], &xml[stop..])
}
