//! Values that cross the border of a guest: arguments and results of exported functions, as plain data.

use serde::{Deserialize, Serialize};

/// A value of a core or component function.
///
/// Core WebAssembly knows integers without a sign, so its values are [`Value::I32`] and [`Value::I64`]; the others are the types of the
/// component model. Floats are equal when their bits are, so that a NaN equals itself and a run can be compared with another.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// `i32` of a core function: 32 bits that are signed or not as the reader likes.
    I32(i32),
    /// `i64` of a core function: 64 bits that are signed or not as the reader likes.
    I64(i64),
    /// `bool`.
    Bool(bool),
    /// `s8`.
    S8(i8),
    /// `u8`.
    U8(u8),
    /// `s16`.
    S16(i16),
    /// `u16`.
    U16(u16),
    /// `s32`.
    S32(i32),
    /// `u32`.
    U32(u32),
    /// `s64`.
    S64(i64),
    /// `u64`.
    U64(u64),
    /// `f32`.
    #[serde(with = "bits32")]
    F32(f32),
    /// `f64`.
    #[serde(with = "bits64")]
    F64(f64),
    /// `char`.
    Char(char),
    /// `string`.
    String(String),
    /// Bytes, which a function takes as `list<u8>`.
    Bytes(Vec<u8>),
    /// `list`.
    List(Vec<Value>),
    /// `tuple`; also several results of a core function.
    Tuple(Vec<Value>),
    /// `record`, with the names of its fields.
    Record(Vec<(String, Value)>),
    /// `map`, as pairs in order.
    Map(Vec<(Value, Value)>),
    /// `variant`: the name of the case and what it holds.
    Variant(String, Option<Box<Value>>),
    /// `enum`: the name of the case.
    Enum(String),
    /// `option`.
    Option(Option<Box<Value>>),
    /// `result` that went well.
    Ok(Option<Box<Value>>),
    /// `result` that failed.
    Err(Option<Box<Value>>),
    /// `flags`: the names of those that are set.
    Flags(Vec<String>),
    /// A resource of the guest. It is dropped, and its destructor run, before the call ends: a handle means nothing outside.
    Resource,
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        macro_rules! same {
            ($($variant:ident),*; $($pair:ident),*; $($float:ident),*) => {
                match self {
                    $(Self::$variant(one) => matches!(other, Self::$variant(two) if one == two),)*
                    $(Self::$pair(one, with) => matches!(other, Self::$pair(two, and) if one == two && with == and),)*
                    $(Self::$float(one) => matches!(other, Self::$float(two) if one.to_bits() == two.to_bits()),)*
                    Self::Resource => matches!(other, Self::Resource),
                }
            };
        }
        same!(
            I32, I64, Bool, S8, U8, S16, U16, S32, U32, S64, U64, Char, String, Bytes, List, Tuple, Record, Map, Enum,
            Option, Ok, Err, Flags; Variant; F32, F64
        )
    }
}

impl Eq for Value {}

impl Value {
    /// What kind of value it is, in the words of the component model.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::I32(_) => "i32",
            Self::I64(_) => "i64",
            Self::Bool(_) => "bool",
            Self::S8(_) => "s8",
            Self::U8(_) => "u8",
            Self::S16(_) => "s16",
            Self::U16(_) => "u16",
            Self::S32(_) => "s32",
            Self::U32(_) => "u32",
            Self::S64(_) => "s64",
            Self::U64(_) => "u64",
            Self::F32(_) => "f32",
            Self::F64(_) => "f64",
            Self::Char(_) => "char",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Record(_) => "record",
            Self::Map(_) => "map",
            Self::Variant(..) => "variant",
            Self::Enum(_) => "enum",
            Self::Option(_) => "option",
            Self::Ok(_) | Self::Err(_) => "result",
            Self::Flags(_) => "flags",
            Self::Resource => "resource",
        }
    }
}

/// Floats by their bits: JSON has no NaN and no infinity.
macro_rules! bits {
    ($name:ident, $float:ty, $bits:ty) => {
        mod $name {
            use serde::{Deserialize, Deserializer, Serializer};

            pub(super) fn serialize<S: Serializer>(float: &$float, serializer: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(&float.to_bits(), serializer)
            }

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$float, D::Error> {
                Ok(<$float>::from_bits(<$bits>::deserialize(deserializer)?))
            }
        }
    };
}

bits!(bits32, f32, u32);
bits!(bits64, f64, u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_value_survives_a_round_trip_as_json() {
        let some = |value: Value| Some(Box::new(value));
        let values = vec![
            Value::I32(-1),
            Value::I64(i64::MIN),
            Value::Bool(true),
            Value::S8(-8),
            Value::U8(8),
            Value::S16(-16),
            Value::U16(16),
            Value::S32(-32),
            Value::U32(u32::MAX),
            Value::S64(i64::MAX),
            Value::U64(u64::MAX),
            Value::F32(f32::NAN),
            Value::F32(-0.0),
            Value::F64(f64::INFINITY),
            Value::Char('\u{10ffff}'),
            Value::String("a\0b".into()),
            Value::Bytes(vec![0, 255]),
            Value::List(vec![Value::U8(1)]),
            Value::Tuple(Vec::new()),
            Value::Record(vec![("a-b".into(), Value::Resource)]),
            Value::Map(vec![(Value::U8(1), Value::Bool(false))]),
            Value::Variant("case".into(), some(Value::U8(1))),
            Value::Enum("case".into()),
            Value::Option(None),
            Value::Ok(None),
            Value::Err(some(Value::String("no".into()))),
            Value::Flags(vec!["read".into()]),
        ];
        let text = serde_json::to_string(&values).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Value>>(&text).unwrap(), values);
    }

    #[test]
    fn floats_are_compared_by_their_bits() {
        assert_eq!(Value::F64(f64::NAN), Value::F64(f64::NAN));
        assert_ne!(Value::F32(0.0), Value::F32(-0.0));
        assert_ne!(Value::F32(0.0), Value::F64(0.0));
    }
}
