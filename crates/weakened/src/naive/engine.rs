//! The engine with the policy's settings, and compiling within what can be estimated.

use std::time::Instant;

use gauntlet_policy::Feature;
use gauntlet_record::{Cause, DenialKind, LimitKey};
use gauntlet_target::Job;
use wasmtime::{Config, Engine, Module};

use super::call::Refused;
use super::{Deadline, Run, Stack, nanos};

/// Room for host frames below the wasm stack.
const HOST_STACK: usize = 1 << 20;

impl Run<'_> {
    pub(super) fn engine(&self, on: impl Fn(Feature) -> bool) -> wasmtime::Result<Engine> {
        let stack = match self.choices.stack {
            Stack::Fits => self.caps.size(LimitKey::Stack).unwrap_or(64 << 20).min(64 << 20),
            Stack::LargerThanThread { wasm, .. } => wasm,
        };
        let mut config = Config::new();
        config
            .wasm_bulk_memory(on(Feature::BulkMemory) || on(Feature::ReferenceTypes))
            .wasm_reference_types(on(Feature::ReferenceTypes))
            .wasm_multi_value(on(Feature::MultiValue))
            .wasm_simd(on(Feature::Simd) || on(Feature::RelaxedSimd))
            .wasm_relaxed_simd(on(Feature::RelaxedSimd))
            .wasm_threads(on(Feature::Threads))
            .shared_memory(on(Feature::Threads))
            .wasm_multi_memory(on(Feature::MultiMemory))
            .wasm_memory64(on(Feature::Memory64))
            .wasm_tail_call(on(Feature::TailCall))
            .wasm_function_references(on(Feature::FunctionReferences) || on(Feature::Gc))
            .wasm_gc(on(Feature::Gc))
            .wasm_exceptions(on(Feature::Exceptions))
            .wasm_custom_page_sizes(on(Feature::CustomPageSizes))
            .wasm_wide_arithmetic(on(Feature::WideArithmetic))
            .gc_support(on(Feature::ReferenceTypes) || on(Feature::Gc) || on(Feature::Exceptions))
            .consume_fuel(self.fuel().is_some())
            .epoch_interruption(!matches!(
                self.choices.deadline,
                Deadline::TimeoutRoundCall | Deadline::ThreadAbandoned
            ))
            .max_wasm_stack(stack)
            .async_stack_size(stack + HOST_STACK);
        Engine::new(&config)
    }

    /// Checks and compiles. A compilation cannot be ended, so one that looks too long is not begun.
    pub(super) fn compile(&mut self, engine: &Engine, job: &Job) -> wasmtime::Result<Module> {
        let refuse = |cause, detail: String| Err(Refused { cause, detail }.into());
        if let Some(cap) = self.caps.get(LimitKey::ModuleSize)
            && job.guest.len() as u64 > cap
        {
            return refuse(Cause::Limit(LimitKey::ModuleSize), format!("{} bytes", job.guest.len()));
        }
        let pinned = &job.policy.modules.sha256;
        if !pinned.is_empty() {
            let digest = gauntlet_record::digest(&job.guest);
            if !pinned.iter().any(|pin| pin.value == digest) {
                return refuse(Cause::RefusedDigest, format!("its digest {digest} is not pinned"));
            }
        }
        if let Err(error) = Module::validate(engine, &job.guest) {
            let elsewhere = self.engine(|_| true).is_ok_and(|open| Module::validate(&open, &job.guest).is_ok());
            let cause = if elsewhere { Cause::Denied(DenialKind::Feature) } else { Cause::RefusedModule };
            return refuse(cause, format!("{error:#}"));
        }
        let (time, memory) = compile_estimate(&job.guest);
        for (key, cost) in [(LimitKey::CompileTime, time), (LimitKey::CompileMemory, memory)] {
            if self.caps.get(key).is_some_and(|cap| cost > cap) {
                return refuse(Cause::Limit(key), format!("estimated at {}", key.unit().show(cost)));
            }
        }
        let compiling = Instant::now();
        let module = Module::from_binary(engine, &job.guest)?;
        self.counted.push((LimitKey::CompileTime, nanos(compiling.elapsed())));
        Ok(module)
    }
}

/// What compiling will take at least: time in nanoseconds and memory in bytes. The rates were taken from the engine's own compiler on
/// a 2 GHz core: 25 us a function, 2.5 us a byte of code, 60 ns a declared local; 5 kB of memory a function, 200 bytes a byte of code.
fn compile_estimate(guest: &[u8]) -> (u64, u64) {
    let (mut time, mut memory) = (0_u64, 0_u64);
    for payload in wasmparser::Parser::new(0).parse_all(guest) {
        let Ok(wasmparser::Payload::CodeSectionEntry(body)) = payload else { continue };
        let bytes = (body.range().end - body.range().start) as u64;
        let locals: u64 = body
            .get_locals_reader()
            .into_iter()
            .flatten()
            .map_while(Result::ok)
            .map(|(count, _)| u64::from(count))
            .sum();
        time = time.saturating_add(25_000 + bytes * 2_500 + locals * 60);
        memory = memory.saturating_add(5_000 + bytes * 200);
    }
    (time, memory)
}
