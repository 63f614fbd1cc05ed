//! Whether what listens at a socket is the room that is meant. A console sends nothing, and shows nothing, before the server's
//! account, the way to its socket and the id of its log are right.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{User, geteuid};
use tokio::net::UnixStream;

use super::known_logs::KnownLogs;
use crate::model::{Refusal, RefusalKind};
use crate::protocol::socket_trust;

/// The account that a packaged service runs under.
pub(super) const SERVICE: &str = "warroom";
const ROOT: u32 = 0;
/// A directory server that hangs must not keep a console from saying why it waits.
const LOOK_UP_WITHIN: Duration = Duration::from_secs(2);

/// Whom a client takes for a room.
#[derive(Clone, Debug)]
pub struct Trust {
    /// The account that may run a room besides root and one's own: its name, or a uid.
    pub account: String,
    /// Logs that were seen before, and where that is kept; `None` = nothing is remembered.
    pub known: Option<KnownLogs>,
}

impl Default for Trust {
    fn default() -> Self {
        Self { account: SERVICE.to_owned(), known: None }
    }
}

/// Who listens, as far as the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerAccount {
    /// This very process: a room of one's own, or a drill's.
    Own,
    /// Another process of an account that is trusted.
    Trusted,
}

impl Trust {
    /// Judges a connection before anything is said on it.
    ///
    /// # Errors
    /// The refusal: who listens there, or at which step of the way others could put something else.
    pub async fn judge(&self, stream: &UnixStream, socket: &Path) -> Result<ServerAccount, Refusal> {
        let cred = stream.peer_cred().map_err(|error| {
            untrusted(format!("the kernel does not say who listens at {}: {error}", socket.display()), "")
        })?;
        let (server, me) = (cred.uid(), geteuid().as_raw());
        if is_own(cred.pid(), server, me) {
            return Ok(ServerAccount::Own);
        }
        if server != ROOT && server != me && self.uid().await != Some(server) {
            return Err(self.foreign(server, socket));
        }
        socket_trust::check(socket, &[ROOT, me, server]).map_err(|wrong| {
            let why = format!("the socket {} is not taken for a room's: {wrong}", socket.display());
            untrusted(why, &format!("{}; or name the room's socket: --socket PATH", wrong.remedy()))
        })?;
        Ok(ServerAccount::Trusted)
    }

    /// The uid of the service's account, if there is one.
    async fn uid(&self) -> Option<u32> {
        if let Ok(uid) = self.account.parse() {
            return Some(uid);
        }
        let name = self.account.clone();
        let look = tokio::task::spawn_blocking(move || User::from_name(&name).ok().flatten());
        let found = tokio::time::timeout(LOOK_UP_WITHIN, look).await.ok()?.ok()?;
        found.map(|user| user.uid.as_raw())
    }

    fn foreign(&self, server: u32, socket: &Path) -> Refusal {
        let service = &self.account;
        untrusted(
            format!(
                "what listens at {} runs as uid {server}: that is not root, not you, and not the account {service}",
                socket.display()
            ),
            &format!(
                "if that account runs your room, say so: --room-account {server} (or WARROOM_ROOM_ACCOUNT); if not, tell \
                 whoever looks after this host, and name the room's socket: --socket PATH"
            ),
        )
    }
}

/// Whether this very process began to listen there. The number alone says nothing: a child may hold the socket of a process
/// that ended, and its number is somebody else's by now.
fn is_own(pid: Option<i32>, server: u32, me: u32) -> bool {
    server == me && pid.and_then(|pid| u32::try_from(pid).ok()) == Some(std::process::id())
}

fn untrusted(why: String, remedy: &str) -> Refusal {
    Refusal::new(RefusalKind::UntrustedServer, why, remedy)
}

/// A log other than the one that was known.
pub(super) fn other_log(room: &str, socket: &Path, known: &str, now: &str) -> Refusal {
    Refusal::new(
        RefusalKind::OtherLog,
        format!("room {room} at {} has the log {now}, and this account knew it with the log {known}", socket.display()),
        format!(
            "ask whoever runs the room. If its log was begun anew (another state directory, `warroom ledger new`), accept it \
             once: warroom --accept-log {now}. If it was not, this is not the history that you know"
        ),
    )
}

/// Where the client looks for what it knows, given the directory of the user's state.
pub fn known_file(state: &Path) -> PathBuf {
    state.join("known-logs.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_of_another_account_is_not_ones_own_though_the_number_of_the_process_is() {
        let pid = i32::try_from(std::process::id()).ok();
        assert!(is_own(pid, 1001, 1001));
        assert!(!is_own(pid, 1002, 1001), "left behind by another account");
        assert!(!is_own(Some(1), 1001, 1001) && !is_own(None, 1001, 1001));
    }
}
