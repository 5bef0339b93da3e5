//! Stored findings: made smaller, run again, made into attacks.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, anyhow};
use gauntlet_fuzzing::{Case, Depth, Effort, Finding, Outlook, Stored, findings, pair, rebuild};
use gauntlet_record::exit;
use serde::{Deserialize, Serialize};

use super::args;
use super::bench::{Stand, policy};
use crate::failure::Failure;

/// What a process that ran a case says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    oracle: String,
    place: String,
    message: String,
}

/// One stored case, run to its end in this process, all oracles asked.
pub(super) fn execute(args: &args::Execute) -> Result<u8, Failure> {
    let stored = Stored::load(&args.dir).map_err(Failure::usage)?;
    let target = args.target.as_deref().unwrap_or(&stored.expect.target);
    let seen = on(target, &stored.expect.pair, &stored.case)?;
    let line = serde_json::to_string(&seen).map_err(Failure::harness)?;
    super::super::print(format!("{line}\n").as_bytes())?;
    Ok(exit::CLEAN)
}

fn on(target: &str, id: &str, case: &Case) -> Result<Vec<Seen>, Failure> {
    super::lane::without(id)?;
    let stand = Stand::new(target, policy(None)?)?;
    run_on(&stand, id, case)
}

fn run_on(stand: &Stand, id: &str, case: &Case) -> Result<Vec<Seen>, Failure> {
    let pair = pair(id).ok_or_else(|| Failure::usage(anyhow!("no pair `{id}`")))?;
    let ran = stand.with(|bench| (pair.run)(bench, case, Depth::All));
    if let Some(why) = ran.unreadable.or(ran.setup) {
        return Err(Failure::usage(anyhow!("the case cannot be run: {why}")));
    }
    let seen = |Finding { oracle, place, message }| Seen { oracle, place, message: message.as_str().to_owned() };
    Ok(ran.findings.into_iter().map(seen).collect())
}

/// Runs a stored case in a process of its own: `Ok` with what was found, the death of the process included.
fn apart(dir: &Path, target: Option<&str>) -> Result<Vec<Seen>, Failure> {
    use std::os::unix::process::ExitStatusExt as _;
    let program = std::env::current_exe().context("cannot find this executable").map_err(Failure::harness)?;
    let mut command = Command::new(program);
    command.args(["fuzz", "execute"]).arg(dir).stdin(Stdio::null());
    if let Some(target) = target {
        command.args(["--target", target]);
    }
    let done = command.output().context("cannot run the case").map_err(Failure::harness)?;
    let words = String::from_utf8_lossy(&done.stderr).trim().chars().take(400).collect::<String>();
    if let Some(signal) = done.status.signal() {
        let message = format!("the process that ran the guest died of signal {signal}: {words}");
        return Ok(vec![Seen { oracle: "no-host-panic".into(), place: format!("signal {signal}"), message }]);
    }
    match done.status.code() {
        Some(0) => {
            let last = String::from_utf8_lossy(&done.stdout).lines().last().unwrap_or_default().to_owned();
            serde_json::from_str(&last)
                .context("the process that ran the case said nothing of it")
                .map_err(Failure::harness)
        }
        Some(code) if i32::from(exit::USAGE) == code => {
            Err(Failure::usage(anyhow!(words.trim_start_matches("error: ").to_owned())))
        }
        _ => Err(Failure::harness(anyhow!("the process that ran the case ended with {}: {words}", done.status))),
    }
}

/// Whether the same was seen: the oracle and, for a death, the signal.
fn same(seen: &[Seen], stored: &Stored) -> bool {
    let death = stored.expect.place.starts_with("signal ");
    seen.iter().any(|seen| seen.oracle == stored.expect.oracle && (!death || seen.place == stored.expect.place))
}

pub(super) fn minimize(args: &args::Minimize) -> Result<u8, Failure> {
    for dir in &args.dirs {
        for (folder, stored) in list(dir)? {
            let small = smaller(&stored, args.runs)?;
            let Some(small) = small else {
                super::super::print(format!("{}: no longer reproduces, left as it is\n", folder.display()).as_bytes())?;
                continue;
            };
            let within = folder.parent().unwrap_or(Path::new("."));
            let place = small
                .store(within)
                .with_context(|| format!("cannot write to `{}`", within.display()))
                .map_err(Failure::harness)?;
            let (before, after) = (&stored.case, &small.case);
            let line = format!(
                "minimized: {} to {} lines, {} to {} bytes of guest, {} to {} of policy: {}\n",
                before.calls.len(),
                after.calls.len(),
                before.wasm.len(),
                after.wasm.len(),
                before.policy.len(),
                after.policy.len(),
                place.display()
            );
            super::super::print(line.as_bytes())?;
        }
    }
    Ok(exit::CLEAN)
}

/// The smaller finding; `None` if it does not reproduce.
fn smaller(stored: &Stored, runs: u32) -> Result<Option<Stored>, Failure> {
    let expect = &stored.expect;
    // What kills its process, or was too late, is asked in processes.
    // So is what needs another system than this process has.
    let deadly = expect.pair.ends_with("-without-openat2")
        || expect.place.starts_with("signal ")
        || expect.place.starts_with("exit ")
        || expect.place == "too late";
    let scratch = tempfile::tempdir().context("cannot make a temporary folder").map_err(Failure::harness)?;
    let stand = if deadly { None } else { Some(Stand::new(&expect.target, policy(None)?)?) };
    let mut fires = |case: &Case| {
        let candidate = Stored { case: case.clone(), expect: expect.clone() };
        let seen = match &stand {
            Some(stand) => run_on(stand, &expect.pair, case),
            None => candidate.store(scratch.path()).map_err(Failure::harness).and_then(|dir| apart(&dir, None)),
        };
        seen.is_ok_and(|seen| same(&seen, &candidate))
    };
    if expect.place == "too late" || !fires(&stored.case) {
        return Ok(None);
    }
    let runs = if deadly { runs.min(100) } else { runs };
    let build = |lines: &[String]| rebuild(&expect.pair, lines);
    let case = gauntlet_fuzzing::minimize(&stored.case, Effort { runs }, &build, &mut fires);
    Ok(Some(Stored { case, expect: gauntlet_fuzzing::Expect { minimized: true, ..expect.clone() } }))
}

pub(super) fn replay(args: &args::Replay) -> Result<u8, Failure> {
    let (mut open, mut clean) = (0_u64, 0_u64);
    for dir in &args.dirs {
        for (folder, mut stored) in list(dir)? {
            // An envelope is a file: it is laid out for the process that runs it.
            let scratch = tempfile::tempdir().context("cannot make a temporary folder").map_err(Failure::harness)?;
            let laid = if folder.is_dir() {
                folder.clone()
            } else {
                stored.store(scratch.path()).map_err(Failure::harness)?
            };
            let seen = apart(&laid, args.target.as_deref())?;
            let name = folder
                .file_name()
                .map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned());
            let line = match (seen.first(), stored.expect.expect) {
                (Some(seen), outlook) => {
                    open += 1;
                    let back = if outlook == Outlook::Clean { "it is back: " } else { "" };
                    format!("found  {name}: {back}{}: {}\n", seen.oracle, seen.message)
                }
                (None, Outlook::Clean) => {
                    clean += 1;
                    format!("clean  {name}\n")
                }
                (None, Outlook::Found) => {
                    clean += 1;
                    if args.settle && folder.is_dir() {
                        stored.expect.expect = Outlook::Clean;
                        stored
                            .rewrite_expect(&folder)
                            .context("cannot write the expectation")
                            .map_err(Failure::harness)?;
                        format!("clean  {name}: no longer reproduces, and is to stay so\n")
                    } else {
                        format!("clean  {name}: no longer reproduces; `--settle` writes that down\n")
                    }
                }
            };
            super::super::print(gauntlet_fuzzing::Finding::of("", line.trim_end()).message.as_str().as_bytes())?;
            super::super::print(b"\n")?;
        }
    }
    if open + clean == 0 {
        return Err(Failure::usage(anyhow!("there is no finding in it")));
    }
    super::super::print(format!("{open} found, {clean} clean\n").as_bytes())?;
    Ok(if open > 0 { exit::BREACH } else { exit::CLEAN })
}

pub(super) fn promote(args: &args::Promote) -> Result<u8, Failure> {
    let stored = Stored::load(&args.dir).map_err(Failure::usage)?;
    let folder = gauntlet_fuzzing::promote(&stored, &args.into, &args.name).map_err(Failure::usage)?;
    let text = format!("{0}\nlook it over, then: gauntlet run {0}\n", folder.display());
    super::super::print(text.as_bytes())?;
    Ok(exit::CLEAN)
}

/// The findings of a folder. Files that are none are named and left alone.
fn list(dir: &Path) -> Result<Vec<(std::path::PathBuf, Stored)>, Failure> {
    let folder = findings(dir).map_err(Failure::usage)?;
    for path in &folder.foreign {
        anstream::eprintln!("no finding, left alone: {}", path.display());
    }
    Ok(folder.findings)
}
