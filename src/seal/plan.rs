//! A plan's canonical bytes and their digest: what two people confirm is exactly what is hashed, logged and run.

use sha2::{Digest as _, Sha256};

use super::{SealError, canonical};
use crate::model::{Digest, Plan, clean};

/// The most bytes of a plan's canonical form.
pub const MAX_PLAN: usize = 32 * 1024;

/// The format of plans that this version builds and reads.
const VERSION: u32 = 1;

/// Keeps a plan's digest from ever being that of something else.
const DOMAIN: &[u8] = b"warroom/plan/v1\n";

/// The canonical bytes of a plan, and the digest over them.
pub fn plan_bytes(plan: &Plan) -> Result<(String, Digest), SealError> {
    if plan.v != VERSION {
        return Err(SealError::NotAPlan(format!("format version {} is not {VERSION}", plan.v)));
    }
    let value = serde_json::to_value(plan).map_err(|e| SealError::NotAPlan(e.to_string()))?;
    let bytes = canonical(&value)?;
    let digest = plan_digest(&bytes);
    Ok((bytes, digest))
}

/// Reads a plan from the bytes that were received, and recomputes their digest.
///
/// Bytes that are not the canonical form of the plan they parse to are refused: members this version does not know, doubled
/// keys or other spacing would be hashed, yet nobody would see them.
pub fn parse_plan(bytes: &str) -> Result<(Plan, Digest), SealError> {
    if bytes.len() > MAX_PLAN {
        return Err(SealError::NotAPlan(format!("longer than {MAX_PLAN} bytes")));
    }
    let plan: Plan = clean::from_str(bytes).map_err(|e| SealError::NotAPlan(e.to_string()))?;
    let (again, digest) = plan_bytes(&plan)?;
    if again != bytes {
        return Err(SealError::NotAPlan("the bytes are not the canonical form of the plan they hold".to_owned()));
    }
    Ok((plan, digest))
}

/// The digest of canonical plan bytes, as they are: that they are canonical is what [`parse_plan`] checks.
pub fn plan_digest(bytes: &str) -> Digest {
    Digest(Sha256::new_with_prefix(DOMAIN).chain_update(bytes).finalize().into())
}
