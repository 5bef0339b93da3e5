//! Text to policy: the tree, the typed values, what they extend, and every fault of them.

use std::collections::BTreeSet;
use std::path::Path;

use crate::document::{self, Fault, Node, Span};
use crate::extends::{self, Found};
use crate::merge;
use crate::model::Policy;
use crate::reader::Reader;

impl Policy {
    /// Reads a policy. `name` is how messages call the file. What it extends can be a preset only, because a text in memory lies beside
    /// no file; [`crate::load`] reads files.
    ///
    /// # Errors
    ///
    /// All structural faults of the text, in its order: not YAML, unknown and duplicate keys, wrong types, quantities without unit, a base
    /// that is not there. Where the text stops being YAML, the faults before that place.
    pub fn parse(name: &str, text: &str) -> Result<Self, Vec<Fault>> {
        parse(name, text, None)
    }

    /// Reads a text as the policy of the file `path`: what it extends is looked for beside that file. The file itself is not read.
    ///
    /// # Errors
    ///
    /// As [`Policy::parse`].
    pub fn parse_beside(name: &str, text: &str, path: &Path) -> Result<Self, Vec<Fault>> {
        parse(name, text, Some(path))
    }
}

fn parse(name: &str, text: &str, path: Option<&Path>) -> Result<Policy, Vec<Fault>> {
    let (policy, root, mut faults) = alone(text);
    let found = match root.as_ref().map(|root| extends::find(root, name, path)) {
        Some(Ok(found)) => found,
        Some(Err(fault)) => {
            faults.push(fault);
            None
        }
        None => None,
    };
    if !faults.is_empty() {
        faults.sort_by_key(|fault| fault.span);
        return Err(faults);
    }
    let policy = match (&root, found) {
        (Some(root), Some(found)) => merged(root, found)?,
        _ => policy,
    };
    Ok(Policy { name: name.to_owned(), text: text.to_owned(), ..policy })
}

/// One text, without what it extends.
pub(crate) fn alone(text: &str) -> (Policy, Option<Node>, Vec<Fault>) {
    let read = document::read(text);
    let Some(root) = read.root else { return (Policy::default(), None, read.faults) };
    let mut reader = Reader::default();
    let policy = reader.policy(&root, true);
    let mut faults = read.faults;
    // Where something only stands in for what the tree has a fault about, a second fault says nothing; and what is missing from half a tree may stand in the other half.
    let filled = ["anchors-used", "merge-key-used", "not-a-key", "duplicate-key"];
    let told: BTreeSet<usize> =
        faults.iter().filter(|fault| filled.contains(&fault.rule)).map(|fault| fault.span.start).collect();
    let absent = ["missing-key", "version-missing", "null-value"];
    let news = |fault: &Fault| !told.contains(&fault.span.start) && (read.whole || !absent.contains(&fault.rule));
    faults.extend(reader.faults.into_iter().filter(news));
    (policy, Some(root), faults)
}

fn merged(root: &Node, found: Found) -> Result<Policy, Vec<Fault>> {
    let layers: Vec<&Node> = std::iter::once(root).chain(found.bases.iter().map(|(_, node)| node)).collect();
    let tree = merge::merge(&layers).to_node(found.at);
    let mut reader = Reader::default();
    let policy = reader.policy(&tree, true);
    // Each layer was sound, and layers are put together at keys that each of them may have.
    if let Some(fault) = reader.faults.into_iter().next() {
        return Err(vec![Fault { rule: "extends-broken", span: at(&fault, found.at), ..fault }]);
    }
    Ok(Policy { bases: found.bases.into_iter().map(|(base, _)| base).collect(), ..policy })
}

fn at(fault: &Fault, extends: Span) -> Span {
    if fault.span == Span::default() { extends } else { fault.span }
}
