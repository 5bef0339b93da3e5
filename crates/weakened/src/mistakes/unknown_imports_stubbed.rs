//! What a module imports and the host does not have becomes a trap, and the module runs.

use gauntlet_target::Job;
use wasmtime::{Linker, Module};
use wasmtime_wasi::p1;

use crate::naive::{Choices, Host, Imports, SOUND};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "unknown-imports-stubbed",
    sentence: "an import that the host does not have becomes a function that traps, and the module is run",
    seen: "F26",
    kind: Kind::Own(|| Box::new(Choices { name: MISTAKE.name, imports: Imports::Own(link), ..SOUND })),
};

fn link(linker: &mut Linker<Host>, module: &Module, _: &Job) -> wasmtime::Result<()> {
    p1::add_to_linker_async(linker, |host| &mut host.wasi)?;
    linker.define_unknown_imports_as_traps(module)
}
