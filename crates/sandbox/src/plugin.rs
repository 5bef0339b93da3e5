//! A plugin: a guest with its manifest, checked against the policy before its first call, and replaced with a report.

use std::fmt;

use gauntlet_inspect::{Change, Compatibility, Interface};
use gauntlet_target::Outcome;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{CallError, SandboxError};
use crate::explain::Explanation;
use crate::guest::Guest;
use crate::manifest::{Manifest, Missing};
use crate::sandbox::{Report, Sandbox};
use crate::session::Session;

/// A plugin that cannot be loaded, or a new version that cannot take its place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// It asks for more than the policy grants.
    #[error("the plugin `{id}` asks for more than the policy grants: {}", join(.missing))]
    NotGranted {
        /// The plugin.
        id: String,
        /// Each thing that is missing.
        missing: Vec<Missing>,
    },
    /// The guest is not what the manifest says.
    #[error("the plugin `{id}` is not what its manifest says: {}", .unmet.join("; "))]
    Unmet {
        /// The plugin.
        id: String,
        /// Each entry point that is missing or has other types.
        unmet: Vec<String>,
    },
    /// Something stands against running the guest under the policy.
    #[error("the plugin `{id}` cannot run under the policy: {}", join(.objections))]
    Objections {
        /// The plugin.
        id: String,
        /// Each objection.
        objections: Vec<Explanation>,
    },
    /// The new version would break its callers.
    #[error("the new version of `{id}` would break its callers: {report}")]
    Incompatible {
        /// The plugin.
        id: String,
        /// What changed.
        report: Box<Compatibility>,
    },
    /// The manifest names no entry point of this name.
    #[error("the plugin `{id}` has no entry point `{name}`; it has {}", if .known.is_empty() { "none".to_owned() } else { .known.join(", ") })]
    NoEntryPoint {
        /// The plugin.
        id: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

fn join<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Adds to a report what two manifests ask for and offer differently.
fn manifests(report: &mut Compatibility, old: &Manifest, new: &Manifest) {
    let permissions = |manifest: &Manifest| {
        manifest.permissions.iter().map(|permission| (permission.to_string(), String::new())).collect()
    };
    report.add("permission", &permissions(old), &permissions(new), |change| change == Change::Added);
    let limits = |manifest: &Manifest| {
        manifest.limits.iter().map(|(key, value)| (key.to_string(), key.unit().show(*value))).collect()
    };
    report.add("limit", &limits(old), &limits(new), |change| change != Change::Removed);
    let entries = |manifest: &Manifest| {
        let kind = |entry: &crate::manifest::EntryPoint| {
            format!("({}) -> ({})", entry.parameters.join(", "), entry.returns.join(", "))
        };
        manifest.entry_points.iter().map(|entry| (entry.name.clone(), kind(entry))).collect()
    };
    report.add("entry-point", &entries(old), &entries(new), |change| change != Change::Added);
}

/// A guest with its manifest, within a sandbox.
#[derive(Debug, Clone)]
pub struct Plugin {
    sandbox: Sandbox,
    manifest: Manifest,
    guest: Guest,
    interface: Interface,
}

impl Plugin {
    /// Loads a plugin: what it asks for is compared with the policy, its exports with its manifest, its imports with what is linked.
    /// Nothing of it runs.
    ///
    /// # Errors
    ///
    /// Everything that is missing, at once.
    pub fn load(sandbox: &Sandbox, manifest: Manifest, guest: Guest) -> Result<Self, PluginError> {
        let missing = manifest.missing(sandbox.policy());
        if !missing.is_empty() {
            return Err(PluginError::NotGranted { id: manifest.id, missing });
        }
        let seen = sandbox.verify(&guest);
        if !seen.is_sound() {
            return Err(PluginError::Objections { id: manifest.id, objections: seen.objections });
        }
        let unmet = manifest.unmet(&seen.interface);
        if !unmet.is_empty() {
            return Err(PluginError::Unmet { id: manifest.id, unmet });
        }
        Ok(Self { sandbox: sandbox.clone(), manifest, guest, interface: seen.interface })
    }

    /// What it says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its bytes.
    #[must_use]
    pub fn guest(&self) -> &Guest {
        &self.guest
    }

    /// What it imports and exports.
    #[must_use]
    pub fn interface(&self) -> &Interface {
        &self.interface
    }

    fn entry(&self, name: &str) -> Result<&str, PluginError> {
        self.manifest.entry_point(name).map(|entry| entry.name.as_str()).ok_or_else(|| PluginError::NoEntryPoint {
            id: self.manifest.id.clone(),
            name: name.to_owned(),
            known: self.manifest.entry_points.iter().map(|entry| entry.name.clone()).collect(),
        })
    }

    /// Calls one of its entry points, in an instance of its own.
    ///
    /// # Errors
    ///
    /// If the manifest names no such entry point, or as [`Sandbox::call`].
    pub fn call<A, R>(&self, entry: &str, arguments: A) -> Result<R, PluginError>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        Ok(self.sandbox.call(&self.guest, self.entry(entry)?, arguments)?)
    }

    /// Calls one of its entry points and gives its result with everything that was seen of the run.
    ///
    /// # Errors
    ///
    /// As [`Plugin::call`].
    pub fn call_reported<A, R>(&self, entry: &str, arguments: A) -> Result<Report<R>, PluginError>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        Ok(self.sandbox.call_reported(&self.guest, self.entry(entry)?, arguments)?)
    }

    /// The same as a future.
    ///
    /// # Errors
    ///
    /// As [`Plugin::call`].
    pub async fn call_async<A, R>(&self, entry: &str, arguments: A) -> Result<R, PluginError>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        Ok(self.sandbox.call_async(&self.guest, self.entry(entry)?, arguments).await?)
    }

    /// Runs its command, if it is one.
    ///
    /// # Errors
    ///
    /// If the guest could not be run at all.
    pub fn run(&self) -> Result<Outcome, SandboxError> {
        self.sandbox.run(&self.guest)
    }

    /// Keeps an instance for many calls.
    ///
    /// # Errors
    ///
    /// As [`Sandbox::session`].
    pub fn session(&self) -> Result<Session, CallError> {
        self.sandbox.session(&self.guest)
    }

    /// What would change if another version took its place.
    #[must_use]
    pub fn compare(&self, manifest: &Manifest, guest: &Guest) -> Compatibility {
        let mut report = Compatibility::of_interfaces(&self.interface, &Interface::of(guest.bytes()));
        manifests(&mut report, &self.manifest, manifest);
        report
    }

    /// Replaces the plugin by another version, if that breaks nobody. Calls that are under way end with the version they began with;
    /// sessions keep theirs.
    ///
    /// # Errors
    ///
    /// If the new version breaks its callers or cannot be loaded: the old one stays.
    pub fn reload(&mut self, manifest: Manifest, guest: Guest) -> Result<Compatibility, PluginError> {
        let report = self.compare(&manifest, &guest);
        if report.is_breaking() {
            return Err(PluginError::Incompatible { id: self.manifest.id.clone(), report: Box::new(report) });
        }
        *self = Self::load(&self.sandbox, manifest, guest)?;
        Ok(report)
    }

    /// Replaces the plugin by another version, whatever breaks: the embedder has read the report.
    ///
    /// # Errors
    ///
    /// If the new version cannot be loaded: the old one stays.
    pub fn replace(&mut self, manifest: Manifest, guest: Guest) -> Result<Compatibility, PluginError> {
        let report = self.compare(&manifest, &guest);
        *self = Self::load(&self.sandbox, manifest, guest)?;
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Placement;

    const MANIFEST: &str = "id: a.b\nversion: 1.0.0\nentry-points: [ { name: f, parameters: [i32], returns: i32 } ]\n";

    fn guest(text: &str) -> Guest {
        Guest::new(wat::parse_str(text).unwrap())
    }

    fn one() -> Guest {
        guest(r#"(module (func (export "f") (param i32) (result i32) (i32.const 1)) (func (export "hidden")))"#)
    }

    fn plugin() -> Plugin {
        let sandbox = Sandbox::builder().placement(Placement::Inline).build().unwrap();
        Plugin::load(&sandbox, Manifest::parse("t", MANIFEST).unwrap(), one()).unwrap()
    }

    #[test]
    fn only_entry_points_can_be_called() {
        let plugin = plugin();
        assert_eq!(plugin.call::<_, i32>("f", (7,)).unwrap(), 1);
        assert!(matches!(plugin.call::<_, ()>("hidden", ()), Err(PluginError::NoEntryPoint { .. })));
    }

    #[test]
    fn what_is_not_granted_or_not_there_is_refused_at_load() {
        let sandbox = Sandbox::builder().placement(Placement::Inline).build().unwrap();
        let asks = Manifest::parse("t", &format!("{MANIFEST}permissions: [ stdin, {{ read: /data }} ]\n")).unwrap();
        let error = Plugin::load(&sandbox, asks, one()).unwrap_err();
        assert!(matches!(&error, PluginError::NotGranted { missing, .. } if missing.len() == 2), "{error}");
        let other = guest("(module)");
        let error = Plugin::load(&sandbox, Manifest::parse("t", MANIFEST).unwrap(), other).unwrap_err();
        assert!(matches!(error, PluginError::Unmet { .. }), "{error}");
        let imports =
            guest(r#"(module (import "env" "x" (func)) (func (export "f") (param i32) (result i32) (i32.const 1)))"#);
        let error = Plugin::load(&sandbox, Manifest::parse("t", MANIFEST).unwrap(), imports).unwrap_err();
        assert!(matches!(error, PluginError::Objections { .. }), "{error}");
    }

    #[test]
    fn a_version_that_breaks_nobody_takes_the_old_ones_place() {
        let mut plugin = plugin();
        let two = guest(
            r#"(module (func (export "f") (param i32) (result i32) (i32.const 2)) (func (export "hidden")) (func (export "more")))"#,
        );
        let report = plugin.reload(Manifest::parse("t", MANIFEST).unwrap(), two).unwrap();
        assert_eq!(report.to_string(), "export `more` added");
        assert_eq!(plugin.call::<_, i32>("f", (7,)).unwrap(), 2);
    }

    #[test]
    fn a_version_that_breaks_is_refused_with_the_report_and_the_old_one_stays() {
        let mut plugin = plugin();
        let wider = MANIFEST.replace("[i32]", "[i64]") + "permissions: [ stdin ]\n";
        let other = guest(
            r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32))) (func (export "f") (param i64) (result i32) (i32.const 3)))"#,
        );
        let error = plugin.reload(Manifest::parse("t", &wider).unwrap(), other).unwrap_err();
        let PluginError::Incompatible { report, .. } = error else { panic!("incompatible") };
        let said = report.to_string();
        for part in [
            "import `wasi_snapshot_preview1::proc_exit` added (breaking)",
            "export `f` changed (breaking)",
            "export `hidden` removed (breaking)",
            "permission `stdin` added (breaking)",
            "entry-point `f` changed (breaking)",
        ] {
            assert!(said.contains(part), "{part} in {said}");
        }
        assert_eq!(plugin.call::<_, i32>("f", (7,)).unwrap(), 1);
    }
}
