//! Plain mode on this process's stdin and stdout, whatever they are: lines in, lines out, nothing else.

use std::io::{self, BufRead, IsTerminal, Read};
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_stream::wrappers::ReceiverStream;

use crate::console::app::Console;
use crate::console::effect::Effect;
use crate::console::input::{Input, Now};
use crate::console::run::{BATCH, ExitReason, REPLIES, RunOptions, carry, signals, turned_away};
use crate::console::terminal::{Terminal, writer::TerminalWriter};
use crate::console::widget::text;

use super::grammar;
use super::{AHEAD, Heard, Plain, PlainLine, sections};

/// The longest line that is taken, its end included; what is longer is refused whole: half a line may mean something else.
const LONGEST: u64 = 8 * 1024;
/// How often time is looked at.
const TICK: Duration = Duration::from_secs(1);

/// What plain mode needs beside what a console needs.
pub struct PlainOptions {
    /// Of its look only whether it is ASCII counts; bell, mouse and memory are not used.
    pub console: RunOptions,
    /// Nothing is read: it only tells, until it is stopped.
    pub no_input: bool,
}

/// Runs plain mode until the person or the script leaves.
///
/// # Errors
/// If stdout fails; a reader that went away is no failure.
pub async fn run(options: PlainOptions) -> io::Result<ExitReason> {
    let signals = signals()?;
    let out = TerminalWriter::start(io::stdout())?;
    let lines = if options.no_input { nothing() } else { listen()? };
    let stop = options.console.stop.clone();
    let reason = tokio::select! {
        biased;
        signal = signals => Ok(ExitReason::Signal(signal)),
        () = stop.cancelled() => Ok(ExitReason::Stopped),
        reason = drive(options.console, lines, &out) => reason,
    };
    match reason {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitReason::Left),
        other => other,
    }
}

/// Lines as they are typed; the channel ends with them. Where nothing is ever typed, what would send them is kept.
///
/// Each with the instant at which it was read: it may wait its turn for long while the terminal takes nothing.
type TypedLines = (Option<mpsc::Sender<(Instant, String)>>, mpsc::Receiver<(Instant, String)>);

fn nothing() -> TypedLines {
    let (send, lines) = mpsc::channel(1);
    (Some(send), lines)
}

fn listen() -> io::Result<TypedLines> {
    let (send, lines) = mpsc::channel(AHEAD);
    std::thread::Builder::new().name("lines-in".to_owned()).spawn(move || {
        read(io::stdin().lock(), &send);
    })?;
    Ok((None, lines))
}

fn read(mut from: impl BufRead, to: &mpsc::Sender<(Instant, String)>) {
    loop {
        let mut bytes = Vec::new();
        match from.by_ref().take(LONGEST).read_until(b'\n', &mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let mut line = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
        if bytes.last() != Some(&b'\n') && bytes.len() as u64 == LONGEST {
            if skip_line(&mut from).is_err() {
                return;
            }
            line = grammar::TOO_LONG.to_owned();
        }
        if to.blocking_send((Instant::now(), line)).is_err() {
            return;
        }
    }
}

/// Drops the rest of a line that is too long.
fn skip_line(from: &mut impl BufRead) -> io::Result<()> {
    loop {
        let piece = from.fill_buf()?;
        let end = piece.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(piece.len(), |at| at + 1);
        let over = end.is_some() || piece.is_empty();
        from.consume(used);
        if over {
            return Ok(());
        }
    }
}

async fn drive(options: RunOptions, lines: TypedLines, out: &TerminalWriter) -> io::Result<ExitReason> {
    let RunOptions { asker, events, clock, look, keymap, zone, readonly, hosts, .. } = options;
    let started = Instant::now();
    // As wide as anything is: nothing is shortened for a screen.
    let mut app = Console::new(clock.clone(), keymap, zone, (sections::WIDE, 60));
    (app.readonly, app.hosts) = (readonly, hosts);
    let mut plain = Plain::new(app, io::stdin().is_terminal(), look.ascii);
    let (replies_in, replies) = mpsc::channel::<Input>(REPLIES);
    let events = ReceiverStream::new(events).map(|event| Input::Room(Box::new(event)));
    let mut heard = stream::select(ReceiverStream::new(replies), events).ready_chunks(BATCH);
    let (_keep, mut lines) = lines;
    let mut ended = false;
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let batch = tokio::select! {
            biased;
            Some(inputs) = heard.next() => inputs.into_iter().map(Heard::Console).collect(),
            line = lines.recv(), if !ended && plain.has_room() => {
                ended = line.is_none();
                vec![line.map_or(Heard::End, |(read, text)| Heard::Typed(text, read.saturating_duration_since(started)))]
            }
            _ = tick.tick() => vec![Heard::Console(Input::Tick)],
        };
        let mut effects = Vec::new();
        for input in batch {
            if let Heard::Console(input) = &input
                && let Some(refusal) = turned_away(&plain.app, input)
            {
                return Ok(ExitReason::Refused(refusal));
            }
            let now = Now { room: clock.now(), real: started.elapsed() };
            effects.extend(plain.hear(input, now));
        }
        print(out, &plain.take_lines()).await?;
        plain.has_left(started.elapsed());
        for effect in effects {
            match effect {
                Effect::Ask { tag, request } => carry(&asker, &replies_in, tag, request),
                Effect::Quit => return Ok(plain.reason()),
                // There is no screen, no clipboard and nothing to paint again.
                _ => {}
            }
        }
    }
}

/// Prints lines in one piece, and waits until they have left: a reader that is slow slows this console and nobody else.
async fn print(out: &TerminalWriter, lines: &[PlainLine]) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    // A person's terminal breaks lines at words; a file has one fact a line.
    let width = io::stdout().is_terminal().then(|| Terminal::size().0.max(20));
    let bytes: String = lines.iter().map(|line| written(line, width)).collect();
    out.send(bytes.into_bytes())?;
    out.free().await;
    Ok(())
}

/// A line as it is printed: its number, its text, broken at words where there is a width.
fn written(line: &PlainLine, width: Option<u16>) -> String {
    let number = format!("{:>4} ", line.number);
    match width {
        None => format!("{number}{}\n", line.text),
        Some(width) => {
            let indent = u16::try_from(number.len()).unwrap_or(5);
            let parts = text::wrap(&line.text, width.saturating_sub(indent + 1).max(8));
            format!("{number}{}\n", parts.join(&format!("\n{}", " ".repeat(usize::from(indent)))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_broken_only_where_there_is_a_width() {
        let line = PlainLine { number: 14, text: "the primary is unreachable and its state is old".to_owned() };
        assert_eq!(written(&line, None), "  14 the primary is unreachable and its state is old\n");
        assert_eq!(written(&line, Some(24)), "  14 the primary is\n     unreachable and\n     its state is old\n");
    }

    #[test]
    fn a_line_that_is_too_long_is_refused_whole_and_the_next_is_taken() {
        let long = format!("note {}", "x".repeat(20_000));
        let text = format!("one\r\n{long}\ntwo\nlast without an end");
        let (send, mut lines) = mpsc::channel(8);
        read(text.as_bytes(), &send);
        drop(send);
        let mut got = Vec::new();
        while let Some(line) = lines.blocking_recv() {
            got.push(line.1);
        }
        assert_eq!(got, ["one", grammar::TOO_LONG, "two", "last without an end"]);
        let why = grammar::parse(&got[1]).expect_err("no order");
        assert!(why.contains("8 KiB") && why.contains("nothing was done"), "{why}");
    }
}
