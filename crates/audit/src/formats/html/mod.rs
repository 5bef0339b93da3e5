//! One self-contained page: no script, no network, no style but its own. The summary first, then the checklist, the risks, the claims, a
//! chapter for each framework, the supply chain and the host.

mod claims;
mod lines;
mod supply;
mod words;

use std::fmt::Write as _;
use std::io;

use gauntlet_report::page::{self, escape};

use super::{WriteError, meaning};
use crate::model::{Audit, Status};
use words::{class_of, code, place};

/// What this page adds to the style of reports.
const STYLE: &str = include_str!("style.css");

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
