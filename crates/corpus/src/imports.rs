//! What a guest imports, one function a row.

use wasmparser::component_types::ComponentEntityType;
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

/// The imports of a guest as module or interface and name. Of a component it takes what the component itself asks of the host: the
/// functions of every imported interface, and what is imported by name alone with an empty name beside it. Bytes that are no valid wasm
/// import nothing.
#[must_use]
pub fn imports(wasm: &[u8]) -> Vec<(String, String)> {
    let Ok(types) = Validator::new_with_features(WasmFeatures::all()).validate_all(wasm) else { return Vec::new() };
    let types = types.as_ref();
    let mut found = Vec::new();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload {
            Ok(Payload::ModuleSection { .. } | Payload::ComponentSection { .. }) => depth += 1,
            Ok(Payload::End(_)) => depth = depth.saturating_sub(1),
            Ok(Payload::ImportSection(section)) if depth == 0 => {
                for import in section.into_imports().flatten() {
                    found.push((import.module.to_owned(), import.name.to_owned()));
                }
            }
            Ok(Payload::ComponentImportSection(section)) if depth == 0 => {
                for import in section.into_iter().flatten() {
                    let name = import.name.name.to_owned();
                    let item = types.component_item_for_import(&name).map(|item| item.ty);
                    if let Some(ComponentEntityType::Instance(id)) = item {
                        let functions = types[id]
                            .exports
                            .iter()
                            .filter(|(_, item)| matches!(item.ty, ComponentEntityType::Func(_)));
                        found.extend(functions.map(|(function, _)| (name.clone(), function.clone())));
                    } else {
                        found.push((name, String::new()));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assemble(text: &str) -> Vec<u8> {
        let buffer = wast::parser::ParseBuffer::new(text).unwrap();
        wast::parser::parse::<wast::Wat<'_>>(&buffer).unwrap().encode().unwrap()
    }

    #[test]
    fn a_module_names_its_imports() {
        let wasm = assemble(
            r#"(module (import "wasi_snapshot_preview1" "sched_yield" (func (result i32))) (import "env" "m" (memory 1)))"#,
        );
        let expected =
            [("wasi_snapshot_preview1", "sched_yield"), ("env", "m")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(imports(&wasm), expected);
        assert_eq!(imports(b"not wasm"), []);
    }

    #[test]
    fn a_component_names_the_functions_of_the_interfaces_it_imports() {
        let text = r#"(component
            (import "a:b/c@0.2.0" (instance (export "r" (type (sub resource))) (export "f" (func)) (export "g" (func (result u8)))))
            (import "plain" (func))
            (core module (import "inner" "wiring" (func))))"#;
        let expected =
            [("a:b/c@0.2.0", "f"), ("a:b/c@0.2.0", "g"), ("plain", "")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(imports(&assemble(text)), expected);
    }
}
