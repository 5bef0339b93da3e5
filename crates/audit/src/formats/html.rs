//! One self-contained page: no script, no network, no style but its own. The summary first, then the checklist, the risks, the claims, a
//! chapter for each framework, the supply chain and the host.

use std::fmt::Write as _;
use std::io;

use gauntlet_report::page::{self, escape};

use super::{WriteError, counted, meaning};
use crate::model::{
    Answer, Audit, Claim, DependencyList, Evidence, EvidenceKind, Framework, Level, Line, Risk, Standing, State, Status,
};

/// What this page adds to the style of reports.
const STYLE: &str = include_str!("html.css");

pub(super) fn write(audit: &Audit, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let mut page = Page { text: String::new() };
    page.head(audit);
    page.put("<main class=\"wrap\" id=\"main\">\n");
    page.summary(audit);
    page.open(audit);
    page.checklist(audit);
    page.risks(audit);
    page.claims(audit);
    for framework in &audit.frameworks {
        page.framework(framework);
    }
    page.supply(audit);
    page.checks(audit);
    page.layers(audit);
    page.unknown(audit);
    page.put("</main>\n");
    page.footer(audit);
    page.put("</body>\n</html>\n");
    out.write_all(page.text.as_bytes())?;
    Ok(())
}

/// A state by word, shape and colour.
fn badge(class: &str, shape: &str, word: &str) -> String {
    format!("<span class=\"badge {class}\"><span aria-hidden=\"true\">{shape}</span> {}</span>", escape(word))
}

const fn class_of(status: Status) -> &'static str {
    match status {
        Status::Satisfied => "good",
        Status::NotSatisfied => "bad",
        Status::NotApplicable => "none",
        Status::Attested => "soft",
        Status::NeedsAPerson => "warn",
    }
}

fn status(status: Status) -> String {
    let (class, shape) = match status {
        Status::Satisfied => ("good", "\u{2713}"),
        Status::NotSatisfied => ("bad", "\u{2717}"),
        Status::NotApplicable => ("none", "\u{2013}"),
        Status::Attested => ("none", "\u{270e}"),
        Status::NeedsAPerson => ("warn", "?"),
    };
    badge(class, shape, &capital(status.as_str()))
}

fn standing(standing: Standing) -> String {
    let (class, shape) = match standing {
        Standing::Supported => ("good", "\u{2713}"),
        Standing::PartlySupported => ("warn", "\u{25d0}"),
        Standing::Broken => ("bad", "\u{2717}"),
        Standing::NoEvidence => ("warn", "?"),
    };
    badge(class, shape, &capital(standing.as_str()))
}

fn state(state: State) -> String {
    let (class, shape) = match state {
        State::Holds => ("good", "\u{2713}"),
        State::Fails => ("bad", "\u{2717}"),
        State::Unknown => ("warn", "?"),
        State::NotApplicable | State::Told => ("none", "\u{2013}"),
    };
    badge(class, shape, &capital(state.as_str()))
}

fn level(level: Level) -> String {
    let (class, shape) = match level {
        Level::Low => ("good", "\u{25bd}"),
        Level::Medium => ("warn", "\u{25c7}"),
        Level::High => ("bad", "\u{25b3}"),
    };
    badge(class, shape, &capital(level.as_str()))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// A sentence of ours, in which backquotes mark what is code.
fn prose(text: &str) -> String {
    let shown = escape(text);
    let parts: Vec<&str> = shown.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return shown;
    }
    let of = |(at, part): (usize, &&str)| if at % 2 == 1 { format!("<code>{part}</code>") } else { (*part).to_owned() };
    parts.iter().enumerate().map(of).collect()
}

/// A link only where it leads to the web; anything else is text.
fn link(address: &str) -> String {
    let shown = escape(address);
    let safe = address.starts_with("https://") && address.chars().all(|c| c.is_ascii_graphic());
    if safe { format!("<a href=\"{shown}\" rel=\"noopener noreferrer\">{shown}</a>") } else { shown }
}

/// An id as the name of a place in the page.
fn place(kind: &str, id: &str) -> String {
    let id: String = id.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(120).collect();
    format!("{kind}-{id}")
}

struct Page {
    text: String,
}

impl Page {
    fn put(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The beginning of a section that the navigation names.
    fn section(&mut self, id: &str, title: &str, lead: &str, chapter: bool) {
        let class = if chapter { " class=\"chapter\"" } else { "" };
        let _ = write!(
            self.text,
            "<section{class} aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{}</h2>\n<p class=\"lead\">{lead}</p>\n",
            escape(title)
        );
    }

    /// The beginning of a table that becomes cards on a narrow screen.
    fn table(&mut self, label: &str, caption: &str, heads: &[&str]) {
        let _ = write!(
            self.text,
            "<div class=\"card scroll audit\" tabindex=\"0\" role=\"region\" aria-labelledby=\"{label}\">\n<table class=\"stack\" role=\"table\"><caption>{}</caption>\n\
             <thead role=\"rowgroup\"><tr role=\"row\">",
            escape(caption)
        );
        for head in heads {
            let _ = write!(self.text, "<th scope=\"col\" role=\"columnheader\">{}</th>", escape(head));
        }
        self.put("</tr></thead>\n<tbody role=\"rowgroup\">\n");
    }

    /// A row: its first cell, its heading, its other cells with their labels. All of it is HTML already.
    fn row(&mut self, id: &str, first: &str, heading: &str, cells: &[(&str, String)]) {
        let id = if id.is_empty() { String::new() } else { format!(" id=\"{id}\"") };
        let _ = write!(
            self.text,
            "<tr role=\"row\"{id}><td role=\"cell\">{first}</td><th scope=\"row\" role=\"rowheader\">{heading}</th>"
        );
        for (label, cell) in cells {
            if cell.is_empty() {
                self.put("<td role=\"cell\" class=\"empty\"><span class=\"absent\" aria-hidden=\"true\">\u{2013}</span></td>");
            } else {
                let _ = write!(self.text, "<td role=\"cell\" data-label=\"{label}\">{cell}</td>");
            }
        }
        self.put("</tr>\n");
    }

    fn end_table(&mut self) {
        self.put("</tbody></table></div>\n");
    }

    fn head(&mut self, audit: &Audit) {
        let summary = &audit.summary;
        let (class, word) = match summary.exit {
            gauntlet_record::exit::CLEAN => ("good", "Nothing is open"),
            gauntlet_record::exit::BREACH => ("bad", "Not everything is satisfied"),
            _ => ("warn", "Not everything is decided"),
        };
        let of = |status| summary.by_status.get(&status).copied().unwrap_or(0);
        let targets: Vec<String> = audit
            .subject
            .targets
            .iter()
            .map(|target| format!("{} ({} {})", target.name, target.engine, target.version))
            .collect();
        self.put(&page::head(&format!("Gauntlet audit: {word}"), &format!("{}{STYLE}", page::STYLE)));
        let _ = write!(
            self.text,
            "<a class=\"skip\" href=\"#main\">Skip to the results</a>\n<header class=\"banner {class}\"><div class=\"wrap\">\n\
             <p class=\"tool\">Gauntlet &middot; audit of a WebAssembly sandbox</p>\n<h1>{word}</h1>\n\
             <p class=\"sentence\">{} of {} lines of the baseline are satisfied; not satisfied: {}; for a person to decide: {}. Evidence decided {}.</p>\n\
             <p class=\"exit\">Exit code {}: {}.</p>\n<p class=\"run\">{}</p>\n",
            of(Status::Satisfied),
            summary.lines,
            of(Status::NotSatisfied),
            of(Status::NeedsAPerson),
            summary.decided_by_evidence,
            summary.exit,
            meaning(summary.exit),
            escape(&format!(
                "{} \u{b7} {} \u{b7} policy {} \u{b7} {} {} on {}",
                audit.made,
                targets.join(", "),
                audit.subject.policy,
                audit.subject.host.os,
                audit.subject.host.kernel,
                audit.subject.host.arch
            ))
        );
        if !audit.subject.complete {
            self.put(
                "<p class=\"cut\">INCOMPLETE: the run was cut off. Nothing that rests on its trials is claimed.</p>\n",
            );
        }
        self.put("</div></header>\n");
    }

    fn summary(&mut self, audit: &Audit) {
        let of = |status: Status| audit.summary.by_status.get(&status).copied().unwrap_or(0);
        let order =
            [Status::Satisfied, Status::NotSatisfied, Status::NeedsAPerson, Status::Attested, Status::NotApplicable];
        self.put("<ul class=\"tiles five\">\n");
        for one in order {
            let class = if of(one) == 0 { "none" } else { class_of(one) };
            let _ = writeln!(
                self.text,
                "<li class=\"{class}\"><span class=\"number\">{}</span><span class=\"word\">{}</span></li>",
                of(one),
                one.as_str()
            );
        }
        self.put("</ul>\n<svg class=\"share\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\">");
        let all = audit.summary.lines.max(1);
        let mut before = 0;
        for one in order {
            let (from, to) = (before * 1_000 / all, (before + of(one)) * 1_000 / all);
            before += of(one);
            let _ = write!(
                self.text,
                "<rect class=\"{}\" x=\"{}.{}\" width=\"{}.{}\" height=\"8\"/>",
                class_of(one),
                from / 10,
                from % 10,
                (to - from) / 10,
                (to - from) % 10
            );
        }
        self.put("</svg>\n<nav class=\"chapters\" aria-label=\"Chapters\"><ul>\n");
        let fixed = [("open", "What is open"), ("checklist", "Checklist"), ("risks", "Risks"), ("claims", "Claims")];
        let chapters =
            audit.frameworks.iter().map(|framework| (place("framework", &framework.id), framework.title.clone()));
        let last = [
            ("supply", "Supply chain"),
            ("checks", "Host and drills"),
            ("layers", "Layers and self test"),
            ("unknown", "Not known"),
        ];
        let own = |(id, title): &(&str, &str)| ((*id).to_owned(), (*title).to_owned());
        for (id, title) in fixed.iter().map(own).chain(chapters).chain(last.iter().map(own)) {
            let _ = writeln!(self.text, "<li><a href=\"#{id}\">{}</a></li>", escape(&title));
        }
        self.put("</ul></nav>\n<div class=\"card run-facts\"><dl class=\"facts\">\n");
        let subject = &audit.subject;
        let verdicts: Vec<String> =
            subject.trials.iter().map(|(verdict, number)| format!("{number} {verdict}")).collect();
        for (what, told) in [
            ("Trials", escape(&format!("{}; {} witnessed by a live control", verdicts.join(", "), subject.witnessed))),
            ("Policy", format!("{} {}", escape(&subject.policy), code(&subject.policy_sha256))),
            (
                "Corpus",
                format!(
                    "{} of {} attacks {}",
                    subject.corpus.selected,
                    subject.corpus.attacks,
                    code(&subject.corpus.sha256)
                ),
            ),
            ("Record", format!("record.json {}", code(&subject.record_sha256))),
            ("Command", code(&audit.command.join(" "))),
        ] {
            let _ = writeln!(self.text, "<dt>{what}</dt><dd>{told}</dd>");
        }
        self.put("</dl></div>\n");
    }

    fn open(&mut self, audit: &Audit) {
        self.section(
            "open",
            "What is open",
            "Lines that evidence speaks against, and questions that a person has to answer.",
            false,
        );
        let open: Vec<&Line> = audit
            .lines
            .iter()
            .filter(|line| matches!(line.status, Status::NotSatisfied | Status::NeedsAPerson))
            .collect();
        if open.is_empty() {
            self.put("<p class=\"card pad\">Nothing.</p>\n</section>\n");
            return;
        }
        self.table("open", "Open lines", &["Status", "Line", "Why"]);
        for line in open {
            let heading = format!(
                "<a href=\"#{}\"><span class=\"id\">{}</span> {}</a>",
                place("line", &line.id),
                escape(&line.id),
                escape(&line.text)
            );
            self.row("", &status(line.status), &heading, &[("Why", prose(&line.says) + &question(line))]);
        }
        self.end_table();
        self.put("</section>\n");
    }

    fn checklist(&mut self, audit: &Audit) {
        self.section(
            "checklist",
            "Baseline checklist",
            "Line by line, with what decided it. A line without evidence is decided by nobody.",
            true,
        );
        let mut sections: Vec<(&str, &str)> = Vec::new();
        for line in &audit.lines {
            if sections.last().is_none_or(|(id, _)| *id != line.section) {
                sections.push((&line.section, &line.section_title));
            }
        }
        for (id, title) in sections {
            let anchor = place("section", id);
            let _ = writeln!(self.text, "<h3 id=\"{anchor}\">{} {}</h3>", escape(id), escape(title));
            self.table(&anchor, title, &["Status", "Line", "Why", "Evidence"]);
            for line in audit.lines.iter().filter(|line| line.section == id) {
                let heading = format!("<span class=\"id\">{}</span> {}", escape(&line.id), escape(&line.text));
                let why = prose(&line.says) + &question(line) + &line.answer.as_ref().map(answer).unwrap_or_default();
                self.row(
                    &place("line", &line.id),
                    &status(line.status),
                    &heading,
                    &[("Why", why), ("Evidence", evidence(&line.evidence))],
                );
            }
            self.end_table();
        }
        self.put("</section>\n");
    }

    fn risks(&mut self, audit: &Audit) {
        self.section(
            "risks",
            "Risks",
            "Likelihood and impact are those without mitigations; what is left follows from how the mitigations stand.",
            true,
        );
        for risk in &audit.risks {
            self.risk(risk);
        }
        self.put("</section>\n");
    }

    fn risk(&mut self, risk: &Risk) {
        let _ = write!(
            self.text,
            "<article class=\"card risk\" aria-labelledby=\"{id}\">\n<h3 id=\"{id}\">{}</h3>\n<p>{}</p>\n<dl class=\"facts\">\n\
             <dt>Likelihood</dt><dd>{}</dd>\n<dt>Impact</dt><dd>{}</dd>\n<dt>Why</dt><dd>{}</dd>\n<dt>Mitigations</dt><dd><ul class=\"names\">",
            escape(&risk.title),
            escape(&risk.says),
            level(risk.likelihood),
            level(risk.impact),
            escape(&risk.why),
            id = place("risk", &risk.id)
        );
        for mitigation in &risk.mitigations {
            let _ = write!(
                self.text,
                "<li><a href=\"#{}\">{}</a> {}</li>",
                place("claim", &mitigation.claim),
                escape(&mitigation.claim),
                standing(mitigation.standing)
            );
        }
        let accepted = risk.accepted.as_ref().map_or_else(|| "by nobody yet".to_owned(), answer);
        let _ = write!(
            self.text,
            "</ul></dd>\n<dt>Residual risk</dt><dd>{} {}</dd>\n<dt>Accepted</dt><dd>{accepted}</dd>\n</dl>\n</article>\n",
            level(risk.residual),
            prose(&risk.residual_why)
        );
    }

    fn claims(&mut self, audit: &Audit) {
        self.section(
            "claims",
            "Claims",
            "What is said of the sandbox, and what it rests on. A claim never survives missing evidence.",
            true,
        );
        self.table("claims", "Claims", &["Standing", "Claim", "Why", "Evidence"]);
        for claim in &audit.claims {
            self.claim(claim);
        }
        self.end_table();
        self.put("</section>\n");
    }

    fn claim(&mut self, claim: &Claim) {
        let heading = format!("<span class=\"id\">{}</span> {}", escape(&claim.id), escape(&claim.says));
        let cells = [("Why", prose(&claim.why)), ("Evidence", evidence(&claim.evidence))];
        self.row(&place("claim", &claim.id), &standing(claim.standing), &heading, &cells);
    }

    fn framework(&mut self, framework: &Framework) {
        let id = place("framework", &framework.id);
        let of = |standing| framework.controls.iter().filter(|control| control.standing == standing).count();
        let lead = format!(
            "Edition: {}. {} Source: {}. The evidence supports {} of {} controls, {} in part; it speaks against {}, and there is none for {}.",
            escape(&framework.edition),
            escape(&framework.note),
            link(&framework.source),
            of(Standing::Supported),
            framework.controls.len(),
            of(Standing::PartlySupported),
            of(Standing::Broken),
            of(Standing::NoEvidence)
        );
        self.section(&id, &framework.title, &lead, true);
        self.table(
            &id,
            "Controls that claims are mapped to; a test result is evidence for a control, not the control",
            &["Evidence", "Control", "Claims", "Reason"],
        );
        for control in &framework.controls {
            let checked = if control.checked { "" } else { " (id not checked)" };
            let heading =
                format!("{} <span class=\"id\">{}{checked}</span>", code(&control.id), escape(&control.title));
            let claims: Vec<String> = control
                .claims
                .iter()
                .map(|claim| format!("<li><a href=\"#{}\">{}</a></li>", place("claim", claim), escape(claim)))
                .collect();
            let doubt = control
                .doubt
                .as_ref()
                .map(|doubt| format!("<p class=\"doubt\">A reader may disagree: {}</p>", escape(doubt)))
                .unwrap_or_default();
            let reason =
                format!("{}<p class=\"note\">{}.</p>{doubt}", escape(&control.reason), escape(&capital(&control.why)));
            self.row(
                "",
                &standing(control.standing),
                &heading,
                &[("Claims", format!("<ul class=\"names\">{}</ul>", claims.concat())), ("Reason", reason)],
            );
        }
        self.end_table();
        self.put("</section>\n");
    }

    fn supply(&mut self, audit: &Audit) {
        let lead = audit.supply.database.as_ref().map_or_else(
            || "No advisory database was named: nothing was looked up.".to_owned(),
            |found| {
                let commit = found.commit.as_deref().map_or_else(|| "not told".to_owned(), code);
                format!(
                    "{} advisories, the newest of {}, {} days old (at most {}). Commit {commit}; sha256 {}.",
                    found.advisories,
                    escape(&found.newest),
                    found.age_days,
                    found.most_days,
                    code(&found.sha256)
                )
            },
        );
        self.section("supply", "Supply chain", &lead, true);
        self.table("supply", "Lists of dependencies", &["Open", "List", "Packages", "Advisories", "Notes"]);
        for list in &audit.supply.lists {
            self.list(list);
        }
        self.end_table();
        self.put("</section>\n");
    }

    fn list(&mut self, list: &DependencyList) {
        let open = list.advisories.iter().filter(|advisory| advisory.counts()).count();
        let first = match (list.looked_up, open) {
            (false, _) => badge("warn", "?", "Not looked up"),
            (true, 0) => badge("good", "\u{2713}", "None"),
            (true, open) => badge("bad", "\u{2717}", &open.to_string()),
        };
        let told: Vec<String> = list
            .advisories
            .iter()
            .map(|advisory| {
                let patched = if advisory.patched.is_empty() {
                    "no fix".to_owned()
                } else {
                    format!("fixed in {}", advisory.patched.join(", "))
                };
                let beside =
                    advisory.ignored.as_ref().map(|why| format!("; does not count: {why}")).unwrap_or_default();
                format!(
                    "<li>{} {}</li>",
                    code(&advisory.id),
                    escape(&format!(
                        "{} {}: {} ({}, {}; {patched}{beside})",
                        advisory.package, advisory.version, advisory.title, advisory.kind, advisory.severity
                    ))
                )
            })
            .collect();
        let told =
            if told.is_empty() { String::new() } else { format!("<ul class=\"attacks\">{}</ul>", told.concat()) };
        let mut notes: Vec<String> = list.notes.iter().map(|note| escape(note)).collect();
        if !list.elsewhere.is_empty() {
            let shown: Vec<String> = list.elsewhere.iter().take(20).map(|package| escape(package)).collect();
            notes.push(format!(
                "{} from elsewhere, for which no advisory can be looked up: {}",
                list.elsewhere.len(),
                shown.join(", ")
            ));
        }
        let heading = format!("{}<p class=\"note\">{}</p>", code(&list.of), escape(&list.source));
        self.row(
            "",
            &first,
            &heading,
            &[("Packages", list.packages.to_string()), ("Advisories", told), ("Notes", notes.join("<br>"))],
        );
    }

    fn checks(&mut self, audit: &Audit) {
        self.section("checks", "Host, supply chain, drills", "What was looked at besides the trials.", true);
        self.table("checks", "Checks", &["State", "Check", "Found", "Where"]);
        for check in &audit.checks {
            let heading = format!("<span class=\"id\">{}</span> {}", escape(&check.id), escape(&check.title));
            self.row(
                &place("check", &check.id),
                &state(check.state),
                &heading,
                &[("Found", prose(&check.says)), ("Where", code(&check.source))],
            );
        }
        self.end_table();
        self.put("</section>\n");
    }

    fn layers(&mut self, audit: &Audit) {
        self.section(
            "layers",
            "Layers and self test",
            "Whether one layer stands behind another, and whether the corpus would notice a broken sandbox.",
            false,
        );
        match &audit.mutation {
            Some(score) => {
                let missed: Vec<String> = score.missed.iter().map(|name| code(name)).collect();
                let missed = if missed.is_empty() { String::new() } else { format!(" Missed: {}.", missed.join(", ")) };
                let other = if score.same_corpus { "" } else { " Measured with another corpus than the record's." };
                let _ = writeln!(
                    self.text,
                    "<p class=\"card pad\">{} of {} broken executors were caught.{missed}{other}</p>",
                    score.caught, score.total
                );
            }
            None => self.put("<p class=\"card pad\">No self test was made or named.</p>\n"),
        }
        let Some(layers) = &audit.layers else {
            self.put("<p class=\"card pad\">The layers were not lifted.</p>\n</section>\n");
            return;
        };
        let _ = writeln!(
            self.text,
            "<p class=\"lead\">{} of {} attacks are stopped by two layers or more; {} denials were seen and reported.{}</p>",
            layers.deep,
            layers.attacks,
            layers.alerts,
            if layers.complete { "" } else { " The matrix is not complete." }
        );
        self.table("layers", "Attacks that each layer was shown to stop on its own", &["Attacks", "Layer", "Share"]);
        for (layer, number) in &layers.by_layer {
            let share = number.saturating_mul(100) / layers.attacks.max(1);
            let bar = format!(
                "<svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\" focusable=\"false\"><rect class=\"track\" width=\"100\" height=\"8\"/><rect class=\"fill\" width=\"{}\" height=\"8\"/></svg>{share} %",
                share.min(100)
            );
            self.row("", &number.to_string(), &escape(layer), &[("Share", bar)]);
        }
        self.end_table();
        self.put("</section>\n");
    }

    fn unknown(&mut self, audit: &Audit) {
        self.section("unknown", "Not known", "What this audit does not say.", false);
        self.put("<ul class=\"card pad\">\n");
        for unknown in &audit.unknown {
            let _ = writeln!(self.text, "<li>{}</li>", escape(unknown));
        }
        self.put("</ul>\n</section>\n");
    }

    fn footer(&mut self, audit: &Audit) {
        let _ = write!(
            self.text,
            "<footer class=\"wrap\">\n<p>Everything here is in audit.json beside this page; the trials are in record.json and report.html.</p>\n<p>gauntlet {}, exit code {}: {}.</p>\n</footer>\n",
            escape(&audit.tool.version),
            audit.summary.exit,
            meaning(audit.summary.exit)
        );
    }
}

fn question(line: &Line) -> String {
    line.question.as_ref().map(|question| format!("<p class=\"question\">{}</p>", prose(question))).unwrap_or_default()
}

fn answer(answer: &Answer) -> String {
    format!(
        "<p class=\"answer\">{} on {}: {}</p>",
        escape(&answer.by),
        escape(&answer.date),
        escape(&format!("{}. {}", capital(answer.answer.as_str()), answer.note))
    )
}

/// Evidence in a fold: what it is as a summary, each piece inside. Checks link to their place.
fn evidence(all: &[Evidence]) -> String {
    if all.is_empty() {
        return String::new();
    }
    let items: Vec<String> = all
        .iter()
        .map(|item| {
            let sign = match item.holds {
                Some(true) => "\u{2713}",
                Some(false) => "\u{2717}",
                None => "?",
            };
            let id = match item.kind {
                EvidenceKind::Check => format!("<a href=\"#{}\">{}</a>", place("check", &item.id), escape(&item.id)),
                EvidenceKind::Trial
                | EvidenceKind::Rule
                | EvidenceKind::Value
                | EvidenceKind::Jail
                | EvidenceKind::Measured => code(&item.id),
            };
            format!(
                "<li><span aria-hidden=\"true\">{sign}</span> {} {id}: {}</li>",
                item.kind.as_str(),
                prose(&item.says)
            )
        })
        .collect();
    format!("<details><summary>{}</summary><ul>{}</ul></details>", escape(&counted(all)), items.concat())
}
