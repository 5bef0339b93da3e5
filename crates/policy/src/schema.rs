//! JSON Schema of a policy, written from the table of keys: editors complete and check policies with it.
//!
//! It is draft 7, which editors know best. It accepts every policy that the reader accepts, and refuses what a schema can see: keys, words,
//! shapes and the spelling of quantities. What stands in the text and not in the values it cannot see: duplicate keys, anchors, tags,
//! directives, several documents, tabs, invisible characters. Nor does it see bounds of the whole file, numbers that do not fit, whether
//! text is a public key, or what a name behind `extends` leads to.

use gauntlet_record::{LimitKey, Unit};
use serde_json::{Map, Value, json};

use crate::decode::takes_shares;
use crate::keys::{self, Key, Takes};
use crate::quantity::{BYTES, TIMES};

/// Where the schema is published: beside the reports' schemas of the repository.
const ID: &str = "policy.schema.json";

/// JSON Schema of a policy, pretty-printed.
#[must_use]
pub fn json_schema() -> String {
    let mut schema = mapping(keys::POLICY);
    let head = [
        ("$schema", json!("http://json-schema.org/draft-07/schema#")),
        ("$id", json!(ID)),
        ("title", json!("Policy of Gauntlet")),
        ("description", json!("What a WebAssembly guest may use, and how much of it. Closed by default.")),
    ];
    schema.extend(head.map(|(name, value)| (name.to_owned(), value)));
    serde_json::to_string_pretty(&Value::Object(schema)).expect("a schema is plain data") + "\n"
}

fn mapping(keys: &[Key]) -> Map<String, Value> {
    let properties: Map<String, Value> = keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let needed: Vec<&str> = keys.iter().filter(|key| key.needed).map(|key| key.name).collect();
    let mut schema = Map::new();
    schema.insert("type".into(), json!("object"));
    schema.insert("properties".into(), Value::Object(properties));
    schema.insert("additionalProperties".into(), json!(false));
    if !needed.is_empty() {
        schema.insert("required".into(), json!(needed));
    }
    schema
}

fn property(key: &Key) -> Value {
    let mut schema = takes(&key.takes);
    let mut doc = key.doc.trim().replace("\n ", "\n");
    if let Some(absent) = key.default_text()
        && !doc.contains("Default:")
    {
        doc.push_str(&format!(" Default: {absent}."));
    }
    schema.insert("description".into(), json!(doc));
    Value::Object(schema)
}

fn takes(takes: &Takes) -> Map<String, Value> {
    let schema = match takes {
        Takes::Version => json!({ "enum": [1, "1"] }),
        Takes::Limit(key) => limit(*key),
        Takes::Amount(unit) => amount(*unit),
        // The reader takes the two words in quotes, too.
        Takes::Feature(_) | Takes::Boolean => json!({ "enum": [true, false, "true", "false"] }),
        Takes::Words(words) => json!({ "enum": words }),
        Takes::Text => text(),
        Takes::Path => json!({ "type": ["string", "number", "boolean"], "minLength": 1, "pattern": "^[^\\u0000]+$" }),
        Takes::Digest => json!({ "type": ["string", "number"], "pattern": "^[0-9a-f]{64}$" }),
        Takes::List(items) => json!({ "type": "array", "items": self::takes(items) }),
        Takes::Mapping(keys) => return mapping(keys),
        Takes::FileGrant(keys) => {
            let mut schema = mapping(keys);
            let scratch = json!({ "properties": { "access": { "const": "scratch" } }, "required": ["access"] });
            schema.insert("if".into(), scratch);
            schema.insert("then".into(), json!({ "properties": { "host": false }, "required": ["guest"] }));
            schema.insert("else".into(), json!({ "required": ["host"] }));
            return schema;
        }
        Takes::NetworkGrant(keys) => {
            let mut schema = mapping(keys);
            let scopes: Vec<Value> =
                keys.iter().filter(|key| key.name != "reason").map(|key| json!({ "required": [key.name] })).collect();
            schema.insert("oneOf".into(), json!(scopes));
            return schema;
        }
        Takes::Variables => json!({
            "type": "object",
            "propertyNames": { "minLength": 1, "pattern": "^[^=\\u0000]+$" },
            "additionalProperties": text(),
        }),
        Takes::WordsOr(words, keys) => json!({ "anyOf": [{ "enum": words }, Value::Object(mapping(keys))] }),
    };
    match schema {
        Value::Object(schema) => schema,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

/// Text: other readers take some of it for numbers and the like. Null is none.
fn text() -> Value {
    json!({ "type": ["string", "number", "boolean"], "pattern": "^[^\\u0000]*$" })
}

/// A pattern of decimal digits, with `_` between them where one likes.
const DIGITS: &str = "(0|[1-9][0-9]*(_[0-9]+)*)";

fn limit(key: LimitKey) -> Value {
    let mut any = vec![amount(key.unit()), json!({ "const": "unlimited" })];
    if takes_shares(key) {
        any.push(json!({ "type": "string", "pattern": "^([1-9][0-9]?|100)%$" }));
    }
    json!({ "anyOf": any })
}

fn amount(unit: Unit) -> Value {
    let with = |units: &[(&str, u64)], example: &str| {
        let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
        json!({ "type": "string", "pattern": format!("^{DIGITS}\\s*({})$", names.join("|")), "examples": [example] })
    };
    match unit {
        Unit::Bytes => with(BYTES, "64MiB"),
        Unit::Time => with(TIMES, "10s"),
        // Readers of YAML 1.2 take digits with `_` for text.
        Unit::Count => json!({ "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": u64::MAX },
            { "type": "string", "pattern": format!("^{DIGITS}$") },
        ] }),
    }
}
