//! Preview 1 written by hand: a path of the guest is joined to the host's path of the grant as text, and the system follows whatever
//! stands there. Whether a grant is read-only is not looked at.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::sync::{Arc, Mutex, PoisonError};

use gauntlet_policy::Stdin;
use gauntlet_record::{Cause, LimitKey};
use gauntlet_sandbox::PREVIEW1_FUNCTIONS;
use gauntlet_target::Job;
use wasmtime::{Caller, Extern, Linker, Module, Val};
use wasmtime_wasi::I32Exit;

use crate::naive::{Choices, Coarse, Host, Imports, PREVIEW1, SOUND};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "naive-paths",
    sentence: "paths are joined as text and every symbolic link is followed",
    seen: "F14",
    kind: Kind::Own(|| Box::new(Choices { name: MISTAKE.name, imports: Imports::Own(link), ..SOUND })),
};

/// An error number of preview 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Errno(i32);

impl Errno {
    const ACCES: Self = Self(2);
    const BADF: Self = Self(8);
    const EXIST: Self = Self(20);
    const FAULT: Self = Self(21);
    const INVAL: Self = Self(28);
    const IO: Self = Self(29);
    const ISDIR: Self = Self(31);
    const MFILE: Self = Self(33);
    const NOENT: Self = Self(44);
    const NOSYS: Self = Self(52);
    const NOTDIR: Self = Self(54);
    const NOTEMPTY: Self = Self(55);
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NOENT,
            io::ErrorKind::PermissionDenied => Self::ACCES,
            io::ErrorKind::AlreadyExists => Self::EXIST,
            io::ErrorKind::NotADirectory => Self::NOTDIR,
            io::ErrorKind::IsADirectory => Self::ISDIR,
            io::ErrorKind::DirectoryNotEmpty => Self::NOTEMPTY,
            io::ErrorKind::InvalidInput => Self::INVAL,
            _ => Self::IO,
        }
    }
}

type Answer = Result<(), Errno>;

/// The guest's memory, looked at with its own addresses.
struct Memory<'a>(&'a mut [u8]);

impl Memory<'_> {
    fn slice(&mut self, at: i32, length: u32) -> Result<&mut [u8], Errno> {
        let start = usize::try_from(at.cast_unsigned()).map_err(|_| Errno::FAULT)?;
        let end = usize::try_from(length).ok().and_then(|length| start.checked_add(length)).ok_or(Errno::FAULT)?;
        self.0.get_mut(start..end).ok_or(Errno::FAULT)
    }

    fn put(&mut self, at: i32, bytes: &[u8]) -> Answer {
        let length = u32::try_from(bytes.len()).map_err(|_| Errno::INVAL)?;
        self.slice(at, length)?.copy_from_slice(bytes);
        Ok(())
    }

    fn put_word(&mut self, at: i32, word: usize) -> Answer {
        self.put(at, &u32::try_from(word).map_err(|_| Errno::INVAL)?.to_le_bytes())
    }

    fn word(&mut self, at: i32) -> Result<u32, Errno> {
        let bytes: [u8; 4] = (&*self.slice(at, 4)?).try_into().map_err(|_| Errno::FAULT)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn text(&mut self, at: i32, length: i32) -> Result<String, Errno> {
        let bytes = self.slice(at, length.cast_unsigned())?.to_vec();
        String::from_utf8(bytes).map_err(|_| Errno::INVAL)
    }

    /// Address and length of each buffer in a list.
    fn buffers(&mut self, at: i32, count: i32) -> Result<Vec<(i32, u32)>, Errno> {
        let bytes = count.cast_unsigned().checked_mul(8).ok_or(Errno::FAULT)?;
        self.slice(at, bytes)?;
        let word = |memory: &mut Self, offset: i32| memory.word(at.wrapping_add(offset));
        let offsets = (0..count).map(|index| index.wrapping_mul(8));
        offsets.map(|offset| Ok((word(self, offset)?.cast_signed(), word(self, offset.wrapping_add(4))?))).collect()
    }
}

/// What a descriptor of the guest stands for.
enum Entry {
    Stdin(VecDeque<u8>),
    Output { to_stderr: bool },
    Preopen { host: String, guest: String },
    Directory { host: String },
    File(File),
}

/// How a path of the guest becomes one of the host; none if it is refused.
pub(super) type PathRule = fn(host: &str, path: &str) -> Option<String>;

/// The descriptors, arguments and variables of one guest.
struct Table {
    entries: BTreeMap<i32, Entry>,
    arguments: Vec<String>,
    environment: Vec<String>,
    preopens: usize,
    open_files: Option<u64>,
    clock: Coarse,
    rule: PathRule,
}

impl Table {
    fn of(job: &Job, rule: PathRule) -> Self {
        let grants = &job.policy.grants;
        let mut entries =
            BTreeMap::from([(1, Entry::Output { to_stderr: false }), (2, Entry::Output { to_stderr: true })]);
        if grants.stdin.value == Stdin::Inherit {
            entries.insert(0, Entry::Stdin(job.stdin.iter().copied().collect()));
        }
        let preopens = grants
            .filesystem
            .iter()
            .map(|grant| Entry::Preopen { host: grant.host.value.clone(), guest: grant.guest.value.clone() });
        entries.extend((3..).zip(preopens));
        let arguments = ["guest", &job.nonce].into_iter().map(str::to_owned);
        Self {
            preopens: entries.len(),
            entries,
            arguments: arguments.chain(grants.arguments.iter().map(|argument| argument.value.clone())).collect(),
            environment: grants
                .environment
                .iter()
                .map(|variable| format!("{}={}", variable.name.value, variable.value.value))
                .collect(),
            open_files: job.policy.limits.resolve(LimitKey::OpenFiles, gauntlet_sandbox::host_memory()),
            clock: Coarse::of(&job.policy),
            rule,
        }
    }

    fn get(&mut self, fd: i32) -> Result<&mut Entry, Errno> {
        self.entries.get_mut(&fd).ok_or(Errno::BADF)
    }

    fn file(&mut self, fd: i32) -> Result<&mut File, Errno> {
        match self.get(fd)? {
            Entry::File(file) => Ok(file),
            Entry::Stdin(_) | Entry::Output { .. } | Entry::Preopen { .. } | Entry::Directory { .. } => {
                Err(Errno::BADF)
            }
        }
    }

    fn path(&mut self, fd: i32, path: &str) -> Result<String, Errno> {
        let rule = self.rule;
        match self.get(fd)? {
            Entry::Preopen { host, .. } | Entry::Directory { host } => rule(host, path).ok_or(Errno::ACCES),
            Entry::Stdin(_) | Entry::Output { .. } | Entry::File(_) => Err(Errno::NOTDIR),
        }
    }

    fn full(&self) -> bool {
        self.open_files.is_some_and(|cap| (self.entries.len().saturating_sub(self.preopens)) as u64 >= cap)
    }

    fn insert(&mut self, entry: Entry) -> i32 {
        let fd = (3..).find(|fd| !self.entries.contains_key(fd)).unwrap_or(i32::MAX);
        self.entries.insert(fd, entry);
        fd
    }
}

/// Links functions that answer with an error number. Each body gets the guest's memory, the store's data and the table.
macro_rules! functions {
    ($linker:ident, $table:ident; $($name:ident |$memory:ident, $host:ident, $state:ident| ($($arg:ident: $ty:ty),*) $body:block)*) => {
        $({
            let table = Arc::clone(&$table);
            $linker.func_wrap(PREVIEW1, stringify!($name), move |mut caller: Caller<'_, Host>, $($arg: $ty),*| -> i32 {
                let Some(Extern::Memory(memory)) = caller.get_export("memory") else { return Errno::FAULT.0 };
                let (bytes, $host) = memory.data_and_store_mut(&mut caller);
                let mut $memory = Memory(bytes);
                let mut guard = table.lock().unwrap_or_else(PoisonError::into_inner);
                let $state = &mut *guard;
                // Not every function needs all that it is handed.
                let _ = (&mut $memory, &$host, &$state);
                let mut answer = || -> Answer { $body };
                answer().map_or_else(|errno| errno.0, |()| 0)
            })?;
        })*
        const LINKED: &[&str] = &["proc_exit", $(stringify!($name),)*];
    };
}

fn link(linker: &mut Linker<Host>, module: &Module, job: &Job) -> wasmtime::Result<()> {
    link_by(joined, linker, module, job)
}

/// The mistake: the host's path and the guest's, joined with a slash.
#[expect(clippy::unnecessary_wraps, reason = "other mistakes refuse some paths")]
fn joined(host: &str, path: &str) -> Option<String> {
    Some(format!("{host}/{path}"))
}

/// Links preview 1 as it is written here, with a rule of its own for paths.
pub(super) fn link_by(rule: PathRule, linker: &mut Linker<Host>, module: &Module, job: &Job) -> wasmtime::Result<()> {
    let table = Arc::new(Mutex::new(Table::of(job, rule)));
    linker.func_wrap(PREVIEW1, "proc_exit", |code: i32| -> wasmtime::Result<()> { Err(I32Exit(code).into()) })?;
    functions! { linker, table;
        args_sizes_get |memory, host, table| (count: i32, size: i32) { put_sizes(&mut memory, &table.arguments, count, size) }
        args_get |memory, host, table| (list: i32, text: i32) { put_strings(&mut memory, &table.arguments, list, text) }
        environ_sizes_get |memory, host, table| (count: i32, size: i32) { put_sizes(&mut memory, &table.environment, count, size) }
        environ_get |memory, host, table| (list: i32, text: i32) { put_strings(&mut memory, &table.environment, list, text) }
        clock_time_get |memory, host, table| (id: i32, _precision: i64, result: i32) {
            let now = match id {
                0 => table.clock.wall(),
                1 => table.clock.monotonic(),
                _ => return Err(Errno::INVAL),
            };
            memory.put(result, &now.to_le_bytes())
        }
        random_get |memory, host, table| (buffer: i32, length: i32) {
            Ok(File::open("/dev/urandom")?.read_exact(memory.slice(buffer, length.cast_unsigned())?)?)
        }
        fd_write |memory, host, table| (fd: i32, list: i32, count: i32, result: i32) {
            let mut total = 0;
            for (at, length) in memory.buffers(list, count)? {
                let bytes = memory.slice(at, length)?;
                match table.get(fd)? {
                    Entry::Output { to_stderr } => host.captured.write(*to_stderr, bytes),
                    Entry::File(file) => file.write_all(bytes)?,
                    Entry::Stdin(_) | Entry::Preopen { .. } | Entry::Directory { .. } => return Err(Errno::BADF),
                }
                total += bytes.len();
            }
            memory.put_word(result, total)
        }
        fd_read |memory, host, table| (fd: i32, list: i32, count: i32, result: i32) {
            let mut total = 0;
            for (at, length) in memory.buffers(list, count)? {
                let bytes = memory.slice(at, length)?;
                let read = match table.get(fd)? {
                    Entry::Stdin(left) => left.read(bytes)?,
                    Entry::File(file) => file.read(bytes)?,
                    Entry::Preopen { .. } | Entry::Directory { .. } => return Err(Errno::ISDIR),
                    Entry::Output { .. } => return Err(Errno::BADF),
                };
                total += read;
                if read < bytes.len() {
                    break;
                }
            }
            memory.put_word(result, total)
        }
        fd_close |memory, host, table| (fd: i32) { table.entries.remove(&fd).map(|_| ()).ok_or(Errno::BADF) }
        fd_seek |memory, host, table| (fd: i32, offset: i64, whence: i32, result: i32) {
            let to = match whence {
                0 => SeekFrom::Start(u64::try_from(offset).map_err(|_| Errno::INVAL)?),
                1 => SeekFrom::Current(offset),
                2 => SeekFrom::End(offset),
                _ => return Err(Errno::INVAL),
            };
            let at = table.file(fd)?.seek(to)?;
            memory.put(result, &at.to_le_bytes())
        }
        fd_prestat_get |memory, host, table| (fd: i32, result: i32) {
            let Entry::Preopen { guest, .. } = table.get(fd)? else { return Err(Errno::BADF) };
            memory.put_word(result, 0)?;
            memory.put_word(result.wrapping_add(4), guest.len())
        }
        fd_prestat_dir_name |memory, host, table| (fd: i32, buffer: i32, length: i32) {
            let Entry::Preopen { guest, .. } = table.get(fd)? else { return Err(Errno::BADF) };
            let room = usize::try_from(length.cast_unsigned()).map_err(|_| Errno::INVAL)?;
            memory.put(buffer, guest.as_bytes().get(..guest.len().min(room)).unwrap_or_default())
        }
        fd_fdstat_get |memory, host, table| (fd: i32, result: i32) {
            let kind = match table.get(fd)? {
                Entry::Stdin(_) | Entry::Output { .. } => CHARACTER_DEVICE,
                Entry::Preopen { .. } | Entry::Directory { .. } => DIRECTORY,
                Entry::File(_) => REGULAR_FILE,
            };
            // Every right there is, for the descriptor and for what is opened through it.
            let mut stat = [0xff; 24];
            stat[..8].copy_from_slice(&[kind, 0, 0, 0, 0, 0, 0, 0]);
            memory.put(result, &stat)
        }
        fd_fdstat_set_flags |memory, host, table| (fd: i32, _flags: i32) { table.get(fd).map(|_| ()) }
        fd_filestat_get |memory, host, table| (fd: i32, result: i32) {
            let metadata = match table.get(fd)? {
                Entry::File(file) => file.metadata()?,
                Entry::Preopen { host, .. } | Entry::Directory { host } => fs::metadata(host)?,
                Entry::Stdin(_) | Entry::Output { .. } => return Err(Errno::BADF),
            };
            memory.put(result, &filestat(&metadata))
        }
        path_open |memory, host, table| (fd: i32, _follow: i32, path: i32, length: i32, how: i32, rights: i64, _inherited: i64, flags: i32, result: i32) {
            let path = memory.text(path, length)?;
            let path = table.path(fd, &path)?;
            if table.full() {
                host.notes.deny(Cause::Limit(LimitKey::OpenFiles), "path_open", table.open_files);
                return Err(Errno::MFILE);
            }
            let entry = open(path, how, rights, flags)?;
            let fd = table.insert(entry);
            memory.put(result, &fd.to_le_bytes())
        }
        path_symlink |memory, host, table| (old: i32, old_length: i32, fd: i32, new: i32, new_length: i32) {
            let (old, new) = (memory.text(old, old_length)?, memory.text(new, new_length)?);
            Ok(symlink(old, table.path(fd, &new)?)?)
        }
        path_link |memory, host, table| (fd: i32, _follow: i32, old: i32, old_length: i32, to: i32, new: i32, new_length: i32) {
            let (old, new) = (memory.text(old, old_length)?, memory.text(new, new_length)?);
            Ok(fs::hard_link(table.path(fd, &old)?, table.path(to, &new)?)?)
        }
        path_rename |memory, host, table| (fd: i32, old: i32, old_length: i32, to: i32, new: i32, new_length: i32) {
            let (old, new) = (memory.text(old, old_length)?, memory.text(new, new_length)?);
            Ok(fs::rename(table.path(fd, &old)?, table.path(to, &new)?)?)
        }
        path_create_directory |memory, host, table| (fd: i32, path: i32, length: i32) {
            let path = memory.text(path, length)?;
            Ok(fs::create_dir(table.path(fd, &path)?)?)
        }
        path_unlink_file |memory, host, table| (fd: i32, path: i32, length: i32) {
            let path = memory.text(path, length)?;
            Ok(fs::remove_file(table.path(fd, &path)?)?)
        }
        path_remove_directory |memory, host, table| (fd: i32, path: i32, length: i32) {
            let path = memory.text(path, length)?;
            Ok(fs::remove_dir(table.path(fd, &path)?)?)
        }
        path_readlink |memory, host, table| (fd: i32, path: i32, length: i32, buffer: i32, room: i32, result: i32) {
            let path = memory.text(path, length)?;
            let target = fs::read_link(table.path(fd, &path)?)?;
            let target = target.as_os_str().as_encoded_bytes();
            let kept = target.len().min(usize::try_from(room.cast_unsigned()).map_err(|_| Errno::INVAL)?);
            memory.put(buffer, &target[..kept])?;
            memory.put_word(result, kept)
        }
        path_filestat_get |memory, host, table| (fd: i32, follow: i32, path: i32, length: i32, result: i32) {
            let path = memory.text(path, length)?;
            let path = table.path(fd, &path)?;
            let metadata = if follow & 1 == 1 { fs::metadata(path)? } else { fs::symlink_metadata(path)? };
            memory.put(result, &filestat(&metadata))
        }
    }
    // Whatever else preview 1 has is there and does nothing.
    for import in module.imports().filter(|import| import.module() == PREVIEW1) {
        let name = import.name();
        if let Some(kind) = import.ty().func()
            && PREVIEW1_FUNCTIONS.contains(&name)
            && !LINKED.contains(&name)
        {
            linker.func_new(PREVIEW1, name, kind.clone(), |_, _, results| {
                results.fill(Val::I32(Errno::NOSYS.0));
                Ok(())
            })?;
        }
    }
    Ok(())
}

// File types of preview 1.
const CHARACTER_DEVICE: u8 = 2;
const DIRECTORY: u8 = 3;
const REGULAR_FILE: u8 = 4;
const SYMBOLIC_LINK: u8 = 7;

/// Opens what stands at a path, following everything.
fn open(path: String, how: i32, rights: i64, flags: i32) -> Result<Entry, Errno> {
    let (create, directory, exclusive, truncate) = (how & 1 != 0, how & 2 != 0, how & 4 != 0, how & 8 != 0);
    let (read, write, append) = (rights & (1 << 1) != 0, rights & (1 << 6) != 0, flags & 1 != 0);
    if !create && fs::metadata(&path)?.is_dir() {
        return Ok(Entry::Directory { host: path });
    }
    if directory {
        return Err(Errno::NOTDIR);
    }
    let write = write || create || truncate;
    let mut options = OpenOptions::new();
    options
        .read(read || !write)
        .write(write)
        .append(append && write)
        .create(create && !exclusive)
        .create_new(create && exclusive);
    Ok(Entry::File(options.truncate(truncate && !append).open(path)?))
}

fn filestat(metadata: &Metadata) -> [u8; 64] {
    let kind = metadata.file_type();
    let kind = match (kind.is_file(), kind.is_dir(), kind.is_symlink()) {
        (true, ..) => REGULAR_FILE,
        (_, true, _) => DIRECTORY,
        (.., true) => SYMBOLIC_LINK,
        (false, false, false) => CHARACTER_DEVICE,
    };
    let time = |seconds: i64, nanos: i64| {
        u64::try_from(seconds.saturating_mul(1_000_000_000).saturating_add(nanos)).unwrap_or(0)
    };
    let fields = [
        metadata.dev(),
        metadata.ino(),
        u64::from(kind),
        metadata.nlink(),
        metadata.size(),
        time(metadata.atime(), metadata.atime_nsec()),
        time(metadata.mtime(), metadata.mtime_nsec()),
        time(metadata.ctime(), metadata.ctime_nsec()),
    ];
    let mut stat = [0; 64];
    for (place, field) in stat.chunks_exact_mut(8).zip(fields) {
        place.copy_from_slice(&field.to_le_bytes());
    }
    stat
}

fn put_sizes(memory: &mut Memory<'_>, strings: &[String], count: i32, size: i32) -> Answer {
    memory.put_word(count, strings.len())?;
    memory.put_word(size, strings.iter().map(|string| string.len() + 1).sum())
}

fn put_strings(memory: &mut Memory<'_>, strings: &[String], list: i32, text: i32) -> Answer {
    let (mut list, mut text) = (list, text);
    for string in strings {
        memory.put(list, &text.to_le_bytes())?;
        memory.put(text, string.as_bytes())?;
        let end = text.wrapping_add(i32::try_from(string.len()).map_err(|_| Errno::INVAL)?);
        memory.put(end, &[0])?;
        (list, text) = (list.wrapping_add(4), end.wrapping_add(1));
    }
    Ok(())
}
