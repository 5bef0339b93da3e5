//! The module that a program stands for.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, CustomSection, EntityType, ExportKind, ExportSection, Function, FunctionSection,
    GlobalSection, GlobalType, HeapType, ImportSection, Instruction, MemArg, MemorySection, MemoryType, Module,
    RefType, TableSection, TableType, TypeSection, ValType,
};

use super::{Program, Step};

impl Program {
    /// The guest.
    #[must_use]
    pub fn wasm(&self) -> Vec<u8> {
        let mut module = Module::new();
        let mut types = TypeSection::new();
        types.ty().function([ValType::I64], [ValType::I64]);
        types.ty().function([ValType::I32], [ValType::I32]);
        types.ty().function([], []);
        module.section(&types);
        let mut imports = ImportSection::new();
        let mut imported = 0;
        for step in &self.0 {
            if let Step::Import(from, name) = step {
                imports.import(from, name, EntityType::Function(2));
                imported += 1;
            }
        }
        if imported > 0 {
            module.section(&imports);
        }
        let mut functions = FunctionSection::new();
        functions.function(0).function(1);
        module.section(&functions);
        let mut tables = TableSection::new();
        let mut memories = MemorySection::new();
        for step in &self.0 {
            match step {
                Step::Table(least) => {
                    let ty = RefType { nullable: true, heap_type: HeapType::FUNC };
                    tables.table(TableType {
                        element_type: ty,
                        table64: false,
                        minimum: (*least).into(),
                        maximum: None,
                        shared: false,
                    });
                }
                Step::Memory(least, most) => {
                    let maximum = most.map(u64::from);
                    memories.memory(MemoryType {
                        minimum: (*least).into(),
                        maximum,
                        memory64: false,
                        shared: false,
                        page_size_log2: None,
                    });
                }
                Step::Use(feature) if feature == "memory64" => {
                    memories.memory(MemoryType {
                        minimum: 0,
                        maximum: Some(1),
                        memory64: true,
                        shared: false,
                        page_size_log2: None,
                    });
                }
                _ => {}
            }
        }
        if !tables.is_empty() {
            module.section(&tables);
        }
        if !memories.is_empty() {
            module.section(&memories);
        }
        let mut globals = GlobalSection::new();
        globals.global(GlobalType { val_type: ValType::I64, mutable: true, shared: false }, &ConstExpr::i64_const(0));
        module.section(&globals);
        let mut exports = ExportSection::new();
        exports.export("_start", ExportKind::Func, imported);
        module.section(&exports);
        let mut code = CodeSection::new();
        code.function(&self.body(imported + 1));
        code.function(&recursion(imported + 1));
        module.section(&code);
        for step in &self.0 {
            if let Step::Pad(bytes) = step {
                module.section(&CustomSection { name: "pad".into(), data: vec![0x2e; *bytes as usize].into() });
            }
        }
        module.finish()
    }

    fn body(&self, recurse: u32) -> Function {
        use Instruction as I;
        let memory_at = |at: u32| self.declared(at, |step| matches!(step, Step::Memory(..)), "memory64");
        // Local 0 is the argument, 1 the work, 2 a counter.
        let mut body = Function::new([(1, ValType::I64), (1, ValType::I32)]);
        let mut put = |instructions: &[I<'_>]| {
            for instruction in instructions {
                body.instruction(instruction);
            }
        };
        let add = [I::LocalGet(1), I::I64Add, I::LocalSet(1)];
        put(&[I::LocalGet(0), I::I64Const(0xff), I::I64And, I::LocalSet(1)]);
        let tables = self.0.iter().filter(|step| matches!(step, Step::Table(_))).count();
        for step in &self.0 {
            match step {
                Step::GrowMemory(at, by) => {
                    if let Some(at) = memory_at(*at) {
                        put(&[I::I32Const(by.cast_signed()), I::MemoryGrow(at), I::Drop]);
                    }
                }
                Step::GrowTable(at, by) => {
                    if (*at as usize) < tables {
                        put(&[I::RefNull(HeapType::FUNC), I::I32Const(by.cast_signed()), I::TableGrow(*at), I::Drop]);
                    }
                }
                Step::Loop(0) => {}
                Step::Loop(turns) => {
                    put(&[I::I32Const(turns.cast_signed()), I::LocalSet(2), I::Loop(BlockType::Empty)]);
                    put(&[I::I64Const(1)]);
                    put(&add);
                    put(&[I::LocalGet(2), I::I32Const(1), I::I32Sub, I::LocalTee(2), I::BrIf(0), I::End]);
                }
                Step::Recurse(depth) => {
                    put(&[I::I32Const(depth.cast_signed()), I::Call(recurse), I::I64ExtendI32U]);
                    put(&add);
                }
                Step::Count => {
                    put(&[I::GlobalGet(0), I::I64Const(1), I::I64Add, I::GlobalSet(0), I::GlobalGet(0)]);
                    put(&add);
                }
                Step::Mark => {
                    if self.first_memory() > 0
                        && let Some(memory_index) = memory_at(0)
                    {
                        let at = MemArg { offset: 8, align: 0, memory_index };
                        put(&[I::I32Const(0), I::I64Load8U(at)]);
                        put(&add);
                        put(&[I::I32Const(0), I::I32Const(1), I::I32Store8(at)]);
                    }
                }
                Step::Use(feature) => match feature.as_str() {
                    "simd" => put(&[I::V128Const(7), I::Drop]),
                    "threads" => put(&[I::AtomicFence]),
                    "wide-arithmetic" => {
                        put(&[
                            I::I64Const(1),
                            I::I64Const(2),
                            I::I64Const(3),
                            I::I64Const(4),
                            I::I64Add128,
                            I::Drop,
                            I::Drop,
                        ]);
                    }
                    "sign-extension" => put(&[I::I32Const(1), I::I32Extend8S, I::Drop]),
                    "multi-value" => put(&[I::I32Const(1), I::Block(BlockType::FunctionType(1)), I::End, I::Drop]),
                    "tail-call" => put(&[
                        I::I32Const(0),
                        I::If(BlockType::Empty),
                        I::LocalGet(0),
                        I::ReturnCall(recurse - 1),
                        I::End,
                    ]),
                    _ => {}
                },
                Step::Spin => put(&[I::Loop(BlockType::Empty), I::Br(0), I::End]),
                Step::Trap => put(&[I::I32Const(1), I::If(BlockType::Empty), I::Unreachable, I::End]),
                Step::Memory(..) | Step::Table(_) | Step::Import(..) | Step::Pad(_) => {}
            }
        }
        // What is held: pages and elements, each below the other.
        put(&[I::LocalGet(1), I::I64Const(0xf_ffff), I::I64And, I::LocalSet(1)]);
        let count = self.0.iter().filter(|step| matches!(step, Step::Memory(..))).count();
        for at in 0..count {
            if let Some(at) = u32::try_from(at).ok().and_then(memory_at) {
                put(&[I::MemorySize(at), I::I64ExtendI32U, I::I64Const(44), I::I64Shl]);
                put(&add);
            }
        }
        for at in 0..u32::try_from(tables).unwrap_or(0) {
            put(&[I::TableSize(at), I::I64ExtendI32U, I::I64Const(20), I::I64Shl]);
            put(&add);
        }
        put(&[I::LocalGet(1), I::End]);
        body
    }

    /// The index of the `at`th thing of a kind, among those that `other` declares of the same kind.
    fn declared(&self, at: u32, kind: fn(&Step) -> bool, other: &str) -> Option<u32> {
        let mut index = 0;
        let mut seen = 0;
        for step in &self.0 {
            if kind(step) {
                if seen == at {
                    return Some(index);
                }
                seen += 1;
                index += 1;
            } else if matches!(step, Step::Use(feature) if feature == other) {
                index += 1;
            }
        }
        None
    }
}

/// `f(n) = n == 0 ? 0 : f(n - 1) + 1`, whose addition after the call keeps a frame for each.
fn recursion(own: u32) -> Function {
    use Instruction as I;
    let mut body = Function::new([]);
    for instruction in [
        I::LocalGet(0),
        I::I32Eqz,
        I::If(BlockType::Result(ValType::I32)),
        I::I32Const(0),
        I::Else,
        I::LocalGet(0),
        I::I32Const(1),
        I::I32Sub,
        I::Call(own),
        I::I32Const(1),
        I::I32Add,
        I::End,
        I::End,
    ] {
        body.instruction(&instruction);
    }
    body
}
