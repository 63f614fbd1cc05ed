//! Everything about one row, nothing cut: the facts as they were read, when, and from whom.

use crate::board::event_groups::EventGroup;
use crate::board::row::Route;
use crate::board::{AppRow, ErrorBudget, Row, RowBody};
use crate::console::app::Console;
use crate::console::availability;
use crate::console::keymap::Command;
use crate::console::pane::Pane;
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{glyph, time};
use crate::model::facts::{KubeEvent, Probe};
use crate::model::{Actor, SafeText, Stamp};
use crate::timeline::Item;

use super::page::Page;
use super::pane_rows::{self, PaneEntry};
use super::{gitops, readiness};

mod alert;
mod backup;
mod cluster;
mod load_balancing;
mod relations;
mod timeline_item;

/// The page about the row with this key.
pub fn sheet(app: &Console, pane: Pane, key: &str, room: u16) -> Page {
    let mut sheet = Page::new(pane.title());
    let Some(entry) = pane_rows::find(app, pane, key) else {
        let back = availability::key(app, app.context(), Command::Back);
        sheet.prose(Role::Text, &format!("This row is gone. {back} goes back."), room);
        return sheet;
    };
    match entry {
        PaneEntry::Item(it) | PaneEntry::Waver(it, _) => timeline_item::of(app, it, &mut sheet, room),
        PaneEntry::Who(who) => {
            let mut facts = FactPage { app, sheet: &mut sheet, room };
            facts.text("person", who.actor.person.as_str());
            facts.text("level", &format!("{:?}", who.actor.level).to_lowercase());
            facts.text("role", &format!("{:?}", who.role).to_lowercase());
            facts.time("here since", Some(who.since));
            facts.text("consoles", &who.consoles.to_string());
            facts.text("uid", &who.actor.uid.map(|uid| uid.to_string()).unwrap_or_default());
            facts.login(&who.actor);
            if who.actor.simulated {
                facts.text("simulated", "yes: a person of the drill");
            }
        }
        PaneEntry::Row(row) | PaneEntry::Pool(row, ..) => of_row(app, row, &mut sheet, room),
        PaneEntry::Loss(row, verdict) => relations::of_loss(app, row, verdict, &mut sheet, room),
        PaneEntry::Fold(fold) => of_fold(app, &fold, &mut sheet, room),
        PaneEntry::Away(person, at) => relations::of_away(app, person, at, &mut sheet, room),
        PaneEntry::Plan(_) => {}
    }
    relations::relations(app, pane, &entry, &mut sheet, room);
    relations::raw(&entry, &mut sheet, room);
    sheet
}

/// The page about an entry, whether or not a row of the pane shows it.
pub fn entry(app: &Console, item: &Item, room: u16) -> Page {
    let mut sheet = Page::new(Pane::Timeline.title());
    timeline_item::of(app, item, &mut sheet, room);
    sheet
}

struct FactPage<'a, 'b> {
    app: &'a Console,
    sheet: &'b mut Page,
    room: u16,
}

impl FactPage<'_, '_> {
    fn text(&mut self, label: &str, value: &str) {
        self.sheet.pair(label, Role::Text, value, self.room);
    }

    /// Who logged in, where that is not the account that acted: by `sudo` or `su` one becomes the other.
    fn login(&mut self, who: &Actor) {
        if let (Some(uid), Some(login)) = (who.uid, who.login.filter(|login| who.uid != Some(*login))) {
            self.text("login", &format!("uid {login} logged in and became uid {uid}"));
        }
    }

    fn time(&mut self, label: &str, at: Option<Stamp>) {
        if let Some(at) = at {
            let age = time::age(time::since(at, self.app.at()));
            let ago = if age == "now" { "just now".to_owned() } else { format!("{age} ago") };
            let words = format!("{}, {ago}", self.app.zone.full(at));
            self.text(label, &words);
        }
    }

    fn list(&mut self, label: &str, values: &[SafeText]) {
        let values: Vec<&str> = values.iter().map(SafeText::as_str).collect();
        self.text(label, &values.join(", "));
    }
}

fn of_fold(app: &Console, fold: &EventGroup<'_>, sheet: &mut Page, room: u16) {
    let (glyph, role) = glyph::of(fold.newest.verdict);
    sheet.title.push(span(role, format!("   {glyph} {}", fold.event.reason)));
    let mut facts = FactPage { app, sheet, room };
    facts.text("reason", fold.event.reason.as_str());
    let more = if fold.more_objects { "more than " } else { "" };
    facts.text("objects", &format!("{more}{} of kind {}", fold.objects, fold.event.object_kind));
    facts.text("namespace", fold.event.namespace.as_str());
    facts.text("cluster", &fold.event.cluster);
    let least = if fold.at_least { "at least " } else { "" };
    facts.text("count", &format!("{least}{}, as Kubernetes counts repetitions", fold.count));
    let rate = format!("about {} in the last minute, {}", fold.per_minute(), fold.trend().name());
    facts.text("getting worse", &rate);
    facts.time("first", Some(fold.first));
    facts.time("last", Some(fold.last));
    facts.text("says", fold.event.message.as_str());
}

fn of_row(app: &Console, row: &Row, sheet: &mut Page, room: u16) {
    let (glyph, role) = glyph::of(if row.stale { crate::board::Verdict::Unknown } else { row.verdict });
    sheet.title.push(span(role, format!("   {glyph} {}", row.verdict.name())));
    let mut facts = FactPage { app, sheet, room };
    if row.stale {
        facts.sheet.pair("STALE", Role::Warning, "too old to be believed; it may have changed since", room);
    }
    facts.text("why", row.why.as_str());
    body(&mut facts, &row.body);
    facts.sheet.space();
    facts.text("read from", &row.source.to_string());
    facts.time("last proven", Some(row.seen_at));
}

fn body(facts: &mut FactPage<'_, '_>, body: &RowBody) {
    match body {
        RowBody::Alert { alert, held_by, missing_from, service, since_restart } => {
            alert::of_alert(facts, alert);
            let whose = "may be that of its Alertmanager, which was started just before";
            facts.text("beginning", if *since_restart { whose } else { "" });
            facts.text("service", service.as_deref().unwrap_or(""));
            facts.text("held by", &held_by.join(", "));
            facts.text("missing from", &missing_from.join(", "));
        }
        RowBody::LoadBalancer { lb, order, fallback, goes_to, routes, service } => {
            let pools: Vec<_> = order.iter().chain(fallback).collect();
            load_balancing::of_balancer(facts, lb, &pools);
            let order: Vec<String> = order.iter().map(|pool| pool.name.to_string()).collect();
            facts.text("order", &order.join(" → "));
            let last = fallback.as_ref().map(|pool| format!("{} (its own health is ignored)", pool.name));
            facts.text("fallback", &last.unwrap_or_default());
            let to = match goes_to {
                Some(to) => to.to_string(),
                None if routes.is_empty() => "can't be told".to_owned(),
                None => Route::words(routes),
            };
            facts.text("users go to", &to);
            facts.text("service", service.as_deref().unwrap_or(""));
        }
        RowBody::Event(event) => of_event(facts, event),
        RowBody::Cluster { .. } => cluster::of_cluster(facts, body),
        RowBody::Backup { .. } | RowBody::Location(_) | RowBody::Restore(_) => backup::of_backup(facts, body),
        RowBody::Parity { cluster, ok, total, laggards, against, oldest_reconciled, .. } => {
            facts.text("cluster", cluster);
            facts.text("at parity", &format!("{ok} of {total} applications"));
            for it in against {
                facts.text("compared with", &gitops::compared(it, |at| facts.app.zone.full(at)));
            }
            facts.time("oldest compare", *oldest_reconciled);
            for (name, why) in laggards {
                facts.text(name.as_str(), why.as_str());
            }
        }
        RowBody::App(app) => of_app(facts, app),
        RowBody::Pool(pool) => load_balancing::of_pool(facts, pool),
        RowBody::EdgeAccount(account) => load_balancing::of_account(facts, account),
        RowBody::Probe(probe) => of_probe(facts, probe),
        RowBody::Slo(budget) => of_budget(facts, budget),
        RowBody::Service { .. } => of_service(facts, body),
        RowBody::Heartbeat { expected } => facts.text("expected", &expected.join(", ")),
        RowBody::Source { .. } | RowBody::Silence { .. } => {}
    }
}

/// What a service would lose, and what it promises.
fn of_service(facts: &mut FactPage<'_, '_>, body: &RowBody) {
    let RowBody::Service { name, strategy, rto_s, rpo_s, restore_point, with, sites, good_percent, failing_since } =
        body
    else {
        return;
    };
    facts.text("service", name);
    facts.text("strategy", readiness::strategy(*strategy));
    facts.text("RTO, RPO", &format!("{}, {}", time::words(*rto_s), time::words(*rpo_s)));
    facts.text("good answers", &good_percent.map(|good| format!("{good} %")).unwrap_or_default());
    let sites: Vec<String> = sites.iter().map(|(site, share)| format!("{share} % from {site}")).collect();
    facts.text("answered by", &sites.join(", "));
    facts.time("failing since", *failing_since);
    match restore_point {
        Some(point) => {
            let all: Vec<&str> = [point].into_iter().chain(with).map(|it| it.name.as_str()).collect();
            facts.text("restore point", &all.join(", "));
        }
        None => facts.text("restore point", "none that is usable"),
    }
}

fn of_budget(facts: &mut FactPage<'_, '_>, it: &ErrorBudget) {
    let period = time::words(it.period_s);
    facts.text("service", &it.service);
    facts.text("objective", &format!("{} % over {period}", 100.0 - f64::from(it.budget_ppm) / 1e4));
    facts.text("budget", &it.left_words());
    facts.text("is left", &it.left_percent.map(|left| format!("{left} %")).unwrap_or_else(|| "not known".to_owned()));
    let reach = it.reach_s.map(|reach| format!("{} of {period}", time::words(reach)));
    facts.text("data covers", &reach.unwrap_or_else(|| "not known".to_owned()));
    facts.text("requests", &it.requests.map(|n| format!("{n} in 1 h")).unwrap_or_else(|| "not known".to_owned()));
    facts.time("burning since", it.burning_since);
    if let Some(at) = it.empty_at {
        let left = time::words(time::since(facts.app.at(), at));
        facts.text("empty", &format!("{}, in {left} if it goes on", facts.app.zone.full(at)));
    }
    facts.sheet.space();
    let times = |burn: Option<f64>| burn.map(|burn| format!("{burn}×")).unwrap_or_else(|| "?".to_owned());
    for pair in &it.pairs {
        let over = match pair.over {
            Some(true) => "OVER",
            Some(false) => "not over",
            None => "can't be told",
        };
        let label = format!("{} {}×", if pair.page { "page" } else { "ticket" }, pair.factor);
        let (long, short) = (time::words(pair.long_s), time::words(pair.short_s));
        let line = format!("{} over {long} and {} over {short}: {over}", times(pair.long), times(pair.short));
        let role = match (pair.over, pair.page) {
            (Some(true), true) => Role::Critical,
            (Some(true), false) => Role::Warning,
            (None, _) => Role::Unknown,
            _ => Role::Text,
        };
        facts.sheet.pair(&label, role, &line, facts.room);
    }
}

fn of_event(facts: &mut FactPage<'_, '_>, event: &KubeEvent) {
    facts.text("object", &format!("{}/{}", event.object_kind, event.object_name));
    facts.text("namespace", event.namespace.as_str());
    facts.text("cluster", &event.cluster);
    facts.text("reason", event.reason.as_str());
    facts.text("says", event.message.as_str());
    facts.text("kind", event.kind.as_str());
    facts.text("count", &event.count.to_string());
    facts.time("first", event.first);
    facts.time("last", Some(event.last));
    facts.text("component", event.component.as_str());
}

fn of_app(facts: &mut FactPage<'_, '_>, app: &AppRow) {
    facts.text("application", app.label().as_str());
    facts.text("namespace", app.namespace.as_str());
    facts.text("tool", app.tool().name());
    match &app.flux {
        None => {
            facts.text("sync", app.sync.as_str());
            facts.text("health", if app.health.as_str().is_empty() { "not known" } else { app.health.as_str() });
            facts.text("operation", &format!("{} {}", app.operation_phase.as_str(), app.operation_message));
            facts.text("project", app.project.as_str());
            facts.text("sync windows", &gitops::windows(&app.windows, |at| facts.app.zone.full(at)));
        }
        Some(flux) => {
            facts.list("conditions", &flux.conditions);
            facts.text("says", flux.message.as_str());
            facts.text("attempted", flux.attempted.as_str());
        }
    }
    facts.text("suspended", if app.suspended { "yes" } else { "" });
    facts.text("acts alone", gitops::acts_alone(app));
    facts.text("revision", app.revision.as_str());
    if let Some(deployed) = &app.deployed {
        facts.text("deployed", deployed.revision.as_str());
        facts.time("deployed at", deployed.at);
    }
    facts.list("images", &app.images);
    facts.text("wants", app.target_revision.as_str());
    facts.text("expected", if app.expected == app.target_revision { "" } else { app.expected.as_str() });
    facts.text("destination", app.destination.as_str());
    facts.text("runs on", &app.cluster);
    facts.text("deployed from", &app.deployed_from);
    if let Some(theirs) = &app.counterpart {
        let word = if theirs.same { "the same" } else { "ANOTHER RELEASE" };
        facts.text("primary", &format!("{} on {} is at {}: {word}", theirs.name, theirs.cluster, theirs.release));
    }
    facts.text("missing on", &app.missing_on.join(", "));
    facts.time("so since", app.since);
    facts.time("compared", app.reconciled_at);
    let pods = app.controller.map_or("not known".to_owned(), |(ready, of)| format!("{ready} of {of} pods ready"));
    facts.text(app.controller(), &pods);
    facts.list("errors", &app.errors);
}

fn of_probe(facts: &mut FactPage<'_, '_>, probe: &Probe) {
    facts.text("url", probe.url.as_str());
    facts.text("status", &probe.status.map(|status| status.to_string()).unwrap_or_else(|| "no answer".to_owned()));
    facts.text("error", probe.error.as_str());
    facts.text("answered by", probe.site.as_ref().map(SafeText::as_str).unwrap_or("not said"));
    facts.text("good", &format!("{} of the last {}", probe.good, probe.samples));
    facts.time("so since", Some(probe.since));
    facts.text("took", &format!("{} ms", probe.latency_ms));
}
