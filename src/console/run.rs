//! The loop: inputs from keys, the room and the clock in one stream; effects run; a key's frame at once, the room's paced, and
//! only when something is to be seen.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use ratatui::buffer::Buffer;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_stream::wrappers::{ReceiverStream, SignalStream};
use tokio_util::sync::CancellationToken;

use crate::client::ClientEvent;
use crate::clock::Clock;
use crate::model::Refusal;

use super::app::Console;
use super::effect::Effect;
use super::input::{Input, Now};
use super::keymap::Keymap;
use super::notifications::{self, Notifications};
use super::pacing::Pacing;
use super::request_port::RequestPort;
use super::saved_layout::{Layout, LayoutStore, Scribe};
use super::terminal::{self, Surface, Terminal};
use super::theme::{Look, Role};
use super::update::{absorb, settle, update};
use super::view;
use super::widget::time::Zone;

/// What a console needs.
pub struct RunOptions {
    /// The way to the room for every request.
    pub asker: Arc<dyn RequestPort>,
    /// From the connection, in order; the console goes on when they end.
    pub events: mpsc::Receiver<ClientEvent>,
    /// Follows the room's.
    pub clock: Clock,
    /// Theme, colours and glyphs; may ask the terminal for its background.
    pub look: Look,
    /// Checked already.
    pub keymap: Keymap,
    /// In which times are shown and typed.
    pub zone: Zone,
    /// Nothing that this console does may change anything.
    pub readonly: bool,
    /// The room lives in this process: leaving ends it.
    pub hosts: bool,
    /// A person at another window is called.
    pub bell: bool,
    /// The mouse is taken from the start.
    pub mouse: bool,
    /// Where layout and filters are remembered, if they are.
    pub memory: Option<LayoutStore>,
    /// Ends the console from outside.
    pub stop: CancellationToken,
}

/// Why the console ended.
#[derive(Clone, Debug, PartialEq)]
pub enum ExitReason {
    /// The person left.
    Left,
    /// A signal: its number.
    Signal(i32),
    /// It was stopped from outside.
    Stopped,
    /// The room said no before it showed anything.
    Refused(Refusal),
    /// What a script waited for did not come (plain mode).
    GaveUp(GaveUp),
}

/// Why a wait ended without what it was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GaveUp {
    /// Its limit passed.
    Late,
    /// What would have led there was refused.
    Refused,
    /// The room went away.
    Lost,
}

/// The terminal went away, whether or not a signal says so too.
const HUNG_UP: ExitReason = ExitReason::Signal(Signal::SIGHUP as i32);

/// How long the first frame waits for a terminal that was asked for its background.
const ANSWER: Duration = Duration::from_millis(200);
/// How often ages are looked at.
const TICK: Duration = Duration::from_secs(1);
/// Inputs taken in before the screen gets its turn.
pub(super) const BATCH: usize = 256;
/// Answers that may wait to be taken in.
pub(super) const REPLIES: usize = 16;

/// Runs a console on this process's terminal until the person leaves.
///
/// # Errors
/// If there is no terminal, or it fails.
pub async fn run(options: RunOptions) -> io::Result<ExitReason> {
    // Listened for before the terminal is taken and measured: from here on no signal and no new size is missed.
    let (signals, changes) = (signals()?, changes()?);
    let mut terminal = Terminal::open()?;
    if options.look.asks() {
        terminal.ask_background()?;
    }
    let size = Terminal::size();
    let stop = options.stop.clone();
    let keys = ends_with(ReceiverStream::new(terminal::reader::listen()?), changes);
    let reason = tokio::select! {
        biased;
        signal = signals => Ok(ExitReason::Signal(signal)),
        () = stop.cancelled() => Ok(ExitReason::Stopped),
        reason = drive(options, size, &mut terminal, keys) => reason,
    };
    drop(terminal);
    match reason {
        Err(error) if error.raw_os_error() == Some(Errno::EIO as i32) => Ok(HUNG_UP),
        other => other,
    }
}

/// The first signal that ends a program.
pub(super) fn signals() -> io::Result<impl Future<Output = i32>> {
    let mut heard = stream::SelectAll::new();
    for kind in [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt(), SignalKind::quit()] {
        let stream = SignalStream::new(signal(kind)?);
        heard.push(stream.map(move |()| kind.as_raw_value()));
    }
    Ok(async move { heard.next().await.unwrap_or_default() })
}

/// What happens to the terminal besides keys: another size, or a stop that is over.
fn changes() -> io::Result<impl Stream<Item = Input>> {
    let resized = SignalStream::new(signal(SignalKind::window_change())?).map(|()| resized());
    let continued = SignalStream::new(signal(SignalKind::from_raw(Signal::SIGCONT as i32))?);
    let continued = continued.map(|()| {
        terminal::regain();
        let (columns, rows) = Terminal::size();
        Input::Continued(columns, rows)
    });
    // A stop from outside gives the terminal back like the key does.
    let stopped = SignalStream::new(signal(SignalKind::from_raw(Signal::SIGTSTP as i32))?);
    let stopped = stopped.filter_map(|()| std::future::ready((!terminal::is_our_stop()).then_some(Input::Stop)));
    Ok(stream::select(stream::select(resized, continued), stopped))
}

fn resized() -> Input {
    let (columns, rows) = Terminal::size();
    Input::Resize(columns, rows)
}

/// Both streams, until the first one ends: without keys there is no terminal.
fn ends_with(keys: impl Stream<Item = Input>, beside: impl Stream<Item = Input>) -> impl Stream<Item = Input> {
    let keys = keys.map(Some).chain(stream::iter([None]));
    stream::select(keys, beside.map(Some))
        .take_while(|input| std::future::ready(input.is_some()))
        .filter_map(std::future::ready)
}

/// The loop itself, on any surface and any stream of keys.
pub async fn drive(
    options: RunOptions,
    size: (u16, u16),
    surface: &mut impl Surface,
    keys: impl Stream<Item = Input>,
) -> io::Result<ExitReason> {
    if options.mouse {
        surface.mouse(true)?;
    }
    let scribe = options.memory.clone().map(Scribe::start);
    let reason = turn(options, size, surface, keys, scribe.as_ref()).await;
    if let Some(scribe) = scribe {
        scribe.finish().await;
    }
    reason
}

/// A console with what is remembered of the last one.
fn begin(options: &RunOptions, size: (u16, u16)) -> Console {
    let mut app = Console::new(options.clock.clone(), options.keymap.clone(), options.zone.clone(), size);
    app.readonly = options.readonly;
    app.hosts = options.hosts;
    app.mouse = options.mouse;
    if let Some(keeper) = &options.memory {
        app.remembers = true;
        match keeper.read() {
            Ok(Some(layout)) => {
                if let Some(words) = layout.restore(&mut app) {
                    app.say(Role::Accent, words);
                }
            }
            Ok(None) => {}
            Err(words) => app.say(Role::Warning, words),
        }
        app.kept = Layout::of(&app);
    }
    app
}

async fn turn(
    options: RunOptions,
    size: (u16, u16),
    surface: &mut impl Surface,
    keys: impl Stream<Item = Input>,
    scribe: Option<&Scribe>,
) -> io::Result<ExitReason> {
    let started = Instant::now();
    let mut app = begin(&options, size);
    let RunOptions { asker, events, clock, mut look, bell, .. } = options;
    let (replies_in, replies) = mpsc::channel::<Input>(REPLIES);
    // What has already come is taken in together: a storm costs one frame, not a thousand; so does a held key.
    let events = ReceiverStream::new(events).map(|event| Input::Room(Box::new(event)));
    let mut heard = stream::select(ReceiverStream::new(replies), events).ready_chunks(BATCH);
    let mut keys = std::pin::pin!(keys.fuse().ready_chunks(BATCH));
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut painter = Painter::new(if look.asks() { ANSWER } else { Duration::ZERO });
    let mut attention = Notifications::default();
    loop {
        let batch = tokio::select! {
            biased;
            keys = keys.next() => match keys {
                Some(keys) => keys,
                None => return Ok(HUNG_UP),
            },
            Some(inputs) = heard.next() => inputs,
            _ = tick.tick() => vec![Input::Tick],
            () = painter.wait(surface), if app.dirty => Vec::new(),
        };
        for input in batch {
            if let Some(refusal) = turned_away(&app, &input) {
                return Ok(ExitReason::Refused(refusal));
            }
            painter.answered(&mut look, &input, started);
            painter.pacing.heard(&input, Instant::now());
            let now = Now { room: clock.now(), real: started.elapsed() };
            for effect in take_in(&mut app, input, now) {
                match effect {
                    Effect::Ask { tag, request } => carry(&asker, &replies_in, tag, request),
                    Effect::Copy(text) => surface.copy(&text)?,
                    Effect::Remember(layout) => scribe.into_iter().for_each(|it| it.remember((*layout).clone())),
                    Effect::Suspend => {
                        surface.suspend().await?;
                        app.size = Terminal::size();
                        painter.whole = true;
                    }
                    Effect::Mouse(on) => surface.mouse(on)?,
                    Effect::Redraw => painter.whole = true,
                    Effect::Quit => return Ok(ExitReason::Left),
                    Effect::Interrupt => return Ok(ExitReason::Signal(Signal::SIGINT as i32)),
                }
            }
        }
        if bell && let Some(words) = attention.look(&app) {
            surface.call(&words, app.focused)?;
        }
        show(&mut app, &look, surface, &mut painter)?;
    }
}

/// What the room says is put in its place when it is drawn, or before the next key; a key at once.
fn take_in(app: &mut Console, input: Input, now: Now) -> Vec<Effect> {
    match input {
        Input::Room(_) | Input::Reply { .. } | Input::Tick => absorb(app, input, now),
        _ => update(app, input, now),
    }
}

/// Shows what changed, if the surface can be drawn on now.
fn show(app: &mut Console, look: &Look, surface: &mut impl Surface, painter: &mut Painter) -> io::Result<()> {
    if app.dirty && painter.may_draw(surface) {
        settle(app);
        surface.title(&notifications::title(app))?;
        painter.paint(surface, view::draw(app, look))?;
        app.dirty = false;
    }
    Ok(())
}

/// A room that refuses a console which has shown nothing yet ends it: there is nothing to keep on the screen.
pub(super) fn turned_away(app: &Console, input: &Input) -> Option<Refusal> {
    let Input::Room(event) = input else { return None };
    match &**event {
        ClientEvent::Refused(refusal) if app.mirror.welcome.is_none() => Some(refusal.clone()),
        _ => None,
    }
}

/// Asks in a task of its own: a slow room does not stop the screen. `Console` bounds how many are under way.
pub(super) fn carry(
    asker: &Arc<dyn RequestPort>,
    back: &mpsc::Sender<Input>,
    tag: u64,
    request: crate::protocol::Request,
) {
    let (asker, back) = (Arc::clone(asker), back.clone());
    tokio::spawn(async move {
        let result = asker.ask(request).await;
        // The console may have ended meanwhile; then nobody is left to tell.
        let _ = back.send(Input::Reply { tag, result }).await;
    });
}

/// Puts frames on the surface, in their time.
struct Painter {
    pacing: Pacing,
    whole: bool,
    last: Option<Buffer>,
}

impl Painter {
    fn new(hold: Duration) -> Self {
        Self { pacing: Pacing::new(Instant::now() + hold), whole: true, last: None }
    }

    /// The terminal may have said what its background is: the first frame waits no longer. What comes too late changes
    /// nothing any more: colours don't turn under a reader's eyes.
    fn answered(&mut self, look: &mut Look, input: &Input, since: Instant) {
        if let Input::Background(found) = input
            && look.asks()
        {
            let in_time = since.elapsed() <= ANSWER;
            self.whole |= look.answered(found.filter(|_| in_time));
            self.pacing.release();
        }
    }

    fn may_draw(&self, surface: &impl Surface) -> bool {
        !surface.busy() && Instant::now() >= self.pacing.due()
    }

    /// Waits until the next frame may be drawn: not too soon, and not before the last one has left.
    async fn wait(&self, surface: &impl Surface) {
        surface.free().await;
        tokio::time::sleep_until(self.pacing.due()).await;
    }

    fn paint(&mut self, surface: &mut impl Surface, frame: Buffer) -> io::Result<()> {
        self.pacing.drawn(Instant::now());
        if self.whole || self.last.as_ref() != Some(&frame) {
            surface.show(&frame, self.whole)?;
            self.last = Some(frame);
            self.whole = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
