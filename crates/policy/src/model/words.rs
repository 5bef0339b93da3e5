//! Closed lists of words, in the one spelling that policies have.

/// A closed list of words.
pub(crate) trait Word: Copy + 'static {
    /// Every one, in the order of the list.
    const ALL: &'static [Self];
    /// Their spelling, in the same order.
    const WORDS: &'static [&'static str];
}

/// Declares an enum whose variants are words of a policy.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vmeta])* $variant,)* }

        impl $name {
            /// The word as policies spell it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl crate::model::words::Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)*];
            const WORDS: &'static [&'static str] = &[$($word,)*];
        }
    };
}

pub(crate) use words;
