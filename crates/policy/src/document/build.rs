//! The parser's events to a tree, with bounds.

use std::borrow::Cow;
use std::collections::BTreeMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, options};

use super::{Entry, Fault, Node, Span, Spanned, Value};

/// Deepest nesting of a document.
pub const MAX_DEPTH: usize = 32;
/// Most values of a document, keys included.
pub const MAX_NODES: usize = 20_000;
/// Mappings with more keys than this find duplicates in an index, so that many keys do not take the square of their number.
const INDEXED: usize = 16;

pub(super) struct Built {
    pub(super) root: Option<Node>,
    pub(super) faults: Vec<Fault>,
    pub(super) whole: bool,
    /// Events that were taken. Tests hold it against a bound.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests hold it against a bound"))]
    pub(super) steps: usize,
    /// Keys that were compared one by one.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests hold it against a bound"))]
    pub(super) compared: usize,
}

/// Whether the pass goes on.
enum Pass {
    On,
    /// A bound was met, or nothing behind this can be trusted: there is no tree.
    Over,
    /// Only what was read so far counts.
    Cut,
}

pub(super) fn build(text: &str) -> Built {
    let mut builder = Builder {
        text,
        faults: Vec::new(),
        nodes: 0,
        root: None,
        stack: Vec::new(),
        documents: 0,
        steps: 0,
        compared: 0,
    };
    let options = options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_comments: false,
        flow_nesting_limit: 4 * MAX_DEPTH,
        block_nesting_limit: 4 * MAX_DEPTH,
    };
    let mut pass = Pass::On;
    for event in Parser::new_from_str_with_options(text, options) {
        builder.steps += 1;
        pass = match event {
            Ok((event, span)) => {
                let (start, end) = span.byte_range().map_or((0, 0), |range| (range.start, range.end));
                // The parser counts lines as it goes; counting them again for every value would take the square of the file's size.
                let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
                let span = Span { start, end, line: small(span.start.line()), column: small(span.start.col() + 1) };
                builder.event(event, span)
            }
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(text.len());
                builder.syntax(error.kind(), &error.info(), Span::of(text, at, at + 1))
            }
        };
        if !matches!(pass, Pass::On) {
            break;
        }
    }
    let whole = matches!(pass, Pass::On);
    match pass {
        Pass::On => {}
        Pass::Cut => builder.close(),
        Pass::Over => builder.root = None,
    }
    let Builder { root, faults, steps, compared, .. } = builder;
    Built { root, faults, whole, steps, compared }
}

enum Open {
    Mapping { span: Span, entries: Vec<Entry>, key: Option<Spanned<String>>, index: BTreeMap<String, u32> },
    Sequence { span: Span, items: Vec<Node> },
}

struct Builder<'a> {
    text: &'a str,
    faults: Vec<Fault>,
    nodes: usize,
    root: Option<Node>,
    stack: Vec<Open>,
    documents: usize,
    steps: usize,
    compared: usize,
}

impl Builder<'_> {
    fn fault(&mut self, rule: &'static str, message: impl Into<String>, fix: &str, span: Span) {
        self.faults.push(Fault { rule, message: message.into(), fix: fix.to_owned(), span });
    }

    fn syntax(&mut self, kind: &ErrorKind, said: &str, span: Span) -> Pass {
        match kind {
            ErrorKind::DirectiveDisallowed => {
                let fix = "Remove the line: it tells some readers to read the rest by other rules.";
                self.fault("directive-used", "a directive", fix, span);
            }
            ErrorKind::TabNotAllowed | ErrorKind::TabInIndentation => {
                let fix = "Indent with spaces: how wide a tab is, readers differ.";
                self.fault("tab-indentation", "a tab in the indentation", fix, span);
            }
            // The parser's own bounds lie above ours, and keep it from working on what we refuse.
            ErrorKind::RecursionLimitExceeded => {
                self.fault("nesting-too-deep", format!("nested deeper than {MAX_DEPTH} levels"), "", span);
                return Pass::Over;
            }
            // The list is the parser's and grows with it; the rest is what it says.
            _ => self.fault("not-yaml", format!("not YAML: {said}"), "", span),
        }
        Pass::Cut
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Pass {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.fault("several-documents", "a second document in one file", "Keep one document a file.", span);
                    return Pass::Cut;
                }
                Pass::On
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let fix = "Write the value out: what applies where has to be plain.";
                self.fault("anchors-used", "an alias", fix, span);
                // Something stands in its place, so that the rest of the file is read all the same.
                self.scalar(Cow::Borrowed(""), true, span)
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.properties(anchor, tag.is_some(), span);
                self.scalar(text, style == ScalarStyle::Plain, span)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.properties(anchor, tag.is_some(), span);
                self.open(Open::Sequence { span, items: Vec::new() }, span)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.properties(anchor, tag.is_some(), span);
                self.open(Open::Mapping { span, entries: Vec::new(), key: None, index: BTreeMap::new() }, span)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.end(span.end);
                Pass::On
            }
            // The rest carries no data: ends of documents, and what the parser's optional features add.
            _ => Pass::On,
        }
    }

    fn properties(&mut self, anchor: usize, tagged: bool, span: Span) {
        if anchor != 0 {
            self.fault("anchors-used", "an anchor", "Write the value out: what applies where has to be plain.", span);
        }
        if tagged {
            self.fault("tag-used", "a tag", "Remove the tag: it hides the value.", span);
        }
    }

    fn count(&mut self, span: Span) -> bool {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.fault("file-too-large", format!("more than {MAX_NODES} values"), "", span);
        }
        self.nodes <= MAX_NODES
    }

    fn open(&mut self, open: Open, span: Span) -> Pass {
        if !self.count(span) {
            return Pass::Over;
        }
        if self.stack.len() >= MAX_DEPTH {
            self.fault("nesting-too-deep", format!("nested deeper than {MAX_DEPTH} levels"), "", span);
            return Pass::Over;
        }
        if let Some(Open::Mapping { key: None, .. }) = self.stack.last() {
            self.fault("not-a-key", "a mapping or sequence as a key", "Use a plain name as the key.", span);
        }
        self.stack.push(open);
        Pass::On
    }

    fn end(&mut self, end: usize) {
        let node = match self.stack.pop() {
            None => return,
            Some(Open::Sequence { span, items }) => {
                let end = items.last().map_or(end, |item| item.span.end).max(end.min(self.text.len())).max(span.end);
                Node { span: Span { end, ..span }, value: Value::Sequence(items) }
            }
            Some(Open::Mapping { span, entries, .. }) => {
                let end = entries.last().map_or(end, |entry| entry.value.span.end).max(span.end);
                Node { span: Span { end, ..span }, value: Value::Mapping(entries) }
            }
        };
        self.put(node);
    }

    /// Ends everything that is open, as if the text ended here.
    fn close(&mut self) {
        while !self.stack.is_empty() {
            self.end(0);
        }
    }

    fn scalar(&mut self, text: Cow<'_, str>, plain: bool, span: Span) -> Pass {
        if !self.count(span) {
            return Pass::Over;
        }
        if let Some(Open::Mapping { entries, key: key @ None, index, .. }) = self.stack.last_mut() {
            let name = text.into_owned();
            let merge = plain && name == "<<";
            let duplicate = if entries.len() < INDEXED {
                self.compared += entries.len();
                entries.iter().find(|entry| entry.key.value == name).map(|entry| entry.key.span.line)
            } else {
                if index.is_empty() {
                    index.extend(entries.iter().map(|entry| (entry.key.value.clone(), entry.key.span.line)));
                }
                let known = index.get(&name).copied();
                index.entry(name.clone()).or_insert(span.line);
                known
            };
            let message = duplicate.map(|line| format!("`{name}` is already set on line {line}"));
            *key = Some(Spanned { value: name, span });
            if let Some(message) = message {
                self.fault("duplicate-key", message, "Keep one of them: readers differ about which one wins.", span);
            }
            if merge {
                let fix = "Write the keys out: readers differ about what a merge key does.";
                self.fault("merge-key-used", "a merge key", fix, span);
            }
            return Pass::On;
        }
        self.put(Node { span, value: Value::Scalar { text: text.into_owned(), plain } });
        Pass::On
    }

    fn put(&mut self, node: Node) {
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping { entries, key, .. }) => match key.take() {
                Some(key) => entries.push(Entry { key, value: node }),
                // What stood as a key without being a name was told; its value still has to find a place.
                None => *key = Some(Spanned { value: String::new(), span: node.span }),
            },
        }
    }
}
