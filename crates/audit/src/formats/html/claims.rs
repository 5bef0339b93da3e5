//! Risks, claims, and the controls of frameworks that they are mapped to.

use std::fmt::Write as _;

use gauntlet_report::page::{capital, escape, link};

use super::Page;
use super::lines::{answer, evidence};
use super::words::{code, level, place, prose, standing};
use crate::model::{Audit, Claim, Framework, Risk, Standing};

impl Page {
    pub(super) fn risks(&mut self, audit: &Audit) {
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

    pub(super) fn claims(&mut self, audit: &Audit) {
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

    pub(super) fn framework(&mut self, framework: &Framework) {
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
}
