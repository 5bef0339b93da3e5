//! The pages of the rules.

use std::fmt::Write as _;

use crate::rule::{Group, Input, Rule};
use crate::{rules, structural_faults};

/// The page of a rule or of a structural fault, in Markdown: what it finds, why, what somebody gets from it, how to mend it, an example
/// of each, references. `None` if there is no rule of that name.
#[must_use]
pub fn explain(id: &str) -> Option<String> {
    all().find(|rule| rule.id == id).map(page)
}

/// Every page and the index of them, by file name: what stands below `docs/rules`.
#[must_use]
pub fn pages() -> Vec<(String, String)> {
    let mut pages = vec![("README.md".to_owned(), index())];
    pages.extend(all().map(|rule| (format!("{}.md", rule.id), page(rule))));
    pages
}

/// Every rule and structural fault on one page, the index first: what `gauntlet explain --all` prints.
#[must_use]
pub fn explain_all() -> String {
    pages().into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n")
}

fn all() -> impl Iterator<Item = &'static Rule> {
    rules().chain(structural_faults())
}

/// The rules by group, with a line on each.
fn index() -> String {
    let mut page = String::from("# Rules\n\n");
    let _ = writeln!(
        page,
        "What `gauntlet lint` looks for: {} rules in {} groups. `gauntlet explain RULE` prints the page of one. These pages are written by \
         a test from the rules themselves.\n",
        all().count(),
        Group::ALL.len()
    );
    page.push_str(
        "A *critical* finding means that the sandbox is open, a *high* one that there is a hole, a *medium* one that something else has to \
         go wrong, too; *low* ones are weaknesses of depth or style, and *info* is worth knowing. Rules that look at the *host* are skipped \
         with `--no-host`, those that look at the *module* where none is given.\n",
    );
    for group in Group::ALL.iter().copied() {
        let mut rules: Vec<&Rule> = all().filter(|rule| rule.group == group).collect();
        if rules.is_empty() {
            continue;
        }
        rules.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.id.cmp(b.id)));
        let _ = write!(page, "\n## {}\n\n", capitalised(group.as_str()));
        page.push_str("| Rule | Severity | Category | Looks at | Finds |\n|---|---|---|---|---|\n");
        for rule in rules {
            let _ = writeln!(
                page,
                "| [{id}]({id}.md) | {} | {} | {} | {} |",
                rule.severity.as_str(),
                rule.category.as_str(),
                rule.input.as_str(),
                rule.summary.replace('|', "\\|"),
                id = rule.id
            );
        }
    }
    page
}

fn page(rule: &Rule) -> String {
    let mut page = format!("# {}\n\n{}\n\n", rule.id, sentence(rule.summary));
    page.push_str("| Severity | Category | Confidence | Group | Looks at |\n|---|---|---|---|---|\n");
    let _ = writeln!(
        page,
        "| {} | {} | {} | {} | {} |",
        rule.severity.as_str(),
        rule.category.as_str(),
        rule.confidence.as_str(),
        rule.group,
        rule.input.as_str()
    );
    let _ = write!(page, "\n## Why\n\n{}\n\n## Impact\n\n{}\n", rule.why, sentence(rule.impact));
    let _ = write!(page, "\n## How to mend it\n\n{}\n", rule.fix);
    let _ = write!(page, "\n## Found in\n\n```yaml\n{}```\n", example(rule.bad));
    // Text before a bar only tells the place from others.
    let covered = rule.flags.rsplit('|').next().unwrap_or_default();
    if !covered.trim().is_empty() {
        let _ = write!(page, "\nThe finding covers `{}`.\n", example(covered).trim_end());
    }
    let _ = write!(page, "\n## Not found in\n\n```yaml\n{}```\n", example(rule.good));
    if rule.input == Input::Module {
        let _ = write!(
            page,
            "\nBoth with this module beside the policy:\n\n```wat\n{}```\n",
            example(crate::EXAMPLE_MODULE)
        );
    }
    if !rule.references.is_empty() {
        page.push_str("\n## References\n\n");
        for reference in rule.references {
            let _ = writeln!(page, "- {}", linked(reference));
        }
    }
    page
}

/// A reference, with its address where it has one that stays.
fn linked(reference: &str) -> String {
    let number = reference.strip_prefix("CWE-").filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    match number {
        Some(number) => format!("[{reference}](https://cwe.mitre.org/data/definitions/{number}.html)"),
        None if reference.starts_with("CVE-") => format!("[{reference}](https://nvd.nist.gov/vuln/detail/{reference})"),
        None if reference.starts_with("https://") => format!("<{reference}>"),
        None => reference.to_owned(),
    }
}

fn sentence(words: &str) -> String {
    format!("{}.", capitalised(words))
}

fn capitalised(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), chars.as_str()))
}

fn example(text: &str) -> String {
    let visible: String = text
        .chars()
        .map(|c| if c == '\n' { "\n".to_owned() } else { crate::escape::character(c).unwrap_or_else(|| c.to_string()) })
        .collect();
    if visible.is_empty() || visible.ends_with('\n') { visible } else { visible + "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_and_fault_has_a_page() {
        for rule in all() {
            let page = explain(rule.id).unwrap();
            let (severity, group) = (rule.severity.as_str(), rule.group.as_str());
            for part in [rule.id, severity, group, rule.why, rule.fix, "## Impact", "## Found in", "## Not found in"] {
                assert!(page.contains(part), "{}: {part}", rule.id);
            }
        }
        assert_eq!(explain("no-such-rule"), None);
    }

    #[test]
    fn the_index_names_every_page_once() {
        let (index, pages) = (index(), pages());
        for (name, _) in &pages[1..] {
            assert_eq!(index.matches(&format!("]({name})")).count(), 1, "{name}");
        }
        assert!(explain_all().starts_with("# Rules\n"));
    }

    #[test]
    fn a_page_reads_well() {
        insta::assert_snapshot!(explain("memory-unbounded").unwrap());
    }
}
