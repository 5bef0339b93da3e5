//! Exit codes. They are a contract: a CI job may rely on them.

/// Everything contained, nothing at or above the chosen severity.
pub const CLEAN: u8 = 0;
/// A breach, or a finding at or above the chosen severity.
pub const BREACH: u8 = 1;
/// The input is wrong (usage, policy, corpus, record, missing target, nothing selected): nothing was run.
pub const USAGE: u8 = 2;
/// Inconclusive: nothing breached, something not proved.
pub const INCONCLUSIVE: u8 = 3;
/// The harness failed outside a trial, or the host cannot enforce what the policy requires.
pub const HARNESS: u8 = 4;
