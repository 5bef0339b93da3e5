//! `controls`: the harmless twin, and how the sandbox is opened so that the attack succeeds.

use gauntlet_policy::document::{Node, Value};
use gauntlet_policy::{Reader, Spanned};
use gauntlet_record::{Grant, LimitKey};

use crate::model::Live;
use crate::read::{self, POLICY_KEYS};

/// Reads `controls`; the name of the twin's file goes to `benign`, the place of `live` into the span.
pub(crate) fn read(reader: &mut Reader, node: &Node, benign: &mut String) -> Option<Spanned<Live>> {
    let (mut live, mut reason) = (None, None);
    for entry in reader.entries("controls", node, &["benign", "live", "live-reason"]) {
        match entry.key.value.as_str() {
            "benign" => {
                if let Some(file) = read::file_name(reader, "controls.benign", &entry.value) {
                    *benign = file;
                }
            }
            "live" => live = Some(entry),
            _ => reason = reader.text("controls.live-reason", &entry.value).map(|text| (text, entry.key.span)),
        }
    }
    let Some(entry) = live else {
        let fix = "Say how the sandbox is opened so that the attack succeeds, or write `none` and a `live-reason`.";
        reader.fault("missing-key", "`controls` has no `live`", fix, node.span);
        return None;
    };
    let span = entry.key.span;
    if matches!(entry.value.value, Value::Scalar { .. }) {
        reader.word("controls.live", &entry.value, &[("none", ())])?;
        return match reason {
            Some((reason, _)) if !reason.value.trim().is_empty() => {
                Some(Spanned { value: Live::None(reason.value), span })
            }
            _ => {
                let fix = "Add `live-reason`: why no sandbox can be opened for it.";
                reader.fault("missing-key", "`live: none` has no reason", fix, span);
                None
            }
        };
    }
    if let Some((_, at)) = reason {
        reader.fault(
            "unknown-key",
            "`live-reason` beside a live control",
            "Remove it: the control speaks for itself.",
            at,
        );
    }
    opened(reader, &entry.value).map(|value| Spanned { value, span })
}

fn opened(reader: &mut Reader, node: &Node) -> Option<Live> {
    let known: Vec<&str> = POLICY_KEYS.iter().copied().chain(["lift", "executor", "engine"]).collect();
    let entries = reader.entries("controls.live", node, &known);
    let ways = entries.iter().filter(|entry| !POLICY_KEYS.contains(&entry.key.value.as_str())).count();
    if ways > 1 || ways == 1 && entries.len() > 1 {
        let fix = "Use policy keys, `lift`, `executor` or `engine` alone, so that a reader sees what was opened.";
        reader.fault("several-controls", "`live` opens the sandbox in more than one way", fix, node.span);
        return None;
    }
    let Some(first) = entries.first() else {
        if matches!(&node.value, Value::Mapping(all) if all.is_empty()) {
            reader.fault("no-control", "`live` opens nothing", "Name what is lifted.", node.span);
        }
        return None;
    };
    match first.key.value.as_str() {
        "lift" => {
            let words: Vec<(&str, &str)> = LimitKey::ALL
                .iter()
                .map(|key| key.as_str())
                .chain(Grant::ALL.iter().map(|grant| grant.as_str()))
                .chain(["deterministic", "on-denial", "special-files", "validation", "jail"])
                .map(|word| (word, word))
                .collect();
            let items = reader.items("controls.live.lift", &first.value);
            let ids: Vec<String> = items
                .iter()
                .filter_map(|item| reader.word("controls.live.lift", item, &words))
                .map(|id| id.value.to_owned())
                .collect();
            if ids.is_empty() {
                reader.fault("no-control", "`lift` names no protection", "Name what is lifted.", first.key.span);
                return None;
            }
            Some(Live::Lift(ids))
        }
        key @ ("executor" | "engine") => {
            let text = reader.text(key, &first.value)?;
            // An engine is named with its release, as `--target` takes it: `wasmtime-py@44.0.0`.
            let plain = |c: char| {
                c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.') || (c == '@' && key == "engine")
            };
            if !text.value.chars().all(plain) {
                reader.fault("not-a-name", format!("`{key}` is `{}`", text.value), "Write its plain name.", text.span);
                return None;
            }
            Some(if key == "executor" { Live::Executor(text.value) } else { Live::Engine(text.value) })
        }
        _ => Some(Live::Overlay(Box::new(read::part(reader, node)))),
    }
}
