//! Glue between libFuzzer and `crates/fuzzing`: bytes to a case, a case to findings, a finding to a panic.

use std::cell::OnceCell;
use std::path::Path;

use gauntlet_corpus::Corpus;
use gauntlet_fuzzing::{Bench, Case, Depth, POLICY, SequenceBench, Stored, case_of_bytes, pair};
use gauntlet_policy::Policy;
use gauntlet_record::{GuestText, MAX_TEXT_BYTES};
use gauntlet_sandbox::{Inline, Placement, Sandbox, SandboxError};
use gauntlet_target::TargetError;
pub use libfuzzer_sys::{Corpus as Keep, fuzz_target};

struct Stand {
    /// Leaked, since what runs sequences borrows it for as long as the process lives.
    target: &'static Inline,
    sequences: OnceCell<SequenceBench<'static>>,
    policy: Policy,
    corpus: Corpus,
}

thread_local! {
    /// Made once: engines and the corpus take longer than thousands of cases.
    static STAND: OnceCell<Stand> = const { OnceCell::new() };
}

/// Runs the case that bytes make. What an oracle finds is stored under `fuzz/artifacts/cases/` and ends the process.
pub fn run(id: &str, bytes: &[u8]) -> Keep {
    let pair = pair(id).expect("the target names a pair");
    STAND.with(|stand| {
        let stand = stand.get_or_init(|| Stand {
            target: Box::leak(Box::new(Inline::new())),
            sequences: OnceCell::new(),
            policy: Policy::parse("fuzz", POLICY).expect("the policy for fuzzing is sound"),
            corpus: Corpus::embedded(gauntlet_attacks::FILES).expect("the embedded corpus is sound"),
        });
        let sequences = stand.sequences.get_or_init(SequenceBench::new);
        let in_folders = |case: &Case, depth: Depth| sequences.run(stand.target, case, depth);
        let bench = Bench {
            target: stand.target,
            elsewhere: None,
            policy: &stand.policy,
            corpus: &stand.corpus,
            policies: gauntlet_policies::PRESETS,
            loads: &loads,
            judge: |evidence| evidence.judge().verdict,
            sequences: &in_folders,
            sequences_a_case: 1,
            escape: |bytes| GuestText::new(bytes, MAX_TEXT_BYTES),
        };
        let Some(case) = case_of_bytes(pair, &bench, bytes) else { return Keep::Reject };
        let ran = (pair.run)(&bench, &case, Depth::Twice);
        assert!(ran.setup.is_none(), "nothing is fuzzed: {:?}", ran.setup);
        if ran.unreadable.is_some() {
            return Keep::Reject;
        }
        if let Some(found) = ran.findings.first() {
            let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/artifacts/cases"));
            let stored = Stored::new(id, "inline", 0, 0, found, &case).store(folder);
            panic!("{}: {} (stored: {stored:?})", found.oracle, found.message.as_str());
        }
        Keep::Keep
    })
}

/// Whether the executor loads a policy; what only this host lacks is no refusal.
fn loads(text: &str) -> Result<(), String> {
    let file = std::env::temp_dir().join(format!("gauntlet-fuzz-{}.yaml", std::process::id()));
    std::fs::write(&file, text).map_err(|error| error.to_string())?;
    match Sandbox::builder().policy_file(&file).placement(Placement::Inline).build() {
        Ok(_) | Err(SandboxError::Target(TargetError::Unconfined { .. })) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}
