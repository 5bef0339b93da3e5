//! The files by which others call the command line hold to its own definition: every call in them parses.

use clap::{Parser as _, ValueEnum as _};
use gauntlet_policy::document::{self, Node, Value};

use crate::args::{Args, Command, FailOn};

const PRE_COMMIT: &str = include_str!("../../../.pre-commit-hooks.yaml");
const GITHUB: &str = include_str!("../../../action.yml");
const GITLAB: &str = include_str!("../../../packaging/ci/gitlab.yml");
const SHARDS_GITHUB: &str = include_str!("../../../packaging/shards/github.yml");
const SHARDS_GITLAB: &str = include_str!("../../../packaging/shards/gitlab.yml");
const SHARDS_KUBERNETES: &str = include_str!("../../../packaging/shards/kubernetes.yaml");

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

#[test]
fn every_call_of_a_run_in_parts_parses() {
    let mut scripts = under(SHARDS_GITHUB, "run");
    scripts.extend(under(SHARDS_GITLAB, "script"));
    // The reader takes one document; a file for Kubernetes holds two.
    for document in SHARDS_KUBERNETES.split("\n---\n") {
        scripts.extend(under(document, "args"));
    }
    let word = |word: &str| {
        let word = word.trim_matches('"');
        let parts = [
            ("$((JOB_COMPLETION_INDEX + 1))", "2"),
            ("$CI_NODE_INDEX", "2"),
            ("$CI_NODE_TOTAL", "3"),
            ("$PART", "2"),
            ("$GAUNTLET_POLICY", "policy.yaml"),
        ];
        parts.iter().fold(word.to_owned(), |word, (variable, value)| word.replace(variable, value))
    };
    let lines =
        scripts.iter().flat_map(|script| script.lines()).map(str::trim).filter(|line| line.starts_with("gauntlet "));
    let mut seen = (0, 0);
    for line in lines {
        // Arithmetic of the shell has spaces in it.
        let line = line.replace("$((JOB_COMPLETION_INDEX + 1))", "2");
        let line = line.split(" || ").next().unwrap().split(" >> ").next().unwrap();
        let call: Vec<String> = line.split_whitespace().map(word).collect();
        match Args::try_parse_from(&call).unwrap_or_else(|error| panic!("{call:?}: {error}")).command {
            Command::Run(run) => {
                assert!(run.sharing.shard.is_some() && run.selection.seed.is_some(), "{call:?}");
                seen.0 += 1;
            }
            Command::Report(_) => seen.1 += 1,
            other => panic!("{call:?}: {other:?}"),
        }
    }
    assert_eq!(seen, (3, 9));
}
