//! Silences: a form, then a preview of all that it hits on the whole screen, then a typed word. One person is enough, so
//! nothing happens on a key alone.

use tui_input::Input as Line;

use crate::board::{AlertRow, Row, SilenceRow, Topic};
use crate::config::units;
use crate::console::app::{Console, Pending};
use crate::console::effect::Effect;
use crate::console::overlay::{Choice, GUARD, Menu, MenuItem, Overlay, SilenceForm};
use crate::console::pane::Pane;
use crate::console::rows;
use crate::console::theme::Role;
use crate::model::facts::{Alert, Matcher};
use crate::model::silence::{SilenceChange, SilenceOutcome, SilencePreview, line_of};
use crate::model::{SafeText, SourceId};
use crate::protocol::Request;

use super::line::edit;
use super::requests::{ask, tag_of};

/// What a silence lasts unless something else is typed.
const LASTS: &str = "1h";
/// Labels of an alert that its matchers begin with, where it has them.
const NAMED: [&str; 4] = ["alertname", "cluster", "namespace", "service"];

/// The matchers that mean alerts like this one.
pub(crate) fn like(alert: &Alert) -> Vec<Matcher> {
    let label = |name: &&str| alert.labels.get(*name).map(|value| Matcher::equal(name, value));
    let mut matchers: Vec<Matcher> = NAMED.iter().filter_map(label).collect();
    if !alert.labels.contains_key("alertname") && !alert.name.is_empty() {
        matchers.insert(0, Matcher::equal("alertname", &alert.name));
    }
    matchers
}

/// `m`: a form for the alert under the cursor.
pub(crate) fn begin(app: &mut Console) {
    let selected = rows::selected(app, Pane::Alerts).filter(|_| app.focus == Pane::Alerts);
    let matchers = match selected.and_then(|entry| entry.row()?.as_kind()) {
        Some(AlertRow { alert, .. }) => like(alert),
        // Said by `allow` already, but for a row that is no alert.
        _ => return app.say(Role::Warning, "Silence an alert: this row is none. Choose one, press the key again."),
    };
    app.overlays.push(Overlay::Silence(Box::new(SilenceForm::new(&line_of(&matchers), LASTS))));
}

/// `M`: the silences there are; one can be ended.
pub(crate) fn list(app: &mut Console) {
    let items: Vec<MenuItem> = app
        .rows(Topic::Silences)
        .iter()
        .filter_map(Row::with_kind)
        .map(|(row, SilenceRow { silence, hits, .. })| {
            let until = silence.ends_at.map(|at| format!(" until {}", app.zone.minutes(at))).unwrap_or_default();
            let why = if row.why.is_empty() { String::new() } else { format!(" · {}", row.why) };
            let by = format!("{} · {}", silence.created_by, silence.comment);
            let note = format!("{}{until} · {hits} alerts · {by}{why}", silence.state.as_str());
            let choice = Choice::Expire(silence.id.clone());
            MenuItem { label: line_of(&silence.matchers), note, choice }
        })
        .collect();
    let title = "Silences; Enter shows what ending one does".to_owned();
    app.overlays.push(Overlay::Menu(Menu { title, items, cursor: 0 }));
}

/// Asks what ending a silence does.
pub(crate) fn expire(app: &mut Console, id: String) -> Vec<Effect> {
    let mut form = SilenceForm::new("", "");
    form.expires = Some(id.clone());
    app.overlays.push(Overlay::Silence(Box::new(form)));
    ask_preview(app, SilenceChange::Expire { id })
}

fn top(app: &mut Console) -> Option<&mut SilenceForm> {
    match app.overlays.last_mut() {
        Some(Overlay::Silence(form)) => Some(form),
        _ => None,
    }
}

/// Whether keys of the first moment of a preview are dropped.
fn guarded(app: &mut Console) -> bool {
    let real = app.now.real;
    top(app).is_some_and(|form| form.shown.is_some() && real.saturating_sub(form.opened) < GUARD)
}

/// A key that is text, or moves in the text.
pub(crate) fn type_key(app: &mut Console, key: crate::console::keymap::KeyPress) {
    if guarded(app) {
        return;
    }
    if let Some(form) = top(app).filter(|form| form.sent.is_none()) {
        form.problem = None;
        edit(form.line(), key);
    }
}

/// Up and down: between the lines of the form, or through the preview.
pub(crate) fn travel(form: &mut SilenceForm, down: bool) {
    if form.shown.is_some() {
        form.scroll = if down { form.scroll + 1 } else { form.scroll.saturating_sub(1) };
    } else {
        form.field = if down { (form.field + 1).min(2) } else { form.field.saturating_sub(1) };
    }
}

/// Esc: from the preview back to the form; true if that was all.
pub(crate) fn back(app: &mut Console) -> bool {
    let Some(form) = top(app) else { return false };
    if form.shown.is_none() || form.expires.is_some() {
        return false;
    }
    (form.shown, form.problem, form.sent) = (None, None, None);
    form.confirm.reset();
    true
}

/// Enter: the next line, the preview, or, with the word typed, the act.
pub(crate) fn enter(app: &mut Console) -> Vec<Effect> {
    if guarded(app) {
        return Vec::new();
    }
    let Some(form) = top(app) else { return Vec::new() };
    if form.sent.is_some() {
        return Vec::new();
    }
    if let Some(preview) = form.shown.clone() {
        return confirm(app, &preview);
    }
    if form.expires.is_some() {
        return Vec::new();
    }
    if form.field < 2 {
        form.field += 1;
        return Vec::new();
    }
    send(app)
}

/// Asks what the silence in the form would hit.
pub(crate) fn send(app: &mut Console) -> Vec<Effect> {
    match top(app).map(|form| read(form)) {
        Some(Ok(change)) => ask_preview(app, change),
        Some(Err(why)) => problem(app, why),
        None => Vec::new(),
    }
}

/// Does what the preview on top shows, if this is its word.
pub(crate) fn answer(app: &mut Console, word: &str) -> Vec<Effect> {
    let Some(form) = top(app).filter(|form| form.sent.is_none()) else { return Vec::new() };
    form.confirm = Line::new(word.to_owned());
    match form.shown.clone() {
        Some(preview) => confirm(app, &preview),
        None => Vec::new(),
    }
}

fn read(form: &SilenceForm) -> Result<SilenceChange, String> {
    let matchers = Matcher::parse_all(form.matchers.value())?;
    let for_s = units::duration(form.lasts.value().trim())?;
    let reason = SafeText::new(form.reason.value().trim());
    if reason.is_empty() {
        return Err("Say why nobody needs to hear of it: the reason goes into the silence and the timeline.".to_owned());
    }
    Ok(SilenceChange::Create { matchers, for_s, reason })
}

fn ask_preview(app: &mut Console, change: SilenceChange) -> Vec<Effect> {
    let effect = ask(app, Pending::SilencePreview, Request::SilencePreview { change });
    let tag = tag_of(effect.as_ref());
    if let Some(form) = top(app) {
        (form.sent, form.problem) = (tag, None);
    }
    effect.into_iter().collect()
}

fn confirm(app: &mut Console, preview: &SilencePreview) -> Vec<Effect> {
    let Some(form) = top(app) else { return Vec::new() };
    let typed = form.confirm.value().trim().to_owned();
    if typed != preview.confirm.as_str() {
        form.confirm.reset();
        return problem(app, format!("Nothing was sent. Type {} to do it.", preview.confirm));
    }
    let effect = ask(app, Pending::Silence, Request::Silence { digest: preview.digest, confirm: typed });
    let tag = tag_of(effect.as_ref());
    if let Some(form) = top(app) {
        (form.sent, form.problem) = (tag, None);
    }
    effect.into_iter().collect()
}

fn problem(app: &mut Console, words: String) -> Vec<Effect> {
    if let Some(form) = top(app) {
        form.problem = Some(SafeText::from(words));
    }
    Vec::new()
}

/// The form that asked with this tag.
pub(crate) fn asked_by(app: &mut Console, tag: u64) -> Option<&mut SilenceForm> {
    app.overlays.iter_mut().find_map(|overlay| match overlay {
        Overlay::Silence(form) if form.sent == Some(tag) => Some(form.as_mut()),
        _ => None,
    })
}

/// The preview came.
pub(crate) fn shown(app: &mut Console, tag: u64, preview: SilencePreview) {
    let now = app.now.real;
    if let Some(form) = asked_by(app, tag) {
        form.confirm.reset();
        (form.shown, form.sent, form.scroll, form.opened) = (Some(preview), None, 0, now);
    }
}

/// It is known how it ended.
pub(crate) fn over(app: &mut Console, tag: u64, outcome: SilenceOutcome, says: &SafeText) {
    let instance: Option<SourceId> =
        asked_by(app, tag).and_then(|form| form.shown.as_ref().map(|shown| shown.instance.clone()));
    app.overlays.retain(|overlay| !matches!(overlay, Overlay::Silence(form) if form.sent == Some(tag)));
    let asked = instance.map(|it| it.to_string()).unwrap_or_default();
    match outcome {
        SilenceOutcome::Done => app.say(Role::Text, format!("Done: {says}.")),
        SilenceOutcome::Failed => app.say(Role::Critical, format!("{asked} did not take it: {says}")),
        SilenceOutcome::Unknown => app.say(Role::Critical, format!("Not known whether {asked} took it: {says}")),
    }
}
