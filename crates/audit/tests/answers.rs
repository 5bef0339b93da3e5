//! What persons answer is believed only as far as it goes.
#![expect(clippy::unwrap_used, reason = "tests may")]

use gauntlet_audit::{Answer, AnswersError, Controls, answers};
use proptest::prelude::*;

const NOW: &str = "2026-11-21T10:00:00Z";

fn read(text: &str, persons: &[&str]) -> Result<Vec<Answer>, AnswersError> {
    let persons: Vec<String> = persons.iter().map(|name| (*name).to_owned()).collect();
    answers(text, &Controls::embedded().unwrap(), &persons, NOW)
}

fn one(line: &str, answer: &str, by: &str, date: &str) -> String {
    format!(
        "version: 1\nanswers:\n  - line: {line}\n    answer: \"{answer}\"\n    by: {by}\n    date: {date}\n    note: the list is read each morning\n"
    )
}

#[test]
fn an_answer_has_name_date_and_note() {
    let found = read(&one("A1.subscribed", "yes", "Test Person", "2026-11-20"), &[]).unwrap();
    assert_eq!((found[0].by.as_str(), found[0].date.as_str()), ("Test Person", "2026-11-20"));
    for missing in ["by", "date", "note", "line", "answer"] {
        let text: String = one("A1.subscribed", "yes", "Test Person", "2026-11-20")
            .lines()
            .map(|line| line.replacen("  - line:", "  -\n    line:", 1) + "\n")
            .collect::<String>()
            .lines()
            .filter(|line| !line.trim_start().starts_with(&format!("{missing}:")))
            .map(|line| format!("{line}\n"))
            .collect();
        assert!(read(&text, &[]).is_err(), "{missing}:\n{text}");
    }
}

#[test]
fn hostile_answers_are_refused() {
    let refused = [
        (one("A1.subscribed", "yes", "Test Person", "2026-11-22"), "in the future"),
        (one("A1.subscribed", "yes", "Test Person", "2025-11-01"), "given again"),
        (one("A1.subscribed", "yes", "Test Person", "2026-02-30"), "not a day"),
        (one("A1.subscribed", "yes", "Test Person", "2026-11-20T00:00:00Z"), "not a day"),
        (one("A1.fuel", "yes", "Test Person", "2026-11-20"), "evidence decides"),
        (one("A9.none", "yes", "Test Person", "2026-11-20"), "no such line"),
        (one("A1.subscribed", "accepted", "Test Person", "2026-11-20"), "no answer to it"),
        (one("risk.cpu", "yes", "Test Person", "2026-11-20"), "no answer to it"),
    ];
    for (text, why) in refused {
        let error = read(&text, &[]).unwrap_err().to_string();
        assert!(error.contains(why), "{why}: {error}");
    }
}

#[test]
fn only_those_who_may_answer_do() {
    let text = one("A1.subscribed", "yes", "Test Person", "2026-11-20");
    assert!(read(&text, &["Test Person"]).is_ok());
    assert!(read(&text, &["Another"]).unwrap_err().to_string().contains("not among"));
    let listed = text.replacen("answers:", "persons: [Another]\nanswers:", 1);
    assert!(read(&listed, &[]).is_err());
    // Who names themselves in the file is not let in by that where the command line says who is.
    let own = text.replacen("answers:", "persons: [Test Person]\nanswers:", 1);
    assert!(read(&own, &["Another"]).is_err());
    assert!(read(&own, &[]).is_ok());
}

#[test]
fn one_line_is_answered_once() {
    let text = one("A1.subscribed", "yes", "Test Person", "2026-11-20");
    let twice = format!("{text}{}", text.split_once("answers:\n").unwrap().1);
    assert!(read(&twice, &[]).unwrap_err().to_string().contains("twice"));
}

proptest! {
    #[test]
    fn garbage_is_refused_and_never_believed(text in "\\PC{0,400}|[ -~\\n]{0,400}") {
        if let Ok(found) = read(&text, &[]) {
            prop_assert!(found.is_empty() || text.contains("by"), "{found:?}");
        }
    }
}
