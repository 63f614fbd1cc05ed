//! One self-contained page: no script, nothing fetched, good on paper, light or dark as its reader has it.
//!
//! Everything that came from outside is escaped; the page's own rules forbid it to load or run anything besides.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::model::Stamp;
use crate::model::time::from_detection;

use super::drawing;
use super::length::{day, length, time};
use super::outline::{Event, Outline, PlanLine};
use super::reached::{ClockRow, NONE};

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

macro_rules! line {
    ($out:expr, $($arg:tt)*) => {{
        // Writing to a string can't fail.
        let _ = writeln!($out, $($arg)*);
    }};
}

/// Text that is nothing but text in an element or an attribute.
pub(super) fn esc(text: impl AsRef<str>) -> String {
    let mut out = String::with_capacity(text.as_ref().len() + 8);
    for c in text.as_ref().chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// Whether all of it happened on one day, which then need not stand in every row.
fn one_day(outline: &Outline) -> bool {
    let rows = outline.rows.iter().map(|row| row.at).chain(outline.plans.iter().map(|plan| plan.proposed_at));
    let steps = outline.plans.iter().flat_map(|plan| plan.steps.iter().filter_map(|step| step.at));
    let mut all = outline.timeline.iter().map(|event| event.placed_at).chain(rows).chain(steps);
    all.all(|at| at.date_naive() == outline.opened_at.date_naive())
}

/// The time, with its day where that may be another one.
fn moment(at: Stamp, one_day: bool) -> String {
    if one_day { time(at) } else { at.format("%Y-%m-%d %H:%M:%S").to_string() }
}

/// Entries in their order, each once; three or more in a row as `31–36`.
fn numbers(seqs: &[u64]) -> String {
    let sorted: BTreeSet<u64> = seqs.iter().copied().collect();
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for seq in sorted {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(seq) => *last = seq,
            _ => runs.push((seq, seq)),
        }
    }
    let link = |seq: u64| format!("<a href=\"#e{seq}\">{seq}</a>");
    let run = |(first, last): (u64, u64)| match last - first {
        0 => link(first),
        1 => format!("{}, {}", link(first), link(last)),
        _ => format!("{}–{}", link(first), link(last)),
    };
    runs.into_iter().map(run).collect::<Vec<_>>().join(", ")
}

/// Writes the outline as a page.
pub fn to_html(outline: &Outline) -> String {
    let mut out = String::new();
    let drill = if outline.drill.is_some() { "DRILL: " } else { "" };
    let title = format!("{drill}{}: {}", esc(outline.incident.as_str()), esc(outline.title.as_str()));
    line!(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">");
    line!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    );
    line!(
        out,
        "<meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"referrer\" content=\"no-referrer\">"
    );
    line!(out, "<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>");
    if let Some(filtered) = &outline.filtered {
        let (words, filter) = (esc(filtered.words()), esc(&filtered.filter));
        line!(out, "<p class=\"drill\">{words}: <code>{filter}</code></p>");
    }
    if let Some(drill) = &outline.drill {
        line!(out, "<p class=\"drill\">DRILL. Nothing here happened to real systems: {}.</p>", esc(drill));
    }
    line!(out, "<h1>{title}</h1>");
    head(&mut out, outline);
    clocks(&mut out, outline);
    objectives(&mut out, outline);
    milestones(&mut out, outline);
    list(&mut out, "Decisions", &outline.decisions);
    list(&mut out, "Follow-ups", &outline.follow_ups);
    plans(&mut out, outline);
    people(&mut out, outline);
    timeline(&mut out, outline);
    verification(&mut out, outline);
    out.push_str("</body>\n</html>\n");
    out
}

fn head(out: &mut String, outline: &Outline) {
    line!(out, "<dl>");
    let mut pair = |name: &str, value: &str| line!(out, "<dt>{name}</dt><dd>{}</dd>", esc(value));
    pair("Severity", &outline.severity.name().to_uppercase());
    pair("Status", outline.status.name());
    pair("Room", &outline.room);
    if !outline.services.is_empty() {
        pair("Services", &outline.services.join(", "));
    }
    if let Some(commander) = &outline.commander {
        pair("Commander", commander.as_str());
    }
    pair("Opened", &day(outline.opened_at));
    if let Some(closed) = outline.closed_at {
        pair("Closed", &day(closed));
    }
    pair("As of", &format!("{}, the last entry of the incident", day(outline.as_of)));
    line!(out, "</dl>");
}

fn clocks(out: &mut String, outline: &Outline) {
    line!(out, "<h2>Clocks</h2>");
    out.push_str(&drawing::timeline(outline));
    line!(out, "<table><thead><tr><th>clock</th><th>at</th><th>to recovery</th><th>entry</th></tr></thead><tbody>");
    for ClockRow { name, at, to, seqs } in outline.clock_rows() {
        let (at, seqs) = (esc(at), if seqs.is_empty() { NONE.to_owned() } else { numbers(&seqs) });
        line!(out, "<tr><td>{name}</td><td>{at}</td><td class=\"n\">{to}</td><td class=\"n\">{seqs}</td></tr>");
    }
    line!(out, "</tbody></table>");
}

fn objectives(out: &mut String, outline: &Outline) {
    if outline.objectives.is_empty() {
        return;
    }
    line!(out, "<h2>Objectives</h2>");
    line!(
        out,
        "<table><thead><tr><th>service</th><th>RTO</th><th>recovered in (from impact)</th><th></th><th>RPO</th><th>writes lost</th><th></th></tr></thead><tbody>"
    );
    let met = |met: Option<bool>| match met {
        Some(true) => "<span class=\"good\">met</span>",
        Some(false) => "<span class=\"bad\">missed</span>",
        None => "not known",
    };
    for it in &outline.objectives {
        line!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            esc(&it.service),
            length(it.rto_s),
            esc(it.recovered_words()),
            met(it.rto_met),
            length(it.rpo_s),
            esc(it.lost_words()),
            met(it.rpo_met),
        );
    }
    line!(out, "</tbody></table>");
}

fn milestones(out: &mut String, outline: &Outline) {
    line!(out, "<h2>In short</h2>\n<p class=\"dim\">T+0 is the detection.</p>");
    line!(
        out,
        "<table><thead><tr><th>T</th><th>at (UTC)</th><th>milestone</th><th>what</th><th>who</th><th>entries</th></tr></thead><tbody>"
    );
    let one_day = one_day(outline);
    for row in &outline.rows {
        let mut line = |t_s: i64, at: Stamp, name: &str, action: &str, who: &str, seqs: &[u64]| {
            let (t, at) = (from_detection(t_s), moment(at, one_day));
            let (name, action, who, seqs) = (esc(name), esc(action), esc(who), numbers(seqs));
            line!(
                out,
                "<tr><td class=\"n\">{t}</td><td class=\"n\">{at}</td><td>{name}</td><td class=\"t w\">{action}</td><td>{who}</td><td>{seqs}</td></tr>"
            );
        };
        let name = row.name();
        line(row.t_s, row.at, &name, row.action.as_str(), &row.who(), &row.seqs);
        for mark in row.other_marks() {
            let (name, who) = (format!("{name}, as marked"), format!("marked by {}", mark.by));
            line(mark.t_s, mark.at, &name, mark.action.as_str(), &who, &[mark.seq, mark.marked_seq]);
        }
    }
    line!(out, "</tbody></table>");
    if !outline.not_recorded.is_empty() {
        let missing: Vec<String> = outline.not_recorded.iter().map(|name| name.replace('_', " ")).collect();
        line!(out, "<p>Not recorded: {}.</p>", esc(missing.join(", ")));
    }
}

fn list(out: &mut String, title: &str, events: &[Event]) {
    if events.is_empty() {
        return;
    }
    line!(out, "<h2>{title}</h2>\n<ul>");
    for event in events {
        let (by, text) = (esc(event.by.as_str()), esc(event.text.as_str()));
        line!(out, "<li>{} {by}: {text} (entry {})</li>", time(event.at), numbers(&[event.seq]));
    }
    line!(out, "</ul>");
}

fn simulated(simulated: bool) -> &'static str {
    if simulated { ", simulated" } else { "" }
}

fn plans(out: &mut String, outline: &Outline) {
    if outline.plans.is_empty() {
        return;
    }
    line!(out, "<h2>Plans</h2>");
    for plan in &outline.plans {
        one_plan(out, plan, one_day(outline));
    }
}

fn one_plan(out: &mut String, plan: &PlanLine, one_day: bool) {
    line!(out, "<section class=\"plan\">\n<h3>{}</h3>\n<dl>", esc(plan.title.as_str()));
    line!(out, "<dt>Plan</dt><dd>{} ({}), entries {}</dd>", esc(&plan.plan), plan.action, numbers(&plan.seqs));
    line!(out, "<dt>Digest</dt><dd><code>{}</code> (code {})</dd>", plan.digest, plan.code);
    line!(
        out,
        "<dt>Proposed</dt><dd>by {} at {}</dd>",
        esc(plan.proposed_by.as_str()),
        moment(plan.proposed_at, one_day)
    );
    for it in &plan.approvers {
        let how = format!("{}{}", it.level, simulated(it.simulated));
        let (person, at) = (esc(it.person.as_str()), moment(it.at, one_day));
        line!(out, "<dt>Approved</dt><dd>by {person} ({how}) at {at} (entry {})</dd>", numbers(&[it.seq]));
    }
    let says = if plan.says.is_empty() { String::new() } else { format!(": {}", esc(plan.says.as_str())) };
    line!(out, "<dt>Outcome</dt><dd>{}{says}</dd>\n</dl>", plan.state);
    if !plan.shown.is_empty() {
        line!(out, "<table><thead><tr><th></th><th>now</th><th>after</th></tr></thead><tbody>");
        for row in &plan.shown {
            let cells = [&row.what, &row.now, &row.after].map(|text| esc(text.as_str()));
            line!(
                out,
                "<tr><td>{}</td><td class=\"t\">{}</td><td class=\"t\">{}</td></tr>",
                cells[0],
                cells[1],
                cells[2]
            );
        }
        line!(out, "</tbody></table>");
    }
    for warning in &plan.warnings {
        line!(out, "<p class=\"warn\">Warning: {}</p>", esc(warning.as_str()));
    }
    line!(
        out,
        "<table><thead><tr><th>step</th><th>what</th><th>outcome</th><th>at (UTC)</th><th>proof</th></tr></thead><tbody>"
    );
    for step in &plan.steps {
        let at = step.at.map(|at| moment(at, one_day)).unwrap_or_default();
        let (id, effect, says) = (esc(&step.id), esc(step.effect.as_str()), esc(step.says.as_str()));
        line!(
            out,
            "<tr><td>{id}</td><td class=\"t\">{effect}</td><td>{}</td><td class=\"n\">{at}</td><td class=\"t\">{says}</td></tr>",
            step.state
        );
    }
    line!(out, "</tbody></table>\n</section>");
}

fn people(out: &mut String, outline: &Outline) {
    line!(out, "<h2>People</h2>\n<ul>");
    for it in &outline.people {
        let roles = if it.roles.is_empty() { "was there".to_owned() } else { it.roles.join(", ") };
        let (person, since) = (esc(it.person.as_str()), time(it.since));
        line!(out, "<li>{person} from {since}: {roles}{}</li>", simulated(it.simulated));
    }
    line!(out, "</ul>");
}

fn timeline(out: &mut String, outline: &Outline) {
    line!(out, "<h2>Timeline</h2>");
    if one_day(outline) {
        line!(out, "<p class=\"dim\">All on {}. T+0 is the detection.</p>", outline.opened_at.format("%Y-%m-%d"));
    }
    line!(
        out,
        "<table><thead><tr><th>entry</th><th>at (UTC)</th><th>T</th><th>who</th><th>what</th><th class=\"hash\">hash</th></tr></thead><tbody>"
    );
    let one_day = one_day(outline);
    for event in &outline.timeline {
        let mut what = esc(event.text.as_str());
        let mut marks = Vec::new();
        if let Some((what, at)) = event.other_time() {
            marks.push(format!("{what} {}", time(at)));
        }
        if event.adopted {
            marks.push("recorded before the incident was opened".to_owned());
        }
        if !event.amended_by.is_empty() {
            marks.push(format!("amended by entry {}", numbers(&event.amended_by)));
        }
        if let Some(original) = &event.original {
            marks.push(format!("it said: {}", esc(original.as_str())));
        }
        if let Some(removed) = &event.removed {
            marks.push(esc(removed.words()));
        }
        for mark in &event.marked {
            let (name, by) = (esc(mark.milestone.words()), esc(mark.by.as_str()));
            marks.push(format!("marked as {name} by {by} in entry {}", numbers(&[mark.seq])));
        }
        if event.is_moved() {
            marks.push(format!("measured: {}", day(event.measured_at)));
        }
        if !marks.is_empty() {
            let _ = write!(what, " <span class=\"dim\">({})</span>", marks.join("; "));
        }
        let class = if event.pinned { " class=\"pinned\"" } else { "" };
        line!(
            out,
            "<tr id=\"e{0}\"{class}><td class=\"n\">{0}</td><td class=\"n\">{1}</td><td class=\"n\">{2}</td><td>{3}{4}</td><td class=\"t w\">{what}</td><td class=\"hash\">{5}</td></tr>",
            event.seq,
            moment(event.placed_at, one_day),
            from_detection(event.t_s),
            esc(event.by.as_str()),
            if event.simulated { " <span class=\"dim\">(simulated)</span>" } else { "" },
            esc(event.hash.get(..16).unwrap_or(&event.hash)),
        );
    }
    line!(out, "</tbody></table>");
    line!(out, "<p class=\"dim\">A hash is shown by its first 16 of 64 digits; the JSON and CSV exports have all.</p>");
}

fn verification(out: &mut String, outline: &Outline) {
    let log = &outline.log;
    line!(out, "<h2>Verifying this</h2>\n<dl>");
    line!(out, "<dt>Log</dt><dd>{}, exported at entry {}</dd>", esc(&log.log), log.seq);
    line!(out, "<dt>Head</dt><dd><code>{}</code></dd>\n</dl>", esc(&log.head));
    line!(out, "<p>With the log's files at hand, this checks every link:</p>");
    line!(out, "<pre>warroom verify timeline.*.jsonl</pre>");
    line!(
        out,
        "<p>Without the program: each line's <code>h</code> is the SHA-256 of the line without its last 72 bytes, its <code>prev</code> is the <code>h</code> before it, and its <code>body</code> is the SHA-256 of the line with its text. A plan's digest is</p>"
    );
    line!(out, "<pre>(printf 'warroom/plan/v1\\n'; jq -cSj . plan.json) | sha256sum</pre>");
    line!(out, "<p>The chain shows accident; it shows fraud only where a head left the host.</p>");
}
