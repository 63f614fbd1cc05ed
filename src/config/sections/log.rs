//! `[log]`: how much of the disk the timeline may take.

use crate::config::kinds::*;
use crate::config::section::*;

/// `[log]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogConfig {
    /// Bytes that the timeline may take.
    pub quota: u64,
}

section! {
    [log] RawLog => LogConfig {
        /// How much of the disk the timeline may take. From four fifths of it on the room says so; at the end it takes no
        /// more notes, and still everything about plans and what it sees itself.
        quota: Size = Default("4GiB");
    }
}

impl SectionRules for RawLog {}

/// With less there is no room for what a day's incident writes.
const LEAST: u64 = 64 * MIB;
const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;
/// Units, the largest first.
const UNITS: [(&str, u64); 3] = [("TiB", 1024 * GIB), ("GiB", GIB), ("MiB", MIB)];

/// Bytes on the disk.
pub(crate) enum Size {}

impl Kind for Size {
    type Raw = String;
    type Value = u64;

    fn check(raw: &Spanned<String>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<u64> {
        let text = raw.get_ref();
        let what = match bytes(text) {
            Some(bytes) if bytes >= LEAST => return Some(bytes),
            Some(_) => format!("`{}` is {text}; it must be at least {}", setting.key, words(LEAST)),
            None => format!("`{text}` is not a size; write it like \"512MiB\" or \"4GiB\""),
        };
        make.report.at(raw.span(), what);
        None
    }

    fn show(value: &u64) -> Option<toml::Value> {
        Some(words(*value).into())
    }
}

/// Reads a size: a whole number and `MiB`, `GiB` or `TiB`, without a space.
fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    let whole = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse::<u64>().ok().filter(|_| whole)?.checked_mul(*unit)
}

/// Writes bytes the way they are read: in the largest unit that they are whole in.
fn words(bytes: u64) -> String {
    let (name, unit) =
        UNITS.iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit)).unwrap_or(&UNITS[2]);
    format!("{}{name}", bytes / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for (text, is) in [("64MiB", Some(64 * MIB)), ("4GiB", Some(4 * GIB)), ("2TiB", Some(2048 * GIB))] {
            assert_eq!(bytes(text), is, "{text}");
            assert_eq!(is.map(words).as_deref(), Some(text));
        }
        for not in
            ["", "4", "GiB", "4 GiB", "4GB", "-4GiB", "+4GiB", "4.5GiB", "99999999999999999999GiB", "99999999TiB"]
        {
            assert_eq!(bytes(not), None, "{not}");
        }
        assert_eq!(words(1536 * MIB), "1536MiB");
    }
}
