//! An inspection for people. Every name in it is made safe already; each line begins with our own words, so that none is taken for a
//! command of a CI server.

use std::fmt::Write as _;

use gauntlet_record::Unit;

use crate::{Inspection, Kind};

/// Most imports of a capability, exports, memories and the like that are shown; JSON has them all.
const SHOWN: usize = 40;

pub(crate) fn write(found: &Inspection) -> String {
    let mut text = String::new();
    let bytes = |number| Unit::Bytes.show(number);
    let count = |number| Unit::Count.show(number);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<12}{value}");
    };
    let kind = match found.kind {
        Kind::Module => "core module",
        Kind::Component => "component",
    };
    line("kind", kind);
    line("size", &bytes(found.size));
    line("sha256", &found.sha256);
    line("features", &or_none(&found.features.join(", ")));
    let entries = found.entry_points();
    let shown: Vec<&str> = entries.iter().copied().take(SHOWN).collect();
    line(
        "entry",
        &if shown.is_empty() { "none that is called without being told".to_owned() } else { shown.join(", ") },
    );
    if let Some(start) = found.start {
        let whose = if start.nested { " of a module within it" } else { "" };
        line("start", &format!("function {}{whose} runs before anybody calls it", start.function));
    }
    let minimum = found.minimum;
    line(
        "at start",
        &format!(
            "{} of memory, {} table element(s), {} core instance(s)",
            bytes(minimum.memory),
            count(minimum.table_elements),
            count(minimum.instances)
        ),
    );
    let functions = found.functions;
    line(
        "functions",
        &format!(
            "{} defined, {} of code; {} imported",
            count(functions.defined),
            bytes(functions.code),
            count(functions.imported)
        ),
    );
    let globals = found.globals;
    line(
        "globals",
        &format!(
            "{} defined, {} of them mutable; {} imported",
            count(globals.defined),
            count(globals.mutable),
            count(globals.imported)
        ),
    );
    line(
        "data",
        &format!(
            "{} in {} segment(s); {} table element(s)",
            bytes(found.data.bytes),
            count(found.data.segments),
            count(found.data.elements)
        ),
    );

    let upto = |most: Option<u64>, show: &dyn Fn(u64) -> String| {
        most.map_or("no maximum".to_owned(), |most| format!("at most {}", show(most)))
    };
    let flag = |set: bool, word: &str| if set { format!(", {word}") } else { String::new() };
    section(
        &mut text,
        "memories",
        found.memory_count,
        found.memories.iter().map(|memory| {
            format!(
                "{}, {}{}{}{}",
                bytes(memory.minimum),
                upto(memory.maximum, &bytes),
                flag(memory.shared, "shared"),
                flag(memory.memory64, "64-bit"),
                flag(memory.imported, "imported")
            )
        }),
    );
    section(
        &mut text,
        "tables",
        found.table_count,
        found.tables.iter().map(|table| {
            format!(
                "{} of {}, {}{}{}",
                count(table.minimum),
                table.elements,
                upto(table.maximum, &count),
                flag(table.table64, "64-bit"),
                flag(table.imported, "imported")
            )
        }),
    );

    let _ = writeln!(text, "\nwhat it can do");
    if found.capabilities.is_empty() {
        let _ = writeln!(text, "  compute: it imports no function");
    }
    for (capability, imports) in found.capabilities.iter().rev() {
        let grant = capability.grant().map_or(String::new(), |key| format!(" (if `{key}` grants it)"));
        let _ = writeln!(text, "  {}: it can {}{grant}", capability.as_str(), capability.says());
        for import in imports.iter().take(SHOWN) {
            let kind = found.interface.imports.get(import).map_or("", String::as_str);
            let _ = writeln!(text, "    {import} {kind}");
        }
        more(&mut text, imports.len() as u64, 4);
    }
    if !found.unlinked.is_empty() {
        let _ = writeln!(
            text,
            "  {} import(s) are not part of WASI 0.1 and 0.2: such a guest runs only where its host adds them",
            found.unlinked.len()
        );
    }
    let exports = &found.interface.exports;
    section(&mut text, "exports", exports.len() as u64, exports.iter().map(|(name, kind)| format!("{name} {kind}")));
    section(
        &mut text,
        "within it",
        found.nested_count,
        found.nested.iter().map(|nested| {
            format!(
                "{}{} of {} at byte {}: {} function(s), {} imported",
                "  ".repeat(usize::try_from(nested.depth.saturating_sub(1)).unwrap_or(0).min(8)),
                nested.kind.as_str(),
                bytes(nested.size),
                nested.offset,
                count(nested.functions),
                count(nested.imported_functions)
            )
        }),
    );
    section(
        &mut text,
        "made by (as it says itself)",
        found.producers.len() as u64,
        found.producers.iter().map(|producer| format!("{}: {} {}", producer.field, producer.name, producer.version)),
    );
    section(
        &mut text,
        "custom sections",
        found.custom_section_count,
        found.custom_sections.iter().map(|section| format!("{}: {}", section.name, bytes(section.size))),
    );
    section(
        &mut text,
        "suspicious",
        found.suspicions.len() as u64,
        found.suspicions.iter().map(|suspicion| format!("{}: {}", suspicion.concern.as_str(), suspicion.detail)),
    );
    if found.suspicions.is_empty() {
        let _ = writeln!(text, "\nnothing suspicious was seen");
    }
    text
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "none beyond the first version of WebAssembly".to_owned() } else { text.to_owned() }
}

/// A list under its title; nothing of an empty one.
fn section(text: &mut String, title: &str, count: u64, lines: impl Iterator<Item = String>) {
    if count == 0 {
        return;
    }
    let _ = writeln!(text, "\n{title}");
    for line in lines.take(SHOWN) {
        let _ = writeln!(text, "  {}", line.trim_end());
    }
    more(text, count, 2);
}

fn more(text: &mut String, count: u64, indent: usize) {
    if let Some(rest) = count.checked_sub(SHOWN as u64).filter(|rest| *rest > 0) {
        let _ = writeln!(text, "{:indent$}and {rest} more", "");
    }
}
