//! The output directory: events while a run goes on, the sealed record at its end, and nobody else's files in between.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use gauntlet_record::{Event, EventError, Record, read_events, write_json};

/// Says that a directory is ours to replace.
const MARKER: &str = ".gauntlet-report";
/// The events of a run, one JSON object a line.
pub const EVENTS: &str = "events.jsonl";
/// The sealed record.
pub const RECORD: &str = "record.json";

/// An output directory that this process holds.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    _lock: File,
    events: File,
    written: Vec<String>,
}

/// An output directory that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The system refused.
    #[error("cannot write to `{}`", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// The directory holds files that are not ours.
    #[error("`{}` is not empty and not a report of ours; name another directory", path.display())]
    NotOurs {
        /// Which one.
        path: PathBuf,
    },
    /// Another run writes there.
    #[error("another run writes to `{}`", path.display())]
    InUse {
        /// Where.
        path: PathBuf,
    },
    /// There is no run to go on with.
    #[error("the events in `{}` cannot be read back", path.display())]
    Events {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: EventError,
    },
    /// A report's name is not a plain file name.
    #[error("`{0}` is not a name for a report")]
    Name(String),
}

impl Output {
    /// Takes a directory for a new run: makes it, or replaces an older report of ours in it.
    ///
    /// # Errors
    ///
    /// If it cannot be written to, is in use, or holds somebody else's files. Nothing has been changed then.
    pub fn open(path: &Path) -> Result<Self, OutputError> {
        let lock = Self::claim(path)?;
        for name in old_files(path)? {
            fs::remove_file(path.join(&name)).map_err(io_at(path))?;
        }
        let events =
            OpenOptions::new().create(true).truncate(true).write(true).open(path.join(EVENTS)).map_err(io_at(path))?;
        sync_dir(path).map_err(io_at(path))?;
        Ok(Self { path: path.to_owned(), _lock: lock, events, written: Vec::new() })
    }

    /// Takes a directory to go on with the run whose events are in it, and says what had finished. A last line that was cut off by a
    /// kill is removed.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and if there are no events, or if they are broken.
    pub fn resume(path: &Path) -> Result<(Self, Record), OutputError> {
        let lock = Self::claim(path)?;
        let file = path.join(EVENTS);
        let mut text = fs::read_to_string(&file).map_err(io_at(&file))?;
        text.truncate(text.rfind('\n').map_or(0, |last| last + 1));
        let record = read_events(&text).map_err(|source| OutputError::Events { path: file.clone(), source })?;
        let events = OpenOptions::new().append(true).open(&file).map_err(io_at(&file))?;
        events.set_len(text.len() as u64).map_err(io_at(&file))?;
        Ok((Self { path: path.to_owned(), _lock: lock, events, written: Vec::new() }, record))
    }

    /// Makes the directory ours, or finds that it is, and locks it. The lock lies in the marker.
    fn claim(path: &Path) -> Result<File, OutputError> {
        fs::create_dir_all(path).map_err(io_at(path))?;
        let marker = path.join(MARKER);
        let is_new = !fs::symlink_metadata(&marker).is_ok_and(|meta| meta.is_file());
        if is_new && fs::read_dir(path).map_err(io_at(path))?.next().is_some() {
            return Err(OutputError::NotOurs { path: path.to_owned() });
        }
        let lock = OpenOptions::new().create(true).append(true).open(&marker).map_err(io_at(&marker))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OutputError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(io_at(&marker)(source)),
        }
        Ok(lock)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds an event. It is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn append(&mut self, event: &Event) -> Result<(), OutputError> {
        let mut write = || -> io::Result<()> {
            let mut line = serde_json::to_vec(event)?;
            line.push(b'\n');
            self.events.write_all(&line)?;
            self.events.sync_data()
        };
        write().map_err(io_at(&self.path.join(EVENTS)))
    }

    /// Writes the record that a run ends with, whole or not at all.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn seal(&mut self, record: &Record) -> Result<PathBuf, OutputError> {
        let mut text = Vec::new();
        write_json(record, &mut text).map_err(io_at(&self.path))?;
        self.write(RECORD, &text)
    }

    /// Writes a report beside the record, whole or not at all.
    ///
    /// # Errors
    ///
    /// If it cannot be written, or if its name is not a plain file name.
    pub fn write(&mut self, name: &str, bytes: &[u8]) -> Result<PathBuf, OutputError> {
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0', '\n']);
        if !plain {
            return Err(OutputError::Name(name.to_owned()));
        }
        self.note(name)?;
        let path = self.path.join(name);
        write_atomically(&path, bytes).map_err(io_at(&path))?;
        Ok(path)
    }

    /// Notes in the marker that a file is ours, before it is there, so that the next run knows what it may remove.
    fn note(&mut self, name: &str) -> Result<(), OutputError> {
        if !self.written.iter().any(|known| known == name) {
            let marker = self.path.join(MARKER);
            let mut file = OpenOptions::new().append(true).open(&marker).map_err(io_at(&marker))?;
            file.write_all(format!("{name}\n").as_bytes()).and_then(|()| file.sync_data()).map_err(io_at(&marker))?;
            self.written.push(name.to_owned());
        }
        Ok(())
    }
}

/// Writes a file so that at every moment either the old or the new one is there as a whole.
///
/// # Errors
///
/// If it cannot be written.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_atomically_with(path, |out| out.write_all(bytes))
}

/// The same for what is written piece by piece.
///
/// # Errors
///
/// If it cannot be written.
pub fn write_atomically_with(
    path: &Path,
    write_to: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?.to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = folder.join(name);
    let write = || -> io::Result<()> {
        let mut file = File::create(&temporary)?;
        write_to(&mut file)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        sync_dir(folder)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

/// Notes names in the marker of an output directory, so that the next run may remove these files too. Another directory is left as it is.
///
/// # Errors
///
/// If the marker cannot be read or written.
pub fn note_in_marker(dir: &Path, names: &[String]) -> io::Result<()> {
    let marker = dir.join(MARKER);
    if !fs::symlink_metadata(&marker).is_ok_and(|meta| meta.is_file()) {
        return Ok(());
    }
    let noted = fs::read_to_string(&marker)?;
    let new: String =
        names.iter().filter(|name| !noted.lines().any(|line| line == *name)).map(|name| format!("{name}\n")).collect();
    let mut file = OpenOptions::new().append(true).open(&marker)?;
    file.write_all(new.as_bytes())?;
    file.sync_all()
}

fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// The files that earlier runs wrote, by what the marker says; everything else is somebody's and stops us.
fn old_files(path: &Path) -> Result<Vec<String>, OutputError> {
    let marker = fs::read_to_string(path.join(MARKER)).map_err(io_at(path))?;
    let mut old = Vec::new();
    for entry in fs::read_dir(path).map_err(io_at(path))? {
        let name = entry.map_err(io_at(path))?.file_name();
        let Some(name) = name.to_str() else { return Err(OutputError::NotOurs { path: path.to_owned() }) };
        let ours = name == EVENTS || name.ends_with(".tmp") || marker.lines().any(|line| line == name);
        match (name == MARKER, ours) {
            (true, _) => {}
            (false, true) => old.push(name.to_owned()),
            (false, false) => return Err(OutputError::NotOurs { path: path.to_owned() }),
        }
    }
    Ok(old)
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> OutputError + use<> {
    let path = path.to_owned();
    move |source| OutputError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gauntlet_record::example;

    fn started() -> Event {
        Event::RunStarted { record: Record { trials: Vec::new(), ..example() }, planned: 4 }
    }

    #[test]
    fn a_record_is_sealed_and_reads_back() {
        let base = tempfile::tempdir().unwrap();
        let mut output = Output::open(&base.path().join("a/b")).unwrap();
        let path = output.seal(&example()).unwrap();
        assert_eq!(gauntlet_record::read(&path).unwrap().trials.len(), example().trials.len());
        assert_eq!(fs::read_dir(output.path()).unwrap().count(), 3);
    }

    #[test]
    fn an_older_report_of_ours_is_replaced() {
        let base = tempfile::tempdir().unwrap();
        let mut output = Output::open(base.path()).unwrap();
        output.seal(&example()).unwrap();
        output.write("junit.xml", b"<x/>").unwrap();
        drop(output);
        Output::open(base.path()).unwrap();
        assert!(!base.path().join(RECORD).exists() && !base.path().join("junit.xml").exists());
    }

    #[test]
    fn files_of_somebody_else_are_left_alone() {
        let base = tempfile::tempdir().unwrap();
        fs::write(base.path().join("thesis.txt"), "x").unwrap();
        assert!(matches!(Output::open(base.path()), Err(OutputError::NotOurs { .. })));
        assert_eq!(fs::read_dir(base.path()).unwrap().count(), 1);
        let ours = base.path().join("ours");
        drop(Output::open(&ours).unwrap());
        fs::write(ours.join("notes.txt"), "x").unwrap();
        assert!(matches!(Output::open(&ours), Err(OutputError::NotOurs { .. })));
        assert!(ours.join("notes.txt").exists());
    }

    #[test]
    fn two_runs_do_not_share_a_directory() {
        let base = tempfile::tempdir().unwrap();
        let first = Output::open(base.path()).unwrap();
        assert!(matches!(Output::open(base.path()), Err(OutputError::InUse { .. })));
        drop(first);
        Output::open(base.path()).unwrap();
    }

    #[test]
    fn a_place_that_cannot_be_written_to_is_an_error() {
        let base = tempfile::tempdir().unwrap();
        fs::write(base.path().join("file"), "x").unwrap();
        assert!(matches!(Output::open(&base.path().join("file")), Err(OutputError::Io { .. })));
    }

    #[test]
    fn a_killed_run_goes_on_where_it_stopped() {
        let base = tempfile::tempdir().unwrap();
        let mut output = Output::open(base.path()).unwrap();
        output.append(&started()).unwrap();
        output.append(&Event::TrialFinished { trial: example().trials[0].clone() }).unwrap();
        drop(output);
        let events = base.path().join(EVENTS);
        let mut file = OpenOptions::new().append(true).open(&events).unwrap();
        file.write_all(b"{\"event\":\"trial-fin").unwrap();
        drop(file);
        let (mut output, record) = Output::resume(base.path()).unwrap();
        assert_eq!(record.trials.len(), 1);
        output.append(&Event::TrialFinished { trial: example().trials[1].clone() }).unwrap();
        let record = gauntlet_record::read(&events).unwrap();
        assert_eq!((record.trials.len(), record.complete), (2, false));
    }

    #[test]
    fn a_report_name_leads_nowhere_else() {
        let base = tempfile::tempdir().unwrap();
        let mut output = Output::open(base.path()).unwrap();
        for name in ["../x", "/etc/x", "", ".hidden", "a\nb"] {
            assert!(matches!(output.write(name, b""), Err(OutputError::Name(_))), "{name}");
        }
    }
}
