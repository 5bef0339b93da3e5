//! The interfaces that create sockets or look names up. Addresses are checked, and tries to connect and ports counted, where a socket is
//! used: `crate::host`; bytes are counted by the streams.

use std::sync::Arc;

use gauntlet_record::{Cause, DenialKind};
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{self, ResolveAddressStream};
use wasmtime_wasi::p2::bindings::sockets::network::{self, ErrorCode, IpAddress, IpAddressFamily, Network};
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{DynPollable, SocketError, SocketResult, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::{WasiSocketsCtxView, WasiSocketsView as _};

use crate::host::{Addresses, Host};
use crate::meter::{Meter, Work};

/// Sockets that are metered.
pub(super) struct MeteredSockets;

impl HasData for MeteredSockets {
    type Data<'a> = Sockets<'a>;
}

/// The engine's sockets, with the meter.
pub(super) struct Sockets<'a> {
    pub(super) view: WasiSocketsCtxView<'a>,
    pub(super) meter: Arc<Meter>,
    pub(super) addresses: Arc<Addresses>,
}

impl Sockets<'_> {
    /// Charges a call.
    pub(super) fn work(&self, what: &'static str) -> SocketResult<()> {
        self.meter.work(Work::Socket, what, 0).map_err(SocketError::trap)
    }

    fn deny(&self, what: &'static str, asked: impl FnOnce() -> String) {
        self.meter.tally.deny(Cause::Denied(DenialKind::Address), what, asked, None);
    }

    /// A socket that cannot be made is an address that was denied: this executor links nothing else that fails here.
    fn count<T>(&self, what: &'static str, result: SocketResult<T>) -> SocketResult<T> {
        if result.is_err() {
            self.deny(what, String::new);
        }
        result
    }
}

impl network::Host for Sockets<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        self.view.convert_error_code(error)
    }

    fn network_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        self.view.network_error_code(error)
    }
}

impl network::HostNetwork for Sockets<'_> {
    fn drop(&mut self, network: Resource<Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.view, network)
    }
}

impl tcp_create_socket::Host for Sockets<'_> {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        self.work("create-tcp-socket")?;
        let result = self.view.create_tcp_socket(family);
        self.count("create-tcp-socket", result)
    }
}

impl udp_create_socket::Host for Sockets<'_> {
    async fn create_udp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        self.work("create-udp-socket")?;
        let result = self.view.create_udp_socket(family).await;
        self.count("create-udp-socket", result)
    }
}

impl ip_name_lookup::Host for Sockets<'_> {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<ResolveAddressStream>> {
        self.meter.work(Work::Lookup, "resolve-addresses", name.len() as u64).map_err(SocketError::trap)?;
        let asked = super::shown(&name);
        let result = self.view.resolve_addresses(network, name);
        // The engine answers at once, and with the resolver's code, when lookups are not allowed; a lookup that fails answers otherwise.
        if let Err(error) = &result
            && let Some(ErrorCode::AccessDenied | ErrorCode::PermanentResolverFailure) = error.downcast_ref()
        {
            self.deny("resolve-addresses", || asked);
        }
        result
    }
}

impl ip_name_lookup::HostResolveAddressStream for Sockets<'_> {
    fn resolve_next_address(&mut self, stream: Resource<ResolveAddressStream>) -> SocketResult<Option<IpAddress>> {
        self.view.resolve_next_address(stream)
    }

    fn subscribe(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<Resource<DynPollable>> {
        self.view.subscribe(stream)
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        ip_name_lookup::HostResolveAddressStream::drop(&mut self.view, stream)
    }
}

pub(super) fn metered(host: &mut Host) -> Sockets<'_> {
    Sockets { meter: Arc::clone(&host.meter), addresses: Arc::clone(&host.addresses), view: host.sockets() }
}

pub(super) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    tcp_create_socket::add_to_linker::<Host, MeteredSockets>(linker, metered)?;
    udp_create_socket::add_to_linker::<Host, MeteredSockets>(linker, metered)?;
    ip_name_lookup::add_to_linker::<Host, MeteredSockets>(linker, metered)
}
