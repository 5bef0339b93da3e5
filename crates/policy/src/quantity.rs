//! Quantities with units: bytes, time, counts. `64MB` is not `64MiB`, and a bare number never means "unlimited".

use std::fmt;

use gauntlet_record::Unit;
use serde::{Deserialize, Serialize};

/// A number with a unit of its own.
pub trait Quantity: Copy + fmt::Debug {
    /// What the number counts.
    const UNIT: Unit;
    /// The quantity of a number in its base unit: bytes, nanoseconds or a count.
    fn new(number: u64) -> Self;
    /// The number in its base unit.
    fn get(self) -> u64;
}

macro_rules! quantity {
    ($(#[$meta:meta])* $name:ident, $unit:expr) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(u64);

        impl $name {
            /// The quantity of a number in its base unit.
            #[must_use]
            pub const fn new(number: u64) -> Self { Self(number) }
            /// The number in its base unit.
            #[must_use]
            pub const fn get(self) -> u64 { self.0 }
        }

        impl Quantity for $name {
            const UNIT: Unit = $unit;
            fn new(number: u64) -> Self { Self(number) }
            fn get(self) -> u64 { self.0 }
        }
    };
}

quantity!(
    /// A size in bytes.
    Bytes, Unit::Bytes
);
quantity!(
    /// A span of time in nanoseconds.
    Nanos, Unit::Time
);
quantity!(
    /// A plain count.
    Count, Unit::Count
);
quantity!(
    /// Units of the engine's fuel, about one an instruction.
    Fuel, Unit::Count
);

impl Bytes {
    /// So many KiB, of 1024 bytes.
    #[must_use]
    pub const fn kib(number: u64) -> Self {
        Self(number.saturating_mul(1 << 10))
    }

    /// So many MiB, of 1024 KiB.
    #[must_use]
    pub const fn mib(number: u64) -> Self {
        Self(number.saturating_mul(1 << 20))
    }

    /// So many GiB, of 1024 MiB.
    #[must_use]
    pub const fn gib(number: u64) -> Self {
        Self(number.saturating_mul(1 << 30))
    }
}

/// A quantity that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// Not a decimal number.
    #[error("`{0}` is not a decimal number; write digits, with `_` between them if you like")]
    NotANumber(String),
    /// A negative number.
    #[error("`{0}` is negative")]
    Negative(String),
    /// The unit is missing.
    #[error("`{0}` has no unit; write {1}")]
    NoUnit(String, &'static str),
    /// The unit is unknown here.
    #[error("`{0}` is not a unit here; write {1}")]
    UnknownUnit(String, &'static str),
    /// The number does not fit.
    #[error("`{0}` is larger than 2^64 - 1 of its base unit")]
    Overflow(String),
}

pub(crate) const BYTES: &[(&str, u64)] = &[
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];
pub(crate) const TIMES: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a number with the unit that `unit` asks for, into its base unit.
///
/// # Errors
///
/// If it is no decimal number, has no unit or a wrong one, is negative or does not fit.
pub fn parse_quantity(text: &str, unit: Unit) -> Result<u64, QuantityError> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (digits, suffix) = text.split_at(split);
    if digits.is_empty() && text.starts_with('-') && text[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return Err(QuantityError::Negative(text.to_owned()));
    }
    let octal = digits.len() > 1 && digits.starts_with('0');
    let odd = digits.starts_with('_') || digits.ends_with('_') || digits.contains("__") || suffix.starts_with('.');
    if digits.is_empty() || octal || odd {
        return Err(QuantityError::NotANumber(text.to_owned()));
    }
    let number: u64 = digits.replace('_', "").parse().map_err(|_| QuantityError::Overflow(text.to_owned()))?;
    let suffix = suffix.trim_start();
    let (table, example): (&[(&str, u64)], _) = match unit {
        Unit::Bytes => (BYTES, "for example `64MiB` or `512KiB`"),
        Unit::Time => (TIMES, "for example `10s` or `250ms`"),
        Unit::Count => (&[("", 1)], "a plain number, for example `10_000`"),
    };
    if suffix.is_empty() && unit != Unit::Count {
        return Err(QuantityError::NoUnit(text.to_owned(), example));
    }
    let Some((_, scale)) = table.iter().find(|(name, _)| *name == suffix) else {
        let radix = digits == "0" && suffix.starts_with(['x', 'o', 'b']) || suffix.starts_with(['e', 'E', ':']);
        return Err(if radix {
            QuantityError::NotANumber(text.to_owned())
        } else {
            QuantityError::UnknownUnit(suffix.to_owned(), example)
        });
    };
    number.checked_mul(*scale).ok_or_else(|| QuantityError::Overflow(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_told_apart() {
        assert_eq!(parse_quantity("64MiB", Unit::Bytes), Ok(64 << 20));
        assert_eq!(parse_quantity("64MB", Unit::Bytes), Ok(64_000_000));
        assert_eq!(parse_quantity("100_000_000", Unit::Count), Ok(100_000_000));
        assert_eq!(parse_quantity("250ms", Unit::Time), Ok(250_000_000));
        assert_eq!(parse_quantity("1 h", Unit::Time), Ok(3_600_000_000_000));
    }

    #[test]
    fn what_two_readers_would_read_differently_is_refused() {
        for text in ["0x10", "0o17", "017", "1e3", "1.5", "1:30", "", "_1", "1_", "1__0", ".5", "+5"] {
            assert!(matches!(parse_quantity(text, Unit::Count), Err(QuantityError::NotANumber(_))), "{text}");
        }
        assert!(matches!(parse_quantity("64", Unit::Bytes), Err(QuantityError::NoUnit(..))));
        assert!(matches!(parse_quantity("64M", Unit::Bytes), Err(QuantityError::UnknownUnit(..))));
        assert!(matches!(parse_quantity("-1", Unit::Count), Err(QuantityError::Negative(_))));
        assert!(matches!(parse_quantity("18446744073709551616", Unit::Count), Err(QuantityError::Overflow(_))));
        assert!(matches!(parse_quantity("99999999999GiB", Unit::Bytes), Err(QuantityError::Overflow(_))));
    }
}
