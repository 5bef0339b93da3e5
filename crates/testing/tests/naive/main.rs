//! What a careless executor gets wrong. Each gap is asserted by its id, so this test fails when the corpus misses one.

mod executor;

use std::process::ExitCode;

use gauntlet_testing::Suite;

/// A mistake of the executor, and the attacks that find it.
const GAPS: &[(&str, &[&str])] = &[
    (
        "paths are joined as text, and every link is followed",
        &["files-read/dot-dot", "files-read/planted-symlink", "files-read/hard-link-in", "files-write/create-outside"],
    ),
    ("what is read-only is not looked at", &["files-write/write-on-read-only", "files-write/truncate-on-read-only"]),
    ("the guest inherits the environment of its host", &["environment/host-variables"]),
    ("the guest inherits the standard input of its host", &["streams/inherited-stdin"]),
    ("no limit on time", &["cpu/endless-loop", "sleep/one-long-sleep"]),
    ("no limit on memory", &["memory/grow-past-limit", "tables/grow-past-limit"]),
    ("no limit on output", &["streams/stdout-flood", "streams/stderr-flood"]),
    ("no limit on files", &["files-exhaustion/many-small-files", "handles/open-without-close"]),
    ("no limit on the module", &["compile/oversized-module"]),
    ("proposals are whatever the engine turns on", &["stack/tail-call"]),
    ("modules are not checked against the pinned ones", &["supply-chain/unpinned-module"]),
    ("the clock is as fine as the system's", &["clocks/finer-than-granted"]),
];

/// What even this one does not give away: nobody granted it.
const HELD: &[&str] = &["environment/host-arguments", "files-read/absolute-path", "malformed/truncated-module"];

fn main() -> ExitCode {
    let gaps = || GAPS.iter().flat_map(|(mistake, attacks)| attacks.iter().map(move |attack| (*mistake, *attack)));
    let wanted: Vec<&str> = gaps().map(|(_, attack)| attack).chain(HELD.iter().copied()).collect();
    let suite = Suite::new(executor::Naive).only(&wanted);
    let listed = |suite: Suite, (mistake, attack)| suite.known_gap(attack, mistake, "tests/naive/executor.rs");
    gaps().fold(suite, listed).main()
}
