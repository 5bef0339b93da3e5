//! `limits.call-depth`: how many frames of the guest may be on the stack at once.
//!
//! The engine bounds the bytes of the stack and knows no frames, so a core module is rewritten before it is compiled. It gets two
//! globals of its own, the depth now and the deepest depth seen, and one function. Every function of the guest that calls anything
//! counts itself on entry and takes itself off on every way out: the end, a `return`, a branch to the function's own label, a tail call.
//! A function that calls nothing is only compared. When the depth passes the deepest one seen, the added function is called with it: it
//! keeps the new depth, or traps if the limit is passed.
//!
//! What is added stands after everything of the guest's, so no index of the guest changes and names stay right; the guest is validated
//! as it came first, so it can name nothing of it. A trap inside the added function is the limit and nothing else is: it is found by the
//! function's index in the backtrace, never by the kind of trap alone. Both globals live in the instance; one of them is exported under a
//! name that the guest does not use, for the host to read.
//!
//! What is promised: no frame beyond the limit ever runs an instruction (overshoot 0). Counted are the guest's own functions, the start
//! function and calls from the host included; host functions are not frames of the guest. An exception that passes over frames takes
//! them off where it is caught. The sections that hold byte offsets into code (`.debug_*`, `metadata.code.*`) are left out, since the
//! offsets change. Components share no global between their instances, so the limit is refused for them.
//!
//! What it costs where nothing but calls happens, the 32nd Fibonacci number by recursion: 1.25 times the time without fuel, 1.10 times with
//! it (medians of 25 interleaved runs; `examples/call_depth_cost.rs` measures it again). Loops cost nothing. A call burns about ten more
//! units of fuel, since the instructions that count are instructions.

use std::collections::{BTreeMap, BTreeSet};

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::LimitKey;
use gauntlet_target::TargetError;
use wasm_encoder::reencode::{Reencode as _, RoundtripReencoder};
use wasm_encoder::{BlockType, Encode as _, Instruction, RawSection, ValType};
use wasmparser::{
    BinaryReaderError, CompositeInnerType, FunctionBody, Operator, Parser, Payload, TypeRef, Validator, WasmFeatures,
};
use wasmtime::{AsContextMut, Instance, Trap};

use crate::Protections;

/// The sections of a core module that get something added, by their number in the binary format.
const TYPE: u8 = 1;
const FUNCTION: u8 = 3;
const GLOBAL: u8 = 6;
const EXPORT: u8 = 7;
const CODE: u8 = 10;

/// The name that the deepest depth is exported under, unless the guest exports it itself.
const EXPORT_NAME: &str = "gauntlet:call-depth";

/// A module whose frames are counted.
#[derive(Debug)]
pub(crate) struct Counted {
    /// The bytes to compile.
    pub(crate) bytes: Vec<u8>,
    /// How the host reads the count.
    pub(crate) guard: Guard,
}

/// How the host reads the count of an instance, and finds that a trap was the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Guard {
    /// The index of the added function.
    function: u32,
    /// The name of the exported depth.
    export: String,
}

/// A module that cannot be counted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Uncountable {
    /// It is not valid, whatever proposals are on.
    #[error("not a valid module: {0}")]
    Invalid(#[from] BinaryReaderError),
    /// It uses an instruction whose frames cannot be followed.
    #[error("its frames cannot be counted: it uses `{0}`")]
    Instruction(&'static str),
    /// It is a component.
    #[error("frames are counted in core modules only")]
    Component,
    /// A type that the encoder does not know.
    #[error("its frames cannot be counted: {0}")]
    Encoding(String),
}

/// Whether the limit can be held for these bytes.
///
/// # Errors
///
/// `LimitUnenforced` if the policy counts frames and the guest is a component that it lets run.
pub(crate) fn preflight(guest: &[u8], policy: &Policy, protections: &Protections) -> Result<(), TargetError> {
    let component = Parser::is_component(guest) && policy.features.allows(Feature::ComponentModel);
    if component && protections.limit(LimitKey::CallDepth).is_some() {
        return Err(TargetError::LimitUnenforced {
            key: "limits.call-depth".into(),
            why: "frames are counted in core modules only, and this is a component".into(),
        });
    }
    Ok(())
}

impl Guard {
    /// Whether an error of the engine is this limit.
    pub(crate) fn met(&self, error: &wasmtime::Error) -> bool {
        matches!(error.downcast_ref::<Trap>(), Some(Trap::UnreachableCodeReached))
            && error
                .downcast_ref::<wasmtime::WasmBacktrace>()
                .and_then(|backtrace| backtrace.frames().first())
                .is_some_and(|frame| frame.func_index() == self.function)
    }

    /// The deepest depth that an instance reached so far.
    pub(crate) fn deepest(&self, instance: &Instance, mut store: impl AsContextMut) -> Option<u64> {
        let global = instance.get_global(&mut store, &self.export)?;
        Some(u64::from(global.get(&mut store).i32()?.cast_unsigned()))
    }
}

/// What the rewriting has to know of a module before it begins.
#[derive(Default)]
struct Seen {
    /// The types, flat: parameters and results of those that are functions.
    types: Vec<Option<(u32, Vec<wasmparser::ValType>)>>,
    imported_functions: u32,
    imported_globals: u32,
    /// The type of every function that the module defines.
    functions: Vec<u32>,
    globals: u32,
    exports: BTreeSet<String>,
    has: BTreeSet<u8>,
}

/// What is added, by index.
struct Added {
    depth: u32,
    deepest: u32,
    function: u32,
    function_type: u32,
    /// Types of blocks with several results, by their results.
    blocks: BTreeMap<Vec<u8>, u32>,
}

/// Rewrites a core module so that its frames are counted, at most `limit` of them at once. A module without code comes back as it is.
///
/// # Errors
///
/// If the bytes are no valid core module, or use an instruction whose frames cannot be followed.
pub(crate) fn instrument(guest: &[u8], limit: u64) -> Result<Counted, Uncountable> {
    if !Parser::is_core_wasm(guest) {
        return Err(Uncountable::Component);
    }
    // As it came: an index that only what is added would make valid must not pass.
    Validator::new_with_features(WasmFeatures::all()).validate_all(guest)?;
    let seen = look(guest)?;
    let mut export = EXPORT_NAME.to_owned();
    while seen.exports.contains(&export) {
        export.push('+');
    }
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let mut added = Added {
        depth: seen.imported_globals + seen.globals,
        deepest: seen.imported_globals + seen.globals + 1,
        function: seen.imported_functions + count(seen.functions.len()),
        function_type: count(seen.types.len()),
        blocks: BTreeMap::new(),
    };
    let guard = Guard { function: added.function, export };
    if seen.functions.is_empty() {
        return Ok(Counted { bytes: guest.to_vec(), guard });
    }
    let mut new_types = vec![function_type(&[ValType::I32], &[])];
    for kind in &seen.functions {
        let Some((_, results)) = seen.types.get(*kind as usize).and_then(Option::as_ref) else { continue };
        if results.len() > 1 {
            let results = val_types(results)?;
            let bytes = function_type(&[], &results);
            let next = added.function_type + count(new_types.len());
            if let std::collections::btree_map::Entry::Vacant(entry) = added.blocks.entry(bytes.clone()) {
                entry.insert(next);
                new_types.push(bytes);
            }
        }
    }
    let bytes = rewrite(guest, limit, &seen, &added, &new_types, &guard.export)?;
    Ok(Counted { bytes, guard })
}

/// The binary form of a function's type.
fn function_type(params: &[ValType], results: &[ValType]) -> Vec<u8> {
    let mut bytes = vec![0x60];
    params.encode(&mut bytes);
    results.encode(&mut bytes);
    bytes
}

fn val_types(types: &[wasmparser::ValType]) -> Result<Vec<ValType>, Uncountable> {
    types
        .iter()
        .map(|kind| RoundtripReencoder.val_type(*kind).map_err(|error| Uncountable::Encoding(error.to_string())))
        .collect()
}

/// First pass: counts and names.
fn look(guest: &[u8]) -> Result<Seen, Uncountable> {
    let mut seen = Seen::default();
    for payload in Parser::new(0).parse_all(guest) {
        let payload = payload?;
        if let Some((id, _)) = payload.as_section() {
            seen.has.insert(id);
        }
        match payload {
            Payload::TypeSection(types) => {
                for group in types {
                    for kind in group?.into_types() {
                        seen.types.push(match kind.composite_type.inner {
                            CompositeInnerType::Func(function) => {
                                let params = u32::try_from(function.params().len()).unwrap_or(u32::MAX);
                                Some((params, function.results().to_vec()))
                            }
                            _ => None,
                        });
                    }
                }
            }
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    match import?.ty {
                        TypeRef::Func(_) | TypeRef::FuncExact(_) => seen.imported_functions += 1,
                        TypeRef::Global(_) => seen.imported_globals += 1,
                        TypeRef::Table(_) | TypeRef::Memory(_) | TypeRef::Tag(_) => {}
                    }
                }
            }
            Payload::FunctionSection(functions) => {
                seen.functions = functions.into_iter().collect::<Result<_, _>>()?;
            }
            Payload::GlobalSection(globals) => seen.globals = globals.count(),
            Payload::ExportSection(exports) => {
                for export in exports {
                    seen.exports.insert(export?.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(seen)
}

/// Second pass: every section as it is, with what is added after its own.
fn rewrite(
    guest: &[u8],
    limit: u64,
    seen: &Seen,
    added: &Added,
    new_types: &[Vec<u8>],
    export: &str,
) -> Result<Vec<u8>, Uncountable> {
    let globals: Vec<u8> = (0..2).flat_map(|_| [0x7f, 1, 0x41, 0, 0x0b]).collect();
    let mut exported = Vec::new();
    export.encode(&mut exported);
    exported.push(3);
    added.deepest.encode(&mut exported);
    let mut module = wasm_encoder::Module::new();
    let mut bodies: Vec<u8> = Vec::new();
    let mut defined = 0usize;
    let mut waiting: Vec<(u8, u32, &[u8])> = Vec::new();
    if !seen.has.contains(&GLOBAL) {
        waiting.push((GLOBAL, 2, &globals));
    }
    if !seen.has.contains(&EXPORT) {
        waiting.push((EXPORT, 1, &exported));
    }
    let mut types = Vec::new();
    for kind in new_types {
        types.extend_from_slice(kind);
    }
    let mut function = Vec::new();
    added.function_type.encode(&mut function);
    for payload in Parser::new(0).parse_all(guest) {
        let payload = payload?;
        if let Payload::CodeSectionEntry(body) = &payload {
            let kind = seen.functions.get(defined).and_then(|kind| seen.types.get(*kind as usize)?.as_ref());
            let Some((params, results)) = kind else { return Err(Uncountable::Encoding("no type".into())) };
            let body = count_body(guest, body, *params, results, added)?;
            body.len().encode(&mut bodies);
            bodies.extend_from_slice(&body);
            defined += 1;
            if defined == seen.functions.len() {
                let last = added_function(limit, added);
                last.len().encode(&mut bodies);
                bodies.extend_from_slice(&last);
                section(&mut module, CODE, u32::try_from(defined + 1).unwrap_or(u32::MAX), &[], &bodies);
            }
            continue;
        }
        let Some((id, range)) = payload.as_section() else { continue };
        if let Payload::CustomSection(custom) = &payload
            && (custom.name().starts_with(".debug_") || custom.name().starts_with("metadata.code."))
        {
            continue;
        }
        // What the guest has no section for comes before the first section that stands later in the format's order.
        while let Some((missing, count, items)) = waiting.first().copied()
            && order(id) > order(missing)
        {
            section(&mut module, missing, count, &[], items);
            waiting.remove(0);
        }
        let data = &guest[range];
        match id {
            TYPE => more(&mut module, id, data, new_types.len(), &types)?,
            FUNCTION => more(&mut module, id, data, 1, &function)?,
            GLOBAL => more(&mut module, id, data, 2, &globals)?,
            EXPORT => more(&mut module, id, data, 1, &exported)?,
            CODE => {}
            _ => {
                module.section(&RawSection { id, data });
            }
        }
    }
    Ok(module.finish())
}

/// Where a section stands in a module; custom sections (0) may stand anywhere.
fn order(id: u8) -> u8 {
    match id {
        // Tags stand between memories and globals, the count of data segments before the code.
        13 => 11,
        12 => 20,
        0..=5 => id * 2,
        6..=9 => id * 2,
        _ => id * 2 + 2,
    }
}

/// A section with a count that goes up by `plus`, and `items` after its own.
fn more(module: &mut wasm_encoder::Module, id: u8, data: &[u8], plus: usize, items: &[u8]) -> Result<(), Uncountable> {
    let mut reader = wasmparser::BinaryReader::new(data, 0);
    let count = reader.read_var_u32()?;
    let own = &data[reader.original_position()..];
    section(module, id, count.saturating_add(u32::try_from(plus).unwrap_or(u32::MAX)), own, items);
    Ok(())
}

fn section(module: &mut wasm_encoder::Module, id: u8, count: u32, own: &[u8], items: &[u8]) {
    let mut data = Vec::with_capacity(own.len() + items.len() + 5);
    count.encode(&mut data);
    data.extend_from_slice(own);
    data.extend_from_slice(items);
    module.section(&RawSection { id, data: &data });
}

/// The added function: keeps a new deepest depth, or traps if it is beyond the limit.
fn added_function(limit: u64, added: &Added) -> Vec<u8> {
    let limit = i32::try_from(limit).unwrap_or(i32::MAX);
    let mut body = vec![0];
    emit(
        &mut body,
        &[
            Instruction::LocalGet(0),
            Instruction::I32Const(limit),
            Instruction::I32GtU,
            Instruction::If(BlockType::Empty),
            Instruction::Unreachable,
            Instruction::End,
            Instruction::LocalGet(0),
            Instruction::GlobalSet(added.deepest),
            Instruction::End,
        ],
    );
    body
}

fn emit(body: &mut Vec<u8>, instructions: &[Instruction<'_>]) {
    for instruction in instructions {
        instruction.encode(body);
    }
}

/// What a function does, as far as counting goes.
#[derive(Default)]
struct Traits {
    calls: bool,
    catches: bool,
}

/// One function, counted.
fn count_body(
    guest: &[u8],
    body: &FunctionBody<'_>,
    params: u32,
    results: &[wasmparser::ValType],
    added: &Added,
) -> Result<Vec<u8>, Uncountable> {
    let operators: Vec<(Operator<'_>, usize)> =
        body.get_operators_reader()?.into_iter_with_offsets().collect::<Result<_, _>>()?;
    let traits = traits(&operators)?;
    let start = operators.first().map_or(body.range().end, |(_, offset)| *offset);
    let mut out = Vec::with_capacity(body.as_bytes().len() + 64);
    let mine = locals(guest, body, start, params, traits.catches, &mut out)?;
    if !traits.calls {
        // Nothing deeper can begin, so the count itself need not change.
        emit(
            &mut out,
            &[
                Instruction::GlobalGet(added.depth),
                Instruction::GlobalGet(added.deepest),
                Instruction::I32GeU,
                Instruction::If(BlockType::Empty),
                Instruction::GlobalGet(added.depth),
                Instruction::I32Const(1),
                Instruction::I32Add,
                Instruction::Call(added.function),
                Instruction::End,
            ],
        );
        out.extend_from_slice(&guest[start..body.range().end]);
        return Ok(out);
    }
    let step = |out: &mut Vec<u8>, last: Instruction<'_>| {
        emit(
            out,
            &[Instruction::GlobalGet(added.depth), Instruction::I32Const(1), last, Instruction::GlobalSet(added.depth)],
        );
    };
    step(&mut out, Instruction::I32Add);
    emit(
        &mut out,
        &[
            Instruction::GlobalGet(added.depth),
            Instruction::GlobalGet(added.deepest),
            Instruction::I32GtU,
            Instruction::If(BlockType::Empty),
            Instruction::GlobalGet(added.depth),
            Instruction::Call(added.function),
            Instruction::End,
        ],
    );
    if let Some(mine) = mine {
        emit(&mut out, &[Instruction::GlobalGet(added.depth), Instruction::LocalSet(mine)]);
    }
    // The guest's body becomes a block: branches to the function's label, and returns, end there, before the count goes down.
    Instruction::Block(block_type(results, added)?).encode(&mut out);
    let mut open = 0u32;
    let restore = |out: &mut Vec<u8>| {
        if let Some(mine) = mine {
            emit(out, &[Instruction::LocalGet(mine), Instruction::GlobalSet(added.depth)]);
        }
    };
    for (i, (operator, offset)) in operators.iter().enumerate() {
        let end = operators.get(i + 1).map_or(body.range().end, |(_, next)| *next);
        let own = &guest[*offset..end];
        match operator {
            Operator::Block { .. } | Operator::If { .. } | Operator::TryTable { .. } => {
                open += 1;
                out.extend_from_slice(own);
            }
            Operator::Loop { .. } => {
                open += 1;
                out.extend_from_slice(own);
                // An exception may be caught at the head of a loop.
                restore(&mut out);
            }
            Operator::End if open > 0 => {
                open -= 1;
                out.extend_from_slice(own);
                // Or at the end of a block.
                restore(&mut out);
            }
            Operator::Return => Instruction::Br(open).encode(&mut out),
            Operator::ReturnCall { .. } | Operator::ReturnCallIndirect { .. } | Operator::ReturnCallRef { .. } => {
                // The frame is gone before the next begins.
                step(&mut out, Instruction::I32Sub);
                out.extend_from_slice(own);
            }
            _ => out.extend_from_slice(own),
        }
    }
    restore(&mut out);
    step(&mut out, Instruction::I32Sub);
    Instruction::End.encode(&mut out);
    Ok(out)
}

fn block_type(results: &[wasmparser::ValType], added: &Added) -> Result<BlockType, Uncountable> {
    let results = val_types(results)?;
    Ok(match results.as_slice() {
        [] => BlockType::Empty,
        [one] => BlockType::Result(*one),
        several => {
            let index = added.blocks.get(&function_type(&[], several));
            BlockType::FunctionType(*index.ok_or_else(|| Uncountable::Encoding("no type for its block".into()))?)
        }
    })
}

/// Writes the locals, with one more if the function has to remember its own depth; says which.
fn locals(
    guest: &[u8],
    body: &FunctionBody<'_>,
    start: usize,
    params: u32,
    one_more: bool,
    out: &mut Vec<u8>,
) -> Result<Option<u32>, Uncountable> {
    let reader = body.get_locals_reader()?;
    let groups = reader.get_count();
    let own = &guest[reader.original_position()..start];
    if !one_more {
        groups.encode(out);
        out.extend_from_slice(own);
        return Ok(None);
    }
    let mut index = params;
    for group in reader {
        index = index.saturating_add(group?.0);
    }
    groups.saturating_add(1).encode(out);
    out.extend_from_slice(own);
    1u32.encode(out);
    ValType::I32.encode(out);
    Ok(Some(index))
}

fn traits(operators: &[(Operator<'_>, usize)]) -> Result<Traits, Uncountable> {
    let mut traits = Traits::default();
    for (operator, _) in operators {
        match operator {
            Operator::Call { .. }
            | Operator::CallIndirect { .. }
            | Operator::CallRef { .. }
            | Operator::ReturnCall { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::ReturnCallRef { .. } => traits.calls = true,
            Operator::TryTable { .. } => traits.catches = true,
            Operator::Try { .. }
            | Operator::Catch { .. }
            | Operator::CatchAll
            | Operator::Rethrow { .. }
            | Operator::Delegate { .. } => return Err(Uncountable::Instruction("legacy exceptions")),
            Operator::ContNew { .. }
            | Operator::ContBind { .. }
            | Operator::Suspend { .. }
            | Operator::Resume { .. }
            | Operator::ResumeThrow { .. }
            | Operator::ResumeThrowRef { .. }
            | Operator::Switch { .. } => return Err(Uncountable::Instruction("stack switching")),
            _ => {}
        }
    }
    Ok(traits)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use wasmtime::{Config, Engine, Instance, Module, Store, Val};

    use super::*;

    /// A store, and an instance of a module whose frames are counted.
    fn counted(text: &str, limit: u64) -> (Store<()>, Result<Instance, wasmtime::Error>, Guard) {
        let counted = instrument(&wat::parse_str(text).unwrap(), limit).unwrap();
        let engine = engine();
        let module = Module::from_binary(&engine, &counted.bytes).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]);
        (store, instance, counted.guard)
    }

    fn engine() -> Engine {
        let mut config = Config::new();
        config.wasm_exceptions(true).wasm_gc(true).wasm_function_references(true).wasm_tail_call(true);
        config.wasm_multi_memory(true).wasm_memory64(true).wasm_wide_arithmetic(true).wasm_custom_page_sizes(true);
        Engine::new(&config).unwrap()
    }

    /// Calls `f(n)`: its result, whether the limit was met, and the deepest depth.
    fn call(text: &str, limit: u64, argument: i32) -> (Option<i32>, bool, Option<u64>) {
        let (mut store, instance, guard) = counted(text, limit);
        let instance = instance.unwrap();
        let function = instance.get_typed_func::<i32, i32>(&mut store, "f").unwrap();
        let result = function.call(&mut store, argument);
        let met = result.as_ref().is_err_and(|error| guard.met(error));
        let deepest = guard.deepest(&instance, &mut store);
        (result.ok(), met, deepest)
    }

    const DOWN: &str = r#"(module (func $f (export "f") (param i32) (result i32)
        (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
            (else (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1))))))))"#;

    #[test]
    fn the_limit_is_exact_to_the_frame() {
        assert_eq!(call(DOWN, 100, 99), (Some(99), false, Some(100)));
        assert_eq!(call(DOWN, 100, 100), (None, true, Some(100)));
        assert_eq!(call(DOWN, 1, 0), (Some(0), false, Some(1)));
        assert_eq!(call(DOWN, 0, 0), (None, true, Some(0)));
    }

    #[test]
    fn a_function_that_calls_nothing_is_a_frame_too() {
        let text = r#"(module (func $leaf (result i32) (i32.const 7))
            (func (export "f") (param i32) (result i32) (call $leaf)))"#;
        assert_eq!(call(text, 2, 0), (Some(7), false, Some(2)));
        assert_eq!(call(text, 1, 0), (None, true, Some(1)));
    }

    #[test]
    fn mutual_and_indirect_recursion_count() {
        let mutual = r#"(module
            (func $a (export "f") (param i32) (result i32)
                (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
                (call $b (i32.sub (local.get 0) (i32.const 1))))
            (func $b (param i32) (result i32)
                (if (i32.eqz (local.get 0)) (then (return (i32.const 2))))
                (call $a (i32.sub (local.get 0) (i32.const 1)))))"#;
        assert_eq!(call(mutual, 50, 49), (Some(2), false, Some(50)));
        assert_eq!(call(mutual, 50, 50), (None, true, Some(50)));
        let indirect = r#"(module (type $t (func (param i32) (result i32))) (table funcref (elem $f))
            (func $f (export "f") (type $t)
                (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 3))
                    (else (call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))))))"#;
        assert_eq!(call(indirect, 20, 19), (Some(3), false, Some(20)));
        assert_eq!(call(indirect, 20, 20), (None, true, Some(20)));
    }

    #[test]
    fn tail_calls_add_no_frame_and_leak_none() {
        let text = r#"(module
            (func $leaf (param i32) (result i32) (local.get 0))
            (func $f (export "f") (param i32) (result i32)
                (if (i32.eqz (local.get 0)) (then (return_call $leaf (i32.const 4))))
                (drop (call $leaf (i32.const 0)))
                (return_call $f (i32.sub (local.get 0) (i32.const 1)))))"#;
        assert_eq!(call(text, 2, 100_000), (Some(4), false, Some(2)));
        assert_eq!(call(text, 1, 1), (None, true, Some(1)));
    }

    #[test]
    fn every_way_out_takes_the_frame_off() {
        // A return, a branch to the function's label, a table of branches, and the end: a thousand calls each, one after another.
        let text = r#"(module
            (func $nop)
            (func $out (param i32) (result i32)
                (call $nop)
                (block $x (if (i32.eqz (local.get 0)) (then (return (i32.const 1)))))
                (if (i32.eq (local.get 0) (i32.const 1)) (then (br 1 (i32.const 1))))
                (block $deep (loop (br_table 2 2 (i32.const 1) (i32.eq (local.get 0) (i32.const 2)))) (br $deep))
                (i32.const 1))
            (func (export "f") (param i32) (result i32) (local $n i32) (local $sum i32)
                (loop $again
                    (local.set $sum (i32.add (local.get $sum) (call $out (i32.and (local.get $n) (i32.const 3)))))
                    (local.set $n (i32.add (local.get $n) (i32.const 1)))
                    (br_if $again (i32.lt_u (local.get $n) (local.get 0))))
                (local.get $sum)))"#;
        assert_eq!(call(text, 3, 1000), (Some(1000), false, Some(3)));
    }

    #[test]
    fn several_results_come_back_in_order() {
        let text = r#"(module
            (func $nop)
            (func $two (param i32) (result i32 i64)
                (call $nop)
                (if (local.get 0) (then (return (i32.const 1) (i64.const 2))))
                (i32.const 3) (i64.const 4))
            (func (export "f") (param i32) (result i32) (local i64)
                (call $two (local.get 0)) (local.set 1)
                (i32.const 10) (i32.mul) (i32.add (i32.wrap_i64 (local.get 1)))))"#;
        assert_eq!(call(text, 9, 1).0, Some(12));
        assert_eq!(call(text, 9, 0).0, Some(34));
    }

    #[test]
    fn an_exception_takes_off_the_frames_it_passes() {
        let text = r#"(module (tag $e (param i32))
            (func $throw (param i32) (result i32)
                (if (i32.eqz (local.get 0)) (then (throw $e (i32.const 5))))
                (call $throw (i32.sub (local.get 0) (i32.const 1))))
            (func (export "f") (param i32) (result i32) (local $n i32)
                (loop $again
                    (block $caught (result i32)
                        (try_table (result i32) (catch $e $caught) (call $throw (i32.const 10))))
                    (drop)
                    (local.set $n (i32.add (local.get $n) (i32.const 1)))
                    (br_if $again (i32.lt_u (local.get $n) (local.get 0))))
                (local.get $n)))"#;
        assert_eq!(call(text, 12, 1000), (Some(1000), false, Some(12)));
        assert_eq!(call(text, 11, 1000), (None, true, Some(11)));
    }

    #[test]
    fn an_exception_caught_at_a_loop_or_at_the_functions_label_leaks_nothing() {
        let text = r#"(module (tag $e)
            (func $throw (call $again) (throw $e))
            (func $again (throw $e))
            (func $at_loop (param i32) (local $n i32)
                (loop $head
                    (local.set $n (i32.add (local.get $n) (i32.const 1)))
                    (if (i32.gt_u (local.get $n) (local.get 0)) (then (return)))
                    (try_table (catch_all $head) (call $throw))))
            (func $at_label (try_table (catch_all 0) (call $throw)))
            (func (export "f") (param i32) (result i32) (local $n i32)
                (call $at_loop (local.get 0))
                (loop $next
                    (call $at_label)
                    (local.set $n (i32.add (local.get $n) (i32.const 1)))
                    (br_if $next (i32.lt_u (local.get $n) (local.get 0))))
                (local.get $n)))"#;
        assert_eq!(call(text, 4, 1000), (Some(1000), false, Some(4)));
    }

    #[test]
    fn the_start_function_counts_and_its_limit_is_found() {
        let text = r#"(module (func $f (call $f)) (start $f))"#;
        let (_, instance, guard) = counted(text, 10);
        assert!(guard.met(&instance.err().unwrap()));
    }

    #[test]
    fn calls_from_the_host_count_from_zero_each_time() {
        let (mut store, instance, guard) = counted(DOWN, 10);
        let instance = instance.unwrap();
        let function = instance.get_typed_func::<i32, i32>(&mut store, "f").unwrap();
        for _ in 0..100 {
            assert_eq!(function.call(&mut store, 9).unwrap(), 9);
        }
        assert_eq!(guard.deepest(&instance, &mut store), Some(10));
    }

    #[test]
    fn the_guests_own_trap_is_not_the_limit() {
        let text = r#"(module (func $f (export "f") (param i32) (result i32) unreachable))"#;
        assert_eq!(call(text, 10, 0), (None, false, Some(1)));
    }

    #[test]
    fn a_guest_can_name_nothing_of_what_is_added() {
        // Each names the index that the added global or function will have.
        let global = wat::parse_str("(module (func (global.set 0 (i32.const 0))))");
        assert!(instrument(&global.unwrap(), 10).is_err());
        let function = wat::parse_str("(module (func (call 1)))");
        assert!(instrument(&function.unwrap(), 10).is_err());
        // The export's name is one that the guest does not use.
        let text = format!(r#"(module (func (export "{EXPORT_NAME}")))"#);
        let counted = instrument(&wat::parse_str(text).unwrap(), 10).unwrap();
        assert_eq!(counted.guard.export, format!("{EXPORT_NAME}+"));
        wasmparser::validate(&counted.bytes).unwrap();
    }

    #[test]
    fn names_and_other_sections_stay_as_they_are() {
        let text =
            r#"(module $m (@custom "mine" "bytes") (func $first) (func $second (call $first)) (memory 1) (data "x"))"#;
        let guest = wat::parse_str(text).unwrap();
        let counted = instrument(&guest, 10).unwrap();
        let custom = |bytes: &[u8]| {
            let mut found = Vec::new();
            for payload in Parser::new(0).parse_all(bytes) {
                if let Payload::CustomSection(custom) = payload.unwrap() {
                    found.push((custom.name().to_owned(), custom.data().to_vec()));
                }
            }
            found
        };
        assert_eq!(custom(&guest), custom(&counted.bytes));
        assert_eq!(custom(&guest).len(), 2);
    }

    #[test]
    fn a_component_is_refused_with_the_typed_error() {
        let policy = Policy::parse("t", "version: 1\nlimits: { call-depth: 10 }\n").unwrap();
        let component = wat::parse_str("(component)").unwrap();
        let protections = Protections::of(&policy);
        let error = preflight(&component, &policy, &protections).unwrap_err();
        assert!(matches!(error, TargetError::LimitUnenforced { key, .. } if key == "limits.call-depth"));
        let mut lifted = protections.clone();
        lifted.lift(&["call-depth".to_owned()]).unwrap();
        assert!(preflight(&component, &policy, &lifted).is_ok());
        assert!(matches!(instrument(&component, 10), Err(Uncountable::Component)));
    }

    /// A generated module that ends by itself, from a seed.
    fn generated(seed: u64) -> Option<Vec<u8>> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let bytes: Vec<u8> = (0..4096)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[3]
            })
            .collect();
        let config = wasm_smith::Config {
            max_imports: 0,
            min_funcs: 4,
            export_everything: true,
            max_memory32_bytes: 1 << 20,
            max_memory64_bytes: 1 << 20,
            max_table_elements: 1000,
            tail_call_enabled: true,
            exceptions_enabled: true,
            gc_enabled: true,
            reference_types_enabled: true,
            threads_enabled: false,
            relaxed_simd_enabled: false,
            canonicalize_nans: true,
            ..wasm_smith::Config::default()
        };
        let mut module = wasm_smith::Module::new(config, &mut arbitrary::Unstructured::new(&bytes)).ok()?;
        module.ensure_termination(500).ok()?;
        Some(module.to_bytes())
    }

    /// All that a module does: what each export returns when it is called with zeros, twice.
    fn behaviour(engine: &Engine, bytes: &[u8], guard: Option<&Guard>) -> String {
        let module = Module::from_binary(engine, bytes).unwrap_or_else(|error| panic!("{error:#}"));
        let mut store = Store::new(engine, ());
        let instance = match Instance::new(&mut store, &module, &[]) {
            Ok(instance) => instance,
            Err(error) => return format!("{:?}", error.downcast_ref::<Trap>()),
        };
        let mut text = String::new();
        for _ in 0..2 {
            for export in module.exports().filter(|export| guard.is_none_or(|guard| guard.export != export.name())) {
                if let Some(function) = instance.get_func(&mut store, export.name()) {
                    let kind = function.ty(&store);
                    let arguments: Option<Vec<Val>> = kind.params().map(|kind| kind.default_value()).collect();
                    let Some(arguments) = arguments else { continue };
                    let mut results = vec![Val::I32(0); kind.results().len()];
                    match function.call(&mut store, &arguments, &mut results) {
                        Ok(()) => results.iter().for_each(|value| show(&mut text, value)),
                        Err(error) => {
                            assert!(!guard.is_some_and(|guard| guard.met(&error)), "a huge limit was met");
                            let _ = write!(text, "{:?};", error.downcast_ref::<Trap>());
                        }
                    }
                } else if let Some(global) = instance.get_global(&mut store, export.name()) {
                    let value = global.get(&mut store);
                    show(&mut text, &value);
                }
            }
        }
        text
    }

    fn show(text: &mut String, value: &Val) {
        let _ = match value {
            Val::I32(_) | Val::I64(_) | Val::F32(_) | Val::F64(_) | Val::V128(_) => write!(text, "{value:?};"),
            reference => {
                write!(text, "{};", if reference.ref_().is_some_and(|r| r.is_null()) { "null" } else { "ref" })
            }
        };
    }

    #[test]
    fn generated_modules_do_the_same_with_and_without_the_count() {
        let engine = engine();
        let (mut tried, mut catching) = (0, 0);
        for seed in 0..80 {
            let Some(guest) = generated(seed) else { continue };
            let counted = instrument(&guest, 1 << 30).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            let as_it_was = behaviour(&engine, &guest, None);
            if as_it_was.contains("StackOverflow") {
                continue;
            }
            let with_count = behaviour(&engine, &counted.bytes, Some(&counted.guard));
            assert_eq!(as_it_was, with_count, "seed {seed}");
            tried += 1;
            catching += i32::from(guest.windows(2).any(|pair| pair == [0x1f, 0x40]));
        }
        assert!(tried > 50, "only {tried} modules were tried, {catching} of them perhaps with handlers");
    }
}
