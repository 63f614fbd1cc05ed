//! Milestones: the few points by which an incident is told in short.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A milestone, by its word in the log and in exports. One that this version does not know is kept by its word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Milestone {
    /// The first alert, or the person who opened the incident.
    Detected,
    /// Somebody has found out what it is. Only a person can say so.
    Confirmed,
    /// The first decision that was recorded, or the first approval of a plan.
    Decided,
    /// All answers of a service were seen to come from the other side.
    TrafficSwitched,
    /// After the decision every application of a DR cluster was seen to be deployed and healthy.
    GitopsConfirmed,
    /// A Restore of the incident's plan or service was seen to complete; else a restore plan ended well.
    Restored,
    /// Every service that had failed gives good answers again.
    Recovered,
    /// The word of a later version, kept and written back as it was read.
    Unknown(String),
}

impl Milestone {
    /// Every milestone, in the order in which a good run reaches them.
    pub const ALL: [Self; 7] = [
        Self::Detected,
        Self::Confirmed,
        Self::Decided,
        Self::TrafficSwitched,
        Self::GitopsConfirmed,
        Self::Restored,
        Self::Recovered,
    ];

    /// The word in the log, in exports and on the command line.
    pub fn name(&self) -> &str {
        match self {
            Self::Unknown(word) => word,
            known => known.word(),
        }
    }

    /// The same of one that this version knows.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Detected => "detected",
            Self::Confirmed => "confirmed",
            Self::Decided => "decided",
            Self::TrafficSwitched => "traffic_switched",
            Self::GitopsConfirmed => "gitops_confirmed",
            Self::Restored => "restored",
            Self::Recovered => "recovered",
            Self::Unknown(_) => "unknown",
        }
    }

    /// The word for people: `traffic switched`.
    pub fn words(&self) -> String {
        self.name().replace('_', " ")
    }

    /// The milestone with this word, written with `_`, `-` or a space.
    pub fn by_name(word: &str) -> Option<Self> {
        let word = word.trim().to_lowercase().replace(['-', ' '], "_");
        Self::ALL.into_iter().find(|milestone| milestone.name() == word)
    }
}

impl fmt::Display for Milestone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}

impl Serialize for Milestone {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Milestone {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let word = String::deserialize(d)?;
        Ok(Self::ALL.into_iter().find(|it| it.name() == word).unwrap_or(Self::Unknown(word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_milestone_reads_as_it_is_written_and_a_later_one_is_kept() {
        for milestone in Milestone::ALL {
            let text = serde_json::to_string(&milestone).unwrap();
            assert_eq!(serde_json::from_str::<Milestone>(&text).unwrap(), milestone);
            assert_eq!(Milestone::by_name(&milestone.words()), Some(milestone));
        }
        let later: Milestone = serde_json::from_str("\"failed_back\"").unwrap();
        assert_eq!(serde_json::to_string(&later).unwrap(), "\"failed_back\"");
        assert_eq!(later.to_string(), "failed back");
        assert_eq!(Milestone::by_name("failed_back"), None);
    }
}
