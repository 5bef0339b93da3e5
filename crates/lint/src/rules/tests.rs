//! Every rule held against its examples.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::{self, fs::PermissionsExt as _};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use gauntlet_inspect::Inspection;
use gauntlet_policy::Span;
use gauntlet_record::{Finding, Location};

use tempfile::TempDir;

use super::*;
use crate::{Format, HostFacts, Options, lint_text, render};

const FILE: &str = "policy.yaml";
/// What the host of the examples offers.
const HAVE: [&str; 4] = ["process", "seccomp", "landlock", "namespaces"];
const TODAY: &str = "2026-01-31";

/// A directory of this host with what rules that ask the host look for; examples call it `./fixture`.
fn fixture() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let make = |path: &str| fs::create_dir_all(root.path().join("fixture").join(path)).unwrap();
    let write = |path: &str| fs::write(root.path().join("fixture").join(path), "").unwrap();
    ["data", "open", "foreign", "checkout/.git/hooks", "secrets", "socket"].into_iter().for_each(make);
    ["data/file.txt", "secrets/.env"].into_iter().for_each(write);
    let path = |name: &str| root.path().join("fixture").join(name);
    unix::fs::symlink(path("data"), path("linked")).unwrap();
    unix::net::UnixListener::bind(path("socket/service.sock")).unwrap();
    fs::set_permissions(path("open"), fs::Permissions::from_mode(0o777)).unwrap();
    // Only root can give a directory away; nobody is 65534 on every system that has numbers for users.
    let _ = unix::fs::chown(path("foreign"), Some(65_534), None);
    for path in ["data", "open", "checkout", "secrets", "socket"].map(path) {
        let open = path.ends_with("open");
        assert_eq!(crate::host::is_open_to_others(&path.metadata().unwrap()), open, "{}", path.display());
    }
    root
}

/// The module that policies stand beside.
fn module() -> Arc<Inspection> {
    static MODULE: LazyLock<Arc<Inspection>> = LazyLock::new(|| {
        let bytes = wat::parse_str(crate::EXAMPLE_MODULE).unwrap();
        Arc::new(gauntlet_inspect::inspect(&bytes).unwrap())
    });
    Arc::clone(&MODULE)
}

/// The options of an example; a comment of it may say for which engine it is linted, and when.
fn options(text: &str, base: &Path) -> Options {
    let said = |before: &str| {
        let comment = text.lines().next().filter(|line| line.starts_with("# Linted"))?;
        Some(comment.split_once(before)?.1.split([' ', ',']).next()?.trim_end_matches('.').to_owned())
    };
    let facts = HostFacts { mechanisms: HAVE.map(str::to_owned).to_vec(), memory: Some(8 << 30), root: true };
    Options {
        today: Some(said(" on ").unwrap_or_else(|| TODAY.into())),
        engine: said("wasmtime "),
        facts,
        base: Some(base.to_owned()),
        module: Some(module()),
        ..Options::default()
    }
}

/// What one rule finds in a text.
fn found(rule: &Rule, text: &str, base: &Path) -> Vec<Finding> {
    let linted =
        lint_text(FILE, text, &options(text, base)).unwrap_or_else(|faults| panic!("{}: {text}: {faults:?}", rule.id));
    linted.findings.into_iter().chain(linted.waived).filter(|finding| finding.rule == rule.id).collect()
}

#[test]
fn every_rule_finds_its_bad_example_and_nothing_in_its_good_one() {
    let host = fixture();
    let base = host.path();
    let given = crate::host::owner(&base.join("fixture/foreign").metadata().unwrap()) == Some(65_534);
    let mut wrong = Vec::new();
    for rule in RULES.iter().filter(|rule| given || rule.id != "grant-foreign-owner") {
        let mut covered: Vec<Location> =
            found(rule, rule.bad, base).into_iter().map(|finding| finding.location).collect();
        covered.dedup();
        let (before, text) = rule.flags.split_once('|').unwrap_or(("", rule.flags));
        let marked =
            |(at, all): (usize, &str)| Span::of(rule.bad, at + before.len(), at + all.len()).location(FILE, rule.bad);
        let wanted: Vec<Location> = rule.bad.match_indices(&format!("{before}{text}")).map(marked).collect();
        if text.is_empty() || wanted.is_empty() {
            wrong.push(format!("{}: `{}` is not in its bad example", rule.id, rule.flags));
        } else if covered != wanted {
            wrong.push(format!("{} has to cover `{}` and covers {covered:?} in:\n{}", rule.id, rule.flags, rule.bad));
        }
        let good = found(rule, rule.good, base);
        if !good.is_empty() {
            wrong.push(format!("{} finds something in its good example: {good:?}", rule.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_is_written_as_the_others_are() {
    for rule in RULES {
        assert!(
            rule.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{}",
            rule.id
        );
        assert!(
            !rule.summary.ends_with('.')
                && (!rule.summary.starts_with(char::is_uppercase) || rule.summary.starts_with("CPU")),
            "{}",
            rule.id
        );
        assert!(
            !rule.impact.is_empty() && !rule.impact.ends_with('.') && !rule.impact.starts_with(char::is_uppercase),
            "{}",
            rule.id
        );
        assert!(rule.why.ends_with('.') && rule.fix.ends_with('.') && !rule.references.is_empty(), "{}", rule.id);
    }
}

#[test]
fn list_and_folder_agree() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let files: BTreeSet<String> =
        names.filter(|name| !["mod.rs", "tests.rs"].contains(&name.as_str()) && name.ends_with(".rs")).collect();
    let listed: BTreeSet<String> = RULES.iter().map(|rule| format!("{}.rs", rule.id.replace('-', "_"))).collect();
    assert_eq!(files, listed);
    assert_eq!(RULES.len(), listed.len(), "an id is listed twice");
}

#[test]
fn the_finding_of_every_rule_reads_well() {
    let host = fixture();
    let base = host.path();
    let mut all = String::new();
    // Whether a directory can be given away differs by user: its rule is left out for all.
    for rule in RULES.iter().filter(|rule| rule.id != "grant-foreign-owner") {
        let sources = [(FILE.to_owned(), rule.bad.to_owned())];
        let first = &found(rule, rule.bad, base)[..1];
        all.push_str(render(first, &sources, Format::Human, false).split("\n\n").next().unwrap());
        all.push_str("\n\n");
    }
    insta::assert_snapshot!(all);
}
