//! What a policy builds on: `extends: <preset>`, or a file in the policy's own folder or below it.
//!
//! The file is looked for from the folder of the policy that names it, and may extend another in turn. Nothing outside the folder of the
//! first policy is ever opened: no absolute path, no `..`, no symbolic link that leads out, no URL. What is found is read like any policy,
//! with the same bounds.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::document::{Fault, Node, Span, Value};
use crate::file::{LoadError, MAX_POLICY_BYTES, read_limited};
use crate::parse;
use crate::reader::nearest;

/// Most policies that one builds on, one upon the other.
const MAX_BASES: usize = 8;

/// A policy that another builds on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The preset's name, or how messages call the file.
    pub name: String,
    /// Whether it is a preset.
    pub preset: bool,
    /// Its text.
    pub text: String,
}

/// The bases of a policy, the nearest first.
pub(crate) struct Found {
    /// Where the policy says `extends`.
    pub(crate) at: Span,
    pub(crate) bases: Vec<(Base, Node)>,
}

/// Where a policy lies that extends another.
struct Place<'p> {
    /// How messages call it.
    name: String,
    /// The folder that relative names begin at, without links. `None` for a text that is in no file.
    folder: Option<PathBuf>,
    /// The folder that nothing is opened outside of.
    root: Option<&'p Path>,
}

/// Finds and reads what a policy extends; `None` if it extends nothing. A value of `extends` that is no name is told by the reader.
pub(crate) fn find(node: &Node, name: &str, path: Option<&Path>) -> Result<Option<Found>, Fault> {
    let Some(first) = node.get("extends") else { return Ok(None) };
    let Some(mut wanted) = reference(node) else { return Ok(None) };
    let at = first.span;
    let own = path.and_then(|path| path.canonicalize().ok());
    let root = own.as_deref().and_then(Path::parent);
    let mut place = Place { name: name.to_owned(), folder: root.map(Path::to_path_buf), root };
    let mut chain: Vec<PathBuf> = own.iter().cloned().collect();
    let mut found = Found { at, bases: Vec::new() };
    loop {
        let fault = |rule, message: String, fix: String| {
            let message = match found.bases.last() {
                Some((base, _)) => format!("{message} (extended by `{}`)", base.name),
                None => message,
            };
            Fault { rule, message, fix, span: at }
        };
        if found.bases.len() >= MAX_BASES {
            let message = format!("more than {MAX_BASES} policies extend one another");
            return Err(fault("extends-cycle", message, "Put some of them together.".into()));
        }
        let (base, next) = if is_file(&wanted) {
            let (file, name) = locate(&place, &wanted).map_err(|(rule, message, fix)| fault(rule, message, fix))?;
            if chain.contains(&file) {
                let message = format!("`{wanted}` extends itself in the end");
                return Err(fault("extends-cycle", message, "Remove one `extends` of the circle.".into()));
            }
            let text = text(&file)
                .map_err(|said| fault("extends-broken", format!("`{wanted}` cannot be read: {said}"), String::new()))?;
            chain.push(file.clone());
            let next = Place { name: name.clone(), folder: file.parent().map(Path::to_path_buf), root };
            (Base { name, preset: false, text }, next)
        } else {
            let Some(text) = gauntlet_policies::preset(&wanted) else {
                let names: Vec<&str> = gauntlet_policies::PRESETS.iter().map(|(name, _)| *name).collect();
                let fix = nearest(&wanted, &names).map_or_else(
                    || format!("Presets are {}; a file is named with its ending, as `base.yaml`.", names.join(", ")),
                    |near| format!("Did you mean `{near}`?"),
                );
                return Err(fault("extends-unknown", format!("there is no preset `{wanted}`"), fix));
            };
            let base = Base { name: wanted.clone(), preset: true, text: text.to_owned() };
            (base, Place { name: wanted.clone(), folder: None, root: None })
        };
        let (_, root_of_base, faults) = parse::alone(&base.text);
        let (Some(node), []) = (root_of_base, faults.as_slice()) else {
            let said =
                faults.first().map_or(String::new(), |fault| format!(": {}, line {}", fault.message, fault.span.line));
            let message = format!("`{wanted}` is no sound policy{said}");
            return Err(fault("extends-broken", message, format!("Lint `{}` first.", base.name)));
        };
        let further = reference(&node);
        found.bases.push((base, node));
        place = next;
        match further {
            Some(further) => wanted = further,
            None => return Ok(Some(found)),
        }
    }
}

/// What `extends` says, if it is a name.
fn reference(node: &Node) -> Option<String> {
    match &node.get("extends")?.value {
        Value::Scalar { text, .. } if !text.is_empty() && !text.contains('\0') => Some(text.clone()),
        Value::Scalar { .. } | Value::Mapping(_) | Value::Sequence(_) => None,
    }
}

/// Whether a name means a file: presets have plain names.
fn is_file(name: &str) -> bool {
    name.contains(['/', '\\', '.', ':'])
}

type Refused = (&'static str, String, String);

/// The file of a name, without links, and how messages call it.
fn locate(place: &Place<'_>, wanted: &str) -> Result<(PathBuf, String), Refused> {
    let outside = |why: &str| {
        let fix = "Name a preset, or a file in this policy's folder or below it.";
        Err(("extends-outside", format!("`{wanted}` {why}"), fix.to_owned()))
    };
    if wanted.contains("://") {
        return outside("is a URL");
    }
    let relative = Path::new(wanted);
    // A backslash or a colon leads elsewhere on some systems, and a policy means the same everywhere.
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !plain || wanted.contains(['\\', ':']) {
        return outside("leads out of the policy's folder");
    }
    let (Some(folder), Some(root)) = (&place.folder, place.root) else {
        return outside("is a file, and this policy lies in none");
    };
    let Ok(file) = folder.join(relative).canonicalize() else {
        let fix = "Name a file that is there, or a preset.".to_owned();
        return Err(("extends-unknown", format!("there is no file `{wanted}` beside `{}`", place.name), fix));
    };
    // Links are followed by now. A link that is put there between this look and the reading names a file of somebody who can write into
    // the policy's own folder, and so could have written the policy.
    if !file.starts_with(root) {
        return outside("leads out of the policy's folder by a symbolic link");
    }
    let beside = Path::new(&place.name).parent().unwrap_or(Path::new("")).components().chain(relative.components());
    let beside: PathBuf = beside.filter(|part| *part != Component::CurDir).collect();
    Ok((file, beside.display().to_string()))
}

fn text(file: &Path) -> Result<String, String> {
    let bytes = read_limited(file, MAX_POLICY_BYTES).map_err(|error| match error {
        LoadError::Io(error) => error.kind().to_string(),
        other => other.to_string(),
    })?;
    String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())
}

#[cfg(test)]
mod tests;
