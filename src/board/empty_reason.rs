//! Why a table is empty: asked and there is none, not known, or nothing of the kind is configured. Three answers in three
//! sentences, the same in every pane, in plain mode and in every command.

use crate::model::time::{since, words};
use crate::model::{SourceId, Stamp};

use super::row::{Row, SourceRow, Topic, Verdict};

/// The most sources that a sentence names; the rest are counted.
const MOST_NAMED: usize = 4;

/// Why there are no rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmptyReason {
    /// Every source answered that there is none.
    None {
        /// Each with when it was last alive; never empty.
        said_by: Vec<(SourceId, Stamp)>,
    },
    /// Somebody is not heard, each with why; those that are tell of none.
    Unknown {
        /// Each with why, in words (see [`unheard`]); never empty.
        unheard: Vec<(SourceId, String)>,
        /// Each with when it was last alive; empty if nobody is heard.
        said_by: Vec<(SourceId, Stamp)>,
    },
    /// Nothing is configured that could tell.
    NotConfigured,
}

/// Why a source's own row says that it can't be believed wholly; `None` = it is heard.
pub fn unheard(row: &Row, now: Stamp) -> Option<String> {
    let SourceRow { alive_at, trouble, fresh_for_s, .. } = row.as_kind()?;
    let late = alive_at.is_none_or(|at| since(at, now) > *fresh_for_s);
    if !row.stale && !late && trouble.is_none() && row.verdict < Verdict::Unknown {
        return None;
    }
    Some(match (row.why.is_empty(), alive_at) {
        (false, _) => row.why.to_string(),
        (true, Some(at)) => format!("it last answered {} ago", words(since(*at, now))),
        (true, None) => "it has not answered yet".to_owned(),
    })
}

/// The plain words for how long ago something was.
pub fn ago(now: Stamp) -> impl Fn(Stamp) -> String {
    move |at| format!("{} ago", words(since(at, now)))
}

/// Why a topic has no rows, by the rows of the sources.
pub fn absence(topic: Topic, sources: &[Row], now: Stamp) -> EmptyReason {
    let behind: Vec<&Row> = sources.iter().filter(|row| topic.systems().contains(&row.source.system)).collect();
    // A row stands for every [[slo]] from the start: without rows there is none, whatever else a Prometheus is for.
    if behind.is_empty() || topic == Topic::Slo {
        return EmptyReason::NotConfigured;
    }
    let (mut silent, mut said_by) = (Vec::new(), Vec::new());
    for row in behind {
        let alive_at = row.as_kind::<SourceRow>().and_then(|it| it.alive_at);
        match unheard(row, now) {
            Some(why) => silent.push((row.source.clone(), why)),
            None => said_by.extend(alive_at.map(|at| (row.source.clone(), at))),
        }
    }
    if silent.is_empty() { EmptyReason::None { said_by } } else { EmptyReason::Unknown { unheard: silent, said_by } }
}

impl EmptyReason {
    /// The word in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::None { .. } => "none",
            Self::Unknown { .. } => "unknown",
            Self::NotConfigured => "not_configured",
        }
    }

    /// The sentence for a topic; `ago` words how long ago somebody answered, for a screen changes its ages at its own pace.
    pub fn says(&self, topic: Topic, ago: impl Fn(Stamp) -> String) -> String {
        let [none, unknown, not_configured] = topic.empty_words();
        match self {
            Self::NotConfigured => not_configured.to_owned(),
            Self::None { said_by } => {
                // Silence is an answer only while something proves that an alert would come.
                let proof = if topic == Topic::Alerts { " No heartbeat alert proves that alerting works." } else { "" };
                format!("{none}: {}.{proof}", answered(said_by, &ago))
            }
            Self::Unknown { unheard, said_by } => {
                let why = |(source, why): &(SourceId, String)| format!("{source}: {}", why.trim_end_matches('.'));
                let mut text = format!("{unknown}: {}.", listed(unheard.iter().map(why).collect(), "; "));
                if !said_by.is_empty() {
                    text.push_str(&format!(" What is heard tells of none: {}.", answered(said_by, &ago)));
                }
                text
            }
        }
    }
}

fn answered(said_by: &[(SourceId, Stamp)], ago: &dyn Fn(Stamp) -> String) -> String {
    let each = said_by.iter().map(|(source, at)| format!("{source} answered {}", ago(*at)));
    listed(each.collect(), ", ")
}

fn listed(mut all: Vec<String>, between: &str) -> String {
    let more = all.len().saturating_sub(MOST_NAMED);
    all.truncate(MOST_NAMED);
    match more {
        0 => all.join(between),
        more => format!("{}{between}and {more} more", all.join(between)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, source, trouble};
    use super::*;
    use crate::board::{Board, BoardSetup};
    use crate::model::TroubleKind;
    use crate::model::facts::FactKind;

    /// The rows of sources that were announced, and to which something was done.
    fn rows(names: &[&str], change: impl FnOnce(&mut Board)) -> Vec<Row> {
        let sources = names.iter().map(|name| (source(name), 30)).collect();
        let mut board = Board::new(BoardSetup { sources, ..BoardSetup::default() });
        change(&mut board);
        board.judge(at("14:35:00")).rows(Topic::Sources).to_vec()
    }

    fn says(topic: Topic, rows: &[Row]) -> (&'static str, String) {
        let absence = absence(topic, rows, at("14:35:00"));
        (absence.name(), absence.says(topic, ago(at("14:35:00"))))
    }

    fn empty_list(board: &mut Board, name: &str, kind: FactKind) {
        board.list(name, at("14:34:57"), kind, Vec::new());
    }

    /// Every topic with a system of its own, a source of that, and what it lists.
    const BEHIND: [(Topic, &str, FactKind); 6] = [
        (Topic::Alerts, "alertmanager/am-1", FactKind::Alert),
        (Topic::Silences, "alertmanager/am-1", FactKind::Silence),
        (Topic::Backups, "velero/dr", FactKind::Schedule),
        (Topic::Gitops, "argocd/dr", FactKind::App),
        (Topic::Traffic, "cloudflare/edge", FactKind::Pool),
        (Topic::Events, "kubernetes/dr", FactKind::KubeEvent),
    ];

    #[test]
    fn none_not_known_and_not_configured_are_three_sentences_in_every_topic() {
        for (topic, name, kind) in BEHIND {
            let (word, none) = says(topic, &rows(&[name], |board| empty_list(board, name, kind)));
            assert_eq!(word, "none", "{topic:?}");
            assert!(none.contains(&format!("{name} answered 3 s ago")) && !none.contains("not known"), "{none}");
            let (word, waiting) = says(topic, &rows(&[name], |_| {}));
            assert!(word == "unknown" && waiting.contains(&format!("{name}: waiting for its first")), "{waiting}");
            let broken = rows(&[name], |board| {
                empty_list(board, name, kind);
                board.see(name, at("14:34:59"), trouble(TroubleKind::Unreachable));
            });
            let (word, broken) = says(topic, &broken);
            assert!(word == "unknown" && broken != waiting && broken.contains(name), "{broken}");
            let (word, nothing) = says(topic, &[]);
            assert!(word == "not_configured" && nothing.contains("warroom.toml"), "{nothing}");
        }
    }

    #[test]
    fn an_answer_that_is_too_old_is_not_one() {
        let mut rows = rows(&["velero/dr"], |board| empty_list(board, "velero/dr", FactKind::Schedule));
        rows.iter_mut().for_each(|row| row.stale = false);
        let word = absence(Topic::Backups, &rows, at("14:36:00"));
        assert_eq!(word.name(), "unknown", "what a console holds grows old there");
        assert!(word.says(Topic::Backups, ago(at("14:36:00"))).contains("last answered 1 min ago"), "{word:?}");
    }

    #[test]
    fn one_silent_source_of_two_leaves_it_unknown_and_says_who_is_heard() {
        let names = ["alertmanager/am-1", "alertmanager/am-2"];
        let (word, text) = says(Topic::Alerts, &rows(&names, |board| empty_list(board, names[0], FactKind::Alert)));
        assert_eq!(word, "unknown");
        assert!(text.contains("alertmanager/am-2: ") && text.contains("none: alertmanager/am-1 answered"), "{text}");
    }

    #[test]
    fn many_sources_are_counted() {
        let names = ["velero/a", "velero/b", "velero/c", "velero/d", "velero/e", "velero/f"];
        let all = |board: &mut Board| names.iter().for_each(|name| empty_list(board, name, FactKind::Schedule));
        let (_, text) = says(Topic::Backups, &rows(&names, all));
        assert!(text.ends_with("and 2 more."), "{text}");
    }
}
