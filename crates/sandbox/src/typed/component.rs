//! Plain data to values of component functions, by the types that the function declares, and back.

use gauntlet_target::Value;
use wasmtime::component::{ResourceAny, Type, Val};

use super::core::{float32, float64};
use super::{ValueError, same_name};

/// One argument of a component function.
pub(crate) fn to_component(value: &Value, kind: &Type) -> Result<Val, ValueError> {
    convert(value, kind, super::MAX_DEPTH)
}

/// Whole numbers of any width that fit the one asked for.
fn whole<T: TryFrom<i64> + TryFrom<u64>>(value: &Value, kind: &str) -> Result<T, ValueError> {
    let fits = || ValueError::new(format!("the number does not fit `{kind}`"));
    let signed = |number: i64| T::try_from(number).map_err(|_| fits());
    match value {
        Value::I32(number) | Value::S32(number) => signed(i64::from(*number)),
        Value::I64(number) | Value::S64(number) => signed(*number),
        Value::S8(number) => signed(i64::from(*number)),
        Value::U8(number) => signed(i64::from(*number)),
        Value::S16(number) => signed(i64::from(*number)),
        Value::U16(number) => signed(i64::from(*number)),
        Value::U32(number) => signed(i64::from(*number)),
        Value::U64(number) => T::try_from(*number).map_err(|_| fits()),
        other => Err(ValueError::expected(kind, other)),
    }
}

fn convert(value: &Value, kind: &Type, depth: usize) -> Result<Val, ValueError> {
    let depth = depth.checked_sub(1).ok_or_else(|| ValueError::new("nested too deeply"))?;
    let wrong = || ValueError::expected(name(kind), value);
    let items = |items: &[Value], each: &Type| -> Result<Vec<Val>, ValueError> {
        let each = |(i, item): (usize, &Value)| {
            convert(item, each, depth).map_err(|error| error.at(format!("item {}", i + 1)))
        };
        items.iter().enumerate().map(each).collect()
    };
    Ok(match kind {
        Type::Bool => match value {
            Value::Bool(flag) => Val::Bool(*flag),
            _ => return Err(wrong()),
        },
        Type::S8 => Val::S8(whole(value, "s8")?),
        Type::U8 => Val::U8(whole(value, "u8")?),
        Type::S16 => Val::S16(whole(value, "s16")?),
        Type::U16 => Val::U16(whole(value, "u16")?),
        Type::S32 => Val::S32(whole(value, "s32")?),
        Type::U32 => Val::U32(whole(value, "u32")?),
        Type::S64 => Val::S64(whole(value, "s64")?),
        Type::U64 => Val::U64(whole(value, "u64")?),
        Type::Float32 => Val::Float32(float32(value).ok_or_else(wrong)?),
        Type::Float64 => Val::Float64(float64(value).ok_or_else(wrong)?),
        Type::Char => match value {
            Value::Char(letter) => Val::Char(*letter),
            _ => return Err(wrong()),
        },
        Type::String => match value {
            Value::String(text) | Value::Enum(text) => Val::String(text.clone()),
            Value::Char(letter) => Val::String(letter.to_string()),
            _ => return Err(wrong()),
        },
        Type::List(list) => match value {
            Value::List(given) | Value::Tuple(given) => Val::List(items(given, &list.ty())?),
            Value::Bytes(bytes) if matches!(list.ty(), Type::U8) => {
                Val::List(bytes.iter().copied().map(Val::U8).collect())
            }
            _ => return Err(wrong()),
        },
        Type::FixedLengthList(list) => match value {
            Value::List(given) | Value::Tuple(given) if given.len() == list.len() as usize => {
                Val::FixedLengthList(items(given, &list.ty())?)
            }
            _ => return Err(wrong()),
        },
        Type::Map(map) => match value {
            Value::Map(pairs) => {
                let pair = |(key, value): &(Value, Value)| {
                    Ok((convert(key, &map.key(), depth)?, convert(value, &map.value(), depth)?))
                };
                Val::Map(pairs.iter().map(pair).collect::<Result<_, ValueError>>()?)
            }
            _ => return Err(wrong()),
        },
        Type::Record(record) => {
            let Value::Record(given) = value else { return Err(wrong()) };
            let unknown = given.iter().find(|(given, _)| !record.fields().any(|field| same_name(field.name, given)));
            if let Some((unknown, _)) = unknown {
                return Err(ValueError::new(format!("the record has no field `{unknown}`")));
            }
            let field = |field: wasmtime::component::types::Field<'_>| {
                let value = given.iter().find(|(given, _)| same_name(given, field.name)).map(|(_, value)| value);
                let value = value.ok_or_else(|| ValueError::new(format!("the field `{}` is missing", field.name)))?;
                let value =
                    convert(value, &field.ty, depth).map_err(|error| error.at(format!("field `{}`", field.name)))?;
                Ok((field.name.to_owned(), value))
            };
            Val::Record(record.fields().map(field).collect::<Result<_, ValueError>>()?)
        }
        Type::Tuple(tuple) => {
            let (Value::Tuple(given) | Value::List(given)) = value else { return Err(wrong()) };
            if given.len() != tuple.types().len() {
                return Err(ValueError::new(format!("a tuple of {}, got {}", tuple.types().len(), given.len())));
            }
            let pairs = given.iter().zip(tuple.types()).enumerate();
            let item = |(i, (value, kind)): (usize, (&Value, Type))| {
                convert(value, &kind, depth).map_err(|error| error.at(format!("item {}", i + 1)))
            };
            Val::Tuple(pairs.map(item).collect::<Result<_, _>>()?)
        }
        Type::Variant(variant) => {
            let (given, holds) = match value {
                Value::Variant(given, holds) => (given.as_str(), holds.as_deref()),
                Value::Enum(given) | Value::String(given) => (given.as_str(), None),
                Value::Ok(holds) => ("ok", holds.as_deref()),
                Value::Err(holds) => ("err", holds.as_deref()),
                _ => return Err(wrong()),
            };
            let case = variant.cases().find(|case| same_name(case.name, given));
            let case = case.ok_or_else(|| ValueError::new(format!("the variant has no case `{given}`")))?;
            let holds = held(holds, case.ty.as_ref(), depth).map_err(|error| error.at(format!("case `{given}`")))?;
            Val::Variant(case.name.to_owned(), holds)
        }
        Type::Enum(cases) => {
            let (Value::Enum(given) | Value::String(given)) = value else { return Err(wrong()) };
            let case = cases.names().find(|case| same_name(case, given));
            Val::Enum(case.ok_or_else(|| ValueError::new(format!("the enum has no case `{given}`")))?.to_owned())
        }
        Type::Option(option) => match value {
            Value::Option(None) => Val::Option(None),
            Value::Option(Some(value)) => Val::Option(Some(Box::new(convert(value, &option.ty(), depth)?))),
            value => Val::Option(Some(Box::new(convert(value, &option.ty(), depth)?))),
        },
        Type::Result(result) => match value {
            Value::Ok(holds) => Val::Result(Ok(
                held(holds.as_deref(), result.ok().as_ref(), depth).map_err(|error| error.at("case `ok`"))?
            )),
            Value::Err(holds) => Val::Result(Err(
                held(holds.as_deref(), result.err().as_ref(), depth).map_err(|error| error.at("case `err`"))?
            )),
            _ => return Err(wrong()),
        },
        Type::Flags(flags) => {
            let set: Vec<&str> = match value {
                Value::Flags(set) => set.iter().map(String::as_str).collect(),
                Value::List(items) | Value::Tuple(items) => {
                    let text = |item| match item {
                        &Value::String(ref text) | &Value::Enum(ref text) => Ok(text.as_str()),
                        other => Err(ValueError::expected("string", other)),
                    };
                    items.iter().map(text).collect::<Result<_, _>>()?
                }
                Value::Record(fields) => {
                    let on = |(name, value): &'_ (String, Value)| match value {
                        Value::Bool(on) => Ok(on.then_some(name.clone())),
                        other => Err(ValueError::expected("bool", other).at(format!("field `{name}`"))),
                    };
                    for field in fields {
                        on(field)?;
                    }
                    let set = fields.iter().filter(|(_, value)| matches!(value, Value::Bool(true)));
                    set.map(|(name, _)| name.as_str()).collect()
                }
                _ => return Err(wrong()),
            };
            let spelled = set.iter().map(|given| {
                let known = flags.names().find(|known| same_name(known, given));
                known.map(str::to_owned).ok_or_else(|| ValueError::new(format!("there is no flag `{given}`")))
            });
            Val::Flags(spelled.collect::<Result<_, _>>()?)
        }
        Type::Own(_) | Type::Borrow(_) => {
            return Err(ValueError::new("a resource cannot be made outside of the guest"));
        }
        Type::Future(_) | Type::Stream(_) | Type::ErrorContext => {
            return Err(ValueError::new("asynchronous values are not granted"));
        }
    })
}

/// What a case holds.
fn held(value: Option<&Value>, kind: Option<&Type>, depth: usize) -> Result<Option<Box<Val>>, ValueError> {
    match (value, kind) {
        (None, None) => Ok(None),
        (Some(value), Some(kind)) => Ok(Some(Box::new(convert(value, kind, depth)?))),
        (None, Some(kind)) => Err(ValueError::new(format!("the case holds a `{}`, nothing was given", name(kind)))),
        (Some(value), None) => Err(ValueError::expected("nothing", value)),
    }
}

fn name(kind: &Type) -> &'static str {
    match kind {
        Type::Bool => "bool",
        Type::S8 => "s8",
        Type::U8 => "u8",
        Type::S16 => "s16",
        Type::U16 => "u16",
        Type::S32 => "s32",
        Type::U32 => "u32",
        Type::S64 => "s64",
        Type::U64 => "u64",
        Type::Float32 => "f32",
        Type::Float64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::List(_) | Type::FixedLengthList(_) => "list",
        Type::Map(_) => "map",
        Type::Record(_) => "record",
        Type::Tuple(_) => "tuple",
        Type::Variant(_) => "variant",
        Type::Enum(_) => "enum",
        Type::Option(_) => "option",
        Type::Result(_) => "result",
        Type::Flags(_) => "flags",
        Type::Own(_) | Type::Borrow(_) => "resource",
        Type::Future(_) => "future",
        Type::Stream(_) => "stream",
        Type::ErrorContext => "error-context",
    }
}

/// What a component function returned. Resources in it are put aside, so that their destructors can be run.
pub(crate) fn from_component(value: Val, resources: &mut Vec<ResourceAny>) -> Value {
    let boxed = |value: Option<Box<Val>>, resources: &mut Vec<ResourceAny>| {
        value.map(|value| Box::new(from_component(*value, resources)))
    };
    match value {
        Val::Bool(flag) => Value::Bool(flag),
        Val::S8(number) => Value::S8(number),
        Val::U8(number) => Value::U8(number),
        Val::S16(number) => Value::S16(number),
        Val::U16(number) => Value::U16(number),
        Val::S32(number) => Value::S32(number),
        Val::U32(number) => Value::U32(number),
        Val::S64(number) => Value::S64(number),
        Val::U64(number) => Value::U64(number),
        Val::Float32(number) => Value::F32(number),
        Val::Float64(number) => Value::F64(number),
        Val::Char(letter) => Value::Char(letter),
        Val::String(text) => Value::String(text),
        Val::List(items) | Val::FixedLengthList(items) => {
            Value::List(items.into_iter().map(|item| from_component(item, resources)).collect())
        }
        Val::Map(pairs) => Value::Map(
            pairs
                .into_iter()
                .map(|(key, value)| (from_component(key, resources), from_component(value, resources)))
                .collect(),
        ),
        Val::Record(fields) => {
            Value::Record(fields.into_iter().map(|(name, value)| (name, from_component(value, resources))).collect())
        }
        Val::Tuple(items) => Value::Tuple(items.into_iter().map(|item| from_component(item, resources)).collect()),
        Val::Variant(name, holds) => Value::Variant(name, boxed(holds, resources)),
        Val::Enum(name) => Value::Enum(name),
        Val::Option(holds) => Value::Option(boxed(holds, resources)),
        Val::Result(Ok(holds)) => Value::Ok(boxed(holds, resources)),
        Val::Result(Err(holds)) => Value::Err(boxed(holds, resources)),
        Val::Flags(names) => Value::Flags(names),
        Val::Resource(resource) => {
            resources.push(resource);
            Value::Resource
        }
        // Asynchronous values need a proposal that the engine was told to refuse.
        Val::Future(_) | Val::Stream(_) | Val::ErrorContext(_) => Value::Resource,
    }
}
