//! A guest looked at before it runs: its digest, its interface, and what stands against running it under a policy.

use gauntlet_inspect::Interface;
use gauntlet_policy::Policy;
use gauntlet_record::Cause;
use serde::{Deserialize, Serialize};

use crate::Protections;
use crate::explain::{Explanation, one};
use crate::functions::Functions;
use crate::guest::Guest;
use crate::sandbox::Sandbox;
use crate::validate::{self, Shape};

/// What was found when a guest was looked at without running it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verification {
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// What it imports and exports, if its bytes could be read.
    pub interface: Interface,
    /// What stands against running it under this policy; empty if nothing does.
    pub objections: Vec<Explanation>,
    /// Roughly the least that compiling it costs, in nanoseconds of CPU time.
    pub compile_time: u64,
}

impl Verification {
    /// Whether nothing stands against running the guest.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.objections.is_empty()
    }
}

impl Sandbox {
    /// Looks at a guest without compiling or running it: size, digest, proposals, imports against what is granted.
    #[must_use]
    pub fn verify(&self, guest: &Guest) -> Verification {
        look(guest.bytes(), self.policy(), self.functions())
    }
}

/// Looks at a guest without compiling or running it.
///
/// ```
/// let policy = gauntlet_sandbox::Policy::default();
/// let empty = gauntlet_sandbox::verify(b"\0asm\x01\0\0\0", &policy);
/// assert!(empty.is_sound());
/// let nonsense = gauntlet_sandbox::verify(b"MZ", &policy);
/// assert_eq!(nonsense.objections[0].cause.to_string(), "refused-module");
/// ```
#[must_use]
pub fn verify(guest: &[u8], policy: &Policy) -> Verification {
    look(guest, policy, &Functions::default())
}

fn look(guest: &[u8], policy: &Policy, functions: &Functions) -> Verification {
    let protections = Protections::of(policy);
    let mut objections = Vec::new();
    let mut object = |cause: Cause, asked: String| {
        objections.push(one(&gauntlet_target::DenialSeen { cause, asked, limit: None, count: 1 }, policy));
    };
    let estimate = validate::compile_estimate(guest);
    let mut found = Interface::default();
    match validate::check(guest, None, policy, &protections) {
        Err(refused) => object(refused.ending.cause.unwrap_or(Cause::RefusedModule), refused.ending.detail),
        Ok(shape) => {
            found = Interface::of(guest);
            for (key, cost) in [
                (gauntlet_record::LimitKey::CompileTime, estimate.time),
                (gauntlet_record::LimitKey::CompileMemory, estimate.memory),
            ] {
                if protections.limit(key).is_some_and(|cap| cost > cap) {
                    object(Cause::Limit(key), format!("compiling, estimated at {}", key.unit().show(cost)));
                }
            }
            for name in found.imports.keys() {
                let denied = policy.modules.deny.iter().any(|denied| denied.value == *name);
                let linked = match shape {
                    Shape::Module => {
                        let (module, function) = name.split_once("::").unwrap_or((name, ""));
                        module == crate::preview1::MODULE && crate::PREVIEW1_FUNCTIONS.contains(&function)
                            || functions.has(module, function)
                    }
                    Shape::Component => {
                        let (interface, function) = name.split_once('#').unwrap_or(("", name));
                        interface.starts_with("wasi:") && interface.contains("@0.2.")
                            || functions.has(interface, function)
                    }
                };
                if denied || !linked {
                    object(Cause::Denied(gauntlet_record::DenialKind::Import), name.clone());
                }
            }
        }
    }
    Verification { sha256: gauntlet_record::digest(guest), interface: found, objections, compile_time: estimate.time }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objections_name_imports_and_features() {
        let guest = wat::parse_str(r#"(module (import "env" "f" (func)) (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32))))"#).unwrap();
        let policy =
            Policy::parse("t", "version: 1\nmodules: { deny: [ \"wasi_snapshot_preview1::fd_write\" ] }\n").unwrap();
        let seen = verify(&guest, &policy);
        assert_eq!(seen.objections.len(), 2);
        assert_eq!(verify(&guest, &Policy::default()).objections.len(), 1);
        let memory64 = b"\0asm\x01\0\0\0\x05\x03\x01\x04\x01";
        assert_eq!(verify(memory64, &Policy::default()).objections[0].needed, "features");
    }
}
