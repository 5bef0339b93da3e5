//! OSCAL 1.1 assessment results: an observation a trial, a finding a limit or grant.
//!
//! Every object is closed, an empty array is an error, an identifier is a UUID of version 4 or 5, and a status is satisfied or not:
//! what is not proved is not satisfied, for another reason than a failure. A plan of the assessment is asked for; ours is the corpus,
//! named by its digest at the end. Source: the JSON Schema of `usnistgov/OSCAL`, assessment results.

use std::collections::BTreeMap;
use std::io;

use gauntlet_record::{Guarantee, Proof, Record, Trial, Verdict, digest, guarantees};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::json::pretty;
use super::markdown::prose;
use super::sarif::in_repository;
use crate::summary::{Summary, advice, run_line};
use crate::text::plain;
use crate::time::or_epoch;
use crate::{Options, WriteError};

/// The version that most readers know.
const VERSION: &str = "1.1.3";

pub(crate) fn write(record: &Record, _: &Options, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let ids = Ids::of(record);
    let summary = Summary::of(record);
    let start = or_epoch(&record.started);
    let end = or_epoch(record.finished.as_deref().unwrap_or(start));
    let mut about: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    let mut observations = Vec::new();
    for (index, trial) in record.trials.iter().enumerate().filter(|(_, trial)| trial.verdict != Verdict::Unsupported) {
        let uuid = ids.of_trial(index);
        for subject in &trial.subjects {
            about.entry(subject).or_default().push(json!({ "observation-uuid": uuid }));
        }
        observations.push(observation(record, trial, &uuid, &ids, end));
    }
    let rows = guarantees(record);
    let findings: Vec<Value> = rows.iter().enumerate().map(|(index, row)| finding(index, row, &ids, &about)).collect();
    let mut result = json!({
        "uuid": ids.make("result"),
        "title": string(&format!("Gauntlet: {}", summary.word)),
        "description": string(&format!("{}. {}", summary.sentence, run_line(record).join(", "))),
        "start": start,
        "end": end,
        "reviewed-controls": { "control-selections": [{ "include-all": {} }] },
    });
    let mut add = |key: &str, list: Vec<Value>| {
        if let (false, Some(result)) = (list.is_empty(), result.as_object_mut()) {
            result.insert(key.to_owned(), list.into());
        }
    };
    add("observations", observations);
    add("findings", findings);
    let targets: Vec<Value> = record
        .targets
        .iter()
        .enumerate()
        .map(|(index, target)| {
            json!({
                "uuid": ids.make(&format!("target/{index}")),
                "type": "software",
                "title": string(&target.name),
                "description": string(&format!("{} {}", target.engine, target.version)),
                "status": { "state": "operational" },
            })
        })
        .collect();
    if let (false, Some(result)) = (targets.is_empty(), result.as_object_mut()) {
        result.insert("local-definitions".to_owned(), json!({ "components": targets }));
    }
    let document = json!({
        "assessment-results": {
            "uuid": ids.make("document"),
            "metadata": {
                "title": "Attacks on a WebAssembly sandbox, with their controls",
                "last-modified": end,
                "version": string(&record.tool.version),
                "oscal-version": VERSION,
            },
            "import-ap": { "href": format!("#{}", ids.make("plan")) },
            "results": [result],
            "back-matter": { "resources": [
                resource(&ids.make("plan"), "The corpus of attacks, which is the plan of this assessment", "attacks", &record.corpus.sha256),
                resource(&ids.make("policy"), &format!("The policy under test: {}", record.policy.name), &record.policy.name, &record.policy.sha256),
                resource(&ids.make("record"), "The record that all of this is a function of", "record.json", ""),
            ] },
        },
    });
    pretty(&document, out)
}

fn observation(record: &Record, trial: &Trial, uuid: &str, ids: &Ids, collected: &str) -> Value {
    let advice = match trial.verdict {
        Verdict::Inconclusive => format!(" {}", advice(trial.why)),
        Verdict::Contained | Verdict::Breached | Verdict::Unsupported => String::new(),
    };
    let mut props = vec![
        json!({ "name": "verdict", "value": trial.verdict.as_str() }),
        json!({ "name": "attack", "value": token_value(&trial.attack) }),
        json!({ "name": "weakness", "value": token_value(&trial.weakness) }),
        json!({ "name": "witnessed", "value": if trial.witnessed { "yes" } else { "no" } }),
    ];
    if let Some(layer) = trial.layer {
        props.push(json!({ "name": "layer", "value": layer.as_str() }));
    }
    let mut observation = json!({
        "uuid": uuid,
        "title": string(&format!("{} on {}", trial.attack, trial.target)),
        "description": string(&format!("{}: {}.{advice}", trial.title, trial.reason)),
        "props": props,
        "methods": ["TEST"],
        "relevant-evidence": [{ "href": format!("#{}", ids.make("record")), "description": "The trial of this name in the record." }],
        "collected": collected,
    });
    let target = record.targets.iter().position(|target| target.name == trial.target);
    if let (Some(target), Some(observation)) = (target, observation.as_object_mut()) {
        let subject = json!([{ "subject-uuid": ids.make(&format!("target/{target}")), "type": "component" }]);
        observation.insert("subjects".to_owned(), subject);
    }
    observation
}

fn finding(index: usize, row: &Guarantee, ids: &Ids, about: &BTreeMap<&str, Vec<Value>>) -> Value {
    let status = match row.proof {
        Proof::Pass => json!({ "state": "satisfied", "reason": "pass" }),
        Proof::Fail => json!({ "state": "not-satisfied", "reason": "fail" }),
        Proof::NotProved => json!({ "state": "not-satisfied", "reason": "other" }),
    };
    let note = if row.note.is_empty() { String::new() } else { format!(": {}", row.note) };
    let mut finding: Map<String, Value> = Map::new();
    let mut add = |key: &str, value: Value| finding.insert(key.to_owned(), value);
    add("uuid", ids.make(&format!("finding/{index}")).into());
    add("title", string(&format!("{} = {}", row.key, row.value)).into());
    add(
        "description",
        string(&format!("{}{note}. {} of {} attacks witnessed.", row.proof.as_str(), row.witnessed, row.attacks.len()))
            .into(),
    );
    add("target", json!({ "type": "objective-id", "target-id": token(&row.key), "status": status }));
    if let Some(observations) = about.get(row.key.as_str()) {
        add("related-observations", observations.clone().into());
    }
    finding.into()
}

fn resource(uuid: &str, title: &str, path: &str, sha256: &str) -> Value {
    let mut link = json!({ "href": in_repository(path, "unknown") });
    let is_digest = sha256.len() == 64 && sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if let (true, Some(link)) = (is_digest, link.as_object_mut()) {
        link.insert("hashes".to_owned(), json!([{ "algorithm": "SHA-256", "value": sha256 }]));
    }
    json!({ "uuid": uuid, "title": string(title), "rlinks": [link] })
}

/// Text in which Markdown marks are escaped, without white space around it, and never empty.
fn string(text: &str) -> String {
    let text = prose(text);
    let text = text.trim();
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

/// A value that is no Markdown.
fn token_value(text: &str) -> String {
    let text = plain(text);
    let text = text.trim();
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

/// A name as OSCAL spells names: a letter, then letters, digits, dots, dashes and underscores.
fn token(text: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let name: String = text.chars().take(200).map(kept).collect();
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("_{name}") }
}

/// Identifiers that follow from the record, so that the same record gives the same document.
struct Ids {
    space: Uuid,
}

impl Ids {
    fn of(record: &Record) -> Self {
        let name = format!(
            "urn:gauntlet:record:{}",
            digest(
                format!(
                    "{}\n{}\n{}\n{}\n{}",
                    record.started,
                    record.seed,
                    record.policy.sha256,
                    record.corpus.sha256,
                    record.trials.len()
                )
                .as_bytes()
            )
        );
        Self { space: Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()) }
    }

    fn make(&self, name: &str) -> String {
        Uuid::new_v5(&self.space, name.as_bytes()).to_string()
    }

    fn of_trial(&self, index: usize) -> String {
        self.make(&format!("trial/{index}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_oscal_takes() {
        assert_eq!(token("limits.memory"), "limits.memory");
        assert_eq!(token("9 lives/é"), "_9_lives__");
        assert_eq!(token(""), "_");
        assert_eq!(string(" \n"), "\\\\n");
        assert_eq!(string("  "), "-");
    }

    #[test]
    fn identifiers_are_of_version_5_and_follow_from_the_record() {
        let ids = Ids::of(&gauntlet_record::example());
        assert_eq!(&ids.make("a")[14..15], "5");
        assert_eq!(ids.make("a"), Ids::of(&gauntlet_record::example()).make("a"));
        assert_ne!(ids.make("a"), ids.make("b"));
    }
}
