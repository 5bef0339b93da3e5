//! What each command prints: one file a command under `cmd/`. `TRYCMD=overwrite cargo test -p wasm-gauntlet --test commands` rewrites them.
//! And the commands that the documentation names exist as they are written there.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const GAUNTLET: &str = env!("CARGO_BIN_EXE_gauntlet");

#[test]
fn every_command_prints_what_its_file_says() {
    trycmd::TestCases::new()
        .register_bin("gauntlet", Path::new(GAUNTLET))
        .env("NO_COLOR", "1")
        .env("COLUMNS", "100")
        .case("tests/cmd/*.toml")
        .case("tests/cmd/*.trycmd");
}

#[test]
fn a_saved_record_is_rendered_as_the_examples_show() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports/examples");
    let record = gauntlet_record::example();
    for (format, file) in [
        ("human", "example.txt"),
        ("json", "example.json"),
        ("junit", "example.junit.xml"),
        ("sarif", "example.sarif"),
        ("html", "example.html"),
        ("markdown", "example.md"),
    ] {
        let mut report = Command::new(GAUNTLET);
        report.args(["report", "--format", format]).arg(examples.join("example.json"));
        let output = report.env("NO_COLOR", "1").env("COLUMNS", "100").output().unwrap();
        assert_eq!(output.status.code(), Some(i32::from(record.exit_code())), "{format}");
        let example = std::fs::read(examples.join(file)).unwrap();
        assert!(output.stdout == example, "`{format}` differs from reports/examples/{file}");
    }
}

#[test]
fn every_command_and_flag_that_the_documentation_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut helps: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut named = 0;
    for page in ["README.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        let mut block = None;
        for line in text.lines() {
            if let Some(language) = line.strip_prefix("```") {
                block = if block.is_some() { None } else { Some(language) };
            }
            for command in commands(line, block) {
                let mut words = command.split_whitespace();
                let Some(name) = words.next() else { continue };
                let help = helps.entry(name.to_owned()).or_insert_with(|| help(name)).as_ref();
                let help = help.unwrap_or_else(|| panic!("{page}: no command in `gauntlet {command}`"));
                for flag in words.filter(|word| word.starts_with('-') && *word != "--") {
                    let flag = flag.split('=').next().unwrap();
                    assert!(
                        help.split([' ', ',', '\n']).any(|word| word == flag),
                        "{page}: no `{flag}` in `gauntlet {command}`"
                    );
                }
                named += 1;
            }
        }
    }
    assert!(named >= 8, "only {named} commands were found in the documentation");
}

/// What follows the program's name in a line: to the end of the code span, or of the command in a block of commands.
fn commands<'a>(line: &'a str, block: Option<&str>) -> Vec<&'a str> {
    let (starts, stops): (&[&str], _) = match block {
        None => (&["`gauntlet ", "`cargo run --release -- "], "`"),
        Some("console") => (&["gauntlet ", "$ gauntlet ", "cargo run --release -- "], "#|>&"),
        Some(_) => return Vec::new(),
    };
    let mut found = Vec::new();
    for start in starts {
        let places = line.match_indices(start).filter(|(at, _)| block.is_none() || *at == 0);
        found.extend(places.map(|(at, _)| up_to(&line[at + start.len()..], stops)));
    }
    found
}

fn up_to<'a>(text: &'a str, stops: &str) -> &'a str {
    text.find(|c| stops.contains(c)).map_or(text, |end| &text[..end])
}

/// The help of a command, if there is such a command. A flag for the program itself stands for it.
fn help(command: &str) -> Option<String> {
    let mut gauntlet = Command::new(GAUNTLET);
    if !command.starts_with('-') {
        gauntlet.arg(command);
    }
    let output = gauntlet.arg("--help").output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}
