//! Makes sequences for the fixture: calls whose arguments have the right types, about names and descriptors that earlier calls made.
//!
//! A random path opens nothing and a random flag ends the guest, so chance alone never gets through the door. Names are those of the
//! fixture and the ones made last, changed now and then by what path walkers get wrong: a slash at the end, a step up from a name, a link
//! in the middle. Values that no honest guest passes are rare, and everything may be one.

use arbitrary::{Result, Unstructured};

use super::call::{Argument, Buffer, Call, Sequence, Subscription, all_rights};
use super::encode::SHARED;
use super::functions::{Function, Kind};
use super::world::{READ_ONLY_NAMES, WRITABLE_NAMES};

/// Most calls of a sequence.
pub const MAX_CALLS: usize = 60;
/// Bytes of chance that a sequence of the greatest length may use up.
pub const BYTES: usize = 4096;
/// One in so many arguments is a value that no honest guest passes.
const WILD: u32 = 150;

// Bits of flags, as the tables of the functions have them.
const CREATE: u64 = 1;
const DIRECTORY: u64 = 2;
const EXCLUSIVE: u64 = 4;
const TRUNCATE: u64 = 8;
const READ: u64 = 1 << 1;
const WRITE: u64 = 1 << 6;
const READDIR: u64 = 1 << 14;
/// Every right but those of sockets: a host that checks rights gives those to no file and no directory.
const FILES: u64 = (1 << 28) - 1;
/// Rights with which nothing is opened to be written.
const WRITES_NOTHING: u64 = FILES & !(1 | WRITE | 1 << 8 | 1 << 22);

/// Functions by how often they are called: those that walk paths and move descriptors most, the plain ones seldom.
const WEIGHTS: &[(u32, &str)] = &[
    (60, "path_open"),
    (24, "path_symlink"),
    (14, "path_rename"),
    (12, "path_create_directory"),
    (10, "path_link"),
    (10, "fd_renumber"),
    (8, "path_filestat_get"),
    (8, "path_readlink"),
    (8, "path_unlink_file"),
    (8, "path_remove_directory"),
    (7, "path_filestat_set_times"),
    (7, "fd_write"),
    (7, "fd_read"),
    (7, "fd_readdir"),
    (6, "fd_close"),
    (5, "fd_pwrite"),
    (5, "fd_pread"),
    (5, "fd_filestat_set_size"),
    (4, "fd_filestat_get"),
    (4, "fd_fdstat_get"),
    (3, "fd_filestat_set_times"),
    (3, "fd_seek"),
    (3, "fd_fdstat_set_flags"),
    (3, "fd_prestat_dir_name"),
    (2, "fd_prestat_get"),
    (2, "fd_tell"),
    (2, "fd_advise"),
    (2, "fd_sync"),
    (2, "fd_datasync"),
    (2, "poll_oneoff"),
    (2, "random_get"),
    (2, "environ_get"),
    (1, "environ_sizes_get"),
    (1, "args_get"),
    (1, "args_sizes_get"),
    (1, "clock_res_get"),
    (1, "clock_time_get"),
    (1, "fd_allocate"),
    (1, "fd_fdstat_set_rights"),
    (1, "sched_yield"),
    (1, "sock_accept"),
    (1, "sock_recv"),
    (1, "sock_send"),
    (1, "sock_shutdown"),
    (1, "proc_raise"),
    (1, "guest.grow"),
];

/// Makes a sequence from chance. It may be shorter than it would like to be, if there is little of it.
///
/// # Errors
///
/// If the chance is of no use, which is what `arbitrary` says of its source.
pub fn generate(u: &mut Unstructured<'_>) -> Result<Sequence> {
    generate_from(u, 0)
}

/// The same with names from a number on, so that several sequences in one folder do not make the same ones.
pub(super) fn generate_from(u: &mut Unstructured<'_>, fresh: u32) -> Result<Sequence> {
    let most = if u.ratio(1, 8)? { MAX_CALLS } else { 24 };
    let wanted = u.int_in_range(1..=most)?;
    let mut state = State { fresh, ..State::default() };
    let mut calls = Vec::with_capacity(wanted);
    // Most guests open something first; without that, calls about descriptors have none.
    for (name, is, how) in [(&b"f"[..], Is::File, 0), (b"d", Is::Directory, DIRECTORY)] {
        if u.ratio(1, 3)? {
            calls.extend(state.opens(name, is, how, calls.len()));
        }
    }
    // What ends a guest comes last, or nothing would come after it.
    let ending = if u.ratio(1, 32)? { Some(*u.choose(&["proc_exit", "guest.trap", "guest.burn"])?) } else { None };
    while calls.len() < wanted && !u.is_empty() {
        let name = weighted(u, WEIGHTS)?;
        if let Some(call) = state.call(u, name, calls.len())? {
            calls.push(call);
        }
    }
    if let Some(call) = ending.map(|name| state.call(u, name, calls.len())).transpose()?.flatten() {
        calls.push(call);
    }
    Ok(Sequence { calls })
}

/// One of several by weight.
fn weighted<T: Copy>(u: &mut Unstructured<'_>, of: &[(u32, T)]) -> Result<T> {
    let all: u32 = of.iter().map(|(weight, _)| weight).sum();
    let mut at = u.int_in_range(0..=all.saturating_sub(1))?;
    for (weight, value) in of {
        if at < *weight {
            return Ok(*value);
        }
        at -= weight;
    }
    of.last().map(|(_, value)| *value).ok_or(arbitrary::Error::IncorrectFormat)
}

/// What is taken to stand under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    File,
    Directory,
    Link,
}

/// What earlier calls are taken to have made.
#[derive(Default)]
struct State {
    names: Vec<(Vec<u8>, Is)>,
    /// Calls that opened something, with what they opened and where it was made.
    opened: Vec<(usize, Is)>,
    fresh: u32,
}

impl State {
    /// Opens a name of the fixture in the plainest way.
    fn opens(&mut self, name: &[u8], is: Is, how: u64, place: usize) -> Option<Call> {
        let function = Function::named("path_open")?;
        self.opened.push((place, is));
        let rights = if is == Is::Directory { WRITES_NOTHING } else { READ | WRITE };
        let numbers = [how, rights, FILES, 0].map(Argument::Number);
        let mut arguments = vec![Argument::Number(3), Argument::Number(1), Argument::Bytes(name.to_vec())];
        arguments.extend(numbers);
        arguments.push(Argument::Own);
        Some(Call { function, arguments })
    }

    fn call(&mut self, u: &mut Unstructured<'_>, name: &'static str, place: usize) -> Result<Option<Call>> {
        let Some(function) = Function::named(name) else { return Ok(None) };
        let mut arguments = match name {
            "path_open" => self.open(u, place)?,
            "path_symlink" => {
                let target = self.target(u)?;
                let (directory, path) = (self.writable(u)?, self.fresh(u, Is::Link)?);
                vec![Argument::Bytes(target), directory, Argument::Bytes(path)]
            }
            "path_create_directory" => {
                let directory = self.writable(u)?;
                vec![directory, Argument::Bytes(self.fresh(u, Is::Directory)?)]
            }
            "path_remove_directory" | "path_unlink_file" | "path_readlink" => {
                // Of the kind that the call is about, more often than not.
                let is = match name {
                    "path_remove_directory" => Is::Directory,
                    "path_readlink" => Is::Link,
                    _ => Is::File,
                };
                let mut arguments = self.plain(u, function)?;
                let fitting: Vec<&Vec<u8>> =
                    self.names.iter().filter(|(_, other)| *other == is).map(|(name, _)| name).collect();
                if let (Some(known), true) = (fitting.last(), u.ratio(1, 2)?)
                    && let [directory, path, ..] = arguments.as_mut_slice()
                {
                    *directory = Argument::Number(3);
                    *path = Argument::Bytes((*known).clone());
                }
                arguments
            }
            "path_rename" => {
                let (from, known) = (self.directory(u)?, self.path(u)?);
                let to = self.writable(u)?;
                let path = if u.ratio(1, 3)? { self.path(u)? } else { self.fresh(u, Is::File)? };
                vec![from, Argument::Bytes(known), to, Argument::Bytes(path)]
            }
            "path_link" => {
                let (from, known) = (self.directory(u)?, self.path(u)?);
                let (to, path) = (self.writable(u)?, self.fresh(u, Is::File)?);
                let follow = u64::from(u.ratio(1, 8)?);
                vec![from, Argument::Number(follow), Argument::Bytes(known), to, Argument::Bytes(path)]
            }
            "fd_readdir" => {
                let cookie = weighted(u, &[(8, 0), (2, 1), (1, 2), (1, u64::MAX)])?;
                let room = Argument::Room(*u.choose(&[256, 1024, 24, 64, 0])?);
                vec![self.descriptor(u, Is::Directory)?, room, Argument::Number(cookie), Argument::Own]
            }
            "fd_prestat_get" | "fd_prestat_dir_name" => {
                let mut arguments = self.plain(u, function)?;
                if let Some(first) = arguments.first_mut() {
                    *first = Argument::Number(weighted(u, &[(6, 3), (3, 4), (1, 5)])?);
                }
                arguments
            }
            "guest.grow" => vec![Argument::Number(u.int_in_range(0..=2)?)],
            // Either a little, or more than the fuel of any policy for fuzzing.
            "guest.burn" => vec![Argument::Number(weighted(u, &[(8, 100), (4, 10_000), (1, 1_000_000_000)])?)],
            "proc_exit" => vec![Argument::Number(weighted(u, &[(4, 0), (2, 1), (1, 125)])?)],
            _ => self.plain(u, function)?,
        };
        for (argument, kind) in arguments.iter_mut().zip(function.parameters()) {
            if function.is_host() && name != "proc_exit" && u.ratio(1, WILD)? {
                *argument = wild(u, *kind)?;
            }
        }
        Ok(Some(Call { function, arguments }))
    }

    fn open(&mut self, u: &mut Unstructured<'_>, place: usize) -> Result<Vec<Argument>> {
        let directory = self.directory(u)?;
        let create = u.ratio(1, 4)?;
        let (path, is) = if create {
            (self.fresh(u, Is::File)?, Is::File)
        } else {
            let (path, is) = self.known(u)?;
            (self.changed(u, path, is)?, is)
        };
        let (how, is) = match (create, is) {
            (true, _) => (weighted(u, &[(6, CREATE), (2, CREATE | EXCLUSIVE), (2, CREATE | TRUNCATE)])?, Is::File),
            (false, Is::File) => {
                (weighted(u, &[(7, 0), (3, TRUNCATE), (2, CREATE), (1, DIRECTORY), (1, CREATE | TRUNCATE)])?, Is::File)
            }
            (false, Is::Directory) => (weighted(u, &[(7, DIRECTORY), (2, 0), (1, CREATE)])?, Is::Directory),
            // A link of these leads to a directory more often than not.
            (false, Is::Link) => {
                let how = weighted(u, &[(6, DIRECTORY), (3, 0), (1, TRUNCATE), (1, CREATE)])?;
                (how, if how == DIRECTORY { Is::Directory } else { Is::File })
            }
        };
        let rights = match is {
            Is::Directory => weighted(u, &[(4, WRITES_NOTHING), (3, READDIR), (1, READ), (1, all_rights())])?,
            Is::File | Is::Link => weighted(u, &[(4, READ | WRITE), (3, FILES), (2, READ), (1, WRITE), (1, 0)])?,
        };
        let inherited = weighted(u, &[(6, FILES), (3, 0), (1, all_rights())])?;
        let flags = weighted(u, &[(14, 0), (2, 1), (1, 4), (1, 16), (1, 2)])?;
        let follow = weighted(u, &[(3, 1), (1, 0)])?;
        self.opened.push((place, is));
        Ok(vec![
            directory,
            Argument::Number(follow),
            Argument::Bytes(path),
            Argument::Number(how),
            Argument::Number(rights),
            Argument::Number(inherited),
            Argument::Number(flags),
            Argument::Own,
        ])
    }

    /// The arguments of a function by their kinds alone.
    fn plain(&mut self, u: &mut Unstructured<'_>, function: Function) -> Result<Vec<Argument>> {
        function.parameters().iter().map(|kind| self.argument(u, *kind)).collect()
    }

    fn argument(&mut self, u: &mut Unstructured<'_>, kind: Kind) -> Result<Argument> {
        Ok(match kind {
            Kind::Descriptor => self.descriptor(u, Is::File)?,
            Kind::Directory => self.directory(u)?,
            Kind::Count => Argument::Number(u.int_in_range(0..=3)?),
            Kind::Word => Argument::Number(weighted(
                u,
                &[
                    (8, 0),
                    (4, 1),
                    (3, 10),
                    (3, 100),
                    (2, 5000),
                    (2, 100_000),
                    (1, 1 << 20),
                    (1, 1 << 32),
                    (1, (1 << 63) - 1),
                ],
            )?),
            Kind::Offset => {
                let offset: i64 = weighted(u, &[(6, 0), (3, 1), (2, -1), (2, 100), (1, i64::MIN), (1, i64::MAX)])?;
                Argument::Number(offset.cast_unsigned())
            }
            Kind::Flags([]) => Argument::Number(0),
            Kind::Flags(names) => {
                let bit = u.choose_index(names.len())?;
                let other = u.choose_index(names.len())?;
                Argument::Number(weighted(u, &[(4, 0), (4, 1 << bit), (1, 1 << bit | 1 << other)])?)
            }
            Kind::Rights => Argument::Number(weighted(u, &[(2, all_rights()), (1, READ), (1, 0)])?),
            Kind::Choice(names) => Argument::Number(u.choose_index(names.len())? as u64),
            Kind::Path => Argument::Bytes(self.path(u)?),
            Kind::Gather => {
                let count = weighted(u, &[(6, 1), (2, 2), (1, 0), (1, 4)])?;
                let one = |u: &mut Unstructured<'_>| {
                    let length = *u.choose(&[5, 1, 0, 64, 300])?;
                    Ok(if u.ratio(1, 20)? { Buffer::Span(SHARED, length) } else { Buffer::Bytes(letters(length)) })
                };
                Argument::Buffers((0..count).map(|_| one(u)).collect::<Result<_>>()?)
            }
            Kind::Scatter => {
                let count = weighted(u, &[(6, 1), (2, 2), (1, 0), (1, 4)])?;
                let one = |u: &mut Unstructured<'_>| {
                    let length = *u.choose(&[64, 8, 0, 1, 256])?;
                    // Buffers that lie over each other.
                    let at = SHARED + 8 * u.int_in_range(0..=3)?;
                    Ok(if u.ratio(1, 8)? { Buffer::Span(at, length) } else { Buffer::Room(length) })
                };
                Argument::Buffers((0..count).map(|_| one(u)).collect::<Result<_>>()?)
            }
            Kind::Out(_) | Kind::Opened => Argument::Own,
            Kind::Room => Argument::Room(*u.choose(&[64, 256, 8, 0, 1])?),
            Kind::Poll => {
                let count = u.int_in_range(1..=3)?;
                let one = |u: &mut Unstructured<'_>| {
                    let descriptor = u.int_in_range(0..=6)?;
                    let clock = Subscription::Clock(u.int_in_range(0..=1)?, *u.choose(&[0, 1, 1000])?, 0);
                    weighted(
                        u,
                        &[(3, clock), (1, Subscription::Read(descriptor)), (1, Subscription::Write(descriptor))],
                    )
                };
                Argument::Subscriptions((0..count).map(|_| one(u)).collect::<Result<_>>()?)
            }
        })
    }

    /// A descriptor, most often one that was opened for something like it.
    fn descriptor(&self, u: &mut Unstructured<'_>, is: Is) -> Result<Argument> {
        if !self.opened.is_empty() && u.ratio(3, 4)? {
            let fitting: Vec<usize> = self.opened.iter().filter(|(_, other)| *other == is).map(|(of, _)| *of).collect();
            let all: Vec<usize> = self.opened.iter().map(|(of, _)| *of).collect();
            let among = if fitting.is_empty() || u.ratio(1, 6)? { all } else { fitting };
            // The one opened last is the one that is about to be used.
            let of = if u.ratio(1, 2)? { among.last().copied() } else { Some(*u.choose(&among)?) };
            if let Some(of) = of {
                return Ok(Argument::Result(of));
            }
        }
        Ok(Argument::Number(weighted(u, &[(6, 3), (3, 4), (3, 5), (2, 1), (1, 0), (1, 2), (1, 6), (1, 7), (1, 13)])?))
    }

    fn directory(&self, u: &mut Unstructured<'_>) -> Result<Argument> {
        self.beneath(u, 4)
    }

    /// A directory that may be written to: of the read-only one, something is asked now and then all the same.
    fn writable(&self, u: &mut Unstructured<'_>) -> Result<Argument> {
        self.beneath(u, 1)
    }

    fn beneath(&self, u: &mut Unstructured<'_>, read_only: u32) -> Result<Argument> {
        let directories = self.opened.iter().filter(|(_, is)| *is == Is::Directory).map(|(of, _)| *of);
        let directories: Vec<usize> = directories.collect();
        if !directories.is_empty() && u.ratio(1, 4)? {
            return Ok(Argument::Result(*u.choose(&directories)?));
        }
        let number = weighted(u, &[(16, 3), (read_only, 4)])?;
        Ok(Argument::Number(number))
    }

    /// A name that is known, or one that never was, as it is.
    fn known(&self, u: &mut Unstructured<'_>) -> Result<(Vec<u8>, Is)> {
        let last = &self.names[self.names.len().saturating_sub(6)..];
        if !last.is_empty() && u.ratio(3, 5)? {
            return Ok(u.choose(last)?.clone());
        }
        if u.ratio(1, 16)? {
            return Ok((odd(u)?, Is::File));
        }
        let names = if u.ratio(1, 5)? { READ_ONLY_NAMES } else { WRITABLE_NAMES };
        let (name, kind) = *u.choose(names)?;
        let is = match kind {
            b'd' => Is::Directory,
            b'l' => Is::Link,
            _ => Is::File,
        };
        Ok((name.as_bytes().to_vec(), is))
    }

    fn path(&self, u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
        let (path, is) = self.known(u)?;
        self.changed(u, path, is)
    }

    /// A name that is not there yet, which from now on is known.
    fn fresh(&mut self, u: &mut Unstructured<'_>, is: Is) -> Result<Vec<u8>> {
        let mut path = Vec::new();
        if u.ratio(1, 5)? {
            match self.link(u)? {
                Some(link) if u.ratio(1, 2)? => path.extend([link, b"/"].concat()),
                _ => path.extend_from_slice(u.choose(&["d/", "./", "s/", "d/../"])?.as_bytes()),
            }
        }
        path.extend_from_slice(format!("n{}", self.fresh).as_bytes());
        self.fresh = self.fresh.wrapping_add(1);
        self.names.push((path.clone(), is));
        if u.ratio(1, 16)? { self.changed(u, path, is) } else { Ok(path) }
    }

    /// One of the links that were made last.
    fn link(&self, u: &mut Unstructured<'_>) -> Result<Option<&[u8]>> {
        let links = self.names.iter().rev().filter(|(_, is)| *is == Is::Link).take(3);
        let links: Vec<&[u8]> = links.map(|(name, _)| name.as_slice()).collect();
        Ok(if links.is_empty() { None } else { Some(*u.choose(&links)?) })
    }

    /// What a symbolic link says: upwards most of the time, and now and then by way of another link.
    fn target(&self, u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
        if let (Some(link), true) = (self.link(u)?, u.ratio(1, 3)?) {
            return Ok([link, weighted(u, &[(4, &b"/.."[..]), (1, b"/"), (1, b"/../..")])?].concat());
        }
        if u.ratio(1, 3)? {
            return self.path(u);
        }
        let targets =
            ["..", ".", "../", "../..", "../canary", "d/..", "d", "f", "../outside", "../ro", "/", "./..", "s"];
        Ok(u.choose(&targets)?.as_bytes().to_vec())
    }

    /// A path, changed now and then by what path walkers get wrong, and more often if it is a link: then by what may lie behind it.
    fn changed(&self, u: &mut Unstructured<'_>, path: Vec<u8>, is: Is) -> Result<Vec<u8>> {
        const BEHIND: [&str; 10] =
            ["/", "/.", "/..", "//", "/canary", "/../canary", "/f", "/../..", "/outside/secret", "/../outside/secret"];
        const BEHIND_A_LINK: [&str; 8] =
            ["/", "/.", "/..", "/canary", "/outside/secret", "/w/canary", "/outside", "/f"];
        const BEFORE: [&str; 8] = ["./", "d/../", "../", "/", "d/", "s/", "../rw/", "../ro/"];
        let is_link = is == Is::Link;
        if !(if is_link { u.ratio(2, 3)? } else { u.ratio(1, 3)? }) {
            return Ok(path);
        }
        Ok(if u.ratio(1, 4)? {
            [u.choose(&BEFORE)?.as_bytes(), &path].concat()
        } else {
            let behind = if is_link { u.choose(&BEHIND_A_LINK)? } else { u.choose(&BEHIND)? };
            [&path, behind.as_bytes()].concat()
        })
    }
}

/// Names that nobody would give.
fn odd(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let odd: [&[u8]; 10] =
        [b"", b".", b"..", b"/", b"../canary", b"../outside/secret", b"/etc/passwd", b"a\0b", b"\xff\xfe", b"../ro/r"];
    if u.ratio(1, 12)? {
        return Ok(vec![b'a'; *u.choose(&[255, 256, 1000])?]);
    }
    Ok(u.choose(&odd)?.to_vec())
}

fn letters(length: u32) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(usize::try_from(length).unwrap_or(0)).collect()
}

/// A value that no honest guest passes.
fn wild(u: &mut Unstructured<'_>, kind: Kind) -> Result<Argument> {
    const PAGE: u32 = 1 << 16;
    let addresses = [u32::MAX, PAGE, PAGE - 1, PAGE - 8, 1, 0, SHARED + 3, SHARED, 1 << 31];
    let at = *u.choose(&addresses)?;
    let length = *u.choose(&[0, 1, 8, 64, 4096, PAGE, u32::MAX])?;
    Ok(match kind {
        Kind::Descriptor | Kind::Directory => {
            Argument::Number(*u.choose(&[0xffff_ffff, 1 << 31, 64, 1000, 0, 1, 2])?)
        }
        Kind::Count | Kind::Choice(_) => Argument::Number(*u.choose(&[0xffff_ffff, 6, 255, 256, 1 << 31])?),
        Kind::Word | Kind::Offset => Argument::Number(*u.choose(&[u64::MAX, 1 << 63, 1 << 40, (1 << 63) - 1])?),
        Kind::Flags(_) => Argument::Number(1 << u.int_in_range(0..=31)?),
        Kind::Rights => Argument::Number(1 << u.int_in_range(0..=63)?),
        Kind::Path | Kind::Gather | Kind::Scatter | Kind::Room => Argument::Span(at, length),
        Kind::Out(_) | Kind::Opened => Argument::Pointer(at),
        // What stands anywhere in memory might be a wait of any length, so only what is nowhere is pointed at.
        Kind::Poll => match u.int_in_range(0..=4)? {
            0 => Argument::Span(u32::MAX, 1),
            1 => Argument::Span(0, 0),
            2 => Argument::Subscriptions(vec![Subscription::Clock(7, 0, 0)]),
            3 => Argument::Subscriptions(vec![Subscription::Clock(1, 0, 0xffff)]),
            _ => Argument::Subscriptions(vec![Subscription::Read(u32::MAX)]),
        },
    })
}
