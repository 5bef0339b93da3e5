//! `gauntlet report sign`, `verify` and `disclose`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};
use gauntlet_record::{GuestText, Record, exit};
use gauntlet_report::bundle::{self, BundleError, Files as _, Folder, Now, Verification};
use gauntlet_runner::{note_in_marker, write_atomically};

use super::{deliver, keys};
use crate::commands::print;
use crate::failure::Failure;
use crate::{inputs, targets};

/// Most bytes of a disclosed trial.
const MAX_DISCLOSURE: u64 = 64 << 20;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gauntlet report sign gauntlet-report --key gauntlet.key
  gauntlet report sign gauntlet-report               unsigned, for services that sign without a key

Every file in the folder is attested. Exit codes: 0 attested, 2 no sound record, or a key that cannot be used.")]
pub(super) struct Sign {
    /// The folder, with `record.json` in it.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The private key, as PEM: Ed25519, or ECDSA P-256 for consumers like cosign [default: not signed].
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gauntlet report verify gauntlet-report --key gauntlet.key.pub
  gauntlet report verify trial.json --key gauntlet.key.pub

Nothing is asked of any network. Exit codes: 0 verified, 1 it is not what was attested, 2 no such folder, nothing attested in
it, or a key that cannot be used, 3 verified and stale: it holds for another system, engine, policy or corpus than is here.")]
pub(super) struct Verify {
    /// The folder that was attested, or a trial that was disclosed.
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// The key that has to have signed it, as PEM [default: the one that lies in the folder].
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The policy as it is today: a preset's name or a file [default: the one that the record names].
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,
    /// The run also used the attacks in this folder; may be given several times.
    #[arg(long, value_name = "DIR")]
    attacks: Vec<PathBuf>,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Form::Human)]
    format: Form,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gauntlet report disclose gauntlet-report memory/grow-past-limit --output trial.json
  gauntlet report verify trial.json --key gauntlet.key.pub

Of the other trials it tells the names of their attacks, and nothing else. Exit codes: 0 written, 2 no such trial.")]
pub(super) struct Disclose {
    /// The folder that was attested.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The attack.
    #[arg(value_name = "ATTACK")]
    attack: String,
    /// The target, where the record has several.
    #[arg(long, value_name = "TARGET")]
    target: Option<String>,
    /// The file to write to [default: standard output].
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Human,
    Json,
}

fn unusable(path: &Path) -> impl FnOnce(BundleError) -> Failure + use<'_> {
    move |error| Failure::usage(anyhow::Error::new(error).context(format!("cannot use `{}`", path.display())))
}

pub(super) fn sign(args: &Sign) -> Result<u8, Failure> {
    let key = args.key.as_deref().map(keys::private).transpose()?;
    let files = Folder::new(args.dir.clone());
    let failed = |error: std::io::Error| {
        Failure::usage(anyhow::Error::new(error).context(format!("cannot write to `{}`", args.dir.display())))
    };
    // What is made is ours to replace by the next run, which the folder has to say before it is attested.
    note_in_marker(&args.dir, &bundle::attestations(key.is_some())).map_err(failed)?;
    let made = bundle::sign(&files, key.as_ref()).map_err(unusable(&args.dir))?;
    // What an earlier signature left is none of this one.
    let there = files.names().context("cannot read the folder").map_err(Failure::usage)?;
    for name in there.iter().filter(|name| bundle::is_attestation(name)) {
        fs::remove_file(args.dir.join(name)).map_err(failed)?;
    }
    for (name, bytes) in &made {
        write_atomically(&args.dir.join(name), bytes).map_err(failed)?;
    }
    match &key {
        Some(key) => {
            anstream::eprintln!("signed by the {} key {:.16}", key.public().kind().as_str(), key.public().id())
        }
        None => anstream::eprintln!("attested, and not signed"),
    }
    Ok(exit::CLEAN)
}

pub(super) fn verify(args: &Verify) -> Result<u8, Failure> {
    let key = args.key.as_deref().map(keys::public).transpose()?;
    let found = if args.path.is_dir() {
        let now = |record: &Record| now(args, record);
        bundle::verify(&Folder::new(args.path.clone()), key.as_ref(), &now).map_err(unusable(&args.path))?
    } else {
        let bytes = gauntlet_policy::read_limited(&args.path, MAX_DISCLOSURE)
            .with_context(|| format!("cannot use `{}`", args.path.display()))
            .map_err(Failure::usage)?;
        bundle::verify_disclosure(&bytes, key.as_ref()).map_err(unusable(&args.path))?
    };
    let (word, code) = match (found.broken.is_empty(), found.stale.is_empty()) {
        (false, _) => ("BROKEN", exit::BREACH),
        (true, false) => ("STALE", exit::INCONCLUSIVE),
        (true, true) => ("VERIFIED", exit::CLEAN),
    };
    let text = match args.format {
        Form::Human => human(word, &found),
        Form::Json => {
            let mut value = serde_json::to_value(&found).map_err(Failure::harness)?;
            value["result"] = word.into();
            serde_json::to_string_pretty(&value).map_err(Failure::harness)? + "\n"
        }
    };
    print(text.as_bytes())?;
    Ok(code)
}

fn human(word: &str, found: &Verification) -> String {
    let line = |text: &str| GuestText::new(text.as_bytes(), 4096).as_str().to_owned();
    let mut out = format!("{word}\n");
    if !found.says.is_empty() {
        let _ = writeln!(out, "the record says: {}", line(&found.says));
    }
    for (title, list) in [
        ("not as attested", &found.broken),
        ("no longer so", &found.stale),
        ("checked", &found.checked),
        ("not checked", &found.unchecked),
    ] {
        for text in list {
            let _ = writeln!(out, "{title}: {}", line(text));
        }
    }
    out
}

/// What is here of what a record was made on. Foreign programs are not started to ask.
fn now(args: &Verify, record: &Record) -> Now {
    let system = rustix::system::uname();
    let own = || std::env::current_exe().ok().and_then(|path| fs::read(path).ok()).map(|bytes| bundle::digest(&bytes));
    let ours = record.targets.iter().filter(|target| matches!(target.name.as_str(), "worker" | "inline"));
    let build = own();
    let known = ours.filter_map(|target| {
        let plan = targets::plan(&target.name, false, None).ok()?.description;
        Some((plan.name, (plan.engine, plan.version, build.clone())))
    });
    let name = args.policy.as_deref().unwrap_or(&record.policy.name);
    Now {
        system: Some((std::env::consts::OS.to_owned(), std::env::consts::ARCH.to_owned())),
        kernel: Some(system.release().to_string_lossy().into_owned()),
        targets: known.collect(),
        policy: inputs::policy(name).ok().map(|policy| policy.sha256()),
        corpus: inputs::corpus_digest(&args.attacks),
    }
}

pub(super) fn disclose(args: &Disclose) -> Result<u8, Failure> {
    let files = Folder::new(args.dir.clone());
    if !args.dir.is_dir() {
        return Err(Failure::usage(anyhow!("`{}` is no folder", args.dir.display())));
    }
    let json = bundle::disclose(&files, &args.attack, args.target.as_deref()).map_err(unusable(&args.dir))?;
    deliver(args.output.as_deref(), json.as_bytes())
}
