//! `.cargo/audit.toml` of the project: what cargo-audit is told to leave out. It is left out of the count, and shown with the reason.

use rustsec::advisory::Severity as Score;
use serde::Deserialize;

use crate::model::Advisory;

/// What the file says, as far as it is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    ignore: Vec<String>,
    informational: Option<Vec<String>>,
    threshold: Option<Score>,
    /// What the file says besides, which is not used here.
    pub unused: Vec<String>,
}

/// A file that is not a configuration of cargo-audit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It is no TOML of the right shape.
    #[error("not a configuration of cargo-audit")]
    Toml(#[from] toml::de::Error),
    /// A severity that there is not.
    #[error("`{0}` is not a severity")]
    Severity(String),
}

#[derive(Debug, Default, Deserialize)]
struct File {
    #[serde(default)]
    advisories: Advisories,
    #[serde(flatten)]
    rest: std::collections::BTreeMap<String, toml::Value>,
}

#[derive(Debug, Default, Deserialize)]
struct Advisories {
    #[serde(default)]
    ignore: Vec<String>,
    informational_warnings: Option<Vec<String>>,
    severity_threshold: Option<String>,
}

/// Reads the text of `.cargo/audit.toml`.
///
/// # Errors
///
/// If it is not one.
pub fn config(text: &str) -> Result<Config, ConfigError> {
    let file: File = toml::from_str(text)?;
    let threshold = file
        .advisories
        .severity_threshold
        .map(|word| word.parse::<Score>().map_err(|_| ConfigError::Severity(word)))
        .transpose()?;
    Ok(Config {
        ignore: file.advisories.ignore,
        informational: file.advisories.informational_warnings,
        threshold,
        unused: file.rest.into_keys().collect(),
    })
}

impl Config {
    /// Why an advisory does not count, if the file says so.
    pub(super) fn ignores(&self, advisory: &Advisory, severity: Score) -> Option<String> {
        let named = |id: &String| *id == advisory.id || advisory.aliases.contains(id);
        if self.ignore.iter().any(named) {
            return Some("`.cargo/audit.toml` ignores it by id".into());
        }
        if advisory.kind != "vulnerability" {
            let kinds = self.informational.as_ref()?;
            return (!kinds.contains(&advisory.kind))
                .then(|| format!("`.cargo/audit.toml` asks for no `{}` warnings", advisory.kind));
        }
        let threshold = self.threshold?;
        (severity < threshold).then(|| format!("`.cargo/audit.toml` counts from `{}` on", threshold.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advisory(id: &str, kind: &str) -> Advisory {
        Advisory {
            id: id.into(),
            aliases: vec!["CVE-2099-1".into()],
            package: "p".into(),
            version: "1.0.0".into(),
            title: String::new(),
            date: String::new(),
            kind: kind.into(),
            severity: "high".into(),
            patched: Vec::new(),
            ignored: None,
        }
    }

    #[test]
    fn what_is_ignored_has_a_reason() {
        let config = config("[advisories]\nignore = [\"RUSTSEC-2099-0001\"]\ninformational_warnings = [\"unsound\"]\nseverity_threshold = \"medium\"\n[yanked]\nenabled = true\n").unwrap();
        assert!(config.ignores(&advisory("RUSTSEC-2099-0001", "vulnerability"), Score::Critical).is_some());
        assert!(config.ignores(&advisory("RUSTSEC-2099-0002", "vulnerability"), Score::Low).is_some());
        assert!(config.ignores(&advisory("RUSTSEC-2099-0002", "vulnerability"), Score::Medium).is_none());
        assert!(config.ignores(&advisory("RUSTSEC-2099-0002", "unmaintained"), Score::Low).is_some());
        assert!(config.ignores(&advisory("RUSTSEC-2099-0002", "unsound"), Score::Medium).is_none());
        assert_eq!(config.unused, ["yanked"]);
    }

    #[test]
    fn an_alias_is_a_name_too() {
        let config = config("[advisories]\nignore = [\"CVE-2099-1\"]\n").unwrap();
        assert!(config.ignores(&advisory("RUSTSEC-2099-0001", "vulnerability"), Score::High).is_some());
    }

    #[test]
    fn garbage_is_refused() {
        for text in ["[advisories", "[advisories]\nignore = 3\n", "[advisories]\nseverity_threshold = \"dire\"\n"] {
            assert!(config(text).is_err(), "{text}");
        }
    }
}
