//! What a module is and can do, without running it.
//!
//! It stands beside the policy on the line: `policy + module -> lint -> record`. Bytes go through one pass that validates and looks at
//! them at once; nothing is compiled and nothing runs. A module is hostile: what is listed is bounded, and each of its names is made safe
//! for terminals before it is kept.
//!
//! ```
//! use gauntlet_inspect::{Kind, inspect};
//!
//! // A module with one memory of two pages.
//! let found = inspect(b"\0asm\x01\0\0\0\x05\x03\x01\x00\x02").expect("a sound module");
//! assert_eq!(found.kind, Kind::Module);
//! assert_eq!(found.minimum.memory, 128 << 10);
//! assert!(found.capabilities.is_empty());
//! ```

mod capability;
mod compatibility;
mod human;
mod interface;
mod nesting;
mod proposals;
mod read;
mod suspicion;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use capability::Capability;
pub use compatibility::{Change, Compatibility, Difference};
pub use interface::Interface;
pub use proposals::{proposals, validate};
pub use read::{InspectError, Invalid};
pub use suspicion::{Concern, Suspicion};

/// What bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A core module.
    #[default]
    Module,
    /// A component.
    Component,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Component => "component",
        }
    }
}

/// A linear memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Memory {
    /// What it begins with, in bytes.
    pub minimum: u64,
    /// What it declares that it will never pass, in bytes.
    pub maximum: Option<u64>,
    /// Whether threads can share it.
    pub shared: bool,
    /// Whether it is addressed by 64 bits.
    pub memory64: bool,
    /// Whether somebody else has to give it.
    pub imported: bool,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Table {
    /// What it holds.
    pub elements: String,
    /// How many elements it begins with.
    pub minimum: u64,
    /// How many it declares that it will never pass.
    pub maximum: Option<u64>,
    /// Whether it is indexed by 64 bits.
    pub table64: bool,
    /// Whether somebody else has to give it.
    pub imported: bool,
}

/// How many functions there are, in all modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Functions {
    /// Defined.
    pub defined: u64,
    /// Imported by the outermost module.
    pub imported: u64,
    /// Bytes of their code.
    pub code: u64,
}

/// How many globals there are, in all modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Globals {
    /// Defined.
    pub defined: u64,
    /// Of these, mutable.
    pub mutable: u64,
    /// Imported by the outermost module.
    pub imported: u64,
}

/// What memories and tables are filled with, in all modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Data {
    /// Segments of data.
    pub segments: u64,
    /// Bytes of data.
    pub bytes: u64,
    /// Elements of tables.
    pub elements: u64,
}

/// A function that runs when the module is instantiated, before anybody calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Start {
    /// Its index.
    pub function: u32,
    /// Whether it belongs to a module within a component.
    pub nested: bool,
}

/// A custom section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CustomSection {
    /// Its name.
    pub name: String,
    /// Its size, in bytes.
    pub size: u64,
}

/// What a tool wrote of itself. It is testimony: anybody can write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Producer {
    /// `language`, `sdk` or `processed-by`.
    pub field: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A module or component within a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Nested {
    /// What it is.
    pub kind: Kind,
    /// How deep it lies; 1 is directly within the outermost.
    pub depth: u64,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Its size, in bytes.
    pub size: u64,
    /// Functions that it defines.
    pub functions: u64,
    /// Functions that it imports.
    pub imported_functions: u64,
    /// Memories that it defines or imports.
    pub memories: u64,
}

/// The least that has to be granted so that it can be instantiated: components that are instantiated several times count as often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Minimum {
    /// Memory, in bytes, summed over all memories.
    pub memory: u64,
    /// Table elements, summed over all tables.
    pub table_elements: u64,
    /// Core instances.
    pub instances: u64,
}

/// What was seen of a module or component. Everything in it that the guest chose is made safe for terminals and cut.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Inspection {
    /// What it is.
    pub kind: Kind,
    /// Its size, in bytes.
    pub size: u64,
    /// SHA-256 of its bytes, in lower-case hex.
    pub sha256: String,
    /// What it imports and exports, with types.
    pub interface: Interface,
    /// What its imports let it do, with the imports.
    pub capabilities: BTreeMap<Capability, Vec<String>>,
    /// The imports that an executor of WASI 0.1 and 0.2 does not offer by itself.
    pub unlinked: Vec<String>,
    /// The least that it starts with.
    pub minimum: Minimum,
    /// Its memories, the first 1 000 of them.
    pub memories: Vec<Memory>,
    /// How many memories there are.
    pub memory_count: u64,
    /// Its tables, the first 1 000 of them.
    pub tables: Vec<Table>,
    /// How many tables there are.
    pub table_count: u64,
    /// Its functions.
    pub functions: Functions,
    /// Its globals.
    pub globals: Globals,
    /// What memories and tables are filled with.
    pub data: Data,
    /// What runs before anybody calls it.
    pub start: Option<Start>,
    /// The proposals that it uses, by their names in a policy; `legacy-exceptions`, which no policy can allow, besides.
    pub features: Vec<String>,
    /// What tools wrote of themselves.
    pub producers: Vec<Producer>,
    /// Its custom sections, the first 1 000 of them.
    pub custom_sections: Vec<CustomSection>,
    /// How many custom sections there are.
    pub custom_section_count: u64,
    /// The modules and components within it, the first 1 000 of them.
    pub nested: Vec<Nested>,
    /// How many modules and components there are within it.
    pub nested_count: u64,
    /// What deserves a second look.
    pub suspicions: Vec<Suspicion>,
}

/// Looks at bytes, in one pass and without running anything of them.
///
/// # Errors
///
/// If they are no sound wasm, whatever proposals are allowed, or more than is looked at.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, InspectError> {
    read::read(bytes)
}

impl Inspection {
    /// Whether an import of it is of a capability.
    #[must_use]
    pub fn can(&self, capability: Capability) -> bool {
        self.capabilities.contains_key(&capability)
    }

    /// The exports that somebody who runs it calls without being told: `_start` of a command, `_initialize` of a reactor, `run` of a
    /// component's command, the handler of a component that answers requests.
    #[must_use]
    pub fn entry_points(&self) -> Vec<&str> {
        let known = |name: &&str| match self.kind {
            Kind::Module => matches!(*name, "_start" | "_initialize"),
            Kind::Component => ["wasi:cli/run@", "wasi:http/incoming-handler@", "wasi:http/handler@"]
                .iter()
                .any(|interface| name.starts_with(interface)),
        };
        self.interface.exports.keys().map(String::as_str).filter(known).collect()
    }

    /// The inspection as JSON, on many lines.
    ///
    /// # Panics
    ///
    /// Never: an inspection is plain data.
    #[must_use]
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Document<'a> {
            schema: &'static str,
            #[serde(flatten)]
            inspection: &'a Inspection,
            entry_points: Vec<&'a str>,
        }
        let document = Document { schema: SCHEMA, inspection: self, entry_points: self.entry_points() };
        serde_json::to_string_pretty(&document).expect("an inspection is plain data") + "\n"
    }

    /// The inspection for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        human::write(self)
    }
}

/// The name and version of the JSON form.
const SCHEMA: &str = "gauntlet.inspection/1";
