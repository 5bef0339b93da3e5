//! A run in parts: one shard of several, the rest of a run that was killed, and what of a machine is kept out of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::anyhow;
use clap::Args;
use gauntlet_policy::document::{self, Value};
use gauntlet_record::{PlannedTrial, Record, Shard, Trial, exit};
use gauntlet_report::Redaction;
use gauntlet_runner::{EVENTS, Output, OutputError, Plan};

use super::report;
use crate::failure::Failure;

/// What an attack costs that is not listed, in milliseconds; only the proportions matter.
const USUAL: u64 = 300;
/// Most shards.
const MOST: u32 = 1000;

/// Which part of a run, and how it goes on.
#[derive(Debug, Args)]
pub(crate) struct Sharing {
    /// Run one part of several, as PART/PARTS, for example 2/3. Every trial is in one of them, and they take about equally long.
    #[arg(long, value_name = "PART/PARTS", conflicts_with_all = ["layers", "fail_fast"])]
    pub(crate) shard: Option<Share>,
    /// Split by what the attacks cost in this record [default: by what they are known to cost]. All parts need the same one.
    #[arg(long, value_name = "RECORD", requires = "shard")]
    pub(crate) costs: Option<PathBuf>,
    /// Go on with the run in the output folder that was killed; start one if there is none, and report one that had ended.
    #[arg(long, conflicts_with_all = ["layers", "fail_fast"])]
    pub(crate) resume: bool,
    /// Take host names, paths, users and environment out of everything that is written.
    #[arg(long)]
    pub(crate) redact: bool,
}

/// One part of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    index: u32,
    of: u32,
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u32>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        let parts = text.split_once('/').and_then(|(index, of)| Some((number(index)?, number(of)?)));
        match parts {
            Some((index, of)) if index >= 1 && index <= of && of <= MOST => Ok(Self { index, of }),
            _ => Err(format!("a part is written like 2/3: a number from 1, and how many there are, at most {MOST}")),
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gauntlet report costs gauntlet-report/record.json > attacks/costs.yaml")]
pub(crate) struct Costs {
    /// A record of a whole run.
    #[arg(value_name = "RECORD")]
    record: PathBuf,
}

/// Prints what the attacks of a record cost that take longer than others.
pub(super) fn costs(args: &Costs) -> Result<u8, Failure> {
    let record = report::read(&args.record)?;
    let mut all: Vec<u64> = record.trials.iter().map(|trial| trial.duration / 1_000_000).collect();
    all.sort_unstable();
    let usual = all.get(all.len() / 2).copied().unwrap_or(1).max(1);
    let mut text = format!(
        "# What attacks cost that take twice as long as the one in the middle, where that one costs {USUAL}: `gauntlet run --shard` splits by it.\n\
         # Written by `gauntlet report costs`.\n"
    );
    for (attack, cost) in by_attack(&record) {
        if cost > 2 * usual {
            let _ = writeln!(text, "\"{}\": {}", attack.replace(['"', '\\'], "_"), cost * USUAL / usual);
        }
    }
    super::print(text.as_bytes())?;
    Ok(exit::CLEAN)
}

/// The longest of the trials of each attack, in milliseconds.
fn by_attack(record: &Record) -> BTreeMap<&str, u64> {
    let mut costs: BTreeMap<&str, u64> = BTreeMap::new();
    for trial in &record.trials {
        let cost = costs.entry(&trial.attack).or_default();
        *cost = (*cost).max(trial.duration / 1_000_000);
    }
    costs
}

/// The table of costs that is linked in.
fn known_costs(text: &str) -> Result<BTreeMap<String, u64>, Failure> {
    let broken = || Failure::harness(anyhow!("the embedded table of costs is broken"));
    let node = document::parse(text).map_err(|_| broken())?;
    let Value::Mapping(entries) = &node.value else { return Err(broken()) };
    let cost = |value: &Value| match value {
        Value::Scalar { text, .. } => text.parse::<u64>().ok(),
        Value::Sequence(_) | Value::Mapping(_) => None,
    };
    entries
        .iter()
        .map(|entry| Some((entry.key.value.clone(), cost(&entry.value.value)?)))
        .collect::<Option<_>>()
        .ok_or_else(broken)
}

/// Every trial of a run in the order of its record: those of the plan, then the probes of the jail.
pub(super) fn planned(plan: &Plan, probes: &[String]) -> Vec<PlannedTrial> {
    let cell = |target: &str, attack: &str| PlannedTrial { target: target.to_owned(), attack: attack.to_owned() };
    let attacks = plan
        .targets
        .iter()
        .flat_map(|target| plan.attacks.iter().map(move |attack| cell(&target.description.name, &attack.id)));
    attacks.chain(probes.iter().map(|probe| cell("worker", probe))).collect()
}

/// The part of a run that is asked for, and the trials that are in others: the same on every machine, since it follows from the plan and
/// the costs alone.
pub(super) fn split(
    args: &Sharing,
    plan: &Plan,
    planned: &[PlannedTrial],
) -> Result<(Option<Shard>, Vec<PlannedTrial>), Failure> {
    let Some(share) = args.shard else { return Ok((None, Vec::new())) };
    if u64::from(share.of) > planned.len() as u64 {
        return Err(Failure::usage(anyhow!("there are {} trials, and no {} parts of them", planned.len(), share.of)));
    }
    let costs: BTreeMap<String, u64> = match &args.costs {
        Some(path) => {
            let record = report::read(path)?;
            by_attack(&record).into_iter().map(|(attack, cost)| (attack.to_owned(), cost)).collect()
        }
        None => known_costs(gauntlet_attacks::COSTS)?,
    };
    // One that runs alone keeps the other lanes waiting; how many these are is another matter on every machine.
    let alone: BTreeSet<&str> =
        plan.attacks.iter().filter(|attack| attack.alone).map(|attack| attack.id.as_str()).collect();
    let cost = |cell: &PlannedTrial| {
        let cost = costs.get(&cell.attack).copied().unwrap_or(USUAL).max(1);
        if alone.contains(cell.attack.as_str()) { 2 * cost } else { cost }
    };
    let parts = assign(&planned.iter().map(cost).collect::<Vec<_>>(), share.of);
    let others = planned.iter().zip(&parts).filter(|(_, part)| **part != share.index);
    let others: Vec<PlannedTrial> = others.map(|(cell, _)| cell.clone()).collect();
    let mine = planned.len() - others.len();
    anstream::eprintln!("part {} of {}: {mine} of {} trials", share.index, share.of, planned.len());
    Ok((Some(Shard { index: share.index, of: share.of, planned: planned.to_vec() }), others))
}

/// Gives each trial to a part, numbered from 1: the dearest first, each to the part that has least so far.
fn assign(costs: &[u64], parts: u32) -> Vec<u32> {
    let mut order: Vec<usize> = (0..costs.len()).collect();
    order.sort_by_key(|place| (std::cmp::Reverse(costs[*place]), *place));
    let mut loads: BTreeSet<(u64, u32)> = (1..=parts).map(|part| (0, part)).collect();
    let mut given = vec![1; costs.len()];
    for place in order {
        if let Some((load, part)) = loads.pop_first() {
            given[place] = part;
            loads.insert((load.saturating_add(costs[place]), part));
        }
    }
    given
}

/// Takes up the run in an output folder. `None` where there is none to go on with; then the folder is taken for a new one.
pub(super) fn take_up(path: &std::path::Path) -> Result<(Output, Option<Record>), Failure> {
    if path.join(EVENTS).is_file() {
        match Output::resume(path) {
            Ok((output, record)) => return Ok((output, Some(record))),
            // Killed before it had begun: there is nothing to go on with.
            Err(OutputError::Events { source: gauntlet_record::EventError::NoStart, .. }) => {}
            Err(error) => return Err(Failure::usage(error)),
        }
    }
    Ok((Output::open(path).map_err(Failure::usage)?, None))
}

/// Refuses to go on with a run that is another one.
pub(super) fn same_run(earlier: &Record, now: &Record) -> Result<(), Failure> {
    let targets = |record: &Record| {
        let names = record.targets.iter().map(|target| {
            format!(
                "{} {} {} {}",
                target.name,
                target.engine,
                target.version,
                target.sha256.as_deref().unwrap_or_default()
            )
        });
        names.collect::<Vec<_>>().join(", ")
    };
    let shard = |record: &Record| match &record.shard {
        Some(shard) => {
            let cells: Vec<String> =
                shard.planned.iter().map(|cell| format!("{} {}", cell.target, cell.attack)).collect();
            format!("{}/{} of {}", shard.index, shard.of, gauntlet_record::digest(cells.join("\n").as_bytes()))
        }
        None => "none".to_owned(),
    };
    let host = |record: &Record| format!("{} {} {}", record.host.os, record.host.kernel, record.host.arch);
    for (what, was, is) in [
        ("version", earlier.tool.version.clone(), now.tool.version.clone()),
        ("host", host(earlier), host(now)),
        ("policy", earlier.policy.sha256.clone(), now.policy.sha256.clone()),
        ("corpus", earlier.corpus.sha256.clone(), now.corpus.sha256.clone()),
        ("selection", earlier.corpus.selected.to_string(), now.corpus.selected.to_string()),
        ("targets", targets(earlier), targets(now)),
        ("part", shard(earlier), shard(now)),
        ("seed", earlier.seed.to_string(), now.seed.to_string()),
    ] {
        if was != is {
            return Err(Failure::usage(anyhow!("the run to go on with has another {what}: `{was}`, and not `{is}`")));
        }
    }
    Ok(())
}

/// Puts trials in the order of the plan. What is not in it is of another run.
pub(super) fn in_order(trials: &mut [Trial], planned: &[PlannedTrial]) -> Result<(), Failure> {
    let places: BTreeMap<(&str, &str), usize> =
        planned.iter().enumerate().map(|(place, cell)| ((cell.target.as_str(), cell.attack.as_str()), place)).collect();
    let place = |trial: &Trial| places.get(&(trial.target.as_str(), trial.attack.as_str())).copied();
    if let Some(stranger) = trials.iter().find(|trial| place(trial).is_none()) {
        return Err(Failure::usage(anyhow!(
            "the run to go on with has a trial that is not in this one: `{}` on {}",
            stranger.attack,
            stranger.target
        )));
    }
    trials.sort_by_key(|trial| place(trial));
    Ok(())
}

/// What of this machine is to be taken out of a record.
pub(super) fn redaction() -> Redaction {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy().into_owned();
    let short = name.split('.').next().unwrap_or_default().to_owned();
    let variable = |key: &str| std::env::var(key).ok();
    let hosts: Vec<String> = [Some(name), Some(short), variable("HOSTNAME")].into_iter().flatten().collect();
    let account = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten();
    let mut users: Vec<String> =
        [variable("USER"), variable("LOGNAME"), variable("SUDO_USER")].into_iter().flatten().collect();
    users.extend(account.map(|account| account.name));
    let environment: Vec<String> = std::env::vars_os().filter_map(|(_, value)| value.into_string().ok()).collect();
    Redaction::new(&hosts, &users, &environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_a_number_of_a_number() {
        assert_eq!("2/3".parse(), Ok(Share { index: 2, of: 3 }));
        for text in ["", "0/3", "4/3", "1", "1/0", "a/b", "1/2/3", "-1/2", "+1/2", " 1/2", "1/1001"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_trial_is_in_one_part_and_the_parts_are_even() {
        let costs: Vec<u64> = (0..500).map(|place| 300 + (place * 7919) % 4000).collect();
        for parts in [1, 2, 3, 7, 50] {
            let given = assign(&costs, parts);
            assert_eq!(given, assign(&costs, parts), "it follows from the costs alone");
            let load = |part: u32| {
                given.iter().zip(&costs).filter(|(known, _)| **known == part).map(|(_, cost)| cost).sum::<u64>()
            };
            let loads: Vec<u64> = (1..=parts).map(load).collect();
            let (least, most) = (loads.iter().min().unwrap(), loads.iter().max().unwrap());
            assert!(most - least <= 4300, "{parts}: {loads:?}");
        }
        assert_eq!(assign(&[5, 1, 1, 1], 2), [1, 2, 2, 2]);
    }

    #[test]
    fn the_table_of_costs_names_attacks_of_the_corpus() {
        let corpus = gauntlet_corpus::Corpus::embedded(gauntlet_attacks::FILES).unwrap();
        let costs = known_costs(gauntlet_attacks::COSTS).unwrap();
        assert!(!costs.is_empty());
        for attack in costs.keys().filter(|attack| !attack.starts_with("isolation/")) {
            let known = corpus.attacks.iter().any(|known| known.id == *attack);
            assert!(known, "`{attack}` is in attacks/costs.yaml and not in the corpus");
        }
    }

    #[test]
    fn trials_of_another_plan_are_refused() {
        let mut trials = gauntlet_record::example().trials;
        let planned: Vec<PlannedTrial> = trials
            .iter()
            .rev()
            .map(|trial| PlannedTrial { target: trial.target.clone(), attack: trial.attack.clone() })
            .collect();
        in_order(&mut trials, &planned).unwrap();
        assert_eq!(trials[0].attack, planned[0].attack);
        assert!(in_order(&mut trials, &planned[1..]).is_err());
    }

    #[test]
    fn another_run_is_not_gone_on_with() {
        let record = gauntlet_record::example();
        same_run(&record, &record).unwrap();
        let mut other = record.clone();
        other.policy.sha256 = "9".repeat(64);
        assert!(same_run(&record, &other).is_err());
        let mut other = record.clone();
        other.seed = 9;
        assert!(same_run(&record, &other).is_err());
    }
}
