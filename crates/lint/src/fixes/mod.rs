//! What a machine can mend: edits of byte ranges of the original text, so that comments and layout stay.
//!
//! A fix is *safe* if the policy means afterwards what it plainly meant before, and grants not a byte more; such fixes are applied. Others
//! are suggestions, since a person has to say what is meant: they are shown and left.

mod mends;

use gauntlet_policy::Policy;
use gauntlet_record::{Finding, Location};

use crate::{escape, secrets};

/// Most rounds of mending: what one fix uncovers the next may mend.
const MAX_ROUNDS: usize = 8;

/// New text for a range of bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// First byte.
    pub start: usize,
    /// Byte after the last; the same as `start` for an insertion.
    pub end: usize,
    /// What takes the place.
    pub text: String,
}

/// What can be done about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// The rule of the finding.
    pub rule: String,
    /// The place of the finding.
    pub location: Location,
    /// What is done, in a few words.
    pub title: String,
    /// Whether it can be done without asking.
    pub safe: bool,
    /// The edit of the text.
    pub edit: Edit,
}

/// What came of mending a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// The text after all safe fixes.
    pub text: String,
    /// The fixes that were applied, in the order of their rounds.
    pub applied: Vec<Fix>,
}

/// The fixes of findings in a text, in the order of the findings.
#[must_use]
pub fn fixes(text: &str, findings: &[Finding]) -> Vec<Fix> {
    let lines: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    findings
        .iter()
        .filter_map(|finding| {
            let mend = mends::MENDS.iter().find(|(rule, _)| *rule == finding.rule).map(|(_, mend)| mend)?;
            let (start, end) = range(text, &lines, &finding.location)?;
            let mended = mend(&mends::Flagged { text, start, end, finding })?;
            Some(Fix {
                rule: finding.rule.clone(),
                location: finding.location.clone(),
                title: escape::message(&mended.title),
                safe: mended.safe,
                edit: mended.edit,
            })
        })
        .collect()
}

/// The bytes that a location covers; only within one line, because no fix goes further.
fn range(text: &str, lines: &[usize], location: &Location) -> Option<(usize, usize)> {
    let index = usize::try_from(location.line).ok()?.checked_sub(1)?;
    let begin = *lines.get(index)?;
    let end = lines.get(index + 1).map_or(text.len(), |next| next - 1);
    let line = &text[begin..end];
    let byte = |column: u32| {
        let column = usize::try_from(column).ok()?.checked_sub(1)?;
        Some(line.char_indices().nth(column).map_or(line.len(), |(at, _)| at))
    };
    let start = begin + byte(location.column)?;
    let end = if location.end_line == location.line { begin + byte(location.end_column)? } else { end };
    (start <= end).then_some((start, end))
}

/// Applies edits to a text. Of edits that touch the same bytes the first counts.
#[must_use]
pub fn apply<'f>(text: &str, fixes: impl IntoIterator<Item = &'f Fix>) -> (String, Vec<&'f Fix>) {
    let mut sorted: Vec<&Fix> = fixes.into_iter().collect();
    sorted.sort_by(|a, b| a.edit.cmp(&b.edit));
    let (mut out, mut at, mut applied) = (String::with_capacity(text.len()), 0, Vec::new());
    for fix in sorted {
        let Edit { start, end, text: new } = &fix.edit;
        let touches = *start < at || applied.last().is_some_and(|last: &&Fix| last.edit == fix.edit);
        if let Some(kept) = text.get(at..*start).filter(|_| !touches && text.get(*start..*end).is_some()) {
            out.push_str(kept);
            out.push_str(new);
            at = *end;
            applied.push(fix);
        }
    }
    out.push_str(&text[at..]);
    (out, applied)
}

/// Applies the safe fixes of a text until there are none. `look` gives the findings of a text, and the policy if it is sound.
///
/// Each round is held against its promise: there have to be fewer findings after it, and a policy that was sound has to be the same one.
/// Otherwise it is not done.
#[must_use]
pub fn mend(text: &str, look: impl Fn(&str) -> (Vec<Finding>, Option<Policy>)) -> Mended {
    let mut mended = Mended { text: text.to_owned(), applied: Vec::new() };
    let (mut findings, mut policy) = look(text);
    for _ in 0..MAX_ROUNDS {
        let fixes: Vec<Fix> = fixes(&mended.text, &findings).into_iter().filter(|fix| fix.safe).collect();
        let (text, applied) = apply(&mended.text, &fixes);
        if applied.is_empty() {
            break;
        }
        let (after, policy_after) = look(&text);
        let same = match (&policy, &policy_after) {
            (Some(before), Some(after)) => before.to_yaml() == after.to_yaml(),
            (Some(_), None) => false,
            (None, _) => true,
        };
        // A file that could not be read shows its findings only now, so that there may be more of them than there were faults.
        let fewer = after.len() < findings.len() || policy.is_none() && policy_after.is_some();
        if !same || !fewer {
            break;
        }
        mended.applied.extend(applied.into_iter().cloned());
        mended.text = text;
        (findings, policy) = (after, policy_after);
    }
    mended
}

/// A text of the file as a title shows it.
fn shown(text: &str) -> String {
    secrets::hide(text)
}

#[cfg(test)]
mod tests;
