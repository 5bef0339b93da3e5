//! What counting frames costs: the 30th Fibonacci number by recursion, a million calls, with and without `limits.call-depth`.
//!
//! `cargo run --release -p gauntlet-sandbox --example call_depth_cost`
#![expect(clippy::print_stdout, reason = "an example talks to a person")]

use std::error::Error;
use std::time::{Duration, Instant};

use gauntlet_policy::Policy;
use gauntlet_sandbox::Inline;
use gauntlet_target::{Job, Target as _};

const GUEST: &str = r#"(module
    (func $fib (param i32) (result i64)
        (if (result i64) (i32.lt_u (local.get 0) (i32.const 2)) (then (i64.extend_i32_u (local.get 0)))
            (else (i64.add
                (call $fib (i32.sub (local.get 0) (i32.const 1)))
                (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
    (func (export "_start") (result i64) (call $fib (i32.const 32))))"#;

fn main() -> Result<(), Box<dyn Error>> {
    let guest = wat::parse_str(GUEST)?;
    for fuel in ["unlimited", "1_000_000_000"] {
        let policy = |depth: &str| {
            let text = format!("version: 1\nlimits: {{ fuel: {fuel}{depth} }}\n");
            Policy::parse("example", &text).expect("a sound policy")
        };
        let time = |policy: &Policy| -> Result<Duration, Box<dyn Error>> {
            let job = Job { guest: guest.clone(), policy: policy.clone(), ..Job::default() };
            let start = Instant::now();
            let outcome = Inline::new().run(&job)?;
            let time = start.elapsed();
            if outcome.returned != Some(2_178_309) {
                return Err(format!("{:?}", outcome.ending).into());
            }
            Ok(time)
        };
        let (plain, counted) = (policy(""), policy(", call-depth: 1_000"));
        let mut ratios = Vec::new();
        let mut least = (Duration::MAX, Duration::MAX);
        for _ in 0..25 {
            let (without, with) = (time(&plain)?, time(&counted)?);
            least = (least.0.min(without), least.1.min(with));
            ratios.push(with.as_secs_f64() / without.as_secs_f64());
        }
        ratios.sort_by(f64::total_cmp);
        let median = ratios.get(12).copied().unwrap_or_default();
        println!("fuel {fuel:<14} median ratio {median:.2}, least times {:?} and {:?}", least.0, least.1);
    }
    Ok(())
}
