//! Proposals of WebAssembly, by the names that a policy has for them: which one a module uses, and what validates with some of them.

use wasmparser::{
    AbstractHeapType, CompositeInnerType, HeapType, MemoryType, RefType, StorageType, SubType, TableType, ValType,
    Validator, WasmFeatures,
};

use crate::read::Invalid;

/// Proposals, as a set of bits in the order of [`TABLE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Proposals(u32);

/// Declares the proposals: constant, name, and what the validator has to be told so that it takes them.
macro_rules! proposals {
    ($($constant:ident = $bit:literal, $name:literal, $features:expr;)*) => {
        impl Proposals {
            $(pub(crate) const $constant: Self = Self(1 << $bit);)*
        }

        /// Name and features, by bit.
        const TABLE: &[(&str, WasmFeatures)] = &[$(($name, $features),)*];
    };
}

proposals! {
    BULK_MEMORY = 0, "bulk-memory", WasmFeatures::BULK_MEMORY;
    REFERENCE_TYPES = 1, "reference-types", WasmFeatures::REFERENCE_TYPES.union(WasmFeatures::BULK_MEMORY).union(WasmFeatures::GC_TYPES);
    MULTI_VALUE = 2, "multi-value", WasmFeatures::MULTI_VALUE;
    SIMD = 3, "simd", WasmFeatures::SIMD;
    RELAXED_SIMD = 4, "relaxed-simd", WasmFeatures::SIMD.union(WasmFeatures::RELAXED_SIMD);
    THREADS = 5, "threads", WasmFeatures::THREADS;
    MULTI_MEMORY = 6, "multi-memory", WasmFeatures::MULTI_MEMORY;
    MEMORY64 = 7, "memory64", WasmFeatures::MEMORY64;
    TAIL_CALL = 8, "tail-call", WasmFeatures::TAIL_CALL;
    FUNCTION_REFERENCES = 9, "function-references", WasmFeatures::FUNCTION_REFERENCES;
    GC = 10, "gc", WasmFeatures::GC.union(WasmFeatures::GC_TYPES).union(WasmFeatures::FUNCTION_REFERENCES);
    EXCEPTIONS = 11, "exceptions", WasmFeatures::EXCEPTIONS.union(WasmFeatures::GC_TYPES);
    COMPONENT_MODEL = 12, "component-model", WasmFeatures::COMPONENT_MODEL;
    COMPONENT_MODEL_ASYNC = 13, "component-model-async", WasmFeatures::CM_ASYNC;
    STACK_SWITCHING = 14, "stack-switching", WasmFeatures::STACK_SWITCHING.union(WasmFeatures::GC_TYPES);
    CUSTOM_PAGE_SIZES = 15, "custom-page-sizes", WasmFeatures::CUSTOM_PAGE_SIZES;
    WIDE_ARITHMETIC = 16, "wide-arithmetic", WasmFeatures::WIDE_ARITHMETIC;
    // What no policy can allow; such a module is shown, and refused by our executor.
    LEGACY_EXCEPTIONS = 17, "legacy-exceptions", WasmFeatures::LEGACY_EXCEPTIONS.union(WasmFeatures::EXCEPTIONS);
}

/// How many of the proposals, from the first, a policy has a name for.
const IN_POLICY: usize = 17;

/// What every engine has, and no policy names.
const ALWAYS: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::FLOATS)
    .union(WasmFeatures::EXTENDED_CONST);

/// The names of the proposals that a policy can allow or forbid, in the policy's order.
pub fn proposals() -> impl Iterator<Item = &'static str> {
    TABLE[..IN_POLICY].iter().map(|(name, _)| *name)
}

/// Validates bytes with the proposals that are allowed by name, besides what every engine has.
///
/// ```
/// let memory64 = b"\0asm\x01\0\0\0\x05\x03\x01\x04\x01";
/// assert!(gauntlet_inspect::validate(memory64, |name| name == "memory64").is_ok());
/// assert!(gauntlet_inspect::validate(memory64, |_| false).is_err());
/// ```
///
/// # Errors
///
/// What the validator says, and at which byte.
pub fn validate(bytes: &[u8], allowed: impl Fn(&str) -> bool) -> Result<(), Invalid> {
    crate::nesting::check(bytes)?;
    let named = TABLE.iter().filter(|(name, _)| allowed(name));
    let features = named.fold(ALWAYS, |features, (_, more)| features | *more);
    Validator::new_with_features(features).validate_all(bytes).map(drop).map_err(|error| Invalid::from(&error))
}

/// Everything that can be looked at.
pub(crate) fn all() -> WasmFeatures {
    TABLE.iter().fold(ALWAYS, |features, (_, more)| features | *more)
}

impl Proposals {
    pub(crate) const fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The names, in the table's order.
    pub(crate) fn names(self) -> Vec<String> {
        let used = TABLE.iter().enumerate().filter(|(bit, _)| self.0 & (1 << bit) != 0);
        used.map(|(_, (name, _))| (*name).to_owned()).collect()
    }

    pub(crate) fn value(&mut self, kind: ValType) {
        match kind {
            ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64 => {}
            ValType::V128 => self.add(Self::SIMD),
            ValType::Ref(kind) => self.reference(kind),
        }
    }

    /// A type of references, wherever any but `funcref` of a table stands.
    pub(crate) fn reference(&mut self, kind: RefType) {
        self.add(Self::REFERENCE_TYPES);
        if !kind.is_nullable() {
            self.add(Self::FUNCTION_REFERENCES);
        }
        match kind.heap_type() {
            HeapType::Concrete(_) => self.add(Self::FUNCTION_REFERENCES),
            HeapType::Exact(_) => self.add(Self::GC),
            HeapType::Abstract { ty, .. } => match ty {
                AbstractHeapType::Func | AbstractHeapType::Extern => {}
                AbstractHeapType::Any
                | AbstractHeapType::None
                | AbstractHeapType::NoExtern
                | AbstractHeapType::NoFunc
                | AbstractHeapType::Eq
                | AbstractHeapType::Struct
                | AbstractHeapType::Array
                | AbstractHeapType::I31 => self.add(Self::GC),
                AbstractHeapType::Exn | AbstractHeapType::NoExn => self.add(Self::EXCEPTIONS),
                AbstractHeapType::Cont | AbstractHeapType::NoCont => self.add(Self::STACK_SWITCHING),
            },
        }
    }

    pub(crate) fn table(&mut self, table: &TableType) {
        if table.table64 {
            self.add(Self::MEMORY64);
        }
        if table.element_type != RefType::FUNCREF {
            self.reference(table.element_type);
        }
    }

    pub(crate) fn memory(&mut self, memory: &MemoryType) {
        for (used, proposal) in [
            (memory.memory64, Self::MEMORY64),
            (memory.shared, Self::THREADS),
            (memory.page_size_log2.is_some(), Self::CUSTOM_PAGE_SIZES),
        ] {
            if used {
                self.add(proposal);
            }
        }
    }

    pub(crate) fn sub_type(&mut self, kind: &SubType) {
        if !kind.is_final || kind.supertype_idx.is_some() {
            self.add(Self::GC);
        }
        let field = |proposals: &mut Self, kind: &StorageType| {
            if let StorageType::Val(kind) = kind {
                proposals.value(*kind);
            }
        };
        match &kind.composite_type.inner {
            CompositeInnerType::Func(function) => {
                if function.results().len() > 1 {
                    self.add(Self::MULTI_VALUE);
                }
                function.params().iter().chain(function.results()).for_each(|kind| self.value(*kind));
            }
            CompositeInnerType::Array(array) => {
                self.add(Self::GC);
                field(self, &array.0.element_type);
            }
            CompositeInnerType::Struct(fields) => {
                self.add(Self::GC);
                fields.fields.iter().for_each(|each| field(self, &each.element_type));
            }
            CompositeInnerType::Cont(_) => self.add(Self::STACK_SWITCHING),
        }
    }

    /// Notes what the instruction that begins here uses. The bytes are looked at and not parsed: what is no instruction is the
    /// validator's to refuse. Says whether it may open a block.
    #[inline]
    pub(crate) fn instruction(&mut self, code: &[u8]) -> bool {
        let Some(first) = code.first() else { return false };
        let known = OPCODES[usize::from(*first)];
        self.0 |= known;
        let more = known & MORE != 0;
        if more {
            self.longer(*first, &code[1..]);
        }
        more
    }

    /// A type of values, as it is written in an instruction.
    fn value_byte(&mut self, code: &[u8]) {
        match code.first() {
            Some(0x7b) => self.add(Self::SIMD),
            Some(0x63) => self.heap_byte(&code[1..]),
            Some(0x64) => {
                self.add(Self::FUNCTION_REFERENCES);
                self.heap_byte(&code[1..]);
            }
            Some(0x68..=0x75) => self.heap_byte(code),
            Some(_) | None => {}
        }
    }

    /// What a reference points to, as it is written in an instruction.
    fn heap_byte(&mut self, code: &[u8]) {
        self.add(Self::REFERENCE_TYPES);
        self.add(match code.first() {
            Some(0x6f | 0x70) | None => Self(0),
            Some(0x69 | 0x74) => Self::EXCEPTIONS,
            Some(0x68 | 0x75) => Self::STACK_SWITCHING,
            Some(0x62 | 0x6a..=0x6e | 0x71..=0x73) => Self::GC,
            Some(_) => Self::FUNCTION_REFERENCES,
        });
    }

    #[inline(never)]
    fn longer(&mut self, first: u8, rest: &[u8]) {
        match first {
            // What stands in for a type: nothing, a number of a type with parameters or several results, or a type of one value.
            0x02..=0x04 | 0x06 | 0x1f => match rest.first() {
                Some(0x40) | None => {}
                Some(0x41..=0x7f) => self.value_byte(rest),
                Some(_) => self.add(Self::MULTI_VALUE),
            },
            0x1c => {
                let (_, length) = leb(rest);
                self.value_byte(rest.get(length..).unwrap_or_default());
            }
            0xd0 => self.heap_byte(rest),
            // An indirect call names its table; before reference types there was only the byte 0.
            0x11 | 0x13 => {
                let (_, length) = leb(rest);
                if rest.get(length).is_some_and(|table| *table != 0) {
                    self.add(Self::REFERENCE_TYPES);
                }
            }
            0xfc => self.add(match leb(rest).0 {
                8..=14 => Self::BULK_MEMORY,
                15..=17 => Self::REFERENCE_TYPES,
                19..=22 => Self::WIDE_ARITHMETIC,
                _ => Self(0),
            }),
            0xfd => self.add(if leb(rest).0 >= 0x100 { Self::RELAXED_SIMD } else { Self::SIMD }),
            _ => {}
        }
    }
}

/// An unsigned number and how many bytes it takes.
fn leb(bytes: &[u8]) -> (u32, usize) {
    let mut value = 0_u32;
    for (place, byte) in bytes.iter().take(5).enumerate() {
        value |= u32::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return (value, place + 1);
        }
    }
    (value, 5)
}

/// The bit of the table that says: the byte alone does not tell.
const MORE: u32 = 1 << 31;

/// What each first byte of an instruction uses. Source: WebAssembly core specification 3.0, "Instructions, Index of Instructions", and
/// the overviews of the proposals for what is not part of it.
static OPCODES: [u32; 256] = {
    let mut table = [0_u32; 256];
    let mut at = 0;
    while at < 256 {
        table[at] = match at {
            0x02..=0x04 | 0x11 | 0xfc | 0xfd => MORE,
            // `throw` belongs to both generations of exceptions.
            0x08 | 0x0a => Proposals::EXCEPTIONS.0,
            0x1f => Proposals::EXCEPTIONS.0 | MORE,
            0x06 => Proposals::LEGACY_EXCEPTIONS.0 | MORE,
            0x07 | 0x09 | 0x18 | 0x19 => Proposals::LEGACY_EXCEPTIONS.0,
            0x12 => Proposals::TAIL_CALL.0,
            0x13 => Proposals::TAIL_CALL.0 | MORE,
            0x14 | 0xd4..=0xd6 => Proposals::FUNCTION_REFERENCES.0,
            0x15 => Proposals::FUNCTION_REFERENCES.and(Proposals::TAIL_CALL).0,
            0x1c | 0xd0 => Proposals::REFERENCE_TYPES.0 | MORE,
            0x25 | 0x26 | 0xd1 | 0xd2 => Proposals::REFERENCE_TYPES.0,
            0xd3 | 0xfb => Proposals::GC.0,
            0xe0..=0xe6 => Proposals::STACK_SWITCHING.0,
            0xfe => Proposals::THREADS.0,
            _ => 0,
        };
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect;

    fn used(text: &str) -> Vec<String> {
        inspect(&wat::parse_str(text).unwrap()).unwrap_or_else(|error| panic!("{error}: {text}")).features
    }

    #[test]
    fn what_a_module_uses_is_what_it_needs_to_validate() {
        // Each with the proposals that it cannot do without.
        let modules: &[(&str, &[&str])] = &[
            ("(module (memory 1) (func (drop (i32.extend8_s (i32.const 1)))))", &[]),
            ("(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))))", &["bulk-memory"]),
            ("(module (memory 1) (data \"x\"))", &["bulk-memory"]),
            ("(module (func (param externref)))", &["reference-types"]),
            ("(module (table 1 funcref) (func (drop (table.size 0))))", &["reference-types"]),
            ("(module (table 1 funcref) (table 1 funcref))", &["reference-types"]),
            ("(module (func (result i32 i32) unreachable))", &["multi-value"]),
            ("(module (type $t (func (param i32))) (func (i32.const 0) (block (type $t) drop)))", &["multi-value"]),
            ("(module (func (local v128)))", &["simd"]),
            ("(module (func (drop (i8x16.splat (i32.const 0)))))", &["simd"]),
            (
                "(module (func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0)))))",
                &["simd", "relaxed-simd"],
            ),
            ("(module (memory 1 2 shared))", &["threads"]),
            ("(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))", &["threads"]),
            ("(module (memory 1) (memory 1))", &["multi-memory"]),
            ("(module (memory i64 1))", &["memory64"]),
            ("(module (table i64 1 funcref))", &["memory64"]),
            ("(module (func $f (return_call $f)))", &["tail-call"]),
            (
                "(module (type $t (func)) (func (param (ref $t)) (call_ref $t (local.get 0))))",
                &["reference-types", "function-references"],
            ),
            ("(module (type (struct (field i32))))", &["gc"]),
            ("(module (type (array i8)) (func (param anyref)))", &["reference-types", "gc"]),
            ("(module (func (drop (ref.i31 (i32.const 1)))))", &["gc"]),
            ("(module (global $a i32 (i32.const 1)) (global i32 (global.get $a)))", &["gc"]),
            ("(module (import \"a\" \"b\" (global $a i32)) (global i32 (i32.add (global.get $a) (i32.const 1))))", &[]),
            ("(module (tag $e) (func (throw $e)))", &["exceptions"]),
            ("(module (func (try_table)))", &["exceptions"]),
            ("(module (func (drop (ref.null exn))))", &["reference-types", "exceptions"]),
            ("(module (func (drop (ref.null any))))", &["reference-types", "gc"]),
            ("(module (func unreachable (select (result (ref null extern))) drop))", &["reference-types"]),
            ("(module (func (block (result v128) unreachable) drop))", &["simd"]),
            ("(module (type $f (func)) (type $c (cont $f)))", &["stack-switching"]),
            ("(module (memory 1 (pagesize 1)))", &["custom-page-sizes"]),
            (
                "(module (func (result i64 i64) (i64.mul_wide_u (i64.const 1) (i64.const 2))))",
                &["multi-value", "wide-arithmetic"],
            ),
            ("(component (core module (memory 1)))", &["component-model"]),
            ("(component (type (func async)))", &["component-model", "component-model-async"]),
            ("(component (type (stream u8)))", &["component-model", "component-model-async"]),
        ];
        for (text, expected) in modules {
            assert_eq!(used(text), *expected, "{text}");
            let bytes = wat::parse_str(text).unwrap();
            assert_eq!(validate(&bytes, |name| expected.contains(&name)), Ok(()), "{text}");
            for name in *expected {
                let without = |other: &str| expected.contains(&other) && other != *name;
                let implied = TABLE.iter().filter(|(other, _)| without(other));
                let features = implied.fold(ALWAYS, |features, (_, more)| features | *more);
                let own = TABLE.iter().find(|(other, _)| other == name).unwrap().1;
                // What one proposal brings with it, another cannot be missed for.
                assert!(features.contains(own) || validate(&bytes, without).is_err(), "{name} of {text}");
            }
        }
    }

    #[test]
    fn every_proposal_of_a_policy_is_in_the_test_above() {
        assert_eq!(proposals().count(), IN_POLICY);
        assert_eq!(proposals().last(), Some("wide-arithmetic"));
    }

    #[test]
    fn numbers_are_read_in_any_length() {
        assert_eq!(leb(&[0x08]), (8, 1));
        assert_eq!(leb(&[0x88, 0x80, 0x00]), (8, 3));
        assert_eq!(leb(&[0x80, 0x02]), (0x100, 2));
        assert_eq!(leb(&[0xff; 9]).1, 5);
        assert_eq!(leb(&[]).1, 5);
    }
}
