//! Plain data to values of core functions, by the types that the function declares, and back.

use gauntlet_target::Value;
use wasmtime::{Val, ValType};

use super::ValueError;

/// The value as a whole number, whatever its width.
fn whole(value: &Value) -> Option<i128> {
    Some(match value {
        Value::I32(number) | Value::S32(number) => i128::from(*number),
        Value::I64(number) | Value::S64(number) => i128::from(*number),
        Value::Bool(flag) => i128::from(*flag),
        Value::S8(number) => i128::from(*number),
        Value::U8(number) => i128::from(*number),
        Value::S16(number) => i128::from(*number),
        Value::U16(number) => i128::from(*number),
        Value::U32(number) => i128::from(*number),
        Value::U64(number) => i128::from(*number),
        Value::Char(letter) => i128::from(u32::from(*letter)),
        Value::F32(_)
        | Value::F64(_)
        | Value::String(_)
        | Value::Bytes(_)
        | Value::List(_)
        | Value::Tuple(_)
        | Value::Record(_)
        | Value::Map(_)
        | Value::Variant(..)
        | Value::Enum(_)
        | Value::Option(_)
        | Value::Ok(_)
        | Value::Err(_)
        | Value::Flags(_)
        | Value::Resource => return None,
    })
}

/// The value as a float that loses nothing.
#[expect(clippy::cast_possible_truncation, reason = "checked by widening again")]
pub(super) fn float32(value: &Value) -> Option<f32> {
    match value {
        Value::F32(number) => Some(*number),
        Value::F64(number) if number.is_nan() || f64::from(*number as f32) == *number => Some(*number as f32),
        _ => None,
    }
}

/// The value as a float of double width.
pub(super) fn float64(value: &Value) -> Option<f64> {
    match value {
        Value::F32(number) => Some(f64::from(*number)),
        Value::F64(number) => Some(*number),
        _ => None,
    }
}

/// The arguments of a core function.
pub(crate) fn to_core(values: &[Value], kinds: impl ExactSizeIterator<Item = ValType>) -> Result<Vec<Val>, ValueError> {
    let wanted = kinds.len();
    if wanted != values.len() {
        return Err(ValueError::new(format!("the function takes {wanted} arguments, {} were given", values.len()))
            .at("arguments"));
    }
    let pairs = values.iter().zip(kinds).enumerate();
    pairs.map(|(i, (value, kind))| one(value, &kind).map_err(|error| error.at(format!("argument {}", i + 1)))).collect()
}

fn one(value: &Value, kind: &ValType) -> Result<Val, ValueError> {
    let fits = || ValueError::new(format!("the number does not fit `{kind}`"));
    let wrong = || ValueError::expected(&kind.to_string(), value);
    match kind {
        ValType::I32 => {
            let number = whole(value).ok_or_else(wrong)?;
            let signed = i32::try_from(number).or_else(|_| u32::try_from(number).map(u32::cast_signed));
            Ok(Val::I32(signed.map_err(|_| fits())?))
        }
        ValType::I64 => {
            let number = whole(value).ok_or_else(wrong)?;
            let signed = i64::try_from(number).or_else(|_| u64::try_from(number).map(u64::cast_signed));
            Ok(Val::I64(signed.map_err(|_| fits())?))
        }
        ValType::F32 => Ok(Val::F32(float32(value).ok_or_else(wrong)?.to_bits())),
        ValType::F64 => Ok(Val::F64(float64(value).ok_or_else(wrong)?.to_bits())),
        ValType::V128 | ValType::Ref(_) => Err(ValueError::new(format!(
            "`{kind}` cannot cross the border; wrap the function in one that takes numbers"
        ))),
    }
}

/// What a core function returned. Vectors and references cannot be told outside.
pub(crate) fn from_core(value: &Val) -> Option<Value> {
    match value {
        Val::I32(number) => Some(Value::I32(*number)),
        Val::I64(number) => Some(Value::I64(*number)),
        Val::F32(bits) => Some(Value::F32(f32::from_bits(*bits))),
        Val::F64(bits) => Some(Value::F64(f64::from_bits(*bits))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert!(matches!(one(&Value::U32(u32::MAX), &ValType::I32), Ok(Val::I32(-1))));
        assert!(matches!(one(&Value::S64(-1), &ValType::I32), Ok(Val::I32(-1))));
        assert!(one(&Value::U64(1 << 32), &ValType::I32).is_err());
        assert!(matches!(one(&Value::U64(u64::MAX), &ValType::I64), Ok(Val::I64(-1))));
        assert!(matches!(one(&Value::F64(0.5), &ValType::F32), Ok(Val::F32(bits)) if bits == 0.5_f32.to_bits()));
        assert!(one(&Value::F64(0.1), &ValType::F32).is_err());
        assert!(one(&Value::String("1".into()), &ValType::I32).is_err());
        assert!(one(&Value::S32(1), &ValType::F64).is_err());
    }
}
