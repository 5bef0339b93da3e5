//! The interface matrix: every import that the executor links, and which calls of the corpus it grants and denies.
//!
//! The imports are not kept in a list of their own. Those of preview 1 are what the executor links, which a test beside it compares with
//! the engine; those of preview 2 are read from the WIT that the engine's package ships, as it was fetched for this build. So a function
//! that a release of the engine adds turns this test red until an attack calls it, or until somebody decides that none has to and says why
//! in `attacks/interface-decisions.yaml`. The matrix itself is `attacks/interface-matrix.md`; `UPDATE=1 cargo test --release -p
//! wasm-gauntlet --test interface_matrix` writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gauntlet_corpus::{Attack, Corpus, Kind, Live, imports};
use gauntlet_policy::Reader;
use gauntlet_policy::document::{self, Fault, Value};
use gauntlet_record::{Cause, DenialKind};
use gauntlet_sandbox::PREVIEW1_FUNCTIONS;
use wit_parser::{Resolve, SourceMap, UnresolvedPackageGroup, WorldItem};

const PREVIEW1: &str = "wasi_snapshot_preview1";
/// Most guests that one field of the matrix names; the others are counted.
const NAMED: usize = 3;

const HEAD: &str = "\
# Interface matrix

Every import that the executor links, and what the corpus does with it. Written by a test, `crates/cli/tests/interface_matrix.rs`.

- **granted by**: guests that import it and are denied no call. `benign` is the twin of that attack, `live` its live control on the opened
  sandbox, `attack` the attack itself, where something else stops it: a limit, or that it has no effect.
- **denied by**: attacks that import it and that a denial stops. Which of their calls was denied is in the record of a run, call by call.
- **decision**: why no guest imports it yet, from `interface-decisions.yaml`.
";

/// What the corpus does with one import.
#[derive(Default)]
struct Calls {
    granted: BTreeSet<String>,
    denied: BTreeSet<String>,
}

impl Calls {
    fn any(&self) -> bool {
        !self.granted.is_empty() || !self.denied.is_empty()
    }
}

#[test]
fn every_linked_import_is_called_or_decided_and_the_matrix_is_up_to_date() {
    let attacks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../attacks");
    let linked = linked();
    let calls = calls();
    let decisions = decisions(&attacks.join("interface-decisions.yaml"), &linked);

    let undecided: Vec<&str> = linked
        .iter()
        .filter(|import| !calls.get(*import).is_some_and(Calls::any) && decision(&decisions, import).is_none())
        .map(String::as_str)
        .collect();
    assert!(
        undecided.is_empty(),
        "no attack and no control imports these. Write an attack that does, or say in attacks/interface-decisions.yaml why none has to:\n  {}",
        undecided.join("\n  ")
    );

    let matrix = matrix(&linked, &calls, &decisions);
    let file = attacks.join("interface-matrix.md");
    if std::env::var_os("UPDATE").is_some_and(|update| update == "1") {
        fs::write(&file, matrix).expect("the matrix can be written");
        return;
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    let differs: Vec<String> = difference(&committed, &matrix);
    assert!(
        committed == matrix,
        "attacks/interface-matrix.md is not what the corpus and the engine make it. Look at what changed, then write it with\n  \
         UPDATE=1 cargo test --release -p wasm-gauntlet --test interface_matrix\n{}",
        differs.join("\n")
    );
}

/// Lines of either text that the other lacks.
fn difference(old: &str, new: &str) -> Vec<String> {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (old, new) = (lines(old), lines(new));
    let gone = old.difference(&new).map(|line| format!("- {line}"));
    gone.chain(new.difference(&old).map(|line| format!("+ {line}"))).collect()
}

/// Every import that the executor links.
fn linked() -> BTreeSet<String> {
    let preview1 = PREVIEW1_FUNCTIONS.iter().map(|function| named(PREVIEW1, function));
    preview1.chain(preview2(&engine_wit())).collect()
}

/// One name for an import. A guest asks for any release of an interface that is compatible, so the last number of its version is left out.
fn named(module: &str, name: &str) -> String {
    match module.split_once("@0.2.") {
        Some((interface, _)) => format!("{interface}@0.2#{name}"),
        None => format!("{module}::{name}"),
    }
}

/// The folder of WIT packages in the engine's package, wherever cargo keeps its source.
fn engine_wit() -> PathBuf {
    let cargo = |arguments: &[&str]| {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let output = cargo.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo starts");
        assert!(output.status.success(), "cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("cargo prints UTF-8")
    };
    // Packages of other platforms need not have been fetched.
    let version = cargo(&["-vV"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("cargo says what it runs on");
    let metadata = cargo(&["metadata", "--offline", "--format-version", "1", "--filter-platform", host]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("cargo prints JSON");
    let manifests: Vec<&str> = metadata["packages"]
        .as_array()
        .expect("packages are a list")
        .iter()
        .filter(|package| package["name"] == "wasmtime-wasi")
        .filter_map(|package| package["manifest_path"].as_str())
        .collect();
    let [manifest] = manifests.as_slice() else { panic!("wasmtime-wasi is there {} times", manifests.len()) };
    Path::new(manifest).with_file_name("src/p2/wit/deps")
}

/// The functions of every interface in the world `wasi:cli/imports`: what the engine links by default, without unstable ones.
fn preview2(packages: &Path) -> Vec<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(packages)
        .unwrap_or_else(|error| panic!("{}: {error}", packages.display()))
        .map(|entry| entry.expect("an entry can be read").path())
        .collect();
    files.sort();
    let mut packages: BTreeMap<String, UnresolvedPackageGroup> = BTreeMap::new();
    for file in files {
        let name = file.display().to_string();
        let mut sources = SourceMap::default();
        sources.push_str(&name, fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name}: {error}")));
        let package = sources.parse().unwrap_or_else(|(_, error)| panic!("{name}: {error}"));
        packages.insert(package.main.name.name.clone(), package);
    }
    let cli = packages.remove("cli").expect("the engine ships wasi:cli");
    let mut resolve = Resolve::default();
    let cli = resolve.push_groups(cli, packages.into_values().collect()).expect("the engine's WIT is sound");
    let world = resolve.packages[cli].worlds["imports"];
    let mut functions = Vec::new();
    for item in resolve.worlds[world].imports.values() {
        let WorldItem::Interface { id, .. } = item else { panic!("the world imports something that is no interface") };
        let interface = resolve.id_of(*id).expect("an interface of a package has a name");
        functions.extend(resolve.interfaces[*id].functions.keys().map(|function| named(&interface, function)));
    }
    functions
}

/// What each guest of the corpus imports, by import.
fn calls() -> BTreeMap<String, Calls> {
    let corpus = Corpus::embedded(gauntlet_attacks::FILES).expect("the corpus is sound");
    let mut calls: BTreeMap<String, Calls> = BTreeMap::new();
    for attack in &corpus.attacks {
        let folder = attack.id.split('#').next().unwrap_or_default();
        for (module, name) in imports(&attack.benign) {
            calls.entry(named(&module, &name)).or_default().granted.insert(format!("{folder} (benign)"));
        }
        let stopped = stopped_by(attack);
        if attack.kind == Kind::Input {
            // These bytes are made to hurt whoever reads them, and have no imports that anybody links.
            continue;
        }
        for (module, name) in imports(&attack.attack) {
            let calls = calls.entry(named(&module, &name)).or_default();
            match stopped {
                Stopped::Denied => {
                    calls.denied.insert(folder.to_owned());
                    // A weakened executor or an older engine is another sandbox.
                    if matches!(attack.live, Live::Overlay(_) | Live::Lift(_)) {
                        calls.granted.insert(format!("{folder} (live)"));
                    }
                }
                Stopped::Otherwise => {
                    calls.granted.insert(format!("{folder} (attack)"));
                }
                Stopped::Refused => {}
            }
        }
    }
    calls
}

/// What an attack comes to, as far as its imports are concerned.
#[derive(Clone, Copy)]
enum Stopped {
    /// Something it asked for by a call, or by an import, was denied.
    Denied,
    /// It ran, and no call was denied.
    Otherwise,
    /// It was refused as a whole, and made no call.
    Refused,
}

fn stopped_by(attack: &Attack) -> Stopped {
    let any = |of: fn(&Cause) -> bool| attack.contained_by.iter().any(of);
    if any(|cause| matches!(cause, Cause::Denied(kind) if *kind != DenialKind::Feature)) {
        Stopped::Denied
    } else if any(|cause| {
        matches!(cause, Cause::Denied(_) | Cause::RefusedModule | Cause::RefusedDigest | Cause::RefusedPolicy)
    }) {
        Stopped::Refused
    } else {
        Stopped::Otherwise
    }
}

/// What was decided about imports that no guest calls, by import or by how some begin, with `*` at the end.
fn decisions(file: &Path, linked: &BTreeSet<String>) -> BTreeMap<String, String> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut reader = Reader::default();
    let mut decisions = BTreeMap::new();
    match document::parse(&text) {
        Ok(node) => {
            // A decision about an import that is gone is a key that is not known.
            let mut known: Vec<&str> = linked.iter().map(String::as_str).collect();
            if let Value::Mapping(entries) = &node.value {
                let keys = entries.iter().map(|entry| entry.key.value.as_str());
                known.extend(keys.filter(|key| linked.iter().any(|import| key.ends_with('*') && covers(key, import))));
            }
            for entry in reader.entries("interface-decisions", &node, &known) {
                if let Some(why) = reader.text(&entry.key.value, &entry.value) {
                    decisions.insert(entry.key.value.clone(), why.value);
                }
            }
        }
        Err(faults) => reader.faults = faults,
    }
    let shown = |fault: &Fault| format!("{}:{}: {} {}", file.display(), fault.span.line, fault.message, fault.fix);
    let faults: Vec<String> = reader.faults.iter().map(shown).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    decisions
}

fn covers(key: &str, import: &str) -> bool {
    match key.strip_suffix('*') {
        Some(beginning) => import.starts_with(beginning),
        None => import == key,
    }
}

/// The decision about an import; where several fit, the longest decides.
fn decision<'d>(decisions: &'d BTreeMap<String, String>, import: &str) -> Option<&'d str> {
    let fitting = decisions.iter().filter(|(key, _)| covers(key, import));
    fitting.max_by_key(|(key, _)| key.len()).map(|(_, why)| why.as_str())
}

fn matrix(linked: &BTreeSet<String>, calls: &BTreeMap<String, Calls>, decisions: &BTreeMap<String, String>) -> String {
    let none = Calls::default();
    let called = |import: &String| calls.get(import).unwrap_or(&none);
    let is_preview1 = |import: &&String| import.starts_with(PREVIEW1);
    let count = |of: &dyn Fn(&Calls) -> bool| linked.iter().filter(|import| of(called(import))).count();
    let mut out = HEAD.to_owned();
    let _ = writeln!(
        out,
        "\nOf {} imports the corpus has guests for {}: {} are imported by attacks that a denial stops, {} by guests that are denied no call.",
        linked.len(),
        count(&Calls::any),
        count(&|calls| !calls.denied.is_empty()),
        count(&|calls| !calls.granted.is_empty()),
    );
    let mut table = |title: &str, imports: &[&String]| {
        let _ = write!(out, "\n## {title}\n\n| import | granted by | denied by | decision |\n|---|---|---|---|\n");
        for import in imports {
            let calls = called(import);
            let decision = if calls.any() { "" } else { decision(decisions, import).unwrap_or_default() };
            let _ = writeln!(out, "| `{import}` | {} | {} | {decision} |", cell(&calls.granted), cell(&calls.denied));
        }
    };
    table("WASI preview 1", &linked.iter().filter(is_preview1).collect::<Vec<_>>());
    table("WASI preview 2", &linked.iter().filter(|import| !is_preview1(import)).collect::<Vec<_>>());
    table("Not linked", &calls.keys().filter(|import| !linked.contains(*import)).collect::<Vec<_>>());
    out
}

/// The first guests of a set, and how many there are besides. Benign twins come first: they are the plainest proof of a grant.
fn cell(guests: &BTreeSet<String>) -> String {
    let mut guests: Vec<&str> = guests.iter().map(String::as_str).collect();
    guests.sort_by_key(|guest| (!guest.ends_with("(benign)"), !guest.ends_with("(live)")));
    let named = guests[..guests.len().min(NAMED)].join(", ");
    match guests.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
