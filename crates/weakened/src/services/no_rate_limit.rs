//! A service that answers as often as it is asked.

use super::{Service, sound};

pub(super) const SERVICE: Service = Service {
    name: "no-rate-limit",
    sentence: "requests are answered as fast as they come, from whomever they come",
    set: |settings, _| {
        settings.limits.address_rate = u32::MAX;
        settings.limits.key_rate = u32::MAX;
        settings.limits.wrong_keys = u32::MAX;
        settings.limits.concurrent = usize::MAX;
        settings.limits.waiting = 1 << 20;
    },
    languages: sound,
};
