//! A summary for a pull request or a job, in GitHub's Markdown.
//!
//! Every string of the record stands either in a code span or with each mark escaped, so that it makes no link, mention, table cell
//! or HTML. A comment takes 65 536 characters: long lists are cut and say so.

use std::io;

use gauntlet_record::{Finding, GuestText, Record, Role, Severity, Trial, Verdict, guarantees};

use crate::evidence::{group_lines, layers, role, trial_facts};
use crate::summary::{Summary, advice, is_weak, lacking, over, run_line, trials, use_of};
use crate::text::{Line, Piece, plain};
use crate::{Options, WriteError};

/// Most trials shown in detail, and most rows of a list, in the brief form.
const DETAILED: usize = 20;
const ROWS: usize = 150;

/// Most bytes of a page that is to be a comment. GitHub counts 65 536 characters; a byte is never more than one.
pub(crate) const COMMENT: usize = 65_000;

pub(crate) fn write(record: &Record, options: &Options, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let page = page(record, options);
    // What is asked for in full is a file, and no comment.
    let most = if options.verbose { usize::MAX } else { COMMENT };
    out.write_all(fitted(page, most).as_bytes())?;
    Ok(())
}

/// A page that fits into a place of so many bytes: cut between two lines, with what is open closed, and it says so.
pub(crate) fn fitted(page: String, most: usize) -> String {
    if page.len() <= most {
        return page;
    }
    let tail = "\n**Cut here: this place takes no more. The full report has the rest.**\n";
    let room = most.saturating_sub(tail.len() + 64);
    let mut end = page.len().min(room);
    while !page.is_char_boundary(end) {
        end -= 1;
    }
    let kept = &page[..page[..end].rfind('\n').map_or(0, |at| at + 1)];
    // Only our own lists open such an element: text of a record has its angle brackets escaped.
    let open = kept.matches("<details>").count().saturating_sub(kept.matches("</details>").count());
    format!("{kept}{}{tail}", "\n</details>\n".repeat(open))
}

pub(crate) fn page(record: &Record, options: &Options) -> String {
    let mut page = String::new();
    let summary = Summary::of(record);
    page.push_str(&format!("# Gauntlet: {}\n\n", summary.word));
    if !record.complete {
        page.push_str(
            "**INCOMPLETE: the run was cut off. What follows is what had finished; it proves nothing as a whole.**\n\n",
        );
    }
    page.push_str(&format!(
        "Run: {}\n\n",
        run_line(record).iter().map(|part| prose(part)).collect::<Vec<_>>().join(" · ")
    ));
    guarantee_table(&mut page, record);
    counts(&mut page, &summary);
    detailed(&mut page, record, Verdict::Breached, "Breached", options);
    detailed(&mut page, record, Verdict::Inconclusive, "Inconclusive", options);
    if options.verbose {
        detailed(&mut page, record, Verdict::Contained, "Contained", options);
    } else {
        contained(&mut page, record);
    }
    unsupported(&mut page, record, options);
    findings(&mut page, record, options);
    mutation(&mut page, record);
    let lacking: Vec<String> = record.host.mechanisms.iter().filter_map(lacking).collect();
    if !lacking.is_empty() {
        page.push_str("## Not offered by this host\n\n");
        for line in lacking {
            page.push_str(&format!("- host: {}\n", prose(&line)));
        }
        page.push('\n');
    }
    page.push_str(&format!(
        "**Result: {}.** {}. Exit code {}: {}.\n",
        summary.word,
        sentence(&summary.sentence),
        summary.exit,
        summary.meaning()
    ));
    page
}

/// A guest's text. The one place where escaping that was lifted on purpose shows.
fn guest(text: &GuestText) -> String {
    if text.is_raw() { text.as_str().to_owned() } else { code(text.as_str()) }
}

/// A string of the record as a code span, which holds in a table cell as well.
fn code(text: &str) -> String {
    let text = plain(text).replace('|', "\\u{7c}").replace('`', "\\u{60}");
    if text.trim().is_empty() { String::new() } else { format!("`{text}`") }
}

/// A string of the record as prose. What GitHub would link without any mark (mentions, numbers, addresses) becomes code.
pub(crate) fn prose(text: &str) -> String {
    let text = plain(text);
    if text.contains(['@', '#']) || text.contains("://") || text.contains("www.") {
        return code(&text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '!' | '|' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

fn flat(line: &Line<'_>) -> String {
    line.iter()
        .map(|piece| match piece {
            Piece::Plain(text) => prose(text),
            Piece::Guest(text) => guest(text),
        })
        .collect()
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn guarantee_table(page: &mut String, record: &Record) {
    page.push_str("## Limits and grants\n\n| | Limit or grant | Value | Worst use seen | Over | Proved by | Witnessed | Note |\n|---|---|---|---|---|---|---|---|\n");
    for row in guarantees(record) {
        let attacks: Vec<String> = row.attacks.iter().take(5).map(|attack| code(attack)).collect();
        let more = if row.attacks.len() > 5 { format!(" and {} more", row.attacks.len() - 5) } else { String::new() };
        page.push_str(&format!(
            "| **{}** | {} | {} | {} | {} | {}{more} | {} | {} |\n",
            row.proof.as_str(),
            code(&row.key),
            code(&row.value),
            row.worst.as_ref().map(use_of).unwrap_or_default(),
            row.worst.as_ref().and_then(over).unwrap_or_default(),
            attacks.join(", "),
            if row.attacks.is_empty() { String::new() } else { row.witnessed.to_string() },
            prose(&row.note),
        ));
    }
    page.push('\n');
}

fn counts(page: &mut String, summary: &Summary) {
    let mut parts: Vec<String> =
        summary.counts().iter().map(|(verdict, number)| format!("{number} {verdict}")).collect();
    parts.push(format!("{} witnessed by a live control", summary.witnessed));
    if summary.weak > 0 {
        parts.push(format!("{} contained without a cause shown", summary.weak));
    }
    page.push_str(&format!("Trials: {}\n\n", parts.join(" · ")));
}

fn detailed(page: &mut String, record: &Record, verdict: Verdict, title: &str, options: &Options) {
    let trials = trials(record, verdict);
    if trials.is_empty() {
        return;
    }
    page.push_str(&format!("## {title} ({})\n\n", trials.len()));
    let most = if options.verbose { usize::MAX } else { DETAILED };
    for trial in trials.iter().take(most) {
        page.push_str(&format!("### Attack {}\n\n", code(&trial.attack)));
        page.push_str(&format!("What: {}\n\n", prose(&trial.title)));
        page.push_str(&format!("- reason: {}\n", prose(&trial.reason)));
        if verdict == Verdict::Inconclusive {
            page.push_str(&format!("- what to do: {}\n", advice(trial.why)));
        }
        for (label, line) in trial_facts(trial) {
            page.push_str(&format!("- {label}: {}\n", flat(&line)));
        }
        page.push('\n');
        let runs: Vec<_> = trial.runs.iter().filter(|run| options.verbose || run.role == Role::Attack).collect();
        for run in runs {
            page.push_str(&format!("<details><summary>{}</summary>\n\n", role(run.role)));
            for (group, line) in group_lines(run) {
                page.push_str(&format!("- {}: {}\n", group.title(), flat(&line)));
            }
            page.push_str("\n</details>\n\n");
        }
    }
    if trials.len() > most {
        page.push_str(&format!("and {} more; the full report has them\n\n", trials.len() - most));
    }
}

fn contained(page: &mut String, record: &Record) {
    let trials = trials(record, Verdict::Contained);
    if trials.is_empty() {
        return;
    }
    page.push_str(&format!(
        "## Contained ({})\n\n<details><summary>Each attack with what stopped it</summary>\n\n",
        trials.len()
    ));
    page.push_str("| Attack | Cause | Layer | Closest | |\n|---|---|---|---|---|\n");
    for trial in trials.iter().take(ROWS) {
        page.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            code(&attack_on(record, trial)),
            trial.cause.map(|cause| cause.to_string()).unwrap_or_default(),
            trial.layer.map(|layer| layer.to_string()).unwrap_or_default(),
            trial.closeness.as_ref().map(use_of).unwrap_or_default(),
            notes(trial),
        ));
    }
    page.push('\n');
    if trials.len() > ROWS {
        page.push_str(&format!("and {} more; the full report has them\n\n", trials.len() - ROWS));
    }
    page.push_str("</details>\n\n");
}

fn attack_on(record: &Record, trial: &Trial) -> String {
    if record.targets.len() > 1 { format!("{} on {}", trial.attack, trial.target) } else { trial.attack.clone() }
}

fn notes(trial: &Trial) -> &'static str {
    match (is_weak(trial), trial.witnessed) {
        (false, true) => "",
        (true, true) => "weak",
        (false, false) => "no witness",
        (true, false) => "weak, no witness",
    }
}

fn unsupported(page: &mut String, record: &Record, options: &Options) {
    let trials = trials(record, Verdict::Unsupported);
    if trials.is_empty() {
        return;
    }
    page.push_str(&format!("## Unsupported ({})\n\n", trials.len()));
    let most = if options.verbose { usize::MAX } else { ROWS };
    for trial in trials.iter().take(most) {
        page.push_str(&format!("- attack {}: {}\n", code(&attack_on(record, trial)), prose(&trial.reason)));
    }
    if trials.len() > most {
        page.push_str(&format!("- and {} more\n", trials.len() - most));
    }
    page.push('\n');
}

/// The message, and what somebody gets from it.
fn impact(finding: &Finding) -> String {
    if finding.impact.is_empty() {
        return finding.message.clone();
    }
    format!("{}; {} ({})", finding.message, finding.impact, finding.category.as_str())
}

fn findings(page: &mut String, record: &Record, options: &Options) {
    let shown: Vec<_> =
        record.findings.iter().filter(|finding| options.verbose || finding.severity >= Severity::Medium).collect();
    if record.findings.is_empty() {
        return;
    }
    page.push_str(&format!("## Findings in the policy ({})\n\n", record.findings.len()));
    if !shown.is_empty() {
        page.push_str("| Severity | Rule | Place | Finding | Fix |\n|---|---|---|---|---|\n");
    }
    let most = if options.verbose { usize::MAX } else { ROWS };
    for finding in shown.iter().take(most) {
        let place = format!("{}:{}:{}", finding.location.file, finding.location.line, finding.location.column);
        page.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            finding.severity.as_str(),
            code(&finding.rule),
            code(&place),
            prose(&impact(finding)),
            prose(&finding.fix)
        ));
    }
    let left_out = record.findings.len() - shown.len().min(most);
    if left_out > 0 {
        page.push_str(&format!("\nand {left_out} more or of lower severity\n"));
    }
    page.push('\n');
}

fn mutation(page: &mut String, record: &Record) {
    let Some(score) = &record.mutation else { return };
    page.push_str(&format!("## Mutation score: {} of {} broken executors caught\n\n", score.caught, score.total));
    page.push_str("| | Broken executor | Mistake | Caught by | Held by, with backstops |\n|---|---|---|---|---|\n");
    for mutation in &score.mutations {
        page.push_str(&format!(
            "| {} | {} | {} | {} | {} |\n",
            if mutation.caught { "caught" } else { "**MISSED**" },
            code(&mutation.name),
            prose(&mutation.mistake),
            mutation.caught_by.len(),
            layers(&mutation.backstopped)
        ));
    }
    let thin: Vec<String> =
        score.thin_cover().map(|(name, attack)| format!("{} ({})", code(name), code(attack))).collect();
    if !thin.is_empty() {
        page.push_str(&format!("\nThin cover, caught by one attack only: {}\n", thin.join(", ")));
    }
    page.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_too_long_is_cut_between_lines_and_closes_what_is_open() {
        let page = format!("# x\n<details>\n{}", "é row\n".repeat(1000));
        let cut = fitted(page.clone(), 500);
        assert!(
            cut.len() <= 500 && cut.contains("é row\n\n</details>\n") && cut.ends_with("has the rest.**\n"),
            "{cut}"
        );
        assert_eq!(fitted(page.clone(), page.len()), page);
    }

    #[test]
    fn a_string_makes_no_cell_link_mention_or_markup() {
        assert_eq!(code("a|b`c"), "`a\\u{7c}b\\u{60}c`");
        assert_eq!(prose("*a* _b_ [c](d) | <i>"), "\\*a\\* \\_b\\_ \\[c\\](d) \\| &lt;i&gt;");
        assert_eq!(prose("ask @team about #12"), "`ask @team about #12`");
        assert_eq!(prose("see https://x.example"), "`see https://x.example`");
    }
}
