//! Every key of every key map does what its table says: each binding is pressed where it works, and what it then did is
//! compared with what its command is for. A binding whose command has no row here must at least do something.

use crate::approval::PlanState;
use crate::console::app::{Console, PaneState};
use crate::console::keymap::{Binding, COMMANDS, Command, KeyContext, Keymap, SHIPPED, spell};
use crate::console::overlay::{Overlay, WriteKind};
use crate::console::pane::Pane;
use crate::console::{Effect, Input, availability, update};
use crate::model::PlanId;
use crate::protocol::Request;

use super::fixture::{app, at, later, press};
use super::plans;

/// A person's screen in the place where a binding works, so that its command has something to do.
fn scene(map: &Keymap, binding: &Binding) -> Console {
    let command = binding.command;
    // `sam` is the second person of the plan that waits; `ana` proposed it.
    let me = if command == Command::Withdraw { "ana" } else { "sam" };
    let mut app = app(me, (120, 40));
    let start: &str = match (binding.context, command) {
        (KeyContext::Main, Command::Pin | Command::Amend | Command::Milestone) => "6k",
        (KeyContext::Main, Command::Back) => "f",
        (KeyContext::Main, Command::ShowAll) => "7x",
        (KeyContext::View, Command::NextLink | Command::PrevLink | Command::Open) => "1g<enter>",
        (KeyContext::Main, Command::Up | Command::PageUp | Command::Top) => "5GG",
        (KeyContext::Main, Command::Down | Command::PageDown | Command::Bottom) => "5g",
        (KeyContext::Main, Command::Pane(Pane::Alerts)) => "2",
        (KeyContext::Main, _) => "1",
        (KeyContext::View, Command::Up | Command::PageUp | Command::Top) => "?G",
        (KeyContext::View, Command::Help) => "s",
        (KeyContext::View, _) => "?",
        (KeyContext::Plan, _) => "A",
        (KeyContext::Menu, Command::Up) => "=k",
        (KeyContext::Menu, _) => "=gkk",
        (KeyContext::Entry, Command::Up | Command::Down) => "m<up>",
        (KeyContext::Entry, _) => "iword",
        (KeyContext::Ask, _) => "q",
        (KeyContext::Anywhere, Command::Leave) => "i",
        (KeyContext::Anywhere, _) => "",
    };
    if command == Command::Hold {
        run_the_plan(&mut app);
    }
    press(&mut app, start);
    if binding.context == KeyContext::Plan {
        scrolled(&mut app);
    }
    // The scene is set with the default keys; what is tested is this map.
    app.keymap = map.clone();
    app.notice = None;
    app
}

fn run_the_plan(app: &mut Console) {
    let plans = &mut app.mirror.story.incidents[0].plans.by_id;
    let record = plans.get_mut(&PlanId::from("01KB3Z1RESTORE")).unwrap();
    record.state = PlanState::Executing;
    record.changed_at = at("14:55:12");
}

fn scrolled(app: &mut Console) {
    if let Some(Overlay::Plan(view)) = app.overlays.last_mut() {
        view.scroll = 40;
    }
}

fn pane_of(app: &Console) -> &PaneState {
    app.pane(app.focus)
}

/// What can be seen of an app, in short.
fn seen(app: &Console) -> String {
    let overlays: Vec<String> = app
        .overlays
        .iter()
        .map(|overlay| match overlay {
            Overlay::Help { scroll } | Overlay::Situation { scroll } => format!("read at {scroll}"),
            Overlay::Detail { scroll, link, .. } => format!("read at {scroll}, link {link}"),
            Overlay::Menu(menu) => format!("menu {} at {}", menu.title, menu.cursor),
            Overlay::Plan(view) => format!("plan at {} {:?} {:?}", view.scroll, view.problem, view.sent),
            Overlay::Silence(form) => format!("silence field {}", form.field),
            Overlay::Write(write) => format!("write {:?} {:?}", write.kind, write.sent),
            other => format!("{other:?}"),
        })
        .collect();
    let pane = app.pane(app.focus);
    format!(
        "{overlays:?} {:?} {:?} {} {} {} {} {:?}",
        app.focus,
        pane.cursor,
        pane.index,
        app.zoom,
        app.warnings,
        app.frozen.is_some(),
        app.notice.as_ref().map(|notice| notice.text.to_string()),
    )
}

fn asks(effects: &[Effect], is: impl Fn(&Request) -> bool) -> bool {
    matches!(effects, [Effect::Ask { request, .. }] if is(request))
}

fn scroll(app: &Console) -> usize {
    match app.overlays.last() {
        Some(Overlay::Help { scroll } | Overlay::Situation { scroll } | Overlay::Detail { scroll, .. }) => *scroll,
        Some(Overlay::Plan(view)) => view.scroll,
        Some(Overlay::Menu(menu)) => menu.cursor,
        Some(Overlay::Silence(form)) => form.field,
        _ => app.pane(app.focus).index,
    }
}

/// Whether pressing it did what the command's row says.
fn did(command: Command, context: KeyContext, before: &Console, after: &Console, effects: &[Effect]) -> bool {
    let top = after.overlays.last();
    let grew = after.overlays.len() == before.overlays.len() + 1;
    let shrank = after.overlays.len() + 1 == before.overlays.len();
    let writes = |kind: &WriteKind| matches!(top, Some(Overlay::Write(write)) if write.kind == *kind);
    let pane = |pane: Pane| after.focus == pane && after.overlays.is_empty();
    let (was, is) = (scroll(before), scroll(after));
    match command {
        Command::OpenProposal => matches!(top, Some(Overlay::Plan(_))),
        Command::Note => writes(&WriteKind::Note),
        Command::Decide => writes(&WriteKind::Decision),
        Command::FollowUp => writes(&WriteKind::FollowUp),
        Command::Propose(action) => {
            asks(effects, |it| matches!(it, Request::Preview { action: asked, .. } if *asked == action))
        }
        Command::Filter => matches!(top, Some(Overlay::Filter { .. })),
        Command::Warnings => after.warnings != before.warnings,
        Command::Zoom => after.zoom != before.zoom,
        Command::Split => after.split.is_some() != before.split.is_some(),
        Command::Hide => after.hidden.len() == before.hidden.len() + 1,
        Command::ShowAll => !before.hidden.is_empty() && after.hidden.is_empty(),
        Command::Mark => pane_of(after).marks.len() == pane_of(before).marks.len() + 1,
        Command::Jump => matches!(top, Some(Overlay::Jump { .. })),
        Command::Readiness => matches!(top, Some(Overlay::Readiness { .. })),
        Command::Freeze => after.frozen.is_some() != before.frozen.is_some(),
        Command::Situation => matches!(top, Some(Overlay::Situation { .. })),
        Command::TakeCommand => matches!(top, Some(Overlay::Menu(menu)) if menu.title.contains("Take over")),
        Command::SetStatus => matches!(top, Some(Overlay::Menu(menu)) if menu.title.contains("status")),
        Command::Amend => matches!(top, Some(Overlay::Write(write)) if matches!(write.kind, WriteKind::Amend(_))),
        Command::Pin => asks(effects, |it| matches!(it, Request::Pin { .. })),
        Command::Milestone => matches!(top, Some(Overlay::Menu(menu)) if menu.title.starts_with("Mark entry")),
        Command::Silence => matches!(top, Some(Overlay::Silence(_))),
        Command::Silences => matches!(top, Some(Overlay::Menu(menu)) if menu.title.starts_with("Silences")),
        Command::Copy => matches!(effects, [Effect::Copy(text)] if !text.is_empty()),
        Command::Open => match context {
            KeyContext::Main => matches!(top, Some(Overlay::Detail { .. })),
            KeyContext::View => grew && matches!(top, Some(Overlay::Detail { .. })),
            KeyContext::Plan => matches!(top, Some(Overlay::Plan(view)) if view.problem.is_some()),
            KeyContext::Menu => shrank && asks(effects, |it| matches!(it, Request::Set(_) | Request::Close)),
            KeyContext::Entry => asks(effects, |it| matches!(it, Request::Note { .. })),
            _ => effects == [Effect::Quit],
        },
        Command::NextPane => after.focus == before.focus.step(1),
        Command::PrevPane => after.focus == before.focus.step(-1),
        Command::Pane(it) => pane(it),
        Command::Up => is + 1 == was,
        Command::Down => is == was + 1,
        Command::PageUp => is + 1 < was,
        Command::PageDown => is > was + 1,
        Command::Top => is == 0 && was > 0,
        Command::Bottom => is > was,
        Command::Refuse => matches!(top, Some(Overlay::Write(write)) if matches!(write.kind, WriteKind::Reject(_))),
        Command::Withdraw => asks(effects, |it| matches!(it, Request::Withdraw { .. })),
        Command::Hold => asks(effects, |it| matches!(it, Request::Hold { .. })),
        Command::Back if context == KeyContext::Main => before.zoom && !after.zoom && effects.is_empty(),
        Command::Back => shrank && effects.is_empty(),
        Command::Quit if context == KeyContext::Main => matches!(top, Some(Overlay::Leave)),
        Command::Quit | Command::Leave => shrank,
        Command::Palette => grew && matches!(top, Some(Overlay::Palette(_))),
        Command::Help => matches!(top, Some(Overlay::Help { .. })) && grew,
        Command::Redraw => effects == [Effect::Redraw],
        Command::Suspend => effects == [Effect::Suspend],
        #[allow(unreachable_patterns, reason = "a command without a row of its own must at least do something")]
        _ => !effects.is_empty() || seen(before) != seen(after),
    }
}

#[test]
fn every_key_of_every_map_does_what_its_table_says() {
    let mut pressed = 0;
    for (name, _) in SHIPPED {
        let map = Keymap::shipped(name).unwrap();
        for binding in KeyContext::ALL.into_iter().flat_map(|context| map.bindings(context)) {
            let what =
                format!("{name} [{}] {}: {}", binding.context.name(), spell(&binding.chord), binding.command.spec().id);
            let before = scene(&map, binding);
            let mut after = scene(&map, binding);
            assert_eq!(seen(&before), seen(&after), "{what}: a scene is the same each time");
            assert!(
                binding.context == KeyContext::Anywhere || before.context() == binding.context,
                "{what}: in {:?}",
                before.context()
            );
            let mut effects = Vec::new();
            for key in &binding.chord {
                let now = later(&after, std::time::Duration::from_secs(1));
                effects.extend(update(&mut after, Input::Key(*key), now));
            }
            assert!(
                did(binding.command, binding.context, &before, &after, &effects),
                "{what}\n{}\n{}\n{effects:?}",
                seen(&before),
                seen(&after)
            );
            pressed += 1;
        }
    }
    assert!(pressed > 250, "{pressed} keys");
}

/// What the palette runs is what the key runs, but for the palette's own layer.
#[test]
fn what_is_chosen_in_the_palette_is_what_its_key_does() {
    let map = Keymap::shipped("default").unwrap();
    let places = [KeyContext::Main, KeyContext::View, KeyContext::Plan];
    let bindings: Vec<Binding> = places.into_iter().flat_map(|context| map.bindings(context)).cloned().collect();
    let mut chosen = 0;
    for binding in bindings.iter().filter(|it| it.command != Command::Palette) {
        let id = binding.command.spec().id;
        let before = scene(&map, binding);
        if availability::why_not(&before, binding.command).is_some() {
            continue;
        }
        let mut after = scene(&map, binding);
        let mut effects = press(&mut after, ":");
        assert!(matches!(after.overlays.last(), Some(Overlay::Palette(_))), "{id}");
        effects.extend(press(&mut after, id));
        effects.extend(press(&mut after, "<enter>"));
        assert!(
            did(binding.command, binding.context, &before, &after, &effects),
            "{id}\n{}\n{effects:?}",
            seen(&after)
        );
        chosen += 1;
    }
    assert!(chosen > 40, "{chosen}");
}

#[test]
fn the_palette_leaves_the_later_stages_of_a_guarded_act_where_they_are() {
    let mut app = app("ana", (120, 40));
    let effects = press(&mut app, ":fail over<enter>");
    assert!(asks(&effects, |it| matches!(it, Request::Preview { .. })), "only asked for: {effects:?}");
    let record = plans::record(plans::failover(), PlanState::Proposed, super::fixture::now(), 0);
    let Some(Effect::Ask { tag, .. }) = effects.first() else { panic!("{effects:?}") };
    let reply = crate::protocol::Reply::Plan { plan: record.bytes, digest: record.digest, seq: None };
    let now = later(&app, std::time::Duration::from_secs(1));
    update(&mut app, Input::Reply { tag: *tag, result: Ok(reply) }, now);
    assert!(press(&mut app, ":open<enter>").is_empty(), "the palette's Enter is not the plan's");
    let Some(Overlay::Plan(view)) = app.overlays.last() else { panic!("{:?}", app.overlays) };
    assert!(view.problem.as_ref().unwrap().as_str().starts_with("Nothing was sent"));
    press(&mut app, "shop:");
    assert!(matches!(app.overlays.last(), Some(Overlay::Plan(view)) if view.line.value() == "shop:"), "text by then");
}

#[test]
fn a_command_that_can_t_work_says_what_would_allow_it() {
    let mut readonly = app("sam", (120, 40));
    readonly.readonly = true;
    let mut calm = app("sam", (120, 40));
    calm.mirror.story.incidents.clear();
    let mut lost = app("sam", (120, 40));
    lost.mirror.link = crate::client::LinkState::Lost { since: lost.now.room, why: "reset by peer".into() };
    let mut full = app("sam", (120, 40));
    full.mirror.degraded = Some("no space left on device".into());
    let mut observer = app("sam", (120, 40));
    observer.mirror.welcome.as_mut().unwrap().role = crate::model::PersonRole::Observer;
    for (mut app, words) in [
        (readonly, "--readonly"),
        (calm, "warroom incident open"),
        (lost, "tries again by itself"),
        (full, "no space left on device"),
        (observer, "Ask ana, sam, lee"),
    ] {
        for key in ["!f", "!r", "=", "c", "m"] {
            app.notice = None;
            assert!(press(&mut app, key).is_empty() && app.overlays.is_empty(), "{key}");
            let said = app.notice.as_ref().map(|notice| notice.text.to_string()).unwrap_or_default();
            assert!(said.contains(words), "{key}: {said}");
        }
        for key in ["i", "d", "t"] {
            assert!(press(&mut app, key).is_empty());
            let said = match app.overlays.pop() {
                Some(Overlay::Write(write)) => write.problem.map(|why| why.to_string()).unwrap_or_default(),
                other => panic!("{key}: {other:?}"),
            };
            assert!(said.contains(words), "{key}: {said}");
        }
    }
    // Whatever is refused, in any place, is a sentence.
    for keys in ["", "?", "A", "=", "i", "q"] {
        let mut app = app("ana", (120, 40));
        press(&mut app, keys);
        for spec in COMMANDS {
            if let Some(why) = availability::why_not(&app, spec.command) {
                let sentence = why.starts_with(char::is_uppercase) && why.ends_with('.');
                assert!(sentence && !why.contains("  "), "{}: {why}", spec.id);
            }
        }
    }
}

#[test]
fn a_chord_that_was_begun_explains_itself() {
    let text = |app: &Console| {
        crate::console::screenshot::to_text(&crate::console::view::draw(app, &super::fixture::look("dark")))
    };
    for size in [(80, 24), (40, 12)] {
        let mut app = app("ana", size);
        press(&mut app, "!");
        let shown = text(&app);
        for words in ["! act", "f ", "propose to move", "r ", "Esc cancel"] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        press(&mut app, "<esc>");
        assert!(app.pending.is_empty() && app.notice.is_none());
    }
    let mut app = app("ana", (120, 40));
    press(&mut app, "!x");
    assert!(
        text(&app).contains("x means nothing behind !. What may follow: f fail over, r restore."),
        "{}",
        text(&app)
    );
    app.readonly = true;
    press(&mut app, "!");
    assert!(text(&app).contains("fail over: not now. This console is read-only."), "{}", text(&app));
    press(&mut app, "<esc>%");
    assert!(text(&app).contains("% means nothing here. ? shows the keys."), "{}", text(&app));
}

/// What the room refuses is shown as it says it: each of its refusals has a remedy.
#[test]
fn no_refusal_of_the_room_is_without_a_remedy() {
    let mut found = 0;
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            if path.to_string_lossy().contains("tests") {
                continue;
            }
            for call in code.split("Refusal::new(").skip(1) {
                // The call ends where its brackets do.
                let mut depth = 1;
                let end = call.find(|c| {
                    depth += i32::from(c == '(') - i32::from(c == ')');
                    depth == 0
                });
                let inside = call[..end.unwrap_or(call.len())].trim_end().trim_end_matches(',').trim_end();
                assert!(!inside.ends_with("\"\""), "{}: {inside}", path.display());
                found += 1;
            }
        }
    }
    assert!(found > 30, "{found} refusals");
}
