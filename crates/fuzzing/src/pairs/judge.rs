//! Evidence of a trial, whole or with gaps, and what the judge makes of it.

use arbitrary::Unstructured;
use gauntlet_corpus::{Attack, Corpus};
use gauntlet_record::{Cause, DenialKind, Ending, GuestText, LimitKey, Measured, Role, Run, example};
use gauntlet_runner::Evidence;
use std::sync::LazyLock;

use super::{Bench, Bound, Depth, Health, Pair, Ran};
use crate::Case;
use crate::observe::quietly;
use crate::oracles::{Check, ORACLES, Proof, proved};

pub(crate) const PAIR: Pair = Pair {
    id: "judge",
    summary: "evidence with gaps, which the judge must not call a containment",
    bytes: 64,
    runs_guests: false,
    generate,
    run,
    health: &[
        Health { name: "proved", part: "proved", whole: "trials", bound: Bound::AtLeast(0.05) },
        Health { name: "not proved", part: "open", whole: "trials", bound: Bound::AtLeast(0.3) },
    ],
};

/// What may be different from a trial that was contained.
const LINES: &[&str] = &[
    "live absent",
    "live failed",
    "benign absent",
    "benign failed",
    "memory unmeasured",
    "memory obtained",
    "memory at",
    "watchdog",
    "ceiling",
    "host died",
    "cause none",
    "cause other",
    "cause not-shown",
    "cause no-effect",
    "cause denied",
    "report forged",
    "report markup",
    "ending worker-died",
    "ending trapped",
    "ending exited",
    "ending refused",
    "printed PASS",
    "printed ok 1",
    "printed contained",
    "printed FAIL",
    "obtained",
];

/// An attack on memory, with a live control.
static ATTACK: LazyLock<Option<Attack>> = LazyLock::new(|| {
    let files: &[(&str, &[u8])] = &[
        ("memory/grow/attack.wat", b"(module (func (export \"_start\")))"),
        ("memory/grow/benign.wat", b"(module (func (export \"_start\")))"),
        ("memory/grow/attack.yaml", b"title: Grow\nwhy: It is the example of the judge.\nweakness: CWE-789\npolicy: { limits: { memory: 4MiB } }\nobtains: { memory: \"> 64MiB\" }\ncontained-by: [limit-memory, no-effect]\ncontrols: { live: { limits: { memory: 128MiB } } }\nreferences: [\"https://webassembly.github.io/spec/core/exec/modules.html\"]\n"),
    ];
    Corpus::embedded(files).ok().and_then(|mut corpus| corpus.attacks.pop())
});

/// The evidence that lines tell of.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    attack: Attack,
    live: Option<Run>,
    run: Run,
    benign: Option<Run>,
}

impl Told {
    pub(crate) fn read(lines: &[String]) -> Result<Self, String> {
        let attack = ATTACK.clone().ok_or("the judge's example attack cannot be read")?;
        let record = example();
        let model =
            record.trials.first().and_then(|trial| trial.runs.first()).ok_or("the example record has no run")?;
        let of = |role, obtained| {
            let mut run = model.clone();
            run.role = role;
            run.obtained = obtained;
            run.measured = Measured { memory: Some(1 << 20), ..Measured::default() };
            run.causes = Vec::new();
            run.stdout = GuestText::default();
            run
        };
        let mut told = Self {
            attack,
            live: Some(of(Role::Live, true)),
            run: of(Role::Attack, false),
            benign: Some(of(Role::Benign, true)),
        };
        told.run.causes = vec![Cause::Limit(LimitKey::Memory)];
        for line in lines {
            told.change(line)?;
        }
        Ok(told)
    }

    fn change(&mut self, line: &str) -> Result<(), String> {
        let run = &mut self.run;
        match line {
            "live absent" => self.live = None,
            "live failed" => self.live.iter_mut().for_each(|live| live.obtained = false),
            "benign absent" => self.benign = None,
            "benign failed" => self.benign.iter_mut().for_each(|benign| benign.obtained = false),
            "memory unmeasured" => run.measured.memory = None,
            "memory obtained" => run.measured.memory = Some(65 << 20),
            "memory at" => run.measured.memory = Some(64 << 20),
            "obtained" => run.obtained = true,
            "watchdog" => run.measured.watchdog = true,
            "ceiling" => run.measured.ceiling = true,
            "host died" => run.measured.host_death = Some("signal 11".into()),
            "cause none" => run.causes.clear(),
            "cause other" => run.causes = vec![Cause::Limit(LimitKey::Fuel)],
            "cause not-shown" => run.causes = vec![Cause::NotShown],
            "cause no-effect" => run.causes = vec![Cause::NoEffect],
            "cause denied" => run.causes = vec![Cause::Denied(DenialKind::Path)],
            "report forged" => run.measured.reports = vec!["forged".into()],
            "report markup" => run.measured.reports = vec!["markup".into()],
            "ending worker-died" => run.end.ending = Ending::WorkerDied,
            "ending trapped" => run.end.ending = Ending::Trapped,
            "ending exited" => run.end.ending = Ending::Exited,
            "ending refused" => run.end.ending = Ending::Refused,
            _ => match line.strip_prefix("printed ") {
                Some(word) => run.stdout = GuestText::new(word.as_bytes(), 64),
                None => return Err(format!("`{line}` says nothing of a trial")),
            },
        }
        Ok(())
    }

    pub(crate) fn evidence(&self) -> Evidence<'_> {
        Evidence { attack: &self.attack, live: self.live.as_ref(), run: &self.run, benign: self.benign.as_ref() }
    }
}

fn generate(_: &Bench<'_>, u: &mut Unstructured<'_>) -> arbitrary::Result<Case> {
    let mut calls: Vec<String> = Vec::new();
    for _ in 0..u.int_in_range(0..=4)? {
        let line = (*u.choose(LINES)?).to_owned();
        if !calls.contains(&line) {
            calls.push(line);
        }
    }
    Ok(Case { wasm: Vec::new(), policy: "version: 1\n".into(), calls })
}

fn run(bench: &Bench<'_>, case: &Case, _: Depth) -> Ran {
    let told = match Told::read(&case.calls) {
        Ok(told) => told,
        Err(why) => return Ran::unreadable(why),
    };
    let mut ran = Ran::default();
    let evidence = told.evidence();
    let lacks = proved(&evidence);
    ran.counts.add("trials", 1);
    ran.counts.add("proved", u64::from(lacks.is_none()));
    ran.counts.add("open", u64::from(lacks.is_some()));
    match quietly(|| (bench.judge)(&evidence)) {
        Err(panic) => ran.findings.push(crate::Finding::of("judge-proves", &format!("the judge panicked: {panic}"))),
        Ok(verdict) => {
            for oracle in ORACLES {
                if let Check::Judge(check) = oracle.check {
                    ran.findings.extend(check(&Proof { evidence: &evidence, verdict }));
                }
            }
        }
    }
    ran
}
