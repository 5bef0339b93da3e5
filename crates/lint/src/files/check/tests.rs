use std::fs;
use std::path::Path;

use super::*;
use crate::files::find;

const BROAD: &str = "version: 1\nlimits:\n  memory: unlimited\n  output: 1MB\naudit: { log: a.jsonl }\n";

fn options() -> Options {
    Options { today: Some("2026-01-31".into()), host: false, ..Options::default() }
}

fn all(folder: &Path, selection: &Selection, baseline: &Baseline, jobs: usize) -> Checks {
    check(&find(&[folder.to_path_buf()]).unwrap(), None, &options(), selection, baseline, jobs)
}

fn rules_of(checks: &Checks) -> Vec<String> {
    checks.findings().into_iter().map(|finding| finding.rule).collect()
}

#[test]
fn many_files_come_out_in_the_same_order_however_many_work() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..60 {
        let text = if number % 7 == 0 { "version: 1\nlimits: [\n" } else { BROAD };
        fs::write(folder.path().join(format!("{number:02}.yaml")), text).unwrap();
    }
    let selection = Selection::default();
    let one = all(folder.path(), &selection, &Baseline::default(), 1);
    let many = all(folder.path(), &selection, &Baseline::default(), 8);
    assert_eq!(one.files.len(), 60);
    assert_eq!(one.render(Format::Json, false), many.render(Format::Json, false));
    assert!(one.files.is_sorted_by_key(|file| file.name.clone()));
    assert_eq!(one.files.iter().filter(|file| file.broken).count(), 9);
}

#[test]
fn findings_are_chosen_by_rule_and_severity() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("p.yaml"), BROAD).unwrap();
    let selection = Selection::new(Severity::Info, vec!["limit-decimal-unit".into()]).unwrap();
    assert_eq!(rules_of(&all(folder.path(), &selection, &Baseline::default(), 1)), ["limit-decimal-unit"]);
    let selection = Selection::new(Severity::High, Vec::new()).unwrap();
    let high = all(folder.path(), &selection, &Baseline::default(), 1).findings();
    assert!(high.iter().any(|finding| finding.rule == "memory-unbounded"));
    assert!(high.iter().all(|finding| finding.severity >= Severity::High));
    let error = Selection::new(Severity::Info, vec!["memory-unbound".into()]).unwrap_err();
    assert_eq!(error.to_string(), "there is no rule `memory-unbound`; did you mean `memory-unbounded`?");
    // A broken file is told whatever was chosen: its rules were not looked at.
    fs::write(folder.path().join("p.yaml"), "version: 1\nlimits: 1\n").unwrap();
    let selection = Selection::new(Severity::Critical, vec!["limit-decimal-unit".into()]).unwrap();
    assert_eq!(rules_of(&all(folder.path(), &selection, &Baseline::default(), 1)), ["wrong-type"]);
}

#[test]
fn a_baseline_hides_what_was_there_and_nothing_that_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.yaml");
    fs::write(&path, BROAD).unwrap();
    let selection = Selection::default();
    let before = all(folder.path(), &selection, &Baseline::default(), 1);
    let count = before.findings().len();
    let text = before.baseline();
    assert_eq!(text, all(folder.path(), &selection, &Baseline::default(), 3).baseline());
    let baseline = Baseline::parse(&text).unwrap();
    // Lines moved, and something new came.
    fs::write(&path, format!("# moved\n\n{}grants: {{ stdin: inherit }}\n", BROAD.replace("limits:", "\nlimits:")))
        .unwrap();
    let after = all(folder.path(), &selection, &baseline, 1);
    assert_eq!(rules_of(&after), ["stdin-inherit"]);
    assert_eq!(after.files[0].known, count);
    // Another value is another finding.
    fs::write(&path, BROAD.replace("1MB", "2MB")).unwrap();
    assert_eq!(rules_of(&all(folder.path(), &selection, &baseline, 1)), ["limit-decimal-unit"]);
    // No baseline hides that a file is broken.
    fs::write(&path, "version: 1\nlimits: 1\n").unwrap();
    let broken = all(folder.path(), &selection, &Baseline::default(), 1);
    assert!(!broken.baseline().contains("wrong-type"));
    for text in ["", "{}", "[]", "{\"schema\": \"gauntlet.lint-baseline/9\", \"findings\": []}"] {
        assert!(Baseline::parse(text).is_err(), "{text}");
    }
}

#[test]
fn standard_input_and_what_cannot_be_read_are_told() {
    let files = [Found { path: "-".into(), named: true }, Found { path: "nobody.yaml".into(), named: true }];
    let checks = check(&files, Some(BROAD.as_bytes()), &options(), &Selection::default(), &Baseline::default(), 2);
    assert!(checks.files[0].findings.iter().all(|finding| finding.location.file == "<stdin>"));
    assert!(!checks.files[0].findings.is_empty());
    assert!(matches!(checks.files[1].error, Some(LoadError::Io(_))));
    let large = vec![b'['; 10 << 20];
    let checks = check(&files[..1], Some(&large), &options(), &Selection::default(), &Baseline::default(), 1);
    assert!(matches!(checks.files[0].error, Some(LoadError::TooLarge(_))));
    let checks = check(&files[..1], Some(b"\xff"), &options(), &Selection::default(), &Baseline::default(), 1);
    assert!(matches!(checks.files[0].error, Some(LoadError::NotUtf8(0))));
}

#[test]
fn the_effective_policy_shows_no_secret() {
    let text = "version: 1\nextends: agent\ngrants:\n  environment: { GITHUB_TOKEN: hunter2, LANG: C }\n  arguments: [\"--key=AKIAIOSFODNN7EXAMPLE\"]\n";
    let shown = effective(&Policy::parse("p.yaml", text).unwrap());
    assert!(!shown.contains("hunter2") && !shown.contains("IOSFODNN7"), "{shown}");
    assert!(shown.contains("LANG: C") && shown.contains("GITHUB_TOKEN: \"[hidden]\""), "{shown}");
    assert!(Policy::parse("p.yaml", &shown).is_ok());
}

#[test]
fn a_file_is_mended_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("base.yaml"), "version: 1\n").unwrap();
    let path = folder.path().join("p.yaml");
    fs::write(&path, "extends: base.yaml\nfeatures: { simd: on } # why\n").unwrap();
    let found = [Found { path: path.clone(), named: true }];
    let checks = check(&found, None, &options(), &Selection::default(), &Baseline::default(), 1);
    let mended = checks.files[0].mend(&options());
    assert_eq!(mended.text, "version: 1\nextends: base.yaml\nfeatures: { simd: true } # why\n");
    crate::files::replace(&path, &checks.files[0].text, &mended.text).unwrap();
    let checks = check(&found, None, &options(), &Selection::default(), &Baseline::default(), 1);
    assert!(!checks.files[0].broken);
}
