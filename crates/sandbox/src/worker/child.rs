//! The worker's side: close what was inherited, narrow, say what was granted, read the guest, run it, answer.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use gauntlet_record::Confinement;
use gauntlet_target::{Job, Outcome};

use super::protocol::{self, Kind, Setup};
use crate::engine;
use crate::execute::{self, Progress};
use crate::host::{self, Tally};
use crate::jail;
use crate::output::{Output, Which};

/// Exit code of a worker that could not speak to its parent.
const LOST: u8 = 4;

/// Becomes a worker if this process was started as one, and says with which code to exit; otherwise does nothing.
///
/// Call it at the top of `main`, before anything opens a file or starts a thread.
#[must_use]
pub fn worker_main() -> Option<u8> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != "worker" {
        return None;
    }
    let parent = arguments.next().and_then(|parent| parent.to_str()?.parse::<i32>().ok());
    jail::close_inherited();
    // The parent may have died before the signal was asked for: then nobody waits for us.
    let signal = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let orphaned = parent
        .is_none_or(|parent| rustix::process::getppid().is_none_or(|actual| actual.as_raw_nonzero().get() != parent));
    if signal.is_err() || orphaned {
        return Some(LOST);
    }
    Some(match work() {
        Ok(()) => 0,
        Err(_) => LOST,
    })
}

/// Progress of a run, told to the parent.
struct Told {
    to: File,
}

impl Progress for Told {
    fn compiling(&mut self) {
        let _ = protocol::write(&mut self.to, Kind::Compiling, &[]);
    }

    fn compiled(&mut self) {
        let _ = protocol::write(&mut self.to, Kind::Compiled, &[]);
    }
}

fn work() -> io::Result<()> {
    let mut from = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut to = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let (kind, bytes) = protocol::read(&mut from)?;
    let start = Instant::now();
    if kind != Kind::Setup {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let setup: Setup = serde_json::from_slice(&bytes)?;
    let start = start.checked_sub(Duration::from_nanos(setup.elapsed)).unwrap_or(start);
    let Setup { policy, protections, nonce, entry, stdin, signature, trace, .. } = setup;
    let mut job = Job { guest: Vec::new(), entry, policy, nonce, stdin, signature, trace };

    let mut confinement = match jail::narrow_process(&job.policy, &protections) {
        Ok(achieved) => achieved,
        Err(denied) => return deny(&mut to, &denied),
    };
    let denials = to.try_clone()?;
    let tally = Tally::telling(move |denial| {
        if let Ok(bytes) = serde_json::to_vec(denial) {
            let _ = protocol::write(&mut &denials, Kind::Denial, &bytes);
        }
    });
    let stream = to.try_clone()?;
    let output =
        Output::new(protections.limit(gauntlet_record::LimitKey::Output), tally.clone(), move |which, bytes: &[u8]| {
            let kind = match which {
                Which::Out => Kind::Out,
                Which::Err => Kind::Err,
            };
            let _ = protocol::write(&mut &stream, kind, bytes);
        });
    let host = match host::build(&job.policy, &protections, &job.nonce, &job.stdin, &output, tally) {
        Ok(host) => host,
        Err(error) => return protocol::write(&mut to, Kind::Failed, error_chain(&error).as_bytes()),
    };
    let mut told = Told { to: to.try_clone()? };
    let policy = job.policy.clone();
    let prepared = match execute::prepare(&job, protections.clone(), &engine::Options::default(), start) {
        Ok(prepared) => prepared,
        Err(error) => {
            return protocol::write(&mut to, Kind::Failed, format!("the engine cannot be built: {error:#}").as_bytes());
        }
    };
    let ticker = prepared.ticker();
    let (hello, started) = mpsc::channel();
    std::thread::Builder::new().name("ticker".into()).spawn(move || ticker.run(|| _ = hello.send(())))?;
    // The filter is put on all threads at once; one that is still starting would be killed by it.
    started.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
    match jail::narrow_system_calls(&policy, &protections) {
        Ok(achieved) => confinement.extend(achieved),
        Err(denied) => return deny(&mut to, &denied),
    }
    protocol::write(&mut to, Kind::Ready, &serde_json::to_vec::<Vec<Confinement>>(&confinement)?)?;

    let (kind, bytes) = protocol::read(&mut from)?;
    if kind != Kind::Guest {
        return Err(io::ErrorKind::InvalidData.into());
    }
    job.guest = bytes;
    let outcome: Outcome = prepared.execute(&job, host, &output, &mut told);
    prepared.done();
    protocol::write(&mut to, Kind::Finished, &serde_json::to_vec(&outcome)?)?;
    // Stay until the parent has looked at our memory: it closes the pipe or ends us.
    let _ = io::copy(&mut from, &mut io::sink());
    Ok(())
}

fn deny(to: &mut File, denied: &jail::Denied) -> io::Result<()> {
    protocol::write(to, Kind::Denied, &serde_json::to_vec(&(&denied.mechanism, &denied.note))?)
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
