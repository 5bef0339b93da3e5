//! Descriptors that came with the process: all but the three standard ones are closed.

use std::fs;

/// Closes every descriptor above 2. Must come first of all, while nothing of our own is open.
pub(crate) fn close_inherited() {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return };
    let open: Vec<i32> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).filter(|fd| *fd > 2).collect();
    for descriptor in open {
        // The directory we just read is among them and already closed.
        let _ = nix::unistd::close(descriptor);
    }
}
