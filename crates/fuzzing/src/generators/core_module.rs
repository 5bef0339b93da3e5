//! Core modules of any shape that a policy allows, by wasm-smith.
//!
//! They import nothing, so that they run anywhere, and export `_start`, which takes and returns an `i64` as the entry of a core guest
//! does. There is always a type and a function: left to itself, wasm-smith makes three of four modules without any code, and a rate of
//! such modules says nothing.

use arbitrary::Unstructured;
use gauntlet_policy::{Feature, Limit, Policy};
use gauntlet_record::LimitKey;
use wasm_smith::{Config, Module};
use wasmparser::{Parser, Payload};

/// Most memory of a module in bytes, however much the policy allows: the host zeroes and measures it for each case.
const MEMORY: u64 = 16 << 20;
/// Most table elements of a module.
const TABLE_ELEMENTS: u64 = 10_000;
/// Most memories, and most tables, where several are allowed.
const SEVERAL: u8 = 3;
/// How many loops and calls a module that has to end by itself goes through.
const STEPS: u32 = 10_000;

/// The exports that every module has, as wasm-smith takes them: a module with one function `_start` of type `i64 -> i64`.
const EXPORTS: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x06\x01\x60\x01\x7e\x01\x7e\
    \x03\x02\x01\x00\
    \x07\x0a\x01\x06_start\x00\x00\
    \x0a\x06\x01\x04\x00\x20\x00\x0b";

/// A generated guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreModule {
    /// The module.
    pub wasm: Vec<u8>,
    /// Whether a function does more than give a constant back or trap at once. A module without says nothing of an executor.
    pub has_code: bool,
}

/// Makes a module within a policy's features and ceilings.
///
/// # Errors
///
/// If the bytes make no module.
pub fn generate(policy: &Policy, bytes: &mut Unstructured<'_>) -> arbitrary::Result<CoreModule> {
    let mut config = config(policy);
    // A module that may trap mostly does so at once: nine of ten do not, as the engine's own fuzzers have it.
    config.disallow_traps = bytes.ratio(9, 10)?;
    // A quarter may run into the executor's own limits on time.
    let ends_by_itself = bytes.ratio(3, 4)?;
    let mut module = Module::new(config, bytes)?;
    if ends_by_itself {
        module.ensure_termination(STEPS).map_err(|_| arbitrary::Error::IncorrectFormat)?;
    }
    let wasm = module.to_bytes();
    let has_code = has_code(&wasm);
    Ok(CoreModule { wasm, has_code })
}

/// The shapes that a policy allows. A proposal that builds on another is used only if the policy allows both.
pub(crate) fn config(policy: &Policy) -> Config {
    let on = |feature| policy.features.allows(feature);
    let bulk_memory = on(Feature::BulkMemory);
    let references = bulk_memory && on(Feature::ReferenceTypes);
    let memories = if on(Feature::MultiMemory) { SEVERAL } else { 1 };
    let tables = if references { SEVERAL } else { 1 };
    // The policy's ceilings are sums over all memories and tables: what a module begins with has to fit, what it grows to need not.
    let memory = ceiling(policy, LimitKey::Memory, MEMORY) / u64::from(memories);
    Config {
        exports: Some(EXPORTS.to_vec()),
        min_types: 1,
        min_funcs: 1,
        max_funcs: 8,
        max_types: 16,
        max_imports: 0,
        max_globals: 16,
        max_tags: 4,
        max_data_segments: 8,
        max_element_segments: 8,
        max_elements: 64,
        max_memories: memories.into(),
        max_tables: tables.into(),
        max_memory32_bytes: memory,
        max_memory64_bytes: memory.into(),
        max_table_elements: ceiling(policy, LimitKey::TableElements, TABLE_ELEMENTS) / u64::from(tables),
        bulk_memory_enabled: bulk_memory,
        reference_types_enabled: references,
        multi_value_enabled: on(Feature::MultiValue),
        simd_enabled: on(Feature::Simd),
        relaxed_simd_enabled: on(Feature::Simd) && on(Feature::RelaxedSimd),
        threads_enabled: on(Feature::Threads),
        memory64_enabled: on(Feature::Memory64),
        tail_call_enabled: on(Feature::TailCall),
        gc_enabled: references && on(Feature::FunctionReferences) && on(Feature::Gc),
        exceptions_enabled: references && on(Feature::Exceptions),
        custom_page_sizes_enabled: on(Feature::CustomPageSizes),
        wide_arithmetic_enabled: on(Feature::WideArithmetic),
        // What no policy names is on in every executor of today (sign extension, saturating conversions, extended constants) or here off.
        custom_descriptors_enabled: false,
        shared_everything_threads_enabled: false,
        ..Config::default()
    }
}

/// The policy's value for a ceiling, but never more than `most`: of a share or of nothing, the generator takes its own.
fn ceiling(policy: &Policy, key: LimitKey, most: u64) -> u64 {
    match policy.limits.get(key) {
        Limit::Share(..) | Limit::Unlimited(_) => most,
        Limit::Default | Limit::At(..) => policy.limits.resolve(key, 0).map_or(most, |value| value.min(most)),
    }
}

/// Whether a body has more than two operators: one that gives something back or traps, and the `end`.
pub(crate) fn has_code(wasm: &[u8]) -> bool {
    Parser::new(0).parse_all(wasm).any(|payload| {
        let Ok(Payload::CodeSectionEntry(body)) = payload else { return false };
        body.get_operators_reader().is_ok_and(|operators| operators.into_iter().take(3).count() == 3)
    })
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::Span;
    use wasmparser::{ExternalKind, Validator};

    use super::*;
    use crate::random::SplitMix64;

    const SEEDS: u64 = 200;

    fn modules(policy: &Policy) -> Vec<CoreModule> {
        let generated = |case| generate(policy, &mut Unstructured::new(&SplitMix64::of(7, case).bytes(1024))).ok();
        (0..SEEDS).filter_map(generated).collect()
    }

    fn with_all_features(allowed: bool) -> Policy {
        let mut policy = Policy::default();
        for feature in Feature::ALL {
            policy.features.set(*feature, allowed, Span::default());
        }
        policy
    }

    #[test]
    fn generated_modules_are_valid_under_the_policy_and_have_code() {
        for policy in [Policy::default(), with_all_features(true), with_all_features(false)] {
            let modules = modules(&policy);
            assert!(modules.len() as u64 * 100 >= SEEDS * 99, "{} modules of {SEEDS} seeds", modules.len());
            for module in &modules {
                Validator::new_with_features(crate::oracles::features(&policy)).validate_all(&module.wasm).unwrap();
            }
            let with_code = modules.iter().filter(|module| module.has_code).count();
            assert!(with_code * 100 >= modules.len() * 99, "{with_code} modules with code of {}", modules.len());
        }
    }

    #[test]
    fn modules_import_nothing_and_export_the_entry() {
        for module in modules(&Policy::default()) {
            let mut entries = 0;
            for payload in Parser::new(0).parse_all(&module.wasm) {
                match payload.unwrap() {
                    Payload::ImportSection(imports) => assert_eq!(imports.count(), 0),
                    Payload::ExportSection(exports) => {
                        entries += exports
                            .into_iter()
                            .filter(|export| matches!(export, Ok(export) if export.name == "_start" && export.kind == ExternalKind::Func))
                            .count();
                    }
                    _ => {}
                }
            }
            assert_eq!(entries, 1);
        }
    }

    #[test]
    fn a_module_begins_within_the_ceilings_of_the_policy() {
        let mut policy = with_all_features(true);
        policy.limits.set(LimitKey::Memory, Limit::At(1 << 20, Span::default()));
        policy.limits.set(LimitKey::TableElements, Limit::At(30, Span::default()));
        let (mut most_memory, mut most_elements) = (0, 0);
        for module in modules(&policy) {
            let (mut memory, mut elements) = (0, 0);
            for payload in Parser::new(0).parse_all(&module.wasm) {
                match payload.unwrap() {
                    Payload::MemorySection(memories) => {
                        memory = memories
                            .into_iter()
                            .map(|memory| memory.unwrap())
                            .map(|memory| memory.initial << memory.page_size_log2.unwrap_or(16))
                            .sum();
                    }
                    Payload::TableSection(tables) => {
                        elements = tables.into_iter().map(|table| table.unwrap().ty.initial).sum()
                    }
                    _ => {}
                }
            }
            (most_memory, most_elements) = (most_memory.max(memory), most_elements.max(elements));
        }
        assert!((1..=1 << 20).contains(&most_memory), "{most_memory}");
        assert!((1..=30).contains(&most_elements), "{most_elements}");
    }

    #[test]
    fn few_bytes_make_a_module_or_an_error_but_no_panic() {
        for len in 0..64 {
            let bytes = SplitMix64::of(3, len).bytes(usize::try_from(len).unwrap());
            let _ = generate(&Policy::default(), &mut Unstructured::new(&bytes));
        }
    }
}
