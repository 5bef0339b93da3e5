//! Known gaps of a target: attacks that are expected to get through, each with a reason and a link. Shown as known, never hidden.

use gauntlet_policy::{Reader, document};
use gauntlet_record::Known;

use crate::folder::CorpusError;

/// Reads the known gaps of one target: a list of `{ attack, reason, link }`. Returns attack ids with what is known of them.
///
/// # Errors
///
/// If the file has faults, all of which are named with their place.
pub fn known_gaps(file: &str, text: &[u8]) -> Result<Vec<(String, Known)>, CorpusError> {
    let text = String::from_utf8_lossy(text).into_owned();
    let mut reader = Reader::default();
    let gaps = match document::parse(&text) {
        Err(faults) => {
            reader.faults = faults;
            Vec::new()
        }
        Ok(node) => {
            let mut gaps = Vec::new();
            for item in reader.items("known gaps", &node) {
                let (mut attack, mut reason, mut link) = (None, None, None);
                for entry in reader.entries("a known gap", item, &["attack", "reason", "link"]) {
                    let value = reader.text(&entry.key.value, &entry.value).map(|text| text.value);
                    match entry.key.value.as_str() {
                        "attack" => attack = value,
                        "reason" => reason = value,
                        _ => link = value,
                    }
                }
                if let (Some(attack), Some(reason), Some(link)) = (attack, reason, link) {
                    gaps.push((attack, Known { reason, link }));
                } else {
                    let fix = "Write all three: nobody can judge a gap without its reason and its link.";
                    reader.fault("missing-key", "a known gap without `attack`, `reason` or `link`", fix, item.span);
                }
            }
            gaps
        }
    };
    if reader.faults.is_empty() {
        Ok(gaps)
    } else {
        Err(CorpusError::Faults { file: file.to_owned(), text, faults: reader.faults })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_needs_a_reason_and_a_link() {
        let whole = b"- { attack: files-read/dot-dot, reason: documented, link: \"https://example.org\" }\n";
        assert_eq!(known_gaps("known/x.yaml", whole).unwrap().len(), 1);
        let error = known_gaps("known/x.yaml", b"- { attack: files-read/dot-dot }\n").unwrap_err();
        assert!(matches!(error, CorpusError::Faults { faults, .. } if faults[0].rule == "missing-key"));
    }
}
