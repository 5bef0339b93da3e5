use gauntlet_record::{LimitKey, Unit};

use crate::run;

#[test]
fn every_size_as_a_share_is_resolved_in_the_outcome() {
    let sizes = || LimitKey::ALL.iter().copied().filter(|key| key.unit() == Unit::Bytes && *key != LimitKey::Stack);
    let shares: Vec<String> = sizes().map(|key| format!("{key}: 25%")).collect();
    let policy = format!("version: 1\nlimits: {{ {} }}\n", shares.join(", "));
    let outcome = run(r#"(module (func (export "_start")))"#, &policy);
    let quarter = u64::try_from(u128::from(gauntlet_sandbox::host_memory()) * 25 / 100).unwrap();
    for key in sizes() {
        let cap = outcome.usage.iter().find(|usage| usage.limit == key).and_then(|usage| usage.cap);
        assert_eq!(cap, Some(quarter), "{key}");
    }
}
