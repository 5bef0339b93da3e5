use super::*;
use crate::{Options, faults_as_findings, lint_all, rules, structural_faults};

fn look(text: &str) -> (Vec<Finding>, Option<Policy>) {
    match Policy::parse("p.yaml", text) {
        Ok(policy) => {
            let linted = lint_all(&policy, &Options { host: false, ..Options::default() });
            (linted.findings.into_iter().chain(linted.waived).collect(), Some(policy))
        }
        Err(faults) => (faults_as_findings("p.yaml", text, &faults), None),
    }
}

/// The fixes of one rule in a text.
fn of(rule: &str, text: &str) -> Vec<Fix> {
    let findings: Vec<Finding> = look(text).0.into_iter().filter(|finding| finding.rule == rule).collect();
    fixes(text, &findings)
}

#[test]
fn every_fix_mends_the_bad_example_of_its_rule() {
    for (rule, _) in mends::MENDS {
        let described = rules().chain(structural_faults()).find(|known| known.id == *rule);
        let bad = described.unwrap_or_else(|| panic!("there is no rule {rule}")).bad;
        let bad = match *rule {
            // The example of the rule is a short digest, which nobody can complete.
            "not-a-digest" => {
                "version: 1\nmodules: { sha256: [E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855] }\n"
            }
            "unknown-value" => "version: 1\non-denial: erno\n",
            _ => bad,
        };
        let mut text = bad.to_owned();
        for _ in 0..MAX_ROUNDS {
            let found = of(rule, &text);
            if found.is_empty() {
                break;
            }
            text = apply(&text, &found).0;
        }
        assert_ne!(text, bad, "{rule} has no fix for its own example");
        assert!(!look(&text).0.iter().any(|finding| finding.rule == *rule), "{rule} is left in {text}");
    }
}

#[test]
fn comments_and_layout_stay() {
    let text = "# who, and why\nlimits:      # how much\n  output:   1MB   # text\n\n\n  memory: 64MiB\nfeatures: { threads: No,   simd: 'yes' } # none\n";
    let mended = mend(text, look);
    let expected = "# who, and why\nversion: 1\nlimits:      # how much\n  output:   1_000_000B   # text\n\n\n  memory: 64MiB\nfeatures: { threads: false,   simd: true } # none\n";
    assert_eq!(mended.text, expected);
    assert_eq!(mended.applied.len(), 4);
    assert!(mended.applied.iter().all(|fix| fix.safe));
    // A second time there is nothing to do.
    assert_eq!(mend(&mended.text, look), Mended { text: expected.to_owned(), applied: Vec::new() });
}

#[test]
fn what_a_person_has_to_say_is_only_suggested() {
    let text = "version: 1\nlimits: { memory: unlimited, fule: 5 }\n";
    assert_eq!(mend(text, look).text, text);
    let found = fixes(text, &look(text).0);
    assert_eq!(found.len(), 1);
    assert!(!found[0].safe);
    assert_eq!(found[0].title, "write `fuel` for `fule`");
    let text = "version: 1\nlimits: { memory: unlimited }\n";
    assert_eq!(of("memory-unbounded", text)[0].title, "write `128MiB` for `unlimited`");
    assert_eq!(apply(text, &of("memory-unbounded", text)).0, "version: 1\nlimits: { memory: 128MiB }\n");
}

#[test]
fn what_is_inherited_is_not_mended_where_it_is_named() {
    // The preset that somebody extends is marked, and it holds no such word.
    let text = "version: 1\nextends: strict\n";
    assert_eq!(fixes(text, &look(text).0), []);
}

#[test]
fn edits_that_touch_each_other_are_done_once() {
    let fix = |start, end, text: &str| Fix {
        rule: "r".into(),
        location: Location { file: "f".into(), line: 1, column: 1, end_line: 1, end_column: 1 },
        title: String::new(),
        safe: true,
        edit: Edit { start, end, text: text.into() },
    };
    let fixes = [fix(2, 4, "x"), fix(3, 5, "y"), fix(2, 4, "x"), fix(5, 5, "z"), fix(9, 12, "w")];
    let (text, applied) = apply("abcdefg", &fixes);
    assert_eq!(text, "abxezfg");
    assert_eq!(applied.len(), 2);
}

#[test]
fn a_byte_order_mark_goes_and_other_invisible_characters_are_shown() {
    let text = "\u{feff}version: 1\n";
    assert_eq!(mend(text, look).text, "version: 1\n");
    let text = "version: 1 # \u{202e}\n";
    assert_eq!(mend(text, look).text, text);
    assert_eq!(fixes(text, &look(text).0)[0].title, "remove U+202E");
}
