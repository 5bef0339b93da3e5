//! Imports by what they let a guest do, in plain words: one table from functions and interfaces to capabilities.

use serde::{Deserialize, Serialize};

/// The module of preview 1.
const PREVIEW1: &str = "wasi_snapshot_preview1";

/// Declares the capabilities: word, plain sentence, and the section of a policy that grants it; empty where nothing has to be granted.
macro_rules! capabilities {
    ($($(#[$meta:meta])* $variant:ident = $word:literal, $says:literal, $grant:literal;)*) => {
        /// Something that an import lets a guest do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Capability { $($(#[$meta])* $variant,)* }

        impl Capability {
            /// Every capability, those that reach furthest last.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What it means, as a clause: `it can ..`.
            #[must_use]
            pub const fn says(self) -> &'static str {
                match self { $(Self::$variant => $says,)* }
            }

            /// The key of a policy that grants it, or `None` where nothing has to be granted or nothing can.
            #[must_use]
            pub fn grant(self) -> Option<&'static str> {
                let key = match self { $(Self::$variant => $grant,)* };
                (!key.is_empty()).then_some(key)
            }
        }
    };
}

capabilities! {
    /// Exit codes, and giving way.
    End = "end", "end itself", "";
    /// Reading clocks.
    Clock = "clock", "read clocks", "";
    /// Waiting for time to pass or for streams.
    Wait = "wait", "wait", "";
    /// Random numbers.
    Random = "random", "ask for random numbers", "";
    /// Standard output and standard error.
    Output = "output", "write to standard output and standard error", "";
    /// What streams and descriptors share: closing, seeking, errors. It reaches nothing by itself.
    Streams = "streams", "use streams that it was given", "";
    /// Standard input.
    Input = "input", "read standard input", "grants.stdin";
    /// Arguments.
    Arguments = "arguments", "read its arguments", "grants.arguments";
    /// Variables.
    Environment = "environment", "read its environment variables", "grants.environment";
    /// Files and directories.
    Files = "files", "open, list, make and remove files in directories that it is granted", "grants.filesystem";
    /// Connections that it is handed open.
    Sockets = "sockets", "use connections that it is handed open", "";
    /// Connecting.
    Connect = "connect", "connect to addresses of the network", "grants.network";
    /// Datagrams.
    Datagrams = "datagrams", "send and receive datagrams", "grants.network";
    /// Names.
    Lookup = "lookup", "look names up", "grants.network";
    /// HTTP, through the host.
    Http = "http", "send or answer HTTP requests through the host", "";
    /// Threads.
    Threads = "threads", "start threads", "";
    /// Interfaces of WASI that our executor does not link.
    Other = "other", "use an interface of WASI that few hosts offer", "";
    /// A function that only its own host has.
    Host = "host", "call functions that only the host it was built for offers", "";
}

/// Functions of preview 1, and functions and interfaces of preview 2 (without version), by the capability that they are of. A function goes
/// before its interface. Source: `witx/wasi_snapshot_preview1.witx`, and the WIT of WASI 0.2.
const TABLE: &[(Capability, &[&str])] = &[
    (Capability::End, &["proc_exit", "proc_raise", "sched_yield", "wasi:cli/exit"]),
    (
        Capability::Clock,
        &[
            "clock_res_get",
            "clock_time_get",
            "wasi:clocks/wall-clock",
            "wasi:clocks/monotonic-clock",
            "wasi:clocks/timezone",
        ],
    ),
    (
        Capability::Wait,
        &[
            "poll_oneoff",
            "wasi:io/poll",
            "wasi:clocks/monotonic-clock#subscribe-duration",
            "wasi:clocks/monotonic-clock#subscribe-instant",
        ],
    ),
    (Capability::Random, &["random_get", "wasi:random/random", "wasi:random/insecure", "wasi:random/insecure-seed"]),
    (
        Capability::Output,
        &[
            "fd_write",
            "wasi:cli/stdout",
            "wasi:cli/stderr",
            "wasi:cli/terminal-stdout",
            "wasi:cli/terminal-stderr",
            "wasi:cli/terminal-output",
            "wasi:logging/logging",
        ],
    ),
    (
        Capability::Streams,
        &[
            "fd_close",
            "fd_seek",
            "fd_tell",
            "fd_advise",
            "fd_fdstat_get",
            "fd_fdstat_set_flags",
            "fd_fdstat_set_rights",
            "fd_renumber",
            "fd_prestat_get",
            "fd_prestat_dir_name",
            "fd_filestat_get",
            "wasi:io/streams",
            "wasi:io/error",
        ],
    ),
    (Capability::Input, &["fd_read", "wasi:cli/stdin", "wasi:cli/terminal-stdin", "wasi:cli/terminal-input"]),
    (Capability::Arguments, &["args_get", "args_sizes_get", "wasi:cli/environment#get-arguments"]),
    (Capability::Environment, &["environ_get", "environ_sizes_get", "wasi:cli/environment"]),
    (
        Capability::Files,
        &[
            "path_create_directory",
            "path_filestat_get",
            "path_filestat_set_times",
            "path_link",
            "path_open",
            "path_readlink",
            "path_remove_directory",
            "path_rename",
            "path_symlink",
            "path_unlink_file",
            "fd_readdir",
            "fd_allocate",
            "fd_datasync",
            "fd_filestat_set_size",
            "fd_filestat_set_times",
            "fd_pread",
            "fd_pwrite",
            "fd_sync",
            "wasi:filesystem/types",
            "wasi:filesystem/preopens",
        ],
    ),
    (Capability::Sockets, &["sock_accept", "sock_recv", "sock_send", "sock_shutdown"]),
    (
        Capability::Connect,
        &[
            "wasi:sockets/tcp",
            "wasi:sockets/tcp-create-socket",
            "wasi:sockets/network",
            "wasi:sockets/instance-network",
        ],
    ),
    (Capability::Datagrams, &["wasi:sockets/udp", "wasi:sockets/udp-create-socket"]),
    (Capability::Lookup, &["wasi:sockets/ip-name-lookup"]),
    (
        Capability::Http,
        &[
            "wasi:http/outgoing-handler",
            "wasi:http/incoming-handler",
            "wasi:http/types",
            "wasi:http/client",
            "wasi:http/handler",
        ],
    ),
    (Capability::Threads, &["wasi::thread-spawn"]),
];

/// The capability of an import, and whether an executor of WASI 0.1 and 0.2 links it.
pub(crate) fn of(import: &str) -> (Capability, bool) {
    let find = |name: &str| TABLE.iter().find(|(_, names)| names.contains(&name)).map(|(capability, _)| *capability);
    if let Some((module, name)) = import.split_once("::").filter(|(module, _)| !module.contains(':')) {
        if module == PREVIEW1 {
            return find(name).map_or((Capability::Other, false), |capability| (capability, true));
        }
        let other = if module.starts_with("wasi") { Capability::Other } else { Capability::Host };
        return (find(import).unwrap_or(other), false);
    }
    let (interface, function) = import.split_once('#').unwrap_or((import, ""));
    let (name, version) = interface.split_once('@').unwrap_or((interface, ""));
    if !name.starts_with("wasi:") {
        return (Capability::Host, false);
    }
    let exact = find(&format!("{name}#{function}")).or_else(|| find(name));
    let offered = ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];
    let linked = version.starts_with("0.2.") && offered.iter().any(|package| name.starts_with(package));
    (exact.unwrap_or(Capability::Other), linked)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn imports_are_told_by_what_they_do() {
        for (import, expected) in [
            ("wasi_snapshot_preview1::path_open", (Capability::Files, true)),
            ("wasi_snapshot_preview1::fd_write", (Capability::Output, true)),
            ("wasi_snapshot_preview1::sock_open", (Capability::Other, false)),
            ("wasi_unstable::fd_write", (Capability::Other, false)),
            ("env::log", (Capability::Host, false)),
            ("wasi::thread-spawn", (Capability::Threads, false)),
            ("wasi:cli/environment@0.2.3#get-arguments", (Capability::Arguments, true)),
            ("wasi:cli/environment@0.2.3#get-environment", (Capability::Environment, true)),
            ("wasi:sockets/tcp@0.2.0#[method]tcp-socket.start-connect", (Capability::Connect, true)),
            ("wasi:sockets/tcp@0.3.0#x", (Capability::Connect, false)),
            ("wasi:http/outgoing-handler@0.2.0#handle", (Capability::Http, false)),
            ("wasi:nn/graph@0.2.0#load", (Capability::Other, false)),
            ("acme:log/log@1.0.0#say", (Capability::Host, false)),
            ("run", (Capability::Host, false)),
        ] {
            assert_eq!(of(import), expected, "{import}");
        }
    }

    #[test]
    fn no_name_stands_twice_and_every_word_is_its_own() {
        let names: Vec<&str> = TABLE.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let words: BTreeSet<&str> = Capability::ALL.iter().map(|capability| capability.as_str()).collect();
        assert_eq!(words.len(), Capability::ALL.len());
        for capability in Capability::ALL {
            let word = serde_json::to_string(capability).unwrap();
            assert_eq!(word, format!("\"{}\"", capability.as_str()));
        }
    }
}
