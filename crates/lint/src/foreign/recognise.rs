//! Which format a text is in, by its content.

use super::kind::Kind;
use super::wasmtime;

/// The format of a text; `None` if it is none of these, and so one of ours or nothing we know.
///
/// It looks for what only that format has, at the places where it has to stand. Nothing is parsed, so that our own policies, which are
/// asked the same, lose no time.
#[must_use]
pub fn recognise(text: &str) -> Option<Kind> {
    if text.trim_start().starts_with('{') {
        // Of the flow mappings, ours has no such key.
        return (text.contains("\"wasm\"") && !text.contains("version:")).then_some(Kind::Extism);
    }
    let mut tables = Tables::default();
    let (mut permissions, mut mapping, mut command) = (false, false, false);
    for line in text.lines() {
        let begin = line.trim_start();
        command |= begin.contains("wasmtime") || begin.contains("WASMTIME");
        if begin.len() != line.len() || begin.starts_with('#') || begin.is_empty() {
            continue;
        }
        if begin.starts_with('[') {
            tables.header(begin);
            continue;
        }
        let word = begin.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '$'))).unwrap_or(begin.len());
        let (word, rest) = begin.split_at(word);
        let rest = rest.trim();
        if let Some(value) = rest.strip_prefix('=') {
            match word {
                "spin_manifest_version" | "spin_version" => return Some(Kind::Spin),
                "wasm" if value.trim_start().starts_with('[') => tables.extism = true,
                _ => {}
            }
        } else if !word.is_empty() && (rest == ":" || rest.starts_with(": ")) {
            match word {
                // What only ours has at this place.
                "limits" | "grants" | "isolation" | "waivers" => return None,
                "permissions" => permissions = true,
                _ => {}
            }
            mapping = true;
        }
    }
    if permissions {
        return Some(Kind::Wassette);
    }
    if tables.extism {
        return Some(Kind::Extism);
    }
    if tables.is_configuration() {
        return Some(Kind::WasmtimeConfig);
    }
    let is_script = command && !mapping && !tables.any;
    (is_script && wasmtime::command::is_one(text)).then_some(Kind::WasmtimeCommand)
}

/// Which tables a text has, if it is TOML.
#[derive(Default)]
struct Tables {
    any: bool,
    extism: bool,
    wasmtime: bool,
    other: bool,
}

impl Tables {
    fn header(&mut self, line: &str) {
        let name = line.trim_start_matches('[');
        let Some((name, _)) = name.split_once(']') else { return };
        let name = name.trim();
        // `[ -d x ]` and `[[ $a ]]` are tests of a shell.
        if name.is_empty() || name.contains([' ', '$', '"', '\'', '=']) {
            return;
        }
        self.any = true;
        match name {
            "wasm" if line.starts_with("[[") => self.extism = true,
            "wasm" | "wasi" => self.wasmtime = true,
            "optimize" | "codegen" | "debug" => {}
            _ => self.other = true,
        }
    }

    const fn is_configuration(&self) -> bool {
        self.wasmtime && !self.other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_their_content() {
        for (text, kind) in [
            ("version: \"1.0\"\npermissions:\n  storage: {}\n", Some(Kind::Wassette)),
            ("permissions:\n", Some(Kind::Wassette)),
            ("# x\nspin_manifest_version = 2\n[application]\n", Some(Kind::Spin)),
            ("spin_version = \"1\"\n", Some(Kind::Spin)),
            ("\n { \"wasm\": [] }\n", Some(Kind::Extism)),
            ("[[wasm]]\npath = \"x.wasm\"\n", Some(Kind::Extism)),
            ("wasm = [{ path = \"x\" }]\n", Some(Kind::Extism)),
            ("[wasm]\nfuel = 1\n", Some(Kind::WasmtimeConfig)),
            ("[optimize]\nopt-level = 2\n[wasi]\nhttp = true\n", Some(Kind::WasmtimeConfig)),
            ("wasmtime run --dir=. x.wasm\n", Some(Kind::WasmtimeCommand)),
            ("#!/bin/sh\n[ -d x ] && exec wasmtime x.wasm\n", Some(Kind::WasmtimeCommand)),
            ("version: 1\nlimits: { memory: 1MiB }\n", None),
            ("version: 1\ngrants: {}\npermissions: {}\n", None),
            ("{ version: 1, limits: { memory: 1MiB } }\n", None),
            ("[package]\nname = \"x\"\n[wasm]\n", None),
            ("cargo install wasmtime-cli\n", None),
            ("steps:\n  - run: |\n      wasmtime run x.wasm\n", None),
            ("http://x\nwasmtime run x.wasm\n", Some(Kind::WasmtimeCommand)),
            ("", None),
            ("{", None),
            ("[", None),
        ] {
            assert_eq!(recognise(text), kind, "{text}");
        }
    }
}
