//! Core modules against the inline executor, every case twice.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use gauntlet_fuzzing::{Input, ORACLES, POLICY, judge};
use gauntlet_policy::Policy;
use gauntlet_sandbox::Inline;
use libfuzzer_sys::{Corpus, fuzz_target};

static FUZZ_POLICY: LazyLock<Policy> =
    LazyLock::new(|| Policy::parse("fuzz", POLICY).expect("the policy for fuzzing is sound"));

fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Some(judged) = judge(&Inline::new(), &FUZZ_POLICY, ORACLES, &Input::given(bytes), true) else {
        return Corpus::Reject;
    };
    assert!(judged.setup_error().is_none(), "nothing is fuzzed: {:?}", judged.setup_error());
    if let Some(crash) = judged.crashes.first() {
        let stored = crash.store(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/artifacts/cases")));
        panic!("{}: {} (stored: {stored:?})", crash.oracle, crash.message);
    }
    Corpus::Keep
});
