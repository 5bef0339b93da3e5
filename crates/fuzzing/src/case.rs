//! A case as data: a guest, a policy and what is done with them in lines that a person reads. Never only the dice it was made with.

use serde::{Deserialize, Serialize};
use wasm_encoder::Encode as _;
use wasmparser::{Parser, Payload};

/// The custom section of an envelope: a module that carries its own case, for files of libFuzzer.
pub const ENVELOPE: &str = "gauntlet-case";
/// What the meaning of a seed hangs on. It changes with the generators; a stored case does not care.
pub const GENERATOR: &str = "1 (wasm-smith 0.254)";
/// Most lines of a case: more is nobody's call list.
pub(crate) const MAX_LINES: usize = 100_000;

/// A case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The guest; empty where the case has none, as one about policies.
    #[serde(skip)]
    pub wasm: Vec<u8>,
    /// The text of the policy.
    pub policy: String,
    /// What is done, one line each.
    pub calls: Vec<String>,
}

/// What the envelope's section holds.
#[derive(Debug, Serialize, Deserialize)]
struct Section {
    generator: String,
    pair: String,
    #[serde(flatten)]
    case: Case,
}

impl Case {
    /// The guest with a custom section that holds the rest, so that one file is the whole case. A case without a guest gets an empty
    /// module as its carrier.
    #[must_use]
    pub fn to_envelope(&self, pair: &str) -> Vec<u8> {
        let section = Section { generator: GENERATOR.into(), pair: pair.into(), case: self.clone() };
        let data = serde_json::to_vec(&section).expect("strings are plain data");
        let mut bytes = if self.wasm.is_empty() { b"\0asm\x01\0\0\0".to_vec() } else { self.wasm.clone() };
        bytes.push(0);
        wasm_encoder::CustomSection { name: ENVELOPE.into(), data: data.into() }.encode(&mut bytes);
        bytes
    }

    /// Reads an envelope. `None` for any other bytes, those that only look like one included; a newer or older generator does not matter,
    /// since the module itself is there.
    #[must_use]
    pub fn from_envelope(bytes: &[u8]) -> Option<(String, Self)> {
        if !bytes.starts_with(b"\0asm") {
            return None;
        }
        for payload in Parser::new(0).parse_all(bytes) {
            let Ok(Payload::CustomSection(custom)) = payload else {
                payload.ok()?;
                continue;
            };
            if custom.name() != ENVELOPE {
                continue;
            }
            let section: Section = serde_json::from_slice(custom.data()).ok()?;
            // The section is the last thing in the file: what stands before it is the guest, byte for byte.
            let mut own = vec![0];
            wasm_encoder::CustomSection { name: ENVELOPE.into(), data: custom.data().into() }.encode(&mut own);
            let wasm = bytes.strip_suffix(own.as_slice())?.to_vec();
            let wasm = if wasm.len() == 8 { Vec::new() } else { wasm };
            return Some((section.pair, Self { wasm, ..section.case }));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_a_module_and_gives_the_case_back() {
        let wasm = wat::parse_str("(module (func (export \"_start\")))").unwrap();
        let case = Case { wasm, policy: "version: 1\n".into(), calls: vec!["call".into(), "loop 3".into()] };
        let envelope = case.to_envelope("core-modules");
        wasmparser::Validator::new().validate_all(&envelope).unwrap();
        assert_eq!(Case::from_envelope(&envelope), Some(("core-modules".into(), case.clone())));
        let bare = Case { wasm: Vec::new(), ..case };
        assert_eq!(Case::from_envelope(&bare.to_envelope("policies")), Some(("policies".into(), bare)));
    }

    #[test]
    fn garbage_is_no_envelope() {
        let case = Case { policy: "version: 1\n".into(), ..Case::default() };
        let envelope = case.to_envelope("policies");
        for at in 0..envelope.len() {
            assert_eq!(Case::from_envelope(&envelope[..at]), None, "cut at {at}");
            let mut broken = envelope.clone();
            broken[at] ^= 0x55;
            let _ = Case::from_envelope(&broken);
        }
        assert_eq!(Case::from_envelope(b"\0asm\x01\0\0\0"), None);
    }
}
