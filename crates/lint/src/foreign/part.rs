//! One guest of a foreign file: what it is granted, as our rules see it and as an import carries it over.

use gauntlet_policy::document::Node;
use gauntlet_policy::{Access, FileGrant, Limit, NetworkGrant, Policy, Scope, Span, Spanned, Variable};
use gauntlet_record::{LimitKey, Severity};

use super::not_enforced::NotEnforced;
use crate::rules;

/// A guest of a foreign file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What the file calls the guest; empty if it names none.
    pub name: String,
    /// What our rules judge. Its text is empty: the places are those of the file it was read from.
    pub policy: Policy,
    /// What a reader already knows to be a fault, since our types cannot say it.
    pub(super) remarks: Vec<Remark>,
    /// What an import keeps.
    pub(super) import: Policy,
    /// What it cannot keep.
    pub(super) left: Vec<Left>,
}

/// A fault that the types of our policies cannot say, for the rule that describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remark {
    /// The rule.
    pub(crate) rule: &'static str,
    /// How bad it is, if not as bad as the rule says.
    pub(crate) severity: Option<Severity>,
    /// What is wrong.
    pub(crate) message: String,
    /// Where that can be read, besides the references of the rule.
    pub(crate) source: Option<&'static str>,
    /// Where it stands.
    pub(crate) span: Span,
}

/// Something that our format cannot carry over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// What, in the words of the file.
    pub what: String,
    /// Why.
    pub why: String,
    /// Where it stands.
    pub span: Span,
}

/// Whether an import can keep a grant.
pub(super) enum Carry {
    /// As the rules see it.
    Same,
    /// In another spelling, of which the reader hears.
    As(String, &'static str),
    /// Not at all.
    Not(&'static str),
}

impl Part {
    /// A guest that is granted nothing, and where the file begins to speak of it.
    pub(super) fn new(name: &str, at: Span) -> Self {
        let sections = ["version", "limits", "grants", "features", "modules"].map(|key| (key.to_owned(), at)).to_vec();
        Self {
            name: name.to_owned(),
            policy: Policy { sections, ..Policy::default() },
            remarks: Vec::new(),
            import: Policy::default(),
            left: Vec::new(),
        }
    }

    /// Findings about limits that are missing point here.
    pub(super) fn limits_at(&mut self, at: Span) {
        if let Some(section) = self.policy.sections.iter_mut().find(|(key, _)| key == "limits") {
            section.1 = at;
        }
    }

    pub(super) fn file(
        &mut self,
        host: Spanned<String>,
        guest: Option<Spanned<String>>,
        access: Spanned<Access>,
        span: Span,
    ) {
        let guest_named = guest.is_some();
        let guest = guest.unwrap_or_else(|| host.clone());
        let grant = FileGrant { host, guest, guest_named, access, reason: None, span };
        if grant.host.value.is_empty() || grant.host.value.contains('\0') || grant.guest.value.contains('\0') {
            self.left("a directory", "its path is empty or holds a NUL", span);
        } else {
            self.import.grants.filesystem.push(grant.clone());
        }
        self.policy.grants.filesystem.push(grant);
    }

    pub(super) fn network(&mut self, scope: Scope, address: Spanned<String>, carry: Carry) {
        let span = address.span;
        let grant = NetworkGrant { scope, address, reason: None, span };
        let what = format!("{} `{}`", grant.scope.as_str(), grant.address.value);
        self.policy.grants.network.push(grant.clone());
        match carry {
            Carry::Same => self.import.grants.network.push(grant),
            Carry::As(address, why) => {
                self.left(what, why, span);
                let address = Spanned { value: address, span };
                self.import.grants.network.push(NetworkGrant { address, ..grant });
            }
            Carry::Not(why) => self.left(what, why, span),
        }
    }

    pub(super) fn variable(&mut self, name: Spanned<String>, value: Spanned<String>, carry: Carry) {
        let span = name.span;
        let what = format!("the variable `{}`", name.value);
        let variable = Variable { name, value };
        self.policy.grants.environment.push(variable.clone());
        match carry {
            Carry::Same | Carry::As(..) => self.import.grants.environment.push(variable),
            Carry::Not(why) => self.left(what, why, span),
        }
    }

    pub(super) fn limit(&mut self, key: LimitKey, value: u64, span: Span) {
        self.policy.limits.set(key, Limit::At(value, span));
        self.import.limits.set(key, Limit::At(value, span));
    }

    /// The file says that there is no limit.
    pub(super) fn unlimited(&mut self, key: LimitKey, span: Span) {
        self.policy.limits.set(key, Limit::Unlimited(span));
        self.import.limits.set(key, Limit::Unlimited(span));
    }

    /// The file names no limit, and the host then has none. Ours has the strict default.
    pub(super) fn no_limit(&mut self, key: LimitKey, span: Span) {
        self.policy.limits.set(key, Limit::Unlimited(span));
        self.left(format!("no limit on {key}"), "the strict default holds instead", span);
    }

    pub(super) fn left(&mut self, what: impl Into<String>, why: impl Into<String>, span: Span) {
        self.left.push(Left { what: what.into(), why: why.into(), span });
    }

    /// Notes a fault for the rule that describes it.
    pub(super) fn remark(&mut self, rule: &'static str, message: String, span: Span) {
        self.remarks.push(Remark { rule, severity: None, message, source: None, span });
    }

    /// Notes what the host does not hold. An import leaves it out, with the same words.
    pub(super) fn ignore(&mut self, entry: &'static NotEnforced, field: &str, span: Span) {
        self.left(format!("`{field}`"), entry.effect.clone(), span);
        self.remarks.push(Remark {
            rule: rules::NOT_ENFORCEABLE,
            severity: Some(entry.severity),
            message: format!("`{field}` is not held by {} ({}): {}", entry.host, entry.release, entry.effect),
            source: Some(&entry.source),
            span,
        });
    }

    /// Notes everything of a file that is on the list of its host.
    pub(super) fn ignore_listed(&mut self, host: &str, root: &Node) {
        for (entry, span) in super::not_enforced::listed(host, root) {
            self.ignore(entry, &entry.field, span);
        }
    }
}
