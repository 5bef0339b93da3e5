//! `wasi:io/error`: what the host tells of an error in words. By default nothing of the host.
//!
//! The engine hands out its own debug text, which may hold the system's words, and with backtraces on the paths of the machine that
//! built the executor. Error codes are the guest's to know and stay; the words are for `errors: { detail: full }` alone.

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::p2::bindings::io::error::{self, HostError};

use crate::host::Host;

/// What a guest is told.
const GENERIC: &str = "the host failed";

struct Errors;

impl HasData for Errors {
    type Data<'a> = Told<'a>;
}

struct Told<'a> {
    table: &'a mut ResourceTable,
    full: bool,
}

impl error::Host for Told<'_> {}

impl HostError for Told<'_> {
    fn to_debug_string(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<String> {
        if self.full {
            return self.table.to_debug_string(error);
        }
        // A handle that is none is an error as ever.
        self.table.get(&error)?;
        Ok(GENERIC.to_owned())
    }

    fn drop(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<()> {
        HostError::drop(self.table, error)
    }
}

pub(super) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    error::add_to_linker::<Host, Errors>(linker, |host| {
        let full = host.full_errors;
        Told { table: host.ctx().table, full }
    })
}
