//! Days, as answers, advisories and databases spell them.

use jiff::civil::Date;

/// A day, as `YYYY-MM-DD`; a longer RFC 3339 time is cut.
pub(crate) fn day(text: &str) -> Option<Date> {
    let day = text.get(..10)?;
    let rest = &text[10..];
    if !(rest.is_empty() || rest.starts_with('T')) {
        return None;
    }
    let shape = day
        .bytes()
        .enumerate()
        .all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() });
    if shape { day.parse().ok() } else { None }
}

/// Days from one day to a later one; negative if it is earlier.
pub(crate) fn between(from: Date, to: Date) -> i64 {
    i64::from((to - from).get_days())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_are_days() {
        assert_eq!(day("2026-11-21"), day("2026-11-21T10:00:00Z"));
        for text in ["", "2026-13-01", "2026-02-30", "2026-1-1", "26-01-01", "2026-11-21x", "٢٠٢٦-١١-٢١", "2026-11-2١"]
        {
            assert_eq!(day(text), None, "{text}");
        }
        assert_eq!(between(day("2026-08-21").unwrap(), day("2026-11-21").unwrap()), 92);
        assert_eq!(between(day("2026-11-21").unwrap(), day("2026-11-20").unwrap()), -1);
    }
}
