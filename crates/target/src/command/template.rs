//! Text with `{{placeholders}}`, read once and filled in one pass, so that a value never becomes a placeholder.

use std::ffi::{OsStr, OsString};

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(String),
}

impl Template {
    /// Reads a text in which only `names` may stand in double braces.
    ///
    /// # Errors
    ///
    /// The first other name.
    pub(super) fn parse(text: &str, names: &[&str]) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{")
            && let Some((name, after)) = after.split_once("}}")
        {
            if !names.contains(&name) {
                return Err(name.to_owned());
            }
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Value(name.to_owned()));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// Whether a placeholder occurs in it.
    pub(super) fn uses(&self, name: &str) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Value(known) if known == name))
    }

    /// The text with its values. A name without a value leaves nothing behind.
    pub(super) fn fill(&self, values: &[(&str, &OsStr)]) -> OsString {
        let mut out = OsString::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push(text),
                Piece::Value(name) => {
                    out.extend(values.iter().find(|(known, _)| known == name).map(|(_, value)| *value))
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_looks_like_a_placeholder_is_not_one() {
        let template = Template::parse("{{host}}::{{guest}}", &["host", "guest"]).unwrap();
        let filled = template.fill(&[("host", OsStr::new("{{guest}}")), ("guest", OsStr::new("/x"))]);
        assert_eq!(filled, "{{guest}}::/x");
    }

    #[test]
    fn another_name_is_an_error_and_an_open_brace_is_text() {
        assert_eq!(Template::parse("a {{b}} {{c}}", &["b"]), Err("c".to_owned()));
        assert_eq!(Template::parse("a {{b", &[]).unwrap().fill(&[]), "a {{b");
        assert_eq!(Template::parse("}} {x}", &[]).unwrap().fill(&[]), "}} {x}");
    }
}
