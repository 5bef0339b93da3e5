//! Native probes: what a guest that has left the runtime would try of the system, done by the worker itself once its jail is complete.
//!
//! A probe is asked for by the parent before the worker narrows itself, and such a worker never runs a guest, so that no guest can ask for
//! one. Each is one or two safe calls; one process makes one probe, since the first call that the filter forbids ends it.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use gauntlet_record::DenialKind;
use gauntlet_target::{EndingSeen, Outcome};
use linux_keyutils::{KeyRing, KeyRingIdentifier};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::ptrace;
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use perf_event::Builder;
use perf_event::events::Software;
use rustix::process::{Pid, Resource, Rlimit};
use serde::{Deserialize, Serialize};

/// Threads that a process which nobody bounds may well have, and a worker in a control group may not.
const MANY_THREADS: usize = 200;
/// How long a connection within this host may take.
const PATIENCE: Duration = Duration::from_secs(2);

macro_rules! probes {
    ($($(#[doc = $doc:literal])* $name:ident = $word:literal, $kind:ident, $mechanisms:expr;)*) => {
        /// Something that an escaped guest would try.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Probe { $($(#[doc = $doc])* $name,)* }

        impl Probe {
            /// Every probe.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name, as reports have it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What it does, in a few words.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim().trim_end_matches('.'),)* }
            }

            /// What it is denied.
            #[must_use]
            pub const fn denied(self) -> DenialKind {
                match self { $(Self::$name => DenialKind::$kind,)* }
            }

            /// The keys under `isolation:` of the mechanisms that stop it, each by itself.
            #[must_use]
            pub const fn stopped_by(self) -> &'static [&'static str] {
                match self { $(Self::$name => $mechanisms,)* }
            }
        }
    };
}

probes! {
    /// Read a file of the host.
    ReadHostFile = "read-host-file", Path, &["seccomp", "landlock", "namespaces"];
    /// List the root of the host.
    ListHostRoot = "list-host-root", Path, &["seccomp", "landlock"];
    /// Make a directory in a directory of the host.
    MakeHostDirectory = "make-host-directory", Path, &["seccomp", "landlock", "namespaces"];
    /// Read the environment of the process that started it.
    ReadParentEnvironment = "read-parent-environment", Path, &["seccomp", "landlock", "namespaces"];
    /// Open the memory of the process that started it for writing.
    OpenParentMemory = "open-parent-memory", Path, &["seccomp", "landlock", "namespaces"];
    /// Connect to a port of the host.
    Connect = "connect", Address, &["seccomp", "landlock", "namespaces"];
    /// Take a port of the host.
    Bind = "bind", Address, &["seccomp", "landlock"];
    /// Send a datagram to a port of the host.
    SendDatagram = "send-datagram", Address, &["seccomp", "namespaces"];
    /// Make a pair of sockets.
    SocketPair = "socket-pair", Address, &["seccomp"];
    /// Start a program in a process of its own.
    StartProgram = "start-program", Descriptor, &["seccomp", "landlock", "namespaces"];
    /// Signal the process that started it.
    SignalParent = "signal-parent", Descriptor, &["seccomp", "namespaces"];
    /// Take a descriptor for the process that started it.
    HoldParent = "hold-parent", Descriptor, &["seccomp", "namespaces"];
    /// Trace the process that started it.
    TraceParent = "trace-parent", Descriptor, &["seccomp", "landlock", "namespaces"];
    /// Mount a file system.
    Mount = "mount", Path, &["seccomp", "process"];
    /// Change its root.
    ChangeRoot = "change-root", Path, &["seccomp", "process"];
    /// Leave its namespaces.
    Unshare = "unshare", Descriptor, &["seccomp", "process"];
    /// Raise its own limits.
    RaiseLimits = "raise-limits", Descriptor, &["seccomp", "process"];
    /// Become another user.
    ChangeUser = "change-user", Descriptor, &["seccomp", "process"];
    /// Make a device.
    MakeDevice = "make-device", Path, &["seccomp", "process"];
    /// Rename the host.
    RenameHost = "rename-host", Descriptor, &["seccomp", "process"];
    /// Make a file in memory that could be executed.
    MemoryFile = "memory-file", Descriptor, &["seccomp"];
    /// Watch files of the host.
    WatchFiles = "watch-files", Path, &["seccomp"];
    /// Choose the cores that it runs on.
    ChooseCores = "choose-cores", Descriptor, &["seccomp"];
    /// Make a ring on which the kernel takes calls that no filter sees.
    CallRing = "call-ring", Descriptor, &["seccomp"];
    /// Keep a key in the kernel.
    KeepKey = "keep-key", Descriptor, &["seccomp"];
    /// Count events of the processor.
    CountEvents = "count-events", Descriptor, &["seccomp"];
    /// Start hundreds of threads.
    ManyThreads = "many-threads", Descriptor, &["cgroup"];
}

/// What a probe aims at; all of it is there for the probe alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeWorld {
    /// A process of the host that this user may signal.
    pub parent: i32,
    /// A port of this host that somebody listens on.
    pub port: u16,
    /// A directory of the host that everybody may write to.
    pub directory: PathBuf,
}

/// What came of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// It did what it tried.
    Succeeded,
    /// The system refused, in its words.
    Refused(String),
    /// The system killed the process with this signal.
    Killed(i32),
}

impl Attempt {
    /// What an outcome of a worker that made a probe says.
    pub(crate) fn of(outcome: &Outcome) -> Option<Self> {
        match (outcome.returned, outcome.ending.signal) {
            (Some(1), None) => Some(Self::Succeeded),
            (Some(0), None) => Some(Self::Refused(outcome.ending.detail.clone())),
            (_, Some(signal)) if signal > 0 => Some(Self::Killed(signal)),
            _ => None,
        }
    }
}

/// Makes the probe, in this process.
pub(crate) fn attempt(probe: Probe, world: &[u8]) -> Outcome {
    let tried = serde_json::from_slice(world).map_err(io::Error::from).and_then(|world| tries(probe, &world));
    let detail = tried.as_ref().err().map(ToString::to_string).unwrap_or_default();
    Outcome {
        returned: Some(u64::from(tried.is_ok())),
        ending: EndingSeen { detail, ..EndingSeen::default() },
        ..Outcome::default()
    }
}

fn tries(probe: Probe, world: &ProbeWorld) -> io::Result<()> {
    let there = SocketAddr::from((Ipv4Addr::LOCALHOST, world.port));
    let parent = || Pid::from_raw(world.parent).ok_or(io::ErrorKind::NotFound);
    match probe {
        Probe::ReadHostFile => fs::read("/etc/passwd").map(drop),
        Probe::ListHostRoot => fs::read_dir("/")?.next().unwrap_or(Err(io::ErrorKind::NotFound.into())).map(drop),
        Probe::MakeHostDirectory => fs::create_dir(world.directory.join("probe")),
        Probe::ReadParentEnvironment => fs::read(format!("/proc/{}/environ", world.parent)).map(drop),
        Probe::OpenParentMemory => {
            fs::OpenOptions::new().read(true).write(true).open(format!("/proc/{}/mem", world.parent)).map(drop)
        }
        Probe::Connect => TcpStream::connect_timeout(&there, PATIENCE).map(drop),
        Probe::Bind => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map(drop),
        Probe::SendDatagram => UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.send_to(b"x", there).map(drop),
        Probe::SocketPair => UnixStream::pair().map(drop),
        Probe::StartProgram => Command::new("/bin/true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map(drop),
        Probe::SignalParent => Ok(rustix::process::test_kill_process(parent()?)?),
        Probe::HoldParent => {
            Ok(rustix::process::pidfd_open(parent()?, rustix::process::PidfdFlags::empty()).map(drop)?)
        }
        Probe::TraceParent => {
            let parent = nix::unistd::Pid::from_raw(world.parent);
            // The end of this process ends it.
            Ok(ptrace::seize(parent, ptrace::Options::empty())?)
        }
        Probe::Mount => {
            let none: Option<&str> = None;
            mount(Some("probe"), &world.directory, Some("tmpfs"), MsFlags::MS_NOEXEC, none)?;
            Ok(umount2(&world.directory, MntFlags::MNT_DETACH)?)
        }
        Probe::ChangeRoot => Ok(nix::unistd::chroot("/")?),
        Probe::Unshare => Ok(unshare(CloneFlags::CLONE_NEWUTS)?),
        Probe::RaiseLimits => {
            // A worker without writable grants may write no file at all, jailed or not.
            Ok(rustix::process::setrlimit(Resource::Fsize, Rlimit { current: None, maximum: None })?)
        }
        Probe::ChangeUser => Ok(nix::unistd::setuid(nix::unistd::Uid::from_raw(1))?),
        Probe::MakeDevice => {
            let path = world.directory.join("null");
            Ok(mknod(&path, SFlag::S_IFCHR, Mode::S_IRUSR, makedev(1, 3))?)
        }
        Probe::RenameHost => Ok(nix::unistd::sethostname(nix::unistd::gethostname()?)?),
        Probe::MemoryFile => Ok(rustix::fs::memfd_create("probe", rustix::fs::MemfdFlags::CLOEXEC).map(drop)?),
        Probe::WatchFiles => Ok(rustix::fs::inotify::init(rustix::fs::inotify::CreateFlags::CLOEXEC).map(drop)?),
        Probe::ChooseCores => {
            let all = rustix::thread::sched_getaffinity(None)?;
            Ok(rustix::thread::sched_setaffinity(None, &all)?)
        }
        Probe::CallRing => io_uring::IoUring::new(1).map(drop),
        Probe::KeepKey => {
            let of_this_process = KeyRing::from_special_id(KeyRingIdentifier::Process, true);
            let key = of_this_process.and_then(|ring| ring.add_key("probe", "x"));
            key.map(drop).map_err(|error| io::Error::other(error.to_string()))
        }
        Probe::CountEvents => Builder::new(Software::TASK_CLOCK).build().map(drop),
        Probe::ManyThreads => many_threads(),
    }
}

/// Starts the threads and lets all of them live at the same time.
fn many_threads() -> io::Result<()> {
    let mut held = Vec::new();
    for _ in 0..MANY_THREADS {
        let (hold, held_by) = mpsc::channel::<()>();
        std::thread::Builder::new().stack_size(64 << 10).spawn(move || _ = held_by.recv())?;
        held.push(hold);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_worker_says_of_a_probe_is_read_once() {
        let said = |returned, signal| {
            let ending = EndingSeen { signal, ..EndingSeen::default() };
            Attempt::of(&Outcome { returned, ending, ..Outcome::default() })
        };
        assert_eq!(said(Some(1), None), Some(Attempt::Succeeded));
        assert_eq!(said(Some(0), None), Some(Attempt::Refused(String::new())));
        assert_eq!(said(None, Some(31)), Some(Attempt::Killed(31)));
        assert_eq!(said(None, None), None);
        assert_eq!(said(None, Some(0)), None);
    }

    #[test]
    fn every_probe_has_a_name_a_title_and_a_mechanism_of_the_policy() {
        let known: Vec<&str> =
            gauntlet_policy::Isolation::default().mechanisms().into_iter().map(|(mechanism, _)| mechanism).collect();
        for probe in Probe::ALL {
            assert!(!probe.title().is_empty() && !probe.title().ends_with('.'), "{}", probe.as_str());
            assert!(probe.stopped_by().iter().all(|mechanism| known.contains(mechanism)), "{}", probe.as_str());
        }
        assert!(Probe::ALL.len() >= 15);
    }

    #[test]
    fn a_probe_without_a_jail_does_what_it_tries() {
        let directory = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let parent = i32::try_from(std::process::id()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let world = ProbeWorld { parent, port, directory: directory.path().to_owned() };
        let world = serde_json::to_vec(&world).unwrap();
        for probe in [Probe::ReadHostFile, Probe::MakeHostDirectory, Probe::Connect, Probe::Bind, Probe::SignalParent] {
            assert_eq!(attempt(probe, &world).returned, Some(1), "{}", probe.as_str());
        }
        assert!(directory.path().join("probe").exists());
    }
}
