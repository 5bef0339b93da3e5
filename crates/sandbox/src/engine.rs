//! Engine settings: every proposal named, none inherited; deterministic resources; nothing that a guest does not need.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::LimitKey;
use wasmtime::{Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::Protections;

/// Largest wasm stack when the limit is lifted or unlimited: the fiber below it still has to be reserved.
const STACK_CEILING: u64 = 64 << 20;
/// Room for host frames below the wasm stack.
const HOST_STACK: usize = 1 << 20;

/// What a placement asks of the engine, besides what the policy says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Options {
    /// No checks for the deadline in the guest's code: somebody outside the process holds it. They cost up to 2.9 times in tight loops.
    pub(crate) unmetered: bool,
    /// Where compiled code is kept: a directory that only this engine's own cache writes to.
    pub(crate) cache: Option<PathBuf>,
    /// Instances come from a pool of slots that are mapped once and cleaned after each use.
    pub(crate) pool: Option<Pool>,
}

/// A pool of instances, sized by the policy, so that no slot is larger than what a guest may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Pool {
    /// Instances at once.
    pub(crate) slots: u32,
    /// Bytes of one memory.
    pub(crate) memory: usize,
    /// Elements of one table.
    pub(crate) table_elements: usize,
}

/// Most tables of a module that the pool takes.
pub(crate) const POOLED_TABLES: u32 = 4;
/// Bytes of a slot that are cleaned by writing zeros instead of giving the pages back.
const KEEP_RESIDENT: usize = 128 << 10;

impl Pool {
    fn config(self) -> PoolingAllocationConfig {
        let mut config = PoolingAllocationConfig::new();
        config
            .total_core_instances(self.slots)
            .total_memories(self.slots.saturating_mul(2))
            .total_tables(self.slots.saturating_mul(POOLED_TABLES))
            .total_stacks(self.slots.saturating_mul(2))
            .total_gc_heaps(self.slots)
            .total_component_instances(0)
            .max_memories_per_module(1)
            .max_tables_per_module(POOLED_TABLES)
            .max_memory_size(self.memory)
            .table_elements(self.table_elements)
            .linear_memory_keep_resident(KEEP_RESIDENT)
            .table_keep_resident(KEEP_RESIDENT);
        config
    }
}

/// Builds an engine for a policy.
pub(crate) fn build(policy: &Policy, protections: &Protections, options: &Options) -> wasmtime::Result<Engine> {
    let on = |feature| protections.lifted("features") || policy.features.allows(feature);
    let stack = protections.limit(LimitKey::Stack).unwrap_or(STACK_CEILING).min(STACK_CEILING);
    let stack = usize::try_from(stack).unwrap_or(1 << 20);
    let mut config = Config::new();
    config
        .wasm_bulk_memory(on(Feature::BulkMemory) || on(Feature::ReferenceTypes))
        .wasm_reference_types(on(Feature::ReferenceTypes))
        .wasm_multi_value(on(Feature::MultiValue))
        .wasm_simd(on(Feature::Simd) || on(Feature::RelaxedSimd))
        .wasm_relaxed_simd(on(Feature::RelaxedSimd))
        .wasm_threads(on(Feature::Threads))
        .shared_memory(on(Feature::Threads))
        // The engine's own code between the memories of two components needs it; a guest's modules were validated without it.
        .wasm_multi_memory(on(Feature::MultiMemory) || on(Feature::ComponentModel))
        .wasm_memory64(on(Feature::Memory64))
        .wasm_tail_call(on(Feature::TailCall))
        .wasm_function_references(on(Feature::FunctionReferences) || on(Feature::Gc))
        .wasm_gc(on(Feature::Gc))
        .wasm_exceptions(on(Feature::Exceptions))
        .wasm_custom_page_sizes(on(Feature::CustomPageSizes))
        .wasm_wide_arithmetic(on(Feature::WideArithmetic))
        .wasm_stack_switching(false)
        .wasm_extended_const(true)
        .wasm_component_model(on(Feature::ComponentModel))
        .gc_support(on(Feature::ReferenceTypes) || on(Feature::Gc) || on(Feature::Exceptions))
        .concurrency_support(false);
    config
        .consume_fuel(protections.limit(LimitKey::Fuel).is_some())
        .epoch_interruption(!options.unmetered)
        .max_wasm_stack(stack)
        .async_stack_size(stack + HOST_STACK)
        // The images of copy-on-write memories need calls that the worker's filter kills.
        .memory_init_cow(false)
        // One more than an outcome keeps: the innermost may be a function of ours.
        .wasm_backtrace_max_frames(NonZeroUsize::new(gauntlet_target::MAX_FRAMES + 1))
        .wasm_backtrace_details(wasmtime::WasmBacktraceDetails::Disable);
    if crate::determinism::asked(policy, protections) {
        config.cranelift_nan_canonicalization(true).relaxed_simd_deterministic(true);
    }
    if let Some(directory) = &options.cache {
        let mut cache = CacheConfig::new();
        cache.with_directory(directory);
        config.cache(Some(Cache::new(cache)?));
    }
    if let Some(pool) = options.pool {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool.config()));
    }
    Engine::new(&config)
}
