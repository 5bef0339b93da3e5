//! Findings that the policy itself accepts: which waivers take effect.

use gauntlet_policy::{Policy, Waiver};
use gauntlet_record::{Finding, Severity};

use crate::rule::{Findings, Input, Rule};
use crate::rules::{self, waiver_silences_several, waiver_unused};
use crate::{Options, structure};

/// Fewest characters of a reason that somebody can judge.
const LEAST_REASON: usize = 10;

/// Where a waiver stands in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// It names no date.
    Never,
    /// What it names is no date.
    Unreadable,
    /// Its date has passed.
    Past,
    /// Its date is today or later, or nobody said what today is.
    InForce,
}

/// Whether a finding of a rule is accepted.
pub(crate) fn accepts(policy: &Policy, today: Option<&str>, rule: &str) -> bool {
    !is_about_waivers(rule)
        && policy
            .waivers
            .iter()
            .any(|waiver| waiver.rule.value == rule && has_reason(waiver) && in_force(waiver, today))
}

/// What can only be said of waivers when every other rule has run: which accepted nothing, and which accepted too much.
pub(crate) fn judge(
    policy: &Policy,
    options: &Options,
    waived: &[Finding],
    ran: impl Fn(&Rule) -> bool,
) -> Vec<Finding> {
    let mut unused = Findings::new(policy, &waiver_unused::RULE, options);
    let mut several = Findings::new(policy, &waiver_silences_several::RULE, options);
    for (i, waiver) in policy.waivers.iter().enumerate() {
        let name = &waiver.rule.value;
        let again = policy.waivers[..i].iter().any(|other| other.rule.value == *name);
        let Some(rule) = rule(name) else { continue };
        let takes_effect = has_reason(waiver) && in_force(waiver, options.today.as_deref());
        if again || !takes_effect || !ran(rule) || is_about_waivers(name) {
            continue;
        }
        let accepted = waived.iter().filter(|finding| finding.rule == *name).count();
        // Whether a rule that looks at the host finds something differs from host to host.
        if accepted == 0 && rule.input == Input::Policy && ran(&waiver_unused::RULE) {
            unused.flag(&waiver.rule.span, format!("the waiver of `{name}` matches nothing"));
        }
        if accepted > 1 && rule.severity >= Severity::High && ran(&waiver_silences_several::RULE) {
            several.flag(&waiver.rule.span, format!("the waiver of `{name}` silences {accepted} findings"));
        }
    }
    let mut found = unused.into_inner();
    found.append(&mut several.into_inner());
    found
}

/// Whether a rule is about waivers: its findings cannot be waived.
pub(crate) fn is_about_waivers(rule: &str) -> bool {
    rule.starts_with("waiver-")
}

fn in_force(waiver: &Waiver, today: Option<&str>) -> bool {
    match expiry(waiver, today) {
        Expiry::Never | Expiry::InForce => true,
        Expiry::Unreadable | Expiry::Past => false,
    }
}

/// Whether a waiver has a reason that somebody can judge.
pub(crate) fn has_reason(waiver: &Waiver) -> bool {
    waiver.reason.as_ref().is_some_and(|reason| {
        let reason = reason.value.trim();
        reason.chars().count() >= LEAST_REASON && !reason.to_lowercase().starts_with("todo")
    })
}

/// Where a waiver stands in time, seen from `today`. Dates are compared as text, which is right for `YYYY-MM-DD`.
pub(crate) fn expiry(waiver: &Waiver, today: Option<&str>) -> Expiry {
    let Some(expires) = &waiver.expires else { return Expiry::Never };
    if !is_date(&expires.value) {
        return Expiry::Unreadable;
    }
    let Some(today) = today else { return Expiry::InForce };
    let today = today.get(..10).unwrap_or_default();
    // A date of today that cannot be read must not keep a waiver alive.
    if is_date(today) && expires.value.as_str() >= today { Expiry::InForce } else { Expiry::Past }
}

/// The rule of a name.
pub(crate) fn rule(name: &str) -> Option<&'static Rule> {
    rules::RULES.iter().copied().find(|known| known.id == name)
}

/// Whether a name is that of a structural fault.
pub(crate) fn is_fault(name: &str) -> bool {
    structure::FAULTS.iter().any(|known| known.id == name)
}

/// Whether there is a rule of that name.
pub(crate) fn knows(name: &str) -> bool {
    rule(name).is_some() || is_fault(name)
}

/// The day's number in a count of days, for telling how far two dates lie apart; `None` if it is no date.
pub(crate) fn day(date: &str) -> Option<u32> {
    let date = date.get(..10)?;
    if !is_date(date) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| date.get(range)?.parse::<u32>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    // Years are counted from March, so that the leap day is the last of its year; 400 of them are a whole cycle.
    let (year, month) = if month > 2 { (year + 400, month - 3) } else { (year + 399, month + 9) };
    Some(365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day)
}

fn is_date(text: &str) -> bool {
    let digits =
        |range: std::ops::Range<usize>| text.get(range).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let number = |range| digits(range).and_then(|part| part.parse::<u32>().ok());
    let dashes = text.len() == 10 && text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
    let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10)) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + u32::from(leap),
        _ => 31,
    };
    dashes && (1..=12).contains(&month) && (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, lint_all};

    #[test]
    fn dates_are_dates() {
        assert!(is_date("2026-01-31") && is_date("2028-02-29"));
        for text in ["2026-02-29", "2026-13-01", "2026-1-1", "soon", "", "2026-01-00", "２026-01-1"] {
            assert!(!is_date(text), "{text}");
        }
    }

    #[test]
    fn days_are_counted() {
        let apart = |a: &str, b: &str| day(b).unwrap() - day(a).unwrap();
        assert_eq!(apart("2026-01-01", "2026-07-01"), 181);
        assert_eq!(apart("2028-02-28", "2028-03-01"), 2);
        assert_eq!(apart("2026-12-31", "2027-01-01"), 1);
        assert_eq!(apart("1999-12-31", "2000-12-31"), 366);
        assert_eq!(day("soon"), None);
        assert_eq!(day("2026-01-31T10:00:00Z"), day("2026-01-31"));
    }

    fn findings(waiver: &str, today: &str) -> (Vec<String>, usize) {
        let text =
            format!("version: 1\nlimits: {{ memory: unlimited }}\nwaivers: [{{ rule: memory-unbounded, {waiver} }}]\n");
        let policy = Policy::parse("t.yaml", &text).unwrap();
        let linted = lint_all(&policy, &Options { today: Some(today.into()), ..Options::default() });
        (linted.findings.into_iter().map(|finding| finding.rule).collect(), linted.waived.len())
    }

    #[test]
    fn a_waiver_in_force_drops_the_finding_and_counts_it() {
        let (left, waived) = findings("reason: 'the host caps it', owner: me, expires: 2026-06-30", "2026-06-30");
        assert!(!left.contains(&"memory-unbounded".to_owned()));
        assert_eq!(waived, 1);
    }

    #[test]
    fn a_waiver_that_nobody_can_judge_or_that_expired_drops_nothing() {
        let cases = [
            ("owner: me, expires: 2026-06-30", "2026-01-01"),
            ("reason: 'todo: think', owner: me, expires: 2026-06-30", "2026-01-01"),
            ("reason: 'the host caps it', owner: me, expires: 2026-06-30", "2026-07-01"),
            ("reason: 'the host caps it', owner: me, expires: soon", "2026-01-01"),
            ("reason: 'the host caps it', owner: me, expires: 2026-06-30", "nonsense"),
        ];
        for (waiver, today) in cases {
            let (left, waived) = findings(waiver, today);
            assert!(left.contains(&"memory-unbounded".to_owned()), "{waiver}");
            assert_eq!(waived, 0);
        }
    }
}
