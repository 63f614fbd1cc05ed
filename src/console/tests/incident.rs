//! A whole incident by keys, screen by screen, at the smallest and at a large size: what each of the two persons presses, what
//! is then asked of the room, and what stands on the screen. The frames are `frames/walk-*.txt`.

use std::time::Duration;

use crate::approval::{Approval, PlanRecord, PlanState, StepState};
use crate::board::{AlertRow, RowBody, Topic};
use crate::console::app::Console;
use crate::console::input::Input;
use crate::console::{Effect, update};
use crate::model::{Action, IncidentStatus, PlanId, SafeText, Stamp};
use crate::protocol::request::SetIncident;
use crate::protocol::{Reply, Request};

use super::fixture::{self, app, at, later, person, press, tick};
use super::frames::frame;
use super::plans;

/// A person's console as it was at an instant: the story up to then, and the alerts that fired by then.
fn stage(me: &str, size: (u16, u16), clock: &str) -> Console {
    let now = at(clock);
    let mut app = app(me, size);
    app.now.room = now;
    app.mirror.link = crate::client::LinkState::Live { heard_at: now };
    app.mirror.present.retain(|who| who.since <= now);
    let incident = &mut app.mirror.story.incidents[0];
    incident.items.retain(|item| item.at <= now);
    incident.people.retain(|_, joined| *joined <= now);
    incident.clocks.decision = incident.clocks.decision.filter(|(decided, _)| *decided <= now);
    if now < at("14:42:30") {
        incident.commander = None;
    }
    incident.status = if now < at("14:49:10") { IncidentStatus::Investigating } else { IncidentStatus::Mitigating };
    incident.plans.by_id.retain(|_, plan| plan.proposed_at <= now);
    if let Some(view) = app.mirror.board.get_mut(&Topic::Events) {
        // The fixture's are of its own last minutes: here they are as young, and none is older than the impact.
        let early = fixture::now() - now;
        for row in &mut view.rows {
            let RowBody::Event(event) = &mut row.body else { continue };
            event.last -= early;
            event.first = event.first.map(|first| (first - early).max(at("14:37:20")));
            row.seen_at = event.last;
        }
    }
    for view in app.mirror.board.values_mut() {
        view.rows
            .retain(|row| !matches!(&row.body, RowBody::Alert(AlertRow { alert, .. }) if alert.starts_at > Some(now)));
        for row in &mut view.rows {
            row.seen_at = row.seen_at.min(now - Duration::from_secs(4));
        }
    }
    tick(&mut app, 1);
    app
}

/// The plan of a stage, put into the log in this state.
fn with(app: &mut Console, record: PlanRecord) {
    app.mirror.story.incidents[0].plans.by_id.insert(record.plan.plan.clone(), record);
    tick(app, 1);
}

fn executing(mut record: PlanRecord, approved: Stamp, done: &str) -> PlanRecord {
    record.state = PlanState::Executing;
    record.approvals = vec![Approval { by: person("sam"), at: approved, seq: 11 }];
    record.steps[0] = StepState::Done { at: approved, says: SafeText::from(done) };
    record.steps[1] = StepState::Started { at: approved };
    record
}

fn asked(effects: &[Effect]) -> (u64, Request) {
    match effects {
        [Effect::Ask { tag, request }] => (*tag, request.clone()),
        other => panic!("one request was expected, not {other:?}"),
    }
}

fn answered(app: &mut Console, tag: u64, reply: Reply) {
    let now = later(app, Duration::from_millis(40));
    update(app, Input::Reply { tag, result: Ok(reply) }, now);
}

/// The screens of one size, numbered as they come.
struct ScreenWalk {
    size: (u16, u16),
    shown: usize,
}

impl ScreenWalk {
    fn at(&self, me: &str, clock: &str) -> Console {
        stage(me, self.size, clock)
    }

    fn show(&mut self, name: &str, app: &Console) {
        self.shown += 1;
        frame(&format!("walk-{:02}-{name}-{}x{}", self.shown, self.size.0, self.size.1), app);
    }

    /// The alert has fired; `ana` has joined and takes command.
    fn begins(&mut self) {
        let mut app = self.at("ana", "14:42:15");
        self.show("alert", &app);
        let (tag, request) = asked(&press(&mut app, "c"));
        assert!(matches!(request, Request::Set(set) if set.commander == app.me().cloned()));
        answered(&mut app, tag, Reply::Recorded { seq: 6 });

        let mut app = self.at("ana", "14:44:00");
        press(&mut app, "s");
        self.show("situation", &app);
        press(&mut app, "<esc>i");
        press(&mut app, "etcd corruption confirmed with etcdctl on all three members");
        self.show("note", &app);
        assert!(matches!(asked(&press(&mut app, "<enter>")).1, Request::Note { .. }));
    }

    /// How much would be lost, is DR the same, and the decision.
    fn is_decided(&mut self) {
        let mut app = self.at("ana", "14:47:40");
        press(&mut app, "3");
        self.show("what-is-lost", &app);
        press(&mut app, "4");
        self.show("dr-is-the-same", &app);
        press(&mut app, "dfail over to DR");
        self.show("decision", &app);
        assert!(matches!(asked(&press(&mut app, "<enter>")).1, Request::Decision { .. }));
    }

    /// `ana` proposes, `sam` reads the same plan and confirms it, both watch it run.
    fn fails_over(&mut self) {
        let mut app = self.at("ana", "14:49:40");
        press(&mut app, "!");
        self.show("act", &app);
        let (tag, request) = asked(&press(&mut app, "f"));
        assert_eq!(request, Request::Preview { action: Action::Failover, service: "shop".to_owned(), to: None });
        let plan = plans::record(plans::failover(), PlanState::Proposed, at("14:49:40"), 0);
        answered(&mut app, tag, Reply::Plan { plan: plan.bytes.clone(), digest: plan.digest, seq: None });
        press(&mut app, "shop.example");
        self.show("to-propose", &app);
        let (_, request) = asked(&press(&mut app, "<enter>"));
        assert!(matches!(request, Request::Propose { action: Action::Failover, .. }));

        let record = plans::record(plans::failover(), PlanState::Proposed, at("14:50:00"), 10);
        let mut app = self.at("sam", "14:50:20");
        with(&mut app, record.clone());
        self.show("waits-for-sam", &app);
        press(&mut app, "Ashop.example");
        self.show("to-confirm", &app);
        let (_, request) = asked(&press(&mut app, "<enter>"));
        let confirm = "shop.example".to_owned();
        assert_eq!(request, Request::Approve { plan: record.plan.plan.clone(), digest: record.digest, confirm });

        let mut app = self.at("ana", "14:50:40");
        with(&mut app, executing(record, at("14:50:25"), "default_pools is dr, primary"));
        press(&mut app, "A");
        self.show("failover-runs", &app);
    }

    /// GitOps is confirmed, the restore likewise takes two, and the incident is closed.
    fn recovers(&mut self) {
        let mut app = self.at("ana", "14:53:30");
        press(&mut app, "6");
        self.show("traffic-moved", &app);

        let mut app = self.at("sam", "14:55:20");
        press(&mut app, "Ashop");
        self.show("restore-to-confirm", &app);
        assert!(matches!(asked(&press(&mut app, "<enter>")).1, Request::Approve { .. }));

        let mut app = self.at("sam", "14:55:42");
        let record = app.plan(&PlanId::from("01KB3Z1RESTORE")).unwrap().clone();
        with(&mut app, executing(record, at("14:55:25"), "access mode is ReadOnly"));
        press(&mut app, "A");
        self.show("restore-runs", &app);

        let mut app = self.at("ana", "14:55:42");
        app.mirror.story.incidents[0].plans.by_id.remove(&PlanId::from("01KB3Z1RESTORE"));
        app.mirror.story.incidents[0].clocks.recovery = Some((at("14:55:30"), 30));
        tick(&mut app, 1);
        press(&mut app, "=jjjjjjjj");
        assert_eq!(press(&mut app, "<enter>"), [], "closing is asked for twice");
        self.show("closing", &app);
        assert_eq!(asked(&press(&mut app, "j<enter>")).1, Request::Set(SetIncident::closed_although_firing()));
    }
}

#[test]
fn an_incident_is_walked_by_keys_from_the_alert_to_its_end() {
    for size in [(80, 24), (200, 60)] {
        let mut walk = ScreenWalk { size, shown: 0 };
        walk.begins();
        walk.is_decided();
        walk.fails_over();
        walk.recovers();
        assert_eq!(walk.shown, 15);
    }
}
