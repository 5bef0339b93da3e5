//! Descriptors are a list, and the number that a guest gives is the index.

use gauntlet_target::Job;
use wasmtime::{Caller, Extern, Linker, Module};
use wasmtime_wasi::p1;

use crate::naive::{Choices, Host, Imports, PREVIEW1, SOUND};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "descriptors-by-index",
    sentence: "descriptors are a list, and the number that a guest gives is taken for an index into it",
    seen: "own",
    kind: Kind::Own(|| Box::new(Choices { name: MISTAKE.name, imports: Imports::Own(link), ..SOUND })),
};

// From preview 1: kinds of files, and errors.
const CHARACTER_DEVICE: u8 = 2;
const DIRECTORY: u8 = 3;
const FAULT: i32 = 21;

fn link(linker: &mut Linker<Host>, _: &Module, job: &Job) -> wasmtime::Result<()> {
    p1::add_to_linker_async(linker, |host| &mut host.wasi)?;
    let mut kinds = vec![CHARACTER_DEVICE; 3];
    kinds.resize(3 + job.policy.grants.filesystem.len(), DIRECTORY);
    linker.allow_shadowing(true);
    linker.func_wrap(PREVIEW1, "fd_fdstat_get", move |mut caller: Caller<'_, Host>, fd: u32, result: u32| -> i32 {
        let Some(Extern::Memory(memory)) = caller.get_export("memory") else { return FAULT };
        // Every right there is, as in the wild.
        let mut stat = [0xff; 24];
        stat[..8].copy_from_slice(&[kinds[fd as usize], 0, 0, 0, 0, 0, 0, 0]);
        memory.write(&mut caller, result as usize, &stat).map_or(FAULT, |()| 0)
    })?;
    linker.allow_shadowing(false);
    Ok(())
}
