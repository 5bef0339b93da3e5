//! Weakened executors are found from an empty seed: fixed seeds, a stated number of sequences, no clock.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "tests; what was found after how long is for a table")]

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gauntlet_fuzzing::sequences::{Options, POLICY, Runner, Sequence, batch, sequence_of};
use gauntlet_sandbox::Inline;
use gauntlet_target::{Description, Job, Outcome, Session, Target, TargetError};
use gauntlet_weakened::{Kind, Mistake};

const SEEDS: [u64; 3] = [1, 2, 3];
/// Sequences of a batch, for executors that compile each program anew.
const BATCH: u64 = 8;

/// The oracles look at the descriptors of the whole process, so one test runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sequences until one of some oracles finds something, with what it found and the smallest sequence that shows it.
fn found(target: &dyn Target, options: Options, oracles: &[&str], most: u64) -> Option<(u64, String, Sequence)> {
    let seed = options.seed;
    let mut runner = Runner::new(target, options).unwrap();
    let at_once = if runner.keeps_instances() { 1 } else { BATCH };
    let mut after = 0;
    while after < most {
        let sequences: Vec<Sequence> = (after..after + at_once).map(|case| sequence_of(seed, case)).collect();
        after += at_once;
        let all = batch(&sequences);
        let execution = runner.run(&all).unwrap();
        if let Some(finding) = execution.findings.iter().find(|finding| oracles.contains(&finding.oracle.as_str())) {
            return Some((after, finding.oracle.clone(), runner.shrink(&finding.oracle, &all)));
        }
    }
    None
}

/// Finds a mistake with every seed, and prints what took how long for the table in the documents.
fn is_found(name: &str, make: impl Fn(&Mistake) -> Box<dyn Target>, options: Options, oracles: &[&str], most: u64) {
    let _alone = alone();
    let mistake = gauntlet_weakened::find(name).unwrap();
    let mut table = Vec::new();
    for seed in SEEDS {
        let target = make(mistake);
        let options = Options { seed, ..options.clone() };
        let Some((after, oracle, small)) = found(&*target, options, oracles, most) else {
            panic!("{name}: nothing within {most} sequences of seed {seed}")
        };
        println!("seed {seed}: {oracle} after {after}\n{small}");
        assert!(small.calls.len() <= 20, "{name}: it was made smaller");
        table.push(after);
    }
    println!("| `{name}` | {} | {table:?} | {most} |", oracles.join(", "));
}

/// Our executor without what a mistake leaves out, in this process.
fn lifted(mistake: &Mistake) -> Box<dyn Target> {
    let Kind::Lift { lift, backstops } = mistake.kind else { panic!("{} is another kind of mistake", mistake.name) };
    // What has no place in a process that goes on: the watchdog stays.
    let left_out = lift.iter().chain(backstops).filter(|id| **id != "deadline").map(|id| (*id).to_owned());
    Box::new(Inline::lifting(left_out.collect()).unwrap())
}

fn own(mistake: &Mistake) -> Box<dyn Target> {
    mistake.target(false)
}

macro_rules! lifts {
    ($($test:ident: $name:literal by $oracles:expr, within $most:literal;)*) => {
        $(#[test]
        fn $test() {
            is_found($name, lifted, Options { special_files: false, ..Options::default() }, &$oracles, $most);
        })*
    };
}

lifts! {
    a_read_only_grant_that_can_be_written_is_found: "read-only-as-read-write"
        by ["read-only-changed", "read-only-opened-for-writing"], within 500;
    descriptors_without_a_limit_are_found: "descriptors-unbounded" by ["limit-passed"], within 5000;
    a_disk_without_a_limit_is_found: "disk-unbounded" by ["limit-passed"], within 1000;
    names_without_a_limit_are_found: "files-unbounded" by ["limit-passed"], within 5000;
    output_without_a_limit_is_found: "output-unbounded" by ["limit-passed"], within 5000;
    standard_input_of_the_host_is_found: "stdin-inherited" by ["canary-read"], within 5000;
    variables_of_the_host_are_found: "environment-inherited" by ["canary-read"], within 1000;
}

#[test]
fn special_files_that_are_opened_are_found() {
    let quick = POLICY.replace("deadline: 5s", "deadline: 500ms");
    let options = Options { policy: quick, ..Options::default() };
    is_found("special-files-opened", lifted, options, &["special-file-opened", "descriptors-left-over"], 2000);
}

/// Executors of their own compile each program anew, so sequences come in batches. They hold `file-size` by a limit of the whole process,
/// which would end the other tests in it, so it is left open.
fn programs() -> Options {
    Options { policy: files_of_any_size(&Options::programs().policy), special_files: false, twice_every: 0, seed: 0 }
}

fn files_of_any_size(policy: &str) -> String {
    policy.replacen("limits: {", "limits: { file-size: unlimited,", 1)
}

const ESCAPES: [&str; 2] = ["outside-changed", "canary-read"];

#[test]
fn paths_that_are_joined_as_text_are_found() {
    is_found("naive-paths", own, programs(), &ESCAPES, 500);
}

#[test]
fn links_that_are_followed_are_found() {
    is_found("links-followed", own, programs(), &ESCAPES, 400);
}

#[test]
fn paths_that_are_compared_as_text_are_found() {
    is_found("paths-compared-as-text", own, programs(), &ESCAPES, 2000);
}

#[test]
fn descriptors_that_are_an_index_are_found() {
    is_found("descriptors-by-index", own, programs(), &["host-panic"], 400);
}

#[test]
fn standard_error_without_a_limit_is_found() {
    let small = Options { policy: files_of_any_size(POLICY), ..programs() };
    is_found("stderr-unbounded", own, small, &["limit-passed"], 8000);
}

/// The mistake of the same name around the placement in this process; the one in the list stands around a worker.
struct Parents(Inline);

impl Parents {
    fn widened(job: &Job) -> Job {
        let mut job = job.clone();
        for grant in &mut job.policy.grants.filesystem {
            grant.host.value = Path::new(&grant.host.value).parent().unwrap().to_str().unwrap().to_owned();
        }
        job
    }
}

impl Target for Parents {
    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        self.0.run(&Self::widened(job))
    }

    fn open(&self, job: &Job) -> Result<Option<Box<dyn Session>>, TargetError> {
        self.0.open(&Self::widened(job))
    }
}

#[test]
fn a_parent_that_is_granted_is_found() {
    let options = Options { special_files: false, ..Options::default() };
    let oracles = ["descriptor-outside-grant", "outside-changed", "canary-read"];
    is_found("parent-of-grant-preopened", |_| Box::new(Parents(Inline::new())), options, &oracles, 100);
}
