//! One test an attack: which attacks, against which sandbox, and what each result means.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use gauntlet_corpus::{Attack, Corpus, CorpusError, Live};
use gauntlet_policy::{Fault, Policy};
use gauntlet_record::{Known, exit};
use gauntlet_runner::{
    Child, KnownGap, Launcher, Options, Plan, RunError, Single, TargetChoice, TargetPlan, perform, serve,
};
use gauntlet_target::{Description, Target};
use libtest_mimic::{Arguments, Completion, Failed};

use crate::finding::{Finding, sort};
use crate::message::{Headline, failure};
use crate::terms::host_memory;

/// The first argument of a process that supervises one run; the run's file follows.
const TRIAL: &str = "--gauntlet-trial";
/// The first argument of a process that runs one guest; what is lifted and the files of job and outcome follow.
const PERFORM: &str = "--gauntlet-perform";
/// The protection that the harness itself holds, in its own reports.
const ESCAPING: &str = "escaping";

/// The protections that a live control lifts, by id: policy keys such as `memory` or `environment`, besides `validation` and `jail`.
type OpenedBy = Box<dyn Fn(&[String]) -> Option<Box<dyn Target>>>;

/// The tests of one sandbox: one for each attack of the corpus, unless it says otherwise.
///
/// Attacks on Gauntlet's own reports are left out: they are none on a sandbox.
pub struct Suite {
    sandbox: Box<dyn Target>,
    opened_by: Option<OpenedBy>,
    policy: (String, String),
    folders: Vec<PathBuf>,
    only: Vec<String>,
    without: Vec<(String, String)>,
    gaps: Vec<(String, Known)>,
    require_witness: bool,
    max_memory: u64,
}

/// A suite that cannot be run. Nothing was run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuiteError {
    /// The policy has faults.
    #[error("the policy `{name}` cannot be used: {}", listed(.name, .faults))]
    Policy {
        /// The policy's name.
        name: String,
        /// Its faults.
        faults: Vec<Fault>,
    },
    /// The attacks cannot be read.
    #[error("the attacks cannot be used")]
    Corpus(#[from] CorpusError),
    /// An attack is named that does not exist.
    #[error("{given} names no attack: `{name}`{}", .near.as_ref().map_or_else(String::new, |near| format!("; did you mean `{near}`?")))]
    NoAttack {
        /// The method that it was given to.
        given: &'static str,
        /// The name.
        name: String,
        /// An attack whose id is near to it.
        near: Option<String>,
    },
    /// Nothing is left to run.
    #[error("no attack is left: `without` takes away what `only` selects; nothing would be proved")]
    Nothing,
    /// This program cannot be found.
    #[error("cannot find this executable")]
    Program(#[source] io::Error),
    /// There is no place to run in.
    #[error("the attacks cannot be run")]
    Run(#[from] RunError),
}

fn listed(name: &str, faults: &[Fault]) -> String {
    let fault = |fault: &Fault| {
        let at = format!("{name}:{}:{}: {}", fault.span.line, fault.span.column, fault.message);
        if fault.fix.is_empty() { at } else { format!("{at}. {}", fault.fix) }
    };
    faults.iter().map(fault).collect::<Vec<_>>().join("\n  ")
}

impl Suite {
    /// All attacks against a sandbox, under the policy `strict`. Live controls open it by its policy only; see [`Suite::opened_by`].
    #[must_use]
    pub fn new(sandbox: impl Target + 'static) -> Self {
        Self {
            sandbox: Box::new(sandbox),
            opened_by: None,
            policy: ("strict".to_owned(), "version: 1\nextends: strict\n".to_owned()),
            folders: Vec::new(),
            only: Vec::new(),
            without: Vec::new(),
            gaps: Vec::new(),
            require_witness: false,
            max_memory: Options::default().max_memory,
        }
    }

    /// How the sandbox is made without some of its protections, for live controls: they show that an attack works, which is what makes a
    /// pass a proof. The protections are ids: policy keys such as `environment` or `clock`, besides `validation` and `jail`. Limits among
    /// them are `unlimited` in the job's policy anyway. `None` where it cannot be made; then the sandbox runs as it is.
    #[must_use]
    pub fn opened_by(mut self, open: impl Fn(&[String]) -> Option<Box<dyn Target>> + 'static) -> Self {
        self.opened_by = Some(Box::new(open));
        self
    }

    /// The policy under test, as YAML: what the sandbox is told for each run. Default: the preset `strict`.
    #[must_use]
    pub fn policy(mut self, name: &str, yaml: &str) -> Self {
        self.policy = (name.to_owned(), yaml.to_owned());
        self
    }

    /// Adds the attacks of a folder: one attack, a folder of attacks, or a folder of classes.
    #[must_use]
    pub fn attacks(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folders.push(folder.into());
        self
    }

    /// Only attacks whose class is one of these words or whose id holds one. Default: all.
    #[must_use]
    pub fn only(mut self, filters: &[&str]) -> Self {
        self.only.extend(filters.iter().map(|filter| (*filter).to_owned()));
        self
    }

    /// Attacks that are shown as ignored, with the reason: an id, an id without its case, or a class. For what a sandbox does not set
    /// out to hold; what it should hold and does not is a [`Suite::known_gap`].
    #[must_use]
    pub fn without(mut self, attack: &str, reason: &str) -> Self {
        self.without.push((attack.to_owned(), reason.to_owned()));
        self
    }

    /// An attack that is known to get through, by its id, or by its id without the case for all its cases. Its test passes as long as it
    /// breaches, and fails when it does not any more, so that the list stays true. The summary shows it as breached and known.
    #[must_use]
    pub fn known_gap(mut self, attack: &str, reason: &str, link: &str) -> Self {
        self.gaps.push((attack.to_owned(), Known { reason: reason.to_owned(), link: link.to_owned() }));
        self
    }

    /// Makes the test of an attack fail when no live control showed that the attack works on this sandbox. Default: it passes, and the
    /// summary lists it as not witnessed.
    #[must_use]
    pub fn require_witness(mut self) -> Self {
        self.require_witness = true;
        self
    }

    /// At how much memory the harness ends a run, in bytes. Default: 512 MiB.
    #[must_use]
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.max_memory = bytes;
        self
    }

    /// Does what the program's arguments ask for, which are those of every Rust test: filters, `--list`, `--exact`, `--skip`,
    /// `--ignored`, `--test-threads`. The exit code is 0 when no test failed, 101 when one did, and 2 when the suite cannot be run.
    ///
    /// `main` has to call it before it does anything else, apart from becoming a worker: each run of a guest is this program, started
    /// again.
    #[must_use]
    pub fn main(self) -> ExitCode {
        let arguments: Vec<OsString> = env::args_os().skip(1).collect();
        if let Some(done) = self.hidden(&arguments) {
            return done.map_or_else(|error| fail(&*error, exit::HARNESS), |()| ExitCode::SUCCESS);
        }
        self.test(&Arguments::from_args()).unwrap_or_else(|error| fail(&error, exit::USAGE))
    }

    /// What this program does when the harness has started it; `None` if somebody else did.
    fn hidden(&self, arguments: &[OsString]) -> Option<Result<(), Box<dyn std::error::Error>>> {
        match arguments {
            [word, spec] if word == TRIAL => Some(self.supervise(Path::new(spec)).map_err(Into::into)),
            [word, lift, job, outcome] if word == PERFORM => {
                let lift: Vec<String> = lift.to_str().unwrap_or("").split_terminator(',').map(str::to_owned).collect();
                let opened = self.opened_by.as_ref().filter(|_| !lift.is_empty()).and_then(|open| open(&lift));
                let target = opened.as_ref().unwrap_or(&self.sandbox);
                Some(perform(Path::new(job), Path::new(outcome), &**target).map_err(Into::into))
            }
            _ => None,
        }
    }

    fn supervise(&self, spec: &Path) -> Result<(), gauntlet_runner::SuperviseError> {
        let directory = spec.parent().unwrap_or_else(|| Path::new(".")).to_owned();
        let make = |choice: &TargetChoice| -> Result<Box<dyn Target>, String> {
            let TargetChoice::Custom { lift, .. } = choice else {
                return Err("only the sandbox under test is here".into());
            };
            let program = env::current_exe().map_err(|error| format!("cannot find this executable: {error}"))?;
            let launcher = Launcher { program, args: vec![PERFORM.into(), lift.join(",").into()] };
            Ok(Box::new(Child::new(launcher, self.sandbox.describe(), directory.clone())))
        };
        // Attacks on reports are left out, so there is none to look at.
        serve(spec, &make, &|_| (Vec::new(), 0))
    }

    fn test(self, arguments: &Arguments) -> Result<ExitCode, SuiteError> {
        let bench = Bench::new(self, arguments.list)?;
        let test = |index: usize| {
            let (bench, name) = (Arc::clone(&bench), bench.plan.attacks[index].id.clone());
            libtest_mimic::Trial::ignorable_test(name, move || bench.run(index))
        };
        let conclusion = libtest_mimic::run(arguments, (0..bench.plan.attacks.len()).map(test).collect());
        if !arguments.list {
            eprint!("{}", bench.summary());
        }
        Ok(conclusion.exit_code())
    }
}

/// An error with its causes, for people.
fn fail(error: &dyn std::error::Error, code: u8) -> ExitCode {
    eprintln!("error: {}", gauntlet_target::error_chain(error));
    ExitCode::from(code)
}

/// What the tests share while they run.
struct Bench {
    plan: &'static Plan,
    /// None when the tests are only listed.
    single: Option<Single<'static>>,
    without: Vec<(String, String)>,
    require_witness: bool,
    left_out: usize,
    found: Mutex<Vec<(usize, Finding)>>,
}

static CANCEL: AtomicBool = AtomicBool::new(false);

impl Bench {
    fn new(suite: Suite, list: bool) -> Result<Arc<Self>, SuiteError> {
        let (name, text) = &suite.policy;
        let policy = Policy::parse(name, text).map_err(|faults| SuiteError::Policy { name: name.clone(), faults })?;
        let mut corpus = Corpus::embedded(gauntlet_attacks::FILES)?;
        for folder in &suite.folders {
            corpus.add_dir(folder)?;
        }
        for filter in &suite.only {
            let selected = !corpus.select(std::slice::from_ref(filter)).is_empty();
            known(&corpus, "only", filter, selected)?;
        }
        for (attack, _) in &suite.without {
            known(&corpus, "without", attack, corpus.attacks.iter().any(|known| covers(attack, known)))?;
        }
        for (attack, _) in &suite.gaps {
            known(&corpus, "known_gap", attack, corpus.attacks.iter().any(|known| known.is_called(attack)))?;
        }
        let selected: Vec<&Attack> = corpus.select(&suite.only);
        let attacks: Vec<Attack> =
            selected.iter().filter(|attack| !is_on_reports(attack)).map(|attack| (*attack).clone()).collect();
        let left_out = selected.len() - attacks.len();
        if attacks.iter().all(|attack| suite.without.iter().any(|(left, _)| covers(left, attack))) {
            return Err(SuiteError::Nothing);
        }
        let description = suite.sandbox.describe();
        let target = description.name.clone();
        let known = suite.gaps.into_iter().map(|(attack, known)| KnownGap { target: target.clone(), attack, known });
        let options = Options {
            host_memory: host_memory(),
            max_memory: suite.max_memory,
            known: known.collect(),
            ..Options::default()
        };
        let choice = TargetChoice::Custom { name: target.clone(), lift: Vec::new() };
        let targets = vec![TargetPlan { choice, description }];
        let program = env::current_exe().map_err(SuiteError::Program)?;
        // The tests outlive every scope that could own these, and the process ends with them.
        let plan: &'static Plan = Box::leak(Box::new(Plan { attacks, targets, reference: None, policy, options }));
        let launcher: &'static Launcher = Box::leak(Box::new(Launcher { program, args: vec![TRIAL.into()] }));
        let single = if list { None } else { Some(Single::open(plan, launcher, &CANCEL)?) };
        Ok(Arc::new(Self {
            plan,
            single,
            without: suite.without,
            require_witness: suite.require_witness,
            left_out,
            found: Mutex::default(),
        }))
    }

    fn description(&self) -> &Description {
        &self.plan.targets[0].description
    }

    fn gap(&self, attack: &Attack) -> Option<&Known> {
        self.plan.options.known.iter().find(|gap| attack.is_called(&gap.attack)).map(|gap| &gap.known)
    }

    /// The test of one attack.
    fn run(&self, index: usize) -> Result<Completion, Failed> {
        let attack = &self.plan.attacks[index];
        if let Some((_, reason)) = self.without.iter().find(|(left, _)| covers(left, attack)) {
            return Ok(Completion::ignored_with(reason));
        }
        let trial = self.single.as_ref().and_then(|single| single.trial(index)).ok_or("the run was cancelled")?;
        let finding = sort(attack, &trial);
        let command = command(&env::current_exe().unwrap_or_default(), env::var_os("CARGO_PKG_NAME"), &attack.id);
        let fails = |headline, reason: &str| Err(failure(attack, &trial, headline, reason, &command).into());
        let result = match (&finding, self.gap(attack)) {
            (Finding::Unsupported(reason), _) => Ok(Completion::ignored_with(reason)),
            (Finding::Inconclusive(reason), _) => fails(Headline::Inconclusive, reason),
            (Finding::Breached, Some(_)) => Ok(Completion::Completed),
            (Finding::Breached, None) => fails(Headline::Breached, ""),
            (Finding::Proved | Finding::Weak | Finding::NotWitnessed(_), Some(gap)) => {
                let reason = format!("it is listed as a known gap ({}) and did not get through", gap.reason);
                fails(Headline::NoGap, &reason)
            }
            (Finding::NotWitnessed(reason), None) if self.require_witness => fails(Headline::NotWitnessed, reason),
            (Finding::Proved | Finding::Weak | Finding::NotWitnessed(_), None) => Ok(Completion::Completed),
        };
        self.found.lock().unwrap_or_else(PoisonError::into_inner).push((index, finding));
        result
    }

    /// What was found, for people: what is proved, and what is not although its test passed.
    fn summary(&self) -> String {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner).clone();
        found.sort_by_key(|(index, _)| *index);
        let count = |of: fn(&Finding) -> bool| found.iter().filter(|(_, finding)| of(finding)).count();
        let unsupported = count(|finding| matches!(finding, Finding::Unsupported(_)));
        let ran = found.len() - unsupported;
        let about = self.description();
        let mut text = format!(
            "gauntlet: {} ({} {}), policy {}\n",
            about.name, about.engine, about.version, self.plan.policy.name
        );
        if ran == 0 {
            text.push_str("  no attack was run: nothing is proved\n");
        }
        let rows = [
            (
                "proved: stopped for a listed cause, and shown to work when the sandbox is opened",
                count(|found| *found == Finding::Proved),
            ),
            (
                "weak: shown to work and not successful, but the sandbox shows no cause",
                count(|found| *found == Finding::Weak),
            ),
            (
                "NOT PROVED: nothing was obtained, and nothing shows that the attack works here",
                count(|found| matches!(found, Finding::NotWitnessed(_))),
            ),
            ("BREACHED", count(|found| *found == Finding::Breached)),
            ("INCONCLUSIVE", count(|found| matches!(found, Finding::Inconclusive(_)))),
            ("not offered by the sandbox", unsupported),
            ("left out: on Gauntlet's own reports", self.left_out),
        ];
        for (what, number) in rows.iter().filter(|(_, number)| *number > 0) {
            let _ = writeln!(text, "  {number:>4}  {what}");
        }
        for (index, finding) in &found {
            let attack = &self.plan.attacks[*index];
            match (finding, self.gap(attack)) {
                (Finding::NotWitnessed(reason), _) => {
                    let _ = writeln!(text, "  not proved: {}: {reason}", attack.id);
                }
                (Finding::Breached, Some(gap)) => {
                    let _ = writeln!(text, "  known gap, breached: {}: {} ({})", attack.id, gap.reason, gap.link);
                }
                (
                    Finding::Proved
                    | Finding::Weak
                    | Finding::Breached
                    | Finding::Inconclusive(_)
                    | Finding::Unsupported(_),
                    _,
                ) => {}
            }
        }
        text
    }
}

/// Whether a word stands for an attack: its id, its id without the case, or its class.
fn covers(word: &str, attack: &Attack) -> bool {
    word == attack.class || attack.is_called(word)
}

fn known(corpus: &Corpus, given: &'static str, name: &str, found: bool) -> Result<(), SuiteError> {
    if found {
        return Ok(());
    }
    let last = name.rsplit('/').next().unwrap_or(name);
    let ids: Vec<&str> = corpus.attacks.iter().map(|attack| attack.id.as_str()).collect();
    let near = gauntlet_policy::nearest(name, &ids);
    let near = near.map(str::to_owned).or_else(|| {
        let holds = |attack: &&Attack| !last.is_empty() && attack.id.contains(last);
        corpus.attacks.iter().find(holds).map(|attack| attack.id.clone())
    });
    Err(SuiteError::NoAttack { given, name: name.to_owned(), near })
}

/// Whether an attack is one on Gauntlet's own reports, which no sandbox writes.
fn is_on_reports(attack: &Attack) -> bool {
    matches!(&attack.live, Live::Lift(ids) if ids.iter().any(|id| id == ESCAPING))
}

/// How to run just one attack.
fn command(program: &Path, package: Option<OsString>, id: &str) -> String {
    let stem = program.file_name().and_then(OsStr::to_str).unwrap_or("");
    let hashed =
        stem.rsplit_once('-').filter(|(_, hash)| hash.len() == 16 && hash.chars().all(|c| c.is_ascii_hexdigit()));
    match (hashed, package.as_deref().and_then(OsStr::to_str)) {
        (Some((test, _)), Some(package)) => format!("cargo test -p {package} --test {test} -- --exact '{id}'"),
        (Some((test, _)), None) => format!("cargo test --test {test} -- --exact '{id}'"),
        (None, _) => format!("{} --exact '{id}'", program.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gauntlet_target::{Job, Outcome, TargetError};

    struct Idle;

    impl Target for Idle {
        fn describe(&self) -> Description {
            let offers = vec!["preview1".to_owned()];
            Description { name: "idle".into(), engine: "none".into(), version: "0".into(), offers }
        }

        fn run(&self, _: &Job) -> Result<Outcome, TargetError> {
            Ok(Outcome::default())
        }
    }

    fn error(suite: Suite) -> String {
        let Err(error) = Bench::new(suite, true) else { panic!("the suite can be run") };
        gauntlet_target::error_chain(&error)
    }

    #[test]
    fn a_suite_that_would_prove_nothing_is_refused_with_what_to_do() {
        let suite = || Suite::new(Idle);
        let text = error(suite().policy("mine.yaml", "version: 1\nlimits: { memroy: 1MiB }\n"));
        assert!(text.contains("mine.yaml:2:") && text.contains("memory"), "{text}");
        let text = error(suite().known_gap("files-read/dot-dto", "r", "l"));
        assert!(text.contains("`files-read/dot-dto`; did you mean `files-read/dot-dot"), "{text}");
        let text = error(suite().without("dot-dot", "r"));
        assert!(text.contains("without names no attack: `dot-dot`; did you mean `files-read/"), "{text}");
        assert!(error(suite().only(&["no-such-thing-anywhere"])).contains("only names no attack"));
        assert!(error(suite().only(&["cpu/"]).without("cpu", "r")).contains("no attack is left"));
        assert!(error(suite().attacks("/nowhere")).contains("/nowhere"));
    }

    #[test]
    fn every_attack_on_a_sandbox_is_a_test_and_those_on_our_reports_are_counted() {
        let bench = Bench::new(Suite::new(Idle), true).unwrap();
        let corpus = Corpus::embedded(gauntlet_attacks::FILES).unwrap();
        assert_eq!(bench.plan.attacks.len() + bench.left_out, corpus.attacks.len());
        let ids: Vec<&str> = bench.plan.attacks.iter().map(|attack| attack.id.as_str()).collect();
        assert!(
            ids.iter().any(|id| id.starts_with("report/exit-code-laundering"))
                && !ids.contains(&"report/markup-in-output")
        );
        assert!(bench.summary().contains("nothing is proved"));
    }

    #[test]
    fn a_word_stands_for_an_attack_its_cases_or_its_class() {
        let corpus = Corpus::embedded(gauntlet_attacks::FILES).unwrap();
        let attack = corpus.attacks.iter().find(|attack| attack.id == "files-read/dot-dot#plain").unwrap();
        for word in ["files-read/dot-dot#plain", "files-read/dot-dot", "files-read"] {
            assert!(covers(word, attack), "{word}");
        }
        assert!(!covers("files", attack) && !covers("files-read/dot", attack) && !attack.is_called("files-read"));
    }

    #[test]
    fn the_command_for_one_attack_names_the_test_without_its_hash() {
        let program = Path::new("/x/target/release/deps/my-sandbox-0123456789abcdef");
        let command = |package| super::command(program, package, "a/b#c");
        assert_eq!(command(Some("mine".into())), "cargo test -p mine --test my-sandbox -- --exact 'a/b#c'");
        assert_eq!(command(None), "cargo test --test my-sandbox -- --exact 'a/b#c'");
        assert_eq!(super::command(Path::new("/x/test-of-mine"), None, "a/b"), "/x/test-of-mine --exact 'a/b'");
    }
}
