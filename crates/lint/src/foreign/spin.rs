//! `spin.toml` of Spin, manifest version 2, and version 1 as far as it grants the same.
//!
//! Source: `crates/manifest/src/schema/v1.rs` and `v2.rs` of spinframework/spin, 2026-08. Unknown keys are the host's to refuse.

use std::collections::BTreeSet;

use gauntlet_policy::document::{Entry, Node, Value};
use gauntlet_policy::{Access, Fault, Reader, Scope, Span, Spanned};

use super::addresses::Url;
use super::part::{Carry, Part};
use crate::rules;

/// Most components of a file: each is judged on its own.
const MOST_COMPONENTS: usize = 256;
/// Services of the platform that a component is granted by name.
const SERVICES: &[&str] = &["key_value_stores", "sqlite_databases", "ai_models"];

pub(super) fn read(root: &Node) -> Result<Vec<Part>, Vec<Fault>> {
    let mut reader = Reader::default();
    let variables = variables(root);
    let mut parts = Vec::new();
    for (name, node) in components(root, &mut reader) {
        if parts.len() >= MOST_COMPONENTS {
            reader.fault("file-too-large", format!("more than {MOST_COMPONENTS} components"), "", name.span);
            break;
        }
        let mut part = Part::new(&name.value, name.span);
        part.ignore_listed("spin", node);
        component(node, &variables, &mut reader, &mut part);
        parts.push(part);
    }
    if parts.is_empty() {
        // Nothing is granted where there is no component, but a secret may still be written down.
        parts.push(Part::new("", root.span));
    }
    for variable in &variables {
        if let (Some(default), Some(part)) = (&variable.default, parts.first_mut())
            && !default.value.is_empty()
        {
            let why = "variables are asked for by an interface of the host, not read from the environment";
            part.variable(variable.name.clone(), default.clone(), Carry::Not(why));
        }
    }
    if reader.faults.is_empty() { Ok(parts) } else { Err(reader.faults) }
}

/// A variable of the application.
struct AppVariable {
    name: Spanned<String>,
    default: Option<Spanned<String>>,
}

fn variables(root: &Node) -> Vec<AppVariable> {
    let Some(Node { value: Value::Mapping(entries), .. }) = root.get("variables") else { return Vec::new() };
    let of = |entry: &Entry| {
        let default = entry.value.get("default").and_then(|node| match &node.value {
            Value::Scalar { text, .. } => Some(Spanned { value: text.clone(), span: node.span }),
            Value::Mapping(_) | Value::Sequence(_) => None,
        });
        AppVariable { name: entry.key.clone(), default }
    };
    entries.iter().map(of).collect()
}

/// The components with their names: a table of tables in version 2, a list of tables in version 1.
fn components<'n>(root: &'n Node, reader: &mut Reader) -> Vec<(Spanned<String>, &'n Node)> {
    match root.get("component") {
        Some(Node { value: Value::Mapping(entries), .. }) => {
            entries.iter().map(|entry| (entry.key.clone(), &entry.value)).collect()
        }
        Some(Node { value: Value::Sequence(items), .. }) => items
            .iter()
            .map(|item| {
                let id = item.get("id").and_then(|node| reader.text("id", node));
                (id.unwrap_or(Spanned { value: String::new(), span: item.span }), item)
            })
            .collect(),
        Some(node) => {
            reader.wrong(node, "`component` has to be a table");
            Vec::new()
        }
        None => Vec::new(),
    }
}

fn component(node: &Node, variables: &[AppVariable], reader: &mut Reader, part: &mut Part) {
    let Value::Mapping(entries) = &node.value else {
        reader.wrong(node, "a component has to be a table");
        return;
    };
    for entry in entries {
        let (key, value) = (entry.key.value.as_str(), &entry.value);
        match key {
            "allowed_outbound_hosts" | "allowed_http_hosts" => {
                for host in reader.texts(key, value) {
                    outbound(&host, key == "allowed_http_hosts", variables, part);
                }
            }
            "files" => {
                let mut taken = BTreeSet::new();
                reader.items(key, value).iter().for_each(|item| files(item, &mut taken, reader, part));
            }
            "environment" | "variables" | "config" => settings(entry, reader, part),
            "source" => {
                if let Some(url) = value.get("url")
                    && value.get("digest").is_none()
                {
                    part.left("a source by address", "it has no digest that `modules.sha256` could name", url.span);
                }
            }
            _ if SERVICES.contains(&key) && !is_empty(value) => {
                part.left(format!("`{key}`"), "our executor offers no such service", entry.key.span);
            }
            "exclude_files" if !is_empty(value) => {
                part.left("`exclude_files`", "a directory is granted as a whole; keep these out of it", entry.key.span);
            }
            "dependencies_inherit_configuration" if is_true(value) => {
                let why = "what is granted to the component is granted to every one of its dependencies";
                part.left(format!("`{key}`"), why, entry.key.span);
            }
            _ => {}
        }
    }
}

fn is_empty(node: &Node) -> bool {
    matches!(&node.value, Value::Sequence(items) if items.is_empty())
}

fn is_true(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar { text, plain: true } if text == "true")
}

fn outbound(host: &Spanned<String>, http: bool, variables: &[AppVariable], part: &mut Part) {
    let mut text = host.value.clone();
    for variable in variables {
        if let Some(default) = &variable.default {
            for pattern in [format!("{{{{ {} }}}}", variable.name.value), format!("{{{{{}}}}}", variable.name.value)] {
                text = text.replace(&pattern, &default.value);
            }
        }
    }
    if text.contains("{{") {
        let why = "the host is a variable without a value here; write the address out";
        part.left(format!("`{}`", host.value), why, host.span);
        part.remark(rules::NETWORK_VARIABLE, format!("a variable chooses the host of `{}`", host.value), host.span);
        return;
    }
    if http && text == "insecure:allow-all" {
        text = "*".to_owned();
    }
    // A deployment may answer many; what is judged is the text, not what a resolver would say.
    let url = Url::of(if http && text == "self" { "http://self" } else { &text });
    let own = url.host == "self" || url.host.ends_with(".spin.internal");
    if own {
        part.left(format!("`{text}`"), "other components of the application are not run here", host.span);
        return;
    }
    let mut address = url.address();
    let mut carry = url.carry();
    if http && url.port.is_none() && address != "*" {
        // Version 1 takes the default port of whichever scheme is used.
        address = format!("{}:443", url.host);
        carry = Url::of(&address).carry();
    }
    part.network(Scope::Connect, Spanned { value: address, span: host.span }, carry);
}

/// A file, a pattern, or a directory with its place in the guest. All of it is copied, and read-only.
fn files(item: &Node, taken: &mut BTreeSet<String>, reader: &mut Reader, part: &mut Part) {
    let access = |span: Span| Spanned { value: Access::ReadOnly, span };
    if let Value::Mapping(_) = &item.value {
        let source = item.get("source").and_then(|node| reader.text("source", node));
        let destination = item.get("destination").and_then(|node| reader.text("destination", node));
        let (Some(source), Some(destination)) = (source, destination) else {
            reader.fault("missing-key", "files without `source` and `destination`", "The host refuses it.", item.span);
            return;
        };
        let span = source.span;
        part.file(source, Some(destination), access(span), item.span);
        return;
    }
    let Some(pattern) = reader.text("files", item) else { return };
    let parts: Vec<&str> = pattern.value.split('/').collect();
    let fixed = parts.iter().position(|part| part.contains(['*', '?', '[', '{'])).unwrap_or(parts.len());
    let directory = match parts[..fixed].join("/") {
        empty if empty.is_empty() => ".".to_owned(),
        directory => directory,
    };
    let guest = format!("/{}", directory.trim_start_matches("./").trim_matches(['.', '/']));
    // Several patterns often begin in one directory.
    if !taken.insert(directory.clone()) {
        return;
    }
    if fixed < parts.len() {
        part.left(
            format!("the pattern `{}`", pattern.value),
            format!("a directory is granted as a whole: `{directory}`"),
            pattern.span,
        );
    }
    let host = Spanned { value: directory, span: pattern.span };
    let guest = Spanned { value: guest, span: pattern.span };
    part.file(host, Some(guest), access(pattern.span), pattern.span);
}

/// The environment, and the values of variables that the component is given. A template is no value: it is set where the secret is kept.
fn settings(entry: &Entry, reader: &mut Reader, part: &mut Part) {
    let environment = entry.key.value == "environment";
    let Value::Mapping(entries) = &entry.value.value else {
        reader.wrong(&entry.value, "it has to be a table of names and values");
        return;
    };
    for entry in entries {
        let Some(value) = reader.text("environment", &entry.value) else { continue };
        let template = value.value.contains("{{");
        match (environment, template) {
            (true, false) => part.variable(entry.key.clone(), value, Carry::Same),
            (true, true) => {
                part.variable(entry.key.clone(), value, Carry::Not("its value is a variable of the application"));
            }
            (false, true) => part.left(
                format!("the variable `{}`", entry.key.value),
                "variables are asked for by an interface of the host",
                entry.key.span,
            ),
            (false, false) => {
                let why = "variables are asked for by an interface of the host, not read from the environment";
                part.variable(entry.key.clone(), value, Carry::Not(why));
            }
        }
    }
}
