//! One case: bytes to a guest, the guest to an answer, the answer to findings.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arbitrary::Unstructured;
use gauntlet_policy::Policy;
use gauntlet_record::digest;
use gauntlet_target::{Job, Outcome, Target, TargetError};

use crate::generators::core_module::{self, CoreModule};
use crate::oracles::is_setup;
use crate::random::SplitMix64;
use crate::{Crash, Finding, Oracle};

/// Bytes of a case: enough for a module of several functions, few enough for thousands a second.
const BYTES: usize = 1024;

/// The bytes of a case, and where they came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The seed; 0 for bytes that were given.
    pub seed: u64,
    /// The number of the case under that seed, from 0.
    pub case: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Input {
    /// The bytes of a case of a seed.
    #[must_use]
    pub fn new(seed: u64, case: u64) -> Self {
        Self { seed, case, bytes: SplitMix64::of(seed, case).bytes(BYTES) }
    }

    /// Bytes that somebody else chose, for example libFuzzer.
    #[must_use]
    pub fn given(bytes: &[u8]) -> Self {
        Self { seed: 0, case: 0, bytes: bytes.to_vec() }
    }
}

/// What a target did with a job.
#[derive(Debug)]
pub enum Answer {
    /// It answered.
    Outcome(Box<Outcome>),
    /// It could not run the guest.
    Error(TargetError),
    /// It panicked, with this message.
    Panic(String),
}

impl Answer {
    /// The outcome, if there is one.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Outcome(outcome) => Some(outcome),
            Self::Error(_) | Self::Panic(_) => None,
        }
    }

    fn of(target: &dyn Target, job: &Job) -> Self {
        // A target that panicked half-way may be left in a wrong state; what comes of that is a finding as well.
        match catch_unwind(AssertUnwindSafe(|| target.run(job))) {
            Ok(Ok(outcome)) => Self::Outcome(Box::new(outcome)),
            Ok(Err(error)) => Self::Error(error),
            Err(payload) => Self::Panic(message(&*payload)),
        }
    }
}

/// What the oracles see of a case.
#[derive(Debug)]
pub struct Observation<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// The answer.
    pub answer: Answer,
    /// The answer to the same job once more, where it was asked twice.
    pub again: Option<Answer>,
}

/// A case that was run.
#[derive(Debug)]
pub struct Judged<'a> {
    /// The guest.
    pub module: CoreModule,
    /// What was seen of it.
    pub observation: Observation<'a>,
    /// What the oracles found, ready to be stored.
    pub crashes: Vec<Crash>,
}

impl Judged<'_> {
    /// Why the target could not run any guest under this policy on this host: then the case says nothing, nor will another.
    #[must_use]
    pub fn setup_error(&self) -> Option<&TargetError> {
        match &self.observation.answer {
            Answer::Error(error) if is_setup(error) => Some(error),
            Answer::Error(_) | Answer::Outcome(_) | Answer::Panic(_) => None,
        }
    }
}

/// Runs one case and asks the oracles. With `twice`, it is run twice. `None` if the bytes make no guest.
///
/// A panic of the target is caught and comes back as a finding, unless the process aborts on panics, as it does under libFuzzer.
#[must_use]
pub fn judge<'a>(
    target: &dyn Target,
    policy: &'a Policy,
    oracles: &[Oracle],
    input: &Input,
    twice: bool,
) -> Option<Judged<'a>> {
    let module = core_module::generate(policy, &mut Unstructured::new(&input.bytes)).ok()?;
    let nonce = digest(&input.bytes)[..16].to_owned();
    let job = Job { guest: module.wasm.clone(), policy: policy.clone(), nonce, ..Job::default() };
    let answer = Answer::of(target, &job);
    let again = twice.then(|| Answer::of(target, &job));
    let observation = Observation { policy, answer, again };
    let crashes = oracles
        .iter()
        .filter_map(|oracle| (oracle.check)(&observation))
        .map(|Finding { oracle, message }| Crash {
            oracle: oracle.to_owned(),
            wasm: module.wasm.clone(),
            policy_text: policy.text.clone(),
            message: message.as_str().to_owned(),
            seed: input.seed,
            case: input.case,
        })
        .collect();
    Some(Judged { module, observation, crashes })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic without text".to_owned())
}
