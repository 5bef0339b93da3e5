//! Rust values to plain data.

use gauntlet_target::Value;
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::ValueError;

/// Writes one value; `depth` is how much deeper it may go.
#[derive(Clone, Copy)]
pub(super) struct Writer {
    pub(super) depth: usize,
}

impl Writer {
    fn deeper(self) -> Result<Self, ValueError> {
        let depth = self.depth.checked_sub(1).ok_or_else(|| ValueError::new("nested too deeply"))?;
        Ok(Self { depth })
    }

    fn boxed<T: Serialize + ?Sized>(self, value: &T) -> Result<Option<Box<Value>>, ValueError> {
        // `()` inside of a case is the case without anything: `Result<(), E>` is `result<_, e>`.
        Ok(match value.serialize(self.deeper()?)? {
            Value::Tuple(items) if items.is_empty() => None,
            value => Some(Box::new(value)),
        })
    }
}

/// A variant's case, where `Ok` and `Err` are those of a result.
fn case(name: &'static str, holds: Option<Box<Value>>) -> Value {
    match name {
        "Ok" => Value::Ok(holds),
        "Err" => Value::Err(holds),
        _ => Value::Variant(name.to_owned(), holds),
    }
}

macro_rules! scalars {
    ($($method:ident($ty:ty) = $variant:ident;)*) => {
        $(fn $method(self, value: $ty) -> Result<Value, ValueError> {
            Ok(Value::$variant(value))
        })*
    };
}

impl Serializer for Writer {
    type Ok = Value;
    type Error = ValueError;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Pairs;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Fields;

    scalars! {
        serialize_bool(bool) = Bool;
        serialize_i8(i8) = S8;
        serialize_u8(u8) = U8;
        serialize_i16(i16) = S16;
        serialize_u16(u16) = U16;
        serialize_i32(i32) = S32;
        serialize_u32(u32) = U32;
        serialize_i64(i64) = S64;
        serialize_u64(u64) = U64;
        serialize_f32(f32) = F32;
        serialize_f64(f64) = F64;
        serialize_char(char) = Char;
    }

    fn serialize_str(self, text: &str) -> Result<Value, ValueError> {
        Ok(Value::String(text.to_owned()))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Value, ValueError> {
        Ok(Value::Bytes(bytes.to_vec()))
    }

    fn serialize_none(self) -> Result<Value, ValueError> {
        Ok(Value::Option(None))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, ValueError> {
        Ok(Value::Option(Some(Box::new(value.serialize(self.deeper()?)?))))
    }

    fn serialize_unit(self) -> Result<Value, ValueError> {
        Ok(Value::Tuple(Vec::new()))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, ValueError> {
        Ok(Value::Tuple(Vec::new()))
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<Value, ValueError> {
        Ok(Value::Enum(name.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Value, ValueError> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<Value, ValueError> {
        Ok(case(name, self.boxed(value)?))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Items, ValueError> {
        Ok(Items { writer: self.deeper()?, items: Vec::new(), kind: Kind::List })
    }

    fn serialize_tuple(self, _: usize) -> Result<Items, ValueError> {
        Ok(Items { writer: self.deeper()?, items: Vec::new(), kind: Kind::Tuple })
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items, ValueError> {
        self.serialize_tuple(length)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Items, ValueError> {
        Ok(Items { writer: self.deeper()?, items: Vec::new(), kind: Kind::Case(name) })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Pairs, ValueError> {
        Ok(Pairs { writer: self.deeper()?, pairs: Vec::new(), key: None })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Fields, ValueError> {
        Ok(Fields { writer: self.deeper()?, fields: Vec::new(), case: None })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Fields, ValueError> {
        Ok(Fields { writer: self.deeper()?, fields: Vec::new(), case: Some(name) })
    }
}

enum Kind {
    List,
    Tuple,
    Case(&'static str),
}

/// A list, a tuple, or a case that holds a tuple.
pub(super) struct Items {
    writer: Writer,
    items: Vec<Value>,
    kind: Kind,
}

impl Items {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        let value = value.serialize(self.writer).map_err(|error| error.at(format!("item {}", self.items.len() + 1)))?;
        self.items.push(value);
        Ok(())
    }

    fn done(self) -> Value {
        match self.kind {
            Kind::List => Value::List(self.items),
            Kind::Tuple => Value::Tuple(self.items),
            Kind::Case(name) => case(name, Some(Box::new(Value::Tuple(self.items)))),
        }
    }
}

macro_rules! items {
    ($($trait:ident::$method:ident;)*) => {
        $(impl $trait for Items {
            type Ok = Value;
            type Error = ValueError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
                self.push(value)
            }

            fn end(self) -> Result<Value, ValueError> {
                Ok(self.done())
            }
        })*
    };
}

items! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

/// A map.
pub(super) struct Pairs {
    writer: Writer,
    pairs: Vec<(Value, Value)>,
    key: Option<Value>,
}

impl SerializeMap for Pairs {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ValueError> {
        self.key = Some(key.serialize(self.writer)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        let key = self.key.take().ok_or_else(|| ValueError::new("a value of a map without its key"))?;
        self.pairs.push((key, value.serialize(self.writer)?));
        Ok(())
    }

    fn end(self) -> Result<Value, ValueError> {
        Ok(Value::Map(self.pairs))
    }
}

/// A record, or a case that holds one.
pub(super) struct Fields {
    writer: Writer,
    fields: Vec<(String, Value)>,
    case: Option<&'static str>,
}

impl Fields {
    fn push<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), ValueError> {
        let value = value.serialize(self.writer).map_err(|error| error.at(format!("field `{name}`")))?;
        self.fields.push((name.to_owned(), value));
        Ok(())
    }

    fn done(self) -> Value {
        let record = Value::Record(self.fields);
        match self.case {
            None => record,
            Some(name) => case(name, Some(Box::new(record))),
        }
    }
}

impl SerializeStruct for Fields {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), ValueError> {
        self.push(name, value)
    }

    fn end(self) -> Result<Value, ValueError> {
        Ok(self.done())
    }
}

impl SerializeStructVariant for Fields {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), ValueError> {
        self.push(name, value)
    }

    fn end(self) -> Result<Value, ValueError> {
        Ok(self.done())
    }
}
