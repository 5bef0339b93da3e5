//! `gauntlet run --target http://...`: attacks on a code runner that is there already; and code runners that are broken on purpose.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use anyhow::anyhow;
use clap::Args as ClapArgs;
use gauntlet_record::{
    CaughtBy, CorpusInfo, Event, Mutation, PolicyInfo, Record, SCHEMA, TargetInfo, Tool, Verdict, exit,
};
use gauntlet_runner::Output;
use gauntlet_services::{Attack, Base, Options, Template};
use gauntlet_weakened::services::{Running, services, sound_service};

use super::run::{cancel_on_signal, check_files, finish, more_files};
use crate::args::Run;
use crate::failure::Failure;
use crate::{targets, terminal};

/// What a URL begins with.
const SCHEME: &str = "http";
/// Most bytes of a template.
const MAX_TEMPLATE: u64 = 1 << 20;
/// The template of our own service, in the corpus.
const OURS: &str = "http/services/gauntlet-serve.yaml";

/// How a service is asked.
#[derive(Debug, ClapArgs)]
pub(crate) struct Service {
    /// With a target http://HOST:PORT: the file that says how that service is asked [default: as `gauntlet serve` is].
    #[arg(long, value_name = "FILE")]
    service: Option<PathBuf>,
    /// With a target http://HOST:PORT: an API key of it; also read from GAUNTLET_KEY, which is on no list of processes.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

/// Whether a service is named as a target.
pub(super) fn named(targets: &[String]) -> bool {
    targets.iter().any(|target| target.starts_with(SCHEME) && target.contains("://"))
}

fn template(file: Option<&PathBuf>) -> Result<Template, Failure> {
    let (name, text) = match file {
        Some(path) => {
            let failed =
                |error| Failure::usage(anyhow::Error::new(error).context(format!("cannot use `{}`", path.display())));
            let bytes = gauntlet_policy::read_limited(path, MAX_TEMPLATE).map_err(failed)?;
            let name =
                path.file_stem().map_or_else(|| "service".to_owned(), |name| name.to_string_lossy().into_owned());
            (name, String::from_utf8(bytes).map_err(|_| Failure::usage(anyhow!("`{}` is not UTF-8", path.display())))?)
        }
        None => {
            let found = gauntlet_attacks::FILES.iter().find(|(path, _)| *path == OURS);
            let bytes = found.map(|(_, bytes)| *bytes).unwrap_or_default();
            ("gauntlet-serve".to_owned(), String::from_utf8_lossy(bytes).into_owned())
        }
    };
    gauntlet_services::template(&name, &text).map_err(Failure::usage)
}

fn attacks(filter: &[String]) -> Result<Vec<Attack>, Failure> {
    let all = gauntlet_services::attacks(gauntlet_attacks::FILES)
        .map_err(|error| Failure::harness(anyhow::Error::new(error).context("the embedded attacks are broken")))?;
    let chosen = |attack: &Attack| filter.is_empty() || filter.iter().any(|text| attack.id.contains(text.as_str()));
    Ok(all.into_iter().filter(chosen).collect())
}

pub(super) fn run(args: &Run) -> Result<u8, Failure> {
    let [url] = args.target.as_slice() else {
        return Err(Failure::usage(anyhow!("one service at a time, and no other target beside it")));
    };
    if args.layers || !args.only.is_empty() {
        return Err(Failure::usage(anyhow!(
            "a service is attacked as it is: no layers of it can be lifted, and no folders of guests given to it"
        )));
    }
    let base = Base::parse(url).map_err(|why| Failure::usage(anyhow!(why)))?;
    let template = template(args.service.service.as_ref())?;
    let attacks = attacks(&args.selection.filter)?;
    if attacks.is_empty() {
        return Err(Failure::usage(anyhow!("no attack on services matches `{}`", args.selection.filter.join("`, `"))));
    }
    if args.dry_run {
        let lines: String = attacks.iter().map(|attack| format!("{:<40} {}\n", attack.id, attack.title)).collect();
        super::print(format!("{lines}{} attacks; nothing was run\n", attacks.len()).as_bytes())?;
        return Ok(exit::CLEAN);
    }
    check_files(args)?;
    let mut options = Options::new(base);
    options.key = args.service.key.clone().or_else(|| std::env::var("GAUNTLET_KEY").ok()).filter(|key| !key.is_empty());
    if options.key.as_ref().is_some_and(|key| key.chars().any(|c| c.is_control() || c.is_whitespace())) {
        return Err(Failure::usage(anyhow!("the key holds characters that no header does")));
    }
    let mut output = Output::open(&args.outputs.output).map_err(Failure::usage)?;
    let cancel = cancel_on_signal()?;
    let mut record = start(url, &template, &attacks);
    output
        .append(&Event::RunStarted { record: record.clone(), planned: attacks.len() as u64 })
        .map_err(Failure::harness)?;
    let bar = terminal::progress(attacks.len() as u64);
    let mut failed = None;
    record.trials = gauntlet_services::run(&attacks, &template, &options, &cancel, |trial| {
        bar.set_message(format!("{} {}", trial.verdict, trial.attack));
        bar.inc(1);
        if let Err(error) = output.append(&Event::TrialFinished { trial: trial.clone() }) {
            failed.get_or_insert(error);
        }
    });
    bar.finish_and_clear();
    if let Some(error) = failed {
        return Err(Failure::harness(error));
    }
    record.complete = record.trials.len() == attacks.len();
    finish(&record, &mut output, &args.outputs)?;
    more_files(&record, args)?;
    Ok(record.exit_code())
}

/// The record as it is before the first trial. The service's policy is its operator's and is not told to us.
fn start(url: &str, template: &Template, attacks: &[Attack]) -> Record {
    let digests: String = attacks.iter().map(|attack| format!("{attack:?}\n")).collect();
    // A key on the command line has no place in a record.
    let mut command: Vec<String> = std::env::args().collect();
    for at in 0..command.len() {
        if command.get(at).is_some_and(|word| word == "--key")
            && let Some(key) = command.get_mut(at + 1)
        {
            *key = "KEY".to_owned();
        }
        if let Some(word) = command.get_mut(at).filter(|word| word.starts_with("--key=")) {
            *word = "--key=KEY".to_owned();
        }
    }
    Record {
        schema: SCHEMA.to_owned(),
        complete: false,
        tool: Tool { name: "gauntlet".into(), version: env!("CARGO_PKG_VERSION").into() },
        host: targets::host(),
        started: targets::now(),
        finished: None,
        command,
        seed: 0,
        targets: vec![TargetInfo {
            name: template.name.clone(),
            engine: template.engine.clone(),
            version: "unknown".into(),
            sha256: None,
        }],
        policy: PolicyInfo {
            name: format!("that of {url}, which its operator knows"),
            sha256: gauntlet_record::digest(b""),
            values: Vec::new(),
        },
        corpus: CorpusInfo {
            sha256: gauntlet_record::digest(digests.as_bytes()),
            attacks: attacks.len() as u64,
            selected: attacks.len() as u64,
        },
        trials: Vec::new(),
        findings: Vec::new(),
        mutation: None,
        known_allowed: false,
        closed_gaps: Vec::new(),
        shard: None,
        parts: Vec::new(),
    }
}

/// Whether a service that is broken on purpose is wanted by name.
pub(super) fn any(wanted: &dyn Fn(&str) -> bool) -> bool {
    services().iter().any(|service| wanted(service.name))
}

/// Attacks the services that are broken on purpose. With `quick`, each until one attack has caught it.
pub(super) fn selftest(
    wanted: &dyn Fn(&str) -> bool,
    quick: bool,
    cancel: &AtomicBool,
) -> Result<Vec<Mutation>, Failure> {
    let (template, attacks) = (template(None)?, attacks(&[])?);
    let mut mutations = Vec::new();
    for service in services().iter().filter(|service| wanted(service.name)) {
        let running = service.start().map_err(Failure::harness)?;
        let mut caught_by = Vec::new();
        for attack in &attacks {
            if quick && !caught_by.is_empty() {
                break;
            }
            // An attack that gets through on a sound service as well, or proves nothing there, has caught nothing.
            if verdict(&running, &template, attack, cancel)? == Some(Verdict::Breached)
                && verdict(&sound_service().start().map_err(Failure::harness)?, &template, attack, cancel)?
                    == Some(Verdict::Contained)
            {
                caught_by.push(CaughtBy { attack: attack.id.clone(), verdict: Verdict::Breached });
            }
        }
        mutations.push(Mutation {
            name: format!("service-{}", service.name),
            mistake: service.sentence.to_owned(),
            caught: !caught_by.is_empty(),
            caught_by,
            backstopped: Vec::new(),
        });
    }
    Ok(mutations)
}

/// What an attack finds on a service of ours; `None` if it was not run any more.
fn verdict(
    service: &Running,
    template: &Template,
    attack: &Attack,
    cancel: &AtomicBool,
) -> Result<Option<Verdict>, Failure> {
    let base = Base::parse(&format!("http://{}", service.address)).map_err(|why| Failure::harness(anyhow!(why)))?;
    let one = std::slice::from_ref(attack);
    let trials = gauntlet_services::run(one, template, &Options::new(base), cancel, |_| ());
    Ok(trials.first().map(|trial| trial.verdict))
}
