//! How well a drill went: the milestones reached against those the scenario expects. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::scenario::Scenario;

/// One milestone, expected and reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Scored {
    /// The milestone's word, as in the export: `traffic_switched`.
    pub event: String,
    /// Seconds from detection at which the scenario expects it.
    pub expected_s: i64,
    /// Seconds that it may be early or late; exactly so many still counts.
    pub within_s: u32,
    /// Seconds from detection at which it was reached; `None` = never.
    pub t_s: Option<i64>,
    /// Reached minus expected.
    pub off_s: Option<i64>,
    /// Reached, and not off by more than `within_s`.
    pub ok: bool,
}

/// The result of a drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Score {
    /// `warroom.score/1`.
    pub schema: &'static str,
    /// The scenario's own name, not the path that it was loaded from.
    pub scenario: String,
    /// What the world was made from: with the scenario and the same acts it makes the same run.
    pub seed: u64,
    /// Every milestone was reached in its time.
    pub ok: bool,
    /// How many milestones were reached at all, in their time or not.
    pub reached: usize,
    /// How many the scenario expects.
    pub of: usize,
    /// In the scenario's order.
    pub milestones: Vec<Scored>,
}

/// Scores a run: `reached` maps a milestone to its seconds from detection.
pub fn score(scenario: &Scenario, seed: u64, reached: &BTreeMap<String, i64>) -> Score {
    let milestones: Vec<Scored> = scenario
        .expect
        .iter()
        .map(|m| {
            let t_s = reached.get(&m.event).copied();
            let off_s = t_s.map(|t| t - m.t_s);
            let ok = off_s.is_some_and(|off| off.unsigned_abs() <= u64::from(m.within_s));
            Scored { event: m.event.clone(), expected_s: m.t_s, within_s: m.within_s, t_s, off_s, ok }
        })
        .collect();
    Score {
        schema: "warroom.score/1",
        scenario: scenario.name.clone(),
        seed,
        ok: milestones.iter().all(|m| m.ok),
        reached: milestones.iter().filter(|m| m.t_s.is_some()).count(),
        of: milestones.len(),
        milestones,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::scenario::load;

    #[test]
    fn a_milestone_counts_only_if_reached_in_its_time() {
        let scenario = load("etcd-corruption").expect("loads");
        let mut reached: BTreeMap<String, i64> =
            scenario.expect.iter().map(|m| (m.event.clone(), m.t_s + 30)).collect();
        assert!(score(&scenario, 7, &reached).ok, "the edge of the window counts");
        reached.insert("restored".to_owned(), 1111);
        let late = score(&scenario, 7, &reached);
        assert!(!late.ok);
        assert_eq!(
            late.milestones.iter().filter(|m| !m.ok).map(|m| (&*m.event, m.off_s)).collect::<Vec<_>>(),
            [("restored", Some(31))]
        );
        reached.remove("traffic_switched");
        let missing = score(&scenario, 7, &reached);
        assert_eq!((missing.reached, missing.of), (6, 7));
    }
}
