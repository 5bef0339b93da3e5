//! Languages: what there is of each, as `languages/<id>.yaml` says.

use gauntlet_policy::document::{self, Node};
use gauntlet_policy::{Fault, Reader};
use serde::{Deserialize, Serialize};

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// How a language's programs become guests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A guest reads the program and runs it.
    Interpreter,
    /// A confined compiler on this host makes a guest of it.
    Compiler,
    /// It is a guest already, or becomes one by assembling its text.
    Wasm,
}

/// A language, and whether its programs can be run now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Language {
    /// Its id: `python`.
    pub id: String,
    /// Its name: `Python`.
    pub name: String,
    /// Other ids: `py`.
    pub aliases: Vec<String>,
    /// Extensions of its files, without the dot.
    pub extensions: Vec<String>,
    /// How its programs become guests.
    pub kind: Kind,
    /// The version of the interpreter or compiler; none while it is not built.
    pub version: Option<String>,
    /// SHA-256 of the interpreter's component, or of the list of the compiler's files; none while it is not built.
    pub digest: Option<String>,
    /// Whether its programs can be run now.
    pub ready: bool,
    /// The command that makes it ready; empty if it is.
    pub hint: String,
    /// The packages that it is built from.
    pub packages: Vec<Package>,
    /// Whose licences hold for what is in it.
    pub licences: Vec<String>,
}

/// A package of a registry, pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// The registry, as people call it.
    pub registry: String,
    /// Its name there.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence, as it says itself.
    pub licence: String,
}

/// No language goes by this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no language `{asked}`; there are: {}", .known.join(", "))]
pub struct UnknownLanguage {
    /// What was asked for.
    pub asked: String,
    /// The ids that there are.
    pub known: Vec<String>,
}

/// A program that a build needs, and the command that installs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) program: String,
    pub(crate) install: String,
}

/// A language as its file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipe {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) extensions: Vec<String>,
    pub(crate) kind: Kind,
    pub(crate) version: String,
    pub(crate) packages: Vec<Package>,
    pub(crate) licences: Vec<String>,
    pub(crate) needs: Vec<Need>,
    /// The programs that build it, with their arguments; none if nothing is to be built.
    pub(crate) build: Vec<Vec<String>>,
    /// SHA-256 over the file and everything that it names: a guest of another recipe is not this one's.
    pub(crate) digest: String,
}

impl Recipe {
    /// Whether it goes by this name: its id or an alias, in any case.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        std::iter::once(&self.id).chain(&self.aliases).any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// Every language, by id.
pub(crate) fn recipes() -> Vec<Recipe> {
    let yaml = FILES.iter().filter_map(|(path, text)| Some((path.strip_suffix(".yaml")?, text)));
    yaml.filter(|(id, _)| !id.contains('/'))
        .map(|(id, text)| {
            let text = String::from_utf8_lossy(text);
            // The files are part of the program, and a test reads each.
            read(&text).unwrap_or_else(|faults| panic!("the embedded `{id}.yaml` cannot be read: {faults:?}"))
        })
        .collect()
}

/// The embedded files beneath a folder, and of this crate's WIT: what a build is given.
pub(crate) fn files(of: &str) -> impl Iterator<Item = (&'static str, &'static [u8])> {
    let own = format!("{of}/");
    FILES.iter().copied().filter(move |(path, _)| path.starts_with(&own) || path.starts_with("wit/"))
}

const KEYS: &[&str] =
    &["id", "name", "aliases", "extensions", "kind", "version", "packages", "licences", "needs", "files", "build"];

const KINDS: &[(&str, Kind)] =
    &[("interpreter", Kind::Interpreter), ("compiler", Kind::Compiler), ("wasm", Kind::Wasm)];

fn read(text: &str) -> Result<Recipe, Vec<Fault>> {
    let node = document::parse(text)?;
    let mut reader = Reader::default();
    let mut recipe = Recipe {
        id: String::new(),
        name: String::new(),
        aliases: Vec::new(),
        extensions: Vec::new(),
        kind: Kind::Wasm,
        version: String::new(),
        packages: Vec::new(),
        licences: Vec::new(),
        needs: Vec::new(),
        build: Vec::new(),
        digest: String::new(),
    };
    for entry in reader.entries("language", &node, KEYS) {
        let (key, value) = (entry.key.value.as_str(), &entry.value);
        match key {
            "id" => recipe.id = one(&mut reader, key, value),
            "name" => recipe.name = one(&mut reader, key, value),
            "aliases" => recipe.aliases = list(&mut reader, key, value),
            "extensions" => recipe.extensions = list(&mut reader, key, value),
            "kind" => recipe.kind = reader.word(key, value, KINDS).map_or(Kind::Wasm, |kind| kind.value),
            "version" => recipe.version = one(&mut reader, key, value),
            "licences" => recipe.licences = list(&mut reader, key, value),
            "packages" => {
                for item in reader.items(key, value) {
                    let mut of = |key| field(&mut reader, item, &["registry", "name", "version", "licence"], key);
                    recipe.packages.push(Package {
                        registry: of("registry"),
                        name: of("name"),
                        version: of("version"),
                        licence: of("licence"),
                    });
                }
            }
            "needs" => {
                for item in reader.items(key, value) {
                    let mut of = |key| field(&mut reader, item, &["program", "install"], key);
                    recipe.needs.push(Need { program: of("program"), install: of("install") });
                }
            }
            "build" => {
                for item in reader.items(key, value) {
                    recipe.build.push(list(&mut reader, key, item));
                }
            }
            // `files` tells a reader what the folder holds; a test compares.
            _ => _ = list(&mut reader, key, value),
        }
    }
    if !reader.faults.is_empty() {
        return Err(reader.faults);
    }
    let mut all = text.as_bytes().to_vec();
    for (path, bytes) in files(&recipe.id) {
        all.extend_from_slice(format!("\n{path} {}", gauntlet_record::digest(bytes)).as_bytes());
    }
    recipe.digest = gauntlet_record::digest(&all);
    Ok(recipe)
}

fn one(reader: &mut Reader, key: &str, node: &Node) -> String {
    reader.text(key, node).unwrap_or_default().value
}

fn list(reader: &mut Reader, key: &str, node: &Node) -> Vec<String> {
    reader.texts(key, node).into_iter().map(|text| text.value).collect()
}

fn field(reader: &mut Reader, item: &Node, known: &[&str], key: &str) -> String {
    let entry = reader.entries("an item", item, known).into_iter().find(|entry| entry.key.value == key);
    if let Some(entry) = entry {
        return one(reader, key, &entry.value);
    }
    reader.fault("missing-key", format!("an item without `{key}`"), "Write it.", item.span);
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_is_whole_and_names_what_its_folder_holds() {
        let recipes = recipes();
        let ids: Vec<&str> = recipes.iter().map(|recipe| recipe.id.as_str()).collect();
        assert_eq!(ids, ["c", "javascript", "python", "rust", "wasm"]);
        let mut names: Vec<String> = Vec::new();
        for recipe in &recipes {
            let (_, text) = FILES.iter().find(|(path, _)| *path == format!("{}.yaml", recipe.id)).unwrap();
            let node = document::parse(std::str::from_utf8(text).unwrap()).unwrap();
            let mut reader = Reader::default();
            let mut listed = list(&mut reader, "files", node.get("files").unwrap());
            listed.sort();
            let own = format!("{}/", recipe.id);
            let there: Vec<&str> = FILES.iter().map(|(path, _)| *path).filter(|path| path.starts_with(&own)).collect();
            assert_eq!(listed, there, "{}", recipe.id);
            assert_eq!(recipe.build.is_empty(), recipe.packages.is_empty(), "{}", recipe.id);
            assert!(!recipe.name.is_empty() && !recipe.extensions.is_empty());
            names.extend(recipe.aliases.iter().chain([&recipe.id]).cloned());
        }
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all, "no name means two languages");
    }

    #[test]
    fn every_package_is_pinned_by_digest() {
        for (path, text) in FILES.iter().filter(|(path, _)| path.ends_with("requirements.txt")) {
            let text = std::str::from_utf8(text).unwrap();
            assert!(text.contains("==") && text.contains("--hash=sha256:"), "{path}");
        }
        let (_, lock) = FILES.iter().find(|(path, _)| path.ends_with("package-lock.json")).unwrap();
        let lock: serde_json::Value = serde_json::from_slice(lock).unwrap();
        for (name, package) in lock["packages"].as_object().unwrap().iter().filter(|(name, _)| !name.is_empty()) {
            assert!(package["integrity"].as_str().is_some_and(|digest| digest.starts_with("sha512-")), "{name}");
            assert!(package["resolved"].is_null(), "{name}: a lock file names no host");
        }
    }

    #[test]
    fn a_recipe_with_faults_is_refused() {
        for text in ["id: [", "id: x\nkinds: y\n", "kind: magic\n", "packages: [{ name: x }]\n", "", "- 1\n"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
