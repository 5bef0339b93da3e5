//! Frameworks of controls, and which claims support each control.

use gauntlet_policy::Reader;
use gauntlet_policy::document::Node;

use super::needed;

/// A framework.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FrameworkData {
    pub(crate) file: String,
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) edition: String,
    pub(crate) source: String,
    pub(crate) note: String,
    pub(crate) controls: Vec<ControlData>,
}

/// A control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ControlData {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) reason: String,
    pub(crate) doubt: Option<String>,
    pub(crate) checked: bool,
    pub(crate) claims: Vec<String>,
}

pub(super) fn read(file: &str, node: &Node, reader: &mut Reader) -> Option<FrameworkData> {
    const TEXTS: [&str; 5] = ["framework", "title", "edition", "source", "note"];
    let known: Vec<&str> = TEXTS.into_iter().chain(["checked", "controls"]).collect();
    let mut texts: [Option<String>; 5] = Default::default();
    let mut checked = None;
    let mut items: &[Node] = &[];
    for entry in reader.entries("framework", node, &known) {
        let key = entry.key.value.as_str();
        if let Some(at) = TEXTS.iter().position(|name| *name == key) {
            texts[at] = reader.text(key, &entry.value).map(|text| text.value);
        } else if key == "checked" {
            checked = reader.boolean("checked", &entry.value).map(|checked| checked.value);
        } else {
            items = reader.items("controls", &entry.value);
        }
    }
    let Some(checked) = checked else {
        reader.fault(
            "missing-key",
            "`checked` is missing",
            "Say whether the ids were held against the text.",
            node.span,
        );
        return None;
    };
    let controls = items.iter().map(|item| control(item, checked, reader)).collect::<Option<Vec<_>>>()?;
    let [id, title, edition, source, note] = texts;
    Some(FrameworkData {
        file: file.to_owned(),
        id: needed("framework", id, node, reader)?,
        title: needed("title", title, node, reader)?,
        edition: needed("edition", edition, node, reader)?,
        source: needed("source", source, node, reader)?,
        note: needed("note", note, node, reader)?,
        controls,
    })
}

fn control(node: &Node, mut checked: bool, reader: &mut Reader) -> Option<ControlData> {
    const TEXTS: [&str; 4] = ["id", "title", "reason", "doubt"];
    let known: Vec<&str> = TEXTS.into_iter().chain(["checked", "claims"]).collect();
    let mut texts: [Option<String>; 4] = Default::default();
    let mut claims = Vec::new();
    for entry in reader.entries("control", node, &known) {
        let key = entry.key.value.as_str();
        if let Some(at) = TEXTS.iter().position(|name| *name == key) {
            texts[at] = reader.text(key, &entry.value).map(|text| text.value);
        } else if key == "checked" {
            checked = reader.boolean("checked", &entry.value)?.value;
        } else {
            claims = reader.texts("claims", &entry.value).into_iter().map(|text| text.value).collect();
        }
    }
    if claims.is_empty() {
        reader.fault("missing-key", "a control without claims", "", node.span);
    }
    let [id, title, reason, doubt] = texts;
    Some(ControlData {
        id: needed("id", id, node, reader)?,
        title: needed("title", title, node, reader)?,
        reason: needed("reason", reason, node, reader)?,
        doubt,
        checked,
        claims,
    })
}
