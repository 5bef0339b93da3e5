//! The TOML file that `wasmtime --config` reads.

use gauntlet_policy::document::{Node, Value};
use gauntlet_policy::{Fault, Reader};

use super::{Setting, Settings};
use crate::foreign::part::Part;

pub(in crate::foreign) fn read(root: &Node) -> Result<Vec<Part>, Vec<Fault>> {
    let mut reader = Reader::default();
    let mut part = Part::new("", root.span);
    part.ignore_listed("wasmtime", root);
    let mut settings = Settings::default();
    let mut wasm = None;
    for (table, wasi) in [("wasm", false), ("wasi", true)] {
        let Value::Mapping(entries) = &root.value else { continue };
        let Some(entry) = entries.iter().find(|entry| entry.key.value == table) else { continue };
        if !wasi {
            wasm = Some(entry.key.span);
        }
        let Value::Mapping(options) = &entry.value.value else {
            reader.wrong(&entry.value, &format!("`{table}` has to be a table"));
            continue;
        };
        for option in options {
            let values: Vec<&Node> = match &option.value.value {
                Value::Sequence(items) => items.iter().collect(),
                Value::Scalar { .. } => vec![&option.value],
                Value::Mapping(_) => continue,
            };
            for value in values {
                let Some(text) = reader.text(&option.key.value, value) else { continue };
                let setting = Setting { wasi, name: &option.key.value, value: Some(&text.value), span: text.span };
                settings.take(&setting, &mut reader, &mut part);
            }
        }
    }
    // A file that does not speak of the engine's limits leaves them to the command line.
    if let Some(at) = wasm {
        settings.finish(at, &mut part);
    }
    if reader.faults.is_empty() { Ok(vec![part]) } else { Err(reader.faults) }
}
