//! Files that commands are given: policies by name or path, guests, corpora. Every one of them may be hostile.

use std::path::Path;

use anyhow::anyhow;
use gauntlet_corpus::Corpus;
use gauntlet_lint::{Format, faults_as_findings, render};
use gauntlet_policy::{LoadError, Policy, load, read_limited};

use crate::failure::Failure;
use crate::terminal;

/// Most bytes of a guest that are read; what a policy allows is less.
const MAX_GUEST_BYTES: u64 = 1 << 30;

/// The policy that is used unless another is named.
pub(crate) const DEFAULT_POLICY: &str = "strict";

/// A policy by the name of a preset or by path.
pub(crate) fn policy(name: &str) -> Result<Policy, Failure> {
    let path = Path::new(name);
    let looks_like_path = names_file(name);
    let loaded = match gauntlet_policies::preset(name) {
        Some(text) if !looks_like_path => {
            Policy::parse(name, text).map_err(|faults| LoadError::Faults { text: text.to_owned(), faults })
        }
        _ if looks_like_path => load(name, path),
        _ => {
            let names: Vec<&str> = gauntlet_policies::PRESETS.iter().map(|(name, _)| *name).collect();
            return Err(Failure::usage(anyhow!("no preset and no file `{name}`; presets: {}", names.join(", "))));
        }
    };
    loaded.map_err(|error| unusable(name, error))
}

/// Whether a policy's name means a file, and not a preset.
pub(crate) fn names_file(name: &str) -> bool {
    name.contains(['/', '.']) || Path::new(name).exists()
}

/// The failure for a policy that cannot be loaded, with its faults drawn.
pub(crate) fn unusable(name: &str, error: LoadError) -> Failure {
    let drawn = match &error {
        LoadError::Faults { text, faults } => {
            let findings = faults_as_findings(name, text, faults);
            render(&findings, &[(name.to_owned(), text.clone())], Format::Human, terminal::color_stderr())
        }
        _ => String::new(),
    };
    Failure::usage(anyhow::Error::new(error).context(format!("cannot use `{name}`"))).drawing(drawn)
}

/// A guest's bytes.
pub(crate) fn guest(path: &Path, limit: Option<u64>) -> Result<Vec<u8>, Failure> {
    // One byte more than the policy allows is enough for the executor to refuse it by name.
    let limit = limit.unwrap_or(MAX_GUEST_BYTES).min(MAX_GUEST_BYTES);
    read_limited(path, limit).map_err(|error| {
        Failure::usage(anyhow::Error::new(error).context(format!("cannot use the guest `{}`", path.display())))
    })
}

/// What a module is and can do, by its file. Nothing of it runs.
pub(crate) fn inspection(path: &Path) -> Result<gauntlet_inspect::Inspection, Failure> {
    let bytes = guest(path, None)?;
    gauntlet_inspect::inspect(&bytes).map_err(|error| {
        Failure::usage(anyhow::Error::new(error).context(format!("cannot look at `{}`", path.display())))
    })
}

/// The embedded corpus and the folders that were named; with `only`, the named folders alone.
pub(crate) fn corpus(more: &[std::path::PathBuf], only: &[std::path::PathBuf]) -> Result<Corpus, Failure> {
    let mut corpus = if only.is_empty() {
        Corpus::embedded(gauntlet_attacks::FILES)
            .map_err(|error| Failure::harness(anyhow::Error::new(error).context("the embedded corpus is broken")))?
    } else {
        Corpus::default()
    };
    for dir in only.iter().chain(more) {
        corpus.add_dir(dir).map_err(|error| {
            Failure::usage(anyhow::Error::new(error).context(format!("cannot use the attacks in `{}`", dir.display())))
        })?;
    }
    Ok(corpus)
}

/// The digest of the corpus that is linked in, with the folders that were named.
pub(crate) fn corpus_digest(more: &[std::path::PathBuf]) -> Option<String> {
    corpus(more, &[]).ok().map(|corpus| corpus.sha256)
}

/// The known gaps of targets, as the corpus lists them.
pub(crate) fn known_gaps(targets: &[gauntlet_runner::TargetPlan]) -> Result<Vec<gauntlet_runner::KnownGap>, Failure> {
    let mut gaps = Vec::new();
    for (path, text) in gauntlet_attacks::FILES.iter().filter(|(path, _)| path.starts_with("known/")) {
        let name = path.trim_start_matches("known/").trim_end_matches(".yaml");
        if !targets.iter().any(|target| target.description.name == name) {
            continue;
        }
        let listed = gauntlet_corpus::known_gaps(path, text).map_err(|error| {
            Failure::harness(anyhow::Error::new(error).context("the embedded list of known gaps is broken"))
        })?;
        gaps.extend(listed.into_iter().map(|(attack, known)| gauntlet_runner::KnownGap {
            target: name.to_owned(),
            attack,
            known,
        }));
    }
    Ok(gaps)
}
