//! What is open, and the checklist line by line.

use std::fmt::Write as _;

use gauntlet_report::page::{capital, escape};

use super::Page;
use super::words::{code, place, prose, status};
use crate::formats::counted;
use crate::model::{Answer, Audit, Evidence, EvidenceKind, Line, Status};

impl Page {
    pub(super) fn open(&mut self, audit: &Audit) {
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

    pub(super) fn checklist(&mut self, audit: &Audit) {
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
}

fn question(line: &Line) -> String {
    line.question.as_ref().map(|question| format!("<p class=\"question\">{}</p>", prose(question))).unwrap_or_default()
}

pub(super) fn answer(answer: &Answer) -> String {
    format!(
        "<p class=\"answer\">{} on {}: {}</p>",
        escape(&answer.by),
        escape(&answer.date),
        escape(&format!("{}. {}", capital(answer.answer.as_str()), answer.note))
    )
}

/// Evidence in a fold: what it is as a summary, each piece inside. Checks link to their place.
pub(super) fn evidence(all: &[Evidence]) -> String {
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
