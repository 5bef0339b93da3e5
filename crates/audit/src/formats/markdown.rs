//! Markdown for a pull request or a wiki. Every text goes through one function, so that none of it can be markup.

use std::fmt::Write as _;
use std::io;

use gauntlet_report::page;

use super::{WriteError, counted, meaning};
use crate::model::{Audit, Standing, State, Status};

/// Most trials that are named under one line; `audit.json` has all.
const MOST: usize = 3;

pub(super) fn write(audit: &Audit, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let mut text = String::new();
    head(audit, &mut text);
    checklist(audit, &mut text);
    risks(audit, &mut text);
    claims(audit, &mut text);
    frameworks(audit, &mut text);
    supply(audit, &mut text);
    checks(audit, &mut text);
    let _ = writeln!(text, "## Not known\n");
    for unknown in &audit.unknown {
        let _ = writeln!(text, "- {}", plain(unknown));
    }
    out.write_all(text.as_bytes())?;
    Ok(())
}

/// A text as Markdown that is nothing but text, in a table as elsewhere.
fn plain(text: &str) -> String {
    let line = page::line(text);
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("&#64;"),
            '|' => out.push_str("&#124;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '{' | '}' | '#' | '!' | '~' | '^' | '=' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    // Readers make links of addresses that stand alone.
    out.replace("://", ":&#47;/").replace("www.", "www&#46;")
}

/// A text as code where it is plain enough to be one; anything that a reader might take for markup is text.
fn code(text: &str) -> String {
    let line = page::line(text);
    let plain_enough = !line.is_empty() && !line.contains(['<', '>', '&', '`', '|', '\\', '[', ']', '*']);
    if plain_enough { format!("`{line}`") } else { plain(text) }
}

const fn mark(status: Status) -> &'static str {
    match status {
        Status::Satisfied => "satisfied",
        Status::NotSatisfied => "**not satisfied**",
        Status::NotApplicable => "not applicable",
        Status::Attested => "attested",
        Status::NeedsAPerson => "**needs a person**",
    }
}

const fn stands(standing: Standing) -> &'static str {
    match standing {
        Standing::Supported => "supported",
        Standing::PartlySupported => "partly supported",
        Standing::Broken => "**broken**",
        Standing::NoEvidence => "no evidence",
    }
}

fn head(audit: &Audit, text: &mut String) {
    let (summary, subject) = (&audit.summary, &audit.subject);
    let _ = writeln!(text, "# Audit of a WebAssembly sandbox\n");
    let _ = writeln!(
        text,
        "**{} of {} lines are satisfied**; {} not satisfied, {} need a person, {} attested, {} not applicable. Evidence decided {}. Exit code {}: {}.\n",
        of(audit, Status::Satisfied),
        summary.lines,
        of(audit, Status::NotSatisfied),
        of(audit, Status::NeedsAPerson),
        of(audit, Status::Attested),
        of(audit, Status::NotApplicable),
        summary.decided_by_evidence,
        summary.exit,
        meaning(summary.exit)
    );
    let targets: Vec<String> = subject
        .targets
        .iter()
        .map(|target| format!("{} ({} {})", plain(&target.name), plain(&target.engine), plain(&target.version)))
        .collect();
    let verdicts: Vec<String> =
        subject.trials.iter().map(|(verdict, number)| format!("{number} {}", plain(verdict))).collect();
    let host = &subject.host;
    for (what, told) in [
        ("Made", plain(&audit.made)),
        ("Target", targets.join(", ")),
        ("Policy", format!("{} (sha256 {})", code(&subject.policy), code(&subject.policy_sha256))),
        (
            "Corpus",
            format!(
                "{} of {} attacks (sha256 {})",
                subject.corpus.selected,
                subject.corpus.attacks,
                code(&subject.corpus.sha256)
            ),
        ),
        ("Trials", format!("{}; {} witnessed by a live control", verdicts.join(", "), subject.witnessed)),
        ("Host", format!("{} {} on {}", plain(&host.os), plain(&host.kernel), plain(&host.arch))),
        ("Record", format!("`record.json`, sha256 {}", code(&subject.record_sha256))),
    ] {
        let _ = writeln!(text, "- {what}: {told}");
    }
    let _ = writeln!(text);
}

fn of(audit: &Audit, status: Status) -> u64 {
    audit.summary.by_status.get(&status).copied().unwrap_or(0)
}

fn checklist(audit: &Audit, text: &mut String) {
    let _ = writeln!(text, "## Checklist");
    let mut section = "";
    for line in &audit.lines {
        if line.section != section {
            section = &line.section;
            let _ = writeln!(
                text,
                "\n### {} {}\n\n| Status | Line | Why | Evidence |\n|---|---|---|---|",
                plain(section),
                plain(&line.section_title)
            );
        }
        let mut evidence: Vec<String> = line
            .evidence
            .iter()
            .filter(|item| item.holds == Some(false) || item.kind != crate::model::EvidenceKind::Rule)
            .take(MOST)
            .map(|item| code(&item.id))
            .collect();
        if line.evidence.len() > evidence.len() {
            evidence.push(format!("in all {}", counted(&line.evidence)));
        }
        let question =
            line.question.as_ref().map(|question| format!("<br>Question: {}", plain(question))).unwrap_or_default();
        let _ = writeln!(
            text,
            "| {} | {}: {} | {}{question} | {} |",
            mark(line.status),
            plain(&line.id),
            plain(&line.text),
            plain(&line.says),
            evidence.join(", ")
        );
    }
    let _ = writeln!(text);
}

fn risks(audit: &Audit, text: &mut String) {
    let _ = writeln!(text, "## Risks\n");
    for risk in &audit.risks {
        let _ = writeln!(text, "### {}\n\n{}\n", plain(&risk.title), plain(&risk.says));
        let _ = writeln!(
            text,
            "- Likelihood {}, impact {}: {}",
            risk.likelihood.as_str(),
            risk.impact.as_str(),
            plain(&risk.why)
        );
        let mitigations: Vec<String> = risk
            .mitigations
            .iter()
            .map(|mitigation| format!("{} ({})", code(&mitigation.claim), stands(mitigation.standing)))
            .collect();
        let _ = writeln!(text, "- Mitigations: {}", mitigations.join(", "));
        let _ = writeln!(text, "- Residual risk: **{}**; {}", risk.residual.as_str(), plain(&risk.residual_why));
        match &risk.accepted {
            Some(answer) => {
                _ = writeln!(
                    text,
                    "- Accepted by {} on {}: {}\n",
                    plain(&answer.by),
                    plain(&answer.date),
                    plain(&answer.note)
                )
            }
            None => _ = writeln!(text, "- Accepted by nobody yet\n"),
        }
    }
}

fn claims(audit: &Audit, text: &mut String) {
    let _ = writeln!(text, "## Claims\n\n| Standing | Claim | Why |\n|---|---|---|");
    for claim in &audit.claims {
        let _ = writeln!(
            text,
            "| {} | {}: {} | {} |",
            stands(claim.standing),
            code(&claim.id),
            plain(&claim.says),
            plain(&claim.why)
        );
    }
    let _ = writeln!(text);
}

fn frameworks(audit: &Audit, text: &mut String) {
    for framework in &audit.frameworks {
        let _ = writeln!(
            text,
            "## {}\n\n{}. {} Source: <{}>\n",
            plain(&framework.title),
            plain(&framework.edition),
            plain(&framework.note),
            link(&framework.source)
        );
        let _ = writeln!(text, "| Control | Evidence | Claims | Reason | Id checked |\n|---|---|---|---|---|");
        for control in &framework.controls {
            let names: Vec<String> = control.claims.iter().map(|claim| code(claim)).collect();
            let doubt = control
                .doubt
                .as_ref()
                .map(|doubt| format!("<br>A reader may disagree: {}", plain(doubt)))
                .unwrap_or_default();
            let _ = writeln!(
                text,
                "| {} {} | {} | {} | {}{doubt} | {} |",
                plain(&control.id),
                plain(&control.title),
                stands(control.standing),
                names.join(", "),
                plain(&control.reason),
                if control.checked { "yes" } else { "no" }
            );
        }
        let _ = writeln!(text);
    }
}

/// An address between `<` and `>`, if it can stand there.
fn link(address: &str) -> String {
    let good =
        address.starts_with("https://") && address.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>'));
    if good { address.to_owned() } else { "https://invalid.example".to_owned() }
}

fn supply(audit: &Audit, text: &mut String) {
    let _ = writeln!(text, "## Supply chain\n");
    match &audit.supply.database {
        Some(found) => {
            let commit = found.commit.as_deref().map_or_else(|| "not told".to_owned(), code);
            let _ = writeln!(
                text,
                "Advisories: {} in a database whose newest is of {}, {} days old (at most {}); commit {commit}, sha256 {}.\n",
                found.advisories,
                plain(&found.newest),
                found.age_days,
                found.most_days,
                code(&found.sha256)
            );
        }
        None => _ = writeln!(text, "No advisory database was named.\n"),
    }
    let _ = writeln!(text, "| List | Packages | Advisories | Of elsewhere |\n|---|---|---|---|");
    for list in &audit.supply.lists {
        let told: Vec<String> = list
            .advisories
            .iter()
            .map(|advisory| {
                let beside = advisory.ignored.as_ref().map(|why| format!(", {}", plain(why))).unwrap_or_default();
                format!(
                    "{} {} {} ({}, {}{beside})",
                    code(&advisory.id),
                    plain(&advisory.package),
                    plain(&advisory.version),
                    plain(&advisory.kind),
                    plain(&advisory.severity)
                )
            })
            .collect();
        let told = match (list.looked_up, told.is_empty()) {
            (false, _) => "not looked up".to_owned(),
            (true, true) => "none".to_owned(),
            (true, false) => told.join("<br>"),
        };
        let _ = writeln!(text, "| {} | {} | {told} | {} |", plain(&list.of), list.packages, list.elsewhere.len());
    }
    let _ = writeln!(text);
}

fn checks(audit: &Audit, text: &mut String) {
    let _ = writeln!(text, "## Host, supply chain, drills\n\n| State | Check | Found |\n|---|---|---|");
    for check in &audit.checks {
        let state = if check.state == State::Fails { "**fails**" } else { check.state.as_str() };
        let _ = writeln!(text, "| {state} | {}: {} | {} |", code(&check.id), plain(&check.title), plain(&check.says));
    }
    let _ = writeln!(text);
}
