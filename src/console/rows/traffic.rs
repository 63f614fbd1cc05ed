//! Load balancers with their pools in order, probes, error budgets, and what is left of the provider's account.

use std::collections::HashSet;

use crate::board::{LoadBalancerRow, Topic};
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::projections::EntryRef;
use crate::model::facts::{EdgeAccount, Pool, Probe};

use super::spec::{BriefWhile, PaneHistory, RowsMadeOf, RowsSpec, places};

/// What rows the pane has.
pub static ROWS: RowsSpec = RowsSpec {
    pane: Pane::Traffic,
    made_of: RowsMadeOf::topics(&[Topic::Traffic, Topic::Slo]),
    entries,
    brief: None,
    brief_while: BriefWhile::Unfiltered,
    related_in_full: false,
    announced: true,
    past: PaneHistory::Changes,
};

/// Load balancers, each with its pools in order; probes; error budgets; pools in no order; accounts.
fn entries(app: &Console) -> Vec<EntryRef> {
    let rows = app.rows(Topic::Traffic);
    let mut out = Vec::new();
    let mut used = HashSet::new();
    for (at, row) in rows.iter().enumerate() {
        if let Some(LoadBalancerRow { order, .. }) = row.as_kind() {
            out.push(EntryRef::Row(Topic::Traffic, at));
            for (place, pool) in order.iter().enumerate() {
                out.push(EntryRef::Pool(at, place));
                used.insert(pool.id.as_str());
            }
        }
    }
    out.extend(places(app, Topic::Traffic, |row| row.is_kind::<Probe>()));
    out.extend(places(app, Topic::Slo, |_| true));
    out.extend(places(app, Topic::Traffic, |row| {
        row.as_kind::<Pool>().is_some_and(|pool| !used.contains(pool.id.as_str()))
    }));
    out.extend(places(app, Topic::Traffic, |row| row.is_kind::<EdgeAccount>()));
    out
}
