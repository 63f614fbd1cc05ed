//! The steps of a restore: what each relies on, sends and must see.

use serde_json::{Value, json};

use crate::model::plan::{Op, Pre, StepCheck, Target};
use crate::model::read_path::{BackupField, LocationField, PodsField, RestoreField, VeleroPath};
use crate::model::step_request::{AccessMode, CreateRestore, LocationBody, LocationSpec, PatchLocation, RestoreSpec};
use crate::model::{Stamp, Step, StepRequest};

use super::restore::{EXPIRY_MARGIN_S, Ground, RestorePart, heartbeat_s};

/// Flipping the location is one small write; Velero looks at it within seconds.
const LOCATION_LIMIT_S: u64 = 60;
/// Velero looks every ten seconds whether a validation is due, and may be busy.
const VALIDATION_GRACE_S: u64 = 60;
/// Most services of this size are back well before; longer, and a person should look.
const RESTORE_LIMIT_S: u64 = 1800;
/// The kind of target that a wait for pods has.
pub(super) const PODS: &str = "pods";
/// Images are pulled and init containers wait for volume data; longer, and a person should look.
const START_LIMIT_S: u64 = 600;

impl Ground<'_> {
    fn pre(&self, seen: Stamp, path: VeleroPath, op: Op, value: Value, says: String) -> Pre {
        Pre { path: path.into(), op, value, src: self.src.clone(), read_at: seen, says }
    }

    fn identity(&self) -> Pre {
        let says = format!("{} is the cluster with uid {}", self.cluster, self.uid);
        self.pre(self.uid_seen, VeleroPath::ClusterUid, Op::Eq, json!(self.uid), says)
    }

    /// That a backup is still what was shown, here and where it was made.
    fn backup_is_sound(&self, part: &RestorePart) -> Vec<Pre> {
        let backup = &part.backup;
        let path = |field: BackupField| VeleroPath::Backup { name: backup.clone(), field };
        let of_backup = |field: BackupField, value: Value, says: &str| {
            self.pre(part.seen, path(field), Op::Eq, value, format!("backup {backup} {says}"))
        };
        let mut pre = vec![
            of_backup(BackupField::Uid, json!(part.uid), "is the one shown"),
            of_backup(BackupField::Phase, json!("Completed"), "is completed"),
            of_backup(BackupField::Deleting, json!(false), "is not being deleted"),
        ];
        if part.point.expires.is_some() {
            let says = format!("backup {backup} lasts another hour");
            pre.push(self.pre(part.seen, path(BackupField::ExpiresInS), Op::Ge, json!(EXPIRY_MARGIN_S), says));
        }
        if let Some((keeper, seen)) = &self.keeper {
            let says = format!("{} still has backup {backup} and does not delete it", keeper.instance);
            let kept = self.pre(*seen, VeleroPath::BackupKept(backup.clone()), Op::Eq, json!(true), says);
            pre.push(Pre { src: keeper.clone(), ..kept });
        }
        pre
    }

    /// What every step relies on. The first write asks all of it, so that a backup that went bad costs nothing at all.
    fn sound<'p>(&self, parts: impl IntoIterator<Item = &'p RestorePart<'p>>) -> Vec<Pre> {
        let loc = &self.location_name;
        let of_location = |field: LocationField, op: Op, value: Value, says: String| {
            self.pre(self.location_seen, self.location_path(field), op, value, says)
        };
        let alone = format!("no other restore runs on {}", self.cluster);
        let mut pre = vec![self.identity()];
        pre.extend(parts.into_iter().flat_map(|part| self.backup_is_sound(part)));
        pre.extend([
            self.pre(self.location_seen, VeleroPath::RestoresOpen, Op::Eq, json!(0), alone),
            of_location(LocationField::Phase, Op::Eq, json!("Available"), format!("location {loc} is available")),
        ]);
        if self.location.validation_every_s > 0 {
            let limit = heartbeat_s(self.location);
            let says = format!("Velero on {} looked at location {loc} in the last {limit} s", self.cluster);
            pre.push(of_location(LocationField::ValidatedAgeS, Op::Le, json!(limit), says));
        }
        pre.extend(self.namespaces.iter().map(|ns| {
            // Null = it is not there yet; a role that may not look is no reason against a restore.
            let says = format!("namespace {ns} on {} is not being deleted, if the room may look", self.cluster);
            let fine = json!([null, "Active", "forbidden"]);
            self.pre(self.uid_seen, VeleroPath::NamespacePhase(ns.clone()), Op::In, fine, says)
        }));
        // Null = the server does not let us ask; then the write itself will tell.
        let says = format!("the room's credential may create restores on {}", self.cluster);
        pre.push(self.pre(self.uid_seen, VeleroPath::MayCreateRestores, Op::In, json!([true, null]), says));
        pre
    }

    fn mode_is(&self, mode: &str, says: &str) -> Pre {
        let says = format!("location {} is {says}", self.location_name);
        self.pre(self.location_seen, self.location_path(LocationField::AccessMode), Op::Eq, json!(mode), says)
    }

    fn location_path(&self, field: LocationField) -> VeleroPath {
        VeleroPath::Location { name: self.location_name.clone(), field }
    }

    fn may_patch(&self) -> Pre {
        let loc = &self.location_name;
        let says = format!("the room's credential may change location {loc}");
        let path = VeleroPath::MayPatchLocation(loc.clone());
        self.pre(self.location_seen, path, Op::In, json!([true, null]), says)
    }

    fn check(&self, path: VeleroPath, op: Op, value: Value) -> StepCheck {
        StepCheck { path: path.into(), op, value, src: self.src.clone() }
    }
}

/// The last write of a restore in place: this cluster owns the bucket, and its next backup has to reach it.
pub(super) fn make_writable(g: &Ground, id: &str) -> Step {
    let loc = &g.location_name;
    let pre = vec![g.identity(), g.mode_is("ReadOnly", "read-only"), g.may_patch()];
    let effect = format!("make backup location {loc} on {} read-write again, so that backups go on", g.cluster);
    patch_mode(g, id, AccessMode::ReadWrite, pre, effect)
}

fn patch_mode(g: &Ground, id: &str, access_mode: AccessMode, pre: Vec<Pre>, effect: String) -> Step {
    let loc = &g.location_name;
    let body = LocationBody { spec: LocationSpec { access_mode } };
    let request = PatchLocation { namespace: g.velero.clone(), name: loc.clone(), body };
    Step {
        id: id.to_owned(),
        request: request.into(),
        target: Target {
            src: g.src.clone(),
            kind: "location".to_owned(),
            id: format!("{}/{}/{loc}", g.uid, g.velero),
            name: loc.clone(),
        },
        pre,
        effect,
        limit_s: LOCATION_LIMIT_S,
        check: vec![g.check(g.location_path(LocationField::AccessMode), Op::Eq, json!(access_mode))],
    }
}

/// The first write: no cluster may collect these backups while they are read.
pub(super) fn make_read_only(g: &Ground) -> Step {
    let loc = &g.location_name;
    let idle = format!("no backup of {} is uploading", g.cluster);
    let mut pre = g.sound(&g.parts);
    pre.push(g.mode_is("ReadWrite", "read-write"));
    pre.push(g.pre(g.location_seen, VeleroPath::BackupsUploading, Op::Eq, json!(0), idle));
    pre.push(g.may_patch());
    patch_mode(g, "1", AccessMode::ReadOnly, pre, format!("make backup location {loc} on {} read-only", g.cluster))
}

/// Velero has seen the change and can still read the bucket. `None` if it never looks: nothing could be waited for.
pub(super) fn validated(g: &Ground) -> Option<Step> {
    let loc = &g.location_name;
    let every_s = Some(g.location.validation_every_s).filter(|every_s| *every_s > 0)?;
    let limit_s = every_s.saturating_add(VALIDATION_GRACE_S);
    Some(Step {
        id: "2".to_owned(),
        request: StepRequest::Wait,
        target: Target {
            src: g.src.clone(),
            kind: "location".to_owned(),
            id: format!("{}/{}/{loc}", g.uid, g.velero),
            name: loc.clone(),
        },
        pre: Vec::new(),
        effect: format!("wait until Velero has looked at location {loc} again"),
        limit_s,
        check: vec![
            g.check(g.location_path(LocationField::Phase), Op::Eq, json!("Available")),
            g.check(g.location_path(LocationField::ValidatedSinceChange), Op::Eq, json!(true)),
        ],
    })
}

/// The Restore of one part, under a name that only this plan has.
pub(super) fn create(g: &Ground, part: &RestorePart, id: &str) -> Step {
    let backup = &part.backup;
    // The first needs no mark of its own; of several each has its step's.
    let first = g.parts.first().is_some_and(|it| it.backup == part.backup);
    let this = if first { "@plan".to_owned() } else { format!("@plan-{id}") };
    let of_restore = |field| VeleroPath::Restore { name: this.clone(), field };
    let mut pre = g.sound([part]);
    pre.push(g.mode_is("ReadOnly", "read-only"));
    let spec = RestoreSpec { backup_name: backup.clone(), included_namespaces: part.namespaces.clone() };
    Step {
        id: id.to_owned(),
        request: CreateRestore { namespace: g.velero.clone(), spec }.into(),
        target: Target {
            src: g.src.clone(),
            kind: "restore".to_owned(),
            id: format!("{}/{}/{this}", g.uid, g.velero),
            name: format!("restore of {backup}"),
        },
        pre,
        effect: format!("restore {} from {backup} and wait until it is completed", part.namespaces.join(", ")),
        limit_s: RESTORE_LIMIT_S,
        check: vec![
            g.check(of_restore(RestoreField::Phase), Op::In, json!(["Completed"])),
            // Completed does not mean that anything was restored: what exists already is skipped.
            g.check(of_restore(RestoreField::Restored), Op::Ge, json!(1)),
        ],
    }
}

/// The service's pods serve: a restore that is completed has made objects, and nothing more. Another's pods in these
/// namespaces count like its own, and a service without any has not started.
pub(super) fn started(g: &Ground, id: &str) -> Step {
    let namespaces = g.namespaces.join(":");
    let of = g.namespaces.join(", ");
    let of_pods = |field| VeleroPath::Pods { namespaces: g.namespaces.clone(), field };
    Step {
        id: id.to_owned(),
        request: StepRequest::Wait,
        target: Target {
            src: g.src.clone(),
            kind: PODS.to_owned(),
            id: format!("{}/{namespaces}", g.uid),
            name: of.clone(),
        },
        pre: Vec::new(),
        effect: format!("wait until the pods of {of} are ready, one at least"),
        limit_s: START_LIMIT_S,
        check: vec![
            g.check(of_pods(PodsField::Waiting), Op::Eq, json!([])),
            g.check(of_pods(PodsField::Ready), Op::Ge, json!(1)),
        ],
    }
}
