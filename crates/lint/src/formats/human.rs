//! For people: each finding with its line, a caret, the fix and the references.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use gauntlet_record::{Finding, Severity};

use super::excerpt::Source;
use crate::escape;

/// Columns of a drawn line, whatever the terminal: the excerpt is short, and the text the same everywhere.
const WIDTH: usize = 280;

pub(super) fn write(findings: &[Finding], sources: &[(String, String)], color: bool) -> String {
    if findings.is_empty() {
        return String::new();
    }
    let renderer = if color { Renderer::styled() } else { Renderer::plain() }.term_width(WIDTH);
    let prepared = super::excerpt::prepare(sources);
    let mut out = String::new();
    for finding in findings {
        let drawn = renderer.render(&[group(finding, prepared.get(finding.location.file.as_str()))]);
        for line in drawn.lines().filter(|line| !is_gap(line)) {
            out.push_str(line);
            out.push('\n');
        }
        out.push('\n');
    }
    out.push_str(&super::summary(findings));
    out.push('\n');
    if let Some(worst) = findings.iter().rev().max_by_key(|finding| finding.severity) {
        out.push_str(&format!(
            "`gauntlet explain {}` tells more of the worst, and so of every rule\n",
            escape::line(&worst.rule)
        ));
    }
    out
}

/// Whether a drawn line is only the mark for "elsewhere in this file", which stands between a place and a line that does not tell its own.
fn is_gap(line: &str) -> bool {
    if !line.contains(":::") {
        return false;
    }
    let mut styled = false;
    let shown = line.chars().filter(|c| {
        let code = styled || *c == '\u{1b}';
        styled = code && *c != 'm';
        !code
    });
    shown.collect::<String>().trim() == ":::"
}

fn group<'a>(finding: &'a Finding, source: Option<&Source<'_>>) -> Group<'a> {
    let location = &finding.location;
    let column = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let title =
        level(finding.severity).with_name(finding.severity.as_str()).primary_title(escape::message(&finding.message));
    let origin =
        Origin::path(escape::line(&location.file)).line(column(location.line)).char_column(column(location.column));
    let title = title.id(escape::line(&finding.rule));
    let mut group = if let Some(excerpt) = source.and_then(|source| source.excerpt(location)) {
        // A drawn line tells its place itself, by counting its characters: where it was cut or escaped before the mark that is wrong.
        let counted = excerpt.text[..excerpt.marked.start].chars().count() + 1;
        let snippet = Snippet::source(excerpt.text)
            .line_start(column(location.line))
            .annotation(AnnotationKind::Primary.span(excerpt.marked));
        if counted == column(location.column) {
            title.element(snippet.path(escape::line(&location.file)))
        } else {
            title.element(origin).element(snippet)
        }
    } else {
        title.element(origin)
    };
    if !finding.impact.is_empty() {
        let impact = format!("{} ({})", escape::message(&finding.impact), finding.category.as_str());
        group = group.element(Level::NOTE.with_name("impact").message(impact));
    }
    if !finding.fix.is_empty() {
        group = group.element(Level::HELP.message(escape::message(&finding.fix)));
    }
    if !finding.references.is_empty() {
        let references: Vec<String> = finding.references.iter().map(|reference| escape::message(reference)).collect();
        group = group.element(Level::NOTE.message(references.join(", ")));
    }
    group
}

const fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Critical | Severity::High => Level::ERROR,
        Severity::Medium => Level::WARNING,
        Severity::Low => Level::NOTE,
        Severity::Info => Level::INFO,
    }
}
