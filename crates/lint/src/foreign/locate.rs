//! Byte offsets to lines and columns, for readers that know only offsets.

use gauntlet_policy::Span;

/// Bytes between two counts of characters.
const STRIDE: usize = 1024;

/// Where lines begin, and how many characters there are up to every so many bytes: a place is found without reading the text again.
pub(super) struct Locator<'a> {
    text: &'a str,
    lines: Vec<usize>,
    characters: Vec<usize>,
}

impl<'a> Locator<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut characters = vec![0];
        let mut count = 0;
        for (at, byte) in text.bytes().enumerate() {
            if at > 0 && at % STRIDE == 0 {
                characters.push(count);
            }
            count += usize::from(begins_character(byte));
        }
        Self { text, lines, characters }
    }

    /// The span of bytes `start..end`, moved outwards to whole characters.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        let start = self.floor(start);
        let end = self.floor(end.max(start));
        let line = self.lines.partition_point(|begin| *begin <= start);
        let begin = self.lines[line - 1];
        let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Span { start, end, line: small(line), column: small(self.count(start) - self.count(begin) + 1) }
    }

    /// How many characters stand before a byte.
    fn count(&self, at: usize) -> usize {
        let mark = (at / STRIDE).min(self.characters.len() - 1);
        let rest = &self.text.as_bytes()[mark * STRIDE..at];
        self.characters[mark] + rest.iter().filter(|byte| begins_character(**byte)).count()
    }

    fn floor(&self, mut at: usize) -> usize {
        at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

const fn begins_character(byte: u8) -> bool {
    byte & 0xc0 != 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_one_that_counting_gives() {
        let text = format!("a\n\u{e9}b = 1\n{}\n{}x\n", "\u{20ac}".repeat(2000), "y".repeat(3000));
        let locator = Locator::of(&text);
        for start in (0..text.len()).step_by(7).chain([0, 1, 2, text.len()]) {
            assert_eq!(locator.span(start, start + 3), Span::of(&text, start, start + 3), "{start}");
        }
        assert_eq!(Locator::of("").span(0, 9), Span::of("", 0, 9));
    }
}
