//! Events of a run: one JSON object a line, appended and synced while the run goes on, so that a kill loses at most the trial in flight.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Lists, Record, Trial};

/// One line of the events file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The run began; the record so far, without trials.
    RunStarted {
        /// What is known before the first trial.
        record: Record,
        /// How many trials are planned.
        planned: u64,
    },
    /// A trial ended.
    TrialFinished {
        /// The trial.
        trial: Trial,
    },
    /// The run ended; nothing follows.
    RunFinished {
        /// Time, RFC 3339 in UTC.
        at: String,
    },
}

/// An events file that cannot be read back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// A line in the middle is not an event.
    #[error("line {line} is not an event: {source}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The file does not begin with the start of a run.
    #[error("the file does not begin with a `run-started` event")]
    NoStart,
}

/// Puts the record of a run together from its events. A last line that was cut off by a kill is left out; without an end event the
/// record is not complete, and its exit code is never 0.
///
/// # Errors
///
/// If a line other than the last is not an event, or the first is not the start of a run.
pub fn read_events(text: &str) -> Result<Record, EventError> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut record: Option<Record> = None;
    let mut lists = Lists::default();
    for (index, line) in lines.iter().enumerate() {
        let event = match serde_json::from_str::<Event>(line) {
            Ok(event) => event,
            Err(_) if index + 1 == lines.len() && !text.ends_with('\n') => break,
            Err(source) => return Err(EventError::Line { line: index + 1, source }),
        };
        match (event, &mut record) {
            (Event::RunStarted { record: started, .. }, None) => record = Some(Record { complete: false, ..started }),
            (Event::TrialFinished { mut trial }, Some(record)) => {
                lists.share(&mut trial);
                record.trials.push(trial);
            }
            (Event::RunFinished { at }, Some(record)) => {
                record.finished = Some(at);
                record.complete = true;
            }
            (Event::RunStarted { .. }, Some(_)) | (Event::TrialFinished { .. } | Event::RunFinished { .. }, None) => {
                return Err(EventError::NoStart);
            }
        }
    }
    let mut record = record.ok_or(EventError::NoStart)?;
    record.trials.sort_by(|a, b| (&a.target, &a.attack).cmp(&(&b.target, &b.attack)));
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    fn lines(end: bool) -> String {
        let record = example();
        let trials = record.trials.clone();
        let started =
            Event::RunStarted { planned: trials.len() as u64, record: Record { trials: Vec::new(), ..record } };
        let mut events = vec![started];
        events.extend(trials.into_iter().map(|trial| Event::TrialFinished { trial }));
        if end {
            events.push(Event::RunFinished { at: "2026-01-01T00:00:09Z".into() });
        }
        events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect()
    }

    #[test]
    fn a_finished_run_reads_back_whole() {
        let record = read_events(&lines(true)).unwrap();
        assert!(record.complete);
        assert_eq!(record.trials.len(), example().trials.len());
    }

    #[test]
    fn a_killed_run_keeps_what_had_finished_and_is_not_complete() {
        let text = lines(false);
        let cut = &text[..text.len() - 40];
        let record = read_events(cut).unwrap();
        assert!(!record.complete);
        assert_eq!(record.trials.len(), example().trials.len() - 1);
        assert_ne!(record.exit_code(), crate::exit::CLEAN);
    }

    #[test]
    fn a_broken_line_in_the_middle_is_an_error_that_names_it() {
        let text = lines(true).replacen("\"event\":\"trial-finished\"", "\"event\":\"tri", 1);
        assert!(matches!(read_events(&text), Err(EventError::Line { line: 2, .. })));
        assert!(matches!(read_events(""), Err(EventError::NoStart)));
    }
}
