//! Why a command ended before it had a result, with the exit code that says so.

use gauntlet_record::{GuestText, exit};

/// A command that could not do its work.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    error: anyhow::Error,
    /// Drawn text that stands before the message, for example findings.
    drawn: String,
}

impl Failure {
    /// The input is wrong: nothing was run.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { code: exit::USAGE, error: error.into(), drawn: String::new() }
    }

    /// A control failed, or nothing could be proved.
    pub(crate) fn inconclusive(error: impl Into<anyhow::Error>) -> Self {
        Self { code: exit::INCONCLUSIVE, error: error.into(), drawn: String::new() }
    }

    /// The harness failed, or the host cannot enforce what is required.
    pub(crate) fn harness(error: impl Into<anyhow::Error>) -> Self {
        Self { code: exit::HARNESS, error: error.into(), drawn: String::new() }
    }

    /// Draws something before the message.
    pub(crate) fn drawing(mut self, drawn: String) -> Self {
        self.drawn = drawn;
        self
    }

    pub(crate) fn code(&self) -> u8 {
        self.code
    }

    /// Prints the message with its causes to standard error. Parts of it may come from hostile files: it is escaped like guest text.
    pub(crate) fn print(&self) {
        let style = if crate::terminal::color_stderr() { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
        if !self.drawn.is_empty() {
            anstream::eprintln!("{}", self.drawn.trim_end());
        }
        let mut text = String::new();
        for (depth, cause) in self.error.chain().enumerate() {
            if depth > 0 {
                text.push_str(": ");
            }
            text.push_str(&cause.to_string());
        }
        for (index, line) in text.lines().enumerate() {
            let line = GuestText::new(line.as_bytes(), 4096);
            if index == 0 {
                anstream::eprintln!("{}error:{} {}", style.0, style.1, line.as_str());
            } else {
                anstream::eprintln!("       {}", line.as_str());
            }
        }
    }
}
