//! Streams over files and connections. What goes through them is charged, counted for its grant, and held against the limits on disk and
//! network. A stream keeps its file open when the descriptor is gone, so it keeps it counted, too.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult,
};

use crate::disk::{At, Note, OverLimit};
use crate::host::OpenFile;
use crate::meter::{GrantIndex, Meter, Work};

/// What a stream goes over.
pub(super) struct Over {
    meter: Arc<Meter>,
    grant: Option<GrantIndex>,
    kind: Kind,
}

enum Kind {
    File {
        /// Keeps the file counted as open.
        _open: Option<Arc<OpenFile>>,
        /// The file that grows, and where the next write goes; with what is known of it, so that nothing is given back for it meanwhile.
        grows: Option<(Arc<File>, At, Option<Arc<Note>>)>,
    },
    Network,
}

impl Over {
    /// Over a file; `grows` is the file that is written to, and from where on.
    pub(super) fn file(
        meter: &Arc<Meter>,
        open: Option<Arc<OpenFile>>,
        grant: Option<GrantIndex>,
        grows: Option<(Arc<File>, At)>,
    ) -> Self {
        let grows = grows.map(|(file, at)| {
            let note = meter.disk.note(&file);
            (file, at, note)
        });
        Self { meter: Arc::clone(meter), grant, kind: Kind::File { _open: open, grows } }
    }

    /// Over a connection.
    pub(super) fn network(meter: &Arc<Meter>, grant: Option<GrantIndex>) -> Self {
        Self { meter: Arc::clone(meter), grant, kind: Kind::Network }
    }

    fn work(&self, what: &'static str, bytes: u64) -> StreamResult<()> {
        let kind = match self.kind {
            Kind::File { .. } => Work::File,
            Kind::Network => Work::Network,
        };
        self.meter.work(kind, what, bytes).map_err(StreamError::Trap)
    }

    fn moved(&self, read: u64, written: u64) {
        if let Some(grant) = self.grant {
            self.meter.moved(grant, read, written);
        }
    }

    /// How many bytes may be asked of the stream. With the network's budget used up it is one, to see whether there is more to refuse.
    fn may_read(&self, size: usize) -> usize {
        match self.kind {
            Kind::File { .. } => size,
            Kind::Network => {
                let left = usize::try_from(self.meter.network_left()).unwrap_or(usize::MAX);
                size.min(left.max(1))
            }
        }
    }

    /// Counts what came in. Past the network's budget it is refused, and the stream is closed for the guest.
    fn came(&self, bytes: Bytes) -> StreamResult<Bytes> {
        let length = bytes.len() as u64;
        self.work("read from a stream", length)?;
        if matches!(self.kind, Kind::Network) && length > 0 && !self.meter.network("receive", length) {
            self.meter.tally.check().map_err(StreamError::Trap)?;
            return Err(StreamError::Closed);
        }
        self.moved(length, 0);
        Ok(bytes)
    }

    /// Takes what is about to go out. What a limit does not hold is refused whole, and the stream's last operation has failed.
    fn goes(&mut self, length: u64) -> StreamResult<()> {
        self.work("write to a stream", length)?;
        let refused = match &mut self.kind {
            Kind::File { grows: Some((file, at, _)), .. } => {
                match self.meter.disk.write("write to a stream", file, *at, length) {
                    // How much of it is written is never known here, so it stays charged.
                    Ok(charge) => drop(charge),
                    Err(OverLimit) => return self.refused(io::ErrorKind::StorageFull),
                }
                if let At::Position(position) = at {
                    *position = position.saturating_add(length);
                }
                false
            }
            Kind::File { grows: None, .. } => false,
            Kind::Network => !self.meter.network("send", length),
        };
        if refused {
            return self.refused(io::ErrorKind::PermissionDenied);
        }
        self.moved(0, length);
        Ok(())
    }

    fn refused(&self, kind: io::ErrorKind) -> StreamResult<()> {
        self.meter.tally.check().map_err(StreamError::Trap)?;
        let error = match kind {
            // The engine tells a guest the code of a system error only.
            io::ErrorKind::StorageFull => io::Error::from(rustix::io::Errno::NOSPC),
            _ => io::Error::from(rustix::io::Errno::ACCESS),
        };
        Err(StreamError::LastOperationFailed(error.into()))
    }
}

/// A stream that is metered.
pub(super) struct Metered<S> {
    stream: S,
    over: Over,
}

impl<S> Metered<S> {
    pub(super) fn new(stream: S, over: Over) -> Self {
        Self { stream, over }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Metered<DynInputStream> {
    async fn ready(&mut self) {
        self.stream.ready().await;
    }
}

#[wasmtime_wasi::async_trait]
impl InputStream for Metered<DynInputStream> {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let size = self.over.may_read(size);
        let bytes = self.stream.read(size)?;
        self.over.came(bytes)
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        let size = self.over.may_read(size);
        let bytes = self.stream.blocking_read(size).await?;
        self.over.came(bytes)
    }

    fn skip(&mut self, bytes: usize) -> StreamResult<usize> {
        Ok(self.read(bytes)?.len())
    }

    async fn blocking_skip(&mut self, bytes: usize) -> StreamResult<usize> {
        Ok(self.blocking_read(bytes).await?.len())
    }

    async fn cancel(&mut self) {
        self.stream.cancel().await;
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Metered<DynOutputStream> {
    async fn ready(&mut self) {
        self.stream.ready().await;
    }
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Metered<DynOutputStream> {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.over.goes(bytes.len() as u64)?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.stream.flush()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.stream.check_write()
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.over.goes(bytes.len() as u64)?;
        self.stream.blocking_write_and_flush(bytes).await
    }

    fn write_zeroes(&mut self, bytes: usize) -> StreamResult<()> {
        // The engine holds the number against what the stream takes now before it makes the bytes; only then are they charged.
        let most = self.stream.check_write()?;
        if bytes > most {
            return Err(StreamError::trap("more zeroes than the stream takes"));
        }
        self.over.goes(bytes as u64)?;
        self.stream.write_zeroes(bytes)
    }

    async fn write_ready(&mut self) -> StreamResult<usize> {
        self.stream.write_ready().await
    }

    async fn cancel(&mut self) {
        self.stream.cancel().await;
    }
}
