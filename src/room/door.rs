//! The door: admits connections up to the limits, and says little about those it turns away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::engine::Command;
use super::news::News;
use super::shared::Shared;
use super::{Socket, peer, session};
use crate::model::Role;

/// Connections in all, and of one uid.
const CONNECTIONS: usize = 256;
const CONNECTIONS_OF_ONE: usize = 64;
/// Of all, so many are for operators: a room full of watchers must not keep out those who act.
const FOR_OPERATORS: usize = 32;
/// One line in the program's log about one uid in this time.
const SAY_EVERY: Duration = Duration::from_secs(1);
/// Uids whose last line is remembered.
const REMEMBERED: usize = 256;

/// Accepts connections and runs a session for each.
pub struct Door {
    pub shared: Arc<Shared>,
    pub engine: mpsc::Sender<Command>,
    pub news: News,
    pub stop: CancellationToken,
    pub sessions: TaskTracker,
}

impl Door {
    pub async fn listen(self, socket: Socket) {
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
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(SAY_EVERY).await;
                    continue;
                }
            };
            let Ok(peer) = peer::Peer::of(&stream) else { continue };
            // In a drill the name decides, and the name comes later.
            let acts = self.shared.drill.is_some() || peer::judge(peer, &self.shared.config).role >= Role::Operator;
            let Some(seat) = seats.take(peer.uid, acts) else {
                seats.say(peer.uid, "too many connections");
                continue;
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

/// Who holds how many places, and when a line about them was last written.
#[derive(Clone, Default)]
struct Seats(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    places: BTreeMap<u32, usize>,
    said: BTreeMap<u32, Instant>,
}

impl Seats {
    fn take(&self, uid: u32, acts: bool) -> Option<Seat> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let most = if acts { CONNECTIONS } else { CONNECTIONS - FOR_OPERATORS };
        let mine = held.places.get(&uid).copied().unwrap_or_default();
        if held.places.values().sum::<usize>() >= most || mine >= CONNECTIONS_OF_ONE {
            return None;
        }
        held.places.insert(uid, mine + 1);
        Some(Seat { seats: self.clone(), uid })
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
    uid: u32,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut held = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(n) = held.places.get_mut(&self.uid) {
            *n -= 1;
            if *n == 0 {
                held.places.remove(&self.uid);
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
            taken.extend(std::iter::from_fn(|| seats.take(uid, false)));
        }
        assert_eq!(taken.len(), CONNECTIONS - FOR_OPERATORS);
        assert!(seats.take(9, false).is_none(), "no more watchers");
        let acting: Vec<Seat> = std::iter::from_fn(|| seats.take(9, true)).collect();
        assert_eq!(acting.len(), FOR_OPERATORS);
        drop(taken);
        assert_eq!(std::iter::from_fn(|| seats.take(1, false)).take(100).collect::<Vec<_>>().len(), CONNECTIONS_OF_ONE);
    }
}
