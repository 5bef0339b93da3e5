//! Records with whatever a guest may have written, in every format.

use arbitrary::Unstructured;
use gauntlet_record::{GuestText, Record, Verdict, example};

use super::{Bench, Bound, Depth, Health, Pair, Ran};
use crate::Case;
use crate::oracles::{Check, ORACLES, ReportSeen};

pub(crate) const PAIR: Pair = Pair {
    id: "reports",
    summary: "records with hostile text of guests, in every report format",
    bytes: 512,
    runs_guests: false,
    generate,
    run,
    health: &[Health { name: "with text", part: "texts", whole: "records", bound: Bound::AtLeast(0.8) }],
};

/// What opens something in one of the formats, or in what reads them.
const PIECES: &[&str] = &[
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
    "contained",
    "\\",
    "\u{1}\u{b}",
    "{{x}}",
    "${x}",
];

fn generate(_: &Bench<'_>, u: &mut Unstructured<'_>) -> arbitrary::Result<Case> {
    let mut calls = Vec::new();
    for _ in 0..u.int_in_range(0..=8)? {
        calls.push(format!("trial {}", u.choose(Verdict::ALL)?));
    }
    for place in PLACES {
        if u.ratio(3, 4)? {
            let mut bytes = Vec::new();
            for _ in 0..u.int_in_range(0..=5)? {
                if u.ratio(4, 5)? {
                    bytes.extend_from_slice(u.choose(PIECES)?.as_bytes());
                } else {
                    let some = u.int_in_range(0..=12)?;
                    bytes.extend_from_slice(u.bytes(some.min(u.len()))?);
                }
            }
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            calls.push(format!("text {place} {hex}"));
        }
    }
    calls.push(format!("complete {}", u.arbitrary::<bool>()?));
    Ok(Case { wasm: Vec::new(), policy: "version: 1\n".into(), calls })
}

/// Where a guest's text stands.
const PLACES: &[&str] = &["stdout", "stderr", "detail", "changed", "asked"];

/// The record of the lines.
fn record(bench: &Bench<'_>, calls: &[String]) -> Result<(Record, u64), String> {
    let mut record = example();
    let Some(model) = record.trials.first().cloned() else { return Err("the example record has no trial".into()) };
    record.trials.clear();
    let mut texts: Vec<(String, GuestText)> = Vec::new();
    for line in calls {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["trial", verdict] => {
                let known = Verdict::ALL.iter().find(|known| known.to_string() == *verdict);
                let Some(verdict) = known else { return Err(format!("`{verdict}` is no verdict")) };
                let attack = format!("memory/attack-{}", record.trials.len());
                record.trials.push(gauntlet_record::Trial { verdict: *verdict, attack, ..model.clone() });
            }
            ["text", place, hex] if PLACES.contains(place) => {
                let bytes = unhex(hex).ok_or_else(|| format!("`{hex}` is not hex"))?;
                texts.push(((*place).to_owned(), (bench.escape)(&bytes)));
            }
            ["complete", whole] => record.complete = *whole == "true",
            _ => return Err(format!("`{line}` is no line of a record")),
        }
    }
    let given = texts.iter().filter(|(_, text)| !text.as_str().is_empty()).count() as u64;
    for trial in &mut record.trials {
        for run in &mut trial.runs {
            for (place, text) in &texts {
                let text = || text.clone();
                match place.as_str() {
                    "stdout" => run.stdout = text(),
                    "stderr" => run.stderr = text(),
                    "detail" => run.end.detail = Some(text()),
                    "changed" => run.measured.changed = vec![text()],
                    _ => run.denials.iter_mut().for_each(|denial| denial.asked = text()),
                }
            }
        }
    }
    Ok((record, given))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

fn run(bench: &Bench<'_>, case: &Case, _: Depth) -> Ran {
    let (record, texts) = match record(bench, &case.calls) {
        Ok(record) => record,
        Err(why) => return Ran::unreadable(why),
    };
    let mut ran = Ran::default();
    ran.counts.add("records", 1);
    ran.counts.add("texts", u64::from(texts > 0));
    for oracle in ORACLES {
        if let Check::Report(check) = oracle.check {
            ran.findings.extend(check(&ReportSeen { record: &record }));
        }
    }
    ran
}
