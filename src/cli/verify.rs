//! `verify` and `ledger new --after-damage`: what a stranger can check, and the way out of a damaged log.

use std::path::PathBuf;

use serde_json::json;

use super::exit::Exit;
use super::fail::Fail;
use super::shown::Shown;
use crate::ledger;

/// Verifies segments or directories of them.
pub fn verify(paths: &[PathBuf]) -> Result<Shown, Fail> {
    if paths.is_empty() {
        return Err(Fail::Usage("name one or more timeline files, or a directory that holds them".to_owned()));
    }
    let verdict = ledger::verify(paths).map_err(|error| Fail::Usage(error.to_string()))?;
    let json = json!({
        "schema": "warroom/verify/v1", "ok": verdict.ok, "segment": verdict.segment, "offset": verdict.offset,
        "seq": verdict.seq, "head": verdict.head.map(|head| head.hex()), "why": verdict.why,
    });
    if verdict.ok {
        let head = verdict.head.map(|head| head.hex()).unwrap_or_default();
        let text = format!("intact: {} entries, head {head} (integrity only, not authorship)\n", verdict.seq);
        return Ok(Shown::ok(json, text));
    }
    let place = verdict.segment.map_or(String::new(), |segment| format!(" ({segment}, byte {})", verdict.offset));
    let text = format!("NOT INTACT: {}{place}\n", verdict.why.unwrap_or_default());
    Ok(Shown::ok(json, text).exit(Exit::Integrity))
}
