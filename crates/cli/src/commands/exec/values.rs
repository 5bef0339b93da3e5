//! Arguments and results of exported functions as text: read as the parameters' types say, written in one line.

use std::fmt::Write as _;

use gauntlet_sandbox::{Interface, Value};
use serde_json::Value as Json;

/// Deepest nesting of a type that is followed; an argument's own nesting is bounded by the JSON reader.
const MAX_DEPTH: usize = 64;

/// The types of a function's parameters, as the guest's interface spells them; `None` if there is no such function, or its type is too
/// long to be known in full.
pub(super) fn parameters(interface: &Interface, function: &str) -> Option<Vec<String>> {
    let exports = &interface.exports;
    // A component's function goes by itself, too, where one interface alone offers it.
    let by_itself = || {
        let mut found =
            exports.iter().filter(|(name, _)| name.rsplit_once('#').is_some_and(|(_, own)| own == function));
        found.next().filter(|_| found.next().is_none()).map(|(_, kind)| kind)
    };
    let kind = exports.get(function).or_else(by_itself)?;
    let inner = kind.strip_prefix("func(")?;
    let mut depth = 0_usize;
    let end = inner.char_indices().find_map(|(at, c)| {
        match c {
            '(' | '<' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' | '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        None
    })?;
    let types = items(&inner[..end]).into_iter().map(|item| {
        let kind = if interface.component { named(item).1.unwrap_or(item) } else { item };
        kind.to_owned()
    });
    Some(types.collect())
}

/// Reads one argument as its type says.
pub(super) fn read(text: &str, kind: &str) -> Result<Value, String> {
    match kind {
        "string" => Ok(Value::String(text.to_owned())),
        "bool" | "char" | "f32" | "f64" | "i32" | "i64" | "s8" | "s16" | "s32" | "s64" | "u8" | "u16" | "u32"
        | "u64" => scalar(text, kind),
        _ => {
            let json = serde_json::from_str(text);
            // A name alone is a case without quotes.
            let json = match json {
                Err(_) if kind.starts_with("enum<") || kind.starts_with("variant<") => {
                    Ok(Json::String(text.to_owned()))
                }
                json => json,
            };
            let json = json.map_err(|error| format!("a `{}` is written as JSON: {error}", head(kind)))?;
            typed(&json, kind, MAX_DEPTH)
        }
    }
}

/// Reads one argument without knowing its type: a number, `true`, `false`, or text.
pub(super) fn guess(text: &str) -> Value {
    scalar(text, "i64")
        .or_else(|_| scalar(text, "f64"))
        .or_else(|_| scalar(text, "bool"))
        .unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn scalar(text: &str, kind: &str) -> Result<Value, String> {
    let wrong = || format!("`{text}` is no {kind}");
    let number = || whole(text).ok_or_else(wrong);
    let fits = |least: i128, most: u64| {
        let number = number()?;
        if number < least || number > i128::from(most) {
            Err(format!("`{text}` does not fit {kind}"))
        } else {
            Ok(number)
        }
    };
    // Within the bounds just checked, every cast keeps the number, or its bits where the type has no sign.
    let signed = |least: i64, most: u64| fits(i128::from(least), most).map(|number| i64::try_from(number).ok());
    let misfit = || format!("`{text}` does not fit {kind}");
    Ok(match kind {
        "bool" => Value::Bool(text.parse().map_err(|_| wrong())?),
        "char" => {
            let mut letters = text.chars();
            match (letters.next(), letters.next()) {
                (Some(letter), None) => Value::Char(letter),
                _ => return Err(format!("`{text}` is not one character")),
            }
        }
        "f32" => Value::F32(text.parse().map_err(|_| wrong())?),
        "f64" => Value::F64(text.parse().map_err(|_| wrong())?),
        // Core integers have no sign: both ways to write the same bits are understood.
        "i32" => {
            let number = fits(i128::from(i32::MIN), u64::from(u32::MAX))?;
            let bits = i32::try_from(number).ok().or_else(|| u32::try_from(number).ok().map(u32::cast_signed));
            Value::I32(bits.ok_or_else(misfit)?)
        }
        "i64" => {
            let number = fits(i128::from(i64::MIN), u64::MAX)?;
            let bits = i64::try_from(number).ok().or_else(|| u64::try_from(number).ok().map(u64::cast_signed));
            Value::I64(bits.ok_or_else(misfit)?)
        }
        "s8" => Value::S64(signed(-128, 127)?.ok_or_else(misfit)?),
        "s16" => Value::S64(signed(i64::from(i16::MIN), 0x7fff)?.ok_or_else(misfit)?),
        "s32" => Value::S64(signed(i64::from(i32::MIN), 0x7fff_ffff)?.ok_or_else(misfit)?),
        "s64" => Value::S64(signed(i64::MIN, i64::MAX.unsigned_abs())?.ok_or_else(misfit)?),
        "u8" => Value::U64(u64::try_from(fits(0, 0xff)?).map_err(|_| misfit())?),
        "u16" => Value::U64(u64::try_from(fits(0, 0xffff)?).map_err(|_| misfit())?),
        "u32" => Value::U64(u64::try_from(fits(0, u64::from(u32::MAX))?).map_err(|_| misfit())?),
        "u64" => Value::U64(u64::try_from(fits(0, u64::MAX)?).map_err(|_| misfit())?),
        other => return Err(format!("an argument of type `{other}` cannot be written")),
    })
}

/// A whole number, decimal or hexadecimal, with `_` between digits as one likes.
fn whole(text: &str) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let digits = digits.replace('_', "");
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let number = match digits.strip_prefix("0x") {
        // Two signs would be one too many.
        Some(hex) if hex.chars().all(|c| c.is_ascii_hexdigit()) => i128::from_str_radix(hex, 16),
        Some(_) => return None,
        None => digits.parse(),
    };
    number.ok().map(|number: i128| sign * number)
}

/// Plain data as a value of a component's type.
fn typed(json: &Json, kind: &str, depth: usize) -> Result<Value, String> {
    let depth = depth.checked_sub(1).ok_or("nested too deeply")?;
    let wrong = || format!("{json} is no {}", head(kind));
    let parts = || inside(kind).map(items).unwrap_or_default();
    let one = || parts().first().copied().unwrap_or_default();
    let each = |kind: &str| -> Result<Vec<Value>, String> {
        json.as_array().ok_or_else(wrong)?.iter().map(|item| typed(item, kind, depth)).collect()
    };
    Ok(match head(kind) {
        "string" => Value::String(json.as_str().ok_or_else(wrong)?.to_owned()),
        "char" | "bool" | "f32" | "f64" | "s8" | "s16" | "s32" | "s64" | "u8" | "u16" | "u32" | "u64" => match json {
            Json::String(text) => scalar(text, kind)?,
            other => scalar(&other.to_string(), kind)?,
        },
        list if list == "list" || list.strip_prefix("list").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit())) => {
            Value::List(each(one())?)
        }
        "tuple" => {
            let (given, kinds) = (json.as_array().ok_or_else(wrong)?, parts());
            if given.len() != kinds.len() {
                return Err(format!("a tuple of {}, got {}", kinds.len(), given.len()));
            }
            Value::Tuple(
                given.iter().zip(kinds).map(|(item, kind)| typed(item, kind, depth)).collect::<Result<_, _>>()?,
            )
        }
        "map" => {
            let kinds = parts();
            let (Some(key), Some(value)) = (kinds.first(), kinds.get(1)) else { return Err(wrong()) };
            let pair = |pair: &Json| match pair.as_array().map(Vec::as_slice) {
                Some([k, v]) => Ok((typed(k, key, depth)?, typed(v, value, depth)?)),
                _ => Err("a map is written as a list of pairs".to_owned()),
            };
            Value::Map(json.as_array().ok_or_else(wrong)?.iter().map(pair).collect::<Result<_, _>>()?)
        }
        "record" => {
            let given = json.as_object().ok_or_else(wrong)?;
            let fields: Vec<_> = parts().into_iter().map(named).collect();
            if let Some(unknown) = given.keys().find(|key| !fields.iter().any(|(name, _)| name == key)) {
                return Err(format!("the record has no field `{unknown}`"));
            }
            let field = |(name, kind): (&str, Option<&str>)| {
                let value = given.get(name).ok_or_else(|| format!("the field `{name}` is missing"))?;
                let value =
                    typed(value, kind.unwrap_or_default(), depth).map_err(|why| format!("field `{name}`: {why}"))?;
                Ok((name.to_owned(), value))
            };
            Value::Record(fields.into_iter().map(field).collect::<Result<_, String>>()?)
        }
        "option" => match json {
            Json::Null => Value::Option(None),
            some => Value::Option(Some(Box::new(typed(some, one(), depth)?))),
        },
        "enum" => Value::Enum(json.as_str().ok_or_else(wrong)?.to_owned()),
        "flags" => {
            let names = json.as_array().ok_or_else(wrong)?;
            let name = |name: &Json| name.as_str().map(str::to_owned).ok_or_else(wrong);
            Value::Flags(names.iter().map(name).collect::<Result<_, _>>()?)
        }
        "variant" | "result" => {
            let (name, holds) = case(json).ok_or_else(wrong)?;
            let found = parts().into_iter().map(named).find(|(known, _)| *known == name);
            let (_, kind_held) = found.ok_or_else(|| format!("there is no case `{name}`"))?;
            let holds = match (holds, kind_held) {
                (Some(value), Some(kind)) => Some(Box::new(typed(value, kind, depth)?)),
                (None | Some(Json::Null), None) => None,
                (Some(_), None) => return Err(format!("the case `{name}` holds nothing")),
                (None, Some(_)) => return Err(format!("the case `{name}` holds a value: {{\"{name}\": ..}}")),
            };
            match (head(kind), name) {
                ("variant", name) => Value::Variant(name.to_owned(), holds),
                (_, "ok") => Value::Ok(holds),
                (_, _) => Value::Err(holds),
            }
        }
        other => return Err(format!("an argument of type `{other}` cannot be written")),
    })
}

/// A case by its name alone, or as an object with one field.
fn case(json: &Json) -> Option<(&str, Option<&Json>)> {
    match json {
        Json::String(name) => Some((name, None)),
        Json::Object(fields) if fields.len() == 1 => {
            fields.iter().next().map(|(name, value)| (name.as_str(), Some(value)))
        }
        Json::Object(_) | Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) => None,
    }
}

/// A type's word: `list` of `list<u8>`.
fn head(kind: &str) -> &str {
    kind.split_once('<').map_or(kind, |(head, _)| head)
}

/// What stands between a type's outermost brackets.
fn inside(kind: &str) -> Option<&str> {
    kind.split_once('<').and_then(|(_, rest)| rest.strip_suffix('>'))
}

/// The items of a list of types.
fn items(text: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0_usize, 0, Vec::new());
    for (at, c) in text.char_indices() {
        match c {
            '<' | '(' => depth += 1,
            '>' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                found.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = text[start..].trim();
    found.extend((!last.is_empty()).then_some(last));
    found
}

/// A name and, if it has one, its type.
fn named(item: &str) -> (&str, Option<&str>) {
    item.split_once(": ").map_or((item, None), |(name, kind)| (name, Some(kind)))
}

/// A value in one line, in the notation that the component model uses for values. Text is quoted and escaped, so it steers no terminal.
pub(super) fn show(value: &Value) -> String {
    let mut text = String::new();
    write_value(value, &mut text);
    text
}

fn write_value(value: &Value, out: &mut String) {
    fn list<'v>(out: &mut String, around: (&str, &str), values: impl Iterator<Item = (Option<&'v str>, &'v Value)>) {
        out.push_str(around.0);
        for (i, (name, value)) in values.enumerate() {
            out.push_str(if i > 0 { ", " } else { "" });
            if let Some(name) = name {
                let _ = write!(out, "{}: ", name.escape_debug());
            }
            write_value(value, out);
        }
        out.push_str(around.1);
    }
    fn held(out: &mut String, name: &str, holds: Option<&Value>) {
        let _ = write!(out, "{}", name.escape_debug());
        if let Some(value) = holds {
            list(out, ("(", ")"), std::iter::once((None, value)));
        }
    }
    let _ = match value {
        Value::I32(number) | Value::S32(number) => write!(out, "{number}"),
        Value::I64(number) | Value::S64(number) => write!(out, "{number}"),
        Value::S8(number) => write!(out, "{number}"),
        Value::U8(number) => write!(out, "{number}"),
        Value::S16(number) => write!(out, "{number}"),
        Value::U16(number) => write!(out, "{number}"),
        Value::U32(number) => write!(out, "{number}"),
        Value::U64(number) => write!(out, "{number}"),
        Value::Bool(flag) => write!(out, "{flag}"),
        Value::F32(number) => write!(out, "{number:?}"),
        Value::F64(number) => write!(out, "{number:?}"),
        Value::Char(letter) => write!(out, "{letter:?}"),
        Value::String(text) => write!(out, "{text:?}"),
        Value::Bytes(bytes) => write!(out, "{bytes:?}"),
        Value::Enum(name) => write!(out, "{}", name.escape_debug()),
        Value::Flags(names) => write!(out, "{{{}}}", names.join(", ").escape_debug()),
        Value::Resource => write!(out, "resource"),
        Value::List(values) => return list(out, ("[", "]"), values.iter().map(|value| (None, value))),
        Value::Tuple(values) => return list(out, ("(", ")"), values.iter().map(|value| (None, value))),
        Value::Record(fields) => {
            return list(out, ("{", "}"), fields.iter().map(|(name, value)| (Some(name.as_str()), value)));
        }
        Value::Map(pairs) => {
            out.push('[');
            for (i, (key, value)) in pairs.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                list(out, ("(", ")"), [(None, key), (None, value)].into_iter());
            }
            out.push(']');
            return;
        }
        Value::Variant(name, holds) => return held(out, name, holds.as_deref()),
        Value::Option(None) => write!(out, "none"),
        Value::Option(Some(value)) => return held(out, "some", Some(value)),
        Value::Ok(holds) => return held(out, "ok", holds.as_deref()),
        Value::Err(holds) => return held(out, "err", holds.as_deref()),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(component: bool, name: &str, kind: &str) -> Interface {
        let mut found = Interface::default();
        found.component = component;
        found.exports.insert(name.into(), kind.into());
        found
    }

    #[test]
    fn parameters_are_read_from_the_interface() {
        let core = interface(false, "add", "func(i32, i64) -> (f32)");
        assert_eq!(parameters(&core, "add"), Some(vec!["i32".into(), "i64".into()]));
        assert_eq!(parameters(&core, "sub"), None);
        let kind = "func(a: list<tuple<u8, string>>, b: record<x: u32, y: option<u8>>) -> string";
        let component = interface(true, "example:a/b#f", kind);
        let wanted = vec!["list<tuple<u8, string>>".to_owned(), "record<x: u32, y: option<u8>>".to_owned()];
        assert_eq!(parameters(&component, "f"), Some(wanted.clone()));
        assert_eq!(parameters(&component, "example:a/b#f"), Some(wanted));
        assert_eq!(parameters(&interface(false, "f", "func() -> ()"), "f"), Some(Vec::new()));
        assert_eq!(parameters(&interface(true, "f", "func(a: record<x: u32, .."), "f"), None);
    }

    #[test]
    fn arguments_are_read_as_their_types_say() {
        assert_eq!(read("5", "i32"), Ok(Value::I32(5)));
        assert_eq!(read("0xffff_ffff", "i32"), Ok(Value::I32(-1)));
        assert_eq!(read("-1", "i64"), Ok(Value::I64(-1)));
        assert_eq!(read("18446744073709551615", "i64"), Ok(Value::I64(-1)));
        assert_eq!(read("1e3", "f64"), Ok(Value::F64(1000.0)));
        assert_eq!(read("5", "string"), Ok(Value::String("5".into())));
        assert_eq!(read("true", "bool"), Ok(Value::Bool(true)));
        assert_eq!(read("[1, 2]", "list<u8>"), Ok(Value::List(vec![Value::U64(1), Value::U64(2)])));
        assert_eq!(read("red", "enum<red, blue>"), Ok(Value::Enum("red".into())));
        assert_eq!(read("null", "option<u8>"), Ok(Value::Option(None)));
        let ok = Value::Ok(Some(Box::new(Value::U64(1))));
        assert_eq!(read(r#"{"ok": 1}"#, "result<ok: u8, err: string>"), Ok(ok));
        let record = Value::Record(vec![("x".into(), Value::U64(1)), ("y".into(), Value::Option(None))]);
        assert_eq!(read(r#"{"y": null, "x": 1}"#, "record<x: u32, y: option<u8>>"), Ok(record));
    }

    #[test]
    fn an_argument_that_does_not_fit_is_an_error() {
        for (text, kind) in [
            ("4294967296", "i32"),
            ("five", "i32"),
            ("0x-5", "i32"),
            ("--5", "i32"),
            ("", "i64"),
            ("256", "u8"),
            ("-1", "u64"),
            ("128", "s8"),
            ("ab", "char"),
            ("1", "externref"),
            ("[1", "list<u8>"),
            ("[300]", "list<u8>"),
            (r#"{"x": 1, "z": 2}"#, "record<x: u32>"),
            ("{}", "record<x: u32>"),
            ("green", "variant<red, blue: u8>"),
            ("blue", "variant<red, blue: u8>"),
            ("[1, 2, 3]", "tuple<u8, u8>"),
            ("1", "own"),
        ] {
            assert!(read(text, kind).is_err(), "{text} as {kind}");
        }
        // A hostile type is no deeper than we follow.
        let deep = format!("{}u8{}", "option<".repeat(100), ">".repeat(100));
        assert!(read("1", &deep).is_err());
    }

    #[test]
    fn arguments_without_a_type_are_guessed() {
        assert_eq!(guess("5"), Value::I64(5));
        assert_eq!(guess("0.5"), Value::F64(0.5));
        assert_eq!(guess("true"), Value::Bool(true));
        assert_eq!(guess("five"), Value::String("five".into()));
    }

    #[test]
    fn results_are_shown_in_one_line_that_steers_no_terminal() {
        assert_eq!(show(&Value::I32(-1)), "-1");
        assert_eq!(show(&Value::String("a\u{1b}[31m\n\u{202e}".into())), r#""a\u{1b}[31m\n\u{202e}""#);
        let nested = Value::Record(vec![
            ("a".into(), Value::List(vec![Value::U8(1), Value::U8(2)])),
            ("b".into(), Value::Variant("case".into(), Some(Box::new(Value::Option(None))))),
            ("c".into(), Value::Tuple(vec![Value::F64(1.0), Value::Ok(None)])),
        ]);
        assert_eq!(show(&nested), "{a: [1, 2], b: case(none), c: (1.0, ok)}");
    }
}
