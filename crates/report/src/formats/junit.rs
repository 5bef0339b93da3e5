//! JUnit XML, as CI servers read it: one test case a trial.
//!
//! Jenkins' schema is the narrowest in use, so it decides: no `skipped` on `testsuites`, no properties in a test case.

use std::io::{self, Write as _};
use std::time::Duration;

use gauntlet_record::{Record, Severity, Trial, Verdict};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite, XmlString};

use crate::evidence::{Group, group_lines, role, trial_facts};
use crate::summary::{Summary, advice, run_line};
use crate::text::{flat, plain};
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
    let mut out = io::BufWriter::new(WithoutSkipped { out, head: Some(Vec::new()) });
    report.serialize(&mut out)?;
    out.flush()?;
    Ok(())
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
    let failed = match trial.verdict {
        Verdict::Contained | Verdict::Unsupported => false,
        Verdict::Breached | Verdict::Inconclusive => true,
    };
    let mut text = format!("what: {}\n{}", plain(&trial.title), evidence(trial, failed));
    if trial.verdict == Verdict::Inconclusive {
        text = format!("what to do: {}\n{text}", advice(trial.why));
    }
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

/// The evidence as lines; each begins with a word of ours. The jail is told where a trial failed: of all of them it would be half of the
/// file, which CI servers take only so large. The record has it.
fn evidence(trial: &Trial, failed: bool) -> String {
    let mut out = String::new();
    for (label, line) in trial_facts(trial) {
        out.push_str(&format!("{label}: {}\n", flat(&line)));
    }
    for run in &trial.runs {
        for (group, line) in group_lines(run).iter().filter(|(group, _)| failed || *group != Group::Jail) {
            out.push_str(&format!("{}, {}: {}\n", role(run.role), group.short(), flat(line)));
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

/// Drops `skipped` from the root, where Jenkins' schema does not know it; everything after the root's tag goes through as it is.
struct WithoutSkipped<'a> {
    out: &'a mut dyn io::Write,
    /// What has come so far, until the tag is whole.
    head: Option<Vec<u8>>,
}

impl io::Write for WithoutSkipped<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.head {
            None => self.out.write_all(bytes)?,
            Some(head) => {
                head.extend_from_slice(bytes);
                if let Some(without) = std::str::from_utf8(head).ok().and_then(without_skipped) {
                    self.out.write_all(without.as_bytes())?;
                    self.head = None;
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(head) = self.head.take() {
            self.out.write_all(&head)?;
        }
        self.out.flush()
    }
}

/// The text without `skipped` in the root's tag, once that is whole. Nothing before it in the tag is a string of the record.
fn without_skipped(xml: &str) -> Option<String> {
    let tag = xml.find("<testsuites ")?;
    let end = tag + xml[tag..].find('>')?;
    let Some(start) = xml[tag..end].find(" skipped=\"").map(|start| tag + start) else { return Some(xml.to_owned()) };
    let value = start + " skipped=\"".len();
    let stop = value + xml[value..end].find('"')? + 1;
    Some(format!("{}{}", &xml[..start], &xml[stop..]))
}
