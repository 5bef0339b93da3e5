//! How fast a module is looked at, beside the validator alone: `inspect` is to reach 80 % of its throughput.
//!
//! The module is made here: 2 MiB of code as compilers write it (arithmetic, memory, calls, branches), with imports, a table, data and
//! names. The last line says the share that was reached; it is an error if that is too low.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, ExportKind, ExportSection,
    Function, FunctionSection, GlobalSection, GlobalType, ImportSection, MemArg, MemorySection, MemoryType, Module,
    NameMap, NameSection, RefType, TableSection, TableType, TypeSection, ValType,
};
use wasmparser::{Validator, WasmFeatures};

/// Functions of the module, each of about 1 KiB of code.
const FUNCTIONS: u32 = 2_048;
/// The least share of the validator's throughput.
const LEAST: f64 = 0.8;

fn module() -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32, ValType::I32], [ValType::I32]);
    let mut imports = ImportSection::new();
    imports.import("wasi_snapshot_preview1", "args_sizes_get", EntityType::Function(0));
    let (mut functions, mut code, mut names) = (FunctionSection::new(), CodeSection::new(), NameMap::new());
    for number in 0..FUNCTIONS {
        functions.function(0);
        code.function(&body(number));
        names.append(number + 1, &format!("guest::module_{}::function_{number}", number % 37));
    }
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        minimum: u64::from(FUNCTIONS),
        maximum: None,
        table64: false,
        shared: false,
    });
    let mut elements = ElementSection::new();
    elements.active(None, &ConstExpr::i32_const(0), Elements::Functions((1..=FUNCTIONS).collect::<Vec<_>>().into()));
    let mut memories = MemorySection::new();
    memories.memory(MemoryType { minimum: 32, maximum: None, memory64: false, shared: false, page_size_log2: None });
    let mut globals = GlobalSection::new();
    globals.global(GlobalType { val_type: ValType::I32, mutable: true, shared: false }, &ConstExpr::i32_const(1024));
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0).export("_start", ExportKind::Func, 1);
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(0), std::iter::repeat_n(7, 256 << 10));
    let mut debug = NameSection::new();
    debug.functions(&names);
    let mut module = Module::new();
    module.section(&types).section(&imports).section(&functions).section(&tables).section(&memories);
    module.section(&globals).section(&exports).section(&elements).section(&code).section(&data).section(&debug);
    module.finish()
}

/// About a kilobyte of code, a little different for each number.
fn body(number: u32) -> Function {
    let mut body = Function::new([(3, ValType::I32), (1, ValType::I64)]);
    let at = |offset: u32| MemArg { offset: u64::from(offset), align: 2, memory_index: 0 };
    let mut code = body.instructions();
    for turn in 0..24 {
        let offset = number.wrapping_mul(31).wrapping_add(turn * 8) % 4096;
        code.block(BlockType::Empty);
        code.local_get(0).i32_const(i32::try_from(offset).unwrap_or(0)).i32_add().local_tee(2).i32_load(at(offset));
        code.local_get(1).i32_xor().local_tee(3).i32_eqz().br_if(0);
        code.local_get(2).local_get(3).i32_store(at(offset + 4));
        code.local_get(3).i64_extend_i32_u().local_get(5).i64_mul().local_set(5);
        code.local_get(2).local_get(3).call(1 + (number + turn) % FUNCTIONS).local_set(4);
        code.end();
    }
    code.local_get(4).end();
    body
}

fn validate(bytes: &[u8]) {
    black_box(Validator::new_with_features(WasmFeatures::all()).validate_all(black_box(bytes)).is_ok());
}

fn inspect(bytes: &[u8]) {
    black_box(gauntlet_inspect::inspect(black_box(bytes)).is_ok());
}

fn throughput(criterion: &mut Criterion) {
    let module = module();
    assert!(module.len() > 1 << 20 && gauntlet_inspect::inspect(&module).is_ok());
    let mut group = criterion.benchmark_group("module of 2 MiB");
    group.throughput(Throughput::Bytes(module.len() as u64));
    group.bench_function("validate", |bencher| bencher.iter(|| validate(&module)));
    group.bench_function("inspect", |bencher| bencher.iter(|| inspect(&module)));
    group.finish();
    share(&module);
}

/// The share, from the best of many turns: what else the machine does makes both slower, never faster.
fn share(module: &[u8]) {
    let (mut plain, mut ours) = (Duration::MAX, Duration::MAX);
    for _ in 0..200 {
        for (run, best) in [(validate as fn(&[u8]), &mut plain), (inspect, &mut ours)] {
            let start = Instant::now();
            run(module);
            *best = start.elapsed().min(*best);
        }
    }
    let share = plain.as_secs_f64() / ours.as_secs_f64();
    let rate = |time: Duration| module.len() as f64 / time.as_secs_f64() / f64::from(1 << 20);
    eprintln!(
        "inspect reaches {:.0} % of validation: {:.0} MiB/s of {:.0} MiB/s",
        share * 100.0,
        rate(ours),
        rate(plain)
    );
    assert!(share >= LEAST, "less than {:.0} %", LEAST * 100.0);
}

criterion_group!(benches, throughput);
criterion_main!(benches);
