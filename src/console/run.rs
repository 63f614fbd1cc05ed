//! The loop: inputs from keys, the room and the clock in one stream; effects run; frames at most thirty a second, and only
//! when something is to be seen.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event, EventStream, KeyEventKind};
use futures::{Stream, StreamExt, stream};
use ratatui::buffer::Buffer;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use crate::client::ClientEvent;
use crate::clock::Clock;

use super::app::App;
use super::asker::Asker;
use super::effect::Effect;
use super::input::{Input, Now};
use super::keymap::{Key, Keymap};
use super::terminal::{Surface, Terminal};
use super::theme::Look;
use super::update::update;
use super::view;
use super::widget::time::Zone;

/// What a console needs.
pub struct RunOptions {
    pub asker: Arc<dyn Asker>,
    pub events: mpsc::Receiver<ClientEvent>,
    /// Follows the room's.
    pub clock: Clock,
    pub look: Look,
    pub keymap: Keymap,
    pub zone: Zone,
    /// Nothing that this console does may change anything.
    pub readonly: bool,
    /// The room lives in this process: leaving ends it.
    pub hosts: bool,
    /// Ends the console from outside.
    pub stop: CancellationToken,
}

/// Why the console ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// The person left.
    Left,
    /// A signal: its number.
    Signal(i32),
    /// It was stopped from outside, or the terminal went away.
    Stopped,
}

/// The least time between two frames.
const FRAME: Duration = Duration::from_millis(33);
/// How often ages are looked at.
const TICK: Duration = Duration::from_secs(1);
/// Inputs taken in before the screen gets its turn.
const BATCH: usize = 256;
/// Answers that may wait to be taken in.
const REPLIES: usize = 16;

/// Runs a console on this process's terminal until the person leaves.
///
/// # Errors
/// If there is no terminal, or it fails.
pub async fn run(options: RunOptions) -> io::Result<ExitReason> {
    let mut terminal = Terminal::open()?;
    let size = Terminal::size();
    let stop = options.stop.clone();
    let keys = EventStream::new().filter_map(|event| std::future::ready(event.ok().and_then(input_of)));
    let reason = tokio::select! {
        reason = drive(options, size, &mut terminal, keys) => reason,
        signal = signals() => signal.map(ExitReason::Signal),
        () = stop.cancelled() => Ok(ExitReason::Stopped),
    };
    drop(terminal);
    reason
}

async fn signals() -> io::Result<i32> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = term.recv() => Ok(15),
        _ = hangup.recv() => Ok(1),
        _ = interrupt.recv() => Ok(2),
    }
}

/// A terminal's event as an input.
fn input_of(event: Event) -> Option<Input> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(Input::Key(Key::of(key))),
        Event::Paste(text) => Some(Input::Paste(text)),
        Event::Resize(columns, rows) => Some(Input::Resize(columns, rows)),
        _ => None,
    }
}

/// The loop itself, on any surface and any stream of keys.
pub async fn drive(
    options: RunOptions,
    size: (u16, u16),
    surface: &mut impl Surface,
    keys: impl Stream<Item = Input>,
) -> io::Result<ExitReason> {
    let RunOptions { asker, events, clock, look, keymap, zone, readonly, hosts, .. } = options;
    let started = Instant::now();
    let mut app = App::new(clock.clone(), keymap, zone, size);
    app.readonly = readonly;
    app.hosts = hosts;
    let (replies_in, replies) = mpsc::channel::<Input>(REPLIES);
    // What has already come is taken in together: a storm costs one frame, not a thousand.
    let events = ReceiverStream::new(events).map(|event| Input::Room(Box::new(event)));
    let mut heard = stream::select(ReceiverStream::new(replies), events).ready_chunks(BATCH);
    let mut keys = std::pin::pin!(keys.fuse());
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut painter = Painter::new();
    loop {
        let batch = tokio::select! {
            biased;
            key = keys.next() => match key {
                Some(key) => vec![key],
                None => return Ok(ExitReason::Stopped),
            },
            Some(inputs) = heard.next() => inputs,
            _ = tick.tick() => vec![Input::Tick],
            () = painter.wait(), if app.dirty => Vec::new(),
        };
        for input in batch {
            let now = Now { room: clock.now(), real: started.elapsed() };
            for effect in update(&mut app, input, now) {
                match effect {
                    Effect::Ask { tag, request } => carry(&asker, &replies_in, tag, request),
                    Effect::Copy(text) => surface.copy(&text)?,
                    Effect::Suspend => {
                        surface.suspend()?;
                        app.size = Terminal::size();
                        painter.whole = true;
                    }
                    Effect::Redraw => painter.whole = true,
                    Effect::Quit => return Ok(ExitReason::Left),
                }
            }
        }
        if app.dirty && painter.may_draw() {
            painter.paint(surface, &view::draw(&app, &look))?;
            app.dirty = false;
        }
    }
}

/// Asks in a task of its own: a slow room does not stop the screen. `App` bounds how many are under way.
fn carry(asker: &Arc<dyn Asker>, back: &mpsc::Sender<Input>, tag: u64, request: crate::protocol::Request) {
    let (asker, back) = (Arc::clone(asker), back.clone());
    tokio::spawn(async move {
        let result = asker.ask(request).await;
        // The console may have ended meanwhile; then nobody is left to tell.
        let _ = back.send(Input::Reply { tag, result }).await;
    });
}

/// Keeps frames apart.
struct Painter {
    next: Instant,
    whole: bool,
    last: Option<Buffer>,
}

impl Painter {
    fn new() -> Self {
        Self { next: Instant::now(), whole: true, last: None }
    }

    fn may_draw(&self) -> bool {
        Instant::now() >= self.next
    }

    async fn wait(&self) {
        tokio::time::sleep_until(self.next).await;
    }

    fn paint(&mut self, surface: &mut impl Surface, frame: &Buffer) -> io::Result<()> {
        if self.whole || self.last.as_ref() != Some(frame) {
            surface.show(frame, self.whole)?;
            self.last = Some(frame.clone());
            self.whole = false;
            self.next = Instant::now() + FRAME;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
