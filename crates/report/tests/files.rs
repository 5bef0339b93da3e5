//! What lies under `reports/` is what the code gives. `UPDATE=1 cargo test -p gauntlet-report --test files` rewrites it.

#![expect(clippy::unwrap_used, reason = "a test may")]

use std::path::Path;
use std::{env, fs};

use gauntlet_record::example;
use gauntlet_report::{Format, Options};

/// Compares a file under `reports/` with what it has to hold, or rewrites it.
fn keep(name: &str, content: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports").join(name);
    if env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == content,
        "reports/{name} is out of date; `UPDATE=1 cargo test -p gauntlet-report --test files` rewrites it"
    );
}

#[test]
fn the_schema_is_the_one_of_the_types() {
    keep("schemas/record.schema.json", &gauntlet_record::json_schema());
}

#[test]
fn the_embedded_schema_takes_the_example() {
    let schema: serde_json::Value = serde_json::from_str(gauntlet_reports::RECORD_SCHEMA).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&serde_json::to_value(example()).unwrap()));
}

#[test]
fn the_examples_are_what_the_formats_write() {
    for (name, format) in [
        ("example.txt", Format::Human),
        ("example.json", Format::Json),
        ("example.junit.xml", Format::Junit),
        ("example.sarif", Format::Sarif),
        ("example.html", Format::Html),
        ("example.md", Format::Markdown),
        ("example.github.txt", Format::Github),
        ("example.job-summary.md", Format::Jobsummary),
        ("example.gl-code-quality.json", Format::Gitlab),
        ("example.csv", Format::Csv),
        ("example.ctrf.json", Format::Ctrf),
        ("example.oscal.json", Format::Oscal),
        ("example.cyclonedx.json", Format::Cyclonedx),
    ] {
        let mut out = Vec::new();
        gauntlet_report::write(&example(), format, &Options::default(), &mut out).unwrap();
        keep(&format!("examples/{name}"), &String::from_utf8(out).unwrap());
    }
}

/// `examples/service.json` is a run of the attacks on services against `gauntlet serve`, as it was written.
#[test]
fn the_example_of_a_service_is_a_sound_record_with_nothing_breached() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports/examples/service.json");
    let record = gauntlet_record::read(&path).unwrap();
    assert!(record.complete && record.exit_code() == gauntlet_record::exit::CLEAN);
    assert!(record.trials.iter().all(|trial| trial.verdict == gauntlet_record::Verdict::Contained));
    for language in ["python", "javascript"] {
        let those = record.trials.iter().filter(|trial| trial.attack.contains(language)).count();
        assert!(those >= 20, "{those} attacks in {language}");
    }
    for (name, format) in
        [("service.txt", Format::Human), ("service.html", Format::Html), ("service.md", Format::Markdown)]
    {
        let mut out = Vec::new();
        gauntlet_report::write(&record, format, &Options::default(), &mut out).unwrap();
        keep(&format!("examples/{name}"), &String::from_utf8(out).unwrap());
    }
}
