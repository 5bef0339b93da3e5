//! Our own executor, which is clean: one attack of each class, each of them shown to work on it when it is opened.

use std::process::ExitCode;

use gauntlet_sandbox::Worker;
use gauntlet_testing::{Suite, Target};

/// One of each class that a guest alone can show without an executor that is broken on purpose.
const ATTACKS: &[&str] = &[
    "clocks/finer-than-granted",
    "compile/oversized-module",
    "component/hundred-core-instances",
    "cpu/endless-loop",
    "environment/host-arguments",
    "files-exhaustion/many-small-files",
    "files-read/dot-dot",
    "files-write/write-on-read-only",
    "gc/struct-types",
    "handles/open-without-close",
    "memory/grow-past-limit",
    "network/component-connects-to-loopback",
    "sleep/one-long-sleep",
    "stack/recursion-in-component",
    "streams/stdout-flood",
    "supply-chain/unpinned-module",
    "tables/grow-past-limit",
];

fn main() -> ExitCode {
    // A worker is this program started again: it has to narrow itself before anything else happens.
    if let Some(code) = gauntlet_sandbox::worker_main() {
        return ExitCode::from(code);
    }
    let opened = |lift: &[String]| {
        let worker = Worker::new().lifting(lift.to_vec()).ok()?;
        Some(Box::new(worker) as Box<dyn Target>)
    };
    Suite::new(Worker::new()).opened_by(opened).only(ATTACKS).require_witness().main()
}
