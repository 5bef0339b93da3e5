//! WASI preview 1, function by function, through a layer that charges each call and counts what is denied.
//!
//! The engine's implementation does the work; this layer lists every function once, with its signature and what it is charged as, takes
//! what a call will use before it is done, and looks at the error that goes back to the guest. A function that an engine release adds is missing here until somebody decides, and a test turns red.

use std::fs::File;
use std::sync::Arc;

use gauntlet_record::{Cause, DenialKind, LimitKey};
use wasmtime::component::Resource;
use wasmtime::{Caller, Extern, Linker};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::filesystem::{Descriptor, FsPerms, WasiFilesystemView as _};
use wasmtime_wasi::p1::wasi_snapshot_preview1 as wasi;
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1 as _;
use wasmtime_wasi::p2::bindings::filesystem::types::PathFlags;
use wiggle::{GuestMemory, GuestPtr};

use crate::determinism;
use crate::disk::{At, Charge, Extent, OverLimit};
use crate::host::Host;
use crate::meter::{GrantIndex, Work};
use crate::nodes::{self, Look, Node, Opened};
use crate::places;

/// The module that preview 1 functions are imported from.
pub(crate) const MODULE: &str = "wasi_snapshot_preview1";

// Error numbers of preview 1, from `typenames.witx`.
const SUCCESS: i32 = 0;
const ACCES: i32 = 2;
const BADF: i32 = 8;
const MFILE: i32 = 33;
const NOSPC: i32 = 51;
const PERM: i32 = 63;
const ROFS: i32 = 69;
const NOTCAPABLE: i32 = 76;

/// The right to write to a file, from `typenames.witx`.
const FD_WRITE: u32 = 1 << 6;

/// Longest path that fits any budget, in bytes: Linux takes 4 KiB of them.
const LONGEST_PATH: u32 = 64 << 10;

/// Where a function's paths stand among its arguments: pointer and length. The first is the one that a denial is reported with.
fn paths(call: Call) -> &'static [(usize, usize)] {
    match call {
        Call::path_create_directory | Call::path_remove_directory | Call::path_unlink_file | Call::path_readlink => {
            &[(1, 2)]
        }
        Call::path_open | Call::path_filestat_get | Call::path_filestat_set_times => &[(2, 3)],
        Call::path_link => &[(2, 3), (5, 6)],
        Call::path_rename => &[(1, 2), (4, 5)],
        Call::path_symlink => &[(3, 4), (0, 1)],
        _ => &[],
    }
}

/// An argument that is a number of 32 bits: a descriptor, a pointer, a length.
fn word(arguments: &[i64], place: usize) -> u32 {
    arguments.get(place).and_then(|argument| u32::try_from(argument & 0xffff_ffff).ok()).unwrap_or_default()
}

/// The descriptor that a call works on.
fn descriptor(call: Call, arguments: &[i64]) -> Option<u32> {
    match call {
        Call::path_symlink => Some(word(arguments, 2)),
        _ if call.as_str().starts_with("fd_") || call.as_str().starts_with("path_") => Some(word(arguments, 0)),
        _ => None,
    }
}

fn read_word(memory: &GuestMemory<'_>, at: u32) -> Option<u32> {
    memory.read(GuestPtr::<u32>::new(at)).ok()
}

/// The length of the first buffer of a list that is not empty: the engine moves no other.
fn first_buffer(memory: &GuestMemory<'_>, list: u32, count: u32) -> u64 {
    let lengths =
        (0..count).map_while(|place| read_word(memory, list.checked_add(place.checked_mul(8)?)?.checked_add(4)?));
    lengths.into_iter().find(|length| *length > 0).unwrap_or(0).into()
}

/// What a call has taken before it is done, to be settled by its result.
#[derive(Default)]
pub(crate) struct Taken {
    /// Bytes on disk, of a write of so many.
    write: Option<(Charge, u64)>,
    /// A size that was set, with the file as it was.
    size: Option<(Charge, Option<Extent>)>,
    /// A name that is made.
    name: bool,
    /// A file that is cut by opening it.
    cut: Option<Extent>,
}

/// Charges a call and takes what it will use, before it is done. An errno is the answer to a call that is not done.
fn enter(
    host: &mut Host,
    memory: &mut GuestMemory<'_>,
    call: Call,
    arguments: &[i64],
    taken: &mut Taken,
) -> wasmtime::Result<Option<i32>> {
    let at = match call {
        Call::fd_pwrite => At::Position(arguments.get(3).map_or(0, |at| at.cast_unsigned())),
        Call::fd_write if host.nodes.get(word(arguments, 0)).is_some() => {
            At::Position(position(host, memory, word(arguments, 0)))
        }
        _ => At::End,
    };
    let host = &*host;
    let node = descriptor(call, arguments).and_then(|number| host.nodes.get(number));
    let what = call.as_str();
    let meter = &host.meter;
    let mut kind = call.work();
    let things = match call {
        Call::random_get => u64::from(word(arguments, 1)),
        Call::poll_oneoff => u64::from(word(arguments, 2)),
        Call::args_get | Call::args_sizes_get | Call::environ_get | Call::environ_sizes_get => host.arguments,
        Call::fd_readdir => match node {
            Some(Node { opened: Opened::Directory(directory), .. }) => {
                nodes::entries(&directory.dir, meter.work_left(kind))
            }
            _ => 0,
        },
        Call::fd_read | Call::fd_pread | Call::fd_write | Call::fd_pwrite => {
            let count = word(arguments, 2);
            meter.work(Work::Buffers, what, count.into())?;
            let asked = first_buffer(memory, word(arguments, 1), count);
            match node {
                Some(Node { opened: Opened::File(file, _), .. }) if matches!(call, Call::fd_read | Call::fd_pread) => {
                    let size = file.metadata().map_or(asked, |meta| meta.len());
                    asked.min(size)
                }
                Some(_) => asked,
                // The standard streams count what goes through them.
                None => {
                    kind = Work::Call;
                    0
                }
            }
        }
        // The kernel may read or drop all of it.
        Call::fd_advise => match node {
            Some(Node { opened: Opened::File(file, _), .. }) => advised(file, arguments.get(2)),
            _ => 0,
        },
        _ => paths(call).iter().map(|(_, length)| u64::from(word(arguments, *length))).sum(),
    };
    meter.work(kind, what, things)?;
    // The engine copies a path several times before it looks at it.
    if paths(call).iter().any(|(_, length)| word(arguments, *length) > LONGEST_PATH) {
        meter.too_much(what, things)?;
    }
    let Some(node) = node else { return Ok(None) };
    let refused = match (call, &node.opened) {
        (Call::fd_write | Call::fd_pwrite, Opened::File(file, append)) if node.metered => {
            let at = if *append { At::End } else { at };
            match meter.disk.write(what, file, at, things) {
                Ok(charge) => {
                    taken.write = Some((charge, things));
                    false
                }
                Err(OverLimit) => true,
            }
        }
        (Call::fd_filestat_set_size, Opened::File(file, _)) if node.metered => {
            let before = Extent::of(file);
            let size = arguments.get(1).map_or(0, |size| size.cast_unsigned());
            match meter.disk.set_size(what, file, size) {
                Ok(charge) => {
                    taken.size = Some((charge, before));
                    false
                }
                Err(OverLimit) => true,
            }
        }
        (Call::path_create_directory | Call::path_symlink, _) if node.is_metered_directory() => {
            taken.name = true;
            let target = (call == Call::path_symlink).then(|| u64::from(word(arguments, 1)));
            !meter.disk.may_make(what, &asked(memory, call, arguments))
                || match meter.disk.name_block(what, target) {
                    Ok(charge) => {
                        taken.size = Some((charge, None));
                        false
                    }
                    Err(OverLimit) => true,
                }
        }
        (Call::path_link, _)
            if node.metered && host.nodes.get(word(arguments, 4)).is_some_and(Node::is_metered_directory) =>
        {
            taken.name = true;
            !meter.disk.may_make(what, &asked(memory, call, arguments))
        }
        _ => false,
    };
    if refused {
        host.tally.check()?;
    }
    Ok(refused.then_some(NOSPC))
}

/// How many bytes a hint may be about: as many as it names, and no more than there are; 0 stands for all.
fn advised(file: &File, length: Option<&i64>) -> u64 {
    let size = file.metadata().map_or(0, |meta| meta.len());
    match length.map_or(0, |length| length.cast_unsigned()) {
        0 => size,
        length => length.min(size),
    }
}

/// The position of a file, which the engine keeps.
fn position(host: &mut Host, memory: &mut GuestMemory<'_>, number: u32) -> u64 {
    host.wasi.fd_tell(memory, number.into()).unwrap_or(u64::MAX)
}

/// Looks at what stands at the path of a call whose first argument is a directory, the second how to look and the third and fourth the path.
async fn look(
    host: &mut Host,
    memory: &GuestMemory<'_>,
    arguments: &[i64],
) -> wasmtime::Result<Option<(Look, bool, String)>> {
    let Some(Node { opened: Opened::Directory(directory), metered, .. }) = host.nodes.get(word(arguments, 0)) else {
        return Ok(None);
    };
    let (directory, metered) = (directory.clone(), *metered);
    let path = GuestPtr::<str>::new((word(arguments, 2), word(arguments, 3)));
    let Ok(path) = memory.as_cow_str(path).map(std::borrow::Cow::into_owned) else { return Ok(None) };
    let follow = if word(arguments, 1) & 1 == 0 { PathFlags::empty() } else { PathFlags::SYMLINK_FOLLOW };
    let mut view = host.wasi.filesystem();
    let resource = view.table.push(Descriptor::Dir(directory))?;
    let seen = nodes::look(&mut view, &resource, follow, path.clone()).await;
    view.table.delete(resource)?;
    Ok(Some((seen, metered, path)))
}

/// Looks at what stands at a path before its times are set: where the engine follows links it opens the file to write, and what is no file
/// stays shut.
async fn before_times(
    host: &mut Host,
    memory: &GuestMemory<'_>,
    call: Call,
    arguments: &[i64],
) -> wasmtime::Result<Option<i32>> {
    if call != Call::path_filestat_set_times || !host.special_files_shut || word(arguments, 1) & 1 == 0 {
        return Ok(None);
    }
    let Some((Look::Special, ..)) = look(host, memory, arguments).await? else { return Ok(None) };
    account(host, memory, call, arguments, ACCES);
    host.tally.check()?;
    Ok(Some(ACCES))
}

/// Looks at what stands at a path before it is opened: what is no file stays shut, and a file that would be made is counted.
async fn before_open(
    host: &mut Host,
    memory: &GuestMemory<'_>,
    arguments: &[i64],
    taken: &mut Taken,
) -> wasmtime::Result<Option<i32>> {
    if host.files.full() {
        account(host, memory, Call::path_open, arguments, MFILE);
        host.tally.check()?;
        return Ok(Some(MFILE));
    }
    let Some((seen, metered, path)) = look(host, memory, arguments).await? else { return Ok(None) };
    let flags = word(arguments, 4);
    let (create, truncate) = (flags & 1 != 0, flags & 8 != 0);
    let errno = match seen {
        Look::Special if host.special_files_shut => {
            account(host, memory, Call::path_open, arguments, ACCES);
            Some(ACCES)
        }
        Look::Missing if create && metered => {
            taken.name = true;
            (!host.meter.disk.may_make("path_open", &path)).then_some(NOSPC)
        }
        Look::Plain(size) if truncate && metered => {
            // How many blocks it has is not seen from here, so a file that was there gives nothing back.
            taken.cut = Some(Extent::new(size, 0));
            None
        }
        Look::Special | Look::Missing | Look::Plain(_) | Look::Unseen => None,
    };
    host.tally.check()?;
    Ok(errno)
}

/// The number that the engine's table gives to the next thing put into it.
fn next_number(host: &mut Host, memory: &mut GuestMemory<'_>) -> wasmtime::Result<u32> {
    // The engine puts the standard streams and the grants there at the first call that asks for a descriptor: any does.
    let _ = host.wasi.fd_tell(memory, 0.into());
    let table = host.wasi.ctx().table;
    let probe = table.push(())?;
    let number = probe.rep();
    table.delete(probe)?;
    Ok(number)
}

/// Notes what was opened, by the number that was free before and holds it now. Says whether it has to be shut again.
fn after_open(host: &mut Host, memory: &GuestMemory<'_>, arguments: &[i64], number: u32, taken: &mut Taken) -> bool {
    let Some((grant, base)) = host.nodes.get(word(arguments, 0)).map(|node| (node.grant, node.path.clone())) else {
        return true;
    };
    let Some(descriptor) = read_word(memory, word(arguments, 8)) else { return true };
    let append = word(arguments, 7) & 1 != 0;
    let (opened, perms) = match host.wasi.ctx().table.get(&Resource::<Descriptor>::new_borrow(number)) {
        Ok(Descriptor::Dir(directory)) => (Opened::Directory(directory.clone()), directory.perms),
        Ok(Descriptor::File(file)) => (Opened::File(Arc::clone(&file.file), append), file.perms),
        Err(_) => return true,
    };
    if let Opened::File(file, _) = &opened {
        if std::mem::take(&mut taken.name) {
            host.meter.disk.made();
            host.meter.disk.made_file(file);
        }
        if let Some(before) = taken.cut.take() {
            host.meter.disk.shrunk(file, before);
        }
        if host.special_files_shut && nodes::is_special(file) {
            return true;
        }
    }
    host.files.opened();
    host.meter.file_opened(grant);
    let metered = perms == FsPerms::ReadWrite && !host.meter.is_scratch(grant);
    // The guest may have changed the path by now, on a thread of its own; then the place is only named wrong.
    let path = text(memory, arguments, (2, 3)).and_then(|path| places::joined(&base, &path)).unwrap_or(base);
    if let Opened::Directory(_) = opened {
        host.meter.place(grant, &path, false, true);
    }
    host.nodes.opened(descriptor, Node { opened, grant, path, metered, counted: true });
    false
}

/// Settles what a call has taken, counts what it did, and gives its answer, unless a denial ends the run.
fn leave(
    host: &mut Host,
    memory: &GuestMemory<'_>,
    call: Call,
    arguments: &[i64],
    errno: i32,
    taken: Taken,
) -> wasmtime::Result<i32> {
    let done = errno == SUCCESS;
    let moved = match call {
        Call::fd_read | Call::fd_write => read_word(memory, word(arguments, 3)),
        Call::fd_pread | Call::fd_pwrite => read_word(memory, word(arguments, 4)),
        _ => None,
    };
    let moved = moved.filter(|_| done).map_or(0, u64::from);
    let number = descriptor(call, arguments);
    let node = number.and_then(|number| host.nodes.get(number));
    let disk = &host.meter.disk;
    match taken.write {
        Some((charge, length)) if done => disk.wrote(charge, length, moved),
        Some((charge, _)) => disk.failed(charge),
        None => {}
    }
    if let Some((charge, before)) = taken.size {
        if done {
            // What the charge knows of the file must be gone, or the file looks as if somebody else still wrote to it.
            drop(charge);
            if let (Some(before), Some(Node { opened: Opened::File(file, _), .. })) = (before, node) {
                disk.shrunk(file, before);
            }
        } else {
            disk.failed(charge);
        }
    }
    if taken.name && done {
        disk.made();
    }
    if let Some(node) = node.filter(|_| done) {
        let (read, written) = match call {
            Call::fd_read | Call::fd_pread => (moved, 0),
            Call::fd_write | Call::fd_pwrite => (0, moved),
            _ => (0, 0),
        };
        host.meter.moved(node.grant, read, written);
    }
    if done {
        match call {
            Call::fd_close if host.nodes.closed(word(arguments, 0)) => host.files.closed(),
            Call::fd_renumber if host.nodes.renumbered(word(arguments, 0), word(arguments, 1)) => host.files.closed(),
            Call::fd_fdstat_set_flags => host.nodes.set_append(word(arguments, 0), word(arguments, 1) & 1 != 0),
            Call::random_get => host.meter.moved(GrantIndex::RANDOM, u64::from(word(arguments, 1)), 0),
            Call::environ_get => host.meter.moved(GrantIndex::ENVIRONMENT, 0, 0),
            Call::args_get => host.meter.moved(GrantIndex::ARGUMENTS, 0, 0),
            _ => {}
        }
    }
    note_places(host, memory, call, arguments, errno);
    account(host, memory, call, arguments, errno);
    host.tally.check()?;
    Ok(errno)
}

/// A path among the arguments, by the places of its pointer and its length.
fn text(memory: &GuestMemory<'_>, arguments: &[i64], (pointer, length): (usize, usize)) -> Option<String> {
    let bytes = (word(arguments, pointer), word(arguments, length).min(1024));
    let bytes = memory.as_cow(GuestPtr::<[u8]>::new(bytes)).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Notes which places beneath a grant a call used, whether they were there or not. What was denied is counted as that.
fn note_places(host: &Host, memory: &GuestMemory<'_>, call: Call, arguments: &[i64], errno: i32) {
    if matches!(errno, ACCES | BADF | PERM | ROFS | NOTCAPABLE) {
        return;
    }
    // Descriptors with their paths. Of the two paths of a symbolic link, one is only what it says.
    let used: &[(usize, (usize, usize))] = match call {
        Call::path_symlink => &[(2, (3, 4))],
        Call::path_link => &[(0, (2, 3)), (4, (5, 6))],
        Call::path_rename => &[(0, (1, 2)), (3, (4, 5))],
        Call::path_open | Call::path_filestat_get | Call::path_filestat_set_times => &[(0, (2, 3))],
        Call::path_create_directory | Call::path_remove_directory | Call::path_unlink_file | Call::path_readlink => {
            &[(0, (1, 2))]
        }
        Call::fd_readdir => {
            if let Some(node) = host.nodes.get(word(arguments, 0)) {
                host.meter.place(node.grant, &node.path, false, true);
            }
            return;
        }
        _ => return,
    };
    let changed = match call {
        Call::path_filestat_get | Call::path_readlink => false,
        // It makes or cuts the file, or asks for the right to write to it.
        Call::path_open => word(arguments, 4) & 0b1001 != 0 || word(arguments, 5) & FD_WRITE != 0,
        _ => true,
    };
    for (descriptor, path) in used {
        let Some(node) = host.nodes.get(word(arguments, *descriptor)) else { continue };
        let Some(path) = text(memory, arguments, *path) else { continue };
        if let Some(path) = places::joined(&node.path, &path) {
            host.meter.place(node.grant, &path, changed, false);
        }
    }
}

/// The path that a call asks for, or the descriptor.
fn asked(memory: &GuestMemory<'_>, call: Call, arguments: &[i64]) -> String {
    let path = paths(call).first().and_then(|(pointer, length)| {
        let bytes = (word(arguments, *pointer), word(arguments, *length).min(256));
        let bytes = memory.as_cow(GuestPtr::<[u8]>::new(bytes)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    });
    path.unwrap_or_else(|| arguments.first().map(|first| format!("descriptor {first}")).unwrap_or_default())
}

/// Looks at what goes back to the guest and counts it, if it is a denial.
fn account(host: &Host, memory: &GuestMemory<'_>, call: Call, arguments: &[i64], errno: i32) {
    let cause = match (errno, call) {
        // Libraries walk the descriptors up to the first that is none, and ask for clocks that there are not: nothing is denied there.
        (BADF, Call::fd_prestat_get | Call::fd_prestat_dir_name | Call::clock_time_get | Call::clock_res_get) => return,
        (ACCES | PERM | ROFS | NOTCAPABLE, _) => Cause::Denied(DenialKind::Path),
        (BADF, _) => Cause::Denied(DenialKind::Descriptor),
        (MFILE, _) => Cause::Limit(LimitKey::OpenFiles),
        (NOSPC, _) => {
            let node = descriptor(call, arguments).and_then(|number| host.nodes.get(number));
            if node.is_some_and(|node| host.meter.is_scratch(node.grant)) {
                let names = call.as_str().starts_with("path_");
                host.meter.scratch_full(call.as_str(), names, || asked(memory, call, arguments));
            }
            return;
        }
        _ => return,
    };
    let limit = if cause == Cause::Limit(LimitKey::OpenFiles) { host.files.cap } else { None };
    host.tally.deny(cause, call.as_str(), || asked(memory, call, arguments), limit);
}

/// The guest's memory and the host's data of one call.
macro_rules! with_memory {
    ($caller:ident, $host:ident, $memory:ident, $body:expr) => {{
        let export = $caller.get_export("memory");
        let fuel = wasmtime::AsContextMut::as_context_mut(&mut $caller).hostcall_fuel();
        match &export {
            Some(Extern::Memory(exported)) => {
                let (bytes, $host) = exported.data_and_store_mut(&mut $caller);
                $host.wasi.set_hostcall_fuel(fuel);
                let mut $memory = GuestMemory::Unshared(bytes);
                $body
            }
            Some(Extern::SharedMemory(exported)) => {
                let $host = $caller.data_mut();
                $host.wasi.set_hostcall_fuel(fuel);
                let mut $memory = GuestMemory::Shared(exported.data());
                $body
            }
            _ => Err(wasmtime::Error::msg("the guest exports no memory")),
        }
    }};
}

macro_rules! functions {
    ($($kind:ident $work:ident $name:ident($($arg:ident: $ty:ident),*);)*) => {
        /// The functions of preview 1 that this executor links, by name.
        pub const FUNCTIONS: &[&str] = &[$(stringify!($name),)*];

        /// A function of preview 1.
        #[expect(non_camel_case_types, reason = "the names are the interface's")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Call { $($name,)* }

        impl Call {
            const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            const fn work(self) -> Work {
                match self { $(Self::$name => Work::$work,)* }
            }
        }

        /// Links all of preview 1 but what `denied` names as `module::function`.
        pub(crate) fn link(linker: &mut Linker<Host>, denied: impl Fn(&str) -> bool) -> wasmtime::Result<()> {
            $(if !denied(concat!("wasi_snapshot_preview1::", stringify!($name))) {
                functions!(@$kind linker, $name, $($arg: $ty),*);
            })*
            Ok(())
        }
    };
    (@opens $linker:ident, $name:ident, $($arg:ident: $ty:ident),*) => {
        $linker.func_wrap_async(MODULE, stringify!($name), |mut caller: Caller<'_, Host>, ($($arg,)*): ($($ty,)*)| {
            Box::new(async move {
                with_memory!(caller, host, memory, {
                    let (arguments, mut taken) = ([$(i64::from($arg)),*], Taken::default());
                    if let Some(errno) = enter(host, &mut memory, Call::$name, &arguments, &mut taken)? {
                        return Ok(errno);
                    }
                    if let Some(errno) = before_open(host, &memory, &arguments, &mut taken).await? {
                        return Ok(errno);
                    }
                    let number = next_number(host, &mut memory)?;
                    let mut errno = wasi::$name(&mut host.wasi, &mut memory, $($arg),*).await?;
                    if errno == SUCCESS && after_open(host, &memory, &arguments, number, &mut taken) {
                        if let Some(opened) = read_word(&memory, word(&arguments, 8)) {
                            // Whatever it is, it is shut again, and the answer does not hang on that.
                            let _ = host.wasi.fd_close(&mut memory, opened.into()).await;
                        }
                        errno = ACCES;
                    }
                    leave(host, &memory, Call::$name, &arguments, errno, taken)
                })
            })
        })?;
    };
    (@waits $linker:ident, $name:ident, $($arg:ident: $ty:ident),*) => {
        $linker.func_wrap_async(MODULE, stringify!($name), |mut caller: Caller<'_, Host>, ($($arg,)*): ($($ty,)*)| {
            Box::new(async move {
                with_memory!(caller, host, memory, {
                    let (arguments, mut taken) = ([$(i64::from($arg)),*], Taken::default());
                    if let Some(errno) = enter(host, &mut memory, Call::$name, &arguments, &mut taken)? {
                        return Ok(errno);
                    }
                    if let Some(errno) = before_times(host, &memory, Call::$name, &arguments).await? {
                        return Ok(errno);
                    }
                    let errno = match determinism::answer(host, &mut memory, stringify!($name), &arguments).await? {
                        Some(errno) => errno,
                        None => wasi::$name(&mut host.wasi, &mut memory, $($arg),*).await?,
                    };
                    determinism::settle(host, &mut memory, stringify!($name), &arguments, errno)?;
                    leave(host, &memory, Call::$name, &arguments, errno, taken)
                })
            })
        })?;
    };
    (@answers $linker:ident, $name:ident, $($arg:ident: $ty:ident),*) => {
        $linker.func_wrap(MODULE, stringify!($name), |mut caller: Caller<'_, Host>, $($arg: $ty),*| -> wasmtime::Result<i32> {
            with_memory!(caller, host, memory, {
                let (arguments, mut taken): ([i64; _], _) = ([$(i64::from($arg)),*], Taken::default());
                if let Some(errno) = enter(host, &mut memory, Call::$name, &arguments, &mut taken)? {
                    return Ok(errno);
                }
                let errno = wasi::$name(&mut host.wasi, &mut memory, $($arg),*)?;
                leave(host, &memory, Call::$name, &arguments, errno, taken)
            })
        })?;
    };
    (@ends $linker:ident, $name:ident, $($arg:ident: $ty:ident),*) => {
        $linker.func_wrap(MODULE, stringify!($name), |mut caller: Caller<'_, Host>, $($arg: $ty),*| -> wasmtime::Result<()> {
            // Ending needs no memory, and a guest without one may end, too. It is charged nothing: a guest may always end.
            let (host, _) = (caller.data_mut(), Call::$name);
            wasi::$name(&mut host.wasi, &mut GuestMemory::Unshared(&mut []), $($arg),*)
        })?;
    };
}

// How a function is called, what its host work is charged as, and its signature.
functions! {
    answers Arguments args_get(a: i32, b: i32);
    answers Arguments args_sizes_get(a: i32, b: i32);
    answers Arguments environ_get(a: i32, b: i32);
    answers Arguments environ_sizes_get(a: i32, b: i32);
    answers Clock clock_res_get(a: i32, b: i32);
    answers Clock clock_time_get(a: i32, b: i64, c: i32);
    waits File fd_advise(a: i32, b: i64, c: i64, d: i32);
    answers Call fd_allocate(a: i32, b: i64, c: i64);
    waits File fd_close(a: i32);
    waits Sync fd_datasync(a: i32);
    waits File fd_fdstat_get(a: i32, b: i32);
    answers Call fd_fdstat_set_flags(a: i32, b: i32);
    answers Call fd_fdstat_set_rights(a: i32, b: i64, c: i64);
    waits File fd_filestat_get(a: i32, b: i32);
    waits File fd_filestat_set_size(a: i32, b: i64);
    waits File fd_filestat_set_times(a: i32, b: i64, c: i64, d: i32);
    waits File fd_pread(a: i32, b: i32, c: i32, d: i64, e: i32);
    answers Call fd_prestat_get(a: i32, b: i32);
    answers Call fd_prestat_dir_name(a: i32, b: i32, c: i32);
    waits File fd_pwrite(a: i32, b: i32, c: i32, d: i64, e: i32);
    waits File fd_read(a: i32, b: i32, c: i32, d: i32);
    waits Directory fd_readdir(a: i32, b: i32, c: i32, d: i64, e: i32);
    waits File fd_renumber(a: i32, b: i32);
    waits File fd_seek(a: i32, b: i64, c: i32, d: i32);
    waits Sync fd_sync(a: i32);
    answers Call fd_tell(a: i32, b: i32);
    waits File fd_write(a: i32, b: i32, c: i32, d: i32);
    waits Path path_create_directory(a: i32, b: i32, c: i32);
    waits Path path_filestat_get(a: i32, b: i32, c: i32, d: i32, e: i32);
    waits Path path_filestat_set_times(a: i32, b: i32, c: i32, d: i32, e: i64, f: i64, g: i32);
    waits Path path_link(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32, g: i32);
    opens Path path_open(a: i32, b: i32, c: i32, d: i32, e: i32, f: i64, g: i64, h: i32, i: i32);
    waits Path path_readlink(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32);
    waits Path path_remove_directory(a: i32, b: i32, c: i32);
    waits Path path_rename(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32);
    waits Path path_symlink(a: i32, b: i32, c: i32, d: i32, e: i32);
    waits Path path_unlink_file(a: i32, b: i32, c: i32);
    waits Poll poll_oneoff(a: i32, b: i32, c: i32, d: i32);
    ends Call proc_exit(a: i32);
    answers Call proc_raise(a: i32);
    answers Call sched_yield();
    answers Random random_get(a: i32, b: i32);
    answers Call sock_accept(a: i32, b: i32, c: i32);
    answers Call sock_recv(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32);
    answers Call sock_send(a: i32, b: i32, c: i32, d: i32, e: i32);
    answers Call sock_shutdown(a: i32, b: i32);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_function_that_the_engine_offers_was_decided_on() {
        let engine = wasmtime::Engine::default();
        let mut linker: Linker<wasmtime_wasi::p1::WasiP1Ctx> = Linker::new(&engine);
        wasmtime_wasi::p1::add_to_linker_async(&mut linker, |wasi| wasi).unwrap();
        let wasi = wasmtime_wasi::WasiCtxBuilder::new().build_p1();
        let mut store = wasmtime::Store::new(&engine, wasi);
        let offered: BTreeSet<String> = linker.iter(&mut store).map(|(_, name, _)| name.to_owned()).collect();
        let linked: BTreeSet<String> = FUNCTIONS.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(offered, linked);
    }
}
