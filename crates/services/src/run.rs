//! Runs attacks on a service and judges them by what came back.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use gauntlet_record::{Cause, Ending, EndingInfo, GuestText, Measured, Role, Run, Shared, Trial, Verdict, Why};

use crate::attack::{Attack, Key, Obtains, Program, Request, Send, Step};
use crate::client::{Answer, Base};
use crate::template::Template;

/// Most bytes of an answer that a record keeps.
const KEPT: usize = 512;
/// How often an honest program is tried again when a service says to come later.
const TRIES: u32 = 40;
/// Words of systems and libraries that have no place in an answer.
const HOST_WORDS: &[&str] = &[
    "/home/",
    "/root/",
    "/usr/",
    "/var/",
    "/tmp/",
    "/proc/self/",
    "/srv/",
    "/opt/",
    "/etc/shadow",
    "os error",
    "Os {",
    "No such file or directory",
    "Permission denied",
    "panicked at",
    "stack backtrace",
    "Traceback (most recent call last)",
    "at Object.<anonymous>",
    "node:internal",
    ".cargo/registry",
    "SQLSTATE",
    "sqlite",
    "psycopg",
    "postgres://",
    "java.lang.",
    "goroutine ",
];

/// What stands in files that every host has, and no sandbox.
const HOST_CONTENT: &[&str] = &["root:x:0:0:", "daemon:x:1:", "nameserver ", "PATH=/usr"];
/// Larger than what any program may have answered.
const BEYOND_BYTES: u64 = 32 << 20;
/// Longer than any program may take.
const BEYOND_TIME: Duration = Duration::from_secs(45);

/// How attacks are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the service is.
    pub base: Base,
    /// The key that its operator gave us.
    pub key: Option<String>,
    /// How long an answer may take before it is given up. Default: 60 s.
    pub patience: Duration,
}

impl Options {
    /// The defaults for a service.
    #[must_use]
    pub fn new(base: Base) -> Self {
        Self { base, key: None, patience: Duration::from_secs(60) }
    }
}

/// Runs attacks one after another: each may disturb the whole service. `seen` hears of each trial.
pub fn run(
    attacks: &[Attack],
    template: &Template,
    options: &Options,
    cancel: &AtomicBool,
    mut seen: impl FnMut(&Trial),
) -> Vec<Trial> {
    let mut trials = Vec::new();
    for attack in attacks {
        if cancel.load(Ordering::Relaxed) {
            break;
        }
        let trial = Attempt { attack, template, options, nonce: random(), canary: random() }.trial();
        seen(&trial);
        trials.push(trial);
    }
    trials
}

/// 16 random hex digits.
fn random() -> String {
    let mut bytes = [0; 8];
    match rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty()) {
        Ok(_) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Err(_) => format!("{:016x}", Instant::now().elapsed().as_nanos()),
    }
}

/// One attack on one service.
struct Attempt<'a> {
    attack: &'a Attack,
    template: &'a Template,
    options: &'a Options,
    nonce: String,
    canary: String,
}

/// What came of an attack's steps.
#[derive(Default)]
struct Seen {
    answers: Vec<Answer>,
    /// The answers of the last step.
    last: Vec<Answer>,
    /// Whether an honest program was run while connections were held.
    beside: Option<bool>,
}

impl Attempt<'_> {
    fn trial(&self) -> Trial {
        let began = Instant::now();
        let mut trial = self.blank();
        if let Some(lacking) = self.lacking() {
            (trial.verdict, trial.why, trial.reason) = (Verdict::Unsupported, Why::Lacking, lacking);
            return trial;
        }
        let before = self.honest();
        let seen = self.steps();
        let after = self.honest();
        let outage = before.is_some() && (after.is_none() || seen.beside == Some(false));
        let obtained = self.obtained(&seen, outage);
        let causes = self.causes(&seen);
        let listed = causes.iter().copied().find(|cause| self.attack.contained_by.contains(cause));
        let silent = self.attack.contained_by.contains(&Cause::NotShown);
        (trial.verdict, trial.why, trial.reason) = if before.is_none() {
            (Verdict::Inconclusive, Why::BenignFailed, "an honest program was not run before the attack".to_owned())
        } else if let Some(what) = &obtained {
            (Verdict::Breached, Why::Obtained, what.clone())
        } else if after.is_none() {
            (Verdict::Inconclusive, Why::BenignFailed, "an honest program was not run after the attack".to_owned())
        } else if let Some(cause) = listed {
            (Verdict::Contained, Why::Stopped, format!("stopped: {cause}"))
        } else if silent || causes.is_empty() {
            let said = "nothing was obtained; the service shows no typed cause".to_owned();
            (Verdict::Contained, Why::StoppedSilently, said)
        } else {
            let shown: Vec<String> = causes.iter().map(ToString::to_string).collect();
            (Verdict::Inconclusive, Why::OtherCause, format!("stopped for another reason: {}", shown.join(", ")))
        };
        trial.cause = if trial.verdict == Verdict::Contained { listed.or(Some(Cause::NotShown)) } else { None };
        trial.layer = trial.cause.map(Cause::layer);
        trial.runs =
            vec![self.run_of(&seen, obtained.is_some(), causes), self.benign(before.as_ref().or(after.as_ref()))];
        trial.duration = nanos(began.elapsed());
        trial
    }

    fn blank(&self) -> Trial {
        let attack = self.attack;
        Trial {
            attack: attack.id.clone(),
            title: attack.title.clone(),
            why_it_matters: attack.why.clone(),
            weakness: attack.weakness.clone(),
            file: attack.file.clone(),
            target: self.template.name.clone(),
            verdict: Verdict::Inconclusive,
            why: Why::HarnessError,
            reason: String::new(),
            obtains: attack.obtains_text.clone(),
            contained_by: attack.contained_by.clone(),
            cause: None,
            layer: None,
            subjects: attack.subjects.clone(),
            witnessed: false,
            live_reason: Some(
                "the service is not ours to open; `gauntlet selftest` shows such attacks on services broken on purpose"
                    .into(),
            ),
            known: None,
            closeness: None,
            guests: Vec::new(),
            runs: Vec::new(),
            duration: 0,
            references: attack.references.clone(),
        }
    }

    fn lacking(&self) -> Option<String> {
        if self.attack.needs_key && self.options.key.is_none() {
            return Some("no key was given, so that nothing about keys can be tried".to_owned());
        }
        let languages = self.attack.steps.iter().filter_map(|step| match &step.send {
            Send::Program(program) => Some(program.language.as_str()),
            Send::Request(_) => None,
        });
        for language in self.attack.needs.as_deref().into_iter().chain(languages) {
            if self.template.language(language).is_none() {
                return Some(format!("the service does not run {language}"));
            }
            if self.speaks(language).is_none() {
                return Some(format!("the service runs no honest program in {language}"));
            }
        }
        self.attack.steps.iter().find_map(|step| match &step.send {
            Send::Program(program) => {
                let unknown = program.more.iter().find(|(name, _)| !self.template.knows.contains(name))?;
                Some(format!("the service takes no `{}`", unknown.0))
            }
            Send::Request(_) => None,
        })
    }

    /// Runs the steps. Connections that are held stay open until the last of them is done and an honest program was tried beside them.
    fn steps(&self) -> Seen {
        let mut seen = Seen::default();
        let mut held: Vec<TcpStream> = Vec::new();
        for step in &self.attack.steps {
            if let Send::Request(request) = &step.send
                && request.hold
            {
                for _ in 0..step.times {
                    let bytes = self.bytes(step);
                    if let Ok(mut stream) = self.options.base.connect(self.options.patience)
                        && stream.write_all(&bytes).is_ok()
                    {
                        held.push(stream);
                    }
                }
                continue;
            }
            seen.last = self.send(step);
            seen.answers.extend(seen.last.iter().cloned());
        }
        if !held.is_empty() {
            seen.beside = Some(self.honest().is_some());
        }
        seen
    }

    /// Sends a step as often and as many at once as it says.
    fn send(&self, step: &Step) -> Vec<Answer> {
        let left = AtomicUsize::new(step.times);
        let answers = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..step.at_once.min(step.times) {
                scope.spawn(|| {
                    let take = |left: usize| left.checked_sub(1);
                    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                        if let Ok(answer) = self.options.base.send(&self.bytes(step), self.options.patience) {
                            answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
                        }
                    }
                });
            }
        });
        answers.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes(&self, step: &Step) -> Vec<u8> {
        let wrong;
        let key = match step.key {
            Key::Given => self.options.key.as_deref(),
            Key::Wrong => {
                wrong = format!("gk_{}_{}", &random()[..12], random().repeat(4));
                Some(wrong.as_str())
            }
            Key::None => None,
        };
        let filled = |text: &str| {
            text.replace("{{nonce}}", &self.nonce)
                .replace("{{reversed}}", &reversed(&self.nonce))
                .replace("{{canary}}", &self.canary)
                .replace("{{path}}", &self.template.path)
        };
        match &step.send {
            Send::Program(program) => {
                let program =
                    Program { code: filled(&program.code), stdin: filled(&program.stdin), ..(**program).clone() };
                self.template.program(&self.options.base, &program, key).unwrap_or_default()
            }
            Send::Request(request) => {
                let headers = request.headers.iter().map(|(name, value)| (name.clone(), filled(value))).collect();
                let request =
                    Request { headers, path: filled(&request.path), body: filled(&request.body), ..request.clone() };
                self.template.request(&self.options.base, &request, key)
            }
        }
    }

    /// What was obtained, in words; `None` if nothing was.
    fn obtained(&self, seen: &Seen, outage: bool) -> Option<String> {
        let all = || seen.answers.iter();
        let count = |fits: fn(&Answer) -> bool| all().filter(|answer| fits(answer)).count() as u64;
        match self.attack.obtains {
            Obtains::Accepted(most) => {
                let accepted = count(Answer::accepted);
                (accepted > most).then(|| format!("{accepted} of {} requests were accepted", seen.answers.len()))
            }
            Obtains::Guesses(most) => {
                let looked = count(|answer| matches!(answer.status, 200..300 | 401 | 403));
                (looked > most).then(|| format!("{looked} of {} keys were looked up", seen.answers.len()))
            }
            Obtains::AnswerBytes(most) => {
                let largest = all().map(|answer| answer.bytes).max().unwrap_or(0);
                (largest > most).then(|| format!("an answer was {largest} bytes long"))
            }
            Obtains::Time(most) => {
                let longest = all().map(|answer| answer.time).max().unwrap_or_default();
                (longest > most).then(|| format!("an answer took {} ms", longest.as_millis()))
            }
            Obtains::Canary => seen
                .last
                .iter()
                .any(|answer| answer.body.contains(&self.canary))
                .then(|| "what an earlier request left was in an answer".to_owned()),
            Obtains::Marker => {
                let marker = reversed(&self.nonce);
                let came = all().any(|answer| answer.body.contains(&marker));
                came.then(|| "the program got what it must not, and said so with its marker".to_owned())
            }
            // What a program itself writes is the guest's: only refusals speak for the host.
            Obtains::HostText => all().filter(|answer| !answer.accepted()).find_map(|answer| {
                let word = HOST_WORDS.iter().find(|word| answer.body.contains(*word))?;
                Some(format!("an answer holds `{word}`"))
            }),
            Obtains::Outage => outage.then(|| "an honest program was not run beside or after the attack".to_owned()),
            Obtains::Beyond if outage => Some("an honest program was not run after the attack".to_owned()),
            Obtains::Beyond => all().find_map(|answer| {
                if answer.bytes > BEYOND_BYTES {
                    return Some(format!("an answer was {} bytes long", answer.bytes));
                }
                if answer.time > BEYOND_TIME {
                    return Some(format!("an answer took {} ms", answer.time.as_millis()));
                }
                let word = HOST_CONTENT.iter().find(|word| answer.body.contains(*word))?;
                Some(format!("an answer holds `{word}`, which stands in a file of the host"))
            }),
        }
    }

    fn causes(&self, seen: &Seen) -> Vec<Cause> {
        let mut causes = Vec::new();
        for cause in seen.answers.iter().filter_map(|answer| self.template.cause(answer)) {
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        }
        causes
    }

    /// An honest program in the attack's language, or in one that the service has: run, with its work done.
    fn honest(&self) -> Option<Answer> {
        let of = self.attack.steps.iter().find_map(|step| match &step.send {
            Send::Program(program) => Some(program.language.as_str()),
            Send::Request(_) => None,
        });
        match of.or(self.attack.needs.as_deref()) {
            Some(language) => self.speaks(language),
            None => self.template.languages.iter().find_map(|(language, _)| self.speaks(language)),
        }
    }

    /// Whether an honest program in a language is run. A service that says to come later is asked later.
    fn speaks(&self, language: &str) -> Option<Answer> {
        let program = honest(language, &self.nonce)?;
        let bytes = self.template.program(&self.options.base, &program, self.options.key.as_deref())?;
        let want = reversed(&self.nonce);
        for _ in 0..TRIES {
            let answer = self.options.base.send(&bytes, self.options.patience).ok()?;
            if answer.accepted() {
                let said = self.template.stdout(&answer)?;
                return (said.trim_end() == want).then_some(answer);
            }
            if !matches!(answer.status, 429 | 503) {
                return None;
            }
            std::thread::sleep(later(&answer));
        }
        None
    }

    fn run_of(&self, seen: &Seen, obtained: bool, causes: Vec<Cause>) -> Run {
        let shown = seen.answers.last();
        let statuses = {
            let mut counts = std::collections::BTreeMap::new();
            for answer in &seen.answers {
                *counts.entry(answer.status).or_insert(0_u64) += 1;
            }
            counts.iter().map(|(status, count)| format!("{count} x {status}")).collect::<Vec<_>>().join(", ")
        };
        let ending = EndingInfo {
            ending: Ending::Returned,
            cause: causes.first().copied(),
            detail: Some(GuestText::new(format!("answers: {statuses}").as_bytes(), KEPT)),
        };
        let measured = Measured {
            wall_time: seen.answers.iter().map(|answer| nanos(answer.time)).max(),
            output: seen.answers.iter().map(|answer| answer.bytes).max(),
            watchdog: seen.answers.iter().any(|answer| answer.cut),
            ..Measured::default()
        };
        record(Role::Attack, obtained, ending, causes, measured, shown.map_or("", |answer| answer.body.as_str()))
    }

    fn benign(&self, answer: Option<&Answer>) -> Run {
        let ending = EndingInfo { ending: Ending::Returned, cause: None, detail: None };
        let measured = Measured {
            wall_time: answer.map(|answer| nanos(answer.time)),
            output: answer.map(|answer| answer.bytes),
            ran: answer.is_some(),
            ..Measured::default()
        };
        record(
            Role::Benign,
            answer.is_some(),
            ending,
            Vec::new(),
            measured,
            answer.map_or("", |answer| answer.body.as_str()),
        )
    }
}

/// One run as a record has it.
fn record(role: Role, obtained: bool, end: EndingInfo, causes: Vec<Cause>, measured: Measured, body: &str) -> Run {
    Run {
        role,
        obtained,
        end,
        causes,
        denials: Vec::new(),
        measured,
        usage: Vec::new(),
        values: Shared::default(),
        stdout: GuestText::new(body.as_bytes(), KEPT),
        stderr: GuestText::new(b"", KEPT),
        truncated: body.len() > KEPT,
        confinement: Shared::default(),
        witnessed_on: None,
    }
}

/// A program that writes the nonce reversed: it is run, and is not echoed.
fn honest(language: &str, nonce: &str) -> Option<Program> {
    let code = match language {
        "python" => format!("print('{nonce}'[::-1])"),
        "javascript" => format!("console.log([...'{nonce}'].reverse().join(''))"),
        "wasm" => REVERSE.replace("{{nonce}}", nonce),
        _ => return None,
    };
    Some(Program { language: language.to_owned(), code, stdin: String::new(), more: Vec::new() })
}

/// Writes the 16 digits at 64 in reverse.
const REVERSE: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 64) "{{nonce}}")
    (func (export "_start") (local $i i32)
        (loop $next
            (i32.store8 (i32.sub (i32.const 143) (local.get $i)) (i32.load8_u (i32.add (i32.const 64) (local.get $i))))
            (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 16))))
        (i32.store (i32.const 0) (i32.const 128))
        (i32.store (i32.const 4) (i32.const 16))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

/// How long a service asks us to stay away, at most five seconds.
fn later(answer: &Answer) -> Duration {
    let seconds = answer.head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("retry-after").then(|| value.trim().parse::<u64>().ok())?
    });
    Duration::from_secs(seconds.unwrap_or(1).min(5))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
