//! A service that hands the errors of its system through.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gauntlet_serve::{Language, LanguageError, Languages, Prepared, Program, Wasm};

use super::Service;

pub(super) const SERVICE: Service = Service {
    name: "error-text",
    sentence: "errors of the system are handed to the client as they are, paths included",
    set: |_, _| {},
    languages: |directory| Arc::new(Talkative { directory: directory.to_owned() }),
};

/// Writes code to a file first, as services do that call a compiler, and tells what became of it.
struct Talkative {
    directory: PathBuf,
}

impl Languages for Talkative {
    fn list(&self) -> Vec<Language> {
        Wasm.list()
    }

    fn job(&self, program: &Program<'_>) -> Result<Prepared, LanguageError> {
        Wasm.job(program).map_err(|error| {
            let path = self.directory.join("guests").join("main.wasm");
            let told = match std::fs::write(&path, program.code) {
                Err(system) => format!("cannot write {}: {system}", path.display()),
                Ok(()) => format!("{}: {error}", shown(&path)),
            };
            LanguageError::Code(told)
        })
    }

    fn shared(&self, language: &str) -> bool {
        Wasm.shared(language)
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
