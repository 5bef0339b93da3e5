//! How fast policies are linted: `cargo bench -p gauntlet-lint`.
//!
//! The unit is one policy, so the line `thrpt` says policies a second on one core. At least 10 000 a second are wanted of a page, from its
//! text in memory to the text of its findings.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gauntlet_lint::{Format, Options, lint, render};
use gauntlet_policy::Policy;

/// Reads, lints and renders.
fn end_to_end(text: &str, options: &Options) -> usize {
    let policy = Policy::parse("policy.yaml", text).expect("a sound policy");
    let findings = lint(&policy, options);
    render(&findings, &[("policy.yaml".to_owned(), policy.text)], Format::Human, false).len()
}

fn benches(criterion: &mut Criterion) {
    // Rules that look at the host measure its disk.
    let options = Options { today: Some("2026-01-31".into()), host: false, ..Options::default() };
    let page = gauntlet_policies::preset("strict").expect("the default preset");
    let (_, broad) = gauntlet_policies::EXAMPLES.iter().find(|(name, _)| *name == "over-broad").expect("an example");
    let mut group = criterion.benchmark_group("lint");
    group.throughput(Throughput::Elements(1));
    group.bench_function("a sound page, end to end", |b| b.iter(|| end_to_end(black_box(page), &options)));
    group.bench_function("an over-broad page, end to end", |b| b.iter(|| end_to_end(black_box(broad), &options)));
    let policy = Policy::parse("policy.yaml", page).expect("a sound policy");
    group.bench_function("the rules alone, of a sound page", |b| b.iter(|| lint(black_box(&policy), &options)));
    let policy = Policy::parse("policy.yaml", broad).expect("a sound policy");
    group.bench_function("the rules alone, of an over-broad page", |b| b.iter(|| lint(black_box(&policy), &options)));
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
