//! A target file's nodes to a target, with all faults at once.

use std::sync::OnceLock;

use gauntlet_policy::document::{Node, Value};
use gauntlet_policy::{Reader, Span, Spanned};
use gauntlet_record::{Cause, LimitKey};

use super::file::Releases;
use super::template::Template;
use super::{CommandTarget, Item, Shown, Status, Version, units};
use crate::limit_key;

const KEYS: &[&str] = &[
    "name",
    "engine",
    "version",
    "version-command",
    "program",
    "status",
    "offers",
    "arguments",
    "entry",
    "limits",
    "grants",
    "notes",
    "install",
    "driver",
    "releases",
    "shows",
];

/// The node as a target; `None` where something that every target needs is missing.
pub(super) fn target(reader: &mut Reader, name: &str, node: &Node) -> Option<CommandTarget> {
    let entries = reader.entries("target", node, KEYS);
    let first = entries.first().map_or(node.span, |entry| entry.key.span);
    let (mut engine, mut program, mut offers, mut arguments) = (None, None, None, None);
    let (mut version, mut named) = (None, None);
    let mut target = CommandTarget {
        name: name.to_owned(),
        engine: String::new(),
        version: Version::Text(String::new()),
        program: String::new(),
        offers: Vec::new(),
        arguments: Vec::new(),
        entry: Vec::new(),
        limits: Vec::new(),
        filesystem: None,
        read_only: None,
        environment: None,
        status: Status::default(),
        notes: String::new(),
        install: String::new(),
        driver: None,
        driver_text: None,
        releases: None,
        shows: Vec::new(),
    };
    // Mappings whose arguments have to find their way into the command line, with the item that takes them.
    let mut mapped: Vec<(&str, Span)> = Vec::new();
    for entry in entries {
        let (key, value) = (entry.key.value.as_str(), &entry.value);
        match key {
            "name" => named = reader.text(key, value),
            "engine" => engine = reader.text(key, value),
            "version" | "version-command" => {
                if version.is_some() {
                    let fix = "Keep `version` or `version-command`.";
                    reader.fault("two-versions", "the version is given twice", fix, entry.key.span);
                }
                version = version_of(reader, key, value);
            }
            "program" => program = reader.text(key, value).filter(|program| not_empty(reader, key, program)),
            "status" => {
                let all = [Status::Tried, Status::NotTried, Status::FromDocumentation];
                let words = all.map(|status| (status.as_str(), status));
                target.status = reader.word(key, value, &words).map(|word| word.value).unwrap_or_default();
            }
            "offers" => offers = Some(offers_of(reader, value)),
            "arguments" => arguments = Some((arguments_of(reader, value), entry.key.span)),
            "entry" => {
                target.entry = templates(reader, key, value, &["entry"], &["entry"]);
                mapped.push(("{{entry}}", entry.key.span));
            }
            "limits" => {
                target.limits = limits_of(reader, value);
                if !target.limits.is_empty() {
                    mapped.push(("{{limits}}", entry.key.span));
                }
            }
            "grants" => {
                for grant in reader.entries(key, value, &["filesystem", "read-only", "environment"]) {
                    let what = format!("grants.{}", grant.key.value);
                    let (slot, names): (_, &[&str]) = match grant.key.value.as_str() {
                        "filesystem" => (&mut target.filesystem, &["host", "guest"]),
                        "read-only" => (&mut target.read_only, &["host", "guest"]),
                        _ => (&mut target.environment, &["name", "value"]),
                    };
                    *slot = Some(templates(reader, &what, &grant.value, names, &names[..1]));
                    mapped.push(("{{grants}}", grant.key.span));
                }
            }
            "install" => target.install = reader.text(key, value).map(|hint| hint.value).unwrap_or_default(),
            "driver" => target.driver = driver_of(reader, value),
            "releases" => target.releases = releases_of(reader, value),
            "shows" => target.shows = shows_of(reader, value),
            _ => target.notes = reader.text(key, value).map(|notes| notes.value).unwrap_or_default(),
        }
    }
    let name_span = named.as_ref().map_or(first, |name| name.span);
    target.name = named.map_or(target.name, |name| name.value);
    if !is_name(&target.name) {
        let fix = "A name is made of lower-case letters, digits, `-` and `.`, and begins with a letter.";
        reader.fault("not-a-name", format!("`{}` is not a target's name", target.name.escape_debug()), fix, name_span);
    }
    let present = [
        ("engine", node.get("engine").is_some()),
        ("version", node.get("version").is_some() || node.get("version-command").is_some()),
        ("program", node.get("program").is_some()),
        ("offers", node.get("offers").is_some()),
        ("arguments", node.get("arguments").is_some()),
    ];
    if matches!(node.value, Value::Mapping(_)) {
        for (key, _) in present.iter().filter(|(_, present)| !present) {
            reader.fault("missing-key", format!("the target has no `{key}`"), format!("Add `{key}:`."), first);
        }
    }
    let (arguments, at) = arguments?;
    for (item, span) in mapped {
        if !arguments.iter().any(|argument| argument.text == item) {
            let message = format!("`arguments` has no item `{item}`, so that this is never used");
            reader.fault("placeholder-missing", message, format!("Add \"{item}\" to `arguments`."), span);
        }
    }
    if !arguments.iter().any(|argument| argument.text.contains("{{module}}")) {
        let fix = "Add \"{{module}}\" where the program takes the guest's file.";
        reader.fault("placeholder-missing", "`arguments` never names the guest", fix, at);
    }
    let uses_driver = arguments.iter().any(|argument| argument.text.contains("{{driver}}"));
    match (&target.driver, uses_driver) {
        (Some(_), false) => {
            let fix = "Add \"{{driver}}\" where the program takes the driver's file.";
            reader.fault("placeholder-missing", "`arguments` never names the driver", fix, at);
        }
        (None, true) => {
            reader.fault("missing-key", "the target has no `driver`", "Name a file beside this one.", at);
        }
        (Some(_), true) | (None, false) => {}
    }
    target.arguments = arguments.into_iter().map(|argument| argument.item).collect();
    target.engine = engine?.value;
    target.version = version?;
    target.program = program?.value;
    target.offers = offers?;
    Some(target)
}

fn version_of(reader: &mut Reader, key: &str, node: &Node) -> Option<Version> {
    if key == "version" {
        return reader.text(key, node).map(|text| Version::Text(text.value));
    }
    let command: Vec<String> = reader.texts(key, node).into_iter().map(|text| text.value).collect();
    if command.first().is_none_or(String::is_empty) {
        reader.fault(
            "empty-value",
            "`version-command` names no program",
            "Write the program and its arguments.",
            node.span,
        );
        return None;
    }
    Some(Version::Command { command, answer: OnceLock::new() })
}

/// The name of the driver's file, which lies beside the target file and nowhere else.
fn driver_of(reader: &mut Reader, node: &Node) -> Option<String> {
    let name = reader.text("driver", node)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.value.is_empty() || name.value.starts_with('.') || !name.value.bytes().all(plain) {
        let fix = "Name a file beside this one, such as `my-runtime.py`.";
        reader.fault("not-a-name", format!("`driver` is `{}`", name.value.escape_debug()), fix, name.span);
        return None;
    }
    Some(name.value)
}

fn releases_of(reader: &mut Reader, node: &Node) -> Option<Releases> {
    let (mut program, mut install) = (None, Vec::new());
    for entry in reader.entries("releases", node, &["program", "install"]) {
        if entry.key.value == "program" {
            let text = reader.text("releases.program", &entry.value);
            program = text.and_then(|text| template(reader, "releases.program", &text, &["folder"]));
        } else {
            for command in reader.items("releases.install", &entry.value) {
                install.push(templates(
                    reader,
                    "releases.install",
                    command,
                    &["folder", "release"],
                    &["folder", "release"],
                ));
            }
        }
    }
    if program.is_none() || install.is_empty() || install.iter().any(Vec::is_empty) {
        let fix = "Write `program` and `install`, a list of commands, each a list of a program and its arguments.";
        reader.fault("missing-key", "`releases` does not say how a release is had", fix, node.span);
        return None;
    }
    Some(Releases { program: program?, install })
}

fn shows_of(reader: &mut Reader, node: &Node) -> Vec<Shown> {
    let mut shows = Vec::new();
    for item in reader.items("shows", node) {
        let (mut cause, mut exit_code, mut stderr) = (None, None, None);
        for entry in reader.entries("an item of `shows`", item, &["cause", "exit-code", "stderr"]) {
            let Some(text) = reader.text(&entry.key.value, &entry.value) else { continue };
            match entry.key.value.as_str() {
                "cause" => match text.value.parse::<Cause>() {
                    Ok(Cause::NoEffect | Cause::NotShown | Cause::EscapedText) | Err(_) => {
                        let fix = "For example `limit-fuel`, `denied-path` or `refused-module`.";
                        reader.fault(
                            "unknown-value",
                            format!("`{}` is no cause that a program can show", text.value.escape_debug()),
                            fix,
                            text.span,
                        );
                    }
                    Ok(named) => cause = Some(named),
                },
                "exit-code" => match text.value.parse::<u8>() {
                    Ok(code) => exit_code = Some(i32::from(code)),
                    Err(_) => reader.fault("unknown-value", "`exit-code` is not a number from 0 to 255", "", text.span),
                },
                _ => stderr = Some(text.value),
            }
        }
        match (cause, stderr) {
            (Some(cause), Some(stderr)) if !stderr.is_empty() => shows.push(Shown { exit_code, stderr, cause }),
            _ => {
                let fix = "Write `cause`, and in `stderr` the words that show it.";
                reader.fault("missing-key", "an item of `shows` needs `cause` and `stderr`", fix, item.span);
            }
        }
    }
    shows
}

fn not_empty(reader: &mut Reader, key: &str, text: &Spanned<String>) -> bool {
    if text.value.is_empty() {
        reader.fault("empty-value", format!("`{key}` is empty"), "", text.span);
    }
    !text.value.is_empty()
}

fn offers_of(reader: &mut Reader, node: &Node) -> Vec<String> {
    let offers = reader.texts("offers", node);
    for offer in offers.iter().filter(|offer| !is_name(&offer.value)) {
        let message = format!("`{}` is not the name of a world or feature", offer.value.escape_debug());
        reader.fault("not-a-name", message, "For example `preview1`, `component` or `simd`.", offer.span);
    }
    offers.into_iter().map(|offer| offer.value).collect()
}

/// An item of `arguments`, and how it was written.
struct Argument {
    item: Item,
    text: String,
}

fn arguments_of(reader: &mut Reader, node: &Node) -> Vec<Argument> {
    let texts = reader.texts("arguments", node);
    texts
        .into_iter()
        .filter_map(|text| {
            let item = match Item::splice(&text.value) {
                Some(item) => item,
                None => Item::One(template(reader, "arguments", &text, &["module", "driver", "nonce"])?),
            };
            Some(Argument { item, text: text.value })
        })
        .collect()
}

fn limits_of(reader: &mut Reader, node: &Node) -> Vec<(LimitKey, Vec<Template>)> {
    let known: Vec<&str> = LimitKey::ALL.iter().map(|key| key.as_str()).collect();
    let mut limits = Vec::new();
    for entry in reader.entries("limits", node, &known) {
        let Some(key) = limit_key(&entry.key.value) else { continue };
        let names: Vec<&str> = units(key.unit()).iter().map(|unit| unit.name).collect();
        limits.push((key, templates(reader, &format!("limits.{key}"), &entry.value, &names, &names)));
    }
    limits
}

/// A list of templates, of which at least one has to use one of `needed`: arguments that drop the value express nothing.
fn templates(reader: &mut Reader, what: &str, node: &Node, names: &[&str], needed: &[&str]) -> Vec<Template> {
    let texts = reader.texts(what, node);
    let faults = reader.faults.len();
    let templates: Vec<Template> = texts.iter().filter_map(|text| template(reader, what, text, names)).collect();
    let uses = |template: &Template| needed.iter().any(|name| template.uses(name));
    if reader.faults.len() == faults && matches!(node.value, Value::Sequence(_)) && !templates.iter().any(uses) {
        let fix = format!("Use one of: {}.", braced(needed));
        reader.fault("placeholder-missing", format!("`{what}` never uses the value"), fix, node.span);
    }
    templates
}

fn template(reader: &mut Reader, what: &str, text: &Spanned<String>, names: &[&str]) -> Option<Template> {
    match Template::parse(&text.value, names) {
        Ok(template) => Some(template),
        Err(name) => {
            let message = match Item::splice(&format!("{{{{{name}}}}}")) {
                Some(_) => format!(
                    "`{{{{{name}}}}}` has to be an item of `arguments` of its own: it becomes zero or more arguments"
                ),
                None => format!("`{{{{{name}}}}}` is not a placeholder of `{what}`"),
            };
            reader.fault("unknown-placeholder", message, format!("`{what}` takes: {}.", braced(names)), text.span);
            None
        }
    }
}

fn braced(names: &[&str]) -> String {
    names.iter().map(|name| format!("{{{{{name}}}}}")).collect::<Vec<_>>().join(", ")
}

/// Names end up in file names and reports.
fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
}
