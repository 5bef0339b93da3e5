//! What must never reach a report, looked for in every format: the measuring side of the attacks on the report.

use std::collections::BTreeSet;

use gauntlet_record::{GuestText, Record};

use crate::{Format, Options};

/// What opens a command to a CI server. `::` does so at the start of a line, white space aside; the others do anywhere.
const COMMANDS: &[&str] = &["##[", "##vso[", "##teamcity["];

/// Words with which other tools, and we, state a result.
const RESULTS: &[&str] = &["not ok ", "PASS", "FAIL", "test result:", "{\"verdict\""];

/// Markup that runs code, in a guest's text.
const MARKUP: &[&str] = &["<script", "<img", "<svg", "<iframe", "onmouseover=", "javascript:"];

/// Renders a record in every format and names the raw payloads of guests found in it, each once: `raw-control`, `markup`,
/// `ci-command`, `forged`. Empty where every format escaped what it showed.
#[must_use]
pub fn payloads(record: &Record) -> Vec<String> {
    let mut found = BTreeSet::new();
    let tame = harmless(record);
    let texts = guest_texts(record);
    for (format, text) in renderings(record) {
        if text.chars().any(is_control) {
            found.insert("raw-control");
        }
        match format {
            Format::Html => {
                let injected = tags(&text) != tags(&render(&tame, Format::Html));
                let verbatim = texts.iter().any(|guest| is_markup(guest.as_str()) && text.contains(guest.as_str()));
                if injected || verbatim {
                    found.insert("markup");
                }
            }
            // Each of its lines is a command of ours: one more than a harmless guest gives is not.
            Format::Github => {
                if lines(&text).count() != lines(&render(&tame, Format::Github)).count() {
                    found.insert("ci-command");
                }
            }
            Format::Human
            | Format::Markdown
            | Format::Jobsummary
            | Format::Json
            | Format::Junit
            | Format::Sarif
            | Format::Gitlab
            | Format::Csv
            | Format::Ctrf
            | Format::Oscal
            | Format::Cyclonedx => {
                if lines(&text).any(is_command) {
                    found.insert("ci-command");
                }
            }
        }
        if matches!(format, Format::Human | Format::Markdown | Format::Jobsummary)
            && texts.iter().any(|guest| forges(guest.as_str(), &text))
        {
            found.insert("forged");
        }
    }
    found.into_iter().map(str::to_owned).collect()
}

/// Bytes of the largest rendering of a record.
#[must_use]
pub fn largest(record: &Record) -> u64 {
    renderings(record).iter().map(|(_, text)| text.len() as u64).max().unwrap_or(0)
}

fn renderings(record: &Record) -> Vec<(Format, String)> {
    Format::ALL.iter().map(|format| (*format, render(record, *format))).collect()
}

fn render(record: &Record, format: Format) -> String {
    let options = Options { verbose: true, ..Options::default() };
    let mut out = Vec::new();
    crate::write(record, format, &options, &mut out).expect("memory takes what is written and a record is plain data");
    String::from_utf8(out).expect("formats are written from strings")
}

/// The lines of a text as terminals and CI servers see them: a lone carriage return begins one too.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', '\r'])
}

/// A control character that no report holds, or one that reverses the order of text.
fn is_control(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_command(line: &str) -> bool {
    line.trim_start().starts_with("::") || COMMANDS.iter().any(|command| line.contains(command))
}

/// Text that an HTML page must not hold as it is.
fn is_markup(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    text.contains(['<', '>', '"', '\'', '&']) && MARKUP.iter().any(|mark| lower.contains(mark))
}

/// Whether a guest's text has a line of its own in a page, other than its first, that states a result.
fn forges(guest: &str, page: &str) -> bool {
    lines(guest)
        .skip(1)
        .map(str::trim)
        .filter(|line| states_result(line))
        .any(|forged| lines(page).any(|line| line.trim().starts_with(forged)))
}

fn states_result(line: &str) -> bool {
    RESULTS.iter().any(|word| line.starts_with(word))
        || line.strip_prefix("ok ").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The elements of a page with the names of their attributes, in order. Two pages of one template differ in them only where a text
/// was taken for markup.
fn tags(html: &str) -> Vec<String> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')) {
            continue;
        }
        let mut quote = None;
        let mut tag = String::new();
        for c in rest.chars() {
            match (quote, c) {
                (Some(open), c) if c == open => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(c),
                (None, '>') => break,
                (None, c) => tag.push(c),
            }
        }
        tags.push(tag);
    }
    tags
}

fn guest_texts(record: &Record) -> Vec<&GuestText> {
    let mut texts = Vec::new();
    for run in record.trials.iter().flat_map(|trial| &trial.runs) {
        texts.extend(run.denials.iter().map(|denial| &denial.asked));
        texts.extend(&run.measured.changed);
        texts.extend(&run.end.detail);
        texts.extend([&run.stdout, &run.stderr]);
    }
    texts
}

/// The same record with a harmless word for each text of a guest.
fn harmless(record: &Record) -> Record {
    let mut record = record.clone();
    let tame = |text: &mut GuestText| {
        if !text.as_str().is_empty() {
            *text = GuestText::name("x");
        }
    };
    for run in record.trials.iter_mut().flat_map(|trial| &mut trial.runs) {
        run.denials.iter_mut().for_each(|denial| tame(&mut denial.asked));
        run.measured.changed.iter_mut().for_each(tame);
        run.end.detail.iter_mut().for_each(tame);
        tame(&mut run.stdout);
        tame(&mut run.stderr);
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use gauntlet_record::example;

    fn with_stdout(text: &[u8]) -> Vec<String> {
        let mut record = example();
        record.trials[0].runs[0].stdout = GuestText::unescaped(text);
        payloads(&record)
    }

    #[test]
    fn an_escaped_record_holds_no_payload() {
        assert_eq!(payloads(&example()), Vec::<String>::new());
    }

    #[test]
    fn each_raw_payload_is_found() {
        assert_eq!(with_stdout(b"a\x1b[31mb"), ["raw-control"]);
        assert_eq!(with_stdout("a\u{202e}b".as_bytes()), ["raw-control"]);
        assert_eq!(with_stdout("a\u{9b}b".as_bytes()), ["raw-control"]);
        assert_eq!(with_stdout(b"<script>alert(1)</script>"), ["markup"]);
        assert_eq!(with_stdout(b"<b>bold</b>"), ["markup"]);
        assert_eq!(with_stdout(b"x\" onmouseover=\"alert(1)"), ["markup"]);
        assert_eq!(with_stdout(b"a\n::error::forged"), ["ci-command"]);
        assert_eq!(with_stdout(b"a\n  ::error::forged"), ["ci-command"]);
        assert_eq!(with_stdout(b"##vso[task.complete result=Succeeded;]"), ["ci-command"]);
        assert_eq!(with_stdout(b"##teamcity[testFailed]"), ["ci-command"]);
        for forged in
            ["ok 1 - all", "not ok 1", "PASS limits.memory", "FAIL", "test result: ok", "{\"verdict\":\"contained\"}"]
        {
            assert_eq!(with_stdout(format!("a\n{forged}").as_bytes()), ["forged"], "{forged}");
        }
    }

    #[test]
    fn a_raw_detail_of_a_breach_breaks_the_annotation() {
        let mut record = example();
        record.trials[1].runs[0].end.detail = Some(GuestText::unescaped(b"x\n::stop-commands::y"));
        assert_eq!(payloads(&record), ["ci-command"]);
    }

    #[test]
    fn harmless_words_are_no_payload_even_unescaped() {
        assert_eq!(with_stdout(b"PASS onmouseover= ok 1 : :: # a\nsecond line"), Vec::<String>::new());
    }

    #[test]
    fn the_largest_rendering_grows_with_what_a_guest_wrote() {
        let small = largest(&example());
        let mut record = example();
        record.trials[0].runs[0].stdout = GuestText::unescaped(&vec![b'x'; 1 << 20]);
        assert!(largest(&record) > small + (1 << 20));
    }
}
