//! One line a trial, for spreadsheets.
//!
//! A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, quoted or not; such a cell gets an apostrophe in
//! front, which means text. Source: OWASP, "CSV Injection". Every cell is quoted (RFC 4180), and no cell holds a line break.

use std::io::{self, Write as _};

use gauntlet_record::{Closeness, Record, Trial};

use crate::summary::class;
use crate::text::plain;
use crate::{Options, WriteError};

/// A column: its name, and what a trial has in it.
type Column = (&'static str, fn(&Trial) -> String);

const COLUMNS: &[Column] = &[
    ("verdict", |trial| trial.verdict.to_string()),
    ("class", |trial| class(&trial.attack).to_owned()),
    ("attack", |trial| trial.attack.clone()),
    ("target", |trial| trial.target.clone()),
    ("title", |trial| trial.title.clone()),
    ("reason", |trial| trial.reason.clone()),
    ("cause", |trial| trial.cause.map(|cause| cause.to_string()).unwrap_or_default()),
    ("layer", |trial| trial.layer.map(|layer| layer.to_string()).unwrap_or_default()),
    ("weakness", |trial| trial.weakness.clone()),
    ("evidence for", |trial| trial.subjects.join(" ")),
    ("witnessed", |trial| yes(trial.witnessed)),
    ("known gap", |trial| trial.known.as_ref().map(|known| known.reason.clone()).unwrap_or_default()),
    ("limit", |trial| near(trial, |closeness| closeness.limit.to_string())),
    ("limit in force", |trial| near(trial, |closeness| closeness.cap.to_string())),
    ("used", |trial| near(trial, |closeness| closeness.used.to_string())),
    ("overshoot", |trial| near(trial, |closeness| closeness.overshoot.to_string())),
    ("measured by the host", |trial| near(trial, |closeness| yes(closeness.by_host))),
    ("nanoseconds", |trial| trial.duration.to_string()),
    ("file", |trial| trial.file.clone()),
];

pub(crate) fn write(record: &Record, _: &Options, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let mut out = io::BufWriter::new(out);
    line(&mut out, COLUMNS.iter().map(|(name, _)| (*name).to_owned()))?;
    for trial in &record.trials {
        line(&mut out, COLUMNS.iter().map(|(_, cell)| cell(trial)))?;
    }
    out.flush()?;
    Ok(())
}

fn line(out: &mut impl io::Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    let cells: Vec<String> = cells.map(|text| format!("\"{}\"", tame(&text).replace('"', "\"\""))).collect();
    write!(out, "{}\r\n", cells.join(","))
}

/// Text that no spreadsheet calculates. Full-width forms of the signs count too in some of them.
fn tame(text: &str) -> String {
    let text = plain(text);
    let formula = |c: char| matches!(c, '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}');
    if text.trim_start().starts_with(formula) { format!("'{text}") } else { text.into_owned() }
}

fn near(trial: &Trial, of: impl Fn(&Closeness) -> String) -> String {
    trial.closeness.as_ref().map(of).unwrap_or_default()
}

fn yes(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_becomes_text() {
        for formula in ["=HYPERLINK(\"x\")", "+1", "-1", "@SUM(A1)", " =1", "\u{ff1d}1"] {
            assert_eq!(tame(formula), format!("'{formula}"));
        }
        assert_eq!(tame("\t=1"), "\\t=1");
        assert_eq!(tame("memory/grow-past-limit"), "memory/grow-past-limit");
    }
}
