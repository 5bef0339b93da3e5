//! Text for a person at a terminal: what `gauntlet run` shows at the end.
//!
//! No line begins with a word that is not ours: text that is wrapped goes on behind a bar. So a guest cannot write a line that
//! looks like a verdict or that a CI server takes for a command.

use std::io;

use gauntlet_record::{Guarantee, Proof, Record, Role, Severity, Trial, Verdict, guarantees};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::evidence::{Group, benign, group_lines, layers, live, role, trial_facts};
use crate::summary::{Outcome, Summary, advice, is_weak, lacking, over, run_line, trials, use_of};
use crate::text::{Piece, count, cut, flat, plain};
use crate::{Options, WriteError};

/// Most characters of a guest's output in the brief form.
const EXCERPT: usize = 200;

pub(crate) fn write(record: &Record, options: &Options, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let summary = Summary::of(record);
    let mut page =
        Page { text: String::new(), color: options.color, width: options.width.max(60), verbose: options.verbose };
    page.parts("", "│ ", &run_line(record));
    if !record.complete {
        page.gap();
        let text = "INCOMPLETE: the run was cut off. What follows is what had finished; it proves nothing as a whole.";
        page.flow_painted("", "│ ", text, Some(Style::Bad));
    }
    page.guarantees(record);
    page.counts(&summary);
    page.breached(record);
    page.inconclusive(record);
    page.contained(record);
    page.unsupported(record);
    page.findings(record);
    page.mutation(record);
    page.host(record);
    page.result(record, &summary);
    out.write_all(page.text.as_bytes())?;
    Ok(())
}

#[derive(Clone, Copy)]
enum Style {
    Title,
    Good,
    Bad,
    Warn,
    Faint,
}

struct Page {
    text: String,
    color: bool,
    width: usize,
    verbose: bool,
}

impl Page {
    fn paint(&self, style: Style, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match style {
            Style::Title => "1",
            Style::Good => "32",
            Style::Bad => "1;31",
            Style::Warn => "33",
            Style::Faint => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end_matches(' '));
        self.text.push('\n');
    }

    fn gap(&mut self) {
        self.text.push('\n');
    }

    fn title(&mut self, text: &str) {
        self.gap();
        let title = self.paint(Style::Title, text);
        self.line(&title);
    }

    /// Text over as many lines as it takes. What follows the first begins with `next`, which holds a bar.
    fn flow(&mut self, first: &str, next: &str, text: &str) {
        self.flow_painted(first, next, text, None);
    }

    fn flow_painted(&mut self, first: &str, next: &str, text: &str, style: Option<Style>) {
        self.flow_marked((first, Style::Faint), next, text, style);
    }

    fn flow_marked(&mut self, (first, mark): (&str, Style), next: &str, text: &str, style: Option<Style>) {
        let room = self.width.saturating_sub(first.width().max(next.width())).max(20);
        // A line break is left in a text only where escaping was lifted, and then nothing is to be hidden.
        let lines = if text.contains('\n') { vec![text.to_owned()] } else { wrap(text, room) };
        for (index, line) in lines.iter().enumerate() {
            let (prefix, mark) = if index == 0 { (first, mark) } else { (next, Style::Faint) };
            let line = style.map_or_else(|| line.clone(), |style| self.paint(style, line));
            self.line(&format!("{}{line}", self.paint(mark, prefix)));
        }
    }

    /// Parts of a line with dots between them, broken there rather than inside a part.
    fn parts(&mut self, first: &str, next: &str, parts: &[String]) {
        let room = self.width.saturating_sub(first.width().max(next.width()));
        let mut prefix = first;
        let mut line = String::new();
        for part in parts {
            if line.is_empty() {
                line.clone_from(part);
            } else if line.width() + 3 + part.width() <= room {
                line = format!("{line} · {part}");
            } else {
                self.flow(prefix, next, &line);
                prefix = next;
                line.clone_from(part);
            }
        }
        self.flow(prefix, next, &line);
    }

    fn guarantees(&mut self, record: &Record) {
        let rows = guarantees(record);
        self.title("Limits and grants");
        if rows.is_empty() {
            self.line("  The record names no limit and no grant: nothing is proved of any.");
            return;
        }
        let room = self.width;
        let key =
            rows.iter().map(|row| plain(&row.key).width()).max().unwrap_or(0).min(if room < 80 { 22 } else { 28 });
        let value = rows.iter().map(|row| plain(&row.value).width()).max().unwrap_or(0).min(18);
        let bar = "              │ ";
        for row in &rows {
            let (style, word) = proof(row.proof);
            let head = format!(
                "  {}  {}  {}",
                self.paint(style, &pad(word, 10)),
                pad(&cut(&plain(&row.key), key), key),
                pad(&cut(&plain(&row.value), value), value)
            );
            let seen = seen(row);
            let beside = seen.join(" · ");
            let note = plain(&row.note);
            let both = if seen.is_empty() || note.is_empty() {
                format!("{note}{beside}")
            } else {
                format!("{note} · {beside}")
            };
            let fits = |text: &str| 14 + key + value + 4 + text.width() <= room;
            if both.is_empty() || fits(&both) {
                let note = if note.is_empty() { String::new() } else { self.paint(style, &note) };
                let dot = if seen.is_empty() || row.note.is_empty() { "" } else { " · " };
                self.line(&format!("{head}  {note}{dot}{beside}"));
            } else {
                let beside_fits = !seen.is_empty() && fits(&beside);
                self.line(&if beside_fits { format!("{head}  {beside}") } else { head });
                if !note.is_empty() {
                    self.flow_painted(bar, bar, &note, Some(style));
                }
                if !seen.is_empty() && !beside_fits {
                    self.parts(bar, bar, &seen);
                }
            }
            if self.verbose && plain(&row.value).width() > value {
                self.flow(bar, bar, &format!("value: {}", plain(&row.value)));
            }
            if self.verbose && !row.attacks.is_empty() {
                self.flow_painted(bar, bar, &plain(&row.attacks.join(", ")), Some(Style::Faint));
            }
        }
    }

    fn counts(&mut self, summary: &Summary) {
        self.title("Trials");
        let mut parts: Vec<String> =
            summary.counts().iter().map(|(verdict, number)| format!("{number} {verdict}")).collect();
        parts.push(format!("{} witnessed by a live control", summary.witnessed));
        if summary.weak > 0 {
            parts.push(format!("{} contained without a cause shown", summary.weak));
        }
        self.parts("  ", "  │ ", &parts);
    }

    fn breached(&mut self, record: &Record) {
        let trials = trials(record, Verdict::Breached);
        if trials.is_empty() {
            return;
        }
        self.title(&format!("Breached ({})", trials.len()));
        for trial in trials {
            self.trial_head(record, trial, "✗", Style::Bad);
            self.evidence(record, trial);
        }
    }

    fn inconclusive(&mut self, record: &Record) {
        let trials = trials(record, Verdict::Inconclusive);
        if trials.is_empty() {
            return;
        }
        self.title(&format!("Inconclusive ({})", trials.len()));
        for trial in trials {
            self.trial_head(record, trial, "?", Style::Warn);
            self.fact("what to do", advice(trial.why));
            self.evidence(record, trial);
        }
    }

    fn contained(&mut self, record: &Record) {
        let trials = trials(record, Verdict::Contained);
        if trials.is_empty() {
            return;
        }
        self.title(&format!("Contained ({})", trials.len()));
        if self.verbose {
            for trial in trials {
                self.trial_head(record, trial, "✓", Style::Good);
                self.evidence(record, trial);
            }
            return;
        }
        let rows: Vec<[String; 4]> = trials.iter().map(|trial| contained_row(record, trial)).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].width()).max().unwrap_or(0);
        let (name, cause, layer) = (width(0).min(self.width / 2), width(1), width(2));
        for row in &rows {
            let tail = format!("{}  {}  {}", pad(&row[1], cause), pad(&row[2], layer), row[3]);
            let mark = self.paint(Style::Good, "✓");
            if 4 + name.max(row[0].width()) + 2 + tail.trim_end().width() <= self.width {
                self.line(&format!("  {mark} {}  {tail}", pad(&row[0], name)));
            } else {
                let short: Vec<String> = row[1..].iter().filter(|part| !part.is_empty()).cloned().collect();
                self.flow_marked(("  ✓ ", Style::Good), "    │ ", &row[0], None);
                self.parts("    │ ", "    │ ", &short);
            }
        }
    }

    fn unsupported(&mut self, record: &Record) {
        let trials = trials(record, Verdict::Unsupported);
        if trials.is_empty() {
            return;
        }
        self.title(&format!("Unsupported ({})", trials.len()));
        for trial in trials {
            self.flow("  - ", "    │ ", &format!("{}: {}", name(record, trial), plain(&trial.reason)));
        }
    }

    fn findings(&mut self, record: &Record) {
        if record.findings.is_empty() {
            return;
        }
        let tally: Vec<String> = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info]
            .into_iter()
            .map(|severity| (severity, record.findings.iter().filter(|finding| finding.severity == severity).count()))
            .filter(|(_, number)| *number > 0)
            .map(|(severity, number)| format!("{number} {}", severity.as_str()))
            .collect();
        self.title(&format!("Findings in the policy ({})", tally.join(", ")));
        let mut left_out = 0;
        for finding in &record.findings {
            if finding.severity < Severity::Medium && !self.verbose {
                left_out += 1;
                continue;
            }
            let style = if finding.severity >= Severity::High { Style::Bad } else { Style::Warn };
            let place = format!("{}:{}:{}", finding.location.file, finding.location.line, finding.location.column);
            let head = format!("{}  {}", plain(&finding.rule), plain(&place));
            self.flow_marked((&format!("  {}  ", pad(finding.severity.as_str(), 8)), style), "    │ ", &head, None);
            self.flow("    │ ", "    │ ", &plain(&finding.message));
            if !finding.impact.is_empty() {
                let impact = format!("impact: {} ({})", finding.impact, finding.category.as_str());
                self.flow("    │ ", "    │ ", &plain(&impact));
            }
            self.flow_painted("    │ ", "    │ ", &plain(&finding.fix), Some(Style::Faint));
        }
        if left_out > 0 {
            self.line(&format!("  and {left_out} of lower severity; --verbose shows them"));
        }
    }

    fn mutation(&mut self, record: &Record) {
        let Some(score) = &record.mutation else { return };
        self.title(&format!("Mutation score: {} of {} broken executors caught", score.caught, score.total));
        for mutation in &score.mutations {
            let (style, word) = if mutation.caught { (Style::Good, "caught") } else { (Style::Bad, "MISSED") };
            let mut tail = format!("by {}", count(mutation.caught_by.len(), "attack"));
            let layers = layers(&mutation.backstopped);
            if !layers.is_empty() {
                tail.push_str(&format!("; with backstops, held by {layers}"));
            }
            let head = format!("{}  {tail}", plain(&mutation.name));
            self.flow_marked((&format!("  {word}  "), style), "    │ ", &head, None);
            self.flow_painted("    │ ", "    │ ", &plain(&mutation.mistake), Some(Style::Faint));
        }
        let thin: Vec<String> =
            score.thin_cover().map(|(name, attack)| format!("{} ({})", plain(name), plain(attack))).collect();
        if !thin.is_empty() {
            self.flow("  ", "  │ ", &format!("thin cover, caught by one attack only: {}", thin.join(", ")));
        }
    }

    fn host(&mut self, record: &Record) {
        let lacking: Vec<String> = record.host.mechanisms.iter().filter_map(lacking).collect();
        if lacking.is_empty() {
            return;
        }
        self.title("Not offered by this host");
        for line in lacking {
            self.flow("  ! ", "    │ ", &line);
        }
    }

    fn result(&mut self, record: &Record, summary: &Summary) {
        self.gap();
        let style = match summary.outcome {
            Outcome::Contained => Style::Good,
            Outcome::Breached => Style::Bad,
            Outcome::Open => Style::Warn,
        };
        self.flow("Result: ", "│ ", &format!("{}.", summary.sentence));
        for gap in &record.closed_gaps {
            self.flow("No longer open: ", "│ ", &plain(gap));
        }
        let word = self.paint(style, summary.word);
        self.line(&format!("{word}, exit code {}: {}.", summary.exit, summary.meaning()));
    }

    fn trial_head(&mut self, record: &Record, trial: &Trial, mark: &str, style: Style) {
        self.flow_marked((&format!("  {mark} "), style), "    │ ", &name(record, trial), Some(Style::Title));
        self.flow("    │ ", "    │ ", &plain(&trial.title));
        self.fact("reason", &plain(&trial.reason));
    }

    /// A labelled line under a trial.
    fn fact(&mut self, label: &str, text: &str) {
        self.flow(&format!("    │ {}  ", pad(label, 13)), &format!("    │ {}  ", pad("", 13)), text);
    }

    /// What the attack is after and how close it came, then what the runs showed, then where to read on.
    fn evidence(&mut self, record: &Record, trial: &Trial) {
        let facts = trial_facts(trial);
        let (last, first): (Vec<_>, Vec<_>) = facts
            .into_iter()
            .partition(|(label, _)| matches!(*label, "known gap" | "evidence for" | "weakness" | "file"));
        for (label, line) in first {
            let told =
                matches!(label, "live control" | "harmless twin") || (label == "target" && record.targets.len() < 2);
            if !told {
                self.fact(label, &flat(&line));
            }
        }
        if self.verbose {
            self.fact("matters", &plain(&trial.why_it_matters));
            for run in &trial.runs {
                self.fact("", "");
                self.fact("run", role(run.role));
                for (group, line) in group_lines(run) {
                    self.fact(group.short(), &flat(&line));
                }
            }
            self.fact("", "");
        } else if let Some(run) = trial.run(Role::Attack) {
            let short = |group| matches!(group, Group::End | Group::Host | Group::Guest);
            for (group, line) in group_lines(run).into_iter().filter(|(group, _)| short(*group)) {
                let raw = line.iter().any(|piece| matches!(piece, Piece::Guest(text) if text.is_raw()));
                let text = flat(&line);
                self.fact(group.short(), &if raw || group != Group::Guest { text.into() } else { cut(&text, EXCERPT) });
            }
        }
        self.fact("live control", &plain(&live(trial)));
        self.fact("harmless twin", benign(trial));
        for (label, line) in last {
            self.fact(label, &flat(&line));
        }
        if self.verbose && !trial.references.is_empty() {
            self.fact("references", &plain(&trial.references.join(" ")));
        }
    }
}

fn contained_row(record: &Record, trial: &Trial) -> [String; 4] {
    let mut closeness = trial.closeness.as_ref().map(use_of).unwrap_or_default();
    if let Some(over) = trial.closeness.as_ref().and_then(over) {
        closeness.push_str(&format!(", {over} over"));
    }
    let mut notes = Vec::new();
    if is_weak(trial) {
        notes.push("weak");
    }
    if !trial.witnessed {
        notes.push("no witness");
    }
    if !notes.is_empty() {
        let notes = format!("({})", notes.join(", "));
        closeness = if closeness.is_empty() { notes } else { format!("{closeness} {notes}") };
    }
    [
        name(record, trial),
        trial.cause.map(|cause| cause.to_string()).unwrap_or_default(),
        trial.layer.map(|layer| layer.to_string()).unwrap_or_default(),
        closeness,
    ]
}

/// The attack's id, and the target where there are several.
fn name(record: &Record, trial: &Trial) -> String {
    let attack = plain(&trial.attack);
    if record.targets.len() > 1 { format!("{attack} on {}", plain(&trial.target)) } else { attack.into_owned() }
}

fn proof(proof: Proof) -> (Style, &'static str) {
    let style = match proof {
        Proof::Pass => Style::Good,
        Proof::Fail => Style::Bad,
        Proof::NotProved => Style::Warn,
    };
    (style, proof.as_str())
}

/// The worst use seen and how many attacks showed it.
fn seen(row: &Guarantee) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(worst) = &row.worst {
        parts.push(use_of(worst));
        if let Some(over) = over(worst) {
            parts.push(format!("{over} over"));
        }
    }
    if !row.attacks.is_empty() {
        parts.push(format!("{}, {} witnessed", count(row.attacks.len(), "attack"), row.witnessed));
    }
    parts
}

fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(missing))
}

/// Lines of at most `room` columns, broken at spaces where that is possible. Linear, since a guest may have written the text.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for (index, word) in text.split(' ').enumerate() {
        let wide = word.width();
        if index > 0 && used + 1 + wide <= room {
            line.push(' ');
            used += 1;
        } else if index > 0 {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used + wide <= room {
            line.push_str(word);
            used += wide;
            continue;
        }
        for c in word.chars() {
            let columns = c.width().unwrap_or(0);
            if used > 0 && used + columns > room {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push(c);
            used += columns;
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_spaces_and_endless_words_anywhere() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("漢字漢字", 4), ["漢字", "漢字"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("a  b", 4), ["a  b"]);
    }
}
