//! The second engine: an interpreter that shares no code with the first, for pure modules.

use gauntlet_record::{Cause, Ending, LimitKey};
use gauntlet_target::{Description, EndingSeen, Job, Outcome, Target, TargetError};
use wasmi::{Config, Engine, Error, Linker, Module, Store, StoreLimits, StoreLimitsBuilder, TrapCode};

/// wasmi, with the limits on memory and tables of a job's policy and ten times its fuel, so that ours meets the limit first.
#[derive(Debug, Clone, Copy, Default)]
pub struct Second;

/// How much more fuel it is given: its instructions cost about what ours do, but memory and tables by their size.
const MORE_FUEL: u64 = 10;

impl Target for Second {
    fn describe(&self) -> Description {
        let offers = ["core", "invoke"].map(str::to_owned).to_vec();
        Description { name: "second".into(), engine: "wasmi".into(), version: "2".into(), offers }
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        let mut config = Config::default();
        config.consume_fuel(true);
        let engine = Engine::new(&config);
        let limit = |key| job.policy.limits.resolve(key, 0).and_then(|value| usize::try_from(value).ok());
        let mut limits = StoreLimitsBuilder::new();
        if let Some(bytes) = limit(LimitKey::Memory) {
            limits = limits.memory_size(bytes);
        }
        if let Some(elements) = limit(LimitKey::TableElements) {
            limits = limits.table_elements(elements);
        }
        let mut store = Store::new(&engine, limits.build());
        store.limiter(|limits: &mut StoreLimits| limits);
        let fuel = job.policy.limits.resolve(LimitKey::Fuel, 0).unwrap_or(u64::MAX / MORE_FUEL);
        store.set_fuel(fuel.saturating_mul(MORE_FUEL)).map_err(|error| TargetError::Protocol(error.to_string()))?;
        Ok(match perform(&engine, &mut store, job) {
            Ok(returned) => Outcome { returned: Some(returned), ..Outcome::default() },
            Err(error) => Outcome { ending: ending(&error), ..Outcome::default() },
        })
    }
}

fn perform(engine: &Engine, store: &mut Store<StoreLimits>, job: &Job) -> Result<u64, Error> {
    let module = Module::new(engine, &job.guest)?;
    let instance = Linker::new(engine).instantiate_and_start(&mut *store, &module)?;
    let entry = instance.get_typed_func::<i64, i64>(&*store, "_start")?;
    let number = u64::from_str_radix(&job.nonce, 16).unwrap_or(0);
    Ok(entry.call(&mut *store, number.cast_signed())?.cast_unsigned())
}

fn ending(error: &Error) -> EndingSeen {
    let detail = error.to_string();
    match error.as_trap_code() {
        Some(TrapCode::OutOfFuel) => EndingSeen::caused(Ending::LimitReached, Cause::Limit(LimitKey::Fuel), detail),
        Some(TrapCode::StackOverflow) => {
            EndingSeen::caused(Ending::LimitReached, Cause::Limit(LimitKey::Stack), detail)
        }
        Some(_) => EndingSeen { ending: Ending::Trapped, detail, ..EndingSeen::default() },
        None => EndingSeen::caused(Ending::Refused, Cause::RefusedModule, detail),
    }
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::Policy;

    use super::*;

    fn run(wat: &str) -> Outcome {
        let job = Job {
            guest: wat::parse_str(wat).unwrap(),
            policy: Policy::parse("p", crate::POLICY).unwrap(),
            nonce: "0000000000000005".into(),
            ..Job::default()
        };
        Second.run(&job).unwrap()
    }

    #[test]
    fn it_runs_traps_and_runs_out() {
        let body = |body: &str| format!("(module (func $f (export \"_start\") (param i64) (result i64) {body}))");
        assert_eq!(run(&body("(i64.add (local.get 0) (i64.const 1))")).returned, Some(6));
        assert_eq!(run(&body("unreachable")).ending.ending, Ending::Trapped);
        assert_eq!(run(&body("(loop (br 0)) unreachable")).ending.cause, Some(Cause::Limit(LimitKey::Fuel)));
        assert_eq!(run(&body("(call $f (local.get 0))")).ending.cause, Some(Cause::Limit(LimitKey::Stack)));
        assert_eq!(run("(module)").ending.ending, Ending::Refused);
    }
}
