use gauntlet_record::{Cause, Ending, LimitKey};
use gauntlet_sandbox::Inline;
use gauntlet_target::{Target as _, TargetError};

use crate::{job, run, used};

const DOWN: &str = r#"(module
    (func $down (param i64) (result i64)
        (if (result i64) (i64.eqz (local.get 0)) (then (i64.const 0))
            (else (i64.add (i64.const 1) (call $down (i64.sub (local.get 0) (i64.const 1)))))))
    (func (export "five") (result i64) (call $down (i64.const 5)))
    (func (export "far") (result i64) (call $down (i64.const 500))))"#;

fn outcome(entry: &str, limit: &str) -> gauntlet_target::Outcome {
    let mut job = job(DOWN, &format!("version: 1\nlimits: {{ {limit} }}\n"));
    job.entry = Some(entry.into());
    Inline::new().run(&job).unwrap()
}

#[test]
fn the_limit_ends_the_run_by_its_name_and_the_deepest_depth_is_used() {
    let fine = outcome("five", "call-depth: 100");
    assert_eq!((fine.ending.ending, fine.returned), (Ending::Returned, Some(5)));
    assert_eq!(used(&fine, LimitKey::CallDepth), Some(7));
    let met = outcome("far", "call-depth: 100");
    assert_eq!(met.ending.cause, Some(Cause::Limit(LimitKey::CallDepth)));
    assert_eq!(met.ending.ending, Ending::LimitReached);
    assert_eq!(used(&met, LimitKey::CallDepth), Some(100));
    assert_eq!(met.ending.frames.len(), 32);
    assert!(met.ending.frames.iter().all(|frame| frame == "down"), "{:?}", met.ending.frames);
    let uncounted = outcome("far", "fuel: unlimited");
    assert_eq!((uncounted.returned, used(&uncounted, LimitKey::CallDepth)), (Some(500), None));
}

#[test]
fn recursion_in_the_start_function_meets_the_limit() {
    let guest = r#"(module (func $f (call $f)) (start $f) (func (export "_start")))"#;
    let outcome = run(guest, "version: 1\nlimits: { call-depth: 10 }\n");
    assert_eq!(outcome.ending.cause, Some(Cause::Limit(LimitKey::CallDepth)));
    assert_eq!(used(&outcome, LimitKey::CallDepth), Some(10));
}

#[test]
fn the_guests_own_trap_stays_its_own() {
    let guest = r#"(module (func (export "_start") unreachable))"#;
    let outcome = run(guest, "version: 1\nlimits: { call-depth: 10 }\n");
    assert_eq!((outcome.ending.ending, outcome.ending.cause), (Ending::Trapped, None));
}

#[test]
fn a_component_is_an_error_before_it_is_read() {
    let job = job("(component)", "version: 1\nlimits: { call-depth: 10 }\n");
    let error = Inline::new().run(&job).unwrap_err();
    assert!(matches!(error, TargetError::LimitUnenforced { key, .. } if key == "limits.call-depth"));
}
