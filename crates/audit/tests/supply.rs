//! Advisories: a database in a folder, lists of dependencies, and what is refused.
#![expect(clippy::unwrap_used, reason = "tests may")]

use std::fs;
use std::path::{Path, PathBuf};

use gauntlet_audit::supply::{
    Config, Database, DatabaseError, OWN_LOCKFILE, cargo_audit, checks, config, engine, engine_checks, lockfile,
    program,
};
use gauntlet_audit::{DependencyList, Lint, State, Supply};

const NOW: &str = "2026-10-31T12:00:00Z";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/advisory-db")
}

fn database() -> Database {
    Database::open(&folder(), None, NOW, 90).unwrap()
}

fn copy() -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for package in fs::read_dir(folder().join("crates")).unwrap() {
        let package = package.unwrap();
        let target = to.path().join("crates").join(package.file_name());
        fs::create_dir_all(&target).unwrap();
        for file in fs::read_dir(package.path()).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), target.join(file.file_name())).unwrap();
        }
    }
    to
}

fn lock(packages: &[(&str, &str, Option<&str>)]) -> String {
    let mut text = String::from("version = 4\n");
    for (name, version, source) in packages {
        text.push_str(&format!("\n[[package]]\nname = {name:?}\nversion = {version:?}\n"));
        if let Some(source) = source {
            text.push_str(&format!("source = {source:?}\n"));
        }
    }
    text
}

const REGISTRY: Option<&str> = Some("registry+https://github.com/rust-lang/crates.io-index");

fn list(packages: &[(&str, &str, Option<&str>)], config: &Config) -> DependencyList {
    lockfile("project", "Cargo.lock", &lock(packages), Some(&database()), config).unwrap()
}

fn state(checks: &[gauntlet_audit::Check], id: &str) -> State {
    checks.iter().find(|check| check.id == id).unwrap_or_else(|| panic!("no `{id}`: {checks:#?}")).state
}

#[test]
fn a_database_tells_its_commit_its_digest_and_its_age() {
    let info = database().info().clone();
    assert_eq!(info.commit.as_deref(), Some("0123456789abcdef0123456789abcdef01234567"));
    assert_eq!((info.advisories, info.newest.as_str(), info.age_days), (4, "2026-10-01", 30));
    let changed = copy();
    fs::write(changed.path().join("crates/gauntlet-test-holed/.note"), "x").unwrap();
    let other = Database::open(changed.path(), None, NOW, 90).unwrap();
    assert_ne!(other.info().sha256, info.sha256);
    assert_eq!(other.info().commit, None);
}

#[test]
fn an_old_database_is_refused_unless_told() {
    let late = "2027-03-01T00:00:00Z";
    let error = Database::open(&folder(), None, late, 90).unwrap_err();
    assert!(matches!(&error, DatabaseError::TooOld { days: 151, most: 90, .. }), "{error}");
    assert_eq!(Database::open(&folder(), None, late, 151).unwrap().info().age_days, 151);
}

#[test]
fn a_database_from_the_future_is_refused() {
    let error = Database::open(&folder(), None, "2026-09-01T00:00:00Z", 90).unwrap_err();
    assert!(matches!(error, DatabaseError::FromFuture(_)), "{error}");
}

#[test]
fn what_is_no_database_is_refused() {
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(Database::open(empty.path(), None, NOW, 90), Err(DatabaseError::Io { .. })));
    fs::create_dir_all(empty.path().join("crates")).unwrap();
    assert!(matches!(Database::open(empty.path(), None, NOW, 90), Err(DatabaseError::Empty)));
    for (name, text) in [
        ("RUSTSEC-2099-0009.md", "garbage"),
        ("RUSTSEC-2099-0009.toml", "[advisory]"),
        ("x.md", "```toml\n[advisory]\n"),
    ] {
        let broken = copy();
        fs::write(broken.path().join("crates/gauntlet-test-left").join(name), text).unwrap();
        let error = Database::open(broken.path(), None, NOW, 90).unwrap_err();
        assert!(matches!(error, DatabaseError::Broken(_)), "{name}: {error}");
    }
    for commit in ["", "0123", "zz23456789abcdef0123456789abcdef01234567", "0123456789abcdef0123456789abcdef012345678"]
    {
        assert!(matches!(Database::open(&folder(), Some(commit), NOW, 90), Err(DatabaseError::Commit(_))), "{commit}");
    }
}

#[cfg(unix)]
#[test]
fn links_and_what_is_no_file_are_refused() {
    let linked = copy();
    std::os::unix::fs::symlink("/dev/zero", linked.path().join("crates/wasmtime/RUSTSEC-2099-0008.md")).unwrap();
    assert!(matches!(Database::open(linked.path(), None, NOW, 90), Err(DatabaseError::NotPlain(_))));
    let deep = copy();
    fs::create_dir(deep.path().join("crates/wasmtime/RUSTSEC-2099-0008.md")).unwrap();
    assert!(matches!(Database::open(deep.path(), None, NOW, 90), Err(DatabaseError::NotPlain(_))));
}

#[test]
fn a_huge_advisory_is_refused() {
    let huge = copy();
    fs::write(huge.path().join("crates/wasmtime/RUSTSEC-2099-0008.md"), vec![b'x'; (1 << 20) + 1]).unwrap();
    assert!(matches!(Database::open(huge.path(), None, NOW, 90), Err(DatabaseError::TooLarge)));
}

#[test]
fn every_kind_of_advisory_is_told_and_no_score_counts_as_high() {
    let found = list(
        &[
            ("gauntlet-test-holed", "1.1.0", REGISTRY),
            ("gauntlet-test-left", "0.1.0", REGISTRY),
            ("gauntlet-test-unsound", "1.0.0", REGISTRY),
            ("gauntlet-test-sound", "1.0.0", REGISTRY),
        ],
        &Config::default(),
    );
    let told: Vec<_> = found
        .advisories
        .iter()
        .map(|advisory| (advisory.id.as_str(), advisory.kind.as_str(), advisory.severity.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("RUSTSEC-2099-0001", "vulnerability", "high"),
            ("RUSTSEC-2099-0002", "unmaintained", "low"),
            ("RUSTSEC-2099-0004", "unsound", "medium"),
        ]
    );
    let fixed = list(&[("gauntlet-test-holed", "1.2.0", REGISTRY)], &Config::default());
    assert!(fixed.advisories.is_empty());
}

#[test]
fn what_is_from_elsewhere_is_named_and_not_looked_up() {
    let git = Some("git+https://example.org/x#0123456789abcdef0123456789abcdef01234567");
    let found = list(&[("gauntlet-test-holed", "1.1.0", git), ("own", "0.1.0", None)], &Config::default());
    assert!(found.advisories.is_empty());
    assert_eq!(found.elsewhere.len(), 1);
    let supply = Supply { database: Some(database().info().clone()), lists: vec![found] };
    assert_eq!(state(&checks(&supply), "supply/sources"), State::Fails);
}

#[test]
fn what_the_project_ignores_is_shown_and_does_not_count() {
    let config = config("[advisories]\nignore = [\"RUSTSEC-2099-0001\"]\n").unwrap();
    let found = list(&[("gauntlet-test-holed", "1.1.0", REGISTRY)], &config);
    assert!(found.advisories[0].ignored.is_some() && !found.advisories[0].counts());
    let supply = Supply { database: Some(database().info().clone()), lists: vec![found] };
    let checks = checks(&supply);
    assert_eq!(state(&checks, "supply/project"), State::Holds);
    assert!(checks.iter().any(|check| check.says.contains("1 are ignored")), "{checks:#?}");
}

#[test]
fn nothing_is_known_without_a_database() {
    let own = lockfile("gauntlet", "own", OWN_LOCKFILE, None, &Config::default()).unwrap();
    assert!(own.packages > 100 && !own.looked_up);
    let supply = Supply { database: None, lists: vec![own] };
    let checks = checks(&supply);
    for id in ["supply/database", "supply/project", "supply/gauntlet", "supply/unmaintained", "supply/yanked"] {
        assert_eq!(state(&checks, id), State::Unknown, "{id}");
    }
}

#[test]
fn garbage_is_no_lock_file() {
    for text in ["", "\0", "[[package]]\nname = 3\n", "version = 4\n[[package]]\nname = \"x\"\nversion = \"no\"\n"] {
        let found = lockfile("project", "Cargo.lock", text, Some(&database()), &Config::default());
        assert!(found.is_err() || found.unwrap().packages == 0, "{text:?}");
    }
    for bytes in [&b""[..], b"\x7fELF", b"MZ", &[0xca, 0xfe, 0xba, 0xbe, 255, 255, 255, 255]] {
        assert!(program("program:x", "x", bytes, None, &Config::default()).is_err(), "{bytes:?}");
    }
}

#[test]
fn the_engine_is_looked_up_by_name() {
    let mut record = gauntlet_record::example();
    record.targets.truncate(1);
    record.targets[0].engine = "wasmtime".into();
    record.targets[0].version = "47.0.0".into();
    let database = database();
    let lists = engine(&record, "48.0.8", Some(&database)).unwrap();
    assert_eq!(
        lists[0].advisories.iter().map(|advisory| advisory.id.as_str()).collect::<Vec<_>>(),
        ["RUSTSEC-2099-0003"]
    );
    assert_eq!(lists[0].advisories[0].severity, "low");
    let checks = engine_checks(&record, "48.0.8", &lists, Some(&database), &Lint::default(), NOW);
    assert_eq!(state(&checks, "supply/engine-advisories"), State::Fails);
    assert!(checks[0].says.contains("RUSTSEC-2099-0003"), "{checks:?}");
    assert_eq!(state(&checks, "supply/engine-age"), State::Fails);
    record.targets[0].version = "48.0.8".into();
    let lists = engine(&record, "48.0.8", Some(&database)).unwrap();
    assert!(lists[0].packages > 5, "the linked engine is known by its parts");
    let checks = engine_checks(&record, "48.0.8", &lists, Some(&database), &Lint::default(), NOW);
    assert_eq!(state(&checks, "supply/engine-advisories"), State::Holds);
    record.targets[0].engine = "another".into();
    let lists = engine(&record, "48.0.8", Some(&database)).unwrap();
    let checks = engine_checks(&record, "48.0.8", &lists, Some(&database), &Lint::default(), NOW);
    assert_eq!(state(&checks, "supply/engine-advisories"), State::Unknown);
    assert_eq!(state(&checks, "supply/engine-line"), State::Unknown);
}

/// What cargo-audit 0.22 prints, cut to what is read.
fn printed(count: u64) -> String {
    let package = r#"{"name":"gauntlet-test-holed","version":"1.1.0","source":"registry+https://github.com/rust-lang/crates.io-index","checksum":null,"dependencies":[],"replace":null}"#;
    format!(
        r#"{{"database":{{"advisory-count":4,"last-commit":null,"last-updated":null}},"lockfile":{{"dependency-count":7}},
        "settings":{{"target_arch":[],"target_os":[],"severity":null,"ignore":[],"informational_warnings":["unmaintained"]}},
        "vulnerabilities":{{"found":true,"count":{count},"list":[{{"advisory":{{"id":"RUSTSEC-2099-0001","package":"gauntlet-test-holed","title":"A hole",
        "description":"","date":"2026-10-01","aliases":[],"related":[],"collection":"crates","categories":[],"keywords":[],"cvss":null,"informational":null,
        "references":[],"source":null,"url":null,"withdrawn":null,"license":"CC0-1.0","expect-deleted":false}},"versions":{{"patched":[">=1.2.0"],"unaffected":[]}},
        "affected":null,"package":{package}}}]}},
        "warnings":{{"yanked":[{{"kind":"yanked","package":{package},"advisory":null,"affected":null,"versions":null}}]}}}}"#
    )
}

#[test]
fn a_report_of_cargo_audit_is_taken() {
    let found = cargo_audit("audit.json", &printed(1), &Config::default()).unwrap();
    let kinds: Vec<&str> = found.advisories.iter().map(|advisory| advisory.kind.as_str()).collect();
    assert_eq!((kinds, found.packages), (vec!["vulnerability", "yanked"], 7));
    let supply = Supply { database: None, lists: vec![found] };
    let checks = checks(&supply);
    assert_eq!(state(&checks, "supply/project"), State::Fails);
    assert_eq!(state(&checks, "supply/yanked"), State::Fails);
}

#[test]
fn a_report_of_cargo_audit_that_contradicts_itself_is_refused() {
    for text in [
        String::new(),
        "[]".into(),
        "{}".into(),
        printed(2),
        printed(1).replace("\"dependency-count\":7", "\"dependency-count\":0"),
        printed(1)[..300].to_owned(),
    ] {
        assert!(cargo_audit("audit.json", &text, &Config::default()).is_err(), "{text}");
    }
}
