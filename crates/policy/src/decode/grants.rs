//! The grants of a policy.

use gauntlet_record::Unit;

use crate::document::{Node, Spanned, Value};
use crate::keys;
use crate::model::{Access, FileGrant, NetworkGrant, Policy, Random, Scope, Variable};
use crate::quantity::Nanos;
use crate::reader::Reader;

impl Reader {
    pub(super) fn grants(&mut self, node: &Node, policy: &mut Policy) {
        for entry in self.keyed("grants", node, keys::GRANTS) {
            let value = &entry.value;
            policy.sections.push((format!("grants.{}", entry.key.value), entry.key.span));
            let grants = &mut policy.grants;
            match entry.key.value.as_str() {
                "filesystem" => {
                    grants.filesystem = self
                        .items("grants.filesystem", value)
                        .iter()
                        .filter_map(|item| self.file_grant(item))
                        .collect();
                }
                "network" => {
                    grants.network = self
                        .items("grants.network", value)
                        .iter()
                        .filter_map(|item| self.network_grant(item))
                        .collect();
                }
                "environment" => {
                    if let Value::Mapping(entries) = &value.value {
                        grants.environment = entries
                            .iter()
                            .filter_map(|entry| {
                                self.variable(&entry.key);
                                let value = self.passed("grants.environment", &entry.value)?;
                                Some(Variable { name: entry.key.clone(), value })
                            })
                            .collect();
                    } else {
                        self.wrong(value, "`grants.environment` has to be a mapping of names to values");
                    }
                }
                "arguments" => {
                    let items = self.items("grants.arguments", value);
                    grants.arguments = items.iter().filter_map(|item| self.passed("grants.arguments", item)).collect();
                }
                "stdin" => grants.stdin = self.choice("grants.stdin", value).unwrap_or_default(),
                "clock" => {
                    for entry in self.keyed("grants.clock", value, keys::CLOCK) {
                        grants.clock_resolution = self
                            .quantity("grants.clock.resolution", &entry.value, Unit::Time)
                            .map(|number| Spanned { value: Nanos::new(number.value), span: number.span });
                    }
                }
                _ if matches!(value.value, Value::Mapping(_)) => {
                    let faults = self.faults.len();
                    let grants = &mut policy.grants;
                    for entry in self.keyed("grants.random", value, keys::RANDOM) {
                        grants.random = Spanned { value: Random::Seeded, span: value.span };
                        grants.random_seed = self.quantity("grants.random.seed", &entry.value, Unit::Count);
                    }
                    if value.get("seed").is_none() {
                        self.missing(
                            faults,
                            "`grants.random` without `seed`",
                            "Write `random: { seed: 1 }`.",
                            value.span,
                        );
                    }
                }
                _ => grants.random = self.choice("grants.random", value).unwrap_or_default(),
            }
        }
    }

    /// A text that the guest gets as it is. It ends at a NUL for most guests.
    fn passed(&mut self, what: &str, node: &Node) -> Option<Spanned<String>> {
        let text = self.text(what, node)?;
        if text.value.contains('\0') {
            let fix = "Remove it: most guests read the text only up to there.";
            self.fault("nul-character", format!("a NUL in `{what}`"), fix, text.span);
        }
        Some(text)
    }

    /// Checks the name of a variable.
    fn variable(&mut self, name: &Spanned<String>) {
        if name.value.is_empty() || name.value.contains(['=', '\0']) {
            let message = "the name of a variable is empty, or holds `=` or a NUL";
            self.fault("not-a-name", message, "Write the name alone, and the value behind the colon.", name.span);
        }
    }

    fn file_grant(&mut self, node: &Node) -> Option<FileGrant> {
        let (mut host, mut guest, mut access, mut reason) = (None, None, None, None);
        let faults = self.faults.len();
        for entry in self.keyed("grants.filesystem", node, keys::FILE_GRANT) {
            match entry.key.value.as_str() {
                "host" => host = Some(self.path("host", &entry.value)),
                "guest" => guest = Some(self.path("guest", &entry.value)),
                "access" => access = Some(self.choice("access", &entry.value)),
                _ => reason = self.text("reason", &entry.value),
            }
        }
        let Some(access) = access else {
            let fix = "Add `access: read-only`.";
            self.missing(faults, "a file grant without `access`", fix, node.span);
            return None;
        };
        // A key that is there with a value that is none is told already.
        let access: Spanned<Access> = access?;
        if access.value == Access::Scratch {
            if let Some(host) = &host {
                let fix = "Remove it: scratch is made for the run.";
                let at = host.as_ref().map_or(node.span, |host| host.span);
                self.fault("unknown-key", "a scratch grant has no `host`", fix, at);
            }
            let Some(guest) = guest else {
                self.missing(faults, "a scratch grant without `guest`", "Add `guest: /tmp`.", node.span);
                return None;
            };
            return Some(FileGrant {
                host: Spanned::default(),
                guest: guest?,
                guest_named: true,
                access,
                reason,
                span: node.span,
            });
        }
        let Some(host) = host else {
            self.missing(faults, "a file grant without `host`", "Add the host's directory.", node.span);
            return None;
        };
        let host = host?;
        let guest_named = guest.is_some();
        let guest = guest.unwrap_or_else(|| Some(host.clone()))?;
        Some(FileGrant { host, guest, guest_named, access, reason, span: node.span })
    }

    fn network_grant(&mut self, node: &Node) -> Option<NetworkGrant> {
        let (mut grant, mut reason) = (None, None);
        let faults = self.faults.len();
        for entry in self.keyed("grants.network", node, keys::NETWORK_GRANT) {
            let scope = match entry.key.value.as_str() {
                "connect" => Scope::Connect,
                "listen" => Scope::Listen,
                "resolve" => Scope::Resolve,
                _ => {
                    reason = self.text("reason", &entry.value);
                    continue;
                }
            };
            if grant.is_some() {
                self.fault("duplicate-key", "one entry grants two things", "Write one entry for each.", entry.key.span);
            }
            grant = Some((scope, self.text(scope.as_str(), &entry.value)));
        }
        let Some((scope, address)) = grant else {
            let message = "a network grant without `connect`, `listen` or `resolve`";
            self.missing(faults, message, "Name what is granted.", node.span);
            return None;
        };
        let address = address?;
        Some(NetworkGrant { scope, address, reason, span: node.span })
    }
}
