//! A plan as the bytes that were hashed: whoever shows a plan shows only what those bytes say, and approves only their
//! digest. The room's word for either is not taken.

use crate::model::{Digest, Plan};
use crate::seal;

pub use crate::seal::plan_digest as digest;

/// Reads a plan from its bytes; refuses bytes that are not canonical, or not those of the digest that came with them.
///
/// # Errors
/// Words for the person who was about to confirm.
pub fn read(bytes: &str, claimed: Digest) -> Result<Plan, String> {
    let (plan, ours) = seal::parse_plan(bytes)
        .map_err(|error| format!("The plan that arrived can't be read: {error}. Upgrade this console."))?;
    if ours != claimed {
        return Err(format!(
            "The plan that arrived is not the one its digest names ({} is not {}). Do not confirm it; reconnect, and tell the room.",
            ours.spoken(),
            claimed.spoken()
        ));
    }
    Ok(plan)
}
