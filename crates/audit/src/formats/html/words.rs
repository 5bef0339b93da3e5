//! States and words as the page shows them.

use gauntlet_report::page::{capital, escape};

use crate::model::{Level, Standing, State, Status};

/// A state by word, shape and colour.
pub(super) fn badge(class: &str, shape: &str, word: &str) -> String {
    format!("<span class=\"badge {class}\"><span aria-hidden=\"true\">{shape}</span> {}</span>", escape(word))
}

pub(super) const fn class_of(status: Status) -> &'static str {
    match status {
        Status::Satisfied => "good",
        Status::NotSatisfied => "bad",
        Status::NotApplicable => "none",
        Status::Attested => "soft",
        Status::NeedsAPerson => "warn",
    }
}

pub(super) fn status(status: Status) -> String {
    let (class, shape) = match status {
        Status::Satisfied => ("good", "\u{2713}"),
        Status::NotSatisfied => ("bad", "\u{2717}"),
        Status::NotApplicable => ("none", "\u{2013}"),
        Status::Attested => ("none", "\u{270e}"),
        Status::NeedsAPerson => ("warn", "?"),
    };
    badge(class, shape, &capital(status.as_str()))
}

pub(super) fn standing(standing: Standing) -> String {
    let (class, shape) = match standing {
        Standing::Supported => ("good", "\u{2713}"),
        Standing::PartlySupported => ("warn", "\u{25d0}"),
        Standing::Broken => ("bad", "\u{2717}"),
        Standing::NoEvidence => ("warn", "?"),
    };
    badge(class, shape, &capital(standing.as_str()))
}

pub(super) fn state(state: State) -> String {
    let (class, shape) = match state {
        State::Holds => ("good", "\u{2713}"),
        State::Fails => ("bad", "\u{2717}"),
        State::Unknown => ("warn", "?"),
        State::NotApplicable | State::Told => ("none", "\u{2013}"),
    };
    badge(class, shape, &capital(state.as_str()))
}

pub(super) fn level(level: Level) -> String {
    let (class, shape) = match level {
        Level::Low => ("good", "\u{25bd}"),
        Level::Medium => ("warn", "\u{25c7}"),
        Level::High => ("bad", "\u{25b3}"),
    };
    badge(class, shape, &capital(level.as_str()))
}

pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// A sentence of ours, in which backquotes mark what is code.
pub(super) fn prose(text: &str) -> String {
    let shown = escape(text);
    let parts: Vec<&str> = shown.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return shown;
    }
    let of = |(at, part): (usize, &&str)| if at % 2 == 1 { format!("<code>{part}</code>") } else { (*part).to_owned() };
    parts.iter().enumerate().map(of).collect()
}

/// An id as the name of a place in the page.
pub(super) fn place(kind: &str, id: &str) -> String {
    let id: String = id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(120).collect();
    format!("{kind}-{id}")
}
