//! Time that goes from one due instant to the next, and only when everything that is to be done at the present one is done.
//!
//! Whoever waits on such a clock is woken alone, in a defined order. Before the next is woken, all tasks of the clock's
//! thread have run to where they wait, and nothing is on its way to them: an exchange with a server or a file that is read
//! says so by [`busy`]. What happens at an instant, and in which order, is then the same on an idle machine and on a busy one.
//!
//! The clock's thread is the one that runs [`Clock::drive`](super::Clock::drive), with all that the clock is to wait for on
//! the same single-threaded runtime. Answers between tasks of one process over a local socket need no word of their own: the
//! kernel has delivered them when the writer's call returns, so a round of the runtime's I/O finds them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

/// Rounds of the runtime in which nothing stirs before all is taken to be done: several more than an exchange has hops
/// between two of the places that [`stir`].
const CALM: u32 = 8;
/// The longest that the clock waits for those that say that they are [`busy`]: more than any exchange may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What is late by more than this in real time is not made up for: the clock goes on at its speed from there.
const MADE_UP_FOR: Duration = Duration::from_secs(2);
/// A wait that is meant in real time is never longer than this on the clock.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Who goes first of those whose time comes at the same instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// What happens in a simulated world.
    World,
    /// Those who look at it. Also everyone who says nothing.
    Look,
    /// Who judges what was seen.
    Judge,
    /// People, who act on what they are shown: by their number.
    Person(usize),
    /// When all others are done.
    Last,
}

/// What goes on beside the clock.
#[derive(Default)]
struct Activity {
    held: AtomicUsize,
    busy: AtomicUsize,
    /// Counts whatever happens.
    stirs: AtomicU64,
    news: Notify,
}

impl Activity {
    fn stir(&self) {
        self.stirs.fetch_add(1, Ordering::SeqCst);
    }

    /// Waits until nobody holds the clock or is busy; false if that took too long.
    async fn free(&self) -> bool {
        while self.held.load(Ordering::SeqCst) > 0 {
            self.news.notified().await;
        }
        let until = Instant::now() + PATIENCE;
        while self.busy.load(Ordering::SeqCst) > 0 {
            if tokio::time::timeout_at(until, self.news.notified()).await.is_err() {
                return false;
            }
        }
        true
    }
}

thread_local! {
    /// The activity that the clock of this thread watches.
    static HERE: RefCell<Option<Arc<Activity>>> = const { RefCell::new(None) };
}

/// Says that this task waits for something that no other task of its thread brings about, until the value is dropped. Costs
/// nothing on a thread without a stepped clock.
pub fn busy() -> Busy {
    let here = HERE.with(|here| here.borrow().clone());
    if let Some(activity) = &here {
        activity.busy.fetch_add(1, Ordering::SeqCst);
        activity.stir();
    }
    Busy(here)
}

/// Says that something happened on this thread.
pub fn stir() {
    HERE.with(|here| {
        if let Some(activity) = here.borrow().as_ref() {
            activity.stir();
        }
    });
}

/// See [`busy`].
#[must_use]
pub struct Busy(Option<Arc<Activity>>);

impl Drop for Busy {
    fn drop(&mut self) {
        if let Some(activity) = &self.0 {
            activity.stir();
            activity.busy.fetch_sub(1, Ordering::SeqCst);
            activity.news.notify_one();
        }
    }
}

/// While it lives, a stepped clock stands still.
#[must_use]
pub struct Hold(Option<Arc<Activity>>);

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(activity) = &self.0 {
            activity.held.fetch_sub(1, Ordering::SeqCst);
            activity.news.notify_one();
        }
    }
}

impl Hold {
    /// For clocks that nobody can hold.
    pub(super) fn none() -> Self {
        Self(None)
    }
}

/// In which order those who wait are woken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct WakeKey {
    at: DateTime<Utc>,
    turn: Turn,
    number: u64,
}

struct SteppedState {
    now: DateTime<Utc>,
    /// Clock seconds per real second; 0 = as fast as all is done.
    speed: f64,
    /// Where real time and the clock were last set side by side.
    anchor: (Instant, DateTime<Utc>),
    waiting: BTreeMap<WakeKey, oneshot::Sender<()>>,
    numbers: u64,
}

/// The hand of such a clock.
pub struct Stepped {
    state: Mutex<SteppedState>,
    activity: Arc<Activity>,
}

impl Stepped {
    /// Stands at `at` until it is driven. `speed` is clock seconds per real second; 0 or less = as fast as all is done.
    pub fn new(at: DateTime<Utc>, speed: f64) -> Self {
        let anchor = (Instant::now(), at);
        let state = SteppedState { now: at, speed, anchor, waiting: BTreeMap::new(), numbers: 0 };
        Self { state: Mutex::new(state), activity: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, SteppedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The instant that was reached; between two of them it stands still.
    pub fn now(&self) -> DateTime<Utc> {
        self.state().now
    }

    /// Clock seconds per real second, as it was given; 0 or less = as fast as all is done.
    pub fn speed(&self) -> f64 {
        self.state().speed
    }

    /// From now on; what was late before is not made up for.
    pub fn set_speed(&self, speed: f64) {
        let mut state = self.state();
        state.speed = speed;
        state.anchor = (Instant::now(), state.now);
        drop(state);
        self.activity.news.notify_one();
    }

    /// Several may hold it: it goes on when the last of them lets go.
    pub fn hold(&self) -> Hold {
        self.activity.held.fetch_add(1, Ordering::SeqCst);
        Hold(Some(self.activity.clone()))
    }

    /// Makes this thread the clock's: [`busy`] and [`stir`] on it are heard.
    pub fn enter(&self) {
        HERE.with(|here| *here.borrow_mut() = Some(self.activity.clone()));
    }

    /// What a wait of so much real time is on this clock: at most a second, so that nobody looks away for long.
    pub fn pause(&self, real: Duration) -> Duration {
        let speed = self.speed();
        if speed > 0.0 { real.mul_f64(speed).min(LONGEST_PAUSE) } else { LONGEST_PAUSE }
    }

    /// Waits for an instant and for the turn in it, even if the instant is the present one.
    pub async fn wait(&self, at: DateTime<Utc>, turn: Turn) {
        let (woken, wakes) = oneshot::channel();
        let key = {
            let mut state = self.state();
            state.numbers += 1;
            let key = WakeKey { at: at.max(state.now), turn, number: state.numbers };
            state.waiting.insert(key, woken);
            key
        };
        self.activity.stir();
        self.activity.news.notify_one();
        let _waits = WaitGuard { stepped: self, key };
        let _ = wakes.await;
    }

    /// Moves the clock for as long as it is polled. `changed` is told when it had to give up what it was late by.
    pub async fn drive(&self, changed: &watch::Sender<u64>) -> Infallible {
        self.enter();
        loop {
            self.settle().await;
            match self.next() {
                Next::Nobody => self.activity.news.notified().await,
                Next::In(real) => {
                    let _ = tokio::time::timeout(real, self.activity.news.notified()).await;
                }
                Next::Now { late } => {
                    self.wake();
                    if late {
                        changed.send_modify(|n| *n += 1);
                    }
                }
            }
        }
    }

    /// Waits until nothing can go on at this instant.
    async fn settle(&self) {
        let (mut calm, mut seen) = (0, self.activity.stirs.load(Ordering::SeqCst));
        while calm < CALM {
            // Every task that can run has run, and the runtime has looked for I/O, when this comes back.
            tokio::task::yield_now().await;
            if !self.activity.free().await {
                tracing::warn!("the drill's clock goes on although something is still on its way");
                return;
            }
            let now = self.activity.stirs.load(Ordering::SeqCst);
            calm = if now == seen { calm + 1 } else { 0 };
            seen = now;
        }
    }

    fn next(&self) -> Next {
        let mut state = self.state();
        let Some((key, _)) = state.waiting.first_key_value() else { return Next::Nobody };
        let at = key.at;
        if at <= state.now || state.speed <= 0.0 {
            return Next::Now { late: false };
        }
        let ahead = (at - state.anchor.1).to_std().unwrap_or_default().as_secs_f64() / state.speed;
        let due = state.anchor.0 + Duration::try_from_secs_f64(ahead).unwrap_or(Duration::from_secs(86_400));
        let now = Instant::now();
        match due.checked_duration_since(now) {
            Some(left) if !left.is_zero() => Next::In(left),
            _ => {
                let late = now - due > MADE_UP_FOR;
                if late {
                    state.anchor = (now, at);
                }
                Next::Now { late }
            }
        }
    }

    fn wake(&self) {
        let mut state = self.state();
        let Some((key, waits)) = state.waiting.pop_first() else { return };
        state.now = state.now.max(key.at);
        drop(state);
        self.activity.stir();
        let _ = waits.send(());
    }
}

enum Next {
    Nobody,
    /// After so much real time.
    In(Duration),
    Now {
        late: bool,
    },
}

/// Takes a wait back that was given up.
struct WaitGuard<'a> {
    stepped: &'a Stepped,
    key: WakeKey,
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        self.stepped.state().waiting.remove(&self.key);
    }
}

/// Adds a time to an instant; too much is the end of time.
pub fn after(at: DateTime<Utc>, time: Duration) -> DateTime<Utc> {
    let time = TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX);
    at.checked_add_signed(time).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::clock::Clock;

    fn clock(speed: f64) -> Clock {
        Clock::stepped("2026-03-10T14:37:00Z".parse().expect("a time"), speed)
    }

    /// Lets a clock run until the work on it is done.
    async fn with<T>(clock: &Clock, work: impl Future<Output = T>) -> T {
        tokio::select! {
            _ = clock.drive() => unreachable!("a clock is driven for ever"),
            done = work => done,
        }
    }

    #[tokio::test]
    async fn those_due_at_one_instant_go_by_their_turns_and_each_is_done_before_the_next() {
        let (clock, (said, heard)) = (clock(0.0), mpsc::channel());
        let hold = clock.hold();
        let people = [Turn::Person(1), Turn::Judge, Turn::Last, Turn::World, Turn::Person(0), Turn::Look];
        let waits: Vec<_> = people
            .map(|turn| {
                let (clock, said) = (clock.clone(), said.clone());
                tokio::spawn(async move {
                    clock.sleep_until_turn(clock.now() + Duration::from_secs(60), turn).await;
                    for step in 0..3 {
                        said.send((turn, step)).expect("heard");
                        // Others could go on now, if they were awake.
                        tokio::task::yield_now().await;
                    }
                })
            })
            .into();
        drop(hold);
        with(&clock, futures::future::join_all(waits)).await;
        let order = [Turn::World, Turn::Look, Turn::Judge, Turn::Person(0), Turn::Person(1), Turn::Last];
        let wanted: Vec<_> = order.iter().flat_map(|turn| (0..3).map(|step| (*turn, step))).collect();
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), wanted);
    }

    #[tokio::test]
    async fn time_waits_for_what_is_on_its_way_however_long_that_takes() {
        let (clock, (said, heard)) = (clock(0.0), mpsc::channel());
        let asks = async {
            clock.sleep(Duration::from_secs(1)).await;
            let busy = busy();
            let answer = tokio::task::spawn_blocking(|| std::thread::sleep(Duration::from_millis(30)));
            answer.await.expect("an answer");
            drop(busy);
            said.send(("answered", clock.now())).expect("heard");
        };
        let later = async {
            clock.sleep(Duration::from_millis(1001)).await;
            said.send(("later", clock.now())).expect("heard");
        };
        with(&clock, futures::future::join(asks, later)).await;
        let start: DateTime<Utc> = "2026-03-10T14:37:00Z".parse().expect("a time");
        let at = |ms| start + TimeDelta::milliseconds(ms);
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), [("answered", at(1000)), ("later", at(1001))]);
    }

    #[tokio::test]
    async fn an_answer_over_a_local_socket_is_part_of_the_instant_in_which_it_was_asked_for() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let clock = clock(0.0);
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                stir();
                let byte = stream.read_u8().await.expect("asked");
                stir();
                stream.write_u8(byte + 1).await.expect("answered");
                stir();
            }
        });
        let asks = async {
            for n in 0..20 {
                clock.sleep(Duration::from_secs(1)).await;
                let asked = clock.now();
                let mut stream = tokio::net::TcpStream::connect(address).await.expect("there");
                stream.write_u8(n).await.expect("asked");
                assert_eq!((stream.read_u8().await.expect("an answer"), clock.now()), (n + 1, asked));
            }
        };
        let others = async {
            loop {
                clock.sleep(Duration::from_millis(1)).await;
            }
        };
        with(&clock, async {
            tokio::select! { () = asks => {}, () = others => {} }
        })
        .await;
    }

    #[tokio::test]
    async fn a_held_clock_stands_still_and_a_wait_that_is_given_up_moves_nothing() {
        let clock = clock(0.0);
        let (hold, begun) = (clock.hold(), clock.now());
        let waited = async { clock.sleep(Duration::from_secs(3600)).await };
        let given_up = with(&clock, tokio::time::timeout(Duration::from_millis(20), waited)).await;
        assert!(given_up.is_err() && clock.now() == begun, "it stood still");
        drop(hold);
        with(&clock, clock.sleep(Duration::from_secs(5))).await;
        assert_eq!(clock.now(), begun + TimeDelta::seconds(5), "nobody waits for the hour any more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_paced_clock_takes_its_time_and_one_that_is_far_behind_goes_on_from_there() {
        let clock = clock(10.0);
        let begun = Instant::now();
        with(&clock, clock.sleep(Duration::from_secs(30))).await;
        assert_eq!(begun.elapsed().as_millis(), 3000);
        clock.set_speed(1.0);
        with(&clock, clock.sleep(Duration::from_secs(30))).await;
        assert_eq!(begun.elapsed().as_millis(), 33_000);
        // The process was stopped for an hour.
        tokio::time::advance(Duration::from_secs(3600)).await;
        let back = Instant::now();
        with(&clock, async {
            clock.sleep(Duration::from_secs(1)).await;
            clock.sleep(Duration::from_secs(30)).await;
        })
        .await;
        assert_eq!(back.elapsed().as_millis(), 30_000);
    }
}
