//! What about a module deserves a second look. None of it is proof of anything: each line says what was seen and above which bound.

use gauntlet_record::{Unit, is_printable};
use serde::{Deserialize, Serialize};

use crate::Inspection;
use crate::interface::shown;

/// Longest name that nobody wonders about, in bytes.
const LONG_NAME: usize = 1_024;
/// Locals of one function, and of all, that no compiler writes. A local costs the compiler time and the stack room, and takes no byte of the
/// module: a declaration of thousands takes three.
const LOCALS_OF_ONE: u64 = 10_000;
const LOCALS_OF_ALL: u64 = 5_000_000;
/// Functions that only very large programs have.
const FUNCTIONS: u64 = 100_000;
/// Bytes of one function whose compilation takes seconds.
const CODE_OF_ONE: u64 = 1 << 20;
/// Blocks within blocks that no compiler writes.
const BLOCKS: u32 = 1_000;
/// Modules and components within each other.
const DEPTH: usize = 6;
/// Memory, table elements and instances at the start, when they are also this many times what the module's size would make one expect.
const MEMORY: u64 = 256 << 20;
const ELEMENTS: u64 = 10_000_000;
const INSTANCES: u64 = 1_000;
const RATIO: u64 = 1_000;
/// Bytes that a table element takes of the host, as engines lay them out.
const ELEMENT_BYTES: u64 = 16;
/// Bytes of custom sections, when they are also most of the module.
const CUSTOM: u64 = 1 << 20;

/// Declares the kinds of suspicion.
macro_rules! concerns {
    ($($(#[$meta:meta])* $variant:ident = $word:literal;)*) => {
        /// A kind of suspicion.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Concern { $($(#[$meta])* $variant,)* }

        impl Concern {
            /// The word for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

concerns! {
    /// A name with characters that steer a terminal or are not seen, or of a length that no tool writes.
    HostileName = "hostile-name";
    /// Functions that declare very many locals.
    HugeLocals = "huge-locals";
    /// A start, of few bytes, that takes very much memory, very many table elements or instances.
    BlowUp = "blow-up";
    /// Very many functions.
    ManyFunctions = "many-functions";
    /// A very large function.
    HugeFunction = "huge-function";
    /// Blocks within blocks, or components within components, very deep.
    DeepNesting = "deep-nesting";
    /// Most of the module is custom sections, which no engine runs.
    MostlyCustom = "mostly-custom";
    /// A section that sends debuggers to an address of the module's choice.
    RefersElsewhere = "refers-elsewhere";
}

/// Something about a module that deserves a second look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Suspicion {
    /// What kind it is.
    pub concern: Concern,
    /// What was seen, in a sentence. Names in it are made safe.
    pub detail: String,
}

/// What is watched during the pass.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    hostile_names: u64,
    hostile_name: String,
    locals: u64,
    most_locals: u64,
    largest: u64,
    blocks: u32,
    pub(crate) depth: usize,
    pub(crate) custom: u64,
    pub(crate) elsewhere: bool,
}

impl Watch {
    pub(crate) fn name(&mut self, name: &str) {
        // Nearly every name is short and plain ASCII.
        if name.len() <= LONG_NAME && name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return;
        }
        if name.len() > LONG_NAME || !name.chars().all(is_printable) {
            if self.hostile_names == 0 {
                self.hostile_name = shown(name);
            }
            self.hostile_names += 1;
        }
    }

    pub(crate) fn function(&mut self, bytes: u64, locals: u64, blocks: u32) {
        self.locals = self.locals.saturating_add(locals);
        self.most_locals = self.most_locals.max(locals);
        self.largest = self.largest.max(bytes);
        self.blocks = self.blocks.max(blocks);
    }

    pub(crate) fn suspicions(&self, found: &Inspection) -> Vec<Suspicion> {
        let mut all = Vec::new();
        let mut add = |seen: bool, concern: Concern, detail: String| {
            if seen {
                all.push(Suspicion { concern, detail });
            }
        };
        let count = |number: u64| Unit::Count.show(number);
        let bytes = |number: u64| Unit::Bytes.show(number);
        add(
            self.hostile_names > 0,
            Concern::HostileName,
            format!(
                "{} name(s) that a terminal would not show as they are; the first is `{}`",
                count(self.hostile_names),
                self.hostile_name
            ),
        );
        add(
            self.most_locals > LOCALS_OF_ONE || self.locals > LOCALS_OF_ALL,
            Concern::HugeLocals,
            format!("{} locals are declared, up to {} in one function", count(self.locals), count(self.most_locals)),
        );
        let minimum = &found.minimum;
        let start = minimum.memory.saturating_add(minimum.table_elements.saturating_mul(ELEMENT_BYTES));
        let ratio = start / found.size.max(1);
        add(
            (minimum.memory > MEMORY || minimum.table_elements > ELEMENTS) && ratio > RATIO
                || minimum.instances > INSTANCES,
            Concern::BlowUp,
            format!(
                "{} of wasm start with {} of memory, {} table elements and {} instances: {} times as much",
                bytes(found.size),
                bytes(minimum.memory),
                count(minimum.table_elements),
                count(minimum.instances),
                count(ratio),
            ),
        );
        add(
            found.functions.defined > FUNCTIONS,
            Concern::ManyFunctions,
            format!("{} functions are defined", count(found.functions.defined)),
        );
        add(
            self.largest > CODE_OF_ONE,
            Concern::HugeFunction,
            format!("one function has {} of code", bytes(self.largest)),
        );
        add(
            self.blocks > BLOCKS || self.depth > DEPTH,
            Concern::DeepNesting,
            format!("blocks are nested {} deep, modules and components {}", self.blocks, self.depth),
        );
        add(
            self.custom > CUSTOM && self.custom > found.size / 2,
            Concern::MostlyCustom,
            format!("{} of {} are custom sections, which are not run", bytes(self.custom), bytes(found.size)),
        );
        add(
            self.elsewhere,
            Concern::RefersElsewhere,
            "a custom section names an address that debuggers fetch".to_owned(),
        );
        all
    }
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{CodeSection, Function, FunctionSection, Module, TypeSection, ValType};

    use super::*;
    use crate::inspect;

    fn concerns(bytes: &[u8]) -> Vec<Concern> {
        inspect(bytes).unwrap().suspicions.iter().map(|suspicion| suspicion.concern).collect()
    }

    fn of(text: &str) -> Vec<Concern> {
        concerns(&wat::parse_str(text).unwrap())
    }

    fn functions(count: u32, body: &Function) -> Vec<u8> {
        let (mut types, mut functions, mut code) = (TypeSection::new(), FunctionSection::new(), CodeSection::new());
        types.ty().function([], []);
        for _ in 0..count {
            functions.function(0);
            code.function(body);
        }
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&code);
        module.finish()
    }

    #[test]
    fn an_ordinary_module_is_not_suspected() {
        assert_eq!(of(r#"(module $m (memory (export "memory") 16) (func (export "_start")))"#), []);
    }

    #[test]
    fn names_that_would_fool_a_reader_are_suspected() {
        for name in ["\\1b[2J", "\\e2\\80\\aegpj.exe", "a\\e2\\80\\8bb", &"x".repeat(2_000)] {
            assert_eq!(of(&format!("(module (func (export \"{name}\")))")), [Concern::HostileName], "{name}");
        }
        let found = inspect(&wat::parse_str("(module (func (export \"\\1b[2J\")))").unwrap()).unwrap();
        assert!(!format!("{found:?}{}", found.suspicions[0].detail).contains('\u{1b}'));
        // Names in another script are names.
        assert_eq!(of("(module (func (export \"größe\")))"), []);
    }

    #[test]
    fn locals_that_cost_nothing_to_declare_are_suspected() {
        let mut body = Function::new([(49_999, ValType::I64)]);
        body.instructions().end();
        assert_eq!(concerns(&functions(1, &body)), [Concern::HugeLocals]);
    }

    #[test]
    fn a_start_that_takes_more_than_its_size_promises_is_suspected() {
        assert_eq!(of("(module (memory 65536))"), [Concern::BlowUp]);
        assert_eq!(of("(module (memory 16))"), []);
    }

    #[test]
    fn instances_that_double_with_each_level_are_suspected() {
        let mut text = "(component $c0 (core module $m (memory 1)) (core instance (instantiate $m)))".to_owned();
        for level in 1..12 {
            let inner = level - 1;
            text = format!(
                "(component $c{level} {text} (instance (instantiate $c{inner})) (instance (instantiate $c{inner})))"
            );
        }
        let found = inspect(&wat::parse_str(&text).unwrap()).unwrap();
        assert_eq!((found.minimum.instances, found.minimum.memory), (2_048, 2_048 << 16));
        let concerns: Vec<Concern> = found.suspicions.iter().map(|suspicion| suspicion.concern).collect();
        assert_eq!(concerns, [Concern::BlowUp, Concern::DeepNesting]);
    }

    #[test]
    fn many_and_large_and_deep_functions_are_suspected() {
        let mut body = Function::new([]);
        body.instructions().end();
        assert_eq!(concerns(&functions(100_001, &body)), [Concern::ManyFunctions]);
        let mut body = Function::new([]);
        for _ in 0..(CODE_OF_ONE + 1) {
            body.instructions().nop();
        }
        body.instructions().end();
        assert_eq!(concerns(&functions(1, &body)), [Concern::HugeFunction]);
        let text = format!("(module (func {}{}))", "(block ".repeat(1_500), ")".repeat(1_500));
        assert_eq!(of(&text), [Concern::DeepNesting]);
    }

    #[test]
    fn sections_that_no_engine_runs_are_weighed() {
        let section = |name: &str, length: usize| format!("(module (@custom \"{name}\" \"{}\"))", "x".repeat(length));
        assert_eq!(of(&section("stuff", 1 << 21)), [Concern::MostlyCustom]);
        assert_eq!(of(&section("sourceMappingURL", 10)), [Concern::RefersElsewhere]);
    }
}
