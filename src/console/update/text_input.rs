//! Lines being typed: notes, filters, typed names. A paste is text and never keys.

use tui_input::Input as Line;

use crate::console::app::{Console, Pending};
use crate::console::availability;
use crate::console::effect::Effect;
use crate::console::keymap::{Command, KeyContext, KeyPress};
use crate::console::overlay::{Overlay, TextPrompt, WriteKind};
use crate::console::pane::Pane;
use crate::console::rows;
use crate::console::theme::Role;
use crate::console::view;
use crate::model::SafeText;
use crate::protocol::Request;

use super::filter;
use super::line::{MAX_LINE, edit, insert};
use super::requests::{ask, tag_of};

/// Begins a line. A note begins with the rows that are marked.
pub(super) fn begin(app: &mut Console, kind: WriteKind) {
    let mut line = Line::default();
    if kind == WriteKind::Note {
        let marked = view::pane_rows::marked(app, app.focus).join("; ");
        let kept = insert(&mut line, &marked);
        say_cut(app, kept, &marked);
    }
    app.overlays.push(Overlay::Write(TextPrompt { kind, line, sent: None, problem: None }));
}

/// Begins to amend the timeline's entry: with what it says now.
pub(super) fn amend(app: &mut Console) {
    let chosen = rows::selected(app, Pane::Timeline);
    let found = chosen.and_then(|entry| entry.item().map(|it| (it.entry.seq, it.text.to_string())));
    if let Some((seq, text)) = found {
        let line = Line::new(text);
        app.overlays.push(Overlay::Write(TextPrompt { kind: WriteKind::Amend(seq), line, sent: None, problem: None }));
    }
}

/// Opens a line that can't be sent now, and says why: what is typed has a place, and waits until it can.
pub(super) fn refuse(app: &mut Console, kind: WriteKind, why: String) {
    begin(app, kind);
    if let Some(Overlay::Write(write)) = app.overlays.last_mut() {
        write.problem = Some(SafeText::from(why));
    }
}

/// A key for the filter or the line on top.
pub(super) fn type_key(app: &mut Console, key: KeyPress) {
    // Why it can't be sent stays in sight for as long as that is so.
    let still = availability::cannot_act(app).map(SafeText::from);
    match app.overlays.last_mut() {
        Some(Overlay::Write(write)) if write.sent.is_none() => {
            let needs_no_incident = matches!(write.kind, WriteKind::Reject(_) | WriteKind::Amend(_));
            write.problem = if needs_no_incident { None } else { still };
            edit(&mut write.line, key);
        }
        Some(Overlay::Filter { line, .. }) => {
            edit(line, key);
            filter::narrow(app);
        }
        Some(Overlay::Jump { line, problem }) => {
            edit(line, key);
            *problem = None;
        }
        Some(Overlay::Silence(_)) => super::silence::type_key(app, key),
        Some(Overlay::Palette(palette)) => {
            edit(&mut palette.line, key);
            palette.cursor = 0;
        }
        _ => {}
    }
}

/// Pasted text: into a line that takes text, or nowhere.
pub(super) fn paste(app: &mut Console, raw: &str) {
    let text: String = raw.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let text = SafeText::new(text.trim());
    let kept = match app.overlays.last_mut() {
        Some(Overlay::Write(write)) if write.sent.is_none() => insert(&mut write.line, text.as_str()),
        Some(Overlay::Filter { line, .. }) => {
            let kept = insert(line, text.as_str());
            filter::narrow(app);
            kept
        }
        Some(Overlay::Jump { line, problem }) => {
            *problem = None;
            insert(line, text.as_str())
        }
        Some(Overlay::Silence(form)) if form.shown.is_none() && form.sent.is_none() => {
            insert(form.line(), text.as_str())
        }
        Some(Overlay::Palette(palette)) => {
            palette.cursor = 0;
            insert(&mut palette.line, text.as_str())
        }
        Some(Overlay::Plan(_) | Overlay::Silence(_)) => {
            return app.say(Role::Warning, "A paste does not confirm: type the name. Nothing was sent.");
        }
        _ => {
            let note = availability::key(app, KeyContext::Main, Command::Note);
            let ignored = format!("Pasted text was ignored: nothing here takes text. {note} begins a note.");
            return app.say(Role::Warning, ignored);
        }
    };
    say_cut(app, kept, text.as_str());
}

/// Says that text did not fit into a line: half of what somebody pasted must not be sent as if it were all of it.
fn say_cut(app: &mut Console, kept: usize, text: &str) {
    if kept < text.len() {
        let cut = format!("The text was cut: its first {kept} bytes are kept, a line takes {MAX_LINE}.");
        app.say(Role::Warning, cut);
    }
}

/// Enter in a line: it is sent, and stays until the room has recorded it.
pub(super) fn send(app: &mut Console) -> Vec<Effect> {
    let Some(Overlay::Write(write)) = app.overlays.last() else { return Vec::new() };
    let text = write.line.value().trim().to_owned();
    if write.sent.is_some() {
        return Vec::new();
    }
    let kind = write.kind.clone();
    let problem = match &kind {
        WriteKind::Reject(_) if text.is_empty() => {
            Some("A reason is needed: whoever proposed it must know what to change.".to_owned())
        }
        _ if text.is_empty() => {
            app.overlays.pop();
            return Vec::new();
        }
        WriteKind::Reject(_) => None,
        WriteKind::Amend(_) => availability::cannot_write(app),
        _ => availability::cannot_act(app),
    };
    if let Some(why) = problem {
        if let Some(Overlay::Write(write)) = app.overlays.last_mut() {
            write.problem = Some(SafeText::from(why));
        }
        return Vec::new();
    }
    let text = SafeText::from(text);
    let request = match &kind {
        WriteKind::Note => Request::Note { text, at: None, mark: None },
        WriteKind::Decision => Request::Decision { text, at: None, mark: None },
        WriteKind::FollowUp => Request::FollowUp { text, owner: None },
        WriteKind::Amend(seq) => Request::Amend { seq: *seq, text: Some(text), at: None },
        WriteKind::Reject(plan) => Request::Reject { plan: plan.clone(), reason: text },
    };
    let effect = ask(app, Pending::Write(kind), request);
    if let Some(Overlay::Write(write)) = app.overlays.last_mut() {
        write.sent = tag_of(effect.as_ref());
    }
    effect.into_iter().collect()
}
