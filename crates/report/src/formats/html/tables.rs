//! The tables of the page: limits and grants, what was run, classes by layer, findings, mistakes, the host.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use gauntlet_record::{Finding, Guarantee, Layer, Mechanism, Proof, Record, Severity, Trial, Verdict, guarantees};

use super::{BAD, Badge, GOOD, NONE, Page, WARN, cell, number, proof, used};
use crate::evidence::layers;
use crate::page::{capital, escape};
use crate::summary::{class, granted, over};

/// Most classes of attacks that are told of; the corpus has a few dozen.
const CLASSES: usize = 500;
/// Most attacks that one line of the policy links to.
const LINKED: usize = 200;

impl Page {
    pub(super) fn guarantees(&mut self, record: &Record) {
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

    pub(super) fn run_facts(&mut self, record: &Record) {
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

    pub(super) fn matrix(&mut self, record: &Record) {
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
        let mut classes: Vec<(&str, Vec<&Trial>)> = Vec::new();
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for trial in &record.trials {
            let name = class(&trial.attack);
            let place = *places.entry(name).or_insert(classes.len());
            if place == classes.len() {
                classes.push((name, Vec::new()));
            }
            classes[place].1.push(trial);
        }
        for (name, of) in classes.iter().take(CLASSES) {
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

    pub(super) fn findings(&mut self, record: &Record) {
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

    pub(super) fn mutation(&mut self, record: &Record) {
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

    pub(super) fn host(&mut self, record: &Record) {
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

    pub(super) fn legend(&mut self) {
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

/// What a finding says, and what somebody gets from it.
fn finding_text(finding: &Finding) -> String {
    if finding.impact.is_empty() {
        return escape(&finding.message);
    }
    format!("{}<br>{} ({})", escape(&finding.message), escape(&finding.impact), finding.category.as_str())
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
        number if number > LINKED => format!(
            "<details><summary>{number} attacks</summary><ul class=\"attacks\">{}</ul><p class=\"note\">and {} more</p></details>",
            links[..LINKED].concat(),
            number - LINKED
        ),
        1..=3 => format!("<ul class=\"attacks\">{}</ul>", links.concat()),
        number => format!(
            "<details><summary>{number} attacks</summary><ul class=\"attacks\">{}</ul></details>",
            links.concat()
        ),
    }
}

fn offered(mechanism: &Mechanism) -> Badge {
    match mechanism.granted {
        gauntlet_record::Granted::Full => GOOD,
        gauntlet_record::Granted::Partial => WARN,
        gauntlet_record::Granted::None => BAD,
    }
}
