//! A request's policy, laid under the operator's: it can only tighten.

use gauntlet_policy::{Feature, Limit, OnDenial, Policy};
use gauntlet_record::LimitKey;
use serde_json::Value;

use crate::problem::{Kind, Problem};

/// The parts that a request may tighten. Everything else of a policy is the operator's.
const OPEN: &[&str] = &["version", "limits", "features", "on-denial", "deterministic"];
/// The parts that only the operator may write.
const CLOSED: &[&str] = &["extends", "grants", "modules", "isolation", "errors", "audit", "per-tenant", "waivers"];

/// The operator's policy, with what a request tightens.
///
/// # Errors
///
/// If the request's policy has faults, or asks for more than the operator's allows; the problem names the key.
pub fn tightened(ceiling: &Policy, asked: Option<&Value>) -> Result<Policy, Problem> {
    let mut policy = ceiling.clone();
    let Some(asked) = asked else { return Ok(policy) };
    let Value::Object(parts) = asked else {
        return Err(Problem::new(Kind::InvalidPolicy, "a policy is an object"));
    };
    if let Some(closed) = parts.keys().find(|key| CLOSED.contains(&key.as_str())) {
        return Err(widens(closed, "the request's", "only the operator sets this"));
    }
    let mut parts = parts.clone();
    parts.entry("version").or_insert_with(|| Value::from(1));
    // JSON is YAML: the one reader of policies reads this one, too.
    let text = serde_json::to_string(&parts).unwrap_or_default();
    let read = Policy::parse("request", &text).map_err(|faults| {
        let errors: Vec<Value> = faults.iter().map(|fault| Value::from(fault.message.clone())).collect();
        let known = format!("a request's policy may have: {}", OPEN.join(", "));
        Problem::new(Kind::InvalidPolicy, known).with("errors", errors)
    })?;
    limits(&mut policy, ceiling, &read)?;
    features(&mut policy, ceiling, &read)?;
    if read.on_denial.span.line > 0 {
        if ceiling.on_denial.value == OnDenial::Trap && read.on_denial.value != OnDenial::Trap {
            return Err(widens("on-denial", "errno", "trap"));
        }
        policy.on_denial = read.on_denial;
    }
    if read.deterministic.span.line > 0 {
        if ceiling.deterministic.value && !read.deterministic.value {
            return Err(widens("deterministic", "false", "true"));
        }
        policy.deterministic = read.deterministic;
    }
    // What it says now is no longer what the operator's file says.
    policy.text = String::new();
    Ok(policy)
}

fn limits(policy: &mut Policy, ceiling: &Policy, read: &Policy) -> Result<(), Problem> {
    let memory = gauntlet_sandbox::host_memory();
    for key in LimitKey::ALL.iter().copied() {
        let asked = read.limits.get(key);
        if asked == Limit::Default {
            continue;
        }
        let most = ceiling.limits.resolve(key, memory);
        let wanted = read.limits.resolve(key, memory);
        let show = |value: Option<u64>| value.map_or_else(|| "unlimited".to_owned(), |value| key.unit().show(value));
        if let Some(most) = most
            && wanted.is_none_or(|wanted| wanted > most)
        {
            return Err(widens(&format!("limits.{key}"), &show(wanted), &show(Some(most))));
        }
        policy.limits.set(key, asked);
    }
    Ok(())
}

fn features(policy: &mut Policy, ceiling: &Policy, read: &Policy) -> Result<(), Problem> {
    for feature in Feature::ALL.iter().copied() {
        let Some((allowed, span)) = read.features.named(feature) else { continue };
        if allowed && !ceiling.features.allows(feature) {
            return Err(widens(&format!("features.{}", feature.as_str()), "true", "false"));
        }
        policy.features.set(feature, allowed, span);
    }
    Ok(())
}

fn widens(key: &str, asked: &str, ceiling: &str) -> Problem {
    Problem::new(Kind::PolicyWidens, format!("`{key}` may be tightened only"))
        .with("key", key)
        .with("asked", asked)
        .with("ceiling", ceiling)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ceiling() -> Policy {
        Policy::parse("t", "version: 1\nlimits: { memory: 64MiB, deadline: 5s, fuel: unlimited }\non-denial: trap\n")
            .unwrap()
    }

    fn asked(text: &str) -> Result<Policy, Problem> {
        tightened(&ceiling(), Some(&serde_json::from_str(text).unwrap()))
    }

    fn refused(text: &str) -> (Kind, Value) {
        let problem = asked(text).unwrap_err();
        (problem.kind(), serde_json::from_slice(&problem.body()).unwrap())
    }

    #[test]
    fn what_is_tighter_is_taken() {
        let policy = asked(r#"{"limits":{"memory":"1MiB","fuel":1000},"features":{"simd":false}}"#).unwrap();
        assert_eq!(policy.limits.resolve(LimitKey::Memory, 0), Some(1 << 20));
        assert_eq!(policy.limits.resolve(LimitKey::Fuel, 0), Some(1000));
        assert_eq!(policy.limits.resolve(LimitKey::Deadline, 0), Some(5_000_000_000));
        assert!(!policy.features.allows(Feature::Simd));
    }

    #[test]
    fn what_widens_is_refused_by_its_key() {
        for (text, key) in [
            (r#"{"limits":{"memory":"65MiB"}}"#, "limits.memory"),
            (r#"{"limits":{"memory":"unlimited"}}"#, "limits.memory"),
            (r#"{"limits":{"deadline":"5001ms"}}"#, "limits.deadline"),
            (r#"{"limits":{"connections":1}}"#, "limits.connections"),
            (r#"{"features":{"threads":true}}"#, "features.threads"),
            (r#"{"grants":{"network":[{"connect":"a:1"}]}}"#, "grants"),
            (r#"{"extends":"../../etc/passwd"}"#, "extends"),
            (r#"{"isolation":{"seccomp":"off"}}"#, "isolation"),
            (r#"{"audit":{"log":"/etc/cron.d/x"}}"#, "audit"),
            (r#"{"on-denial":"errno"}"#, "on-denial"),
        ] {
            let (kind, body) = refused(text);
            assert_eq!(kind, Kind::PolicyWidens, "{text}");
            assert_eq!(body["key"], key, "{text}");
        }
    }

    #[test]
    fn what_is_no_policy_is_said_with_its_faults() {
        for text in [
            r#"{"limit":{}}"#,
            r#"{"limits":{"memory":"64 monkeys"}}"#,
            "[]",
            r#""x""#,
            r#"{"limits":{"memory":"-1"}}"#,
        ] {
            assert_eq!(refused(text).0, Kind::InvalidPolicy, "{text}");
        }
    }
}
