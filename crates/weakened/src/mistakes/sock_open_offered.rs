//! The host offers sockets of its own beside WASI, as some runtimes do, and asks no policy about addresses.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gauntlet_target::Job;
use wasmtime::{Caller, Extern, Linker, Module};
use wasmtime_wasi::p1;

use crate::naive::{Choices, Host, Imports, PREVIEW1, SOUND};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "sock-open-offered",
    sentence: "the host offers `sock_open` and `sock_connect` beside WASI and asks no policy about addresses",
    seen: "F15",
    kind: Kind::Own(|| Box::new(Choices { name: MISTAKE.name, imports: Imports::Own(link), ..SOUND })),
};

/// The first descriptor of a socket: far above those of files.
const FIRST: i32 = 1_000;
/// How long a connection may take: the call blocks the thread.
const PATIENCE: Duration = Duration::from_secs(2);

// Error numbers of preview 1.
const SUCCESS: i32 = 0;
const BADF: i32 = 8;
const CONNREFUSED: i32 = 14;
const FAULT: i32 = 21;
const INVAL: i32 = 28;

/// The sockets of one guest; a socket without a stream is not connected yet.
type Sockets = Arc<Mutex<BTreeMap<i32, Option<TcpStream>>>>;

fn link(linker: &mut Linker<Host>, _: &Module, _: &Job) -> wasmtime::Result<()> {
    p1::add_to_linker_async(linker, |host| &mut host.wasi)?;
    let sockets = Sockets::default();
    let opened = Arc::clone(&sockets);
    linker.func_wrap(
        PREVIEW1,
        "sock_open",
        move |mut caller: Caller<'_, Host>, _family: i32, _kind: i32, result: i32| -> i32 {
            let Some(Extern::Memory(memory)) = caller.get_export("memory") else { return FAULT };
            let mut sockets = opened.lock().unwrap_or_else(PoisonError::into_inner);
            let fd = sockets.last_key_value().map_or(FIRST, |(last, _)| last + 1);
            let at = usize::try_from(result.cast_unsigned()).unwrap_or(usize::MAX);
            if memory.write(&mut caller, at, &fd.to_le_bytes()).is_err() {
                return FAULT;
            }
            sockets.insert(fd, None);
            SUCCESS
        },
    )?;
    linker.func_wrap(PREVIEW1, "sock_connect", move |fd: i32, address: i32, port: i32| -> i32 {
        let mut sockets = sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(socket) = sockets.get_mut(&fd) else { return BADF };
        let Ok(port) = u16::try_from(port) else { return INVAL };
        let address = SocketAddr::from((Ipv4Addr::from_bits(address.cast_unsigned()), port));
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => {
                *socket = Some(stream);
                SUCCESS
            }
            Err(_) => CONNREFUSED,
        }
    })?;
    Ok(())
}
