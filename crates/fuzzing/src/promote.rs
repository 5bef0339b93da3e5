//! Makes an attack folder of a finding, with live and benign control proposed: what was found once guards for ever.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gauntlet_corpus::{Corpus, CorpusError};
use gauntlet_policy::{Policy, quoted};
use gauntlet_record::{GuestText, LimitKey, MAX_NAME_BYTES};

use crate::Stored;

/// Why a finding cannot become an attack.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PromoteError {
    /// The case has no guest: a policy or a record is guarded by a test of its own crate.
    #[error("a finding of `{0}` has no guest, so it is no attack: it stays a test as `gauntlet fuzz replay` runs it")]
    NoGuest(String),
    /// The name is no name of a folder.
    #[error("`{0}` is no name for an attack: lower-case letters, digits and hyphens")]
    Name(String),
    /// The folder is there already.
    #[error("`{0}` is there already")]
    Exists(PathBuf),
    /// It cannot be written.
    #[error("cannot write the attack")]
    Io(#[from] io::Error),
    /// What was written is no attack that the corpus takes.
    #[error("what was proposed is no attack of the corpus")]
    Corpus(#[from] CorpusError),
}

/// A benign twin: it takes the trial's number and gives one more, which is what a core guest does to show that it ran.
const BENIGN: &str = "\
;; Adds one to the number that it is given: the work of an honest guest.
(module (func (export \"_start\") (param i64) (result i64) (i64.add (local.get 0) (i64.const 1))))
";

/// Writes `<dir>/<name>/` with the guest, a benign twin and `attack.yaml`, and reads it back through the corpus. Gives the folder.
///
/// # Errors
///
/// If the finding has no guest, the name is no name, or the folder cannot be written.
pub fn promote(stored: &Stored, dir: &Path, name: &str) -> Result<PathBuf, PromoteError> {
    if !stored.case.wasm.starts_with(b"\0asm") {
        return Err(PromoteError::NoGuest(stored.expect.pair.clone()));
    }
    let sound = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 60 || !name.chars().all(sound) || name.starts_with('-') {
        return Err(PromoteError::Name(name.chars().take(80).collect()));
    }
    let folder = dir.join(name);
    if folder.exists() {
        return Err(PromoteError::Exists(folder));
    }
    fs::create_dir_all(&folder)?;
    let write = || -> Result<(), PromoteError> {
        fs::write(folder.join("attack.wasm"), &stored.case.wasm)?;
        fs::write(folder.join("benign.wat"), BENIGN)?;
        fs::write(folder.join("attack.yaml"), attack(stored))?;
        let mut corpus = Corpus::default();
        corpus.add_dir(&folder)?;
        Ok(())
    };
    write().inspect_err(|_| {
        let _ = fs::remove_dir_all(&folder);
    })?;
    Ok(folder)
}

/// The description. What the finding says of a limit decides what the attack obtains, and what has to stop it.
fn attack(stored: &Stored) -> String {
    let message = GuestText::new(stored.expect.message.as_bytes(), MAX_NAME_BYTES);
    let policy = Policy::parse("policy", &stored.case.policy).unwrap_or_default();
    let about = |key: LimitKey| stored.expect.message.contains(&format!("`{key}`"));
    let key = LimitKey::ALL.iter().copied().find(|key| about(*key));
    let title = format!("{}, found by fuzzing", stored.expect.oracle);
    let mut text = String::new();
    let _ = writeln!(text, "title: {}", quoted(&title));
    let _ =
        writeln!(text, "why: {}", quoted(&format!("The pair {} found it: {}", stored.expect.pair, message.as_str())));
    let limit = |key: LimitKey| policy.limits.resolve(key, 0).map(|value| format!("{value}{}", unit(key)));
    match key {
        Some(key @ LimitKey::Memory) => {
            let value = limit(key).unwrap_or_else(|| "16777216B".into());
            let most = policy.limits.resolve(key, 0).unwrap_or(16 << 20);
            let _ = writeln!(text, "weakness: CWE-789\npolicy: {{ limits: {{ memory: {value} }} }}");
            let _ = writeln!(text, "obtains: {{ memory: \"> {}MiB\" }}", (most >> 20) + 64);
            let _ = writeln!(text, "contained-by: [limit-memory, refused-module, denied-feature]");
        }
        Some(key @ LimitKey::TableElements) => {
            let value = limit(key).unwrap_or_else(|| "10000".into());
            let _ = writeln!(text, "weakness: CWE-770\npolicy: {{ limits: {{ table-elements: {value} }} }}");
            let _ = writeln!(text, "obtains: {{ table-elements: \"> {value}\" }}");
            let _ = writeln!(text, "contained-by: [limit-table-elements, refused-module, denied-feature]");
        }
        _ => {
            let cpu = policy.limits.resolve(LimitKey::Fuel, 0).unwrap_or(1_000_000);
            let _ = writeln!(text, "weakness: CWE-693\npolicy: {{ limits: {{ fuel: {cpu} }} }}");
            let _ = writeln!(text, "obtains: {{ host-death: true }}");
            let _ = writeln!(
                text,
                "contained-by: [limit-fuel, limit-stack, limit-memory, refused-module, denied-feature, denied-import]"
            );
        }
    }
    let _ = writeln!(
        text,
        "# Proposed by `gauntlet fuzz promote`: name a live control that shows the fault (a lifted protection, a weakened"
    );
    let _ = writeln!(
        text,
        "# executor, or a vulnerable release), and this attack proves something. Until then it guards against its return."
    );
    let reason = "the fault is mended here, and no released engine is known to have it";
    let _ = writeln!(text, "controls:\n  live: none\n  live-reason: {}", quoted(reason));
    let _ = writeln!(text, "references: [\"https://webassembly.github.io/spec/core/\"]");
    text
}

fn unit(key: LimitKey) -> &'static str {
    match key.unit() {
        gauntlet_record::Unit::Bytes => "B",
        gauntlet_record::Unit::Time => "ns",
        gauntlet_record::Unit::Count => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Case, Finding};

    fn stored(message: &str) -> Stored {
        let wasm =
            wat::parse_str("(module (memory 3) (func (export \"_start\") (param i64) (result i64) (local.get 0)))")
                .unwrap();
        let case = Case { wasm, policy: crate::POLICY.into(), calls: vec!["call".into()] };
        Stored::new("limits", "inline", 1, 2, &Finding::of("usage-within-limits", message), &case)
    }

    #[test]
    fn what_is_promoted_is_an_attack_of_the_corpus() {
        let dir = tempfile::tempdir().unwrap();
        let regression = dir.path().join("regression");
        for (at, message) in
            ["2 MiB of `memory` used, 1 MiB allowed", "12 of `table-elements` used", "the worker died of signal 11"]
                .into_iter()
                .enumerate()
        {
            promote(&stored(message), &regression, &format!("finding-{at}")).unwrap();
        }
        let mut corpus = Corpus::default();
        corpus.add_dir(&regression).unwrap();
        assert_eq!(corpus.attacks.len(), 3);
        assert_eq!(corpus.attacks[0].class, "regression");
    }

    #[test]
    fn a_bad_name_a_taken_one_and_a_case_without_a_guest_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let found = stored("x");
        assert!(matches!(promote(&found, dir.path(), "../x"), Err(PromoteError::Name(_))));
        promote(&found, dir.path(), "x").unwrap();
        assert!(matches!(promote(&found, dir.path(), "x"), Err(PromoteError::Exists(_))));
        let empty = Stored { case: Case::default(), ..found };
        assert!(matches!(promote(&empty, dir.path(), "y"), Err(PromoteError::NoGuest(_))));
    }
}
