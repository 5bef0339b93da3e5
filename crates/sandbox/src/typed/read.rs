//! Plain data to Rust values.

use gauntlet_target::Value;
use serde::Deserializer;
use serde::de::value::{BorrowedStrDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer as _, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::{ValueError, same_name};

/// Reads one value; `depth` is how much deeper it may go.
pub(super) struct Reader {
    pub(super) value: Value,
    pub(super) depth: usize,
}

impl Reader {
    fn deeper(&self) -> Result<usize, ValueError> {
        self.depth.checked_sub(1).ok_or_else(|| ValueError::new("nested too deeply"))
    }

    /// The value as an unsigned number, where core integers are read by their bits.
    fn unsigned(&self) -> Option<u64> {
        match &self.value {
            Value::I32(bits) => Some(u64::from(bits.cast_unsigned())),
            Value::I64(bits) => Some(bits.cast_unsigned()),
            _ => None,
        }
    }

    fn seq<'de, V: Visitor<'de>>(items: Vec<Value>, depth: usize, visitor: V) -> Result<V::Value, ValueError> {
        let length = items.len();
        let mut access = Items { items: items.into_iter(), depth, read: 0 };
        let value = visitor.visit_seq(&mut access)?;
        if access.items.len() > 0 {
            return Err(ValueError::new(format!("{length} items are too many")));
        }
        Ok(value)
    }

    fn boxed<'de, V: Visitor<'de>>(
        name: &'static str,
        holds: Option<Box<Value>>,
        depth: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        visitor.visit_enum(Case { name: name.to_owned(), holds: holds.map(|holds| *holds), depth })
    }
}

/// Unsigned widths: a core integer is taken by its bits.
macro_rules! unsigned {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
            match self.unsigned() {
                Some(number) => visitor.visit_u64(number),
                None => self.deserialize_any(visitor),
            }
        })*
    };
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every reader takes one or two kinds and hands the others on")]
impl<'de> Deserializer<'de> for Reader {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let depth = self.deeper()?;
        match self.value {
            Value::I32(number) | Value::S32(number) => visitor.visit_i32(number),
            Value::I64(number) | Value::S64(number) => visitor.visit_i64(number),
            Value::Bool(flag) => visitor.visit_bool(flag),
            Value::S8(number) => visitor.visit_i8(number),
            Value::U8(number) => visitor.visit_u8(number),
            Value::S16(number) => visitor.visit_i16(number),
            Value::U16(number) => visitor.visit_u16(number),
            Value::U32(number) => visitor.visit_u32(number),
            Value::U64(number) => visitor.visit_u64(number),
            Value::F32(number) => visitor.visit_f32(number),
            Value::F64(number) => visitor.visit_f64(number),
            Value::Char(letter) => visitor.visit_char(letter),
            Value::String(text) => visitor.visit_string(text),
            Value::Bytes(bytes) => visitor.visit_byte_buf(bytes),
            Value::Tuple(items) if items.is_empty() => visitor.visit_unit(),
            Value::List(items) | Value::Tuple(items) => Self::seq(items, depth, visitor),
            Value::Record(fields) => {
                visitor.visit_map(Fields { fields: fields.into_iter(), names: &[], next: None, depth })
            }
            Value::Map(pairs) => visitor.visit_map(Pairs { pairs: pairs.into_iter(), next: None, depth }),
            Value::Variant(name, holds) => visitor.visit_enum(Case { name, holds: holds.map(|holds| *holds), depth }),
            Value::Enum(name) => visitor.visit_enum(Case { name, holds: None, depth }),
            Value::Option(None) | Value::Resource => visitor.visit_none(),
            Value::Option(Some(value)) => visitor.visit_some(Self { value: *value, depth }),
            Value::Ok(holds) => Self::boxed("Ok", holds, depth, visitor),
            Value::Err(holds) => Self::boxed("Err", holds, depth, visitor),
            Value::Flags(names) => Self::seq(names.into_iter().map(Value::String).collect(), depth, visitor),
        }
    }

    unsigned! { deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value {
            // Core functions have no other way to say yes or no.
            Value::I32(0) => visitor.visit_bool(false),
            Value::I32(1) => visitor.visit_bool(true),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value {
            Value::Option(_) | Value::Resource => self.deserialize_any(visitor),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        let depth = self.deeper()?;
        match self.value {
            Value::Bytes(bytes) => Self::seq(bytes.into_iter().map(Value::U8).collect(), depth, visitor),
            Value::Tuple(items) => Self::seq(items, depth, visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, ValueError> {
        if length == 1 && !matches!(self.value, Value::Tuple(_) | Value::List(_) | Value::Bytes(_)) {
            // One value is a tuple of one: a function's only result, or its only argument.
            let depth = self.deeper()?;
            return Self::seq(vec![self.value], depth, visitor);
        }
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self.value {
            Value::List(items) if items.iter().all(|item| matches!(item, Value::U8(_))) => {
                let bytes = items.iter().filter_map(|item| if let Value::U8(byte) = item { Some(*byte) } else { None });
                visitor.visit_byte_buf(bytes.collect())
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_byte_buf(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ValueError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let depth = self.deeper()?;
        match self.value {
            Value::Record(fields) => visitor.visit_map(Fields { fields: fields.into_iter(), names, next: None, depth }),
            Value::Tuple(items) => Self::seq(items, depth, visitor),
            Value::Flags(set) => {
                // Flags as a struct of booleans: those that are set are true, the others false.
                let fields: Vec<_> = names
                    .iter()
                    .map(|name| ((*name).to_owned(), Value::Bool(set.iter().any(|flag| same_name(flag, name)))))
                    .collect();
                visitor.visit_map(Fields { fields: fields.into_iter(), names, next: None, depth })
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        cases: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let depth = self.deeper()?;
        let known = |given: &str| {
            let found = cases.iter().find(|case| same_name(case, given)).copied();
            found.ok_or_else(|| ValueError::new(format!("`{name}` has no case `{given}`; it has {}", cases.join(", "))))
        };
        match self.value {
            Value::Variant(given, holds) => Self::boxed(known(&given)?, holds, depth, visitor),
            Value::Enum(given) | Value::String(given) => Self::boxed(known(&given)?, None, depth, visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u128 f32 f64 char str string unit map identifier
    }
}

/// A name as serde asks for one.
fn owned(name: String) -> StringDeserializer<ValueError> {
    name.into_deserializer()
}

struct Items {
    items: std::vec::IntoIter<Value>,
    depth: usize,
    read: usize,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = ValueError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ValueError> {
        let Some(value) = self.items.next() else { return Ok(None) };
        self.read += 1;
        let read = seed.deserialize(Reader { value, depth: self.depth });
        read.map(Some).map_err(|error| error.at(format!("item {}", self.read)))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// Fields of a record, their names given as the struct spells them.
struct Fields {
    fields: std::vec::IntoIter<(String, Value)>,
    names: &'static [&'static str],
    next: Option<(String, Value)>,
    depth: usize,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ValueError> {
        let Some((name, value)) = self.fields.next() else { return Ok(None) };
        let spelled = self.names.iter().find(|known| same_name(known, &name)).copied();
        let key = match spelled {
            Some(spelled) => seed.deserialize(BorrowedStrDeserializer::<ValueError>::new(spelled))?,
            None => seed.deserialize(owned(name.clone()))?,
        };
        self.next = Some((name, value));
        Ok(Some(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ValueError> {
        let (name, value) = self.next.take().ok_or_else(|| ValueError::new("a field without its name"))?;
        seed.deserialize(Reader { value, depth: self.depth }).map_err(|error| error.at(format!("field `{name}`")))
    }
}

struct Pairs {
    pairs: std::vec::IntoIter<(Value, Value)>,
    next: Option<Value>,
    depth: usize,
}

impl<'de> MapAccess<'de> for Pairs {
    type Error = ValueError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ValueError> {
        let Some((key, value)) = self.pairs.next() else { return Ok(None) };
        self.next = Some(value);
        seed.deserialize(Reader { value: key, depth: self.depth }).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ValueError> {
        let value = self.next.take().ok_or_else(|| ValueError::new("a value of a map without its key"))?;
        seed.deserialize(Reader { value, depth: self.depth })
    }
}

/// A case of an enum, and what it holds.
struct Case {
    name: String,
    holds: Option<Value>,
    depth: usize,
}

impl<'de> EnumAccess<'de> for Case {
    type Error = ValueError;
    type Variant = Held;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Held), ValueError> {
        let case = seed.deserialize(owned(self.name.clone()))?;
        Ok((case, Held { name: self.name, holds: self.holds, depth: self.depth }))
    }
}

struct Held {
    name: String,
    holds: Option<Value>,
    depth: usize,
}

impl Held {
    fn reader(self) -> (Reader, String) {
        let value = self.holds.unwrap_or(Value::Tuple(Vec::new()));
        (Reader { value, depth: self.depth }, format!("case `{}`", self.name))
    }
}

impl<'de> VariantAccess<'de> for Held {
    type Error = ValueError;

    fn unit_variant(self) -> Result<(), ValueError> {
        match self.holds {
            None => Ok(()),
            Some(value) => Err(ValueError::expected("nothing", &value).at(format!("case `{}`", self.name))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ValueError> {
        let (reader, place) = self.reader();
        seed.deserialize(reader).map_err(|error| error.at(place))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, ValueError> {
        let (reader, place) = self.reader();
        reader.deserialize_tuple(length, visitor).map_err(|error| error.at(place))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        let (reader, place) = self.reader();
        reader.deserialize_struct("", names, visitor).map_err(|error| error.at(place))
    }
}
