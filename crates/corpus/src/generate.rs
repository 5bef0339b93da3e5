//! Guests that text cannot hold: modules that are small or cheap to write down and dear to compile, to load or to report.

use gauntlet_policy::document::Node;
use gauntlet_policy::{Reader, Spanned};
use gauntlet_record::Unit;
use wasm_encoder::{
    CodeSection, ConstExpr, CustomSection, ExportKind, ExportSection, Function, FunctionSection, GlobalSection,
    GlobalType, IndirectNameMap, MemorySection, MemoryType, Module, NameMap, NameSection, TypeSection, ValType,
};

/// Most functions, locals, bytes and calls of a generated module: the host has to survive making it.
const MOST: [(&str, u64); 5] =
    [("functions", 1_000_000), ("locals", 49_999), ("bytes", 64 << 20), ("depth", 1_000), ("globals", 1_000_000)];

/// A module made by rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generate {
    /// Functions with very many locals: the compiler's work grows with functions times locals, the file with functions only.
    LocalsBomb { functions: u32, locals: u32 },
    /// Functions that do nothing, very many of them: the compiler keeps more for each than the file holds.
    EmptyFunctions { functions: u32 },
    /// A chain of calls into a trap, through functions whose names are as long as somebody likes.
    NameBomb { bytes: usize, depth: u32 },
    /// Very many globals, which no instruction uses.
    Globals { globals: u32 },
    /// The guest of `attack.wat` with a custom section behind it that nobody reads.
    CustomSection { bytes: usize },
}

impl Generate {
    /// Whether it is made from a file of the attack.
    pub(crate) const fn needs_file(self) -> bool {
        matches!(self, Self::CustomSection { .. })
    }

    pub(crate) fn read(reader: &mut Reader, node: &Node) -> Option<Self> {
        let kinds =
            [("locals-bomb", 0), ("empty-functions", 1), ("name-bomb", 2), ("custom-section", 3), ("globals", 4)];
        let Some(kind) = node.get("kind") else {
            if reader
                .entries("generate", node, &["kind", "functions", "locals", "bytes", "depth", "globals"])
                .is_empty()
            {
                return None;
            }
            reader.fault("missing-key", "`generate` has no `kind`", "Add `kind: locals-bomb`, or another.", node.span);
            return None;
        };
        let kind = reader.word("generate.kind", kind, &kinds)?.value;
        let keys: &[&str] = [
            &["kind", "functions", "locals"][..],
            &["kind", "functions"],
            &["kind", "bytes", "depth"],
            &["kind", "bytes"],
            &["kind", "globals"],
        ][kind];
        reader.entries("generate", node, keys);
        let mut number = |key: &str| {
            let Some(value) = node.get(key) else {
                reader.fault("missing-key", format!("`generate` has no `{key}`"), format!("Add `{key}`."), node.span);
                return None;
            };
            let unit = if key == "bytes" { Unit::Bytes } else { Unit::Count };
            let Spanned { value, span } = reader.quantity(&format!("generate.{key}"), value, unit)?;
            let most = MOST.iter().find(|(name, _)| *name == key).map_or(0, |(_, most)| *most);
            if value > most {
                reader.fault(
                    "not-a-quantity",
                    format!("`generate.{key}` is more than {}", unit.show(most)),
                    "Lower it.",
                    span,
                );
                return None;
            }
            u32::try_from(value).ok()
        };
        let bytes = |number: u32| usize::try_from(number).ok();
        match kind {
            0 => Some(Self::LocalsBomb { functions: number("functions")?, locals: number("locals")? }),
            1 => Some(Self::EmptyFunctions { functions: number("functions")? }),
            2 => Some(Self::NameBomb { bytes: bytes(number("bytes")?)?, depth: number("depth")? }),
            4 => Some(Self::Globals { globals: number("globals")? }),
            _ => Some(Self::CustomSection { bytes: bytes(number("bytes")?)? }),
        }
    }

    /// Makes the module; `base` is the assembled guest, for those that need one.
    pub(crate) fn build(self, mut base: Vec<u8>) -> Vec<u8> {
        match self {
            Self::LocalsBomb { functions, locals } => many(functions, locals),
            Self::EmptyFunctions { functions } => many(functions, 0),
            Self::NameBomb { bytes, depth } => name_bomb(bytes, depth),
            Self::Globals { globals } => guest(1, globals, None, |_| empty_body(0)),
            Self::CustomSection { bytes } => {
                let filler = vec![0x5a; bytes];
                let section = CustomSection { name: "filler".into(), data: filler.as_slice().into() };
                wasm_encoder::Section::append_to(&section, &mut base);
                base
            }
        }
    }
}

/// A guest with `_start` and `memory` and so many functions that nobody calls.
fn many(functions: u32, locals: u32) -> Vec<u8> {
    guest(functions.saturating_add(1), 0, None, |_| empty_body(locals))
}

fn empty_body(locals: u32) -> Function {
    let mut body = Function::new((locals > 0).then_some((locals, ValType::I32)));
    body.instructions().end();
    body
}

/// `_start` calls the first function, each calls the next, the last traps; all but `_start` have a name of `bytes` bytes.
fn name_bomb(bytes: usize, depth: u32) -> Vec<u8> {
    let mut names = NameMap::new();
    for function in 0..depth {
        let mut name = format!("f{function}-");
        name.extend(std::iter::repeat_n('A', bytes.saturating_sub(name.len())));
        names.append(function, &name);
    }
    guest(depth.saturating_add(1), 0, Some(&names), |function| {
        let mut body = Function::new([]);
        if function == depth {
            body.instructions().call(0).end();
        } else if function + 1 < depth {
            body.instructions().call(function + 1).end();
        } else {
            body.instructions().unreachable().end();
        }
        body
    })
}

/// A module of `functions` functions, of which the last is `_start`.
fn guest(functions: u32, globals: u32, names: Option<&NameMap>, body: impl Fn(u32) -> Function) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let (mut declared, mut code) = (FunctionSection::new(), CodeSection::new());
    for function in 0..functions {
        declared.function(0);
        code.function(&body(function));
    }
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 1, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    exports.export("_start", ExportKind::Func, functions.saturating_sub(1));
    let mut variables = GlobalSection::new();
    for _ in 0..globals {
        let kind = GlobalType { val_type: ValType::I64, mutable: true, shared: false };
        variables.global(kind, &ConstExpr::i64_const(-1));
    }
    let mut module = Module::new();
    module.section(&types).section(&declared).section(&memories);
    if globals > 0 {
        module.section(&variables);
    }
    module.section(&exports).section(&code);
    if let Some(names) = names {
        let mut section = NameSection::new();
        section.functions(names);
        section.locals(&IndirectNameMap::new());
        module.section(&section);
    }
    module.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locals_bomb_is_small_and_valid() {
        let bytes = Generate::LocalsBomb { functions: 6_000, locals: 49_999 }.build(Vec::new());
        assert!(bytes.len() < 64 << 10, "{} bytes", bytes.len());
        wasmparser::validate(&bytes).unwrap();
    }

    #[test]
    fn globals_are_valid() {
        let bytes = Generate::Globals { globals: 10_000 }.build(Vec::new());
        assert!(bytes.len() > 40_000);
        wasmparser::validate(&bytes).unwrap();
    }

    #[test]
    fn a_name_bomb_carries_its_names() {
        let bytes = Generate::NameBomb { bytes: 1_000, depth: 7 }.build(Vec::new());
        assert!(bytes.len() > 7_000);
        wasmparser::validate(&bytes).unwrap();
    }

    #[test]
    fn a_custom_section_keeps_the_guest_valid() {
        let base = Generate::EmptyFunctions { functions: 3 }.build(Vec::new());
        let bytes = Generate::CustomSection { bytes: 5_000 }.build(base.clone());
        assert!(bytes.len() > base.len() + 5_000);
        wasmparser::validate(&bytes).unwrap();
    }
}
