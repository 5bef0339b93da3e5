//! One reader, one opinion: what parses, lints and loads agrees, and neither panics.

use super::{Check, Finding, Oracle};

pub(super) const ORACLE: Oracle = Oracle {
    id: "lint-accepts-means-loads",
    property: "a policy that lints without a high finding loads in the executor, and one that is refused does not load; none panics",
    check: Check::Policy(check),
};

/// What was made of the text of a policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicySeen {
    /// The message of a panic, if one of those who read it panicked.
    pub panicked: Option<String>,
    /// Whether the reader took it.
    pub parses: bool,
    /// Whether the linter found something high in it, or a fault.
    pub lint_objects: bool,
    /// Why the executor does not load it; `None` if it does. `Err` if it was not asked.
    pub refused: Option<String>,
    /// Whether what was read, written and read again is the same; `None` if it could not be written.
    pub round_trip: Option<bool>,
    /// A control character in a finding of the linter.
    pub raw: bool,
}

fn check(seen: &PolicySeen) -> Option<Finding> {
    if let Some(panic) = &seen.panicked {
        return Some(Finding::new(&ORACLE, &format!("reading or linting it panicked: {panic}")));
    }
    if seen.raw {
        return Some(Finding::new(&ORACLE, "a finding of the linter shows a control character of the policy"));
    }
    match (seen.parses, &seen.refused) {
        (false, None) => Some(Finding::new(&ORACLE, "the executor loads what the reader refuses")),
        (false, Some(_)) | (true, None) if seen.round_trip != Some(false) => None,
        (true, None) | (false, Some(_)) => Some(Finding::new(&ORACLE, "written and read again it is another policy")),
        (true, Some(_)) if seen.lint_objects => None,
        (true, Some(why)) => Some(Finding::new(
            &ORACLE,
            &format!("the linter has nothing high against it, and the executor refuses it: {why}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linter_and_executor_have_to_agree() {
        let sound = PolicySeen { parses: true, round_trip: Some(true), ..PolicySeen::default() };
        assert_eq!(check(&sound), None);
        let refused = PolicySeen { refused: Some("no".into()), ..sound.clone() };
        assert!(check(&refused).is_some());
        assert_eq!(check(&PolicySeen { lint_objects: true, ..refused.clone() }), None);
        assert_eq!(check(&PolicySeen { parses: false, round_trip: None, ..refused }), None);
        assert!(check(&PolicySeen { parses: false, round_trip: None, ..sound.clone() }).is_some());
        assert!(check(&PolicySeen { round_trip: Some(false), ..sound.clone() }).is_some());
        assert!(check(&PolicySeen { panicked: Some("at".into()), ..sound.clone() }).is_some());
        assert!(check(&PolicySeen { raw: true, ..sound }).is_some());
    }
}
