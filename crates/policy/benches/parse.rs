//! How fast policies are read: `cargo bench -p gauntlet-policy`.
//!
//! The unit is one policy, so the line `thrpt` says policies a second on one core. At least 10 000 are wanted of a page.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gauntlet_policy::{Policy, document};

/// A page: every limit, proposal and mechanism, each on a line of its own, with comments.
fn page() -> &'static str {
    gauntlet_policies::preset("strict").expect("the default preset")
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("policy");
    group.throughput(Throughput::Elements(1));
    let own = "version: 1\nextends: strict\nlimits: { memory: 64MiB }\n";
    group.bench_function("tree of a page", |b| b.iter(|| document::parse(black_box(page()))));
    group.bench_function("a page", |b| b.iter(|| Policy::parse("policy.yaml", black_box(page()))));
    group.bench_function("a few lines", |b| {
        b.iter(|| Policy::parse("policy.yaml", black_box("version: 1\nlimits: { memory: 64MiB }\n")))
    });
    group.bench_function("a few lines and the preset they extend", |b| {
        b.iter(|| Policy::parse("policy.yaml", black_box(own)))
    });
    let rendered = Policy::parse("policy.yaml", page()).expect("a sound policy");
    group.bench_function("written", |b| b.iter(|| black_box(&rendered).to_yaml()));
    group.finish();

    let mut group = criterion.benchmark_group("refused");
    let large = "- 1\n".repeat(200_000);
    let deep = "[".repeat(200_000);
    group.bench_function("too many values", |b| b.iter(|| Policy::parse("policy.yaml", black_box(&large)).is_err()));
    group.bench_function("nested too deep", |b| b.iter(|| Policy::parse("policy.yaml", black_box(&deep)).is_err()));
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
