//! Readiness: would the objectives be met if the primary side died now? Pure: rows, the log's story and `now` are arguments.
//!
//! Three answers and no fourth: proven yes, provably no, and unknown with what would prove it. What stands here does not
//! trust a plan on paper: a recovery time is proven only by a recovery that was measured, a backup only by a restore that
//! ended well, and both proofs age.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::facts::OffSite;
use crate::model::time::{clock, since, words};
use crate::model::{Objective, SafeText, Stamp, Strategy};
use crate::timeline::Story;

use super::row::{BackupRow, PointSummary, Row, ServiceRow, Topic, TopicView};

mod applications;
mod evidence;
mod restore_test;
mod standby;
#[cfg(test)]
mod tests;

/// A proof that is older proves nothing: people, sizes and machines have changed since. A quarter of a year.
pub const PROOF_LASTS_S: u64 = 92 * 86_400;

/// Whether something is as promised. Ordered: the greatest needs someone first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Attainment {
    /// Proven, by fresh data and a proof that has not aged.
    Met,
    /// Neither proven nor disproved.
    Unknown,
    /// Provably not.
    Missed,
}

impl Attainment {
    /// The word on screen and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Unknown => "unknown",
            Self::Missed => "missed",
        }
    }
}

/// Which promise a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectiveKind {
    /// Recovery time: standby clusters, applications, pools, and a recovery that was measured.
    Rto,
    /// Recovery point: the age of the newest usable restore point, and a restore that proves what is in one.
    Rpo,
}

/// One thing that has to hold, and whether it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadinessCheck {
    /// Only checks of one promise decide how that promise stands.
    pub of: ObjectiveKind,
    /// What is looked at, in a word or two.
    pub what: String,
    /// The cluster that it is about, where the service would come back there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// What the rows and the log prove of it at that moment.
    pub standing: Attainment,
    /// The finding, as a colleague would say it.
    pub says: SafeText,
    /// What would make it proven; empty where it is.
    pub remedy: SafeText,
}

/// A promise against what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The worst of its checks; of several places where the service may come back, the best one counts.
    pub standing: Attainment,
    /// What the objective allows, in seconds.
    pub limit_s: u64,
    /// What the last measured recovery took; what would be lost now. `None` = not known.
    pub measured_s: Option<u64>,
}

/// Something that was done for real, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// `recovery`, `failover` or `restore`.
    pub what: String,
    /// When it ended; of several restores that count together, when the first of them did.
    pub at: Stamp,
    /// Seconds from its beginning to its end; of several restores the sum. `None` = one does not say.
    pub took_s: Option<u64>,
    /// What it took as people state it, if they state another impact or recovery than was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stated_s: Option<u64>,
    /// The incident, plan or restore that it is known from.
    pub by: SafeText,
}

/// How one service stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Its name in the configuration.
    pub service: String,
    /// As the configuration has it: what is expected to run on the DR side beforehand.
    pub strategy: Strategy,
    /// The worse of `rto` and `rpo`.
    pub standing: Attainment,
    /// The recovery time; its measure is the last whole recovery in this room's log.
    pub rto: Promise,
    /// The recovery point; its measure is what would be lost now.
    pub rpo: Promise,
    /// Until when the newest restore point is young enough.
    pub rpo_until: Option<Stamp>,
    /// When the next restore point is due to begin.
    pub next_run: Option<Stamp>,
    /// What the steps of its last plans may take at most, if every one takes its whole limit.
    pub steps_limit_s: Option<u64>,
    /// The newest of each kind, the newest first.
    pub proofs: Vec<Evidence>,
    /// Worst first.
    pub checks: Vec<ReadinessCheck>,
}

/// How everything stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// The `now` that everything was judged by.
    pub at: Stamp,
    /// The worst of the services; unknown where there is none.
    pub standing: Attainment,
    /// Worst first.
    pub services: Vec<Ready>,
}

/// The rows by topic, as console and commands hold them.
pub type Topics = BTreeMap<Topic, TopicView>;

/// Judges every service that has an objective.
pub fn readiness(objectives: &[Objective], topics: &Topics, story: &Story, now: Stamp) -> Readiness {
    let mut services: Vec<Ready> =
        objectives.iter().map(|objective| ready(&ReadinessInput { objective, topics, story, now })).collect();
    services.sort_by(|a, b| (b.standing, &a.service).cmp(&(a.standing, &b.service)));
    let standing = services.iter().map(|it| it.standing).max().unwrap_or(Attainment::Unknown);
    Readiness { at: now, standing, services }
}

/// What one judgement reads.
struct ReadinessInput<'a> {
    objective: &'a Objective,
    topics: &'a Topics,
    story: &'a Story,
    now: Stamp,
}

impl<'a> ReadinessInput<'a> {
    fn rows(&self, topic: Topic) -> &'a [Row] {
        self.topics.get(&topic).map_or(&[], |view| view.rows.as_slice())
    }
}

/// What would be lost if a service failed over now, by its newest usable restore point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss<'a> {
    /// The service's restore point, or a part of it where several cover it together.
    pub point: &'a PointSummary,
    /// Seconds of writes. While users fail it stands still: what nobody could write is not lost.
    pub seconds: u64,
    /// Since when it stands still.
    pub frozen_at: Option<Stamp>,
}

/// The loss that a service's row tells of; `None` if it has no usable restore point, or is no service.
pub fn loss(row: &Row, now: Stamp) -> Option<Loss<'_>> {
    let ServiceRow { restore_point: Some(point), failing_since, .. } = row.as_kind()? else { return None };
    let frozen_at = failing_since.filter(|at| *at > point.started && *at < now);
    Some(Loss { point, seconds: since(point.started, frozen_at.unwrap_or(now)), frozen_at })
}

/// The schedule's row that carries a service's restore point; else another row of the service from the same cluster.
pub fn carrier<'a>(backups: &'a [Row], service: &str, point: &PointSummary) -> Option<&'a Row> {
    let theirs = backups.iter().filter(|row| is_of(row, service)).filter_map(Row::with_kind::<BackupRow>);
    let exact = theirs.clone().find(|(_, it)| it.point.as_ref().is_some_and(|own| own.name == point.name));
    exact.or_else(|| theirs.clone().find(|(_, it)| it.cluster == point.cluster)).map(|(row, _)| row)
}

/// Every restore point that a service's recovery needs: the oldest first, then those that cover it together with that one.
pub fn parts(row: &Row) -> impl Iterator<Item = &PointSummary> {
    row.as_kind::<ServiceRow>().into_iter().flat_map(|it| it.restore_point.iter().chain(&it.with))
}

fn ready(seen: &ReadinessInput<'_>) -> Ready {
    let objective = seen.objective;
    let tests = restore_test::of(seen);
    let restored = tests.proof.clone();
    let failed_over = evidence::failed_over(seen);
    let recovered = evidence::recovered(seen);
    let mut checks: Vec<ReadinessCheck> =
        objective.restored_on().iter().flat_map(|site| standby::site(seen, site)).collect();
    checks.push(evidence::recovery(seen, recovered.as_ref(), failed_over.as_ref(), restored.as_ref()));
    let point = restore_point(seen);
    checks.push(point.check);
    checks.push(restore_test::judge(seen, &tests));
    let (rto, rpo) =
        (standing(objective, &checks, ObjectiveKind::Rto), standing(objective, &checks, ObjectiveKind::Rpo));
    checks.sort_by_key(|it| std::cmp::Reverse(it.standing));
    let took_s = recovered.as_ref().and_then(|it| it.took_s);
    let mut proofs: Vec<Evidence> = [recovered, failed_over, restored].into_iter().flatten().collect();
    proofs.sort_by_key(|it| std::cmp::Reverse(it.at));
    Ready {
        service: objective.service.clone(),
        strategy: objective.strategy,
        standing: rto.max(rpo),
        rto: Promise { standing: rto, limit_s: objective.rto_s, measured_s: took_s },
        rpo: Promise { standing: rpo, limit_s: objective.rpo_s, measured_s: point.lost_s },
        rpo_until: point.until,
        next_run: point.next_run,
        steps_limit_s: evidence::steps_limit(seen),
        proofs,
        checks,
    }
}

/// How a promise stands: by what has to hold wherever the service comes back, and by the best of the places where it could.
fn standing(objective: &Objective, checks: &[ReadinessCheck], of: ObjectiveKind) -> Attainment {
    let worst = |site: Option<&str>| {
        let own = checks.iter().filter(|it| it.of == of && it.site.as_deref() == site);
        own.map(|it| it.standing).max()
    };
    let sites = objective.restored_on().iter().filter_map(|site| worst(Some(site.as_str()))).min();
    worst(None).into_iter().chain(sites).max().unwrap_or(Attainment::Unknown)
}

/// What is said of the newest usable restore point.
struct PointCheck {
    check: ReadinessCheck,
    lost_s: Option<u64>,
    until: Option<Stamp>,
    next_run: Option<Stamp>,
}

fn check(of: ObjectiveKind, what: &str, standing: Attainment, says: impl AsRef<str>, remedy: &str) -> ReadinessCheck {
    let remedy = if standing == Attainment::Met { "" } else { remedy };
    let (says, remedy) = (SafeText::new(says.as_ref()), SafeText::new(remedy));
    ReadinessCheck { of, what: what.to_owned(), site: None, standing, says, remedy }
}

fn restore_point(seen: &ReadinessInput<'_>) -> PointCheck {
    let objective = seen.objective;
    let told = |standing, says: String, remedy: &str| PointCheck {
        check: check(ObjectiveKind::Rpo, "restore point", standing, says, remedy),
        lost_s: None,
        until: None,
        next_run: None,
    };
    let mut services = seen.rows(Topic::Services).iter().filter_map(Row::with_kind::<ServiceRow>);
    let Some((row, _)) = services.find(|(_, it)| it.name == objective.service) else {
        return told(
            Attainment::Unknown,
            "the service has not been judged yet".to_owned(),
            "Wait for its first answers.",
        );
    };
    let backups = seen.rows(Topic::Backups);
    let Some(loss) = loss(row, seen.now) else {
        if objective.schedules.is_empty() {
            let says = "no backup schedule is named for it, so nothing that is read proves where its data is";
            return told(Attainment::Unknown, says.to_owned(), "Name its schedules in its [[service]].");
        }
        return no_point(seen, told);
    };
    let next_run = backups.iter().filter(|row| is_of(row, &objective.service)).filter_map(next_run).min();
    let limit = chrono::TimeDelta::seconds(i64::try_from(objective.rpo_s).unwrap_or(i64::MAX / 1_000));
    let until = loss.point.started.checked_add_signed(limit);
    // Each part of the service has to be as promised: the first that is not says why.
    let judged = parts(row).map(|point| {
        let part = Loss { point, seconds: since(point.started, loss.frozen_at.unwrap_or(seen.now)), ..loss };
        judge_point(seen, &part, carrier(backups, &objective.service, point))
    });
    let worst = judged.reduce(|worst, it| if it.0 > worst.0 { it } else { worst });
    let Some((standing, says, remedy)) = worst else { return no_point(seen, told) };
    let check = check(ObjectiveKind::Rpo, "restore point", standing, says, &remedy);
    PointCheck { check, lost_s: Some(loss.seconds), until: until.filter(|_| loss.frozen_at.is_none()), next_run }
}

fn is_of(row: &Row, service: &str) -> bool {
    row.as_kind::<BackupRow>().is_some_and(|it| it.services.iter().any(|it| it == service))
}

fn next_run(row: &Row) -> Option<Stamp> {
    row.as_kind::<BackupRow>()?.next_run
}

/// Without a usable point: provably none only where Velero was read just now.
fn no_point(seen: &ReadinessInput<'_>, told: impl Fn(Attainment, String, &str) -> PointCheck) -> PointCheck {
    let rows = seen.rows(Topic::Backups).iter().filter(|row| is_of(row, &seen.objective.service));
    match rows.max_by_key(|row| (!row.stale, row.verdict)) {
        Some(row) if !row.stale && row.verdict == super::Verdict::Critical => {
            told(Attainment::Missed, row.why.to_string(), "Look at the backups: pane Backups says why none is usable.")
        }
        Some(row) => {
            told(Attainment::Unknown, format!("no usable restore point is known: {}", row.why), "Bring Velero back.")
        }
        None => told(Attainment::Unknown, "no restore point is known".to_owned(), "Wait until Velero has answered."),
    }
}

fn judge_point(seen: &ReadinessInput<'_>, loss: &Loss<'_>, carrier: Option<&Row>) -> (Attainment, String, String) {
    let Objective { rpo_s, primary, .. } = seen.objective;
    let sites = seen.objective.restored_on();
    let name = &loss.point.name;
    let age = match loss.frozen_at {
        Some(at) => format!("{name} began {} before users failed at {}", words(loss.seconds), clock(at)),
        None => format!("{name} is {} old", words(loss.seconds)),
    };
    let of = format!("{age}, {} are allowed", words(*rpo_s));
    if loss.seconds > *rpo_s {
        return (Attainment::Missed, of, "Run a backup now, and look why the last one is not usable.".to_owned());
    }
    let Some(carrier) = carrier else {
        let says = format!("{of}, but it can't be told which cluster sees it");
        return (Attainment::Unknown, says, "Give the service a schedule of its own.".to_owned());
    };
    if carrier.stale {
        let says = format!("{age} if it is still there: {}", carrier.why);
        return (Attainment::Unknown, says, format!("Bring {} back.", carrier.source));
    }
    let cluster = carrier.as_kind::<BackupRow>().map(|it| &it.cluster);
    if let Some(cluster) = cluster.filter(|it| !sites.contains(it)) {
        let why = if carrier.why.is_empty() { String::new() } else { format!(" ({})", carrier.why) };
        let says = format!("{of}, but only {cluster} is known to see it{why}");
        let sites = sites.join(" or ");
        return (Attainment::Unknown, says, format!("Wait until {sites} has synced it, or read why it has not."));
    }
    let seen_by = cluster.map_or("", String::as_str);
    if loss.point.items.is_none() {
        let says = format!("{of}, but how many items it holds is not recorded");
        return (Attainment::Unknown, says, "Restore it somewhere: only that can show what is in it.".to_owned());
    }
    if standby::is_primary(seen, seen_by) {
        let says = format!("{of}, but {seen_by} that sees it is {primary} by another name");
        return (Attainment::Unknown, says, "Correct the context of one of them.".to_owned());
    }
    match loss.point.off_site {
        OffSite::Yes => (Attainment::Met, format!("{of}; off-site, seen by {seen_by}"), String::new()),
        OffSite::No => {
            let says = format!("{age}, but its volumes stay on the storage of {primary} and are lost with it");
            (
                Attainment::Missed,
                says,
                "Move snapshot data off-site (snapshotMoveData) or copy volumes by files.".into(),
            )
        }
        OffSite::NoVolumes => {
            let says = format!("{of}, but it is not known to hold any volume data");
            (Attainment::Unknown, says, "Back up its volumes; if it has none, only a restore can show that.".to_owned())
        }
        OffSite::Unknown => {
            let says = format!("{of}, but nothing proves that its volumes are off-site");
            (Attainment::Unknown, says, "Move snapshot data off-site, so that the backup says so.".to_owned())
        }
    }
}
