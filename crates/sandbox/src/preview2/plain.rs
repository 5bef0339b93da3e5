//! The interfaces without grants of their own whose calls may cost the host much: random numbers, waiting, arguments and variables.

use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::cli::WasiCliView as _;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::cli::environment;
use wasmtime_wasi::p2::bindings::io::poll::{self, HostPollable};
use wasmtime_wasi::p2::bindings::random::{insecure, random};
use wasmtime_wasi::random::WasiRandomView as _;

use crate::host::Host;
use crate::meter::{GrantIndex, Work};

impl Host {
    /// Charges random bytes before they are made.
    fn random_bytes(&self, what: &'static str, length: u64) -> wasmtime::Result<()> {
        self.meter.work(Work::Random, what, length)?;
        self.meter.moved(GrantIndex::RANDOM, length, 0);
        Ok(())
    }

    /// Charges the arguments and variables.
    fn texts(&self, what: &'static str) -> wasmtime::Result<()> {
        self.meter.work(Work::Arguments, what, self.arguments)
    }
}

impl random::Host for Host {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes("get-random-bytes", length)?;
        self.wasi.random().get_random_bytes(length)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_bytes("get-random-u64", 8)?;
        self.wasi.random().get_random_u64()
    }
}

impl insecure::Host for Host {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.random_bytes("get-insecure-random-bytes", length)?;
        self.wasi.random().get_insecure_random_bytes(length)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.random_bytes("get-insecure-random-u64", 8)?;
        self.wasi.random().get_insecure_random_u64()
    }
}

impl environment::Host for Host {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        self.texts("get-environment")?;
        self.meter.moved(GrantIndex::ENVIRONMENT, 0, 0);
        self.wasi.cli().get_environment()
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        self.texts("get-arguments")?;
        self.meter.moved(GrantIndex::ARGUMENTS, 0, 0);
        self.wasi.cli().get_arguments()
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        self.wasi.cli().initial_cwd()
    }
}

impl poll::Host for Host {
    async fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        self.meter.work(Work::Poll, "poll", pollables.len() as u64)?;
        poll::Host::poll(self.wasi.ctx().table, pollables).await
    }
}

impl HostPollable for Host {
    async fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.meter.work(Work::Poll, "block", 1)?;
        HostPollable::block(self.wasi.ctx().table, pollable).await
    }

    async fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        self.meter.work(Work::Poll, "ready", 1)?;
        HostPollable::ready(self.wasi.ctx().table, pollable).await
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        HostPollable::drop(self.wasi.ctx().table, pollable)
    }
}

pub(super) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    random::add_to_linker::<Host, HasSelf<Host>>(linker, |host| host)?;
    insecure::add_to_linker::<Host, HasSelf<Host>>(linker, |host| host)?;
    environment::add_to_linker::<Host, HasSelf<Host>>(linker, |host| host)?;
    poll::add_to_linker::<Host, HasSelf<Host>>(linker, |host| host)
}
