//! What may be asked of a run besides its outcome: when things happened, and where the guest's time went.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// Most moments of one timeline; beyond that, moments in the middle are left out.
pub const MAX_MOMENTS: usize = 1_024;
/// Most frames of the backtrace of a trap.
pub const MAX_FRAMES: usize = 32;

/// What is to be recorded of a run. By default nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Trace {
    /// When things happened: [`crate::Outcome::timeline`].
    pub timeline: bool,
    /// Where the guest's time went: [`crate::Outcome::profile`]. Needs the epoch; a run without it has no profile.
    pub profile: bool,
}

impl Trace {
    /// Asks for the timeline.
    #[must_use]
    pub const fn with_timeline(mut self, timeline: bool) -> Self {
        self.timeline = timeline;
        self
    }

    /// Asks for the profile.
    #[must_use]
    pub const fn with_profile(mut self, profile: bool) -> Self {
        self.profile = profile;
        self
    }
}

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Nanoseconds since the run began.
    pub at: u64,
    /// What: one of the executor's words (`read`, `validated`, `compiled`, `instantiated`, `entered`, `ended`), or `denied` or
    /// `limit-reached` with the cause. Nothing of it is chosen by the guest.
    pub what: String,
}

/// Where the guest's time went, by samples at a steady pace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Profile {
    /// Nanoseconds between two samples.
    pub interval: u64,
    /// The stacks that were seen: frames from the outermost, joined by `;`, and how often. Names are made safe for terminals and for this
    /// format: what is not printable is escaped, spaces and `;` are `_`.
    pub stacks: Vec<(String, u64)>,
    /// Samples whose stack was one too many to be kept.
    pub dropped: u64,
}

impl Profile {
    /// A profile from its parts.
    #[must_use]
    pub const fn new(interval: u64, stacks: Vec<(String, u64)>, dropped: u64) -> Self {
        Self { interval, stacks, dropped }
    }

    /// The text that viewers of profiles open as "folded" or "collapsed" stacks: a line for each stack, with its count.
    ///
    /// ```
    /// let profile = gauntlet_target::Profile::new(1_000_000, vec![("_start;work".into(), 7)], 0);
    /// assert_eq!(profile.folded(), "_start;work 7\n");
    /// ```
    #[must_use]
    pub fn folded(&self) -> String {
        let mut text = String::new();
        for (stack, count) in &self.stacks {
            let _ = writeln!(text, "{stack} {count}");
        }
        text
    }
}
