//! The baseline checklist and the chapters of risk.

use gauntlet_policy::Reader;
use gauntlet_policy::document::Node;

use super::{Needs, needed, pairs};
use crate::model::Level;

/// The checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checklist {
    pub(crate) sections: Vec<Section>,
    pub(crate) risks: Vec<RiskData>,
}

/// A section of the checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) lines: Vec<LineData>,
}

/// A line of the checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LineData {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) needs: Needs,
    /// Values of the policy with which the line is about nothing; all of them have to be so.
    pub(crate) not_applicable: Vec<(String, String)>,
    /// What a person is asked where evidence does not decide.
    pub(crate) question: Option<String>,
}

/// A chapter of risk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RiskData {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) says: String,
    pub(crate) likelihood: Level,
    pub(crate) impact: Level,
    pub(crate) why: String,
    pub(crate) claims: Vec<String>,
    /// What is left when every mitigation is supported.
    pub(crate) floor: Level,
    /// Why that much is left.
    pub(crate) left: String,
}

impl Checklist {
    /// The lines, each with its section.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (&Section, &LineData)> {
        self.sections.iter().flat_map(|section| section.lines.iter().map(move |line| (section, line)))
    }
}

const LEVELS: [(&str, Level); 3] = [("low", Level::Low), ("medium", Level::Medium), ("high", Level::High)];

pub(super) fn read(_: &str, node: &Node, reader: &mut Reader) -> Option<Checklist> {
    let (mut sections, mut risks) = (Vec::new(), Vec::new());
    for entry in reader.entries("baseline", node, &["sections", "risks"]) {
        let items = reader.items(&entry.key.value, &entry.value);
        match entry.key.value.as_str() {
            "sections" => sections = items.iter().map(|item| section(item, reader)).collect::<Option<_>>()?,
            _ => risks = items.iter().map(|item| risk(item, reader)).collect::<Option<_>>()?,
        }
    }
    Some(Checklist { sections, risks })
}

fn section(node: &Node, reader: &mut Reader) -> Option<Section> {
    let (mut id, mut title, mut lines) = (None, None, Vec::new());
    for entry in reader.entries("section", node, &["id", "title", "lines"]) {
        match entry.key.value.as_str() {
            "id" => id = reader.text("id", &entry.value).map(|text| text.value),
            "title" => title = reader.text("title", &entry.value).map(|text| text.value),
            _ => {
                let items = reader.items("lines", &entry.value);
                lines = items.iter().map(|item| line(item, reader)).collect::<Option<_>>()?;
            }
        }
    }
    Some(Section { id: needed("id", id, node, reader)?, title: needed("title", title, node, reader)?, lines })
}

fn line(node: &Node, reader: &mut Reader) -> Option<LineData> {
    let known: Vec<&str> = ["id", "text", "question", "not-applicable"].into_iter().chain(Needs::KEYS).collect();
    let (mut id, mut text, mut question, mut not_applicable) = (None, None, None, Vec::new());
    let mut needs = Needs::default();
    for entry in reader.entries("line", node, &known) {
        match entry.key.value.as_str() {
            "id" => id = reader.text("id", &entry.value).map(|text| text.value),
            "text" => text = reader.text("text", &entry.value).map(|text| text.value),
            "question" => question = reader.text("question", &entry.value).map(|text| text.value),
            "not-applicable" => not_applicable = pairs("not-applicable", &entry.value, reader),
            key => _ = needs.read(key, &entry.value, reader),
        }
    }
    if needs.is_empty() && question.is_none() {
        reader.fault("missing-key", "a line that neither evidence nor a person can decide", "", node.span);
    }
    let (id, text) = (needed("id", id, node, reader)?, needed("text", text, node, reader)?);
    Some(LineData { id, text, needs, not_applicable, question })
}

fn risk(node: &Node, reader: &mut Reader) -> Option<RiskData> {
    const KEYS: [&str; 9] = ["id", "title", "says", "likelihood", "impact", "why", "claims", "floor", "left"];
    let mut texts: [Option<String>; 5] = Default::default();
    let mut levels: [Option<Level>; 3] = Default::default();
    let mut claims = Vec::new();
    for entry in reader.entries("risk", node, &KEYS) {
        let key = entry.key.value.as_str();
        if let Some(at) = ["id", "title", "says", "why", "left"].iter().position(|name| *name == key) {
            texts[at] = reader.text(key, &entry.value).map(|text| text.value);
        } else if let Some(at) = ["likelihood", "impact", "floor"].iter().position(|name| *name == key) {
            levels[at] = reader.word(key, &entry.value, &LEVELS).map(|level| level.value);
        } else {
            claims = reader.texts("claims", &entry.value).into_iter().map(|text| text.value).collect();
        }
    }
    let [id, title, says, why, left] = texts;
    let [Some(likelihood), Some(impact), Some(floor)] = levels else {
        reader.fault("missing-key", "a risk without likelihood, impact or floor", "", node.span);
        return None;
    };
    Some(RiskData {
        id: needed("id", id, node, reader)?,
        title: needed("title", title, node, reader)?,
        says: needed("says", says, node, reader)?,
        why: needed("why", why, node, reader)?,
        left: needed("left", left, node, reader)?,
        likelihood,
        impact,
        floor,
        claims,
    })
}
