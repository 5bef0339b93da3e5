//! Text for a terminal: what is not satisfied and what needs a person, then counts.

use std::fmt::Write as _;
use std::io;

use gauntlet_report::page::line;

use super::{WriteError, meaning};
use crate::model::{Audit, Standing, Status};

pub(super) fn write(audit: &Audit, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let mut text = String::new();
    let subject = &audit.subject;
    let targets: Vec<String> = subject
        .targets
        .iter()
        .map(|target| format!("{} ({} {})", target.name, target.engine, target.version))
        .collect();
    let _ = writeln!(
        text,
        "gauntlet {} audit \u{b7} {} \u{b7} policy {} ({})",
        line(&audit.tool.version),
        line(&targets.join(", ")),
        line(&subject.policy),
        short(&subject.policy_sha256)
    );
    let verdicts: Vec<String> =
        subject.trials.iter().map(|(verdict, number)| format!("{number} {}", line(verdict))).collect();
    let _ = writeln!(text, "trials: {}; {} witnessed by a live control\n", verdicts.join(", "), subject.witnessed);
    let mut section = "";
    let _ = writeln!(text, "Checklist");
    for item in &audit.lines {
        if item.section != section {
            section = &item.section;
            let _ = writeln!(text, "  {} {}", line(section), line(&item.section_title));
        }
        let _ = writeln!(text, "    {:<15} {}", word(item.status), line(&item.text));
        if !matches!(item.status, Status::Satisfied) {
            // A word first: a CI server reads commands at the beginning of a line.
            let _ = writeln!(text, "    {:<15} {}", "why", line(&item.says));
        }
        if let Some(question) = &item.question {
            let _ = writeln!(text, "    {:<15} question: {}", "", line(question));
        }
    }
    let _ = writeln!(text, "\nRisks");
    for risk in &audit.risks {
        let accepted = risk
            .accepted
            .as_ref()
            .map(|answer| format!("; accepted by {} on {}", line(&answer.by), line(&answer.date)))
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "  {:<8} {}: {}{accepted}",
            risk.residual.as_str(),
            line(&risk.title),
            line(&risk.residual_why)
        );
    }
    let _ = writeln!(text, "\nFrameworks");
    for framework in &audit.frameworks {
        let of = |standing| framework.controls.iter().filter(|control| control.standing == standing).count();
        let _ = writeln!(
            text,
            "  {:<14} the evidence supports {} of {} controls, {} in part; against {}, none for {}",
            line(&framework.id),
            of(Standing::Supported),
            framework.controls.len(),
            of(Standing::PartlySupported),
            of(Standing::Broken),
            of(Standing::NoEvidence)
        );
    }
    let _ = writeln!(text, "\nNot known");
    for unknown in &audit.unknown {
        let _ = writeln!(text, "  {}", line(unknown));
    }
    let summary = &audit.summary;
    let counts: Vec<String> = Status::ALL
        .iter()
        .rev()
        .map(|status| format!("{} {}", summary.by_status.get(status).copied().unwrap_or(0), status.as_str()))
        .collect();
    let _ = writeln!(
        text,
        "\n{} lines: {}; {} decided by evidence",
        summary.lines,
        counts.join(", "),
        summary.decided_by_evidence
    );
    let _ = writeln!(text, "exit code {}: {}", summary.exit, meaning(summary.exit));
    out.write_all(text.as_bytes())?;
    Ok(())
}

const fn word(status: Status) -> &'static str {
    match status {
        Status::Satisfied => "satisfied",
        Status::NotSatisfied => "NOT SATISFIED",
        Status::NotApplicable => "not applicable",
        Status::Attested => "attested",
        Status::NeedsAPerson => "NEEDS A PERSON",
    }
}

fn short(digest: &str) -> String {
    line(digest).chars().take(12).collect()
}
