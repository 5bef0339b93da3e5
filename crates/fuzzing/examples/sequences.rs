//! Makes and runs sequences of preview 1 calls.
//!
//! `sequences run SEED COUNT [--without-openat2] [--file-threads]` runs them on our executor and prints findings, health and rate; with
//! threads for work on files, as embedders have it, there is a FIFO among the files.
//! `sequences emit SEED FROM COUNT` writes them for a driver of another sandbox: for each, four numbers as 32 bits (its case, its
//! records, the bytes of its image, the bytes of its text), the image and the text. `sequences interpreter` writes the guest.
//! `sequences encode` reads a sequence as text and writes it in the same form. `sequences without-openat2 PROGRAM...`
//! becomes a program for which the kernel lacks it.

use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::time::Instant;

use gauntlet_fuzzing::sequences::{Options, Runner, Sequence, encode, interpreter, sequence_of, without_openat2};
use gauntlet_sandbox::Inline;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match command(&words) {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(io::stderr(), "sequences: {error}");
            ExitCode::from(2)
        }
    }
}

fn command(words: &[&str]) -> Result<ExitCode, Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match words {
        ["interpreter"] => out.write_all(&interpreter())?,
        ["encode"] => {
            let mut text = String::new();
            io::stdin().read_to_string(&mut text)?;
            emit(&mut out, 0, &text.parse()?)?;
        }
        ["emit", seed, from, count] => {
            let (seed, from, count): (u64, u64, u64) = (seed.parse()?, from.parse()?, count.parse()?);
            for case in from..from.saturating_add(count) {
                emit(&mut out, case, &sequence_of(seed, case))?;
            }
        }
        ["without-openat2", program, rest @ ..] => {
            without_openat2()?;
            // Only a failure comes back from here.
            return Err(Command::new(program).args(rest).exec().into());
        }
        ["run", seed, count, rest @ ..] => {
            if rest.contains(&"--without-openat2") {
                without_openat2()?;
            }
            return run(&mut out, seed.parse()?, count.parse()?, rest.contains(&"--file-threads"));
        }
        _ => return Err("usage: sequences run SEED COUNT [--without-openat2] [--file-threads] | emit SEED FROM COUNT | encode | interpreter | without-openat2 PROGRAM...".into()),
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn emit(out: &mut impl io::Write, case: u64, sequence: &Sequence) -> Result<(), Failure> {
    let encoded = encode(sequence).ok_or("the sequence does not fit")?;
    let text = sequence.to_string();
    let numbers =
        [u32::try_from(case)?, encoded.count, u32::try_from(encoded.image.len())?, u32::try_from(text.len())?];
    for number in numbers {
        out.write_all(&number.to_le_bytes())?;
    }
    out.write_all(&encoded.image)?;
    out.write_all(text.as_bytes())?;
    Ok(())
}

fn run(out: &mut impl io::Write, seed: u64, count: u64, threads: bool) -> Result<ExitCode, Failure> {
    // Without threads there is nobody to cut a call that waits for a FIFO, should one be opened.
    let lift = if threads { Vec::new() } else { vec!["file-threads".to_owned()] };
    let target = Inline::lifting(lift)?;
    let mut runner = Runner::new(&target, Options { special_files: threads, seed, ..Options::default() })?;
    let (began, cpu) = (Instant::now(), cpu_time());
    let mut found = 0;
    for case in 0..count {
        let sequence = sequence_of(seed, case);
        let execution = runner.check(&sequence)?;
        for finding in &execution.findings {
            found += 1;
            writeln!(out, "case {case}: {}: {}", finding.oracle, finding.message.as_str())?;
        }
        if let Some(first) = execution.findings.first() {
            write!(out, "{}", runner.shrink(&first.oracle, &sequence))?;
        }
    }
    let cpu = cpu_time() - cpu;
    let wall = began.elapsed().as_secs_f64();
    let executions = runner.executions();
    write!(out, "{}", runner.health())?;
    writeln!(
        out,
        "{executions} executions in {wall:.1} s, {cpu:.1} s of CPU: {:.0} a second of CPU; {found} findings",
        executions as f64 / cpu
    )?;
    for fault in runner.health().faults() {
        writeln!(out, "health: {fault}")?;
    }
    out.flush()?;
    Ok(if found > 0 || !runner.health().faults().is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn cpu_time() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
