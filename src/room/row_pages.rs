//! Rows on their way to a client: in pages that fit a line, whatever outside text the rows carry.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::board_history::Then;
use crate::board::{Row, RowBody, Topic, TopicView};
use crate::model::Stamp;
use crate::protocol::codec::ROOM_LINE;
use crate::protocol::{BoardDelta, Reply};

/// Rows a message carries at most.
const ROW_PAGE: usize = 200;
/// Bytes of rows a message carries. Ids and the envelope need the rest of the line.
const PAGE_BYTES: usize = ROOM_LINE * 3 / 8;

/// What a client must be told so that its rows become `new`: a snapshot in pages, or the difference.
pub fn deltas(topic: Topic, rev: u64, old: Option<&TopicView>, new: &TopicView) -> Vec<BoardDelta> {
    let old_rows = old.map(|view| view.rows.as_slice()).unwrap_or_default();
    let known: HashMap<&str, &Row> = old_rows.iter().map(|row| (row.id.as_str(), row)).collect();
    let here: HashSet<&str> = new.rows.iter().map(|row| row.id.as_str()).collect();
    let changed: Vec<Row> =
        new.rows.iter().filter(|row| known.get(row.id.as_str()).is_none_or(|before| before != row)).cloned().collect();
    let removed: Vec<String> =
        old_rows.iter().filter(|row| !here.contains(row.id.as_str())).map(|row| row.id.clone()).collect();
    let order = order(old_rows, &known, &here, &new.rows);

    let delta = |upserts, removes, order| BoardDelta {
        topic,
        rev,
        snapshot: false,
        upserts,
        removes,
        order,
        total: new.total,
        dropped: new.dropped,
    };
    let mut out: Vec<BoardDelta> =
        pages(removed, usize::MAX).into_iter().map(|ids| delta(Vec::new(), ids, Vec::new())).collect();
    out.extend(pages(changed, ROW_PAGE).into_iter().map(|rows| delta(rows, Vec::new(), Vec::new())));
    // Rides with the last rows: only then does the client have what the runs are of.
    match out.last_mut() {
        Some(last) => last.order = order,
        None => out.push(delta(Vec::new(), Vec::new(), order)),
    }
    if let Some(first) = out.first_mut() {
        first.snapshot = old.is_none();
    }
    out
}

/// The new order as runs of the client's list once it has dropped what went and appended what came; empty if that is it.
fn order(old: &[Row], known: &HashMap<&str, &Row>, here: &HashSet<&str>, new: &[Row]) -> Vec<(u32, u32)> {
    let kept = old.iter().map(|row| row.id.as_str()).filter(|id| here.contains(id));
    let came = new.iter().map(|row| row.id.as_str()).filter(|id| !known.contains_key(id));
    let place: HashMap<&str, u32> = kept.chain(came).zip(0..).collect();
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for at in new.iter().filter_map(|row| place.get(row.id.as_str()).copied()) {
        match runs.last_mut() {
            Some((first, count)) if *first + *count == at => *count += 1,
            _ => runs.push((at, 1)),
        }
    }
    if runs.first().is_some_and(|run| runs.len() == 1 && run.0 == 0) { Vec::new() } else { runs }
}

/// The whole of a topic in one line: as many rows as fit; the counts say how many there are.
pub fn rows(view: &TopicView) -> Reply {
    let mut budget = 2 * PAGE_BYTES;
    // What tells of a whole kind of event is needed before the newest of a kind that has many.
    let (first, rest): (Vec<_>, Vec<_>) = view.rows.iter().enumerate().partition(|(_, row)| tells_of_all(row));
    let fits = |row: &(usize, &Row)| take(&mut budget, size(row.1));
    let mut rows: Vec<_> = first.into_iter().chain(rest).take_while(fits).collect();
    rows.sort_by_key(|(place, _)| *place);
    let rows = rows.into_iter().map(|(_, row)| row.clone()).collect();
    Reply::Rows { rows, total: view.total, dropped: view.dropped }
}

fn tells_of_all(row: &Row) -> bool {
    matches!(&row.body, RowBody::Event(event) if event.group.is_some())
}

/// One page of a topic as it was; of what is not on it nothing is copied. `None` = that instant is not known.
pub fn past_page(then: Option<&Then>, since: Option<Stamp>, page: u32) -> Reply {
    let Some(then) = then else {
        return Reply::Past { known: false, since, rows: Vec::new(), more: false, short: None };
    };
    let (rows, short) = then.rows();
    let wanted = usize::try_from(page).unwrap_or(usize::MAX);
    let sizes: Vec<usize> = rows.iter().map(|kept| kept.bytes()).collect();
    let mut ends = ends(&sizes, ROW_PAGE).skip(wanted.saturating_sub(1));
    let begin = if wanted == 0 { Some(0) } else { ends.next() };
    let page = begin.and_then(|begin| rows.get(begin..ends.next()?)).unwrap_or_default();
    let more = ends.next().is_some();
    Reply::Past { known: true, since, rows: page.iter().filter_map(|kept| kept.row()).collect(), more, short }
}

/// Where the pages of members of these sizes end, each within `most` and [`PAGE_BYTES`]; a member alone may be larger.
fn ends(sizes: &[usize], most: usize) -> impl Iterator<Item = usize> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let begin = at;
        let mut budget = PAGE_BYTES;
        while at < sizes.len() && at - begin < most && (take(&mut budget, sizes[at]) || at == begin) {
            at += 1;
        }
        (at > begin).then_some(at)
    })
}

/// Splits a list into pages.
fn pages<T: Serialize>(list: Vec<T>, most: usize) -> Vec<Vec<T>> {
    let sizes: Vec<usize> = list.iter().map(size).collect();
    let (mut begin, mut list) = (0, list.into_iter());
    let page = |end| {
        let page = list.by_ref().take(end - begin).collect();
        begin = end;
        page
    };
    ends(&sizes, most).map(page).collect()
}

/// Takes from a budget, if it is there.
fn take(budget: &mut usize, bytes: usize) -> bool {
    let left = budget.checked_sub(bytes);
    *budget = left.unwrap_or(0);
    left.is_some()
}

/// Bytes on the wire, with the comma.
fn size<T: Serialize>(it: &T) -> usize {
    serde_json::to_vec(it).map_or(0, |bytes| bytes.len()) + 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::subsequence;

    use super::*;
    use crate::board::Verdict;
    use crate::model::{SafeText, SourceId, System};

    fn row(n: usize) -> Row {
        Row {
            id: format!("{n}-{}", "\"".repeat(60)),
            source: SourceId::new(System::Kubernetes, "c"),
            verdict: Verdict::Ok,
            seen_at: Stamp::UNIX_EPOCH,
            stale: false,
            why: SafeText::new(&"\"".repeat(2_000)),
            body: RowBody::Source {
                alive_at: None,
                troubled_since: None,
                trouble: None,
                fresh_for_s: 1,
                reading: false,
                notes: Vec::new(),
            },
        }
    }

    #[test]
    fn every_message_fits_a_line_and_the_pages_make_the_whole_topic() {
        let view = TopicView { rows: (0..5_000).map(row).collect(), total: 5_000, dropped: 0 };
        let sent = deltas(Topic::Events, 1, None, &view);
        assert!(sent.iter().all(|delta| size(delta) < ROOM_LINE), "{:?}", sent.iter().map(size).max());
        assert_eq!(sent.iter().map(|delta| delta.upserts.len()).sum::<usize>(), 5_000);
        assert_eq!(sent.iter().filter(|delta| delta.snapshot).count(), 1);
        assert!(sent[0].snapshot);
        let gone = deltas(Topic::Events, 2, Some(&view), &TopicView::default());
        assert!(gone.iter().all(|delta| size(delta) < ROOM_LINE));
        assert_eq!(gone.iter().map(|delta| delta.removes.len()).sum::<usize>(), 5_000);
        let Reply::Rows { rows, total, .. } = rows(&view) else { panic!("rows") };
        assert!(size(&rows) < ROOM_LINE && rows.len() > 100 && total == 5_000, "{}", rows.len());
    }

    #[test]
    fn a_change_of_the_counts_alone_is_told() {
        let sent =
            deltas(Topic::Alerts, 2, Some(&TopicView::default()), &TopicView { total: 3, ..TopicView::default() });
        assert_eq!(sent.len(), 1);
        assert_eq!((sent[0].total, sent[0].snapshot), (3, false));
    }

    fn short(n: usize, why: &str) -> Row {
        Row { id: format!("row {n}"), why: SafeText::new(why), ..row(n) }
    }

    proptest! {
        #[test]
        fn what_a_client_makes_of_the_deltas_is_the_view(
            steps in proptest::collection::vec((subsequence((0..30).collect::<Vec<usize>>(), 0..30).prop_shuffle(), "[ab]"), 1..6),
        ) {
            let (mut old, mut held) = (None, TopicView::default());
            for (rev, (ids, why)) in steps.into_iter().enumerate() {
                let rows: Vec<Row> = ids.into_iter().map(|n| short(n, &why)).collect();
                let new = TopicView { total: rows.len() as u64, rows, dropped: 0 };
                deltas(Topic::Events, rev as u64, old.as_ref(), &new).into_iter().for_each(|it| it.apply(&mut held));
                prop_assert_eq!(&held, &new);
                old = Some(new);
            }
        }
    }

    #[test]
    fn new_rows_above_a_thousand_old_ones_are_two_runs() {
        let view = |ids: std::ops::Range<usize>| {
            let rows: Vec<Row> = ids.rev().map(|n| short(n, "")).collect();
            TopicView { total: rows.len() as u64, rows, dropped: 0 }
        };
        let sent = deltas(Topic::Events, 2, Some(&view(0..1000)), &view(20..1020));
        let runs: Vec<_> = sent.into_iter().flat_map(|delta| delta.order).collect();
        assert_eq!(runs, [(980, 20), (0, 980)]);
    }

    proptest! {
        /// Nothing is left over, and no page is beyond either bound but one whose only member is.
        #[test]
        fn a_page_is_within_both_bounds(sizes in prop::collection::vec(0usize..PAGE_BYTES * 5 / 4, 0..40), most in 1usize..6) {
            let mut begin = 0;
            for end in ends(&sizes, most) {
                let page = &sizes[begin..end];
                prop_assert!((1..=most).contains(&page.len()));
                prop_assert!(page.iter().sum::<usize>() <= PAGE_BYTES || page.len() == 1);
                begin = end;
            }
            prop_assert_eq!(begin, sizes.len());
        }
    }
}
