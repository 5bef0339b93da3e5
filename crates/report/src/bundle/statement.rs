//! What is attested: in-toto statements, each a function of a record and of the files beside it.

use std::collections::BTreeSet;

use gauntlet_record::{Proof, Record, Role, Verdict, guarantees};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::merkle::{Hash, hex, root};
use crate::summary::Summary;
use crate::time::or_epoch;

/// The type of our own predicate.
const EVIDENCE: &str = "urn:gauntlet:evidence:1";
const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";
const SVR: &str = "https://in-toto.io/attestation/svr/v0.2";

/// The names of the attestations of a bundle, without what comes after the first dot.
pub(crate) const STEMS: [&str; 3] = ["evidence", "test-result", "svr"];

/// A file of a bundle, by digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Its path below the bundle, with forward slashes.
    pub(crate) name: String,
    /// SHA-256, in hex.
    pub(crate) sha256: String,
    /// Its size.
    pub(crate) bytes: u64,
}

/// The statements of a bundle, in the order of [`STEMS`].
pub(crate) fn statements(record: &Record, leaves: &[Hash], files: &[Entry]) -> [Value; 3] {
    let subject = subjects(record);
    let statement = |kind: &str, predicate: Value| json!({ "_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": kind, "predicate": predicate });
    [
        statement(EVIDENCE, evidence(record, leaves, files)),
        statement(TEST_RESULT, test_result(record)),
        statement(SVR, svr(record)),
    ]
}

/// The policy, the targets and the guests, each digest once.
fn subjects(record: &Record) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let mut subjects = Vec::new();
    let mut add = |name: String, sha256: &str| {
        if seen.insert(sha256.to_owned()) {
            subjects.push(resource(&name, sha256));
        }
    };
    add(format!("policy {}", record.policy.name), &record.policy.sha256);
    for target in &record.targets {
        if let Some(sha256) = &target.sha256 {
            add(format!("target {}", target.name), sha256);
        }
    }
    for trial in &record.trials {
        for guest in &trial.guests {
            let role = match guest.role {
                Role::Attack | Role::Live => "attack",
                Role::Benign => "benign",
            };
            add(format!("guest {} ({role})", trial.attack), &guest.sha256);
        }
    }
    subjects
}

fn resource(name: &str, sha256: &str) -> Value {
    json!({ "name": name, "digest": { "sha256": sha256 } })
}

/// Our own predicate: the record by digest, what it comes to, what it holds for, and every file of the bundle.
fn evidence(record: &Record, leaves: &[Hash], files: &[Entry]) -> Value {
    let summary = Summary::of(record);
    let targets: Vec<Value> = record
        .targets
        .iter()
        .map(|target| json!({ "name": target.name, "engine": target.engine, "version": target.version, "sha256": target.sha256 }))
        .collect();
    let mutation = record.mutation.as_ref().map(|score| json!({ "caught": score.caught, "total": score.total }));
    json!({
        "tool": { "name": record.tool.name, "version": record.tool.version },
        "summary": {
            "result": summary.word,
            "exitCode": summary.exit,
            "complete": record.complete,
            "contained": summary.contained,
            "breached": summary.breached,
            "inconclusive": summary.inconclusive,
            "unsupported": summary.unsupported,
            "witnessed": summary.witnessed,
            "findings": record.findings.len(),
            "mutation": mutation,
        },
        "holdsFor": {
            "os": record.host.os,
            "arch": record.host.arch,
            "kernel": record.host.kernel,
            "targets": targets,
            "policy": record.policy.sha256,
            "corpus": record.corpus.sha256,
            "started": record.started,
            "finished": record.finished,
        },
        "trials": { "tree": "RFC 6962", "hash": "sha256", "leaves": leaves.len(), "root": hex(&root(leaves)) },
        "files": files,
    })
}

/// What is not proved has failed: the statement has no word for it.
fn test_result(record: &Record) -> Value {
    let of = |verdicts: &[Verdict]| -> Vec<String> {
        let trials = record.trials.iter().filter(|trial| verdicts.contains(&trial.verdict));
        trials.map(|trial| format!("{} on {}", trial.attack, trial.target)).collect()
    };
    json!({
        "result": if record.exit_code() == gauntlet_record::exit::CLEAN { "PASSED" } else { "FAILED" },
        "configuration": [
            resource(&format!("policy {}", record.policy.name), &record.policy.sha256),
            resource("corpus of attacks", &record.corpus.sha256),
        ],
        "passedTests": of(&[Verdict::Contained]),
        "warnedTests": [],
        "failedTests": of(&[Verdict::Breached, Verdict::Inconclusive]),
    })
}

/// Only what is proved: every limit and grant that attacks were stopped by, at least one of them witnessed on this host.
fn svr(record: &Record) -> Value {
    let proved = |row: &gauntlet_record::Guarantee| row.proof == Proof::Pass && row.witnessed > 0;
    let name = |key: &str| {
        let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        format!("GAUNTLET_{}_HELD", key.chars().take(100).map(upper).collect::<String>())
    };
    let mut properties: Vec<String> = Vec::new();
    if record.complete && record.shard.is_none() {
        properties.extend(guarantees(record).iter().filter(|row| proved(row)).map(|row| name(&row.key)));
        if record.exit_code() == gauntlet_record::exit::CLEAN && record.count(Verdict::Contained) > 0 {
            properties.push("GAUNTLET_CORPUS_CONTAINED".to_owned());
        }
    }
    json!({
        "verifier": {
            "id": format!("urn:gauntlet:{}", record.tool.version),
            "policies": [resource(&format!("policy {}", record.policy.name), &record.policy.sha256)],
        },
        "timeCreated": or_epoch(record.finished.as_deref().unwrap_or(&record.started)),
        "properties": properties,
    })
}
