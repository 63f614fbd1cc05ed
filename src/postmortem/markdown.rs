//! Markdown for people: the short story first, the whole timeline below, and how to check that nobody changed it.

use std::fmt::{self, Write};

use crate::model::time::from_detection;

use super::durations::{day, length, time};
use super::markdown_table;
use super::objectives::{ClockRow, NONE};
use super::outline::{ExportEntry, Outline, PlanLine};
use super::streamed::{ExportList, ExportLists};

/// Writes the outline as Markdown (CommonMark with tables). All outside text is escaped: it can't make markup.
pub(super) fn write_markdown(out: &mut dyn fmt::Write, outline: &Outline, lists: &dyn ExportLists) -> fmt::Result {
    let mut text = String::new();
    head(&mut text, outline);
    summary(&mut text, outline);
    objectives(&mut text, outline);
    milestones(&mut text, outline);
    out.write_str(&markdown_table::aligned(&text))?;
    events(out, "Decisions", ExportList::Decisions, lists)?;
    events(out, "Follow-ups", ExportList::FollowUps, lists)?;
    let mut text = String::new();
    plans(&mut text, outline);
    people(&mut text, outline);
    out.write_str(&markdown_table::aligned(&text))?;
    timeline(out, lists)?;
    let mut text = String::new();
    verification(&mut text, outline);
    out.write_str(&text)
}

macro_rules! line {
    ($out:expr) => { $out.push('\n') };
    ($out:expr, $($arg:tt)*) => {{
        // Writing to a string can't fail.
        let _ = writeln!($out, $($arg)*);
    }};
}

/// Escapes text so that Markdown shows it as it is, in a paragraph, a list or a table cell. Addresses lead nowhere and names
/// call nobody: what came from outside must not be clicked, or wake people, where the document is put.
pub(super) fn md(text: impl AsRef<str>) -> String {
    let text = text.as_ref();
    let mut out = String::with_capacity(text.len() + 8);
    // What starts a list, a quote or a heading only at the start of a block is escaped only there.
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    for (i, c) in text.char_indices() {
        let special = matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '#' | '!' | '&' | '$');
        let leading = i == 0 && matches!(c, '-' | '+' | '=' | ':');
        let numbering = digits > 0 && i == digits && matches!(c, '.' | ')');
        let scheme = c == ':' && text[i..].starts_with("://");
        let host = c == '.' && text[..i].len() >= 3 && text.as_bytes()[i - 3..i].eq_ignore_ascii_case(b"www");
        // Only code keeps a mention and a mail address from being one.
        if c == '@' && !text[..i].ends_with('@') {
            out.push('`');
        }
        if special || leading || numbering || scheme || host {
            out.push('\\');
        }
        out.push(c);
        if c == '@' && !text[i + 1..].starts_with('@') {
            out.push('`');
        }
    }
    out
}

/// `42, 32, 33`.
fn numbers(seqs: &[u64]) -> String {
    seqs.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

fn head(out: &mut String, outline: &Outline) {
    let drill = if outline.drill.is_some() { "DRILL: " } else { "" };
    line!(out, "# {drill}{}: {}", md(outline.incident.as_str()), md(&outline.title));
    line!(out);
    if let Some(drill) = &outline.drill {
        line!(out, "> **DRILL.** Nothing here happened to real systems: {}.", md(drill));
        line!(out);
    }
    if let Some(filtered) = &outline.filtered {
        line!(out, "> **{}**.", md(filtered.words()));
        line!(out, ">");
        line!(out, "> filter: {}", md(&filtered.filter));
        line!(out);
    }
    line!(out, "- Severity: {}", outline.severity.name());
    line!(out, "- Status: {}", outline.status.name());
    line!(out, "- Room: {}", md(&outline.room));
    if !outline.services.is_empty() {
        line!(out, "- Services: {}", outline.services.iter().map(md).collect::<Vec<_>>().join(", "));
    }
    if let Some(commander) = &outline.commander {
        line!(out, "- Commander: {}", md(commander.as_str()));
    }
    line!(out, "- Opened: {}", day(outline.opened_at));
    if let Some(closed) = outline.closed_at {
        line!(out, "- Closed: {}", day(closed));
    }
    line!(out, "- As of: {}, the last entry of the incident", day(outline.as_of));
    line!(out);
}

fn summary(out: &mut String, outline: &Outline) {
    line!(out, "## Clocks");
    line!(out);
    line!(out, "| clock | at (UTC) | to recovery | entry |");
    line!(out, "| --- | --- | --- | --- |");
    for ClockRow { name, at, to, seqs } in outline.clock_rows() {
        let seqs = if seqs.is_empty() { NONE.to_owned() } else { numbers(&seqs) };
        line!(out, "| {name} | {} | {to} | {seqs} |", md(at));
    }
    line!(out);
}

fn objectives(out: &mut String, outline: &Outline) {
    if outline.objectives.is_empty() {
        return;
    }
    line!(out, "## Objectives");
    line!(out);
    line!(out, "| service | RTO | recovered in (from impact) | | RPO | writes lost | |");
    line!(out, "| --- | --- | --- | --- | --- | --- | --- |");
    let met = |met: Option<bool>| match met {
        Some(true) => "met",
        Some(false) => "**missed**",
        None => "not known",
    };
    for it in &outline.objectives {
        line!(
            out,
            "| {} | {} | {} | {} | {} | {} | {} |",
            md(&it.service),
            length(it.rto_s),
            md(it.recovered_words()),
            met(it.rto_met),
            length(it.rpo_s),
            md(it.lost_words()),
            met(it.rpo_met),
        );
    }
    line!(out);
}

fn milestones(out: &mut String, outline: &Outline) {
    line!(out, "## In short");
    line!(out);
    line!(out, "T+0 is the detection.");
    line!(out);
    line!(out, "| | at (UTC) | | what | who | entries |");
    line!(out, "| --- | --- | --- | --- | --- | --- |");
    for row in &outline.rows {
        let (t, at, name) = (from_detection(row.t_s), time(row.at), row.name());
        line!(out, "| {t} | {at} | {name} | {} | {} | {} |", md(&row.action), md(row.who()), numbers(&row.seqs));
        for mark in row.other_marks() {
            let (t, at, seqs) = (from_detection(mark.t_s), time(mark.at), numbers(&[mark.seq, mark.marked_seq]));
            let by = md(mark.by.as_str());
            line!(out, "| {t} | {at} | {name}, as marked | {} | marked by {by} | {seqs} |", md(&mark.action));
        }
    }
    line!(out);
    if !outline.not_recorded.is_empty() {
        let missing: Vec<String> = outline.not_recorded.iter().map(|name| name.replace('_', " ")).collect();
        line!(out, "Not recorded: {}.", missing.join(", "));
        line!(out);
    }
}

fn events(out: &mut dyn fmt::Write, title: &str, list: ExportList, lists: &dyn ExportLists) -> fmt::Result {
    let mut any = false;
    lists.each(list, &mut |event| {
        if !std::mem::replace(&mut any, true) {
            writeln!(out, "## {title}\n")?;
        }
        let by = md(event.by.as_str());
        writeln!(out, "- {} {by}: {} (entry {})", time(event.at), md(&event.text), event.seq)
    })?;
    if any { writeln!(out) } else { Ok(()) }
}

fn plans(out: &mut String, outline: &Outline) {
    if outline.plans.is_empty() {
        return;
    }
    line!(out, "## Plans");
    line!(out);
    for plan in &outline.plans {
        one_plan(out, plan);
    }
}

fn simulated(simulated: bool) -> &'static str {
    if simulated { ", simulated" } else { "" }
}

fn one_plan(out: &mut String, plan: &PlanLine) {
    line!(out, "### {}", md(&plan.title));
    line!(out);
    line!(out, "- Plan: {} ({})", md(&plan.plan), plan.action);
    line!(out, "- Digest: `{}` (code {})", plan.digest, plan.code);
    line!(out, "- Proposed by {} at {}", md(plan.proposed_by.as_str()), time(plan.proposed_at));
    for it in &plan.approvers {
        let person = md(it.person.as_str());
        let how = format!("{}{}", it.level, simulated(it.simulated));
        line!(out, "- Approved by {person} ({how}) at {} (entry {})", time(it.at), it.seq);
    }
    let says = if plan.says.is_empty() { String::new() } else { format!(": {}", md(&plan.says)) };
    line!(out, "- Outcome: {}{says}", plan.state);
    line!(out);
    line!(out, "| step | what | outcome | at (UTC) | proof |");
    line!(out, "| --- | --- | --- | --- | --- |");
    for step in &plan.steps {
        let at = step.at.map(time).unwrap_or_default();
        line!(out, "| {} | {} | {} | {at} | {} |", md(&step.id), md(&step.effect), step.state, md(&step.says));
    }
    line!(out);
}

fn people(out: &mut String, outline: &Outline) {
    line!(out, "## People");
    line!(out);
    for it in &outline.people {
        let roles = if it.roles.is_empty() { "was there".to_owned() } else { it.roles.join(", ") };
        line!(out, "- {} from {}: {roles}{}", md(it.person.as_str()), time(it.since), simulated(it.simulated));
    }
    line!(out);
}

fn timeline(out: &mut dyn fmt::Write, lists: &dyn ExportLists) -> fmt::Result {
    out.write_str("## Timeline\n\nIn the order of the log; what somebody wrote of an earlier time stands there.\n\n")?;
    markdown_table::write_table(out, &|take| {
        take("| entry | at (UTC) | | its other time | who | what |")?;
        take("| --- | --- | --- | --- | --- | --- |")?;
        lists.each(ExportList::Timeline, &mut |event| take(&row(event)))
    })?;
    writeln!(out)
}

/// A row of the timeline.
fn row(event: &ExportEntry) -> String {
    let other = event.other_time().map(|(what, at)| format!("{what} {}", time(at))).unwrap_or_default();
    let mut what = md(&event.text);
    if event.pinned {
        what = format!("**{what}**");
    }
    let mut marks = Vec::new();
    if event.adopted {
        marks.push("recorded before the incident was opened".to_owned());
    }
    if !event.amended_by.is_empty() {
        marks.push(format!("amended by entry {}", numbers(&event.amended_by)));
    }
    for mark in &event.marked {
        let by = md(mark.by.as_str());
        marks.push(format!("marked as {} by {by} in entry {}", md(mark.milestone.words()), mark.seq));
    }
    if event.is_moved() {
        marks.push(format!("measured: {}", day(event.measured_at)));
    }
    if let Some(original) = &event.original {
        marks.push(format!("it said: {}", md(original)));
    }
    if let Some(removed) = &event.removed {
        marks.push(md(removed.words()));
    }
    if !marks.is_empty() {
        what.push_str(&format!(" *({})*", marks.join("; ")));
    }
    let who = format!("{}{}", md(event.by.as_str()), simulated(event.simulated));
    let t = from_detection(event.t_s);
    format!("| {} | {} | {t} | {other} | {who} | {what} |", event.seq, day(event.placed_at))
}

fn verification(out: &mut String, outline: &Outline) {
    let log = &outline.log;
    line!(out, "## Verifying this");
    line!(out);
    line!(out, "- Log: {}, exported at entry {}", md(&log.log), log.seq);
    line!(out, "- Head: `{}`", log.head);
    line!(out);
    line!(
        out,
        "With the log's files at hand, `warroom verify timeline.*.jsonl` checks every link. Without the program:"
    );
    line!(
        out,
        "each line's `h` is the SHA-256 of the line without its last 72 bytes, its `prev` is the `h` before it, and"
    );
    line!(out, "its `body` is the SHA-256 of the line with its text. A plan's digest is");
    line!(out, "`(printf 'warroom/plan/v1\\n'; jq -cSj . plan.json) | sha256sum`.");
    line!(out, "The chain shows accident; it shows fraud only where a head left the host.");
}
