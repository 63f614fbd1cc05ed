//! Walks by keys: what a person presses, and what is then asked of the room or seen.

use std::time::Duration;

use proptest::prelude::*;

use crate::approval::PlanState;
use crate::board::{RowBody, Topic, Verdict};
use crate::client::LinkState;
use crate::console::app::Console;
use crate::console::input::{AskFailure, Input};
use crate::console::keymap::{KeyPress, keys};
use crate::console::overlay::Overlay;
use crate::console::pane::Pane;
use crate::console::screenshot::to_text;
use crate::console::theme::{ColorDepth, Look, Role, Theme};
use crate::console::{Effect, plan_verification, rows, update, view};
use crate::model::plan::{Premise, Recheck};
use crate::model::{Action, PlanId, Refusal, RefusalKind, SafeText};
use crate::protocol::request::SetIncident;
use crate::protocol::{Reply, Request};

use super::filters_and_layout::last_lines;
use super::fixture::{app, later, look, press};
use super::plans;

fn text(app: &Console) -> String {
    to_text(&view::draw(app, &look("dark")))
}

fn reply(app: &mut Console, tag: u64, result: Result<Reply, AskFailure>) -> Vec<Effect> {
    let now = later(app, Duration::from_millis(20));
    update(app, Input::Reply { tag, result }, now)
}

fn asked(effects: &[Effect]) -> (u64, Request) {
    match effects {
        [Effect::Ask { tag, request }] => (*tag, request.clone()),
        other => panic!("one request was expected, not {other:?}"),
    }
}

const RESTORE: &str = "01KB3Z1RESTORE";

#[test]
fn the_second_person_opens_the_plan_types_its_name_and_approves_the_digest_that_was_shown() {
    let mut app = app("sam", (120, 40));
    assert!(press(&mut app, "Asho<enter>").is_empty(), "half a name confirms nothing");
    assert!(text(&app).contains("Nothing was sent"), "{}", text(&app));
    let (tag, request) = asked(&press(&mut app, "shop<enter>"));
    let record = app.plan(&PlanId::from(RESTORE)).unwrap();
    let expected = plan_verification::digest(&record.bytes);
    assert_eq!(request, Request::Approve { plan: PlanId::from(RESTORE), digest: expected, confirm: "shop".to_owned() });
    assert!(press(&mut app, "<enter><enter>").is_empty(), "it is sent once");
    let refusal = Refusal::new(RefusalKind::Drift, "The backup is being deleted.", "Propose again.");
    reply(&mut app, tag, Err(AskFailure::Refused(refusal)));
    assert!(text(&app).contains("The backup is being deleted. Propose again."));
}

#[test]
fn bytes_that_are_not_those_of_their_digest_are_never_approved() {
    let mut app = app("sam", (120, 40));
    let plans = &mut app.mirror.story.incidents[0].plans.by_id;
    plans.get_mut(&PlanId::from(RESTORE)).unwrap().bytes.push(' ');
    assert!(press(&mut app, "Ashop<enter>").is_empty());
    assert!(text(&app).contains("not those of its digest"));
}

#[test]
fn keys_of_the_first_moment_are_not_meant_for_a_plan() {
    let mut app = app("sam", (120, 40));
    press(&mut app, "A");
    for key in keys("shop<enter>").unwrap() {
        let now = later(&app, Duration::from_millis(50));
        assert!(update(&mut app, Input::Key(key), now).is_empty());
    }
    assert!(text(&app).contains("To confirm, type shop: ▏"), "{}", text(&app));
}

#[test]
fn a_premise_is_ticked_only_while_its_reading_is_fresh() {
    let mut app = app("sam", (120, 40));
    press(&mut app, "A");
    let fact = "backup shop-hourly-1429 is completed";
    assert!(text(&app).contains(&format!("✓ {fact}")), "{}", text(&app));
    // What only a later step relies on was never read: no tick, no age.
    assert!(text(&app).contains("· the backup is the one that was read"), "{}", text(&app));
    app.now.room += chrono::TimeDelta::seconds(61);
    assert!(text(&app).contains(&format!("? {fact}")) && !text(&app).contains('✓'), "{}", text(&app));
}

#[test]
fn what_the_room_reads_meanwhile_keeps_a_premise_proven_and_tells_what_changed() {
    let mut app = app("sam", (120, 40));
    press(&mut app, "A");
    app.now.room += chrono::TimeDelta::seconds(300);
    let plan = app.plan(&PlanId::from(RESTORE)).unwrap().plan.clone();
    let facts = plan.steps.iter().flat_map(|step| &step.pre);
    let premise = |pre: &crate::model::plan::Pre| Premise {
        src: pre.src.clone(),
        path: pre.path.clone(),
        read_at: app.now.room,
        changed: pre.path.as_str().ends_with("/phase").then(|| "it is being deleted now".into()),
    };
    let premises = facts.map(premise).collect();
    app.mirror.rechecks = vec![Recheck { plan: plan.plan.clone(), refused: None, premises }];
    let screen = text(&app);
    assert!(screen.contains("✗ backup shop-hourly-1429 is completed"), "{screen}");
    assert!(screen.contains("✗ it is being deleted now"), "{screen}");
    assert!(screen.contains("✓ no other restore") && !screen.contains("\n  ? "), "{screen}");
    let refused = Refusal::new(RefusalKind::NotReady, "Nothing is known of dr.", "Bring it back.");
    app.mirror.rechecks[0].refused = Some(refused);
    assert!(text(&app).contains("since it was proposed: Nothing is known of dr. Bring it back."), "{}", text(&app));
}

#[test]
fn a_plan_that_begins_to_run_is_shown_from_its_first_step() {
    let mut app = app("ana", (80, 16));
    press(&mut app, "A<pgdn>");
    assert!(text(&app).contains(" above PgUp"), "{}", text(&app));
    let before = crate::console::update::room_events::shown_state(&app);
    assert_eq!(before, Some(PlanState::Proposed));
    app.mirror.story.incidents[0].plans.by_id.get_mut(&PlanId::from(RESTORE)).unwrap().state = PlanState::Executing;
    crate::console::update::room_events::turned(&mut app, before);
    assert!(text(&app).contains("RUNNING") && !text(&app).contains(" above "), "{}", text(&app));
}

#[test]
fn nobody_commands_an_incident_that_is_closed() {
    let mut app = app("ana", (120, 40));
    assert!(text(&app).contains("ana commands"), "{}", text(&app));
    app.mirror.story.incidents[0].closed_at = Some(super::fixture::now());
    assert!(!text(&app).contains("commands"), "{}", text(&app));
}

#[test]
fn command_is_taken_from_somebody_knowingly_and_from_nobody_at_once() {
    let commander = |request: Request| match request {
        Request::Set(set) => set.commander.map(|person| person.to_string()),
        _ => None,
    };
    let mut app = app("sam", (80, 24));
    assert!(press(&mut app, "c").is_empty());
    assert!(text(&app).contains("ana commands. Take over?"), "{}", text(&app));
    assert!(press(&mut app, "<enter>").is_empty(), "the first answer leaves it with her");
    let (_, request) = asked(&press(&mut app, "cj<enter>"));
    assert_eq!(commander(request).as_deref(), Some("sam"));
    app.mirror.story.incidents[0].commander = None;
    let (_, request) = asked(&press(&mut app, "c"));
    assert_eq!(commander(request).as_deref(), Some("sam"));
}

#[test]
fn a_page_takes_the_keys_of_the_panes() {
    let mut app = app("sam", (120, 40));
    press(&mut app, "1<enter><enter>");
    assert_eq!(app.overlays.len(), 2, "a page, and one it led to");
    press(&mut app, "i");
    assert!(matches!(app.overlays.last(), Some(Overlay::Write(_))));
    press(&mut app, "<esc>A");
    assert!(matches!(app.overlays.last(), Some(Overlay::Plan(_))));
    press(&mut app, "<esc>");
    assert_eq!(app.overlays.len(), 2, "and back to what was read");
    press(&mut app, "4");
    assert!(app.overlays.is_empty() && app.focus == crate::console::pane::Pane::Gitops);
}

#[test]
fn the_plan_that_ended_last_is_opened_where_none_waits() {
    let mut app = app("sam", (120, 40));
    app.mirror.story.incidents[0].plans.by_id.remove(&PlanId::from(RESTORE));
    assert!(!text(&app).contains("A open plan"), "{}", text(&app));
    press(&mut app, "A");
    assert!(text(&app).contains("SUCCEEDED") && text(&app).contains("Fail over shop.example"), "{}", text(&app));
    press(&mut app, "<esc>");
    app.mirror.story.incidents[0].plans.by_id.clear();
    press(&mut app, "A");
    assert!(text(&app).contains("There is no plan yet"), "{}", text(&app));
}

#[test]
fn a_plan_that_stopped_says_that_it_is_not_resumed_and_how_to_go_on() {
    for state in [PlanState::Failed, PlanState::Stopped, PlanState::Interrupted] {
        let mut app = app("sam", (120, 40));
        let plans = &mut app.mirror.story.incidents[0].plans.by_id;
        plans.remove(&PlanId::from(RESTORE));
        plans.values_mut().for_each(|record| record.state = state);
        press(&mut app, "A");
        let screen = text(&app);
        assert!(screen.contains("is not resumed") && screen.contains("press ! f: the new plan"), "{state:?}\n{screen}");
    }
}

#[test]
fn who_refused_a_plan_is_named_wherever_it_is_read() {
    let mut app = app("ana", (120, 40));
    let plans = &mut app.mirror.story.incidents[0].plans.by_id;
    let plan = plans.get_mut(&PlanId::from(RESTORE)).unwrap();
    (plan.state, plan.says) = (PlanState::Rejected, SafeText::from("freeze first"));
    plan.refused_by = Some(crate::model::PersonId::from("sam"));
    assert!(
        text(&app).contains("Refused by sam: Restore shop on dr") && text(&app).contains("freeze first"),
        "{}",
        text(&app)
    );
    press(&mut app, "A");
    assert!(text(&app).contains("REFUSED") && text(&app).contains("refused by sam"), "{}", text(&app));
}

#[test]
fn the_proposer_waits_and_can_only_withdraw() {
    let mut app = app("ana", (120, 40));
    press(&mut app, "A");
    assert!(text(&app).contains("You proposed this"));
    assert!(press(&mut app, "shop<enter>R").is_empty());
    let (_, request) = asked(&press(&mut app, "W"));
    assert_eq!(request, Request::Withdraw { plan: PlanId::from(RESTORE) });
}

#[test]
fn the_footer_of_a_plan_offers_only_keys_that_are_not_the_typed_name_s() {
    let mut app = app("sam", (120, 40));
    press(&mut app, "A");
    assert!(last_lines(&app, 1)[0].contains("R refuse"), "{:?}", last_lines(&app, 1));
    press(&mut app, "sh");
    let line = last_lines(&app, 1).remove(0);
    assert!(line.contains("Ctrl-R refuse") && !line.contains("copy digest"), "{line}");
    press(&mut app, "R");
    assert!(matches!(app.overlays.last(), Some(Overlay::Plan(_))), "a letter is text");
    press(&mut app, "<c-r>");
    assert!(matches!(app.overlays.last(), Some(Overlay::Write(_))), "what the footer offers works");
}

#[test]
fn a_plan_is_refused_with_a_reason_that_stays_until_it_is_recorded() {
    let mut app = app("sam", (120, 40));
    press(&mut app, "AR");
    assert!(press(&mut app, "<enter>").is_empty(), "no reason, no refusal");
    assert!(text(&app).contains("A reason is needed"), "{}", text(&app));
    press(&mut app, "the backup is of the wrong hour");
    let (tag, request) = asked(&press(&mut app, "<enter>"));
    let reason = SafeText::from("the backup is of the wrong hour");
    assert_eq!(request, Request::Reject { plan: PlanId::from(RESTORE), reason });
    reply(&mut app, tag, Err(AskFailure::Gone(SafeText::from("the room went away"))));
    assert!(text(&app).contains("wrong hour") && text(&app).contains("look at the timeline"));
    let (tag, _) = asked(&press(&mut app, "<enter>"));
    reply(&mut app, tag, Ok(Reply::Recorded { seq: 21 }));
    assert!(matches!(app.overlays.last(), Some(Overlay::Plan(_))));
}

#[test]
fn proposing_takes_two_keys_a_plan_and_a_typed_name() {
    let mut app = app("ana", (120, 40));
    let (tag, request) = asked(&press(&mut app, "!f"));
    assert_eq!(request, Request::Preview { action: Action::Failover, service: "shop".to_owned(), to: None });
    assert!(text(&app).contains("Building the plan"));
    let record = plans::record(plans::failover(), PlanState::Proposed, super::fixture::now(), 0);
    let answer = Reply::Plan { plan: record.bytes.clone(), digest: record.digest, seq: None };
    reply(&mut app, tag, Ok(answer.clone()));
    assert!(text(&app).contains("TO PROPOSE") && !text(&app).contains("Building the plan"), "{}", text(&app));
    assert!(!text(&app).contains(&record.digest.spoken()), "the code is the proposal's, not the draft's");
    let (tag, request) = asked(&press(&mut app, "shop.example<enter>"));
    let confirm = "shop.example".to_owned();
    assert_eq!(
        request,
        Request::Propose { action: Action::Failover, service: "shop".to_owned(), to: None, confirm, supersedes: None }
    );
    let mut other = plans::failover();
    other.shown[0].after = "dr only".to_owned();
    let built = plans::record(other, PlanState::Proposed, super::fixture::now(), 0);
    reply(&mut app, tag, Ok(Reply::Plan { plan: built.bytes, digest: built.digest, seq: Some(30) }));
    assert!(text(&app).contains("not quite what you read"), "{}", text(&app));
}

#[test]
fn a_preview_whose_digest_is_wrong_is_not_shown() {
    let mut app = app("ana", (120, 40));
    let (tag, _) = asked(&press(&mut app, "!r"));
    let record = plans::record(plans::restore(), PlanState::Proposed, super::fixture::now(), 0);
    let digest = crate::model::Digest([7; 32]);
    reply(&mut app, tag, Ok(Reply::Plan { plan: record.bytes, digest, seq: None }));
    assert!(app.overlays.is_empty());
    assert!(text(&app).contains("is not the one its digest names"));
}

#[test]
fn a_paste_is_text_and_never_keys() {
    let paste = |app: &mut Console, words: &str| {
        let now = later(app, Duration::from_secs(1));
        update(app, Input::Paste(words.to_owned()), now)
    };
    let mut app = app("sam", (120, 40));
    assert!(paste(&mut app, "!f\nq\n").is_empty());
    assert!(app.overlays.is_empty() && text(&app).contains("Pasted text was ignored"));
    press(&mut app, "A");
    assert!(paste(&mut app, "shop\n").is_empty());
    assert!(press(&mut app, "<enter>").is_empty(), "a pasted name confirms nothing");
    press(&mut app, "<esc>i");
    assert!(paste(&mut app, "two\nlines \u{1b}[31m").is_empty());
    let (_, request) = asked(&press(&mut app, "<enter>"));
    assert_eq!(request, Request::Note { text: SafeText::from("two lines ‹U+001B›[31m"), at: None, mark: None });
}

#[test]
fn esc_never_leaves_and_leaving_an_open_incident_asks() {
    let mut app = app("ana", (80, 24));
    assert!(press(&mut app, "<esc><esc>f<esc>/ana<esc><esc>").is_empty());
    assert!(press(&mut app, "q").is_empty());
    assert!(text(&app).contains("Leave although the incident is open?"));
    assert!(press(&mut app, "n").is_empty());
    assert_eq!(press(&mut app, "qy"), vec![Effect::Quit]);
    app.overlays.clear();
    assert_eq!(press(&mut app, "<c-c><c-c>"), vec![Effect::Interrupt]);
    let mut calm = super::fixture::app("ana", (80, 24));
    calm.mirror.story.incidents.clear();
    assert_eq!(press(&mut calm, "q"), vec![Effect::Quit]);
}

#[test]
fn leaving_the_console_that_is_the_room_says_what_ends_with_it() {
    let mut app = super::fixture::app("ana", (80, 24));
    app.mirror.story.incidents.clear();
    app.hosts = true;
    assert!(press(&mut app, "q").is_empty(), "others are here");
    assert!(text(&app).contains("sam and lee lose it too"), "{}", text(&app));
    assert!(!text(&app).contains("goes on without"));
    assert_eq!(press(&mut app, "y"), vec![Effect::Quit]);
    app.overlays.clear();
    app.mirror.present.truncate(1);
    assert_eq!(press(&mut app, "q"), vec![Effect::Quit], "alone and calm: nothing to ask");
}

#[test]
fn an_incident_is_closed_from_the_list_of_statuses() {
    let mut app = app("ana", (120, 40));
    press(&mut app, "=");
    assert!(text(&app).contains("▸ mitigating      now"), "{}", text(&app));
    // Closing is for good: it says what still fires, and a second Enter alone keeps it open.
    assert_eq!(press(&mut app, "jjjjjjjj<enter>"), []);
    assert!(text(&app).contains("3 critical alerts still fire. Close for good?"), "{}", text(&app));
    assert_eq!(press(&mut app, "<enter>"), []);
    assert!(app.overlays.is_empty(), "{}", text(&app));
    // What stands frozen on the screen does not count, and what can't be read is not well.
    press(&mut app, "p");
    app.mirror.board.get_mut(&crate::board::Topic::Alerts).unwrap().rows.iter_mut().for_each(|row| {
        row.verdict = crate::board::Verdict::Unknown;
    });
    press(&mut app, "=jjjjjjjj<enter>");
    assert!(text(&app).contains("some may still fire. Close for good?"), "{}", text(&app));
    press(&mut app, "<esc>p");
    let (tag, request) = asked(&press(&mut app, "=jjjjjjjj<enter>j<enter>"));
    assert_eq!(request, Request::Set(SetIncident::closed_although_firing()));
    let why = "plan 01KB3Z1RESTORE is still open";
    let refusal = Refusal::new(RefusalKind::BadRequest, why, "reject, withdraw or finish it first");
    reply(&mut app, tag, Err(AskFailure::Refused(refusal)));
    assert!(text(&app).contains("still open. reject, withdraw"), "{}", text(&app));
    let (tag, _) = asked(&press(&mut app, "=jjjjjj<enter>j<enter>"));
    reply(&mut app, tag, Ok(Reply::Recorded { seq: 40 }));
    assert!(text(&app).contains("Closed."), "{}", text(&app));
}

#[test]
fn the_cursor_stays_on_its_row_when_new_rows_come() {
    let mut app = app("ana", (120, 40));
    press(&mut app, "5jjj");
    let key = app.pane(Pane::Events).cursor.clone().unwrap();
    let line = |app: &Console| {
        let mut rows = 0;
        let state = app.pane(Pane::Events);
        rows += state.index - state.top;
        rows
    };
    let before = line(&app);
    let view = app.mirror.board.get_mut(&crate::board::Topic::Events).unwrap();
    for i in 0..5 {
        let mut row = view.rows[0].clone();
        row.id = format!("new-{i}");
        view.rows.insert(0, row);
    }
    super::fixture::tick(&mut app, 1);
    assert_eq!(app.pane(Pane::Events).cursor.as_deref(), Some(key.as_str()));
    assert_eq!(line(&app), before);
}

#[test]
fn filters_narrow_and_can_be_turned_round() {
    let mut app = app("ana", (120, 40));
    press(&mut app, "/name:etcd*<enter>");
    assert_eq!(rows::visible(&app, Pane::Alerts).len(), 1);
    press(&mut app, "<esc>/!name:etcd*<enter>");
    assert_eq!(rows::visible(&app, Pane::Alerts).len(), 7);
    press(&mut app, "<esc>z");
    assert_eq!(rows::visible(&app, Pane::Alerts).len(), 7, "what is silenced is not a warning");
}

#[test]
fn the_footer_offers_only_what_works_now() {
    let mut app = app("sam", (160, 48));
    assert!(text(&app).contains("A confirm or refuse"), "it waits for this person");
    app.readonly = true;
    super::fixture::tick(&mut app, 1);
    let footer = text(&app).lines().last().unwrap().to_owned();
    assert!(!footer.contains("note") && !footer.contains("act"), "{footer}");
    assert!(press(&mut app, "i!f").is_empty());
    assert!(text(&app).contains("read-only") && text(&app).contains("Note: !f"), "{}", text(&app));
}

#[test]
fn a_room_that_is_not_heard_leaves_nothing_green() {
    let mut app = app("sam", (160, 48));
    let green = look("dark").style(Role::Good).fg;
    let greens =
        |app: &Console| view::draw(app, &look("dark")).content.iter().filter(|cell| Some(cell.fg) == green).count();
    assert!(green.is_some() && greens(&app) > 0);
    app.mirror.link = LinkState::Lost { since: app.now.room, why: SafeText::from("connection reset by peer") };
    assert_eq!(greens(&app), 0);
    let panes: String = text(&app).lines().skip(3).take_while(|line| !line.contains("6 Timeline")).collect();
    assert!(panes.contains("STALE") && !panes.contains('✓'), "{panes}");
    press(&mut app, "A");
    assert_eq!(greens(&app), 0, "nor on a plan");
}

#[test]
fn gitops_shows_what_its_parity_lines_do_not_say_and_everything_on_demand() {
    let mut app = app("sam", (160, 48));
    let is_app = |row: &crate::board::Row| matches!(row.body, RowBody::App(_));
    let apps = |app: &Console| {
        let shown = rows::visible(app, Pane::Gitops);
        shown.iter().filter(|entry| entry.row().is_some_and(is_app)).count()
    };
    assert_eq!(apps(&app), 0, "dr is well, and of primary all is unknown");
    let rows = &mut app.mirror.board.get_mut(&Topic::Gitops).unwrap().rows;
    let well = rows.iter_mut().find(|row| is_app(row)).unwrap();
    well.verdict = Verdict::Warning;
    assert_eq!(apps(&app), 1);
    press(&mut app, "4");
    app.size = (200, 60);
    assert!(text(&app).contains("f shows all"), "{}", text(&app));
    press(&mut app, "f");
    assert!(apps(&app) > 10, "{}", text(&app));
}

#[test]
fn what_goes_back_and_forth_takes_two_lines_of_the_timeline() {
    let mut app = app("sam", (120, 40));
    let lines = |app: &Console| rows::visible(app, Pane::Timeline).len();
    let before = lines(&app);
    for i in 0..20 {
        super::story::turn(&mut app.mirror.story.incidents[0], 100 + i, i % 2 == 0);
    }
    assert_eq!(lines(&app), before + 2, "{}", text(&app));
    press(&mut app, "6G");
    assert!(text(&app).contains("back and forth ×20, now: shop fails"), "{}", text(&app));
    for i in 0..5 {
        super::story::turn(&mut app.mirror.story.incidents[0], 120 + i, false);
    }
    assert_eq!(lines(&app), before + 7, "five nodes that say the same are five lines");
}

#[test]
fn stale_panes_say_so_and_show_nothing_good() {
    let mut app = app("sam", (120, 40));
    app.now.room += chrono::TimeDelta::minutes(5);
    super::fixture::tick(&mut app, 1);
    let frame = text(&app);
    assert!(frame.matches("STALE 5 m").count() >= 4, "{frame}");
    let panes: String = frame.lines().skip(2).take_while(|line| !line.contains("6 Timeline")).collect();
    assert!(!panes.contains('✓'), "{frame}");
}

#[test]
fn without_colour_and_in_ascii_no_fact_is_lost() {
    let app = app("sam", (120, 40));
    let plain = Look::new(Theme::shipped("mono").unwrap(), ColorDepth::Mono, true);
    let frame = view::draw(&app, &plain);
    let words = to_text(&frame);
    assert!(words.is_ascii());
    assert!(words.contains("X etcdMembersDown") && words.contains("? primary"));
    let chosen = frame.content.iter().any(|cell| cell.modifier.contains(ratatui::style::Modifier::REVERSED));
    assert!(chosen, "the selected row is still to be seen");
}

#[test]
fn outside_text_reaches_no_cell_with_control_or_bidi_characters() {
    let mut app = app("sam", (120, 40));
    // A field that is not SafeText, and a text that was made safe by a build that knew fewer characters.
    for row in &mut app.mirror.board.get_mut(&crate::board::Topic::Events).unwrap().rows {
        if let crate::board::RowBody::Event(event) = &mut row.body {
            event.cluster = "\u{1b}]52;c;AAAA\u{7}\u{202e}prod".to_owned();
        }
    }
    press(&mut app, "5f");
    let bad = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
    let frame = view::draw(&app, &look("dark"));
    assert!(!frame.content.iter().any(|cell| cell.symbol().chars().any(bad)));
    assert!(to_text(&frame).contains("‹U+001B›"), "{}", to_text(&frame));
}

fn any_key() -> impl Strategy<Value = KeyPress> {
    let named = [
        "<enter>", "<esc>", "<tab>", "<s-tab>", "<up>", "<down>", "<pgup>", "<pgdn>", "<home>", "<end>", "<bs>",
        "<c-c>", "<c-l>",
    ];
    prop_oneof![
        proptest::sample::select(named.to_vec()).prop_map(|name| KeyPress::parse(name).unwrap()),
        proptest::char::range('!', '~').prop_map(|c| KeyPress::plain(crossterm::event::KeyCode::Char(c))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_keys_at_no_size_make_it_panic(
        steps in proptest::collection::vec((any_key(), proptest::option::weighted(0.1, (0u16..210, 0u16..70))), 1..60),
        size in (0u16..130, 0u16..50),
    ) {
        let mut app = app("sam", size);
        for (key, resize) in steps {
            if let Some((w, h)) = resize {
                let now = later(&app, Duration::from_millis(100));
                update(&mut app, Input::Resize(w, h), now);
            }
            let now = later(&app, Duration::from_millis(400));
            let guarded = |effect: &Effect| matches!(effect, Effect::Ask { request: Request::Approve { .. } | Request::Propose { .. }, .. });
            let effects = update(&mut app, Input::Key(key), now);
            // Nobody types a whole name by accident in so few keys.
            prop_assert!(!effects.iter().any(guarded));
            view::draw(&app, &look("dark"));
        }
    }
}

#[test]
fn every_small_size_draws() {
    for (w, h) in (0..45).step_by(4).flat_map(|w| (0..26).map(move |h| (w, h))) {
        let mut app = app("sam", (w, h));
        view::draw(&app, &look("mono"));
        press(&mut app, "A");
        view::draw(&app, &look("mono"));
    }
}

#[test]
fn a_flux_object_stands_in_the_same_table_with_its_tool_revision_and_reason() {
    let mut app = app("sam", (160, 48));
    let flux = crate::model::facts::FluxState {
        ready: crate::model::facts::Open::new("True"),
        conditions: vec!["Ready=True ReconciliationSucceeded".into()],
        ..Default::default()
    };
    let infra = crate::model::facts::App {
        cluster: "dr".to_owned(),
        namespace: "flux-system".into(),
        name: "infra".into(),
        kind: crate::model::facts::Open::new("Kustomization"),
        revision: "main@sha1:0123456789abcdef".into(),
        flux: Some(flux),
        ..Default::default()
    };
    let body = crate::board::AppRow { expected: "main@sha1:fedcba9876543210".into(), ..infra.into() };
    let rows = &mut app.mirror.board.get_mut(&Topic::Gitops).unwrap().rows;
    let mut row = rows.iter().find(|row| matches!(row.body, crate::board::RowBody::App(_))).unwrap().clone();
    row.id = "app/dr/flux-system/kustomization/infra".to_owned();
    row.verdict = Verdict::Info;
    row.why = "its source GitRepository/fleet is ahead".into();
    row.body = crate::board::RowBody::App(body);
    rows.push(row);
    press(&mut app, "4");
    press(&mut app, "f");
    let shown = text(&app);
    let line = shown.lines().find(|line| line.contains("kustomization/infra")).unwrap_or_else(|| panic!("{shown}"));
    for part in ["Flux", "Ready, but", "main@0123456 of main@fedcba9", "GitRepository/fleet is ahead"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(shown.lines().any(|line| line.contains("Argo CD") && line.contains("Synced Healthy")), "{shown}");
    press(&mut app, "G");
    press(&mut app, "<enter>");
    let page = text(&app);
    for part in [
        "Flux",
        "Ready=True ReconciliationSucceeded",
        "kustomize-controller",
        "not known",
        "main@sha1:fedcba9876543210",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn a_paste_that_does_not_fit_is_cut_and_says_so() {
    let mut app = app("sam", (120, 40));
    let paste = |app: &mut Console, words: String| {
        let now = later(app, Duration::from_millis(500));
        update(app, Input::Paste(words), now)
    };
    let said = |app: &Console| app.notice.as_ref().map(|it| it.text.to_string()).unwrap_or_default();
    press(&mut app, "i");
    paste(&mut app, "x".repeat(1990));
    assert!(!said(&app).contains("cut"), "it fits: {}", said(&app));
    paste(&mut app, "\u{e9}".repeat(8));
    assert_eq!(said(&app), "The text was cut: its first 10 bytes are kept, a line takes 2000.");
}
