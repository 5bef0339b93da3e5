//! Layers of a policy to one tree.
//!
//! One rule holds everywhere: mappings are merged key by key, and everything else, lists included, is replaced whole by what the nearer
//! layer says. So a policy shows all that it grants by a list, and can take back what its base granted by it: `filesystem: []`.

use std::collections::BTreeMap;

use crate::document::{Entry, Node, Span, Spanned, Value};

/// A merged node. Layers count from 0, the policy itself.
#[derive(Debug)]
pub(crate) enum Merged<'n> {
    /// A value that stands in one layer.
    Value { layer: usize, node: &'n Node },
    /// A mapping that may have keys of several layers; the nearest that has it gives its place.
    Mapping { layer: usize, node: &'n Node, entries: Vec<(usize, &'n Spanned<String>, Merged<'n>)> },
}

/// Merges layers, the nearest first. There has to be one.
pub(crate) fn merge<'n>(layers: &[&'n Node]) -> Merged<'n> {
    let layers: Vec<(usize, &Node)> = layers.iter().copied().enumerate().collect();
    nodes(&layers)
}

fn nodes<'n>(layers: &[(usize, &'n Node)]) -> Merged<'n> {
    let (layer, node) = layers[0];
    if !matches!(node.value, Value::Mapping(_)) {
        return Merged::Value { layer, node };
    }
    let mut order: Vec<(usize, &Spanned<String>)> = Vec::new();
    let mut values: BTreeMap<&str, Vec<(usize, &'n Node)>> = BTreeMap::new();
    for (layer, node) in layers {
        // What is no mapping hides what lies below it.
        let Value::Mapping(entries) = &node.value else { break };
        for entry in entries {
            let known = values.entry(&entry.key.value).or_default();
            if known.is_empty() {
                order.push((*layer, &entry.key));
            }
            known.push((*layer, &entry.value));
        }
    }
    let entries = order.into_iter().map(|(layer, key)| (layer, key, nodes(&values[key.value.as_str()]))).collect();
    Merged::Mapping { layer, node, entries }
}

impl<'n> Merged<'n> {
    /// The value under a key.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Mapping { entries, .. } => {
                entries.iter().find(|(_, name, _)| name.value == key).map(|(_, _, value)| value)
            }
            Self::Value { .. } => None,
        }
    }

    /// The layer and the node that give its place.
    pub(crate) const fn origin(&self) -> (usize, &'n Node) {
        match self {
            Self::Value { layer, node } | Self::Mapping { layer, node, .. } => (*layer, *node),
        }
    }

    /// One tree, in which whatever comes from another layer than the first stands at `at`.
    pub(crate) fn to_node(&self, at: Span) -> Node {
        match self {
            Self::Value { layer: 0, node } => (*node).clone(),
            Self::Value { node, .. } => moved(node, at),
            Self::Mapping { layer, node, entries } => {
                let place = |layer: usize, span: Span| if layer == 0 { span } else { at };
                let entries = entries.iter().map(|(layer, key, value)| Entry {
                    key: Spanned { value: key.value.clone(), span: place(*layer, key.span) },
                    value: value.to_node(at),
                });
                Node { span: place(*layer, node.span), value: Value::Mapping(entries.collect()) }
            }
        }
    }
}

fn moved(node: &Node, at: Span) -> Node {
    let value = match &node.value {
        Value::Scalar { text, plain } => Value::Scalar { text: text.clone(), plain: *plain },
        Value::Sequence(items) => Value::Sequence(items.iter().map(|item| moved(item, at)).collect()),
        Value::Mapping(entries) => Value::Mapping(
            entries
                .iter()
                .map(|entry| Entry {
                    key: Spanned { value: entry.key.value.clone(), span: at },
                    value: moved(&entry.value, at),
                })
                .collect(),
        ),
    };
    Node { span: at, value }
}
