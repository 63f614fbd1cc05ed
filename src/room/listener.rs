//! The door: admits connections up to the limits, and says little about those it turns away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::broadcast::Broadcasts;
use super::context::RoomContext;
use super::engine_message::EngineMessage;
use super::person_budget::{Whose, rate};
use super::{Socket, peer_credentials, session};
use crate::model::{PersonRole, RefusalKind};
use crate::protocol::RoomLine;

/// Connections in all, and of one person.
const CONNECTIONS: usize = 256;
const CONNECTIONS_OF_ONE: usize = 64;
/// When who is turned away may come again.
const COME_AGAIN: Duration = Duration::from_secs(5);
/// Of all, so many are for operators: a room full of watchers must not keep out those who act.
const FOR_OPERATORS: usize = 32;
/// Of those that are for operators, so many are one's own at the most: nor must one of them keep out the others.
const OF_ONE_OPERATOR: usize = 8;
/// One line in the program's log about one uid in this time.
const SAY_EVERY: Duration = Duration::from_secs(1);
/// Uids whose last line is remembered.
const REMEMBERED: usize = 256;

/// Accepts connections and runs a session for each.
pub(super) struct Door {
    pub shared: Arc<RoomContext>,
    pub engine: mpsc::Sender<EngineMessage>,
    pub news: Broadcasts,
    pub stop: CancellationToken,
    pub sessions: TaskTracker,
}

impl Door {
    pub(super) async fn listen(self, socket: Socket) {
        let seats = Seats::default();
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = socket.listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of descriptors, most likely: waiting is all that helps.
                    tracing::warn!(%error, "no connection can be accepted; it is tried again every second");
                    tokio::time::sleep(SAY_EVERY).await;
                    continue;
                }
            };
            let Ok(peer) = peer_credentials::Peer::of(&stream) else { continue };
            // In a drill the name decides, and the name comes later.
            let drill = self.shared.drill.is_some();
            let known = peer_credentials::judge(peer, &self.shared.config);
            let acts = drill || known.role >= PersonRole::Operator;
            let whose = if drill { Whose::Account(peer.uid) } else { peer_credentials::whose(peer, &known) };
            let seat = match seats.take(whose, acts) {
                Ok(seat) => seat,
                Err(why) => {
                    turn_away(&stream, why);
                    let now = self.shared.clock.boot();
                    self.shared.refusals().count(&known.actor, RefusalKind::Rate, "connect", None, now);
                    seats.say(peer.uid, "too many connections");
                    continue;
                }
            };
            let (shared, engine, news) = (self.shared.clone(), self.engine.clone(), self.news.clone());
            let stop = self.stop.clone();
            self.sessions.spawn(async move {
                if let Err(why) = session::serve(stream, peer, shared, engine, news, stop).await {
                    seat.seats.say(peer.uid, &why);
                }
            });
        }
    }
}

/// Says why there is no place. What does not fit into the socket at once is not said: nobody waits for this one.
fn turn_away(stream: &UnixStream, why: &str) {
    if let Ok(mut line) = serde_json::to_vec(&RoomLine::Bye(rate(why, COME_AGAIN))) {
        line.push(b'\n');
        let _ = stream.try_write(&line);
    }
}

/// Who holds how many places, and when a line about them was last written.
#[derive(Clone, Default)]
struct Seats(Arc<Mutex<ConnectionCounts>>);

#[derive(Default)]
struct ConnectionCounts {
    places: BTreeMap<Whose, usize>,
    said: BTreeMap<u32, Instant>,
}

impl Seats {
    /// A place, or why there is none.
    fn take(&self, whose: Whose, acts: bool) -> Result<Seat, &'static str> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = held.places.get(&whose).copied().unwrap_or_default();
        let most = if acts && mine < OF_ONE_OPERATOR { CONNECTIONS } else { CONNECTIONS - FOR_OPERATORS };
        if mine >= CONNECTIONS_OF_ONE {
            return Err("you have as many connections as one person may; close some of them");
        }
        if held.places.values().sum::<usize>() >= most {
            return Err("the room has as many connections as it takes");
        }
        held.places.insert(whose.clone(), mine + 1);
        Ok(Seat { seats: self.clone(), whose })
    }

    /// Logs why a connection ended, unless something was said of this uid a moment ago.
    fn say(&self, uid: u32, why: &str) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.said.len() > REMEMBERED {
            held.said.retain(|_, at| at.elapsed() < SAY_EVERY);
        }
        if held.said.get(&uid).is_none_or(|at| at.elapsed() >= SAY_EVERY) {
            held.said.insert(uid, Instant::now());
            tracing::info!(uid, %why, "connection ended");
        }
    }
}

/// One connection's place; given back on drop.
struct Seat {
    seats: Seats,
    whose: Whose,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut held = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(n) = held.places.get_mut(&self.whose) {
            *n -= 1;
            if *n == 0 {
                held.places.remove(&self.whose);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watchers_leave_places_for_those_who_act_and_nobody_takes_them_all() {
        let seats = Seats::default();
        let mut taken: Vec<Seat> = Vec::new();
        for uid in 1..=4 {
            taken.extend(std::iter::from_fn(|| seats.take(Whose::Account(uid), false).ok()));
        }
        assert_eq!(taken.len(), CONNECTIONS - FOR_OPERATORS);
        assert!(seats.take(Whose::Account(9), false).is_err(), "no more watchers");
        let acting = |name: &str| -> Vec<Seat> {
            std::iter::from_fn(|| seats.take(Whose::Person(name.into()), true).ok()).collect()
        };
        let (ana, sam) = (acting("ana"), acting("sam"));
        assert_eq!((ana.len(), sam.len()), (OF_ONE_OPERATOR, OF_ONE_OPERATOR), "one leaves places to the other");
        drop(taken);
        let one = || seats.take(Whose::Account(1), false).ok();
        assert_eq!(std::iter::from_fn(one).take(100).collect::<Vec<_>>().len(), CONNECTIONS_OF_ONE);
    }
}
