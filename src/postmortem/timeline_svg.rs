//! The incident as a line: impact, detection, decision, recovery with the time between them, and what happened on the way.
//! Whole numbers only, so that the same outline gives the same bytes everywhere.

use maud::{Markup, html};

use crate::model::Stamp;
use crate::model::time::{from_detection, since};
use crate::timeline::IncidentClock;

use super::durations::length;
use super::outline::Outline;

/// The drawing's own units: the width of the line, and where it begins.
const WIDTH: i64 = 860;
const LEFT: i64 = 50;
const BASE: i64 = 74;
/// The height of a line of labels, and how many characters take how much room.
const LABEL: i64 = 18;
const CHARACTER: i64 = 7;
/// The most lines of labels below the line.
const LINES: usize = 9;

/// A clock on the line.
struct DrawnClock {
    name: &'static str,
    at: Stamp,
    /// Seconds from the first mark.
    at_s: i64,
    /// Seconds from detection.
    t_s: i64,
}

/// Draws the outline's clocks and milestones; nothing where fewer than two instants are known.
pub(super) fn timeline(outline: &Outline) -> Markup {
    let zero = outline.clocks.detection.as_ref().map_or(outline.opened_at, |clock| clock.at);
    let found: Vec<_> =
        IncidentClock::ALL.iter().filter_map(|it| outline.clocks.of(*it).map(|clock| (it.name(), clock.at))).collect();
    let points = points(outline, zero);
    let instants = found.iter().map(|(_, at)| *at).chain(points.iter().map(|point| point.at));
    let (Some(first), Some(last)) = (instants.clone().min(), instants.max()) else { return Markup::default() };
    let span = (last - first).num_seconds();
    if span <= 0 || found.is_empty() {
        return Markup::default();
    }
    let mut marks: Vec<DrawnClock> = found
        .iter()
        .map(|(name, at)| DrawnClock {
            name,
            at: *at,
            at_s: (*at - first).num_seconds(),
            t_s: (*at - zero).num_seconds(),
        })
        .collect();
    // An alert may fire late, after the service was back.
    marks.sort_by_key(|mark| mark.at_s);
    let x = |seconds: i64| LEFT + seconds * WIDTH / span;
    let (labels, lines) = labels(&points, first, &x);
    let view = format!("0 0 {} {}", WIDTH + 2 * LEFT, BASE + 30 + LABEL * lines);
    html! {
        div.wide {
            svg viewBox=(view) role="img" aria-label=(said(outline)) { "\n"
                line class="axis" x1=(LEFT) y1=(BASE) x2=(LEFT + WIDTH) y2=(BASE) {} "\n"
                (spans(&marks, &x))
                @for mark in &marks { (clock(mark, x(mark.at_s))) }
                (labels)
            }
        } "\n"
    }
}

/// What is written below the line.
struct DrawnEvent {
    at: Stamp,
    words: String,
    says: String,
}

/// The milestones, and where people state a clock to stand: in order of time.
fn points(outline: &Outline, zero: Stamp) -> Vec<DrawnEvent> {
    let t = |at: Stamp| from_detection((at - zero).num_seconds());
    let rows = outline.rows.iter().map(|row| DrawnEvent {
        at: row.at,
        words: format!("{} {}", from_detection(row.t_s), row.name()),
        says: row.action.to_string(),
    });
    let stated = IncidentClock::ALL.into_iter().filter_map(|clock| {
        let it = outline.clocks.stated.of(clock)?;
        let words = format!("{} {}, stated by {}", t(it.at), clock.name(), it.by);
        Some(DrawnEvent { at: it.at, words, says: format!("entry {}", it.seq) })
    });
    let mut points: Vec<DrawnEvent> = rows.chain(stated).collect();
    points.sort_by_key(|point| point.at);
    points
}

/// The drawing for who can't see it.
fn said(outline: &Outline) -> String {
    let part = |name: &str, seconds: Option<u64>| seconds.map(|s| format!("{name} to recovery {}", length(s)));
    let parts = [
        part("impact", outline.from_impact_s),
        part("detection", outline.from_detection_s),
        part("decision", outline.from_decision_s),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "The clocks of the incident; it is not recovered.".to_owned() } else { parts.join(", ") }
}

/// The time between two clocks, above the line.
fn spans(marks: &[DrawnClock], x: &impl Fn(i64) -> i64) -> Markup {
    html! {
        @for pair in marks.windows(2) {
            @let (from, to) = (x(pair[0].at_s), x(pair[1].at_s));
            // Of the instants themselves, as the table says it: whole seconds from elsewhere may be one more.
            @let words = length(since(pair[0].at, pair[1].at));
            @let class = if pair[1].name == "recovery" { "after" } else { "before" };
            line class=(class) x1=(from) y1=(BASE) x2=(to) y2=(BASE) {
                title { (pair[0].name) " to " (pair[1].name) ": " (words) }
            } "\n"
            // Words only where they have room.
            @if to - from > width(&words) + 8 {
                text class="length" x=((from + to) / 2) y=(BASE - 8) { (words) } "\n"
            }
        }
    }
}

/// How wide words are drawn.
fn width(words: &str) -> i64 {
    i64::try_from(words.chars().count()).unwrap_or(0) * CHARACTER
}

/// A clock: its name over the line, on one of two heights so that near ones do not lie on each other.
fn clock(mark: &DrawnClock, x: i64) -> Markup {
    let high = matches!(mark.name, "detection" | "recovery");
    let y = if high { 18 } else { 36 };
    let anchor = if x > LEFT + WIDTH - 60 { "end" } else { "start" };
    html! {
        line class="tick" x1=(x) y1=(y + 4) x2=(x) y2=(BASE + 6) {} "\n"
        text class="clock" text-anchor=(anchor) x=(x) y=(y) { (mark.name) " " (from_detection(mark.t_s)) } "\n"
    }
}

/// What happened, below the line: each as far right as it happened, in lines that do not touch; and how many lines.
fn labels(points: &[DrawnEvent], first: Stamp, x: &impl Fn(i64) -> i64) -> (Markup, i64) {
    let mut ends = [i64::MIN; LINES];
    let mut used = 0;
    let place = |point: &DrawnEvent| {
        let at = x((point.at - first).num_seconds());
        let wide = width(&point.words) + 10;
        // What would run off the right end stands left of its mark.
        let (from, anchor) = if at + wide > WIDTH + 2 * LEFT { (at - wide, "end") } else { (at, "start") };
        let line = ends.iter().position(|end| *end <= from).unwrap_or(LINES - 1);
        ends[line] = from + wide;
        let number = i64::try_from(line).unwrap_or(0) + 1;
        used = used.max(number);
        (at, anchor, BASE + 12 + LABEL * number)
    };
    let places: Vec<_> = points.iter().map(place).collect();
    let drawn = html! {
        @for (point, (at, anchor, y)) in points.iter().zip(places) {
            line class="drop" x1=(at) y1=(BASE) x2=(at) y2=(y - 12) {} "\n"
            text class="event" text-anchor=(anchor) x=(at) y=(y) { (point.words) title { (point.says) } } "\n"
        }
    };
    (drawn, used)
}
