//! `wasi:filesystem/types`: every method once, with what it is denied counted, and open files counted against their limit.

use std::sync::Arc;

use gauntlet_record::{Cause, DenialKind, LimitKey};
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::filesystem::{WasiFilesystemCtxView, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, Advice, Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream,
    ErrorCode, Filesize, HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags,
    PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::streams;
use crate::determinism::Deterministic;
use crate::host::{Host, OpenFiles, Tally};

/// Files that count what is denied.
struct CountedFiles;

impl HasData for CountedFiles {
    type Data<'a> = Counted<'a>;
}

struct Counted<'a> {
    view: WasiFilesystemCtxView<'a>,
    open: &'a mut OpenFiles,
    tally: Tally,
    deterministic: Option<&'a mut Deterministic>,
}

impl Counted<'_> {
    /// A file's status, without the host's times in a deterministic run.
    fn settled(&self, stat: DescriptorStat) -> DescriptorStat {
        if self.deterministic.is_some() { Deterministic::stat(stat) } else { stat }
    }

    /// What identifies a file, without the host's inode in a deterministic run.
    fn identity(&mut self, hash: MetadataHashValue) -> MetadataHashValue {
        match self.deterministic.as_deref_mut() {
            Some(deterministic) => deterministic.identity(&hash),
            None => hash,
        }
    }

    /// Looks at what goes back to the guest and counts it, if it is a denial: the same errors that preview 1 counts.
    fn count<T>(&self, what: &'static str, asked: String, result: FsResult<T>) -> FsResult<T> {
        if let Err(error) = &result
            && let Some(code) = error.downcast_ref()
            && let Some(kind) = denial(*code)
        {
            self.tally.deny(Cause::Denied(kind), what, || asked, None);
        }
        result
    }
}

fn denial(code: ErrorCode) -> Option<DenialKind> {
    match code {
        ErrorCode::Access | ErrorCode::NotPermitted | ErrorCode::ReadOnly => Some(DenialKind::Path),
        ErrorCode::BadDescriptor => Some(DenialKind::Descriptor),
        _ => None,
    }
}

impl types::Host for Counted<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        self.view.convert_error_code(error)
    }

    fn filesystem_error_code(&mut self, error: Resource<wasmtime::Error>) -> wasmtime::Result<Option<ErrorCode>> {
        self.view.filesystem_error_code(error)
    }
}

/// Methods that only pass on what they are asked; the one after `asks` is the path that a denial is reported with.
macro_rules! methods {
    ($($what:literal = $name:ident($($arg:ident: $ty:ty),*) -> $answer:ty $(, asks $path:ident)?;)*) => {
        $(async fn $name(&mut self, descriptor: Resource<Descriptor>, $($arg: $ty),*) -> FsResult<$answer> {
            let asked = String::new();
            $(let asked = asked + &super::shown(&$path);)?
            let result = self.view.$name(descriptor, $($arg),*).await;
            self.count($what, asked, result)
        })*
    };
}

impl HostDescriptor for Counted<'_> {
    methods! {
        "advise" = advise(offset: Filesize, length: Filesize, advice: Advice) -> ();
        "sync-data" = sync_data() -> ();
        "get-flags" = get_flags() -> DescriptorFlags;
        "get-type" = get_type() -> DescriptorType;
        "set-size" = set_size(size: Filesize) -> ();
        "set-times" = set_times(access: NewTimestamp, modification: NewTimestamp) -> ();
        "read" = read(length: Filesize, offset: Filesize) -> (Vec<u8>, bool);
        "write" = write(bytes: Vec<u8>, offset: Filesize) -> Filesize;
        "sync" = sync() -> ();
        "create-directory-at" = create_directory_at(path: String) -> (), asks path;
        "set-times-at" = set_times_at(flags: PathFlags, path: String, access: NewTimestamp, modification: NewTimestamp) -> (), asks path;
        "link-at" = link_at(flags: PathFlags, path: String, to: Resource<Descriptor>, new: String) -> (), asks path;
        "readlink-at" = readlink_at(path: String) -> String, asks path;
        "remove-directory-at" = remove_directory_at(path: String) -> (), asks path;
        "rename-at" = rename_at(path: String, to: Resource<Descriptor>, new: String) -> (), asks path;
        "symlink-at" = symlink_at(target: String, path: String) -> (), asks path;
        "unlink-file-at" = unlink_file_at(path: String) -> (), asks path;
    }

    async fn read_directory(&mut self, descriptor: Resource<Descriptor>) -> FsResult<Resource<DirectoryEntryStream>> {
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
        let result = self.view.stat(descriptor).await.map(|stat| self.settled(stat));
        self.count("stat", String::new(), result)
    }

    async fn stat_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        let asked = super::shown(&path);
        let result = self.view.stat_at(descriptor, flags, path).await.map(|stat| self.settled(stat));
        self.count("stat-at", asked, result)
    }

    async fn metadata_hash(&mut self, descriptor: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        let result = self.view.metadata_hash(descriptor).await.map(|hash| self.identity(hash));
        self.count("metadata-hash", String::new(), result)
    }

    async fn metadata_hash_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let asked = super::shown(&path);
        let result = self.view.metadata_hash_at(descriptor, flags, path).await.map(|hash| self.identity(hash));
        self.count("metadata-hash-at", asked, result)
    }

    async fn open_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let asked = super::shown(&path);
        if self.open.full() {
            self.tally.deny(Cause::Limit(LimitKey::OpenFiles), "open-at", || asked, self.open.cap);
            // The interface has no code for too many open files; a resource that is used up comes nearest.
            return Err(ErrorCode::InsufficientMemory.into());
        }
        let result = self.view.open_at(descriptor, path_flags, path, open_flags, flags).await;
        if let Ok(opened) = &result {
            let file = Arc::new(self.open.open());
            self.open.descriptors.insert(opened.rep(), file);
        }
        self.count("open-at", asked, result)
    }

    fn read_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynInputStream>> {
        let file = self.open.descriptors.get(&descriptor.rep()).cloned();
        let result = self.view.read_via_stream(descriptor, offset);
        let stream = self.count("read-via-stream", String::new(), result)?;
        let Some(file) = file else { return Ok(stream) };
        let counted: DynInputStream = Box::new(streams::Counted::new(self.view.table.delete(stream)?, &file));
        Ok(self.view.table.push(counted)?)
    }

    fn write_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        let file = self.open.descriptors.get(&descriptor.rep()).cloned();
        let result = self.view.write_via_stream(descriptor, offset);
        let stream = self.count("write-via-stream", String::new(), result)?;
        let Some(file) = file else { return Ok(stream) };
        let counted: DynOutputStream = Box::new(streams::Counted::new(self.view.table.delete(stream)?, &file));
        Ok(self.view.table.push(counted)?)
    }

    fn append_via_stream(&mut self, descriptor: Resource<Descriptor>) -> FsResult<Resource<DynOutputStream>> {
        let file = self.open.descriptors.get(&descriptor.rep()).cloned();
        let result = self.view.append_via_stream(descriptor);
        let stream = self.count("append-via-stream", String::new(), result)?;
        let Some(file) = file else { return Ok(stream) };
        let counted: DynOutputStream = Box::new(streams::Counted::new(self.view.table.delete(stream)?, &file));
        Ok(self.view.table.push(counted)?)
    }

    async fn is_same_object(
        &mut self,
        one: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        self.view.is_same_object(one, other).await
    }

    fn drop(&mut self, descriptor: Resource<Descriptor>) -> wasmtime::Result<()> {
        let number = descriptor.rep();
        HostDescriptor::drop(&mut self.view, descriptor)?;
        self.open.descriptors.remove(&number);
        Ok(())
    }
}

impl HostDirectoryEntryStream for Counted<'_> {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<DirectoryEntryStream>,
    ) -> FsResult<Option<DirectoryEntry>> {
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

pub(super) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    types::add_to_linker::<Host, CountedFiles>(linker, |host| Counted {
        view: host.wasi.filesystem(),
        open: &mut host.files,
        tally: host.tally.clone(),
        deterministic: host.deterministic.as_mut(),
    })
}
