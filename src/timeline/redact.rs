//! What a text's removal takes with it: every place where the fold shows that text.

use crate::approval::PlanState;
use crate::model::SafeText;

use super::incident::{Incident, REDACTED, Story};
use super::sentences::own_text;

impl Story {
    /// The text of an entry is gone, by the entry `by`: from its item, and from wherever it was taken over.
    pub(super) fn remove_text(&mut self, place: usize, by: u64, seq: u64) {
        self.change(place, by, seq, |changed| changed.redacted_by = Some(by));
        let incident = &mut self.incidents[place];
        if let Some(item) = incident.items.iter_mut().rfind(|item| item.entry.seq == seq) {
            item.entry.text = None;
        }
        let amends = incident.index.amended(seq);
        for seq in [Some(seq), amends].into_iter().flatten() {
            incident.read_text_again(seq);
        }
        if let Some(title) = incident.index.untitled(seq) {
            incident.title = title.cloned().unwrap_or_else(|| SafeText::new(REDACTED));
        }
        incident.forget_reason(seq);
    }
}

impl Incident {
    /// The text of an item that is kept, from what is left: its last amendment that has one, else its own. What amends it is
    /// newer, and kept too.
    pub(super) fn read_text_again(&mut self, seq: u64) {
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

    /// Why a plan was refused, if that text was it.
    fn forget_reason(&mut self, seq: u64) {
        let refused = |it: &&mut super::PlanRecord| it.state == PlanState::Rejected && it.seqs.last() == Some(&seq);
        if let Some(record) = self.plans.by_id.values_mut().find(refused) {
            record.says = SafeText::new(REDACTED);
        }
    }
}
