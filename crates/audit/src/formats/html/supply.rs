//! The supply chain, and what was looked at besides the trials.

use gauntlet_report::page::escape;

use super::Page;
use super::words::{badge, code, place, prose, state};
use crate::model::{Audit, DependencyList};

impl Page {
    pub(super) fn supply(&mut self, audit: &Audit) {
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

    pub(super) fn checks(&mut self, audit: &Audit) {
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
}
