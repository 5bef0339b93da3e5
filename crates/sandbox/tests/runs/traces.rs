use gauntlet_record::{Cause, LimitKey};
use gauntlet_sandbox::Inline;
use gauntlet_target::{Outcome, Target as _, Trace};

fn traced(guest: &str, policy: &str) -> Outcome {
    let mut job = crate::job(guest, policy);
    job.trace = Trace::default().with_timeline(true).with_profile(true);
    Inline::new().run(&job).unwrap()
}

#[test]
fn a_timeline_names_the_steps_the_first_denials_and_the_limit() {
    let guest = r#"(module
        (memory (export "memory") 1)
        (func $spin (loop $again (br $again)))
        (func (export "_start")
            (drop (memory.grow (i32.const 1000))) (drop (memory.grow (i32.const 1000)))
            (call $spin)))"#;
    let outcome = traced(guest, "version: 1\nlimits: { fuel: 300_000_000, memory: 1MiB }\n");
    let moments: Vec<&str> = outcome.timeline.iter().map(|moment| moment.what.as_str()).collect();
    let expected = [
        "read",
        "validated",
        "compiled",
        "instantiated",
        "entered",
        "denied: limit-memory",
        "limit-reached: limit-fuel",
        "ended",
    ];
    assert_eq!(moments, expected);
    assert!(outcome.timeline.windows(2).all(|pair| pair[0].at <= pair[1].at));
    // Three hundred million rounds are hundreds of ticks on any machine.
    let profile = outcome.profile.unwrap();
    assert!(profile.folded().contains(";spin "), "{profile:?}");
    let plain = crate::run(guest, "version: 1\nlimits: { fuel: 1000, memory: 1MiB }\n");
    assert_eq!((plain.timeline, plain.profile), (Vec::new(), None));
}

#[test]
fn the_frames_of_a_trap_are_named_safely_innermost_first() {
    let guest = r#"(module
        (func $"a\1b[31m;b" unreachable)
        (func $middle (call 0))
        (func (export "_start") (call $middle)))"#;
    let outcome = crate::run(guest, "version: 1\n");
    assert_eq!(outcome.ending.frames, ["a\\u{1b}[31m_b", "middle", "function[2]"]);
    let deep = r#"(module (func $f (export "_start") (call $f)))"#;
    let outcome = crate::run(deep, "version: 1\n");
    assert_eq!(outcome.ending.cause, Some(Cause::Limit(LimitKey::Stack)));
    assert!(outcome.ending.frames.len() <= gauntlet_target::MAX_FRAMES && !outcome.ending.frames.is_empty());
}
