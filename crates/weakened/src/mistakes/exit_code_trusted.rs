//! The guest's exit code is taken for the verdict: 124 for a timeout and 137 for a kill, as shells and containers use them.

use gauntlet_record::{Cause, Ending, LimitKey};
use gauntlet_target::{Description, EndingSeen, Job, Outcome, Target, TargetError};
use wasmtime::{Linker, Module};
use wasmtime_wasi::{I32Exit, p1};

use crate::naive::{Choices, Host, Imports, PREVIEW1, SOUND};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "exit-code-trusted",
    sentence: "the guest's exit code is taken for the verdict",
    seen: "F20",
    kind: Kind::Own(|| Box::new(Believing(Choices { name: MISTAKE.name, imports: Imports::Own(link), ..SOUND }))),
};

/// The engine's functions, but a guest may end with any code: the engine itself refuses those from 126.
fn link(linker: &mut Linker<Host>, _: &Module, _: &Job) -> wasmtime::Result<()> {
    p1::add_to_linker_async(linker, |host| &mut host.wasi)?;
    linker.allow_shadowing(true);
    linker.func_wrap(PREVIEW1, "proc_exit", |code: i32| -> wasmtime::Result<()> { Err(I32Exit(code).into()) })?;
    linker.allow_shadowing(false);
    Ok(())
}

struct Believing(Choices);

impl Target for Believing {
    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        self.0.run(job).map(believed)
    }
}

fn believed(mut outcome: Outcome) -> Outcome {
    if matches!(outcome.ending.exit_code, Some(124 | 137)) {
        let claimed = Cause::Limit(LimitKey::Deadline);
        outcome.ending = EndingSeen::caused(Ending::LimitReached, claimed, "the deadline was reached");
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_exits_with_124_has_reached_its_deadline_they_say() {
        let exited = |code| Outcome {
            ending: EndingSeen { ending: Ending::Exited, exit_code: Some(code), ..EndingSeen::default() },
            ..Outcome::default()
        };
        assert_eq!(believed(exited(124)).causes(), [Cause::Limit(LimitKey::Deadline)]);
        assert_eq!(believed(exited(137)).causes(), [Cause::Limit(LimitKey::Deadline)]);
        assert_eq!(believed(exited(1)), exited(1));
    }
}
