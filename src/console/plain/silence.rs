//! Silences in lines: what one would hit is printed whole, then a typed word does it. One person is enough, as on the screen.

use crate::board::{AlertRow, Row, SilenceRow, Topic};
use crate::console::effect::Effect;
use crate::console::overlay::{Overlay, SilenceForm};
use crate::console::pane::Pane;
use crate::console::update::{plain_requests, silence};
use crate::console::view;
use crate::model::silence::line_of;

use super::grammar::PlainCommand;
use super::{LineSubject, Plain, Typed, plan, sections};

/// What help says of `silence`.
pub(super) const DOC: &str = "what silencing alerts like that of this line (or with {alertname=\"X\", cluster=\"Y\"}) for a TIME like 1h \
                       would mute; nothing is silenced yet";

/// Which alerts are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aim {
    /// Those like the one on the line of this number.
    Line(u64),
    /// Those with these labels.
    Labels(String),
}

/// Reads what follows `silence`.
///
/// # Errors
/// A sentence for whoever typed it.
pub(super) fn parse(rest: &str) -> Result<PlainCommand, String> {
    const FORM: &str = "`silence NUMBER 1h REASON`, or `silence {alertname=\"X\", cluster=\"Y\"} 1h REASON`";
    let (aim, rest) = match rest.strip_prefix('{') {
        Some(inside) => {
            let end =
                closing(inside).ok_or_else(|| format!("{FORM}: the closing brace is missing; nothing was sent."))?;
            (Aim::Labels(inside[..end].trim().to_owned()), &inside[end + 1..])
        }
        None => {
            let (number, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            let number = number.parse().map_err(|_| format!("{FORM}: it needs the number of an alert's line."))?;
            (Aim::Line(number), rest)
        }
    };
    let (lasts, reason) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
    if lasts.is_empty() {
        return Err(format!("{FORM}: for how long, and why? Nothing was sent."));
    }
    Ok(PlainCommand::Silence(aim, lasts.to_owned(), reason.trim().to_owned()))
}

/// Where the brace closes: one within quotes belongs to a value.
fn closing(inside: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

impl Plain {
    pub(super) fn silence(&mut self, aim: &Aim, lasts: &str, reason: &str) -> Vec<Effect> {
        let matchers = match aim {
            Aim::Labels(labels) => labels.clone(),
            Aim::Line(number) => match self.like_line(*number) {
                Ok(matchers) => matchers,
                Err(why) => {
                    self.say(why);
                    return Vec::new();
                }
            },
        };
        self.printed = None;
        plain_requests::silence(&mut self.app, &matchers, lasts, reason)
    }

    fn like_line(&self, number: u64) -> Result<String, String> {
        let key = match self.named(number) {
            Some(LineSubject::Row { pane, key }) if *pane == Pane::Alerts => key,
            _ => return Err(format!("Line {number} is no alert; nothing was sent. `alerts` gives each a number.")),
        };
        let row = self.app.rows(Topic::Alerts).iter().find(|row| row.id == *key);
        match row.and_then(Row::as_kind) {
            Some(AlertRow { alert, .. }) => Ok(line_of(&silence::like(alert))),
            None => Err(format!("The alert of line {number} is in no list any more; nothing was sent.")),
        }
    }

    pub(super) fn unsilence(&mut self, number: u64) -> Vec<Effect> {
        let Some(LineSubject::Silence(id)) = self.named(number).cloned() else {
            self.say(format!("Line {number} is no silence; nothing was sent. `silences` gives each a number."));
            return Vec::new();
        };
        self.printed = None;
        plain_requests::unsilence(&mut self.app, id)
    }

    /// Does what was printed, if this is its word.
    pub(super) fn confirm_silence(&mut self, word: &str, typed: &Typed) -> Vec<Effect> {
        let printed = self.printed.as_ref().map(|printed| printed.digest);
        let shown = self.preview().and_then(|form| form.shown.as_ref()).map(|shown| shown.digest);
        if shown.is_none() || printed != shown {
            self.say("No silence was previewed; nothing was sent. `silence` or `unsilence` shows what one does.");
            return Vec::new();
        }
        if self.was_read(typed) { plain_requests::confirm_silence(&mut self.app, word) } else { Vec::new() }
    }

    fn preview(&self) -> Option<&SilenceForm> {
        match self.app.overlays.last() {
            Some(Overlay::Silence(form)) => Some(form),
            _ => None,
        }
    }

    /// Prints what a silence would hit, once that is known.
    pub(super) fn lay_silence_down(&mut self) {
        let Some(shown) = self.preview().and_then(|form| form.shown.clone()) else { return };
        if self.printed.as_ref().is_some_and(|printed| printed.digest == shown.digest) {
            return;
        }
        let drill = plan::drill(&self.app);
        self.say(format!("{drill}Preview, nothing was sent yet: asks {}, which tells its cluster", shown.instance));
        for words in view::silence::body(&self.app, &shown, u16::MAX) {
            let line = sections::tidy(&sections::text(&words));
            if !line.is_empty() {
                self.say(line);
            }
        }
        self.say(format!("To do it: confirm {}. Anything else leaves it undone.", shown.confirm));
        self.has_printed(None, shown.digest);
    }

    pub(super) fn silences(&mut self) {
        let found: Vec<(String, String)> = self
            .app
            .rows(Topic::Silences)
            .iter()
            .filter_map(Row::as_kind)
            .map(|SilenceRow { silence: it, hits, .. }| {
                let words = view::silence::words(&self.app, &it.id);
                (format!("{}, {words}, hits {hits} now", it.state.as_str()), it.id.clone())
            })
            .collect();
        let none = found.is_empty();
        for (text, id) in found {
            self.put(&text, Some(LineSubject::Silence(id)));
        }
        match none {
            true => {
                let why = crate::console::rows::sources::absent(&self.app, Topic::Silences);
                self.say(format!("{why} `silence NUMBER 1h REASON` makes one, after `alerts`."))
            }
            false => self.say("`unsilence NUMBER` shows what ending one does."),
        }
    }
}
