//! The page about a schedule's restore points, a backup location or a restore.

use crate::board::RowBody;
use crate::board::row::PointSummary;
use crate::console::view::backups;
use crate::console::widget::time;
use crate::model::facts::Restore;

use super::FactPage;

pub(super) fn of_backup(facts: &mut FactPage<'_, '_>, body: &RowBody) {
    match body {
        RowBody::Backup {
            cluster,
            schedule,
            services,
            cron,
            paused,
            point,
            rpo_s,
            missed_runs,
            missed_more,
            vanished,
            next_run,
            newer,
            ..
        } => {
            facts.text("schedule", schedule.as_str());
            facts.text("cluster", cluster);
            facts.text("runs", &format!("{cron}{}", if *paused { ", paused" } else { "" }));
            facts.text("for", &services.join(", "));
            facts.text("RPO", &rpo_s.map(time::span).unwrap_or_default());
            let more = if *missed_more { "more than " } else { "" };
            facts.text("missed runs", &format!("{more}{missed_runs}"));
            facts.text("vanished", &if *vanished > 0 { format!("{vanished} at once") } else { String::new() });
            facts.text("next run", &next_run.map(|at| facts.app.zone.full(at)).unwrap_or_default());
            if let Some((name, phase)) = newer {
                facts.text("newer", &format!("{name}, {phase}: not usable"));
            }
            if let Some(point) = point {
                of_point(facts, point);
            }
        }
        RowBody::Location(it) => {
            facts.text("location", it.name.as_str());
            facts.text("cluster", &it.cluster);
            facts.text("phase", it.phase.as_str());
            facts.text("access", it.access_mode.as_str());
            facts.text("default", if it.default { "yes: what names no location goes there" } else { "" });
            facts.text("keeps in", it.store.as_str());
            facts.time("validated", it.last_validated);
            facts.time("synced", it.last_synced);
            facts.text("says", it.message.as_str());
        }
        RowBody::Restore(it) => of_restore(facts, it),
        _ => {}
    }
}

fn of_restore(facts: &mut FactPage<'_, '_>, it: &Restore) {
    facts.text("restore", it.name.as_str());
    facts.text("of backup", it.backup.as_str());
    facts.text("cluster", &it.cluster);
    facts.text("phase", it.phase.as_str());
    facts.text("items", &format!("{} of {}", it.items_done, it.items_total));
    facts.list("in part", &it.scope.less);
    facts.list("namespaces", &it.scope.included_namespaces);
    facts.list("without", &it.scope.excluded_namespaces);
    if it.volumes_total > 0 {
        let bytes = format!("{} of {} MiB", it.bytes_done >> 20, it.bytes_total >> 20);
        facts.text("volumes", &format!("{} of {}, {bytes}", it.volumes_done, it.volumes_total));
    }
    facts.time("moved", it.moved);
    facts.text("problems", &format!("{} errors, {} warnings", it.errors, it.warnings));
    facts.text("failure", it.failure.as_str());
    facts.time("started", it.started);
    facts.time("completed", it.completed);
    facts.text("plan digest", it.plan_digest.as_deref().unwrap_or(""));
}

pub(super) fn of_point(facts: &mut FactPage<'_, '_>, point: &PointSummary) {
    facts.sheet.heading("Newest usable restore point");
    facts.text("backup", point.name.as_str());
    facts.time("started", Some(point.started));
    facts.time("expires", point.expires.filter(|at| *at < facts.app.at()));
    facts.text("location", point.location.as_str());
    facts.text("volumes", backups::off_site(point.off_site));
    facts.list("namespaces", &point.included_namespaces);
    facts.list("without", &point.excluded_namespaces);
    facts.list("limits", &point.limits);
    facts.list("leaves out", &point.left_out);
    facts.text("items", &point.items.map_or_else(|| "not recorded".to_owned(), |n| n.to_string()));
    facts.text("uid", &point.uid);
}
