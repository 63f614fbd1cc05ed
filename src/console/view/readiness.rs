//! Readiness: would the objectives be met if the primary side died now? One line a service, then why not, and what would
//! prove it. The judgement is the board's; here it only gets its place.

use crate::board::Readiness;
use crate::board::readiness::{Attainment, Promise, ReadinessCheck, Ready, readiness};
use crate::console::app::Console;
use crate::console::theme::Role;
use crate::console::widget::canvas::{span, width_of};
use crate::console::widget::{Words, glyph, text, time};

use super::page::Page;

/// Readiness as this console knows it.
pub fn judge(app: &Console) -> Readiness {
    let mirror = app.seen();
    let objectives = mirror.welcome.as_ref().map_or(&[][..], |welcome| welcome.objectives.as_slice());
    readiness(objectives, &mirror.board, &mirror.story, app.at())
}

/// The board.
pub fn sheet(app: &Console, room: u16) -> Page {
    let ready = judge(app);
    let mut sheet = Page::new("Readiness");
    let (role, words) = headline(&ready);
    sheet.title.push(span(role, format!("   {words}")));
    if ready.services.is_empty() {
        let words = "No service has an objective, so there is nothing to be ready for. Name what was promised in a \
                     [[service]] of warroom.toml: RTO, RPO, and what belongs to it.";
        sheet.prose(Role::Text, words, room);
        return sheet;
    }
    table(app, &ready, &mut sheet, room);
    for service in &ready.services {
        reasons(app, service, &mut sheet, room);
    }
    sheet
}

/// The answer in one line.
fn headline(ready: &Readiness) -> (Role, String) {
    let count = |standing| ready.services.iter().filter(|it| it.standing == standing).count();
    let (missed, unknown, all) = (count(Attainment::Missed), count(Attainment::Unknown), ready.services.len());
    let services = |n: usize| if n == 1 { "1 service".to_owned() } else { format!("{n} services") };
    match (missed, unknown) {
        (0, 0) if all == 0 => (Role::Unknown, "nothing is promised".to_owned()),
        (0, 0) => (Role::Good, format!("READY: {} would meet RTO and RPO, proven", services(all))),
        (0, n) => (Role::Unknown, format!("NOT PROVEN for {n} of {}", services(all))),
        (n, 0) => (Role::Critical, format!("NOT READY: {n} of {} would miss an objective", services(all))),
        (n, m) => {
            (Role::Critical, format!("NOT READY: {n} of {} would miss an objective, {m} not proven", services(all)))
        }
    }
}

/// Glyph and colour of a standing.
fn mark(standing: Attainment) -> (&'static str, Role) {
    match standing {
        Attainment::Met => (glyph::OK, Role::Good),
        Attainment::Unknown => (glyph::UNKNOWN, Role::Unknown),
        Attainment::Missed => (glyph::CRITICAL, Role::Critical),
    }
}

/// Widths of the columns: service, RTO, RPO; the proof takes the rest.
const RTO: u16 = 23;
const RPO: u16 = 25;

fn table(app: &Console, ready: &Readiness, sheet: &mut Page, room: u16) {
    let names = ready.services.iter().map(|it| width_of(&[span(Role::Text, it.service.as_str())])).max().unwrap_or(0);
    let name = names.clamp(7, 16).min(room / 4);
    let pad = |mut words: Words, to: u16| {
        let gap = to.saturating_sub(width_of(&words));
        words.push(span(Role::Text, " ".repeat(usize::from(gap))));
        words
    };
    let head = |words: &str, to: u16| pad(vec![span(Role::Dim, words)], to);
    sheet.line([head("  service", name + 4), head("RTO", RTO), head("RPO", RPO), head("last proof", 0)].concat());
    for it in &ready.services {
        let (glyph, role) = mark(it.standing);
        let title = vec![span(role, format!("{glyph} ")), span(Role::Strong, text::middle(&it.service, name))];
        let line = [pad(title, name + 4), pad(rto(&it.rto), RTO), pad(rpo(&it.rpo), RPO), last_proof(app, it)].concat();
        sheet.line(line);
    }
}

/// `✓ 27 min of 30 min`, `? 30 min, not proven`; with a measure and a doubt, `? 27 min of 30 min`.
fn rto(promise: &Promise) -> Words {
    let (glyph, role) = mark(promise.standing);
    let limit = time::words(promise.limit_s);
    let words = match (promise.measured_s, promise.standing) {
        (Some(took), Attainment::Met | Attainment::Unknown) => format!("{} of {limit}", time::words(took)),
        (Some(took), Attainment::Missed) if took > promise.limit_s => format!("{}, OVER {limit}", time::words(took)),
        (_, Attainment::Missed) => format!("can't meet {limit}"),
        _ => format!("{limit}, not proven"),
    };
    vec![span(role, format!("{glyph} ")), span(if role == Role::Good { Role::Text } else { role }, words)]
}

/// `✓ 8 min of 15 min`, `✗ 20 min, OVER 15 min`.
fn rpo(promise: &Promise) -> Words {
    let (glyph, role) = mark(promise.standing);
    let limit = time::words(promise.limit_s);
    let text = if role == Role::Good { Role::Text } else { role };
    let words = match promise.measured_s {
        None if promise.standing == Attainment::Missed => format!("no point, of {limit}"),
        None => format!("{limit}, not known"),
        Some(lost) if lost > promise.limit_s => format!("{}, OVER {limit}", time::words(lost)),
        Some(lost) => format!("{} of {limit}", time::words(lost)),
    };
    vec![span(role, format!("{glyph} ")), span(text, words)]
}

fn last_proof(app: &Console, it: &Ready) -> Words {
    match it.proofs.first() {
        Some(proof) => vec![span(Role::Dim, format!("{} {}", proof.what, app.zone.day(proof.at)))],
        None => vec![span(Role::Unknown, "never")],
    }
}

/// Why not, and what would prove it; what holds comes last, in one line.
fn reasons(app: &Console, it: &Ready, sheet: &mut Page, room: u16) {
    sheet.heading(&it.service);
    let line = |check: &ReadinessCheck, sheet: &mut Page| {
        let (glyph, role) = mark(check.standing);
        let role = if check.standing == Attainment::Met { Role::Text } else { role };
        sheet.pair(&format!("{glyph} {}", check.what), role, check.says.as_str(), room);
        if !check.remedy.is_empty() {
            sheet.pair("", Role::Dim, check.remedy.as_str(), room);
        }
    };
    it.checks.iter().for_each(|check| line(check, sheet));
    let mut more = vec![format!("strategy {}", it.strategy.name())];
    more.extend(it.rpo_until.filter(|at| *at > app.at()).map(|at| format!("RPO holds until {}", app.zone.minutes(at))));
    more.extend(it.next_run.map(|at| format!("next backup {}", app.zone.minutes(at))));
    more.extend(it.steps_limit_s.map(|limit| format!("the steps of its last plans may take {}", time::words(limit))));
    sheet.pair("  besides", Role::Dim, &more.join(" · "), room);
}
