//! Who did it: persons, the levels at which we know them, and roles.

use serde::{Deserialize, Serialize};

use super::PersonId;

/// How surely an actor's identity is known. Ordered: a policy asks for *at least* a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A name given to a drill room. Never accepted by a real room.
    Drill,
    /// The uid that the kernel gave for the peer when it connected.
    Account,
    /// The account, and the login session's uid belongs to the same person.
    Session,
    /// A personal SSH signature.
    Key,
    /// A signature by a security key that was touched.
    Touch,
}

/// What the kernel says about the login that a peer came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Login {
    /// This uid logged in; whatever became of the session's uid since.
    Uid(u32),
    /// Nobody did: a service's child, a container, or a login that did not set it.
    Unset,
    /// The process ended before it could be asked.
    Gone,
    /// The kernel does not say: `/proc` hides it, or has no such thing.
    Hidden,
}

impl Login {
    /// The uid that logged in, if that is known.
    pub fn uid(self) -> Option<u32> {
        match self {
            Self::Uid(uid) => Some(uid),
            Self::Unset | Self::Gone | Self::Hidden => None,
        }
    }
}

/// What a person may do. `people.toml` alone gives roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PersonRole {
    /// May watch and nothing else.
    Observer,
    /// May write to the timeline, propose, approve and reject.
    Operator,
    /// An operator who may also command an incident.
    Commander,
}

/// The actor of an entry or a request, as the room established it; never as a message claimed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The person, or `room` for the program itself.
    #[serde(rename = "p")]
    pub person: PersonId,
    /// The peer's uid, where there was a peer.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// How surely we know.
    #[serde(rename = "lvl")]
    pub level: Level,
    /// The uid that logged in, of whatever level the actor is: `sudo` and `su` change the uid and leave this. `None` where no
    /// login set it, where it could not be read, and in logs of earlier versions.
    #[serde(rename = "lu", default, skip_serializing_if = "Option::is_none")]
    pub login: Option<u32>,
    /// True for the drill's simulated people: shown wherever the name is.
    #[serde(rename = "sim", default, skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
}

impl Actor {
    /// The program itself.
    pub fn room() -> Self {
        Self { person: PersonId::from("room"), uid: None, level: Level::Account, login: None, simulated: false }
    }

    /// True if the program itself acted.
    pub fn is_room(&self) -> bool {
        self.person.as_str() == "room"
    }
}

/// A line of `people.toml`: a human, their accounts, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Name used everywhere: ASCII letters, digits, `.`, `_`, `-`.
    pub id: PersonId,
    /// Login names or numeric uids, resolved to uids when loaded.
    pub accounts: Vec<String>,
    /// The uids of those accounts on this host.
    #[serde(default)]
    pub uids: Vec<u32>,
    /// The highest role decides.
    pub roles: Vec<PersonRole>,
}

impl Person {
    /// The strongest role, if any.
    pub fn role(&self) -> PersonRole {
        self.roles.iter().copied().max().unwrap_or(PersonRole::Observer)
    }
}
