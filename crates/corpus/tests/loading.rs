//! What the loader says of folders that are not sound, and what it makes of sound ones.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use gauntlet_corpus::{Attack, Corpus, CorpusError, Kind, Live, Obtains, Quantity, World};
use gauntlet_record::{Cause, Layer, LimitKey};

const WAT: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;

/// A sound `attack.yaml` with some of its lines replaced; an empty line is left out.
fn yaml(changes: &[(&str, &str)]) -> String {
    let lines = [
        ("title", "title: Grow"),
        ("why", "why: It starves the host."),
        ("weakness", "weakness: CWE-770"),
        ("policy", "policy: { limits: { memory: 1MiB } }"),
        ("obtains", "obtains: { memory: \"> 64MiB\" }"),
        ("contained-by", "contained-by: [limit-memory]"),
        ("controls", "controls: { live: { limits: { memory: 128MiB } } }"),
        ("references", "references: [\"https://example.org\"]"),
    ];
    let mut text = String::new();
    for (key, line) in lines {
        let line = changes.iter().find(|(name, _)| *name == key).map_or(line, |(_, line)| line);
        text += &format!("{line}\n");
    }
    for (_, line) in changes.iter().filter(|(key, _)| *key == "more") {
        text += &format!("{line}\n");
    }
    text
}

fn load_files(files: &[(&str, &str)]) -> Result<Vec<Attack>, CorpusError> {
    let files: Vec<(String, &[u8])> =
        files.iter().map(|(name, text)| (format!("memory/grow/{name}"), text.as_bytes())).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    Corpus::embedded(&files).map(|corpus| corpus.attacks)
}

fn load(yaml: &str) -> Result<Vec<Attack>, CorpusError> {
    load_files(&[("attack.yaml", yaml), ("attack.wat", WAT), ("benign.wat", WAT)])
}

fn message(yaml: &str) -> String {
    load(yaml).unwrap_err().to_string()
}

#[test]
fn a_sound_attack_is_read() {
    let attack = load(&yaml(&[])).unwrap().remove(0);
    assert_eq!(attack.id, "memory/grow");
    assert_eq!((attack.kind, attack.world, attack.alone), (Kind::Guest, World::Preview1, false));
    assert_eq!(attack.obtains, Obtains::Above(Quantity::Memory, 64 << 20));
    assert_eq!(attack.obtains_text, "memory > 64MiB");
    assert_eq!(attack.contained_by, [Cause::Limit(LimitKey::Memory)]);
    assert_eq!(attack.layers, [Layer::Runtime]);
    assert_eq!(attack.subjects, ["limits.memory"]);
    assert_eq!(attack.policy.limits.resolve(LimitKey::Memory, 0), Some(1 << 20));
    assert!(
        matches!(&attack.live, Live::Overlay(policy) if policy.limits.resolve(LimitKey::Memory, 0) == Some(128 << 20))
    );
    assert_eq!(attack.span.line, 5);
    assert_eq!(attack.file, "attacks/memory/grow/attack.yaml");
    assert!(attack.attack.starts_with(b"\0asm"));
}

#[test]
fn all_faults_of_a_file_are_named_with_line_and_column() {
    let text = yaml(&[
        ("title", "titel: Grow"),
        ("weakness", "weakness: 770"),
        ("obtains", "obtains: { memory: 64MiB }"),
        ("contained-by", "contained-by: [limit-memroy]"),
    ]);
    let message = message(&text);
    for expected in [
        "attacks/memory/grow/attack.yaml:1:1: `titel` is not a key of `attack` (Did you mean `title`?)",
        "attack.yaml:1:1: the attack has no `title`",
        "attack.yaml:3:11: `770` is not a CWE",
        "attack.yaml:5:20: `memory` is `64MiB`",
        "attack.yaml:6:16: `contained-by` is `limit-memroy` (Did you mean `limit-memory`?)",
    ] {
        assert!(message.contains(expected), "{expected}\n---\n{message}");
    }
}

#[test]
fn every_rule_of_the_schema_is_kept() {
    for (key, line, expected) in [
        ("more", "kind: sequence", "not supported yet"),
        ("more", "host: [no-openat2]", "not supported yet"),
        ("more", "worlds: [core, preview1]", "an attack is written for one world"),
        ("more", "layers: [grant]", "Did you mean `grants`?"),
        ("more", "requires: [\"Multi Memory\"]", "is not a name"),
        ("more", "attack: ../other/attack.wat", "is not the name of a file in this folder"),
        ("more", "proves: [limits.memroy]", "Did you mean `limits.memory`?"),
        ("more", "generate: { kind: locals-bomb, functions: 10 }", "`generate` has no `locals`"),
        ("more", "generate: { kind: locals-bomb, functions: 10_000_000, locals: 10 }", "is more than 1 000 000"),
        ("more", "generate: { functions: 10 }", "`generate` has no `kind`"),
        ("more", "cases: [{ name: \"A b\", set: {} }]", "cannot be a part of an id"),
        ("more", "cases: [{ name: a, set: {} }, { name: a, set: {} }]", "two cases are called `a`"),
        ("policy", "policy: { limits: { memory: unlimited } }", "`policy` lifts `limits.memory`"),
        ("policy", "policy: { features: { threads: true } }", "`policy` allows `features.threads`"),
        ("policy", "policy: { waivers: [] }", "`waivers` is not a key of `policy`"),
        ("obtains", "obtains: { memory: \"> 64\" }", "has no unit"),
        ("obtains", "obtains: { memory: \"> 1MiB\", disk: \"> 1MiB\" }", "exactly one predicate"),
        ("obtains", "obtains: { host-death: yes }", "`host-death` is `yes`"),
        ("obtains", "obtains: { canary: stdoot }", "Did you mean `stdout`?"),
        ("contained-by", "contained-by: []", "is empty"),
        ("contained-by", "contained-by: [not-shown]", "contains nothing"),
        ("controls", "controls: { benign: benign.wat }", "`controls` has no `live`"),
        ("controls", "controls: { live: none }", "`live: none` has no reason"),
        ("controls", "controls: { live: {} }", "opens nothing"),
        ("controls", "controls: { live: { lift: [memory], executor: x } }", "in more than one way"),
        ("controls", "controls: { live: { limits: { memory: 1GiB }, lift: [jail] } }", "in more than one way"),
        ("controls", "controls: { live: { lift: [memroy] } }", "Did you mean `memory`?"),
        (
            "controls",
            "controls: { live: { executor: x }, live-reason: because }",
            "`live-reason` beside a live control",
        ),
        ("references", "references: []", "no outside reference"),
        ("references", "references: [somewhere]", "is not an address"),
    ] {
        let message = message(&yaml(&[(key, line)]));
        assert!(message.contains(expected), "{line}: {message}");
        assert!(message.starts_with("attacks/memory/grow/attack.yaml:"), "{message}");
    }
}

#[test]
fn a_leak_that_denies_nothing_needs_a_live_control() {
    let lines = |controls| yaml(&[("contained-by", "contained-by: [no-effect]"), ("controls", controls)]);
    assert!(
        message(&lines("controls: { live: none, live-reason: nobody has one }"))
            .contains("`no-effect` needs a live control")
    );
    let attack = load(&lines("controls: { live: { lift: [environment, jail] } }")).unwrap().remove(0);
    assert_eq!(attack.subjects, ["grants.environment"]);
}

#[test]
fn what_a_trial_proves_can_be_said_outright() {
    let attack = load(&yaml(&[("more", "proves: [limits.memory, features]")])).unwrap().remove(0);
    assert_eq!(attack.subjects, ["limits.memory", "features"]);
}

#[test]
fn missing_files_are_named() {
    let error = load_files(&[("attack.yaml", &yaml(&[])), ("benign.wat", WAT)]).unwrap_err();
    assert_eq!(error.to_string(), "`attacks/memory/grow/attack.wat` is missing: it is the guest");
    let error = load_files(&[("attack.yaml", &yaml(&[])), ("attack.wat", WAT)]).unwrap_err();
    assert!(error.to_string().contains("benign.wat` is missing"), "{error}");
    let error = load_files(&[("attack.wat", WAT)]).unwrap_err();
    assert!(error.to_string().contains("attack.yaml` is missing"), "{error}");
}

#[test]
fn faults_of_a_guest_have_a_line() {
    let broken = "(module\n  (func (export \"_start\")\n    (i32.nop)))\n";
    let error = load_files(&[("attack.yaml", &yaml(&[])), ("attack.wat", broken), ("benign.wat", WAT)]).unwrap_err();
    assert!(error.to_string().starts_with("attacks/memory/grow/attack.wat:3:6: "), "{error}");
    let invalid = "(module (func (result i32)))";
    let error = load_files(&[("attack.yaml", &yaml(&[])), ("attack.wat", invalid), ("benign.wat", WAT)]).unwrap_err();
    assert!(error.to_string().contains("does not validate"), "{error}");
}

#[test]
fn an_input_is_taken_as_it_is() {
    let text = yaml(&[("more", "kind: input"), ("obtains", "obtains: { ran: marker }")]);
    let attack =
        load_files(&[("attack.yaml", &text), ("attack.wat", "not wat"), ("benign.wat", WAT)]).unwrap().remove(0);
    assert_eq!(attack.attack, b"not wat");
    assert_eq!(attack.obtains_text, "ran: marker");
}

#[test]
fn cases_are_attacks_of_their_own() {
    let more = "cases:\n  - { name: one, set: { pages: \"1\", limit: 1MiB } }\n  - { name: two, set: { pages: \"2\", limit: 2MiB } }";
    let text = yaml(&[("policy", "policy: { limits: { memory: \"{{limit}}\" } }"), ("more", more)]);
    let wat = r#"(module (memory (export "memory") {{pages}}) (func (export "_start")))"#;
    let attacks = load_files(&[("attack.yaml", &text), ("attack.wat", wat), ("benign.wat", WAT)]).unwrap();
    let ids: Vec<&str> = attacks.iter().map(|attack| attack.id.as_str()).collect();
    assert_eq!(ids, ["memory/grow#one", "memory/grow#two"]);
    assert_eq!(attacks[1].policy.limits.resolve(LimitKey::Memory, 0), Some(2 << 20));
    assert_ne!(attacks[0].attack, attacks[1].attack);
    assert_eq!(attacks[0].benign, attacks[1].benign);

    let wat = wat.replace("pages", "leaves");
    let error = load_files(&[("attack.yaml", &text), ("attack.wat", &wat), ("benign.wat", WAT)]).unwrap_err();
    assert!(error.to_string().contains("attack.wat:1:35: no case sets this placeholder"), "{error}");
}

#[test]
fn another_entry_needs_a_target_that_invokes() {
    let attack = load(&yaml(&[("more", "entry: run")])).unwrap().remove(0);
    assert_eq!((attack.entry.as_deref(), attack.requires), (Some("run"), vec!["invoke".to_owned()]));
}

#[test]
fn a_padded_guest_is_made_from_the_file() {
    let plain = load(&yaml(&[])).unwrap().remove(0);
    let padded = load(&yaml(&[("more", "generate: { kind: custom-section, bytes: 4KiB }")])).unwrap().remove(0);
    assert!(padded.attack.len() > plain.attack.len() + 4096);
}

fn write(dir: &Path, text: &str) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("attack.yaml"), text).unwrap();
    fs::write(dir.join("attack.wat"), WAT).unwrap();
    fs::write(dir.join("benign.wat"), WAT).unwrap();
}

fn add(dir: &Path) -> Result<Vec<String>, CorpusError> {
    let mut corpus = Corpus::default();
    corpus.add_dir(dir)?;
    Ok(corpus.attacks.iter().map(|attack| attack.id.clone()).collect())
}

#[test]
fn folders_on_disk_are_read_at_every_level() {
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join("memory/grow"), &yaml(&[]));
    write(&root.path().join("mine/other"), &yaml(&[]));
    assert_eq!(add(root.path()).unwrap(), ["memory/grow", "regression/other"]);
    assert_eq!(add(&root.path().join("memory")).unwrap(), ["memory/grow"]);
    assert_eq!(add(&root.path().join("memory/grow")).unwrap(), ["memory/grow"]);
    assert_eq!(add(&root.path().join("mine/other")).unwrap(), ["regression/other"]);

    fs::create_dir(root.path().join("memory/empty")).unwrap();
    assert!(add(root.path()).unwrap_err().to_string().contains("attack.yaml` is missing"));
    assert!(matches!(add(&root.path().join("memory/empty")), Err(CorpusError::NoAttack { .. })));
    assert!(matches!(add(&root.path().join("gone")), Err(CorpusError::Unreadable { .. })));
    assert!(matches!(add(&root.path().join("memory/grow/attack.yaml")), Err(CorpusError::NotAFolder { .. })));
}

#[test]
fn an_id_is_taken_once_and_an_error_changes_nothing() {
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join("memory/grow"), &yaml(&[]));
    let mut corpus = Corpus::default();
    corpus.add_dir(root.path()).unwrap();
    let before = corpus.clone();
    let error = corpus.add_dir(root.path()).unwrap_err();
    assert!(error.to_string().contains("two attacks are called `memory/grow`"), "{error}");
    assert_eq!(corpus, before);
}

#[test]
fn names_that_cannot_be_ids_are_refused() {
    let root = tempfile::tempdir().unwrap();
    write(&root.path().join("memory/Grow\u{1b}[31m"), &yaml(&[]));
    assert!(matches!(add(root.path()), Err(CorpusError::Name { .. })));
}

#[cfg(unix)]
#[test]
fn links_and_huge_files_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("memory/grow");
    write(&dir, &yaml(&[]));
    fs::remove_file(dir.join("benign.wat")).unwrap();
    std::os::unix::fs::symlink("attack.wat", dir.join("benign.wat")).unwrap();
    assert!(
        add(root.path())
            .unwrap_err()
            .to_string()
            .ends_with("benign.wat` is a symbolic link; an attack holds regular files only")
    );

    fs::remove_file(dir.join("benign.wat")).unwrap();
    fs::File::create(dir.join("benign.wat")).unwrap().set_len((16 << 20) + 1).unwrap();
    assert!(matches!(add(root.path()), Err(CorpusError::Refused { .. })));

    fs::remove_file(dir.join("benign.wat")).unwrap();
    fs::create_dir(dir.join("benign.wat")).unwrap();
    assert!(matches!(add(root.path()), Err(CorpusError::Refused { .. })));

    fs::create_dir(root.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(&dir, root.path().join("elsewhere/linked")).unwrap();
    assert!(matches!(add(&root.path().join("elsewhere")), Err(CorpusError::Link { .. })));
}

#[test]
fn filters_match_parts_of_ids_and_whole_classes() {
    let root = tempfile::tempdir().unwrap();
    for path in ["memory/grow", "memory/shared", "tables/grow"] {
        write(&root.path().join(path), &yaml(&[]));
    }
    let mut corpus = Corpus::default();
    corpus.add_dir(root.path()).unwrap();
    let ids = |filters: &[&str]| {
        let filters: Vec<String> = filters.iter().map(|filter| (*filter).to_owned()).collect();
        corpus.select(&filters).iter().map(|attack| attack.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&[]).len(), 3);
    assert_eq!(ids(&["tables"]), ["tables/grow"]);
    assert_eq!(ids(&["grow"]), ["memory/grow", "tables/grow"]);
    assert_eq!(ids(&["shared", "tables"]), ["memory/shared", "tables/grow"]);
    assert_eq!(ids(&["nothing"]), Vec::<String>::new());
}
