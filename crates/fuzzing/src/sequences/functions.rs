//! The functions of preview 1 that a sequence may call, and what each of their parameters is.
//!
//! Source: the interface's description, `wasi_snapshot_preview1`, in the repository WebAssembly/WASI.

/// What a parameter is: how it is filled, written in text, and passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A descriptor.
    Descriptor,
    /// A descriptor that a path is looked up beneath. One whose opening failed stands for the first granted directory.
    Directory,
    /// A number of 32 bits.
    Count,
    /// A number of 64 bits: an offset, a size, a time.
    Word,
    /// A number of 64 bits with a sign.
    Offset,
    /// Flags, by the name of each bit.
    Flags(&'static [&'static str]),
    /// Rights: flags of 64 bits.
    Rights,
    /// One of several values, by name.
    Choice(&'static [&'static str]),
    /// A path: pointer and length.
    Path,
    /// Buffers that are written out: pointer and count.
    Gather,
    /// Buffers that are read into: pointer and count.
    Scatter,
    /// Where a result of so many bytes is written to.
    Out(u32),
    /// A buffer for a result: pointer and length.
    Room,
    /// Where the number of a new descriptor is written to.
    Opened,
    /// What is waited for: the subscriptions, room for the events, the count.
    Poll,
}

/// A type of a parameter as the machine passes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    /// 32 bits.
    Half,
    /// 64 bits.
    Whole,
}

impl Kind {
    pub(super) const fn cells(self) -> &'static [Cell] {
        use Cell::{Half, Whole};
        match self {
            Self::Word | Self::Offset | Self::Rights => &[Whole],
            Self::Descriptor
            | Self::Directory
            | Self::Count
            | Self::Flags(_)
            | Self::Choice(_)
            | Self::Out(_)
            | Self::Opened => &[Half],
            Self::Path | Self::Gather | Self::Scatter | Self::Room => &[Half, Half],
            Self::Poll => &[Half, Half, Half],
        }
    }
}

const CLOCKS: &[&str] = &["REALTIME", "MONOTONIC", "PROCESS_CPUTIME", "THREAD_CPUTIME"];
const ADVICE: &[&str] = &["NORMAL", "SEQUENTIAL", "RANDOM", "WILLNEED", "DONTNEED", "NOREUSE"];
const WHENCE: &[&str] = &["SET", "CUR", "END"];
const LOOKUP: &[&str] = &["FOLLOW"];
const OPEN: &[&str] = &["CREAT", "DIRECTORY", "EXCL", "TRUNC"];
const DESCRIPTOR: &[&str] = &["APPEND", "DSYNC", "NONBLOCK", "RSYNC", "SYNC"];
const TIMES: &[&str] = &["ATIM", "ATIM_NOW", "MTIM", "MTIM_NOW"];
const RECEIVE: &[&str] = &["PEEK", "WAITALL"];
const SHUT: &[&str] = &["RD", "WR"];

/// The rights, by bit. All of them together are written `ALL`.
pub(super) const RIGHTS: &[&str] = &[
    "FD_DATASYNC",
    "FD_READ",
    "FD_SEEK",
    "FD_FDSTAT_SET_FLAGS",
    "FD_SYNC",
    "FD_TELL",
    "FD_WRITE",
    "FD_ADVISE",
    "FD_ALLOCATE",
    "PATH_CREATE_DIRECTORY",
    "PATH_CREATE_FILE",
    "PATH_LINK_SOURCE",
    "PATH_LINK_TARGET",
    "PATH_OPEN",
    "FD_READDIR",
    "PATH_READLINK",
    "PATH_RENAME_SOURCE",
    "PATH_RENAME_TARGET",
    "PATH_FILESTAT_GET",
    "PATH_FILESTAT_SET_SIZE",
    "PATH_FILESTAT_SET_TIMES",
    "FD_FILESTAT_GET",
    "FD_FILESTAT_SET_SIZE",
    "FD_FILESTAT_SET_TIMES",
    "PATH_SYMLINK",
    "PATH_REMOVE_DIRECTORY",
    "PATH_UNLINK_FILE",
    "POLL_FD_READWRITE",
    "SOCK_SHUTDOWN",
    "SOCK_ACCEPT",
];

/// Functions with their parameters. What begins with `guest.` is done by the guest itself and asks the host for nothing but memory.
const TABLE: &[(&str, &[Kind])] = {
    use Kind::{
        Choice, Count, Descriptor as Fd, Directory as Dir, Flags, Gather, Offset, Opened, Out, Path, Poll, Rights,
        Room, Scatter, Word,
    };
    &[
        ("args_get", &[Out(64), Out(256)]),
        ("args_sizes_get", &[Out(4), Out(4)]),
        ("clock_res_get", &[Choice(CLOCKS), Out(8)]),
        ("clock_time_get", &[Choice(CLOCKS), Word, Out(8)]),
        ("environ_get", &[Out(256), Out(1024)]),
        ("environ_sizes_get", &[Out(4), Out(4)]),
        ("fd_advise", &[Fd, Word, Word, Choice(ADVICE)]),
        ("fd_allocate", &[Fd, Word, Word]),
        ("fd_close", &[Fd]),
        ("fd_datasync", &[Fd]),
        ("fd_fdstat_get", &[Fd, Out(24)]),
        ("fd_fdstat_set_flags", &[Fd, Flags(DESCRIPTOR)]),
        ("fd_fdstat_set_rights", &[Fd, Rights, Rights]),
        ("fd_filestat_get", &[Fd, Out(64)]),
        ("fd_filestat_set_size", &[Fd, Word]),
        ("fd_filestat_set_times", &[Fd, Word, Word, Flags(TIMES)]),
        ("fd_pread", &[Fd, Scatter, Word, Out(4)]),
        ("fd_prestat_dir_name", &[Fd, Room]),
        ("fd_prestat_get", &[Fd, Out(8)]),
        ("fd_pwrite", &[Fd, Gather, Word, Out(4)]),
        ("fd_read", &[Fd, Scatter, Out(4)]),
        ("fd_readdir", &[Fd, Room, Word, Out(4)]),
        ("fd_renumber", &[Fd, Fd]),
        ("fd_seek", &[Fd, Offset, Choice(WHENCE), Out(8)]),
        ("fd_sync", &[Fd]),
        ("fd_tell", &[Fd, Out(8)]),
        ("fd_write", &[Fd, Gather, Out(4)]),
        ("path_create_directory", &[Dir, Path]),
        ("path_filestat_get", &[Dir, Flags(LOOKUP), Path, Out(64)]),
        ("path_filestat_set_times", &[Dir, Flags(LOOKUP), Path, Word, Word, Flags(TIMES)]),
        ("path_link", &[Dir, Flags(LOOKUP), Path, Dir, Path]),
        ("path_open", &[Dir, Flags(LOOKUP), Path, Flags(OPEN), Rights, Rights, Flags(DESCRIPTOR), Opened]),
        ("path_readlink", &[Dir, Path, Room, Out(4)]),
        ("path_remove_directory", &[Dir, Path]),
        ("path_rename", &[Dir, Path, Dir, Path]),
        ("path_symlink", &[Path, Dir, Path]),
        ("path_unlink_file", &[Dir, Path]),
        ("poll_oneoff", &[Poll, Out(4)]),
        ("proc_exit", &[Count]),
        ("proc_raise", &[Count]),
        ("random_get", &[Room]),
        ("sched_yield", &[]),
        ("sock_accept", &[Fd, Flags(DESCRIPTOR), Out(4)]),
        ("sock_recv", &[Fd, Scatter, Flags(RECEIVE), Out(4), Out(2)]),
        ("sock_send", &[Fd, Gather, Flags(&[]), Out(4)]),
        ("sock_shutdown", &[Fd, Flags(SHUT)]),
        // The guest's own.
        ("guest.burn", &[Count]),
        ("guest.close_all", &[]),
        ("guest.grow", &[Count]),
        ("guest.trap", &[]),
    ]
};

/// Functions that no sequence of this fixture succeeds with, and why. All others have to succeed now and then, or the fuzzer does not
/// reach what is behind them.
pub const NEVER_SUCCEED: &[(&str, &str)] = &[
    ("fd_allocate", "the engine does not offer it"),
    ("fd_fdstat_set_rights", "the engine does not offer it"),
    ("guest.close_all", "it stands between the sequences of a batch only"),
    ("guest.trap", "it is there to trap"),
    ("proc_raise", "the engine does not offer it"),
    ("sock_accept", "there are no sockets"),
    ("sock_recv", "there are no sockets"),
    ("sock_send", "there are no sockets"),
    ("sock_shutdown", "there are no sockets"),
];

/// A function that a sequence may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Function(u8);

impl Function {
    /// Functions that a sequence may call.
    pub const COUNT: usize = TABLE.len();

    /// All of them, in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        (0_u8..).take(Self::COUNT).map(Self)
    }

    /// The function of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|function| function.name() == name)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        TABLE[self.index()].0
    }

    /// Its parameters.
    #[must_use]
    pub fn parameters(self) -> &'static [Kind] {
        TABLE[self.index()].1
    }

    /// Its number in a record.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Whether the host answers it. The guest does the others by itself.
    #[must_use]
    pub fn is_host(self) -> bool {
        !self.name().starts_with("guest.")
    }

    /// Whether a guest of the fixture can succeed with it.
    #[must_use]
    pub fn can_succeed(self) -> bool {
        NEVER_SUCCEED.iter().all(|(name, _)| *name != self.name())
    }

    pub(super) fn cells(self) -> impl Iterator<Item = Cell> {
        self.parameters().iter().flat_map(|kind| kind.cells().iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_call_fits_a_record() {
        for function in Function::all() {
            assert_eq!(Function::named(function.name()), Some(function));
            assert!(function.cells().count() <= super::super::encode::CELLS, "{}", function.name());
        }
        assert!(NEVER_SUCCEED.iter().all(|(name, _)| Function::named(name).is_some()));
    }

    #[test]
    fn the_functions_are_those_that_the_executor_links() {
        let ours: Vec<&str> = Function::all().filter(|function| function.is_host()).map(Function::name).collect();
        let mut linked = gauntlet_sandbox::PREVIEW1_FUNCTIONS.to_vec();
        linked.sort_unstable();
        assert_eq!(ours, linked);
    }
}
