//! A restore point that the DR cluster does not have: not yet, or never as things stand.

use crate::model::facts::FactKind;
use crate::model::{SourceId, System};

use super::Board;
use super::backups::{ScheduleView, is_whole};
use super::judged_at::JudgedAt;
use super::observation_store::SourceState;
use super::restore_points::{Candidate, locations_of, same_store, unfit};
use super::row::Verdict;
use super::row_builder::Opinion;

/// Says it if the best restore point is not where any service that relies on it would be restored, and why.
pub(super) fn judge(
    opinion: &mut Opinion,
    board: &Board,
    view: &ScheduleView<'_>,
    best: &Candidate<'_>,
    now: JudgedAt<'_>,
) {
    let dr = view.restored_on();
    if dr.is_empty() || best.is_on(&dr) {
        return;
    }
    let answered = dr.iter().find_map(|name| {
        let state = board.store.source(&SourceId::new(System::Velero, *name))?;
        (state.alive_at.is_some() && is_whole(state)).then_some((*name, state))
    });
    let Some((missing, state)) = answered else { return };
    let here = &best.source.instance;
    let copy = view.candidates.iter().find(|it| it.is_on(&[missing]) && it.point.name == best.point.name);
    let says = match copy.and_then(|it| unfit(it, now)) {
        Some(why) => format!("nothing usable on {missing}: {} is there too, and {}", best.point.name, why.says()),
        None => match never(state, best) {
            Some(store) => format!(
                "nothing usable on {missing}, nor will there be: this one is on {here} in {store}, and no location of \
                 {missing} is that"
            ),
            None => format!("nothing usable on {missing} yet: this one is on {here}"),
        },
    };
    opinion.because(Verdict::Warning, says);
}

/// The bucket that the other cluster does not look into, by all of its locations.
fn never(state: &SourceState, best: &Candidate<'_>) -> Option<String> {
    let place = locations_of(best.state).find(|it| it.name == best.point.location)?;
    let blind = state.listed(FactKind::Location) && !locations_of(state).any(|it| same_store(it, place));
    // The same name at another address may be the same bucket by another way.
    let maybe = locations_of(state).any(|it| it.store == place.store);
    (blind && !maybe && !place.store.is_empty()).then(|| place.store.to_string())
}
