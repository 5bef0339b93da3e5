//! The worker's side: close what was inherited, narrow, say what was granted, read the guest, run it, answer.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use gauntlet_record::Confinement;
use gauntlet_target::{Outcome, error_chain};

use super::launcher;
use super::process::readable_within;
use super::protocol::{self, Kind, Purpose, Setup, Task};
use crate::engine;
use crate::execute::{self, Progress, Ticker};
use crate::host::{self, Tally};
use crate::jail;
use crate::output::{Output, Which};
use crate::timeline::Timeline;

/// Exit code of a worker that could not speak to its parent.
const LOST: u8 = 4;

/// Becomes a worker if this process was started as one, and says with which code to exit; otherwise does nothing.
///
/// Call it at the top of `main`, before anything opens a file or starts a thread.
#[must_use]
pub(crate) fn worker_main() -> Option<u8> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != "worker" {
        return None;
    }
    let role = arguments.next()?;
    jail::close_inherited();
    let done = match role.as_str() {
        launcher::LAUNCH => launcher::launch(),
        launcher::FIRST => launcher::first(),
        parent => parent.parse().map_err(|_| io::ErrorKind::InvalidInput.into()).and_then(serve),
    };
    Some(match done {
        Ok(()) => 0,
        Err(_) => LOST,
    })
}

/// A worker's life. `parent` is who has to be our parent; 0 if it lives outside of our namespace.
fn serve(parent: i32) -> io::Result<()> {
    // The parent may have died before the signal was asked for: then nobody waits for us.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    if rustix::process::getppid().map_or(0, |actual| actual.as_raw_nonzero().get()) != parent {
        return Err(io::ErrorKind::NotConnected.into());
    }
    work()
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
    if kind != Kind::Setup {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let Setup { mut policy, protections, mut ground, purpose } = serde_json::from_slice(&bytes)?;

    let mut confinement = match jail::narrow_process(&mut policy, &protections, &mut ground) {
        Ok(achieved) => achieved,
        Err(denied) => return deny(&mut to, &denied),
    };
    let options = engine::Options {
        unmetered: super::unmetered(&protections),
        cache: match purpose {
            Purpose::Run { cached: true } => ground.readable.first().cloned(),
            Purpose::Run { cached: false } => None,
            #[cfg(feature = "probes")]
            Purpose::Probe(_) => None,
            Purpose::Compile => ground.writable.clone(),
        },
        pool: None,
    };
    let prepared = match execute::prepare(&policy, protections.clone(), &options) {
        Ok(prepared) => prepared,
        Err(error) => {
            return protocol::write(&mut to, Kind::Failed, format!("the engine cannot be built: {error:#}").as_bytes());
        }
    };
    if purpose == (Purpose::Run { cached: false }) && !readable_within(from.as_fd(), Duration::ZERO) {
        prepared.rehearse();
    }
    let begin = ticking()?;
    let (denials, stream, progress) = (to.try_clone()?, to.try_clone()?, to.try_clone()?);
    match jail::narrow_system_calls(&policy, &protections, &ground) {
        Ok(achieved) => confinement.extend(achieved),
        Err(denied) => return deny(&mut to, &denied),
    }
    protocol::write(&mut to, Kind::Ready, &serde_json::to_vec::<Vec<Confinement>>(&confinement)?)?;

    let (kind, bytes) = protocol::read(&mut from)?;
    let received = Instant::now();
    if kind != Kind::Job {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let Task { mut job, elapsed, kept } = serde_json::from_slice(&bytes)?;
    let start = received.checked_sub(Duration::from_nanos(elapsed)).unwrap_or(received);
    #[cfg(feature = "probes")]
    if let Purpose::Probe(probe) = purpose {
        let outcome = crate::probe::attempt(probe, &job.stdin);
        prepared.done();
        return protocol::write(&mut to, Kind::Finished, &serde_json::to_vec(&outcome)?);
    }
    let (kind, bytes) = protocol::read(&mut from)?;
    if kind != Kind::Guest {
        return Err(io::ErrorKind::InvalidData.into());
    }
    job.guest = bytes;
    job.policy = policy;

    let tally = Tally::telling(move |denial| {
        if let Ok(bytes) = serde_json::to_vec(denial) {
            let _ = protocol::write(&mut &denials, Kind::Denial, &bytes);
        }
    });
    let output =
        Output::new(protections.limit(gauntlet_record::LimitKey::Output), tally.clone(), move |which, bytes: &[u8]| {
            let kind = match which {
                Which::Out => Kind::Out,
                Which::Err => Kind::Err,
            };
            let _ = protocol::write(&mut &stream, kind, bytes);
        });
    let host = match host::build(&job.policy, &protections, &job.nonce, &job.stdin, &output, tally) {
        Ok(host) => host.traced(job.trace, &Timeline::new(job.trace.timeline, start)),
        Err(error) => return protocol::write(&mut to, Kind::Failed, error_chain(&error).as_bytes()),
    };
    let _ = begin.send(prepared.ticker(start));
    let mut told = Told { to: progress };
    let outcome: Outcome = match purpose {
        Purpose::Run { .. } => prepared.execute(&job, kept, host, &output, start, &mut told),
        Purpose::Compile => prepared.compile_only(&job, start, &mut told),
        // It was answered above.
        #[cfg(feature = "probes")]
        Purpose::Probe(_) => return Err(io::ErrorKind::InvalidData.into()),
    };
    prepared.done();
    protocol::write(&mut to, Kind::Finished, &serde_json::to_vec(&outcome)?)?;
    // Stay until the parent has looked at our memory: it closes the pipe or ends us.
    let _ = io::copy(&mut from, &mut io::sink());
    Ok(())
}

/// Starts the ticker's thread, which waits for its ticker: threads cannot be started any more when the job is here.
fn ticking() -> io::Result<mpsc::Sender<Ticker>> {
    let (begin, begun) = mpsc::channel::<Ticker>();
    let (hello, started) = mpsc::channel();
    std::thread::Builder::new().name("ticker".into()).spawn(move || {
        // The first look at a clock sets up how clocks are read, with calls that the worker's filter does not allow.
        execute::cpu_time();
        let _ = hello.send(());
        if let Ok(ticker) = begun.recv() {
            ticker.run(|| ());
        }
    })?;
    // The filter is put on all threads at once; one that is still starting would be killed by it.
    started.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
    Ok(begin)
}

fn deny(to: &mut File, denied: &jail::Denied) -> io::Result<()> {
    protocol::write(to, Kind::Denied, &serde_json::to_vec(&(&denied.mechanism, &denied.note))?)
}
