//! The page of a rule.

use std::fmt::Write as _;

use crate::rule::Rule;
use crate::{rules, structural_faults};

/// The page of a rule or of a structural fault, in Markdown: what it finds, why, what to do, an example of each, references. `None` if
/// there is no rule of that name.
#[must_use]
pub fn explain(id: &str) -> Option<String> {
    rules().chain(structural_faults()).find(|rule| rule.id == id).map(page)
}

fn page(rule: &Rule) -> String {
    let mut page = format!("# {}\n\nSeverity: {}. {}\n", rule.id, rule.severity.as_str(), sentence(rule.summary));
    let _ = write!(page, "\n## Why\n\n{}\n\n## Fix\n\n{}\n", rule.why, rule.fix);
    let _ = write!(
        page,
        "\n## Found in\n\n```yaml\n{}```\n\n## Not found in\n\n```yaml\n{}```\n",
        example(rule.bad),
        example(rule.good)
    );
    if !rule.references.is_empty() {
        page.push_str("\n## References\n\n");
        for reference in rule.references {
            let _ = writeln!(page, "- {reference}");
        }
    }
    page
}

fn sentence(summary: &str) -> String {
    let mut chars = summary.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
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
        for rule in rules().chain(structural_faults()) {
            let page = explain(rule.id).unwrap();
            for part in [rule.id, rule.severity.as_str(), rule.why, rule.fix, "## Found in", "## Not found in"] {
                assert!(page.contains(part), "{}: {part}", rule.id);
            }
        }
        assert_eq!(explain("no-such-rule"), None);
    }

    #[test]
    fn a_page_reads_well() {
        insta::assert_snapshot!(explain("memory-unbounded").unwrap());
    }
}
