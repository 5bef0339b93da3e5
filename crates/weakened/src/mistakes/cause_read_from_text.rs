//! The reason of a failure is looked for in the words of the error and of what the guest wrote.

use gauntlet_record::{Cause, Ending, LimitKey};
use gauntlet_target::{Description, EndingSeen, Job, Outcome, Target, TargetError};

use crate::{Kind, Mistake, worker};

pub(crate) const MISTAKE: Mistake = Mistake {
    name: "cause-read-from-text",
    sentence: "the reason of a failure is found by looking for words in the error and in what the guest wrote",
    seen: "F19",
    kind: Kind::Wrapped(|backstops| Box::new(Reading(worker(if backstops { &[] } else { &["jail"] })))),
};

struct Reading(Box<dyn Target>);

impl Target for Reading {
    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        self.0.run(job).map(read)
    }
}

/// Words, and the limit that they are taken for.
const WORDS: &[(&str, LimitKey)] = &[
    ("timeout", LimitKey::Deadline),
    ("deadline", LimitKey::Deadline),
    ("fuel", LimitKey::Fuel),
    ("memory", LimitKey::Memory),
];

fn read(mut outcome: Outcome) -> Outcome {
    let failed = match outcome.ending.ending {
        Ending::Trapped => true,
        Ending::Exited => outcome.ending.exit_code != Some(0),
        Ending::Returned | Ending::LimitReached | Ending::Refused | Ending::WorkerDied => false,
    };
    let text = format!("{} {}", outcome.ending.detail, String::from_utf8_lossy(&outcome.stderr)).to_lowercase();
    if let (true, Some((word, key))) = (failed, WORDS.iter().find(|(word, _)| text.contains(word))) {
        outcome.ending = EndingSeen::caused(Ending::LimitReached, Cause::Limit(*key), *word);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_that_fails_with_the_word_has_met_the_limit_they_say() {
        let ended = |ending, stderr: &str| {
            let ending = EndingSeen { ending, ..EndingSeen::default() };
            read(Outcome { ending, stderr: stderr.into(), ..Outcome::default() }).ending.cause
        };
        assert_eq!(ended(Ending::Trapped, "Deadline exceeded"), Some(Cause::Limit(LimitKey::Deadline)));
        assert_eq!(ended(Ending::Trapped, "nothing of the kind"), None);
        assert_eq!(ended(Ending::Returned, "deadline"), None);
    }
}
