//! The line of a finding as it may be shown: cut to what is near, escaped, without secrets.

use std::collections::BTreeMap;
use std::ops::Range;

use gauntlet_policy::document::{Node, Value};
use gauntlet_record::Location;

use crate::{escape, foreign, secrets};

/// Keys whose values guests are given, in our policies and those of other hosts.
const SETTINGS: &[&str] = &["environment", "config", "variables", "headers"];
/// Most characters that are shown before and behind what is marked, and of that.
const NEAR: usize = 80;
/// How far before and behind secrets are looked for, so that one that is cut is still known.
const AROUND: usize = 2048;
/// The last column of a line that is drawn: nobody reads further, and a file of one line must not be read for each finding.
const MOST_COLUMN: u32 = 10_000;

/// A file, prepared for drawing many of its lines.
pub(crate) struct Source<'a> {
    text: &'a str,
    /// Where each line begins.
    lines: Vec<usize>,
    /// The bytes of values that are never shown.
    hidden: Vec<Range<usize>>,
    /// Whether the text has keys and values, so that `hidden` is known to be all.
    parsed: bool,
}

/// A line, ready to be shown.
pub(super) struct Excerpt {
    /// What is shown.
    pub(super) text: String,
    /// The bytes of it that are marked.
    pub(super) marked: Range<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let root = foreign::tree(text);
        let mut hidden = Vec::new();
        if let Some((root, _)) = &root {
            collect(root, false, &mut hidden);
        }
        Self { text, lines, hidden: secrets::merge(hidden), parsed: root.is_some_and(|(_, whole)| whole) }
    }

    /// The first line of a location; `None` if the text has no such line.
    pub(super) fn excerpt(&self, location: &Location) -> Option<Excerpt> {
        if location.column > MOST_COLUMN {
            return None;
        }
        let index = usize::try_from(location.line).ok()?.checked_sub(1)?;
        let begin = *self.lines.get(index)?;
        let end = self.lines.get(index + 1).map_or(self.text.len(), |next| next - 1);
        let line = &self.text[begin..end];
        let byte = |column: u32| {
            let column = usize::try_from(column.min(2 * MOST_COLUMN)).unwrap_or(usize::MAX).saturating_sub(1);
            line.char_indices().nth(column).map_or(line.len(), |(at, _)| at)
        };
        let from = byte(location.column);
        let to = if location.end_line == location.line { byte(location.end_column).max(from) } else { line.len() };
        let to = line[from..to].char_indices().nth(NEAR).map_or(to, |(at, _)| from + at);

        let shown = back(line, from, NEAR)..forward(line, to, NEAR);
        let around = back(line, from, AROUND)..forward(line, to, AROUND);
        let mut hidden = secrets::ranges(&line[around.clone()]);
        if !self.parsed {
            secrets::named(&line[around.clone()], &mut hidden);
        }
        let mut hidden: Vec<Range<usize>> =
            hidden.into_iter().map(|range| range.start + around.start..range.end + around.start).collect();
        let near = begin + around.start..begin + around.end;
        let first = self.hidden.partition_point(|range| range.end <= near.start);
        let inside = self.hidden[first..].iter().take_while(|range| range.start < near.end);
        hidden.extend(inside.map(|range| range.start.max(begin) - begin..range.end.min(end) - begin));
        Some(draw(line, &shown, &(from..to), &secrets::merge(hidden)))
    }

    /// What is marked, without secrets: what tells one finding from another in a text that has no keys.
    pub(crate) fn marked(&self, location: &Location) -> String {
        self.excerpt(location).map_or_else(String::new, |excerpt| excerpt.text[excerpt.marked].trim().to_owned())
    }
}

/// The sources by the name that locations call them.
pub(crate) fn prepare(sources: &[(String, String)]) -> BTreeMap<String, Source<'_>> {
    sources.iter().map(|(name, text)| (escape::file(name), Source::of(text))).collect()
}

fn draw(line: &str, shown: &Range<usize>, marked: &Range<usize>, hidden: &[Range<usize>]) -> Excerpt {
    let mut text = String::new();
    let mut place = 0..0;
    if shown.start > 0 {
        text.push('…');
    }
    for (i, c) in line[shown.clone()].char_indices() {
        let at = shown.start + i;
        let secret = hidden.iter().find(|range| range.contains(&at));
        let rest = &line[at..];
        if at <= marked.start {
            place.start = text.len();
        }
        match secret {
            Some(range) if at == range.start.max(shown.start) => text.push_str(secrets::HIDDEN),
            Some(_) => {}
            None if c == '\t' => text.push(' '),
            // Some CI servers look for these anywhere in a line.
            None if rest.starts_with("##[") || rest.starts_with("##vso[") => text.push_str("\\u{23}"),
            None => match escape::character(c) {
                Some(escaped) => text.push_str(&escaped),
                None => text.push(c),
            },
        }
        if at < marked.end || place.end < place.start {
            place.end = text.len();
        }
    }
    if marked.start >= shown.end {
        place = text.len()..text.len();
    }
    if shown.end < line.len() {
        text.push('…');
    }
    // A value that is hidden may begin before what is marked.
    place.end = place.end.max(place.start);
    Excerpt { text, marked: place }
}

fn back(line: &str, from: usize, characters: usize) -> usize {
    line[..from].char_indices().rev().nth(characters.saturating_sub(1)).map_or(0, |(at, _)| at)
}

fn forward(line: &str, from: usize, characters: usize) -> usize {
    line[from..].char_indices().nth(characters).map_or(line.len(), |(at, _)| from + at)
}

/// Values that are never shown: those of environment variables, those behind a name that promises a secret, those that look like one.
fn collect(node: &Node, hide: bool, hidden: &mut Vec<Range<usize>>) {
    match &node.value {
        Value::Scalar { text, .. } => {
            if hide || secrets::hide(text) != *text {
                hidden.push(node.span.start..node.span.end);
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| collect(item, hide, hidden)),
        Value::Mapping(entries) => {
            for entry in entries {
                let key = &entry.key.value;
                // A list of names that are let through holds no values.
                let names = key == "allow" && matches!(entry.value.value, Value::Sequence(_));
                let hide = hide && !names;
                collect(&entry.value, hide || SETTINGS.contains(&key.as_str()) || secrets::is_secret_name(key), hidden);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gauntlet_policy::Span;

    fn show(text: &str, marked: &str) -> (String, String) {
        let start = text.find(marked).unwrap();
        let location = Span::of(text, start, start + marked.len()).location("t", text);
        let excerpt = Source::of(text).excerpt(&location).unwrap();
        let part = excerpt.text[excerpt.marked.clone()].to_owned();
        (excerpt.text, part)
    }

    #[test]
    fn the_line_is_shown_with_its_mark() {
        assert_eq!(show("a: 1\nmemory: 64MiB # x\n", "64MiB"), ("memory: 64MiB # x".into(), "64MiB".into()));
    }

    #[test]
    fn values_of_variables_are_hidden_in_any_line() {
        let (line, marked) = show("environment: { A: hunter2, B: x }\n", "A");
        assert_eq!((line.as_str(), marked.as_str()), ("environment: { A: [hidden], B: [hidden] }", "A"));
        assert_eq!(show("password: hunter2\n", "hunter2"), ("password: [hidden]".into(), "[hidden]".into()));
        assert_eq!(show("password: hunter2\n\t- x: [\n", "hunter2").0, "password: [hidden]");
        assert!(!show("a: ['--token=hunter2']\n", "a").0.contains("hunter2"));
    }

    #[test]
    fn controls_are_escaped_and_keep_the_mark_in_place() {
        let (line, marked) = show("a: '\u{1b}[31m' # b\n", "b");
        assert_eq!((line.as_str(), marked.as_str()), ("a: '\\u{1b}[31m' # b", "b"));
        assert!(!show("a: 1 # ##vso[task.x]\n", "1").0.contains("##vso["));
    }

    #[test]
    fn long_lines_are_cut() {
        let text = format!("a: {} # {}\n", "x".repeat(5_000), "y".repeat(5_000));
        let (line, _) = show(&text, &"x".repeat(5_000));
        assert!(line.chars().count() < 260, "{}", line.len());
        let (line, marked) = show(&text, "#");
        assert!(line.starts_with('…') && line.ends_with('…') && marked == "#");

        let far = format!("a: {} # y\n", "x".repeat(50_000));
        let place = Span::of(&far, 40_000, 40_001).location("t", &far);
        assert!(Source::of(&far).excerpt(&place).is_none());
    }
}
