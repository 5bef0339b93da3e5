//! Limits held against one another.

use gauntlet_policy::{Limit, Limits, Policy, Span};
use gauntlet_record::LimitKey;

/// What a policy writes for a limit, in the key's base unit, and where; a share of the host is not known here.
pub(crate) fn written(policy: &Policy, key: LimitKey) -> Option<(u64, Span)> {
    match policy.limits.get(key) {
        Limit::At(value, at) => Some((value, at)),
        Limit::Default | Limit::Unlimited(_) | Limit::Share(..) => None,
    }
}

/// What holds for a limit, written or by default; `None` if it is unlimited or a share of the host.
pub(crate) fn known(policy: &Policy, key: LimitKey) -> Option<u64> {
    match policy.limits.get(key) {
        Limit::At(value, _) => Some(value),
        Limit::Default => Limits::strict(key),
        Limit::Unlimited(_) | Limit::Share(..) => None,
    }
}

/// A limit that is written and larger than another one, and that other: `(larger, where, smaller)`.
pub(crate) fn larger(policy: &Policy, key: LimitKey, than: LimitKey) -> Option<(u64, Span, u64)> {
    let ((value, at), other) = (written(policy, key)?, known(policy, than)?);
    (value > other).then_some((value, at, other))
}
