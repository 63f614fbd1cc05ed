//! A plan on the whole screen; nothing else competes. What it shows is in the bytes that are hashed, and nothing else is.

use ratatui::layout::Rect;

use crate::approval::{PlanRecord, PlanState};
use crate::console::app::App;
use crate::console::keymap::{Command, Context, spell};
use crate::console::overlay::{PlanView, Stance, Subject};
use crate::console::theme::Role;
use crate::console::widget::canvas::{span, width};
use crate::console::widget::flow::{self, Fact};
use crate::console::widget::{Canvas, Words, glyph, text, time};
use crate::model::{Digest, Plan, SafeText};

use super::{footer, header, running, words};

/// Draws the plan.
pub fn draw(app: &App, canvas: &mut Canvas<'_>, view: &PlanView) {
    let (w, h) = app.size;
    let room = w.saturating_sub(4);
    let Some(plan) = view.plan(app) else {
        canvas.put(2, 0, "This plan is not in the log any more. Esc goes back.", Role::Text, room);
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
    if let Some(banner) = header::banner(app) {
        canvas.clear(Rect::new(0, 1, w, 1), Role::Banner);
        canvas.put(1, 1, &text::end(&banner, room), Role::Banner, room);
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
    if most > scroll {
        let key = app.keymap.chord_of(Context::Plan, Command::PageDown).map(spell).unwrap_or_default();
        let lines = if most - scroll == 1 { "1 more line" } else { &format!("{} more lines", most - scroll) };
        let words =
            [span(Role::Strong, format!(" {lines} below ")), span(Role::Accent, key), span(Role::Dim, " reads on ")];
        canvas.words_right(w.saturating_sub(2), rule, &words, w);
    }
    for (y, line) in (rule + 1..h).zip(&foot) {
        canvas.words(2, y, line, room);
    }
    footer::draw(app, canvas, Rect::new(1, h.saturating_sub(1), w.saturating_sub(1), 1));
}

/// What it waits for, from whom, until when, and the code to read aloud.
fn top(app: &App, canvas: &mut Canvas<'_>, view: &PlanView, plan: &Plan, digest: Option<Digest>, stance: Stance) {
    let record = view.record(app);
    let (role, headline) = match (stance, record.map(|record| record.state)) {
        (Stance::Propose, _) => (Role::Waiting, "TO PROPOSE".to_owned()),
        (_, Some(PlanState::Proposed)) => (Role::Waiting, "SECOND PERSON NEEDED".to_owned()),
        (_, Some(PlanState::Approved)) => (Role::Waiting, "CONFIRMED".to_owned()),
        (_, Some(PlanState::Executing)) => (Role::Waiting, "RUNNING".to_owned()),
        (_, Some(state)) => (words::plan_mark(state).1, format!("{state:?}").to_uppercase()),
        (_, None) => (Role::Dim, "PLAN".to_owned()),
    };
    let mut facts = vec![Fact::left(0, vec![span(role, headline)])];
    if app.mirror.welcome.as_ref().is_some_and(|welcome| welcome.drill.is_some()) {
        facts.push(Fact::left(0, vec![span(Role::BadgeDrill, " DRILL ")]));
    }
    if let Some(record) = record {
        let short = vec![span(Role::Dim, "by "), span(Role::Strong, words::persons(record).join(" + "))];
        facts.push(Fact::right(4, who(app, record)).or(short));
        if matches!(record.state, PlanState::Proposed | PlanState::Approved) {
            let used = time::since(record.proposed_at, app.now.room);
            let left = plan.ttl_s.saturating_sub(used);
            let role = if left < 120 { Role::Warning } else { Role::Dim };
            facts.push(Fact::right(3, vec![span(role, format!("expires in {}", time::clock(left)))]));
        }
    }
    if let Some(digest) = digest {
        facts.push(Fact::right(1, vec![span(Role::Dim, "code "), span(Role::Strong, digest.spoken())]));
    }
    flow::draw(canvas, 2, 0, app.size.0.saturating_sub(4), 3, facts);
}

fn who(app: &App, record: &PlanRecord) -> Words {
    let age = time::span(time::since(record.proposed_at, app.now.room));
    let mut words = vec![
        span(Role::Dim, "proposed by "),
        span(Role::Strong, record.by.person.as_str()),
        span(Role::Dim, format!(" {age} ago")),
    ];
    let others: Vec<&str> = words::persons(record).into_iter().skip(1).collect();
    if !others.is_empty() {
        words.push(span(Role::Dim, ", confirmed by "));
        words.push(span(Role::Strong, others.join(", ")));
    }
    words
}

/// Before it runs: what changes, what to know, what it relies on, its steps. Once it was begun the steps come first, and
/// what was confirmed is below them.
fn body_lines(app: &App, view: &PlanView, plan: &Plan, room: u16) -> Vec<Words> {
    let record = view.record(app);
    let begun = record.filter(|record| is_run(record.state));
    let mut parts: Vec<Vec<Words>> =
        vec![text::wrap(&plan.title, room).into_iter().map(|line| vec![span(Role::Strong, line)]).collect()];
    match begun {
        Some(record) => {
            parts.push(running::steps(app, plan, Some(record), room));
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
            parts.push(preconditions(app, plan, room));
            parts.push(running::steps(app, plan, None, room));
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
    let (glyph, role) = words::plan_mark(record.state);
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
    let most = |f: fn(&crate::model::plan::Shown) -> &str, least: u16| {
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

/// What it relies on, each with the age of its reading; two columns where there is room.
fn preconditions(app: &App, plan: &Plan, room: u16) -> Vec<Words> {
    let cell = |pre: &crate::model::plan::Pre, wide: u16| {
        let age = format!("{} ago", time::span(time::since(pre.read_at, app.now.room)));
        let says = text::end(&pre.says, wide.saturating_sub(width(&age) + 5));
        let pad = " ".repeat(usize::from(wide.saturating_sub(width(&says) + width(&age) + 3)));
        vec![
            span(Role::Good, format!("{} ", glyph::OK)),
            span(Role::Text, says),
            span(Role::Dim, format!("{pad} {age}")),
        ]
    };
    // Steps rely on the same facts: each is said once, with the age of its oldest reading.
    let mut all: Vec<crate::model::plan::Pre> = Vec::new();
    for pre in plan.steps.iter().flat_map(|step| &step.pre) {
        match all.iter_mut().find(|it| it.says == pre.says) {
            Some(same) => same.read_at = same.read_at.min(pre.read_at),
            None => all.push(pre.clone()),
        }
    }
    let mut lines = Vec::new();
    if !all.is_empty() {
        lines.push(vec![span(Role::Dim, "relies on, and is read again before each step")]);
    }
    let half = room / 2 - room.min(6) / 2;
    let whole = |pre: &crate::model::plan::Pre| width(&pre.says) + 14 <= half;
    let two = room >= 100 && all.len() > 3 && all.iter().all(whole);
    let longest = all.iter().map(|pre| width(&pre.says)).max().unwrap_or(0);
    let wide = if two { half } else { room.min(longest + 16) };
    for pair in all.chunks(if two { 2 } else { 1 }) {
        let mut line = cell(&pair[0], wide);
        if let Some(second) = pair.get(1) {
            line.push(span(Role::Text, "      "));
            line.extend(cell(second, wide));
        }
        lines.push(line);
    }
    lines
}

/// The lines above the keys: the typed name, or what is waited for.
fn foot(app: &App, view: &PlanView, plan: &Plan, stance: Stance, room: u16) -> Vec<Words> {
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
            says("You proposed this. Another person must confirm it: ask them to press A, and read them the code.")
        }
        Stance::Wait { mine: false } => says("You confirmed this. It runs as soon as enough persons have."),
        Stance::Watch if view.record(app).is_some_and(|record| record.held) => says("It stops before its next step."),
        Stance::Watch => says("It runs. What is sent can't be taken back; what comes after can be held."),
        Stance::Look => says("You may look, not confirm: people.toml gives you no operator role here."),
        Stance::Ended if view.record(app).is_some_and(|record| is_run(record.state)) => {
            says("It has ended. Above is what each step was answered.")
        }
        Stance::Ended => says("It has ended, and nothing was sent."),
    };
    lines.extend(more);
    lines
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
