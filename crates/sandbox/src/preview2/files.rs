//! `wasi:filesystem`: every method once, charged before it is done, with what it is denied counted, and files, bytes and names held
//! against their limits.

use std::fs::File;
use std::sync::Arc;

use gauntlet_record::{Cause, DenialKind, LimitKey};
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::filesystem::{Descriptor as Opened, FsPerms, WasiFilesystemCtxView, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, Advice, Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream,
    ErrorCode, Filesize, HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags,
    PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::streams::{Metered, Over};
use crate::determinism::Deterministic;
use crate::disk::{At, Charge, Extent, OverLimit};
use crate::host::{Host, OpenFiles};
use crate::meter::{GrantIndex, Meter, Work};
use crate::nodes::{self, Look};
use crate::places;

/// Nanoseconds in a second.
const NANOS: u128 = 1_000_000_000;
/// Most bytes that the engine reads in one call.
const MAX_READ: u64 = 64 << 10;

/// Files that are metered.
struct MeteredFiles;

impl HasData for MeteredFiles {
    type Data<'a> = Files<'a>;
}

struct Files<'a> {
    view: WasiFilesystemCtxView<'a>,
    open: &'a mut OpenFiles,
    meter: Arc<Meter>,
    special_files_shut: bool,
    deterministic: Option<&'a mut Deterministic>,
    clock_step: u64,
}

impl Files<'_> {
    /// A file's status with times no finer than the granted clock, and without the host's in a deterministic run.
    fn settled(&self, stat: DescriptorStat) -> DescriptorStat {
        if self.deterministic.is_some() {
            return Deterministic::stat(stat);
        }
        let coarse = |time: Option<Datetime>| {
            time.map(|Datetime { seconds, nanoseconds }| {
                let whole = u128::from(seconds) * NANOS + u128::from(nanoseconds);
                let whole = whole - whole % u128::from(self.clock_step.max(1));
                Datetime {
                    seconds: u64::try_from(whole / NANOS).unwrap_or(seconds),
                    nanoseconds: u32::try_from(whole % NANOS).unwrap_or(0),
                }
            })
        };
        DescriptorStat {
            data_access_timestamp: coarse(stat.data_access_timestamp),
            data_modification_timestamp: coarse(stat.data_modification_timestamp),
            status_change_timestamp: coarse(stat.status_change_timestamp),
            ..stat
        }
    }

    /// What identifies a file, without the host's inode in a deterministic run.
    fn identity(&mut self, hash: MetadataHashValue) -> MetadataHashValue {
        match self.deterministic.as_deref_mut() {
            Some(deterministic) => deterministic.identity(&hash),
            None => hash,
        }
    }

    /// Charges a call.
    fn work(&self, kind: Work, what: &'static str, things: u64) -> FsResult<()> {
        self.meter.work(kind, what, things).map_err(FsError::trap)
    }

    /// Looks at what goes back to the guest and counts it, if it is a denial: the same errors that preview 1 counts.
    fn count<T>(&self, what: &'static str, asked: String, result: FsResult<T>) -> FsResult<T> {
        if let Err(error) = &result
            && let Some(code) = error.downcast_ref()
        {
            match (denial(*code), *code) {
                (Some(kind), _) => self.meter.tally.deny(Cause::Denied(kind), what, || asked, None),
                // What our own quota denies does not come here: a file system of the guest's own is full.
                (None, ErrorCode::InsufficientSpace) => {
                    let names = matches!(what, "open-at" | "create-directory-at" | "symlink-at" | "link-at");
                    self.meter.scratch_full(what, names, || asked);
                }
                (None, _) => {}
            }
        }
        result
    }

    /// Whether what is written under a descriptor is the kernel's to count.
    fn is_scratch(&self, descriptor: &Resource<Descriptor>) -> bool {
        self.open.grant(descriptor.rep()).is_some_and(|grant| self.meter.is_scratch(grant))
    }

    /// A descriptor's file, and whether its grant lets it be written and what is written is ours to count.
    fn file(&self, descriptor: &Resource<Descriptor>) -> Option<(Arc<File>, bool)> {
        let counted = !self.is_scratch(descriptor);
        match self.view.table.get(descriptor).ok()? {
            Opened::File(file) => Some((Arc::clone(&file.file), file.perms == FsPerms::ReadWrite && counted)),
            Opened::Dir(_) => None,
        }
    }

    /// A descriptor's directory, and whether its grant lets it be changed and changes are ours to count.
    fn directory(&self, descriptor: &Resource<Descriptor>) -> Option<(Arc<File>, bool)> {
        let counted = !self.is_scratch(descriptor);
        match self.view.table.get(descriptor).ok()? {
            Opened::Dir(directory) => {
                Some((Arc::clone(&directory.dir), directory.perms == FsPerms::ReadWrite && counted))
            }
            Opened::File(_) => None,
        }
    }

    /// Notes which place beneath a grant was used, whether it was there or not. What was denied is counted as that.
    fn place<T>(&self, number: u32, path: &str, changed: bool, result: &FsResult<T>) {
        if result.as_ref().err().and_then(|error| error.downcast_ref()).is_some_and(|code| denial(*code).is_some()) {
            return;
        }
        let path = places::joined(self.open.path(number), path);
        if let (Some(grant), Some(path)) = (self.open.grant(number), path) {
            self.meter.place(grant, &path, changed, false);
        }
    }

    fn moved(&self, number: u32, read: u64, written: u64) {
        if let Some(grant) = self.open.grant(number) {
            self.meter.moved(grant, read, written);
        }
    }

    /// Whether a name may be made in a directory; what the grant does not let be changed is the engine's to deny.
    fn may_make(&self, directory: &Resource<Descriptor>, what: &'static str, asked: &str) -> FsResult<bool> {
        let writable = self.directory(directory).is_some_and(|(_, writable)| writable);
        if writable && !self.meter.disk.may_make(what, asked) {
            return Err(ErrorCode::InsufficientSpace.into());
        }
        Ok(writable)
    }

    /// Takes the block of a directory or of a long link, where what is made is ours to count.
    fn name_block(&self, writable: bool, what: &'static str, target: Option<u64>) -> FsResult<Option<Charge>> {
        if !writable {
            return Ok(None);
        }
        let charge = self.meter.disk.name_block(what, target);
        charge.map(Some).map_err(|OverLimit| ErrorCode::InsufficientSpace.into())
    }

    fn settle<T>(&self, charge: Option<Charge>, result: &FsResult<T>) {
        if let Some(charge) = charge.filter(|_| result.is_err()) {
            self.meter.disk.failed(charge);
        }
    }

    /// Counts a name that was made.
    fn made<T>(&self, writable: bool, result: FsResult<T>) -> FsResult<T> {
        if writable && result.is_ok() {
            self.meter.disk.made();
        }
        result
    }

    /// Puts the meter round a stream over a file.
    fn over(&self, descriptor: &Resource<Descriptor>, write: Option<At>) -> Over {
        let number = descriptor.rep();
        let file = self.file(descriptor);
        let grows = write.zip(file).filter(|(_, (_, writable))| *writable).map(|(at, (file, _))| (file, at));
        Over::file(&self.meter, self.open.descriptors.get(&number).cloned(), self.open.grant(number), grows)
    }

    fn output(&mut self, stream: Resource<DynOutputStream>, over: Over) -> FsResult<Resource<DynOutputStream>> {
        let metered: DynOutputStream = Box::new(Metered::new(self.view.table.delete(stream)?, over));
        Ok(self.view.table.push(metered)?)
    }
}

fn denial(code: ErrorCode) -> Option<DenialKind> {
    match code {
        ErrorCode::Access | ErrorCode::NotPermitted | ErrorCode::ReadOnly => Some(DenialKind::Path),
        ErrorCode::BadDescriptor => Some(DenialKind::Descriptor),
        _ => None,
    }
}

fn length(text: &str) -> u64 {
    text.len() as u64
}

impl types::Host for Files<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.view.convert_error_code(error)
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        self.view.filesystem_error_code(error)
    }
}

impl preopens::Host for Files<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        self.meter.work(Work::File, "get-directories", 0)?;
        let directories = self.view.get_directories()?;
        for (place, (directory, _)) in directories.iter().enumerate() {
            self.open.roots.insert(directory.rep(), GrantIndex::file(place));
        }
        Ok(directories)
    }
}

/// Methods that are charged, and then only pass on what they are asked; the one after `asks` is the path that a denial is reported with.
macro_rules! methods {
    ($($what:literal $work:ident = $name:ident($($arg:ident: $ty:ty),*) -> $answer:ty $(, asks $path:ident)?;)*) => {
        $(async fn $name(&mut self, descriptor: Resource<Descriptor>, $($arg: $ty),*) -> FsResult<$answer> {
            let (asked, things) = (String::new(), 0);
            $(let (asked, things) = (asked + &super::shown(&$path), things + length(&$path));)?
            self.work(Work::$work, $what, things)?;
            let number = descriptor.rep();
            self.moved(number, 0, 0);
            $(let path = $path.clone();)?
            let result = self.view.$name(descriptor, $($arg),*).await;
            $(
                let $path = path;
                self.place(number, &$path, $what != "readlink-at", &result);
            )?
            self.count($what, asked, result)
        })*
    };
}

impl HostDescriptor for Files<'_> {
    methods! {
        "sync-data" Sync = sync_data() -> ();
        "get-flags" File = get_flags() -> DescriptorFlags;
        "get-type" File = get_type() -> DescriptorType;
        "set-times" File = set_times(access: NewTimestamp, modification: NewTimestamp) -> ();
        "sync" Sync = sync() -> ();
        "readlink-at" Path = readlink_at(path: String) -> String, asks path;
        "remove-directory-at" Path = remove_directory_at(path: String) -> (), asks path;
        "unlink-file-at" Path = unlink_file_at(path: String) -> (), asks path;
    }

    async fn set_times_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        access: NewTimestamp,
        modification: NewTimestamp,
    ) -> FsResult<()> {
        self.work(Work::Path, "set-times-at", length(&path))?;
        let (asked, number) = (super::shown(&path), descriptor.rep());
        self.moved(number, 0, 0);
        // Where the engine follows links it opens the file to write, and what is no file stays shut.
        if self.special_files_shut
            && flags.contains(PathFlags::SYMLINK_FOLLOW)
            && nodes::look(&mut self.view, &descriptor, flags, path.clone()).await == Look::Special
        {
            return self.count("set-times-at", asked, Err(ErrorCode::Access.into()));
        }
        let result = self.view.set_times_at(descriptor, flags, path.clone(), access, modification).await;
        self.place(number, &path, true, &result);
        self.count("set-times-at", asked, result)
    }

    async fn advise(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: Filesize,
        length: Filesize,
        advice: Advice,
    ) -> FsResult<()> {
        // The kernel may read or drop all of it; a length of 0 stands for all.
        let size = self.file(&descriptor).and_then(|(file, _)| file.metadata().ok()).map_or(0, |meta| meta.len());
        self.work(Work::File, "advise", if length == 0 { size } else { length.min(size) })?;
        self.moved(descriptor.rep(), 0, 0);
        let result = self.view.advise(descriptor, offset, length, advice).await;
        self.count("advise", String::new(), result)
    }

    async fn read(
        &mut self,
        descriptor: Resource<Descriptor>,
        length: Filesize,
        offset: Filesize,
    ) -> FsResult<(Vec<u8>, bool)> {
        self.work(Work::File, "read", length.min(MAX_READ))?;
        let number = descriptor.rep();
        let result = self.view.read(descriptor, length, offset).await;
        if let Ok((bytes, _)) = &result {
            self.moved(number, bytes.len() as u64, 0);
        }
        self.count("read", String::new(), result)
    }

    async fn write(
        &mut self,
        descriptor: Resource<Descriptor>,
        bytes: Vec<u8>,
        offset: Filesize,
    ) -> FsResult<Filesize> {
        let length = bytes.len() as u64;
        self.work(Work::File, "write", length)?;
        let number = descriptor.rep();
        let charge = match self.file(&descriptor) {
            Some((file, true)) => match self.meter.disk.write("write", &file, At::Position(offset), length) {
                Ok(charge) => Some(charge),
                Err(OverLimit) => return Err(ErrorCode::InsufficientSpace.into()),
            },
            Some((_, false)) | None => None,
        };
        let result = self.view.write(descriptor, bytes, offset).await;
        match (charge, &result) {
            (Some(charge), Ok(written)) => self.meter.disk.wrote(charge, length, *written),
            (Some(charge), Err(_)) => self.meter.disk.failed(charge),
            (None, _) => {}
        }
        if let Ok(written) = &result {
            self.moved(number, 0, *written);
        }
        self.count("write", String::new(), result)
    }

    async fn set_size(&mut self, descriptor: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        self.work(Work::File, "set-size", 0)?;
        self.moved(descriptor.rep(), 0, 0);
        let file = self.file(&descriptor).filter(|(_, writable)| *writable).map(|(file, _)| file);
        let before = file.as_deref().and_then(Extent::of);
        let charge = match &file {
            Some(file) => match self.meter.disk.set_size("set-size", file, size) {
                Ok(charge) => Some(charge),
                Err(OverLimit) => return Err(ErrorCode::InsufficientSpace.into()),
            },
            None => None,
        };
        let result = self.view.set_size(descriptor, size).await;
        match (charge, &result) {
            (Some(charge), Err(_)) => self.meter.disk.failed(charge),
            (charge, _) => drop(charge),
        }
        if let (Some(file), Some(before), Ok(())) = (&file, before, &result) {
            self.meter.disk.shrunk(file, before);
        }
        self.count("set-size", String::new(), result)
    }

    async fn read_directory(&mut self, descriptor: Resource<Descriptor>) -> FsResult<Resource<DirectoryEntryStream>> {
        let most = self.meter.work_left(Work::Directory);
        let entries = self.directory(&descriptor).map_or(0, |(directory, _)| nodes::entries(&directory, most));
        self.work(Work::Directory, "read-directory", entries)?;
        self.moved(descriptor.rep(), 0, 0);
        if let Some(grant) = self.open.grant(descriptor.rep()) {
            self.meter.place(grant, self.open.path(descriptor.rep()), false, true);
        }
        let result = self.view.read_directory(descriptor).await;
        let stream = self.count("read-directory", String::new(), result)?;
        let Some(deterministic) = self.deterministic.as_deref_mut() else { return Ok(stream) };
        let mut entries = Vec::new();
        while let Some(entry) = self.view.read_directory_entry(Resource::new_borrow(stream.rep())).await? {
            entries.push(entry);
        }
        deterministic.keep_listing(stream.rep(), entries);
        Ok(stream)
    }

    async fn stat(&mut self, descriptor: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        self.work(Work::File, "stat", 0)?;
        self.moved(descriptor.rep(), 0, 0);
        let result = self.view.stat(descriptor).await.map(|stat| self.settled(stat));
        self.count("stat", String::new(), result)
    }

    async fn stat_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        self.work(Work::Path, "stat-at", length(&path))?;
        self.moved(descriptor.rep(), 0, 0);
        let (asked, number) = (super::shown(&path), descriptor.rep());
        let result = self.view.stat_at(descriptor, flags, path).await.map(|stat| self.settled(stat));
        self.place(number, &asked, false, &result);
        self.count("stat-at", asked, result)
    }

    async fn metadata_hash(&mut self, descriptor: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        self.work(Work::File, "metadata-hash", 0)?;
        self.moved(descriptor.rep(), 0, 0);
        let result = self.view.metadata_hash(descriptor).await.map(|hash| self.identity(hash));
        self.count("metadata-hash", String::new(), result)
    }

    async fn metadata_hash_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        self.work(Work::Path, "metadata-hash-at", length(&path))?;
        self.moved(descriptor.rep(), 0, 0);
        let (asked, number) = (super::shown(&path), descriptor.rep());
        let result = self.view.metadata_hash_at(descriptor, flags, path).await.map(|hash| self.identity(hash));
        self.place(number, &asked, false, &result);
        self.count("metadata-hash-at", asked, result)
    }

    async fn create_directory_at(&mut self, descriptor: Resource<Descriptor>, path: String) -> FsResult<()> {
        self.work(Work::Path, "create-directory-at", length(&path))?;
        self.moved(descriptor.rep(), 0, 0);
        let (asked, number) = (super::shown(&path), descriptor.rep());
        let writable = self.may_make(&descriptor, "create-directory-at", &asked)?;
        let block = self.name_block(writable, "create-directory-at", None)?;
        let result = self.view.create_directory_at(descriptor, path).await;
        self.settle(block, &result);
        self.place(number, &asked, true, &result);
        let result = self.made(writable, result);
        self.count("create-directory-at", asked, result)
    }

    async fn link_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
        to: Resource<Descriptor>,
        new: String,
    ) -> FsResult<()> {
        self.work(Work::Path, "link-at", length(&path) + length(&new))?;
        self.moved(descriptor.rep(), 0, 0);
        let (asked, number, target, made) = (super::shown(&path), descriptor.rep(), to.rep(), super::shown(&new));
        let source = self.directory(&descriptor).is_some_and(|(_, writable)| writable);
        let writable = source && self.may_make(&to, "link-at", &asked)?;
        let result = self.view.link_at(descriptor, flags, path, to, new).await;
        self.place(number, &asked, true, &result);
        self.place(target, &made, true, &result);
        let result = self.made(writable, result);
        self.count("link-at", asked, result)
    }

    async fn rename_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path: String,
        to: Resource<Descriptor>,
        new: String,
    ) -> FsResult<()> {
        self.work(Work::Path, "rename-at", length(&path) + length(&new))?;
        self.moved(descriptor.rep(), 0, 0);
        let (asked, number, target, made) = (super::shown(&path), descriptor.rep(), to.rep(), super::shown(&new));
        let result = self.view.rename_at(descriptor, path, to, new).await;
        self.place(number, &asked, true, &result);
        self.place(target, &made, true, &result);
        self.count("rename-at", asked, result)
    }

    async fn symlink_at(&mut self, descriptor: Resource<Descriptor>, target: String, path: String) -> FsResult<()> {
        self.work(Work::Path, "symlink-at", length(&target) + length(&path))?;
        self.moved(descriptor.rep(), 0, 0);
        let (asked, number) = (super::shown(&path), descriptor.rep());
        let writable = self.may_make(&descriptor, "symlink-at", &asked)?;
        let block = self.name_block(writable, "symlink-at", Some(length(&target)))?;
        let result = self.view.symlink_at(descriptor, target, path).await;
        self.settle(block, &result);
        self.place(number, &asked, true, &result);
        let result = self.made(writable, result);
        self.count("symlink-at", asked, result)
    }

    async fn open_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        self.work(Work::Path, "open-at", length(&path))?;
        let asked = super::shown(&path);
        let grant = self.open.grant(descriptor.rep());
        self.moved(descriptor.rep(), 0, 0);
        if self.open.full() {
            self.meter.tally.deny(Cause::Limit(LimitKey::OpenFiles), "open-at", || asked, self.open.cap);
            // The interface has no code for too many open files; a resource that is used up comes nearest.
            return Err(ErrorCode::InsufficientMemory.into());
        }
        let seen = nodes::look(&mut self.view, &descriptor, path_flags, path.clone()).await;
        if seen == Look::Special && self.special_files_shut {
            return self.count("open-at", asked, Err(ErrorCode::Access.into()));
        }
        let makes = seen == Look::Missing
            && open_flags.contains(OpenFlags::CREATE)
            && self.may_make(&descriptor, "open-at", &asked)?;
        let parent = descriptor.rep();
        let place = places::joined(self.open.path(parent), &path).unwrap_or_default();
        let result = self.view.open_at(descriptor, path_flags, path, open_flags, flags).await;
        let changed =
            open_flags.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE) || flags.contains(DescriptorFlags::WRITE);
        self.place(parent, &asked, changed, &result);
        if let Ok(opened) = &result {
            if let (Some(grant), Some(_)) = (grant, self.directory(opened)) {
                self.meter.place(grant, &place, false, true);
            }
            let file = Arc::new(self.open.open(grant, place));
            let number = opened.rep();
            if let Some((opened, _)) = self.file(opened) {
                if self.special_files_shut && nodes::is_special(&opened) {
                    let shut = HostDescriptor::drop(&mut self.view, Resource::new_own(number));
                    let denied = shut.map_err(FsError::trap).and(Err(ErrorCode::Access.into()));
                    return self.count("open-at", asked, denied);
                }
                if makes {
                    self.meter.disk.made();
                    self.meter.disk.made_file(&opened);
                }
                if let (Look::Plain(size), true) = (seen, open_flags.contains(OpenFlags::TRUNCATE)) {
                    // How many blocks it has is not seen from here, so a file that was there gives nothing back.
                    self.meter.disk.shrunk(&opened, Extent::new(size, 0));
                }
            }
            if let Some(grant) = grant {
                self.meter.file_opened(grant);
            }
            self.open.descriptors.insert(number, file);
        }
        self.count("open-at", asked, result)
    }

    fn read_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynInputStream>> {
        self.work(Work::File, "read-via-stream", 0)?;
        let over = self.over(&descriptor, None);
        let result = self.view.read_via_stream(descriptor, offset);
        let stream = self.count("read-via-stream", String::new(), result)?;
        let metered: DynInputStream = Box::new(Metered::new(self.view.table.delete(stream)?, over));
        Ok(self.view.table.push(metered)?)
    }

    fn write_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        self.work(Work::File, "write-via-stream", 0)?;
        let over = self.over(&descriptor, Some(At::Position(offset)));
        let result = self.view.write_via_stream(descriptor, offset);
        let stream = self.count("write-via-stream", String::new(), result)?;
        self.output(stream, over)
    }

    fn append_via_stream(&mut self, descriptor: Resource<Descriptor>) -> FsResult<Resource<DynOutputStream>> {
        self.work(Work::File, "append-via-stream", 0)?;
        let over = self.over(&descriptor, Some(At::End));
        let result = self.view.append_via_stream(descriptor);
        let stream = self.count("append-via-stream", String::new(), result)?;
        self.output(stream, over)
    }

    async fn is_same_object(
        &mut self,
        one: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        self.meter.work(Work::File, "is-same-object", 0)?;
        self.view.is_same_object(one, other).await
    }

    fn drop(&mut self, descriptor: Resource<Descriptor>) -> wasmtime::Result<()> {
        let number = descriptor.rep();
        HostDescriptor::drop(&mut self.view, descriptor)?;
        self.open.descriptors.remove(&number);
        self.open.roots.remove(&number);
        Ok(())
    }
}

impl HostDirectoryEntryStream for Files<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
        self.work(Work::Call, "read-directory-entry", 0)?;
        if let Some(entry) = self.deterministic.as_deref_mut().and_then(|kept| kept.next_entry(stream.rep())) {
            return Ok(entry);
        }
        let result = self.view.read_directory_entry(stream).await;
        self.count("read-directory-entry", String::new(), result)
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        if let Some(deterministic) = self.deterministic.as_deref_mut() {
            deterministic.drop_listing(stream.rep());
        }
        HostDirectoryEntryStream::drop(&mut self.view, stream)
    }
}

fn metered(host: &mut Host) -> Files<'_> {
    Files {
        meter: Arc::clone(&host.meter),
        special_files_shut: host.special_files_shut,
        view: host.wasi.filesystem(),
        open: &mut host.files,
        deterministic: host.deterministic.as_mut(),
        clock_step: host.clock_step,
    }
}

pub(super) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    preopens::add_to_linker::<Host, MeteredFiles>(linker, metered)?;
    types::add_to_linker::<Host, MeteredFiles>(linker, metered)
}
