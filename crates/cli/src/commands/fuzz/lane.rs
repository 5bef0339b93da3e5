//! One process of a run: it may die of what it runs. The number of the case is in its journal before the case is made, each finding on the
//! disk before the next case, and what it says goes to standard output, a line each.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use gauntlet_fuzzing::{Case, Driver, DriverError, Finding, Stage, Stats, Stored, Until, Watch, pair};
use gauntlet_record::exit;
use serde::{Deserialize, Serialize};

use super::args;
use super::bench::{Stand, policy};
use crate::failure::Failure;

/// How often it says how it goes.
const TELL: Duration = Duration::from_millis(100);
/// Findings of one group that a lane stores: the others are the same fault.
const SAME: u64 = 3;
/// Findings that a lane stores in all.
const MOST: u64 = 200;

/// What a lane is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Spec {
    pub(super) pair: String,
    pub(super) seed: u64,
    pub(super) from: u64,
    pub(super) step: u64,
    /// The first case that is not run, if a number ends it.
    pub(super) until: Option<u64>,
    /// How long, if a time ends it.
    pub(super) millis: Option<u64>,
    pub(super) policy: Option<String>,
    pub(super) target: String,
    pub(super) output: PathBuf,
    pub(super) journal: PathBuf,
    pub(super) first: bool,
    /// Only findings of this oracle whose message holds these words; the others are neither stored nor counted.
    pub(super) only: Option<(String, String)>,
}

/// Whether a finding is one of those that are looked for.
pub(super) fn wanted(only: Option<&(String, String)>, oracle: &str, message: &str) -> bool {
    only.is_none_or(|(wanted, words)| wanted == oracle && message.contains(words.as_str()))
}

/// What a lane says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Told {
    /// How it goes.
    Stats(Stats),
    /// Something was found and stored there.
    Found { folder: PathBuf, oracle: String, place: String, message: String, case: u64 },
    /// It came to its end.
    Done(Stats),
    /// It cannot go on, and why; the second is whether the disk is to blame.
    Stopped(String, bool),
}

/// What the journal says: the case, and how far it came.
pub(super) fn journal(path: &Path) -> Option<(u64, Stage)> {
    let text = std::fs::read_to_string(path).ok()?;
    let (number, stage) = text.trim_end().split_once(' ')?;
    let stage = if stage == "run" { Stage::Run } else { Stage::Generate };
    Some((number.parse().ok()?, stage))
}

struct Lane<'a> {
    spec: &'a Spec,
    journal: File,
    told: Instant,
    /// Whether somebody still listens.
    heard: bool,
    groups: BTreeMap<(String, String), u64>,
    stored: u64,
    /// Findings that count.
    counted: u64,
}

impl Lane<'_> {
    fn tell(&mut self, told: &Told) {
        let mut line = serde_json::to_string(told).unwrap_or_default();
        line.push('\n');
        let mut out = io::stdout().lock();
        self.heard &= out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_ok();
        self.told = Instant::now();
    }
}

impl Watch for Lane<'_> {
    fn stage(&mut self, case: u64, stage: Stage) -> io::Result<()> {
        let word = match stage {
            Stage::Generate => "gen",
            Stage::Run => "run",
        };
        // One write of always the same length: a reader never sees half of it.
        self.journal.write_all_at(format!("{case:020} {word}\n").as_bytes(), 0)
    }

    fn found(&mut self, number: u64, finding: &Finding, case: &Case) -> io::Result<()> {
        if !wanted(self.spec.only.as_ref(), &finding.oracle, finding.message.as_str()) {
            return Ok(());
        }
        self.counted += 1;
        let group = (finding.oracle.clone(), finding.place.clone());
        let seen = self.groups.entry(group).or_default();
        *seen += 1;
        if *seen > SAME || self.stored >= MOST {
            return Ok(());
        }
        self.stored += 1;
        let stored = Stored::new(&self.spec.pair, &self.spec.target, self.spec.seed, number, finding, case);
        let folder = stored.store(&self.spec.output)?;
        self.tell(&Told::Found {
            folder,
            oracle: finding.oracle.clone(),
            place: finding.place.clone(),
            message: finding.message.as_str().to_owned(),
            case: number,
        });
        Ok(())
    }

    fn over(&mut self, stats: &Stats) -> bool {
        if self.told.elapsed() >= TELL {
            self.tell(&Told::Stats(stats.clone()));
        }
        self.heard && !(self.spec.first && self.counted > 0)
    }
}

/// Makes this process one whose system does not know what a pair is to do without.
pub(super) fn without(pair: &str) -> Result<(), Failure> {
    if pair.ends_with("-without-openat2") {
        gauntlet_fuzzing::sequences::without_openat2().map_err(Failure::harness)?;
    }
    Ok(())
}

pub(super) fn run(args: &args::Lane) -> Result<u8, Failure> {
    // Without its parent nobody would read what it finds. Whoever is orphaned before this line finds a closed pipe.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let text = std::fs::read(&args.spec).context("cannot read what is to be done").map_err(Failure::usage)?;
    let spec: Spec = serde_json::from_slice(&text).context("no work for a lane").map_err(Failure::usage)?;
    let pair = pair(&spec.pair).ok_or_else(|| Failure::usage(anyhow!("no pair `{}`", spec.pair)))?;
    without(&spec.pair)?;
    let stand = Stand::new(&spec.target, policy(spec.policy.as_deref())?)?;
    let journal = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&spec.journal)
        .context("cannot write the journal")
        .map_err(Failure::harness)?;
    let mut lane = Lane {
        spec: &spec,
        journal,
        told: Instant::now(),
        heard: true,
        groups: BTreeMap::new(),
        stored: 0,
        counted: 0,
    };
    let until = match (spec.until, spec.millis) {
        (Some(case), _) => Until::Case(case),
        (None, millis) => Until::Instant(Instant::now() + Duration::from_millis(millis.unwrap_or(0))),
    };
    let ended = stand
        .with(|bench| Driver { pair, bench, seed: spec.seed, from: spec.from, step: spec.step }.run(until, &mut lane));
    match ended {
        Ok(stats) => lane.tell(&Told::Done(stats)),
        Err(error) => {
            let disk = matches!(error, DriverError::Store(_));
            lane.tell(&Told::Stopped(format!("{:#}", anyhow::Error::new(error)), disk));
        }
    }
    Ok(exit::CLEAN)
}
