//! `gauntlet audit` from the outside: saved records, hostile input, and the bundle.
#![expect(clippy::unwrap_used, reason = "tests may")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gauntlet_audit::{Audit, Decider, Status};

const NOT_STALE: &str = "100000";

fn database() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../audit/tests/advisory-db")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

struct Place {
    folder: tempfile::TempDir,
    record: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let record = folder.path().join("in.json");
        fs::write(&record, serde_json::to_vec(&gauntlet_record::example()).unwrap()).unwrap();
        Self { folder, record }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn audit(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gauntlet"));
        command
            .arg("audit")
            .arg(root())
            .arg("--output")
            .arg(self.folder.path().join("out"))
            .arg("--record")
            .arg(&self.record);
        command.args(["--no-drills"]).args(arguments).env("NO_COLOR", "1").output().unwrap()
    }

    fn written(&self) -> Audit {
        serde_json::from_slice(&fs::read(self.folder.path().join("out/audit.json")).unwrap()).unwrap()
    }
}

fn refused(output: &Output, why: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(why), "{said}");
}

#[test]
fn a_saved_record_makes_a_whole_bundle() {
    let place = Place::new();
    let database = database();
    let output = place.audit(&["--db", database.to_str().unwrap(), "--max-db-age", NOT_STALE]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    for name in
        ["record.json", "audit.json", "audit.md", "audit.html", "report.html", "report.md", "report.sarif", "junit.xml"]
    {
        assert!(fs::metadata(place.folder.path().join("out").join(name)).unwrap().len() > 0, "{name}");
    }
    let audit = place.written();
    let record = fs::read(place.folder.path().join("out/record.json")).unwrap();
    assert_eq!(audit.subject.record_sha256, gauntlet_record::digest(&record));
    assert_eq!(audit.supply.database.as_ref().unwrap().advisories, 4);
    assert!(audit.supply.lists.iter().any(|list| list.of == "project" && list.looked_up));
    assert!(audit.lines.iter().all(|line| line.decided_by != Decider::Person));
    // The example holds few trials: what they do not show needs a person.
    assert!(audit.lines.iter().any(|line| line.id == "A5.size" && line.status == Status::NeedsAPerson));
}

#[test]
fn a_stale_or_broken_database_is_refused_before_anything_is_written() {
    let place = Place::new();
    let database = database();
    refused(&place.audit(&["--db", database.to_str().unwrap(), "--max-db-age", "0"]), "--max-db-age");
    let bare = place.folder.path().to_str().unwrap().to_owned();
    refused(&place.audit(&["--db", &bare]), "cannot use the advisory database");
    assert!(!place.folder.path().join("out").exists());
}

#[test]
fn what_is_wrong_with_the_input_is_said() {
    let place = Place::new();
    refused(&place.audit(&["--framework", "soc3"]), "no framework `soc3`");
    refused(&place.audit(&["--answers", "no-such-file.yaml"]), "no-such-file.yaml");
    let future = "version: 1\nanswers:\n  - { line: A1.subscribed, answer: \"yes\", by: Test Person, date: 2999-01-01, note: n }\n";
    refused(&place.audit(&["--answers", place.file("future.yaml", future).to_str().unwrap()]), "in the future");
    let stranger = future.replace("2999", "2000");
    let stranger = place.file("stranger.yaml", &stranger);
    refused(&place.audit(&["--answers", stranger.to_str().unwrap(), "--person", "Another"]), "not among");
    refused(&place.audit(&["--layers-matrix", place.file("layers.json", "{}").to_str().unwrap()]), "layers matrix");
    refused(&place.audit(&["--cargo-audit", place.file("empty.json", "").to_str().unwrap()]), "could not look");
    refused(&place.audit(&["--program", env!("CARGO_BIN_EXE_gauntlet")]), "no list of dependencies");
    refused(
        &place.audit(&["--selftest-record", place.file("garbage.json", "{").to_str().unwrap()]),
        "not a whole record",
    );
    assert!(!place.folder.path().join("out").exists());
}

#[test]
fn a_cut_record_claims_nothing() {
    let mut place = Place::new();
    let record = gauntlet_record::Record { complete: false, ..gauntlet_record::example() };
    place.record = place.file("cut.json", &serde_json::to_string(&record).unwrap());
    let output = place.audit(&[]);
    assert_ne!(output.status.code(), Some(0));
    let audit = place.written();
    for claim in audit
        .claims
        .iter()
        .filter(|claim| claim.evidence.iter().any(|item| item.kind == gauntlet_audit::EvidenceKind::Trial))
    {
        assert_ne!(claim.standing, gauntlet_audit::Standing::Supported, "{claim:?}");
    }
}

#[test]
fn every_beginning_of_an_attack_that_the_data_names_is_in_the_corpus() {
    let ids: Vec<String> = gauntlet_attacks::FILES
        .iter()
        .filter_map(|(path, _)| path.strip_suffix("/attack.yaml").map(str::to_owned))
        .collect();
    let classes: Vec<&str> = ids.iter().filter_map(|id| id.split('/').next()).collect();
    let mut named = 0;
    for (file, text) in
        gauntlet_reports::CONTROLS.iter().filter(|(file, _)| matches!(*file, "claims.yaml" | "baseline.yaml"))
    {
        for line in text.lines().filter_map(|line| line.trim_start().strip_prefix("trials: [")) {
            for name in line.trim_end_matches(']').split(", ").filter(|name| name.contains('/')) {
                let folder = name.split('/').next().unwrap();
                assert!(classes.contains(&folder), "{file}: no class `{folder}`");
                assert!(ids.iter().any(|id| id.starts_with(name)), "{file}: no attack begins with `{name}`");
                named += 1;
            }
        }
    }
    assert!(named > 30, "only {named} were found");
}

#[test]
fn the_table_of_mistakes_is_the_list_of_mistakes() {
    let table = include_str!("../../audit/tests/mistakes.tsv");
    let listed: Vec<&str> =
        table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split('\t').next()).collect();
    let known: Vec<&str> = gauntlet_weakened::mistakes().iter().map(|mistake| mistake.name).collect();
    assert_eq!(listed, known);
}
