//! `gauntlet list`: what there is.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::anyhow;
use gauntlet_corpus::{Attack, Class, classes};
use gauntlet_record::exit;
use serde::Serialize;

use crate::args::{List, ListFormat, Listed};
use crate::failure::Failure;
use crate::{inputs, targets};

pub(super) fn run(args: &List) -> Result<u8, Failure> {
    let narrowed = [&args.class, &args.layer, &args.weakness, &args.world].into_iter().any(Option::is_some);
    if narrowed && !matches!(args.what, Listed::Attacks) {
        return Err(Failure::usage(anyhow!("`--class`, `--layer`, `--weakness` and `--world` choose among attacks")));
    }
    let text = match (args.what, args.format) {
        (Listed::Attacks, ListFormat::Json) => json(&Attacks::of(&inputs::corpus(&[], &[])?.attacks, args)?)?,
        (_, ListFormat::Json) => json(&rows(args)?)?,
        (_, ListFormat::Human) => table(&rows(args)?),
    };
    super::print(text.as_bytes())?;
    Ok(exit::CLEAN)
}

/// One thing, with a word on it.
#[derive(Serialize)]
struct Row {
    name: String,
    about: String,
}

impl Row {
    fn new(name: impl ToString, about: impl ToString) -> Self {
        Self { name: name.to_string(), about: about.to_string() }
    }
}

fn rows(args: &List) -> Result<Vec<Row>, Failure> {
    Ok(match args.what {
        Listed::Attacks => {
            let corpus = inputs::corpus(&[], &[])?;
            let chosen = corpus.attacks.iter().filter(|attack| is_wanted(attack, args));
            chosen.map(|attack| Row::new(&attack.id, &attack.title)).collect()
        }
        Listed::Classes => known_classes()?.iter().map(|class| Row::new(class.name, &class.question)).collect(),
        Listed::Rules => gauntlet_lint::rules().map(|rule| Row::new(rule.id, rule.summary)).collect(),
        Listed::Presets => {
            gauntlet_policies::PRESETS.iter().map(|(name, _)| Row::new(name, first_sentence(name))).collect()
        }
        Listed::Targets => targets::listed().into_iter().map(|(name, about)| Row { name, about }).collect(),
        Listed::Mistakes => {
            gauntlet_weakened::mistakes().iter().map(|mistake| Row::new(mistake.name, mistake.sentence)).collect()
        }
        Listed::Formats => gauntlet_report::Format::ALL.iter().map(|format| Row::new(format, "")).collect(),
    })
}

/// What is said of each class of attacks.
pub(super) fn known_classes() -> Result<Vec<Class>, Failure> {
    classes(gauntlet_attacks::FILES)
        .map_err(|error| Failure::harness(anyhow::Error::new(error).context("the embedded corpus is broken")))
}

fn is_wanted(attack: &Attack, args: &List) -> bool {
    args.class.as_ref().is_none_or(|class| attack.class == *class)
        && args.layer.as_ref().is_none_or(|layer| attack.layers.iter().any(|found| found.as_str() == layer))
        && args.weakness.as_ref().is_none_or(|weakness| attack.weakness == *weakness)
        && args.world.as_ref().is_none_or(|world| attack.world.as_str() == world)
}

/// The attacks that were asked for, and how many there are: an attack is a folder, and each of its cases is a trial.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Attacks<'a> {
    attacks: usize,
    cases: usize,
    classes: Vec<Counted>,
    list: Vec<Listing<'a>>,
}

#[derive(Serialize)]
struct Counted {
    name: &'static str,
    title: String,
    question: String,
    attacks: usize,
    cases: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Listing<'a> {
    id: &'a str,
    class: &'a str,
    title: &'a str,
    weakness: &'a str,
    world: &'static str,
    layers: Vec<&'static str>,
    contained_by: Vec<String>,
    has_live_control: bool,
    evidence_for: &'a [String],
    references: &'a [String],
}

impl<'a> Attacks<'a> {
    fn of(attacks: &'a [Attack], args: &List) -> Result<Self, Failure> {
        let chosen: Vec<&Attack> = attacks.iter().filter(|attack| is_wanted(attack, args)).collect();
        let count = |class: Option<&str>| {
            let cases = chosen.iter().filter(|attack| class.is_none_or(|class| attack.class == class));
            let folders: BTreeSet<&str> = cases.clone().map(|attack| attack.folder()).collect();
            (folders.len(), cases.count())
        };
        let counted = known_classes()?.into_iter().map(|class| {
            let (attacks, cases) = count(Some(class.name));
            Counted { name: class.name, title: class.title, question: class.question, attacks, cases }
        });
        let (attacks, cases) = count(None);
        let classes = counted.filter(|class| class.cases > 0).collect();
        Ok(Self { attacks, cases, classes, list: chosen.into_iter().map(Listing::of).collect() })
    }
}

impl<'a> Listing<'a> {
    fn of(attack: &'a Attack) -> Self {
        Self {
            id: &attack.id,
            class: &attack.class,
            title: &attack.title,
            weakness: &attack.weakness,
            world: attack.world.as_str(),
            layers: attack.layers.iter().map(|layer| layer.as_str()).collect(),
            contained_by: attack.contained_by.iter().map(ToString::to_string).collect(),
            has_live_control: attack.has_live(),
            evidence_for: &attack.subjects,
            references: &attack.references,
        }
    }
}

fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::harness(anyhow::Error::new(error)))?;
    Ok(text + "\n")
}

fn table(rows: &[Row]) -> String {
    let widest = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for Row { name, about } in rows {
        let _ = writeln!(text, "{}", format!("{name:<widest$}  {about}").trim_end());
    }
    text
}

/// The first sentence on what a preset is for.
fn first_sentence(preset: &str) -> String {
    let purpose = gauntlet_policies::purpose(preset).unwrap_or_default();
    purpose.split_inclusive(". ").next().unwrap_or_default().trim_end().to_owned()
}
