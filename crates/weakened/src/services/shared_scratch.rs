//! A service whose runs share a directory.

use gauntlet_policy::{Access, FileGrant, Span, Spanned};

use super::{Service, sound};

pub(super) const SERVICE: Service = Service {
    name: "shared-scratch",
    sentence: "every run writes to the same directory, and nobody empties it",
    set: |settings, directory| {
        let shared = directory.join("shared");
        // What cannot be made is not granted, and then the mistake is not caught, which is what has to be seen.
        let _ = std::fs::create_dir_all(&shared);
        let text = |value: String| Spanned { value, span: Span::default() };
        settings.policy.grants.filesystem.push(FileGrant {
            host: text(shared.to_string_lossy().into_owned()),
            guest: text("/tmp".to_owned()),
            guest_named: true,
            access: Spanned { value: Access::ReadWrite, span: Span::default() },
            reason: None,
            span: Span::default(),
        });
    },
    languages: sound,
};
