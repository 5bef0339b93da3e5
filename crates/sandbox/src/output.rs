//! Captured output: both streams, one cap. What is over the cap is dropped, counted and flagged; the guest is not told.

use std::sync::{Arc, Mutex, PoisonError};

use gauntlet_record::{Cause, LimitKey};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::host::Tally;
use crate::meter::{GrantIndex, Meter, Work};

/// Which stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Out,
    Err,
}

/// Takes what the guest writes, within the cap.
type Sink = Box<dyn FnMut(Which, &[u8]) + Send>;

/// The output of one run. Clones share one cap.
#[derive(Clone)]
pub(crate) struct Output {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    cap: Option<u64>,
    taken: u64,
    offered: u64,
    truncated: bool,
    sink: Sink,
    tally: Tally,
    meter: Option<Arc<Meter>>,
}

impl Output {
    pub(crate) fn new(cap: Option<u64>, tally: Tally, sink: impl FnMut(Which, &[u8]) + Send + 'static) -> Self {
        let inner = Inner { cap, taken: 0, offered: 0, truncated: false, sink: Box::new(sink), tally, meter: None };
        Self { inner: Arc::new(Mutex::new(inner)) }
    }

    /// Has a meter count what the guest writes.
    pub(crate) fn measure(&self, meter: &Arc<Meter>) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).meter = Some(Arc::clone(meter));
    }

    /// Takes what fits under the cap, unless the budget for host work is used up.
    fn write(&self, which: Which, bytes: &[u8]) -> wasmtime::Result<()> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *inner;
        if let Some(meter) = &inner.meter {
            meter.work(Work::Output, "write to a stream", bytes.len() as u64)?;
        }
        inner.offered = inner.offered.saturating_add(bytes.len() as u64);
        let room = inner.cap.map_or(u64::MAX, |cap| cap.saturating_sub(inner.taken));
        let kept = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        if kept > 0 {
            inner.taken += kept as u64;
            (inner.sink)(which, &bytes[..kept]);
        }
        if let Some(meter) = &inner.meter {
            let grant = match which {
                Which::Out => GrantIndex::STDOUT,
                Which::Err => GrantIndex::STDERR,
            };
            meter.moved(grant, 0, kept as u64);
        }
        if kept < bytes.len() {
            inner.truncated = true;
            let offered = inner.offered;
            inner.tally.deny(Cause::Limit(LimitKey::Output), "output", || offered.to_string(), inner.cap);
        }
        inner.tally.check()
    }

    /// Bytes taken, and whether any were dropped.
    pub(crate) fn taken(&self) -> (u64, bool) {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        (inner.taken, inner.truncated)
    }
}

/// One stream of the guest.
#[derive(Clone)]
pub(crate) struct Stream {
    output: Output,
    which: Which,
}

impl Stream {
    pub(crate) fn out(output: &Output) -> Self {
        Self { output: output.clone(), which: Which::Out }
    }

    pub(crate) fn err(output: &Output) -> Self {
        Self { output: output.clone(), which: Which::Err }
    }
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl tokio::io::AsyncWrite for Stream {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        let written = self.output.write(self.which, bytes).map_err(std::io::Error::other);
        std::task::Poll::Ready(written.map(|()| bytes.len()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Stream {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.output.write(self.which, &bytes).map_err(StreamError::Trap)
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_streams_share_one_cap_and_truncation_is_flagged() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let tally = Tally::default();
        let output = Output::new(Some(5), tally.clone(), move |which, bytes: &[u8]| {
            sink.lock().unwrap().push((which, bytes.to_vec()));
        });
        output.write(Which::Out, b"abc").unwrap();
        output.write(Which::Err, b"def").unwrap();
        output.write(Which::Out, b"ghi").unwrap();
        assert_eq!(*seen.lock().unwrap(), [(Which::Out, b"abc".to_vec()), (Which::Err, b"de".to_vec())]);
        assert_eq!(output.taken(), (5, true));
        assert_eq!(tally.denials()[0].count, 2);
    }
}
