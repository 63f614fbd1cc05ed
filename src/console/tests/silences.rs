//! Silencing by keys: a form, a preview of all that it hits, a typed word; nothing on a key alone.

use std::time::Duration;

use crate::console::app::Console;
use crate::console::input::{AskFailure, Input};
use crate::console::screenshot::to_text;
use crate::console::{Effect, update, view};
use crate::model::facts::{Matcher, Open};
use crate::model::silence::{Hit, SilenceChange, SilenceOutcome, SilencePreview};
use crate::model::{Digest, IncidentId, Refusal, RefusalKind, SourceId, System};
use crate::protocol::{Reply, Request};

use super::fixture::{SILENCE, app, later, look, press};

fn text(app: &Console) -> String {
    to_text(&view::draw(app, &look("dark")))
}

fn asked(effects: &[Effect]) -> (u64, Request) {
    match effects {
        [Effect::Ask { tag, request }] => (*tag, request.clone()),
        other => panic!("one request was expected, not {other:?}"),
    }
}

fn reply(app: &mut Console, tag: u64, result: Result<Reply, AskFailure>) {
    let now = later(app, Duration::from_millis(20));
    update(app, Input::Reply { tag, result }, now);
}

pub fn preview(change: SilenceChange, grave: bool) -> SilencePreview {
    let hit = |name: &str, severity: &str| Hit {
        fingerprint: name.to_owned(),
        name: name.into(),
        severity: Open::new(severity),
        grade: crate::model::AlertWords::default().grade(name, severity),
        place: "primary".into(),
        service: None,
        quiet: false,
        unsure: false,
    };
    SilencePreview {
        change,
        incident: IncidentId::from("INC-2026-11-22-01"),
        instance: SourceId::new(System::Alertmanager, "am-1"),
        title: "Silence alertname=\"etcdMembersDown\" for 1 h, until 15:55:42 UTC".into(),
        ends_at: None,
        hits: vec![hit("etcdMembersDown", "critical"), hit("NodeNotReady", "warning")],
        total: 2,
        critical: 1,
        warnings: vec!["it keeps 1 critical quiet: etcdMembersDown".into()],
        confirm: "etcdMembersDown".into(),
        grave,
        digest: Digest([7; 32]),
    }
}

/// The form filled in and the preview on the screen.
fn previewed() -> (Console, Digest) {
    let mut app = app("sam", (120, 40));
    assert!(press(&mut app, "m").is_empty(), "a key alone asks nobody for anything");
    assert!(text(&app).contains("alertname=\"etcdMembersDown\""), "{}", text(&app));
    assert!(press(&mut app, "<enter>").is_empty(), "without a reason nothing is asked");
    assert!(text(&app).contains("Say why"), "{}", text(&app));
    let (tag, request) = asked(&press(&mut app, "known<enter>"));
    let Request::SilencePreview { change } = request else { panic!("{request:?}") };
    let SilenceChange::Create { matchers, for_s, reason } = &change else { panic!("{change:?}") };
    assert_eq!((matchers[0].clone(), *for_s), (Matcher::equal("alertname", "etcdMembersDown"), 3600));
    assert_eq!(reason, "known");
    let shown = preview(change, true);
    let digest = shown.digest;
    reply(&mut app, tag, Ok(Reply::Silence(Box::new(shown))));
    (app, digest)
}

#[test]
fn a_silence_is_a_form_a_preview_and_a_typed_word() {
    let (mut app, digest) = previewed();
    let frame = text(&app);
    for words in ["it keeps 1 critical quiet", "2 alerts now, 1 critical", "NodeNotReady", "type etcdMembersDown"] {
        assert!(frame.contains(words), "{words}:\n{frame}");
    }
    assert!(press(&mut app, "<enter>").is_empty() && text(&app).contains("Nothing was sent"));
    assert!(press(&mut app, "etcd<enter>").is_empty(), "half a word confirms nothing");
    let now = later(&app, Duration::from_millis(500));
    update(&mut app, Input::Paste("etcdMembersDown".to_owned()), now);
    assert!(press(&mut app, "<enter>").is_empty(), "a paste confirms nothing");
    let (tag, request) = asked(&press(&mut app, "etcdMembersDown<enter>"));
    assert_eq!(request, Request::Silence { digest, confirm: "etcdMembersDown".to_owned() });
    assert!(press(&mut app, "<enter><enter>").is_empty(), "it is sent once");
    let refusal = Refusal::new(RefusalKind::Drift, "It would now hit more.", "Preview it again.");
    reply(&mut app, tag, Err(AskFailure::Refused(refusal)));
    assert!(text(&app).contains("It would now hit more. Preview it again."));
    press(&mut app, "<esc>");
    assert!(text(&app).contains("because"), "Esc goes back to the form: {}", text(&app));
    press(&mut app, "<esc>");
    assert!(app.overlays.is_empty());
}

#[test]
fn keys_of_the_first_moment_are_not_meant_for_a_preview() {
    let (mut app, _) = previewed();
    for key in crate::console::keymap::keys("etcdMembersDown<enter>").unwrap() {
        let now = later(&app, Duration::from_millis(10));
        assert!(update(&mut app, Input::Key(key), now).is_empty());
    }
    assert!(text(&app).contains("type etcdMembersDown: ▏"), "{}", text(&app));
}

#[test]
fn how_it_ended_is_said() {
    for (outcome, words) in [
        (SilenceOutcome::Done, "Done: it is"),
        (SilenceOutcome::Failed, "did not take it: it is"),
        (SilenceOutcome::Unknown, "Not known whether alertmanager/am-1 took it: it is"),
    ] {
        let (mut app, _) = previewed();
        let (tag, _) = asked(&press(&mut app, "etcdMembersDown<enter>"));
        let over = Reply::Silenced { seq: 9, outcome, silence: None, says: "it is".into() };
        reply(&mut app, tag, Ok(over));
        assert!(app.overlays.is_empty() && text(&app).contains(words), "{words}: {}", text(&app));
    }
}

#[test]
fn silences_are_listed_and_ending_one_is_previewed() {
    let mut app = app("sam", (120, 40));
    press(&mut app, "M");
    let frame = text(&app);
    assert!(frame.contains("alertname=\"KubeletTooManyPods\"") && frame.contains("1 alerts · sam"), "{frame}");
    let (tag, request) = asked(&press(&mut app, "<enter>"));
    let expire = SilenceChange::Expire { id: SILENCE.to_owned() };
    assert_eq!(request, Request::SilencePreview { change: expire.clone() });
    let shown = SilencePreview { confirm: "5a1e0c2d".into(), ..preview(expire, false) };
    reply(&mut app, tag, Ok(Reply::Silence(Box::new(shown))));
    assert!(press(&mut app, "<enter>").is_empty(), "ending one wants a typed word too");
    let (_, request) = asked(&press(&mut app, "5a1e0c2d<enter>"));
    assert!(matches!(request, Request::Silence { .. }));
}

#[test]
fn whoever_may_not_act_gets_a_word_and_no_form() {
    let mut app = app("sam", (120, 40));
    app.readonly = true;
    press(&mut app, "m");
    assert!(app.overlays.is_empty() && text(&app).contains("read-only"), "{}", text(&app));
}

#[test]
fn forms_and_previews_fit_any_size() {
    let (mut app, _) = previewed();
    for size in [(0, 0), (1, 1), (5, 3), (40, 12), (80, 24), (400, 120)] {
        let now = later(&app, Duration::from_secs(1));
        update(&mut app, Input::Resize(size.0, size.1), now);
        text(&app);
    }
    press(&mut app, "<esc>");
    for size in [(0, 0), (1, 1), (5, 3), (40, 12)] {
        let now = later(&app, Duration::from_secs(1));
        update(&mut app, Input::Resize(size.0, size.1), now);
        text(&app);
    }
}
