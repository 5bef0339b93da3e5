//! What is attested cannot be changed unseen: signed or not, by any byte of any file.

#![expect(clippy::unwrap_used, reason = "a test may")]

use gauntlet_record::{example, write_json};
use gauntlet_report::bundle::{self, BundleError, Files as _, KeyKind, Memory, Now, PublicKey, SigningKey};
use gauntlet_report::{Format, Options};
use proptest::prelude::*;

fn key(kind: KeyKind) -> SigningKey {
    SigningKey::from_pem(&SigningKey::generate(kind).unwrap()).unwrap()
}

/// A folder as a run leaves it, in memory.
fn folder() -> Memory {
    let mut files = Memory::default();
    let mut record = Vec::new();
    write_json(&example(), &mut record).unwrap();
    files.insert("record.json", record);
    for format in [Format::Junit, Format::Sarif, Format::Csv] {
        let mut out = Vec::new();
        gauntlet_report::write(&example(), format, &Options::default(), &mut out).unwrap();
        files.insert(format.file_name(), out);
    }
    files.insert("more/empty", Vec::new());
    files
}

fn attested(key: Option<&SigningKey>) -> Memory {
    let mut files = folder();
    for (name, bytes) in bundle::sign(&files, key).unwrap() {
        files.insert(&name, bytes);
    }
    files
}

/// What is wrong with a bundle, an error that stops it included.
fn broken(files: &Memory, key: Option<&PublicKey>) -> Vec<String> {
    match bundle::verify(files, key, &|_| Now::default()) {
        Ok(found) => found.broken,
        Err(error) => vec![error.to_string()],
    }
}

#[test]
fn what_was_attested_verifies() {
    for kind in [KeyKind::Ed25519, KeyKind::EcdsaP256] {
        let key = key(kind);
        assert_eq!(broken(&attested(Some(&key)), Some(key.public())), Vec::<String>::new());
        assert_eq!(broken(&attested(Some(&key)), None), Vec::<String>::new());
    }
    assert_eq!(broken(&attested(None), None), Vec::<String>::new());
}

#[test]
fn every_flipped_byte_of_every_attestation_is_seen() {
    let key = key(KeyKind::EcdsaP256);
    for (files, key) in
        [(attested(Some(&key)), Some(key.public())), (attested(Some(&key)), None), (attested(None), None)]
    {
        for name in files.names().unwrap().into_iter().filter(|name| bundle::is_attestation(name)) {
            let length = files.read(&name).unwrap().len();
            // All of the short ones; of the others one byte in sixty-one, and both ends.
            for place in (0..length).filter(|place| length < 1000 || place % 61 == 0 || *place + 40 > length) {
                let mut files = files.clone();
                files.get_mut(&name).unwrap()[place] ^= 1 << (place % 8);
                assert_ne!(broken(&files, key), Vec::<String>::new(), "{name} at {place}");
            }
        }
    }
}

#[test]
fn files_that_come_and_go_are_seen() {
    let key = key(KeyKind::Ed25519);
    for files in [attested(Some(&key)), attested(None)] {
        for name in files.names().unwrap() {
            let mut fewer = files.clone();
            fewer.remove(&name);
            assert_ne!(broken(&fewer, None), Vec::<String>::new(), "{name}");
        }
        for name in ["more.txt", "more/x", "record.json.bak", ".hidden"] {
            let mut more = files.clone();
            more.insert(name, b"x".to_vec());
            assert_eq!(broken(&more, None), [format!("`{name}` was not attested")]);
        }
    }
    let mut both = attested(Some(&key));
    for (name, bytes) in bundle::sign(&folder(), None).unwrap() {
        both.insert(&name, bytes);
    }
    assert_ne!(broken(&both, Some(key.public())), Vec::<String>::new());
    let mut stray = attested(Some(&key));
    stray.insert("svr.predicate.json", b"{}".to_vec());
    assert_ne!(broken(&stray, Some(key.public())), Vec::<String>::new());
}

#[test]
fn attestations_of_another_record_or_key_do_not_pass() {
    let (ours, other) = (key(KeyKind::Ed25519), key(KeyKind::Ed25519));
    assert_ne!(broken(&attested(Some(&ours)), Some(other.public())), Vec::<String>::new());
    // Everything made anew by somebody else verifies by itself, and not with our key.
    assert_eq!(broken(&attested(Some(&other)), None), Vec::<String>::new());
    assert_ne!(broken(&attested(Some(&other)), Some(ours.public())), Vec::<String>::new());
    let mut swapped = attested(Some(&ours));
    let record = {
        let mut record = example();
        record.seed = 9;
        let mut bytes = Vec::new();
        write_json(&record, &mut bytes).unwrap();
        bytes
    };
    swapped.insert("record.json", record);
    assert_ne!(broken(&swapped, Some(ours.public())), Vec::<String>::new());
}

#[test]
fn a_record_that_does_not_agree_with_itself_is_not_attested() {
    let mut record = example();
    record.trials.push(record.trials[0].clone());
    let mut bytes = Vec::new();
    write_json(&record, &mut bytes).unwrap();
    let mut files = Memory::default();
    assert!(matches!(bundle::sign(&files, None), Err(BundleError::Record(_))));
    files.insert("record.json", bytes);
    assert!(matches!(bundle::sign(&files, None), Err(BundleError::Faults(_))));
    assert!(matches!(bundle::verify(&folder(), None, &|_| Now::default()), Err(BundleError::NoAttestation)));
}

#[test]
fn the_statements_are_what_others_read() {
    let files = attested(None);
    let statement = |name: &str| -> serde_json::Value { serde_json::from_slice(&files.read(name).unwrap()).unwrap() };
    for name in ["evidence", "test-result", "svr"] {
        let statement = statement(&format!("{name}.intoto.json"));
        assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
        let subjects = statement["subject"].as_array().unwrap();
        assert!(subjects.iter().all(|subject| subject["digest"]["sha256"].as_str().is_some_and(|hex| hex.len() == 64)));
        let names: Vec<&str> = subjects.iter().map(|subject| subject["name"].as_str().unwrap()).collect();
        assert!(
            names.starts_with(&["policy strict", "target worker", "guest memory/grow-past-limit (attack)"]),
            "{names:?}"
        );
    }
    let result = &statement("test-result.intoto.json")["predicate"];
    assert_eq!((result["result"].as_str(), result["passedTests"].as_array().map(Vec::len)), (Some("FAILED"), Some(1)));
    assert_eq!(result["failedTests"].as_array().map(Vec::len), Some(2));
    let svr = &statement("svr.intoto.json")["predicate"];
    assert_eq!(svr["properties"], serde_json::json!(["GAUNTLET_LIMITS_MEMORY_HELD"]));
}

#[test]
fn a_trial_without_a_witness_is_no_verified_property() {
    let mut record = example();
    record.trials[0].witnessed = false;
    record.trials[0].live_reason = Some("none fits".into());
    let mut files = Memory::default();
    let mut bytes = Vec::new();
    write_json(&record, &mut bytes).unwrap();
    files.insert("record.json", bytes);
    let made = bundle::sign(&files, None).unwrap();
    let (_, svr) = made.iter().find(|(name, _)| name == "svr.predicate.json").unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(svr).unwrap()["properties"], serde_json::json!([]));
}

#[test]
fn what_is_no_longer_so_is_stale_and_what_is_not_known_is_told() {
    let key = key(KeyKind::Ed25519);
    let files = attested(Some(&key));
    let unknown = bundle::verify(&files, None, &|_| Now::default()).unwrap();
    assert!(unknown.stale.is_empty() && unknown.unchecked.iter().any(|text| text.starts_with("kernel: ")));
    let record = example();
    let same = || Now {
        system: Some((record.host.os.clone(), record.host.arch.clone())),
        kernel: Some(record.host.kernel.clone()),
        targets: [(
            "worker".to_owned(),
            ("wasmtime".to_owned(), "48.0.8".to_owned(), record.targets[0].sha256.clone()),
        )]
        .into(),
        policy: Some(record.policy.sha256.clone()),
        corpus: Some(record.corpus.sha256.clone()),
    };
    let stale = |change: fn(&mut Now)| {
        let mut now = same();
        change(&mut now);
        bundle::verify(&files, None, &|_| now.clone()).unwrap().stale
    };
    assert_eq!(stale(|_| {}), Vec::<String>::new());
    for (change, what) in [
        ((|now| now.kernel = Some("7".into())) as fn(&mut Now), "kernel: 7 here, and 6.1.0 in the record"),
        (
            |now| now.system = Some(("linux".into(), "aarch64".into())),
            "architecture: aarch64 here, and x86_64 in the record",
        ),
        (
            |now| now.targets.get_mut("worker").unwrap().1 = "49".into(),
            "engine of worker: wasmtime 49 here, and wasmtime 48.0.8 in the record",
        ),
        (|now| now.targets.get_mut("worker").unwrap().2 = Some("x".into()), "build of worker: x here"),
        (|now| now.policy = Some("x".into()), "policy: x here"),
        (|now| now.corpus = Some("x".into()), "corpus: x here"),
    ] {
        let told = stale(change);
        assert!(told.len() == 1 && told[0].starts_with(what), "{told:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_other_byte_anywhere_is_seen(file in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), flip in 1..=255u8, signed in any::<bool>()) {
        let key = key(KeyKind::Ed25519);
        let mut files = attested(signed.then_some(&key));
        let names: Vec<String> = files.names().unwrap().into_iter().filter(|name| !files.read(name).unwrap().is_empty()).collect();
        let name = file.get(&names);
        let bytes = files.get_mut(name).unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        prop_assert_ne!(broken(&files, signed.then_some(key.public())), Vec::<String>::new(), "{} at {}", name, place);
    }

    #[test]
    fn garbage_in_the_place_of_any_file_is_an_error_and_no_panic(file in any::<prop::sample::Index>(), bytes in any::<Vec<u8>>(), signed in any::<bool>()) {
        let key = key(KeyKind::Ed25519);
        let mut files = attested(signed.then_some(&key));
        let names = files.names().unwrap();
        let name = file.get(&names);
        prop_assume!(files.read(name).unwrap() != bytes);
        files.insert(name, bytes.clone());
        prop_assert_ne!(broken(&files, None), Vec::<String>::new());
        prop_assert!(bundle::verify_disclosure(&bytes, None).is_err());
    }
}
