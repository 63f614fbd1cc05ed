//! Identities: short strings that are compared, logged and read aloud.

use std::fmt;
use std::str::FromStr;

use base16ct::lower;
use serde::{Deserialize, Serialize};

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text of the identity.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(s: &str) -> Self {
                Self(s.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(s: String) -> Self {
                Self(s)
            }
        }
    };
}

name_type!(
    /// A human, as `people.toml` names them. Accounts and keys belong to a person, never the other way round.
    PersonId
);
name_type!(
    /// One plan: a ULID, so that plans sort by the time they were proposed.
    PlanId
);
name_type!(
    /// One incident: `INC-<UTC date>-<number of the day>`.
    IncidentId
);

/// A SHA-256, written `sha256:<64 hex>`.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The 64 hex digits alone.
    pub fn hex(&self) -> String {
        lower::encode_string(&self.0)
    }

    /// The same as bytes, without allocation: the check of a million links runs through here.
    pub fn digits(&self) -> [u8; 64] {
        let mut digits = [0u8; 64];
        // Nothing but a buffer that is too short is an error.
        let _ = lower::encode(&self.0, &mut digits);
        digits
    }

    /// Six hex digits for reading aloud on the call: `A1 B2 C3`.
    pub fn spoken(&self) -> String {
        format!("{:02X} {:02X} {:02X}", self.0[0], self.0[1], self.0[2])
    }

    /// Reads exactly 64 lower-case hex digits.
    pub fn from_hex(hex: impl AsRef<[u8]>) -> Option<Self> {
        let mut bytes = [0u8; 32];
        // More digits do not fit and are refused; fewer would leave zeros at the end.
        let read = lower::decode(hex, &mut bytes).ok()?.len();
        (read == bytes.len()).then_some(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.strip_prefix("sha256:")
            .and_then(Self::from_hex)
            .ok_or_else(|| "a digest reads sha256:<64 lower-case hex digits>".to_owned())
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_written_and_read_as_64_lower_case_digits_and_nothing_else_is_one() {
        let digest = Digest(std::array::from_fn(|i| 8 * i as u8 + 7));
        let hex = digest.hex();
        assert_eq!(hex, "070f171f272f373f474f575f676f777f878f979fa7afb7bfc7cfd7dfe7eff7ff");
        assert_eq!(hex.as_bytes(), digest.digits());
        assert_eq!(Digest::from_hex(&hex), Some(digest));
        assert_eq!(format!("sha256:{hex}").parse(), Ok(digest));
        for other in [&hex[..62], &hex[..63], &format!("{hex}0"), &format!("{hex}00"), "", &hex.to_uppercase()] {
            assert_eq!(Digest::from_hex(other), None, "{other}");
        }
        for odd in ["g", "/", ":", "`", " ", "A", "\0"] {
            assert_eq!(Digest::from_hex(format!("{}{odd}", &hex[1..])), None, "{odd:?}");
        }
        assert_eq!(Digest::from_hex(format!("é{}", &hex[2..])), None);
    }
}
