//! `gauntlet exec`: one guest under a policy.

use std::fmt::Write as _;
use std::io::Write as _;

use gauntlet_policy::{Span, Spanned, Stdin};
use gauntlet_record::{Ending, GuestText, LimitKey, exit};
use gauntlet_sandbox::{Inline, Worker};
use gauntlet_target::{Job, Outcome, Target, TargetError};

use crate::args::{Exec, ExecFormat, Placement};
use crate::failure::Failure;
use crate::inputs;

/// Most bytes of standard input that are handed to a guest.
const MAX_STDIN: u64 = 16 << 20;

pub(super) fn run(args: &Exec) -> Result<u8, Failure> {
    let mut policy = inputs::policy(&args.policy)?;
    let cap = policy.limits.resolve(LimitKey::ModuleSize, gauntlet_sandbox::host_memory());
    let guest = inputs::guest(&args.guest, cap.map(|cap| cap.saturating_add(1)))?;
    policy
        .grants
        .arguments
        .extend(args.arguments.iter().map(|value| Spanned { value: value.clone(), span: Span::default() }));
    let stdin = if policy.grants.stdin.value == Stdin::Inherit { stdin()? } else { Vec::new() };
    let job = Job { guest, entry: args.entry.clone(), policy, nonce: String::new(), stdin, ..Job::default() };
    let target: Box<dyn Target> = match args.placement {
        Placement::Worker => Box::new(Worker::new()),
        Placement::Inline => Box::new(Inline::new()),
    };
    let outcome = target.run(&job).map_err(failed)?;
    show(&outcome, args.format)?;
    let well = match outcome.ending.ending {
        Ending::Returned => true,
        Ending::Exited => outcome.ending.exit_code == Some(0),
        Ending::Trapped | Ending::LimitReached | Ending::Refused | Ending::WorkerDied => false,
    };
    Ok(if well { exit::CLEAN } else { exit::BREACH })
}

/// A target that could not run anything: the host or the policy is at fault, never the guest.
pub(crate) fn failed(error: TargetError) -> Failure {
    Failure::harness(error)
}

fn stdin() -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_STDIN)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::usage(anyhow::Error::new(error).context("cannot read standard input")))?;
    Ok(bytes)
}

fn show(outcome: &Outcome, format: ExecFormat) -> Result<(), Failure> {
    if format == ExecFormat::Json {
        let text = serde_json::to_string_pretty(outcome).map_err(Failure::harness)?;
        return super::print(format!("{text}\n").as_bytes());
    }
    // A guest's own words may steer a terminal; through a pipe they go as they are.
    let tame = |bytes: &[u8], terminal: bool| {
        if !terminal {
            return bytes.to_vec();
        }
        let lines = bytes.split_inclusive(|byte| *byte == b'\n').flat_map(|line| {
            let (text, end) = line.strip_suffix(b"\n").map_or((line, ""), |text| (text, "\n"));
            let mut line = GuestText::new(text, text.len()).as_str().to_owned();
            line.push_str(end);
            line.into_bytes()
        });
        lines.collect()
    };
    use std::io::IsTerminal as _;
    super::print(&tame(&outcome.stdout, std::io::stdout().is_terminal()))?;
    let _ = std::io::stderr().lock().write_all(&tame(&outcome.stderr, std::io::stderr().is_terminal()));
    let mut text = String::new();
    let end = &outcome.ending;
    if end.ending != Ending::Returned || !outcome.denials.is_empty() || outcome.truncated {
        let _ = write!(text, "gauntlet: {}", end.ending);
        if let Some(cause) = end.cause {
            let _ = write!(text, " ({cause})");
        }
        if !end.detail.is_empty() {
            let _ = write!(text, ": {}", GuestText::new(end.detail.as_bytes(), 512).as_str());
        }
        for denial in &outcome.denials {
            let _ = write!(
                text,
                "\n  denied {} time(s): {} {}",
                denial.count,
                denial.cause,
                GuestText::name(&denial.asked).as_str()
            );
            if let (Some(limit), gauntlet_record::Cause::Limit(key)) = (denial.limit, denial.cause) {
                let _ = write!(text, " (limit {})", key.unit().show(limit));
            }
        }
        anstream::eprintln!("{text}");
    }
    Ok(())
}
