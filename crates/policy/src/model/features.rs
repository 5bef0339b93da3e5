//! Proposals of WebAssembly: which a policy allows.

use serde::{Deserialize, Serialize};

use crate::document::Span;
use crate::keys::{Key, Takes};

/// Declares the proposals that a policy names.
macro_rules! features {
    ($($(#[doc = $doc:literal])* $variant:ident = $word:literal, $default:literal;)*) => {
        /// The keys under `features:`.
        pub(crate) const KEYS: &[Key] = &[$(Key::new($word, Takes::Feature(Feature::$variant), concat!($($doc),*)),)*];

        /// A proposal of WebAssembly. Every one is named; none is inherited from the engine.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Feature { $($(#[doc = $doc])* $variant,)* }

        impl Feature {
            /// Every proposal.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// Its key under `features:`.
            #[must_use]
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word,)* } }
            /// Whether the strict default allows it.
            #[must_use]
            pub const fn strict(self) -> bool { match self { $(Self::$variant => $default,)* } }
        }
    };
}

features! {
    /// Bulk memory operations.
    BulkMemory = "bulk-memory", true;
    /// Reference types; decides the engine's support for garbage collected references, which `externref` needs.
    ReferenceTypes = "reference-types", true;
    /// Several results.
    MultiValue = "multi-value", true;
    /// 128-bit vectors.
    Simd = "simd", true;
    /// Vectors whose results may differ by machine.
    RelaxedSimd = "relaxed-simd", false;
    /// Shared memory and atomics.
    Threads = "threads", false;
    /// Several memories.
    MultiMemory = "multi-memory", false;
    /// 64-bit memories.
    Memory64 = "memory64", false;
    /// Tail calls.
    TailCall = "tail-call", false;
    /// Typed function references.
    FunctionReferences = "function-references", false;
    /// Garbage collection.
    Gc = "gc", false;
    /// Exceptions.
    Exceptions = "exceptions", false;
    /// Components.
    ComponentModel = "component-model", true;
    /// Asynchronous components.
    ComponentModelAsync = "component-model-async", false;
    /// Stack switching.
    StackSwitching = "stack-switching", false;
    /// Pages of one byte.
    CustomPageSizes = "custom-page-sizes", false;
    /// 128-bit arithmetic.
    WideArithmetic = "wide-arithmetic", false;
}

/// Which proposals a policy allows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Features {
    /// The proposals that the policy names.
    named: Vec<(Feature, bool, Span)>,
}

impl Features {
    /// Whether a proposal is allowed.
    #[must_use]
    pub fn allows(&self, feature: Feature) -> bool {
        self.named.iter().find(|(named, ..)| *named == feature).map_or(feature.strict(), |(_, allowed, _)| *allowed)
    }

    /// What the policy itself says of a proposal, and where.
    #[must_use]
    pub fn named(&self, feature: Feature) -> Option<(bool, Span)> {
        self.named.iter().find(|(named, ..)| *named == feature).map(|(_, allowed, span)| (*allowed, *span))
    }

    /// Allows or forbids a proposal.
    pub fn set(&mut self, feature: Feature, allowed: bool, span: Span) {
        self.named.retain(|(named, ..)| *named != feature);
        self.named.push((feature, allowed, span));
    }
}
