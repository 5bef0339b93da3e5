//! Reads and checks attack folders.
//!
//! The station beside the policy at the start of the line: the runner plans its trials from what comes out of here, and nothing later
//! reads a file of an attack again. A folder that is not sound is an error that lists all its faults, so that no attack is left out of a
//! run in silence.
//!
//! ```
//! use gauntlet_corpus::Corpus;
//!
//! let files: &[(&str, &[u8])] = &[
//!     ("stack/deep/attack.wat", b"(module (func $f (export \"_start\") (call $f)))"),
//!     ("stack/deep/benign.wat", b"(module (func (export \"_start\")))"),
//!     ("stack/deep/attack.yaml", br#"
//! title: Recurse without end
//! why: An unchecked stack takes the host down.
//! weakness: CWE-674
//! obtains: { host-death: true }
//! contained-by: [limit-stack]
//! controls: { live: { executor: stack-larger-than-thread } }
//! references: ["https://webassembly.github.io/spec/core/exec/runtime.html#stack"]
//! "#),
//! ];
//! let corpus = Corpus::embedded(files)?;
//! assert_eq!(corpus.attacks[0].id, "stack/deep");
//! assert_eq!(corpus.attacks[0].subjects, ["limits.stack"]);
//! # Ok::<(), gauntlet_corpus::CorpusError>(())
//! ```

mod classes;
mod controls;
mod corpus;
mod folder;
mod generate;
mod imports;
mod known;
mod model;
mod obtains;
mod read;
mod single_layer;
mod subjects;

pub use classes::{Class, classes};
pub use corpus::{CLASSES, Corpus};
pub use folder::CorpusError;
pub use imports::imports;
pub use known::known_gaps;
pub use model::{Attack, Channel, Injection, Kind, Live, Obtains, Packet, Quantity, Region, World};
pub use single_layer::{SingleLayer, single_layer};
