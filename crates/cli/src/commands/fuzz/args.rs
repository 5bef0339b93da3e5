//! What `gauntlet fuzz` takes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  gauntlet fuzz --time 60s                               every pair, one after the other
  gauntlet fuzz limits --cases 1000 --seed 7             one pair, the same cases again
  gauntlet fuzz --resume --output gauntlet-fuzz          goes on where a run was ended
  gauntlet fuzz limits --target mistake:memory-limiter-detached --first
  gauntlet fuzz minimize gauntlet-fuzz/usage-within-limits-*
  gauntlet fuzz replay gauntlet-fuzz
  gauntlet fuzz promote gauntlet-fuzz/usage-within-limits-0123456789abcdef --name grow-unseen

`gauntlet fuzz pairs` names the pairs and says what each does.

Exit codes: 0 nothing found, 1 findings, 2 wrong input, 3 ended early or unwell, 4 harness or host."
)]
pub(crate) struct Fuzz {
    #[command(subcommand)]
    pub(crate) action: Option<Action>,
    #[command(flatten)]
    pub(crate) run: Run,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The pair of a generator and its oracles [default: all, one after the other; for a command target wasi-sequences].
    #[arg(value_name = "PAIR")]
    pub(crate) pair: Option<String>,
    /// How long, in all.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = crate::args::duration, conflicts_with = "cases")]
    pub(crate) time: u64,
    /// How many cases of each pair, in place of a time.
    #[arg(long, value_name = "N")]
    pub(crate) cases: Option<u64>,
    /// Processes at once [default: one a core].
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// The seed; the same seed makes the same cases [default: random, and printed].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// The policy [default: one with small limits].
    #[arg(long, short, value_name = "POLICY")]
    pub(crate) policy: Option<String>,
    /// What is fuzzed: inline, worker, pool, `mistake:NAME`, or a command target, which gets the pair wasi-sequences if none is named.
    #[arg(long, alias = "placement", value_name = "TARGET", default_value = "inline")]
    pub(crate) target: String,
    /// Folder for what is found.
    #[arg(long, short, value_name = "DIR", default_value = "gauntlet-fuzz")]
    pub(crate) output: PathBuf,
    /// Go on where the run that wrote this folder was ended, with its seed.
    #[arg(long)]
    pub(crate) resume: bool,
    /// End a pair at its first finding.
    #[arg(long)]
    pub(crate) first: bool,
    /// Leave findings as large as they were found.
    #[arg(long)]
    pub(crate) no_minimize: bool,
    /// How long one case may take before its process is killed and it is a finding.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = crate::args::duration)]
    pub(crate) patience: u64,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Say what each pair does.
    Pairs,
    /// Make findings smaller while the same oracle fires.
    Minimize(Minimize),
    /// Run stored findings again.
    Replay(Replay),
    /// Make an attack folder of a finding.
    Promote(Promote),
    /// Write seeds and a dictionary for the targets of cargo-fuzz.
    Seeds(Seeds),
    /// For each weakened executor, how many executions the right pair takes to find it.
    Weaknesses(Weaknesses),
    /// Measure the loop against its parts.
    Figures(Figures),
    /// One process of a run. Not for use by hand.
    #[command(hide = true)]
    Lane(Lane),
    /// One stored case, in a process of its own. Not for use by hand.
    #[command(hide = true)]
    Execute(Execute),
}

#[derive(Debug, Args)]
pub(crate) struct Minimize {
    /// Findings, or folders of them.
    #[arg(required = true, value_name = "DIR")]
    pub(crate) dirs: Vec<PathBuf>,
    /// Most runs of one finding's candidates.
    #[arg(long, value_name = "N", default_value_t = 400)]
    pub(crate) runs: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// Findings, or folders of them.
    #[arg(required = true, value_name = "DIR")]
    pub(crate) dirs: Vec<PathBuf>,
    /// Another target than the one it was found on.
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Write down of what no longer reproduces that it is to stay so.
    #[arg(long)]
    pub(crate) settle: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Promote {
    /// The finding.
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The attack's name.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// The folder of attacks.
    #[arg(long, value_name = "DIR", default_value = "attacks/regression")]
    pub(crate) into: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Seeds {
    /// Where `seeds/<target>/` and `dict/` are written.
    #[arg(value_name = "DIR", default_value = "fuzz")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Weaknesses {
    /// Only weaknesses whose name contains this.
    #[arg(value_name = "TEXT", default_value = "")]
    pub(crate) filter: String,
    /// Seeds to try, from 1.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seeds: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Figures {
    /// Modules to measure with.
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub(crate) modules: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Lane {
    /// The file that says what to do.
    pub(crate) spec: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Execute {
    /// The finding.
    pub(crate) dir: PathBuf,
    /// The target.
    #[arg(long)]
    pub(crate) target: Option<String>,
}
