//! Types of components within types of components: readers of them call themselves, so that some ten kilobytes of nothing but beginnings
//! overflow a stack before a byte of it was validated. They are counted here first, without calling anything again.

use wasmparser::{Parser, Payload};

use crate::read::Invalid;

/// Most levels of types within types. A reader takes 1.6 kB of stack for each (wasmparser 0.254), and no toolchain nests ten.
const MOST_LEVELS: usize = 1_000;
/// How a type begins within another one: a declaration of a type (`0x01`) that is an instance's (`0x42`) or a component's (`0x41`).
/// Source: <https://github.com/WebAssembly/component-model/blob/main/design/mvp/Binary.md#type-definitions>.
const BEGINNINGS: [[u8; 2]; 2] = [[0x01, 0x41], [0x01, 0x42]];

/// Refuses bytes whose types may be nested too deep. Every level needs a beginning of two bytes, so there are no more levels than pairs that
/// look like one; these also occur in names and numbers, by chance.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Invalid> {
    if !Parser::is_component(bytes) {
        return Ok(());
    }
    for payload in Parser::new(0).parse_all(bytes) {
        // What is wrong otherwise is the validator's to say.
        let Ok(payload) = payload else { return Ok(()) };
        let Payload::ComponentTypeSection(section) = payload else { continue };
        let range = section.range();
        let Some(types) = bytes.get(range.clone()) else { return Ok(()) };
        let levels = types.windows(2).filter(|pair| BEGINNINGS.iter().any(|beginning| beginning == pair)).count();
        if levels > MOST_LEVELS {
            let message = format!("types may be nested in types {levels} times, more than {MOST_LEVELS}");
            return Err(Invalid { message, offset: range.start as u64 });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component whose only type is so many instance types, one in the other.
    fn nested(levels: usize) -> Vec<u8> {
        let mut types = vec![0x01];
        types.extend([0x42, 0x01, 0x01].repeat(levels));
        types.extend([0x42, 0x00]);
        let mut bytes = b"\0asm\x0d\0\x01\0\x07".to_vec();
        let mut length = types.len();
        while length > 0x7f {
            bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        bytes.push(u8::try_from(length).unwrap());
        bytes.extend(types);
        bytes
    }

    #[test]
    fn what_is_nested_too_deep_is_refused_before_anybody_reads_it() {
        assert!(check(&nested(900)).is_ok());
        for levels in [1_002, 1_000_000] {
            assert!(crate::validate(&nested(levels), |_| true).is_err());
            assert!(crate::inspect(&nested(levels)).is_err());
        }
    }

    #[test]
    fn a_few_levels_are_fine() {
        assert!(crate::validate(&nested(10), |_| true).is_ok());
    }
}
