//! `slo.burning`, `slo.ok`, `slo.exhausted`.

use serde_json::json;

use crate::model::entry::Transition;
use crate::model::time::words;
use crate::model::{SafeText, TransitionKind};

use super::super::row::{Row, Topic, Verdict};
use super::super::slo::{CALM_S, ErrorBudget};
use super::BoardDiff;

pub(super) fn slos(pair: &BoardDiff<'_>, out: &mut Vec<Transition>) {
    for row in pair.rows(Topic::Slo) {
        let Some(is) = row.as_kind::<ErrorBudget>() else { continue };
        let name = &is.service;
        let burnt = pair.standing.get(&TransitionKind::SloBurning, name);
        let was_empty = pair.standing.has(&TransitionKind::SloExhausted, name);
        if is.exhausted && !was_empty {
            let says =
                format!("The error budget of {name} is used up: {} min over {}", is.budget_min, words(is.period_s));
            out.push(transition(pair, TransitionKind::SloExhausted, row, is, Verdict::Warning, says));
        }
        match (burnt, is.burning_since) {
            (None, Some(since)) => {
                let burn = is.burn.map_or(String::new(), |burn| format!(" {burn} times too fast"));
                let says = format!("The error budget of {name} burns{burn}{}", left(is));
                let mut edge = transition(pair, TransitionKind::SloBurning, row, is, Verdict::Critical, says);
                edge.at = since.min(pair.now);
                out.push(edge);
            }
            (Some(told), None) if pair.is_known_again(told, CALM_S) => {
                let says = format!("The error budget of {name} no longer burns at the rate of a page{}", left(is));
                out.push(transition(pair, TransitionKind::SloOk, row, is, Verdict::Ok, says));
            }
            _ => {}
        }
    }
}

/// A budget that is there again is no news; used up once more, it is.
pub(super) fn over(pair: &BoardDiff<'_>, out: &mut Vec<(TransitionKind, String)>) {
    let back = pair
        .rows(Topic::Slo)
        .filter_map(Row::as_kind::<ErrorBudget>)
        .filter(|it| !it.exhausted && it.left_min.is_some());
    out.extend(back.map(|it| (TransitionKind::SloExhausted, it.service.clone())));
}

fn left(budget: &ErrorBudget) -> String {
    budget.left_min.map_or(String::new(), |left| format!("; {left} of {} min left", budget.budget_min))
}

fn transition(
    pair: &BoardDiff<'_>,
    kind: TransitionKind,
    row: &Row,
    budget: &ErrorBudget,
    verdict: Verdict,
    says: String,
) -> Transition {
    let mut edge = pair.transition(kind, row, None, verdict, &SafeText::new(&budget.service), says);
    edge.service = Some(budget.service.clone());
    edge.figures = json!({
        "burn": budget.burn,
        "burn_over_s": budget.burn_over_s,
        "left_min": budget.left_min,
        "budget_min": budget.budget_min,
        "requests": budget.requests,
    });
    edge
}
