//! The files by which others call the command line hold to its own definition: every call in them parses.

use clap::{Parser as _, ValueEnum as _};
use gauntlet_policy::document::{self, Node, Value};

use crate::args::{Args, Command, FailOn};

const PRE_COMMIT: &str = include_str!("../../../.pre-commit-hooks.yaml");
const GITHUB: &str = include_str!("../../../action.yml");
const GITLAB: &str = include_str!("../../../packaging/ci/gitlab.yml");

/// Every text below a key, wherever the key stands.
fn texts(node: &Node, key: &str, found: &mut Vec<String>) {
    fn all(node: &Node, found: &mut Vec<String>) {
        match &node.value {
            Value::Scalar { text, .. } => found.push(text.clone()),
            Value::Sequence(items) => items.iter().for_each(|item| all(item, found)),
            Value::Mapping(_) => {}
        }
    }
    match &node.value {
        Value::Scalar { .. } => {}
        Value::Sequence(items) => items.iter().for_each(|item| texts(item, key, found)),
        Value::Mapping(entries) => {
            for entry in entries {
                if entry.key.value == key {
                    all(&entry.value, found);
                }
                texts(&entry.value, key, found);
            }
        }
    }
}

fn under(text: &str, key: &str) -> Vec<String> {
    let mut found = Vec::new();
    texts(&document::parse(text).unwrap(), key, &mut found);
    found
}

/// The calls of `gauntlet` in a script, with variables replaced by what they stand for.
fn calls(script: &str) -> Vec<Vec<String>> {
    let word = |word: &str| match word.trim_matches('"') {
        "$FAIL_ON" | "$GAUNTLET_FAIL_ON" => "medium".to_owned(),
        variable if variable.starts_with('$') => "policy.yaml".to_owned(),
        word => word.to_owned(),
    };
    let call = |line: &str| {
        let line = line.trim().split([';', '|', '>']).next().unwrap_or_default();
        line.starts_with("gauntlet ").then(|| line.split_whitespace().map(word).collect::<Vec<_>>())
    };
    script.lines().filter_map(call).collect()
}

fn lint(call: &[String]) -> crate::args::Lint {
    match Args::try_parse_from(call).unwrap_or_else(|error| panic!("{call:?}: {error}")).command {
        Command::Lint(lint) => lint,
        other => panic!("{call:?}: {other:?}"),
    }
}

#[test]
fn every_call_of_the_integrations_parses() {
    let mut scripts = under(GITHUB, "run");
    scripts.extend(under(GITLAB, "script"));
    scripts.extend(under(PRE_COMMIT, "entry").into_iter().map(|entry| format!("{entry} \"$1\" \"$2\"")));
    let calls: Vec<Vec<String>> = scripts.iter().flat_map(|script| calls(script)).collect();
    assert_eq!(calls.len(), 5, "{calls:?}");
    for call in &calls {
        assert!(!lint(call).files.is_empty(), "{call:?}");
    }
}

#[test]
fn what_users_may_set_is_what_the_command_takes() {
    let described = under(GITHUB, "description").into_iter().find(|text| text.contains("severity")).unwrap();
    for value in FailOn::value_variants() {
        let value = value.to_possible_value().unwrap();
        assert!(described.contains(value.get_name()), "`{}` is not described", value.get_name());
    }
    for default in under(GITHUB, "default").into_iter().filter(|default| !default.is_empty()) {
        lint(&["gauntlet".into(), "lint".into(), "--fail-on".into(), default, "policy.yaml".into()]);
    }
    for default in under(GITLAB, "GAUNTLET_FAIL_ON") {
        lint(&["gauntlet".into(), "lint".into(), "--fail-on".into(), default, "policy.yaml".into()]);
    }
}

#[test]
fn inputs_reach_the_shell_as_variables_and_never_as_text_of_the_script() {
    for script in under(GITHUB, "run") {
        assert!(!script.contains("${{"), "{script}");
    }
}
