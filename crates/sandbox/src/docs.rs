//! The guide, page by page. The pages are files under `docs/`, and their examples are tests.

#[doc = include_str!("../docs/embedding.md")]
pub mod embedding {}

#[doc = include_str!("../docs/limits.md")]
pub mod limits {}

#[doc = include_str!("../docs/jail.md")]
pub mod jail {}

#[doc = include_str!("../docs/threat-model.md")]
pub mod threat_model {}

#[doc = include_str!("../docs/tuning.md")]
pub mod tuning {}

#[doc = include_str!("../docs/migration.md")]
pub mod migration {}

#[doc = include_str!("../docs/troubleshooting.md")]
pub mod troubleshooting {}

/// The README's examples are tests, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use gauntlet_record::LimitKey;

    const README: &str = include_str!("../README.md");
    const LIMITS: &str = include_str!("../docs/limits.md");
    const JAIL: &str = include_str!("../docs/jail.md");
    const TROUBLESHOOTING: &str = include_str!("../docs/troubleshooting.md");
    const PAGES: &[(&str, &str)] = &[
        ("README", README),
        ("embedding", include_str!("../docs/embedding.md")),
        ("limits", LIMITS),
        ("jail", JAIL),
        ("threat-model", include_str!("../docs/threat-model.md")),
        ("tuning", include_str!("../docs/tuning.md")),
        ("migration", include_str!("../docs/migration.md")),
        ("troubleshooting", TROUBLESHOOTING),
    ];

    fn repository() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    /// What stands between backticks.
    fn quoted(text: &str) -> impl Iterator<Item = &str> {
        text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
    }

    /// The names of attacks in a text: a class that is a folder, and a name.
    fn attacks(text: &str) -> BTreeSet<&str> {
        let folder = repository().join("attacks");
        let is_attack = |word: &&str| {
            word.split_once('/').is_some_and(|(class, name)| {
                !class.is_empty()
                    && !name.is_empty()
                    && folder.join(class).is_dir()
                    && !["src", "targets"].contains(&class)
            })
        };
        quoted(text).filter(is_attack).collect()
    }

    fn attack_file(id: &str) -> String {
        let path = repository().join("attacks").join(id).join("attack.yaml");
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("the attack `{id}` is named and is not there: {error}"))
    }

    #[test]
    fn every_limit_has_a_row_with_an_attack_that_is_contained_by_it() {
        for key in LimitKey::ALL {
            let begin = format!("| `{key}` |");
            let row = LIMITS.lines().find(|line| line.starts_with(&begin));
            let row = row.unwrap_or_else(|| panic!("`{key}` has no row"));
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            assert_eq!(cells.len(), 7, "{row}");
            assert!(cells.iter().all(|cell| !cell.is_empty()), "{row}");
            let named = attacks(cells[6]);
            assert!(!named.is_empty(), "`{key}` has no attack");
            for id in named {
                assert!(attack_file(id).contains(&format!("limit-{key}")), "`{id}` is not contained by `limit-{key}`");
            }
        }
    }

    #[test]
    fn every_attack_that_a_page_names_exists() {
        for (page, text) in PAGES {
            for id in attacks(text) {
                assert!(attack_file(id).contains("title:"), "{page}: {id}");
            }
        }
    }

    #[test]
    fn every_word_of_the_jails_report_is_explained() {
        let mut words = BTreeSet::new();
        for entry in fs::read_dir(repository().join("crates/sandbox/src/jail")).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            words.extend(text.split("confinement(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
            words.extend(text.split("confinement(\n").skip(1).filter_map(|rest| {
                rest.trim_start().strip_prefix('"').map(|rest| rest.split('"').next().unwrap().to_owned())
            }));
        }
        // This one is for executors that are broken on purpose.
        words.remove("jail");
        assert!(words.len() >= 12, "{words:?}");
        for word in words {
            assert!(JAIL.contains(&format!("\n| `{word}` |")), "`{word}` is not explained");
        }
    }

    /// The variants of an enum, by their place at the first level below it.
    fn variants(source: &str, name: &str) -> Vec<String> {
        let path = repository().join("crates").join(source);
        let text = fs::read_to_string(&path).unwrap();
        let body = text.split_once(&format!("pub enum {name} {{")).unwrap_or_else(|| panic!("{name} in {source}")).1;
        let body = body.split_once("\n}").unwrap().0;
        let variants = body.lines().filter_map(|line| {
            let word = line.strip_prefix("    ")?.split(['(', ' ', ',']).next()?;
            word.starts_with(|first: char| first.is_ascii_uppercase()).then(|| word.to_owned())
        });
        variants.collect()
    }

    #[test]
    fn every_error_has_a_row_with_its_meaning() {
        let errors = [
            ("sandbox/src/error.rs", "SandboxError"),
            ("sandbox/src/error.rs", "CallError"),
            ("target/src/lib.rs", "TargetError"),
            ("sandbox/src/functions.rs", "HostFault"),
            ("sandbox/src/manifest.rs", "ManifestError"),
            ("sandbox/src/plugin.rs", "PluginError"),
            ("sandbox/src/deny.rs", "Denied"),
            ("sandbox/src/deny.rs", "DenyListError"),
            ("sandbox/src/audit/mod.rs", "AuditError"),
            ("sandbox/src/watch.rs", "NotStarted"),
            ("sandbox/src/tenants.rs", "RefusedWhy"),
            ("sandbox/src/webhook.rs", "WebhookError"),
            ("sandbox/src/testing/mod.rs", "Unexpected"),
        ];
        let explained: BTreeSet<&str> = quoted(TROUBLESHOOTING).collect();
        for (source, name) in errors {
            let variants = variants(source, name);
            assert!(!variants.is_empty(), "{name}");
            for variant in variants {
                assert!(
                    explained.contains(format!("{name}::{variant}").as_str()),
                    "`{name}::{variant}` is not explained"
                );
            }
        }
    }

    #[test]
    fn the_readme_lists_every_example_and_every_page() {
        let names = |folder: &str, ending: &str| -> BTreeSet<String> {
            let entries = fs::read_dir(repository().join("crates/sandbox").join(folder)).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.filter_map(|name| name.strip_suffix(ending).map(str::to_owned)).collect()
        };
        for name in names("examples", ".rs") {
            assert!(README.contains(&format!("--example {name}")), "the example `{name}` is not listed");
        }
        for name in names("docs", ".md") {
            assert!(README.contains(&format!("](docs/{name}.md)")), "the page `{name}` is not listed");
            assert!(PAGES.iter().any(|(page, _)| *page == name), "the page `{name}` is not tested");
        }
        let listed = README.split("--example ").skip(1).map(|rest| rest.split([' ', '`', '\n']).next().unwrap());
        for name in listed {
            assert!(names("examples", ".rs").contains(name), "there is no example `{name}`");
        }
        let benches = README.split("--bench ").skip(1).map(|rest| rest.split([' ', '`', '\n']).next().unwrap());
        for name in benches {
            assert!(names("benches", ".rs").contains(name), "there is no bench `{name}`");
        }
    }
}
