//! What is wrong with the sources behind a pane, in sentences: which, how, since when, why, and the remedy.

use ratatui::layout::Rect;

use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::rows;
use crate::console::rows::sources::behind;
use crate::console::theme::Role;
use crate::console::widget::canvas::{Span, span, width};
use crate::console::widget::{Words, columns, glyph, time};
use crate::model::{Stamp, Trouble, TroubleKind};

/// `not read for 18 m`: how a source is not well, and since when.
pub fn unwell(app: &Console, trouble: &Trouble, since: Option<Stamp>) -> String {
    use TroubleKind as Kind;
    let how = match trouble.kind {
        Kind::Forbidden | Kind::NotInstalled | Kind::Throttled | Kind::Partial => "read in part",
        _ => "not read",
    };
    match since.map(|at| time::age(time::since(at, app.at()))) {
        Some(age) if age == "now" => format!("{how} just now"),
        Some(age) => format!("{how} for {age}"),
        None => how.to_owned(),
    }
}

/// What is wrong with the sources of a pane, one line each: which, how, since when, why, and the remedy.
pub fn troubles(app: &Console, pane: Pane) -> Vec<Words> {
    let mut out = Vec::new();
    for source in behind(app, pane) {
        let Some(trouble) = source.trouble else { continue };
        let mut words = vec![
            span(Role::Warning, format!("{} ", glyph::UNKNOWN)),
            span(Role::Text, source.row.source.instance.as_str()),
            span(Role::Dim, format!(" {}: ", unwell(app, trouble, source.troubled_since))),
            span(Role::Warning, trouble.what.as_str()),
        ];
        if !trouble.remedy.is_empty() {
            words.push(span(Role::Dim, format!(" · {}", trouble.remedy)));
        }
        out.push(words);
    }
    out
}

/// The troubles of a pane as lines: whole where rows are free, else cut at the end of their line.
pub fn block(app: &Console, pane: Pane, body: Rect) -> Vec<Words> {
    let (room, height) = (body.width.saturating_sub(2), usize::from(body.height));
    let all = troubles(app, pane);
    if all.is_empty() {
        return all;
    }
    let most = if height >= 3 { (height / 3).max(1) } else { 0 };
    let free = height.saturating_sub(rows::visible(app, pane).len().max(1));
    let whole: Vec<Words> = all.iter().flat_map(|words| broken(words, room)).collect();
    match whole.len() <= free {
        true => whole,
        false => all.iter().take(most).map(|words| columns::cut(words, room, true)).collect(),
    }
}

/// Words broken into lines, the further ones in from the mark.
fn broken(words: &[Span], room: u16) -> Vec<Words> {
    const IN: u16 = 2;
    let mut lines: Vec<Words> = vec![Words::new()];
    let mut used = 0;
    for it in words {
        for word in it.text.split_inclusive(' ') {
            let wide = width(word.trim_end());
            if used + wide > room && used > IN {
                lines.push(vec![span(Role::Text, " ".repeat(usize::from(IN)))]);
                used = IN;
            }
            used += width(word);
            lines.last_mut().into_iter().for_each(|line| line.push(span(it.role, word)));
        }
    }
    for line in &mut lines {
        // The space after the last word is no part of the line: it would cut a word that just fits.
        if let Some(last) = line.last_mut() {
            last.text.truncate(last.text.trim_end().len());
        }
    }
    lines.iter().map(|line| columns::cut(line, room, true)).collect()
}
