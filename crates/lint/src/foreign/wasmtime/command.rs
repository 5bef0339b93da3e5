//! A line or shell script that calls the `wasmtime` command.

use std::ops::Range;

use gauntlet_policy::document::{Entry, Node, Value};
use gauntlet_policy::{Access, Fault, Reader, Scope, Span, Spanned};

use super::{Setting, Settings};
use crate::foreign::locate::Locator;
use crate::foreign::part::{Carry, Part};
use crate::foreign::shell::{self, Word};

/// Most calls of one script: each is judged on its own.
const MOST_CALLS: usize = 256;
/// What may stand before the name of a command.
const WRAPPERS: &[&str] =
    &["$", "exec", "sudo", "time", "env", "command", "nohup", "nice", "timeout", "then", "do", "else", "!"];
/// Subcommands that run a guest.
const RUNS: &[&str] = &["run", "serve"];
/// Subcommands that run none.
const OTHERS: &[&str] =
    &["compile", "config", "explore", "settings", "wast", "help", "completion", "objdump", "hot-blocks", "wizer"];
/// Options whose value is the next word unless `=` joins it.
const WITH_VALUE: &[&str] = &[
    "--dir",
    "--mapdir",
    "--env",
    "--config",
    "--invoke",
    "--argv0",
    "--preload",
    "--target",
    "--addr",
    "--shutdown-addr",
    "--tcplisten",
    "--wasm",
    "--wasi",
    "--optimize",
    "--codegen",
    "--debug",
    "--fuel",
    "--wasm-timeout",
    "--max-wasm-stack",
    "--max-memory-size",
    "--max-table-elements",
    "--max-instances",
    "--wasm-features",
    "--wasi-modules",
    "--profile",
    "-S",
    "-W",
    "-O",
    "-C",
    "-D",
];

/// Whether a text calls the command to run a guest.
pub(in crate::foreign) fn is_one(text: &str) -> bool {
    shell::commands(text).is_some_and(|commands| commands.iter().any(|command| call(command).is_some()))
}

pub(in crate::foreign) fn read(text: &str) -> Result<Vec<Part>, Vec<Fault>> {
    let mut reader = Reader { faults: gauntlet_policy::document::invisible(text) };
    let locator = Locator::of(text);
    let Some(commands) = shell::commands(text) else {
        reader.fault("file-too-large", "more words than a script has", "", locator.span(0, 1));
        return Err(reader.faults);
    };
    let mut parts = Vec::new();
    for (name, words) in commands.iter().filter_map(|command| call(command)) {
        if parts.len() >= MOST_CALLS {
            let at = locator.span(name.at.start, name.at.end);
            reader.fault("file-too-large", format!("more than {MOST_CALLS} calls"), "", at);
            break;
        }
        parts.push(Call { locator: &locator, reader: &mut reader, settings: Settings::default() }.read(name, words));
    }
    if reader.faults.is_empty() { Ok(parts) } else { Err(reader.faults) }
}

/// The options as keys and values: what fingerprints are made of, and which values are never shown.
pub(in crate::foreign) fn tree(text: &str) -> Node {
    let locator = Locator::of(text);
    let at = |range: &Range<usize>| locator.span(range.start, range.end);
    let mut calls = Vec::new();
    for (name, words) in shell::commands(text).unwrap_or_default().iter().filter_map(|command| call(command)) {
        let mut entries = Vec::new();
        for option in options(words) {
            let span = at(&option.value.as_ref().map_or(option.word.clone(), |(_, range)| range.clone()));
            let text = option.value.as_ref().map_or("", |(text, _)| *text);
            // What follows `NAME=` is a value of the environment, and hidden as those of our own policies are.
            let environment = option.name == "--env";
            let hidden = text.split_once('=').filter(|_| environment).map(|(name, value)| {
                // Between quotes nothing tells where it begins.
                let plain = option.holder.at.len() == option.holder.text.len();
                let start = if plain { span.end.saturating_sub(value.len()).max(span.start) } else { span.start };
                (name, locator.span(start, span.end), value)
            });
            let value = match hidden {
                Some((name, place, value)) => {
                    let value = Node { span: place, value: Value::Scalar { text: value.to_owned(), plain: false } };
                    let key = Spanned { value: name.to_owned(), span };
                    Node { span, value: Value::Mapping(vec![Entry { key, value }]) }
                }
                None => Node { span, value: Value::Scalar { text: text.to_owned(), plain: false } },
            };
            let name = if environment { "environment" } else { option.name };
            entries.push(Entry { key: Spanned { value: name.to_owned(), span: at(&option.word) }, value });
        }
        let scalar =
            |word: &Word| Node { span: at(&word.at), value: Value::Scalar { text: word.text.clone(), plain: false } };
        let rest: Vec<Node> = split(words).1.iter().map(scalar).collect();
        let key = Spanned { value: "arguments".to_owned(), span: at(&name.at) };
        entries.push(Entry { key, value: Node { span: at(&name.at), value: Value::Sequence(rest) } });
        calls.push(Node { span: at(&name.at), value: Value::Mapping(entries) });
    }
    Node { span: locator.span(0, text.len()), value: Value::Sequence(calls) }
}

/// The name of the command and the words behind it and its subcommand; `None` if this runs no guest.
fn call(command: &[Word]) -> Option<(&Word, &[Word])> {
    let prefix = |word: &Word| {
        let assignment = word.text.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        });
        assignment
            || WRAPPERS.contains(&word.text.as_str())
            || word.text.starts_with('-')
            || word.text.starts_with(|c: char| c.is_ascii_digit())
    };
    let at = command.iter().position(|word| !prefix(word))?;
    let name = &command[at];
    let base = name.text.rsplit(['/', '\\']).next().unwrap_or_default();
    if !matches!(base, "wasmtime" | "wasmtime.exe" | "$WASMTIME" | "${WASMTIME}") {
        return None;
    }
    let words = &command[at + 1..];
    match words.first().map(|word| word.text.as_str()) {
        Some(word) if RUNS.contains(&word) => Some((name, &words[1..])),
        Some(word) if OTHERS.contains(&word) => None,
        Some("--version" | "-V" | "--help" | "-h") | None => None,
        Some(_) => Some((name, words)),
    }
}

/// An option, its value, and where both stand.
struct Written<'w> {
    name: &'w str,
    value: Option<(&'w str, Range<usize>)>,
    word: Range<usize>,
    /// The word that holds the value, for parts of it.
    holder: &'w Word,
    /// Where the value begins in that word's text.
    offset: usize,
}

/// The options before the module. What comes behind is the guest's.
fn options(words: &[Word]) -> Vec<Written<'_>> {
    split(words).0
}

fn split(words: &[Word]) -> (Vec<Written<'_>>, &[Word]) {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let text = word.text.as_str();
        if text == "--" {
            return (found, words.get(at + 1..).unwrap_or_default());
        }
        if !text.starts_with('-') || text == "-" {
            return (found, &words[at..]);
        }
        at += 1;
        let joined = if text.starts_with("--") {
            text.split_once('=').map(|(name, value)| (name, value, name.len() + 1))
        } else {
            // `-Sx` and `-S=x` are `-S x`.
            let end = text.char_indices().nth(2).map_or(text.len(), |(at, _)| at);
            let (name, value) = text.split_at(end);
            let value_at = end + usize::from(value.starts_with('='));
            (!value.is_empty()).then(|| (name, &text[value_at..], value_at))
        };
        if let Some((name, value, offset)) = joined {
            let range = word.part(offset..text.len());
            found.push(Written { name, value: Some((value, range)), word: word.at.clone(), holder: word, offset });
        } else if let Some(next) = words.get(at).filter(|_| WITH_VALUE.contains(&text)) {
            at += 1;
            let value = Some((next.text.as_str(), next.at.clone()));
            found.push(Written { name: text, value, word: word.at.clone(), holder: next, offset: 0 });
        } else {
            found.push(Written { name: text, value: None, word: word.at.clone(), holder: word, offset: 0 });
        }
    }
    (found, &[])
}

struct Call<'a, 't> {
    locator: &'a Locator<'t>,
    reader: &'a mut Reader,
    settings: Settings,
}

impl Call<'_, '_> {
    fn read(mut self, name: &Word, words: &[Word]) -> Part {
        let at = self.span(&name.at);
        let (options, rest) = split(words);
        let module = rest.first().map(|word| word.text.clone()).unwrap_or_default();
        let mut part = Part::new(&module, at);
        let mut configured = false;
        for option in &options {
            configured |= option.name == "--config";
            self.option(option, &mut part);
        }
        for argument in rest.iter().skip(1) {
            let argument = Spanned { value: argument.text.clone(), span: self.span(&argument.at) };
            if argument.value.contains(['$', '`']) {
                part.left("an argument", "only the shell knows its value", argument.span);
            } else {
                part.import.grants.arguments.push(argument.clone());
            }
            part.policy.grants.arguments.push(argument);
        }
        // The file that `--config` names may hold them.
        if configured {
            part.left("`--config`", "import that file, too", at);
        } else {
            self.settings.finish(at, &mut part);
        }
        part
    }

    fn span(&self, range: &Range<usize>) -> Span {
        self.locator.span(range.start, range.end)
    }

    fn option(&mut self, option: &Written<'_>, part: &mut Part) {
        let word = self.span(&option.word);
        let Some((value, range)) = option.value.clone() else {
            if option.name == "--allow-precompiled" {
                part.policy.modules.precompiled = Spanned { value: true, span: word };
                part.left("`--allow-precompiled`", "our executor never loads precompiled code", word);
            }
            return;
        };
        let span = self.span(&range);
        match option.name {
            "--dir" => {
                let (host, guest) = value.split_once("::").map_or((value, None), |(host, guest)| (host, Some(guest)));
                self.directory(host, guest, span, part);
            }
            // Before release 14 the guest's side came first.
            "--mapdir" => {
                let (guest, host) = value.split_once("::").unwrap_or((value, value));
                self.directory(host, Some(guest), span, part);
            }
            "--env" => variable(value, span, part),
            "--tcplisten" | "--addr" if option.name == "--tcplisten" => {
                let address = Spanned { value: value.to_owned(), span };
                part.network(Scope::Listen, address, Carry::Not("our executor lets no guest listen"));
            }
            "-W" | "--wasm" | "-S" | "--wasi" => {
                let mut from = option.offset;
                for item in value.split(',') {
                    let range = option.holder.part(from..from + item.len());
                    from += item.len() + 1;
                    let (name, value) = item.split_once('=').map_or((item, None), |(name, value)| (name, Some(value)));
                    let wasi = matches!(option.name, "-S" | "--wasi");
                    let span = self.span(&range);
                    self.settings.take(&Setting { wasi, name, value, span }, self.reader, part);
                }
            }
            // Before release 14 limits were options of their own.
            "--fuel"
            | "--wasm-timeout"
            | "--max-wasm-stack"
            | "--max-memory-size"
            | "--max-table-elements"
            | "--max-instances" => {
                let name = if option.name == "--wasm-timeout" { "timeout" } else { &option.name[2..] };
                let setting = Setting { wasi: false, name, value: Some(value), span };
                self.settings.take(&setting, self.reader, part);
            }
            _ => {}
        }
    }

    fn directory(&self, host: &str, guest: Option<&str>, span: Span, part: &mut Part) {
        let at = |value: &str| Spanned { value: value.to_owned(), span };
        // The command knows no other access.
        part.file(at(host), guest.map(at), Spanned { value: Access::ReadWrite, span }, span);
    }
}

fn variable(text: &str, span: Span, part: &mut Part) {
    let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
    let name = Spanned { value: name.to_owned(), span };
    let carry = match value {
        None => Carry::Not("its value comes from the caller's environment; write it out"),
        Some(value) if value.contains(['$', '`']) => Carry::Not("only the shell knows its value"),
        Some(_) => Carry::Same,
    };
    let value = Spanned { value: value.unwrap_or_default().to_owned(), span };
    part.variable(name, value, carry);
}
