//! Typed arguments and results: Rust values to [`Value`] and back through serde, and `Value` to what the engine calls with.

mod component;
mod core;
mod read;
mod write;

use gauntlet_target::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use component::{from_component, to_component};
pub(crate) use core::{from_core, to_core};

/// Deepest nesting of a value.
const MAX_DEPTH: usize = 64;

/// A value that does not fit the type that it is meant for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {what}")]
#[non_exhaustive]
pub struct ValueError {
    /// Which value: `argument 2`, `result`, `argument 1, field "name"`.
    pub at: String,
    /// What is wrong with it, and what would be right.
    pub what: String,
}

impl ValueError {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { at: "value".into(), what: what.into() }
    }

    /// The same error, said of a place.
    pub(crate) fn at(mut self, place: impl Into<String>) -> Self {
        let inner = std::mem::replace(&mut self.at, place.into());
        if inner != "value" {
            self.at.push_str(", ");
            self.at.push_str(&inner);
        }
        self
    }

    /// An error that says what was expected and what came.
    pub(crate) fn expected(expected: &str, got: &Value) -> Self {
        Self::new(format!("expected `{expected}`, got `{}`", got.kind()))
    }
}

impl serde::ser::Error for ValueError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

impl serde::de::Error for ValueError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }
}

/// A Rust value as plain data.
///
/// Structs become records, tuples tuples, `Vec`s lists, `Option`s options, `Result`s results, enums variants; an enum without data becomes
/// an enum. Names are compared without regard to case, `_` and `-`, so that `user_name` meets `user-name`.
///
/// # Errors
///
/// If the value's own serialization fails, or it is nested too deeply.
pub fn to_value<T: Serialize + ?Sized>(value: &T) -> Result<Value, ValueError> {
    value.serialize(write::Writer { depth: MAX_DEPTH })
}

/// Plain data as a Rust value.
///
/// # Errors
///
/// If the data does not have the type's shape, or a number does not fit.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, ValueError> {
    T::deserialize(read::Reader { value, depth: MAX_DEPTH })
}

/// The arguments of a call: a tuple gives one argument for each of its items, `()` none, everything else is one argument.
pub(crate) fn arguments<A: Serialize + ?Sized>(arguments: &A) -> Result<Vec<Value>, ValueError> {
    Ok(match to_value(arguments).map_err(|error| error.at("arguments"))? {
        Value::Tuple(items) => items,
        one => vec![one],
    })
}

/// The results of a call: none as `()`, one as itself, several as a tuple.
pub(crate) fn results<R: DeserializeOwned>(results: Vec<Value>) -> Result<R, ValueError> {
    given(results).map_err(|error| error.at("result"))
}

/// Values as one Rust value; a single value may also be asked for as a tuple of one.
pub(crate) fn given<T: DeserializeOwned>(mut values: Vec<Value>) -> Result<T, ValueError> {
    if values.len() != 1 {
        return from_value(Value::Tuple(values));
    }
    let one = values.remove(0);
    match from_value(one.clone()) {
        Ok(value) => Ok(value),
        Err(error) => from_value(Value::Tuple(vec![one])).map_err(|_| error),
    }
}

/// A name as it is compared: lower case, words joined. `UserName`, `user_name` and `user-name` are one name.
fn folded(name: &str) -> impl Iterator<Item = char> + '_ {
    name.chars().filter(|c| !matches!(c, '_' | '-')).flat_map(char::to_lowercase)
}

/// Whether two names are the same but for case and the marks between words.
pub(crate) fn same_name(one: &str, other: &str) -> bool {
    folded(one).eq(folded(other))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Empty,
        Circle(f64),
        Square { side: u8 },
        Line(i8, i8),
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Everything {
        flag: bool,
        small: (i8, u8, i16, u16),
        big: (i32, u32, i64, u64),
        floats: (f32, f64),
        letter: char,
        user_name: String,
        list: Vec<u16>,
        none: Option<u8>,
        some: Option<Option<u8>>,
        good: Result<u8, String>,
        bad: Result<(), String>,
        shapes: Vec<Shape>,
        map: BTreeMap<String, i32>,
        nothing: (),
    }

    fn everything() -> Everything {
        Everything {
            flag: true,
            small: (-8, 8, -16, 16),
            big: (-32, 32, i64::MIN, u64::MAX),
            floats: (1.5, -2.5),
            letter: 'ü',
            user_name: "Ann".into(),
            list: vec![1, 2, 3],
            none: None,
            some: Some(Some(7)),
            good: Ok(1),
            bad: Err("no".into()),
            shapes: vec![Shape::Empty, Shape::Circle(0.5), Shape::Square { side: 2 }, Shape::Line(1, -1)],
            map: BTreeMap::from([("a".into(), 1)]),
            nothing: (),
        }
    }

    #[test]
    fn a_rust_value_survives_a_round_trip() {
        let value = to_value(&everything()).unwrap();
        assert_eq!(from_value::<Everything>(value).unwrap(), everything());
    }

    #[test]
    fn names_meet_without_regard_to_case_and_marks() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct User {
            user_name: String,
        }
        let value = Value::Record(vec![("user-name".into(), Value::String("Ann".into()))]);
        assert_eq!(from_value::<User>(value).unwrap(), User { user_name: "Ann".into() });
        assert_eq!(from_value::<Shape>(Value::Enum("empty".into())).unwrap(), Shape::Empty);
    }

    #[test]
    fn arguments_are_the_items_of_a_tuple() {
        assert_eq!(arguments(&()).unwrap(), []);
        assert_eq!(arguments(&(1_i32, "a")).unwrap(), [Value::S32(1), Value::String("a".into())]);
        assert_eq!(arguments(&7_u8).unwrap(), [Value::U8(7)]);
        assert_eq!(arguments(&vec![1_u8]).unwrap(), [Value::List(vec![Value::U8(1)])]);
    }

    #[test]
    fn core_integers_have_the_sign_that_the_reader_asks_for() {
        assert_eq!(from_value::<u32>(Value::I32(-1)).unwrap(), u32::MAX);
        assert_eq!(from_value::<i32>(Value::I32(-1)).unwrap(), -1);
        assert_eq!(from_value::<u64>(Value::I64(-1)).unwrap(), u64::MAX);
        assert!(from_value::<bool>(Value::I32(1)).unwrap());
        assert!(from_value::<bool>(Value::I32(2)).is_err());
        assert!(from_value::<u8>(Value::I32(256)).is_err());
        assert!(from_value::<i32>(Value::U32(u32::MAX)).is_err());
    }

    #[test]
    fn errors_name_the_place() {
        let value = to_value(&Everything { list: vec![1], ..everything() }).unwrap();
        let Value::Record(mut fields) = value else { panic!("a record") };
        fields[6].1 = Value::List(vec![Value::U16(1), Value::String("x".into())]);
        let error = from_value::<Everything>(Value::Record(fields)).unwrap_err();
        assert!(error.to_string().contains("field `list`, item 2"), "{error}");
    }

    #[test]
    fn deep_values_are_refused_and_nothing_panics() {
        let mut value = Value::Option(None);
        for _ in 0..200 {
            value = Value::Option(Some(Box::new(value)));
        }
        assert!(from_value::<serde_json::Value>(value).is_err());
        let mut deep = serde_json::Value::Null;
        for _ in 0..200 {
            deep = serde_json::Value::Array(vec![deep]);
        }
        assert!(to_value(&deep).is_err());
    }
}
