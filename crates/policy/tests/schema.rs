//! The JSON Schema of policies: it is the one of the table of keys, takes all presets, and refuses what a schema can see.
//! `UPDATE=1 cargo test -p gauntlet-policy --test schema` rewrites it under `reports/schemas/`.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::path::Path;
use std::{env, fs};

use gauntlet_policy::document::{Node, Value, parse};
use gauntlet_policy::{Policy, json_schema, reference};
use jsonschema::Validator;
use serde_json::{Map, Value as Json, json};

fn validator() -> Validator {
    jsonschema::validator_for(&serde_json::from_str(&json_schema()).unwrap()).unwrap()
}

/// A tree as a reader of YAML 1.2 takes it, by the core schema: what an editor holds against the schema.
fn json(node: &Node) -> Json {
    match &node.value {
        Value::Mapping(entries) => Json::Object(
            entries.iter().map(|entry| (entry.key.value.clone(), json(&entry.value))).collect::<Map<_, _>>(),
        ),
        Value::Sequence(items) => Json::Array(items.iter().map(json).collect()),
        Value::Scalar { text, plain: false } => Json::String(text.clone()),
        Value::Scalar { text, plain: true } => match text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Json::Null,
            "true" | "True" | "TRUE" => Json::Bool(true),
            "false" | "False" | "FALSE" => Json::Bool(false),
            text => {
                let sign = text.strip_prefix(['+', '-']).unwrap_or(text);
                let radix = |digits: &str, radix| u64::from_str_radix(digits, radix).ok().map(|number| json!(number));
                let number = match sign.split_at(sign.len().min(2)) {
                    ("0x", digits) => radix(digits, 16),
                    ("0o", digits) => radix(digits, 8),
                    _ if sign.bytes().all(|byte| byte.is_ascii_digit()) => {
                        text.parse::<i128>().ok().and_then(|number| {
                            u64::try_from(number)
                                .map(Json::from)
                                .or_else(|_| i64::try_from(number).map(Json::from))
                                .ok()
                        })
                    }
                    _ if sign.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                        text.parse::<f64>().ok().map(|number| json!(number))
                    }
                    _ => None,
                };
                number.unwrap_or_else(|| Json::String(text.to_owned()))
            }
        },
    }
}

/// Holds a file of the repository to what the table of keys makes of it.
fn is_published(file: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, made).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == made, "{file} is out of date; `UPDATE=1 cargo test -p gauntlet-policy --test schema` rewrites it");
}

#[test]
fn the_published_schema_and_the_page_of_keys_are_those_of_the_table() {
    is_published("reports/schemas/policy.schema.json", &json_schema());
    is_published("docs/policy.md", &reference());
    assert!(reference().contains("| `memory` | size, share, `unlimited` | `128MiB` |"));
}

#[test]
fn the_schema_takes_every_preset_and_every_example() {
    let validator = validator();
    for (name, text) in gauntlet_policies::PRESETS.iter().chain(gauntlet_policies::EXAMPLES) {
        let faults: Vec<String> = validator
            .iter_errors(&json(&parse(text).unwrap()))
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{name}: {faults:?}");
    }
}

#[test]
fn every_preset_names_the_schema_in_its_first_line() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    for (name, text) in gauntlet_policies::PRESETS {
        let first = text.lines().next().unwrap();
        let schema =
            first.strip_prefix("# yaml-language-server: $schema=").unwrap_or_else(|| panic!("{name}: {first}"));
        assert!(folder.join(schema).is_file(), "{name}: {schema} is not there");
    }
}

/// What the reader takes, the schema has to take, too; what it refuses here, a schema can see.
#[test]
fn schema_and_reader_agree_on_what_a_schema_can_see() {
    let validator = validator();
    let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let sound = [
        "version: 1\n",
        "version: '1'\nextends: strict\n",
        "version: 1\nextends: agent\nlimits: { memory: 25%, fuel: unlimited, deadline: 1 h, files: 1_000, ports: '5', disk: 0B }\n",
        "version: 1\ngrants: { filesystem: [{ host: ./a, access: read-only }, { guest: /t, access: scratch, reason: 5 }] }\n",
        "version: 1\ngrants: { network: [{ connect: 'a:1' }, { resolve: 10.5, reason: true }], environment: { PORT: 8080, E: '' } }\n",
        "version: 1\ngrants: { random: seeded, arguments: [-1, on, true], clock: { resolution: 1ms }, stdin: inherit }\n",
        "version: 1\ngrants: { random: { seed: 7 } }\n",
        "version: 1\nfeatures: { threads: 'true', simd: false }\nisolation: { cgroup: off }\nper-tenant: { window: 1h, runs: 3 }\n",
        "version: 1\nwaivers: [{ rule: a, expires: 2026-01-31 }]\ndeterministic: true\naudit: { log: a.jsonl }\n",
        &format!(
            "version: 1\nmodules: {{ sha256: [{digest}], deny: [a], deny-list: d, compressed: accept, imports: stub-unknown }}\n"
        ),
    ];
    for text in sound {
        assert!(Policy::parse("t", text).is_ok(), "{text}: {:?}", Policy::parse("t", text));
        let faults: Vec<String> = validator
            .iter_errors(&json(&parse(text).unwrap()))
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(faults.is_empty(), "{text}: {faults:?}");
    }
    let faulty = [
        ("version-missing", "limits: {}\n"),
        ("version-unknown", "version: 2\n"),
        ("unknown-key", "version: 1\nlimits: { memroy: 1MiB }\n"),
        ("unknown-key", "version: 1\nlimit: {}\n"),
        ("unknown-key", "version: 1\ngrants: { filesystem: [{ guest: /t, host: /h, access: scratch }] }\n"),
        ("missing-key", "version: 1\ngrants: { filesystem: [{ host: ./a }] }\n"),
        ("missing-key", "version: 1\ngrants: { filesystem: [{ guest: /a, access: read-only }] }\n"),
        ("missing-key", "version: 1\ngrants: { filesystem: [{ access: scratch }] }\n"),
        ("missing-key", "version: 1\ngrants: { network: [{ reason: a }] }\n"),
        ("missing-key", "version: 1\ngrants: { random: {} }\n"),
        ("missing-key", "version: 1\nwaivers: [{ reason: a }]\n"),
        ("duplicate-key", "version: 1\ngrants: { network: [{ connect: 'a:1', listen: 'b:1' }] }\n"),
        ("wrong-type", "version: 1\nlimits: [memory]\n"),
        ("wrong-type", "[]\n"),
        ("wrong-type", "version: 1\ngrants: { environment: [A] }\n"),
        ("wrong-type", "version: 1\ngrants: { arguments: a }\n"),
        ("null-value", "version: 1\nlimits:\n"),
        ("null-value", "version: 1\nlimits: { fuel: ~ }\n"),
        ("null-value", "version: 1\ngrants: { environment: { A: } }\n"),
        ("unknown-value", "version: 1\non-denial: ignore\n"),
        ("boolean-not-canonical", "version: 1\nfeatures: { threads: no }\n"),
        ("boolean-not-canonical", "version: 1\ndeterministic: on\n"),
        ("not-a-quantity", "version: 1\nlimits: { memory: 64 }\n"),
        ("not-a-quantity", "version: 1\nlimits: { memory: 64M }\n"),
        ("not-a-quantity", "version: 1\nlimits: { memory: 0% }\n"),
        ("not-a-quantity", "version: 1\nlimits: { fuel: 25% }\n"),
        ("not-a-quantity", "version: 1\nlimits: { fuel: -1 }\n"),
        ("not-a-quantity", "version: 1\nlimits: { fuel: 1.5 }\n"),
        ("not-a-quantity", "version: 1\nlimits: { fuel: 1:30 }\n"),
        ("not-a-quantity", "version: 1\nlimits: { fuel: '017' }\n"),
        ("not-a-quantity", "version: 1\nlimits: { fuel: 0b11 }\n"),
        ("not-a-quantity", "version: 1\nlimits: { deadline: 10 }\n"),
        ("not-a-quantity", "version: 1\nlimits: { deadline: .inf }\n"),
        ("not-a-quantity", "version: 1\nlimits: { fuel: 1__0 }\n"),
        ("not-a-path", "version: 1\ngrants: { filesystem: [{ host: '', access: read-only }] }\n"),
        ("not-a-path", "version: 1\ngrants: { filesystem: [{ host: \"a\\0b\", access: read-only }] }\n"),
        ("not-a-path", "version: 1\naudit: { log: '' }\n"),
        ("not-a-name", "version: 1\ngrants: { environment: { A=B: c } }\n"),
        ("nul-character", "version: 1\ngrants: { arguments: [\"a\\0b\"] }\n"),
        ("not-a-digest", "version: 1\nmodules: { sha256: [d41d8cd98f00b204e9800998ecf8427e] }\n"),
    ];
    for (rule, text) in faulty {
        let faults = Policy::parse("t", text).unwrap_err();
        assert!(faults.iter().any(|fault| fault.rule == rule), "{text}: {faults:?}");
        assert!(!validator.is_valid(&json(&parse(text).unwrap())), "the schema takes {text}");
    }
}

/// What a schema cannot see, because it stands in the text and not in the values, or needs more than a pattern. A reader of YAML gives the
/// same values as for a sound policy, so the linter alone finds these.
#[test]
fn what_a_schema_cannot_see_the_reader_does() {
    let unseen = [
        ("duplicate-key", "version: 1\nlimits: { fuel: 1, fuel: 2 }\n"),
        ("anchors-used", "version: 1\nlimits: { disk: &size 1MiB }\n"),
        ("tag-used", "version: 1\nlimits: { disk: !!str 1MiB }\n"),
        ("several-documents", "version: 1\n---\nversion: 1\n"),
        ("directive-used", "%YAML 1.1\n---\nversion: 1\n"),
        ("invisible-characters", "version: 1 # \u{202e}\n"),
        ("tab-indentation", "version: 1\nlimits: {\n\tfuel: 1 }\n"),
        ("not-a-public-key", "version: 1\nmodules: { signed-by: [abc] }\n"),
        ("extends-unknown", "version: 1\nextends: nobody\n"),
        ("extends-outside", "version: 1\nextends: ../other.yaml\n"),
        ("not-a-quantity", "version: 1\nlimits: { fuel: '99999999999999999999' }\n"),
        ("not-a-quantity", "version: 1\nlimits: { fuel: 0x10 }\n"),
        ("version-unknown", "version: 1.0\n"),
    ];
    for (rule, text) in unseen {
        let faults = Policy::parse("t", text).unwrap_err();
        assert!(faults.iter().any(|fault| fault.rule == rule), "{text}: {faults:?}");
    }
    let validator = validator();
    for (rule, text) in &unseen[7..] {
        assert!(validator.is_valid(&json(&parse(text).unwrap())), "the schema sees {rule} after all: {text}");
    }
}
