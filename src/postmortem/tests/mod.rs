//! The export of the drill's story, word for word, and what must not get through.

mod measured;

use super::csv::text as cell;
use super::durations::length;
use super::markdown::md;
use super::*;
use crate::model::plan::{HeadRef, Plan, PolicyRef, Step, Target};
use crate::model::{Action, Digest, Level, Milestone, Objective, SafeText, StepRequest, TransitionKind};
use crate::timeline::tests::{INCIDENT, at, objective, person, story};
use crate::timeline::{Approval, Incident, Marking, PlanRecord, PlanState, StepState};

fn meta(drill: bool) -> ExportMeta {
    ExportMeta {
        room: "drill".into(),
        log: "01KB3Z".into(),
        drill: drill.then(|| "etcd-corruption · seed 7".to_owned()),
        seq: 22,
        head: "ab".repeat(32),
    }
}

fn plan(action: Action, title: &str, id: &str, effects: &[&str]) -> Plan {
    let src = "cloudflare/edge".parse().expect("a source");
    let step = |(n, effect): (usize, &&str)| Step {
        id: (n + 1).to_string(),
        request: StepRequest::from_members("cloudflare.patch_load_balancer".to_owned(), serde_json::Value::Null),
        target: Target {
            src: Clone::clone(&src),
            kind: "load_balancer".into(),
            id: "lb-1".into(),
            name: "shop".into(),
        },
        pre: vec![],
        effect: (*effect).to_owned(),
        limit_s: 60,
        check: vec![],
    };
    Plan {
        v: 1,
        room: "drill".into(),
        incident: INCIDENT.into(),
        plan: id.into(),
        action,
        service: "shop".into(),
        title: title.into(),
        confirm: "shop.example".into(),
        shown: vec![],
        warnings: vec![],
        steps: effects.iter().enumerate().map(step).collect(),
        locks: vec![],
        cred_ids: vec![],
        policy: PolicyRef { quorum: 2, level: Level::Drill, digest: "sha256:".into() },
        people_digest: "sha256:".into(),
        by: "ana".into(),
        ttl_s: 1800,
        supersedes: None,
        head: HeadRef { seq: 11, h: "00".into() },
    }
}

fn record(plan: Plan, digest: u8, proposed: &str, approved: &str, seqs: Vec<u64>) -> PlanRecord {
    let done = |says: &str| StepState::Done { at: at(approved), says: says.into() };
    PlanRecord {
        steps: plan.steps.iter().map(|_| done("200, read back")).collect(),
        plan,
        bytes: String::new(),
        digest: Digest([digest; 32]),
        by: person("ana"),
        proposed_at: at(proposed),
        proposed_seq: seqs[0],
        approvals: vec![Approval { by: person("sam"), at: at(approved), seq: seqs[1] }],
        state: PlanState::Succeeded,
        held: false,
        says: "all effects seen".into(),
        changed_at: at(approved),
        reconciled: None,
        restored: std::collections::BTreeMap::new(),
        refused_by: None,
        seqs,
    }
}

/// The story with both plans, as the fold of approvals would leave them.
fn incident() -> Incident {
    let mut incident = story().fold().latest().expect("an incident").clone();
    let failover = plan(
        Action::Failover,
        "Fail over shop.example from primary to dr",
        "01A",
        &["patch load balancer", "wait until outside probes see dr"],
    );
    let restore = plan(Action::Restore, "Restore shop from shop-hourly-1429 on dr", "01B", &["create restore"]);
    // As the room reads it back from the Restore that the plan made.
    for item in &mut incident.items {
        if let crate::model::Happening::Transition(it) = &mut item.entry.happening
            && it.edge == TransitionKind::RestoreCompleted
        {
            it.figures = serde_json::json!({ "plan_digest": Digest([0xb2; 32]).to_string() });
        }
        if item.entry.seq == 9 {
            item.marks.push(Marking { milestone: Milestone::Confirmed, by: "sam".into(), seq: 105 });
        }
    }
    for record in [
        record(failover, 0xa1, "14:50:00", "14:50:25", vec![101, 102]),
        record(restore, 0xb2, "14:54:20", "14:54:50", vec![103, 104]),
    ] {
        incident.plans.by_id.insert(record.plan.plan.clone(), record);
    }
    incident
}

fn export(drill: bool) -> Outline {
    outline(&incident(), &[objective()], &meta(drill))
}

#[test]
fn the_drills_rows_and_figures_are_the_real_cases() {
    let outline = export(true);
    let rows: Vec<_> = outline.rows.iter().map(|row| (row.t_s, row.event, row.actor.as_str(), row.auto)).collect();
    assert_eq!(
        rows,
        [
            (0, "detected", "room", true),
            (230, "confirmed", "ana", false),
            (480, "decided", "ana", false),
            (600, "traffic_switched", "ana+sam", false),
            (720, "gitops_confirmed", "room", true),
            (1080, "restored", "ana+sam", false),
            (1380, "recovered", "room", true),
        ]
    );
    assert_eq!(outline.from_detection_s, Some(1380));
    assert_eq!(outline.from_impact_s, Some(1620));
    assert_eq!(outline.from_decision_s, Some(900));
    assert_eq!(outline.rpo_s, Some(480));
    let reached = &outline.objectives[0];
    assert_eq!((reached.rto_met, reached.rpo_met), (Some(true), Some(true)));
    for row in &outline.rows {
        let known = |seq: &u64| *seq > 100 || outline.timeline.iter().any(|event| event.seq == *seq);
        assert!(!row.seqs.is_empty() && row.seqs.iter().all(known), "{row:?}");
    }
}

#[test]
fn a_row_whose_edge_is_missing_is_missing() {
    for (edge, event) in [
        ("traffic.moved", "traffic_switched"),
        ("gitops.parity", "gitops_confirmed"),
        ("restore.completed", "restored"),
        ("service.recovered", "recovered"),
    ] {
        let mut log = story();
        log.entries.retain(|entry| match &entry.happening {
            crate::model::Happening::Transition(it) => it.edge.as_str() != edge,
            _ => true,
        });
        let story = log.fold();
        let outline = outline(story.latest().expect("an incident"), &[objective()], &meta(true));
        assert!(outline.rows.iter().all(|row| row.event != event), "{event}");
        assert_eq!(outline.rows.len(), 5, "{event}");
        assert_eq!(outline.not_recorded, ["confirmed", event], "nobody marked a note as it either");
    }
}

#[test]
fn traffic_that_moved_to_the_primary_is_no_switch() {
    let mut log = story();
    for entry in &mut log.entries {
        if let crate::model::Happening::Transition(it) = &mut entry.happening
            && it.edge == crate::model::TransitionKind::TrafficMoved
        {
            it.figures = serde_json::json!({ "from": "dr", "to": "primary" });
        }
    }
    let story = log.fold();
    let outline = outline(story.latest().expect("an incident"), &[objective()], &meta(true));
    assert!(outline.rows.iter().all(|row| row.event != "traffic_switched"));
}

#[test]
fn the_markdown_of_the_story() {
    insta::assert_snapshot!("story_markdown", to_markdown(&export(true)));
}

#[test]
fn the_json_of_the_story() {
    let json = to_json(&export(true));
    assert_eq!(json["schema"], SCHEMA);
    insta::assert_snapshot!("story_json", serde_json::to_string_pretty(&json).expect("json"));
}

#[test]
fn only_a_drill_says_drill() {
    let drill = to_markdown(&export(true));
    assert!(drill.starts_with("# DRILL: "), "{drill}");
    assert!(drill.contains("**DRILL.**"));
    let real = export(false);
    assert!(!to_markdown(&real).contains("DRILL"));
    assert_eq!(to_json(&real)["drill"], serde_json::Value::Null);
}

#[test]
fn an_incident_of_which_little_is_known_still_exports() {
    let mut log = crate::timeline::tests::Log::new();
    log.open(at("14:41:00"), None);
    let story = log.fold();
    let none: &[Objective] = &[];
    let outline = outline(story.latest().expect("an incident"), none, &meta(false));
    assert_eq!(outline.rows.iter().map(|row| row.event).collect::<Vec<_>>(), ["detected"]);
    assert_eq!((outline.from_impact_s, outline.rpo_s), (None, None));
    let text = to_markdown(&outline);
    assert!(text.contains("| impact    | not known               | –           | –     |"), "{text}");
    assert!(text.contains("| recovery  | not recovered           | –           | –     |"), "{text}");
}

#[test]
fn outside_text_can_make_no_markup() {
    for (text, is) in [
        ("a|b", "a\\|b"),
        ("`rm -rf`", "\\`rm -rf\\`"),
        ("**bold** _it_", "\\*\\*bold\\*\\* \\_it\\_"),
        ("[x](http://y)", "\\[x\\](http\\://y)"),
        ("see https://evil.example/a", "see https\\://evil.example/a"),
        ("WWW.evil.example", "WWW\\.evil.example"),
        ("@ana, ask ops@shop.example", "`@`ana, ask ops`@`shop.example"),
        ("@@all", "`@@`all"),
        ("<script>", "\\<script\\>"),
        ("# head", "\\# head"),
        ("- list", "\\- list"),
        ("+ list", "\\+ list"),
        ("1. list", "1\\. list"),
        ("12) list", "12\\) list"),
        ("2 of 12 apps.", "2 of 12 apps."),
        ("back\\slash", "back\\\\slash"),
        ("&lt;", "\\&lt;"),
        ("shop-hourly", "shop-hourly"),
        ("", ""),
    ] {
        assert_eq!(md(text), is, "{text}");
    }
    let mut incident = incident();
    let hostile = "| evil `x` <b>\u{1b}[31m\n# head";
    incident.title = SafeText::new(hostile);
    for item in &mut incident.items {
        item.text = SafeText::new(hostile);
    }
    let text = to_markdown(&outline(&incident, &[objective()], &meta(true)));
    assert!(!text.contains('\u{1b}') && !text.contains("<b>"));
    for line in text.lines().filter(|line| line.starts_with('|')) {
        let cells = line.replace("\\|", "").matches('|').count();
        assert!((5..=8).contains(&cells), "a cell broke out: {line}");
    }
    assert_eq!(text.lines().filter(|line| line.starts_with("# ")).count(), 1);
}

#[test]
fn lengths_read_well() {
    for (seconds, is) in [(0, "0 s"), (45, "45 s"), (480, "8 min"), (485, "8 min 05 s"), (3_900, "1 h 05 min")] {
        assert_eq!(length(seconds), is);
    }
}

#[test]
fn the_page_of_the_story() {
    insta::assert_snapshot!("story_html", to_html(&export(true)));
}

/// What is wrong with a page on paper is not seen on a screen: a name broken in its middle, a day said in every row.
#[test]
fn the_page_says_a_day_once_and_runs_of_entries_shortly() {
    let mut outline = export(true);
    let page = to_html(&outline);
    assert!(page.contains("All on 2026-03-02."), "{page}");
    assert_eq!(page.matches("2026-03-02 14:41").count(), 2, "the head and the clocks: {page}");
    outline.rows[0].seqs = vec![41, 31, 32, 34, 33, 36, 41, 40];
    outline.timeline[0].placed_at = at("14:41:00") - chrono::TimeDelta::days(1);
    let page = to_html(&outline);
    let link = |seq: u64| format!("<a href=\"#e{seq}\">{seq}</a>");
    let run = format!("{}–{}, {}, {}, {}", link(31), link(34), link(36), link(40), link(41));
    assert!(page.contains(&run), "{page}");
    assert!(!page.contains("All on ") && page.contains("<td class=\"n\">2026-03-01 14:41:00</td>"), "{page}");
}

/// The drawing and the table beside it must not differ by the second that rounding makes.
#[test]
fn the_drawing_says_the_lengths_of_the_table() {
    let mut outline = export(true);
    let start = at("14:41:00");
    for (clock, ms) in [(&mut outline.clocks.impact, 600), (&mut outline.clocks.decision, 200)] {
        clock.as_mut().expect("known").at += chrono::TimeDelta::milliseconds(ms);
    }
    let (decision, recovery) = (outline.clocks.decision.as_ref(), outline.clocks.recovery.as_ref());
    let seconds = crate::model::time::since(decision.expect("known").at, recovery.expect("known").at);
    assert!(seconds > 0 && outline.clocks.impact.as_ref().expect("known").at < start);
    let says = format!("<title>decision to recovery: {}</title>", length(seconds));
    let page = to_html(&outline);
    assert!(page.contains(&says), "{says}: {page}");
}

#[test]
fn the_rows_of_the_story() {
    let csv = to_csv(&export(true));
    assert!(csv.split_terminator("\r\n").all(|line| !line.contains(['\r', '\n'])), "{csv}");
    insta::assert_snapshot!("story_csv", csv.replace("\r\n", "\n"));
}

#[test]
fn the_page_needs_nothing_from_anywhere() {
    let page = to_html(&export(true));
    for foreign in ["http://", "https://", "<script", "src=", "@import", "url(", "<link", "<iframe", "javascript:"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    assert!(page.contains("@media print") && page.contains("prefers-color-scheme:dark") && page.contains("<svg"));
    assert!(page.contains("DRILL: ") && page.contains("class=\"drill\""));
    assert!(!to_html(&export(false)).contains("DRILL"));
    // What it points at is there.
    for link in page.split("href=\"#").skip(1) {
        let id = link.split('"').next().expect("an id");
        let known = page.contains(&format!("id=\"{id}\""));
        // The plans of this story were put in by hand; their entries are not in its timeline.
        assert!(known || id.trim_start_matches('e').parse::<u64>().expect("a number") > 100, "{id}");
    }
}

#[test]
fn outside_text_is_nothing_but_text_in_every_form() {
    let hostile = "</title><script>alert('x')</script> & \" onload=\"y =2+5,cmd|' /C calc'!A0";
    let mut incident = incident();
    incident.title = SafeText::new(hostile);
    for item in &mut incident.items {
        item.text = SafeText::new(hostile);
    }
    for record in incident.plans.by_id.values_mut() {
        record.plan.title = hostile.to_owned();
        record.plan.warnings = vec![hostile.to_owned()];
        record.plan.shown = vec![crate::model::plan::ShownChange {
            what: hostile.into(),
            now: hostile.into(),
            after: "\u{1b}[2J\u{202e}".into(),
        }];
    }
    let outline = outline(
        &incident,
        &[objective()],
        &ExportMeta { room: hostile.to_owned(), log: hostile.to_owned(), ..meta(true) },
    );
    let page = to_html(&outline);
    assert!(!page.contains("<script") && !page.contains("</title><script"), "{page}");
    assert!(!page.contains("onload=\"y") && page.contains("&lt;/title&gt;&lt;script&gt;"));
    assert!(!page.contains(['\u{1b}', '\u{202e}']));
    // Every tag that is open is one of ours.
    let ours = page.matches('<').count();
    assert_eq!(ours, page.matches('>').count(), "a tag broke out");
    let csv = to_csv(&outline);
    assert_eq!(csv.split_terminator("\r\n").count(), outline.timeline.len() + 1);
    assert!(!csv.contains(['\u{1b}', '\u{202e}']));
    for (text, is) in [
        ("plain", "plain"),
        ("", ""),
        ("a,b", "\"a,b\""),
        ("say \"so\"", "\"say \"\"so\"\"\""),
        ("=1+1", "'=1+1"),
        ("+49 30", "'+49 30"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\t=1", "'\t=1"),
        ("two\nlines", "\"two\nlines\""),
        ("＝1", "'＝1"),
        ("a-b", "a-b"),
    ] {
        assert_eq!(cell(text), is, "{text:?}");
    }
    // An apostrophe ends nothing: every attribute is in double quotes.
    let text = "<a href='x'>&\"";
    let escaped = "&lt;a href='x'&gt;&amp;&quot;";
    assert_eq!(maud::html! { p title=(text) { (text) } }.0, format!("<p title=\"{escaped}\">{escaped}</p>"));
}

#[test]
fn the_same_outline_gives_the_same_bytes() {
    let again = || {
        let outline = export(true);
        [to_markdown(&outline), to_html(&outline), to_csv(&outline), to_json(&outline).to_string()]
    };
    assert_eq!(again(), again());
}

#[test]
fn an_incident_without_an_end_is_drawn_as_far_as_it_is_known() {
    let mut log = story();
    log.entries.retain(
        |entry| !matches!(&entry.happening, crate::model::Happening::Transition(it) if it.edge == crate::model::TransitionKind::ServiceRecovered),
    );
    let story = log.fold();
    let page = to_html(&outline(story.latest().expect("an incident"), &[objective()], &meta(false)));
    assert!(page.contains("<td>recovery</td><td>not recovered</td>") && page.contains(">detection T+0:00<"), "{page}");
    let mut log = crate::timeline::tests::Log::new();
    log.open(at("14:41:00"), None);
    let story = log.fold();
    let page = to_html(&outline(story.latest().expect("an incident"), &[], &meta(false)));
    assert!(!page.contains("<svg"), "one instant is no line");
}

#[test]
fn a_part_says_in_every_form_that_it_is_one() {
    let incident = incident();
    let filter = crate::model::filter::Filter::parse("!decision").unwrap();
    let part = StreamedExport::new(&incident, &incident, &[objective()], &meta(true), Some(&filter));
    let part = part.unwrap().whole().unwrap();
    for form in [to_markdown(&part), to_html(&part), to_csv(&part), to_json(&part).to_string()] {
        assert!(
            form.contains("!decision") && (form.contains("not the whole log") || form.contains("left_out")),
            "{form}"
        );
    }
}

fn export_of<'a>(
    incident: &Incident,
    items: &'a dyn crate::timeline::ItemSource,
    filter: Option<&'a crate::model::filter::Filter>,
) -> StreamedExport<'a> {
    StreamedExport::new(incident, items, &[objective()], &meta(true), filter).unwrap()
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]

    /// Whoever keeps no entry and reads them again writes the same bytes as who keeps them all.
    #[test]
    fn a_streamed_export_is_the_kept_one_byte_for_byte(
        parts in proptest::collection::vec((proptest::num::u8::ANY, 0i64..3_600, 0u64..60), 0..60), filtered: bool,
    ) {
        let log = crate::timeline::tests::properties::log(&parts);
        let heads = crate::timeline::tests::properties::heads(&log.entries);
        let source = crate::timeline::tests::ReadAgain(&log.entries);
        let filter = crate::model::filter::Filter::parse("!note").unwrap();
        for (kept, folded) in log.fold().incidents.iter().zip(&heads.incidents) {
            let items = crate::timeline::StreamedItems::new(folded, &source).unwrap();
            let filter = filtered.then_some(&filter);
            let streamed = export_of(folded, &items, filter);
            let mut whole = outline(kept, &[objective()], &meta(true));
            if filtered {
                whole = export_of(kept, kept, filter).whole().unwrap();
            }
            for form in [ExportForm::Markdown, ExportForm::Html, ExportForm::Csv, ExportForm::Json] {
                let mut text = String::new();
                write(&mut text, &streamed.outline, &streamed, form).unwrap();
                proptest::prop_assert_eq!(text, to_text(&whole, form));
            }
            let document = serde_json::to_string_pretty(&to_json(&whole)).unwrap();
            proptest::prop_assert_eq!(to_text(&whole, ExportForm::Json), document + "\n");
        }
    }
}
