//! The world of one run: a fresh private directory with fixture folders, canaries where a guest has no business, listeners, and a map
//! from what a policy grants to what stands for it here. Nothing of the host outside this directory is ever mounted, or even looked at.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Component, Path, PathBuf};

use gauntlet_policy::{Access, FileGrant, NetworkGrant, Policy, Scope};
use rustix::io::FdFlags;

use crate::canary::Canary;
use crate::listeners::{GRANTED_HOST, Listeners};
use crate::trial::FixtureCounts;

/// What an overlay writes for the canary: in the value of a variable or in an argument.
const CANARY_TOKEN: &str = "$CANARY";
/// What an overlay writes for the host of the watched listener.
const WATCHED_TOKEN: &str = "listener";
/// What an overlay writes for the host of the listener that may be reached.
const GRANTED_TOKEN: &str = "granted";

/// Files that hold the canary. A guest has no business with them, whatever the policy grants.
const SECRETS: &[&str] = &[
    "outside/secret.txt",
    "etc/hostname",
    "etc/passwd",
    "home/user/.ssh/id_ed25519",
    "root/.ssh/id_ed25519",
    "control/result.json",
    "control/policy.yaml",
    "proc/self/environ",
    "sys/kernel/notes",
    "dev/shm/notes",
    "work/.git/config",
    "work/.env",
];

/// Folders that never become writable, even when a grant of the policy's holds them.
const GUARDED: &[&str] =
    &["outside", "planted", "readonly", "etc", "control", "proc", "sys", "dev", "work/.git", "work/.env"];

/// The world of one run.
pub(crate) struct World {
    /// Its root: what stands for `/` of the host.
    pub(crate) root: PathBuf,
    /// The canary's word.
    pub(crate) word: String,
    /// What is looked for.
    pub(crate) canary: Canary,
    /// The listeners.
    pub(crate) listeners: Listeners,
    /// A descriptor on a secret that a started program inherits unless somebody closes it.
    _open: OwnedFd,
    /// The other end of the planted FIFO, with the canary waiting in it, and the planted socket.
    _planted: (File, Option<UnixListener>),
}

impl World {
    /// Builds the fixture under a private directory. The root's own name holds the canary, so that a path that reaches a guest shows.
    pub(crate) fn build(directory: &Path, word: &str) -> io::Result<Self> {
        let root = directory.join(format!("w-{word}"));
        make_dir(&root)?;
        for folder in ["granted/sub", "readonly/sub", "planted", "work", "home/user"] {
            make_dirs(&root, folder)?;
        }
        for file in ["granted/input.txt", "readonly/input.txt", "planted/file.txt"] {
            make_file(&root, file, "benign input\n")?;
        }
        for file in SECRETS {
            make_file(&root, file, &secret(file, word))?;
        }
        std::os::unix::fs::symlink("../outside", root.join("planted/lnk"))?;
        let planted = plant(&root.join("planted"), word)?;
        let open: OwnedFd = File::open(root.join("outside/secret.txt"))?.into();
        rustix::io::fcntl_setfd(&open, FdFlags::empty())?;
        Ok(Self {
            root,
            word: word.to_owned(),
            canary: Canary::new(word),
            listeners: Listeners::open()?,
            _open: open,
            _planted: planted,
        })
    }

    /// The number that names the watched port in its last four digits.
    pub(crate) fn nonce(&self, stem: &str) -> String {
        format!("{stem:0>12.12}{:04x}", self.listeners.port)
    }

    /// The policy with every grant mapped into this world. The first `counts` grants of each kind are fixtures that an attack or its
    /// control asks for; the others are the user's and are only imitated.
    pub(crate) fn map(&self, policy: &Policy, counts: FixtureCounts) -> io::Result<Policy> {
        let mut policy = policy.clone();
        for (index, grant) in policy.grants.filesystem.iter_mut().enumerate() {
            if grant.access.value != Access::Scratch {
                let host = if index < counts.filesystem {
                    fixture_path(&grant.host.value)
                } else {
                    user_path(&grant.host.value)
                };
                make_dirs(&self.root, &host)?;
                grant.host.value = self.root.join(host).to_string_lossy().into_owned();
            }
        }
        for (index, grant) in policy.grants.network.iter_mut().enumerate() {
            grant.address.value =
                if index < counts.network { self.fixture_address(grant) } else { self.user_address(grant) };
        }
        for (index, variable) in policy.grants.environment.iter_mut().enumerate() {
            variable.value.value = if index < counts.environment {
                variable.value.value.replace(CANARY_TOKEN, &self.word)
            } else {
                format!("granted-{}", variable.name.value)
            };
        }
        for (index, argument) in policy.grants.arguments.iter_mut().enumerate() {
            argument.value = if index < counts.arguments {
                argument.value.replace(CANARY_TOKEN, &self.word)
            } else {
                format!("granted-argument-{index}")
            };
        }
        // Trials do not write to the user's own log.
        policy.audit.log = None;
        Ok(policy)
    }

    fn fixture_address(&self, grant: &NetworkGrant) -> String {
        match grant.address.value.as_str() {
            WATCHED_TOKEN => format!("127.0.0.1:{}", self.listeners.port),
            GRANTED_TOKEN => format!("{GRANTED_HOST}:{}", self.listeners.granted),
            other => other.to_owned(),
        }
    }

    /// An address of the same shape: wildcards stay, loopback stays loopback, every other host becomes one that is not watched.
    fn user_address(&self, grant: &NetworkGrant) -> String {
        let address = grant.address.value.trim();
        if address == "*" || address.is_empty() {
            return address.to_owned();
        }
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && (!host.contains(':') || host.ends_with(']')) => {
                (host, Some(port))
            }
            _ => (address, None),
        };
        let local =
            matches!(host, "localhost" | "0.0.0.0" | "[::1]" | "::1" | "[::]" | "::") || host.starts_with("127.");
        let stands_for = match (host, grant.scope) {
            ("*", _) => "*".to_owned(),
            (_, Scope::Resolve) => "localhost".to_owned(),
            _ if local => "127.0.0.1".to_owned(),
            _ => GRANTED_HOST.to_string(),
        };
        match (port, grant.scope) {
            (None, _) => stands_for,
            (Some("*"), _) => format!("{stands_for}:*"),
            // A real port would be somebody's.
            (Some(_), Scope::Listen) => format!("{stands_for}:0"),
            (Some(_), Scope::Connect | Scope::Resolve) => format!("{stands_for}:{}", self.listeners.granted),
        }
    }
}

/// Which parts of a world may change in a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Regions {
    /// Path, what a change there means, and which of two rules for one path wins.
    rules: Vec<(PathBuf, Place, u8)>,
}

/// What a change at a place means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Under a writable grant: it may change.
    Writable,
    /// Under a read-only grant.
    ReadOnly,
    /// Outside every grant.
    Outside,
}

impl Regions {
    /// From the attack's own fixtures and the user's grants. What a live control opens besides does not move the border: there the
    /// attack has to be seen crossing it.
    pub(crate) fn new(fixtures: &[FileGrant], users: &[FileGrant]) -> Self {
        let mut rules: Vec<(PathBuf, Place, u8)> =
            GUARDED.iter().map(|path| (PathBuf::from(path), Place::Outside, 1)).collect();
        for home in ["root", "home/user"] {
            rules.push((Path::new(home).join(".ssh"), Place::Outside, 1));
        }
        let place = |access| match access {
            Access::ReadOnly => Place::ReadOnly,
            Access::ReadWrite | Access::Scratch => Place::Writable,
        };
        for grant in fixtures.iter().filter(|grant| grant.access.value != Access::Scratch) {
            rules.push((fixture_path(&grant.host.value), place(grant.access.value), 3));
        }
        for grant in users.iter().filter(|grant| grant.access.value != Access::Scratch) {
            let place = place(grant.access.value);
            rules.push((user_path(&grant.host.value), place, if place == Place::ReadOnly { 2 } else { 0 }));
        }
        Self { rules }
    }

    /// What a change at a path below the root means: the longest rule decides.
    pub(crate) fn place(&self, path: &Path) -> Place {
        let applying = self.rules.iter().filter(|(root, ..)| path.starts_with(root));
        applying
            .max_by_key(|(root, _, rank)| (root.components().count(), *rank))
            .map_or(Place::Outside, |(_, place, _)| *place)
    }
}

/// A fixture's path below the root: `.` is the root, and nothing leads out of it.
fn fixture_path(host: &str) -> PathBuf {
    clean(Path::new(""), host)
}

/// What stands for a directory of the user's: an absolute path lies below the root, a relative one below `work`, which stands for the
/// directory that the policy is used from.
fn user_path(host: &str) -> PathBuf {
    for home in ["~", "$HOME", "${HOME}"] {
        if let Some(rest) = host.strip_prefix(home)
            && (rest.is_empty() || rest.starts_with('/'))
        {
            return clean(Path::new("home/user"), rest.trim_start_matches('/'));
        }
    }
    if host.starts_with('/') { clean(Path::new(""), host) } else { clean(Path::new("work"), host) }
}

/// Joins by text: no link is followed, and `..` stops at the root.
fn clean(base: &Path, path: &str) -> PathBuf {
    let mut cleaned = base.to_path_buf();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => cleaned.push(name),
            Component::ParentDir => {
                cleaned.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    cleaned
}

/// What a secret file holds: its own kind of text, with the canary in it.
fn secret(file: &str, word: &str) -> String {
    match file {
        "etc/passwd" => format!("root:x:0:0:{word}:/root:/bin/sh\n"),
        "control/result.json" => format!("{{\"verdict\":\"pending\",\"token\":\"{word}\"}}\n"),
        "control/policy.yaml" => format!("version: 1 # {word}\n"),
        "work/.env" | "proc/self/environ" => format!("TOKEN={word}\n"),
        _ => format!("{word}\n"),
    }
}

/// Plants what is no file: a FIFO that the canary comes out of, one that nobody writes to, and a socket. The same for every user.
fn plant(folder: &Path, word: &str) -> io::Result<(File, Option<UnixListener>)> {
    for name in ["pipe", "mute"] {
        let path = folder.join(name);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU, 0)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666))?;
    }
    // Opened both ways, so that opening waits for nobody, and held, so that the canary stays in it.
    let mut pipe = File::options().read(true).write(true).open(folder.join("pipe"))?;
    pipe.write_all(secret("pipe", word).as_bytes())?;
    // A socket's address has room for some hundred bytes: in a folder with a longer path there is none.
    Ok((pipe, UnixListener::bind(folder.join("socket")).ok()))
}

/// Everything below the trial's private directory is open to every user, so that what stops a guest is the sandbox under test and not
/// who happens to own a file.
fn make_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o777).create(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o777))
}

fn make_dirs(root: &Path, below: impl AsRef<Path>) -> io::Result<()> {
    let mut path = root.to_path_buf();
    for component in below.as_ref().components() {
        path.push(component);
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_dir() => {}
            // A grant may name a single file: then it is that file.
            Ok(_) => return Ok(()),
            Err(_) => make_dir(&path)?,
        }
    }
    Ok(())
}

fn make_file(root: &Path, file: &str, text: &str) -> io::Result<()> {
    if let Some((folder, _)) = file.rsplit_once('/') {
        make_dirs(root, folder)?;
    }
    let path = root.join(file);
    fs::write(&path, text)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> Policy {
        Policy::parse("t", &format!("version: 1\n{text}")).unwrap()
    }

    fn hosts(text: &str, counts: FixtureCounts) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let world = World::build(dir.path(), &"ab".repeat(16)).unwrap();
        let mapped = world.map(&policy(text), counts).unwrap();
        let root = world.root.to_str().unwrap().to_owned();
        let hosts = mapped
            .grants
            .filesystem
            .iter()
            .map(|grant| grant.host.value.strip_prefix(&root).expect("inside").to_owned());
        hosts.inspect(|host| assert!(dir.path().join(format!("{root}{host}")).exists())).collect()
    }

    #[test]
    fn the_grants_of_a_user_are_imitated_and_never_mounted() {
        let text = "grants:\n  filesystem:\n    - { host: /, guest: /a, access: read-write }\n    - { host: /etc, guest: /b, access: read-only }\n    - { host: ., guest: /c, access: read-only }\n    - { host: ./data/in, guest: /d, access: read-only }\n    - { host: ../.., guest: /e, access: read-only }\n    - { host: ~/x, guest: /f, access: read-only }\n    - { host: /a/../../b, guest: /g, access: read-only }\n";
        let mapped = hosts(text, FixtureCounts::default());
        assert_eq!(mapped, ["/", "/etc", "/work", "/work/data/in", "/", "/home/user/x", "/b"]);
    }

    #[test]
    fn the_fixtures_of_an_attack_are_the_folders_of_the_world() {
        let text = "grants:\n  filesystem:\n    - { host: granted, guest: /a, access: read-write }\n    - { host: ., guest: /b, access: read-only }\n    - { host: ../../etc, guest: /c, access: read-only }\n";
        let counts = FixtureCounts { filesystem: 3, ..FixtureCounts::default() };
        assert_eq!(hosts(text, counts), ["/granted", "/", "/etc"]);
    }

    #[test]
    fn granted_addresses_keep_their_shape_and_lose_their_host() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::build(dir.path(), &"ab".repeat(16)).unwrap();
        let text = "grants:\n  network:\n    - connect: \"api.example.com:443\"\n    - connect: \"*\"\n    - connect: \"localhost:8080\"\n    - connect: \"example.com:*\"\n    - listen: \"0.0.0.0:80\"\n    - resolve: example.com\n    - connect: \"*:53\"\n";
        let mapped = world.map(&policy(text), FixtureCounts::default()).unwrap();
        let addresses: Vec<String> = mapped.grants.network.iter().map(|grant| grant.address.value.clone()).collect();
        let port = world.listeners.granted;
        let expected = [
            format!("127.0.0.2:{port}"),
            "*".to_owned(),
            format!("127.0.0.1:{port}"),
            "127.0.0.2:*".to_owned(),
            "127.0.0.1:0".to_owned(),
            "localhost".to_owned(),
            format!("*:{port}"),
        ];
        assert_eq!(addresses, expected);
    }

    #[test]
    fn values_of_variables_and_arguments_stay_with_the_user() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::build(dir.path(), &"ab".repeat(16)).unwrap();
        let text = "grants:\n  environment: { A: \"$CANARY\", KEY: hunter2 }\n  arguments: [\"--password=x\"]\naudit: { log: /var/log/x }\n";
        let mapped = world.map(&policy(text), FixtureCounts { environment: 1, ..FixtureCounts::default() }).unwrap();
        let values: Vec<&str> =
            mapped.grants.environment.iter().map(|variable| variable.value.value.as_str()).collect();
        assert_eq!(values, [world.word.as_str(), "granted-KEY"]);
        assert_eq!(mapped.grants.arguments[0].value, "granted-argument-0");
        assert_eq!(mapped.audit.log, None);
    }

    #[test]
    fn a_writable_grant_of_the_root_does_not_excuse_a_change_of_a_secret() {
        let user = policy("grants:\n  filesystem:\n    - { host: /, guest: /a, access: read-write }\n");
        let attack = policy(
            "grants:\n  filesystem:\n    - { host: granted, guest: /x, access: read-write }\n    - { host: readonly, guest: /y, access: read-only }\n",
        );
        let regions = Regions::new(&attack.grants.filesystem, &user.grants.filesystem);
        assert_eq!(regions.place(Path::new("outside/secret.txt")), Place::Outside);
        assert_eq!(regions.place(Path::new("home/user/.ssh/id_ed25519")), Place::Outside);
        assert_eq!(regions.place(Path::new("readonly/input.txt")), Place::ReadOnly);
        assert_eq!(regions.place(Path::new("granted/new")), Place::Writable);
        assert_eq!(regions.place(Path::new("anything")), Place::Writable);
        let closed = Regions::new(&attack.grants.filesystem, &[]);
        assert_eq!(closed.place(Path::new("anything")), Place::Outside);
        assert_eq!(closed.place(Path::new("")), Place::Outside);
    }

    #[test]
    fn the_nonce_ends_in_the_watched_port() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::build(dir.path(), &"ab".repeat(16)).unwrap();
        let nonce = world.nonce("0123456789ab");
        assert_eq!(nonce.len(), 16);
        assert_eq!(u16::from_str_radix(&nonce[12..], 16).unwrap(), world.listeners.port);
    }
}
