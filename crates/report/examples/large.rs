//! What a large record costs: `cargo run --release -p gauntlet-report --example large [-- RECORD [TRIALS [DIR]]]`.
//!
//! Repeats the trials of a record, or of the example, until there are 10 000, and tells CPU time and peak memory of writing each format,
//! of signing and of verifying. With a folder, the files stay there.

#![expect(clippy::print_stdout, reason = "it prints what it measures")]

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs, io};

use gauntlet_record::Record;
use gauntlet_report::bundle::{self, Folder, Now};
use gauntlet_report::{Format, Options};

/// CPU time of this process in milliseconds, as the kernel counts it.
fn cpu() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    // User and system time, in ticks of 10 ms, are the 14th and 15th field of all, and the state is the third.
    fields.iter().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10
}

/// Peak resident memory in MiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0) >> 10
}

/// The record with as many trials, each under an id of its own.
fn repeated(mut record: Record, number: usize) -> Record {
    let models = std::mem::take(&mut record.trials);
    record.trials = models.iter().cycle().take(number).cloned().collect();
    for (index, trial) in record.trials.iter_mut().enumerate().skip(models.len()) {
        trial.attack = format!("{}-{index}", trial.attack);
    }
    let with_guests = record.trials.iter().filter(|trial| !trial.guests.is_empty()).count() as u64;
    record.corpus.selected = with_guests;
    record.corpus.attacks = record.corpus.attacks.max(with_guests);
    record
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let record = match arguments.next() {
        Some(path) => gauntlet_record::read(&PathBuf::from(path))?,
        None => gauntlet_record::example(),
    };
    let number = arguments.next().and_then(|text| text.to_str()?.parse().ok()).unwrap_or(10_000);
    let folder = arguments.next().map(PathBuf::from);
    let record = repeated(record, number);
    println!("{number} trials in memory: peak {} MiB", peak());
    let scratch = env::temp_dir().join(format!("gauntlet-large-{}", std::process::id()));
    let dir = folder.clone().unwrap_or_else(|| scratch.clone());
    fs::create_dir_all(&dir)?;
    let start = cpu();
    for format in Format::ALL {
        let before = cpu();
        let path = dir.join(format.file_name());
        let mut file = io::BufWriter::new(fs::File::create(&path)?);
        gauntlet_report::write(&record, *format, &Options::default(), &mut file)?;
        io::Write::flush(&mut file)?;
        drop(file);
        println!(
            "{format:<12} {:>6} ms {:>10} KiB, peak {} MiB",
            cpu() - before,
            fs::metadata(&path)?.len() >> 10,
            peak()
        );
    }
    println!("all formats: {} ms of CPU, peak {} MiB", cpu() - start, peak());
    drop(record);
    let files = Folder::new(dir.clone());
    let before = cpu();
    for (name, bytes) in bundle::sign(&files, None)? {
        fs::write(dir.join(name), bytes)?;
    }
    println!("attest: {} ms of CPU, peak {} MiB", cpu() - before, peak());
    let (before, clock) = (cpu(), std::time::Instant::now());
    let found = bundle::verify(&files, None, &|_| Now::default())?;
    println!(
        "verify: {} ms of CPU, {} ms, {} faults, peak {} MiB",
        cpu() - before,
        clock.elapsed().as_millis(),
        found.broken.len(),
        peak()
    );
    if folder.is_none() {
        fs::remove_dir_all(&scratch)?;
    }
    Ok(())
}
