//! Filters, marks, freezing and the layout, by keys.

use std::time::Duration;

use crate::board::{Topic, Verdict};
use crate::client::ClientEvent;
use crate::console::app::Console;
use crate::console::input::Input;
use crate::console::overlay::Overlay;
use crate::console::pane::Pane;
use crate::console::saved_layout::{Layout, LayoutStore};
use crate::console::screenshot::to_text;
use crate::console::view::{self, layout};
use crate::console::{Effect, rows, update};
use crate::model::filter::Filter;
use crate::postmortem;
use crate::protocol::{BoardDelta, Push};
use crate::timeline::ToldItem;

use super::fixture::{app, later, look, press};

fn text(app: &Console) -> String {
    to_text(&view::draw(app, &look("dark")))
}

pub(super) fn last_lines(app: &Console, n: usize) -> Vec<String> {
    let lines: Vec<String> = text(app).lines().map(str::to_owned).collect();
    lines[lines.len() - n..].to_vec()
}

fn names(app: &Console, pane: Pane) -> Vec<String> {
    rows::visible(app, pane).iter().map(|entry| entry.key()).collect()
}

/// One table, three places: a pane, what a command lists, an export.
#[test]
fn the_same_words_find_the_same_in_panes_commands_and_exports() {
    let rows: &[(&str, Pane, Topic, &[&str])] = &[
        (
            "severity:critical",
            Pane::Alerts,
            Topic::Alerts,
            &["f-etcdMembersDown", "f-KubeAPIDown", "f-CheckoutErrorRate"],
        ),
        ("severity:critical !name:kube*", Pane::Alerts, Topic::Alerts, &["f-etcdMembersDown", "f-CheckoutErrorRate"]),
        ("receiver:pagerduty >12m", Pane::Alerts, Topic::Alerts, &["f-etcdMembersDown", "f-KubeAPIDown"]),
        ("service:shop", Pane::Alerts, Topic::Alerts, &["f-CheckoutErrorRate"]),
        ("state:silenced", Pane::Alerts, Topic::Alerts, &["f-KubeletTooManyPods"]),
        ("label:cluster=dr state:silenced", Pane::Alerts, Topic::Alerts, &["f-KubeletTooManyPods"]),
        ("nobody-has-this", Pane::Alerts, Topic::Alerts, &[]),
    ];
    for (words, pane, topic, wanted) in rows {
        let mut app = app("ana", (200, 60));
        let filter = Filter::parse(words).unwrap();
        // What `warroom alerts --filter` keeps.
        let listed = app.rows(*topic).iter().filter(|row| filter.matches(*row, app.at()));
        assert_eq!(listed.map(|row| row.id.as_str()).collect::<Vec<_>>(), *wanted, "{words}");
        app.pane_mut(*pane).filter = Some(filter);
        assert_eq!(names(&app, *pane), *wanted, "{words}");
    }
    let entries: &[(&str, usize)] =
        &[("kind:decision", 1), ("person:ana !kind:decision", 0), ("severity:critical", 0), ("!person:room", 0)];
    for (words, least) in entries {
        let mut app = app("ana", (200, 60));
        let filter = Filter::parse(words).unwrap();
        let incident = app.incident().unwrap().clone();
        let kept: Vec<u64> = incident
            .items
            .iter()
            .filter(|item| filter.matches(&ToldItem { incident: &incident, item }, app.at()))
            .map(|item| item.entry.seq)
            .collect();
        assert!(kept.len() >= *least, "{words}: {kept:?}");
        app.pane_mut(Pane::Timeline).filter = Some(filter.clone());
        let all = rows::all(&app, Pane::Timeline);
        let items: Vec<u64> = all.iter().filter_map(|entry| entry.item()).map(|item| item.entry.seq).collect();
        let shown = rows::visible(&app, Pane::Timeline);
        let shown: Vec<u64> = shown.iter().filter_map(|entry| entry.item()).map(|item| item.entry.seq).collect();
        let expected: Vec<u64> = items.into_iter().filter(|seq| kept.contains(seq)).collect();
        assert_eq!(shown, expected, "{words}");
        let meta = postmortem::ExportMeta {
            room: "room".to_owned(),
            log: "log".to_owned(),
            drill: None,
            seq: 99,
            head: "0".repeat(64),
        };
        let total = incident.items.len();
        let export = postmortem::StreamedExport::new(&incident, &incident, &[], &meta, Some(&filter));
        let outline = export.unwrap().whole().unwrap();
        assert_eq!(outline.timeline.iter().map(|event| event.seq).collect::<Vec<_>>(), kept, "{words}");
        let filtered = outline.filtered.clone().unwrap();
        assert_eq!((filtered.shown, filtered.left_out), (kept.len(), total - kept.len()));
        let markdown = postmortem::to_markdown(&outline);
        assert!(markdown.contains("FILTERED: not the whole log"), "{markdown}");
        assert_eq!(postmortem::to_json(&outline)["filtered"]["left_out"], total - kept.len());
    }
}

#[test]
fn rows_narrow_while_a_filter_is_typed_and_tab_completes_it() {
    let mut app = app("ana", (120, 40));
    press(&mut app, "/sev<tab>");
    assert!(last_lines(&app, 1)[0].contains("/severity:▏"), "{:?}", last_lines(&app, 3));
    press(&mut app, "<tab>");
    let lines = last_lines(&app, 2);
    assert!(lines[0].contains("critical   warning   unknown"), "{lines:?}");
    assert!(lines[1].contains("/severity:critical▏   3 of 8"), "{lines:?}");
    press(&mut app, "<tab>");
    assert!(last_lines(&app, 1)[0].contains("/severity:warning▏   4 of 8"));
    press(&mut app, "<s-tab> !name:T<tab>");
    assert!(last_lines(&app, 1)[0].contains("/severity:critical !name:TargetDown▏"), "{:?}", last_lines(&app, 1));
    press(&mut app, "<esc>");
    assert_eq!(names(&app, Pane::Alerts).len(), 8, "Esc: as before");
}

#[test]
fn a_filter_that_cannot_be_read_changes_no_row_and_says_why() {
    let mut app = app("ana", (120, 40));
    press(&mut app, "/severity:critical");
    assert_eq!(names(&app, Pane::Alerts).len(), 3);
    press(&mut app, "s");
    let lines = last_lines(&app, 2);
    assert!(lines[0].contains("criticals is no severity; did you mean severity:critical?"), "{lines:?}");
    assert_eq!(names(&app, Pane::Alerts).len(), 8, "as before it was typed");
    press(&mut app, "<c-u>sverity:critical");
    assert_eq!(names(&app, Pane::Alerts).len(), 8, "nor does a word before its colon: {:?}", last_lines(&app, 2));
    press(&mut app, "<c-u>severity:criticals");
    press(&mut app, "<enter>");
    assert!(matches!(app.overlays.last(), Some(Overlay::Filter { .. })), "it stays to be mended");
    press(&mut app, "<bs><enter>");
    assert!(app.overlays.is_empty());
    assert!(text(&app).contains("/severity:critical  3 of 8"), "{}", text(&app));
}

#[test]
fn marked_rows_stay_are_copied_and_noted_together() {
    let mut app = app("ana", (120, 40));
    press(&mut app, "<space><space>/nobody-has-this<enter>");
    assert_eq!(names(&app, Pane::Alerts), ["f-etcdMembersDown", "f-KubeAPIDown"]);
    assert!(text(&app).contains("2 marked"));
    let effects = press(&mut app, "y");
    let [Effect::Copy(copied)] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(copied.as_str().contains("etcdMembersDown") && copied.as_str().contains("KubeAPIDown"), "{copied}");
    press(&mut app, "i");
    let Some(Overlay::Write(write)) = app.overlays.last() else { panic!("a note") };
    assert!(write.line.value().contains("etcdMembersDown") && write.line.value().contains("; "));
    press(&mut app, "<esc><esc><esc>");
    assert!(app.pane(Pane::Alerts).marks.is_empty() && app.pane(Pane::Alerts).filter.is_none());
}

#[test]
fn n_goes_to_what_needs_a_person_round_the_end() {
    let mut app = app("ana", (120, 40));
    let mut found = Vec::new();
    for _ in 0..8 {
        press(&mut app, "n");
        found.push(rows::selected(&app, Pane::Alerts).unwrap().verdict());
    }
    assert!(found.iter().all(|verdict| *verdict >= Verdict::Unknown), "{found:?}");
    let here = app.pane(Pane::Alerts).cursor.clone();
    press(&mut app, "nN");
    assert_eq!(app.pane(Pane::Alerts).cursor, here, "N undoes n");
}

fn push(app: &mut Console, topic: Topic, change: impl FnOnce(&mut BoardDelta)) {
    let mut delta = BoardDelta {
        topic,
        rev: 2,
        snapshot: false,
        upserts: Vec::new(),
        removes: Vec::new(),
        order: Vec::new(),
        total: 9,
        dropped: 0,
    };
    change(&mut delta);
    let now = later(app, Duration::from_secs(1));
    update(app, Input::Room(Box::new(ClientEvent::Push(Push::Board(delta)))), now);
}

#[test]
fn a_frozen_screen_counts_exactly_what_is_unseen() {
    let mut app = app("ana", (160, 48));
    press(&mut app, "p");
    assert!(text(&app).contains("FROZEN at 14:55:42  nothing new"), "{}", text(&app));
    let rows = app.mirror.rows(Topic::Alerts).to_vec();
    // Proven again: no news.
    let mut again = rows[0].clone();
    again.seen_at += chrono::TimeDelta::seconds(5);
    push(&mut app, Topic::Alerts, |delta| delta.upserts.push(again));
    assert_eq!((app.unseen.rows, app.unseen.entries), (0, 0));
    let mut changed = rows[1].clone();
    changed.verdict = Verdict::Warning;
    let mut new = rows[2].clone();
    new.id = "f-new".to_owned();
    push(&mut app, Topic::Alerts, |delta| {
        delta.upserts = vec![changed.clone(), new];
        delta.removes = vec![rows[3].id.clone()];
    });
    assert_eq!((app.unseen.rows, app.unseen.entries), (3, 0), "one changed, one new, one gone");
    assert!(text(&app).contains("FROZEN at 14:55:42  3 rows unseen"), "{}", text(&app));
    push(&mut app, Topic::Alerts, |delta| delta.upserts = vec![rows[1].clone()]);
    assert_eq!(app.unseen.rows, 2, "what changed back is not different");
    app.mirror.story.entries += 1;
    super::fixture::tick(&mut app, 1);
    assert!(text(&app).contains("FROZEN at 14:55:42  2 rows, 1 entry unseen"), "{}", text(&app));
    press(&mut app, "p");
    assert_eq!((app.unseen.rows, app.unseen.entries), (0, 0));
    assert!(names(&app, Pane::Alerts).contains(&"f-new".to_owned()));
}

#[test]
fn warnings_only_says_how_many_it_leaves_out() {
    let mut app = app("ana", (200, 60));
    let well = |entry: &rows::PaneEntry<'_>| matches!(entry.verdict(), Verdict::Ok | Verdict::Info);
    let panes = Pane::ALL.iter().filter(|pane| **pane != Pane::People);
    let calm: usize = panes.clone().map(|pane| rows::all(&app, *pane).iter().filter(|it| well(it)).count()).sum();
    press(&mut app, "z");
    assert!(panes.clone().all(|pane| !rows::visible(&app, *pane).iter().any(|entry| well(&entry))));
    assert!(calm > 10 && text(&app).contains(&format!("warnings only · {calm} rows left out")), "{}", text(&app));
}

/// Every shown pane has a place, none overlap, and what is hidden has none.
#[test]
fn hidden_panes_make_room_at_every_size_and_nothing_overlaps() {
    for size in [(60, 20), (80, 24), (120, 40), (200, 60)] {
        for hidden in 0u8..127 {
            let mut app = app("ana", size);
            let panes = Pane::ALL.iter().copied().enumerate().filter(|(i, _)| hidden & (1 << i) != 0);
            app.hidden = panes.map(|(_, pane)| pane).collect();
            let first = Pane::ALL.iter().copied().find(|pane| !app.hidden.contains(pane)).unwrap();
            app.focus_on(first);
            let at = layout::arrange(&app);
            assert!(at.body(first).is_some_and(|body| body.height > 0), "{size:?} {:?}", app.hidden);
            for (i, a) in at.places.iter().enumerate() {
                assert!(!app.hidden.contains(&a.pane) || size.0 < 110, "{size:?} {:?}: {:?}", app.hidden, a.pane);
                let area = |place: &layout::PaneArea| place.title.union(place.body);
                assert!(area(a).right() <= size.0 && area(a).bottom() < size.1);
                for b in &at.places[i + 1..] {
                    assert!(!area(a).intersects(area(b)), "{size:?} {:?}: {:?} {:?}", app.hidden, a, b);
                }
            }
            view::draw(&app, &look("dark"));
        }
    }
}

#[test]
fn panes_are_hidden_split_and_shown_again_by_keys() {
    let mut app = app("ana", (120, 40));
    press(&mut app, "3x");
    assert!(layout::arrange(&app).body(Pane::Backups).is_none());
    assert!(text(&app).contains("hidden 3"), "{}", text(&app));
    press(&mut app, "2<tab>");
    assert_eq!(app.focus, Pane::Gitops, "Tab goes past what is hidden");
    press(&mut app, "3");
    assert!(layout::arrange(&app).body(Pane::Backups).is_some(), "its number shows it again");
    press(&mut app, "1v");
    let shown = |app: &Console| layout::arrange(app).places.iter().map(|place| place.pane).collect::<Vec<_>>();
    assert_eq!(shown(&app), [Pane::Alerts, Pane::Traffic, Pane::Timeline]);
    press(&mut app, "5");
    assert_eq!(shown(&app), [Pane::Alerts, Pane::Events, Pane::Timeline]);
    press(&mut app, "v");
    assert_eq!(shown(&app).len(), 6);
    app.size = (70, 24);
    press(&mut app, "v");
    assert!(app.split.is_none() && text(&app).contains("need 80 columns"), "{}", text(&app));
    for _ in 0..10 {
        press(&mut app, "x");
    }
    assert!(app.hidden.len() == Pane::ALL.len() - 1, "the last pane stays");
    press(&mut app, "X");
    assert!(app.hidden.is_empty());
}

#[test]
fn how_a_console_was_left_is_remembered() {
    let dir = tempfile::tempdir().unwrap();
    let keeper = LayoutStore::new(dir.path().join("deep/console.toml"));
    assert_eq!(keeper.read(), Ok(None), "nothing is remembered yet");
    let mut left = app("ana", (120, 40));
    assert!(press(&mut left, "z").is_empty(), "nothing is remembered unasked");
    press(&mut left, "z");
    left.remembers = true;
    let effects = press(&mut left, "7x5v/severity:>=warning \"a \\ b\"<enter>z");
    let layouts: Vec<&Layout> =
        effects.iter().map(|it| if let Effect::Remember(it) = it { &**it } else { panic!("{it:?}") }).collect();
    assert_eq!(*layouts[layouts.len() - 1], Layout::of(&left));
    assert!(press(&mut left, "?<esc>").is_empty(), "what did not change is not written again");
    keeper.write(layouts[layouts.len() - 1]).unwrap();
    assert_eq!(std::fs::read_dir(dir.path().join("deep")).unwrap().count(), 1, "no half file is left");
    let mut next = app("ana", (120, 40));
    let words = keeper.read().unwrap().unwrap().restore(&mut next).unwrap();
    assert_eq!(words, "As you left it: filtered: Events · hidden: People · warnings only.");
    assert_eq!(Layout::of(&next), Layout::of(&left));
    super::fixture::tick(&mut next, 1);
    super::fixture::tick(&mut left, 20);
    assert_eq!(
        text(&next).lines().skip(2).take(30).collect::<Vec<_>>(),
        text(&left).lines().skip(2).take(30).collect::<Vec<_>>()
    );
}

#[test]
fn a_file_that_cannot_be_read_is_kept_aside_with_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("console.toml");
    let bad = [
        "version = 2",
        "not toml",
        "version = 1\nfocus = \"alarms\"",
        "version = 1\nnew = 3",
        "version = 1\n[filters]\nevents = \"severity:blue\"",
        "version = 1\nhidden = [\"alerts\",\"traffic\",\"backups\",\"gitops\",\"events\",\"timeline\",\"people\"]",
        "\u{0}\u{1}",
    ];
    for (n, text) in bad.into_iter().enumerate() {
        std::fs::write(&path, text).unwrap();
        let words = LayoutStore::new(path.clone()).read().unwrap_err();
        assert!(words.contains("can't be read") && words.contains("console.toml.bad"), "{text}: {words}");
        assert!(!path.exists());
        let aside = if n == 0 { "console.toml.bad".to_owned() } else { format!("console.toml.bad{}", n + 1) };
        assert_eq!(std::fs::read_to_string(dir.path().join(aside)).unwrap(), text, "none takes another's place");
    }
    // A pipe that nobody writes to would hold the start up for ever.
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    let words = LayoutStore::new(path.clone()).read().unwrap_err();
    assert!(words.contains("no regular file"), "{words}");
    // What a killed console left under the name that is written to, or a link of that name, is not written through.
    let (other, keeper) = (dir.path().join("other"), LayoutStore::new(path.clone()));
    std::fs::write(&other, "of another").unwrap();
    std::os::unix::fs::symlink(&other, path.with_extension(format!("toml.{}", std::process::id()))).unwrap();
    keeper.write(&Layout::default()).unwrap();
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "of another");
    assert!(keeper.read().unwrap().is_some());
    std::fs::write(&path, "x".repeat(70_000)).unwrap();
    assert!(LayoutStore::new(path).read().unwrap_err().contains("too long"));
    let nowhere = LayoutStore::new("/proc/warroom/console.toml".into());
    assert!(nowhere.write(&Layout::default()).is_err(), "an error, and no more than that");
}

#[test]
fn what_the_user_must_know_of_what_is_kept_stays_until_a_key_is_pressed() {
    let mut app = app("ana", (160, 48));
    let text = crate::model::SafeText::from("what was known of rooms' logs was damaged");
    let now = later(&app, Duration::from_secs(1));
    update(&mut app, Input::Room(Box::new(ClientEvent::Notice { text })), now);
    let now = later(&app, Duration::from_secs(900));
    update(&mut app, Input::Tick, now);
    assert!(last_lines(&app, 1)[0].contains("was damaged"), "{:?}", last_lines(&app, 1));
    press(&mut app, "1");
    assert!(!last_lines(&app, 1)[0].contains("was damaged"));
}
