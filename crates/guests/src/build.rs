//! Building a guest: the recipe's programs, one after the other, into a folder that takes its place when it is whole.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cache::Guests;
use crate::compile;
use crate::language::{self, Kind, Recipe};
use crate::manifest::{self, Manifest};

/// A guest could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No language goes by this name.
    #[error(transparent)]
    UnknownLanguage(#[from] crate::UnknownLanguage),
    /// There is nothing to build for this language.
    #[error("`{language}` needs no building{hint}")]
    NothingToBuild {
        /// The language.
        language: String,
        /// What it needs instead.
        hint: String,
    },
    /// A program that the build needs is not there.
    #[error("`{program}` is needed to build `{language}` and is not on this PATH; install it with: {install}")]
    Missing {
        /// The language.
        language: String,
        /// The program.
        program: String,
        /// The command that installs it.
        install: String,
    },
    /// A step failed. What it said went to standard error.
    #[error("`{step}` ended with {status}")]
    Step {
        /// The command.
        step: String,
        /// How it ended.
        status: String,
    },
    /// The system failed us.
    #[error("{what}")]
    Io {
        /// What we tried.
        what: String,
        /// What the system answered.
        source: io::Error,
    },
    /// What was built is not what it has to be.
    #[error("what was built for `{language}` is of no use: {why}")]
    Useless {
        /// The language.
        language: String,
        /// Why.
        why: String,
    },
}

fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> BuildError {
    let what = what.into();
    move |source| BuildError::Io { what, source }
}

impl Guests {
    /// Builds the guest of a language, from packages of the registries that the user's own tools use. `told` hears each command before it
    /// is run; what the commands say goes to standard error. An older guest stays until the new one is whole. Two that build at the same
    /// time take turns.
    ///
    /// # Errors
    ///
    /// If the language is unknown or needs no building, a program is missing, a step fails, or the cache cannot be written.
    pub fn build(&self, name: &str, told: &mut dyn FnMut(&str)) -> Result<(), BuildError> {
        let id = self.language(name)?.id.clone();
        let recipes = language::recipes();
        let recipe = recipes.iter().find(|recipe| recipe.id == id).expect("languages are made from recipes");
        if recipe.build.is_empty() {
            let hint = match recipe.kind {
                Kind::Compiler => "; it uses the compiler that you have",
                Kind::Interpreter | Kind::Wasm => "",
            };
            return Err(BuildError::NothingToBuild { language: id, hint: hint.to_owned() });
        }
        if let Some(need) = recipe.needs.iter().find(|need| on_path(&need.program).is_none()) {
            let (program, install) = (need.program.clone(), need.install.clone());
            return Err(BuildError::Missing { language: id, program, install });
        }
        make_reachable(self.cache()).map_err(io_error(format!("cannot make `{}`", self.cache().display())))?;
        let lock = self.cache().join(".lock");
        let turn = fs::File::create(&lock).map_err(io_error("cannot make the cache's lock"))?;
        turn.lock().map_err(io_error("cannot take the cache's lock"))?;
        let new = tempfile::Builder::new()
            .prefix(".building-")
            .tempdir_in(self.cache())
            .map_err(io_error("cannot make a folder in the cache"))?;
        let built = self.make(recipe, new.path(), told)?;
        let (place, old) = (self.folder(&id), new.path().join("old"));
        match fs::rename(&place, &old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("cannot move what was there before")(error));
            }
            _ => {}
        }
        fs::rename(&built, &place).map_err(io_error("cannot put the guest in its place"))
    }

    /// Runs the steps in a folder, and gives the folder with what is kept.
    fn make(&self, recipe: &Recipe, at: &Path, told: &mut dyn FnMut(&str)) -> Result<PathBuf, BuildError> {
        let (files, work, out) = (at.join("files"), at.join("work"), at.join("out"));
        for folder in [&files, &work, &out] {
            fs::create_dir(folder).map_err(io_error("cannot make a folder in the cache"))?;
        }
        for (path, bytes) in language::files(&recipe.id) {
            let path = files.join(path);
            let parent = path.parent().unwrap_or(&files);
            fs::create_dir_all(parent).and_then(|()| fs::write(&path, bytes)).map_err(io_error("cannot write"))?;
        }
        for step in &recipe.build {
            let step: Vec<OsString> = step.iter().map(|part| filled(part, &files, &work, &out).into()).collect();
            run(&step, &work, told)?;
        }
        let useless = |why: String| BuildError::Useless { language: recipe.id.clone(), why };
        if recipe.kind == Kind::Compiler {
            told("linking a program once, so that no other needs to make the C library");
            compile::install(&out, &files.join(&recipe.id), &work).map_err(useless)?;
        }
        let mut manifest = Manifest::new(&recipe.id, &recipe.version, &recipe.digest);
        manifest.packages.clone_from(&recipe.packages);
        manifest.licences.clone_from(&recipe.licences);
        manifest.files = manifest::list(&out).map_err(io_error("cannot read what was built"))?;
        if recipe.kind == Kind::Interpreter {
            let guest = manifest.guest(&out).map_err(useless)?;
            if !guest.starts_with(b"\0asm") {
                return Err(useless("it is not WebAssembly".to_owned()));
            }
        }
        let text = serde_json::to_string_pretty(&manifest).map_err(|error| useless(error.to_string()))?;
        fs::write(out.join(manifest::FILE), text + "\n").map_err(io_error("cannot write the manifest"))?;
        readable(&out).map_err(io_error("cannot open what was built for reading"))?;
        Ok(out)
    }
}

fn filled(part: &str, files: &Path, work: &Path, out: &Path) -> String {
    let shown = |path: &Path| path.display().to_string();
    part.replace("{files}", &shown(files)).replace("{work}", &shown(work)).replace("{out}", &shown(out))
}

fn run(step: &[OsString], work: &Path, told: &mut dyn FnMut(&str)) -> Result<(), BuildError> {
    let shown = step.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join(" ");
    told(&shown);
    let Some((program, arguments)) = step.split_first() else { return Ok(()) };
    let mut command = Command::new(program);
    command.args(arguments).current_dir(work).stdin(Stdio::null()).stdout(io::stderr());
    let status = command.status().map_err(io_error(format!("`{shown}` cannot be started")))?;
    if status.success() { Ok(()) } else { Err(BuildError::Step { step: shown, status: status.to_string() }) }
}

/// Where a program is.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|path| path.is_file())
}

/// Makes the cache, which others may pass: compilers and workers of a caller that is root run as somebody else.
fn make_reachable(cache: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
    fs::DirBuilder::new().recursive(true).mode(0o755).create(cache)?;
    fs::set_permissions(cache, fs::Permissions::from_mode(0o755))
}

/// Lets everybody read what was built, and nobody but its owner change it.
fn readable(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            readable(&entry.path())?;
        } else {
            let runs = entry.metadata()?.permissions().mode() & 0o100 != 0;
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(if runs { 0o755 } else { 0o644 }))?;
        }
    }
    Ok(())
}
