//! Privileges of the process: capabilities, what programs could gain, and what it can learn from speculation.

use gauntlet_record::{Confinement, Granted};
use rustix::process::{
    SpeculationFeature, SpeculationFeatureControl, SpeculationFeatureState, control_speculative_feature,
    speculative_feature_state,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, CoreSchedulingScope, clear_ambient_capability_set, create_core_scheduling_cookie,
    remove_capability_from_bounding_set, set_capabilities,
};

use super::confinement;

/// Nothing can be gained any more, by no program and no file.
pub(super) fn none_gained() -> Confinement {
    match rustix::thread::set_no_new_privs(true) {
        Ok(()) => confinement("no-new-privileges", Granted::Full, "no privileges can be gained"),
        Err(error) => confinement("no-new-privileges", Granted::None, error.to_string()),
    }
}

/// Gives up every capability, those of the user namespace included.
pub(super) fn drop_capabilities() -> Confinement {
    // What is out of the bounding set cannot come back. A process that may not change it cannot gain any either.
    for capability in CapabilitySet::all().iter() {
        let _ = remove_capability_from_bounding_set(capability);
    }
    let _ = clear_ambient_capability_set();
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    match set_capabilities(None, none) {
        Ok(()) => confinement("capabilities", Granted::Full, "none"),
        Err(error) => confinement("capabilities", Granted::None, error.to_string()),
    }
}

/// Speculation that has leaked across processes before is switched off for this one, where the kernel lets us.
pub(super) fn curb_speculation() -> Confinement {
    let features = [
        ("store bypass", SpeculationFeature::SpeculativeStoreBypass),
        ("indirect branches", SpeculationFeature::IndirectBranchSpeculation),
    ];
    let mut curbed = Vec::new();
    let mut missing = Vec::new();
    for (name, feature) in features {
        let state = speculative_feature_state(feature).ok().flatten();
        let off = SpeculationFeatureState::DISABLE | SpeculationFeatureState::FORCE_DISABLE;
        match state {
            Some(state) if state.is_empty() => curbed.push(format!("{name}: not vulnerable")),
            Some(state) if state.intersects(off) => curbed.push(format!("{name}: off")),
            Some(_) | None => match control_speculative_feature(feature, SpeculationFeatureControl::FORCE_DISABLE) {
                Ok(()) => curbed.push(format!("{name}: off")),
                Err(error) => missing.push(format!("{name}: {error}")),
            },
        }
    }
    // Tasks with another cookie never share a core with this one at the same time.
    match create_core_scheduling_cookie(rustix::process::getpid(), CoreSchedulingScope::ThreadGroup) {
        Ok(()) => curbed.push("a core of its own while it runs".to_owned()),
        Err(error) => missing.push(format!("core scheduling: {error}")),
    }
    let granted = match (curbed.is_empty(), missing.is_empty()) {
        (_, true) => Granted::Full,
        (false, false) => Granted::Partial,
        (true, false) => Granted::None,
    };
    curbed.extend(missing.into_iter().map(|missing| format!("without {missing}")));
    confinement("speculation", granted, curbed.join("; "))
}
