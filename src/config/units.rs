//! Values with units: durations as `90s`, `15m`, `1h30m`; status codes as `200-399`.

use std::fmt::Write as _;

/// The longest duration that makes sense anywhere in the file: a year.
const LONGEST_S: u64 = 366 * 86_400;

/// Reads a duration in seconds: numbers with `w`, `d`, `h`, `m` or `s`, the larger unit first, no spaces, no bare numbers.
///
/// # Errors
/// A sentence that says what a duration looks like, and what was wrong with this one.
pub fn duration(text: &str) -> Result<u64, String> {
    let not = |why: &str| format!("`{text}` is not a duration: {why}; write it like \"90s\", \"15m\" or \"1h30m\"");
    if text.is_empty() {
        return Err(not("it is empty"));
    }
    let (mut total, mut number, mut last) = (0u64, None::<u64>, u64::MAX);
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            let so_far = number.unwrap_or(0).checked_mul(10).and_then(|n| n.checked_add(u64::from(digit)));
            number = Some(so_far.filter(|n| *n <= LONGEST_S).ok_or_else(|| not("it is longer than a year"))?);
            continue;
        }
        let unit = match c {
            'w' => 604_800,
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return Err(not("units are w, d, h, m and s")),
        };
        let count = number.take().ok_or_else(|| not("a unit has no number before it"))?;
        if unit >= last {
            return Err(not("larger units come first, each once"));
        }
        last = unit;
        total = count.checked_mul(unit).and_then(|s| s.checked_add(total)).unwrap_or(u64::MAX);
        if total > LONGEST_S {
            return Err(not("it is longer than a year"));
        }
    }
    match number {
        Some(_) => Err(not("the unit is missing")),
        None => Ok(total),
    }
}

/// Writes seconds the way [`duration`] reads them.
pub fn duration_text(seconds: u64) -> String {
    let mut out = String::new();
    let mut left = seconds;
    for (unit, size) in [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)] {
        // `90m` is how people write it, but one canonical form is easier to compare: 1h30m.
        if left >= size {
            let _ = write!(out, "{}{unit}", left / size);
            left %= size;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

/// Reads good status codes: `200-399` or a single `204`.
///
/// # Errors
/// A sentence that says what a range looks like.
pub fn status_range(text: &str) -> Result<(u16, u16), String> {
    let not =
        |why: &str| format!("`{text}` is not a range of status codes: {why}; write it like \"200-399\" or \"204\"");
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let code = |part: &str| -> Result<u16, String> {
        if part.len() != 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return Err(not("a code has three digits"));
        }
        match part.parse() {
            Ok(code @ 100..=599) => Ok(code),
            _ => Err(not("codes are 100 to 599")),
        }
    };
    let (low, high) = (code(low)?, code(high)?);
    if low > high { Err(not("the first is greater than the last")) } else { Ok((low, high)) }
}

/// Writes a range the way [`status_range`] reads it.
pub fn status_text((low, high): (u16, u16)) -> String {
    if low == high { low.to_string() } else { format!("{low}-{high}") }
}

/// Whether a text can be the name of an HTTP header.
pub fn is_header(name: &str) -> bool {
    !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_read_with_their_units_and_nothing_else() {
        for (text, seconds) in [
            ("90s", 90),
            ("15m", 900),
            ("1h30m", 5_400),
            ("24h", 86_400),
            ("1d", 86_400),
            ("4w", 2_419_200),
            ("1d2h3m4s", 93_784),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Ok(seconds), "{text}");
        }
        for (text, why) in [
            ("", "empty"),
            ("5", "unit is missing"),
            ("m", "no number"),
            ("15 m", "units are"),
            ("15min", "units are"),
            ("30m1h", "larger units come first"),
            ("1h1h", "each once"),
            ("-5m", "units are"),
            ("1.5h", "units are"),
            ("9999999999999999999999s", "longer than a year"),
            ("400d", "longer than a year"),
        ] {
            let error = duration(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
            assert!(error.contains("1h30m"), "{text}: {error}");
        }
    }

    #[test]
    fn status_ranges_read_both_ways() {
        for (text, range) in [("200-399", (200, 399)), ("204", (204, 204))] {
            assert_eq!(status_range(text), Ok(range));
            assert_eq!(status_text(range), text);
        }
        for text in ["", "2xx", "399-200", "099", "600", "200-", "200-399-400", "+20"] {
            assert!(status_range(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in 0u64..LONGEST_S) {
            prop_assert_eq!(duration(&duration_text(seconds)), Ok(seconds));
        }

        #[test]
        fn no_text_makes_the_readers_panic(text in ".{0,40}") {
            let _ = (duration(&text), status_range(&text));
        }
    }
}
