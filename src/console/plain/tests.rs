//! Plain mode on the fixture: what is printed, and what is then asked of the room.

use std::time::Duration;

use super::grammar::{self, PlainCommand, WORDS};
use super::{Heard, Plain, PlainLine};
use crate::approval::PlanState;
use crate::board::{AlertRow, RowBody, Topic, Verdict};
use crate::client::{ClientEvent, LinkState};
use crate::console::input::{AskFailure, Input, Now};
use crate::console::keymap::{COMMANDS, Danger};
use crate::console::pane::Pane;
use crate::console::tests::silences::preview;
use crate::console::tests::{fixture, plans};
use crate::console::view::pane_rows;
use crate::console::widget::glyph;
use crate::console::{Effect, ExitReason, GaveUp, plan_verification, rows};
use crate::model::facts::Matcher;
use crate::model::silence::{SilenceChange, SilenceOutcome, line_of};
use crate::model::{Action, Milestone, PlanId, Refusal, RefusalKind, SafeText};
use crate::protocol::request::SetIncident;
use crate::protocol::{LogRoom, Push, Reply, Request};

const RESTORE: &str = "01KB3Z1RESTORE";

/// A plain console of `me`, that has said its first words.
fn plain(me: &str, typing: bool) -> Plain {
    let mut app = fixture::app(me, (super::sections::WIDE, 60));
    app.mirror.head = app.mirror.story.incidents[0].items.iter().map(|it| (it.entry.seq, it.entry.hash)).max();
    let mut plain = Plain::new(app, typing, false);
    let now = plain.app.now;
    plain.hear(Heard::Console(Input::Tick), now);
    plain.take_lines();
    plain
}

fn later(plain: &Plain, by: Duration) -> Now {
    Now { room: plain.app.now.room, real: plain.app.now.real + by }
}

/// Types a line a second after the last, and gives what is asked and what is printed.
fn says(plain: &mut Plain, line: &str) -> (Vec<Effect>, String) {
    let now = later(plain, Duration::from_secs(1));
    let effects = plain.hear(Heard::Typed(line.to_owned(), now.real), now);
    (effects, printed(plain))
}

fn printed(plain: &mut Plain) -> String {
    plain.take_lines().iter().map(|line| format!("{} {}\n", line.number, line.text)).collect()
}

fn answer(plain: &mut Plain, tag: u64, result: Result<Reply, AskFailure>) -> String {
    let now = later(plain, Duration::from_millis(50));
    plain.hear(Heard::Console(Input::Reply { tag, result }), now);
    printed(plain)
}

fn asked(effects: &[Effect]) -> (u64, Request) {
    match effects {
        [Effect::Ask { tag, request }] => (*tag, request.clone()),
        other => panic!("one request was expected, not {other:?}"),
    }
}

#[test]
fn a_plan_is_printed_whole_before_its_second_person_can_approve_it() {
    let mut plain = plain("sam", true);
    let (none, said) = says(&mut plain, "approve shop");
    assert!(none.is_empty() && said.contains("No plan was printed"), "{said}");
    let (none, said) = says(&mut plain, "plan");
    assert!(none.is_empty());
    let record = plain.app.plan(&PlanId::from(RESTORE)).unwrap().clone();
    for part in [record.plan.title.as_str(), &record.digest.spoken(), &record.digest.to_string(), "approve shop"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    for row in &record.plan.shown {
        assert!(said.contains(&row.now) && said.contains(&row.after), "{row:?}: {said}");
    }
    for step in &record.plan.steps {
        assert!(said.contains(&step.effect), "{said}");
        assert!(step.pre.iter().all(|pre| said.contains(&pre.says)), "{said}");
    }
    assert!(record.plan.warnings.iter().all(|warning| said.contains(warning.as_str())), "{said}");
    let (none, said) = says(&mut plain, "approve sho");
    assert!(none.is_empty() && said.contains("Nothing was sent: “sho” is not “shop”"), "{said}");
    let (none, said) = says(&mut plain, "approve shop 000000");
    assert!(none.is_empty() && said.contains("not this plan's code"), "{said}");
    let (effects, _) = says(&mut plain, "approve shop");
    let (tag, request) = asked(&effects);
    let digest = plan_verification::digest(&record.bytes);
    assert_eq!(request, Request::Approve { plan: PlanId::from(RESTORE), digest, confirm: "shop".to_owned() });
    let refusal = Refusal::new(RefusalKind::Drift, "The backup is being deleted.", "Propose again.");
    let said = answer(&mut plain, tag, Err(AskFailure::Refused(refusal)));
    assert!(said.contains("The backup is being deleted. Propose again."), "{said}");
}

#[test]
fn a_script_approves_only_with_the_code_that_was_printed() {
    let mut plain = plain("sam", false);
    says(&mut plain, "plan");
    let (none, said) = says(&mut plain, "approve shop");
    assert!(none.is_empty() && said.contains("needs the code"), "{said}");
    let code = plain.app.plan(&PlanId::from(RESTORE)).unwrap().digest.spoken();
    let (effects, _) = says(&mut plain, &format!("approve shop {}", code.to_lowercase().replace(' ', "")));
    assert!(matches!(asked(&effects).1, Request::Approve { .. }));
}

#[test]
fn what_was_typed_before_the_plan_was_printed_is_not_meant_for_it() {
    let mut plain = plain("sam", true);
    let now = later(&plain, Duration::from_secs(1));
    plain.hear(Heard::Typed("plan".to_owned(), now.real), now);
    let soon = later(&plain, Duration::from_millis(100));
    let effects = plain.hear(Heard::Typed("approve shop".to_owned(), soon.real), soon);
    assert!(effects.is_empty());
    assert!(printed(&mut plain).contains("typed before what it means was printed"));
}

#[test]
fn bytes_that_are_not_those_of_their_digest_are_never_approved() {
    let mut plain = plain("sam", true);
    let plans = &mut plain.app.mirror.story.incidents[0].plans.by_id;
    plans.get_mut(&PlanId::from(RESTORE)).unwrap().bytes.push(' ');
    says(&mut plain, "plan");
    let (none, said) = says(&mut plain, "approve shop");
    assert!(none.is_empty() && said.contains("not those of its digest"), "{said}");
}

#[test]
fn the_proposer_is_never_the_second_person_and_can_take_it_back() {
    let mut plain = plain("ana", true);
    let (_, said) = says(&mut plain, "plan");
    assert!(said.contains("You proposed this plan"), "{said}");
    let (none, said) = says(&mut plain, "approve shop");
    assert!(none.is_empty() && said.contains("another person must approve it"), "{said}");
    let (none, said) = says(&mut plain, "refuse wrong hour");
    assert!(none.is_empty() && said.contains("`withdraw` takes it back"), "{said}");
    let (effects, _) = says(&mut plain, "withdraw");
    assert_eq!(asked(&effects).1, Request::Withdraw { plan: PlanId::from(RESTORE) });
}

#[test]
fn hold_means_the_plan_that_runs_whatever_else_waits() {
    let mut plain = plain("sam", true);
    let mut other = plans::failover();
    other.plan = PlanId::from("01KB3Z1RUNS");
    let record = plans::record(other, PlanState::Executing, fixture::now(), 9);
    plain.app.mirror.story.incidents[0].plans.by_id.insert(record.plan.plan.clone(), record);
    assert_eq!(
        plain.app.plan_waiting().unwrap().plan.plan,
        PlanId::from(RESTORE),
        "the proposal comes first elsewhere"
    );
    let (effects, said) = says(&mut plain, "hold");
    assert!(matches!(effects.as_slice(), [Effect::Ask { .. }]), "{said}");
    assert_eq!(asked(&effects).1, Request::Hold { plan: PlanId::from("01KB3Z1RUNS") });
}

#[test]
fn a_plan_is_built_printed_and_proposed_by_its_name() {
    let mut plain = plain("ana", true);
    let (none, said) = says(&mut plain, "failover ship");
    assert!(none.is_empty() && said.contains("one of: shop"), "{said}");
    let (effects, _) = says(&mut plain, "failover");
    let (tag, request) = asked(&effects);
    assert_eq!(request, Request::Preview { action: Action::Failover, service: "shop".to_owned(), to: None });
    // Typed ahead: it waits for the answer, and was typed before anything could be read.
    let (none, said) = says(&mut plain, "propose shop.example");
    assert!(none.is_empty() && said.is_empty(), "{said}");
    let record = plans::record(plans::failover(), PlanState::Proposed, fixture::now(), 0);
    let reply = Reply::Plan { plan: record.bytes.clone(), digest: record.digest, seq: None };
    let said = answer(&mut plain, tag, Ok(reply));
    assert!(said.contains("To propose it: propose shop.example") && said.contains("typed before"), "{said}");
    assert!(!said.contains(&record.digest.spoken()), "the code is the proposal's, not the draft's");
    let (effects, _) = says(&mut plain, "propose shop.example");
    let confirm = "shop.example".to_owned();
    let expected =
        Request::Propose { action: Action::Failover, service: "shop".to_owned(), to: None, confirm, supersedes: None };
    assert_eq!(asked(&effects).1, expected);
}

#[test]
fn notes_and_refusals_are_written_once_and_a_failure_is_said() {
    let mut plain = plain("sam", true);
    let (effects, _) = says(&mut plain, "note   roll back the node update ");
    let (tag, request) = asked(&effects);
    assert_eq!(request, Request::Note { text: SafeText::from("roll back the node update"), at: None, mark: None });
    let said = answer(&mut plain, tag, Err(AskFailure::Gone(SafeText::from("the room went away"))));
    assert!(said.contains("look at the timeline"), "{said}");
    let (none, said) = says(&mut plain, "refuse unseen");
    assert!(none.is_empty() && said.contains("not printed here yet"), "{said}");
    says(&mut plain, "plan");
    let (effects, _) = says(&mut plain, "refuse the backup is of the wrong hour");
    let reason = SafeText::from("the backup is of the wrong hour");
    let (tag, request) = asked(&effects);
    assert_eq!(request, Request::Reject { plan: PlanId::from(RESTORE), reason });
    assert!(answer(&mut plain, tag, Ok(Reply::Recorded { seq: 21 })).contains("Recorded."));
    assert!(says(&mut plain, "note").1.contains("words are missing"));
    plain.app.readonly = true;
    let (none, said) = says(&mut plain, "note x");
    assert!(none.is_empty() && said.contains("read-only"), "{said}");
}

#[test]
fn every_row_of_every_pane_is_a_line_that_can_be_opened() {
    let mut plain = plain("sam", true);
    for (word, pane, part) in [
        ("alerts", Pane::Alerts, "critical, etcdMembersDown"),
        ("traffic", Pane::Traffic, "shop.example"),
        ("backups", Pane::Backups, "of 15 m"),
        ("gitops", Pane::Gitops, "dr"),
        ("events", Pane::Events, "NodeNotReady"),
        ("timeline", Pane::Timeline, "Decision"),
        ("who", Pane::People, "ana"),
    ] {
        let (_, said) = says(&mut plain, word);
        assert!(said.contains(part), "{part}: {said}");
        assert!(!said.contains(['✗', '▲', '✓', '▇', '░']), "marks are words: {said}");
        let rows = match pane {
            // Folded, as in the pane; a filter gives single ones.
            Pane::Events => rows::visible(&plain.app, pane).len(),
            _ => rows::all(&plain.app, pane).len(),
        };
        assert!(said.lines().count() > rows, "{word}: {rows} rows in {said}");
    }
    let (_, said) = says(&mut plain, "alerts etcd");
    let number = said.lines().find(|line| line.contains("etcdMembersDown")).unwrap().split(' ').next().unwrap();
    let (_, said) = says(&mut plain, &format!("open {number}"));
    assert!(said.contains("alert: etcdMembersDown") && said.contains("receivers: "), "{said}");
    let (_, said) = says(&mut plain, "timeline restore");
    let number =
        said.lines().find(|line| line.contains("Waits for a second person")).unwrap().split(' ').next().unwrap();
    assert!(says(&mut plain, &format!("open {number}")).1.contains("Plan that needs a second person"));
    assert!(says(&mut plain, "open 99999").1.contains("about nothing"));
}

#[test]
fn status_and_situation_say_what_the_screens_say() {
    let mut plain = plain("sam", true);
    let (_, said) = says(&mut plain, "status");
    for part in ["SEV1", "DRILL", "mitigating", "impact +18:42", "Alerts: ", "Backups: ", "age "] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (_, said) = says(&mut plain, "situation");
    for part in [
        "status: SEV1, mitigating",
        "ask: ana, who commands",
        "Services",
        "worse?: 3 critical alerts, the newest 11 min old",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_room_that_is_lost_is_said_once_and_nothing_of_it_is_well() {
    let mut plain = plain("sam", true);
    let lost = ClientEvent::Lost { why: SafeText::from("connection reset by peer") };
    let mut said = String::new();
    for second in 1..40 {
        let now = later(&plain, Duration::from_secs(second));
        plain.hear(Heard::Console(Input::Room(Box::new(lost.clone()))), now);
        said.push_str(&printed(&mut plain));
    }
    assert_eq!(said.matches("THE ROOM IS NOT REACHED").count(), 1, "{said}");
    let (_, rows) = says(&mut plain, "traffic");
    assert!(!rows.contains("ok,") && rows.contains("old"), "{rows}");
    plain.app.mirror.link = LinkState::Live { heard_at: fixture::now() };
    let now = later(&plain, Duration::from_secs(1));
    plain.hear(Heard::Console(Input::Tick), now);
    assert!(printed(&mut plain).contains("All is well again with the room"));
}

#[test]
fn what_the_user_must_know_of_what_is_kept_is_printed_once() {
    let mut plain = plain("sam", true);
    let text = SafeText::from("what was known of rooms' logs was damaged");
    let mut said = String::new();
    for event in [Input::Room(Box::new(ClientEvent::Notice { text })), Input::Tick, Input::Tick] {
        let now = later(&plain, Duration::from_secs(1));
        plain.hear(Heard::Console(event), now);
        said.push_str(&printed(&mut plain));
    }
    assert_eq!(said.matches("was damaged").count(), 1, "{said}");
}

#[test]
fn time_alone_prints_nothing() {
    let mut plain = plain("sam", true);
    for second in 1..600 {
        let mut now = later(&plain, Duration::from_secs(1));
        now.room += chrono::TimeDelta::seconds(second % 2);
        plain.hear(Heard::Console(Input::Tick), now);
    }
    assert_eq!(plain.take_lines(), Vec::<PlainLine>::new());
}

#[test]
fn outside_an_incident_the_board_is_told_by_its_changes_and_never_more_than_a_few() {
    let mut plain = plain("sam", true);
    plain.app.mirror.story.incidents.clear();
    let rows = plain.app.mirror.board[&Topic::Alerts].rows.clone();
    for (i, _) in (0..20).enumerate() {
        let mut row = rows.iter().find(|row| row.verdict == Verdict::Critical).unwrap().clone();
        row.id = format!("new-{i}");
        if let RowBody::Alert(AlertRow { alert, .. }) = &mut row.body {
            alert.name = SafeText::from(format!("New{i}\u{1b}[2J"));
        }
        plain.app.mirror.board.get_mut(&Topic::Alerts).unwrap().rows.push(row);
    }
    let now = later(&plain, Duration::from_secs(10));
    plain.hear(Heard::Console(Input::Tick), now);
    let said = printed(&mut plain);
    assert_eq!(said.matches("Alerts: critical, New").count(), 6, "{said}");
    assert!(said.contains("14 more changes on the board") && !said.contains('\u{1b}'), "{said}");
}

/// What is printed while a service turns so often, every two seconds.
fn turns(plain: &mut Plain, times: u64) -> String {
    let mut said = String::new();
    for i in 0..times {
        let incident = &mut plain.app.mirror.story.incidents[0];
        crate::console::tests::story::turn(incident, 1_000 + i, i % 2 == 0);
        let hash = incident.items.last().unwrap().entry.hash;
        plain.app.mirror.head = Some((1_000 + i, hash));
        let now = later(plain, Duration::from_secs(2));
        plain.hear(Heard::Console(Input::Tick), now);
        said.push_str(&printed(plain));
    }
    said
}

#[test]
fn what_goes_back_and_forth_is_told_when_it_rests() {
    let mut plain = plain("sam", true);
    let said = turns(&mut plain, 20);
    assert_eq!(said.lines().count(), 3, "{said}");
    let now = later(&plain, Duration::from_secs(31));
    plain.hear(Heard::Console(Input::Tick), now);
    assert!(printed(&mut plain).contains("back and forth 20 times, now: "));
}

#[test]
fn what_never_rests_is_told_now_and_then_all_the_same() {
    let mut plain = plain("sam", true);
    let said = turns(&mut plain, 200);
    // 400 s: the first three, and twice how it stands.
    assert_eq!(said.lines().count(), 5, "{said}");
    assert!(said.contains("still back and forth, 93 times, last: "), "{said}");
}

#[test]
fn a_script_waits_types_ahead_and_ends_with_its_input() {
    let mut plain = plain("sam", false);
    let incidents = std::mem::take(&mut plain.app.mirror.story.incidents);
    let mut effects = Vec::new();
    for line in ["wait incident", "note seen", "quit"] {
        effects.extend(says(&mut plain, line).0);
    }
    let now = later(&plain, Duration::from_secs(1));
    effects.extend(plain.hear(Heard::End, now));
    assert!(effects.is_empty(), "{effects:?}");
    plain.app.mirror.story.incidents = incidents;
    let now = later(&plain, Duration::from_secs(1));
    let (tag, request) = asked(&plain.hear(Heard::Console(Input::Tick), now));
    assert!(matches!(request, Request::Note { .. }));
    let now = later(&plain, Duration::from_secs(1));
    let recorded = Heard::Console(Input::Reply { tag, result: Ok(Reply::Recorded { seq: 30 }) });
    assert_eq!(plain.hear(recorded, now), vec![Effect::Quit]);
}

#[test]
fn every_command_that_records_or_acts_has_its_word() {
    // A silence needs a form there, and a line of three parts here.
    for id in ["silence", "silences"] {
        assert!(WORDS.iter().any(|word| word.id == id), "{id}");
    }
    for spec in COMMANDS.iter().filter(|spec| !matches!(spec.danger, Danger::None | Danger::Shown)) {
        assert!(WORDS.iter().any(|word| word.id == spec.id), "{}", spec.id);
        let argument = match spec.id {
            "set-status" => "resolved",
            "pin" => "7",
            "amend" => "7 better",
            "milestone" => "7 confirmed",
            _ => "x",
        };
        assert!(grammar::parse(&format!("{} {argument}", spec.id)).is_ok(), "{}", spec.id);
    }
    for word in WORDS {
        assert!(!word.doc().is_empty(), "{}", word.name);
        assert!(WORDS.iter().filter(|other| other.name == word.name).count() == 1);
    }
    assert_eq!(
        grammar::parse("milestone 7 traffic-switched"),
        Ok(Some(PlainCommand::Mark(7, Milestone::TrafficSwitched)))
    );
    assert!(grammar::parse("milestone 7 coffee").is_err_and(|why| why.contains("confirmed")));
    assert!(grammar::parse("milestone confirmed").is_err_and(|why| why.contains("number")));
    assert_eq!(grammar::parse("  # a comment"), Ok(None));
    assert_eq!(grammar::parse("TAKE-COMMAND"), Ok(Some(PlainCommand::TakeCommand)));
    assert!(grammar::parse("aproove x").unwrap_err().contains("Did you mean `approve`?"));
    assert!(grammar::parse("set fine").unwrap_err().contains("mitigating"));
}

#[test]
fn an_ascii_terminal_gets_ascii() {
    let mut plain = plain("sam", true);
    plain.ascii = true;
    for word in ["status", "situation", "alerts", "backups", "timeline", "plan", "help", "events"] {
        let (_, said) = says(&mut plain, word);
        assert!(said.is_ascii(), "{said}");
    }
    let push = Push::Degraded(Some(SafeText::from("the disk is full — “here”")));
    let now = later(&plain, Duration::from_secs(1));
    plain.hear(Heard::Console(Input::Room(Box::new(ClientEvent::Push(push)))), now);
    let said = printed(&mut plain);
    assert!(said.is_ascii() && said.contains("NOTHING IS RECORDED"), "{said}");
}

#[test]
fn a_log_that_fills_up_is_said_once_and_again_when_it_is_full() {
    let mut plain = plain("sam", true);
    let mut hear = |room: Option<(bool, &str)>| {
        let room = room.map(|(full, says)| LogRoom { full, says: SafeText::from(says) });
        let now = later(&plain, Duration::from_secs(1));
        let event = ClientEvent::Push(Push::LogRoom(room));
        plain.hear(Heard::Console(Input::Room(Box::new(event))), now);
        printed(&mut plain)
    };
    assert!(hear(Some((false, "81 of 100 MiB"))).contains("LOG: 81 of 100 MiB"));
    let said = hear(Some((false, "82 of 100 MiB")));
    assert!(!said.contains("LOG:"), "another figure is no news: {said}");
    assert!(hear(Some((true, "100 of 100 MiB"))).contains("LOG: 100 of 100 MiB"));
    assert!(hear(None).contains("All is well again"));
}

/// Every word and figure that the colour screen shows of a row is in the lines of plain mode too, and so are the header's.
#[test]
fn plain_lines_carry_every_fact_of_the_colour_screen() {
    let panes = [
        (Pane::Alerts, "alerts"),
        (Pane::Traffic, "traffic"),
        (Pane::Backups, "backups"),
        (Pane::Gitops, "gitops"),
        (Pane::Events, "events"),
        (Pane::Timeline, "timeline"),
        (Pane::People, "who"),
    ];
    let screen = fixture::app("sam", (200, 60));
    let mut facts = 0;
    for (pane, command) in panes {
        let mut plain = plain("sam", true);
        let (_, said) = says(&mut plain, command);
        let said: Vec<&str> = said.split_whitespace().map(|word| word.trim_end_matches([',', ':'])).collect();
        for entry in rows::visible(&screen, pane) {
            // Keys are no facts of an incident.
            let shown = pane_rows::plain(&screen, pane, &entry).replace("(A opens)", "");
            for fact in shown.split_whitespace() {
                // The mark beside it is a word in plain mode, and a bar stands for its figures.
                let fact = fact.trim_end_matches([',', ':']);
                let drawn = fact.chars().all(|c| !c.is_alphanumeric());
                assert!(drawn || said.contains(&fact), "{command}: {fact} of {shown}");
                facts += usize::from(!drawn);
            }
        }
    }
    assert!(facts > 200, "{facts}");
}

/// No two states look alike in ASCII.
#[test]
fn every_mark_has_an_ascii_mark_of_its_own() {
    let marks = ["✗", "▲", "✓", "?", "◆", "▸", "●"];
    let folded: std::collections::BTreeSet<String> = marks.iter().map(|mark| glyph::fold_text(mark)).collect();
    assert_eq!(folded.len(), marks.len(), "{folded:?}");
}

/// The lines stood in a terminal that took nothing for a while: what was typed meanwhile was typed blind.
#[test]
fn a_line_that_was_read_before_the_plan_had_left_confirms_nothing() {
    let mut plain = plain("sam", true);
    says(&mut plain, "plan");
    let read = plain.app.now.real + Duration::from_secs(1);
    let left = read + Duration::from_secs(5);
    plain.has_left(left);
    let now = Now { room: plain.app.now.room, real: left + Duration::from_secs(9) };
    assert!(plain.hear(Heard::Typed("approve shop".to_owned(), read), now).is_empty());
    assert!(printed(&mut plain).contains("typed before what it means was printed"));
    let effects = plain.hear(Heard::Typed("approve shop".to_owned(), now.real), now);
    assert!(matches!(asked(&effects).1, Request::Approve { .. }));
}

/// A script of sam's, in which the plan that waits for a second person is ana's.
fn script_waits(line: &str) -> (Plain, String) {
    let mut plain = plain("sam", false);
    let (none, said) = says(&mut plain, line);
    assert!(none.is_empty(), "{said}");
    (plain, said)
}

fn passes(plain: &mut Plain, seconds: u64) -> (Vec<Effect>, String) {
    let now = later(plain, Duration::from_secs(seconds));
    let effects = plain.hear(Heard::Console(Input::Tick), now);
    (effects, printed(plain))
}

#[test]
fn a_wait_has_a_limit_and_then_the_script_ends_without_obeying_more() {
    let (mut plain, said) = script_waits("wait end 10m");
    assert!(!said.contains("Waited"), "{said}");
    assert!(says(&mut plain, "set closed").0.is_empty());
    let (none, said) = passes(&mut plain, 500);
    assert!(none.is_empty() && said.is_empty(), "{said}");
    let (effects, said) = passes(&mut plain, 100);
    assert_eq!(effects, [Effect::Quit], "{said}");
    assert!(said.contains("Waited 10m, the limit: a plan still waits or runs."), "{said}");
    assert!(said.contains("lines not obeyed: 1") && !said.contains("> set closed"), "{said}");
    assert_eq!(plain.reason(), ExitReason::GaveUp(GaveUp::Late));
    // Without a limit of its own it has one all the same; a person who waits is not sent away.
    let mut plain = self::plain("sam", true);
    let (_, said) = says(&mut plain, "wait end");
    assert!(said.contains("Waiting until no plan waits or runs, 30m at most."), "{said}");
    let (none, said) = passes(&mut plain, 30 * 60);
    assert!(none.is_empty() && said.contains("Waited 30m, the limit"), "{said}");
    for wrong in ["wait", "wait tea", "wait end soon", "wait end 0s"] {
        let why = grammar::parse(wrong).unwrap_err();
        assert!(why.contains("nothing is waited for") || why.contains("needs one of"), "{why}");
    }
}

#[test]
fn a_wait_for_what_was_refused_or_for_a_room_that_is_gone_ends_at_once() {
    let mut plain = plain("sam", false);
    says(&mut plain, "plan");
    let code = plain.app.plan(&PlanId::from(RESTORE)).unwrap().digest.spoken();
    let (tag, _) = asked(&says(&mut plain, &format!("approve shop {code}")).0);
    says(&mut plain, "wait end");
    let refusal = Refusal::new(RefusalKind::Drift, "The backup is being deleted.", "Propose again.");
    let now = later(&plain, Duration::from_secs(1));
    let refused = Input::Reply { tag, result: Err(AskFailure::Refused(refusal)) };
    assert_eq!(plain.hear(Heard::Console(refused), now), [Effect::Quit]);
    let said = printed(&mut plain);
    assert!(said.contains("the plan before it was refused, and none is on its way"), "{said}");
    assert_eq!(plain.reason(), ExitReason::GaveUp(GaveUp::Refused));
    // The proposer's own plan still waits for somebody: that is worth waiting for.
    let mut ana = self::plain("ana", false);
    says(&mut ana, "plan");
    assert!(says(&mut ana, "approve shop").1.contains("another person must approve"));
    let (none, said) = says(&mut ana, "wait end");
    assert!(none.is_empty() && !said.contains("refused"), "{said}");
    let mut other = self::plain("ana", false);
    says(&mut other, "plan");
    says(&mut other, "approve shop");
    says(&mut other, "wait end");
    let plans = &mut other.app.mirror.story.incidents[0].plans.by_id;
    plans.get_mut(&PlanId::from(RESTORE)).unwrap().state = PlanState::Succeeded;
    let said = passes(&mut other, 5).1;
    assert!(said.contains("no plan waits or runs") && !said.contains("refused"), "the plan came to its end: {said}");
    let lost = ClientEvent::Lost { why: SafeText::from("connection reset by peer") };
    let now = later(&ana, Duration::from_secs(1));
    assert_eq!(ana.hear(Heard::Console(Input::Room(Box::new(lost))), now), [Effect::Quit]);
    let said = printed(&mut ana);
    assert!(said.contains("the room is not reached: connection reset by peer"), "{said}");
    assert_eq!(ana.reason(), ExitReason::GaveUp(GaveUp::Lost));
}

/// The answer may come before the entries that it names: what is here until then is the past.
#[test]
fn a_wait_does_not_end_on_what_was_before_the_answer() {
    let mut plain = plain("ana", false);
    let plans = &mut plain.app.mirror.story.incidents[0].plans.by_id;
    plans.clear();
    let (tag, _) = asked(&says(&mut plain, "failover").0);
    let record = plans::record(plans::failover(), PlanState::Proposed, fixture::now(), 99);
    let draft = Reply::Plan { plan: record.bytes.clone(), digest: record.digest, seq: None };
    answer(&mut plain, tag, Ok(draft));
    let (tag, _) = asked(&says(&mut plain, "propose shop.example").0);
    says(&mut plain, "wait end");
    let proposed = Reply::Plan { plan: record.bytes.clone(), digest: record.digest, seq: Some(99) };
    let said = answer(&mut plain, tag, Ok(proposed));
    assert!(said.contains("> wait end") && !said.contains("no plan waits"), "{said}");
    assert!(!passes(&mut plain, 5).1.contains("Waited"), "its entry has not come yet");
    let (_, hash) = plain.app.mirror.head.unwrap();
    plain.app.mirror.head = Some((99, hash));
    let id = record.plan.plan.clone();
    plain.app.mirror.story.incidents[0].plans.by_id.insert(id.clone(), record);
    assert!(!passes(&mut plain, 5).1.contains("Waited"), "it waits for a second person");
    let plans = &mut plain.app.mirror.story.incidents[0].plans.by_id;
    plans.get_mut(&id).unwrap().state = PlanState::Succeeded;
    let said = passes(&mut plain, 5).1;
    assert!(said.contains("no plan waits or runs"), "{said}");
}

/// The number of the first printed line with these words.
fn number_of(said: &str, words: &str) -> u64 {
    let line = said.lines().find(|line| line.contains(words)).unwrap_or_else(|| panic!("{words}: {said}"));
    line.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn a_silence_is_previewed_whole_and_made_by_a_typed_word() {
    let mut plain = plain("sam", true);
    let (none, said) = says(&mut plain, "confirm etcdMembersDown");
    assert!(none.is_empty() && said.contains("No silence was previewed"), "{said}");
    let number = number_of(&says(&mut plain, "alerts etcdMembersDown").1, "critical, etcdMembersDown");
    let (none, said) = says(&mut plain, &format!("silence {number} 1h"));
    assert!(none.is_empty() && said.contains("Say why"), "{said}");
    let (none, said) = says(&mut plain, &format!("silence {number} soon it is known"));
    assert!(none.is_empty() && said.contains("not a duration"), "{said}");
    let (tag, request) = asked(&says(&mut plain, &format!("silence {number} 2h it is known")).0);
    let Request::SilencePreview { change } = request else { panic!("{request:?}") };
    let SilenceChange::Create { matchers, for_s, reason } = &change else { panic!("{change:?}") };
    assert_eq!((matchers[0].clone(), *for_s), (Matcher::equal("alertname", "etcdMembersDown"), 7200));
    assert_eq!(reason, "it is known");
    // Typed ahead, before what it would mute could be read.
    assert!(says(&mut plain, "confirm etcdMembersDown").0.is_empty());
    let said = answer(&mut plain, tag, Ok(Reply::Silence(Box::new(preview(change.clone(), true)))));
    for part in [
        "DRILL. Preview, nothing was sent yet: asks alertmanager/am-1",
        "2 alerts now, 1 critical",
        "critical etcdMembersDown",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    for part in ["NodeNotReady", "it keeps 1 critical quiet", "To do it: confirm etcdMembersDown.", "typed before"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (none, said) = says(&mut plain, "confirm etcd");
    assert!(none.is_empty() && said.contains("Nothing was sent. Type etcdMembersDown"), "{said}");
    // It is no plan, and no word about plans means it.
    for line in ["approve etcdMembersDown", "propose etcdMembersDown"] {
        assert!(says(&mut plain, line).0.is_empty(), "{line}");
    }
    let (tag, request) = asked(&says(&mut plain, "confirm etcdMembersDown").0);
    let (digest, confirm) = (preview(change, true).digest, "etcdMembersDown".to_owned());
    assert_eq!(request, Request::Silence { digest, confirm });
    let done = Reply::Silenced { seq: 40, outcome: SilenceOutcome::Done, silence: None, says: "am-1 took it".into() };
    assert!(answer(&mut plain, tag, Ok(done)).contains("Done: am-1 took it."));
    let (none, said) = says(&mut plain, "confirm etcdMembersDown");
    assert!(none.is_empty() && said.contains("No silence was previewed"), "once is once: {said}");
}

#[test]
fn a_silence_is_ended_by_its_line_and_one_with_labels_is_asked_for() {
    let mut plain = plain("sam", true);
    let number = number_of(&says(&mut plain, "silences").1, fixture::SILENCE);
    let (tag, request) = asked(&says(&mut plain, &format!("unsilence {number}")).0);
    let change = SilenceChange::Expire { id: fixture::SILENCE.to_owned() };
    assert_eq!(request, Request::SilencePreview { change: change.clone() });
    let said = answer(&mut plain, tag, Ok(Reply::Silence(Box::new(preview(change, false)))));
    assert!(said.contains("To do it: confirm"), "{said}");
    assert!(matches!(asked(&says(&mut plain, "confirm etcdMembersDown").0).1, Request::Silence { .. }));
    let mut plain = self::plain("sam", true);
    let line = "silence {alertname=\"a}b\", cluster=~\"dr|primary\"} 30m both are known";
    let (tag, request) = asked(&says(&mut plain, line).0);
    let Request::SilencePreview { change: SilenceChange::Create { matchers, .. } } = request else { panic!() };
    assert_eq!(line_of(&matchers), "alertname=\"a}b\" cluster=~\"dr|primary\"");
    // A refusal is said, and leaves nothing that could be confirmed.
    let refusal = Refusal::new(RefusalKind::Drift, "You may look, not act.", "");
    assert!(answer(&mut plain, tag, Err(AskFailure::Refused(refusal))).contains("You may look"));
    assert!(says(&mut plain, "confirm x").1.contains("No silence was previewed"));
    for wrong in ["silence", "silence 1", "silence x 1h why", "silence {a=\"b 1h why"] {
        assert!(grammar::parse(wrong).unwrap_err().contains("silence NUMBER 1h REASON"), "{wrong}");
    }
    assert!(says(&mut plain, "unsilence 1").1.contains("is no silence"));
    plain.app.readonly = true;
    let (none, said) = says(&mut plain, line);
    assert!(none.is_empty() && said.contains("read-only"), "{said}");
}

#[test]
fn closing_while_alerts_fire_asks_and_an_entry_is_amended_by_its_line() {
    let mut plain = plain("ana", true);
    let (effects, said) = says(&mut plain, "set closed");
    assert!(effects.is_empty(), "{effects:?}");
    assert!(said.contains("3 critical alerts still fire. Closing is for good; nothing was sent."), "{said}");
    assert!(grammar::parse("set closed perhaps").unwrap_err().contains("Nothing was done"));
    assert!(grammar::parse("set resolved although-firing").is_err());
    let (effects, _) = says(&mut plain, "set closed although-firing");
    assert_eq!(asked(&effects).1, Request::Set(SetIncident::closed_although_firing()));

    let mut plain = self::plain("ana", true);
    let (_, said) = says(&mut plain, "timeline etcd");
    let number = said.lines().find(|line| line.contains("corruption")).and_then(|line| line.split(' ').next());
    let number = number.expect("a line about it").to_owned();
    let (effects, _) = says(&mut plain, &format!("amend {number} etcd of the primary is corrupt"));
    let Request::Amend { text: Some(text), at: None, .. } = asked(&effects).1 else { panic!("{effects:?}") };
    assert_eq!(text.as_str(), "etcd of the primary is corrupt");
    assert!(grammar::parse("amend etcd").unwrap_err().contains("NUMBER TEXT"));
}
