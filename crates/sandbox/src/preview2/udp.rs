//! `wasi:sockets/udp`: every method once, charged, with the bytes of datagrams counted. No policy grants datagrams yet; they are reached
//! only where the network was lifted, and the limits hold there, too.

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress, Network};
use wasmtime_wasi::p2::bindings::sockets::udp::{
    self, HostIncomingDatagramStream, HostOutgoingDatagramStream, HostUdpSocket, IncomingDatagram,
    IncomingDatagramStream, OutgoingDatagram, OutgoingDatagramStream,
};
use wasmtime_wasi::p2::{DynPollable, SocketError, SocketResult, UdpSocket};

use super::sockets::{MeteredSockets, Sockets, metered};
use crate::host::Host;
use crate::meter::Work;

/// Methods that are charged and then only passed on.
macro_rules! methods {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&mut self, socket: Resource<UdpSocket>, $($arg: $ty),*) -> SocketResult<$answer> {
            self.work(concat!("udp ", stringify!($name)))?;
            HostUdpSocket::$name(&mut self.view, socket, $($arg),*)
        })*
    };
}

impl udp::Host for Sockets<'_> {}

impl HostUdpSocket for Sockets<'_> {
    methods! {
        finish_bind() -> ();
        local_address() -> IpSocketAddress;
        remote_address() -> IpSocketAddress;
        unicast_hop_limit() -> u8;
        set_unicast_hop_limit(value: u8) -> ();
        receive_buffer_size() -> u64;
        set_receive_buffer_size(value: u64) -> ();
        send_buffer_size() -> u64;
        set_send_buffer_size(value: u64) -> ();
    }

    async fn start_bind(
        &mut self,
        socket: Resource<UdpSocket>,
        network: Resource<Network>,
        local: IpSocketAddress,
    ) -> SocketResult<()> {
        self.work("udp start_bind")?;
        HostUdpSocket::start_bind(&mut self.view, socket, network, local).await
    }

    async fn stream(
        &mut self,
        socket: Resource<UdpSocket>,
        remote: Option<IpSocketAddress>,
    ) -> SocketResult<(Resource<IncomingDatagramStream>, Resource<OutgoingDatagramStream>)> {
        self.work("udp stream")?;
        if !self.meter.connection("udp stream") {
            return Err(ErrorCode::AccessDenied.into());
        }
        HostUdpSocket::stream(&mut self.view, socket, remote).await
    }

    fn address_family(&mut self, socket: Resource<UdpSocket>) -> wasmtime::Result<IpAddressFamily> {
        HostUdpSocket::address_family(&mut self.view, socket)
    }

    fn subscribe(&mut self, socket: Resource<UdpSocket>) -> wasmtime::Result<Resource<DynPollable>> {
        HostUdpSocket::subscribe(&mut self.view, socket)
    }

    fn drop(&mut self, socket: Resource<UdpSocket>) -> wasmtime::Result<()> {
        HostUdpSocket::drop(&mut self.view, socket)
    }
}

impl HostIncomingDatagramStream for Sockets<'_> {
    fn receive(&mut self, stream: Resource<IncomingDatagramStream>, most: u64) -> SocketResult<Vec<IncomingDatagram>> {
        let received = HostIncomingDatagramStream::receive(&mut self.view, stream, most)?;
        let bytes = received.iter().map(|datagram| datagram.data.len() as u64).sum();
        self.meter.work(Work::Network, "udp receive", bytes).map_err(SocketError::trap)?;
        if bytes > 0 && !self.meter.network("udp receive", bytes) {
            return Err(ErrorCode::AccessDenied.into());
        }
        Ok(received)
    }

    fn subscribe(&mut self, stream: Resource<IncomingDatagramStream>) -> wasmtime::Result<Resource<DynPollable>> {
        HostIncomingDatagramStream::subscribe(&mut self.view, stream)
    }

    fn drop(&mut self, stream: Resource<IncomingDatagramStream>) -> wasmtime::Result<()> {
        HostIncomingDatagramStream::drop(&mut self.view, stream)
    }
}

impl HostOutgoingDatagramStream for Sockets<'_> {
    fn check_send(&mut self, stream: Resource<OutgoingDatagramStream>) -> SocketResult<u64> {
        self.work("udp check_send")?;
        HostOutgoingDatagramStream::check_send(&mut self.view, stream)
    }

    fn send(
        &mut self,
        stream: Resource<OutgoingDatagramStream>,
        datagrams: Vec<OutgoingDatagram>,
    ) -> SocketResult<u64> {
        let bytes = datagrams.iter().map(|datagram| datagram.data.len() as u64).sum();
        self.meter.work(Work::Network, "udp send", bytes).map_err(SocketError::trap)?;
        if !self.meter.network("udp send", bytes) {
            return Err(ErrorCode::AccessDenied.into());
        }
        HostOutgoingDatagramStream::send(&mut self.view, stream, datagrams)
    }

    fn subscribe(&mut self, stream: Resource<OutgoingDatagramStream>) -> wasmtime::Result<Resource<DynPollable>> {
        HostOutgoingDatagramStream::subscribe(&mut self.view, stream)
    }

    async fn drop(&mut self, stream: Resource<OutgoingDatagramStream>) -> wasmtime::Result<()> {
        HostOutgoingDatagramStream::drop(&mut self.view, stream).await
    }
}

pub(super) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    udp::add_to_linker::<Host, MeteredSockets>(linker, metered)
}
