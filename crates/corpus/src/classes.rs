//! What is said of a class of attacks: `attacks/<class>/class.yaml`.

use gauntlet_policy::{Reader, document};

use crate::corpus::CLASSES;
use crate::folder::CorpusError;

/// A class of attacks, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Its folder.
    pub name: &'static str,
    /// What it is about, in a word or two.
    pub title: String,
    /// The question that its attacks answer.
    pub question: String,
    /// How a sandbox is mended that fails it.
    pub fix: String,
}

/// The classes in the order of [`CLASSES`], from a table of files.
///
/// # Errors
///
/// If the file of a class is missing or has faults.
pub fn classes(files: &[(&str, &[u8])]) -> Result<Vec<Class>, CorpusError> {
    CLASSES.iter().map(|name| class(name, files)).collect()
}

fn class(name: &'static str, files: &[(&str, &[u8])]) -> Result<Class, CorpusError> {
    let path = format!("{name}/class.yaml");
    let file = format!("attacks/{path}");
    let Some((_, bytes)) = files.iter().find(|(found, _)| *found == path) else {
        return Err(CorpusError::Missing { file, why: "it says what the class is about" });
    };
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut reader = Reader::default();
    let mut class = Class { name, title: String::new(), question: String::new(), fix: String::new() };
    match document::parse(&text) {
        Err(faults) => reader.faults = faults,
        Ok(node) => {
            for entry in reader.entries("a class", &node, &["title", "question", "fix"]) {
                let value = reader.text(&entry.key.value, &entry.value).map(|text| text.value.trim().to_owned());
                match entry.key.value.as_str() {
                    "title" => class.title = value.unwrap_or_default(),
                    "question" => class.question = value.unwrap_or_default(),
                    _ => class.fix = value.unwrap_or_default(),
                }
            }
            for (key, value) in [("title", &class.title), ("question", &class.question), ("fix", &class.fix)] {
                if value.is_empty() {
                    let fix = format!("Add `{key}`.");
                    reader.fault("missing-key", format!("the class has no `{key}`"), fix, node.span);
                }
            }
        }
    }
    if reader.faults.is_empty() { Ok(class) } else { Err(CorpusError::Faults { file, text, faults: reader.faults }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_needs_all_that_is_said_of_it() {
        let whole: &[u8] = b"title: CPU time\nquestion: Does it end?\nfix: Count.\n";
        let files: Vec<(String, &[u8])> = CLASSES.iter().map(|name| (format!("{name}/class.yaml"), whole)).collect();
        let mut files: Vec<(&str, &[u8])> = files.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
        let found = classes(&files).unwrap();
        assert_eq!((found.len(), found[0].name, found[0].title.as_str()), (CLASSES.len(), "cpu", "CPU time"));
        files[1].1 = b"title: x\nquestion: y\n";
        assert!(matches!(classes(&files), Err(CorpusError::Faults { faults, .. }) if faults[0].rule == "missing-key"));
        files.remove(1);
        assert!(matches!(classes(&files), Err(CorpusError::Missing { .. })));
    }
}
