//! `limits.disk` and `limits.files` on read-write grants, where no kernel counts for us.
//!
//! What is counted is how much the guest made the directories grow:
//!
//! - A file that the guest made is charged by its apparent size, holes included, so a sparse file costs what it claims. Made shorter, it
//!   gives back exactly what it was charged for the part that is gone.
//! - A file that was there before is charged for what is written past its end, and for what is written into its holes up to as many
//!   holes as it had. It gives back at most what it was charged and what the system says was freed. Once it was empty it counts as made
//!   by the guest.
//! - Removing a name gives nothing back: the file lives on while something holds it open, and a second name may be left.
//! - A directory, and a symbolic link that is too long to stand in its inode, is charged one block.
//! - Files, directories, links of both kinds: each name that is made is one of `files`, and none is given back.
//!
//! The system's own books are not counted otherwise: each file may take up to one block more than its size. So the directories grow by
//! no more than `disk` plus one block for each of `files`. A write by a stream of preview 2 is charged before it is done and not corrected if the
//! system writes less.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gauntlet_record::{Cause, LimitKey};

use crate::host::Tally;

/// Size of the blocks that `st_blocks` counts, whatever the file system's own are.
const BLOCK: u64 = 512;

/// Size of the block that a name takes, on the file systems that there are most of.
const NAME_BLOCK: u64 = 4096;
/// Longest target of a symbolic link that ext4 keeps in the inode.
/// Source: <https://docs.kernel.org/filesystems/ext4/ifork.html#symbolic-links>.
const IN_INODE: u64 = 59;

/// What is known of one file that the guest wrote to. Streams hold a clone while they may still write.
#[derive(Debug, Default)]
pub(crate) struct Note {
    state: Mutex<NoteState>,
}

#[derive(Debug, Default)]
struct NoteState {
    /// The guest made it, so all of it is charged.
    made: bool,
    /// Bytes charged for it and not given back.
    charged: u64,
    /// Bytes of holes that the guest made and was charged for.
    paid_holes: u64,
}

/// The books of one run.
#[derive(Debug)]
pub(crate) struct Disk {
    cap: Option<u64>,
    files_cap: Option<u64>,
    tally: Tally,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    used: u64,
    most: u64,
    files: u64,
    notes: BTreeMap<(u64, u64), Arc<Note>>,
}

/// Where a write goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// A position.
    Position(u64),
    /// The end.
    End,
}

/// A charge that was taken before a write; it is corrected by what the write did, or given back if it failed.
#[derive(Debug)]
#[must_use]
pub(crate) struct Charge {
    amount: u64,
    holes: u64,
    note: Option<Arc<Note>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    pub(crate) fn new(cap: Option<u64>, files_cap: Option<u64>, tally: Tally) -> Self {
        Self { cap, files_cap, tally, inner: Mutex::default() }
    }

    /// The value of `limits.files`, or else that of `limits.disk`.
    pub(crate) fn limit(&self, key: LimitKey) -> Option<u64> {
        if key == LimitKey::Files { self.files_cap } else { self.cap }
    }

    /// The most that was in use at once, in bytes.
    pub(crate) fn most(&self) -> u64 {
        lock(&self.inner).most
    }

    /// Names made.
    pub(crate) fn files(&self) -> u64 {
        lock(&self.inner).files
    }

    /// Whether one more name may be made; counts the denial if not.
    pub(crate) fn may_make(&self, what: &'static str, asked: &str) -> bool {
        let made = lock(&self.inner).files;
        let may = self.files_cap.is_none_or(|cap| made < cap);
        if !may {
            self.tally.deny(Cause::Limit(LimitKey::Files), what, || asked.to_owned(), self.files_cap);
        }
        may
    }

    /// Counts a name that was made.
    pub(crate) fn made(&self) {
        let mut inner = lock(&self.inner);
        inner.files = inner.files.saturating_add(1);
    }

    /// Notes that the guest made this file, if it is as empty as a new one.
    pub(crate) fn made_file(&self, file: &File) {
        if let Ok(meta) = file.metadata()
            && meta.is_file()
            && meta.len() == 0
            && meta.nlink() <= 1
        {
            // A number that the system gives out again belongs to a new file.
            let note = Note { state: Mutex::new(NoteState { made: true, ..NoteState::default() }) };
            lock(&self.inner).notes.insert((meta.dev(), meta.ino()), Arc::new(note));
        }
    }

    /// What is known of a file.
    pub(crate) fn note(&self, file: &File) -> Option<Arc<Note>> {
        let meta = file.metadata().ok()?;
        Some(Arc::clone(lock(&self.inner).notes.entry((meta.dev(), meta.ino())).or_default()))
    }

    /// Charges a write of `length` bytes before it is done.
    ///
    /// # Errors
    ///
    /// If the limit does not hold it; the denial is counted.
    pub(crate) fn write(&self, what: &'static str, file: &File, at: At, length: u64) -> Result<Charge, OverLimit> {
        let Ok(meta) = file.metadata() else { return self.take(what, length, 0, None) };
        let size = meta.len();
        let start = match at {
            At::Position(position) => position,
            At::End => size,
        };
        let end = start.saturating_add(length);
        let growth = if length == 0 { 0 } else { end.saturating_sub(size) };
        let note = self.note(file);
        let inside = length.saturating_sub(growth);
        let filled = note.as_deref().map_or(inside, |note| {
            let state = lock(&note.state);
            let holes = size.saturating_sub(meta.blocks().saturating_mul(BLOCK)).saturating_sub(state.paid_holes);
            if state.made { 0 } else { inside.min(holes) }
        });
        let holes = if growth > 0 { start.saturating_sub(size) } else { 0 };
        self.take(what, growth.saturating_add(filled), holes, note)
    }

    /// Charges a new size before it is set; what it gives back is counted by [`Self::shrunk`].
    ///
    /// # Errors
    ///
    /// If the limit does not hold it; the denial is counted.
    pub(crate) fn set_size(&self, what: &'static str, file: &File, size: u64) -> Result<Charge, OverLimit> {
        let now = file.metadata().map_or(0, |meta| meta.len());
        let growth = size.saturating_sub(now);
        self.take(what, growth, growth, self.note(file))
    }

    /// Charges the block of a directory, or of a symbolic link whose target is so long.
    ///
    /// # Errors
    ///
    /// If the limit does not hold it; the denial is counted.
    pub(crate) fn name_block(&self, what: &'static str, target: Option<u64>) -> Result<Charge, OverLimit> {
        let amount = if target.is_none_or(|length| length > IN_INODE) { NAME_BLOCK } else { 0 };
        self.take(what, amount, 0, None)
    }

    fn take(&self, what: &'static str, amount: u64, holes: u64, note: Option<Arc<Note>>) -> Result<Charge, OverLimit> {
        let mut inner = lock(&self.inner);
        let wanted = inner.used.saturating_add(amount);
        // A write that takes nothing passes, even where the limit is 0.
        if amount > 0 && self.cap.is_some_and(|cap| wanted > cap) {
            drop(inner);
            self.tally.deny(Cause::Limit(LimitKey::Disk), what, || wanted.to_string(), self.cap);
            return Err(OverLimit);
        }
        inner.used = wanted;
        inner.most = inner.most.max(wanted);
        drop(inner);
        if let Some(note) = &note {
            let mut state = lock(&note.state);
            state.charged = state.charged.saturating_add(amount);
            state.paid_holes = state.paid_holes.saturating_add(holes);
        }
        Ok(Charge { amount, holes, note })
    }

    /// Corrects a charge for a write that did `done` of `length` bytes.
    pub(crate) fn wrote(&self, charge: Charge, length: u64, done: u64) {
        // The part that was not written would have come last, so it is the part that grew the file.
        let less = length.saturating_sub(done).min(charge.amount);
        self.give_back(&charge, less, 0);
    }

    /// Gives a charge back for a call that did nothing.
    pub(crate) fn failed(&self, charge: Charge) {
        self.give_back(&charge, charge.amount, charge.holes);
    }

    fn give_back(&self, charge: &Charge, amount: u64, holes: u64) {
        let mut inner = lock(&self.inner);
        inner.used = inner.used.saturating_sub(amount);
        drop(inner);
        if let Some(note) = &charge.note {
            let mut state = lock(&note.state);
            state.charged = state.charged.saturating_sub(amount);
            state.paid_holes = state.paid_holes.saturating_sub(holes);
        }
    }

    /// Counts what a file that was made shorter gives back; `before` is its size and blocks before.
    ///
    /// Nothing is given back while a stream may still write to the file: its write was charged against the size that is now gone.
    pub(crate) fn shrunk(&self, file: &File, before: Extent) {
        let Some(after) = Extent::of(file) else { return };
        let cut = before.size.saturating_sub(after.size);
        let Some(note) = self.note(file) else { return };
        // One is in the books and one is here.
        if cut == 0 || Arc::strong_count(&note) > 2 {
            return;
        }
        let mut state = lock(&note.state);
        let freed = before.blocks.saturating_sub(after.blocks).saturating_mul(BLOCK);
        let back = if state.made { cut } else { cut.min(freed) }.min(state.charged);
        state.charged -= back;
        state.paid_holes = state.paid_holes.min(after.size);
        // Of an empty file, whatever comes into it now is charged.
        state.made |= after.size == 0;
        drop(state);
        let mut inner = lock(&self.inner);
        inner.used = inner.used.saturating_sub(back);
    }
}

/// A file's size and blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    size: u64,
    blocks: u64,
}

impl Extent {
    pub(crate) fn of(file: &File) -> Option<Self> {
        file.metadata().ok().map(|meta| Self { size: meta.len(), blocks: meta.blocks() })
    }

    pub(crate) const fn new(size: u64, blocks: u64) -> Self {
        Self { size, blocks }
    }
}

/// The limit does not hold what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no space left")]
pub(crate) struct OverLimit;

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, SeekFrom, Write as _};
    use std::path::PathBuf;

    use super::*;

    /// A directory that goes when the test ends.
    struct Bench(PathBuf);

    impl Bench {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("gauntlet-disk-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str) -> File {
            File::options().read(true).write(true).create(true).truncate(false).open(self.0.join(name)).unwrap()
        }
    }

    impl Drop for Bench {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn disk(cap: u64) -> Disk {
        Disk::new(Some(cap), Some(2), Tally::default())
    }

    fn write(disk: &Disk, file: &mut File, at: u64, bytes: &[u8]) -> bool {
        let length = bytes.len() as u64;
        let Ok(charge) = disk.write("write", file, At::Position(at), length) else { return false };
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(bytes).unwrap();
        disk.wrote(charge, length, length);
        true
    }

    fn used(disk: &Disk) -> u64 {
        lock(&disk.inner).used
    }

    #[test]
    fn growth_is_charged_and_overwriting_is_not() {
        let (bench, disk) = (Bench::new("growth"), disk(100));
        let mut file = bench.file("a");
        disk.made_file(&file);
        assert!(write(&disk, &mut file, 0, &[1; 60]));
        assert!(write(&disk, &mut file, 0, &[2; 60]));
        assert_eq!(used(&disk), 60);
        assert!(!write(&disk, &mut file, 50, &[3; 51]));
        assert!(write(&disk, &mut file, 50, &[3; 50]));
        assert_eq!((used(&disk), disk.most()), (100, 100));
    }

    #[test]
    fn a_hole_costs_what_it_claims() {
        let (bench, disk) = (Bench::new("hole"), disk(100));
        let mut file = bench.file("a");
        disk.made_file(&file);
        assert!(!write(&disk, &mut file, 1 << 40, &[1]));
        assert!(disk.set_size("set-size", &file, 101).is_err());
        assert!(disk.set_size("set-size", &file, u64::MAX).is_err());
        let _ = disk.set_size("set-size", &file, 100).unwrap();
        file.set_len(100).unwrap();
        assert!(write(&disk, &mut file, 10, &[1; 90]));
        assert_eq!(used(&disk), 100);
    }

    #[test]
    fn a_file_of_the_guests_gives_back_what_is_cut_and_unlinking_gives_nothing() {
        let (bench, disk) = (Bench::new("cut"), disk(100));
        let mut file = bench.file("a");
        disk.made_file(&file);
        for _ in 0..5 {
            assert!(write(&disk, &mut file, 0, &[1; 80]));
            let before = Extent::of(&file).unwrap();
            file.set_len(0).unwrap();
            disk.shrunk(&file, before);
            assert_eq!(used(&disk), 0);
        }
        assert!(write(&disk, &mut file, 0, &[1; 80]));
        std::fs::remove_file(bench.0.join("a")).unwrap();
        let mut other = bench.file("b");
        disk.made_file(&other);
        assert!(!write(&disk, &mut other, 0, &[1; 80]));
    }

    #[test]
    fn a_file_that_was_there_gives_back_no_more_than_it_was_charged() {
        let (bench, disk) = (Bench::new("there"), disk(10_000));
        let mut file = bench.file("a");
        file.write_all(&[1; 50_000]).unwrap();
        assert!(write(&disk, &mut file, 50_000, &[1; 8_000]));
        let before = Extent::of(&file).unwrap();
        file.set_len(0).unwrap();
        disk.shrunk(&file, before);
        assert_eq!(used(&disk), 0);
    }

    #[test]
    fn holes_that_were_there_are_charged_when_they_are_filled_and_not_given_back_for_others() {
        let (bench, disk) = (Bench::new("filled"), disk(1 << 20));
        let mut file = bench.file("a");
        file.set_len(8 << 20).unwrap();
        assert!(write(&disk, &mut file, 0, &vec![1; 1 << 20]));
        assert_eq!(used(&disk), 1 << 20);
        // Cutting off holes frees nothing.
        let before = Extent::of(&file).unwrap();
        file.set_len(4 << 20).unwrap();
        disk.shrunk(&file, before);
        assert_eq!(used(&disk), 1 << 20);
        assert!(!write(&disk, &mut file, 2 << 20, &[1; 4096]));
    }

    #[test]
    fn nothing_is_given_back_while_a_stream_may_still_write() {
        let (bench, disk) = (Bench::new("stream"), disk(100));
        let mut file = bench.file("a");
        disk.made_file(&file);
        assert!(write(&disk, &mut file, 0, &[1; 80]));
        let stream = disk.note(&file);
        let before = Extent::of(&file).unwrap();
        file.set_len(0).unwrap();
        disk.shrunk(&file, before);
        assert_eq!(used(&disk), 80);
        drop(stream);
    }

    #[test]
    fn names_are_counted_and_never_given_back() {
        let disk = disk(0);
        for _ in 0..2 {
            assert!(disk.may_make("path_open", "a"));
            disk.made();
        }
        assert!(!disk.may_make("path_open", "a"));
        assert_eq!(disk.files(), 2);
    }

    #[test]
    fn a_limit_of_nothing_holds_nothing() {
        let (bench, disk) = (Bench::new("nothing"), disk(0));
        let mut file = bench.file("a");
        assert!(write(&disk, &mut file, 0, &[]));
        assert!(!write(&disk, &mut file, 0, &[1]));
    }
}
