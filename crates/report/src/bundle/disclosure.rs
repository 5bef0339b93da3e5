//! One trial of a bundle, shown and proved without the rest.

use gauntlet_record::Trial;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dsse::{Envelope, short};
use super::keys::PublicKey;
use super::merkle::{climb, hex, leaf, leaves, path, unhex};
use super::statement::STEMS;
use super::verify::Verification;
use super::{BundleError, Files, SIGNED, SIGNER, UNSIGNED};

const SCHEMA: &str = "gauntlet.disclosure/1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Disclosure {
    schema: String,
    /// Where the trial stands among those of the record, from 0, and how many these are.
    index: u64,
    of: u64,
    /// The hashes beside the way from the trial to the root, in hex, the lowest first.
    path: Vec<String>,
    trial: Trial,
    /// The evidence statement that names the root.
    attestation: Envelope,
    /// The public key, as PEM; absent where nobody signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signer: Option<String>,
}

/// One trial of a bundle with what proves it, as JSON. Of the others it tells the names of their attacks, in the statement, and nothing else.
///
/// # Errors
///
/// If it is no bundle, or there is no such trial.
pub fn disclose(files: &dyn Files, attack: &str, target: Option<&str>) -> Result<String, BundleError> {
    let (_, record) = super::payloads(files)?;
    let is_it = |trial: &Trial| trial.attack == attack && target.is_none_or(|target| trial.target == target);
    let mut found = record.trials.iter().enumerate().filter(|(_, trial)| is_it(trial));
    let (index, trial) = found.next().ok_or_else(|| BundleError::NoTrial(attack.to_owned()))?;
    if found.next().is_some() {
        return Err(BundleError::SeveralTrials(attack.to_owned()));
    }
    let all = leaves(&record.trials).map_err(BundleError::NoDisclosure)?;
    let stem = STEMS[0];
    let (attestation, signer) = match files.read(&format!("{stem}{SIGNED}")) {
        Ok(bytes) => {
            let envelope: Envelope = serde_json::from_slice(&bytes).map_err(BundleError::NoDisclosure)?;
            (envelope, files.read(SIGNER).ok().and_then(|pem| String::from_utf8(pem).ok()))
        }
        Err(_) => {
            let statement = files.read(&format!("{stem}{UNSIGNED}")).map_err(|_| BundleError::NoAttestation)?;
            (Envelope::unsigned(&statement), None)
        }
    };
    let disclosure = Disclosure {
        schema: SCHEMA.to_owned(),
        index: index as u64,
        of: all.len() as u64,
        path: path(&all, index).iter().map(|hash| hex(hash)).collect(),
        trial: trial.clone(),
        attestation,
        signer,
    };
    Ok(serde_json::to_string_pretty(&disclosure).map_err(BundleError::NoDisclosure)? + "\n")
}

/// Verifies a disclosed trial.
///
/// # Errors
///
/// If it is none.
pub fn verify_disclosure(bytes: &[u8], key: Option<&PublicKey>) -> Result<Verification, BundleError> {
    let disclosure: Disclosure = serde_json::from_slice(bytes).map_err(BundleError::NoDisclosure)?;
    let trial = &disclosure.trial;
    let mut found = Verification {
        says: format!("{} on {}: {}: {}", trial.attack, trial.target, trial.verdict, trial.reason),
        ..Verification::default()
    };
    if disclosure.schema != SCHEMA {
        found.broken.push(format!("its schema is not `{SCHEMA}`"));
    }
    let statement = match statement(&disclosure, key, &mut found) {
        Ok(statement) => statement,
        Err(why) => {
            found.broken.push(format!("its attestation {why}"));
            Value::Null
        }
    };
    let trials = &statement["predicate"]["trials"];
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let hashes: Option<Vec<_>> = disclosure.path.iter().take(64).map(|text| unhex(text)).collect();
    let root = leaf(trial)
        .ok()
        .zip(hashes)
        .and_then(|(leaf, hashes)| climb(leaf, number(disclosure.index), number(disclosure.of), &hashes));
    let proved = root.is_some_and(|root| trials["root"].as_str() == Some(hex(&root).as_str()))
        && trials["leaves"].as_u64() == Some(disclosure.of);
    if proved {
        found.checked.push(format!(
            "it is trial {} of the {} that were attested, unchanged",
            disclosure.index + 1,
            disclosure.of
        ));
    } else {
        found.broken.push("it is not the trial that was attested at this place".to_owned());
    }
    found.unchecked.push("the other trials, and whether this one happened as it says".to_owned());
    Ok(found)
}

fn statement(disclosure: &Disclosure, key: Option<&PublicKey>, found: &mut Verification) -> Result<Value, String> {
    let lying = match &disclosure.signer {
        Some(pem) => Some(PublicKey::from_pem(pem).map_err(|error| format!("has a key that is none: {error}"))?),
        None => None,
    };
    let payload = match (key, &lying, disclosure.attestation.is_signed()) {
        (Some(key), _, _) => {
            let payload = disclosure.attestation.verified(key)?;
            found.checked.push(format!("the attestation is signed by the key {}", short(&key.id())));
            payload
        }
        (None, Some(lying), true) => {
            let payload = disclosure.attestation.verified(lying)?;
            found.checked.push(format!("the attestation is signed by the key {}", short(&lying.id())));
            found.unchecked.push(format!("whose key {} is", short(&lying.id())));
            payload
        }
        (None, None, true) => return Err("is signed, and the key is not there".to_owned()),
        (None, _, false) => {
            found.unchecked.push("who made it: it is not signed".to_owned());
            disclosure.attestation.payload()?
        }
    };
    serde_json::from_slice(&payload).map_err(|error| format!("holds no statement: {error}"))
}
