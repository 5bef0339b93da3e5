use std::sync::Arc;

use gauntlet_policy::Policy;
use gauntlet_record::{Cause, Ending, LimitKey};
use gauntlet_sandbox::{DenyList, Inline};
use gauntlet_target::{Job, Target as _};
use wasmsign2::{KeyPair, Module, Section, SectionLike as _};

const GUEST: &str = r#"(module (func (export "_start")))"#;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn job(policy: &str) -> Job {
    crate::job(GUEST, policy)
}

#[test]
fn only_signed_modules_run_where_signatures_are_asked_for() {
    let pair = KeyPair::generate();
    let policy = format!("version: 1\nmodules: {{ signed-by: ['{}'] }}\n", hex(&pair.pk.to_bytes()));
    let unsigned = job(&policy);
    let refused = |job: &Job| {
        let outcome = Inline::new().run(job).unwrap();
        assert_eq!(outcome.usage.len(), LimitKey::ALL.len(), "usage names every limit");
        outcome.ending.cause == Some(Cause::RefusedModule)
    };
    assert!(refused(&unsigned));

    let signed = pair.sk.sign(Module::deserialize(&mut unsigned.guest.as_slice()).unwrap(), None).unwrap();
    let Section::Custom(section) = &signed.sections[0] else { panic!("a signature comes first") };
    let detached = Job { signature: Some(section.payload().to_vec()), ..unsigned.clone() };
    assert!(!refused(&detached));
    let mut bytes = Vec::new();
    signed.serialize(&mut bytes).unwrap();
    let embedded = Job { guest: bytes, ..unsigned.clone() };
    assert!(!refused(&embedded));

    let mut swapped = embedded.clone();
    let last = swapped.guest.len() - 1;
    swapped.guest[last] ^= 1;
    assert!(refused(&swapped));
    let nothing = Job { signature: Some(Vec::new()), ..embedded.clone() };
    assert!(refused(&nothing));
    let key = hex(&KeyPair::generate().pk.to_bytes());
    let other = Job { policy: job(&policy.replace(&hex(&pair.pk.to_bytes()), &key)).policy, ..embedded };
    assert!(refused(&other));
}

#[test]
fn a_key_that_is_none_is_a_fault_of_the_policy() {
    let faults = Policy::parse("t", "version: 1\nmodules: { signed-by: [abc] }\n").unwrap_err();
    assert_eq!(faults[0].rule, "not-a-public-key");
}

#[test]
fn the_deny_list_is_in_force_from_the_next_run_on() {
    let list = Arc::new(DenyList::new());
    let target = Inline::new().deny_list(Arc::clone(&list));
    let job = job("version: 1\n");
    assert_eq!(target.run(&job).unwrap().ending.ending, Ending::Returned);
    list.deny_module(&hex_digest(&job.guest), "reported").unwrap();
    let outcome = target.run(&job).unwrap();
    assert_eq!(outcome.ending.cause, Some(Cause::RefusedModule));
    assert!(outcome.ending.detail.contains("reported"));
    let engines = Arc::new(DenyList::new());
    engines.deny_engine(&format!("{} {}", gauntlet_sandbox::ENGINE, gauntlet_sandbox::ENGINE_VERSION), "").unwrap();
    let outcome = Inline::new().deny_list(engines).run(&job).unwrap();
    assert_eq!(outcome.ending.cause, Some(Cause::RefusedModule));
}

#[test]
fn a_policy_may_name_a_deny_list_and_nothing_runs_while_it_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("deny");
    let job = job(&format!("version: 1\nmodules: {{ deny-list: '{}' }}\n", path.display()));
    let ending = || Inline::new().run(&job).unwrap().ending.ending;
    assert_eq!(ending(), Ending::Refused);
    std::fs::write(&path, "").unwrap();
    assert_eq!(ending(), Ending::Returned);
    std::fs::write(&path, format!("sha256:{}\n", hex_digest(&job.guest))).unwrap();
    assert_eq!(ending(), Ending::Refused);
}

fn hex_digest(bytes: &[u8]) -> String {
    gauntlet_record::digest(bytes)
}
