use gauntlet_record::Unit;

use super::*;
use crate::Random;

fn faults(text: &str) -> Vec<(&'static str, u32)> {
    Policy::parse("t", text)
        .err()
        .map(|faults| faults.iter().map(|fault| (fault.rule, fault.span.line)).collect())
        .unwrap_or_default()
}

#[test]
fn all_faults_of_a_file_are_reported_at_once() {
    let text =
        "version: 2\nlimits:\n  memroy: 1MiB\n  fuel: -1\n  deadline: 10\n  memory:\nfeatures: { threads: no }\n";
    let expected = [
        ("version-unknown", 1),
        ("unknown-key", 3),
        ("not-a-quantity", 4),
        ("not-a-quantity", 5),
        ("null-value", 6),
        ("boolean-not-canonical", 7),
    ];
    assert_eq!(faults(text), expected);
}

#[test]
fn a_misspelled_key_gets_a_suggestion() {
    let faults = Policy::parse("t", "version: 1\nlimits: { table_elements: 10 }\n").unwrap_err();
    assert_eq!(faults[0].fix, "Did you mean `table-elements`?");
}

#[test]
fn an_absent_limit_is_the_strict_default_and_unlimited_is_none() {
    let policy = Policy::parse("t", "version: 1\nlimits: { fuel: unlimited, memory: 25% }\n").unwrap();
    assert_eq!(policy.limits.resolve(LimitKey::Deadline, 0), Some(10_000_000_000));
    assert_eq!(policy.limits.resolve(LimitKey::Fuel, 0), None);
    assert_eq!(policy.limits.resolve(LimitKey::Memory, 1000), Some(250));
    assert_eq!(policy.limits.resolve(LimitKey::CallDepth, 0), None);
}

#[test]
fn every_size_takes_a_share_and_nothing_else_does() {
    for key in LimitKey::ALL.iter().copied() {
        let policy = Policy::parse("t", &format!("version: 1\nlimits: {{ {key}: 25% }}\n"));
        let share = policy.ok().and_then(|policy| policy.limits.resolve(key, 1_000));
        assert_eq!(share, (key.unit() == Unit::Bytes).then_some(250), "{key}");
    }
    assert_eq!(faults("version: 1\nlimits: { memory: 0% }\n"), [("not-a-quantity", 2)]);
    assert_eq!(faults("version: 1\nlimits: { memory: 101% }\n"), [("not-a-quantity", 2)]);
}

#[test]
fn a_seed_a_deny_list_and_the_keys_of_signers_are_read() {
    let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let text = format!(
        "version: 1\ngrants: {{ random: {{ seed: 7 }} }}\nmodules: {{ deny-list: deny.txt, signed-by: [{key}] }}\n"
    );
    let policy = Policy::parse("t", &text).unwrap();
    assert_eq!(policy.grants.random.value, Random::Seeded);
    assert_eq!(policy.grants.random_seed.map(|seed| seed.value), Some(7));
    assert_eq!(policy.modules.deny_list.map(|path| path.value), Some("deny.txt".to_owned()));
    assert_eq!(policy.modules.signed_by.len(), 1);
    assert_eq!(faults("version: 1\nmodules: { signed-by: [abc] }\n"), [("not-a-public-key", 2)]);
    assert_eq!(faults("version: 1\nmodules: { deny-list: '' }\n"), [("not-a-path", 2)]);
    assert_eq!(faults("version: 1\ngrants: { random: { sed: 7 } }\n"), [("unknown-key", 2)]);
}

#[test]
fn the_version_is_asked_for() {
    assert_eq!(faults("limits: {}\n"), [("version-missing", 1)]);
    assert_eq!(faults("[]\n"), [("wrong-type", 1)]);
    assert_eq!(faults("hello\n"), [("wrong-type", 1)]);
}
