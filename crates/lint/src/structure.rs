//! What reading a policy can already refuse, described like rules. The reader finds these, no check of ours does.

use gauntlet_policy::Policy;
use gauntlet_record::{Category, Confidence, Severity};

use crate::rule::{Findings, Group, Input, Rule};

#[expect(clippy::too_many_arguments, reason = "the fields of a rule, in their order")]
const fn fault(
    id: &'static str,
    summary: &'static str,
    why: &'static str,
    fix: &'static str,
    references: &'static [&'static str],
    bad: &'static str,
    flags: &'static str,
    good: &'static str,
) -> Rule {
    Rule {
        id,
        group: Group::Structure,
        severity: Severity::High,
        category: Category::Security,
        confidence: Confidence::High,
        input: Input::Policy,
        summary,
        why,
        impact: IMPACT,
        fix,
        references,
        bad,
        flags,
        good,
        check: found_by_the_reader,
    }
}

/// A file with a structural fault is not used at all; whoever uses it elsewhere gets this.
const IMPACT: &str = "what was reviewed is not what holds";

fn found_by_the_reader(_: &Policy, _: &mut Findings<'_>) {}

/// Every structural fault of a policy. A test holds the list against the reader's source.
pub(crate) const FAULTS: &[Rule] = &[
    fault(
        "not-yaml",
        "the file is not YAML",
        "What cannot be read cannot be enforced.",
        "Correct the line that is named.",
        &["https://yaml.org/spec/1.2.2/"],
        "version: 1\nlimits: { fuel: 1\n",
        "{",
        "version: 1\n",
    ),
    fault(
        "not-toml",
        "the file is not TOML",
        "What cannot be read cannot be judged.",
        "Correct the line that is named.",
        &["https://toml.io/en/v1.1.0"],
        "spin_manifest_version = 2\n[component.a\n",
        "\n",
        "spin_manifest_version = 2\n[component.a]\n",
    ),
    fault(
        "empty-policy",
        "the file holds no policy",
        "Many readers take an empty file for \"all defaults\": somebody emptied it, and nothing said so.",
        "Write at least `version: 1`.",
        &["CWE-1188"],
        "# only a comment\n",
        "",
        "version: 1\n",
    ),
    fault(
        "version-missing",
        "the policy has no version",
        "Without a version, a later reader may take the same words for something else.",
        "Add `version: 1` as the first line.",
        &["CWE-436"],
        "limits: { memory: 64MiB }\n",
        "limits",
        "version: 1\nlimits: { memory: 64MiB }\n",
    ),
    fault(
        "version-unknown",
        "the version is not known",
        "A policy of another version may mean something else by the same words.",
        "Write `version: 1`, or use the release that knows the version.",
        &["CWE-436"],
        "version: 2\n",
        "2",
        "version: 1\n",
    ),
    fault(
        "unknown-key",
        "a key that no part of a policy has",
        "A misspelled limit limits nothing.",
        "Correct the key or remove it.",
        &["CWE-20"],
        "version: 1\nlimits: { memroy: 64MiB }\n",
        "memroy",
        "version: 1\nlimits: { memory: 64MiB }\n",
    ),
    fault(
        "missing-key",
        "a key is missing that the entry needs",
        "Half an entry can be completed in more than one way.",
        "Add the key that is named.",
        &["CWE-20"],
        "version: 1\ngrants:\n  filesystem: [{ host: ./data, guest: /data }]\n",
        "{ host: ./data, guest: /data",
        "version: 1\ngrants:\n  filesystem: [{ host: ./data, guest: /data, access: read-only }]\n",
    ),
    fault(
        "duplicate-key",
        "a key stands twice",
        "Readers differ about which of the two wins, so a reviewer and an executor may see two policies.",
        "Keep one of them.",
        &["CWE-694"],
        "version: 1\nlimits: { memory: 64MiB, memory: 8GiB }\n",
        "memory",
        "version: 1\nlimits: { memory: 64MiB }\n",
    ),
    fault(
        "not-a-key",
        "a mapping or list stands as a key",
        "No key of a policy is anything but a name.",
        "Use a plain name as the key.",
        &["CWE-20"],
        "version: 1\n? [a, b]\n: 1\n",
        "[",
        "version: 1\n",
    ),
    fault(
        "wrong-type",
        "a value of the wrong shape",
        "A list where a mapping belongs, or the reverse, is read as nothing by others.",
        "Write the shape that the message names.",
        &["CWE-20"],
        "version: 1\nlimits: [memory]\n",
        "[memory]",
        "version: 1\nlimits: { memory: 64MiB }\n",
    ),
    fault(
        "null-value",
        "a key has no value",
        "Elsewhere a key without a value reads as absent, which can mean unlimited.",
        "Write a value or remove the key.",
        &["CWE-1188"],
        "version: 1\nlimits:\n  fuel:\n",
        "",
        "version: 1\nlimits:\n  fuel: 100_000_000\n",
    ),
    fault(
        "unknown-value",
        "a word that the key does not take",
        "What is not understood must not be guessed.",
        "Write one of the words that the message names.",
        &["CWE-20"],
        "version: 1\non-denial: ignore\n",
        "ignore",
        "version: 1\non-denial: errno\n",
    ),
    fault(
        "boolean-not-canonical",
        "a yes or no in a spelling that readers take differently",
        "`no` is false for readers of YAML 1.1 and text for those of YAML 1.2.",
        "Write `true` or `false`.",
        &["CWE-436"],
        "version: 1\nfeatures: { threads: no }\n",
        "no",
        "version: 1\nfeatures: { threads: false }\n",
    ),
    fault(
        "not-a-quantity",
        "a limit that is no quantity",
        "64 may be bytes or megabytes, and 017 may be 15: a number without its unit, or in an odd base, is a guess.",
        "Write a decimal number with its unit, for example `64MiB`, `10s` or `100_000_000`.",
        &["CWE-1284"],
        "version: 1\nlimits: { memory: 64 }\n",
        "64",
        "version: 1\nlimits: { memory: 64MiB }\n",
    ),
    fault(
        "not-a-path",
        "a path that is empty or holds a NUL",
        "Systems cut a path at a NUL, so that another path is opened than the one that was checked.",
        "Write a path.",
        &["CWE-158"],
        "version: 1\ngrants:\n  filesystem: [{ host: \"\", guest: /data, access: read-only }]\n",
        "\"\"",
        "version: 1\ngrants:\n  filesystem: [{ host: ./data, guest: /data, access: read-only }]\n",
    ),
    fault(
        "not-a-digest",
        "a digest that is not SHA-256",
        "A short, weak or misspelled digest pins nothing.",
        "Write 64 lower-case hex digits, as `sha256sum` prints them.",
        &["CWE-328"],
        "version: 1\nmodules: { sha256: [d41d8cd98f00b204e9800998ecf8427e] }\n",
        "d41d8cd98f00b204e9800998ecf8427e",
        "version: 1\nmodules: { sha256: [e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855] }\n",
    ),
    fault(
        "invisible-characters",
        "invisible characters in the file",
        "Characters that turn or hide text make a reviewer see another policy than the reader.",
        "Remove them, also from comments.",
        &["CWE-1007", "CVE-2021-42574"],
        "version: 1 # \u{202e}\n",
        "\u{202e}",
        "version: 1\n",
    ),
    fault(
        "anchors-used",
        "anchors or aliases in the file",
        "What applies where is hard to review, and a few aliases of aliases fill the memory of a reader.",
        "Write the values out.",
        &["CWE-776"],
        "version: 1\nlimits: { disk: &size 64MiB, output: *size }\n",
        "64MiB",
        "version: 1\nlimits: { disk: 64MiB, output: 64MiB }\n",
    ),
    fault(
        "merge-key-used",
        "a merge key in the file",
        "Readers differ about whether `<<` merges, and about who wins.",
        "Write the keys out.",
        &["CWE-436"],
        "version: 1\nlimits: { <<: { memory: 64MiB } }\n",
        "<<",
        "version: 1\nlimits: { memory: 64MiB }\n",
    ),
    fault(
        "tag-used",
        "a tag in the file",
        "A tag changes what a value is: `!!binary` turns letters into bytes that no reviewer sees.",
        "Remove the tag.",
        &["CWE-502"],
        "version: 1\naudit: { log: !!str audit.jsonl }\n",
        "audit.jsonl",
        "version: 1\naudit: { log: audit.jsonl }\n",
    ),
    fault(
        "several-documents",
        "several documents in one file",
        "Many readers stop after the first: the rest is reviewed and does not apply.",
        "Keep one document a file.",
        &["CWE-436"],
        "version: 1\n---\nversion: 1\n",
        "---",
        "version: 1\n",
    ),
    fault(
        "nesting-too-deep",
        "values are nested too deeply",
        "No policy needs it, and readers run out of stack.",
        "Write it flat.",
        &["CWE-674"],
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n",
        "[",
        "version: 1\n",
    ),
    fault(
        "file-too-large",
        "the file holds too many values",
        "No policy is that long, and readers run out of memory.",
        "Split the policy, or generate less of it.",
        &["CWE-770"],
        "# More than 20 000 values.\n",
        "",
        "version: 1\n",
    ),
    fault(
        "directive-used",
        "a directive of YAML in the file",
        "`%YAML 1.1` tells some readers to take `no` for false and 1:30 for 90, and others read on as before.",
        "Remove the line.",
        &["CWE-436", "https://yaml.org/spec/1.2.2/#68-directives"],
        "%YAML 1.1\n---\nversion: 1\n",
        "%",
        "version: 1\n",
    ),
    fault(
        "tab-indentation",
        "a tab in the indentation",
        "YAML forbids tabs there, and readers that take them differ about how wide one is.",
        "Indent with spaces.",
        &["CWE-436", "https://yaml.org/spec/1.2.2/#61-indentation-spaces"],
        "version: 1\nlimits:\n\tfuel: 100_000\n",
        "\t",
        "version: 1\nlimits:\n  fuel: 100_000\n",
    ),
    fault(
        "nul-character",
        "a text that the guest gets holds a NUL",
        "Most guests read a text up to its first NUL, so that they get another one than was reviewed.",
        "Remove the NUL.",
        &["CWE-158"],
        "version: 1\ngrants: { arguments: [\"a\\0b\"] }\n",
        "\"a\\0b\"",
        "version: 1\ngrants: { arguments: [\"ab\"] }\n",
    ),
    fault(
        "not-a-name",
        "the name of a variable is none",
        "A name that is empty or holds `=` makes another variable, or none, of what was reviewed.",
        "Write the name alone, and the value behind the colon.",
        &["CWE-20"],
        "version: 1\ngrants: { environment: { \"LANG=C\": x } }\n",
        "\"LANG=C\"",
        "version: 1\ngrants: { environment: { LANG: C } }\n",
    ),
    fault(
        "not-a-public-key",
        "a key that no signature can be held against",
        "A misspelled key lets no module run, and somebody may then remove the demand for signatures.",
        "Write an Ed25519 key as hex, base64, PEM or a line of OpenSSH.",
        &["CWE-347"],
        "version: 1\nmodules: { signed-by: [abc] }\n",
        "abc",
        "version: 1\nmodules: { signed-by: [d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a] }\n",
    ),
    fault(
        "extends-outside",
        "the policy builds on something outside of its folder",
        "Whoever can write there, or answers there, changes this policy, and no review of this folder sees it.",
        "Name a preset, or a file in this policy's folder or below it.",
        &["CWE-829", "CWE-22"],
        "version: 1\nextends: ../../shared/policy.yaml\n",
        "../../shared/policy.yaml",
        "version: 1\nextends: strict\n",
    ),
    fault(
        "extends-unknown",
        "the policy builds on something that is not there",
        "What would hold is not known.",
        "Name a preset, or a file that is there, with its ending.",
        &["CWE-20"],
        "version: 1\nextends: strickt\n",
        "strickt",
        "version: 1\nextends: strict\n",
    ),
    fault(
        "extends-cycle",
        "policies build on each other in a circle, or too many on one another",
        "Reading them would never end, and nobody could say what holds.",
        "Remove one `extends` of the circle, or put some of the policies together.",
        &["CWE-674"],
        "version: 1\nextends: policy.yaml\n",
        "policy.yaml",
        "version: 1\nextends: strict\n",
    ),
    fault(
        "extends-broken",
        "the policy builds on one that cannot be read",
        "What would hold is not known.",
        "Mend the policy that is named first.",
        &["CWE-20"],
        "version: 1\nextends: broken.yaml\n",
        "broken.yaml",
        "version: 1\nextends: strict\n",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use gauntlet_policy::{Fault, LoadError, load};

    use super::*;

    /// What the reader finds in a file `policy.yaml` beside a faulty `broken.yaml`.
    fn faults(text: &str) -> Vec<Fault> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.yaml");
        fs::write(&path, text).unwrap();
        fs::write(folder.path().join("broken.yaml"), "version: 1\nlimits: []\n").unwrap();
        if crate::foreign::recognise(text).is_some() {
            let linted = crate::lint_text("t", text, &crate::Options::default());
            return linted.err().unwrap_or_default();
        }
        match load("policy.yaml", &path) {
            Ok(_) => Vec::new(),
            Err(LoadError::Faults { faults, .. }) => faults,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn the_reader_finds_every_fault_in_its_example() {
        let mut wrong = Vec::new();
        for fault in FAULTS {
            let bad = match fault.id {
                "file-too-large" => "- 1\n".repeat(20_001),
                _ => fault.bad.to_owned(),
            };
            let found = faults(&bad);
            let Some(first) = found.iter().find(|found| found.rule == fault.id) else {
                wrong.push(format!("{}: only {found:?}", fault.id));
                continue;
            };
            let covered = &bad[first.span.start..first.span.end];
            // The example of a file that is too large is not the file.
            if fault.id != "file-too-large" && covered != fault.flags {
                wrong.push(format!("{}: covers {covered:?} and not {:?}", fault.id, fault.flags));
            }
            if !faults(fault.good).is_empty() {
                wrong.push(format!("{}: {:?}", fault.id, faults(fault.good)));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// The sources of the reader, without its tests.
    fn sources(folder: &Path, all: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, all);
            } else if path.file_name().is_some_and(|name| name != "tests.rs") {
                let text = fs::read_to_string(&path).unwrap();
                all.push(text.split("#[cfg(test)]").next().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_fault_of_the_reader_is_described_and_every_description_is_of_a_fault() {
        let mut all = Vec::new();
        for folder in ["../policy/src", "src/foreign"] {
            sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut all);
        }
        let mut seen = BTreeSet::new();
        for source in &all {
            let source: String = source.split_whitespace().collect();
            for before in ["fault(\"", "rule:\"", "(\"extends-", "{\"duplicate-key\"}else{\""] {
                for (at, found) in source.match_indices(before) {
                    let begin = at + found.len() - found.chars().rev().take_while(|c| *c != '"').count();
                    let id = source[begin..].split('"').next().unwrap();
                    seen.insert(id.to_owned());
                }
            }
        }
        let described: BTreeSet<String> = FAULTS.iter().map(|fault| fault.id.to_owned()).collect();
        assert_eq!(seen, described);
    }
}
