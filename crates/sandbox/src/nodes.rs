//! What stands behind the descriptors of preview 1.
//!
//! The engine keeps the descriptors of preview 1 to itself. What has to be known of them to hold limits on files, which open file, under
//! which grant, appending or not, is kept here beside its table and follows it through open, close and renumber.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags};
use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::WasiFilesystemCtxView;
use wasmtime_wasi::filesystem::{Descriptor, Dir, FsPerms, WasiFilesystemView as _};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorType, ErrorCode, HostDescriptor as _, PathFlags};

use crate::meter::{GrantIndex, Meter};

/// The first descriptor that is a granted directory.
const FIRST: u32 = 3;

/// A descriptor's directory or file.
pub(crate) enum Opened {
    /// A directory.
    Directory(Dir),
    /// A file, and whether writes go to its end.
    File(Arc<File>, bool),
}

/// What stands behind a descriptor.
pub(crate) struct Node {
    pub(crate) opened: Opened,
    pub(crate) grant: GrantIndex,
    /// Its path beneath the grant.
    pub(crate) path: String,
    /// The grant lets the guest write, and what it writes is ours to count.
    pub(crate) metered: bool,
    /// The guest opened it, so it is one of its open files.
    pub(crate) counted: bool,
}

impl Node {
    /// Whether this is a grant's directory that the guest may change, and whose changes are counted.
    pub(crate) const fn is_metered_directory(&self) -> bool {
        self.metered && matches!(self.opened, Opened::Directory(_))
    }
}

/// The descriptors, by number. Standard streams are not among them.
#[derive(Default)]
pub(crate) struct Nodes {
    by_number: BTreeMap<u32, Node>,
}

impl Nodes {
    /// The granted directories, as the engine numbers them.
    pub(crate) fn of(wasi: &mut WasiP1Ctx, meter: &Meter) -> Self {
        let mut view = wasi.filesystem();
        // The table is empty and unbounded yet, and nothing else fails here.
        let directories = view.get_directories().unwrap_or_default();
        let mut by_number = BTreeMap::new();
        for ((number, place), (resource, _)) in (FIRST..).zip(0..).zip(directories) {
            if let Ok(Descriptor::Dir(dir)) = view.table.delete(resource) {
                let grant = GrantIndex::file(place);
                let metered = dir.perms == FsPerms::ReadWrite && !meter.is_scratch(grant);
                let (opened, path) = (Opened::Directory(dir), String::new());
                by_number.insert(number, Node { opened, grant, path, metered, counted: false });
            }
        }
        Self { by_number }
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Node> {
        self.by_number.get(&number)
    }

    pub(crate) fn opened(&mut self, number: u32, node: Node) {
        self.by_number.insert(number, node);
    }

    /// Whether what was closed was one of the guest's open files.
    pub(crate) fn closed(&mut self, number: u32) -> bool {
        self.by_number.remove(&number).is_some_and(|node| node.counted)
    }

    /// Whether what gave way was one of the guest's open files.
    pub(crate) fn renumbered(&mut self, from: u32, to: u32) -> bool {
        // The engine does nothing then, and what is not closed stays counted.
        if from == to {
            return false;
        }
        let gone = self.closed(to);
        if let Some(node) = self.by_number.remove(&from) {
            self.by_number.insert(to, node);
        }
        gone
    }

    /// Sets whether writes to a file go to its end.
    pub(crate) fn set_append(&mut self, number: u32, on: bool) {
        if let Some(Node { opened: Opened::File(_, append), .. }) = self.by_number.get_mut(&number) {
            *append = on;
        }
    }
}

/// What stands at a path before it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing: opening may make it.
    Missing,
    /// A file or directory of so many bytes.
    Plain(u64),
    /// A device, a FIFO or a socket. Opening one may wait for ever, and reaches something that is no file.
    Special,
    /// It cannot be seen: the engine's own answer to opening it counts.
    Unseen,
}

/// Looks at a path under a directory as the engine resolves it, without opening it.
pub(crate) async fn look(
    view: &mut WasiFilesystemCtxView<'_>,
    directory: &Resource<Descriptor>,
    flags: PathFlags,
    path: String,
) -> Look {
    match view.stat_at(Resource::new_borrow(directory.rep()), flags, path).await {
        Ok(stat) => match stat.type_ {
            DescriptorType::RegularFile | DescriptorType::Directory | DescriptorType::SymbolicLink => {
                Look::Plain(stat.size)
            }
            DescriptorType::Unknown
            | DescriptorType::BlockDevice
            | DescriptorType::CharacterDevice
            | DescriptorType::Fifo
            | DescriptorType::Socket => Look::Special,
        },
        Err(error) => match error.downcast_ref() {
            Some(ErrorCode::NoEntry) => Look::Missing,
            _ => Look::Unseen,
        },
    }
}

/// Whether a file is neither a directory nor a plain file, seen on its descriptor: what was looked at before may have been replaced.
pub(crate) fn is_special(file: &File) -> bool {
    file.metadata().map_or(true, |meta| !meta.is_file() && !meta.is_dir())
}

/// How many entries a directory has, up to a bound.
pub(crate) fn entries(directory: &File, most: u64) -> u64 {
    // Opened anew, since the engine's own descriptor may be one that only finds paths.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(opened) = rustix::fs::openat(directory, ".", flags, Mode::empty()) else { return 0 };
    let Ok(listing) = rustix::fs::Dir::new(opened) else { return 0 };
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    listing.take(most.saturating_add(1)).count() as u64
}
