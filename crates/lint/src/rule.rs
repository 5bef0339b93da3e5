//! A rule is a value: its text, its examples and its check.

use std::fmt;

use gauntlet_policy::{Limit, Policy, Span};
use gauntlet_record::{Category, Confidence, Finding, LimitKey, Location, Severity};

use crate::{Options, escape, limits};

/// Declares the groups of rules: variant, word, title.
macro_rules! groups {
    ($($(#[$meta:meta])* $variant:ident = $word:literal;)*) => {
        /// What part of a policy a rule is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Group { $($(#[$meta])* $variant,)* }

        impl Group {
            /// Every group, in the order of the rule pages.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word as flags and pages spell it.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word,)* } }
        }
    };
}

groups! {
    /// Limits: absent, unlimited, zero, too wide, at odds with each other.
    Limits = "limits";
    /// File grants.
    Files = "files";
    /// Network grants.
    Network = "network";
    /// Environment variables and arguments.
    Environment = "environment";
    /// Standard streams.
    Streams = "streams";
    /// Clocks and random numbers.
    Clocks = "clocks";
    /// Proposals of WebAssembly.
    Features = "features";
    /// Which modules may run.
    Modules = "modules";
    /// Confinement of the process that runs the guest.
    Isolation = "isolation";
    /// What errors and denials tell and do.
    Errors = "errors";
    /// Logs of runs.
    Audit = "audit";
    /// The engine that runs the guest.
    Engine = "engine";
    /// Findings that somebody accepted.
    Waivers = "waivers";
    /// The shape of the file.
    Structure = "structure";
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// The policy alone: the same finding on every machine.
    Policy,
    /// The policy and this host; skipped unless [`Options::host`] says so.
    Host,
    /// The policy and the module that is to run under it; skipped where there is none.
    Module,
}

impl Input {
    /// The word as pages spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Host => "host",
            Self::Module => "module",
        }
    }
}

/// A rule: what it finds, why that matters, what to do about it, and how to see it.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Names the fault; stays for ever.
    pub id: &'static str,
    /// What part of a policy it is about.
    pub group: Group,
    /// How bad a finding of it is.
    pub severity: Severity,
    /// What it is about: security, performance or compatibility.
    pub category: Category,
    /// How sure it is that what it finds is a fault.
    pub confidence: Confidence,
    /// What it looks at.
    pub input: Input,
    /// The fault in a few words, in lower case and without full stop.
    pub summary: &'static str,
    /// Why it is a fault.
    pub why: &'static str,
    /// What an attacker or operator gets from it, in a few words, in lower case and without full stop.
    pub impact: &'static str,
    /// What to do about it.
    pub fix: &'static str,
    /// Weaknesses and guidance, for example `CWE-770`.
    pub references: &'static [&'static str],
    /// A policy in which the rule finds something.
    pub bad: &'static str,
    /// What its findings in the bad example cover: each finding covers this text, and each place of this text has a finding. Text before a
    /// `|` is not covered: it tells this place from others with the same text.
    pub flags: &'static str,
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
    options: &'a Options,
    found: Vec<Finding>,
}

impl<'a> Findings<'a> {
    pub(crate) const fn new(policy: &'a Policy, rule: &'static Rule, options: &'a Options) -> Self {
        Self { policy, rule, options, found: Vec::new() }
    }

    pub(crate) fn into_inner(self) -> Vec<Finding> {
        self.found
    }

    /// The date that waivers are held against.
    pub(crate) fn today(&self) -> Option<&'a str> {
        self.options().today.as_deref()
    }

    /// What the linter was told besides the policy.
    pub(crate) const fn options(&self) -> &'a Options {
        self.options
    }

    /// Notes a finding. The message may hold text of the policy: it is escaped and cut here, once for all rules.
    pub(crate) fn flag(&mut self, at: &Span, message: impl AsRef<str>) {
        self.found.push(Finding {
            rule: self.rule.id.to_owned(),
            severity: self.rule.severity,
            category: self.rule.category,
            confidence: self.rule.confidence,
            message: escape::message(message.as_ref()),
            impact: self.rule.impact.to_owned(),
            fix: self.rule.fix.to_owned(),
            location: place(*at, &self.policy.name, &self.policy.text),
            references: self.rule.references.iter().map(|&reference| reference.to_owned()).collect(),
        });
    }

    /// Notes a finding if the policy writes a limit above `most`, in the key's base unit.
    pub(crate) fn flag_above(&mut self, policy: &Policy, key: LimitKey, most: u64) {
        if let Some((value, at)) = limits::written(policy, key)
            && value > most
        {
            let unit = key.unit();
            self.flag(&at, format!("`limits.{key}` is {}, more than {}", unit.show(value), unit.show(most)));
        }
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
