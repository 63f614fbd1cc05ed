//! A plan on the whole screen; nothing else competes. What it shows is in the bytes that are hashed, and nothing else is.

use ratatui::layout::Rect;

use crate::approval::{PlanRecord, PlanState};
use crate::console::app::Console;
use crate::console::availability;
use crate::console::keymap::{Command, KeyContext, spell};
use crate::console::overlay::{PlanView, Stance, Subject};
use crate::console::theme::Role;
use crate::console::widget::canvas::{span, width};
use crate::console::widget::priority_line::{self, LinePart};
use crate::console::widget::{Canvas, Words, glyph, text, time};
use crate::model::plan::Pre;
use crate::model::{Digest, Plan, SafeText};

use super::{footer, header, plan_steps, timeline_text};

/// Draws the plan.
pub fn draw(app: &Console, canvas: &mut Canvas<'_>, view: &PlanView) {
    let (w, h) = app.size;
    let room = w.saturating_sub(4);
    let Some(plan) = view.plan(app) else {
        let back = availability::key(app, KeyContext::Plan, Command::Back);
        let gone = format!("This plan is not in the log any more. {back} goes back.");
        canvas.put(2, 0, &gone, Role::Text, room);
        return;
    };
    let digest = match &view.subject {
        // The room builds the plan anew when it is proposed: a draft's digest is nobody's to read aloud.
        Subject::Draft { .. } => None,
        Subject::Known(_) => view.record(app).map(|record| record.digest),
    };
    let stance = view.stance(app);
    top(app, canvas, view, plan, digest, stance);
    let mut first = 1;
    if let Some((role, banner)) = header::banner(app) {
        canvas.clear(Rect::new(0, 1, w, 1), role);
        canvas.put(1, 1, &text::end(&banner, room), role, room);
        first = 2;
    }
    let foot = foot(app, view, plan, stance, room);
    let foot_height = u16::try_from(foot.len()).unwrap_or(1);
    let rule = h.saturating_sub(foot_height + 2);
    let body = Rect::new(2, first + u16::from(h >= 16), room, rule.saturating_sub(first + u16::from(h >= 16)));
    let lines = body_lines(app, view, plan, room);
    let most = lines.len().saturating_sub(usize::from(body.height));
    let scroll = view.scroll.min(most);
    for (y, line) in (body.y..body.bottom()).zip(lines.iter().skip(scroll)) {
        canvas.words(body.x, y, line, body.width);
    }
    canvas.line(Rect::new(0, rule, w, 1), rule);
    let unseen = unseen(app, scroll, most - scroll);
    if !unseen.is_empty() {
        canvas.words_right(w.saturating_sub(2), rule, &unseen, w);
    }
    for (y, line) in (rule + 1..h).zip(&foot) {
        canvas.words(2, y, line, room);
    }
    footer::draw(app, canvas, Rect::new(1, h.saturating_sub(1), w.saturating_sub(1), 1));
}

/// What of the page is above and below the screen, and the keys that go there.
fn unseen(app: &Console, above: usize, below: usize) -> Words {
    let mut words = Words::new();
    for (n, place, command) in [(above, "above", Command::PageUp), (below, "below", Command::PageDown)] {
        if n > 0 {
            let key = app.keymap.chord_of(KeyContext::Plan, command).map(spell).unwrap_or_default();
            let lines = if n == 1 { "1 line".to_owned() } else { format!("{n} lines") };
            words.extend([span(Role::Strong, format!(" {lines} {place} ")), span(Role::Accent, format!("{key} "))]);
        }
    }
    words
}

/// What it waits for, from whom, until when, and the code to read aloud.
fn top(app: &Console, canvas: &mut Canvas<'_>, view: &PlanView, plan: &Plan, digest: Option<Digest>, stance: Stance) {
    let record = view.record(app);
    let (role, headline) = match (stance, record.map(|record| record.state)) {
        (Stance::Propose, _) => (Role::Waiting, "TO PROPOSE".to_owned()),
        (_, Some(PlanState::Proposed)) => (Role::Waiting, "SECOND PERSON NEEDED".to_owned()),
        (_, Some(PlanState::Approved)) => (Role::Waiting, "CONFIRMED".to_owned()),
        (_, Some(PlanState::Executing)) => (Role::Waiting, "RUNNING".to_owned()),
        (_, Some(PlanState::Rejected)) => (Role::Warning, "REFUSED".to_owned()),
        (_, Some(state)) => (timeline_text::plan_mark(state).1, format!("{state:?}").to_uppercase()),
        (_, None) => (Role::Dim, "PLAN".to_owned()),
    };
    let mut facts = vec![LinePart::left(0, vec![span(role, headline)])];
    if app.mirror.welcome.as_ref().is_some_and(|welcome| welcome.drill.is_some()) {
        facts.push(LinePart::left(0, vec![span(Role::BadgeDrill, " DRILL ")]));
    }
    if let Some(record) = record {
        let short = vec![span(Role::Dim, "by "), span(Role::Strong, timeline_text::persons(record).join(" + "))];
        facts.push(LinePart::right(4, who(app, record)).or(short));
        if matches!(record.state, PlanState::Proposed | PlanState::Approved) {
            let used = time::since(record.proposed_at, app.now.room);
            let left = plan.ttl_s.saturating_sub(used);
            let role = if left < 120 { Role::Warning } else { Role::Dim };
            facts.push(LinePart::right(3, vec![span(role, format!("expires in {}", time::clock(left)))]));
        }
    }
    if let Some(digest) = digest {
        facts.push(LinePart::right(1, vec![span(Role::Dim, "code "), span(Role::Strong, digest.spoken())]));
    }
    priority_line::draw(canvas, 2, 0, app.size.0.saturating_sub(4), 3, facts);
}

fn who(app: &Console, record: &PlanRecord) -> Words {
    let age = time::span(time::since(record.proposed_at, app.now.room));
    let mut words = vec![
        span(Role::Dim, "proposed by "),
        span(Role::Strong, record.by.person.as_str()),
        span(Role::Dim, format!(" {age} ago")),
    ];
    let others: Vec<&str> = timeline_text::persons(record).into_iter().skip(1).collect();
    if !others.is_empty() {
        words.push(span(Role::Dim, ", confirmed by "));
        words.push(span(Role::Strong, others.join(", ")));
    }
    if let Some(person) = &record.refused_by {
        words.push(span(Role::Dim, ", refused by "));
        words.push(span(Role::Strong, person.as_str()));
    }
    words
}

/// Before it runs: what changes, what to know, what it relies on, its steps. Once it was begun the steps come first, and
/// what was confirmed is below them.
fn body_lines(app: &Console, view: &PlanView, plan: &Plan, room: u16) -> Vec<Words> {
    let record = view.record(app);
    let begun = record.filter(|record| is_run(record.state));
    let mut parts: Vec<Vec<Words>> =
        vec![text::wrap(&plan.title, room).into_iter().map(|line| vec![span(Role::Strong, line)]).collect()];
    match begun {
        Some(record) => {
            parts.push(plan_steps::steps(app, plan, Some(record), room));
            parts.push(outcome(record, room));
            let mut confirmed = vec![vec![span(Role::Dim, "what was confirmed")]];
            confirmed.extend(table(plan, room));
            parts.push(confirmed);
            parts.push(warnings(plan, room));
        }
        None => {
            parts.extend(record.map(|record| outcome(record, room)));
            parts.push(table(plan, room));
            parts.push(warnings(plan, room));
            let (relies, steps) = (preconditions(app, plan, room), plan_steps::steps(app, plan, None, room));
            // On a low screen what it does is seen before what it rests on.
            parts.extend(if app.size.1 < 40 { [steps, relies] } else { [relies, steps] });
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join(&[Words::new()][..])
}

fn warnings(plan: &Plan, room: u16) -> Vec<Words> {
    let mut lines = Vec::new();
    for warning in &plan.warnings {
        for (i, line) in text::wrap(warning, room.saturating_sub(2)).into_iter().enumerate() {
            let mark = if i == 0 { glyph::WARNING } else { " " };
            lines.push(vec![span(Role::Warning, format!("{mark} ")), span(Role::Text, line)]);
        }
    }
    lines
}

/// How it ended, in the words of the log.
fn outcome(record: &PlanRecord, room: u16) -> Vec<Words> {
    if record.says.is_empty() {
        return Vec::new();
    }
    let (glyph, role) = timeline_text::plan_mark(record.state);
    let role = if role == Role::Dim { Role::Text } else { role };
    text::wrap(&format!("{glyph} {}", record.says), room).into_iter().map(|line| vec![span(role, line)]).collect()
}

/// Whether steps were begun, so that the checklist says more than the list.
fn is_run(state: PlanState) -> bool {
    matches!(
        state,
        PlanState::Executing | PlanState::Succeeded | PlanState::Failed | PlanState::Stopped | PlanState::Interrupted
    )
}

/// Now and after, side by side.
fn table(plan: &Plan, room: u16) -> Vec<Words> {
    let most = |f: fn(&crate::model::plan::ShownChange) -> &str, least: u16| {
        plan.shown.iter().map(|row| width(f(row))).max().unwrap_or(0).max(least)
    };
    let what = most(|row| &row.what, 4).min(room / 3) + 2;
    let now = most(|row| &row.now, 3).clamp(10, (room.saturating_sub(what) / 2).max(10)) + 2;
    let pad = |text: &str, wide: u16| {
        let cut = text::end(text, wide.saturating_sub(2));
        let pad = " ".repeat(usize::from(wide.saturating_sub(width(&cut))));
        format!("{cut}{pad}")
    };
    let after = room.saturating_sub(what + now).max(8);
    let mut lines =
        vec![vec![span(Role::Dim, pad("", what)), span(Role::Dim, pad("now", now)), span(Role::Dim, "after")]];
    for row in &plan.shown {
        // A long value is broken, never cut: this is what is being confirmed.
        let nows = text::wrap(&row.now, now.saturating_sub(2));
        let afters = text::wrap(&row.after, after);
        for i in 0..nows.len().max(afters.len()).max(1) {
            let label = if i == 0 { row.what.as_str() } else { "" };
            let now_text = nows.get(i).map_or("", String::as_str);
            let after_text = afters.get(i).map_or("", String::as_str);
            let changes = row.now != row.after;
            lines.push(vec![
                span(Role::Dim, pad(label, what)),
                span(Role::Text, pad(now_text, now)),
                span(if changes { Role::Strong } else { Role::Text }, after_text),
            ]);
        }
    }
    lines
}

/// A reading older than this proves nothing to the person who is about to confirm, s.
const FRESH: u64 = 60;

/// What it relies on before its first write, each with the age of its reading; then what its later steps rely on, which
/// nobody can have read yet. Two columns where there is room.
fn preconditions(app: &Console, plan: &Plan, room: u16) -> Vec<Words> {
    let (first, later) = relied(plan);
    let mut lines = Vec::new();
    if !first.is_empty() {
        lines.push(vec![span(Role::Dim, "relies on · read again once confirmed; nothing runs unless all hold")]);
        lines.extend(since_proposed(app, plan, room));
        let known = |pre: &Pre| (pre.says.clone(), proof(app, plan, pre));
        lines.extend(premises(&first.iter().map(known).collect::<Vec<_>>(), room));
    }
    if !later.is_empty() {
        lines.push(vec![span(Role::Dim, "must be so once the steps before have run")]);
        let due = |pre: &Pre| (pre.says.clone(), FactStatus::Due);
        lines.extend(premises(&later.iter().map(due).collect::<Vec<_>>(), room));
    }
    lines
}

/// What is otherwise since a waiting plan was proposed: first why none could be made now, then fact by fact.
fn since_proposed(app: &Console, plan: &Plan, room: u16) -> Vec<Words> {
    let changed = changes(app, plan);
    let line = |words: String| vec![span(Role::Critical, format!("{} ", glyph::CRITICAL)), span(Role::Text, words)];
    changed.iter().flat_map(|it| text::wrap(it, room.saturating_sub(2))).map(line).collect()
}

/// The same, a sentence each.
pub fn changes(app: &Console, plan: &Plan) -> Vec<String> {
    let Some(recheck) = app.mirror.recheck(&plan.plan) else { return Vec::new() };
    let refused = recheck.refused.iter().map(|it| format!("since it was proposed: {} {}", it.why, it.remedy));
    let (first, _) = relied(plan);
    let facts = first.iter().filter_map(|pre| recheck.of(pre)?.changed.as_ref().map(ToString::to_string));
    refused.chain(facts).collect()
}

/// How well a fact is known.
#[derive(Clone, Copy, PartialEq)]
pub enum FactStatus {
    /// Read so many seconds ago.
    Read(u64),
    /// Read so many seconds ago, and otherwise now.
    Changed(u64),
    /// Steps before have to make it so.
    Due,
}

impl FactStatus {
    fn age(self) -> Option<u64> {
        match self {
            Self::Read(age) | Self::Changed(age) => Some(age),
            Self::Due => None,
        }
    }
}

/// What the room reads all the while counts, not only what was read for the proposal.
pub fn proof(app: &Console, plan: &Plan, pre: &Pre) -> FactStatus {
    let now = app.mirror.recheck(&plan.plan).and_then(|recheck| recheck.of(pre));
    let read_at = now.map_or(pre.read_at, |now| now.read_at.max(pre.read_at));
    let age = time::since(read_at, app.now.room);
    match now.is_some_and(|now| now.changed.is_some()) {
        true => FactStatus::Changed(age),
        false => FactStatus::Read(age),
    }
}

/// What the first step relies on, and what only later ones do. A fact that steps share is said once, with the age of its
/// oldest reading.
pub fn relied(plan: &Plan) -> (Vec<Pre>, Vec<Pre>) {
    let (mut first, mut later): (Vec<Pre>, Vec<Pre>) = (Vec::new(), Vec::new());
    for (i, step) in plan.steps.iter().enumerate() {
        for pre in &step.pre {
            if let Some(same) = first.iter_mut().find(|it| it.says == pre.says) {
                same.read_at = same.read_at.min(pre.read_at);
            } else if i == 0 {
                first.push(pre.clone());
            } else if !later.iter().any(|it| it.says == pre.says) {
                later.push(pre.clone());
            }
        }
    }
    (first, later)
}

/// Lines of facts, each proven so many seconds ago, or not yet.
fn premises(all: &[(String, FactStatus)], room: u16) -> Vec<Words> {
    let cell = |(says, proof): &(String, FactStatus), wide: u16| {
        let (glyph, role) = match proof {
            FactStatus::Read(age) if *age <= FRESH => (glyph::OK, Role::Good),
            FactStatus::Read(_) => (glyph::UNKNOWN, Role::Unknown),
            FactStatus::Changed(_) => (glyph::CRITICAL, Role::Critical),
            FactStatus::Due => ("·", Role::Dim),
        };
        let age = proof.age().map(|age| format!("{} ago", time::span(age))).unwrap_or_default();
        let says = text::end(says, wide.saturating_sub(width(&age) + 5));
        let pad = " ".repeat(usize::from(wide.saturating_sub(width(&says) + width(&age) + 3)));
        let words = if role == Role::Good { Role::Text } else { role };
        vec![span(role, format!("{glyph} ")), span(words, says), span(Role::Dim, format!("{pad} {age}"))]
    };
    let half = room / 2 - room.min(6) / 2;
    let two = room >= 100 && all.len() > 3 && all.iter().all(|(says, _)| width(says) + 14 <= half);
    let longest = all.iter().map(|(says, _)| width(says)).max().unwrap_or(0);
    let wide = if two { half } else { room.min(longest + 16) };
    let line = |pair: &[(String, FactStatus)]| {
        let mut line = cell(&pair[0], wide);
        if let Some(second) = pair.get(1) {
            line.push(span(Role::Text, "      "));
            line.extend(cell(second, wide));
        }
        line
    };
    all.chunks(if two { 2 } else { 1 }).map(line).collect()
}

/// The lines above the keys: the typed name, or what is waited for.
fn foot(app: &Console, view: &PlanView, plan: &Plan, stance: Stance, room: u16) -> Vec<Words> {
    let mut lines = Vec::new();
    let problem = view.problem.as_ref().map(SafeText::as_str);
    for line in problem.map(|words| text::wrap(words, room)).unwrap_or_default() {
        lines.push(vec![span(Role::Critical, line)]);
    }
    let says = |words: &str| text::wrap(words, room).into_iter().map(|line| vec![span(Role::Text, line)]).collect();
    let more: Vec<Words> = match stance {
        _ if view.sent.is_some() => vec![vec![span(Role::Dim, "Sent; waiting for the room's answer …")]],
        Stance::Propose => vec![typed(view, plan, "To propose it, type ", room)],
        Stance::Approve => vec![typed(view, plan, "To confirm, type ", room)],
        Stance::Wait { mine: true } => {
            let open = availability::key(app, KeyContext::Main, Command::OpenProposal);
            says(&format!(
                "You proposed this. Another person must confirm it: ask them to press {open}, and read them the code."
            ))
        }
        Stance::Wait { mine: false } => says("You confirmed this. It runs as soon as enough persons have."),
        Stance::Watch if view.record(app).is_some_and(|record| record.held) => says("It stops before its next step."),
        Stance::Watch => says("It runs. What is sent can't be taken back; what comes after can be stopped."),
        Stance::Look => says("You may look, not confirm: people.toml gives you no operator role here."),
        Stance::Ended => match view.record(app).map(|record| record.state).filter(|state| is_run(*state)) {
            Some(PlanState::Succeeded) => says("It has ended. Above is what each step was answered."),
            Some(_) => says(&again(app, plan)),
            None => says("It has ended, and nothing was sent."),
        },
    };
    lines.extend(more);
    lines
}

/// What to do after a run that did not reach its end: it is not resumed, since what was true when it was made may be no more.
fn again(app: &Console, plan: &Plan) -> String {
    let key = availability::key(app, KeyContext::Main, Command::Propose(plan.action));
    format!(
        "It did not reach its end and is not resumed. What was done stays done: see each step's answer above. To go on, \
         leave this page and press {key}: the new plan starts from what is true then."
    )
}

/// The name to type and what is typed of it. What is to be typed never stands where typing goes: without colours one could
/// not tell them apart.
fn typed(view: &PlanView, plan: &Plan, question: &'static str, room: u16) -> Words {
    let typed = view.line.value();
    let question = if width(question) + width(&plan.confirm) + width(typed) + 4 > room { "Type " } else { question };
    vec![
        span(Role::Text, question),
        span(Role::Strong, plan.confirm.as_str()),
        span(Role::Text, ": "),
        span(Role::Input, typed),
        span(Role::Accent, "▏"),
    ]
}
