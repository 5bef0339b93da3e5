//! Attacks that only one layer is known to stop: each with the reason why that is accepted.

use gauntlet_policy::{Reader, document};

use crate::folder::CorpusError;

/// An attack that is listed as stopped by one layer only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SingleLayer {
    /// The attack's id, or that of all its cases.
    pub attack: String,
    /// Why one layer is accepted.
    pub reason: String,
}

impl SingleLayer {
    /// Whether it is about an attack of this id.
    #[must_use]
    pub fn covers(&self, id: &str) -> bool {
        self.attack == id || id.split('#').next() == Some(self.attack.as_str())
    }
}

/// Reads the list: groups of `{ reason, attacks }`, so that attacks which share a reason stand together.
///
/// # Errors
///
/// If the file has faults, all of which are named with their place.
pub fn single_layer(file: &str, text: &str) -> Result<Vec<SingleLayer>, CorpusError> {
    let mut reader = Reader::default();
    let mut listed: Vec<SingleLayer> = Vec::new();
    match document::parse(text) {
        Err(faults) => reader.faults = faults,
        Ok(node) => {
            for item in reader.items("attacks of one layer", &node) {
                let (mut reason, mut attacks) = (None, Vec::new());
                for entry in reader.entries("attacks of one layer", item, &["reason", "attacks"]) {
                    if entry.key.value == "reason" {
                        reason = reader.text("reason", &entry.value).map(|text| text.value);
                        continue;
                    }
                    for attack in reader.items("attacks", &entry.value) {
                        attacks.extend(reader.text("attacks", attack));
                    }
                }
                let (Some(reason), false) = (reason.filter(|reason| !reason.trim().is_empty()), attacks.is_empty())
                else {
                    let fix = "Write both: nobody can judge such an attack without the reason.";
                    reader.fault("missing-key", "a group without `reason` or `attacks`", fix, item.span);
                    continue;
                };
                for attack in attacks {
                    if listed.iter().any(|known| known.attack == attack.value) {
                        let what = format!("`{}` stands twice", attack.value);
                        reader.fault("duplicate-attack", what, "Remove one.", attack.span);
                    }
                    listed.push(SingleLayer { attack: attack.value, reason: reason.clone() });
                }
            }
        }
    }
    if reader.faults.is_empty() {
        Ok(listed)
    } else {
        Err(CorpusError::Faults { file: file.to_owned(), text: text.to_owned(), faults: reader.faults })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<&'static str> {
        let Err(CorpusError::Faults { faults, .. }) = single_layer("x.yaml", text) else { return Vec::new() };
        faults.iter().map(|fault| fault.rule).collect()
    }

    #[test]
    fn a_group_needs_a_reason_and_no_attack_stands_twice() {
        let whole = single_layer("x.yaml", "- reason: r\n  attacks: [a/b, a/c]\n").unwrap();
        assert_eq!(whole.len(), 2);
        assert!(whole[0].covers("a/b") && whole[0].covers("a/b#case") && !whole[0].covers("a/bc"));
        assert_eq!(rules("- attacks: [a/b]\n"), ["missing-key"]);
        assert_eq!(rules("- reason: ''\n  attacks: [a/b]\n"), ["missing-key"]);
        assert_eq!(rules("- { reason: r, attacks: [a/b] }\n- { reason: s, attacks: [a/b] }\n"), ["duplicate-attack"]);
    }
}
