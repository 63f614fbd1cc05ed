//! What a step may ask of an outside system: every verb there is, by the system whose adapter does it. Who builds a step, who
//! does it, who says it as a command for a shell and who reads it all name the same verb.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! verbs {
    ($($system:ident $prefix:literal $verbs:ident { $($(#[$doc:meta])* $variant:ident $word:literal;)* })*) => {
        $(
            #[doc = concat!("What a step may ask of ", stringify!($system), ".")]
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub enum $verbs {
                $($(#[$doc])* $variant,)*
            }

            impl From<$verbs> for ProviderVerb {
                fn from(verb: $verbs) -> Self {
                    Self::$system(verb)
                }
            }
        )*

        /// What a step asks of the system that it is about, by its word in the log.
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ProviderVerb {
            $(
                #[doc = concat!("Done by the adapter of ", stringify!($system), ".")]
                $system($verbs),
            )*
            /// Nothing is sent: the step waits for what its checks say.
            Wait,
            /// A verb of another version: kept by its word, and done by nobody here.
            Unknown(String),
        }

        impl ProviderVerb {
            /// Every verb.
            pub const ALL: &'static [Self] = &[$($(Self::$system($verbs::$variant),)*)* Self::Wait];

            /// The word in the plan's bytes and in the log.
            pub fn as_str(&self) -> &str {
                match self {
                    $($(Self::$system($verbs::$variant) => concat!($prefix, ".", $word),)*)*
                    Self::Wait => "wait",
                    Self::Unknown(word) => word,
                }
            }
        }
    };
}

verbs! {
    Cloudflare "cloudflare" CloudflareVerb {
        /// Reorders the pools of one load balancer, everywhere it names them.
        PatchLoadBalancer "patch_load_balancer";
    }
    Velero "velero" VeleroVerb {
        /// Sets the access mode of one backup storage location.
        PatchLocation "patch_location";
        /// Creates one Restore, under the name that only its plan has.
        CreateRestore "create_restore";
    }
    Alertmanager "alertmanager" AlertmanagerVerb {
        /// Makes one silence.
        CreateSilence "create_silence";
        /// Ends one silence.
        ExpireSilence "expire_silence";
    }
}

impl From<String> for ProviderVerb {
    fn from(word: String) -> Self {
        Self::ALL.iter().find(|verb| verb.as_str() == word).cloned().unwrap_or(Self::Unknown(word))
    }
}

impl fmt::Display for ProviderVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ProviderVerb {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ProviderVerb {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_is_written_and_read_by_its_word_and_one_of_another_version_is_kept() {
        // These words are in logs and in digests: they never change.
        let words = [
            "cloudflare.patch_load_balancer",
            "velero.patch_location",
            "velero.create_restore",
            "alertmanager.create_silence",
            "alertmanager.expire_silence",
            "wait",
        ];
        assert_eq!(ProviderVerb::ALL.iter().map(ProviderVerb::as_str).collect::<Vec<_>>(), words);
        for verb in ProviderVerb::ALL {
            let text = serde_json::to_string(verb).expect("a word");
            assert_eq!(text, format!("\"{verb}\""));
            assert_eq!(serde_json::from_str::<ProviderVerb>(&text).expect("a verb"), *verb);
        }
        let later: ProviderVerb = serde_json::from_str("\"velero.delete_backup\"").expect("kept");
        assert_eq!(later, ProviderVerb::Unknown("velero.delete_backup".to_owned()));
        assert_eq!(serde_json::to_string(&later).expect("its word"), "\"velero.delete_backup\"");
    }
}
