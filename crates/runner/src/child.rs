//! Targets that run guests in the calling process, each job in a child of its own.

use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use gauntlet_record::{Ending, exit};
use gauntlet_target::{Description, EndingSeen, Job, Outcome, Target, TargetError, error_chain};
use rustix::process::Signal;

use crate::lanes::Launcher;

/// Runs a target that would run guests in our own process in a child, so that its crash is a verdict and its use can be measured. The
/// child inherits what a careless program would: environment, standard streams, descriptors.
///
/// The child is started with two more arguments, the files that [`perform`] takes.
#[derive(Debug)]
pub struct Child {
    launcher: Launcher,
    description: Description,
    directory: PathBuf,
}

impl Child {
    /// A target in a child that `launcher` starts. `directory` is private to the run.
    #[must_use]
    pub fn new(launcher: Launcher, description: Description, directory: PathBuf) -> Self {
        Self { launcher, description, directory }
    }
}

impl Target for Child {
    fn describe(&self) -> Description {
        self.description.clone()
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        let io = |what| move |source| TargetError::Io { what, source };
        let (question, answer) = (self.directory.join("job.json"), self.directory.join("outcome.json"));
        let text = serde_json::to_vec(job).map_err(|error| TargetError::Protocol(error.to_string()))?;
        fs::write(&question, text).map_err(io("cannot write the job"))?;
        let program = self.launcher.program.clone();
        let mut command = Command::new(&program);
        command.args(&self.launcher.args).arg(&question).arg(&answer);
        let status = command.status().map_err(|source| TargetError::Spawn { program, source })?;
        let _ = fs::remove_file(&question);
        let answered = fs::read(&answer);
        let _ = fs::remove_file(&answer);
        if status.code() == Some(i32::from(exit::CLEAN))
            && let Ok(bytes) = answered
        {
            let answer: Result<Outcome, String> =
                serde_json::from_slice(&bytes).map_err(|error| TargetError::Protocol(error.to_string()))?;
            return answer.map_err(TargetError::Protocol);
        }
        let signal = status.signal();
        let detail = signal.map_or_else(
            || "the process ended without an answer".to_owned(),
            |signal| format!("the process died of signal {signal}"),
        );
        let ending = EndingSeen {
            ending: Ending::WorkerDied,
            signal: Some(signal.unwrap_or(0)),
            detail,
            ..EndingSeen::default()
        };
        Ok(Outcome { ending, ..Outcome::default() })
    }
}

/// The whole life of such a child: reads the job, runs it, writes the outcome. Afterwards the process has to end with exit code 0.
///
/// # Errors
///
/// If the parent is gone, if the job cannot be read, or if the outcome cannot be written.
pub fn perform(job: &Path, outcome: &Path, target: &dyn Target) -> io::Result<()> {
    let parent = rustix::process::getppid();
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid() != parent {
        return Err(io::Error::other("the parent is gone"));
    }
    let job: Job = serde_json::from_slice(&fs::read(job)?)?;
    let answer: Result<Outcome, String> = target.run(&job).map_err(|error| error_chain(&error));
    fs::write(outcome, serde_json::to_vec(&answer)?)
}
