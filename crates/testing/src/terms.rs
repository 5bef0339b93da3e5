//! Limits and grants as plain values, for a sandbox that has no use for spans and shares.

use std::path::PathBuf;
use std::time::Duration;

use gauntlet_policy::{Access, Policy, Stdin};
use gauntlet_record::{LimitKey, Unit};
use gauntlet_target::Job;

/// What a guest runs under: the limits and grants of a job as plain values. What is not in here is not granted.
///
/// ```
/// use gauntlet_testing::{Job, LimitKey, Terms};
///
/// let job = Job { nonce: "00000000000000ff".into(), ..Job::default() };
/// let terms = Terms::of(&job);
/// assert_eq!(terms.arguments, ["guest", "00000000000000ff"]);
/// assert_eq!(terms.limit(LimitKey::Memory), Some(128 << 20));
/// assert!(terms.directories.is_empty() && terms.variables.is_empty() && terms.stdin.is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The guest's arguments: a name for the program, the trial's nonce, then what the policy grants.
    pub arguments: Vec<String>,
    /// What a core guest without WASI is called with, as an `i64`: the same nonce as a number.
    pub number: u64,
    /// Environment variables: name and value. Nothing of the caller's environment is among them.
    pub variables: Vec<(String, String)>,
    /// Directories, in the order in which a preview 1 guest finds them from descriptor 3 on.
    pub directories: Vec<Directory>,
    /// What the guest may read on standard input; `None` where it is closed.
    pub stdin: Option<Vec<u8>>,
    /// Addresses that the guest may connect to, as `host:port`, where either may be `*`.
    pub addresses: Vec<String>,
    policy: Policy,
}

/// A directory that a guest may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Where it is on the host; `None` for a scratch directory, which the sandbox makes and removes itself.
    pub host: Option<PathBuf>,
    /// What the guest calls it.
    pub guest: String,
    /// Whether anything in it may be changed.
    pub writable: bool,
}

impl Terms {
    /// The terms of a job.
    #[must_use]
    pub fn of(job: &Job) -> Self {
        let grants = &job.policy.grants;
        let directories = grants.filesystem.iter().map(|grant| {
            let (host, writable) = match grant.access.value {
                Access::ReadOnly => (Some(PathBuf::from(&grant.host.value)), false),
                Access::ReadWrite => (Some(PathBuf::from(&grant.host.value)), true),
                Access::Scratch => (None, true),
            };
            Directory { host, guest: grant.guest.value.clone(), writable }
        });
        let granted = grants.arguments.iter().map(|argument| argument.value.clone());
        let connect = grants.network.iter().filter(|grant| grant.scope == gauntlet_policy::Scope::Connect);
        Self {
            arguments: ["guest".to_owned(), job.nonce.clone()].into_iter().chain(granted).collect(),
            number: u64::from_str_radix(&job.nonce, 16).unwrap_or(0),
            variables: grants
                .environment
                .iter()
                .map(|variable| (variable.name.value.clone(), variable.value.value.clone()))
                .collect(),
            directories: directories.collect(),
            stdin: (grants.stdin.value == Stdin::Inherit).then(|| job.stdin.clone()),
            addresses: connect.map(|grant| grant.address.value.clone()).collect(),
            policy: job.policy.clone(),
        }
    }

    /// A limit in its own unit, which is bytes, nanoseconds or a count; `None` is unlimited. Shares are taken of this machine's memory.
    #[must_use]
    pub fn limit(&self, key: LimitKey) -> Option<u64> {
        self.policy.limits.resolve(key, host_memory())
    }

    /// A limit that is a time (`deadline`, `cpu-time`, `compile-time`); `None` is unlimited, as is any limit that is not a time.
    #[must_use]
    pub fn time(&self, key: LimitKey) -> Option<Duration> {
        self.limit(key).filter(|_| key.unit() == Unit::Time).map(Duration::from_nanos)
    }

    /// All of the policy: proposals, pinned modules, clocks, what happens on a denial.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

/// This machine's memory in bytes, or 0 where it cannot be read; limits of control groups are not looked at.
pub(crate) fn host_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or("");
    line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0).saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grants_of_a_policy_become_plain_values() {
        let text = "version: 1\nlimits: { memory: unlimited, deadline: 250ms }\ngrants:\n  filesystem:\n    - { host: /srv/a, guest: /a, access: read-only }\n    - { host: /srv/b, guest: /b, access: read-write }\n    - { guest: /tmp, access: scratch }\n  network:\n    - connect: \"127.0.0.1:80\"\n    - listen: \"127.0.0.1:81\"\n  environment: { A: b }\n  arguments: [\"--x\"]\n  stdin: inherit\n";
        let policy = Policy::parse("t", text).unwrap();
        let terms = Terms::of(&Job { policy, nonce: "0a".into(), stdin: b"in".to_vec(), ..Job::default() });
        let directory = |host: Option<&str>, guest: &str, writable| Directory {
            host: host.map(PathBuf::from),
            guest: guest.to_owned(),
            writable,
        };
        let expected = [
            directory(Some("/srv/a"), "/a", false),
            directory(Some("/srv/b"), "/b", true),
            directory(None, "/tmp", true),
        ];
        assert_eq!(terms.directories, expected);
        assert_eq!((terms.arguments.as_slice(), terms.number), (&["guest", "0a", "--x"].map(str::to_owned)[..], 10));
        assert_eq!(terms.variables, [("A".to_owned(), "b".to_owned())]);
        assert_eq!(terms.addresses, ["127.0.0.1:80"]);
        assert_eq!(terms.stdin.as_deref(), Some(&b"in"[..]));
        assert_eq!(terms.limit(LimitKey::Memory), None);
        assert_eq!(terms.time(LimitKey::Deadline), Some(Duration::from_millis(250)));
        assert_eq!(terms.time(LimitKey::Fuel), None);
    }

    #[test]
    fn a_share_of_memory_is_taken_of_this_machine() {
        let policy = Policy::parse("t", "version: 1\nlimits: { memory: 50% }\n").unwrap();
        let half = Terms::of(&Job { policy, ..Job::default() }).limit(LimitKey::Memory).unwrap();
        assert!(half > 0 && half == host_memory() / 2);
    }
}
