//! `gauntlet explain`: an attack, a rule or a mistake.

use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use anyhow::anyhow;
use gauntlet_corpus::{Attack, Class, Live};
use gauntlet_record::exit;

use super::list::known_classes;
use crate::args::{Explain, ExplainFormat};
use crate::failure::Failure;
use crate::inputs;

pub(super) fn run(args: &Explain) -> Result<u8, Failure> {
    let ExplainFormat::Markdown = args.format;
    match (&args.id, &args.output) {
        (Some(id), _) => one(id),
        (None, Some(folder)) => pages(folder),
        (None, None) => {
            super::print(gauntlet_lint::explain_all().as_bytes())?;
            Ok(exit::CLEAN)
        }
    }
}

/// Writes the page of every rule, and the index.
fn pages(folder: &Path) -> Result<u8, Failure> {
    let failed = |error: io::Error| {
        Failure::usage(anyhow::Error::new(error).context(format!("cannot write to `{}`", folder.display())))
    };
    fs::create_dir_all(folder).map_err(failed)?;
    for (name, text) in gauntlet_lint::pages() {
        fs::write(folder.join(name), text).map_err(failed)?;
    }
    Ok(exit::CLEAN)
}

fn one(id: &str) -> Result<u8, Failure> {
    let corpus = inputs::corpus(&[], &[])?;
    let text = if let Some(attack) = corpus.attacks.iter().find(|attack| attack.id == id) {
        let classes = known_classes()?;
        attack_text(attack, classes.iter().find(|class| class.name == attack.class))
    } else if let Some(text) = gauntlet_lint::explain(id) {
        text
    } else if let Some(mistake) = gauntlet_weakened::find(id) {
        format!(
            "{}\n\n{}\n\nSeen in published sandboxes; `gauntlet selftest --mistake {}` shows which attacks catch it.\n",
            mistake.name, mistake.sentence, mistake.name
        )
    } else {
        let near: Vec<&str> =
            corpus.attacks.iter().map(|attack| attack.id.as_str()).filter(|near| near.contains(id)).take(5).collect();
        let hint = if near.is_empty() {
            "`gauntlet list attacks` and `gauntlet list rules` name them".to_owned()
        } else {
            format!("did you mean {}", near.join(", "))
        };
        return Err(Failure::usage(anyhow!("no attack, rule or mistake `{id}`; {hint}")));
    };
    super::print(text.as_bytes())?;
    Ok(exit::CLEAN)
}

fn attack_text(attack: &Attack, class: Option<&Class>) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}\n{}\n", attack.id, attack.title);
    let _ = writeln!(text, "{}\n", attack.why.trim());
    let causes: Vec<String> = attack.contained_by.iter().map(ToString::to_string).collect();
    let live = match &attack.live {
        Live::Overlay(_) => "other limits and grants".to_owned(),
        Live::Lift(ids) => format!("lifts {}", ids.join(", ")),
        Live::Executor(name) => format!("the weakened executor `{name}`"),
        Live::Engine(release) => format!("engine release {release}"),
        Live::None(reason) => format!("none: {reason}"),
    };
    let layers: Vec<&str> = attack.layers.iter().map(|layer| layer.as_str()).collect();
    for (name, value) in [
        ("world", attack.world.as_str().to_owned()),
        ("obtains", attack.obtains_text.clone()),
        ("contained by", causes.join(", ")),
        ("layers", layers.join(", ")),
        ("live control", live),
        ("evidence for", attack.subjects.join(", ")),
        ("weakness", attack.weakness.clone()),
        ("written in", attack.file.clone()),
    ] {
        let _ = writeln!(text, "{name:<14}{value}");
    }
    for reference in &attack.references {
        let _ = writeln!(text, "{:<14}{reference}", "see");
    }
    if let Some(class) = class {
        let _ = writeln!(text, "\nTo mend a sandbox that fails it:\n{}", class.fix);
    }
    let _ = writeln!(text, "\nJust this one: gauntlet run --filter {}", attack.id);
    text
}
