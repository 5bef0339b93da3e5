//! What the terminal can show.

use std::io::{IsTerminal as _, stderr, stdout};

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Tells the output streams.
    pub(crate) fn apply(self) {
        let choice = match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// Whether standard output takes colours.
pub(crate) fn color_stdout() -> bool {
    !matches!(anstream::AutoStream::choice(&stdout()), anstream::ColorChoice::Never)
}

/// Whether standard error takes colours.
pub(crate) fn color_stderr() -> bool {
    !matches!(anstream::AutoStream::choice(&stderr()), anstream::ColorChoice::Never)
}

/// Whether progress is shown: only to a person.
pub(crate) fn shows_progress() -> bool {
    stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Columns of the terminal behind standard output; 100 if there is none.
pub(crate) fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns > 0);
    let named = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    size.or(named).unwrap_or(100).clamp(40, 160)
}

/// A progress bar on standard error, or a hidden one where nobody watches.
pub(crate) fn progress(length: u64) -> indicatif::ProgressBar {
    if !shows_progress() {
        return indicatif::ProgressBar::hidden();
    }
    let bar = indicatif::ProgressBar::new(length);
    if let Ok(style) = indicatif::ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}") {
        bar.set_style(style);
    }
    bar
}
