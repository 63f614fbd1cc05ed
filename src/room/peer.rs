//! Who is calling: the kernel's word, never the message's.

use nix::unistd::{Uid, User};
use tokio::net::UnixStream;

use crate::config::Config;
use crate::model::{Actor, Level, PersonId, Refusal, RefusalKind, Role};
use crate::protocol::Hello;

/// The peer as the kernel gave it when it connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    pub uid: u32,
    pub pid: Option<i32>,
}

impl Peer {
    /// Reads the credentials that the socket got at `connect()`.
    ///
    /// # Errors
    /// If the kernel gives none: then nobody is there, and the connection is closed.
    pub fn of(stream: &UnixStream) -> std::io::Result<Self> {
        let cred = stream.peer_cred()?;
        Ok(Self { uid: cred.uid(), pid: cred.pid() })
    }
}

/// The actor and role of a connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    pub actor: Actor,
    pub role: Role,
    /// A person of `people.toml`, so more than a bare account.
    pub mapped: bool,
}

/// Establishes who a connection is. In a real room the uid decides alone; a drill room takes the name it is given.
///
/// # Errors
/// A name given to a real room, or a name the drill does not know.
pub fn identify(peer: Peer, hello: &Hello, config: &Config, drill: bool) -> Result<Identity, Refusal> {
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
    Ok(judge(peer.uid, config))
}

fn drill_identity(peer: Peer, hello: &Hello, config: &Config) -> Result<Identity, Refusal> {
    let known = || config.people.iter().map(|person| person.id.as_str()).collect::<Vec<_>>().join(", ");
    let Some(name) = &hello.drill_as else {
        let actor = Actor {
            person: PersonId::from(format!("uid {}", peer.uid)),
            uid: Some(peer.uid),
            level: Level::Drill,
            simulated: hello.simulated,
        };
        return Ok(Identity { actor, role: Role::Observer, mapped: false });
    };
    let Some(person) = config.people.iter().find(|person| person.id == *name) else {
        return Err(Refusal::new(
            RefusalKind::Unmapped,
            format!("this drill knows nobody called {name}"),
            format!("join as one of: {}", known()),
        ));
    };
    let actor =
        Actor { person: person.id.clone(), uid: Some(peer.uid), level: Level::Drill, simulated: hello.simulated };
    Ok(Identity { actor, role: person.role(), mapped: true })
}

/// Judges a uid by the people file as it is now. Called again at every request: a role that was taken away is gone.
pub fn judge(uid: u32, config: &Config) -> Identity {
    match config.people.iter().find(|person| person.uids.contains(&uid)) {
        Some(person) => Identity {
            actor: Actor { person: person.id.clone(), uid: Some(uid), level: Level::Account, simulated: false },
            role: person.role(),
            mapped: true,
        },
        None => Identity {
            actor: Actor {
                person: PersonId::from(account_name(uid)),
                uid: Some(uid),
                level: Level::Account,
                simulated: false,
            },
            role: Role::Observer,
            mapped: false,
        },
    }
}

/// For display only: the login name, or `uid 1234` where there is no passwd entry.
fn account_name(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        _ => format!("uid {uid}"),
    }
}
