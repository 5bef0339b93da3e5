//! Every format of a report is what it says it is, its counts add up, and nothing that a guest wrote gets out of its place.

use gauntlet_record::{Record, Verdict};
use gauntlet_report::{Format, Options, payloads};
use serde_json::Value;

use super::{Check, Finding, Oracle};
use crate::observe::quietly;

pub(super) const ORACLE: Oracle = Oracle {
    id: "reports-parse",
    property: "every report format parses, its counts add up, and it holds no raw payload",
    check: Check::Report(check),
};

/// A record that is to be written in every format.
#[derive(Debug, Clone, Copy)]
pub struct ReportSeen<'a> {
    /// The record.
    pub record: &'a Record,
}

fn check(seen: &ReportSeen<'_>) -> Option<Finding> {
    match quietly(|| wrong(seen.record)) {
        Ok(wrong) => wrong.map(|wrong| Finding::new(&ORACLE, &wrong)),
        Err(panic) => Some(Finding::new(&ORACLE, &format!("writing it panicked: {panic}"))),
    }
}

fn wrong(record: &Record) -> Option<String> {
    let raw = payloads(record);
    if !raw.is_empty() {
        return Some(format!("a raw payload: {}", raw.join(", ")));
    }
    Format::ALL.iter().find_map(|format| {
        let mut out = Vec::new();
        if let Err(error) = gauntlet_report::write(record, *format, &Options::default(), &mut out) {
            return Some(format!("{format} cannot be written: {error}"));
        }
        let Ok(text) = String::from_utf8(out) else { return Some(format!("{format} is not UTF-8")) };
        let of = |verdict| record.count(verdict);
        let wrong = match format {
            Format::Json => match serde_json::from_str::<Record>(&text) {
                Err(error) => Some(format!("does not read back: {error}")),
                Ok(read) => (read != *record).then(|| "reads back as another record".to_owned()),
            },
            Format::Sarif => match serde_json::from_str::<Value>(&text) {
                Err(error) => Some(format!("is no JSON: {error}")),
                Ok(sarif) => {
                    let alerts = sarif["runs"][0]["results"].as_array().map_or(0, Vec::len);
                    let due = of(Verdict::Breached) + of(Verdict::Inconclusive) + record.findings.len();
                    (alerts != due).then(|| format!("has {alerts} results, and there are {due}"))
                }
            },
            Format::Junit => match quick_junit::Report::deserialize_from_str(&text) {
                Err(error) => Some(format!("does not read back: {error}")),
                Ok(junit) => {
                    // The first suite is that of the trials; what else was found has suites of its own.
                    let told = junit.test_suites.first().map(|suite| (suite.failures, suite.errors, suite.skipped));
                    let due = (of(Verdict::Breached), of(Verdict::Inconclusive), of(Verdict::Unsupported));
                    (told != Some(due)).then(|| format!("counts {told:?}, and there are {due:?}"))
                }
            },
            Format::Html => {
                let told = text.matches("<details class=\"trial").count();
                (told != record.trials.len()).then(|| format!("shows {told} of {} trials", record.trials.len()))
            }
            Format::Ctrf | Format::Oscal | Format::Cyclonedx | Format::Gitlab => {
                serde_json::from_str::<Value>(&text).err().map(|error| format!("is no JSON: {error}"))
            }
            Format::Human | Format::Markdown | Format::Github | Format::Jobsummary | Format::Csv => None,
        };
        wrong.map(|wrong| format!("{format} {wrong}"))
    })
}

#[cfg(test)]
mod tests {
    use gauntlet_record::GuestText;

    use super::*;

    #[test]
    fn the_example_is_sound_and_raw_text_in_it_is_found() {
        let mut record = gauntlet_record::example();
        assert_eq!(check(&ReportSeen { record: &record }), None);
        record.trials[0].runs[0].stdout = GuestText::unescaped(b"\x1b[31m<script>x</script>");
        assert!(check(&ReportSeen { record: &record }).unwrap().message.as_str().starts_with("a raw payload"));
    }
}
