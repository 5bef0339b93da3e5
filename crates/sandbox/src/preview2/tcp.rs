//! `wasi:sockets/tcp`: every method once, charged; the streams of a connection count what goes through them.

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::network::{IpAddressFamily, IpSocketAddress, Network};
use wasmtime_wasi::p2::bindings::sockets::tcp::{self, HostTcpSocket, ShutdownType};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, SocketResult, TcpSocket};

use super::sockets::{MeteredSockets, Sockets, metered};
use super::streams::{Metered, Over};
use crate::host::Host;

type Streams = (Resource<DynInputStream>, Resource<DynOutputStream>);

impl Sockets<'_> {
    /// Puts the meter round the streams of a connection.
    fn streams(&mut self, socket: Resource<TcpSocket>, (input, output): Streams) -> SocketResult<Streams> {
        let remote = HostTcpSocket::remote_address(&mut self.view, Resource::new_borrow(socket.rep())).ok();
        let grant = remote.and_then(|remote| self.addresses.grant(&remote.into()));
        let over = || Over::network(&self.meter, grant);
        let table = &mut *self.view.table;
        // They are children of their socket, and stay that.
        let input: DynInputStream = Box::new(Metered::new(table.delete(input)?, over()));
        let output: DynOutputStream = Box::new(Metered::new(table.delete(output)?, over()));
        Ok((table.push_child(input, &socket)?, table.push_child(output, &socket)?))
    }
}

/// Methods that are charged and then only passed on.
macro_rules! methods {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&mut self, socket: Resource<TcpSocket>, $($arg: $ty),*) -> SocketResult<$answer> {
            self.work(concat!("tcp ", stringify!($name)))?;
            HostTcpSocket::$name(&mut self.view, socket, $($arg),*)
        })*
    };
}

impl tcp::Host for Sockets<'_> {}

impl HostTcpSocket for Sockets<'_> {
    methods! {
        finish_bind() -> ();
        finish_listen() -> ();
        local_address() -> IpSocketAddress;
        remote_address() -> IpSocketAddress;
        set_listen_backlog_size(value: u64) -> ();
        keep_alive_enabled() -> bool;
        set_keep_alive_enabled(value: bool) -> ();
        keep_alive_idle_time() -> u64;
        set_keep_alive_idle_time(value: u64) -> ();
        keep_alive_interval() -> u64;
        set_keep_alive_interval(value: u64) -> ();
        keep_alive_count() -> u32;
        set_keep_alive_count(value: u32) -> ();
        hop_limit() -> u8;
        set_hop_limit(value: u8) -> ();
        receive_buffer_size() -> u64;
        set_receive_buffer_size(value: u64) -> ();
        send_buffer_size() -> u64;
        set_send_buffer_size(value: u64) -> ();
        shutdown(how: ShutdownType) -> ();
    }

    async fn start_bind(
        &mut self,
        socket: Resource<TcpSocket>,
        network: Resource<Network>,
        local: IpSocketAddress,
    ) -> SocketResult<()> {
        self.work("tcp start_bind")?;
        HostTcpSocket::start_bind(&mut self.view, socket, network, local).await
    }

    fn start_connect(
        &mut self,
        socket: Resource<TcpSocket>,
        network: Resource<Network>,
        remote: IpSocketAddress,
    ) -> SocketResult<()> {
        self.work("tcp start_connect")?;
        HostTcpSocket::start_connect(&mut self.view, socket, network, remote)
    }

    fn finish_connect(&mut self, socket: Resource<TcpSocket>) -> SocketResult<Streams> {
        self.work("tcp finish_connect")?;
        let number = socket.rep();
        let streams = HostTcpSocket::finish_connect(&mut self.view, socket)?;
        self.streams(Resource::new_borrow(number), streams)
    }

    async fn start_listen(&mut self, socket: Resource<TcpSocket>) -> SocketResult<()> {
        self.work("tcp start_listen")?;
        HostTcpSocket::start_listen(&mut self.view, socket).await
    }

    fn accept(
        &mut self,
        socket: Resource<TcpSocket>,
    ) -> SocketResult<(Resource<TcpSocket>, Resource<DynInputStream>, Resource<DynOutputStream>)> {
        self.work("tcp accept")?;
        let (accepted, input, output) = HostTcpSocket::accept(&mut self.view, socket)?;
        let (input, output) = self.streams(Resource::new_borrow(accepted.rep()), (input, output))?;
        Ok((accepted, input, output))
    }

    fn is_listening(&mut self, socket: Resource<TcpSocket>) -> wasmtime::Result<bool> {
        HostTcpSocket::is_listening(&mut self.view, socket)
    }

    fn address_family(&mut self, socket: Resource<TcpSocket>) -> wasmtime::Result<IpAddressFamily> {
        HostTcpSocket::address_family(&mut self.view, socket)
    }

    fn subscribe(&mut self, socket: Resource<TcpSocket>) -> wasmtime::Result<Resource<DynPollable>> {
        HostTcpSocket::subscribe(&mut self.view, socket)
    }

    fn drop(&mut self, socket: Resource<TcpSocket>) -> wasmtime::Result<()> {
        HostTcpSocket::drop(&mut self.view, socket)
    }
}

pub(super) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    tcp::add_to_linker::<Host, MeteredSockets>(linker, metered)
}
