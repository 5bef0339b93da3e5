//! TOML to the tree of nodes that all our readers share, each with its place.

use gauntlet_policy::document::{Entry, Node, Value, invisible};
use gauntlet_policy::{Fault, Span, Spanned};
use toml::de::{DeTable, DeValue};

use super::locate::Locator;
use super::{MAX_DEPTH, MAX_NODES, MOST_FAULTS};

/// Reads a document.
///
/// # Errors
///
/// What is wrong with its shape, and invisible characters, which a reviewer does not see.
pub(super) fn parse(text: &str) -> Result<Node, Vec<Fault>> {
    let locator = Locator::of(text);
    let mut faults = invisible(text);
    let (root, errors) = DeTable::parse_recoverable(text);
    faults.extend(errors.iter().take(MOST_FAULTS).map(|error| {
        let at = error.span().unwrap_or(text.len()..text.len());
        let span = locator.span(at.start, at.end.max(at.start + 1));
        let duplicate = error.message().contains("duplicate");
        let rule = if duplicate { "duplicate-key" } else { "not-toml" };
        Fault { rule, message: format!("not TOML: {}", error.message()), fix: String::new(), span }
    }));
    if faults.is_empty() {
        let mut reader = Reader { locator, nodes: 0, faults: Vec::new() };
        let span = reader.locator.span(0, 1);
        let node = reader.table(root.get_ref(), span, 0);
        if reader.faults.is_empty() {
            return Ok(node);
        }
        faults = reader.faults;
    }
    faults.sort_by_key(|fault| fault.span);
    Err(faults)
}

struct Reader<'a> {
    locator: Locator<'a>,
    nodes: usize,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, span: Span, depth: usize) -> Node {
        let mut entries: Vec<Entry> = Vec::new();
        if self.may_go(span, depth) {
            for (key, value) in table {
                let place = self.locator.span(key.span().start, key.span().end);
                let value_span = self.locator.span(value.span().start, value.span().end);
                // A table under a header of its own has no text that is only its own: its name stands for it.
                let value_span = if value_span.start == value_span.end { place } else { value_span };
                let value = self.value(value.get_ref(), value_span, depth + 1);
                entries.push(Entry { key: Spanned { value: key.get_ref().to_string(), span: place }, value });
            }
            // Tables come sorted by key; findings and fingerprints want the order of the file.
            entries.sort_by_key(|entry| entry.key.span);
        }
        Node { span, value: Value::Mapping(entries) }
    }

    fn value(&mut self, value: &DeValue<'_>, span: Span, depth: usize) -> Node {
        let scalar = |text: String, plain: bool| Node { span, value: Value::Scalar { text, plain } };
        match value {
            DeValue::String(text) => scalar(text.to_string(), false),
            DeValue::Integer(number) => {
                let prefix = match number.radix() {
                    16 => "0x",
                    8 => "0o",
                    2 => "0b",
                    _ => "",
                };
                scalar(format!("{prefix}{}", number.as_str()), true)
            }
            DeValue::Float(number) => scalar(number.as_str().to_owned(), true),
            DeValue::Boolean(yes) => scalar(yes.to_string(), true),
            DeValue::Datetime(time) => scalar(time.to_string(), true),
            DeValue::Array(items) => {
                let mut nodes = Vec::new();
                if self.may_go(span, depth) {
                    for item in items.iter() {
                        let place = self.locator.span(item.span().start, item.span().end);
                        nodes.push(self.value(item.get_ref(), place, depth + 1));
                    }
                }
                Node { span, value: Value::Sequence(nodes) }
            }
            DeValue::Table(table) => self.table(table, span, depth),
        }
    }

    /// Whether a table or array may be gone into; says so once if not.
    fn may_go(&mut self, span: Span, depth: usize) -> bool {
        self.nodes += 1;
        let fault = if depth >= MAX_DEPTH {
            ("nesting-too-deep", format!("nested deeper than {MAX_DEPTH} levels"))
        } else if self.nodes > MAX_NODES {
            ("file-too-large", format!("more than {MAX_NODES} tables and lists"))
        } else {
            return true;
        };
        if self.faults.is_empty() {
            self.faults.push(Fault { rule: fault.0, message: fault.1, fix: String::new(), span });
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a = 1\n[b.c]\nd = [\"x\", { e = true }]\n[[f]]\ng = 0x10\n[[f]]\ng = 2\n";

    #[test]
    fn places_point_at_the_text() {
        let root = parse(TEXT).unwrap();
        let at = |node: &Node| TEXT[node.span.start..node.span.end].to_owned();
        let list = root.get("b").and_then(|b| b.get("c")).and_then(|c| c.get("d")).unwrap();
        let Value::Sequence(items) = &list.value else { panic!("{list:?}") };
        assert_eq!((at(&items[0]), items[0].span.line, items[0].span.column), ("\"x\"".into(), 3, 6));
        assert_eq!(at(items[1].get("e").unwrap()), "true");
        let Value::Sequence(tables) = &root.get("f").unwrap().value else { panic!() };
        assert_eq!(tables.len(), 2);
        assert_eq!(tables[0].get("g").unwrap().value, Value::Scalar { text: "0x10".into(), plain: true });
    }

    #[test]
    fn entries_keep_the_order_of_the_file() {
        let root = parse("z = 1\na = 2\n").unwrap();
        let Value::Mapping(entries) = &root.value else { panic!() };
        assert_eq!(entries.iter().map(|entry| entry.key.value.as_str()).collect::<Vec<_>>(), ["z", "a"]);
    }

    #[test]
    fn what_two_readers_would_read_differently_is_refused() {
        let rules = |text: &str| -> Vec<&'static str> {
            parse(text).err().map(|faults| faults.iter().map(|fault| fault.rule).collect()).unwrap_or_default()
        };
        assert_eq!(rules("a = 1\na = 2\n"), ["duplicate-key"]);
        assert_eq!(rules("a = \n"), ["not-toml"]);
        assert_eq!(rules("a = 1 # \u{202e}\n"), ["invisible-characters"]);
        assert_eq!(rules(&format!("a = {}{}\n", "[".repeat(40), "]".repeat(40))), ["nesting-too-deep"]);
        assert!(!rules(&format!("a = {}\n", "[".repeat(100_000))).is_empty());
        assert_eq!(rules(&format!("a = [{}]\n", "[],".repeat(30_000))), ["file-too-large"]);
        assert!(rules(&"[x\n".repeat(50_000)).len() <= MOST_FAULTS);
    }
}
