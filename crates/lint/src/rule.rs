//! A rule is a value: its text, its examples and its check.

use gauntlet_policy::{Limit, Policy, Span};
use gauntlet_record::{Finding, LimitKey, Location, Severity};

use crate::escape;

/// A rule: what it finds, why that matters, what to do about it, and how to see it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Names the fault; stays for ever.
    pub id: &'static str,
    /// How bad a finding of it is.
    pub severity: Severity,
    /// The fault in a few words, in lower case and without full stop.
    pub summary: &'static str,
    /// Why it is a fault.
    pub why: &'static str,
    /// What to do about it.
    pub fix: &'static str,
    /// Weaknesses and guidance, for example `CWE-770`.
    pub references: &'static [&'static str],
    /// A policy in which the rule finds something.
    pub bad: &'static str,
    /// A policy in which it finds nothing.
    pub good: &'static str,
    /// Looks for the fault.
    pub(crate) check: fn(&Policy, &mut Findings<'_>),
}

/// Where a span stands, for a record. It looks at the span alone: a long file with many findings must not be read for each of them.
pub(crate) fn place(at: Span, file: &str, text: &str) -> Location {
    let inside = text.get(at.start..at.end).unwrap_or_default();
    let lines = u32::try_from(inside.matches('\n').count()).unwrap_or(u32::MAX);
    let last = u32::try_from(inside.rsplit('\n').next().map_or(0, |last| last.chars().count())).unwrap_or(u32::MAX);
    let end_column = if lines == 0 { at.column.saturating_add(last) } else { last.saturating_add(1) };
    Location {
        file: escape::file(file),
        line: at.line,
        column: at.column,
        end_line: at.line.saturating_add(lines),
        end_column,
    }
}

/// Takes what one rule finds in one policy.
#[derive(Debug)]
pub struct Findings<'a> {
    policy: &'a Policy,
    rule: &'static Rule,
    today: Option<&'a str>,
    found: Vec<Finding>,
}

impl<'a> Findings<'a> {
    pub(crate) const fn new(policy: &'a Policy, rule: &'static Rule, today: Option<&'a str>) -> Self {
        Self { policy, rule, today, found: Vec::new() }
    }

    pub(crate) fn into_inner(self) -> Vec<Finding> {
        self.found
    }

    /// The date that waivers are held against.
    pub(crate) const fn today(&self) -> Option<&'a str> {
        self.today
    }

    /// Notes a finding. The message may hold text of the policy: it is escaped and cut here, once for all rules.
    pub(crate) fn flag(&mut self, at: &Span, message: impl AsRef<str>) {
        self.found.push(Finding {
            rule: self.rule.id.to_owned(),
            severity: self.rule.severity,
            message: escape::message(message.as_ref()),
            fix: self.rule.fix.to_owned(),
            location: place(*at, &self.policy.name, &self.policy.text),
            references: self.rule.references.iter().map(|&reference| reference.to_owned()).collect(),
        });
    }

    /// Notes a finding if the policy writes a limit as `unlimited`.
    pub(crate) fn flag_unlimited(&mut self, policy: &Policy, key: LimitKey) {
        if let Limit::Unlimited(at) = policy.limits.get(key) {
            self.flag(&at, format!("`limits.{key}` is unlimited"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_where_the_span_stands() {
        let text = "version: 1\nlimits:\n  memory: 64MiB # \u{e9}\n";
        for start in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            for end in (start..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                let span = Span::of(text, start, end);
                assert_eq!(place(span, "p.yaml", text), span.location("p.yaml", text));
            }
        }
    }
}
