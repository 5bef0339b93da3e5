//! `gauntlet run --layers`: which layers of defence stop each attack, and which attacks only one of them stops.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::anyhow;
use gauntlet_corpus::{SingleLayer, single_layer};
use gauntlet_record::{Layer, Record, exit};
use gauntlet_report::Format;
use gauntlet_runner::{Depth, LIFTED_LAYERS, Output, Plan, TargetChoice, WithoutLayer};
use serde::Serialize;

use super::run::launcher;
use crate::failure::Failure;
use crate::{inputs, terminal};

/// The file of the matrix beside the record.
pub(super) const FILE: &str = "layers.json";
/// How many attacks of the corpus are to be on the list at most: one in so many. More are told of.
const SHARE: usize = 4;

/// What the matrix comes to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Matrix {
    layers: Vec<Layer>,
    /// Whether every attack was looked at.
    complete: bool,
    attacks: Vec<Depth>,
    /// Attacks that were shown to be stopped by fewer than two layers, with the reason why that is accepted, if it is.
    single_layer: BTreeMap<String, Option<String>>,
    /// Attacks on the list that a second layer stops.
    listed_and_deep: Vec<String>,
    /// Entries of the list that name no attack of the corpus.
    listed_and_unknown: Vec<String>,
}

/// Refuses what cannot be opened, before anything runs.
pub(super) fn check(plan: &Plan) -> Result<(), Failure> {
    match plan.targets.as_slice() {
        [target] if matches!(target.choice, TargetChoice::Worker { .. } | TargetChoice::Inline { .. }) => Ok(()),
        _ => Err(Failure::usage(anyhow!(
            "`--layers` lifts the layers of our own executor: use it with `--target worker` or `--target inline` alone"
        ))),
    }
}

/// Lifts the layers, prints the matrix and holds it against the list.
pub(super) fn run(
    plan: &Plan,
    record: &Record,
    output: &mut Output,
    format: Format,
    cancel: &AtomicBool,
) -> Result<u8, Failure> {
    let (matrix, listed, known) = lifted(plan, record, cancel)?;
    let json = serde_json::to_vec_pretty(&matrix).map_err(Failure::harness)?;
    output.write(FILE, &json).map_err(Failure::harness)?;
    if format == Format::Json {
        super::print(&json)?;
    } else {
        super::print(human(&matrix, listed_attacks(&listed, &known), known.len()).as_bytes())?;
    }
    let open = matrix.single_layer.values().any(Option::is_none);
    let sound = !open && matrix.listed_and_deep.is_empty() && matrix.listed_and_unknown.is_empty();
    Ok(match (matrix.complete, sound) {
        (_, false) => exit::BREACH,
        (false, true) => exit::INCONCLUSIVE,
        (true, true) => exit::CLEAN,
    })
}

/// Lifts the layers and gives the matrix as it is saved.
pub(super) fn look(plan: &Plan, record: &Record, cancel: &AtomicBool) -> Result<Vec<u8>, Failure> {
    let (matrix, ..) = lifted(plan, record, cancel)?;
    serde_json::to_vec_pretty(&matrix).map_err(Failure::harness)
}

/// The matrix, the list of attacks of one layer and the ids of the corpus.
fn lifted(
    plan: &Plan,
    record: &Record,
    cancel: &AtomicBool,
) -> Result<(Matrix, Vec<SingleLayer>, Vec<String>), Failure> {
    let listed = single_layer("attacks/single-layer.yaml", gauntlet_attacks::SINGLE_LAYER).map_err(|error| {
        Failure::harness(anyhow::Error::new(error).context("the list of attacks that one layer stops is broken"))
    })?;
    let bar = terminal::progress(record.trials.len() as u64);
    let mut finished = |depth: &Depth| {
        bar.set_message(depth.attack.clone());
        bar.inc(1);
    };
    let depths =
        gauntlet_runner::layers(plan, &record.trials, &launcher()?, &mut finished, cancel).map_err(Failure::harness)?;
    bar.finish_and_clear();
    let known = inputs::corpus(&[], &[])?.attacks.into_iter().map(|attack| attack.id).collect::<Vec<_>>();
    let matrix = matrix(depths, &listed, &known, !cancel.load(Ordering::Relaxed));
    Ok((matrix, listed, known))
}

fn listed_attacks(listed: &[SingleLayer], known: &[String]) -> usize {
    known.iter().filter(|id| listed.iter().any(|entry| entry.covers(id))).count()
}

fn matrix(depths: Vec<Depth>, listed: &[SingleLayer], known: &[String], complete: bool) -> Matrix {
    let entry = |id: &str| listed.iter().find(|entry| entry.covers(id));
    let shallow = depths.iter().filter(|depth| !depth.is_deep());
    let single_layer =
        shallow.map(|depth| (depth.attack.clone(), entry(&depth.attack).map(|entry| entry.reason.clone())));
    let deep = depths.iter().filter(|depth| depth.is_deep() && entry(&depth.attack).is_some());
    let unknown = listed.iter().filter(|entry| !known.iter().any(|id| entry.covers(id)));
    Matrix {
        layers: LIFTED_LAYERS.to_vec(),
        complete,
        single_layer: single_layer.collect(),
        listed_and_deep: deep.map(|depth| depth.attack.clone()).collect(),
        listed_and_unknown: unknown.map(|entry| entry.attack.clone()).collect(),
        attacks: depths,
    }
}

fn human(matrix: &Matrix, on_list: usize, known: usize) -> String {
    let cell = |what: &WithoutLayer| match what {
        WithoutLayer::Obtained => "OBTAINED".to_owned(),
        WithoutLayer::Stopped { cause: Some(cause) } => cause.to_string(),
        WithoutLayer::Stopped { cause: None } => "nothing obtained".to_owned(),
        WithoutLayer::Unknown { .. } => "unknown".to_owned(),
    };
    let heads: Vec<String> = ["attack".to_owned(), "all layers".to_owned()]
        .into_iter()
        .chain(matrix.layers.iter().map(|layer| format!("without {layer}")))
        .chain(["stopped by".to_owned(), "alerts".to_owned()])
        .collect();
    let rows: Vec<Vec<String>> = matrix
        .attacks
        .iter()
        .map(|depth| {
            let mut by = depth.stopped_by.iter().map(|layer| layer.as_str()).collect::<Vec<_>>().join(" + ");
            if let Some(probe) = &depth.by_probe {
                by.push_str(&format!(" ({probe})"));
            }
            [depth.attack.clone(), depth.cause.to_string()]
                .into_iter()
                .chain(depth.without.iter().map(|(_, what)| cell(what)))
                .chain([by, depth.alerts.to_string()])
                .collect()
        })
        .collect();
    let width = |column: usize| {
        let all = rows.iter().chain([&heads]).filter_map(|row| row.get(column));
        all.map(|text| text.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut text = String::from("\nLayers lifted one at a time: what stops each attack then\n");
    for row in [&heads].into_iter().chain(&rows) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let _ = writeln!(text, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    let (listed, open): (Vec<_>, Vec<_>) = matrix.single_layer.iter().partition(|(_, reason)| reason.is_some());
    let _ = writeln!(
        text,
        "\n{} of {} attacks are stopped by two layers or more; {} by one, as attacks/single-layer.yaml says",
        matrix.attacks.len() - matrix.single_layer.len(),
        matrix.attacks.len(),
        listed.len()
    );
    if on_list * SHARE > known {
        let _ = writeln!(text, "The list holds {on_list} of {known} attacks; one in {SHARE} is the aim");
    }
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (attack, reason) in &listed {
        reasons.entry(reason.as_deref().unwrap_or_default()).or_default().push(attack.as_str());
    }
    for (reason, attacks) in reasons {
        let _ = writeln!(text, "  {reason}\n    {}", attacks.join(", "));
    }
    let mut told = |what: &str, ids: Vec<&str>| {
        if !ids.is_empty() {
            let _ = writeln!(text, "{what}:\n    {}", ids.join("\n    "));
        }
    };
    told("Only one layer stops these, and no reason is listed", open.iter().map(|(id, _)| id.as_str()).collect());
    told(
        "Listed in attacks/single-layer.yaml, and a second layer stops them: remove them from it",
        matrix.listed_and_deep.iter().map(String::as_str).collect(),
    );
    told(
        "Listed in attacks/single-layer.yaml, and no such attack is there: remove them from it",
        matrix.listed_and_unknown.iter().map(String::as_str).collect(),
    );
    if !matrix.complete {
        text.push_str("The run was cut short: attacks that are missing above were not looked at.\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use gauntlet_record::{Cause, LimitKey};

    fn depth(attack: &str, stopped_by: &[Layer]) -> Depth {
        let without = LIFTED_LAYERS.iter().map(|layer| (*layer, WithoutLayer::Obtained)).collect();
        let cause = Cause::Limit(LimitKey::Memory);
        let stopped_by = stopped_by.to_vec();
        Depth { attack: attack.to_owned(), cause, without, stopped_by, by_probe: None, alerts: 1 }
    }

    #[test]
    fn the_list_is_held_against_what_was_seen_both_ways() {
        let depths = vec![
            depth("a/one", &[Layer::Runtime]),
            depth("a/two", &[Layer::Runtime, Layer::System]),
            depth("a/new", &[Layer::Grants]),
        ];
        let listed = single_layer("t", "- reason: accepted\n  attacks: [a/one, a/two, a/gone]\n").unwrap();
        let known: Vec<String> = ["a/one", "a/two", "a/new"].map(str::to_owned).to_vec();
        let matrix = matrix(depths, &listed, &known, true);
        assert_eq!(matrix.single_layer["a/one"].as_deref(), Some("accepted"));
        assert_eq!(matrix.single_layer["a/new"], None);
        assert_eq!(
            (matrix.listed_and_deep.as_slice(), matrix.listed_and_unknown.as_slice()),
            (&["a/two".to_owned()][..], &["a/gone".to_owned()][..])
        );
        let text = human(&matrix, 2, 3);
        assert!(text.contains("The list holds 2 of 3 attacks"), "{text}");
        assert!(text.contains("1 of 3 attacks are stopped by two layers or more; 1 by one"), "{text}");
        assert!(text.contains("no reason is listed:\n    a/new\n"), "{text}");
        assert_eq!(listed_attacks(&listed, &known), 2);
    }
}
