//! A plan as the bytes that were hashed: a console shows only what those bytes say, and approves only their digest.

use sha2::{Digest as _, Sha256};

use crate::model::{Digest, Plan};

/// What stands before the canonical bytes when they are hashed.
const DOMAIN: &[u8] = b"warroom/plan/v1\n";

/// The digest of canonical plan bytes.
pub fn digest(bytes: &str) -> Digest {
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    hash.update(bytes.as_bytes());
    Digest(hash.finalize().into())
}

/// Reads a plan from its bytes; refuses bytes that are not those of the digest that came with them.
pub fn read(bytes: &str, claimed: Digest) -> Result<Plan, String> {
    let ours = digest(bytes);
    if ours != claimed {
        return Err(format!(
            "The plan that arrived is not the one its digest names ({} is not {}). Do not confirm it; reconnect, and tell the room.",
            ours.spoken(),
            claimed.spoken()
        ));
    }
    serde_json::from_str(bytes)
        .map_err(|error| format!("The plan that arrived can't be read: {error}. Upgrade this console."))
}
