//! The one guest of all sequences: it walks records in its memory and makes the calls that they say.
//!
//! Compiled once, it runs any sequence: what costs most of a fresh module is not paid again. It exports
//! - `run(from, to)`: the records from one number up to another; each gets its error number when its call comes back,
//! - `at()`: the number of the record that runs, or ran last: after a trap the host goes on behind it,
//! - `census()`: asks for the `filestat` of each descriptor, so that the host can compare them with its own.

use std::sync::LazyLock;

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, Function as Body,
    FunctionSection, GlobalSection, GlobalType, ImportSection, InstructionSink, MemArg, MemorySection, MemoryType,
    Module, TypeSection, ValType,
};

use super::encode::{
    ARGUMENTS, CELLS, CENSUS, CENSUS_COUNT, CENSUS_STRIDE, Encoded, NO_ANSWER, NOT_REACHED, RECORD, RECORDS, TRACE,
    is_whole,
};
use super::functions::Function;

/// Where preview 1 is imported from.
const PREVIEW1: &str = "wasi_snapshot_preview1";
/// Descriptors below this number are the streams and the granted directories of the fixture.
const FIRST_OPENED: i32 = 5;

/// The interpreter, with a page of memory and nothing in it: whoever runs it writes the records.
#[must_use]
pub fn interpreter() -> Vec<u8> {
    static MODULE: LazyLock<Vec<u8>> = LazyLock::new(|| module(None));
    MODULE.clone()
}

/// A program of its own that runs a sequence at `_start`, and then writes its memory from the first record on to standard output: the
/// trace, with whatever the calls brought.
#[must_use]
pub fn program(encoded: &Encoded) -> Vec<u8> {
    module(Some(encoded))
}

fn module(encoded: Option<&Encoded>) -> Vec<u8> {
    let hosts: Vec<Function> = Function::all().filter(|function| function.is_host()).collect();
    let place = |name: &str| {
        let place = hosts.iter().position(|function| function.name() == name);
        place.and_then(|place| u32::try_from(place).ok()).unwrap_or_default()
    };
    let mut types = TypeSection::new();
    let mut imports = ImportSection::new();
    for (number, function) in (0..).zip(&hosts) {
        let parameters: Vec<ValType> =
            function.cells().map(|cell| if is_whole(cell) { ValType::I64 } else { ValType::I32 }).collect();
        let results: &[ValType] = if function.name() == "proc_exit" { &[] } else { &[ValType::I32] };
        types.ty().function(parameters, results.iter().copied());
        imports.import(PREVIEW1, function.name(), EntityType::Function(number));
    }
    let first = types.len();
    types.ty().function([ValType::I32, ValType::I32], []);
    types.ty().function([], [ValType::I32]);
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    for kind in [0, 1, 2, 2, 2] {
        functions.function(first + kind);
    }
    let (run, at, census, close_all, start) = (first, first + 1, first + 2, first + 3, first + 4);
    let mut memories = MemorySection::new();
    let pages = encoded.map_or(1, Encoded::pages);
    memories.memory(MemoryType {
        minimum: u64::from(pages),
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut globals = GlobalSection::new();
    globals.global(GlobalType { val_type: ValType::I32, mutable: true, shared: false }, &ConstExpr::i32_const(0));
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    exports.export("run", ExportKind::Func, run);
    exports.export("at", ExportKind::Func, at);
    exports.export("census", ExportKind::Func, census);
    if encoded.is_some() {
        exports.export("_start", ExportKind::Func, start);
    }
    let mut code = CodeSection::new();
    code.function(&run_body(&hosts, close_all));
    code.function(&at_body());
    code.function(&census_body(place("fd_filestat_get")));
    code.function(&close_all_body(place("fd_close")));
    code.function(&start_body(run, place("fd_write"), encoded));
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&memories).section(&globals);
    module.section(&exports).section(&code);
    if let Some(encoded) = encoded {
        let mut data = DataSection::new();
        data.active(0, &ConstExpr::i32_const(RECORDS.cast_signed()), encoded.image.iter().copied());
        module.section(&data);
    }
    module.finish()
}

const fn word(offset: u32) -> MemArg {
    MemArg { offset: offset as u64, align: 0, memory_index: 0 }
}

// Locals of `run`: its parameters, the record's address, what is read from memory, the error number, a number read, the arguments.
const FROM: u32 = 0;
const TO: u32 = 1;
const ADDRESS: u32 = 2;
const READ: u32 = 3;
const ERRNO: u32 = 4;
const NUMBER: u32 = 5;
const FIRST_ARGUMENT: u32 = 6;

fn run_body(hosts: &[Function], close_all: u32) -> Body {
    let cells = u32::try_from(CELLS).unwrap_or(0);
    let mut body = Body::new([(4, ValType::I32), (cells, ValType::I64)]);
    let mut code = body.instructions();
    code.block(BlockType::Empty).loop_(BlockType::Empty);
    code.local_get(FROM).local_get(TO).i32_ge_u().br_if(1);
    code.local_get(FROM).global_set(0);
    code.local_get(FROM).i32_const(RECORD.cast_signed()).i32_mul().i32_const(RECORDS.cast_signed()).i32_add();
    code.local_set(ADDRESS);
    code.local_get(ADDRESS).i32_const(NO_ANSWER.cast_signed()).i32_store(word(4));
    code.local_get(ADDRESS).i32_load(word(8)).local_set(READ);
    for cell in 0..cells {
        let own = FIRST_ARGUMENT + cell;
        code.local_get(ADDRESS).i64_load(word(ARGUMENTS + 8 * cell)).local_set(own);
        // The descriptor that an earlier call opened, from where that call wrote it.
        code.local_get(READ).i32_const(1 << cell).i32_and().if_(BlockType::Empty);
        code.local_get(own).i32_wrap_i64().i32_load(word(0)).local_set(NUMBER);
        code.local_get(NUMBER).i32_const(-1).i32_eq();
        code.local_get(READ).i32_const(1 << (16 + cell)).i32_and().i32_const(0).i32_ne().i32_and();
        code.if_(BlockType::Empty).i32_const(3).local_set(NUMBER).end();
        code.local_get(NUMBER).i64_extend_i32_u().local_set(own).end();
    }
    let all = u32::try_from(Function::COUNT).unwrap_or(0);
    // One block around another, the innermost for the first function: a branch to a block's end is the way to its function.
    code.block(BlockType::Result(ValType::I32));
    for _ in 0..=all {
        code.block(BlockType::Empty);
    }
    code.local_get(ADDRESS).i32_load(word(0)).br_table(0..all, all);
    for (number, function) in (0..).zip(Function::all()) {
        code.end();
        match hosts.iter().position(|host| *host == function).and_then(|place| u32::try_from(place).ok()) {
            Some(place) => {
                for (cell, kind) in (FIRST_ARGUMENT..).zip(function.cells()) {
                    code.local_get(cell);
                    if !is_whole(kind) {
                        code.i32_wrap_i64();
                    }
                }
                code.call(place);
                if function.name() == "proc_exit" {
                    code.i32_const(0);
                }
            }
            None => own(&mut code, function, close_all),
        }
        code.br(all - number);
    }
    code.end();
    code.i32_const(NOT_REACHED.cast_signed());
    code.end();
    code.local_set(ERRNO);
    code.local_get(ADDRESS).local_get(ERRNO).i32_store(word(4));
    code.local_get(FROM).i32_const(1).i32_add().local_set(FROM).br(0);
    code.end().end().end();
    body
}

/// What the guest does by itself; an error number is left on the stack.
fn own(code: &mut InstructionSink<'_>, function: Function, close_all: u32) {
    match function.name() {
        "guest.burn" => {
            code.loop_(BlockType::Empty);
            code.local_get(FIRST_ARGUMENT).i64_const(0).i64_gt_s().if_(BlockType::Empty);
            code.local_get(FIRST_ARGUMENT).i64_const(1).i64_sub().local_set(FIRST_ARGUMENT).br(1).end().end();
            code.i32_const(0);
        }
        "guest.grow" => {
            // Out of memory is 48.
            code.i32_const(48).i32_const(0).local_get(FIRST_ARGUMENT).i32_wrap_i64().memory_grow(0);
            code.i32_const(-1).i32_eq().select();
        }
        "guest.close_all" => {
            code.call(close_all).i32_const(0);
        }
        _ => {
            code.unreachable();
        }
    }
}

fn at_body() -> Body {
    let mut body = Body::new([]);
    body.instructions().global_get(0).end();
    body
}

/// The `filestat` of each descriptor; where there is none, all of it is zero.
fn census_body(filestat: u32) -> Body {
    let mut body = Body::new([(2, ValType::I32)]);
    let (descriptor, address) = (0, 1);
    let mut code = body.instructions();
    code.loop_(BlockType::Empty);
    code.local_get(descriptor).i32_const(CENSUS_STRIDE.cast_signed()).i32_mul();
    code.i32_const(CENSUS.cast_signed()).i32_add().local_set(address);
    code.local_get(descriptor).local_get(address).call(filestat).if_(BlockType::Empty);
    for field in 0..CENSUS_STRIDE / 8 {
        code.local_get(address).i64_const(0).i64_store(word(8 * field));
    }
    code.end();
    code.local_get(descriptor).i32_const(1).i32_add().local_set(descriptor);
    code.local_get(descriptor).i32_const(CENSUS_COUNT.cast_signed()).i32_lt_u().br_if(0);
    code.end().end();
    body
}

fn close_all_body(close: u32) -> Body {
    let mut body = Body::new([(1, ValType::I32)]);
    let mut code = body.instructions();
    code.i32_const(FIRST_OPENED).local_set(0);
    code.loop_(BlockType::Empty);
    code.local_get(0).call(close).drop();
    code.local_get(0).i32_const(1).i32_add().local_set(0);
    code.local_get(0).i32_const(CENSUS_COUNT.cast_signed()).i32_lt_u().br_if(0);
    code.end().end();
    body
}

fn start_body(run: u32, write: u32, encoded: Option<&Encoded>) -> Body {
    let mut body = Body::new([]);
    let mut code = body.instructions();
    if let Some(encoded) = encoded {
        let length = u32::try_from(encoded.image.len()).unwrap_or(0);
        code.i32_const(0).i32_const(encoded.count.cast_signed()).call(run);
        code.i32_const(TRACE.cast_signed()).i32_const(RECORDS.cast_signed()).i32_store(word(0));
        code.i32_const(TRACE.cast_signed()).i32_const(length.cast_signed()).i32_store(word(4));
        code.i32_const(1).i32_const(TRACE.cast_signed()).i32_const(1).i32_const(TRACE.cast_signed() + 8);
        code.call(write).drop();
    }
    code.end();
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sequences::encode;

    #[test]
    fn the_interpreter_and_a_program_are_valid() {
        wasmparser::validate(&interpreter()).unwrap();
        let sequence = "sched_yield()\nguest.burn(3)\nguest.grow(1)\nguest.close_all()\n".parse().unwrap();
        wasmparser::validate(&program(&encode(&sequence).unwrap())).unwrap();
    }
}
