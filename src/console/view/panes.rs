//! What each pane shows of its rows, in one table: a pane is a file that exports its [`PaneSpec`], and a line here.

use crate::console::pane::Pane;

use super::pane_spec::PaneSpec;
use super::{alerts, backups, events, gitops, people, timeline, traffic};

/// The table, in the order of their numbers.
const PANES: &[&PaneSpec] =
    &[&alerts::PANE, &traffic::PANE, &backups::PANE, &gitops::PANE, &events::PANE, &timeline::PANE, &people::PANE];

/// What a pane shows.
pub fn spec(pane: Pane) -> &'static PaneSpec {
    PANES[pane as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pane_has_its_line_in_the_order_of_their_numbers() {
        assert!(PANES.iter().map(|spec| spec.pane).eq(Pane::ALL.iter().copied()));
    }
}
