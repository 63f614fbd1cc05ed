//! What a plan may have read of an outside system: every path there is, by the system whose adapter reads it.
//!
//! A path is text in the plan's bytes. Who builds a plan makes it from these values, and the adapter reads it back to one of
//! them: neither spells it. A path of another version is kept as it is, and nobody here reads it.
//!
//! Longer than other files: it is the one table of what may be read, and says of each path what it means.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What is read, as the plan's bytes have it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReadPath(String);

impl ReadPath {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it asks for, if this version knows.
    pub fn known(&self) -> Option<KnownPath> {
        KnownPath::parse(&self.0)
    }

    /// The path with every part that begins with `@plan` replaced by what is made of the rest of it: the name that the
    /// plan's own object has.
    pub fn with_own_name(&self, name: impl Fn(&str) -> String) -> Self {
        let part = |part: &str| part.strip_prefix("@plan").map_or_else(|| part.to_owned(), &name);
        Self(self.0.split('/').map(part).collect::<Vec<_>>().join("/"))
    }
}

impl fmt::Display for ReadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<str> for ReadPath {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for ReadPath {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

/// Outside of tests a path is made from a value, or read from a plan.
#[cfg(test)]
impl From<&str> for ReadPath {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

macro_rules! fields {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident $word:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$of])* $variant,)*
        }

        impl $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word in a path.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            fn by_name(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|field| field.as_str() == word)
            }
        }
    };
}

fields! {
    /// What is read of a load balancer.
    LoadBalancerField {
        /// The ids of the pools in order, as a list.
        DefaultPools "default_pools";
        /// The id of the pool of last resort.
        FallbackPool "fallback_pool";
        /// Whether it answers at all.
        Enabled "enabled";
        /// When it was last written, as the provider wrote it: another value means that somebody changed it.
        ModifiedOn "modified_on";
        /// The steering policy in effect, an empty one resolved.
        Policy "policy";
        /// How many things may override the order: rules, pool sets, maps by place.
        Overrides "overrides";
    }
}

fields! {
    /// What is read of a pool.
    PoolField {
        /// Whether load balancers may use it.
        Enabled "enabled";
        /// The provider's word on its health; null = it does not say.
        Healthy "healthy";
        /// Percent of traffic or of sessions that it sheds, whichever is more.
        SheddingPercent "shedding_percent";
    }
}

fields! {
    /// What is read of a backup.
    BackupField {
        /// Another one under the same name was made anew: deleted, or synced again.
        Uid "uid";
        /// `Completed`, …; empty while Velero has not picked it up.
        Phase "phase";
        /// Whether `deletionTimestamp` is set.
        Deleting "deleting";
        /// Seconds until it expires, by the server's clock; as many as fit in 32 bits if it never does.
        ExpiresInS "expires_in_s";
    }
}

fields! {
    /// What is read of a backup storage location.
    LocationField {
        /// `Available`, `Unavailable`; empty = never validated.
        Phase "phase";
        /// `ReadOnly`, `ReadWrite`; the latter where the server left it out.
        AccessMode "access_mode";
        /// Seconds since it was validated, by the server's clock; null = never.
        ValidatedAgeS "validated_age_s";
        /// Whether it was validated after its access mode was last written; null = the server does not record that.
        ValidatedSinceChange "validated_since_change";
    }
}

fields! {
    /// What is read of a Restore.
    RestoreField {
        /// `Completed`, `PartiallyFailed`, …; empty while Velero has not picked it up.
        Phase "phase";
        /// `status.errors`, 0 where left out.
        Errors "errors";
        /// `status.warnings`, 0 where left out: items that existed already are among them.
        Warnings "warnings";
        /// Items that it brought back at most; null until it has ended.
        Restored "restored";
    }
}

fields! {
    /// What is read of the pods of some namespaces.
    PodsField {
        /// How many serve, over all the namespaces.
        Ready "ready";
        /// Those that do not serve yet, each with what it waits for, as a list of texts; at most five are named.
        Waiting "waiting";
    }
}

/// What is read of Cloudflare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CloudflarePath {
    /// `lb/ID/FIELD`; null where there is no such load balancer.
    LoadBalancer {
        /// The provider's id of the load balancer.
        id: String,
        /// What of it.
        field: LoadBalancerField,
    },
    /// The digest of a part that a write replaces whole.
    LoadBalancerDigest {
        /// The provider's id of the load balancer.
        id: String,
        /// A top-level member of its JSON: `rules`, `pool_sets`, `region_pools`, …
        part: String,
    },
    /// In how many places one pool comes before another, or without it.
    LoadBalancerAhead {
        /// The provider's id of the load balancer.
        id: String,
        /// Id of the pool that must come first nowhere: the one that is moved away from.
        first: String,
        /// Id of the pool that must come before it wherever both are.
        then: String,
    },
    /// `pool/ID/FIELD`; null where there is no such pool.
    Pool {
        /// The provider's id of the pool.
        id: String,
        /// What of it.
        field: PoolField,
    },
}

impl CloudflarePath {
    /// What a path asks for.
    pub fn parse(path: &str) -> Option<Self> {
        let own = |text: &str| text.to_owned();
        Some(match path.split('/').collect::<Vec<_>>()[..] {
            ["lb", id, field] => Self::LoadBalancer { id: own(id), field: LoadBalancerField::by_name(field)? },
            ["lb", id, "digest", part] => Self::LoadBalancerDigest { id: own(id), part: own(part) },
            ["lb", id, "ahead", first, then] => {
                Self::LoadBalancerAhead { id: own(id), first: own(first), then: own(then) }
            }
            ["pool", id, field] => Self::Pool { id: own(id), field: PoolField::by_name(field)? },
            _ => return None,
        })
    }
}

impl fmt::Display for CloudflarePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoadBalancer { id, field } => write!(f, "lb/{id}/{}", field.as_str()),
            Self::LoadBalancerDigest { id, part } => write!(f, "lb/{id}/digest/{part}"),
            Self::LoadBalancerAhead { id, first, then } => write!(f, "lb/{id}/ahead/{first}/{then}"),
            Self::Pool { id, field } => write!(f, "pool/{id}/{}", field.as_str()),
        }
    }
}

/// What is read of the Velero of a cluster, and of the cluster itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VeleroPath {
    /// Uid of the namespace `kube-system`: which cluster answers at that address.
    ClusterUid,
    /// How many Restores have not ended.
    RestoresOpen,
    /// How many backups are being uploaded.
    BackupsUploading,
    /// Whether our credential may, as the server answers; null where it can't be asked.
    MayCreateRestores,
    /// Whether our credential may patch the location of this name, as the server answers; null where it can't be asked.
    MayPatchLocation(String),
    /// Phase of the namespace of this name; null = there is none, `forbidden` = we may not look.
    NamespacePhase(String),
    /// `pods/NAMESPACE:…/FIELD`: pods that have ended or are told to count for neither.
    Pods {
        /// The namespaces that are looked through.
        namespaces: Vec<String>,
        /// What of them.
        field: PodsField,
    },
    /// `backup/NAME/FIELD`; null where there is no such Backup.
    Backup {
        /// The Backup's name, in Velero's namespace.
        name: String,
        /// What of it.
        field: BackupField,
    },
    /// Whether a backup is there and nobody deletes it.
    BackupKept(String),
    /// `location/NAME/FIELD`; null where there is no such BackupStorageLocation.
    Location {
        /// The location's name, in Velero's namespace.
        name: String,
        /// What of it.
        field: LocationField,
    },
    /// `restore/NAME/FIELD`; null where there is no such Restore.
    Restore {
        /// The Restore's name; `@plan` stands for the one that the plan itself makes.
        name: String,
        /// What of it.
        field: RestoreField,
    },
}

impl VeleroPath {
    /// What a path asks for.
    pub fn parse(path: &str) -> Option<Self> {
        let own = |text: &str| text.to_owned();
        Some(match path.split('/').collect::<Vec<_>>()[..] {
            ["cluster", "uid"] => Self::ClusterUid,
            ["restores", "open"] => Self::RestoresOpen,
            ["backups", "uploading"] => Self::BackupsUploading,
            ["may", "create", "restores"] => Self::MayCreateRestores,
            ["may", "patch", "location", name] => Self::MayPatchLocation(own(name)),
            ["namespace", name, "phase"] => Self::NamespacePhase(own(name)),
            ["pods", namespaces, field] => Self::Pods {
                namespaces: namespaces.split(':').map(str::to_owned).collect(),
                field: PodsField::by_name(field)?,
            },
            ["backup", name, "kept"] => Self::BackupKept(own(name)),
            ["backup", name, field] => Self::Backup { name: own(name), field: BackupField::by_name(field)? },
            ["location", name, field] => Self::Location { name: own(name), field: LocationField::by_name(field)? },
            ["restore", name, field] => Self::Restore { name: own(name), field: RestoreField::by_name(field)? },
            _ => return None,
        })
    }

    /// The names of objects in it.
    pub fn names(&self) -> &[String] {
        match self {
            Self::ClusterUid | Self::RestoresOpen | Self::BackupsUploading | Self::MayCreateRestores => &[],
            Self::Pods { namespaces, .. } => namespaces,
            Self::MayPatchLocation(name)
            | Self::NamespacePhase(name)
            | Self::BackupKept(name)
            | Self::Backup { name, .. }
            | Self::Location { name, .. }
            | Self::Restore { name, .. } => std::slice::from_ref(name),
        }
    }
}

impl fmt::Display for VeleroPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClusterUid => f.write_str("cluster/uid"),
            Self::RestoresOpen => f.write_str("restores/open"),
            Self::BackupsUploading => f.write_str("backups/uploading"),
            Self::MayCreateRestores => f.write_str("may/create/restores"),
            Self::MayPatchLocation(name) => write!(f, "may/patch/location/{name}"),
            Self::NamespacePhase(name) => write!(f, "namespace/{name}/phase"),
            Self::Pods { namespaces, field } => write!(f, "pods/{}/{}", namespaces.join(":"), field.as_str()),
            Self::Backup { name, field } => write!(f, "backup/{name}/{}", field.as_str()),
            Self::BackupKept(name) => write!(f, "backup/{name}/kept"),
            Self::Location { name, field } => write!(f, "location/{name}/{}", field.as_str()),
            Self::Restore { name, field } => write!(f, "restore/{name}/{}", field.as_str()),
        }
    }
}

/// What is read of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbePath {
    /// How many of the last answers came from a site, in percent.
    Share(String),
    /// How many of the samples in its window were good, in whole percent rounded down.
    GoodPercent,
    /// The site that answered last, by the configured header; null = nobody said so in the window.
    Site,
}

impl ProbePath {
    /// What a path asks for.
    pub fn parse(path: &str) -> Option<Self> {
        match path.split_once('/') {
            Some(("share", site)) => Some(Self::Share(site.to_owned())),
            None if path == "good_percent" => Some(Self::GoodPercent),
            None if path == "site" => Some(Self::Site),
            _ => None,
        }
    }
}

impl fmt::Display for ProbePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(site) => write!(f, "share/{site}"),
            Self::GoodPercent => f.write_str("good_percent"),
            Self::Site => f.write_str("site"),
        }
    }
}

/// What is read of an Alertmanager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertmanagerPath {
    /// The state of a silence.
    Silence(String),
    /// The ids of the silences that carry the mark of a request.
    Marked(String),
}

impl AlertmanagerPath {
    /// What a path asks for.
    pub fn parse(path: &str) -> Option<Self> {
        match path.split('/').collect::<Vec<_>>()[..] {
            ["silence", id] => Some(Self::Silence(id.to_owned())),
            ["marked", request] => Some(Self::Marked(request.to_owned())),
            _ => None,
        }
    }
}

impl fmt::Display for AlertmanagerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence(id) => write!(f, "silence/{id}"),
            Self::Marked(request) => write!(f, "marked/{request}"),
        }
    }
}

macro_rules! known_paths {
    ($($system:ident $path:ident;)*) => {
        /// What a path asks for, whichever system it is read of. No two systems share a path.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum KnownPath {
            $(
                #[doc = concat!("Read by the adapter of a source of [`", stringify!($system), "`](super::System::",
                    stringify!($system), "): see [`", stringify!($path), "`].")]
                $system($path),
            )*
        }

        impl KnownPath {
            /// What a path asks for, if this version knows.
            pub fn parse(path: &str) -> Option<Self> {
                None$(.or_else(|| $path::parse(path).map(Self::$system)))*
            }
        }

        $(
            impl From<$path> for ReadPath {
                fn from(path: $path) -> Self {
                    Self(path.to_string())
                }
            }
        )*
    };
}

known_paths! {
    Cloudflare CloudflarePath;
    Velero VeleroPath;
    Probe ProbePath;
    Alertmanager AlertmanagerPath;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// These are in logs and in digests: they never change.
    const PATHS: [&str; 32] = [
        "lb/lb-1/default_pools",
        "lb/lb-1/fallback_pool",
        "lb/lb-1/enabled",
        "lb/lb-1/modified_on",
        "lb/lb-1/policy",
        "lb/lb-1/overrides",
        "lb/lb-1/digest/rules",
        "lb/lb-1/ahead/p-1/p-2",
        "pool/p-1/enabled",
        "pool/p-1/healthy",
        "pool/p-1/shedding_percent",
        "cluster/uid",
        "restores/open",
        "backups/uploading",
        "may/create/restores",
        "may/patch/location/default",
        "namespace/shop/phase",
        "pods/shop:pay/ready",
        "pods/shop/waiting",
        "backup/b-1/uid",
        "backup/b-1/phase",
        "backup/b-1/deleting",
        "backup/b-1/expires_in_s",
        "backup/b-1/kept",
        "location/default/access_mode",
        "location/default/validated_age_s",
        "location/default/validated_since_change",
        "restore/@plan-2/restored",
        "share/dr",
        "good_percent",
        "silence/s-1",
        "marked/r-1",
    ];

    fn text(path: &KnownPath) -> String {
        match path {
            KnownPath::Cloudflare(path) => path.to_string(),
            KnownPath::Velero(path) => path.to_string(),
            KnownPath::Probe(path) => path.to_string(),
            KnownPath::Alertmanager(path) => path.to_string(),
        }
    }

    #[test]
    fn every_path_reads_as_it_is_written_and_what_none_is_is_kept() {
        for path in PATHS {
            assert_eq!(text(&KnownPath::parse(path).expect(path)), path);
        }
        for other in ["", "lb/lb-1", "lb/lb-1/weight", "pods/shop/redy", "backup/b-1/phase/x", "site/x"] {
            let kept: ReadPath = serde_json::from_value(serde_json::json!(other)).expect("kept");
            assert_eq!((kept.known(), kept.as_str()), (None, other));
        }
    }

    #[test]
    fn the_name_of_the_plans_own_object_is_put_in() {
        let own = |path: &str| ReadPath::from(path).with_own_name(|which| format!("wr-1{which}"));
        assert_eq!(own("restore/@plan/phase"), "restore/wr-1/phase");
        assert_eq!(own("restore/@plan-2/phase"), "restore/wr-1-2/phase");
        assert_eq!(own("backup/b-1/phase"), "backup/b-1/phase");
    }

    proptest! {
        #[test]
        fn whatever_is_known_is_written_as_it_was(
            parts in prop::collection::vec(
                prop_oneof![
                    Just("lb"), Just("pool"), Just("pods"), Just("backup"), Just("share"), Just("healthy"), Just("ready"),
                    Just("digest"), Just("ahead"), Just("phase"), Just(""), Just(":"), Just("a:b"), Just("x"),
                ],
                0..6,
            )
        ) {
            let path = parts.join("/");
            if let Some(known) = KnownPath::parse(&path) {
                prop_assert_eq!(text(&known), path);
            }
        }
    }
}
