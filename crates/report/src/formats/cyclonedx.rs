//! CycloneDX 1.6 declarations: a requirement a limit or grant, claims with evidence, and counter-claims with counter-evidence.
//!
//! A requirement that no trial shows either way has no claim and no score: without evidence nothing is claimed. (OpenVEX is no format
//! here: a run of attacks never says that a product is not affected by a vulnerability; a person may, in a waiver.)
//! Source: the JSON Schema of CycloneDX 1.6, `declarations` and `definitions`.

use std::collections::BTreeMap;
use std::io;

use gauntlet_record::{Proof, Record, Trial, Verdict, digest, guarantees};
use serde_json::{Value, json};
use uuid::Uuid;

use super::json::pretty;
use crate::summary::{Summary, run_line};
use crate::text::plain;
use crate::time::or_epoch;
use crate::{Options, WriteError};

pub(crate) fn write(record: &Record, _: &Options, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let summary = Summary::of(record);
    let time = or_epoch(record.finished.as_deref().unwrap_or(&record.started));
    let text = |text: &str| plain(text).into_owned();
    let mut about: BTreeMap<(&str, &str, Verdict), Vec<String>> = BTreeMap::new();
    let mut evidence = Vec::new();
    for (index, trial) in record.trials.iter().enumerate() {
        if matches!(trial.verdict, Verdict::Contained | Verdict::Breached) {
            for subject in &trial.subjects {
                about.entry((subject, &trial.target, trial.verdict)).or_default().push(format!("evidence-{index}"));
            }
            evidence.push(shown(index, trial, time));
        }
    }
    let (mut requirements, mut claims, mut map) = (Vec::new(), Vec::new(), Vec::new());
    for (index, row) in guarantees(record).iter().enumerate() {
        let requirement = format!("requirement-{index}");
        requirements.push(json!({
            "bom-ref": requirement,
            "identifier": text(&row.key),
            "title": text(&format!("{}: {}", row.key, row.value)),
            "text": text(&format!("The sandbox holds `{}` at {}.", row.key, row.value)),
        }));
        let (mut held, mut broken) = (Vec::new(), Vec::new());
        for (place, target) in record.targets.iter().enumerate() {
            let of =
                |verdict| about.get(&(row.key.as_str(), target.name.as_str(), verdict)).cloned().unwrap_or_default();
            let (contained, breached) = (of(Verdict::Contained), of(Verdict::Breached));
            let fails = !breached.is_empty();
            if !fails && (row.proof != Proof::Pass || contained.is_empty()) {
                continue;
            }
            let name = format!("claim-{index}-{place}");
            let says = if fails { "does not hold" } else { "holds" };
            let mut claim = json!({
                "bom-ref": name,
                "target": format!("target-{place}"),
                "predicate": text(&format!("{} {says} {} at {}", target.name, row.key, row.value)),
            });
            if let Some(claim) = claim.as_object_mut() {
                for (key, list) in
                    [("evidence", if fails { &breached } else { &contained }), ("counterEvidence", &contained)]
                {
                    if !list.is_empty() && (key == "evidence" || fails) {
                        claim.insert(key.to_owned(), json!(list));
                    }
                }
            }
            claims.push(claim);
            if fails { broken.push(name) } else { held.push(name) }
        }
        let mut entry = json!({ "requirement": format!("requirement-{index}") });
        if let Some(entry) = entry.as_object_mut() {
            let score = match row.proof {
                Proof::Pass if !held.is_empty() => Some(1),
                Proof::Fail => Some(0),
                Proof::Pass | Proof::NotProved => None,
            };
            for (key, list) in [("claims", held), ("counterClaims", broken)] {
                if !list.is_empty() {
                    entry.insert(key.to_owned(), json!(list));
                }
            }
            if let Some(score) = score {
                let rationale = format!(
                    "{}: {} attacks, {} of them witnessed",
                    row.proof.as_str(),
                    row.attacks.len(),
                    row.witnessed
                );
                entry.insert("conformance".to_owned(), json!({ "score": score, "rationale": rationale }));
            }
        }
        map.push(entry);
    }
    let targets: Vec<Value> =
        record.targets.iter().enumerate().map(|(place, target)| component(place, target)).collect();
    let name = format!("{}\n{}\n{}\n{}", record.started, record.seed, record.policy.sha256, record.corpus.sha256);
    let serial =
        Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("urn:gauntlet:record:{}", digest(name.as_bytes())).as_bytes());
    let bom = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{serial}"),
        "version": 1,
        "metadata": {
            "timestamp": time,
            "tools": { "components": [{ "type": "application", "name": "gauntlet", "version": text(&record.tool.version) }] },
        },
        "definitions": { "standards": [{
            "bom-ref": "policy",
            "name": text(&format!("Policy {}", record.policy.name)),
            "version": text(&record.policy.sha256),
            "description": "Every limit and grant of the policy under test, as a requirement.",
            "requirements": requirements,
        }] },
        "declarations": {
            "assessors": [{ "bom-ref": "assessor", "thirdParty": false }],
            "attestations": [{
                "summary": text(&format!("{}: {}. {}", summary.word, summary.sentence, run_line(record).join(", "))),
                "assessor": "assessor",
                "map": map,
            }],
            "claims": claims,
            "evidence": evidence,
            "targets": { "components": targets },
        },
    });
    pretty(&bom, out)
}

fn shown(index: usize, trial: &Trial, time: &str) -> Value {
    json!({
        "bom-ref": format!("evidence-{index}"),
        "propertyName": plain(&format!("{} on {}", trial.attack, trial.target)),
        "description": plain(&format!("{}: {}: {}", trial.verdict, trial.title, trial.reason)),
        "created": time,
    })
}

fn component(place: usize, target: &gauntlet_record::TargetInfo) -> Value {
    let mut component = json!({
        "bom-ref": format!("target-{place}"),
        "type": "application",
        "name": plain(&target.name),
        "version": plain(&format!("{} {}", target.engine, target.version)),
    });
    let digest = target
        .sha256
        .as_ref()
        .filter(|hex| hex.len() == 64 && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    if let (Some(digest), Some(component)) = (digest, component.as_object_mut()) {
        component.insert("hashes".to_owned(), json!([{ "alg": "SHA-256", "content": digest }]));
    }
    component
}
