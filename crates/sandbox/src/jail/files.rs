//! Landlock: no file but those beneath the granted directories, no port but the granted ones.

use gauntlet_policy::{Access, Policy};
use gauntlet_record::{Confinement, Granted, LimitKey};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, NetPort, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};

use super::{Ground, confinement};
use crate::Protections;

/// The interface version that is asked for; older kernels grant a part of it.
const ABI_WANTED: ABI = ABI::V6;

/// Applies the rules to this process.
pub(crate) fn narrow(policy: &Policy, protections: &Protections, ground: &Ground) -> Confinement {
    match apply(policy, protections, ground) {
        Ok(RulesetStatus::FullyEnforced) => confinement("landlock", Granted::Full, "files, ports and scopes"),
        Ok(RulesetStatus::PartiallyEnforced) => {
            // Files are what the guest's grants are about: with all of them held, ports are held by the filter on system calls.
            let abi = crate::detect::landlock_abi();
            confinement("landlock", Granted::Partial, format!("ABI {abi}"))
        }
        Ok(RulesetStatus::NotEnforced) => confinement("landlock", Granted::None, "not enabled in this kernel"),
        Err(error) => confinement("landlock", Granted::None, error.to_string()),
    }
}

fn apply(policy: &Policy, protections: &Protections, ground: &Ground) -> Result<RulesetStatus, RulesetError> {
    let mut ruleset =
        Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(AccessFs::from_all(ABI_WANTED))?;
    // Every address is granted or the protection was lifted: there is no rule for "every port" but not to handle ports at all.
    let any = protections.lifted("network") || policy.grants.network.iter().any(|grant| grant.address.value == "*");
    if !any {
        let mut ports = AccessNet::from_all(ABI_WANTED);
        if protections.limit(LimitKey::Ports) != Some(0) {
            // How many ports of its own a guest binds is counted where it binds them; which ones, no policy says.
            ports.remove(AccessNet::BindTcp);
        }
        ruleset = ruleset.handle_access(ports)?;
    }
    let mut ruleset = ruleset.scope(Scope::from_all(ABI_WANTED))?.create()?;
    for grant in &policy.grants.filesystem {
        let read_only = grant.access.value == Access::ReadOnly && !protections.lifted("filesystem");
        let access = if read_only { AccessFs::from_read(ABI_WANTED) } else { AccessFs::from_all(ABI_WANTED) };
        // A guest never executes files of the host, and a directory that is missing is reported where it is opened.
        if let Ok(directory) = PathFd::new(&grant.host.value) {
            ruleset = ruleset.add_rule(PathBeneath::new(directory, access & !AccessFs::Execute))?;
        }
    }
    let own = ground.readable.iter().map(|path| (path, AccessFs::from_read(ABI_WANTED)));
    let own = own.chain(ground.writable.iter().map(|path| (path, AccessFs::from_all(ABI_WANTED))));
    for (path, access) in own {
        if let Ok(directory) = PathFd::new(path) {
            ruleset = ruleset.add_rule(PathBeneath::new(directory, access & !AccessFs::Execute))?;
        }
    }
    for grant in &policy.grants.network {
        if !any && let Some(port) = grant.address.value.rsplit(':').next().and_then(|port| port.parse().ok()) {
            ruleset = ruleset.add_rule(NetPort::new(port, AccessNet::ConnectTcp))?;
        }
    }
    Ok(ruleset.restrict_self()?.ruleset)
}
