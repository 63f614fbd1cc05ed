//! Silences: what a change would hit, told before it is done, and the one write that does it. One operator is enough, so
//! what they are shown must be what happens. Pure.

use std::collections::BTreeSet;

use chrono::{SecondsFormat, TimeDelta};
use serde_json::json;

use crate::board::{AlertRow, JudgedBoard, Member, Row, SilenceRow, Topic, matched};
use crate::model::facts::{Alert, Matcher, Silence};
use crate::model::plan::{RefusalKind, Target};
use crate::model::silence::{
    Compiled, Hit, LONGEST_S, MOST_HITS, MOST_MATCHERS, MOST_REASON, Match, SHORTEST_S, SilenceChange, SilencePreview,
    line_of, marker,
};
use crate::model::step_request::{CreateSilence, ExpireSilence, RequestedMatcher};
use crate::model::time::{moment, words};
use crate::model::{AlertGrade, IncidentId, PersonId, Refusal, SafeText, Stamp, Step};
use crate::seal;

/// A write that Alertmanager begins so long ago: its clock may be behind ours, and it takes a past start as "now".
const STARTS_EARLIER: TimeDelta = TimeDelta::minutes(10);
/// Names in one warning.
const NAMED: usize = 5;

/// What a preview is made from.
#[derive(Clone, Copy, Debug)]
pub struct SilenceContext<'a> {
    /// By the room's clock: the silence ends `for_s` after it.
    pub now: Stamp,
    /// The room's own name; part of the preview's digest.
    pub room: &'a str,
    /// The open one: part of the digest, and the beginning of the silence's comment.
    pub incident: &'a IncidentId,
    /// Services of the incident: alerts of others are worth a warning.
    pub services: &'a [String],
    /// As it was judged last: only alerts on it are counted as hit.
    pub board: &'a JudgedBoard,
    /// The Alertmanagers of the board, also those that do not answer; one of them is asked to do it.
    pub members: &'a [Member],
}

/// A preview, and every fingerprint it hits.
#[derive(Clone, Debug, PartialEq)]
pub struct Built {
    /// What the person is shown; its digest names it when it is confirmed.
    pub preview: SilencePreview,
    /// Of all hits, also those that the preview has no room for; compared again when it is confirmed.
    pub fingerprints: BTreeSet<String>,
}

/// Builds the preview of a change, or says in words why there can't be one.
///
/// # Errors
/// A refusal that names what is wrong.
pub fn preview(change: &SilenceChange, context: SilenceContext<'_>) -> Result<Built, Refusal> {
    match change {
        SilenceChange::Create { matchers, for_s, reason } => create(change, matchers, *for_s, reason, context),
        SilenceChange::Expire { id } => expire(change, id, context),
    }
}

/// Whether a preview made now hits something that the one that was shown did not.
pub fn drifted(shown: &Built, now: &Built) -> Vec<String> {
    let fresh = now.fingerprints.difference(&shown.fingerprints);
    let name = |key: &String| {
        let hit = now.preview.hits.iter().find(|hit| hit.fingerprint == *key);
        hit.map_or_else(|| key.clone(), |hit| hit.name.to_string())
    };
    fresh.map(name).collect()
}

fn create(
    change: &SilenceChange,
    matchers: &[Matcher],
    for_s: u64,
    reason: &SafeText,
    context: SilenceContext<'_>,
) -> Result<Built, Refusal> {
    let compiled = checked(matchers, for_s, reason)?;
    let alerts = alerts(context.board);
    let mut hits = Vec::new();
    for (row, alert, service) in &alerts {
        let how = matched(&compiled, matchers, alert);
        if how != Match::No {
            hits.push(hit(alert, service.as_ref(), alert.state.is("suppressed"), how == Match::Unsure));
        }
        debug_assert_eq!(row.id, alert.fingerprint);
    }
    let mut warnings = Vec::new();
    let everything = alerts.len() > 1 && hits.len() == alerts.len();
    let grave = warn_of_hits(&hits, everything, context, &mut warnings);
    warn_of_sources(context, &mut warnings);
    let ends_at = context.now + TimeDelta::seconds(i64::try_from(for_s).unwrap_or(0));
    let title = format!("Silence {} for {}, until {}", line_of(matchers), words(for_s), moment(ends_at, context.now));
    let confirm = match hits.iter().min_by_key(|hit| (hit.grade != AlertGrade::Critical, hit.name.clone())) {
        _ if everything => "everything".to_owned(),
        Some(hit) if hit.name.is_identifier() => hit.name.to_string(),
        Some(_) => hits.len().to_string(),
        None => "silence".to_owned(),
    };
    let instance = pick(context.members, |_| true)?;
    others(&instance, context.members, &mut warnings);
    Ok(built(change, context, instance, title, Some(ends_at), hits, warnings, confirm, grave))
}

/// The matchers, ready; or why this can't be asked.
fn checked(matchers: &[Matcher], for_s: u64, reason: &SafeText) -> Result<Vec<Compiled>, Refusal> {
    let bad = |why: &str, remedy: &str| Err(Refusal::new(RefusalKind::BadRequest, why, remedy));
    if matchers.is_empty() || matchers.len() > MOST_MATCHERS {
        return bad(
            &format!("a silence has 1 to {MOST_MATCHERS} matchers, this one has {}", matchers.len()),
            "write them as name=value, with blanks between them",
        );
    }
    if !(SHORTEST_S..=LONGEST_S).contains(&for_s) {
        return bad(
            &format!("a silence lasts from {} to {}, not {}", words(SHORTEST_S), words(LONGEST_S), words(for_s)),
            "choose a shorter time; it can be silenced again",
        );
    }
    let text = reason.as_str().trim();
    if text.is_empty() || text.len() > MOST_REASON {
        return bad("a silence needs a reason of up to 500 bytes", "say why nobody needs to hear of it");
    }
    let mut compiled = Vec::new();
    for matcher in matchers {
        if matcher.name.is_empty() || matcher.name.as_str().len() > 255 || matcher.value.as_str().len() > 1024 {
            return bad(
                &format!("the matcher on `{}` has no name, or is too long", matcher.name),
                "label names have up to 255 bytes, values up to 1024",
            );
        }
        match matcher.compile() {
            Ok(ready) => compiled.push(ready),
            Err(why) => return bad(&why, "correct the expression; the whole value must match it"),
        }
    }
    if compiled.iter().all(Compiled::matches_empty) {
        return bad(
            "every matcher also matches alerts that lack its label, so it would silence far more than it names",
            "add one that wants a value, like alertname=…",
        );
    }
    Ok(compiled)
}

/// Every alert that fires, gravest first.
fn alerts(board: &JudgedBoard) -> Vec<(&Row, &Alert, Option<String>)> {
    let all = board.rows(Topic::Alerts).iter().filter_map(Row::with_kind::<AlertRow>);
    // One that ended is on nobody's list any more.
    let firing = all.filter(|(_, it)| !it.alert.state.is("resolved") && !it.alert.state.is("gone"));
    firing.map(|(row, it)| (row, &it.alert, it.service.clone())).collect()
}

fn hit(alert: &Alert, service: Option<&String>, quiet: bool, unsure: bool) -> Hit {
    let place = alert.labels.get("cluster").or_else(|| alert.labels.get("namespace")).cloned().unwrap_or_default();
    Hit {
        fingerprint: alert.fingerprint.clone(),
        name: alert.name.clone(),
        severity: alert.severity.clone(),
        grade: alert.grade,
        place,
        service: service.cloned(),
        quiet,
        unsure,
    }
}

/// Puts what a person must know into words; true if they must type for it.
fn warn_of_hits(hits: &[Hit], everything: bool, context: SilenceContext<'_>, warnings: &mut Vec<SafeText>) -> bool {
    let mut warn = |text: String| warnings.push(SafeText::from(text));
    if hits.is_empty() {
        warn("it hits no alert that is known now: check the matchers, or it is for what comes".to_owned());
        return false;
    }
    let mut grave = false;
    if everything {
        warn(format!("it hits EVERY alert there is, all {} of them", hits.len()));
        grave = true;
    }
    if hits.iter().any(|hit| hit.grade == AlertGrade::Heartbeat) {
        warn("it hits the heartbeat: nothing would prove any more that alerts arrive".to_owned());
        grave = true;
    }
    let critical: Vec<&Hit> = hits.iter().filter(|hit| hit.grade == AlertGrade::Critical).collect();
    if !critical.is_empty() {
        warn(format!("it keeps {} critical quiet: {}", critical.len(), names_of(&critical)));
        grave = true;
    }
    let foreign: Vec<&Hit> =
        hits.iter().filter(|hit| hit.service.as_ref().is_some_and(|it| !context.services.contains(it))).collect();
    if !foreign.is_empty() && !context.services.is_empty() {
        let services: BTreeSet<&str> = foreign.iter().filter_map(|hit| hit.service.as_deref()).collect();
        let services = services.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
        warn(format!("it hits alerts of services outside this incident ({services}): {}", names_of(&foreign)));
        grave = true;
    }
    let unsure = hits.iter().filter(|hit| hit.unsure).count();
    if unsure > 0 {
        warn(format!("whether it hits {unsure} of them can't be told: their labels hold what can't be shown"));
        grave = true;
    }
    grave
}

fn names_of(hits: &[&Hit]) -> String {
    let mut names: Vec<&str> = hits.iter().map(|hit| hit.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// What the preview itself is worth.
fn warn_of_sources(context: SilenceContext<'_>, warnings: &mut Vec<SafeText>) {
    let silent: Vec<String> =
        context.members.iter().filter(|it| !it.reachable).map(|it| it.source.instance.clone()).collect();
    if !silent.is_empty() {
        let text = format!("{} can't be read whole: alerts that only it holds may be missing here", silent.join(", "));
        warnings.push(SafeText::from(text));
    }
    if context.board.rows(Topic::Alerts).iter().any(|row| row.stale) {
        warnings.push(SafeText::from("some of these alerts are stale: they may have ended, and others may fire"));
    }
    if context.board.topics.get(&Topic::Alerts).is_some_and(|view| view.dropped > 0) {
        warnings.push(SafeText::from("there are more alerts than are kept here: it may hit some that are not listed"));
    }
}

/// The one member to ask: one that answers whole, in a cluster rather than alone.
fn pick(members: &[Member], fits: impl Fn(&Member) -> bool) -> Result<crate::model::SourceId, Refusal> {
    let rank = |it: &&Member| match it.status.as_str() {
        "ready" => 0,
        "disabled" => 1,
        _ => 2,
    };
    let able = members.iter().filter(|it| it.reachable && it.silences_read && it.status != "settling" && fits(it));
    able.min_by_key(rank).map(|it| it.source.clone()).ok_or_else(|| {
        Refusal::new(
            RefusalKind::NotReady,
            "no Alertmanager can be asked right now: none answers whole and lets its silences be read",
            "look at the sources below the alerts; a member that settles is done in about a minute",
        )
    })
}

/// A member that is in no cluster hears nothing of a silence posted to another.
fn others(instance: &crate::model::SourceId, members: &[Member], warnings: &mut Vec<SafeText>) {
    let alone = |it: &&Member| it.status == "disabled";
    let chosen_alone = members.iter().any(|it| it.source == *instance && alone(&it));
    let deaf: Vec<&str> = members
        .iter()
        .filter(|it| it.source != *instance && (chosen_alone || alone(it)))
        .map(|it| it.source.instance.as_str())
        .collect();
    if !deaf.is_empty() {
        let text = format!("{} is in no cluster with {}: it goes on notifying", deaf.join(", "), instance.instance);
        warnings.push(SafeText::from(text));
    }
}

fn expire(change: &SilenceChange, id: &str, context: SilenceContext<'_>) -> Result<Built, Refusal> {
    let (silence, held_by) = find(context.board, id).ok_or_else(|| {
        Refusal::new(
            RefusalKind::BadRequest,
            format!("no silence {id} is known"),
            "take the whole id from `warroom silence list`",
        )
    })?;
    if silence.state.is("expired") {
        return Err(Refusal::new(
            RefusalKind::BadRequest,
            format!("silence {id} has ended already"),
            "`warroom silence list` shows those that last",
        ));
    }
    let mut hits = Vec::new();
    for (_, alert, service) in alerts(context.board) {
        if alert.silenced_by.iter().any(|by| by == id) {
            hits.push(hit(alert, service.as_ref(), alert.is_quiet_without(id), false));
        }
    }
    let mut warnings = Vec::new();
    let loud: Vec<&Hit> = hits.iter().filter(|hit| !hit.quiet).collect();
    if loud.is_empty() {
        warnings.push(SafeText::from("no alert that is known now starts notifying by this"));
    } else {
        let text = format!("{} starts notifying again: {}", loud.len(), names_of(&loud));
        warnings.push(SafeText::from(text));
    }
    warn_of_sources(context, &mut warnings);
    let instance = pick(context.members, |it| held_by.contains(&it.source.instance))?;
    others(&instance, context.members, &mut warnings);
    let short: String = id.chars().take(8).collect();
    let title = format!("End silence {short} of {}: {}", silence.created_by, line_of(&silence.matchers));
    Ok(built(change, context, instance, title, silence.ends_at, hits, warnings, short, false))
}

/// A silence of the board, and who holds it.
fn find<'a>(board: &'a JudgedBoard, id: &str) -> Option<(&'a Silence, &'a [String])> {
    let mut all = board.rows(Topic::Silences).iter().filter_map(Row::as_kind::<SilenceRow>);
    all.find(|it| it.silence.id == id).map(|it| (&it.silence, it.held_by.as_slice()))
}

#[expect(clippy::too_many_arguments, reason = "the parts of one value, each made elsewhere")]
fn built(
    change: &SilenceChange,
    context: SilenceContext<'_>,
    instance: crate::model::SourceId,
    title: String,
    ends_at: Option<Stamp>,
    mut hits: Vec<Hit>,
    warnings: Vec<SafeText>,
    confirm: String,
    grave: bool,
) -> Built {
    let fingerprints: BTreeSet<String> = hits.iter().map(|hit| hit.fingerprint.clone()).collect();
    hits.sort_by_key(|hit| (hit.grade != AlertGrade::Critical, hit.quiet, hit.name.clone(), hit.fingerprint.clone()));
    let figure = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let critical = figure(hits.iter().filter(|hit| hit.grade == AlertGrade::Critical).count());
    let total = figure(hits.len());
    hits.truncate(MOST_HITS);
    let text = json!(["warroom/silence/v1", context.room, context.incident, change, instance, fingerprints, warnings]);
    let preview = SilencePreview {
        change: change.clone(),
        incident: context.incident.clone(),
        instance,
        title: SafeText::from(title),
        ends_at,
        hits,
        total,
        critical,
        warnings,
        confirm: SafeText::from(confirm),
        grave,
        digest: seal::sha256(text.to_string().as_bytes()),
    };
    Built { preview, fingerprints }
}

/// The write that does it. The id is unique and marks what it makes.
pub fn step(preview: &SilencePreview, id: &str, by: &PersonId, now: Stamp) -> Step {
    let stamp = |at: Stamp| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let (request, id) = match &preview.change {
        SilenceChange::Create { matchers, for_s, reason } => {
            let matcher = |it: &Matcher| RequestedMatcher {
                name: it.name.to_string(),
                value: it.value.to_string(),
                is_regex: it.regex,
                is_equal: it.equal,
            };
            let silence = CreateSilence {
                matchers: matchers.iter().map(matcher).collect(),
                starts_at: stamp(now - STARTS_EARLIER),
                ends_at: stamp(now + TimeDelta::seconds(i64::try_from(*for_s).unwrap_or(0))),
                created_by: by.clone(),
                comment: format!("{}: {reason} ({})", preview.incident, marker(id)),
            };
            (silence.into(), id.to_owned())
        }
        SilenceChange::Expire { id } => (ExpireSilence {}.into(), id.clone()),
    };
    Step {
        id: "1".to_owned(),
        request,
        target: Target {
            src: preview.instance.clone(),
            kind: "silence".to_owned(),
            id,
            name: preview.title.to_string(),
        },
        pre: Vec::new(),
        effect: preview.title.to_string(),
        limit_s: 10,
        check: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
