//! A plan on the whole screen; nothing else competes. What it shows is in the bytes that are hashed, and nothing else is.

use ratatui::layout::Rect;

use crate::approval::{PlanRecord, PlanState};
use crate::console::app::App;
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
        Subject::Draft { digest, .. } => Some(*digest),
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
        let words = [span(Role::Accent, format!(" {} more lines below: read them ", most - scroll))];
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
        facts.push(Fact::right(4, who(app, record)));
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

fn body_lines(app: &App, view: &PlanView, plan: &Plan, room: u16) -> Vec<Words> {
    let mut lines: Vec<Words> =
        text::wrap(&plan.title, room).into_iter().map(|line| vec![span(Role::Strong, line)]).collect();
    lines.push(Words::new());
    lines.extend(table(plan, room));
    if !plan.warnings.is_empty() {
        lines.push(Words::new());
    }
    for warning in &plan.warnings {
        for (i, line) in text::wrap(warning, room.saturating_sub(2)).into_iter().enumerate() {
            let mark = if i == 0 { glyph::WARNING } else { " " };
            lines.push(vec![span(Role::Warning, format!("{mark} ")), span(Role::Text, line)]);
        }
    }
    let record = view.record(app).filter(|record| is_run(record.state));
    if record.is_none() {
        lines.push(Words::new());
        lines.extend(preconditions(app, plan, room));
    }
    lines.push(Words::new());
    lines.extend(running::steps(app, plan, record, room));
    if let Some(record) = view.record(app) {
        if !record.says.is_empty() {
            let (glyph, role) = words::plan_mark(record.state);
            lines.push(Words::new());
            for line in text::wrap(&format!("{glyph} {}", record.says), room) {
                lines.push(vec![span(if role == Role::Dim { Role::Text } else { role }, line)]);
            }
        }
    }
    lines
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
    let all: Vec<_> = plan.steps.iter().flat_map(|step| &step.pre).collect();
    let mut lines = Vec::new();
    if !all.is_empty() {
        lines.push(vec![span(Role::Dim, "relies on, and is read again before each step")]);
    }
    let half = room / 2 - room.min(6) / 2;
    let whole = |pre: &&crate::model::plan::Pre| width(&pre.says) + 14 <= half;
    let two = room >= 100 && all.len() > 3 && all.iter().all(whole);
    let wide = if two { half } else { room.min(90) };
    for pair in all.chunks(if two { 2 } else { 1 }) {
        let mut line = cell(pair[0], wide);
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
    let says = |words: String| vec![span(Role::Text, text::end(&words, room))];
    lines.push(match stance {
        _ if view.sent.is_some() => vec![span(Role::Dim, "Sent; waiting for the room's answer …")],
        Stance::Propose | Stance::Approve => {
            let question = match stance {
                Stance::Propose => "Type the name of what will move to propose it: ",
                _ => "Type the name of what will move to confirm: ",
            };
            let question = if width(question) + width(&plan.confirm) + 4 > room { "Name: " } else { question };
            let typed = view.line.value();
            let rest = plan.confirm.strip_prefix(typed).unwrap_or("");
            vec![span(Role::Text, question), span(Role::Input, typed), span(Role::Accent, "▏"), span(Role::Dim, rest)]
        }
        Stance::Wait { mine: true } => says(
            "You proposed this. Another person must confirm it: ask them to press A, and read them the code."
                .to_owned(),
        ),
        Stance::Wait { mine: false } => says("You confirmed this. It runs as soon as enough persons have.".to_owned()),
        Stance::Watch if view.record(app).is_some_and(|record| record.held) => {
            says("It stops before its next step.".to_owned())
        }
        Stance::Watch => says("It runs. What is sent can't be taken back; what comes after can be held.".to_owned()),
        Stance::Look => says("You may look, not confirm: people.toml gives you no operator role here.".to_owned()),
        Stance::Ended => says("This plan has ended. The timeline has every step.".to_owned()),
    });
    lines
}
