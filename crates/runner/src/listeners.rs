//! Listeners on loopback. One pair is watched: a packet there is something that a guest obtained. The other pair stands for the
//! addresses that the policy under test grants.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

/// Most bytes of received data that are kept.
const MAX_DATA: usize = 1 << 20;
/// Most connections that are read from.
const MAX_STREAMS: usize = 256;

/// The listeners of one run.
pub(crate) struct Listeners {
    tcp: Vec<TcpListener>,
    udp: Vec<UdpSocket>,
    streams: Vec<TcpStream>,
    _granted: [(TcpListener, UdpSocket); 2],
    /// The watched port, the same for all protocols.
    pub(crate) port: u16,
    /// The port that granted addresses are mapped to, on [`GRANTED_HOST`] and on loopback.
    pub(crate) granted: u16,
    seen: BTreeSet<&'static str>,
    data: Vec<u8>,
}

/// Stands for every granted host that is not loopback, so that a granted host is another one than the watched.
pub(crate) const GRANTED_HOST: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

impl Listeners {
    pub(crate) fn open() -> io::Result<Self> {
        let (tcp, udp) = pair(Ipv4Addr::LOCALHOST)?;
        let granted = granted_pair()?;
        let port = tcp.local_addr()?.port();
        let granted_port = granted[0].0.local_addr()?.port();
        let (mut tcp, mut udp) = (vec![tcp], vec![udp]);
        // A host without IPv6 has nothing to watch there.
        if let (Ok(tcp6), Ok(udp6)) =
            (TcpListener::bind((Ipv6Addr::LOCALHOST, port)), UdpSocket::bind((Ipv6Addr::LOCALHOST, port)))
        {
            tcp.push(tcp6);
            udp.push(udp6);
        }
        for listener in &tcp {
            listener.set_nonblocking(true)?;
        }
        for socket in &udp {
            socket.set_nonblocking(true)?;
        }
        Ok(Self {
            tcp,
            udp,
            streams: Vec::new(),
            _granted: granted,
            port,
            granted: granted_port,
            seen: BTreeSet::new(),
            data: Vec::new(),
        })
    }

    /// What to wait on for a packet.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.tcp.iter().map(AsFd::as_fd).chain(self.udp.iter().map(AsFd::as_fd))
    }

    /// Takes what has arrived. Never waits.
    pub(crate) fn drain(&mut self) {
        for listener in &self.tcp {
            while let Ok((stream, _)) = listener.accept() {
                self.seen.insert("tcp");
                if self.streams.len() < MAX_STREAMS && stream.set_nonblocking(true).is_ok() {
                    self.streams.push(stream);
                }
            }
        }
        let mut buffer = [0; 65_536];
        for socket in &self.udp {
            while let Ok((length, _)) = socket.recv_from(&mut buffer) {
                self.seen.insert("udp");
                if is_dns_query(&buffer[..length]) {
                    self.seen.insert("dns");
                }
                keep(&mut self.data, &buffer[..length]);
            }
        }
        let data = &mut self.data;
        self.streams.retain_mut(|stream| {
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => return false,
                    Ok(length) if data.len() < MAX_DATA => keep(data, &buffer[..length]),
                    Ok(_) => return false,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => return false,
                }
            }
        });
    }

    /// The protocols that arrived, as `obtains` names them.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.iter().map(|name| (*name).to_owned()).collect()
    }

    /// The bytes that arrived.
    pub(crate) fn data(&self) -> &[u8] {
        &self.data
    }
}

fn keep(data: &mut Vec<u8>, arrived: &[u8]) {
    data.extend_from_slice(&arrived[..arrived.len().min(MAX_DATA.saturating_sub(data.len()))]);
}

/// TCP and UDP on the same free port.
fn pair(address: Ipv4Addr) -> io::Result<(TcpListener, UdpSocket)> {
    let mut last = None;
    for _ in 0..64 {
        let tcp = TcpListener::bind((address, 0))?;
        match UdpSocket::bind(SocketAddr::from((address, tcp.local_addr()?.port()))) {
            Ok(udp) => return Ok((tcp, udp)),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::from(ErrorKind::AddrInUse)))
}

/// The listeners that may be reached: on loopback's usual address and on the one that stands for other hosts, never on a real network.
fn granted_pair() -> io::Result<[(TcpListener, UdpSocket); 2]> {
    let mut last = None;
    for _ in 0..64 {
        let first = pair(GRANTED_HOST)?;
        let port = first.0.local_addr()?.port();
        let second = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .and_then(|tcp| Ok((tcp, UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?)));
        match second {
            Ok(second) => return Ok([first, second]),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::from(ErrorKind::AddrInUse)))
}

/// Whether a datagram reads as a DNS query: a header with the response bit clear, one question and nothing answered.
fn is_dns_query(datagram: &[u8]) -> bool {
    datagram.len() > 16 && datagram[2] & 0xf8 == 0 && datagram[4..8] == [0, 1, 0, 0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn packets_are_seen_with_their_data() {
        let mut listeners = Listeners::open().unwrap();
        listeners.drain();
        assert_eq!(listeners.seen(), [""; 0]);
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, listeners.port)).unwrap();
        stream.write_all(b"stolen").unwrap();
        drop(stream);
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let query = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x00\x00\x01\x00\x01";
        socket.send_to(query, (Ipv4Addr::LOCALHOST, listeners.port)).unwrap();
        listeners.drain();
        assert_eq!(listeners.seen(), ["dns", "tcp", "udp"]);
        assert!(crate::canary::find(listeners.data(), b"stolen"));
    }

    #[test]
    fn a_granted_address_is_answered_and_not_watched() {
        let mut listeners = Listeners::open().unwrap();
        TcpStream::connect((GRANTED_HOST, listeners.granted)).unwrap();
        listeners.drain();
        assert_eq!(listeners.seen(), [""; 0]);
    }
}
