//! A path is put straight and then compared with the grant's as text: `/data/app-secret` begins with `/data/app`.

use gauntlet_target::Job;
use wasmtime::{Linker, Module};

use super::naive_paths::link_by;
use crate::naive::{Choices, Host, Imports, SOUND};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "paths-compared-as-text",
    sentence: "a path is put straight and compared with the grant's as text, and symbolic links are followed",
    seen: "F14",
    kind: Kind::Own(|| Box::new(Choices { name: MISTAKE.name, imports: Imports::Own(link), ..SOUND })),
};

fn link(linker: &mut Linker<Host>, module: &Module, job: &Job) -> wasmtime::Result<()> {
    link_by(beneath, linker, module, job)
}

/// The path without `.` and `..`, if it begins with the host's path of the directory.
fn beneath(host: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in host.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    let straight = format!("/{}", parts.join("/"));
    straight.starts_with(host).then_some(straight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbour_with_the_same_beginning_is_let_in_and_others_are_not() {
        assert_eq!(beneath("/w/out", "../outside/x"), Some("/w/outside/x".to_owned()));
        assert_eq!(beneath("/w/out", "a/./b"), Some("/w/out/a/b".to_owned()));
        assert_eq!(beneath("/w/out", "../in/x"), None);
    }
}
