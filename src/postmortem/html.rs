//! One self-contained page: no script, nothing fetched, good on paper, light or dark as its reader has it.
//!
//! Everything that came from outside is escaped by its type; only the style is put in as it is (`PreEscaped`). The page's
//! own rules forbid it to load or run anything besides.

use std::collections::BTreeSet;
use std::fmt;

use maud::{DOCTYPE, Markup, PreEscaped, Render, html};

use crate::model::time::from_detection;
use crate::model::{SafeText, Stamp};

use super::durations::{day, length, time};
use super::objectives::{ClockRow, NONE};
use super::outline::{ExportEntry, Outline, PlanLine};
use super::streamed::{ExportList, ExportLists};
use super::timeline_svg;

/// The look. `system-ui` and `monospace` are there everywhere: no font is fetched.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c1e21;--dim:#5b6169;--paper:#ffffff;--rule:#d5d9de;--bad:#b3261e;--good:#1b6e3c;--warn:#8a5300;--drill:#8a1d8a}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e4e6e9;--dim:#a2a9b2;--paper:#14161a;--rule:#3a3f46;--bad:#ff8a80;--good:#7ed29a;--warn:#ffb95c;--drill:#f0a0f0}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:66rem;margin:2rem auto;padding:0 1.2rem}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .6rem}h2{font-size:1.15rem;margin:2.2rem 0 .6rem;border-bottom:1px solid var(--rule)}h3{font-size:1rem;margin:1.6rem 0 .4rem}
table{border-collapse:collapse;width:100%;margin:.4rem 0}th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--rule)}
th{font-weight:600;color:var(--dim);white-space:nowrap}td.n{white-space:nowrap;font-variant-numeric:tabular-nums}td.t{overflow-wrap:anywhere;min-width:11rem}td.w{min-width:16rem}
a{color:inherit;text-decoration-color:var(--dim);text-underline-offset:.15em}
code,.hash{font-family:ui-monospace,monospace;font-size:.85em;overflow-wrap:anywhere}.hash{color:var(--dim)}td.hash{white-space:nowrap}th.hash{font:inherit;font-weight:600}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1.2rem;margin:.4rem 0}dt{color:var(--dim)}dd{margin:0}
.dim{color:var(--dim)}.bad{color:var(--bad);font-weight:600}.good{color:var(--good);font-weight:600}.warn{color:var(--warn)}
.drill{color:var(--drill);border:2px solid var(--drill);padding:.4rem .8rem;font-weight:600;margin:0 0 1rem}
tr.pinned td{font-weight:600}pre{overflow-x:auto;border:1px solid var(--rule);padding:.6rem .8rem;font-size:.85em}
svg{width:100%;height:auto;margin:.6rem 0}.wide{overflow-x:auto}svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg .length{text-anchor:middle;fill:var(--dim)}svg .clock{font-weight:600}svg .event{fill:var(--dim)}
svg line{stroke:var(--rule)}svg .before{stroke:var(--bad);stroke-width:6}svg .after{stroke:var(--warn);stroke-width:6}svg .tick{stroke:var(--ink)}svg .drop{stroke:var(--rule)}
@media screen and (max-width:44rem){body{margin:1rem auto;padding:0 .8rem}table{display:block;overflow-x:auto}svg{min-width:44rem}th.hash,td.hash{display:none}}
@page{margin:15mm 14mm}
@media print{body{font-size:9.5pt;line-height:1.4;max-width:none;margin:0;padding:0}h1,h2,h3,th{break-after:avoid}tr,svg,dl,li,p{break-inside:avoid}thead{display:table-header-group}pre{white-space:pre-wrap}a{text-decoration:none}}
";

/// Whether all of it happened on one day, which then need not stand in every row.
fn one_day(outline: &Outline, lists: &dyn ExportLists) -> Result<bool, fmt::Error> {
    let rows = outline.rows.iter().map(|row| row.at).chain(outline.plans.iter().map(|plan| plan.proposed_at));
    let steps = outline.plans.iter().flat_map(|plan| plan.steps.iter().filter_map(|step| step.at));
    let same = |at: Stamp| at.date_naive() == outline.opened_at.date_naive();
    let mut all = rows.chain(steps).all(same);
    if all {
        lists.each(ExportList::Timeline, &mut |event| {
            all &= same(event.placed_at);
            Ok(())
        })?;
    }
    Ok(all)
}

/// The time, with its day where that may be another one.
fn moment(at: Stamp, one_day: bool) -> String {
    if one_day { time(at) } else { at.format("%Y-%m-%d %H:%M:%S").to_string() }
}

/// Entries in their order, each once; three or more in a row as `31–36`.
fn numbers(seqs: &[u64]) -> Markup {
    let sorted: BTreeSet<u64> = seqs.iter().copied().collect();
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for seq in sorted {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(seq) => *last = seq,
            _ => runs.push((seq, seq)),
        }
    }
    let link = |seq: u64| html! { a href={ "#e" (seq) } { (seq) } };
    let run = |(first, last): (u64, u64)| match last - first {
        0 => link(first),
        1 => html! { (link(first)) ", " (link(last)) },
        _ => html! { (link(first)) "–" (link(last)) },
    };
    joined(runs.into_iter().map(run), ", ")
}

fn joined(parts: impl IntoIterator<Item = Markup>, between: &str) -> Markup {
    html! {
        @for (index, part) in parts.into_iter().enumerate() {
            @if index > 0 { (between) }
            (part)
        }
    }
}

/// A table: what stands over its columns, and its rows.
fn table(head: &[&str], rows: Markup) -> Markup {
    html! {
        table {
            thead { tr { @for name in head { th { (name) } } } }
            tbody { "\n" (rows) }
        } "\n"
    }
}

/// A line of a list of terms.
fn term(name: &str, value: impl Render) -> Markup {
    html! { dt { (name) } dd { (value) } "\n" }
}

/// Stand in the page where the lists of entries go; no text has a NUL.
const DECISIONS: PreEscaped<&str> = PreEscaped("\0d");
const FOLLOW_UPS: PreEscaped<&str> = PreEscaped("\0f");
const TIMELINE: PreEscaped<&str> = PreEscaped("\0t");

/// Writes the outline as a page.
pub(super) fn write_html(out: &mut dyn fmt::Write, outline: &Outline, lists: &dyn ExportLists) -> fmt::Result {
    let one_day = one_day(outline, lists)?;
    let page = page(outline, one_day).into_string();
    let mut pieces = page.split('\0');
    out.write_str(pieces.next().unwrap_or_default())?;
    for piece in pieces {
        match piece.as_bytes().first() {
            Some(b'd') => list(out, "Decisions", ExportList::Decisions, lists)?,
            Some(b'f') => list(out, "Follow-ups", ExportList::FollowUps, lists)?,
            _ => lists.each(ExportList::Timeline, &mut |event| out.write_str(&row(event, one_day).into_string()))?,
        }
        out.write_str(piece.get(1..).unwrap_or_default())?;
    }
    Ok(())
}

fn page(outline: &Outline, one_day: bool) -> Markup {
    let title = html! { @if outline.drill.is_some() { "DRILL: " } (outline.incident) ": " (outline.title) };
    html! {
        (DOCTYPE) "\n"
        html lang="en" { "\n"
            head { "\n"
                meta charset="utf-8"; "\n"
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"; "\n"
                meta name="viewport" content="width=device-width"; "\n"
                meta name="referrer" content="no-referrer"; "\n"
                title { (title) } "\n"
                style { "\n" (PreEscaped(STYLE)) } "\n"
            } "\n"
            body { "\n"
                @if let Some(filtered) = &outline.filtered {
                    p.drill { (filtered.words()) ": " code { (filtered.filter) } } "\n"
                }
                @if let Some(drill) = &outline.drill {
                    p.drill { "DRILL. Nothing here happened to real systems: " (drill) "." } "\n"
                }
                h1 { (title) } "\n"
                (head(outline))
                (clocks(outline))
                (objectives(outline))
                (milestones(outline, one_day))
                (DECISIONS)
                (FOLLOW_UPS)
                (plans(outline, one_day))
                (people(outline))
                (timeline(outline, one_day))
                (verification(outline))
            } "\n"
        } "\n"
    }
}

fn head(outline: &Outline) -> Markup {
    html! {
        dl { "\n"
            (term("Severity", outline.severity.name().to_uppercase()))
            (term("Status", outline.status.name()))
            (term("Room", &outline.room))
            @if !outline.services.is_empty() { (term("Services", outline.services.join(", "))) }
            @if let Some(commander) = &outline.commander { (term("Commander", commander.as_str())) }
            (term("Opened", day(outline.opened_at)))
            @if let Some(closed) = outline.closed_at { (term("Closed", day(closed))) }
            (term("As of", format_args!("{}, the last entry of the incident", day(outline.as_of))))
        } "\n"
    }
}

fn clocks(outline: &Outline) -> Markup {
    let rows = html! {
        @for ClockRow { name, at, to, seqs } in outline.clock_rows() {
            tr {
                td { (name) } td { (at) } td.n { (to) }
                td.n { @if seqs.is_empty() { (NONE) } @else { (numbers(&seqs)) } }
            } "\n"
        }
    };
    html! {
        h2 { "Clocks" } "\n"
        (timeline_svg::timeline(outline))
        (table(&["clock", "at", "to recovery", "entry"], rows))
    }
}

fn objectives(outline: &Outline) -> Markup {
    let met = |met: Option<bool>| match met {
        Some(true) => html! { span.good { "met" } },
        Some(false) => html! { span.bad { "missed" } },
        None => html! { "not known" },
    };
    let rows = html! {
        @for it in &outline.objectives {
            tr {
                td { (it.service) }
                td { (length(it.rto_s)) } td { (it.recovered_words()) } td { (met(it.rto_met)) }
                td { (length(it.rpo_s)) } td { (it.lost_words()) } td { (met(it.rpo_met)) }
            } "\n"
        }
    };
    html! {
        @if !outline.objectives.is_empty() {
            h2 { "Objectives" } "\n"
            (table(&["service", "RTO", "recovered in (from impact)", "", "RPO", "writes lost", ""], rows))
        }
    }
}

fn milestones(outline: &Outline, one_day: bool) -> Markup {
    let line = |t_s: i64, at: Stamp, name: &str, action: &SafeText, who: &str, seqs: &[u64]| {
        html! {
            tr {
                td.n { (from_detection(t_s)) } td.n { (moment(at, one_day)) }
                td { (name) } td.t.w { (action) } td { (who) } td { (numbers(seqs)) }
            } "\n"
        }
    };
    let rows = html! {
        @for row in &outline.rows {
            @let name = row.name();
            (line(row.t_s, row.at, &name, &row.action, &row.who(), &row.seqs))
            @for mark in row.other_marks() {
                @let (name, who) = (format!("{name}, as marked"), format!("marked by {}", mark.by));
                (line(mark.t_s, mark.at, &name, &mark.action, &who, &[mark.seq, mark.marked_seq]))
            }
        }
    };
    let missing: Vec<String> = outline.not_recorded.iter().map(|name| name.replace('_', " ")).collect();
    html! {
        h2 { "In short" } "\n"
        p.dim { "T+0 is the detection." } "\n"
        (table(&["T", "at (UTC)", "milestone", "what", "who", "entries"], rows))
        @if !missing.is_empty() { p { "Not recorded: " (missing.join(", ")) "." } "\n" }
    }
}

fn list(out: &mut dyn fmt::Write, title: &str, list: ExportList, lists: &dyn ExportLists) -> fmt::Result {
    let mut any = false;
    lists.each(list, &mut |event| {
        if !std::mem::replace(&mut any, true) {
            writeln!(out, "<h2>{title}</h2>\n<ul>")?;
        }
        let item = html! {
            li { (time(event.at)) " " (event.by) ": " (event.text) " (entry " (numbers(&[event.seq])) ")" } "\n"
        };
        out.write_str(&item.into_string())
    })?;
    if any { out.write_str("</ul>\n") } else { Ok(()) }
}

fn simulated(simulated: bool) -> &'static str {
    if simulated { ", simulated" } else { "" }
}

fn plans(outline: &Outline, one_day: bool) -> Markup {
    html! {
        @if !outline.plans.is_empty() {
            h2 { "Plans" } "\n"
            @for plan in &outline.plans { (one_plan(plan, one_day)) }
        }
    }
}

fn one_plan(plan: &PlanLine, one_day: bool) -> Markup {
    let shown = html! {
        @for row in &plan.shown { tr { td { (row.what) } td.t { (row.now) } td.t { (row.after) } } "\n" }
    };
    let steps = html! {
        @for step in &plan.steps {
            tr {
                td { (step.id) } td.t { (step.effect) } td { (step.state) }
                td.n { @if let Some(at) = step.at { (moment(at, one_day)) } } td.t { (step.says) }
            } "\n"
        }
    };
    html! {
        section.plan { "\n"
            h3 { (plan.title) } "\n"
            dl { "\n"
                (term("Plan", html! { (plan.plan) " (" (plan.action) "), entries " (numbers(&plan.seqs)) }))
                (term("Digest", html! { code { (plan.digest) } " (code " (plan.code) ")" }))
                (term("Proposed", html! { "by " (plan.proposed_by) " at " (moment(plan.proposed_at, one_day)) }))
                @for it in &plan.approvers {
                    (term("Approved", html! {
                        "by " (it.person) " (" (it.level) (simulated(it.simulated)) ") at " (moment(it.at, one_day))
                        " (entry " (numbers(&[it.seq])) ")"
                    }))
                }
                (term("Outcome", html! { (plan.state) @if !plan.says.is_empty() { ": " (plan.says) } }))
            } "\n"
            @if !plan.shown.is_empty() { (table(&["", "now", "after"], shown)) }
            @for warning in &plan.warnings { p.warn { "Warning: " (warning) } "\n" }
            (table(&["step", "what", "outcome", "at (UTC)", "proof"], steps))
        } "\n"
    }
}

fn people(outline: &Outline) -> Markup {
    html! {
        h2 { "People" } "\n"
        ul { "\n"
            @for it in &outline.people {
                @let roles = if it.roles.is_empty() { "was there".to_owned() } else { it.roles.join(", ") };
                li { (it.person) " from " (time(it.since)) ": " (roles) (simulated(it.simulated)) } "\n"
            }
        } "\n"
    }
}

/// What else is known of an entry, beside its text.
fn marks(event: &ExportEntry) -> Vec<Markup> {
    let mut marks = Vec::new();
    if let Some((what, at)) = event.other_time() {
        marks.push(html! { (what) " " (time(at)) });
    }
    if event.adopted {
        marks.push(html! { "recorded before the incident was opened" });
    }
    if !event.amended_by.is_empty() {
        marks.push(html! { "amended by entry " (numbers(&event.amended_by)) });
    }
    if let Some(original) = &event.original {
        marks.push(html! { "it said: " (original) });
    }
    if let Some(removed) = &event.removed {
        marks.push(html! { (removed.words()) });
    }
    for mark in &event.marked {
        let (name, entry) = (mark.milestone.words(), numbers(&[mark.seq]));
        marks.push(html! { "marked as " (name) " by " (mark.by) " in entry " (entry) });
    }
    if event.is_moved() {
        marks.push(html! { "measured: " (day(event.measured_at)) });
    }
    marks
}

fn timeline(outline: &Outline, one_day: bool) -> Markup {
    html! {
        h2 { "Timeline" } "\n"
        @if one_day {
            p.dim { "All on " (outline.opened_at.format("%Y-%m-%d")) ". T+0 is the detection." } "\n"
        }
        table {
            thead {
                tr { th { "entry" } th { "at (UTC)" } th { "T" } th { "who" } th { "what" } th.hash { "hash" } }
            }
            tbody { "\n" (TIMELINE) }
        } "\n"
        p.dim { "A hash is shown by its first 16 of 64 digits; the JSON and CSV exports have all." } "\n"
    }
}

/// A row of the timeline.
fn row(event: &ExportEntry, one_day: bool) -> Markup {
    let marks = marks(event);
    html! {
        tr id={ "e" (event.seq) } class=[event.pinned.then_some("pinned")] {
            td.n { (event.seq) }
            td.n { (moment(event.placed_at, one_day)) }
            td.n { (from_detection(event.t_s)) }
            td { (event.by) @if event.simulated { " " span.dim { "(simulated)" } } }
            td.t.w {
                (event.text)
                @if !marks.is_empty() { " " span.dim { "(" (joined(marks, "; ")) ")" } }
            }
            td.hash { (event.hash.get(..16).unwrap_or(&event.hash)) }
        } "\n"
    }
}

fn verification(outline: &Outline) -> Markup {
    let log = &outline.log;
    html! {
        h2 { "Verifying this" } "\n"
        dl { "\n"
            (term("Log", html! { (log.log) ", exported at entry " (log.seq) }))
            (term("Head", html! { code { (log.head) } }))
        } "\n"
        p { "With the log's files at hand, this checks every link:" } "\n"
        pre { "warroom verify timeline.*.jsonl" } "\n"
        p {
            "Without the program: each line's " code { "h" }
            " is the SHA-256 of the line without its last 72 bytes, its " code { "prev" }
            " is the " code { "h" } " before it, and its " code { "body" }
            " is the SHA-256 of the line with its text. A plan's digest is"
        } "\n"
        pre { "(printf 'warroom/plan/v1\\n'; jq -cSj . plan.json) | sha256sum" } "\n"
        p { "The chain shows accident; it shows fraud only where a head left the host." } "\n"
    }
}
