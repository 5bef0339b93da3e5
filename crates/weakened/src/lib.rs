//! Sandboxes broken on purpose, one mistake a file.
//!
//! On the line from policy to report these stand where a sandbox stands: `gauntlet selftest` runs the corpus against each of them, and a
//! harness that finds nothing wrong with one of them is itself at fault. Many a mistake is our executor with one protection left out;
//! the others are small executors of their own, written the way they are found in the wild. Live controls borrow them where no policy
//! can open what an attack needs.
//!
//! ```
//! let mistake = gauntlet_weakened::find("runs-nothing").expect("it is in the list");
//! assert_eq!(mistake.seen, "F31");
//! assert!(mistake.in_process());
//! assert_eq!(mistake.target(true).describe().name, "runs-nothing");
//! ```

mod mistakes;
mod naive;
pub mod services;

use gauntlet_runner::WrongJudge;
use gauntlet_sandbox::Worker;
use gauntlet_target::{Description, Job, Outcome, Target, TargetError};

/// A mistake that sandboxes were seen to make, and an executor that makes it.
#[derive(Debug, Clone, Copy)]
pub struct Mistake {
    /// Its name, in words joined by hyphens: it names the executor, too.
    pub name: &'static str,
    /// The mistake, in one sentence.
    pub sentence: &'static str,
    /// Its number in the list of mistakes to catch, as `F6`, or `own` if it is not on that list.
    pub seen: &'static str,
    /// How the executor is made.
    pub kind: Kind,
}

/// How an executor with a mistake is made.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Our executor with protections left out.
    Lift {
        /// The protections that the mistake leaves out, by id.
        lift: &'static [&'static str],
        /// The other protections that would hide it, by id.
        backstops: &'static [&'static str],
    },
    /// A small executor of its own. It runs guests in its caller's process and may end it, so it needs a process of its own.
    Own(fn() -> Box<dyn Target>),
    /// Our executor with a wrapper around that makes the mistake; with the layers that would hide it, or without.
    Wrapped(fn(backstops: bool) -> Box<dyn Target>),
    /// Our judge with a mistake: it is given evidence that proves nothing and must not call it contained. No guest is run for it.
    Judge(WrongJudge),
}

/// Every mistake, in the order of the list of mistakes to catch.
#[must_use]
pub fn mistakes() -> &'static [Mistake] {
    mistakes::MISTAKES
}

/// The mistake of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Mistake> {
    mistakes().iter().find(|mistake| mistake.name == name)
}

impl Mistake {
    /// The executor that makes this mistake. Without `backstops`, the layers that would hide it are left out as well; an executor of its
    /// own never has any.
    #[must_use]
    pub fn target(&self, backstops: bool) -> Box<dyn Target> {
        match self.kind {
            Kind::Lift { lift, backstops: hiding } => {
                let left_out: Vec<&str> = if backstops { lift.to_vec() } else { [lift, hiding].concat() };
                Box::new(Named { name: self.name, inner: worker(&left_out) })
            }
            Kind::Own(build) => build(),
            Kind::Wrapped(build) => Box::new(Named { name: self.name, inner: build(backstops) }),
            // The executor is sound: what is broken is who judges it.
            Kind::Judge(_) => Box::new(Named { name: self.name, inner: worker(&[]) }),
        }
    }

    /// The protections that it leaves out, by id, if it is our executor without them.
    #[must_use]
    pub const fn left_out(&self) -> &'static [&'static str] {
        match self.kind {
            Kind::Lift { lift, .. } => lift,
            Kind::Own(_) | Kind::Wrapped(_) | Kind::Judge(_) => &[],
        }
    }

    /// Whether the executor runs guests in its caller's process.
    #[must_use]
    pub const fn in_process(&self) -> bool {
        match self.kind {
            Kind::Own(_) => true,
            Kind::Lift { .. } | Kind::Wrapped(_) | Kind::Judge(_) => false,
        }
    }

    /// The judge that makes this mistake, if it is one of judging.
    #[must_use]
    pub const fn judge(&self) -> Option<WrongJudge> {
        match self.kind {
            Kind::Judge(judge) => Some(judge),
            Kind::Lift { .. } | Kind::Own(_) | Kind::Wrapped(_) => None,
        }
    }

    /// Whether the mistake is that guest text is reported as it is. The harness holds that protection, not the executor.
    #[must_use]
    pub fn lifts_escaping(&self) -> bool {
        self.left_out().contains(&"escaping")
    }
}

/// Our executor without some of its protections.
pub(crate) fn worker(left_out: &[&str]) -> Box<dyn Target> {
    let left_out = left_out.iter().map(|id| (*id).to_owned()).collect();
    Box::new(Worker::new().lifting(left_out).expect("mistakes name protections that exist"))
}

/// An executor under the name of its mistake.
struct Named {
    name: &'static str,
    inner: Box<dyn Target>,
}

impl Target for Named {
    fn describe(&self) -> Description {
        Description { name: self.name.to_owned(), ..self.inner.describe() }
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        self.inner.run(job)
    }
}
