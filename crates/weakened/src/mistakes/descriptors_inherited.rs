//! A descriptor number that the guest does not hold is looked up among the process's own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};

use gauntlet_target::Job;
use wasmtime::{Caller, Extern, Linker, Module};
use wasmtime_wasi::p1;
use wasmtime_wasi::p1::wasi_snapshot_preview1 as wasi;
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1 as _;
use wiggle::GuestMemory;

use crate::naive::{Choices, Host, Imports, PREVIEW1, SOUND};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "descriptors-inherited",
    sentence: "a descriptor that the guest does not hold is looked up among the process's own",
    seen: "F11",
    kind: Kind::Own(|| Box::new(Choices { name: MISTAKE.name, imports: Imports::Own(link), ..SOUND })),
};

// Error numbers and a file type of preview 1.
const SUCCESS: i32 = 0;
const BADF: i32 = 8;
const FAULT: i32 = 21;
const REGULAR_FILE: u8 = 4;
/// The first descriptor after the standard streams.
const FIRST: i32 = 3;

/// Descriptors of the process, opened again by number, which takes no raw descriptors.
type Reopened = Arc<Mutex<BTreeMap<i32, File>>>;

fn link(linker: &mut Linker<Host>, _: &Module, _: &Job) -> wasmtime::Result<()> {
    p1::add_to_linker_async(linker, |host| &mut host.wasi)?;
    linker.allow_shadowing(true);
    let reopened = Reopened::default();
    let files = Arc::clone(&reopened);
    linker.func_wrap_async(
        PREVIEW1,
        "fd_read",
        move |mut caller: Caller<'_, Host>, (fd, iovs, count, result): (i32, i32, i32, i32)| {
            let files = Arc::clone(&files);
            Box::new(async move {
                let Some(Extern::Memory(memory)) = caller.get_export("memory") else { return Ok(FAULT) };
                let fuel = wasmtime::AsContextMut::as_context_mut(&mut caller).hostcall_fuel();
                let (bytes, host) = memory.data_and_store_mut(&mut caller);
                host.wasi.set_hostcall_fuel(fuel);
                let errno =
                    wasi::fd_read(&mut host.wasi, &mut GuestMemory::Unshared(&mut *bytes), fd, iovs, count, result)
                        .await?;
                Ok::<i32, wasmtime::Error>(if errno == BADF {
                    read(&files, bytes, fd, iovs, count, result)
                } else {
                    errno
                })
            })
        },
    )?;
    linker.func_wrap_async(
        PREVIEW1,
        "fd_fdstat_get",
        move |mut caller: Caller<'_, Host>, (fd, result): (i32, i32)| {
            let files = Arc::clone(&reopened);
            Box::new(async move {
                let Some(Extern::Memory(memory)) = caller.get_export("memory") else { return Ok(FAULT) };
                let (bytes, host) = memory.data_and_store_mut(&mut caller);
                let errno =
                    wasi::fd_fdstat_get(&mut host.wasi, &mut GuestMemory::Unshared(&mut *bytes), fd, result).await?;
                if errno != BADF || !with_file(&files, fd, |_| true).unwrap_or(false) {
                    return Ok(errno);
                }
                let mut stat = [0; 24];
                stat[0] = REGULAR_FILE;
                // Every right there is.
                stat[8..16].fill(0xff);
                Ok::<i32, wasmtime::Error>(if put(bytes, result, &stat).is_some() { SUCCESS } else { FAULT })
            })
        },
    )?;
    Ok(())
}

/// Reads from the process's descriptor of this number.
fn read(files: &Reopened, memory: &mut [u8], fd: i32, iovs: i32, count: i32, result: i32) -> i32 {
    let read = with_file(files, fd, |file| {
        let mut total = 0_u32;
        for index in 0..count.cast_unsigned() {
            let at = iovs.cast_unsigned().checked_add(index.checked_mul(8)?)?;
            let buffer = word(memory, at)?;
            let length = word(memory, at.checked_add(4)?)?;
            let start = usize::try_from(buffer).ok()?;
            let buffer = memory.get_mut(start..start.checked_add(usize::try_from(length).ok()?)?)?;
            let read = file.read(buffer).ok()?;
            total = total.checked_add(u32::try_from(read).ok()?)?;
            if read < buffer.len() {
                break;
            }
        }
        put(memory, result, &total.to_le_bytes())
    });
    match read {
        Some(Some(())) => SUCCESS,
        Some(None) => FAULT,
        None => BADF,
    }
}

fn with_file<T>(files: &Reopened, fd: i32, look: impl FnOnce(&mut File) -> T) -> Option<T> {
    if fd < FIRST {
        return None;
    }
    let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
    if let std::collections::btree_map::Entry::Vacant(entry) = files.entry(fd) {
        let path = format!("/proc/self/fd/{fd}");
        // Opening a pipe again would wait for its other end.
        std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?;
        entry.insert(File::open(&path).ok()?);
    }
    files.get_mut(&fd).map(look)
}

fn word(memory: &[u8], at: u32) -> Option<u32> {
    let at = usize::try_from(at).ok()?;
    Some(u32::from_le_bytes(memory.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn put(memory: &mut [u8], at: i32, bytes: &[u8]) -> Option<()> {
    let at = usize::try_from(at.cast_unsigned()).ok()?;
    memory.get_mut(at..at.checked_add(bytes.len())?)?.copy_from_slice(bytes);
    Some(())
}
