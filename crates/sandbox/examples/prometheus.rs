//! Metrics for Prometheus: runs a few guests and prints what a scrape would get. The dashboard for it is `dashboards/gauntlet.json`.
//!
//! `cargo run --release -p gauntlet-sandbox --example prometheus`
#![expect(clippy::print_stdout, reason = "an example that shows what it does")]

use std::error::Error;

use gauntlet_policy::Policy;
use gauntlet_sandbox::Inline;
use gauntlet_sandbox::metrics::{METRICS, describe};
use gauntlet_sandbox::watch::{Watch, Watched};
use gauntlet_target::{Job, Target as _};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

fn main() -> Result<(), Box<dyn Error>> {
    let mut exporter = PrometheusBuilder::new();
    for metric in METRICS.iter().filter(|metric| !metric.buckets.is_empty()) {
        exporter = exporter.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), metric.buckets)?;
    }
    // A server would hand `render` to whatever answers `GET /metrics`.
    let handle = exporter.install_recorder()?;
    describe();

    let sandbox = Watched::new(Inline::new(), Watch::default());
    let policy = Policy::parse("policy", "version: 1\nlimits: { fuel: 1_000_000 }\n")
        .map_err(|faults| format!("{} faults in the policy", faults.len()))?;
    for guest in [
        r#"(module (memory (export "memory") 1) (func (export "_start")))"#,
        r#"(module (memory (export "memory") 1) (func (export "_start") (loop $again (br $again))))"#,
        r#"(module (import "host" "not_granted" (func)) (func (export "_start")))"#,
    ] {
        sandbox.run(&Job { guest: wat::parse_str(guest)?, policy: policy.clone(), ..Job::default() })?;
    }
    print!("{}", handle.render());
    Ok(())
}
