//! The manifest of Extism, in JSON or TOML.
//!
//! Source: `manifest/src/lib.rs` and `runtime/src/current_plugin.rs` of extism/extism, 2025-11. Unknown keys are the host's to refuse.

use gauntlet_policy::document::{Entry, Node, Value};
use gauntlet_policy::{Access, Fault, Reader, Scope, Span, Spanned};
use gauntlet_record::LimitKey;

use super::addresses::Url;
use super::part::{Carry, Part};
use crate::rules;

/// Bytes of a page of linear memory.
const PAGE: u64 = 64 << 10;

pub(super) fn read(root: &Node) -> Result<Vec<Part>, Vec<Fault>> {
    let mut reader = Reader::default();
    let Value::Mapping(entries) = &root.value else {
        reader.wrong(root, "a manifest has to be an object");
        return Err(reader.faults);
    };
    let find = |name: &str| entries.iter().find(|entry| entry.key.value == name);
    let at = find("wasm").map_or(root.span, |entry| entry.key.span);
    let mut part = Part::new("", at);
    part.ignore_listed("extism", root);
    memory(find("memory").or(find("memory_options")), at, &mut reader, &mut part);
    if let Some(entry) = find("timeout_ms") {
        timeout(entry, &mut reader, &mut part);
    }
    for entry in entries.iter().filter(|entry| !is_null(&entry.value)) {
        match entry.key.value.as_str() {
            "wasm" => modules(&entry.value, &mut reader, &mut part),
            "allowed_hosts" => {
                for host in reader.texts("allowed_hosts", &entry.value) {
                    let url = Url::of(&host.value);
                    part.network(Scope::Connect, Spanned { value: url.address(), span: host.span }, url.carry());
                }
            }
            "allowed_paths" => paths(&entry.value, &mut reader, &mut part),
            "config" => config(&entry.value, &mut reader, &mut part),
            _ => {}
        }
    }
    if reader.faults.is_empty() { Ok(vec![part]) } else { Err(reader.faults) }
}

fn is_null(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "null" | "" | "~"))
}

fn number(node: &Node, what: &str, reader: &mut Reader) -> Option<Spanned<u64>> {
    let text = reader.text(what, node)?;
    match text.value.parse() {
        Ok(value) => Some(Spanned { value, span: text.span }),
        Err(_) => {
            reader.fault("not-a-quantity", format!("`{what}` is no whole number"), "", text.span);
            None
        }
    }
}

fn memory(entry: Option<&Entry>, at: Span, reader: &mut Reader, part: &mut Part) {
    if let Some(entry) = entry {
        part.limits_at(entry.key.span);
    }
    let limit = entry.and_then(|entry| entry.value.get("max_pages").or_else(|| entry.value.get("max")));
    match limit {
        Some(node) if is_null(node) => part.unlimited(LimitKey::Memory, node.span),
        Some(node) => {
            if let Some(pages) = number(node, "memory.max_pages", reader) {
                part.limit(LimitKey::Memory, pages.value.saturating_mul(PAGE), pages.span);
            }
        }
        None => part.no_limit(LimitKey::Memory, entry.map_or(at, |entry| entry.key.span)),
    }
    for name in ["max_http_response_bytes", "max_var_bytes"] {
        if let Some(node) = entry.and_then(|entry| entry.value.get(name)) {
            part.left(format!("`memory.{name}`"), "our executor offers no such service", node.span);
        }
    }
}

/// Absent, it is 30 seconds; `null` is none at all.
fn timeout(entry: &Entry, reader: &mut Reader, part: &mut Part) {
    if is_null(&entry.value) {
        part.unlimited(LimitKey::Deadline, entry.value.span);
    } else if let Some(time) = number(&entry.value, "timeout_ms", reader) {
        part.limit(LimitKey::Deadline, time.value.saturating_mul(1_000_000), time.span);
    }
}

fn modules(node: &Node, reader: &mut Reader, part: &mut Part) {
    for item in reader.items("wasm", node) {
        let Some(hash) = item.get("hash").filter(|node| !is_null(node)) else {
            if let Some(url) = item.get("url").and_then(|node| reader.text("url", node)) {
                part.remark(rules::MODULE_UNPINNED, format!("nothing pins what `{}` answers", url.value), url.span);
            }
            continue;
        };
        let Some(hash) = reader.text("hash", hash) else { continue };
        let digest = hash.value.to_ascii_lowercase();
        if digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            part.import.modules.sha256.push(Spanned { value: digest, span: hash.span });
        } else {
            part.left("a `hash`", "it is no SHA-256 digest", hash.span);
        }
    }
}

fn paths(node: &Node, reader: &mut Reader, part: &mut Part) {
    let Value::Mapping(entries) = &node.value else {
        reader.wrong(node, "`allowed_paths` has to be an object");
        return;
    };
    for entry in entries {
        let Some(guest) = reader.text("allowed_paths", &entry.value) else { continue };
        let (path, access) = match entry.key.value.strip_prefix("ro:") {
            Some(path) => (path, Access::ReadOnly),
            None => (entry.key.value.as_str(), Access::ReadWrite),
        };
        let span = entry.key.span;
        let host = Spanned { value: path.to_owned(), span };
        part.file(host, Some(guest), Spanned { value: access, span }, span);
    }
}

/// What the plug-in reads by a call of its own. It is as open to the guest as the environment is.
fn config(node: &Node, reader: &mut Reader, part: &mut Part) {
    let Value::Mapping(entries) = &node.value else {
        reader.wrong(node, "`config` has to be an object");
        return;
    };
    for entry in entries.iter().filter(|entry| !is_null(&entry.value)) {
        let Some(value) = reader.text("config", &entry.value) else { continue };
        let why = "configuration is read by a call of the host, not from the environment";
        part.variable(entry.key.clone(), value, Carry::Not(why));
    }
}
