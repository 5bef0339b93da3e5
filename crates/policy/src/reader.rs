//! Nodes to plain values, with what is wrong about them.

use gauntlet_record::Unit;

use crate::document::{Entry, Fault, Node, Span, Spanned, Value};
use crate::keys::Key;
use crate::model::words::Word;
use crate::quantity::parse_quantity;

/// Reads nodes into values and collects what is wrong with them. The corpus and the targets read their files with it, too.
#[derive(Debug, Default)]
pub struct Reader {
    /// What is wrong so far.
    pub faults: Vec<Fault>,
}

impl Reader {
    /// Notes a fault.
    pub fn fault(&mut self, rule: &'static str, message: impl Into<String>, fix: impl Into<String>, span: Span) {
        self.faults.push(Fault { rule, message: message.into(), fix: fix.into(), span });
    }

    /// The entries of a mapping, of which only `known` keys are let through; others are faults with a suggestion.
    pub fn entries<'n>(&mut self, what: &str, node: &'n Node, known: &[&str]) -> Vec<&'n Entry> {
        let Value::Mapping(entries) = &node.value else {
            self.wrong(node, &format!("`{what}` has to be a mapping"));
            return Vec::new();
        };
        entries
            .iter()
            .filter(|entry| known.contains(&entry.key.value.as_str()) || self.unknown(what, &entry.key, known))
            .collect()
    }

    /// The same for keys of the table.
    pub(crate) fn keyed<'n>(&mut self, what: &str, node: &'n Node, keys: &[Key]) -> Vec<&'n Entry> {
        let Value::Mapping(entries) = &node.value else {
            self.wrong(node, &format!("`{what}` has to be a mapping"));
            return Vec::new();
        };
        let mut found = Vec::with_capacity(entries.len());
        for entry in entries {
            if keys.iter().any(|key| key.name == entry.key.value) {
                found.push(entry);
            } else {
                let known: Vec<&str> = keys.iter().map(|key| key.name).collect();
                self.unknown(what, &entry.key, &known);
            }
        }
        found
    }

    fn unknown(&mut self, what: &str, key: &Spanned<String>, known: &[&str]) -> bool {
        let fix = nearest(&key.value, known).map_or_else(
            || format!("`{what}` takes: {}.", known.join(", ")),
            |nearest| format!("Did you mean `{nearest}`?"),
        );
        self.fault("unknown-key", format!("`{}` is not a key of `{what}`", short(&key.value)), fix, key.span);
        false
    }

    /// Notes that a node has the wrong shape, or no value at all.
    pub fn wrong(&mut self, node: &Node, message: &str) {
        match &node.value {
            Value::Scalar { text, plain: true } if is_null(text) => {
                let fix = "Write a value or remove the key.";
                self.fault("null-value", format!("{message}, and has no value"), fix, node.span);
            }
            Value::Scalar { .. } | Value::Mapping(_) | Value::Sequence(_) => {
                self.fault("wrong-type", message, "", node.span);
            }
        }
    }

    /// A scalar's text. Null is a fault: it reads as "absent" elsewhere.
    pub fn text(&mut self, what: &str, node: &Node) -> Option<Spanned<String>> {
        match &node.value {
            Value::Scalar { text, plain: true } if is_null(text) => {
                self.fault(
                    "null-value",
                    format!("`{what}` has no value"),
                    "Write a value or remove the key.",
                    node.span,
                );
                None
            }
            Value::Scalar { text, .. } => Some(Spanned { value: text.clone(), span: node.span }),
            Value::Mapping(_) | Value::Sequence(_) => {
                self.wrong(node, &format!("`{what}` has to be text"));
                None
            }
        }
    }

    /// `true` or `false`, in that spelling.
    pub fn boolean(&mut self, what: &str, node: &Node) -> Option<Spanned<bool>> {
        let text = self.text(what, node)?;
        match text.value.as_str() {
            "true" => Some(Spanned { value: true, span: text.span }),
            "false" => Some(Spanned { value: false, span: text.span }),
            other => {
                let message = format!("`{what}` is `{}`", short(other));
                self.fault(
                    "boolean-not-canonical",
                    message,
                    "Write `true` or `false`: readers differ about other spellings.",
                    text.span,
                );
                None
            }
        }
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, what: &str, node: &Node, words: &[(&str, T)]) -> Option<Spanned<T>> {
        let text = self.text(what, node)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(Spanned { value: *value, span: text.span });
        }
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.no_such_word(what, &text, &names);
        None
    }

    /// One of a closed list of words.
    pub(crate) fn choice<T: Word>(&mut self, what: &str, node: &Node) -> Option<Spanned<T>> {
        let index = self.index(what, node, T::WORDS)?;
        Some(Spanned { value: T::ALL[index.value], span: index.span })
    }

    /// Which of these words.
    pub(crate) fn index(&mut self, what: &str, node: &Node, words: &[&str]) -> Option<Spanned<usize>> {
        let text = self.text(what, node)?;
        if let Some(value) = words.iter().position(|word| *word == text.value) {
            return Some(Spanned { value, span: text.span });
        }
        self.no_such_word(what, &text, words);
        None
    }

    fn no_such_word(&mut self, what: &str, text: &Spanned<String>, words: &[&str]) {
        let fix = nearest(&text.value, words).map_or_else(
            || format!("Write one of: {}.", words.join(", ")),
            |nearest| format!("Did you mean `{nearest}`?"),
        );
        self.fault("unknown-value", format!("`{what}` is `{}`", short(&text.value)), fix, text.span);
    }

    /// A path: not empty, and without a NUL.
    pub(crate) fn path(&mut self, what: &str, node: &Node) -> Option<Spanned<String>> {
        let text = self.text(what, node)?;
        if text.value.is_empty() || text.value.contains('\0') {
            self.fault("not-a-path", format!("`{what}` is empty, or holds a NUL"), "Write a path.", text.span);
            return None;
        }
        Some(text)
    }

    /// A quantity in the base unit of `unit`.
    pub fn quantity(&mut self, what: &str, node: &Node, unit: Unit) -> Option<Spanned<u64>> {
        let text = self.text(what, node)?;
        match parse_quantity(&text.value, unit) {
            Ok(value) => Some(Spanned { value, span: text.span }),
            Err(error) => {
                self.fault("not-a-quantity", format!("`{what}`: {error}"), "", text.span);
                None
            }
        }
    }

    /// The items of a sequence.
    pub fn items<'n>(&mut self, what: &str, node: &'n Node) -> &'n [Node] {
        if let Value::Sequence(items) = &node.value {
            return items;
        }
        self.wrong(node, &format!("`{what}` has to be a list"));
        &[]
    }

    /// A list of texts.
    pub fn texts(&mut self, what: &str, node: &Node) -> Vec<Spanned<String>> {
        self.items(what, node).iter().filter_map(|item| self.text(what, item)).collect()
    }
}

pub(crate) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The nearest known word, if one is near enough to be meant.
///
/// Words of another length are told apart by that alone, so that a long key costs nothing.
#[must_use]
pub fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let near = |candidate: &&&str| {
        let most = 1 + candidate.len() / 4;
        word.len().abs_diff(candidate.len()) <= 2 * most
            && word.chars().count().abs_diff(candidate.len()) <= most
            && strsim::damerau_levenshtein(word, candidate) <= most
    };
    if word.len() > 100 {
        return None;
    }
    let folded = word.replace('_', "-").to_lowercase();
    known
        .iter()
        .find(|candidate| **candidate == folded)
        .or_else(|| known.iter().filter(near).min_by_key(|candidate| strsim::damerau_levenshtein(word, candidate)))
        .copied()
}

/// The beginning of a text for a message: what is cut can be read in the file.
pub(crate) fn short(text: &str) -> &str {
    text.char_indices().nth(80).map_or(text, |(at, _)| &text[..at])
}
