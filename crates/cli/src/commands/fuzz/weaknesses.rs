//! For each weakened executor, how many executions the right pair takes to find it from an empty seed: the fuzzer is tested as the corpus is.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::anyhow;
use gauntlet_fuzzing::{Pair, pair};
use gauntlet_record::exit;

use super::args;
use super::run::{Order, run_pair};
use crate::failure::Failure;

/// A weakened executor, the pair that finds it, within how many cases, and by what: an oracle, and words of its message. What else such an
/// executor does wrong does not count.
struct Weakness {
    name: &'static str,
    pair: &'static str,
    within: u64,
    oracle: &'static str,
    words: String,
}

/// The list: a line each, `name pair within oracle words`.
const LIST: &str = include_str!("weaknesses.txt");

fn list() -> impl Iterator<Item = Weakness> {
    LIST.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut words = line.split_whitespace();
        Some(Weakness {
            name: words.next()?,
            pair: words.next()?,
            within: words.next()?.parse().ok()?,
            oracle: words.next()?,
            words: words.collect::<Vec<_>>().join(" "),
        })
    })
}

pub(super) fn run(args: &args::Weaknesses) -> Result<u8, Failure> {
    let output = tempfile::tempdir().map_err(Failure::harness)?;
    let cancel = AtomicBool::new(false);
    let mut missed = 0_u64;
    let mut asked = 0_u64;
    super::super::print(
        b"| weakness | pair | oracle | cases until it is found, by seed | within |\n|---|---|---|---|---|\n",
    )?;
    for weakness in list().filter(|weakness| weakness.name.contains(&args.filter)) {
        asked += 1;
        let pair: &'static Pair =
            pair(weakness.pair).ok_or_else(|| Failure::harness(anyhow!("no pair `{}`", weakness.pair)))?;
        let mut counts = Vec::new();
        for seed in 1..=args.seeds.max(1) {
            let target = format!("mistake:{}", weakness.name);
            let order = Order {
                seed,
                from: 0,
                until: Some(weakness.within),
                millis: None,
                jobs: 1,
                policy: None,
                target: &target,
                output: output.path(),
                first: true,
                patience: Duration::from_secs(60),
                quiet: true,
                only: Some((weakness.oracle.to_owned(), weakness.words.clone())),
            };
            let ran = run_pair(pair, &order, &cancel)?;
            if let Some((why, _)) = ran.stopped {
                return Err(Failure::harness(anyhow!("{}: {why}", weakness.name)));
            }
            match ran.found.first() {
                Some(found) => counts.push((found.case + 1).to_string()),
                None => {
                    missed += 1;
                    counts.push("MISSED".to_owned());
                }
            }
        }
        let line = format!(
            "| {} | {} | {} | {} | {} |\n",
            weakness.name,
            weakness.pair,
            weakness.oracle,
            counts.join(", "),
            weakness.within
        );
        super::super::print(line.as_bytes())?;
    }
    if asked == 0 {
        return Err(Failure::usage(anyhow!("no weakness matches `{}`", args.filter)));
    }
    Ok(if missed > 0 { exit::BREACH } else { exit::CLEAN })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use gauntlet_fuzzing::ORACLES;

    use super::*;

    #[test]
    fn every_line_names_a_mistake_and_a_pair_and_none_twice() {
        let lines = LIST.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count();
        let names: BTreeSet<&str> = list().map(|weakness| weakness.name).collect();
        assert_eq!(names.len(), lines, "a line cannot be read, or stands twice");
        for weakness in list() {
            assert!(gauntlet_weakened::find(weakness.name).is_some(), "{}", weakness.name);
            assert!(pair(weakness.pair).is_some() && weakness.within > 0, "{}", weakness.name);
            assert!(ORACLES.iter().any(|oracle| oracle.id == weakness.oracle), "{}", weakness.name);
        }
        assert!(lines >= 15);
    }
}
