//! `[log]`: how much of the disk the timeline may take.

use super::raw::{RawLog, Section};
use super::resolve::ResolveContext;

/// What the timeline may take where the file is silent.
const QUOTA: u64 = 4 * GIB;
/// With less there is no room for what a day's incident writes.
const LEAST: u64 = 64 * MIB;
const MIB: u64 = 1024 * 1024;
const GIB: u64 = 1024 * MIB;
/// Units, the largest first.
const UNITS: [(&str, u64); 3] = [("TiB", 1024 * GIB), ("GiB", GIB), ("MiB", MIB)];

/// The bytes that the timeline may take.
pub(super) fn quota(raw: Option<&Section<RawLog>>, make: &mut ResolveContext<'_, '_>) -> u64 {
    let Some(text) = raw.and_then(|log| log.it.quota.as_ref()) else { return QUOTA };
    match bytes(text.get_ref()) {
        Some(bytes) if bytes >= LEAST => bytes,
        Some(_) => {
            make.report.at(text.span(), format!("`quota` is {}; it must be at least {}", text.get_ref(), words(LEAST)));
            QUOTA
        }
        None => {
            let what = format!("`{}` is not a size; write it like \"512MiB\" or \"4GiB\"", text.get_ref());
            make.report.at(text.span(), what);
            QUOTA
        }
    }
}

/// Reads a size: a whole number and `MiB`, `GiB` or `TiB`, without a space.
fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = UNITS.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit)))?;
    let whole = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse::<u64>().ok().filter(|_| whole)?.checked_mul(*unit)
}

/// Writes bytes the way they are read: in the largest unit that they are whole in.
pub(super) fn words(bytes: u64) -> String {
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
