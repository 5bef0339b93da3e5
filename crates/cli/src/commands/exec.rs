//! `gauntlet exec`: one guest under a policy.

pub(super) mod grants;
mod guest;
mod language;
pub(super) mod report;
mod values;

use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use gauntlet_policy::{Policy, Span, Spanned, Stdin};
use gauntlet_record::{Ending, GuestText, LimitKey, exit};
use gauntlet_sandbox::audit::{AuditLog, Fsync};
use gauntlet_sandbox::tenants::{Tenant, TenantRules, Tenants};
use gauntlet_sandbox::watch::{Seen, Watch, Watched};
use gauntlet_sandbox::{Inline, Value, Worker};
use gauntlet_target::{EndingSeen, Job, Outcome, Target, TargetError, Trace};
use serde::Serialize;

use self::report::Report;
use crate::args::{Exec, ExecFormat, Placement};
use crate::failure::Failure;
use crate::inputs;

/// Most bytes of standard input that are handed to a guest.
const MAX_STDIN: u64 = 16 << 20;
/// Most bytes of a signature that are read; the sandbox has its own opinion of what is one.
const MAX_SIGNATURE: u64 = 1 << 20;
/// For how long fuel is measured.
const CALIBRATING: Duration = Duration::from_secs(3);

pub(super) fn run(args: &Exec) -> Result<u8, Failure> {
    let Some(path) = &args.guest else { return calibrate(args.format) };
    let language = language::of(path, args)?;
    let default = if language.is_some() { language::DEFAULT_POLICY } else { inputs::DEFAULT_POLICY };
    let name = args.policy.as_deref().unwrap_or(default);
    let mut policy = inputs::policy(name)?;
    if !inputs::names_file(name) {
        // A preset shows where a log would stand; a file in the current directory is for whoever asks for one.
        policy.audit.log = None;
    }
    let offer = grants::Offer { dir: &args.dir, env: &args.env, net: &[], stdin: args.stdin };
    let (mut policy, added) = grants::add(policy, &offer)?;
    if let Some(language) = &language {
        let mut prepared = language.job(path, args, &policy)?;
        // Moved, not copied: interpreters are large. The files that it names stay with `prepared`.
        let job = Job { trace: trace(args), ..std::mem::take(&mut prepared.job) };
        return end(args, &job, &added, |watch, tenant| match args.placement {
            Placement::Worker => watched(language.pool()?, watch, tenant, &job),
            Placement::Inline => watched(Inline::new(), watch, tenant, &job),
        });
    }
    let cap = policy.limits.resolve(LimitKey::ModuleSize, gauntlet_sandbox::host_memory());
    let guest = guest::read(path, args.wat, cap)?;
    let (arguments, values) = split_arguments(&guest, &policy, args)?;
    policy
        .grants
        .arguments
        .extend(arguments.iter().map(|value| Spanned { value: value.clone(), span: Span::default() }));
    let stdin = if policy.grants.stdin.value == Stdin::Inherit { stdin()? } else { Vec::new() };
    let job = Job {
        guest,
        entry: args.invoke.clone(),
        arguments: values,
        stdin,
        signature: args.signature.as_deref().map(signature).transpose()?,
        trace: trace(args),
        policy,
        ..Job::default()
    };
    end(args, &job, &added, |watch, tenant| match args.placement {
        Placement::Worker => watched(Worker::new(), watch, tenant, &job),
        Placement::Inline => watched(Inline::new(), watch, tenant, &job),
    })
}

fn trace(args: &Exec) -> Trace {
    Trace::default().with_timeline(args.timeline).with_profile(args.profile.is_some())
}

/// Runs a job and tells what came of it.
fn end(
    args: &Exec,
    job: &Job,
    added: &[String],
    run: impl FnOnce(Watch, &Tenant) -> Result<(Outcome, Option<Seen>), TargetError>,
) -> Result<u8, Failure> {
    let watch = watch(args)?;
    let tenant = args.tenant.as_deref().map_or_else(Tenant::default, Tenant::new);
    let (outcome, seen) = run(watch, &tenant).map_err(failed)?;
    show(&outcome, args.format, job, seen.as_ref())?;
    let report = Report { outcome: &outcome, policy: &job.policy, added, seen: seen.as_ref() };
    if args.usage {
        anstream::eprint!("{}", report.usage());
    }
    if args.timeline {
        anstream::eprint!("{}", report.timeline());
    }
    if let Some(file) = &args.profile {
        profile(&outcome, file)?;
    }
    Ok(code(&outcome.ending, args.guest_exit_code))
}

fn watched<T: Target>(
    target: T,
    watch: Watch,
    tenant: &Tenant,
    job: &Job,
) -> Result<(Outcome, Option<Seen>), TargetError> {
    Watched::new(target, watch).run_for(tenant, job).map(|run| (run.outcome, run.seen))
}

/// The exit code. The guest's own stays apart from ours unless it was asked for.
fn code(end: &EndingSeen, guests: bool) -> u8 {
    match (end.ending, end.exit_code) {
        (Ending::Returned, _) | (Ending::Exited, Some(0)) => exit::CLEAN,
        // What does not fit into a process's exit code must never look like success.
        (Ending::Exited, Some(code)) if guests => u8::try_from(code).unwrap_or(u8::MAX),
        (Ending::Exited | Ending::Trapped | Ending::LimitReached | Ending::Refused | Ending::WorkerDied, _) => {
            exit::BREACH
        }
    }
}

fn calibrate(format: ExecFormat) -> Result<u8, Failure> {
    let calibration = gauntlet_sandbox::calibrate(CALIBRATING).map_err(Failure::harness)?;
    let text = match format {
        ExecFormat::Human => calibration.table(),
        ExecFormat::Json => serde_json::to_string_pretty(&calibration).map_err(Failure::harness)? + "\n",
    };
    super::print(text.as_bytes())?;
    Ok(exit::CLEAN)
}

fn watch(args: &Exec) -> Result<Watch, Failure> {
    let mut watch = Watch::builder().tenants(Tenants::new(TenantRules::default()));
    if let Some(path) = &args.audit_log {
        let log = AuditLog::open(path, Fsync::default()).map_err(|error| {
            Failure::usage(anyhow::Error::new(error).context(format!("cannot log to `{}`", path.display())))
        })?;
        watch = watch.log(Arc::new(log));
    }
    Ok(watch.build())
}

/// What follows `--`: arguments of the program, or values for the function's parameters.
fn split_arguments(guest: &[u8], policy: &Policy, args: &Exec) -> Result<(Vec<String>, Vec<Value>), Failure> {
    let given = &args.arguments;
    let Some(function) = args.invoke.as_deref().filter(|_| !given.is_empty()) else {
        return Ok((given.clone(), Vec::new()));
    };
    if !policy.modules.signed_by.is_empty() {
        // Whose signature has not been verified is not parsed, so the types are not known here.
        return Ok((Vec::new(), given.iter().map(|text| values::guess(text)).collect()));
    }
    let found = gauntlet_sandbox::verify(guest, policy).interface;
    let Some(kinds) = values::parameters(&found, function) else {
        return Ok((Vec::new(), given.iter().map(|text| values::guess(text)).collect()));
    };
    if kinds.is_empty() {
        return Ok((given.clone(), Vec::new()));
    }
    let wrong = |why: String| Failure::usage(anyhow!("cannot call `{function}`: {why}"));
    if kinds.len() != given.len() {
        let kinds = kinds.join(", ");
        return Err(wrong(format!("it takes ({kinds}), and {} argument(s) were given", given.len())));
    }
    let read = |(i, (text, kind)): (usize, (&String, &String))| {
        values::read(text, kind).map_err(|why| wrong(format!("argument {}: {why}", i + 1)))
    };
    let values = given.iter().zip(&kinds).enumerate().map(read).collect::<Result<_, _>>()?;
    Ok((Vec::new(), values))
}

/// A target that could not run anything: the host or the policy is at fault, never the guest.
pub(crate) fn failed(error: TargetError) -> Failure {
    Failure::harness(error)
}

pub(super) fn stdin() -> Result<Vec<u8>, Failure> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_STDIN + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::usage(anyhow::Error::new(error).context("cannot read standard input")))?;
    if bytes.len() as u64 > MAX_STDIN {
        return Err(Failure::usage(anyhow!(
            "standard input is longer than the {MAX_STDIN} bytes that a guest is given"
        )));
    }
    Ok(bytes)
}

fn signature(path: &Path) -> Result<Vec<u8>, Failure> {
    gauntlet_policy::read_limited(path, MAX_SIGNATURE).map_err(|error| {
        Failure::usage(anyhow::Error::new(error).context(format!("cannot use the signature `{}`", path.display())))
    })
}

fn profile(outcome: &Outcome, file: &Path) -> Result<(), Failure> {
    let Some(profile) = &outcome.profile else {
        anstream::eprintln!("gauntlet: no profile: nothing ran, or the policy sets no limit on fuel");
        return Ok(());
    };
    fs::write(file, profile.folded()).map_err(|error| {
        Failure::harness(anyhow::Error::new(error).context(format!("cannot write the profile to `{}`", file.display())))
    })
}

/// An outcome as JSON, with what else is known of the run.
#[derive(Serialize)]
struct Document<'a> {
    /// SHA-256 of the bytes that were run.
    module: String,
    /// The policy's name, with the command line's grants where there were any.
    policy: &'a str,
    #[serde(flatten)]
    outcome: &'a Outcome,
    /// The run's id, security events, threat summary and alerts; null if its tenant was not admitted.
    seen: Option<&'a Seen>,
}

fn show(outcome: &Outcome, format: ExecFormat, job: &Job, seen: Option<&Seen>) -> Result<(), Failure> {
    if format == ExecFormat::Json {
        let module = gauntlet_record::digest(&job.guest);
        let document = Document { module, policy: &job.policy.name, outcome, seen };
        let text = serde_json::to_string_pretty(&document).map_err(Failure::harness)?;
        return super::print(format!("{text}\n").as_bytes());
    }
    super::print(&tame(&outcome.stdout, std::io::stdout().is_terminal()))?;
    let _ = std::io::stderr().lock().write_all(&tame(&outcome.stderr, std::io::stderr().is_terminal()));
    if job.entry.is_some() {
        let results: String = outcome.results.iter().map(|value| values::show(value) + "\n").collect();
        super::print(results.as_bytes())?;
    }
    let text = report::ending(outcome);
    if !text.is_empty() {
        anstream::eprint!("{text}");
    }
    Ok(())
}

/// A guest's own words may steer a terminal; through a pipe they go as they are.
fn tame(bytes: &[u8], terminal: bool) -> Vec<u8> {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guests_exit_code_is_kept_apart_unless_it_is_asked_for() {
        let end = |ending, exit_code| EndingSeen { ending, exit_code, ..EndingSeen::default() };
        for (ending, given, ours, guests) in [
            (Ending::Returned, None, 0, 0),
            (Ending::Exited, Some(0), 0, 0),
            (Ending::Exited, Some(7), 1, 7),
            (Ending::Exited, Some(255), 1, 255),
            (Ending::Exited, Some(256), 1, 255),
            (Ending::Exited, Some(-1), 1, 255),
            (Ending::Trapped, Some(0), 1, 1),
            (Ending::LimitReached, None, 1, 1),
            (Ending::Refused, None, 1, 1),
            (Ending::WorkerDied, Some(7), 1, 1),
        ] {
            assert_eq!(code(&end(ending, given), false), ours, "{ending} {given:?}");
            assert_eq!(code(&end(ending, given), true), guests, "{ending} {given:?}");
        }
    }
}
