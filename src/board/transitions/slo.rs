//! `slo.burning`, `slo.ok`, `slo.exhausted`.

use serde_json::json;

use crate::model::entry::Edge;
use crate::model::time::words;
use crate::model::{EdgeKind, SafeText};

use super::super::row::{Body, Row, Topic, Verdict};
use super::super::slo::{Budget, CALM_S};
use super::Pair;

fn budget(row: &Row) -> Option<&Budget> {
    match &row.body {
        Body::Slo(budget) => Some(budget),
        _ => None,
    }
}

pub(super) fn slos(pair: &Pair<'_>, out: &mut Vec<Edge>) {
    for row in pair.rows(Topic::Slo) {
        let Some(is) = budget(row) else { continue };
        let name = &is.service;
        let burnt = pair.standing.get(&EdgeKind::SloBurning, name);
        let was_empty = pair.standing.has(&EdgeKind::SloExhausted, name);
        if is.exhausted && !was_empty {
            let says =
                format!("The error budget of {name} is used up: {} min over {}", is.budget_min, words(is.period_s));
            out.push(edge(pair, EdgeKind::SloExhausted, row, is, Verdict::Warning, says));
        }
        match (burnt, is.burning_since) {
            (None, Some(since)) => {
                let burn = is.burn.map_or(String::new(), |burn| format!(" {burn} times too fast"));
                let says = format!("The error budget of {name} burns{burn}{}", left(is));
                let mut edge = edge(pair, EdgeKind::SloBurning, row, is, Verdict::Critical, says);
                edge.at = since.min(pair.now);
                out.push(edge);
            }
            (Some(told), None) if pair.is_known_again(told, CALM_S) => {
                let says = format!("The error budget of {name} no longer burns at the rate of a page{}", left(is));
                out.push(edge(pair, EdgeKind::SloOk, row, is, Verdict::Ok, says));
            }
            _ => {}
        }
    }
}

/// A budget that is there again is no news; used up once more, it is.
pub(super) fn over(pair: &Pair<'_>, out: &mut Vec<(EdgeKind, String)>) {
    let back = pair.rows(Topic::Slo).filter_map(budget).filter(|it| !it.exhausted && it.left_min.is_some());
    out.extend(back.map(|it| (EdgeKind::SloExhausted, it.service.clone())));
}

fn left(budget: &Budget) -> String {
    budget.left_min.map_or(String::new(), |left| format!("; {left} of {} min left", budget.budget_min))
}

fn edge(pair: &Pair<'_>, kind: EdgeKind, row: &Row, budget: &Budget, verdict: Verdict, says: String) -> Edge {
    let mut edge = pair.edge(kind, row, None, verdict, &SafeText::new(&budget.service), says);
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
