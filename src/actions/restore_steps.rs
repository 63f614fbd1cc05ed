//! The steps of a restore: what each relies on, sends and must see.

use serde_json::{Value, json};

use crate::model::plan::{Check, Op, Pre, Target};
use crate::model::{Stamp, Step};

use super::restore::{Ground, heartbeat_s};

/// Flipping the location is one small write; Velero looks at it within seconds.
const LOCATION_LIMIT_S: u64 = 60;
/// Most services of this size are back well before; longer, and a person should look.
const RESTORE_LIMIT_S: u64 = 1800;
impl Ground<'_> {
    fn pre(&self, seen: Stamp, path: String, op: Op, value: Value, says: String) -> Pre {
        Pre { path, op, value, src: self.src.clone(), read_at: seen, says }
    }

    fn is_the_cluster(&self) -> Pre {
        let says = format!("{} is the cluster with uid {}", self.cluster, self.uid);
        self.pre(self.uid_seen, "cluster/uid".to_owned(), Op::Eq, json!(self.uid), says)
    }

    fn location_available(&self) -> Pre {
        let (path, says) =
            (format!("location/{}/phase", self.location_name), format!("location {} is available", self.location_name));
        self.pre(self.location_seen, path, Op::Eq, json!("Available"), says)
    }

    fn check(&self, path: String, op: Op, value: Value) -> Check {
        Check { path, op, value, src: self.src.clone() }
    }
}

/// The first write: no cluster may collect this backup while it is read.
pub fn make_read_only(g: &Ground) -> Step {
    let loc = &g.location_name;
    Step {
        id: "1".to_owned(),
        adapter: "velero.patch_location".to_owned(),
        target: Target {
            src: g.src.clone(),
            kind: "location".to_owned(),
            id: format!("{}/{}/{loc}", g.uid, g.velero),
            name: loc.clone(),
        },
        params: json!({"namespace": g.velero, "name": loc, "body": {"spec": {"accessMode": "ReadOnly"}}}),
        pre: vec![
            g.is_the_cluster(),
            g.location_available(),
            g.pre(
                g.location_seen,
                format!("location/{loc}/access_mode"),
                Op::Eq,
                json!("ReadWrite"),
                format!("location {loc} is read-write"),
            ),
            g.pre(
                g.location_seen,
                "backups/uploading".to_owned(),
                Op::Eq,
                json!(0),
                format!("no backup of {} is uploading", g.cluster),
            ),
        ],
        effect: format!("make backup location {loc} on {} read-only", g.cluster),
        limit_s: LOCATION_LIMIT_S,
        check: vec![
            g.check(format!("location/{loc}/access_mode"), Op::Eq, json!("ReadOnly")),
            g.check(format!("location/{loc}/phase"), Op::Eq, json!("Available")),
        ],
    }
}

/// The Restore itself, under a name that only this plan has.
pub fn create(g: &Ground, id: &str) -> Step {
    let (loc, backup) = (&g.location_name, &g.backup);
    let mut pre = vec![
        g.is_the_cluster(),
        g.pre(
            g.point_seen,
            format!("backup/{backup}/uid"),
            Op::Eq,
            json!(g.backup_uid),
            format!("backup {backup} is the one shown"),
        ),
        g.pre(
            g.point_seen,
            format!("backup/{backup}/phase"),
            Op::Eq,
            json!("Completed"),
            format!("backup {backup} is completed"),
        ),
        g.pre(
            g.point_seen,
            format!("backup/{backup}/deleting"),
            Op::Eq,
            json!(false),
            format!("backup {backup} is not being deleted"),
        ),
        g.location_available(),
        g.pre(
            g.location_seen,
            format!("location/{loc}/access_mode"),
            Op::Eq,
            json!("ReadOnly"),
            format!("location {loc} is read-only"),
        ),
        g.pre(
            g.location_seen,
            "restores/open".to_owned(),
            Op::Eq,
            json!(0),
            format!("no other restore runs on {}", g.cluster),
        ),
    ];
    if g.location.validation_every_s > 0 {
        let limit = heartbeat_s(g.location);
        let says = format!("Velero on {} looked at location {loc} in the last {limit} s", g.cluster);
        pre.push(g.pre(g.location_seen, format!("location/{loc}/validated_age_s"), Op::Le, json!(limit), says));
    }
    Step {
        id: id.to_owned(),
        adapter: "velero.create_restore".to_owned(),
        target: Target {
            src: g.src.clone(),
            kind: "restore".to_owned(),
            id: format!("{}/{}/@plan", g.uid, g.velero),
            name: format!("restore of {backup}"),
        },
        params: json!({"namespace": g.velero, "spec": {"backupName": backup, "includedNamespaces": g.namespaces}}),
        pre,
        effect: format!("restore {} from {backup} and wait until it is completed", g.namespaces.join(", ")),
        limit_s: RESTORE_LIMIT_S,
        check: vec![g.check("restore/@plan/phase".to_owned(), Op::In, json!(["Completed"]))],
    }
}
