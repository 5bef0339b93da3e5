//! What a path names, by its text alone. The linter asks no file system: a policy is reviewed on another machine than it runs on.

use gauntlet_policy::{Access, FileGrant, Policy, Span};

/// A path with `.` and `..` resolved by name, `\` read as `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clean {
    /// It starts at a root.
    pub(crate) absolute: bool,
    /// Its names from there.
    pub(crate) parts: Vec<String>,
}

impl Clean {
    pub(crate) fn of(path: &str) -> Self {
        let path = path.replace('\\', "/");
        let drive = path.as_bytes().get(1) == Some(&b':') && path.as_bytes()[0].is_ascii_alphabetic();
        let path = if drive { &path[2..] } else { &path };
        let absolute = drive || path.starts_with('/');
        let mut parts: Vec<String> = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." if parts.last().is_some_and(|last| last != "..") => {
                    parts.pop();
                }
                ".." if absolute => {}
                part => parts.push(part.to_owned()),
            }
        }
        Self { absolute, parts }
    }

    /// Whether it is the root itself.
    pub(crate) fn is_root(&self) -> bool {
        self.absolute && self.parts.is_empty()
    }

    /// Whether this is `other` or lies below it.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.absolute == other.absolute && self.parts.starts_with(&other.parts)
    }

    /// Whether this lies below `other` and is not it.
    pub(crate) fn is_below(&self, other: &Self) -> bool {
        self.is_within(other) && self.parts.len() > other.parts.len()
    }

    /// Whether it is one of some absolute paths or lies below one.
    pub(crate) fn is_within_any(&self, roots: &[&str]) -> bool {
        self.absolute && roots.iter().any(|root| starts_with(&self.parts, root))
    }

    /// Whether one of its names is one of these.
    pub(crate) fn names_any(&self, names: &[&str]) -> bool {
        self.parts.iter().any(|part| names.contains(&part.as_str()))
    }
}

/// Whether names begin with those of an absolute path.
fn starts_with(names: &[String], root: &str) -> bool {
    let mut names = names.iter();
    root.split('/').filter(|part| !part.is_empty()).all(|part| names.next().is_some_and(|name| name == part))
}

/// A file grant that has a directory of the host, with its paths made comparable.
pub(crate) struct Mount<'p> {
    /// The grant.
    pub(crate) grant: &'p FileGrant,
    /// The host's directory.
    pub(crate) host: Clean,
}

impl<'p> Mount<'p> {
    /// The mounts of a policy, scratch left out.
    pub(crate) fn all(policy: &'p Policy) -> Vec<Self> {
        let grants = policy.grants.filesystem.iter().filter(|grant| !grant.host.value.is_empty());
        grants.map(|grant| Self { grant, host: Clean::of(&grant.host.value) }).collect()
    }

    /// The host's path as it was written.
    pub(crate) fn path(&self) -> &'p str {
        &self.grant.host.value
    }

    /// Where that stands.
    pub(crate) const fn at(&self) -> &'p Span {
        &self.grant.host.span
    }

    /// Whether the guest may write there.
    pub(crate) fn is_writable(&self) -> bool {
        self.grant.access.value == Access::ReadWrite
    }
}

/// Whether any grant lets the guest write to a disk.
pub(crate) fn has_writable_grant(policy: &Policy) -> bool {
    policy.grants.filesystem.iter().any(|grant| grant.access.value != Access::ReadOnly)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_by_name() {
        assert!(Clean::of("/a/../").absolute && Clean::of("/a/../").parts.is_empty());
        assert_eq!(Clean::of("/../etc//./x").parts, ["etc", "x"]);
        assert_eq!(Clean::of("../x").parts, ["..", "x"]);
        assert_eq!(Clean::of("C:\\Users\\me").parts, ["Users", "me"]);
        assert!(Clean::of("C:\\").absolute);
        assert!(Clean::of("/srv/data").is_below(&Clean::of("/srv/")));
        assert!(!Clean::of("/srv-2").is_within(&Clean::of("/srv")));
        assert!(!Clean::of("srv").is_within(&Clean::of("/")));
    }
}
