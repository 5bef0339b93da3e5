//! What persons answered: a YAML file, read like a policy and believed only as far as it goes.

use std::collections::BTreeSet;

use gauntlet_policy::Reader;
use gauntlet_policy::document::{self, Node, Span};

use crate::controls::Controls;
use crate::day::{between, day};
use crate::model::{Answer, Reply};

/// After how many days an answer has to be given again.
const MOST_DAYS: i64 = 366;
/// Most characters of a note.
const MAX_NOTE: usize = 2_000;

/// Answers that cannot be used. Nothing of the file is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswersError {
    /// The file has faults.
    #[error("line {line}: {message}")]
    Fault {
        /// Where the first one is.
        line: u32,
        /// What it is.
        message: String,
    },
    /// An answer is not one that can be given.
    #[error("line {line}, answer to `{answer}`: {message}")]
    Refused {
        /// Where.
        line: u32,
        /// What it answers.
        answer: String,
        /// Why not.
        message: String,
    },
}

/// Reads answers. `persons`, if not empty, are those who may answer, besides the file's own list; `now` is the time of the audit.
///
/// # Errors
///
/// If the file has faults, or one answer is from an unknown person, from the future, too old, or to something that nobody was asked.
pub fn answers(text: &str, controls: &Controls, persons: &[String], now: &str) -> Result<Vec<Answer>, AnswersError> {
    let mut reader = Reader::default();
    let node = document::parse(text).map_err(|faults| fault(&faults))?;
    let (mut listed, mut items): (Vec<String>, &[Node]) = (Vec::new(), &[]);
    let mut version = None;
    for entry in reader.entries("answers", &node, &["version", "persons", "answers"]) {
        match entry.key.value.as_str() {
            "version" => version = reader.word("version", &entry.value, &[("1", 1)]),
            "persons" => listed = reader.texts("persons", &entry.value).into_iter().map(|text| text.value).collect(),
            _ => items = reader.items("answers", &entry.value),
        }
    }
    let mut found = Vec::new();
    for item in items {
        found.push((item.span, read(item, &mut reader)));
    }
    if version.is_none() && reader.faults.is_empty() {
        reader.fault("missing-key", "`version` is missing", "Write `version: 1`.", node.span);
    }
    if !reader.faults.is_empty() {
        return Err(fault(&reader.faults));
    }
    // Who was named on the command line outranks who names themselves in the file.
    let allowed: Option<&[String]> = match (persons, listed.as_slice()) {
        ([], []) => None,
        ([], listed) => Some(listed),
        (persons, _) => Some(persons),
    };
    let mut seen = BTreeSet::new();
    let mut good = Vec::new();
    for (span, answer) in found {
        let answer =
            answer.ok_or_else(|| AnswersError::Fault { line: span.line, message: "a key is missing".into() })?;
        check(&answer, controls, allowed, now).map_err(|message| refused(span, &answer, message))?;
        if !seen.insert(answer.line.clone()) {
            return Err(refused(span, &answer, "it is answered twice".into()));
        }
        good.push(answer);
    }
    Ok(good)
}

fn refused(span: Span, answer: &Answer, message: String) -> AnswersError {
    AnswersError::Refused { line: span.line, answer: answer.line.clone(), message }
}

fn fault(faults: &[gauntlet_policy::Fault]) -> AnswersError {
    let first = faults.first();
    AnswersError::Fault {
        line: first.map_or(1, |fault| fault.span.line),
        message: first.map_or_else(String::new, |fault| {
            format!("{}. {}", fault.message, fault.fix).trim_end_matches([' ', '.']).to_owned()
        }),
    }
}

fn read(node: &Node, reader: &mut Reader) -> Option<Answer> {
    const TEXTS: [&str; 4] = ["line", "by", "date", "note"];
    let replies = [Reply::Yes, Reply::No, Reply::NotApplicable, Reply::Accepted].map(|reply| (reply.as_str(), reply));
    let mut texts: [Option<String>; 4] = Default::default();
    let mut reply = None;
    for entry in reader.entries("answer", node, &["line", "by", "date", "note", "answer"]) {
        let key = entry.key.value.as_str();
        match TEXTS.iter().position(|name| *name == key) {
            Some(at) => texts[at] = reader.text(key, &entry.value).map(|text| text.value),
            None => reply = reader.word("answer", &entry.value, &replies),
        }
    }
    for (name, text) in TEXTS.iter().zip(&texts) {
        if text.as_ref().is_none_or(|text| text.trim().is_empty()) {
            reader.fault(
                "missing-key",
                format!("an answer without `{name}`"),
                "Nobody can judge it without.",
                node.span,
            );
        }
    }
    if reply.is_none() {
        reader.fault("missing-key", "an answer without `answer`", "", node.span);
    }
    let [line, by, date, note] = texts;
    Some(Answer { line: line?, answer: reply?.value, by: by?, date: date?, note: note? })
}

fn check(answer: &Answer, controls: &Controls, allowed: Option<&[String]>, now: &str) -> Result<(), String> {
    let risk = controls.checklist.risks.iter().any(|risk| risk.id == answer.line);
    if !controls.questions().any(|(id, _)| id == answer.line) {
        let line = controls.checklist.lines().any(|(_, line)| line.id == answer.line);
        return Err(if line {
            "evidence decides this line, and no person can"
        } else {
            "there is no such line or risk"
        }
        .into());
    }
    if risk != (answer.answer == Reply::Accepted) {
        return Err(format!("`{}` is no answer to it", answer.answer.as_str()));
    }
    if allowed.is_some_and(|allowed| !allowed.contains(&answer.by)) {
        return Err(format!("`{}` is not among the persons who may answer", answer.by));
    }
    if answer.by.chars().count() > 200 || answer.note.chars().count() > MAX_NOTE {
        return Err(format!("a name or note of more than 200 or {MAX_NOTE} characters"));
    }
    let given =
        day(&answer.date).filter(|_| answer.date.len() == 10).ok_or("its date is not a day, as `2026-01-31`")?;
    let today = day(now).ok_or("the time of the audit is not known, so no date can be judged")?;
    match between(given, today) {
        ..0 => Err(format!("its date, {}, is in the future", answer.date)),
        0..=MOST_DAYS => Ok(()),
        days => Err(format!("it is {days} days old; after {MOST_DAYS} it has to be given again")),
    }
}
