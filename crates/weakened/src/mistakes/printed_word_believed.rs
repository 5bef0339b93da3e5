//! A word that the guest prints is taken for the verdict.

use gauntlet_record::Verdict;
use gauntlet_runner::Evidence;

use crate::{Kind, Mistake};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "printed-word-believed",
    sentence: "a word that the guest prints, as PASS, is taken for the verdict",
    seen: "F20",
    kind: Kind::Judge(judge),
};

fn judge(evidence: &Evidence<'_>) -> Verdict {
    let printed = evidence.run.stdout.as_str();
    if WORDS.iter().any(|word| printed.contains(word)) { Verdict::Contained } else { evidence.judge().verdict }
}

/// What tools print when all is well.
const WORDS: &[&str] = &["PASS", "ok 1", "contained"];
