//! Who is calling: the kernel's word, never the message's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::unistd::{Uid, User};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use super::peer_login;
use super::person_budget::Whose;
use crate::config::Config;
use crate::model::{Actor, Level, Login, PersonId, PersonRole, Refusal, RefusalKind};
use crate::protocol::Hello;

/// Name look-ups are for display alone.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(1);

/// How long an account's name is remembered, found or not.
const REMEMBERED_FOR: Duration = Duration::from_secs(300);
/// The most names that are remembered.
const MOST_NAMES: usize = 1024;
/// Look-ups at once: a directory server that hangs keeps so many threads, and no more.
const LOOK_UPS: usize = 2;

/// Login names of accounts that are nobody of the people file.
pub(super) struct Accounts {
    known: Mutex<BTreeMap<u32, (Instant, Option<String>)>>,
    looking: Arc<Semaphore>,
}

impl Default for Accounts {
    fn default() -> Self {
        Self { known: Mutex::default(), looking: Arc::new(Semaphore::new(LOOK_UPS)) }
    }
}

impl Accounts {
    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, (Instant, Option<String>)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The login name; `None` where there is none, or nobody could be asked in time.
    async fn name(&self, uid: u32) -> Option<String> {
        if let Some((_, name)) = self.known().get(&uid).filter(|(at, _)| at.elapsed() < REMEMBERED_FOR) {
            return name.clone();
        }
        // The permit goes with the thread: a look-up that nobody waits for any more still takes its place.
        let permit = self.looking.clone().try_acquire_owned().ok()?;
        let look = tokio::task::spawn_blocking(move || {
            let name = User::from_uid(Uid::from_raw(uid)).ok().flatten().map(|user| user.name);
            drop(permit);
            name
        });
        let name = tokio::time::timeout(LOOK_UP_WITHIN, look).await.ok()?.ok()?;
        let mut known = self.known();
        if known.len() >= MOST_NAMES {
            known.clear();
        }
        known.insert(uid, (Instant::now(), name.clone()));
        name
    }
}

/// The peer as the kernel gave it when it connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    pub uid: u32,
    /// The login it came by, read when it connected.
    pub login: Login,
}

impl Peer {
    /// Reads the credentials that the socket got at `connect()`.
    ///
    /// # Errors
    /// If the kernel gives none: then nobody is there, and the connection is closed.
    pub fn of(stream: &UnixStream) -> std::io::Result<Self> {
        let cred = stream.peer_cred()?;
        Ok(Self { uid: cred.uid(), login: peer_login::of(stream, cred.pid(), cred.uid()) })
    }
}

/// The actor and role of a connection.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Identity {
    pub actor: Actor,
    pub role: PersonRole,
    /// A person of `people.toml`, so more than a bare account.
    pub mapped: bool,
}

/// Establishes who a connection is. In a real room uid and login decide; a drill room takes the name it is given.
///
/// # Errors
/// A name given to a real room, or a name the drill does not know.
pub(super) fn identify(peer: Peer, hello: &Hello, config: &Config, drill: bool) -> Result<Identity, Refusal> {
    if !drill && (hello.drill_as.is_some() || hello.simulated) {
        return Err(Refusal::new(
            RefusalKind::BadRequest,
            "this is a real room: it takes your identity from the kernel, not from a name",
            "leave out --as and --join; those are for drills",
        ));
    }
    if drill {
        return drill_identity(peer, hello, config);
    }
    Ok(judge(peer, config))
}

fn drill_identity(peer: Peer, hello: &Hello, config: &Config) -> Result<Identity, Refusal> {
    let known = || config.people.iter().map(|person| person.id.as_str()).collect::<Vec<_>>().join(", ");
    let Some(name) = &hello.drill_as else {
        let actor = Actor {
            person: PersonId::from(format!("uid {}", peer.uid)),
            uid: Some(peer.uid),
            level: Level::Drill,
            login: peer.login.uid(),
            simulated: hello.simulated,
        };
        return Ok(Identity { actor, role: PersonRole::Observer, mapped: false });
    };
    let Some(person) = config.people.iter().find(|person| person.id == *name) else {
        return Err(Refusal::new(
            RefusalKind::Unmapped,
            format!("this drill knows nobody called {name}"),
            format!("join as one of: {}", known()),
        ));
    };
    let actor = Actor {
        person: person.id.clone(),
        uid: Some(peer.uid),
        level: Level::Drill,
        login: peer.login.uid(),
        simulated: hello.simulated,
    };
    Ok(Identity { actor, role: person.role(), mapped: true })
}

/// Judges a peer by the people file as it is now. Called again at every request: a role that was taken away is gone. Looks
/// nothing up, so a dead directory server can't hold the writer.
pub(super) fn judge(peer: Peer, config: &Config) -> Identity {
    let person = config.people.iter().find(|person| person.uids.contains(&peer.uid));
    let own = |login: u32| login == peer.uid || person.is_some_and(|person| person.uids.contains(&login));
    let actor = Actor {
        person: person.map_or_else(|| PersonId::from(format!("uid {}", peer.uid)), |person| person.id.clone()),
        uid: Some(peer.uid),
        // Whoever became this account by sudo or su has logged in as another.
        level: if peer.login.uid().is_some_and(own) { Level::Session } else { Level::Account },
        login: peer.login.uid(),
        simulated: false,
    };
    let role = person.map_or(PersonRole::Observer, crate::model::Person::role);
    Identity { actor, role, mapped: person.is_some() }
}

/// Whose budget a connection uses: its person's, or of an account that is nobody's its own.
pub(super) fn whose(peer: Peer, identity: &Identity) -> Whose {
    if identity.mapped { Whose::Person(identity.actor.person.clone()) } else { Whose::Account(peer.uid) }
}

/// Gives an account that is nobody of the people file its login name, for display. One second at most; `uid 1234` stays
/// where there is no such name, or where it would read like a person of the file or like the room itself.
pub(super) async fn name_account(identity: &mut Identity, config: &Config, accounts: &Accounts) {
    let (false, Some(uid)) = (identity.mapped || identity.actor.level == Level::Drill, identity.actor.uid) else {
        return;
    };
    if let Some(name) = accounts.name(uid).await.filter(|name| may_be_shown(name, config)) {
        identity.actor.person = PersonId::from(name);
    }
}

fn may_be_shown(name: &str, config: &Config) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    let taken = config.people.iter().any(|person| person.id.as_str().eq_ignore_ascii_case(name));
    !taken && !name.eq_ignore_ascii_case("room") && (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, LogConfig, RoomConfig};
    use crate::model::{Person, Policy};

    fn config() -> Config {
        let person = Person {
            id: "ana".into(),
            accounts: Vec::new(),
            uids: vec![2001, 2002],
            roles: vec![PersonRole::Operator],
        };
        Config {
            room: RoomConfig { name: "test".to_owned(), ..RoomConfig::default() },
            policy: Policy { quorum: 2, level: Level::Account, ttl_s: 1800 },
            people: vec![person],
            log: LogConfig { quota: u64::MAX },
            ..Config::default()
        }
    }

    /// A peer that no login is known of.
    fn bare(uid: u32) -> Peer {
        Peer { uid, login: Login::Unset }
    }

    #[test]
    fn a_login_of_the_same_person_makes_a_session_and_any_other_does_not() {
        let config = config();
        for (uid, login, level) in [
            (2001, Login::Uid(2001), Level::Session),
            (2001, Login::Uid(2002), Level::Session),
            (2001, Login::Uid(2003), Level::Account),
            (2001, Login::Uid(0), Level::Account),
            (2001, Login::Unset, Level::Account),
            (2001, Login::Gone, Level::Account),
            (2001, Login::Hidden, Level::Account),
            (2003, Login::Uid(2003), Level::Session),
            (2003, Login::Uid(2001), Level::Account),
        ] {
            let actor = judge(Peer { uid, login }, &config).actor;
            assert_eq!((actor.level, actor.login), (level, login.uid()), "{uid} by {login:?}");
        }
    }

    #[test]
    fn two_accounts_are_one_person_and_a_stranger_only_watches() {
        let config = config();
        for uid in [2001, 2002] {
            let known = judge(bare(uid), &config);
            assert_eq!((known.actor.person.as_str(), known.role, known.mapped), ("ana", PersonRole::Operator, true));
        }
        let stranger = judge(bare(2003), &config);
        assert_eq!(
            (stranger.actor.person.as_str(), stranger.role, stranger.mapped),
            ("uid 2003", PersonRole::Observer, false)
        );
    }

    #[test]
    fn a_login_name_never_reads_like_a_person_or_the_room() {
        let config = config();
        for name in ["ana", "Ana", "room", "ROOM", "a b", "an\u{430}", ""] {
            assert!(!may_be_shown(name, &config), "{name}");
        }
        assert!(may_be_shown("bob", &config));
    }

    #[tokio::test]
    async fn a_person_of_the_file_is_never_renamed() {
        let config = config();
        let mut known = judge(bare(2001), &config);
        name_account(&mut known, &config, &Accounts::default()).await;
        assert_eq!(known.actor.person.as_str(), "ana");
        let mut root = judge(bare(0), &config);
        let accounts = Accounts::default();
        name_account(&mut root, &config, &accounts).await;
        assert!(matches!(root.actor.person.as_str(), "root" | "uid 0"), "{:?}", root.actor.person);
        assert_eq!(accounts.known().len(), 1, "it is looked up once");
    }
}
