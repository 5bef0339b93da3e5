//! The checklist, the claims and the frameworks: data files under `reports/controls/`, read by the reader of policies.

mod checklist;
mod claims;
mod frameworks;

use gauntlet_policy::Reader;
use gauntlet_policy::document::{self, Fault, Node};

pub(crate) use checklist::{Checklist, LineData, RiskData, Section};
pub(crate) use claims::ClaimData;
pub(crate) use frameworks::FrameworkData;

/// What the data files hold.
#[derive(Debug)]
pub struct Controls {
    pub(crate) checklist: Checklist,
    pub(crate) claims: Vec<ClaimData>,
    pub(crate) frameworks: Vec<FrameworkData>,
}

/// A data file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlsError {
    /// A file is missing.
    #[error("there is no `{0}` among the controls")]
    Missing(&'static str),
    /// A file has faults.
    #[error("`{file}`, line {line}: {message}")]
    Fault {
        /// The file.
        file: String,
        /// Where the first fault is.
        line: u32,
        /// What it is.
        message: String,
    },
    /// A file names what is not there.
    #[error("`{file}` names `{name}`, and there is no such {what}")]
    Dangling {
        /// The file.
        file: String,
        /// The name.
        name: String,
        /// What it is to be.
        what: &'static str,
    },
    /// An id stands twice.
    #[error("`{file}` holds `{id}` twice")]
    Twice {
        /// The file.
        file: String,
        /// The id.
        id: String,
    },
}

impl Controls {
    /// The embedded data files.
    ///
    /// # Errors
    ///
    /// If one of them is broken, which a test would have seen.
    pub fn embedded() -> Result<Self, ControlsError> {
        Self::read(gauntlet_reports::CONTROLS)
    }

    /// Data files by name: `baseline.yaml`, `claims.yaml`, and a framework in each other one.
    ///
    /// # Errors
    ///
    /// If one is missing or broken, or names what is not there.
    pub fn read(files: &[(&str, &str)]) -> Result<Self, ControlsError> {
        let find = |name: &'static str| {
            let found = files.iter().find(|(file, _)| *file == name);
            found.map(|(_, text)| *text).ok_or(ControlsError::Missing(name))
        };
        let claims = parse("claims.yaml", find("claims.yaml")?, claims::read)?;
        let checklist = parse("baseline.yaml", find("baseline.yaml")?, checklist::read)?;
        let others = files.iter().filter(|(file, _)| !matches!(*file, "claims.yaml" | "baseline.yaml"));
        let frameworks =
            others.map(|(file, text)| parse(file, text, frameworks::read)).collect::<Result<Vec<_>, _>>()?;
        let controls = Self { checklist, claims, frameworks };
        controls.check()?;
        Ok(controls)
    }

    /// The ids of the frameworks, in their order.
    pub fn framework_ids(&self) -> impl Iterator<Item = &str> {
        self.frameworks.iter().map(|framework| framework.id.as_str())
    }

    /// The ids of the lines that a person may answer, and of the risks that one may accept, each with its question.
    pub fn questions(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.checklist.lines().filter_map(|(_, line)| Some((line.id.as_str(), line.question.as_deref()?)));
        lines.chain(self.checklist.risks.iter().map(|risk| (risk.id.as_str(), "Is the residual risk accepted?")))
    }

    fn check(&self) -> Result<(), ControlsError> {
        let known: Vec<&str> = self.claims.iter().map(|claim| claim.id.as_str()).collect();
        let claimed = |file: &str, names: &[String]| match names.iter().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(ControlsError::Dangling { file: file.to_owned(), name: name.clone(), what: "claim" }),
            None => Ok(()),
        };
        let rules: Vec<&str> = gauntlet_lint::rules().map(|rule| rule.id).collect();
        let ruled = |file: &str, names: &[String]| match names.iter().find(|name| !rules.contains(&name.as_str())) {
            Some(name) => Err(ControlsError::Dangling { file: file.to_owned(), name: name.clone(), what: "rule" }),
            None => Ok(()),
        };
        for risk in &self.checklist.risks {
            claimed("baseline.yaml", &risk.claims)?;
        }
        for framework in &self.frameworks {
            for control in &framework.controls {
                claimed(&framework.file, &control.claims)?;
            }
            unique(&framework.file, framework.controls.iter().map(|control| control.id.as_str()))?;
        }
        for (_, line) in self.checklist.lines() {
            ruled("baseline.yaml", &line.needs.clean)?;
            ruled("baseline.yaml", &line.needs.clean_with_module)?;
        }
        for claim in &self.claims {
            ruled("claims.yaml", &claim.needs.clean)?;
        }
        unique("claims.yaml", self.claims.iter().map(|claim| claim.id.as_str()))?;
        let risks = self.checklist.risks.iter().map(|risk| risk.id.as_str());
        unique("baseline.yaml", self.checklist.lines().map(|(_, line)| line.id.as_str()).chain(risks))?;
        unique("controls", self.framework_ids())
    }
}

fn unique<'i>(file: &str, ids: impl Iterator<Item = &'i str>) -> Result<(), ControlsError> {
    let mut seen: Vec<&str> = Vec::new();
    for id in ids {
        if seen.contains(&id) {
            return Err(ControlsError::Twice { file: file.to_owned(), id: id.to_owned() });
        }
        seen.push(id);
    }
    Ok(())
}

fn parse<T>(file: &str, text: &str, read: fn(&str, &Node, &mut Reader) -> Option<T>) -> Result<T, ControlsError> {
    let mut reader = Reader::default();
    let found = match document::parse(text) {
        Ok(node) => read(file, &node, &mut reader),
        Err(faults) => {
            reader.faults = faults;
            None
        }
    };
    match (found, reader.faults.first()) {
        (Some(found), None) => Ok(found),
        (_, fault) => Err(broken(file, fault)),
    }
}

fn broken(file: &str, fault: Option<&Fault>) -> ControlsError {
    let (line, message) = fault.map_or((1, "a key is missing".to_owned()), |fault| {
        (
            fault.span.line,
            if fault.fix.is_empty() { fault.message.clone() } else { format!("{}. {}", fault.message, fault.fix) },
        )
    });
    ControlsError::Fault { file: file.to_owned(), line, message }
}

/// What has to be there and speak for a line or a claim. All of it has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Keys of the policy, or beginnings of attack ids (with a slash), each with trials that prove it.
    pub(crate) trials: Vec<String>,
    /// Rules of the linter that find nothing.
    pub(crate) clean: Vec<String>,
    /// Rules that find nothing where the policy was compared with its module.
    pub(crate) clean_with_module: Vec<String>,
    /// Checks by id.
    pub(crate) checks: Vec<String>,
    /// Mechanisms that workers reported in full.
    pub(crate) jail: Vec<String>,
    /// Limits whose use the executor measured.
    pub(crate) measured: Vec<String>,
    /// Limits with the most they may be.
    pub(crate) at_most: Vec<(String, String)>,
    /// Keys of the policy with the value they have to have.
    pub(crate) values: Vec<(String, String)>,
}

impl Needs {
    /// The keys of [`Needs`] in a data file.
    const KEYS: [&str; 8] = ["trials", "clean", "clean-with-module", "checks", "jail", "measured", "at-most", "values"];

    /// Reads an entry that is about needs; `false` if it is about something else.
    fn read(&mut self, key: &str, node: &Node, reader: &mut Reader) -> bool {
        let mut texts = || reader.texts(key, node).into_iter().map(|text| text.value).collect::<Vec<_>>();
        match key {
            "trials" => self.trials = texts(),
            "clean" => self.clean = texts(),
            "clean-with-module" => self.clean_with_module = texts(),
            "checks" => self.checks = texts(),
            "jail" => self.jail = texts(),
            "measured" => self.measured = texts(),
            "at-most" => self.at_most = pairs(key, node, reader),
            "values" => self.values = pairs(key, node, reader),
            _ => return false,
        }
        true
    }

    /// Whether nothing is asked for.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A mapping of texts to texts.
fn pairs(what: &str, node: &Node, reader: &mut Reader) -> Vec<(String, String)> {
    let document::Value::Mapping(entries) = &node.value else {
        reader.wrong(node, &format!("`{what}` has to be a mapping"));
        return Vec::new();
    };
    let pair = |entry: &document::Entry| Some((entry.key.value.clone(), reader.text(what, &entry.value)?.value));
    entries.iter().filter_map(pair).collect()
}

/// A text that has to be there.
fn needed(what: &str, found: Option<String>, node: &Node, reader: &mut Reader) -> Option<String> {
    let found = found.filter(|text| !text.trim().is_empty());
    if found.is_none() {
        reader.fault("missing-key", format!("`{what}` is missing"), "", node.span);
    }
    found
}
