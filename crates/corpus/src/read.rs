//! `attack.yaml` to attacks: the schema of an attack folder.

use gauntlet_policy::document::{self, Node, Value};
use gauntlet_policy::{Fault, Feature, Limit, Policy, Reader, Span, Spanned};
use gauntlet_record::{Cause, DenialKind, Layer, LimitKey};
use wasmparser::{Validator, WasmFeatures};
use wast::parser::ParseBuffer;

use crate::folder::{CorpusError, Folder, is_name};
use crate::generate::Generate;
use crate::model::{Attack, Kind, Live, Obtains, World};
use crate::{controls, obtains, subjects};

const KEYS: &[&str] = &[
    "kind",
    "title",
    "why",
    "weakness",
    "worlds",
    "layers",
    "host",
    "requires",
    "alone",
    "policy",
    "entry",
    "obtains",
    "contained-by",
    "proves",
    "controls",
    "generate",
    "attack",
    "cases",
    "references",
];

/// What is laid over a policy under test or opened in it.
pub(crate) const POLICY_KEYS: &[&str] =
    &["limits", "grants", "features", "modules", "isolation", "deterministic", "on-denial"];

/// One case of an attack, before its files are read.
struct Draft {
    case: Option<Case>,
    attack: Attack,
    attack_file: Option<String>,
    generate: Option<Generate>,
    benign_file: String,
}

struct Case {
    name: String,
    set: Vec<(String, String)>,
}

/// Reads the attacks of a folder: one, or one for each case.
pub(crate) fn attacks(folder: &mut Folder<'_>) -> Result<Vec<Attack>, CorpusError> {
    const FILE: &str = "attack.yaml";
    let text = folder.text(FILE, "it says what the attack wants and what has to stop it")?;
    let shown = folder.shown(FILE);
    let faulty = |faults| CorpusError::Faults { file: shown.clone(), text: text.clone(), faults };
    let node = document::parse(&text).map_err(faulty)?;
    let mut reader = Reader::default();
    let cases = cases(&mut reader, &node);
    let mut drafts = Vec::new();
    if cases.is_empty() {
        drafts.extend(draft(&mut reader, &node, folder, None));
    }
    for case in cases {
        let mut node = node.clone();
        for (key, value) in &case.set {
            node.substitute(key, value);
        }
        drafts.extend(draft(&mut reader, &node, folder, Some(case)));
    }
    let mut faults: Vec<Fault> = Vec::new();
    for fault in reader.faults {
        // What is wrong outside the cases is found once for each of them.
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    if !faults.is_empty() {
        faults.sort_by_key(|fault| fault.span);
        return Err(faulty(faults));
    }
    drafts.into_iter().map(|draft| draft.finish(folder)).collect()
}

impl Draft {
    fn finish(mut self, folder: &mut Folder<'_>) -> Result<Attack, CorpusError> {
        let set = self.case.as_ref().map_or(&[][..], |case| &case.set);
        let default = if folder.has("attack.wat") || !folder.has("attack.wasm") { "attack.wat" } else { "attack.wasm" };
        let file = self.attack_file.as_deref().unwrap_or(default);
        self.attack.attack = match (self.generate, self.attack.kind) {
            (Some(generate), _) if !generate.needs_file() => generate.build(Vec::new()),
            (Some(generate), _) => generate.build(guest(folder, file, "it is the guest", set)?),
            (None, Kind::Guest) => guest(folder, file, "it is the guest", set)?,
            (None, Kind::Input) => folder.bytes(file, "it is the input")?.into_owned(),
        };
        self.attack.benign = guest(folder, &self.benign_file, "it is the harmless twin of the guest", set)?;
        Ok(self.attack)
    }
}

/// Reads a guest and assembles it, if it is text.
fn guest(
    folder: &mut Folder<'_>,
    file: &str,
    why: &'static str,
    set: &[(String, String)],
) -> Result<Vec<u8>, CorpusError> {
    let shown = folder.shown(file);
    let (text, bytes) = if has_extension(file, "wat") {
        let mut text = folder.text(file, why)?;
        for (key, value) in set {
            text = text.replace(&format!("{{{{{key}}}}}"), value);
        }
        let assembled = match placeholder(&text) {
            Some(span) => Err(Fault {
                rule: "not-set",
                message: "no case sets this placeholder".into(),
                fix: "Add it to `set`.".into(),
                span,
            }),
            None => assemble(&text),
        };
        match assembled {
            Ok(bytes) => (text, bytes),
            Err(fault) => return Err(CorpusError::Faults { file: shown, text, faults: vec![fault] }),
        }
    } else {
        (String::new(), folder.bytes(file, why)?.into_owned())
    };
    if let Err(error) = Validator::new_with_features(WasmFeatures::all()).validate_all(&bytes) {
        let message =
            format!("the guest does not validate: {} (at byte {} of the module)", error.message(), error.offset());
        let fix = "Mend it, or write `kind: input` if its bytes are the attack.".to_owned();
        let fault = Fault { rule: "not-valid", message, fix, span: Span::of(&text, 0, 0) };
        return Err(CorpusError::Faults { file: shown, text, faults: vec![fault] });
    }
    Ok(bytes)
}

fn assemble(text: &str) -> Result<Vec<u8>, Fault> {
    let assembled = ParseBuffer::new(text).and_then(|buffer| wast::parser::parse::<wast::Wat<'_>>(&buffer)?.encode());
    assembled.map_err(|error| {
        let at = error.span().offset();
        Fault { rule: "not-wat", message: error.message(), fix: String::new(), span: Span::of(text, at, at + 1) }
    })
}

/// The first `{{name}}` that is left in a text.
fn placeholder(text: &str) -> Option<Span> {
    text.match_indices("{{").find_map(|(at, _)| {
        let end = text[at..].find("}}").map(|end| at + end)?;
        is_name(&text[at + 2..end]).then(|| Span::of(text, at, end + 2))
    })
}

fn has_extension(file: &str, extension: &str) -> bool {
    std::path::Path::new(file).extension().is_some_and(|found| found == extension)
}

fn cases(reader: &mut Reader, node: &Node) -> Vec<Case> {
    let Some(list) = node.get("cases") else { return Vec::new() };
    let mut cases: Vec<Case> = Vec::new();
    for item in reader.items("cases", list) {
        let (mut name, mut set) = (None, Vec::new());
        for entry in reader.entries("cases", item, &["name", "set"]) {
            if entry.key.value == "name" {
                name = reader.text("cases.name", &entry.value);
            } else if let Value::Mapping(entries) = &entry.value.value {
                for entry in entries {
                    if let Some(value) = reader.text("cases.set", &entry.value) {
                        set.push((entry.key.value.clone(), value.value));
                    }
                }
            } else {
                reader.wrong(&entry.value, "`cases.set` has to be a mapping of names to values");
            }
        }
        match name {
            None => {
                reader.fault("missing-key", "a case without `name`", "Name it: its id is `class/name#case`.", item.span)
            }
            Some(name) if !is_name(&name.value) => {
                let fix = "Use lower-case letters, digits and `-`.";
                reader.fault("not-a-name", format!("`{}` cannot be a part of an id", name.value), fix, name.span);
            }
            Some(name) if cases.iter().any(|case| case.name == name.value) => {
                reader.fault(
                    "duplicate-case",
                    format!("two cases are called `{}`", name.value),
                    "Rename one.",
                    name.span,
                );
            }
            Some(name) => cases.push(Case { name: name.value, set }),
        }
    }
    cases
}

fn draft(reader: &mut Reader, node: &Node, folder: &Folder<'_>, case: Option<Case>) -> Option<Draft> {
    let entries = reader.entries("attack", node, KEYS);
    let Value::Mapping(all) = &node.value else { return None };
    let start = all.first().map_or(node.span, |entry| entry.key.span);
    for key in ["title", "why", "weakness", "obtains", "contained-by", "controls", "references"] {
        if node.get(key).is_none() {
            reader.fault("missing-key", format!("the attack has no `{key}`"), format!("Add `{key}`."), start);
        }
    }
    let mut out =
        Draft { case, attack: empty(folder), attack_file: None, generate: None, benign_file: "benign.wat".into() };
    if let Some(case) = &out.case {
        out.attack.id = format!("{}#{}", folder.id(), case.name);
    }
    let attack = &mut out.attack;
    let (mut worlds, mut obtained, mut proves, mut live) = (Vec::new(), None, None, None);
    for entry in entries {
        let (key, value) = (entry.key.value.as_str(), &entry.value);
        match key {
            "kind" => attack.kind = kind(reader, value),
            "title" => attack.title = reader.text(key, value).unwrap_or_default().value,
            "why" => attack.why = reader.text(key, value).unwrap_or_default().value,
            "weakness" => attack.weakness = weakness(reader, value),
            "worlds" => {
                worlds = {
                    let words: Vec<(&str, World)> = World::ALL.iter().map(|world| (world.as_str(), *world)).collect();
                    reader.items(key, value).iter().filter_map(|item| reader.word(key, item, &words)).collect()
                };
                if worlds.len() > 1 {
                    let fix = "Write one world, or a list of `cases` that sets it: `worlds: [\"{{world}}\"]`.";
                    reader.fault("several-worlds", "an attack is written for one world", fix, value.span);
                }
            }
            "layers" => {
                let words: Vec<(&str, Layer)> = Layer::ALL.iter().map(|layer| (layer.as_str(), *layer)).collect();
                attack.layers = reader
                    .items(key, value)
                    .iter()
                    .filter_map(|item| reader.word(key, item, &words))
                    .map(|word| word.value)
                    .collect();
            }
            "host" if reader.items(key, value).is_empty() => {}
            "host" => {
                reader.fault("not-supported", "`host` variants are not supported yet", "Remove it.", entry.key.span)
            }
            "requires" => attack.requires = names(reader, key, value),
            "alone" => attack.alone = reader.boolean(key, value).unwrap_or_default().value,
            "policy" => attack.policy = tightening(reader, value),
            "entry" => attack.entry = reader.text(key, value).map(|text| text.value),
            "obtains" => {
                attack.span = entry.key.span;
                obtained = obtains::read(reader, value);
            }
            "contained-by" => attack.contained_by = causes(reader, value),
            "proves" => {
                let known = subjects::keys();
                let words: Vec<(&str, &str)> = known.iter().map(|key| (key.as_str(), key.as_str())).collect();
                let items = reader.items(key, value);
                let named =
                    items.iter().filter_map(|item| reader.word(key, item, &words)).map(|word| word.value.to_owned());
                proves = Some(named.collect());
            }
            "controls" => live = controls::read(reader, value, &mut out.benign_file),
            "generate" => out.generate = Generate::read(reader, value),
            "attack" => out.attack_file = file_name(reader, key, value),
            "references" => {
                let references = reader.texts(key, value);
                for reference in references.iter().filter(|reference| !reference.value.contains("://")) {
                    reader.fault(
                        "not-a-reference",
                        format!("`{}` is not an address", reference.value),
                        "Write a URL.",
                        reference.span,
                    );
                }
                if references.is_empty() {
                    reader.fault(
                        "missing-reference",
                        "no outside reference",
                        "Add a URL of a spec, an advisory or documentation.",
                        value.span,
                    );
                }
                attack.references = references.into_iter().map(|reference| reference.value).collect();
            }
            // `cases`: read before, since they change what stands in the other keys.
            _ => {}
        }
    }
    attack.world = worlds.first().map_or(World::Preview1, |world| world.value);
    if attack.entry.as_ref().is_some_and(|entry| entry != "_start")
        && !attack.requires.iter().any(|name| name == "invoke")
    {
        attack.requires.push("invoke".to_owned());
    }
    if attack.layers.is_empty() {
        for cause in &attack.contained_by {
            if !attack.layers.contains(&cause.layer()) {
                attack.layers.push(cause.layer());
            }
        }
    }
    let (obtained, live) = (obtained?, live?);
    (attack.obtains, attack.obtains_text) = obtained;
    attack.live = live.value;
    if attack.contained_by.contains(&Cause::NoEffect) && !attack.has_live() {
        let fix = "Only a control that succeeds shows that the leak is real: write one, or name another cause.";
        reader.fault("live-missing", "`no-effect` needs a live control", fix, live.span);
    }
    attack.subjects = proves.unwrap_or_else(|| subjects::derive(&attack.class, &attack.contained_by, &attack.live));
    if out.generate.is_some_and(|generate| !generate.needs_file()) && out.attack_file.is_some() {
        reader.fault("unknown-key", "`attack` beside a `generate` that reads no file", "Remove one of them.", start);
    }
    Some(out)
}

fn empty(folder: &Folder<'_>) -> Attack {
    Attack {
        id: folder.id(),
        class: folder.class.clone(),
        title: String::new(),
        why: String::new(),
        weakness: String::new(),
        kind: Kind::Guest,
        world: World::Preview1,
        layers: Vec::new(),
        requires: Vec::new(),
        alone: false,
        policy: Policy::default(),
        entry: None,
        obtains: Obtains::HostDeath,
        obtains_text: String::new(),
        contained_by: Vec::new(),
        live: Live::None(String::new()),
        attack: Vec::new(),
        benign: Vec::new(),
        references: Vec::new(),
        subjects: Vec::new(),
        file: folder.shown("attack.yaml"),
        span: Span::default(),
    }
}

fn kind(reader: &mut Reader, node: &Node) -> Kind {
    let words = [("guest", Some(Kind::Guest)), ("input", Some(Kind::Input)), ("sequence", None)];
    match reader.word("kind", node, &words) {
        Some(Spanned { value: Some(kind), .. }) => kind,
        Some(Spanned { span, .. }) => {
            reader.fault("not-supported", "`kind: sequence` is not supported yet", "Write `guest` or `input`.", span);
            Kind::Guest
        }
        None => Kind::Guest,
    }
}

fn weakness(reader: &mut Reader, node: &Node) -> String {
    let Some(text) = reader.text("weakness", node) else { return String::new() };
    let number = text.value.strip_prefix("CWE-").unwrap_or_default();
    if number.is_empty() || number.starts_with('0') || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        reader.fault("not-a-weakness", format!("`{}` is not a CWE", text.value), "Write it like `CWE-770`.", text.span);
    }
    text.value
}

/// Lower-case names, such as those of proposals and features of targets.
fn names(reader: &mut Reader, what: &str, node: &Node) -> Vec<String> {
    let texts = reader.texts(what, node);
    for text in texts.iter().filter(|text| !is_name(&text.value)) {
        let fix = "Use lower-case letters, digits and `-`.";
        reader.fault("not-a-name", format!("`{what}`: `{}` is not a name", text.value), fix, text.span);
    }
    texts.into_iter().map(|text| text.value).collect()
}

/// The name of a file in the attack's folder.
pub(crate) fn file_name(reader: &mut Reader, what: &str, node: &Node) -> Option<String> {
    let text = reader.text(what, node)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.value.starts_with('.') || text.value.is_empty() || !text.value.chars().all(plain) {
        let message = format!("`{what}`: `{}` is not the name of a file in this folder", text.value);
        reader.fault("not-a-file", message, "Write a plain name: an attack is one folder.", text.span);
        return None;
    }
    Some(text.value)
}

/// The policy that is laid over the one under test: it lowers limits, turns proposals off, adds grants of the fixture and ends runs at
/// the first denial.
fn tightening(reader: &mut Reader, node: &Node) -> Policy {
    reader.entries("policy", node, &["limits", "grants", "features", "modules", "deterministic", "on-denial"]);
    let policy = part(reader, node);
    let fix = "Move it to `controls.live`: what is laid over the policy under test only tightens.";
    for key in LimitKey::ALL {
        if let Limit::Unlimited(span) = policy.limits.get(*key) {
            reader.fault("opens-policy", format!("`policy` lifts `limits.{key}`"), fix, span);
        }
    }
    for feature in Feature::ALL {
        if let Some((true, span)) = policy.features.named(*feature) {
            reader.fault("opens-policy", format!("`policy` allows `features.{}`", feature.as_str()), fix, span);
        }
    }
    policy
}

/// The part of a policy that a mapping holds; other keys have been seen to by the caller.
pub(crate) fn part(reader: &mut Reader, node: &Node) -> Policy {
    let Value::Mapping(entries) = &node.value else { return Policy::default() };
    let entries = entries.iter().filter(|entry| POLICY_KEYS.contains(&entry.key.value.as_str())).cloned().collect();
    reader.policy(&Node { span: node.span, value: Value::Mapping(entries) }, false)
}

fn causes(reader: &mut Reader, node: &Node) -> Vec<Cause> {
    let all = LimitKey::ALL
        .iter()
        .map(|key| Cause::Limit(*key))
        .chain(DenialKind::ALL.iter().map(|kind| Cause::Denied(*kind)));
    let others = [
        Cause::RefusedModule,
        Cause::RefusedDigest,
        Cause::RefusedPolicy,
        Cause::RefusedTenant,
        Cause::EscapedText,
        Cause::KilledParent,
        Cause::KilledOs,
        Cause::NoEffect,
        Cause::NotShown,
    ];
    let words: Vec<(String, Cause)> = all.chain(others).map(|cause| (cause.to_string(), cause)).collect();
    let words: Vec<(&str, Cause)> = words.iter().map(|(word, cause)| (word.as_str(), *cause)).collect();
    let mut found = Vec::new();
    let items = reader.items("contained-by", node);
    for item in items {
        let Some(word) = reader.word("contained-by", item, &words) else { continue };
        if word.value == Cause::NotShown {
            let fix = "Name what the host has to see; the runner says itself where a target shows nothing.";
            reader.fault("not-a-cause", "`not-shown` contains nothing", fix, word.span);
        }
        found.push(word.value);
    }
    if items.is_empty() && matches!(node.value, Value::Sequence(_)) {
        reader.fault(
            "no-cause",
            "`contained-by` is empty",
            "Name at least one cause, for example `limit-memory`.",
            node.span,
        );
    }
    found
}
