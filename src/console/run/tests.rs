//! The loop on a fake surface: what is drawn, when nothing is, and how it ends.

use std::sync::Mutex;

use async_trait::async_trait;
use futures::stream;

use super::*;
use crate::console::input::AskFailure;
use crate::console::keymap::KeyPress;
use crate::console::tests::fixture;
use crate::console::theme::{ColorDepth, Theme};
use crate::model::{RefusalKind, SafeText};
use crate::protocol::{Reply, Request};

/// Counts the frames it was shown.
#[derive(Default)]
struct Screen {
    frames: usize,
    /// When each was shown.
    at: Vec<Instant>,
    last: Option<Buffer>,
    copied: Vec<SafeText>,
    titles: Vec<SafeText>,
    called: Vec<SafeText>,
    mouse: Vec<bool>,
    /// Takes nothing any more.
    stuck: bool,
}

impl Surface for Screen {
    fn show(&mut self, frame: &Buffer, _whole: bool) -> io::Result<()> {
        self.frames += 1;
        self.at.push(Instant::now());
        self.last = Some(frame.clone());
        Ok(())
    }

    fn copy(&mut self, text: &SafeText) -> io::Result<()> {
        self.copied.push(text.clone());
        Ok(())
    }

    fn title(&mut self, text: &SafeText) -> io::Result<()> {
        if self.titles.last() != Some(text) {
            self.titles.push(text.clone());
        }
        Ok(())
    }

    fn call(&mut self, text: &SafeText, _focused: bool) -> io::Result<()> {
        self.called.push(text.clone());
        Ok(())
    }

    fn mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse.push(on);
        Ok(())
    }

    async fn free(&self) {
        if self.stuck {
            std::future::pending::<()>().await;
        }
    }

    fn busy(&self) -> bool {
        self.stuck
    }

    async fn suspend(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct RecordingPort(Mutex<Vec<Request>>);

#[async_trait]
impl RequestPort for RecordingPort {
    async fn ask(&self, request: Request) -> Result<Reply, AskFailure> {
        self.0.lock().unwrap().push(request);
        Ok(Reply::Recorded { seq: 1 })
    }
}

fn options(events: mpsc::Receiver<ClientEvent>) -> RunOptions {
    RunOptions {
        memory: None,
        asker: Arc::new(RecordingPort(Mutex::new(Vec::new()))),
        events,
        clock: Clock::manual(fixture::now()),
        look: Look::new(Theme::shipped("dark").unwrap(), ColorDepth::TwoFiftySix, false),
        keymap: Keymap::shipped("default").unwrap(),
        zone: Zone::default(),
        readonly: false,
        hosts: false,
        bell: true,
        mouse: false,
        stop: CancellationToken::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_drawn_twice_while_nothing_changes() {
    let (_keep, events) = mpsc::channel(4);
    let mut screen = Screen::default();
    let idle = drive(options(events), (80, 24), &mut screen, stream::pending());
    // A minute of ticks on a clock that stands still: one frame.
    assert!(tokio::time::timeout(Duration::from_secs(60), idle).await.is_err());
    assert_eq!(screen.frames, 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_drawn_and_q_leaves() {
    let (_keep, events) = mpsc::channel(4);
    let mut screen = Screen::default();
    let script = stream::iter(["?", "<esc>", "q"]).then(|key| async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Input::Key(KeyPress::parse(key).unwrap())
    });
    let reason = drive(options(events), (80, 24), &mut screen, script.chain(stream::pending())).await.unwrap();
    assert_eq!(reason, ExitReason::Left);
    assert!(screen.frames >= 3, "{}", screen.frames);
}

/// A line has room for why the room is not reached.
const WIDE: (u16, u16) = (160, 24);

/// Something that the room has to say, different from all others.
fn change(n: u64) -> ClientEvent {
    ClientEvent::Lost { why: SafeText::from(format!("attempt {n}")) }
}

/// A change each millisecond for so long, and no key but those.
async fn in_a_storm(lasts: u64, keys: impl Stream<Item = Input>) -> (Instant, Screen) {
    let (send, events) = mpsc::channel(64);
    let mut screen = Screen::default();
    let began = Instant::now();
    let storm = async {
        for n in 0..lasts {
            if send.send(change(n)).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let running = drive(options(events), WIDE, &mut screen, keys.chain(stream::pending()));
    let limit = Duration::from_millis(lasts);
    let (_, ended) = futures::future::join(storm, tokio::time::timeout(limit, running)).await;
    assert!(ended.is_err(), "it runs on");
    (began, screen)
}

#[tokio::test(start_paused = true)]
async fn what_the_room_says_is_shown_ten_times_a_second_and_in_a_storm_five_times() {
    let (began, screen) = in_a_storm(6_000, stream::empty()).await;
    let within = |from: u64, to: u64| {
        let ms = |at: &&Instant| (from..to).contains(&(at.duration_since(began).as_millis() as u64));
        screen.at.iter().filter(ms).count()
    };
    assert!((9..=11).contains(&within(0, 1_000)), "{:?}", screen.at);
    assert!((4..=6).contains(&within(4_000, 5_000)), "{:?}", screen.at);
    assert!(screen.frames <= 45, "{} frames in six seconds", screen.frames);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_shown_at_once_whatever_the_room_says() {
    let key = |at: u64, key: &'static str| async move {
        tokio::time::sleep(Duration::from_millis(at)).await;
        Input::Key(KeyPress::parse(key).unwrap())
    };
    let keys = stream::once(key(4_033, "?")).chain(stream::once(key(7, "<esc>")));
    let (began, screen) = in_a_storm(5_000, keys).await;
    for pressed in [4_033, 4_040] {
        let shown = began + Duration::from_millis(pressed);
        assert!(screen.at.contains(&shown), "{pressed}: {:?}", screen.at);
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_change_after_a_while_is_shown_at_once_and_the_next_a_little_later() {
    let (send, events) = mpsc::channel(4);
    let mut screen = Screen::default();
    let began = Instant::now();
    let few = async {
        // Between two ticks of the clock, which draw too.
        for (n, after) in [(0, 1_350), (1, 20), (2, 10)] {
            tokio::time::sleep(Duration::from_millis(after)).await;
            send.send(change(n)).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(400)).await;
    };
    let running = drive(options(events), WIDE, &mut screen, stream::pending());
    let limit = tokio::time::timeout(Duration::from_millis(1_780), running);
    let (_, ended) = futures::future::join(few, limit).await;
    assert!(ended.is_err());
    let shown: Vec<u128> = screen.at.iter().map(|at| at.duration_since(began).as_millis()).collect();
    assert_eq!(shown, [0, 1_350, 1_450]);
}

#[tokio::test(start_paused = true)]
async fn a_surface_that_takes_nothing_gets_nothing_and_keys_still_count() {
    let (send, events) = mpsc::channel(64);
    let mut screen = Screen { stuck: true, ..Screen::default() };
    let storm = async {
        // Everything is taken in although nothing can be shown: the room is not held up either.
        for i in 0..500u64 {
            send.send(ClientEvent::Lost { why: SafeText::from(format!("attempt {i}")) }).await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    let quit = stream::once(async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        Input::Key(KeyPress::parse("q").unwrap())
    });
    let running = drive(options(events), (80, 24), &mut screen, quit.chain(stream::pending()));
    let (_, reason) = futures::future::join(storm, running).await;
    assert_eq!((reason.unwrap(), screen.frames), (ExitReason::Left, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_ends_a_console_that_has_shown_nothing_and_no_other() {
    let refusal = Refusal::new(RefusalKind::Unmapped, "nobody knows you", "ask an operator");
    let (send, events) = mpsc::channel(4);
    send.send(ClientEvent::Refused(refusal.clone())).await.unwrap();
    let mut screen = Screen::default();
    let reason = drive(options(events), (80, 24), &mut screen, stream::pending()).await.unwrap();
    assert_eq!(reason, ExitReason::Refused(refusal.clone()));

    let (send, events) = mpsc::channel(4);
    send.send(ClientEvent::Linked(Box::new(fixture::welcome("ana")))).await.unwrap();
    send.send(ClientEvent::Refused(refusal)).await.unwrap();
    let running = drive(options(events), (120, 24), &mut screen, stream::pending());
    assert!(tokio::time::timeout(Duration::from_secs(2), running).await.is_err(), "what is on the screen stays");
    let shown = crate::console::screenshot::to_text(&screen.last.unwrap());
    assert!(shown.contains("THE ROOM REFUSES THIS CONSOLE") && shown.contains("nobody knows you"), "{shown}");
}

#[tokio::test]
async fn without_keys_there_is_no_terminal() {
    let mut inputs = std::pin::pin!(ends_with(stream::iter([Input::Tick]), stream::pending()));
    assert!(inputs.next().await.is_some());
    assert!(inputs.next().await.is_none(), "although the other stream goes on");
}

#[tokio::test(start_paused = true)]
async fn the_mouse_is_taken_from_the_start_only_where_that_was_asked_for() {
    for asked in [false, true] {
        let (_keep, events) = mpsc::channel(4);
        let mut screen = Screen::default();
        let idle = drive(RunOptions { mouse: asked, ..options(events) }, (80, 24), &mut screen, stream::pending());
        assert!(tokio::time::timeout(Duration::from_secs(2), idle).await.is_err());
        assert_eq!(screen.mouse, vec![true; usize::from(asked)]);
    }
}
