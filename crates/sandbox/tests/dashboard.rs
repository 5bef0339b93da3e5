//! The dashboard asks for the metrics that there are, by their labels, and leaves none out.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};

use gauntlet_sandbox::metrics::{METRICS, Metric, MetricKind};
use serde_json::Value;

fn queries() -> Vec<String> {
    let text = include_str!("../dashboards/gauntlet.json");
    let dashboard: Value = serde_json::from_str(text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let queries: Vec<String> = targets.map(|target| target["expr"].as_str().unwrap().to_owned()).collect();
    assert!(queries.len() >= panels.len(), "every panel asks for something");
    queries
}

/// The names in a query that are written like ours: what stands before the name decides nothing, so that no function hides one.
fn names(query: &str) -> impl Iterator<Item = &str> {
    query
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':')
        .filter(|word| word.starts_with("gauntlet"))
}

/// The metric behind the name of a series: histograms are scraped as `_bucket`, `_sum` and `_count`.
fn metric(series: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| match metric.kind {
        MetricKind::Counter | MetricKind::Gauge => metric.name == series,
        MetricKind::Histogram => {
            ["_bucket", "_sum", "_count"].iter().any(|suffix| series.strip_suffix(suffix) == Some(metric.name))
        }
    })
}

#[test]
fn every_query_is_about_metrics_that_there_are() {
    for query in queries() {
        let names: Vec<&str> = names(&query).collect();
        assert!(!names.is_empty(), "{query}");
        for name in names {
            assert!(metric(name).is_some(), "`{name}` in `{query}` is no metric of ours");
        }
    }
}

#[test]
fn every_metric_is_on_the_dashboard() {
    let queries = queries();
    let shown: BTreeSet<&str> =
        queries.iter().flat_map(|query| names(query)).filter_map(metric).map(|metric| metric.name).collect();
    let all: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
    assert_eq!(shown, all);
}

#[test]
fn counters_are_asked_for_their_growth_and_grouped_by_labels_that_they_have() {
    let kinds: BTreeMap<&str, &Metric> = METRICS.iter().map(|metric| (metric.name, metric)).collect();
    for query in queries() {
        for name in names(&query) {
            let metric = metric(name).unwrap();
            if kinds[metric.name].kind == MetricKind::Gauge {
                continue;
            }
            let before = &query[..query.find(name).unwrap()];
            assert!(before.ends_with("rate(") || before.ends_with("increase("), "{query}");
        }
        let Some((_, rest)) = query.split_once(" by (") else { continue };
        let (grouped, _) = rest.split_once(')').unwrap();
        let metric = names(&query).find_map(metric).unwrap();
        for label in grouped.split(", ") {
            let known = metric.labels.contains(&label) || (label == "le" && metric.kind == MetricKind::Histogram);
            assert!(known, "`{label}` in `{query}` is no label of {}", metric.name);
        }
    }
}
