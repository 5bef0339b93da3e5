//! WASI preview 1, function by function, through a layer that counts what is denied.
//!
//! The engine's implementation does the work; this layer lists every function once, with its signature, and looks at the error that
//! goes back to the guest. A function that an engine release adds is missing here until somebody decides, and a test turns red.

use gauntlet_record::{Cause, DenialKind, LimitKey};
use wasmtime::{Caller, Extern, Linker};
use wasmtime_wasi::p1::wasi_snapshot_preview1 as wasi;
use wasmtime_wasi::p1::wasi_snapshot_preview1::WasiSnapshotPreview1 as _;
use wiggle::GuestMemory;

use crate::determinism;
use crate::host::Host;

/// The module that preview 1 functions are imported from.
pub(crate) const MODULE: &str = "wasi_snapshot_preview1";

// Error numbers of preview 1, from `typenames.witx`.
const SUCCESS: i32 = 0;
const ACCES: i32 = 2;
const BADF: i32 = 8;
const MFILE: i32 = 33;
const PERM: i32 = 63;
const ROFS: i32 = 69;
const NOTCAPABLE: i32 = 76;

/// Where a function's path stands among its arguments: pointer and length.
fn path_arguments(name: &str) -> Option<(usize, usize)> {
    match name {
        "path_create_directory" | "path_remove_directory" | "path_unlink_file" | "path_readlink" => Some((1, 2)),
        "path_open" | "path_filestat_get" | "path_filestat_set_times" | "path_link" => Some((2, 3)),
        "path_rename" => Some((1, 2)),
        "path_symlink" => Some((3, 4)),
        _ => None,
    }
}

/// Looks at what goes back to the guest and counts it, if it is a denial. Keeps the count of open descriptors.
fn account(host: &mut Host, memory: &GuestMemory<'_>, name: &'static str, arguments: &[i64], errno: i32) {
    let cause = match errno {
        SUCCESS => {
            match name {
                "path_open" | "sock_accept" => host.files.opened(),
                "fd_close" | "fd_renumber" => host.files.closed(),
                _ => {}
            }
            return;
        }
        ACCES | PERM | ROFS | NOTCAPABLE => Cause::Denied(DenialKind::Path),
        BADF => Cause::Denied(DenialKind::Descriptor),
        MFILE => Cause::Limit(LimitKey::OpenFiles),
        _ => return,
    };
    let asked = || {
        let path = path_arguments(name).and_then(|(pointer, length)| {
            let pointer = u32::try_from(*arguments.get(pointer)? & 0xffff_ffff).ok()?;
            let length = u32::try_from(*arguments.get(length)? & 0xffff_ffff).ok()?.min(256);
            let bytes = memory.as_cow(wiggle::GuestPtr::<[u8]>::new((pointer, length))).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        });
        path.unwrap_or_else(|| arguments.first().map(|first| format!("descriptor {first}")).unwrap_or_default())
    };
    let limit = if cause == Cause::Limit(LimitKey::OpenFiles) { host.files.cap } else { None };
    host.tally.deny(cause, name, asked, limit);
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
    ($($kind:ident $name:ident($($arg:ident: $ty:ident),*);)*) => {
        /// The functions of preview 1 that this executor links, by name.
        pub const FUNCTIONS: &[&str] = &[$(stringify!($name),)*];

        /// Links all of preview 1 but what `denied` names as `module::function`.
        pub(crate) fn link(linker: &mut Linker<Host>, denied: impl Fn(&str) -> bool) -> wasmtime::Result<()> {
            $(if !denied(concat!("wasi_snapshot_preview1::", stringify!($name))) {
                functions!(@$kind linker, $name, $($arg: $ty),*);
            })*
            Ok(())
        }
    };
    (@waits $linker:ident, $name:ident, $($arg:ident: $ty:ident),*) => {
        $linker.func_wrap_async(MODULE, stringify!($name), |mut caller: Caller<'_, Host>, ($($arg,)*): ($($ty,)*)| {
            Box::new(async move {
                with_memory!(caller, host, memory, {
                    if stringify!($name) == "path_open" && host.files.full() {
                        account(host, &memory, stringify!($name), &[$(i64::from($arg)),*], MFILE);
                        return Ok(MFILE);
                    }
                    let arguments = [$(i64::from($arg)),*];
                    let errno = match determinism::answer(host, &mut memory, stringify!($name), &arguments).await? {
                        Some(errno) => errno,
                        None => wasi::$name(&mut host.wasi, &mut memory, $($arg),*).await?,
                    };
                    determinism::settle(host, &mut memory, stringify!($name), &arguments, errno)?;
                    account(host, &memory, stringify!($name), &[$(i64::from($arg)),*], errno);
                    Ok::<i32, wasmtime::Error>(errno)
                })
            })
        })?;
    };
    (@answers $linker:ident, $name:ident, $($arg:ident: $ty:ident),*) => {
        $linker.func_wrap(MODULE, stringify!($name), |mut caller: Caller<'_, Host>, $($arg: $ty),*| -> wasmtime::Result<i32> {
            with_memory!(caller, host, memory, {
                let errno = wasi::$name(&mut host.wasi, &mut memory, $($arg),*)?;
                account(host, &memory, stringify!($name), &[$(i64::from($arg)),*], errno);
                Ok(errno)
            })
        })?;
    };
    (@ends $linker:ident, $name:ident, $($arg:ident: $ty:ident),*) => {
        $linker.func_wrap(MODULE, stringify!($name), |mut caller: Caller<'_, Host>, $($arg: $ty),*| -> wasmtime::Result<()> {
            // Ending needs no memory, and a guest without one may end, too.
            let host = caller.data_mut();
            wasi::$name(&mut host.wasi, &mut GuestMemory::Unshared(&mut []), $($arg),*)
        })?;
    };
}

functions! {
    answers args_get(a: i32, b: i32);
    answers args_sizes_get(a: i32, b: i32);
    answers environ_get(a: i32, b: i32);
    answers environ_sizes_get(a: i32, b: i32);
    answers clock_res_get(a: i32, b: i32);
    answers clock_time_get(a: i32, b: i64, c: i32);
    waits fd_advise(a: i32, b: i64, c: i64, d: i32);
    answers fd_allocate(a: i32, b: i64, c: i64);
    waits fd_close(a: i32);
    waits fd_datasync(a: i32);
    waits fd_fdstat_get(a: i32, b: i32);
    answers fd_fdstat_set_flags(a: i32, b: i32);
    answers fd_fdstat_set_rights(a: i32, b: i64, c: i64);
    waits fd_filestat_get(a: i32, b: i32);
    waits fd_filestat_set_size(a: i32, b: i64);
    waits fd_filestat_set_times(a: i32, b: i64, c: i64, d: i32);
    waits fd_pread(a: i32, b: i32, c: i32, d: i64, e: i32);
    answers fd_prestat_get(a: i32, b: i32);
    answers fd_prestat_dir_name(a: i32, b: i32, c: i32);
    waits fd_pwrite(a: i32, b: i32, c: i32, d: i64, e: i32);
    waits fd_read(a: i32, b: i32, c: i32, d: i32);
    waits fd_readdir(a: i32, b: i32, c: i32, d: i64, e: i32);
    waits fd_renumber(a: i32, b: i32);
    waits fd_seek(a: i32, b: i64, c: i32, d: i32);
    waits fd_sync(a: i32);
    answers fd_tell(a: i32, b: i32);
    waits fd_write(a: i32, b: i32, c: i32, d: i32);
    waits path_create_directory(a: i32, b: i32, c: i32);
    waits path_filestat_get(a: i32, b: i32, c: i32, d: i32, e: i32);
    waits path_filestat_set_times(a: i32, b: i32, c: i32, d: i32, e: i64, f: i64, g: i32);
    waits path_link(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32, g: i32);
    waits path_open(a: i32, b: i32, c: i32, d: i32, e: i32, f: i64, g: i64, h: i32, i: i32);
    waits path_readlink(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32);
    waits path_remove_directory(a: i32, b: i32, c: i32);
    waits path_rename(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32);
    waits path_symlink(a: i32, b: i32, c: i32, d: i32, e: i32);
    waits path_unlink_file(a: i32, b: i32, c: i32);
    waits poll_oneoff(a: i32, b: i32, c: i32, d: i32);
    ends proc_exit(a: i32);
    answers proc_raise(a: i32);
    answers sched_yield();
    answers random_get(a: i32, b: i32);
    answers sock_accept(a: i32, b: i32, c: i32);
    answers sock_recv(a: i32, b: i32, c: i32, d: i32, e: i32, f: i32);
    answers sock_send(a: i32, b: i32, c: i32, d: i32, e: i32);
    answers sock_shutdown(a: i32, b: i32);
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
