//! A view that is read: a title, and lines that scroll. Help, situation and details are made of it.

use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{Words, text};

use super::related::PageLink;

/// What is read.
pub struct Page {
    /// One line, which stays while the rest scrolls.
    pub title: Words,
    /// Broken to the width already; an empty one is a blank line.
    pub lines: Vec<Words>,
    /// Lines that lead somewhere: the line's number, and where.
    pub links: Vec<(usize, PageLink)>,
}

impl Page {
    /// An empty sheet.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: vec![span(Role::Strong, title)], lines: Vec::new(), links: Vec::new() }
    }

    /// A blank line, but never two.
    pub fn space(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(Words::new());
        }
    }

    /// A heading.
    pub fn heading(&mut self, words: &str) {
        self.space();
        self.lines.push(vec![span(Role::Accent, words)]);
    }

    /// A label and its value, the value broken into lines where it is long.
    pub fn pair(&mut self, label: &str, role: Role, value: &str, room: u16) {
        const LABEL: u16 = 22;
        if value.is_empty() {
            return;
        }
        let lines = text::wrap(value, room.saturating_sub(LABEL).max(8));
        for (i, line) in lines.into_iter().enumerate() {
            let label = if i == 0 { label } else { "" };
            let pad = " ".repeat(usize::from(LABEL).saturating_sub(label.chars().count()).max(2));
            self.lines.push(vec![span(Role::Dim, format!("{label}{pad}")), span(role, line)]);
        }
    }

    /// A line that leads somewhere.
    pub fn link(&mut self, words: Words, to: PageLink) {
        self.links.push((self.lines.len(), to));
        self.lines.push(words);
    }

    /// Words on a line of their own.
    pub fn line(&mut self, words: Words) {
        self.lines.push(words);
    }

    /// A sentence, broken into lines.
    pub fn prose(&mut self, role: Role, value: &str, room: u16) {
        for line in text::wrap(value, room) {
            self.lines.push(vec![span(role, line)]);
        }
    }
}
