//! The trials of the page, one element each.

use std::fmt::Write as _;

use gauntlet_record::{Record, Trial, Verdict};

use super::filter::{self, Classes};
use super::{Page, cell, closeness, flat, verdict};
use crate::evidence::{Fact, Group, group_lines, role, run_facts, trial_facts};
use crate::page::{capital, escape, link};
use crate::summary::{advice, is_weak, use_of};

/// Most trials that are shown with their runs, breaches first: a page of more is slow to open.
const DETAILED: usize = 1_000;
/// Most trials of a verdict that are shown on one line each.
const ROWS: usize = 20_000;

impl Page {
    pub(super) fn trials(&mut self, record: &Record, classes: &Classes<'_>) {
        let lead = |verdict| match verdict {
            Verdict::Breached => "The attack obtained what the policy denies, or crashed what ran it.",
            Verdict::Inconclusive => "These prove nothing either way, and are no pass.",
            Verdict::Contained => {
                "The attack works with the protection lifted, was stopped under the policy, and a harmless twin did its work."
            }
            Verdict::Unsupported => "The target lacks what these attacks need.",
        };
        let mut room = DETAILED;
        for state in [Verdict::Breached, Verdict::Inconclusive, Verdict::Contained, Verdict::Unsupported] {
            let of: Vec<(usize, &Trial)> =
                record.trials.iter().enumerate().filter(|(_, trial)| trial.verdict == state).collect();
            if of.is_empty() {
                continue;
            }
            let (_, word) = verdict(state);
            let _ = write!(
                self.text,
                "<section aria-labelledby=\"{state}\">\n<h2 id=\"{state}\">{word} ({})</h2>\n<p class=\"lead\">{}</p>\n",
                of.len(),
                lead(state)
            );
            let (detailed, rows) = of.split_at(room.min(of.len()));
            room -= detailed.len();
            for (index, trial) in detailed {
                self.trial(record, trial, *index, filter::number(classes, trial));
            }
            if !rows.is_empty() {
                self.put("<p class=\"lead\">In short, since there are many; the record has the runs of each.</p>\n");
            }
            for (index, trial) in rows.iter().take(ROWS) {
                self.row(record, trial, *index, filter::number(classes, trial));
            }
            if rows.len() > ROWS {
                let _ = writeln!(self.text, "<p>and {} more; the record has them</p>", rows.len() - ROWS);
            }
            self.put("</section>\n");
        }
    }

    /// A trial on one line, where there are too many to show the runs of each.
    fn row(&mut self, record: &Record, trial: &Trial, index: usize, class: usize) {
        let (badge, word) = verdict(trial.verdict);
        let _ = writeln!(
            self.text,
            "<div class=\"trial card row {} c{class}{}\" id=\"trial-{index}\">{}<span class=\"text\"><span class=\"name\"><code>{}</code>{}</span>\
             <span class=\"title\">{}</span></span><span class=\"layer\">{}</span><span class=\"use\">{}</span></div>",
            badge.class,
            marks(trial),
            badge.show(word),
            escape(&trial.attack),
            on(record, trial),
            escape(&trial.reason),
            notes(trial),
            trial.closeness.as_ref().map(|closeness| escape(&use_of(closeness))).unwrap_or_default()
        );
    }

    fn trial(&mut self, record: &Record, trial: &Trial, index: usize, class: usize) {
        let (badge, word) = verdict(trial.verdict);
        let open = if trial.verdict == Verdict::Breached { " open" } else { "" };
        let _ = write!(
            self.text,
            "<details class=\"trial card {} c{class}{}\"{open}><summary>{}<span class=\"text\"><span class=\"name\"><code>{}</code>{}</span>\
             <span class=\"title\">{}</span></span><span class=\"layer\">{}</span><span class=\"close\">{}</span></summary>\n<div class=\"body\">\n",
            badge.class,
            marks(trial),
            badge.show(word),
            escape(&trial.attack),
            on(record, trial),
            escape(&trial.title),
            notes(trial),
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
        match trial.verdict {
            Verdict::Breached | Verdict::Inconclusive => self.side_by_side(trial),
            // Most trials are contained, and a cell for each of their facts would make the page slow to open.
            Verdict::Contained | Verdict::Unsupported => self.runs(trial),
        }
        self.put("</div></details>\n");
    }

    /// The runs of a trial one after the other: one line a group of facts.
    fn runs(&mut self, trial: &Trial) {
        for run in &trial.runs {
            let _ = writeln!(self.text, "<h4>{}</h4>\n<dl class=\"facts\">", role(run.role));
            for (group, line) in group_lines(run) {
                let _ = writeln!(self.text, "<dt>{}</dt><dd>{}</dd>", group.short(), flat(&line));
            }
            self.put("</dl>\n");
        }
    }

    /// The runs of a trial side by side: one column a run, one row a fact.
    fn side_by_side(&mut self, trial: &Trial) {
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
}

/// Which target it ran on, where there are several.
fn on(record: &Record, trial: &Trial) -> String {
    if record.targets.len() > 1 { format!(" on {}", escape(&trial.target)) } else { String::new() }
}

/// What held it, and what there is to know of the verdict.
fn notes(trial: &Trial) -> String {
    let held = trial.layer.map(|layer| format!("held by {layer}"));
    let notes = [
        ("weak", is_weak(trial)),
        ("known gap", trial.known.is_some()),
        ("no witness", !trial.witnessed && trial.verdict == Verdict::Contained),
    ];
    let notes = notes.into_iter().filter(|(_, holds)| *holds).map(|(note, _)| note.to_owned());
    held.into_iter().chain(notes).collect::<Vec<_>>().join(", ")
}

/// Classes that the filter goes by.
fn marks(trial: &Trial) -> &'static str {
    let past = trial.closeness.as_ref().is_some_and(|closeness| closeness.overshoot > 0);
    let thin = trial.verdict == Verdict::Contained && (!trial.witnessed || is_weak(trial));
    match (past, thin) {
        (false, false) => "",
        (true, false) => " over",
        (false, true) => " thin",
        (true, true) => " over thin",
    }
}
