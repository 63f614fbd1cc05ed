//! Why an application is not "deployed and healthy", and the clocks of what is ordinary for a while only.

use super::{App, Controller, GitSource, Tool};
use crate::model::time::{since, words};
use crate::model::{SafeText, Stamp};

/// A sync, a rollout, a wait for something else: ordinary for so long, and then somebody should look.
pub const PASSES_IN_S: u64 = 15 * 60;
/// How far ahead of its cluster's clock, as we know it, a time may be. Further ahead, some clock is wrong, and what the
/// time says proves nothing.
const AHEAD_S: i64 = 60;

/// Of what sort a lag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LagKind {
    /// Paused by a person.
    Paused,
    /// Being worked on, for no longer than is usual.
    Passing,
    /// Nothing proves that it is well.
    Unproven,
    /// Not as it should be.
    Wrong,
}

/// Why an application is not "deployed and healthy".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lag {
    /// How grave it is; of several findings, the gravest.
    pub kind: LagKind,
    /// In words for a row, without the application's name; several findings are joined by `;`.
    pub why: String,
    /// Since when, if the tool says.
    pub since: Option<Stamp>,
}

impl Lag {
    /// Both at once: as bad as the worse of them, whose time it has, and both are said.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let why = format!("{}; {}", self.why, other.why);
        let worse = if other.kind > self.kind { other } else { self };
        Self { why, ..worse }
    }
}

/// What the judgement of an application rests on besides itself.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// When what is known of it was last proved, by the clock of its cluster.
    pub seen_at: Stamp,
    /// How old an Argo CD reconciliation may be; 0 = its age proves nothing.
    pub reconciled_for_s: u64,
    /// Flux: where its revision comes from, if that was read.
    pub source: Option<&'a GitSource>,
    /// Flux: what that source is a chart of.
    pub repository: Option<&'a GitSource>,
    /// The pods of [`App::controller`]; `None` = they could not be read.
    pub controller: Option<&'a Controller>,
    /// Flux: who looks for newer revisions.
    pub source_controller: Option<&'a Controller>,
}

pub(super) fn lag(kind: LagKind, why: impl Into<String>, since: Option<Stamp>) -> Option<Lag> {
    Some(Lag { kind, why: why.into(), since })
}

/// Several findings about one application as one; `None` if there are none.
pub(super) fn all(found: impl IntoIterator<Item = Option<Lag>>) -> Option<Lag> {
    found.into_iter().flatten().reduce(Lag::and)
}

/// What is in passing, and no longer is when it lasts.
pub(super) fn passing(what: &str, message: &SafeText, since_at: Option<Stamp>, seen_at: Stamp) -> Option<Lag> {
    let Some(at) = since_at else { return lag(LagKind::Passing, said(what, message), None) };
    if is_ahead(at, seen_at) {
        let what = format!("{what} since a time that is still to come, so some clock is wrong");
        return lag(LagKind::Unproven, said(&what, message), since_at);
    }
    match since(at, seen_at) {
        seconds if seconds <= PASSES_IN_S => lag(LagKind::Passing, said(what, message), since_at),
        seconds => {
            let what = format!("{what} for {}, over {}", words(seconds), words(PASSES_IN_S));
            lag(LagKind::Wrong, said(&what, message), since_at)
        }
    }
}

fn is_ahead(at: Stamp, seen_at: Stamp) -> bool {
    (at - seen_at).num_seconds() > AHEAD_S
}

/// `what: message`, or `what` alone where there is no message; a long message is cut.
pub(super) fn said(what: &str, message: &SafeText) -> String {
    const MOST: usize = 300;
    let message = message.as_str().trim_end();
    let mut text = if message.is_empty() { what.to_owned() } else { format!("{what}: {message}") };
    if let Some((at, _)) = text.char_indices().nth(MOST) {
        text.truncate(at);
        text.push('…');
    }
    text
}

/// A finding that only a living controller could have written: without proof that it lives, that is what is said. What is
/// wrong stays wrong, whoever is dead.
pub(super) fn if_alive(found: Option<Lag>, app: &App, around: Around<'_>, limit_s: u64) -> Option<Lag> {
    match found {
        None => proof_of_life(app, around, limit_s),
        Some(lag) if lag.kind == LagKind::Passing => Some(match proof_of_life(app, around, limit_s) {
            Some(dead) => dead.and(lag),
            None => lag,
        }),
        wrong => wrong,
    }
}

/// Whether something proves that the status is kept: a time of its own that is recent, or a controller that is ready. A
/// controller that is known not to be ready disproves it.
fn proof_of_life(app: &App, around: Around<'_>, limit_s: u64) -> Option<Lag> {
    use LagKind::Unproven;
    let name = app.controller();
    let ready = around.controller.filter(|it| it.total > 0).map(|it| it.ready > 0);
    if ready == Some(false) {
        return lag(Unproven, format!("no pod of its {name} is ready: nobody keeps its status"), None);
    }
    if let Some(at) = app.reconciled_at.filter(|at| is_ahead(*at, around.seen_at)) {
        let ahead = words(since(around.seen_at, at));
        let why = format!("compared {ahead} in the future: some clock is wrong, so nothing says how old this is");
        return lag(Unproven, why, Some(at));
    }
    let limit = i64::try_from(limit_s).unwrap_or(i64::MAX);
    match app.reconciled_at.filter(|_| limit > 0) {
        Some(at) if (around.seen_at - at).num_seconds() >= limit => {
            let ago = words(since(at, around.seen_at));
            lag(Unproven, format!("compared {ago} ago, too long ago: its controller may be dead"), Some(at))
        }
        Some(_) => None,
        None if app.tool() == Tool::Argocd && app.reconciled_at.is_none() => lag(Unproven, "never reconciled", None),
        None if ready == Some(true) => None,
        None => lag(Unproven, format!("nothing proves that its {name} runs"), None),
    }
}
