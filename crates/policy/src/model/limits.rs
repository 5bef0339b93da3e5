//! Limits, each with its key, its type and its strict default.

use gauntlet_record::LimitKey;
use serde::{Deserialize, Serialize};

use crate::document::Span;
use crate::keys::{Key, Takes};
use crate::quantity::{Bytes, Count, Fuel, Nanos, Quantity};

/// A limit, as a policy may give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Limit<T> {
    /// Not named: the strict default holds.
    #[default]
    Default,
    /// Written as `unlimited`.
    Unlimited(Span),
    /// A value.
    At(T, Span),
    /// A share of the host's or cgroup's memory, in percent.
    Share(u8, Span),
}

impl<T> Limit<T> {
    /// Where the policy names it.
    #[must_use]
    pub const fn span(&self) -> Option<Span> {
        match self {
            Self::Default => None,
            Self::Unlimited(span) | Self::At(_, span) | Self::Share(_, span) => Some(*span),
        }
    }
}

/// Declares the limits: field, key, type, strict default, documentation.
macro_rules! limits {
    ($($(#[doc = $doc:literal])* $field:ident: $key:ident, $ty:ty, $default:expr;)*) => {
        /// The keys under `limits:`.
        pub(crate) const KEYS: &[Key] = &[$(Key::new(
            LimitKey::$key.as_str(), Takes::Limit(LimitKey::$key), concat!($($doc),*),
        ),)*];

        /// The limits of a policy.
        #[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
        pub struct Limits { $($(#[doc = $doc])* pub $field: Limit<$ty>,)* }

        impl Limits {
            /// The strict default of a limit in its base unit; `None` means that it is not counted unless a policy asks for it.
            #[must_use]
            pub const fn strict(key: LimitKey) -> Option<u64> {
                match key { $(LimitKey::$key => $default,)* }
            }

            /// The limit of a key, with its number in the key's base unit.
            #[must_use]
            pub fn get(&self, key: LimitKey) -> Limit<u64> {
                match key { $(LimitKey::$key => match self.$field {
                    Limit::Default => Limit::Default,
                    Limit::Unlimited(span) => Limit::Unlimited(span),
                    Limit::At(value, span) => Limit::At(Quantity::get(value), span),
                    Limit::Share(percent, span) => Limit::Share(percent, span),
                },)* }
            }

            /// Sets the limit of a key, its number in the key's base unit.
            pub fn set(&mut self, key: LimitKey, limit: Limit<u64>) {
                match key { $(LimitKey::$key => self.$field = match limit {
                    Limit::Default => Limit::Default,
                    Limit::Unlimited(span) => Limit::Unlimited(span),
                    Limit::At(value, span) => Limit::At(<$ty as Quantity>::new(value), span),
                    Limit::Share(percent, span) => Limit::Share(percent, span),
                },)* }
            }
        }
    };
}

limits! {
    /// Wall time from the first byte read to the verdict. Default: 10 s.
    deadline: Deadline, Nanos, Some(10_000_000_000);
    /// CPU time, user and system. Default: 5 s.
    cpu_time: CpuTime, Nanos, Some(5_000_000_000);
    /// Fuel of the engine. Default: 100 000 000.
    fuel: Fuel, Fuel, Some(100_000_000);
    /// Ceiling on linear memory, summed over every memory of the guest and the GC heap, in bytes. Default: 128 MiB.
    ///
    /// Memory grows in pages of 64 KiB, so the last part of a page cannot be used.
    /// Source: WebAssembly core specification, "Memory Instances"; enforced by the store's resource limiter.
    memory: Memory, Bytes, Some(128 << 20);
    /// Table elements, summed over all tables. Default: 10 000.
    table_elements: TableElements, Count, Some(10_000);
    /// Core instances. Default: 16.
    instances: Instances, Count, Some(16);
    /// The wasm stack, in bytes. Default: 1 MiB.
    stack: Stack, Bytes, Some(1 << 20);
    /// Size of the module, in bytes. Default: 10 MiB.
    module_size: ModuleSize, Bytes, Some(10 << 20);
    /// Time to validate and compile. Default: 5 s.
    compile_time: CompileTime, Nanos, Some(5_000_000_000);
    /// Peak memory while validating and compiling, in bytes. Default: 512 MiB.
    compile_memory: CompileMemory, Bytes, Some(512 << 20);
    /// Bytes on standard output and standard error together. Default: 1 MiB.
    output: Output, Bytes, Some(1 << 20);
    /// Bytes that the host moves or makes for the guest, in all calls together; every call costs some besides, and one that walks paths,
    /// lists directories, waits or synchronises costs more. Default: 64 MiB.
    ///
    /// A byte stands for up to about five nanoseconds of the host's time, which fuel does not see. What is over it is not done, and the run
    /// ends; only what comes in through a stream is charged after it was read, so that it may pass the limit by one read, at most 64 KiB.
    host_work: HostWork, Bytes, Some(64 << 20);
    /// Descriptors open at once. Default: 32.
    open_files: OpenFiles, Count, Some(32);
    /// Bytes on disk: how much the guest makes granted directories grow. Default: 64 MiB.
    ///
    /// Counted by the executor: files by their apparent size, holes included; unlinking gives nothing back, making a file shorter does. The
    /// system's own books are not counted, so the directories grow by no more than this plus one block for each of `files`. Over it the
    /// guest is told that no space is left.
    disk: Disk, Bytes, Some(64 << 20);
    /// Names made in granted directories: files, directories, links of both kinds. Removing one gives nothing back. Default: 1 000.
    files: Files, Count, Some(1_000);
    /// Size of one file, in bytes. Default: 16 MiB.
    file_size: FileSize, Bytes, Some(16 << 20);
    /// Network connections, counted by the try. Default: 0.
    connections: Connections, Count, Some(0);
    /// Network bytes, both ways, of streams and datagrams, without the protocols' own. What would pass it is refused whole before it is
    /// sent; on the way in the stream is closed for the guest at the byte that passes it. Default: 0.
    network_bytes: NetworkBytes, Bytes, Some(0);
    /// Component handles and host resources. Default: 1 000.
    handles: Handles, Count, Some(1_000);
    /// Local ports that the guest asks for by number; the near end that the system picks for a connection is not one. Default: 0.
    ports: Ports, Count, Some(0);
    /// Depth of the call stack in frames. Default: not counted.
    call_depth: CallDepth, Count, None;
}

impl Limits {
    /// The value in force in the key's base unit; `None` is unlimited. A share is taken of `host_memory` bytes.
    #[must_use]
    pub fn resolve(&self, key: LimitKey, host_memory: u64) -> Option<u64> {
        match self.get(key) {
            Limit::Default => Self::strict(key),
            Limit::Unlimited(_) => None,
            Limit::At(value, _) => Some(value),
            Limit::Share(percent, _) => {
                Some(u64::try_from(u128::from(host_memory) * u128::from(percent) / 100).unwrap_or(u64::MAX))
            }
        }
    }
}
