//! The layers matrix, as `gauntlet run --layers` saves it.

use std::collections::BTreeMap;

use gauntlet_record::Layer;
use serde::Deserialize;

use crate::model::Layers;

/// A file that is no layers matrix.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayersError {
    /// It has another shape.
    #[error("not a layers matrix, as `gauntlet run --layers` writes it")]
    Json(#[from] serde_json::Error),
    /// It holds an attack twice.
    #[error("it holds `{0}` twice")]
    Twice(String),
    /// It holds none.
    #[error("it holds no attack")]
    Empty,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Matrix {
    complete: bool,
    attacks: Vec<Depth>,
    single_layer: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Depth {
    attack: String,
    stopped_by: Vec<Layer>,
    #[serde(default)]
    alerts: u64,
}

/// Reads a layers matrix.
///
/// # Errors
///
/// If it is not one.
pub fn layers(text: &[u8]) -> Result<Layers, LayersError> {
    let matrix: Matrix = serde_json::from_slice(text)?;
    if matrix.attacks.is_empty() {
        return Err(LayersError::Empty);
    }
    let mut layers = Layers {
        complete: matrix.complete,
        attacks: matrix.attacks.len() as u64,
        by_layer: BTreeMap::new(),
        deep: 0,
        single: BTreeMap::new(),
        stopped_by: BTreeMap::new(),
        alerts: 0,
    };
    for mut depth in matrix.attacks {
        depth.stopped_by.sort();
        depth.stopped_by.dedup();
        for layer in &depth.stopped_by {
            *layers.by_layer.entry(layer.to_string()).or_default() += 1;
        }
        if depth.stopped_by.len() > 1 {
            layers.deep += 1;
        } else {
            // Whether an attack has one layer is counted here; the file only tells the reason.
            let reason = matrix.single_layer.get(&depth.attack).cloned().flatten();
            layers.single.insert(depth.attack.clone(), reason.filter(|reason| !reason.trim().is_empty()));
        }
        layers.alerts = layers.alerts.saturating_add(depth.alerts);
        if layers.stopped_by.insert(depth.attack.clone(), depth.stopped_by).is_some() {
            return Err(LayersError::Twice(depth.attack));
        }
    }
    Ok(layers)
}
