//! Times as records write them, which is RFC 3339 in UTC to the second. What a record on disk says may be anything.

/// Milliseconds since 1970, if it is a time.
pub(crate) fn milliseconds(text: &str) -> Option<u64> {
    seconds(text)?.checked_mul(1000)
}

/// Seconds since 1970, if it is a time of this era.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    if bytes.len() != 20 || [4, 7, 10, 13, 16, 19].map(|at| bytes[at]) != *b"--T::Z" {
        return None;
    }
    let number = |from: usize, to: usize| {
        let digits = bytes.get(from..to)?;
        digits
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| digits.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(month).ok()?.checked_sub(1)?;
    let length = *lengths.get(month)?;
    if !(1970..=2999).contains(&year) || day == 0 || day > length || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let years: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let days = years + lengths[..month].iter().sum::<u64>() + day - 1;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

/// The time itself, or the first of 1970 for what is none: formats that ask for a time get one.
pub(crate) fn or_epoch(text: &str) -> &str {
    if seconds(text).is_some() { text } else { "1970-01-01T00:00:00Z" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_and_what_is_none_is_not() {
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2026-11-21T17:11:46Z"), Some(1_795_281_106));
        assert_eq!(seconds("2024-02-29T00:00:00Z"), Some(1_709_164_800));
        for text in [
            "",
            "2023-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00:0éZ",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
