//! Templates and attacks from their files, by the one reader that policies have.

use gauntlet_policy::document::{self, Node, Value as Tree};
use gauntlet_policy::{Fault, Reader};
use gauntlet_record::{Cause, Unit};
use serde_json::{Map, Value};

use crate::attack::{Attack, Key, Obtains, Program, Request, Send, Step};
use crate::template::Template;

/// Where the attacks are in the corpus.
const ATTACKS: &str = "http/attacks/";
/// Where the attacks are whose guests are scripts.
const SCRIPTS: &str = "services/";
/// Most repetitions of anything.
const MOST: u64 = 100_000;

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`{file}` has faults: {}", .faults.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("; "))]
pub struct FileError {
    /// The file.
    pub file: String,
    /// Its text.
    pub text: String,
    /// What is wrong.
    pub faults: Vec<Fault>,
}

/// Reads a template.
///
/// # Errors
///
/// All faults of the text.
pub fn template(name: &str, text: &str) -> Result<Template, FileError> {
    with(name, text, |reader, node| read_template(reader, name, node))
}

/// Reads an attack. `id` is its name in reports.
///
/// # Errors
///
/// All faults of the text.
pub fn attack(id: &str, file: &str, text: &str) -> Result<Attack, FileError> {
    with(file, text, |reader, node| read_attack(reader, id, file, node))
}

/// The attacks of a table of files, in its order.
///
/// # Errors
///
/// At the first file that has faults.
pub fn attacks(files: &[(&str, &[u8])]) -> Result<Vec<Attack>, FileError> {
    let mut out = Vec::new();
    for (path, bytes) in files {
        let Some(name) = path.strip_prefix(ATTACKS).and_then(|path| path.strip_suffix(".yaml")) else { continue };
        let text = String::from_utf8_lossy(bytes);
        out.push(attack(&format!("http/{name}"), &format!("attacks/{path}"), &text)?);
    }
    for (path, bytes) in files {
        let Some(name) = path.strip_prefix(SCRIPTS).and_then(|path| path.strip_suffix("/attack.yaml")) else {
            continue;
        };
        out.extend(scripts(name, &format!("attacks/{path}"), &String::from_utf8_lossy(bytes), files)?);
    }
    Ok(out)
}

/// An attack of the corpus whose guest is a script, as it is sent to a service: one for each language that it is written in. What it wants
/// is measured inside of a host in the corpus; from outside, it must get nothing that no program gets.
fn scripts(name: &str, file: &str, text: &str, files: &[(&str, &[u8])]) -> Result<Vec<Attack>, FileError> {
    let node =
        document::parse(text).map_err(|faults| FileError { file: file.to_owned(), text: text.to_owned(), faults })?;
    let scalar = |key: &str| match node.get(key).map(|node| &node.value) {
        Some(Tree::Scalar { text, .. }) => text.clone(),
        Some(Tree::Mapping(_) | Tree::Sequence(_)) | None => String::new(),
    };
    let listed = |key: &str| match node.get(key).map(|node| &node.value) {
        Some(Tree::Sequence(items)) => items
            .iter()
            .filter_map(|item| match &item.value {
                Tree::Scalar { text, .. } => Some(text.clone()),
                Tree::Mapping(_) | Tree::Sequence(_) => None,
            })
            .collect(),
        Some(Tree::Scalar { .. } | Tree::Mapping(_)) | None => Vec::new(),
    };
    let mut contained_by: Vec<Cause> = listed("contained-by").iter().filter_map(|word| word.parse().ok()).collect();
    contained_by.push(Cause::NotShown);
    let mut out = Vec::new();
    for (language, extension) in [("python", "py"), ("javascript", "js")] {
        let path = format!("{SCRIPTS}{name}/attack.{extension}");
        let Some((_, code)) = files.iter().find(|(file, _)| *file == path) else { continue };
        let code = String::from_utf8_lossy(code).replace("@NONCE@", "{{nonce}}");
        let program = Program { language: language.to_owned(), code, stdin: String::new(), more: Vec::new() };
        out.push(Attack {
            id: format!("services/{name}#{language}"),
            title: scalar("title"),
            why: scalar("why"),
            weakness: scalar("weakness"),
            needs: Some(language.to_owned()),
            needs_key: false,
            steps: vec![Step { send: Send::Program(Box::new(program)), times: 1, at_once: 1, key: Key::Given }],
            obtains: Obtains::Beyond,
            obtains_text: "what no program gets: files of the host, 32 MiB of answer, 45 s, or an outage".to_owned(),
            contained_by: contained_by.clone(),
            subjects: listed("proves"),
            references: listed("references"),
            file: file.to_owned(),
        });
    }
    Ok(out)
}

fn with<T>(file: &str, text: &str, read: impl FnOnce(&mut Reader, &Node) -> Option<T>) -> Result<T, FileError> {
    let failed = |faults| FileError { file: file.to_owned(), text: text.to_owned(), faults };
    let node = document::parse(text).map_err(failed)?;
    let mut reader = Reader::default();
    match read(&mut reader, &node) {
        Some(value) if reader.faults.is_empty() => Ok(value),
        _ => Err(failed(reader.faults)),
    }
}

fn read_template(reader: &mut Reader, name: &str, node: &Node) -> Option<Template> {
    let keys =
        ["kind", "name", "engine", "path", "headers", "body", "key", "languages", "knows", "answer", "notes", "status"];
    let entries = reader.entries("service", node, &keys);
    let mut template = Template {
        name: name.to_owned(),
        engine: "unknown".to_owned(),
        path: String::new(),
        headers: Vec::new(),
        body: Value::Null,
        key: None,
        languages: Vec::new(),
        knows: Vec::new(),
        stdout: String::new(),
        cause: None,
    };
    for entry in entries {
        let value = &entry.value;
        match entry.key.value.as_str() {
            "kind" => _ = reader.word("kind", value, &[("http", ())]),
            "name" => template.name = reader.text("name", value)?.value,
            "engine" => template.engine = reader.text("engine", value)?.value,
            "path" => template.path = reader.text("path", value)?.value,
            "headers" => template.headers = pairs(reader, "headers", value)?,
            "body" => template.body = json(value),
            "key" => template.key = pairs(reader, "key", value)?.into_iter().next(),
            "languages" => template.languages = pairs(reader, "languages", value)?,
            "knows" => template.knows = reader.texts("knows", value).into_iter().map(|text| text.value).collect(),
            "answer" => {
                for entry in reader.entries("answer", value, &["stdout", "cause"]) {
                    let pointer = reader.text("answer", &entry.value)?.value;
                    if entry.key.value == "stdout" {
                        template.stdout = pointer;
                    } else {
                        template.cause = Some(pointer);
                    }
                }
            }
            _ => {}
        }
    }
    for (what, missing) in [
        ("path", !template.path.starts_with('/')),
        ("body", !template.body.is_object()),
        ("languages", template.languages.is_empty()),
        ("answer.stdout", !template.stdout.starts_with('/')),
    ] {
        if missing {
            reader.fault(
                "missing-key",
                format!("a service has a `{what}`"),
                "See the template that ships with the program.",
                node.span,
            );
        }
    }
    Some(template)
}

fn read_attack(reader: &mut Reader, id: &str, file: &str, node: &Node) -> Option<Attack> {
    let keys = [
        "title",
        "why",
        "weakness",
        "needs",
        "needs-key",
        "steps",
        "obtains",
        "contained-by",
        "subjects",
        "references",
    ];
    let entries = reader.entries("attack", node, &keys);
    let (mut title, mut why, mut weakness) = (String::new(), String::new(), String::new());
    let (mut needs, mut needs_key, mut steps, mut obtains) = (None, false, Vec::new(), None);
    let (mut contained_by, mut subjects, mut references) = (Vec::new(), Vec::new(), Vec::new());
    for entry in entries {
        let value = &entry.value;
        match entry.key.value.as_str() {
            "title" => title = reader.text("title", value)?.value,
            "why" => why = reader.text("why", value)?.value,
            "weakness" => weakness = reader.text("weakness", value)?.value,
            "needs" => needs = Some(reader.text("needs", value)?.value),
            "needs-key" => needs_key = reader.boolean("needs-key", value)?.value,
            "steps" => steps = reader.items("steps", value).iter().filter_map(|item| step(reader, item)).collect(),
            "obtains" => obtains = read_obtains(reader, value),
            "contained-by" => {
                for text in reader.texts("contained-by", value) {
                    match text.value.parse::<Cause>() {
                        Ok(cause) => contained_by.push(cause),
                        Err(error) => reader.fault("unknown-value", error.to_string(), "", text.span),
                    }
                }
            }
            "subjects" => subjects = reader.texts("subjects", value).into_iter().map(|text| text.value).collect(),
            "references" => references = reader.texts("references", value).into_iter().map(|text| text.value).collect(),
            _ => {}
        }
    }
    for (what, missing) in [
        ("title", title.is_empty()),
        ("why", why.is_empty()),
        ("weakness", weakness.is_empty()),
        ("steps", steps.is_empty()),
        ("contained-by", contained_by.is_empty()),
    ] {
        if missing {
            reader.fault("missing-key", format!("an attack has `{what}`"), "", node.span);
        }
    }
    let Some((obtains, obtains_text)) = obtains else {
        reader.fault("missing-key", "an attack has `obtains`", "", node.span);
        return None;
    };
    Some(Attack {
        id: id.to_owned(),
        title,
        why,
        weakness,
        needs,
        needs_key,
        steps,
        obtains,
        obtains_text,
        contained_by,
        subjects,
        references,
        file: file.to_owned(),
    })
}

fn step(reader: &mut Reader, node: &Node) -> Option<Step> {
    let (mut send, mut times, mut at_once, mut key) = (None, 1, 1, Key::Given);
    for entry in reader.entries("step", node, &["run", "request", "times", "at-once", "key"]) {
        let value = &entry.value;
        match entry.key.value.as_str() {
            "run" => send = Some(Send::Program(Box::new(program(reader, value)?))),
            "request" => send = Some(Send::Request(request(reader, value)?)),
            "times" => times = count(reader, "times", value)?,
            "at-once" => at_once = count(reader, "at-once", value)?,
            "key" => {
                let words = [("given", Key::Given), ("wrong", Key::Wrong), ("none", Key::None)];
                key = reader.word("key", value, &words)?.value;
            }
            _ => {}
        }
    }
    let Some(send) = send else {
        reader.fault("missing-key", "a step has `run` or `request`", "", node.span);
        return None;
    };
    Some(Step { send, times, at_once, key })
}

fn program(reader: &mut Reader, node: &Node) -> Option<Program> {
    let (mut language, mut code, mut stdin, mut more) = (String::new(), String::new(), String::new(), Vec::new());
    for entry in reader.entries("run", node, &["language", "code", "stdin", "more"]) {
        let value = &entry.value;
        match entry.key.value.as_str() {
            "language" => language = reader.text("language", value)?.value,
            "code" => code = reader.text("code", value)?.value,
            "stdin" => stdin = reader.text("stdin", value)?.value,
            _ => match json(value) {
                Value::Object(members) => more = members.into_iter().collect(),
                _ => reader.wrong(value, "`more` has to be a mapping"),
            },
        }
    }
    if language.is_empty() || code.is_empty() {
        reader.fault("missing-key", "`run` has `language` and `code`", "", node.span);
    }
    if language == "wasm"
        && let Err(error) = wat::parse_str(&code)
    {
        reader.fault("not-wasm", format!("the code is no module: {error}"), "", node.span);
    }
    Some(Program { language, code, stdin, more })
}

fn request(reader: &mut Reader, node: &Node) -> Option<Request> {
    let mut request = Request { method: "GET".into(), path: "/".into(), repeat: 1, ..Request::default() };
    for entry in reader.entries("request", node, &["method", "path", "headers", "body", "repeat", "length", "hold"]) {
        let value = &entry.value;
        match entry.key.value.as_str() {
            "method" => request.method = reader.text("method", value)?.value,
            "path" => request.path = reader.text("path", value)?.value,
            "headers" => {
                // A list, since the order counts and a name may come twice.
                for item in reader.texts("headers", value) {
                    match item.value.split_once(": ") {
                        Some((name, value)) => request.headers.push((name.to_owned(), value.to_owned())),
                        None => reader.fault("wrong-type", "a header is `Name: value`", "", item.span),
                    }
                }
            }
            "body" => request.body = reader.text("body", value)?.value,
            "repeat" => request.repeat = count(reader, "repeat", value)?,
            "length" => request.length = Some(reader.quantity("length", value, Unit::Bytes)?.value),
            _ => request.hold = reader.boolean("hold", value)?.value,
        }
    }
    Some(request)
}

fn count(reader: &mut Reader, what: &str, node: &Node) -> Option<usize> {
    let number = reader.quantity(what, node, Unit::Count)?;
    if !(1..=MOST).contains(&number.value) {
        reader.fault("wrong-type", format!("`{what}` is between 1 and {MOST}"), "", number.span);
        return None;
    }
    usize::try_from(number.value).ok()
}

fn read_obtains(reader: &mut Reader, node: &Node) -> Option<(Obtains, String)> {
    let keys = ["accepted", "guesses", "answer", "time", "canary", "marker", "host-text", "outage"];
    let entry = *reader.entries("obtains", node, &keys).first()?;
    let (name, value) = (entry.key.value.as_str(), &entry.value);
    let text = reader.text(name, value)?.value;
    let above = |reader: &mut Reader, unit| {
        let Some(number) = text.strip_prefix("> ") else {
            reader.wrong(value, &format!("`{name}` is `> NUMBER`"));
            return None;
        };
        match gauntlet_policy::parse_quantity(number, unit) {
            Ok(number) => Some(number),
            Err(error) => {
                reader.wrong(value, &format!("`{name}`: {error}"));
                None
            }
        }
    };
    let obtains = match name {
        "accepted" => Obtains::Accepted(above(reader, Unit::Count)?),
        "guesses" => Obtains::Guesses(above(reader, Unit::Count)?),
        "answer" => Obtains::AnswerBytes(above(reader, Unit::Bytes)?),
        "time" => Obtains::Time(std::time::Duration::from_nanos(above(reader, Unit::Time)?)),
        "canary" => Obtains::Canary,
        "marker" => Obtains::Marker,
        "host-text" => Obtains::HostText,
        _ => Obtains::Outage,
    };
    Some((obtains, format!("{name} {text}")))
}

/// A mapping of texts.
fn pairs(reader: &mut Reader, what: &str, node: &Node) -> Option<Vec<(String, String)>> {
    let Tree::Mapping(entries) = &node.value else {
        reader.wrong(node, &format!("`{what}` has to be a mapping"));
        return None;
    };
    entries.iter().map(|entry| Some((entry.key.value.clone(), reader.text(what, &entry.value)?.value))).collect()
}

/// A node as JSON: plain numbers and booleans are such, everything else is text.
fn json(node: &Node) -> Value {
    match &node.value {
        Tree::Scalar { text, plain: true } => serde_json::from_str(text)
            .ok()
            .filter(|value: &Value| value.is_number() || value.is_boolean())
            .unwrap_or_else(|| Value::from(text.clone())),
        Tree::Scalar { text, plain: false } => Value::from(text.clone()),
        Tree::Sequence(items) => Value::Array(items.iter().map(json).collect()),
        Tree::Mapping(entries) => Value::Object(
            entries.iter().map(|entry| (entry.key.value.clone(), json(&entry.value))).collect::<Map<_, _>>(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_misspelt_is_a_fault_with_its_place() {
        let text = "title: t\nwhy: w\nweakness: CWE-1\nsteps: [{ rum: {} }]\nobtains: { accepted: \"> 1\" }\ncontained-by: [not-shown]\n";
        let error = attack("http/x", "x.yaml", text).unwrap_err();
        assert!(error.faults.iter().any(|fault| fault.message.contains("rum")), "{error}");
        for obtains in ["{ accepted: 1 }", "{ time: \"> 1\" }", "{ loot: yes }", "[]"] {
            let text = format!(
                "title: t\nwhy: w\nweakness: CWE-1\nsteps: [{{ request: {{}} }}]\nobtains: {obtains}\ncontained-by: [not-shown]\n"
            );
            assert!(attack("http/x", "x.yaml", &text).is_err(), "{obtains}");
        }
        assert!(template("t", "kind: http\nname: x\n").is_err());
        assert!(template("t", "kind: carrier-pigeon\n").is_err());
    }
}
