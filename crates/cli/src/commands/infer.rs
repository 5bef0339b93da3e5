//! `gauntlet infer`: the least policy that a module needs, checked.

mod record;

use std::sync::Arc;

use anyhow::anyhow;
use gauntlet_inspect::Inspection;
use gauntlet_lint::{Format, Options, infer, lint, render};
use gauntlet_policy::{Feature, LoadError, Policy, Span, Spanned, Stdin};
use gauntlet_record::{Finding, Severity, exit};
use gauntlet_sandbox::Worker;
use gauntlet_target::{Job, Outcome, Target as _};

use self::record::{Directories, well};
use super::exec::grants::{Offer, add};
use super::exec::report;
use crate::args::Infer;
use crate::failure::Failure;
use crate::{inputs, terminal};

/// What recordings are bounded by, unless another policy is named.
const RECORDING: &str = include_str!("infer/recording.yaml");
/// How messages call a policy that has no file yet.
const NAME: &str = "inferred.yaml";

pub(super) fn run(args: &Infer) -> Result<u8, Failure> {
    let bytes = inputs::guest(&args.guest, None)?;
    let module = gauntlet_inspect::inspect(&bytes).map_err(|error| {
        Failure::usage(anyhow::Error::new(error).context(format!("cannot look at `{}`", args.guest.display())))
    })?;
    let module = Arc::new(module);
    if !args.run {
        let text = infer(&module, None);
        write(args, &text)?;
        return Ok(if lints_clean(&parse(&text)?, &module) { exit::CLEAN } else { exit::BREACH });
    }
    let recording = Recording::new(args, &module, bytes)?;
    let outcome = recording.run(&recording.policy)?;
    anstream::eprint!("{}", report::ending(&outcome));
    if !well(&outcome) {
        anstream::eprintln!(
            "gauntlet: the recorded run did not end well, so no policy is written: offer what it was denied"
        );
        return Ok(exit::BREACH);
    }
    let variables = recording.variables(&outcome)?;
    let (mut text, mut under) = (String::new(), None);
    // Narrowed directories first; a guest that does not find its way in those gets them as they were offered.
    for directories in [Directories::Narrowed, Directories::Offered] {
        let observed = recording.observed(&outcome, &variables, directories);
        text = infer(&module, Some(&observed));
        let again = recording.run(&parse(&text)?)?;
        let same = well(&again) && again.ending.exit_code == outcome.ending.exit_code;
        under = Some(again);
        if same {
            under = None;
            break;
        }
    }
    write(args, &text)?;
    let clean = lints_clean(&parse(&text)?, &module);
    match &under {
        None => anstream::eprintln!("gauntlet: the same run succeeds under it"),
        Some(failed) => {
            anstream::eprint!("{}", report::ending(failed));
            anstream::eprintln!("gauntlet: the same run does not succeed under it");
        }
    }
    Ok(if clean && under.is_none() { exit::CLEAN } else { exit::BREACH })
}

/// Reads a policy that was just written: one that does not read is our own mistake.
fn parse(text: &str) -> Result<Policy, Failure> {
    Policy::parse(NAME, text)
        .map_err(|faults| inputs::unusable(NAME, LoadError::Faults { text: text.to_owned(), faults }))
}

fn write(args: &Infer, text: &str) -> Result<(), Failure> {
    let Some(path) = &args.output else { return super::print(text.as_bytes()) };
    std::fs::write(path, text).map_err(|error| {
        Failure::harness(anyhow::Error::new(error).context(format!("cannot write `{}`", path.display())))
    })
}

/// Holds a policy against the rules, with its module, and shows what counts.
fn lints_clean(policy: &Policy, module: &Arc<Inspection>) -> bool {
    let module = Some(Arc::clone(module));
    let options = Options { today: Some(crate::targets::now()), module, ..Options::default() };
    let (counted, rest): (Vec<Finding>, Vec<Finding>) =
        lint(policy, &options).into_iter().partition(|finding| finding.severity >= Severity::Medium);
    if counted.is_empty() {
        let below = match rest.len() {
            0 => String::new(),
            count => format!("; {count} finding(s) below medium"),
        };
        anstream::eprintln!("gauntlet: the policy lints clean{below}");
        return true;
    }
    let sources = [(NAME.to_owned(), policy.text.clone())];
    anstream::eprint!("{}", render(&counted, &sources, Format::Human, terminal::color_stderr()));
    anstream::eprintln!("gauntlet: the policy does not lint clean: the run itself uses what the rules warn of");
    false
}

/// A guest, and what it is recorded under.
pub(super) struct Recording {
    job: Job,
    policy: Policy,
    offered: Vec<String>,
    arguments: Vec<String>,
}

impl Recording {
    fn new(args: &Infer, module: &Inspection, guest: Vec<u8>) -> Result<Self, Failure> {
        if module.entry_points().is_empty() {
            return Err(Failure::usage(anyhow!(
                "`{}` exports neither `_start` nor a component's `run`, so there is no run to record",
                args.guest.display()
            )));
        }
        let mut policy = match &args.policy {
            Some(name) => inputs::policy(name)?,
            None => parse(RECORDING)?,
        };
        policy.audit.log = None;
        if args.policy.is_none() {
            // What it uses is what the policy will allow; which proposals those are is known before anything runs.
            for feature in Feature::ALL.iter().copied() {
                if module.features.iter().any(|name| name == feature.as_str()) {
                    policy.features.set(feature, true, Span::default());
                }
            }
        }
        let offer = Offer { dir: &args.dir, env: &args.env, net: &args.net, stdin: args.stdin };
        let (mut policy, _) = add(policy, &offer)?;
        let argument = |value: &String| Spanned { value: value.clone(), span: Span::default() };
        policy.grants.arguments.extend(args.arguments.iter().map(argument));
        let stdin = if policy.grants.stdin.value == Stdin::Inherit { super::exec::stdin()? } else { Vec::new() };
        let job = Job { guest, stdin, ..Job::default() };
        Ok(Self { job, policy, offered: args.net.clone(), arguments: args.arguments.clone() })
    }

    /// One run in a jailed worker of its own.
    fn run(&self, policy: &Policy) -> Result<Outcome, Failure> {
        let mut job = Job { policy: policy.clone(), ..self.job.clone() };
        job.policy.audit.log = None;
        Worker::new().run(&job).map_err(super::exec::failed)
    }
}
