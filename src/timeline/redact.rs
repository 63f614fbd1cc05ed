//! What a text's removal takes with it: every place where the fold shows that text.

use crate::model::{Happening, SafeText};

use super::incident::{Incident, Story};
use super::words::own_text;

/// Stands where a text was.
const REDACTED: &str = "(redacted)";

impl Story {
    /// The text of an entry is gone, by the entry `by`: from its item, and from wherever it was taken over.
    pub(super) fn remove_text(&mut self, place: usize, by: u64, seq: u64) {
        let mut amends = None;
        self.change(place, by, seq, |item| {
            item.entry.text = None;
            item.redacted_by = Some(by);
            if let Happening::Amend(amend) = &item.entry.happening {
                amends = Some(amend.seq);
            }
        });
        let incident = &mut self.incidents[place];
        for seq in [Some(seq), amends].into_iter().flatten() {
            incident.read_text_again(seq);
        }
        incident.read_title_again();
        incident.forget_reason(seq);
    }
}

impl Incident {
    /// The text of an item from what is left: its last amendment that has one, else its own.
    fn read_text_again(&mut self, seq: u64) {
        let Some(at) = self.items.iter().rposition(|item| item.entry.seq == seq) else { return };
        let texts = self.items[at].amended_by.iter().rev().filter_map(|by| self.item(*by)?.entry.text.clone());
        let amended = texts.into_iter().find(|text| !text.is_empty());
        let item = &mut self.items[at];
        item.text = match (amended, item.redacted_by) {
            (Some(text), _) => text,
            (None, Some(_)) => SafeText::new(REDACTED),
            (None, None) => own_text(&item.entry),
        };
    }

    /// The title from what is left: that of the last entry that gave one.
    fn read_title_again(&mut self) {
        let gives = |item: &&super::Item| matches!(item.entry.happening, Happening::Opened(_) | Happening::Set(_));
        let titled: Vec<_> = self.items.iter().filter(gives).collect();
        let last = titled.iter().rev().find_map(|item| item.entry.text.clone().filter(|text| !text.is_empty()));
        let lost = titled.iter().any(|item| item.redacted_by.is_some());
        match last {
            Some(title) => self.title = title,
            None if lost => self.title = SafeText::new(REDACTED),
            None => {}
        }
    }

    /// Why a plan was refused, if that text was it.
    fn forget_reason(&mut self, seq: u64) {
        let plan = self.item(seq).and_then(|item| match &item.entry.happening {
            Happening::Rejected(it) => Some(it.plan.clone()),
            _ => None,
        });
        if let Some(record) = plan.and_then(|plan| self.plans.by_id.get_mut(&plan)) {
            record.says = SafeText::new(REDACTED);
        }
    }
}
