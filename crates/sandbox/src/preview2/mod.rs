//! WASI preview 2 for components, with a layer that charges what the host does and counts what is denied.
//!
//! The engine's implementation does the work; the interfaces whose calls cost more than a lookup, or that open files, use sockets or look
//! names up, stand behind delegates that charge a call before it is done and look at the error which goes back to the guest. Every call
//! of a component is charged a little besides ([`crate::meter::Work::Call`]), by the hook that the engine calls for each
//! (`crate::execute`). Which functions there are at all is walked by the interface matrix (`crates/cli/tests/interface_matrix.rs`), so
//! that one which an engine release adds is noticed.

mod errors;
mod files;
mod plain;
mod sockets;
mod streams;
mod tcp;
mod udp;

use wasmtime::component::Linker;

use crate::host::Host;

/// Links all interfaces of preview 2.
pub(crate) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    plain::link(linker)?;
    files::link(linker)?;
    crate::determinism::link(linker)?;
    errors::link(linker)?;
    sockets::link(linker)?;
    tcp::link(linker)?;
    udp::link(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// What a guest asked for, as it is kept: as long as the paths of preview 1 are.
fn shown(asked: &str) -> String {
    asked.chars().take(256).collect()
}
