//! One self-contained page: no script, no network, no style but its own.
//!
//! The page's policy names the hash of its style sheet, so that markup which got in through a guest's text could neither run nor load
//! nor restyle anything. Bars are drawn with SVG attributes, since `style` attributes are forbidden with the rest.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use gauntlet_record::{
    Closeness, Finding, Guarantee, GuestText, Layer, Mechanism, Proof, Record, Severity, Trial, Verdict, guarantees,
};
use sha2::{Digest as _, Sha256};

use crate::evidence::{Fact, Group, layers, role, run_facts, trial_facts};
use crate::summary::{Outcome, Summary, advice, class, granted, is_weak, over, run_line, trials, use_of};
use crate::text::{Line, Piece, plain};
use crate::{Options, WriteError};

const STYLE: &str = include_str!("html.css");

pub(crate) fn write(record: &Record, _: &Options, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let summary = Summary::of(record);
    let mut page = Page { text: String::new() };
    page.head(&summary);
    page.banner(record, &summary);
    page.put("<main class=\"wrap\" id=\"main\">\n");
    page.tiles(&summary);
    page.guarantees(record);
    page.run_facts(record);
    page.matrix(record);
    page.trials(record);
    page.findings(record);
    page.mutation(record);
    page.host(record);
    page.legend();
    page.put("</main>\n");
    page.footer(record, &summary);
    page.put("</body>\n</html>\n");
    out.write_all(page.text.as_bytes())?;
    Ok(())
}

/// A guest's text. The one place where escaping that was lifted on purpose shows.
fn guest(text: &GuestText) -> String {
    let inner = if text.is_raw() { text.as_str().to_owned() } else { escape(text.as_str()) };
    format!("<bdi class=\"mono guest\">{inner}</bdi>")
}

/// Any other string of the record.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn flat(line: &Line<'_>) -> String {
    line.iter()
        .map(|piece| match piece {
            Piece::Plain(text) => escape(text),
            Piece::Guest(text) => guest(text),
        })
        .collect()
}

/// A state by word, shape and colour.
#[derive(Clone, Copy)]
struct Badge {
    class: &'static str,
    shape: &'static str,
}

const GOOD: Badge = Badge { class: "good", shape: "\u{2713}" };
const BAD: Badge = Badge { class: "bad", shape: "\u{2717}" };
const WARN: Badge = Badge { class: "warn", shape: "?" };
const NONE: Badge = Badge { class: "none", shape: "\u{2013}" };

impl Badge {
    fn show(self, word: &str) -> String {
        format!(
            "<span class=\"badge {}\"><span aria-hidden=\"true\">{}</span> {}</span>",
            self.class,
            self.shape,
            escape(word)
        )
    }
}

fn verdict(verdict: Verdict) -> (Badge, &'static str) {
    match verdict {
        Verdict::Contained => (GOOD, "Contained"),
        Verdict::Breached => (BAD, "Breached"),
        Verdict::Inconclusive => (WARN, "Inconclusive"),
        Verdict::Unsupported => (NONE, "Unsupported"),
    }
}

fn proof(proof: Proof) -> Badge {
    match proof {
        Proof::Pass => GOOD,
        Proof::Fail => BAD,
        Proof::NotProved => WARN,
    }
}

fn layer_meaning(layer: Layer) -> &'static str {
    match layer {
        Layer::Validation => "the module or the policy was refused before anything ran",
        Layer::Grants => "the capability was never handed out",
        Layer::Runtime => "the executor held a limit while the guest ran",
        Layer::System => "the operating system or the supervising process stepped in",
        Layer::Monitoring => "seen and shown safely, not stopped",
    }
}

struct Page {
    text: String,
}

impl Page {
    fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn head(&mut self, summary: &Summary) {
        let hash = base64(&Sha256::digest(STYLE));
        let _ = write!(
            self.text,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; img-src data:; \
             base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
             <title>Gauntlet: {}</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>{STYLE}</style>\n</head>\n<body>\n\
             <a class=\"skip\" href=\"#main\">Skip to the results</a>\n",
            escape(summary.word)
        );
    }

    fn banner(&mut self, record: &Record, summary: &Summary) {
        let (class, path) = match summary.outcome {
            Outcome::Contained => ("good", "M4 12.5l5.5 5.5L20 6.5"),
            Outcome::Breached => ("bad", "M5 5l14 14M19 5L5 19"),
            Outcome::Open => ("warn", "M8 8.5a4 4 0 1 1 5.6 3.7c-1 .5-1.6 1.2-1.6 2.8M12 19.5v.5"),
        };
        let _ = write!(
            self.text,
            "<header class=\"banner {class}\"><div class=\"wrap\">\n<p class=\"tool\">Gauntlet &middot; does this WebAssembly sandbox hold?</p>\n\
             <h1><svg viewBox=\"0 0 24 24\" aria-hidden=\"true\" focusable=\"false\"><path d=\"{path}\" fill=\"none\" stroke=\"currentColor\" \
             stroke-width=\"3\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>{}</h1>\n\
             <p class=\"sentence\">{}.</p>\n<p class=\"exit\">Exit code {}: {}.</p>\n<p class=\"run\">{}</p>\n",
            escape(summary.word),
            escape(&capital(&summary.sentence)),
            summary.exit,
            summary.meaning(),
            escape(&run_line(record).join(" \u{b7} "))
        );
        if !record.complete {
            self.put("<p class=\"cut\">INCOMPLETE: the run was cut off. What follows is what had finished; it proves nothing as a whole.</p>\n");
        }
        self.put("</div></header>\n");
    }

    fn tiles(&mut self, summary: &Summary) {
        self.put("<ul class=\"tiles\">\n");
        for (word, number) in summary.counts() {
            let class = match (word, number) {
                (_, 0) | (Verdict::Unsupported, _) => "none",
                (Verdict::Contained, _) => "good",
                (Verdict::Breached, _) => "bad",
                (Verdict::Inconclusive, _) => "warn",
            };
            let more = match word {
                Verdict::Contained if summary.weak > 0 => format!(", {} without a cause shown", summary.weak),
                Verdict::Breached if summary.known > 0 => format!(", {} known", summary.known),
                Verdict::Contained | Verdict::Breached | Verdict::Inconclusive | Verdict::Unsupported => String::new(),
            };
            let _ = writeln!(
                self.text,
                "<li class=\"{class}\"><span class=\"number\">{number}</span><span class=\"word\">{word}{more}</span></li>"
            );
        }
        let _ = write!(
            self.text,
            "<li class=\"none\"><span class=\"number\">{}</span><span class=\"word\">witnessed by a live control</span></li>\n</ul>\n",
            summary.witnessed
        );
    }

    fn guarantees(&mut self, record: &Record) {
        self.put(
            "<section aria-labelledby=\"limits\">\n<h2 id=\"limits\">Limits and grants</h2>\n<p class=\"lead\">What the trials prove of each line of the \
             policy. A line that no trial shows either way is not proved.</p>\n<div class=\"card scroll guarantees\" tabindex=\"0\" role=\"region\" aria-labelledby=\"limits\">\n\
             <table class=\"stack\" role=\"table\"><caption>Each limit and grant with the worst use seen</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">\
             <th scope=\"col\" role=\"columnheader\">Result</th><th scope=\"col\" role=\"columnheader\">Limit or grant</th>\
             <th scope=\"col\" role=\"columnheader\">Value</th><th scope=\"col\" role=\"columnheader\">Worst use seen</th>\
             <th scope=\"col\" role=\"columnheader\">Past the limit</th><th scope=\"col\" role=\"columnheader\">Shown by</th>\
             <th scope=\"col\" role=\"columnheader\">Witnessed</th></tr></thead>\n<tbody role=\"rowgroup\">\n",
        );
        let places: BTreeMap<&str, usize> =
            record.trials.iter().enumerate().map(|(index, trial)| (trial.attack.as_str(), index)).collect();
        for row in guarantees(record) {
            let note = if row.note.is_empty() || row.proof == Proof::Fail {
                String::new()
            } else {
                format!("<p class=\"note\">{}</p>", escape(&row.note))
            };
            let _ = writeln!(
                self.text,
                "<tr role=\"row\"><td role=\"cell\">{}</td><th scope=\"row\" role=\"rowheader\"><code>{}</code>{note}</th>{}{}{}{}{}</tr>",
                proof(row.proof).show(row.proof.as_str()),
                escape(&row.key),
                cell("Value", &format!("<span class=\"mono\">{}</span>", escape(&row.value))),
                cell("Worst use seen", &row.worst.as_ref().map(used).unwrap_or_default()),
                cell(
                    "Past the limit",
                    &row.worst
                        .as_ref()
                        .and_then(over)
                        .map(|over| format!("<span class=\"past-limit\">{over}</span>"))
                        .unwrap_or_default()
                ),
                cell("Shown by", &shown_by(&row, &places)),
                cell("Witnessed", &if row.attacks.is_empty() { String::new() } else { row.witnessed.to_string() }),
            );
        }
        self.put("</tbody></table>\n</div>\n</section>\n");
    }

    fn run_facts(&mut self, record: &Record) {
        self.put("<section aria-labelledby=\"run\">\n<h2 id=\"run\">What was run</h2>\n<p class=\"lead\">This report holds for exactly this.</p>\n<div class=\"card run-facts\"><dl class=\"facts\">\n");
        let targets: Vec<String> = record
            .targets
            .iter()
            .map(|target| format!("{}: {} {}", target.name, target.engine, target.version))
            .collect();
        let host = &record.host;
        let memory = gauntlet_record::Unit::Bytes.show(host.memory);
        let facts = [
            ("Tool", format!("{} {}", record.tool.name, record.tool.version)),
            ("Target", targets.join(", ")),
            ("Policy", format!("{}, SHA-256 {}", record.policy.name, record.policy.sha256)),
            (
                "Corpus",
                format!(
                    "{} of {} attacks, SHA-256 {}",
                    record.corpus.selected, record.corpus.attacks, record.corpus.sha256
                ),
            ),
            (
                "Host",
                format!(
                    "{} {} on {}, {} cores, {memory}, {}",
                    host.os,
                    host.kernel,
                    host.arch,
                    host.cores,
                    if host.root { "privileged" } else { "unprivileged" }
                ),
            ),
            ("Time", format!("{} to {}", record.started, record.finished.as_deref().unwrap_or("(cut off)"))),
            ("Command", record.command.join(" ")),
            ("Seed", record.seed.to_string()),
        ];
        for (label, text) in facts {
            let _ = writeln!(self.text, "<dt>{label}</dt><dd>{}</dd>", escape(&text));
        }
        self.put("</dl></div>\n</section>\n");
    }

    fn matrix(&mut self, record: &Record) {
        if record.trials.is_empty() {
            return;
        }
        self.put(
            "<section aria-labelledby=\"layers\">\n<h2 id=\"layers\">What was attacked, and which layer held</h2>\n<p class=\"lead\">Attacks by class. A \
             contained attack counts under the layer that stopped it.</p>\n<div class=\"card scroll matrix\" tabindex=\"0\" role=\"region\" aria-labelledby=\"layers\">\n\
             <table><caption>Attacks of each class by layer and verdict</caption>\n<thead><tr><th scope=\"col\">Class</th><th scope=\"col\" class=\"number\">Attacks</th>",
        );
        for layer in Layer::ALL {
            let _ = write!(self.text, "<th scope=\"col\" class=\"number\">{}</th>", capital(layer.as_str()));
        }
        self.put("<th scope=\"col\" class=\"number\">Not shown</th><th scope=\"col\" class=\"number\">Breached</th><th scope=\"col\" class=\"number\">Inconclusive</th><th scope=\"col\" class=\"number\">Unsupported</th></tr></thead>\n<tbody>\n");
        let mut classes: Vec<&str> = Vec::new();
        for trial in &record.trials {
            if !classes.contains(&class(&trial.attack)) {
                classes.push(class(&trial.attack));
            }
        }
        for name in classes {
            let of: Vec<&Trial> = record.trials.iter().filter(|trial| class(&trial.attack) == name).collect();
            let held = |layer: Option<Layer>| {
                of.iter().filter(|trial| trial.verdict == Verdict::Contained && trial.layer == layer).count()
            };
            let ended = |verdict: Verdict| of.iter().filter(|trial| trial.verdict == verdict).count();
            let _ =
                write!(self.text, "<tr><th scope=\"row\"><code>{}</code></th>{}", escape(name), number(of.len(), ""));
            for layer in Layer::ALL {
                let cell = number(held(Some(*layer)), "");
                self.put(&cell);
            }
            let _ = writeln!(
                self.text,
                "{}{}{}{}</tr>",
                number(held(None), ""),
                number(ended(Verdict::Breached), "hit-bad"),
                number(ended(Verdict::Inconclusive), "hit-warn"),
                number(ended(Verdict::Unsupported), "")
            );
        }
        self.put("</tbody></table>\n</div>\n</section>\n");
    }

    fn trials(&mut self, record: &Record) {
        let lead = |verdict| match verdict {
            Verdict::Breached => "The attack obtained what the policy denies, or crashed what ran it.",
            Verdict::Inconclusive => "These prove nothing either way, and are no pass.",
            Verdict::Contained => {
                "The attack works with the protection lifted, was stopped under the policy, and a harmless twin did its work."
            }
            Verdict::Unsupported => "The target lacks what these attacks need.",
        };
        for state in [Verdict::Breached, Verdict::Inconclusive, Verdict::Contained, Verdict::Unsupported] {
            let trials = trials(record, state);
            if trials.is_empty() {
                continue;
            }
            let (_, word) = verdict(state);
            let _ = write!(
                self.text,
                "<section aria-labelledby=\"{state}\">\n<h2 id=\"{state}\">{word} ({})</h2>\n<p class=\"lead\">{}</p>\n",
                trials.len(),
                lead(state)
            );
            for trial in trials {
                let index = record.trials.iter().position(|known| std::ptr::eq(known, trial)).unwrap_or_default();
                self.trial(record, trial, index);
            }
            self.put("</section>\n");
        }
    }

    fn trial(&mut self, record: &Record, trial: &Trial, index: usize) {
        let (badge, word) = verdict(trial.verdict);
        let open = if trial.verdict == Verdict::Breached { " open" } else { "" };
        let mut layer = trial.layer.map(|layer| format!("held by {layer}")).unwrap_or_default();
        for (note, holds) in [
            ("weak", is_weak(trial)),
            ("known gap", trial.known.is_some()),
            ("no witness", !trial.witnessed && trial.verdict == Verdict::Contained),
        ] {
            if holds {
                layer = if layer.is_empty() { note.to_owned() } else { format!("{layer}, {note}") };
            }
        }
        let target = if record.targets.len() > 1 { format!(" on {}", escape(&trial.target)) } else { String::new() };
        let _ = write!(
            self.text,
            "<details class=\"trial card {}\"{open}><summary>{}<span class=\"text\"><span class=\"name\"><code>{}</code>{target}</span>\
             <span class=\"title\">{}</span></span><span class=\"layer\">{layer}</span><span class=\"close\">{}</span></summary>\n<div class=\"body\">\n",
            badge.class,
            badge.show(word),
            escape(&trial.attack),
            escape(&trial.title),
            trial.closeness.as_ref().map(closeness).unwrap_or_default()
        );
        let _ = writeln!(self.text, "<p class=\"reason\" id=\"trial-{index}\">{}</p>", escape(&capital(&trial.reason)));
        if trial.verdict == Verdict::Inconclusive {
            let _ =
                writeln!(self.text, "<p class=\"todo\"><strong>What to do.</strong> {}</p>", escape(advice(trial.why)));
        }
        self.put("<dl class=\"facts\">\n");
        let _ = writeln!(self.text, "<dt>why it matters</dt><dd>{}</dd>", escape(&trial.why_it_matters));
        for (label, line) in trial_facts(trial) {
            if label == "known gap" {
                if let Some(known) = &trial.known {
                    let _ = writeln!(
                        self.text,
                        "<dt>known gap</dt><dd>{} {}</dd>",
                        escape(&known.reason),
                        link(&known.link)
                    );
                }
            } else {
                let _ = writeln!(self.text, "<dt>{label}</dt><dd>{}</dd>", flat(&line));
            }
        }
        let took = gauntlet_record::Unit::Time.show(trial.duration);
        let _ = writeln!(self.text, "<dt>trial took</dt><dd>{took}</dd>");
        if !trial.references.is_empty() {
            let links: Vec<String> = trial.references.iter().map(|reference| link(reference)).collect();
            let _ = writeln!(self.text, "<dt>references</dt><dd>{}</dd>", links.join("<br>"));
        }
        self.put("</dl>\n");
        self.runs(trial);
        self.put("</div></details>\n");
    }

    /// The runs of a trial side by side: one column a run, one row a fact.
    fn runs(&mut self, trial: &Trial) {
        if trial.runs.is_empty() {
            return;
        }
        self.put("<table class=\"stack\" role=\"table\"><caption>The runs side by side</caption>\n<thead role=\"rowgroup\"><tr role=\"row\"><td role=\"cell\"></td>");
        for run in &trial.runs {
            let _ = write!(self.text, "<th scope=\"col\" role=\"columnheader\">{}</th>", role(run.role));
        }
        self.put("</tr></thead>\n");
        let columns: Vec<Vec<Fact<'_>>> = trial.runs.iter().map(run_facts).collect();
        for group in Group::ALL {
            let mut labels: Vec<&str> = Vec::new();
            for fact in columns.iter().flatten().filter(|fact| fact.group == group) {
                if !labels.contains(&fact.label.as_ref()) {
                    labels.push(&fact.label);
                }
            }
            if labels.is_empty() {
                continue;
            }
            let _ = writeln!(
                self.text,
                "<tbody role=\"rowgroup\"><tr role=\"row\"><th scope=\"rowgroup\" role=\"rowheader\" colspan=\"{}\">{}</th></tr>",
                columns.len() + 1,
                group.title()
            );
            for label in labels {
                let _ =
                    write!(self.text, "<tr role=\"row\"><th scope=\"row\" role=\"rowheader\">{}</th>", escape(label));
                for (run, facts) in trial.runs.iter().zip(&columns) {
                    let lines: Vec<String> = facts
                        .iter()
                        .filter(|fact| fact.group == group && fact.label == label)
                        .flat_map(|fact| &fact.lines)
                        .map(flat)
                        .collect();
                    let content = match lines.as_slice() {
                        [] => String::new(),
                        [line] => line.clone(),
                        lines => format!(
                            "<ul>{}</ul>",
                            lines.iter().map(|line| format!("<li>{line}</li>")).collect::<String>()
                        ),
                    };
                    let cell = cell(role(run.role), &content);
                    self.put(&cell);
                }
                self.put("</tr>\n");
            }
            self.put("</tbody>\n");
        }
        self.put("</table>\n");
    }

    fn findings(&mut self, record: &Record) {
        if record.findings.is_empty() {
            return;
        }
        let _ = write!(
            self.text,
            "<section aria-labelledby=\"findings\">\n<h2 id=\"findings\">Findings in the policy ({})</h2>\n<p class=\"lead\">What the linter says of the \
             policy as it is written.</p>\n<div class=\"card\"><table class=\"stack\" role=\"table\"><caption>Findings with place and fix</caption>\n\
             <thead role=\"rowgroup\"><tr role=\"row\"><th scope=\"col\" role=\"columnheader\">Severity</th><th scope=\"col\" role=\"columnheader\">Rule</th>\
             <th scope=\"col\" role=\"columnheader\">Place</th><th scope=\"col\" role=\"columnheader\">Finding</th><th scope=\"col\" role=\"columnheader\">Fix</th>\
             </tr></thead>\n<tbody role=\"rowgroup\">\n",
            record.findings.len()
        );
        for finding in &record.findings {
            let badge = match finding.severity {
                Severity::Critical | Severity::High => BAD,
                Severity::Medium => WARN,
                Severity::Low | Severity::Info => NONE,
            };
            let place = format!("{}:{}:{}", finding.location.file, finding.location.line, finding.location.column);
            let _ = writeln!(
                self.text,
                "<tr role=\"row\"><td role=\"cell\">{}</td><th scope=\"row\" role=\"rowheader\"><code>{}</code></th>{}{}{}</tr>",
                badge.show(finding.severity.as_str()),
                escape(&finding.rule),
                cell("Place", &format!("<code>{}</code>", escape(&place))),
                cell("Finding", &finding_text(finding)),
                cell("Fix", &escape(&finding.fix))
            );
        }
        self.put("</tbody></table></div>\n</section>\n");
    }

    fn mutation(&mut self, record: &Record) {
        let Some(score) = &record.mutation else { return };
        let _ = write!(
            self.text,
            "<section aria-labelledby=\"mutation\">\n<h2 id=\"mutation\">Mutation score: {} of {} broken executors caught</h2>\n<p class=\"lead\">Executors with \
             one real mistake each, run against the same attacks: a harness that misses one cannot tell a broken sandbox from a sound one.</p>\n\
             <div class=\"card\"><table class=\"stack\" role=\"table\"><caption>Each mistake with what caught it</caption>\n<thead role=\"rowgroup\"><tr role=\"row\">\
             <th scope=\"col\" role=\"columnheader\">Result</th><th scope=\"col\" role=\"columnheader\">Broken executor</th>\
             <th scope=\"col\" role=\"columnheader\">Mistake</th><th scope=\"col\" role=\"columnheader\">Caught by</th>\
             <th scope=\"col\" role=\"columnheader\">With backstops, held by</th></tr></thead>\n<tbody role=\"rowgroup\">\n",
            score.caught, score.total
        );
        for mutation in &score.mutations {
            let (badge, word) = if mutation.caught { (GOOD, "caught") } else { (BAD, "missed") };
            let attacks: Vec<String> = mutation
                .caught_by
                .iter()
                .take(3)
                .map(|caught| format!("<code>{}</code>", escape(&caught.attack)))
                .collect();
            let more = if mutation.caught_by.len() > 3 {
                format!(" and {} more", mutation.caught_by.len() - 3)
            } else {
                String::new()
            };
            let _ = writeln!(
                self.text,
                "<tr role=\"row\"><td role=\"cell\">{}</td><th scope=\"row\" role=\"rowheader\"><code>{}</code></th>{}{}{}</tr>",
                badge.show(word),
                escape(&mutation.name),
                cell("Mistake", &escape(&mutation.mistake)),
                cell("Caught by", &format!("{}{more}", attacks.join(", "))),
                cell("With backstops, held by", &layers(&mutation.backstopped))
            );
        }
        self.put("</tbody></table></div>\n");
        let thin: Vec<String> = score
            .thin_cover()
            .map(|(name, attack)| format!("<code>{}</code> (<code>{}</code>)", escape(name), escape(attack)))
            .collect();
        if !thin.is_empty() {
            let _ = writeln!(self.text, "<p>Thin cover, caught by one attack only: {}</p>", thin.join(", "));
        }
        self.put("</section>\n");
    }

    fn host(&mut self, record: &Record) {
        if record.host.mechanisms.is_empty() {
            return;
        }
        self.put(
            "<section aria-labelledby=\"host\">\n<h2 id=\"host\">What the host offers</h2>\n<p class=\"lead\">The mechanisms that a worker's jail is built \
             from. What is missing here was not there to hold.</p>\n<div class=\"card\"><table class=\"stack\" role=\"table\"><caption>Mechanisms of confinement</caption>\n\
             <thead role=\"rowgroup\"><tr role=\"row\"><th scope=\"col\" role=\"columnheader\">Offered</th><th scope=\"col\" role=\"columnheader\">Mechanism</th>\
             <th scope=\"col\" role=\"columnheader\">Note</th><th scope=\"col\" role=\"columnheader\">To get it</th></tr></thead>\n<tbody role=\"rowgroup\">\n",
        );
        for mechanism in &record.host.mechanisms {
            let _ = writeln!(
                self.text,
                "<tr role=\"row\"><td role=\"cell\">{}</td><th scope=\"row\" role=\"rowheader\"><code>{}</code></th>{}{}</tr>",
                offered(mechanism).show(granted(mechanism.granted)),
                escape(&mechanism.name),
                cell("Note", &escape(&mechanism.note)),
                cell("To get it", &mechanism.remedy.as_ref().map(|remedy| escape(remedy)).unwrap_or_default())
            );
        }
        self.put("</tbody></table></div>\n</section>\n");
    }

    fn legend(&mut self) {
        self.put(
            "<section aria-labelledby=\"legend\">\n<h2 id=\"legend\">How to read this</h2>\n<div class=\"card run-facts\"><dl class=\"facts\">\n\
             <dt>Attack</dt><dd>The hostile guest under the policy. The host measures whether it obtained what it is after; what the guest says is testimony only.</dd>\n\
             <dt>Live control</dt><dd>The same guest with the protection under test lifted. It has to succeed, which shows that the attack works on this host.</dd>\n\
             <dt>Harmless twin</dt><dd>An honest guest under the same policy. It has to do its work, which shows that the sandbox runs guests at all.</dd>\n",
        );
        for layer in Layer::ALL {
            let _ = writeln!(self.text, "<dt>Layer: {layer}</dt><dd>{}</dd>", capital(layer_meaning(*layer)) + ".");
        }
        self.put(
            "<dt>Weak</dt><dd>Nothing was obtained and both controls held, but the target shows no cause.</dd>\n\
             <dt>Guest text</dt><dd>Text that a guest chose is shaded, and shown with every control character escaped.</dd>\n</dl></div>\n</section>\n",
        );
    }

    fn footer(&mut self, record: &Record, summary: &Summary) {
        let _ = write!(
            self.text,
            "<footer class=\"wrap\">\n<p>{}</p>\n<p><strong>Result: {}.</strong> Exit code {}: {}.</p>\n</footer>\n",
            escape(&run_line(record).join(" \u{b7} ")),
            escape(summary.word),
            summary.exit,
            summary.meaning()
        );
    }
}

/// What a finding says, and what somebody gets from it.
fn finding_text(finding: &Finding) -> String {
    if finding.impact.is_empty() {
        return escape(&finding.message);
    }
    format!("{}<br>{} ({})", escape(&finding.message), escape(&finding.impact), finding.category.as_str())
}

/// A cell that names its column where the table is shown as cards.
fn cell(label: &str, content: &str) -> String {
    if content.is_empty() {
        "<td role=\"cell\" class=\"empty\"><span class=\"absent\" aria-hidden=\"true\">\u{2013}</span></td>".to_owned()
    } else {
        format!("<td role=\"cell\" data-label=\"{label}\">{content}</td>")
    }
}

fn number(number: usize, class: &str) -> String {
    let class = if number == 0 { "zero" } else { class };
    format!("<td class=\"number {class}\">{number}</td>")
}

fn shown_by(row: &Guarantee, places: &BTreeMap<&str, usize>) -> String {
    let links: Vec<String> = row
        .attacks
        .iter()
        .map(|attack| match places.get(attack.as_str()) {
            Some(index) => format!("<li><a href=\"#trial-{index}\"><code>{}</code></a></li>", escape(attack)),
            None => format!("<li><code>{}</code></li>", escape(attack)),
        })
        .collect();
    match links.len() {
        0 => String::new(),
        1..=3 => format!("<ul class=\"attacks\">{}</ul>", links.concat()),
        number => format!(
            "<details><summary>{number} attacks</summary><ul class=\"attacks\">{}</ul></details>",
            links.concat()
        ),
    }
}

/// Used against limit, as a bar and as text, with what is past it.
fn closeness(closeness: &Closeness) -> String {
    let late =
        over(closeness).map(|over| format!(" <span class=\"past-limit\">{over} past</span>")).unwrap_or_default();
    used(closeness) + &late
}

/// Used against limit, as a bar and as text.
fn used(closeness: &Closeness) -> String {
    let (used, cap) = (u128::from(closeness.used), u128::from(closeness.cap));
    // The bar is as long as the larger of the two, so that what is past the limit shows in proportion.
    let scale = used.max(cap).max(1);
    let fill = used.min(cap) * 100 / scale;
    let past = used.saturating_sub(cap) * 100 / scale;
    let mut bar = format!(
        "<svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\">\
         <rect class=\"track\" width=\"100\" height=\"8\"/><rect class=\"fill\" width=\"{fill}\" height=\"8\"/>"
    );
    if used > cap {
        let _ = write!(
            bar,
            "<rect class=\"past\" x=\"{fill}\" width=\"{}\" height=\"8\"/><rect class=\"mark\" x=\"{fill}\" width=\"1\" height=\"8\"/>",
            past.max(1)
        );
    }
    bar.push_str("</svg>");
    format!("{bar}<span class=\"use\">{}</span>", escape(&use_of(closeness)))
}

/// A link only where it leads to the web; anything else a record may hold is text.
fn link(address: &str) -> String {
    let shown = escape(address);
    let safe = (address.starts_with("https://") || address.starts_with("http://"))
        && address.chars().all(|c| c.is_ascii_graphic());
    if safe { format!("<a href=\"{shown}\" rel=\"noopener noreferrer\">{shown}</a>") } else { shown }
}

fn offered(mechanism: &Mechanism) -> Badge {
    match mechanism.granted {
        gauntlet_record::Granted::Full => GOOD,
        gauntlet_record::Granted::Partial => WARN,
        gauntlet_record::Granted::None => BAD,
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Base 64 of the 32 bytes of a digest, as the content security policy spells it.
pub(crate) fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = (word >> (18 - 6 * place)) & 63;
            out.push(if place <= chunk.len() { char::from(ALPHABET[digit as usize]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_usual_one() {
        assert_eq!(base64(b"Man"), "TWFu");
        assert_eq!(base64(b"Ma"), "TWE=");
        assert_eq!(base64(b"M"), "TQ==");
        assert_eq!(base64(&Sha256::digest(b"")), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn only_an_address_on_the_web_becomes_a_link() {
        assert!(link("https://example.org/a?b=1&c=2").starts_with("<a href=\"https://example.org/a?b=1&amp;c=2\""));
        assert_eq!(link("javascript:alert(1)"), "javascript:alert(1)");
        assert_eq!(link("https://x\" onmouseover=\"y"), "https://x&quot; onmouseover=&quot;y");
    }

    #[test]
    fn a_bar_shows_what_is_past_the_limit_in_proportion() {
        let mut use_of = gauntlet_record::example().trials[0].closeness.clone().unwrap();
        use_of.used = use_of.cap * 4;
        use_of.overshoot = use_of.cap * 3;
        let bar = closeness(&use_of);
        assert!(
            bar.contains("<rect class=\"fill\" width=\"25\"")
                && bar.contains("<rect class=\"past\" x=\"25\" width=\"75\""),
            "{bar}"
        );
        assert!(bar.contains("4 MiB of 1 MiB (400 %)</span> <span class=\"past-limit\">3 MiB past</span>"), "{bar}");
    }
}
