//! Plays the acts of the scenario's people, each through a connection of their own, at their times on the clock.
//!
//! A person waits for what an act needs: an open incident, a transition in the timeline, a plan to approve. Nothing is written to the
//! timeline that is not asked for over the protocol.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::watch;

use super::scenario::{Scenario, ScriptedAction, Verb};
use crate::client::Mirror;
use crate::clock::{Clock, Turn};
use crate::model::entry::Happening;
use crate::model::{Action, PersonId, Plan, SafeText, Stamp};
use crate::protocol::request::SetIncident;
use crate::protocol::{Reply, Request};

/// A person's connection to the room.
#[async_trait]
pub trait Asker: Send + Sync {
    /// Asks, and waits for the answer; an error is the refusal or trouble in words.
    async fn ask(&self, request: Request) -> Result<Reply, String>;
}

/// What the room says, as someone's client folded it.
pub type Seen = watch::Receiver<Arc<Mirror>>;

/// One act and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Played {
    /// When the scenario has it, seconds from detection.
    pub planned_s: i64,
    /// When it was done or given up.
    pub t_s: i64,
    /// The person's id, as in the scenario.
    pub who: String,
    /// What was to be done; `do` in the file, as in the scenario.
    #[serde(rename = "do")]
    pub verb: Verb,
    /// Why it was not done.
    pub error: Option<String>,
}

/// How a drill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DrillEnd {
    /// The incident was closed after the service was back.
    Recovered,
    /// It was closed, but the service was not back.
    Closed,
    /// The scenario's time was up.
    TimeLimit,
}

/// What a run was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DrillRun {
    /// What ended it first.
    pub ended: DrillEnd,
    /// By the time that the scenario has them at, then by person; only those of persons that are played.
    pub acts: Vec<Played>,
}

/// Tries again so often when the answer was no: facts may not be there yet.
const AGAIN: Duration = Duration::from_secs(12);
/// And so many times: the room takes six proposals a minute from a person.
const TRIES: u32 = 12;

/// The people of a drill and their connections.
pub struct ScriptRunner {
    scenario: Arc<Scenario>,
    clock: Clock,
    people: BTreeMap<PersonId, Arc<dyn Asker>>,
    seen: Seen,
}

impl ScriptRunner {
    /// Acts of people without a connection here are left to others (a person at a console, a partner).
    pub fn new(scenario: Arc<Scenario>, clock: Clock, people: BTreeMap<PersonId, Arc<dyn Asker>>, seen: Seen) -> Self {
        Self { scenario, clock, people, seen }
    }

    /// Plays until the incident is closed or the time is up.
    pub async fn run(self) -> DrillRun {
        let end = self.scenario.at(i64::from(self.scenario.ends_s));
        let played = Arc::new(Mutex::new(Vec::new()));
        let everyone = futures::future::join_all(self.people.iter().enumerate().map(|(number, (who, asker))| {
            let person = Player {
                who: who.clone(),
                turn: Turn::Person(number),
                asker: Arc::clone(asker),
                clock: self.clock.clone(),
                seen: self.seen.clone(),
                end,
            };
            person.play_all(Arc::clone(&self.scenario), Arc::clone(&played))
        }));
        let ended = tokio::select! {
            ended = over(self.seen.clone(), &self.clock) => ended,
            () = self.clock.sleep_until_turn(end, Turn::Last) => DrillEnd::TimeLimit,
            // All acts are done and nobody closes: wait for the time limit, someone may be at a console.
            ended = async { everyone.await; over(self.seen.clone(), &self.clock).await } => ended,
        };
        let mut acts = std::mem::take(&mut *played.lock().unwrap_or_else(PoisonError::into_inner));
        acts.sort_by(|a: &Played, b: &Played| (a.planned_s, &a.who).cmp(&(b.planned_s, &b.who)));
        DrillRun { ended, acts }
    }
}

/// When the incident is closed, and whoever closed it has the answer.
async fn over(mut seen: Seen, clock: &Clock) -> DrillEnd {
    let closed = |m: &Arc<Mirror>| m.story.incidents.last().is_some_and(|i| i.closed_at.is_some());
    let Ok(mirror) = seen.wait_for(closed).await.map(|m| Arc::clone(&m)) else { return std::future::pending().await };
    clock.turn(Turn::Last).await;
    match mirror.story.incidents.last() {
        Some(incident) if incident.clocks.recovery.is_some() => DrillEnd::Recovered,
        _ => DrillEnd::Closed,
    }
}

/// One person with a connection.
struct Player {
    who: PersonId,
    /// Of two persons who act at the same instant one is always first.
    turn: Turn,
    asker: Arc<dyn Asker>,
    clock: Clock,
    seen: Seen,
    end: Stamp,
}

impl Player {
    async fn play_all(mut self, scenario: Arc<Scenario>, played: Arc<Mutex<Vec<Played>>>) {
        let mut acts: Vec<&ScriptedAction> = scenario.acts.iter().filter(|a| a.who == self.who.as_str()).collect();
        acts.sort_by_key(|a| a.at_s);
        for act in acts {
            self.clock.sleep_until_turn(scenario.at(i64::from(act.at_s)).min(self.end), self.turn).await;
            let error = self.play(act).await.err();
            let t_s = (self.clock.now() - scenario.detection).num_seconds();
            let done = Played { planned_s: i64::from(act.at_s), t_s, who: act.who.clone(), verb: act.verb, error };
            played.lock().unwrap_or_else(PoisonError::into_inner).push(done);
        }
    }

    async fn play(&mut self, act: &ScriptedAction) -> Result<(), String> {
        let edge = act.wait_for.clone();
        let ready = move |m: &Arc<Mirror>| {
            m.story.incidents.last().is_some_and(|i| {
                i.closed_at.is_none()
                    && edge.as_ref().is_none_or(|name| i.items.iter().any(|item| is_kind(&item.entry.happening, name)))
            })
        };
        self.wait(ready, act.wait_for.as_deref().unwrap_or("an open incident")).await?;
        match act.verb {
            Verb::Propose => self.propose(act).await,
            Verb::Approve => self.approve(act.action).await,
            Verb::Reject => self.reject(act).await,
            _ => self.again(simple(act)?).await.map(|_| ()),
        }
    }

    async fn wait(&mut self, ready: impl Fn(&Arc<Mirror>) -> bool, what: &str) -> Result<Arc<Mirror>, String> {
        if !ready(&self.seen.borrow_and_update()) {
            tokio::select! {
                changed = self.seen.wait_for(|m| ready(m)) => { changed.map_err(|_| "the connection ended".to_owned())?; }
                () = self.clock.sleep_until_turn(self.end, self.turn) => {
                    return Err(format!("waited for {what} until the drill's end"));
                }
            }
        }
        self.clock.turn(self.turn).await;
        Ok(Arc::clone(&self.seen.borrow()))
    }

    /// Asks until the answer is yes, the tries are used up or the drill ends.
    async fn again(&self, request: Request) -> Result<Reply, String> {
        let mut last = String::new();
        for _ in 0..TRIES {
            match self.asker.ask(request.clone()).await {
                Ok(reply) => return Ok(reply),
                Err(why) => last = why,
            }
            if self.clock.now() >= self.end {
                break;
            }
            self.clock.sleep_until_turn(self.clock.now() + AGAIN, self.turn).await;
        }
        Err(last)
    }

    async fn propose(&self, act: &ScriptedAction) -> Result<(), String> {
        let Some(action) = act.action else { return Err("no action to propose".to_owned()) };
        let service = act.text.clone().or_else(|| self.service()).unwrap_or_default();
        // As a person does: look at the plan first, then type the name it asks for.
        let shown = self.again(Request::Preview { action, service: service.clone(), to: None }).await?;
        let Reply::Plan { plan, .. } = shown else { return Err("a preview was answered without a plan".to_owned()) };
        let plan: Plan = serde_json::from_str(&plan).map_err(|e| format!("the previewed plan does not read: {e}"))?;
        self.again(Request::Propose { action, service, to: None, confirm: plan.confirm, supersedes: None })
            .await
            .map(|_| ())
    }

    fn service(&self) -> Option<String> {
        self.seen.borrow().welcome.as_ref().and_then(|w| w.objectives.first()).map(|o| o.service.clone())
    }

    async fn approve(&mut self, action: Option<Action>) -> Result<(), String> {
        let me = self.who.clone();
        let mirror = self.wait(|m| waiting(m, &me, action).is_some(), "a plan to approve").await?;
        let Some((plan, digest, confirm)) = waiting(&mirror, &me, action) else {
            return Err("no plan to approve".to_owned());
        };
        self.asker.ask(Request::Approve { plan, digest, confirm }).await.map(|_| ())
    }

    async fn reject(&mut self, act: &ScriptedAction) -> Result<(), String> {
        let me = self.who.clone();
        let mirror = self.wait(|m| waiting(m, &me, act.action).is_some(), "a plan to reject").await?;
        let Some((plan, ..)) = waiting(&mirror, &me, act.action) else { return Err("no plan to reject".to_owned()) };
        self.asker.ask(Request::Reject { plan, reason: text(act) }).await.map(|_| ())
    }
}

/// A plan that someone else proposed and that waits for a second person: its id, digest, and the name to type.
pub fn waiting(
    mirror: &Mirror,
    me: &PersonId,
    action: Option<Action>,
) -> Option<(crate::model::PlanId, crate::model::Digest, String)> {
    let incident = mirror.story.incidents.last().filter(|i| i.closed_at.is_none())?;
    let open = incident.plans.by_id.values().find(|p| {
        // Compared by its word: the states are `approval`'s, which this room does not know.
        serde_json::to_value(p.state).is_ok_and(|word| word == "proposed")
            && p.by.person != *me
            && action.is_none_or(|a| p.plan.action == a)
    })?;
    Some((open.plan.plan.clone(), open.digest, open.plan.confirm.clone()))
}

fn is_kind(happening: &Happening, name: &str) -> bool {
    matches!(happening, Happening::Transition(edge) if edge.edge.as_str() == name)
}

fn text(act: &ScriptedAction) -> SafeText {
    SafeText::new(act.text.as_deref().unwrap_or_default())
}

/// The request of an act that needs nothing but itself.
fn simple(act: &ScriptedAction) -> Result<Request, String> {
    let set = |set: SetIncident| Ok(Request::Set(set));
    match act.verb {
        Verb::Note => Ok(Request::Note { text: text(act), at: None, mark: act.mark.clone() }),
        Verb::Decision => Ok(Request::Decision { text: text(act), at: None, mark: act.mark.clone() }),
        Verb::FollowUp => Ok(Request::FollowUp { text: text(act), owner: act.owner.as_deref().map(PersonId::from) }),
        Verb::Commander => {
            set(SetIncident { commander: Some(PersonId::from(act.who.as_str())), ..SetIncident::default() })
        }
        Verb::Severity => set(SetIncident { severity: act.severity, ..SetIncident::default() }),
        Verb::Status => set(SetIncident { status: act.status, ..SetIncident::default() }),
        Verb::Close => Ok(Request::Set(SetIncident::closed_although_firing())),
        Verb::Propose | Verb::Approve | Verb::Reject => Err("not a simple act".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::scenario::load;

    struct Nobody;

    #[async_trait]
    impl Asker for Nobody {
        async fn ask(&self, _: Request) -> Result<Reply, String> {
            Err("nobody should be asked without an incident".to_owned())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_incident_nobody_acts_and_the_time_limit_ends_the_drill() {
        let scenario = Arc::new(load("etcd-corruption").expect("loads"));
        let clock = Clock::scaled(scenario.start, 60.0);
        let (_keep, seen) = watch::channel(Arc::new(Mirror::default()));
        let people: BTreeMap<PersonId, Arc<dyn Asker>> =
            [(PersonId::from("ana"), Arc::new(Nobody) as Arc<dyn Asker>)].into();
        let run = ScriptRunner::new(Arc::clone(&scenario), clock.clone(), people, seen).run().await;
        assert_eq!(run.ended, DrillEnd::TimeLimit);
        assert!(clock.now() >= scenario.at(i64::from(scenario.ends_s)));
        assert!(
            run.acts
                .iter()
                .all(|a| a.who == "ana" && a.error.as_ref().is_some_and(|e| e.contains("until the drill's end"))),
            "{run:?}"
        );
    }

    #[test]
    fn every_simple_act_of_the_story_is_a_request() {
        let scenario = load("etcd-corruption").expect("loads");
        for act in scenario.acts.iter().filter(|a| !matches!(a.verb, Verb::Propose | Verb::Approve | Verb::Reject)) {
            simple(act).expect("a request");
        }
        let close = scenario.acts.iter().find(|a| a.verb == Verb::Close).expect("it is closed");
        assert_eq!(simple(close), Ok(Request::Set(SetIncident::closed_although_firing())));
    }
}
