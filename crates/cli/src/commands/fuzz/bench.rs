//! What cases are run with: the executor by its name, the other placement, the corpus, the judge.

use std::path::PathBuf;

use anyhow::anyhow;
use gauntlet_corpus::Corpus;
use gauntlet_fuzzing::{Bench, Case, Depth, SequenceBench};
use gauntlet_policy::Policy;
use gauntlet_record::{GuestText, MAX_TEXT_BYTES, Verdict};
use gauntlet_runner::{Evidence, WrongJudge};
use gauntlet_sandbox::{Inline, Placement, Pool, Sandbox, SandboxError, Worker};
use gauntlet_target::{Target, TargetError};
use gauntlet_weakened::Kind;

use crate::failure::Failure;
use crate::{inputs, targets};

/// Prefix of a broken executor's name.
const MISTAKE: &str = "mistake:";

/// Sequences of calls that one process of a command target runs.
pub(super) const SEQUENCES_A_PROGRAM: u32 = 16;

/// All that a bench borrows.
pub(super) struct Stand {
    target: Box<dyn Target>,
    elsewhere: Option<Box<dyn Target>>,
    policy: Policy,
    corpus: Corpus,
    judge: WrongJudge,
    sequences_a_case: u32,
    escape: fn(&[u8]) -> GuestText,
    /// Where policies are written that the executor is asked to load.
    scratch: tempfile::TempDir,
}

/// The policy of that name, or the one for fuzzing.
pub(super) fn policy(name: Option<&str>) -> Result<Policy, Failure> {
    match name {
        Some(name) => inputs::policy(name),
        None => Policy::parse("fuzz", gauntlet_fuzzing::POLICY)
            .map_err(|_| Failure::harness(anyhow!("the built-in fuzzing policy is broken"))),
    }
}

fn sound(evidence: &Evidence<'_>) -> Verdict {
    evidence.judge().verdict
}

fn escaped(bytes: &[u8]) -> GuestText {
    GuestText::new(bytes, MAX_TEXT_BYTES)
}

impl Stand {
    pub(super) fn new(target: &str, policy: Policy) -> Result<Self, Failure> {
        let scratch = tempfile::tempdir()
            .map_err(|error| Failure::harness(anyhow::Error::new(error).context("cannot make a temporary folder")))?;
        let corpus = inputs::corpus(&[], &[])?;
        let mut stand = Self {
            target: Box::new(Inline::new()),
            elsewhere: None,
            policy,
            corpus,
            judge: sound,
            sequences_a_case: 1,
            escape: escaped,
            scratch,
        };
        match target {
            "inline" => stand.elsewhere = Some(Box::new(Worker::new())),
            "worker" => {
                stand.target = Box::new(Worker::new());
                stand.elsewhere = Some(Box::new(Inline::new()));
            }
            "pool" => {
                stand.target = Box::new(Pool::builder().build().map_err(Failure::harness)?);
                stand.elsewhere = Some(Box::new(Inline::new()));
            }
            _ => match target.strip_prefix(MISTAKE) {
                Some(name) => stand.weaken(name)?,
                None => {
                    // The start of a foreign program is dear.
                    stand.sequences_a_case = SEQUENCES_A_PROGRAM;
                    let plan = targets::plan(target, false, None)?;
                    stand.target = targets::make(&plan.choice, stand.scratch.path())
                        .map_err(|why| Failure::usage(anyhow!(why)))?;
                }
            },
        }
        Ok(stand)
    }

    /// Breaks what the mistake of a name breaks. Our executor without protections runs in this process, which is one of its own anyway.
    fn weaken(&mut self, name: &str) -> Result<(), Failure> {
        let mistake = gauntlet_weakened::find(name)
            .ok_or_else(|| Failure::usage(anyhow!("no mistake `{name}`; `gauntlet list mistakes` names them")))?;
        match mistake.kind {
            Kind::Lift { lift, backstops } => {
                let ids = lift.iter().chain(backstops).map(|id| (*id).to_owned()).collect();
                self.target = Box::new(Inline::lifting(ids).map_err(Failure::harness)?);
            }
            Kind::Own(_) | Kind::Wrapped(_) => self.target = mistake.target(false),
            Kind::Judge(judge) => self.judge = judge,
        }
        if mistake.lifts_escaping() {
            self.escape = GuestText::unescaped;
        }
        Ok(())
    }

    /// Whether what is fuzzed is no executor of ours.
    pub(super) fn is_foreign(&self) -> bool {
        self.sequences_a_case > 1
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(super) fn target(&self) -> &dyn Target {
        &*self.target
    }

    /// Lends a bench.
    pub(super) fn with<T>(&self, run: impl FnOnce(&Bench<'_>) -> T) -> T {
        let file: PathBuf = self.scratch.path().join("policy.yaml");
        let loads = |text: &str| load(&file, text);
        let sequences = SequenceBench::new();
        let in_folders = |case: &Case, depth: Depth| sequences.run(&*self.target, case, depth);
        let bench = Bench {
            target: &*self.target,
            elsewhere: self.elsewhere.as_deref(),
            policy: &self.policy,
            corpus: &self.corpus,
            policies: gauntlet_policies::PRESETS,
            loads: &loads,
            judge: self.judge,
            sequences: &in_folders,
            sequences_a_case: self.sequences_a_case,
            escape: self.escape,
        };
        run(&bench)
    }
}

/// Whether the executor loads a policy, from its file as an embedder would. What only this host lacks is no refusal of the policy.
fn load(file: &std::path::Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|error| error.to_string())?;
    match Sandbox::builder().policy_file(file).placement(Placement::Inline).build() {
        Ok(_) | Err(SandboxError::Target(TargetError::Unconfined { .. })) => Ok(()),
        Err(error) => Err(gauntlet_target::error_chain(&error)),
    }
}
