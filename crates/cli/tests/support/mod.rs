//! What the tests of the command line share: a place of its own for each test, the real program, and what came of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gauntlet_record::Record;

/// A directory that belongs to one test: working directory, output and temporary files lie in it.
pub(crate) struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(home.path("tmp")).unwrap();
        home
    }

    /// A path in it; nothing is made.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file, with the folders above it.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A program in this directory, with an environment that says nothing.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(self.dir.path()).env_clear().env("TMPDIR", self.path("tmp"));
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
    }

    /// Runs the real program to its end.
    pub(crate) fn gauntlet(&self, arguments: &[&str]) -> Done {
        Done::of(self.command(env!("CARGO_BIN_EXE_gauntlet")).args(arguments))
    }

    /// The record that a run left in a folder.
    pub(crate) fn record(&self, folder: &str) -> Record {
        gauntlet_record::read(&self.path(folder).join("record.json")).unwrap()
    }
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Fails, with everything that was said, unless the program ended with this code.
    #[track_caller]
    pub(crate) fn ended(self, code: u8) -> Self {
        assert_eq!(self.code, Some(i32::from(code)), "{}\n{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }
}
