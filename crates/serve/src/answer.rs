//! What a client is told of a run.

use gauntlet_policy::Policy;
use gauntlet_record::{Cause, Ending, GuestText, LimitKey, Unit};
use gauntlet_sandbox::audit::RunId;
use gauntlet_target::Outcome;
use schemars::JsonSchema;
use serde::Serialize;

/// The exit code of a run that its deadline ended, as `timeout` has it. It stands beside the ending, which is what counts.
const TIMED_OUT: i32 = 124;
/// Most denials that are told apart.
const MAX_DENIALS: usize = 32;
/// Most characters of what was asked.
const MAX_ASKED: usize = 200;

/// What came of a run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Answer {
    /// The run's id, as the operator's audit log has it.
    pub run: String,
    /// The language.
    pub language: String,
    /// Standard output, as much as the limit let through. What is not UTF-8 shows as U+FFFD.
    pub stdout: String,
    /// Standard error, as much as the limit let through.
    pub stderr: String,
    /// The program's exit code; 124 if its deadline ended it, and `null` if it ended otherwise without giving one. The program chooses it:
    /// `ending` is what the host saw.
    pub exit_code: Option<i32>,
    /// Wall time from the program's start to its end, in milliseconds, as the host measured it; waiting is not part of it.
    pub execution_time_ms: u64,
    /// How it ended.
    pub ending: Ending,
    /// The typed reason, where there is one.
    pub cause: Option<Cause>,
    /// Used and limit of each resource.
    pub usage: Vec<UsageLine>,
    /// What the program asked for and did not get.
    pub denials: Vec<Denied>,
    /// Whether output was cut by the limit.
    pub truncated: bool,
    /// What went wrong, in words; `null` if nothing did.
    pub error: Option<String>,
}

/// Used and limit of a resource.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UsageLine {
    /// The resource, by its limit's key.
    pub resource: LimitKey,
    /// What the numbers count.
    pub unit: &'static str,
    /// What was used; `null` where nobody measured.
    pub used: Option<u64>,
    /// The limit in force; `null` is unlimited.
    pub limit: Option<u64>,
}

/// Something that the program asked for and did not get.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Denied {
    /// Why.
    pub cause: Cause,
    /// What was asked, in the program's words, escaped and cut.
    pub asked: String,
    /// The limit that was met, in its own unit.
    pub limit: Option<u64>,
    /// How often.
    pub count: u64,
}

impl Answer {
    /// The answer for an outcome. The outcome's detail is the host's and stays there.
    #[must_use]
    pub fn of(run: RunId, language: &str, policy: &Policy, outcome: &Outcome) -> Self {
        let used = |key| outcome.usage.iter().find(|usage| usage.limit == key).and_then(|usage| usage.used);
        let deadline = outcome.ending.cause == Some(Cause::Limit(LimitKey::Deadline))
            && outcome.ending.ending == Ending::LimitReached;
        let exit_code = match outcome.ending.ending {
            Ending::Returned => Some(0),
            Ending::Exited => outcome.ending.exit_code,
            Ending::LimitReached if deadline => Some(TIMED_OUT),
            Ending::LimitReached | Ending::Trapped | Ending::Refused | Ending::WorkerDied => None,
        };
        Self {
            run: run.to_string(),
            language: language.to_owned(),
            stdout: String::from_utf8_lossy(&outcome.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&outcome.stderr).into_owned(),
            exit_code,
            execution_time_ms: used(LimitKey::Deadline).unwrap_or(0) / 1_000_000,
            ending: outcome.ending.ending,
            cause: outcome.ending.cause,
            usage: outcome.usage.iter().map(line).collect(),
            denials: outcome.denials.iter().take(MAX_DENIALS).map(denied).collect(),
            truncated: outcome.truncated,
            error: error(policy, outcome),
        }
    }
}

fn line(usage: &gauntlet_record::Usage) -> UsageLine {
    let unit = match usage.limit.unit() {
        Unit::Time => "ns",
        Unit::Bytes => "bytes",
        Unit::Count => "count",
    };
    UsageLine { resource: usage.limit, unit, used: usage.used, limit: usage.cap }
}

fn denied(denial: &gauntlet_target::DenialSeen) -> Denied {
    let asked = GuestText::new(denial.asked.as_bytes(), MAX_ASKED).as_str().to_owned();
    Denied { cause: denial.cause, asked, limit: denial.limit, count: denial.count }
}

/// What went wrong, in our words: none of the guest's and none of the host's.
fn error(policy: &Policy, outcome: &Outcome) -> Option<String> {
    let end = &outcome.ending;
    match (end.ending, end.cause) {
        (Ending::Returned, _) | (Ending::Exited, _) => None,
        (Ending::LimitReached, Some(Cause::Limit(key))) => {
            let limit = policy.limits.resolve(key, gauntlet_sandbox::host_memory());
            let of = limit.map(|limit| format!(" of {}", key.unit().show(limit))).unwrap_or_default();
            Some(format!("the run was ended: it reached its limit `{key}`{of}"))
        }
        (Ending::LimitReached, _) => Some("the run was ended: it reached a limit".to_owned()),
        (Ending::Trapped, Some(cause)) => Some(format!("the program trapped: {cause}")),
        (Ending::Trapped, None) => Some("the program trapped".to_owned()),
        (Ending::Refused, Some(Cause::Limit(key))) => {
            let limit = policy.limits.resolve(key, gauntlet_sandbox::host_memory());
            let of = limit.map(|limit| format!(" of {}", key.unit().show(limit))).unwrap_or_default();
            Some(format!("the program was refused before it ran: it is over the limit `{key}`{of}"))
        }
        (Ending::Refused, Some(cause)) => Some(format!("the program was refused before it ran: {cause}")),
        (Ending::Refused, None) => Some("the program was refused before it ran".to_owned()),
        (Ending::WorkerDied, _) => Some("the process that ran the program died".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gauntlet_target::{DenialSeen, EndingSeen};

    fn answer(outcome: &Outcome) -> Answer {
        let policy = Policy::parse("t", "version: 1\n").unwrap();
        Answer::of(RunId::draw().unwrap(), "wasm", &policy, outcome)
    }

    #[test]
    fn only_a_deadline_is_124_and_the_programs_own_124_is_no_deadline() {
        let ended = |ending, cause, exit_code| {
            answer(&Outcome {
                ending: EndingSeen { ending, cause, exit_code, ..EndingSeen::default() },
                ..Outcome::default()
            })
        };
        let cut = ended(Ending::LimitReached, Some(Cause::Limit(LimitKey::Deadline)), None);
        assert_eq!((cut.exit_code, cut.ending), (Some(124), Ending::LimitReached));
        assert_eq!(cut.error.as_deref(), Some("the run was ended: it reached its limit `deadline` of 10 s"));
        let own = ended(Ending::Exited, None, Some(124));
        assert_eq!((own.exit_code, own.ending, own.error), (Some(124), Ending::Exited, None));
        let fuel = ended(Ending::LimitReached, Some(Cause::Limit(LimitKey::Fuel)), None);
        assert_eq!(fuel.exit_code, None);
    }

    #[test]
    fn the_hosts_detail_is_not_told_and_the_guests_words_are_tame() {
        let outcome = Outcome {
            ending: EndingSeen {
                ending: Ending::WorkerDied,
                detail: "/srv/gauntlet/worker died as root".into(),
                ..EndingSeen::default()
            },
            denials: vec![DenialSeen {
                cause: Cause::Denied(gauntlet_record::DenialKind::Path),
                asked: "\u{1b}]0;x\u{7}".repeat(200),
                limit: None,
                count: 1,
            }],
            ..Outcome::default()
        };
        let told = serde_json::to_string(&answer(&outcome)).unwrap();
        assert!(!told.contains("/srv") && !told.contains("root"), "{told}");
        assert!(!told.contains('\u{1b}') && !told.contains("\\u001b"), "{told}");
        assert!(told.len() < 2000, "{}", told.len());
    }
}
