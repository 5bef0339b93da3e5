//! WASI preview 2 for components, with the interfaces that create sockets or look names up behind a layer that counts denials.

use gauntlet_record::{Cause, DenialKind};
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::network::{self, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::{tcp_create_socket, udp_create_socket};
use wasmtime_wasi::p2::{SocketError, SocketResult, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::{WasiSocketsCtxView, WasiSocketsView as _};

use crate::host::{Host, Tally};

/// Sockets that count what is denied.
struct CountedSockets;

impl HasData for CountedSockets {
    type Data<'a> = Counted<'a>;
}

struct Counted<'a> {
    view: WasiSocketsCtxView<'a>,
    tally: Tally,
}

impl Counted<'_> {
    /// A socket that cannot be made is an address that was denied: this executor links nothing else that fails here.
    fn count<T>(&self, what: &'static str, result: SocketResult<T>) -> SocketResult<T> {
        if result.is_err() {
            self.tally.deny(Cause::Denied(DenialKind::Address), what, String::new, None);
        }
        result
    }
}

impl network::Host for Counted<'_> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<network::ErrorCode> {
        self.view.convert_error_code(error)
    }

    fn network_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<network::ErrorCode>> {
        self.view.network_error_code(error)
    }
}

impl network::HostNetwork for Counted<'_> {
    fn drop(&mut self, network: Resource<network::Network>) -> wasmtime::Result<()> {
        network::HostNetwork::drop(&mut self.view, network)
    }
}

impl tcp_create_socket::Host for Counted<'_> {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        let result = self.view.create_tcp_socket(family);
        self.count("create-tcp-socket", result)
    }
}

impl udp_create_socket::Host for Counted<'_> {
    async fn create_udp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        let result = self.view.create_udp_socket(family).await;
        self.count("create-udp-socket", result)
    }
}

fn counted(host: &mut Host) -> Counted<'_> {
    Counted { tally: host.tally.clone(), view: host.sockets() }
}

/// Links all interfaces of preview 2.
pub(crate) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    tcp_create_socket::add_to_linker::<Host, CountedSockets>(linker, counted)?;
    udp_create_socket::add_to_linker::<Host, CountedSockets>(linker, counted)?;
    linker.allow_shadowing(false);
    Ok(())
}
