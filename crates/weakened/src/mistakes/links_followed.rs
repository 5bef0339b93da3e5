//! Steps upwards are refused in a path, and symbolic links are followed wherever they lead.

use gauntlet_target::Job;
use wasmtime::{Linker, Module};

use super::naive_paths::link_by;
use crate::naive::{Choices, Host, Imports, SOUND};
use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "links-followed",
    sentence: "steps upwards are refused in a path, and symbolic links are followed wherever they lead",
    seen: "F14",
    kind: Kind::Own(|| Box::new(Choices { name: MISTAKE.name, imports: Imports::Own(link), ..SOUND })),
};

fn link(linker: &mut Linker<Host>, module: &Module, job: &Job) -> wasmtime::Result<()> {
    link_by(straight, linker, module, job)
}

fn straight(host: &str, path: &str) -> Option<String> {
    let plain = !path.starts_with('/') && path.split('/').all(|part| part != "..");
    plain.then(|| format!("{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_upwards_are_refused_and_names_are_not_looked_at() {
        assert_eq!(straight("/g", "a/link"), Some("/g/a/link".to_owned()));
        assert_eq!(straight("/g", "a/../../b"), None);
        assert_eq!(straight("/g", "/etc/passwd"), None);
    }
}
