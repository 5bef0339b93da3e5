//! Workflow commands that GitHub turns into annotations at the place of the attack or of the policy.

use std::io;

use gauntlet_record::{GuestText, Record, Role, Severity, Trial, Verdict};

use crate::summary::{Summary, advice, run_line, trials};
use crate::text::{Piece, count, guest as cut_guest, plain};
use crate::{Options, WriteError};

/// GitHub shows ten errors and ten warnings of a step, and nothing says which it leaves out.
const MOST: usize = 10;

pub(crate) fn write(record: &Record, _: &Options, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let summary = Summary::of(record);
    let lint = |severe: bool| {
        record
            .findings
            .iter()
            .filter(
                move |finding| {
                    if severe { finding.severity >= Severity::High } else { finding.severity == Severity::Medium }
                },
            )
            .map(move |finding| {
                let level = if severe { "error" } else { "warning" };
                let message = escape(&format!("{}. {}", finding.message, finding.fix));
                let place = format!(
                    "file={},line={},endLine={},col={}",
                    property(&finding.location.file),
                    finding.location.line,
                    finding.location.end_line,
                    finding.location.column
                );
                format!("::{level} {place},title={}::{message}", property(&finding.rule))
            })
    };
    let worst: Vec<String> = trials(record, Verdict::Breached)
        .into_iter()
        .map(breach)
        .chain(lint(true))
        .chain(trials(record, Verdict::Inconclusive).into_iter().map(open))
        .chain(lint(false))
        .collect();

    let mut text = String::new();
    for line in worst.iter().take(MOST) {
        text.push_str(line);
        text.push('\n');
    }
    if worst.len() > MOST {
        text.push_str(&format!("::notice title=Gauntlet::and {} more; the report has them all\n", worst.len() - MOST));
    }
    let level = if record.complete { "notice" } else { "error" };
    let result = format!(
        "{}. Exit code {}: {}. {}",
        summary.sentence,
        summary.exit,
        summary.meaning(),
        run_line(record).join(", ")
    );
    text.push_str(&format!(
        "::{level} title={}::{}\n",
        property(&format!("Gauntlet: {}", summary.word)),
        escape(&result)
    ));
    let missed =
        record.mutation.as_ref().map_or(0, |score| score.mutations.iter().filter(|mutation| !mutation.caught).count());
    if missed > 0 {
        text.push_str(&format!("::error title=Gauntlet selftest::{} not caught\n", count(missed, "broken executor")));
    }
    out.write_all(text.as_bytes())?;
    Ok(())
}

fn breach(trial: &Trial) -> String {
    let known = trial.known.as_ref().map(|known| format!(" Known gap: {}", known.reason)).unwrap_or_default();
    annotation("error", trial, "breached", &known)
}

fn open(trial: &Trial) -> String {
    annotation("warning", trial, "inconclusive", &format!(" {}", advice(trial.why)))
}

fn annotation(level: &str, trial: &Trial, word: &str, more: &str) -> String {
    let title = format!("{word}: {} on {}", trial.attack, trial.target);
    let mut message = escape(&format!("{}: {}.{more}", trial.title, trial.reason));
    if let Some(detail) = trial.run(Role::Attack).and_then(|run| run.end.detail.as_ref()) {
        message.push_str(" The attack run ended with: ");
        for piece in cut_guest(detail) {
            message.push_str(&match piece {
                Piece::Plain(text) => escape(&text),
                Piece::Guest(text) => guest(text),
            });
        }
    }
    format!("::{level} file={},line=1,title={}::{message}", property(&trial.file), property(&title))
}

/// A guest's text. The one place where escaping that was lifted on purpose shows.
fn guest(text: &GuestText) -> String {
    if text.is_raw() { text.as_str().to_owned() } else { escape(text.as_str()) }
}

fn escape(text: &str) -> String {
    plain(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escape(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use gauntlet_record::example;

    #[test]
    fn a_property_cannot_end_itself_and_a_message_cannot_end_its_line() {
        let mut record = example();
        record.trials[1].attack = "a,file=x::b%".into();
        record.trials[1].reason = "one\ntwo\r::set-output name=x::y".into();
        let mut out = Vec::new();
        write(&record, &Options::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("::error file=attacks/files-read/dot-dot/attack.yaml,line=1,title=breached%3A a%2Cfile=x%3A%3Ab%25 on worker::"));
        assert!(text.contains("one\\ntwo\\r::set-output"));
        assert!(text.lines().all(|line| line.starts_with("::error ")
            || line.starts_with("::warning ")
            || line.starts_with("::notice ")));
    }

    #[test]
    fn ten_annotations_are_the_most_and_breaches_come_first() {
        let mut record = example();
        let (breached, open) = (record.trials[1].clone(), record.trials[2].clone());
        record.trials = std::iter::repeat_n(open, 9).chain(std::iter::repeat_n(breached, 9)).collect();
        let mut out = Vec::new();
        write(&record, &Options::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with("::error ")).count(), 10);
        assert!(text.contains("::notice title=Gauntlet::and 9 more"));
    }
}
