//! CTRF, the common test report format: one test a trial.
//!
//! It knows `other` for what neither passed nor failed; what is inconclusive is that. Source: the JSON Schema of `ctrf-io/ctrf`.

use std::io;

use gauntlet_record::{Record, Trial, Verdict};
use serde_json::{Value, json};

use super::json::pretty;
use crate::summary::{Summary, advice, class};
use crate::text::plain;
use crate::time::milliseconds;
use crate::{Options, WriteError};

pub(crate) fn write(record: &Record, _: &Options, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let summary = Summary::of(record);
    let start = milliseconds(&record.started).unwrap_or(0);
    let stop = record.finished.as_deref().and_then(milliseconds).unwrap_or(start);
    let text = |text: &str| plain(text).into_owned();
    let report = json!({
        "reportFormat": "CTRF",
        "specVersion": "0.0.0",
        "generatedBy": "gauntlet",
        "results": {
            "tool": { "name": "gauntlet", "version": text(&record.tool.version) },
            "summary": {
                "tests": record.trials.len(),
                "passed": summary.contained,
                "failed": summary.breached,
                "skipped": summary.unsupported,
                "pending": 0,
                "other": summary.inconclusive,
                "start": start,
                "stop": stop,
                "extra": {
                    "result": summary.word,
                    "complete": record.complete,
                    "exitCode": summary.exit,
                    "policy": text(&record.policy.name),
                    "policySha256": text(&record.policy.sha256),
                    "corpusSha256": text(&record.corpus.sha256),
                },
            },
            "tests": record.trials.iter().map(test).collect::<Vec<Value>>(),
            "environment": {
                "osPlatform": text(&record.host.os),
                "osRelease": text(&record.host.kernel),
                "testEnvironment": text(&record.host.arch),
                "healthy": record.complete,
            },
        },
    });
    pretty(&report, out)
}

fn test(trial: &Trial) -> Value {
    let status = match trial.verdict {
        Verdict::Contained => "passed",
        Verdict::Breached => "failed",
        Verdict::Inconclusive => "other",
        Verdict::Unsupported => "skipped",
    };
    let todo = match trial.verdict {
        Verdict::Inconclusive => format!(". {}", advice(trial.why)),
        Verdict::Contained | Verdict::Breached | Verdict::Unsupported => String::new(),
    };
    json!({
        "name": plain(&format!("{}/{}", trial.target, trial.attack)),
        "status": status,
        "rawStatus": trial.verdict.as_str(),
        "duration": trial.duration / 1_000_000,
        "suite": [plain(&trial.target), plain(class(&trial.attack))],
        "message": plain(&format!("{}: {}{todo}", trial.title, trial.reason)),
        "filePath": plain(&trial.file),
        "tags": [plain(&trial.weakness)],
        "type": "security",
    })
}
