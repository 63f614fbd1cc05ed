//! What a precondition or a check reads of one object of Velero.

use serde_json::{Value, json};

use super::map;
use crate::model::Stamp;
use crate::model::read_path::{BackupField, LocationField, RestoreField};
use crate::systems::kube_api::json_access::{count, text};

/// How something is picked out of an object, by the server's clock.
pub(super) type Pick = fn(&Value, Stamp) -> Value;

pub(super) fn of_backup(field: BackupField) -> Pick {
    match field {
        BackupField::Uid => |it, _| json!(text(it, "/metadata/uid").as_str()),
        BackupField::Phase => phase,
        BackupField::Deleting => |it, _| json!(map::deleting(it)),
        BackupField::ExpiresInS => map::expires_in_s,
    }
}

pub(super) fn of_location(field: LocationField) -> Pick {
    match field {
        LocationField::Phase => phase,
        LocationField::AccessMode => |it, _| json!(map::access_mode(it).as_str()),
        LocationField::ValidatedAgeS => map::validated_age_s,
        LocationField::ValidatedSinceChange => |it, _| map::validated_since_change(it),
    }
}

pub(super) fn of_restore(field: RestoreField) -> Pick {
    match field {
        RestoreField::Phase => phase,
        RestoreField::Errors => |it, _| json!(count(it, "/status/errors")),
        RestoreField::Warnings => |it, _| json!(count(it, "/status/warnings")),
        RestoreField::Restored => |it, _| brought_back(it),
    }
}

/// The phase as a word: empty while Velero has not picked the object up.
fn phase(object: &Value, _: Stamp) -> Value {
    json!(text(object, "/status/phase").as_str())
}

/// How many items a Restore brought back at most; null until it has ended, for only then that is its last word.
fn brought_back(object: &Value) -> Value {
    let it = map::restored(object);
    if it.is_over() { json!(it.brought()) } else { Value::Null }
}
