//! Looks at a bundle again, offline: what was checked, what does not hold, what is stale, and what was not checked.

use std::collections::BTreeMap;

use gauntlet_record::Record;
use serde::Serialize;
use serde_json::Value;

use super::dsse::{Envelope, short};
use super::keys::PublicKey;
use super::statement::STEMS;
use super::{BundleError, Files, PREDICATE, SIGNED, SIGNER, UNSIGNED, canonical, payloads};
use crate::summary::Summary;

/// Most files that are named one by one.
const NAMED: usize = 20;

/// What is true here and now, as far as it is known: a record holds for what it was made on.
#[derive(Debug, Clone, Default)]
pub struct Now {
    /// The operating system and architecture.
    pub system: Option<(String, String)>,
    /// The kernel's release.
    pub kernel: Option<String>,
    /// Targets by name: engine, version, and the SHA-256 of what runs guests.
    pub targets: BTreeMap<String, (String, String, Option<String>)>,
    /// SHA-256 of the policy.
    pub policy: Option<String>,
    /// SHA-256 of the corpus.
    pub corpus: Option<String>,
}

/// What came of looking.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Verification {
    /// What the record says of its run, in a sentence.
    pub says: String,
    /// What holds.
    pub checked: Vec<String>,
    /// What does not: the bundle is not what was made.
    pub broken: Vec<String>,
    /// What is no longer so: the record is sound, and of something else than what is here.
    pub stale: Vec<String>,
    /// What nobody looked at, and why.
    pub unchecked: Vec<String>,
}

/// Verifies a bundle. With a key, it has to be that one's signature; without, the key that lies in the bundle is taken, and nobody
/// knows whose it is. `now` says what is here of what the record was made on.
///
/// # Errors
///
/// If it is no bundle, or cannot be read. What is not as it was made is no error, but told.
pub fn verify(
    files: &dyn Files,
    key: Option<&PublicKey>,
    now: &dyn Fn(&Record) -> Now,
) -> Result<Verification, BundleError> {
    let mut found = Verification::default();
    let names = files.names().map_err(|source| BundleError::Io { name: ".".to_owned(), source })?;
    let there = |name: &str| names.iter().any(|known| known == name);
    let signed = STEMS.iter().any(|stem| there(&format!("{stem}{SIGNED}"))) || there(SIGNER);
    let plain = STEMS.iter().any(|stem| [UNSIGNED, PREDICATE].iter().any(|end| there(&format!("{stem}{end}"))));
    if !signed && !plain {
        return Err(BundleError::NoAttestation);
    }
    if signed && plain {
        found
            .broken
            .push("there are signed and unsigned attestations in it, and one bundle has one of them".to_owned());
    }
    let attested = if signed { open(files, key, &mut found) } else { unsigned(files, key, &mut found) };
    match payloads(files) {
        Ok((expected, record)) => {
            compare(&attested, &expected, &mut found);
            age(&record, &now(&record), &mut found);
            let summary = Summary::of(&record);
            found.says = format!("{}: {}", summary.word, summary.sentence);
            if found.broken.is_empty() {
                let (trials, files) = (record.trials.len(), attested_files(&attested).len());
                found.checked.extend([
                    format!("{files} files are the ones that were attested, and there is no other"),
                    format!("the record agrees with itself: {trials} trials, their counts and verdicts, and the tree over them"),
                    "every claim follows from the trials".to_owned(),
                ]);
            }
        }
        Err(error) => {
            let mut text = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(error) = source {
                text.push_str(&format!(": {error}"));
                source = error.source();
            }
            found.broken.push(text);
        }
    }
    found.unchecked.extend([
        "whether what the record says happened: running it again shows that".to_owned(),
        "when it was made: the times in it are its maker's word".to_owned(),
        "the reports beside the record are unchanged since; whether they say what the record says, `gauntlet report` shows by writing them again".to_owned(),
    ]);
    Ok(found)
}

/// The payloads of the envelopes, if their signatures hold.
fn open(files: &dyn Files, key: Option<&PublicKey>, found: &mut Verification) -> Vec<Option<Value>> {
    let lying = match files.read(SIGNER) {
        Ok(bytes) => match std::str::from_utf8(&bytes).ok().and_then(|text| PublicKey::from_pem(text).ok()) {
            Some(lying) if lying.to_pem().as_bytes() == bytes => Some(lying),
            Some(_) | None => {
                found.broken.push(format!("`{SIGNER}` is no public key as it was written"));
                None
            }
        },
        Err(error) => {
            found.broken.push(format!("`{SIGNER}` cannot be read: {error}"));
            None
        }
    };
    if let (Some(key), Some(lying)) = (key, &lying)
        && key != lying
    {
        found.broken.push(format!("`{SIGNER}` is the key {}, and not the one that was given", short(&lying.id())));
    }
    let given = key.is_some();
    let Some(key) = key.or(lying.as_ref()) else {
        return vec![None; STEMS.len()];
    };
    let mut values = Vec::new();
    for stem in STEMS {
        let name = format!("{stem}{SIGNED}");
        let opened = files
            .read(&name)
            .map_err(|error| format!("cannot be read: {error}"))
            .and_then(|bytes| Envelope::from_json(&bytes)?.verified(key))
            .and_then(|payload| serde_json::from_slice(&payload).map_err(|error| format!("is no statement: {error}")));
        match opened {
            Ok(value) => values.push(Some(value)),
            Err(why) => {
                found.broken.push(format!("`{name}` {why}"));
                values.push(None);
            }
        }
    }
    if found.broken.is_empty() {
        found.checked.push(format!(
            "all {} attestations are signed by the {} key {}",
            STEMS.len(),
            key.kind().as_str(),
            short(&key.id())
        ));
        if !given {
            found.unchecked.push(format!(
                "whose key {} is: compare it with the one that you know, or give that with `--key`",
                short(&key.id())
            ));
        }
    }
    values
}

/// The statements of a bundle that nobody signed.
fn unsigned(files: &dyn Files, key: Option<&PublicKey>, found: &mut Verification) -> Vec<Option<Value>> {
    if key.is_some() {
        found.broken.push("it is not signed, and a key was given".to_owned());
    } else {
        found.unchecked.push(
            "who made it: it is not signed, so that whoever could change all of it could make it anew".to_owned(),
        );
    }
    let mut values = Vec::new();
    for stem in STEMS {
        let name = format!("{stem}{UNSIGNED}");
        let read = |name: &str| -> Result<(Value, Vec<u8>), String> {
            let bytes = files.read(name).map_err(|error| format!("cannot be read: {error}"))?;
            let value: Value = serde_json::from_slice(&bytes).map_err(|error| format!("is no statement: {error}"))?;
            if canonical(&value).as_bytes() != bytes {
                return Err("is not spelled as it was written".to_owned());
            }
            Ok((value, bytes))
        };
        match read(&name) {
            Ok((value, _)) => {
                let predicate = format!("{stem}{PREDICATE}");
                if files.read(&predicate).ok() != Some(canonical(&value["predicate"]).into_bytes()) {
                    found.broken.push(format!("`{predicate}` is not the predicate of `{name}`"));
                }
                values.push(Some(value));
            }
            Err(why) => {
                found.broken.push(format!("`{name}` {why}"));
                values.push(None);
            }
        }
    }
    values
}

fn attested_files(attested: &[Option<Value>]) -> BTreeMap<String, Value> {
    let list = attested.first().and_then(Option::as_ref).and_then(|value| value["predicate"]["files"].as_array());
    let name = |file: &Value| Some((file["name"].as_str()?.to_owned(), file.clone()));
    list.into_iter().flatten().filter_map(name).collect()
}

/// What is attested against what follows from the files as they are.
fn compare(attested: &[Option<Value>], expected: &[Value], found: &mut Verification) {
    let before = attested_files(attested);
    let here = attested_files(&[expected.first().cloned()]);
    let mut told = Vec::new();
    if attested.first().is_some_and(Option::is_some) {
        for (name, file) in &before {
            match here.get(name) {
                None => told.push(format!("`{name}` is missing")),
                Some(now) if now != file => told.push(format!("`{name}` is not the file that was attested")),
                Some(_) => {}
            }
        }
        told.extend(
            here.keys().filter(|name| !before.contains_key(*name)).map(|name| format!("`{name}` was not attested")),
        );
    }
    let more = told.len().saturating_sub(NAMED);
    found.broken.extend(told.into_iter().take(NAMED));
    if more > 0 {
        found.broken.push(format!("and {more} more files"));
    }
    let what = ["what the evidence says", "the test result", "the verified properties"];
    for ((attested, expected), what) in attested.iter().zip(expected).zip(what) {
        let Some(attested) = attested else { continue };
        let mut parts = Vec::new();
        for part in ["_type", "predicateType", "subject"] {
            if attested[part] != expected[part] {
                parts.push(part.to_owned());
            }
        }
        let keys = |value: &Value| -> Vec<String> {
            value["predicate"].as_object().map(|object| object.keys().cloned().collect()).unwrap_or_default()
        };
        let mut all = keys(attested);
        all.extend(keys(expected));
        all.sort();
        all.dedup();
        let differs = |key: &String| attested["predicate"][key.as_str()] != expected["predicate"][key.as_str()];
        parts.extend(all.into_iter().filter(differs).filter(|key| key != "files" || found.broken.is_empty()));
        if parts.is_empty() && attested != expected && found.broken.is_empty() {
            parts.push("other parts".to_owned());
        }
        if !parts.is_empty() {
            found.broken.push(format!("{what} does not follow from the record ({})", parts.join(", ")));
        }
    }
}

/// What the record holds for, against what is here.
fn age(record: &Record, now: &Now, found: &mut Verification) {
    let mut fresh = Vec::new();
    let mut same = |what: &str, was: &str, is: Option<&str>| match is {
        Some(is) if is == was => fresh.push(what.to_owned()),
        Some(is) => found.stale.push(format!("{what}: {is} here, and {was} in the record")),
        None => found.unchecked.push(format!("{what}: what is here is not known")),
    };
    same("operating system", &record.host.os, now.system.as_ref().map(|(os, _)| os.as_str()));
    same("architecture", &record.host.arch, now.system.as_ref().map(|(_, arch)| arch.as_str()));
    same("kernel", &record.host.kernel, now.kernel.as_deref());
    for target in &record.targets {
        let here = now.targets.get(&target.name);
        let engine = |engine: &str, version: &str| format!("{engine} {version}");
        let what = format!("engine of {}", target.name);
        same(
            &what,
            &engine(&target.engine, &target.version),
            here.map(|(name, version, _)| engine(name, version)).as_deref(),
        );
        if let (Some(was), Some((_, _, is))) = (&target.sha256, here) {
            same(&format!("build of {}", target.name), was, is.as_deref());
        }
    }
    same("policy", &record.policy.sha256, now.policy.as_deref());
    same("corpus", &record.corpus.sha256, now.corpus.as_deref());
    if !fresh.is_empty() {
        found.checked.push(format!("still so here: {}", fresh.join(", ")));
    }
}
