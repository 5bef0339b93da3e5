//! The matrix that `gauntlet run --layers` leaves beside a record, read back.

use gauntlet_record::Layer;
use serde::Deserialize;

/// What stops each attack when one layer of defence is lifted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Layers {
    /// The layers that were lifted.
    pub layers: Vec<Layer>,
    /// Whether every attack was looked at.
    pub complete: bool,
    /// The attacks.
    pub attacks: Vec<Depth>,
}

/// How deep the defence against one attack is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Depth {
    /// The attack.
    pub attack: String,
    /// What stopped it with every layer in place.
    pub cause: String,
    /// What came of it with each layer lifted.
    pub without: Vec<(Layer, Without)>,
    /// The layers that stop it, each on its own.
    pub stopped_by: Vec<Layer>,
    /// The native probe that shows the second layer, where the first cannot be lifted.
    #[serde(default)]
    pub by_probe: Option<String>,
}

/// What came of an attack with one layer lifted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "what")]
pub enum Without {
    /// It obtained what it wants.
    Obtained,
    /// Something else stopped it.
    Stopped {
        /// The cause, if one was seen.
        cause: Option<String>,
    },
    /// Nothing can be said.
    Unknown {
        /// Why.
        why: String,
    },
}

/// Reads a matrix.
///
/// # Errors
///
/// If it is none.
pub fn layers(json: &[u8]) -> Result<Layers, serde_json::Error> {
    serde_json::from_slice(json)
}
