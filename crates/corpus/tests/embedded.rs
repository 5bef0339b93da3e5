//! The embedded corpus: every folder is an attack that is complete, valid and selected by default.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use gauntlet_attacks::FILES;
use gauntlet_corpus::{CLASSES, Corpus, Kind, Live, World, imports};
use gauntlet_record::{Cause, DenialKind, digest};
use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};

fn corpus() -> Corpus {
    Corpus::embedded(FILES).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_folder_of_a_class_is_an_attack() {
    let corpus = corpus();
    let folders: BTreeSet<String> = FILES
        .iter()
        .filter_map(|(path, _)| {
            let mut parts = path.split('/');
            let (class, name) = (parts.next()?, parts.next()?);
            (CLASSES.contains(&class) && parts.next().is_some()).then(|| format!("{class}/{name}"))
        })
        .collect();
    let read: BTreeSet<String> =
        corpus.attacks.iter().map(|attack| attack.id.split('#').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(folders, read);
    assert!(read.len() >= 36, "{} attacks", read.len());
    let classes: BTreeSet<&str> = corpus.attacks.iter().map(|attack| attack.class.as_str()).collect();
    assert!(classes.len() >= 11, "{classes:?}");
}

#[test]
fn every_file_of_an_attack_is_read() {
    // A file that nothing names is a slip: a twin under the wrong name, a guest that was replaced.
    for (path, _) in FILES {
        let mut parts = path.split('/');
        let (Some(class), Some(_), Some(file)) = (parts.next(), parts.next(), parts.next()) else { continue };
        if CLASSES.contains(&class) {
            let known = matches!(
                file.rsplit_once('.'),
                Some(
                    ("attack", "yaml" | "wat" | "bin" | "wasm")
                        | ("benign", "wat")
                        | ("attack" | "benign", "py" | "js")
                )
            );
            assert!(known, "{path}");
            assert_eq!(parts.next(), None, "{path}: an attack is one flat folder");
        }
    }
}

#[test]
fn ids_are_unique_and_sorted_and_all_are_selected_by_default() {
    let corpus = corpus();
    let ids: Vec<&str> = corpus.attacks.iter().map(|attack| attack.id.as_str()).collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(ids, sorted);
    assert_eq!(corpus.select(&[]).len(), ids.len());
    assert!(corpus.select(&["memory".to_owned()]).iter().any(|attack| attack.id == "memory/grow-past-limit"));
    // An id chooses that attack alone, although others begin with the same words.
    for attack in &corpus.attacks {
        let alone: Vec<&str> =
            corpus.select(std::slice::from_ref(&attack.id)).iter().map(|attack| attack.id.as_str()).collect();
        assert_eq!(alone, [attack.id.as_str()]);
        assert!(corpus.select(&[attack.folder().to_owned()]).iter().all(|one| one.folder() == attack.folder()));
    }
}

#[test]
fn every_guest_validates_for_its_world_and_has_its_entry() {
    for attack in &corpus().attacks {
        if attack.world == World::Script {
            continue;
        }
        let mut guests = vec![("benign", &attack.benign)];
        if attack.kind == Kind::Guest {
            guests.push(("attack", &attack.attack));
        }
        for (what, wasm) in guests {
            let id = format!("{} ({what})", attack.id);
            Validator::new_with_features(WasmFeatures::all())
                .validate_all(wasm)
                .unwrap_or_else(|error| panic!("{id}: {error}"));
            let exports = exports(wasm);
            match attack.world {
                World::Preview1 => {
                    let entry = attack.entry.as_deref().unwrap_or("_start");
                    assert!(exports.iter().any(|name| name == entry), "{id}: {exports:?}");
                    assert!(exports.iter().any(|name| name == "memory"), "{id}: {exports:?}");
                }
                World::Preview2 => {
                    assert_eq!(exports, ["wasi:cli/run@0.2.0"], "{id}");
                    assert!(
                        imports(wasm)
                            .iter()
                            .all(|(interface, name)| interface.starts_with("wasi:") && !name.is_empty()
                                || name.is_empty()),
                        "{id}"
                    );
                }
                World::Core | World::Component => assert!(!exports.is_empty(), "{id}"),
                World::Script => unreachable!("passed over above"),
            }
        }
    }
}

/// The names that a guest exports; not those of the modules in it.
fn exports(wasm: &[u8]) -> Vec<String> {
    let (mut names, mut depth) = (Vec::new(), 0_u32);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.unwrap() {
            Payload::Version { encoding: Encoding::Module | Encoding::Component, .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ExportSection(section) if depth == 1 => {
                names.extend(section.into_iter().map(|export| export.unwrap().name.to_owned()));
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                names.extend(section.into_iter().map(|export| export.unwrap().name.name.to_owned()));
            }
            _ => {}
        }
    }
    names
}

#[test]
fn what_the_strict_default_allows_is_enough_for_all_but_attacks_on_the_proposals() {
    // Release 2 of the language and components; what is newer is off by default.
    let strict = |wasm: &[u8]| {
        Validator::new_with_features(WasmFeatures::WASM2 | WasmFeatures::COMPONENT_MODEL).validate_all(wasm).is_ok()
    };
    for attack in corpus().attacks.iter().filter(|attack| attack.world != World::Script) {
        assert!(strict(&attack.benign), "{} (benign)", attack.id);
        let gated = attack.contained_by.contains(&Cause::Denied(DenialKind::Feature));
        assert_eq!(attack.kind == Kind::Input || strict(&attack.attack), !gated, "{}", attack.id);
    }
}

#[test]
fn a_pinned_twin_has_the_digest_that_is_pinned() {
    let corpus = corpus();
    for attack in corpus.attacks.iter().filter(|attack| !attack.policy.modules.sha256.is_empty()) {
        let pinned: Vec<&str> = attack.policy.modules.sha256.iter().map(|pin| pin.value.as_str()).collect();
        assert_eq!(pinned, [digest(&attack.benign)], "{}", attack.id);
    }
}

#[test]
fn every_attack_has_both_controls_or_a_reason() {
    for attack in &corpus().attacks {
        assert_ne!(attack.benign, attack.attack, "{}: the twin is the attack", attack.id);
        if let Live::None(reason) = &attack.live {
            assert!(reason.len() > 40, "{}: `{reason}` says too little", attack.id);
        }
    }
}

#[test]
fn every_benign_twin_reads_its_nonce_and_writes() {
    for attack in &corpus().attacks {
        let wasm = if attack.world == World::Script { &[][..] } else { &attack.benign };
        let names: BTreeSet<String> = imports(wasm).into_iter().map(|(_, name)| name).collect();
        let (read, write) = match attack.world {
            World::Preview1 => ("args_get", "fd_write"),
            World::Preview2 => ("get-arguments", "[method]output-stream.blocking-write-and-flush"),
            World::Core | World::Component => continue,
            World::Script => {
                let text = std::str::from_utf8(&attack.benign).unwrap();
                assert!(text.contains("@NONCE@") && !text.contains("{{"), "{}", attack.id);
                continue;
            }
        };
        assert!(names.contains(read) && names.contains(write), "{}: {names:?}", attack.id);
    }
}

#[test]
fn every_attack_says_what_it_is_about() {
    let evidence_for_nothing: Vec<String> =
        corpus().attacks.iter().filter(|attack| attack.subjects.is_empty()).map(|attack| attack.id.clone()).collect();
    assert_eq!(evidence_for_nothing, ["report/exit-code-laundering#killed", "report/exit-code-laundering#timeout"]);
    for attack in &corpus().attacks {
        assert!(
            attack.weakness.strip_prefix("CWE-").is_some_and(|number| number.parse::<u32>().is_ok()),
            "{}",
            attack.id
        );
        assert!(!attack.title.is_empty() && !attack.why.is_empty() && !attack.references.is_empty(), "{}", attack.id);
        assert!(attack.references.iter().all(|reference| reference.starts_with("https://")), "{}", attack.id);
        assert_eq!(attack.file, format!("attacks/{}/attack.yaml", attack.id.split('#').next().unwrap_or_default()));
        assert!(attack.span.line > 1, "{}", attack.id);
    }
}

#[test]
fn every_text_opens_with_a_comment() {
    for (path, bytes) in FILES.iter().filter(|(path, _)| path.ends_with(".wat")) {
        assert!(bytes.starts_with(b";; "), "{path}");
    }
}

#[test]
fn the_digest_follows_the_files() {
    let first = corpus();
    let mut changed: Vec<(&str, &[u8])> = FILES.to_vec();
    let twin = changed.iter_mut().find(|(path, _)| *path == "cpu/endless-loop/benign.wat").unwrap();
    twin.1 = br#"(module (memory (export "memory") 1) (func (export "_start")))"#;
    assert_eq!(first.sha256.len(), 64);
    assert_ne!(first.sha256, Corpus::embedded(&changed).unwrap().sha256);
    assert_eq!(first.sha256, corpus().sha256);
}
