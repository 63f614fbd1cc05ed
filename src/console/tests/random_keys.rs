//! Ten thousand random keys, pastes and resizes at each of three themes: no panic, whatever they open on their way, and no
//! approval or proposal by accident.

use std::time::Duration;

use crossterm::event::KeyCode;

use crate::console::app::Console;
use crate::console::keymap::{KeyContext, KeyPress, Keymap, SHIPPED};
use crate::console::theme::{ColorDepth, Look, Theme};
use crate::console::{Effect, Input, update, view};
use crate::model::{Refusal, RefusalKind, SafeText};
use crate::protocol::{Reply, Request};

use super::fixture::{app, later};
use super::plans;

const STEPS: usize = 10_000;

/// A key: mostly one that some map binds, else anything.
fn any_key(random: &mut fastrand::Rng, bound: &[KeyPress]) -> KeyPress {
    match random.u8(..10) {
        0..=6 => bound[random.usize(..bound.len())],
        7 => KeyPress::plain(KeyCode::Enter),
        8 => KeyPress::plain(KeyCode::Esc),
        _ => KeyPress::plain(KeyCode::Char(random.char('!'..='\u{17f}'))),
    }
}

fn any_paste(random: &mut fastrand::Rng) -> String {
    let hostile = ["!f\n", "shop.example\r\n", "\u{1b}[31m", "\u{202e}", "日本語", "👩\u{200d}🚒", "", " ", "A\tq"];
    (0..random.usize(..40)).map(|_| hostile[random.usize(..hostile.len())]).collect()
}

/// What the room may answer, right or not.
fn any_answer(random: &mut fastrand::Rng) -> Result<Reply, crate::console::AskFailure> {
    let record = plans::record(plans::failover(), crate::approval::PlanState::Proposed, super::fixture::now(), 0);
    match random.u8(..4) {
        0 => Ok(Reply::Recorded { seq: 30 }),
        1 => Ok(Reply::Plan { plan: record.bytes, digest: record.digest, seq: None }),
        2 => Err(crate::console::AskFailure::Gone(SafeText::from("the room went away"))),
        _ => Err(crate::console::AskFailure::Refused(Refusal::new(RefusalKind::Drift, "it changed", "look again"))),
    }
}

fn any_size(random: &mut fastrand::Rng) -> (u16, u16) {
    match random.u8(..8) {
        0 => (random.u16(..4), random.u16(..4)),
        1 => (random.u16(..200), random.u16(..60)),
        _ => (random.u16(20..90), random.u16(5..26)),
    }
}

fn weather(theme: &str, depth: ColorDepth, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let look = Look::new(Theme::shipped(theme).unwrap(), depth, depth == ColorDepth::Mono);
    let maps: Vec<Keymap> = SHIPPED.iter().map(|(name, _)| Keymap::shipped(name).unwrap()).collect();
    let all = maps.iter().flat_map(|map| KeyContext::ALL.into_iter().flat_map(|context| map.bindings(context)));
    let bound: Vec<KeyPress> = all.flat_map(|binding| binding.chord.clone()).collect();
    let mut app = app("sam", (80, 24));
    let mut drawn = 0;
    for step in 0..STEPS {
        let at = later(&app, Duration::from_millis(random.u64(..600)));
        let input = match random.u8(..40) {
            0 => Input::Paste(any_paste(&mut random)),
            1 | 2 => {
                let (columns, rows) = any_size(&mut random);
                Input::Resize(columns, rows)
            }
            3 => Input::Tick,
            _ => Input::Key(any_key(&mut random, &bound)),
        };
        for effect in update(&mut app, input, at) {
            match effect {
                // Nobody types a whole name by accident, and a paste is none.
                Effect::Ask { request: request @ (Request::Approve { .. } | Request::Propose { .. }), .. } => {
                    panic!("{theme} {seed} step {step}: {request:?}");
                }
                Effect::Ask { tag, .. } => {
                    let now = later(&app, Duration::from_millis(5));
                    let result = any_answer(&mut random);
                    update(&mut app, Input::Reply { tag, result }, now);
                }
                // Whoever leaves comes back with another map.
                Effect::Quit | Effect::Interrupt => app = again(&maps[random.usize(..maps.len())]),
                _ => {}
            }
        }
        assert!(app.overlays.len() <= 10 && app.pending.len() < 3, "{:?}", app.overlays);
        // Most frames are overtaken on a real terminal too.
        if random.u8(..3) == 0 {
            view::draw(&app, &look);
            drawn += 1;
        }
    }
    assert!(drawn > STEPS / 4);
}

fn again(map: &Keymap) -> Console {
    let mut app = app("sam", (80, 24));
    app.keymap = map.clone();
    app
}

#[test]
fn a_storm_of_keys_in_the_dark_theme() {
    weather("dark", ColorDepth::TwoFiftySix, 1);
}

#[test]
fn a_storm_of_keys_in_the_light_theme() {
    weather("light", ColorDepth::Sixteen, 2);
}

#[test]
fn a_storm_of_keys_without_colour_in_ascii() {
    weather("mono", ColorDepth::Mono, 3);
}
