//! `gauntlet list`: what there is.

use std::fmt::Write as _;

use gauntlet_record::exit;

use crate::args::{List, Listed};
use crate::failure::Failure;
use crate::{inputs, targets};

pub(super) fn run(args: &List) -> Result<u8, Failure> {
    let rows: Vec<(String, String)> = match args.what {
        Listed::Attacks => {
            inputs::corpus(&[], &[])?.attacks.iter().map(|attack| (attack.id.clone(), attack.title.clone())).collect()
        }
        Listed::Rules => gauntlet_lint::rules().map(|rule| (rule.id.to_owned(), rule.summary.to_owned())).collect(),
        Listed::Presets => {
            gauntlet_policies::PRESETS.iter().map(|(name, _)| ((*name).to_owned(), first_sentence(name))).collect()
        }
        Listed::Targets => targets::listed(),
        Listed::Mistakes => gauntlet_weakened::mistakes()
            .iter()
            .map(|mistake| (mistake.name.to_owned(), mistake.sentence.to_owned()))
            .collect(),
        Listed::Formats => {
            gauntlet_report::Format::ALL.iter().map(|format| (format.to_string(), String::new())).collect()
        }
    };
    let widest = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, about) in rows {
        let _ = writeln!(text, "{}", format!("{name:<widest$}  {about}").trim_end());
    }
    super::print(text.as_bytes())?;
    Ok(exit::CLEAN)
}

/// The first sentence on what a preset is for.
fn first_sentence(preset: &str) -> String {
    let purpose = gauntlet_policies::purpose(preset).unwrap_or_default();
    purpose.split_inclusive(". ").next().unwrap_or_default().trim_end().to_owned()
}
