//! What a policy denies of a module is refused before it runs: proposals, imports, sizes, digests, missing signatures.
//!
//! What the policy denies is found here by other code than the executor's: a validator with the policy's proposals, and a look at the
//! sections.

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Ending, LimitKey, digest};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use super::{Check, Finding, Oracle};
use crate::Observation;

pub(super) const ORACLE: Oracle = Oracle {
    id: "denied-means-refused",
    property: "a module that the policy denies is refused, and none of it is run",
    check: Check::Job(check),
};

/// The modules that an executor may link; of any other an import is unknown.
const KNOWN: &[&str] = &["wasi_snapshot_preview1", "wasi_unstable"];

fn check(observation: &Observation<'_>) -> Option<Finding> {
    let ran = |ending| match ending {
        Ending::Returned | Ending::Exited | Ending::Trapped => true,
        Ending::Refused | Ending::LimitReached | Ending::WorkerDied => false,
    };
    let outcome =
        observation.answers().filter_map(crate::Answer::outcome).find(|outcome| ran(outcome.ending.ending))?;
    let denied = denied(observation.guest, observation.policy)?;
    Some(Finding::new(&ORACLE, &format!("{}, and it was run: it {}", denied, outcome.ending.ending)))
}

/// Why a policy denies a module; `None` if it does not.
fn denied(guest: &[u8], policy: &Policy) -> Option<&'static str> {
    let modules = &policy.modules;
    if policy.limits.resolve(LimitKey::ModuleSize, 0).is_some_and(|most| guest.len() as u64 > most) {
        return Some("it is larger than `module-size`");
    }
    if !modules.sha256.is_empty() && !modules.sha256.iter().any(|known| known.value == digest(guest)) {
        return Some("its digest is not among those that are allowed");
    }
    // A component has another shape; what it may use is for its own pair.
    if !Parser::is_core_wasm(guest) {
        return None;
    }
    let mut signed = false;
    for payload in Parser::new(0).parse_all(guest) {
        match payload {
            Ok(Payload::ImportSection(imports)) => {
                let unknown = |import: wasmparser::Import<'_>| !KNOWN.contains(&import.module);
                if imports.into_imports().flatten().any(unknown) {
                    return Some("it imports what no host offers");
                }
            }
            Ok(Payload::CustomSection(section)) => signed |= section.name() == "signature",
            Ok(_) => {}
            Err(_) => return Some("it is malformed"),
        }
    }
    if !modules.signed_by.is_empty() && !signed {
        return Some("it is not signed");
    }
    let valid = Validator::new_with_features(features(policy)).validate_all(guest);
    valid.is_err().then_some("it is invalid, or uses what `features` deny")
}

/// What a validator may accept under a policy. What no policy names is on in every executor of today.
pub(crate) fn features(policy: &Policy) -> WasmFeatures {
    let mut accepted = WasmFeatures::WASM1
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::GC_TYPES;
    for feature in Feature::ALL.iter().copied() {
        let flag = match feature {
            // Its indices of tables take more bytes; the engine cannot tell the two apart where bulk memory is on.
            Feature::BulkMemory => WasmFeatures::BULK_MEMORY,
            Feature::ReferenceTypes => WasmFeatures::REFERENCE_TYPES,
            Feature::MultiValue => WasmFeatures::MULTI_VALUE,
            Feature::Simd => WasmFeatures::SIMD,
            Feature::RelaxedSimd => WasmFeatures::RELAXED_SIMD,
            Feature::Threads => WasmFeatures::THREADS,
            Feature::MultiMemory => WasmFeatures::MULTI_MEMORY,
            Feature::Memory64 => WasmFeatures::MEMORY64,
            Feature::TailCall => WasmFeatures::TAIL_CALL,
            Feature::FunctionReferences => WasmFeatures::FUNCTION_REFERENCES,
            Feature::Gc => WasmFeatures::GC,
            Feature::Exceptions => WasmFeatures::EXCEPTIONS,
            Feature::CustomPageSizes => WasmFeatures::CUSTOM_PAGE_SIZES,
            Feature::WideArithmetic => WasmFeatures::WIDE_ARITHMETIC,
            Feature::ComponentModel | Feature::ComponentModelAsync | Feature::StackSwitching => continue,
        };
        accepted.set(flag, policy.features.allows(feature));
    }
    accepted
}

#[cfg(test)]
mod tests {
    use gauntlet_target::Outcome;

    use super::*;
    use crate::Answer;

    fn found(policy: &str, wat: &str) -> Option<String> {
        let policy = Policy::parse("p", &format!("version: 1\n{policy}\n")).unwrap();
        let guest = wat::parse_str(wat).unwrap();
        let answer = Answer::Outcome(Box::default());
        check(&Observation::new(&guest, &policy, answer)).map(|finding| finding.message.as_str().to_owned())
    }

    #[test]
    fn each_way_of_denying_is_seen_and_a_plain_module_is_not() {
        let plain = "(module (func (export \"_start\")))";
        assert_eq!(found("limits: {}", plain), None);
        assert!(found("limits: { module-size: 10B }", plain).unwrap().contains("module-size"));
        let other = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(found(&format!("modules: {{ sha256: [{other}] }}"), plain).unwrap().contains("digest"));
        assert!(found("limits: {}", "(module (import \"env\" \"f\" (func)))").unwrap().contains("imports"));
        assert!(found("limits: {}", "(module (memory i64 1))").unwrap().contains("features"));
        assert_eq!(found("features: { memory64: true }", "(module (memory i64 1))"), None);
    }

    #[test]
    fn a_refusal_is_what_was_asked_for() {
        let policy = Policy::parse("p", "version: 1\nlimits: { module-size: 1B }\n").unwrap();
        let refused = Outcome::refused(gauntlet_record::Cause::RefusedModule, "");
        let seen = Observation::new(b"\0asm\x01\0\0\0", &policy, Answer::Outcome(Box::new(refused)));
        assert_eq!(check(&seen), None);
    }
}
