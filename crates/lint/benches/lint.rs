//! How fast policies are linted: `cargo bench -p gauntlet-lint`.
//!
//! The unit is one policy, so the line `thrpt` says policies a second on one core. At least 10 000 a second are wanted of a page, from its
//! text in memory to the text of its findings.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gauntlet_lint::files::{Baseline, Found, STDIN, Selection, check};
use gauntlet_lint::{Format, Options, lint};
use gauntlet_policy::Policy;
use gauntlet_record::Severity;

/// Reads, lints and renders as the command does by default, but from memory. Answers with the length of the text.
fn end_to_end(text: &str, options: &Options, format: Format) -> usize {
    let selection = Selection::new(Severity::Low, Vec::new()).expect("no rule is named");
    let page = [Found { path: STDIN.into(), named: true }];
    check(&page, Some(text.as_bytes()), options, &selection, &Baseline::default(), 1).render(format, false).len()
}

fn benches(criterion: &mut Criterion) {
    // Rules that look at the host measure its disk.
    let options = Options { today: Some("2026-01-31".into()), host: false, ..Options::default() };
    let page = gauntlet_policies::preset("strict").expect("the default preset");
    let (_, broad) = gauntlet_policies::EXAMPLES.iter().find(|(name, _)| *name == "over-broad").expect("an example");
    let small = "version: 1\nlimits:\n  memory: unlimited\n";
    let mut group = criterion.benchmark_group("lint");
    group.throughput(Throughput::Elements(1));
    for (name, text) in [("a sound page", page), ("an over-broad page", broad), ("three lines", small)] {
        for format in [Format::Human, Format::Compact] {
            group.bench_function(format!("{name}, end to end, {format}"), |b| {
                b.iter(|| end_to_end(black_box(text), &options, format))
            });
        }
        let policy = Policy::parse("policy.yaml", text).expect("a sound policy");
        group.bench_function(format!("{name}, the rules alone"), |b| b.iter(|| lint(black_box(&policy), &options)));
    }
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
