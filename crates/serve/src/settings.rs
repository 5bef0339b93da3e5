//! What an operator sets, with defaults for a person at a laptop.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use gauntlet_policy::Policy;

use crate::store::Location;

/// How the service runs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Where it listens. Default: `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// The directory of its database, its audit log, compiled code and the files of runs.
    pub data: PathBuf,
    /// Where keys and usage are. Default: a file in `data`.
    pub store: Location,
    /// The policy that every run is held to, and that requests can only tighten.
    pub policy: Policy,
    /// The executable that workers are started from. Default: this one.
    pub worker: Option<PathBuf>,
    /// What one client may send and start.
    pub limits: Limits,
    /// Addresses of proxies whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpAddr>,
    /// Origins whose pages may call. Default: none.
    pub origins: Vec<String>,
    /// Whether code is written to a log of its own. Default: no.
    pub log_code: bool,
    /// Whether every line of the audit log is synced to the disk before the run goes on. Default: no, each second.
    pub sync_audit: bool,
    /// How long runs may go on after the service was told to end. Default: 30 s.
    pub drain: Duration,
}

/// What one client, and all of them together, may send and start.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of code. Default: 256 KiB.
    pub code: usize,
    /// Bytes of a request's body. Default: 2 MiB.
    pub request: usize,
    /// Files of one request. Default: 64.
    pub files: usize,
    /// Requests a minute of one key, where its tenant has no rate of its own. Default: 120.
    pub key_rate: u32,
    /// Requests a minute from one address. Default: 600.
    pub address_rate: u32,
    /// Wrong keys a minute from one address. Default: 10.
    pub wrong_keys: u32,
    /// Runs of one tenant at once, those that wait included, where it has no number of its own. Default: 8.
    pub concurrent: usize,
    /// Runs at once in all. Default: one for each core.
    pub lanes: usize,
    /// Runs that wait, of all tenants together. Default: 64.
    pub waiting: usize,
    /// How long a run may wait. Default: 10 s.
    pub patience: Duration,
    /// Connections at once. Default: 4096.
    pub connections: usize,
    /// Connections at once from one address, of IPv6 from one /64; those of the operator's proxies are not counted. Default: 2048.
    pub connections_each: usize,
    /// How long a request's head may take to arrive. Default: 10 s.
    pub head_time: Duration,
    /// How long a request's body may take to arrive. Default: 20 s.
    pub body_time: Duration,
    /// How long a connection may live. Default: 10 minutes.
    pub connection_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            code: 256 << 10,
            request: 2 << 20,
            files: 64,
            key_rate: 120,
            address_rate: 600,
            wrong_keys: 10,
            concurrent: 8,
            lanes: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            waiting: 64,
            patience: Duration::from_secs(10),
            connections: 4096,
            connections_each: 2048,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(20),
            connection_time: Duration::from_secs(600),
        }
    }
}

impl Settings {
    /// Settings with everything but the directory and the policy at its default.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>, policy: Policy) -> Self {
        let data = data.into();
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            store: Location::File(data.join("serve.db")),
            data,
            policy,
            worker: None,
            limits: Limits::default(),
            proxies: Vec::new(),
            origins: Vec::new(),
            log_code: false,
            sync_audit: false,
            drain: Duration::from_secs(30),
        }
    }
}
