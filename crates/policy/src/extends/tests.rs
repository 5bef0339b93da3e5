use std::fs;

use gauntlet_record::LimitKey;

use super::*;
use crate::{Policy, load};

fn policy(text: &str) -> Policy {
    Policy::parse("p.yaml", text).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// What is found in a policy at `name` among these files.
fn loaded(files: &[(&str, &str)], name: &str) -> Result<Policy, Vec<(&'static str, u32, String)>> {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    load_in(folder.path(), name)
}

fn load_in(folder: &Path, name: &str) -> Result<Policy, Vec<(&'static str, u32, String)>> {
    load(name, &folder.join(name)).map_err(|error| match error {
        LoadError::Faults { faults, .. } => {
            faults.into_iter().map(|fault| (fault.rule, fault.span.line, fault.message)).collect()
        }
        other => panic!("{other}"),
    })
}

fn rules(result: Result<Policy, Vec<(&'static str, u32, String)>>) -> Vec<(&'static str, u32)> {
    result.map(|policy| panic!("{policy:?}")).unwrap_err().into_iter().map(|(rule, line, _)| (rule, line)).collect()
}

#[test]
fn mappings_are_merged_and_all_else_is_replaced() {
    let base = "version: 1\nlimits: { memory: 1MiB, fuel: 7 }\ngrants:\n  environment: { A: base, B: base }\n  arguments: [base]\n  network: [{ connect: \"a:1\" }]\n  random: seeded\nmodules: { deny: [a], precompiled: accept }\nisolation: { cgroup: required }\nwaivers: [{ rule: a }]\n";
    let own = "version: 1\nextends: base.yaml\nlimits: { fuel: 8 }\ngrants:\n  environment: { B: own }\n  arguments: []\n  random: system\nmodules: { deny: [b] }\n";
    let policy = loaded(&[("base.yaml", base), ("p.yaml", own)], "p.yaml").unwrap();
    assert_eq!(policy.limits.resolve(LimitKey::Memory, 0), Some(1 << 20));
    assert_eq!(policy.limits.resolve(LimitKey::Fuel, 0), Some(8));
    let variables: Vec<_> =
        policy.grants.environment.iter().map(|v| (v.name.value.as_str(), v.value.value.as_str())).collect();
    assert_eq!(variables, [("B", "own"), ("A", "base")]);
    assert!(policy.grants.arguments.is_empty());
    assert_eq!(policy.grants.network.len(), 1);
    assert_eq!(policy.grants.random.value, crate::Random::System);
    assert_eq!(policy.modules.deny.iter().map(|name| name.value.as_str()).collect::<Vec<_>>(), ["b"]);
    assert!(policy.modules.precompiled.value);
    assert_eq!(policy.isolation.cgroup.value, crate::Requirement::Required);
    assert_eq!(policy.waivers.len(), 1);
}

#[test]
fn what_is_inherited_stands_at_extends_and_the_rest_where_it_is() {
    let text = "version: 1\nextends: quota\nlimits: { memory: 64MiB }\n";
    let policy = policy(text);
    let slice = |span: Span| &text[span.start..span.end];
    assert_eq!(slice(policy.limits.memory.span().unwrap()), "64MiB");
    assert_eq!(slice(policy.limits.fuel.span().unwrap()), "quota");
    assert_eq!(slice(policy.on_denial.span), "quota");
    assert_eq!(slice(policy.section("limits")), "limits");
    assert_eq!(slice(policy.section("isolation")), "quota");
    assert_eq!(policy.bases.len(), 1);
}

#[test]
fn a_policy_that_extends_is_told_apart_by_what_it_extends() {
    let own = "version: 1\nextends: base.yaml\n";
    let one = loaded(&[("base.yaml", "version: 1\n"), ("p.yaml", own)], "p.yaml").unwrap();
    let other = loaded(&[("base.yaml", "version: 1\non-denial: trap\n"), ("p.yaml", own)], "p.yaml").unwrap();
    assert_ne!(one.sha256(), other.sha256());
    assert_eq!(policy("version: 1\n").sha256(), gauntlet_record::digest(b"version: 1\n"));
}

#[test]
fn files_extend_files_and_presets_from_their_own_folder() {
    let files = [
        ("p.yaml", "version: 1\nextends: ./team/a.yaml\n"),
        ("team/a.yaml", "version: 1\nextends: deep/b.yaml\nlimits: { fuel: 1 }\n"),
        ("team/deep/b.yaml", "version: 1\nextends: quota\nlimits: { fuel: 2, files: 3 }\n"),
    ];
    let policy = loaded(&files, "p.yaml").unwrap();
    let names: Vec<&str> = policy.bases.iter().map(|base| base.name.as_str()).collect();
    assert_eq!(names, ["team/a.yaml", "team/deep/b.yaml", "quota"]);
    assert_eq!(policy.limits.resolve(LimitKey::Fuel, 0), Some(1));
    assert_eq!(policy.limits.resolve(LimitKey::Files, 0), Some(3));
    assert_eq!(policy.on_denial.value, crate::OnDenial::Trap);
}

#[test]
fn nothing_outside_the_folder_is_opened() {
    let names = [
        "../p.yaml",
        "../../../etc/hostname",
        "/etc/hostname",
        "a/../../p.yaml",
        "https://example.com/p.yaml",
        "..\\p.yaml",
        "C:x.yaml",
        "file:///etc/passwd",
    ];
    for name in names {
        let text = format!("version: 1\nextends: \"{}\"\n", name.replace('\\', "\\\\"));
        assert_eq!(rules(loaded(&[("p.yaml", &text)], "p.yaml")), [("extends-outside", 2)], "{name}");
    }
    // A text in memory lies nowhere.
    let faults = Policy::parse("p.yaml", "version: 1\nextends: base.yaml\n").unwrap_err();
    assert_eq!(faults[0].rule, "extends-outside");
}

#[cfg(unix)]
#[test]
fn links_out_of_the_folder_are_refused_and_links_inside_are_followed() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("o.yaml"), "version: 1\non-denial: trap\n").unwrap();
    fs::write(folder.path().join("i.yaml"), "version: 1\non-denial: trap\n").unwrap();
    std::os::unix::fs::symlink(outside.path().join("o.yaml"), folder.path().join("file.yaml")).unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("folder")).unwrap();
    std::os::unix::fs::symlink("i.yaml", folder.path().join("inside.yaml")).unwrap();
    std::os::unix::fs::symlink("round.yaml", folder.path().join("round.yaml")).unwrap();
    for (name, expected) in [
        ("file.yaml", "extends-outside"),
        ("folder/o.yaml", "extends-outside"),
        ("round.yaml", "extends-unknown"),
        ("nothing.yaml", "extends-unknown"),
        ("./", "extends-broken"),
    ] {
        fs::write(folder.path().join("p.yaml"), format!("version: 1\nextends: {name}\n")).unwrap();
        assert_eq!(rules(load_in(folder.path(), "p.yaml")), [(expected, 2)], "{name}");
    }
    fs::write(folder.path().join("p.yaml"), "version: 1\nextends: inside.yaml\n").unwrap();
    assert!(load_in(folder.path(), "p.yaml").is_ok());
}

#[test]
fn circles_and_long_chains_end() {
    assert_eq!(rules(loaded(&[("p.yaml", "version: 1\nextends: p.yaml\n")], "p.yaml")), [("extends-cycle", 2)]);
    let circle = [("p.yaml", "version: 1\nextends: a.yaml\n"), ("a.yaml", "version: 1\nextends: p.yaml\n")];
    assert_eq!(rules(loaded(&circle, "p.yaml")), [("extends-cycle", 2)]);
    let names: Vec<String> = (0..12).map(|i| format!("c{i}.yaml")).collect();
    let texts: Vec<String> = (1..13).map(|i| format!("version: 1\nextends: c{i}.yaml\n")).collect();
    let chain: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
    assert_eq!(rules(loaded(&chain, "c0.yaml")), [("extends-cycle", 2)]);
}

#[test]
fn a_base_that_is_no_policy_is_named_with_its_first_fault() {
    let files = [
        ("p.yaml", "version: 1\nlimits: { memroy: 1MiB }\nextends: base.yaml\n"),
        ("base.yaml", "version: 1\nlimits:\n  fule: 1\n"),
    ];
    let faults = loaded(&files, "p.yaml").unwrap_err();
    let rules: Vec<_> = faults.iter().map(|(rule, line, _)| (*rule, *line)).collect();
    assert_eq!(rules, [("unknown-key", 2), ("extends-broken", 3)]);
    assert_eq!(faults[1].2, "`base.yaml` is no sound policy: `fule` is not a key of `limits`, line 3");
    let large = format!("version: 1\n#{}\n", " ".repeat(1 << 20));
    let files = [("p.yaml", "version: 1\nextends: base.yaml\n"), ("base.yaml", large.as_str())];
    assert_eq!(loaded(&files, "p.yaml").unwrap_err()[0].2, "`base.yaml` cannot be read: larger than 1048576 bytes");
}

#[test]
fn a_preset_that_is_not_there_gets_a_suggestion() {
    let faults = Policy::parse("p.yaml", "version: 1\nextends: strickt\n").unwrap_err();
    assert_eq!((faults[0].rule, faults[0].fix.as_str()), ("extends-unknown", "Did you mean `strict`?"));
    let faults = Policy::parse("p.yaml", "version: 1\nextends: [strict]\n").unwrap_err();
    assert_eq!(faults[0].rule, "wrong-type");
}
