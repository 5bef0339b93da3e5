//! `policy.yaml` of Wassette.
//!
//! Source: `crates/policy/src/types.rs` and `crates/wassette/src/wasistate.rs` of microsoft/wassette at 1d3afd0.

use gauntlet_policy::document::{Node, Value};
use gauntlet_policy::{Access, Fault, Reader, Scope, Span, Spanned};
use gauntlet_record::LimitKey;

use super::addresses::Url;
use super::not_enforced::entry;
use super::part::{Carry, Part};

const HOST: &str = "wassette";
/// The keys of each mapping. The host passes over all others without a word.
const KEYS: &[(&str, &[&str])] = &[
    ("", &["$schema", "version", "description", "permissions"]),
    ("permissions", &["storage", "network", "environment", "resources", "runtime", "ipc"]),
    ("permissions.storage", &["allow", "deny"]),
    ("permissions.network", &["allow", "deny"]),
    ("permissions.environment", &["allow"]),
    ("permissions.resources", &["limits", "cpu", "memory", "io"]),
    ("permissions.resources.limits", &["cpu", "memory"]),
];
/// Suffixes of sizes, as Kubernetes writes them, and what they stand for.
const SIZES: &[(&str, u64)] =
    &[("", 1), ("k", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("Ki", 1 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30)];

pub(super) fn read(root: &Node) -> Result<Vec<Part>, Vec<Fault>> {
    let mut reader = Reader::default();
    let at = key(root, "permissions").unwrap_or(root.span);
    let mut part = Part::new("", at);
    for (path, known) in KEYS {
        unknown(root, path, known, &mut part);
    }
    part.ignore_listed(HOST, root);
    let permissions = root.get("permissions");
    let list = |section: &str| permissions.and_then(|node| node.get(section)).and_then(|node| node.get("allow"));
    storage(list("storage"), &mut reader, &mut part);
    network(list("network"), &mut reader, &mut part);
    for item in items(list("environment"), "permissions.environment.allow", &mut reader) {
        if let Some(name) = scalar(item, "key", &mut reader) {
            let value = Spanned { value: String::new(), span: name.span };
            part.variable(name, value, Carry::Not("its value comes from the host's environment; write it out"));
        }
    }
    if let Some(node) = permissions {
        memory(node, &mut reader, &mut part);
    }
    finish(reader, part)
}

fn finish(reader: Reader, part: Part) -> Result<Vec<Part>, Vec<Fault>> {
    if reader.faults.is_empty() { Ok(vec![part]) } else { Err(reader.faults) }
}

/// Where a key of a mapping stands.
fn key(node: &Node, name: &str) -> Option<Span> {
    match &node.value {
        Value::Mapping(entries) => entries.iter().find(|entry| entry.key.value == name).map(|entry| entry.key.span),
        Value::Scalar { .. } | Value::Sequence(_) => None,
    }
}

/// The keys of a mapping that the format does not have.
fn unknown(root: &Node, path: &str, known: &[&str], part: &mut Part) {
    let node = path.split('.').filter(|name| !name.is_empty()).try_fold(root, |node, name| node.get(name));
    if let Some(Node { value: Value::Mapping(entries), .. }) = node {
        for entry_ in entries.iter().filter(|entry| !known.contains(&entry.key.value.as_str())) {
            part.ignore(entry(HOST, "permissions.?"), &entry_.key.value, entry_.key.span);
        }
    }
}

/// The items of a list; absent and null are empty ones, as the host takes them.
fn items<'n>(node: Option<&'n Node>, what: &str, reader: &mut Reader) -> &'n [Node] {
    match node {
        Some(Node { value: Value::Scalar { text, plain: true }, .. }) if matches!(text.as_str(), "" | "~" | "null") => {
            &[]
        }
        Some(node) => reader.items(what, node),
        None => &[],
    }
}

fn scalar(item: &Node, name: &str, reader: &mut Reader) -> Option<Spanned<String>> {
    if let Some(node) = item.get(name) {
        return reader.text(name, node);
    }
    reader.fault("missing-key", format!("an entry without `{name}`"), "The host refuses it.", item.span);
    None
}

fn storage(list: Option<&Node>, reader: &mut Reader, part: &mut Part) {
    for item in items(list, "permissions.storage.allow", reader) {
        let Some(uri) = scalar(item, "uri", reader) else { continue };
        let words = item.get("access").map(|node| reader.texts("access", node)).unwrap_or_default();
        let Some(path) = uri.value.strip_prefix("fs://") else {
            part.ignore(entry(HOST, "permissions.storage.allow[].uri scheme"), &uri.value, uri.span);
            continue;
        };
        // The directory that is meant: what stands before the first part with a pattern.
        let pattern = path.split('/').position(|part| part.contains(['*', '?', '[']));
        let meant: String = match pattern {
            Some(at) => path.split('/').take(at).collect::<Vec<_>>().join("/"),
            None => path.to_owned(),
        };
        let meant = match meant.as_str() {
            "" if path.starts_with('/') => "/".to_owned(),
            "" => ".".to_owned(),
            _ => meant,
        };
        if pattern.is_some() {
            part.ignore(entry(HOST, "permissions.storage.allow[].uri *"), &uri.value, uri.span);
        }
        let writes = words.iter().find(|word| word.value == "write");
        let span = writes.or(words.first()).map_or(uri.span, |word| word.span);
        let access = Spanned { value: if writes.is_some() { Access::ReadWrite } else { Access::ReadOnly }, span };
        let host = Spanned { value: meant, span: uri.span };
        part.file(host.clone(), Some(host), access, item.span);
    }
}

fn network(list: Option<&Node>, reader: &mut Reader, part: &mut Part) {
    for item in items(list, "permissions.network.allow", reader) {
        let (name, range) = if item.get("cidr").is_some() { ("cidr", true) } else { ("host", false) };
        let Some(text) = scalar(item, name, reader) else { continue };
        let url = Url::of(&text.value);
        let carry = if range { Carry::Not("our policies grant hosts, not ranges of addresses") } else { url.carry() };
        part.network(Scope::Connect, Spanned { value: url.address(), span: text.span }, carry);
    }
}

/// The limit on memory, in its new and its old place.
fn memory(permissions: &Node, reader: &mut Reader, part: &mut Part) {
    let resources = permissions.get("resources");
    if let Some(at) = key(permissions, "resources") {
        part.limits_at(at);
    }
    let limit = resources.and_then(|node| node.get("limits")).and_then(|node| node.get("memory"));
    let (node, unit) = match (limit, resources.and_then(|node| node.get("memory"))) {
        (Some(node), _) => (node, 1),
        (None, Some(node)) => (node, 1 << 20),
        (None, None) => {
            let at = part.policy.section("limits");
            part.no_limit(LimitKey::Memory, at);
            return;
        }
    };
    let Some(text) = reader.text("memory", node) else { return };
    match size(&text.value).and_then(|bytes| bytes.checked_mul(unit)) {
        Some(bytes) => part.limit(LimitKey::Memory, bytes, text.span),
        None => reader.fault("not-a-quantity", "a limit on memory that is no size", "Write `512Mi`.", text.span),
    }
}

fn size(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, suffix) = text.split_at(split);
    let (_, scale) = SIZES.iter().find(|(name, _)| *name == suffix)?;
    digits.parse::<u64>().ok()?.checked_mul(*scale)
}
