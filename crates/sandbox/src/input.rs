//! Standard input: bytes that are there from the beginning, counted as the guest reads them.

use std::sync::Arc;

use bytes::Bytes;
use wasmtime_wasi::cli::{IsTerminal, StdinStream};
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::p2::{InputStream, Pollable, StreamError, StreamResult};

use crate::meter::{GrantIndex, Meter, Work};

/// The standard input of one run. Clones share their place in it.
#[derive(Clone)]
pub(crate) struct Input {
    pipe: MemoryInputPipe,
    meter: Arc<Meter>,
}

impl Input {
    pub(crate) fn new(bytes: &[u8], meter: &Arc<Meter>) -> Self {
        Self { pipe: MemoryInputPipe::new(bytes.to_vec()), meter: Arc::clone(meter) }
    }
}

impl IsTerminal for Input {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for Input {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncRead + Send + Sync> {
        self.pipe.async_stream()
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Input {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi::async_trait]
impl InputStream for Input {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let bytes = self.pipe.read(size)?;
        let length = bytes.len() as u64;
        self.meter.work(Work::Input, "read from standard input", length).map_err(StreamError::Trap)?;
        self.meter.moved(GrantIndex::STDIN, length, 0);
        Ok(bytes)
    }
}
