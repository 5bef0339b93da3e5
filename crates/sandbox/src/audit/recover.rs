//! Runs that a log leaves open: found when it is opened, and closed as lost where it is certain that nobody will close them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::unix::fs::FileExt as _;

use serde::Deserialize;

use super::line::{AuditEntry, AuditLine, LINE_START, MAX_LINE_BYTES, ProcessName, RunId, StartLine};

/// How much of a file is looked at in one piece on the way back to its last checkpoint.
const PIECE: u64 = 256 << 10;
/// From how much on it is worth writing a checkpoint.
pub(super) const WORTH_A_CHECKPOINT: u64 = 1 << 20;

impl ProcessName {
    /// This process.
    pub(crate) fn own() -> Self {
        let pid = std::process::id();
        Self {
            node: Some(rustix::system::uname().nodename().to_string_lossy().into_owned())
                .map(|node| super::line::word(&node)),
            boot: read_word("/proc/sys/kernel/random/boot_id"),
            pid_namespace: own_namespace(),
            pid,
            started: started(pid),
        }
    }

    /// Whether it is certain that this process is dead. Where it cannot be told (another host, another pid namespace), it is not.
    pub(super) fn is_surely_dead(&self, own: &Self) -> bool {
        if self.node.is_none() || self.node != own.node || self.boot.is_none() || own.boot.is_none() {
            return false;
        }
        if self.boot != own.boot {
            // The same host was started anew since.
            return true;
        }
        if self.pid_namespace.is_none() || self.pid_namespace != own.pid_namespace || own.started.is_none() {
            return false;
        }
        // The kernel shows our own process, so it would show this one, too.
        started(self.pid).is_none_or(|started| self.started.is_some_and(|then| then != started))
    }
}

fn read_word(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(super::line::word(text.trim()))
}

fn own_namespace() -> Option<u64> {
    // `pid:[4026531836]`
    let link = fs::read_link("/proc/self/ns/pid").ok()?;
    link.to_str()?.split(['[', ']']).nth(1)?.parse().ok()
}

/// When a process started, in ticks since the boot; `None` if there is none, or it is dead and only not yet buried.
fn started(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(") ")?.1.split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// What a part of a log says of runs.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// Runs that began and have no end yet.
    pub(super) runs: BTreeMap<RunId, StartLine>,
    /// How far was read: the beginning of the first line that is not whole.
    pub(super) read_to: u64,
    /// How many bytes were read.
    pub(super) read: u64,
}

/// Reads a file from its last checkpoint on.
pub(super) fn scan(file: &File) -> io::Result<Open> {
    let from = last_checkpoint(file, file.metadata()?.len())?;
    let mut open = Open { read_to: from, ..Open::default() };
    go_on(file, &mut open)?;
    Ok(open)
}

/// Reads what was added since.
pub(super) fn go_on(file: &File, open: &mut Open) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(64 << 10, ReadAt { file, at: open.read_to });
    let mut line = Vec::new();
    loop {
        line.clear();
        // A line that is longer than any of ours is read in pieces, none of which is one of ours.
        let read = (&mut reader).take(2 * MAX_LINE_BYTES as u64).read_until(b'\n', &mut line)?;
        let whole = line.last() == Some(&b'\n');
        if read == 0 || (!whole && read < 2 * MAX_LINE_BYTES) {
            return Ok(());
        }
        open.read_to += read as u64;
        open.read += read as u64;
        if whole {
            note(&line, &mut open.runs);
        }
    }
}

/// Only what a line is and which run it is about.
#[derive(Deserialize)]
struct About {
    kind: String,
    run: Option<RunId>,
}

fn note(line: &[u8], runs: &mut BTreeMap<RunId, StartLine>) {
    let Ok(text) = std::str::from_utf8(line) else { return };
    let Some(start) = text.rfind(LINE_START) else { return };
    let text = &text[start..];
    // Everything but starts is only looked at.
    let Ok(about) = serde_json::from_str::<About>(text) else { return };
    match (about.kind.as_str(), about.run) {
        ("start" | "running", Some(run)) => {
            if let Ok(AuditLine { entry: AuditEntry::Start(line) | AuditEntry::Running(line), .. }) =
                AuditLine::parse(text)
            {
                runs.insert(run, *line);
            }
        }
        ("end", Some(run)) => {
            runs.remove(&run);
        }
        _ => {}
    }
}

/// Where the last checkpoint begins; the beginning of the file if it has none.
fn last_checkpoint(file: &File, length: u64) -> io::Result<u64> {
    let wanted = format!("\n{LINE_START}\"checkpoint\"");
    let wanted = wanted.as_bytes();
    let mut end = length;
    let mut piece = Vec::new();
    while end > 0 {
        let begin = end.saturating_sub(PIECE);
        // Pieces overlap by what is looked for, so that it is found across their borders.
        let size = usize::try_from((end - begin).saturating_add(wanted.len() as u64)).unwrap_or(usize::MAX);
        piece.resize(size, 0);
        let mut filled = 0;
        while let Some(rest) = piece.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, begin + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        piece.truncate(filled);
        if let Some(at) = piece.windows(wanted.len()).rposition(|window| window == wanted) {
            return Ok(begin + at as u64 + 1);
        }
        end = begin;
    }
    Ok(0)
}

/// Reads at an offset of its own, since all that is written is appended.
struct ReadAt<'a> {
    file: &'a File,
    at: u64,
}

impl Read for ReadAt<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_one_of_another_boot_is_dead() {
        let own = ProcessName::own();
        assert!(own.started.is_some() && own.boot.is_some());
        assert!(!own.is_surely_dead(&own));
        let earlier = ProcessName { boot: Some("another".into()), ..own.clone() };
        assert!(earlier.is_surely_dead(&own));
        let used_again = ProcessName { started: Some(1), ..own.clone() };
        assert!(used_again.is_surely_dead(&own));
    }

    #[test]
    fn what_cannot_be_told_is_not_dead() {
        let own = ProcessName::own();
        let elsewhere = ProcessName { node: Some("another host".into()), boot: Some("x".into()), ..own.clone() };
        assert!(!elsewhere.is_surely_dead(&own));
        let contained = ProcessName { pid_namespace: Some(1), pid: u32::MAX, ..own.clone() };
        assert!(!contained.is_surely_dead(&own));
        assert!(!ProcessName { pid: u32::MAX, ..ProcessName::default() }.is_surely_dead(&own));
    }

    #[test]
    fn a_child_that_has_ended_is_dead() {
        let own = ProcessName::own();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let name = ProcessName { pid: child.id(), started: started(child.id()), ..own.clone() };
        child.wait().unwrap();
        assert!(name.is_surely_dead(&own));
    }
}
