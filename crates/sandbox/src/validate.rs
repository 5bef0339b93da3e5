//! Validation before the engine sees a byte: binary wasm only, of the right size, with the proposals that the policy names.

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Cause, DenialKind, LimitKey};
use gauntlet_target::Outcome;
use wasmparser::{Parser, Payload};

use crate::{Protections, signatures};

/// What the bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Module,
    Component,
}

/// Checks the bytes without parsing them: their size, their digest, their signature.
pub(crate) fn admit(
    guest: &[u8],
    signature: Option<&[u8]>,
    policy: &Policy,
    protections: &Protections,
) -> Result<(), Box<Outcome>> {
    let refuse = |cause, detail: String| Box::new(Outcome::refused(cause, detail));
    if let Some(cap) = protections.limit(LimitKey::ModuleSize)
        && guest.len() as u64 > cap
    {
        return Err(refuse(Cause::Limit(LimitKey::ModuleSize), format!("{} bytes", guest.len())));
    }
    let pinned = &policy.modules.sha256;
    if !pinned.is_empty() && !protections.lifted("modules") {
        let digest = gauntlet_record::digest(guest);
        if !pinned.iter().any(|pin| pin.value == digest) {
            return Err(refuse(Cause::RefusedDigest, format!("its digest {digest} is not pinned")));
        }
    }
    signatures::check(guest, signature, policy, protections)
        .map_err(|unsigned| refuse(Cause::RefusedModule, unsigned.to_string()))
}

/// Checks the bytes and says what they are, or why they are refused.
pub(crate) fn check(
    guest: &[u8],
    signature: Option<&[u8]>,
    policy: &Policy,
    protections: &Protections,
) -> Result<Shape, Box<Outcome>> {
    admit(guest, signature, policy, protections)?;
    let shape = shape(guest, policy, protections)?;
    weigh_globals(guest, shape, protections)?;
    Ok(shape)
}

/// Bytes that the engine keeps for a global of an instance.
const GLOBAL: u64 = 16;

/// Globals that nobody counts, in bytes: with no memory at all, a guest may still have a stack pointer and a few flags.
const FREE_GLOBALS: u64 = 64 << 10;

/// Refuses a guest whose globals alone may take more than the memory that it is allowed: nobody is asked when they are made. Any module of a
/// component may be instantiated as often as instances are allowed.
pub(crate) fn weigh_globals(guest: &[u8], shape: Shape, protections: &Protections) -> Result<(), Box<Outcome>> {
    let Some(cap) = protections.limit(LimitKey::Memory) else { return Ok(()) };
    let globals: u64 = Parser::new(0)
        .parse_all(guest)
        .map(|payload| if let Ok(Payload::GlobalSection(section)) = payload { section.count().into() } else { 0 })
        .sum();
    let instances = match shape {
        Shape::Module => 1,
        Shape::Component => protections.limit(LimitKey::Instances).unwrap_or(ENGINE_INSTANCES).max(1),
    };
    let bytes = globals.saturating_mul(GLOBAL).saturating_mul(instances);
    if bytes <= cap.max(FREE_GLOBALS) {
        return Ok(());
    }
    let detail = format!("its {globals} globals may take {bytes} bytes");
    Err(Box::new(Outcome::refused(Cause::Limit(LimitKey::Memory), detail)))
}

/// Most instances that the engine makes where nobody says how many.
const ENGINE_INSTANCES: u64 = 10_000;

/// Says what the bytes claim to be. Enough for a guest that was validated before, under the same features.
pub(crate) fn claim(guest: &[u8]) -> Result<Shape, Box<Outcome>> {
    if Parser::is_component(guest) {
        Ok(Shape::Component)
    } else if Parser::is_core_wasm(guest) {
        Ok(Shape::Module)
    } else {
        Err(Box::new(Outcome::refused(Cause::RefusedModule, "not binary wasm".to_owned())))
    }
}

/// Parses the bytes, once they are admitted, and says what they are.
pub(crate) fn shape(guest: &[u8], policy: &Policy, protections: &Protections) -> Result<Shape, Box<Outcome>> {
    let refuse = |cause, detail: String| Box::new(Outcome::refused(cause, detail));
    let shape = claim(guest)?;
    if protections.lifted("validation") || protections.lifted("features") {
        return Ok(shape);
    }
    let named = |name: &str| Feature::ALL.iter().any(|each| each.as_str() == name && policy.features.allows(*each));
    let Err(error) = gauntlet_inspect::validate(guest, named) else { return Ok(shape) };
    let elsewhere = gauntlet_inspect::validate(guest, |_| true).is_ok();
    let cause = if elsewhere { Cause::Denied(DenialKind::Feature) } else { Cause::RefusedModule };
    Err(refuse(cause, error.to_string()))
}

/// A lower bound of what compiling costs, from one pass over the code: for callers who cannot end a compilation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct CompileEstimate {
    /// CPU time, in nanoseconds.
    pub(crate) time: u64,
    /// Memory, in bytes.
    pub(crate) memory: u64,
}

/// Estimates what compiling costs. The rates are those of the engine's own compiler on a 2 GHz core, rounded up: 25 us a function,
/// 2.5 us a byte of code, 60 ns a declared local; 5 kB of memory a function and 200 bytes a byte of code.
pub(crate) fn compile_estimate(guest: &[u8]) -> CompileEstimate {
    let mut estimate = CompileEstimate::default();
    let mut add = |time: u64, memory: u64| {
        estimate.time = estimate.time.saturating_add(time);
        estimate.memory = estimate.memory.saturating_add(memory);
    };
    for payload in Parser::new(0).parse_all(guest) {
        let Ok(Payload::CodeSectionEntry(body)) = payload else { continue };
        let bytes = (body.range().end - body.range().start) as u64;
        add(25_000 + bytes * 2_500, 5_000 + bytes * 200);
        let Ok(locals) = body.get_locals_reader() else { continue };
        let declared: u64 = locals.into_iter().map_while(Result::ok).map(|(count, _)| u64::from(count)).sum();
        add(declared * 60, 0);
    }
    estimate
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(guest: &[u8], policy: &str) -> Option<Cause> {
        let policy = Policy::parse("t", policy).unwrap();
        check(guest, None, &policy, &Protections::of(&policy)).err().and_then(|outcome| outcome.ending.cause)
    }

    #[test]
    fn only_binary_wasm_of_the_right_size_is_let_through() {
        assert_eq!(cause(b"\0asm\x01\0\0\0", "version: 1\n"), None);
        assert_eq!(cause(b"(module)", "version: 1\n"), Some(Cause::RefusedModule));
        assert_eq!(cause(b"\x7fELF", "version: 1\n"), Some(Cause::RefusedModule));
        assert_eq!(cause(b"", "version: 1\n"), Some(Cause::RefusedModule));
        assert_eq!(
            cause(b"\0asm\x01\0\0\0", "version: 1\nlimits: { module-size: 7B }\n"),
            Some(Cause::Limit(LimitKey::ModuleSize))
        );
        let pin = format!("version: 1\nmodules: {{ sha256: [{}] }}\n", "0".repeat(64));
        assert_eq!(cause(b"\0asm\x01\0\0\0", &pin), Some(Cause::RefusedDigest));
    }

    #[test]
    fn a_proposal_that_is_off_is_a_denied_feature_and_nonsense_is_a_refused_module() {
        // A module with one memory64 memory.
        let memory64 = b"\0asm\x01\0\0\0\x05\x03\x01\x04\x01";
        assert_eq!(cause(memory64, "version: 1\n"), Some(Cause::Denied(DenialKind::Feature)));
        assert_eq!(cause(memory64, "version: 1\nfeatures: { memory64: true }\n"), None);
        assert_eq!(cause(b"\0asm\x01\0\0\0\x05\x03\x01\xff\x01", "version: 1\n"), Some(Cause::RefusedModule));
    }
}
