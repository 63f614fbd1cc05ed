//! One entry as one line of JSON, and back.
//!
//! The hash covers the exact bytes of the line without its last 72 (`,"h":"<64 hex>"}`), so nobody needs a canonical form to
//! verify it. Member order is fixed where verifiers look: `v, k, seq, bt` first, `[body,] prev, h` last. A person's words
//! stand in a salted line of their own right before the entry, so that they can be redacted without breaking the chain.

use std::borrow::Cow;
use std::fmt::Write as _;

use chrono::SubsecRound;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::chain::{self, ChainLine};
use super::{SealError, sha256};
use crate::model::entry::{EntryDraft, LogLine};
use crate::model::{Actor, Digest, Entry, Happening, IncidentId, SafeText, Stamp, clean};

/// The most bytes of one line, its line feed not counted.
pub const MAX_LINE: usize = 64 * 1024;

/// The most bytes of a person's words.
pub const MAX_TEXT: usize = crate::model::safe_text::MAX_LONG_BYTES;

/// What the writer adds to a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryMeta {
    /// Number of the entry: one more than that of the entry before.
    pub seq: u64,
    /// Sequence number of the first entry of the same write.
    pub batch: u64,
    /// When it is recorded, on the room's clock; written in milliseconds.
    pub ts: Stamp,
    /// Boot id of the process that records.
    pub boot: String,
    /// The boot clock then, in milliseconds; comparable only between entries of one boot id.
    pub mono: u64,
    /// Name of the room that records.
    pub room: String,
    /// The host that records.
    pub src: String,
    /// Hash of the entry before; zeros for the first.
    pub prev: Digest,
}

/// An entry with the exact lines that hold it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sealed {
    /// Exactly what is written: these bytes are what the hashes are of.
    pub log: LogLine,
    /// The same, read back from those bytes.
    pub entry: Entry,
}

/// Writes a draft as its line (and body line). What comes back was read from those very lines: nothing is written that
/// can't be read again.
pub fn encode(draft: &EntryDraft, meta: &EntryMeta, salt: [u8; 32]) -> Result<Sealed, SealError> {
    let body = draft.text.as_ref().map(|text| body_line(meta.seq, text, salt)).transpose()?;
    let mut line = head(draft, meta)?;
    if let Some(body) = &body {
        let _ = write!(line, ",\"body\":\"{}\"", sha256(body.as_bytes()).hex());
    }
    let _ = write!(line, ",\"prev\":\"{}\"", meta.prev.hex());
    let hash = sha256(line.as_bytes());
    let _ = write!(line, ",\"h\":\"{}\"}}", hash.hex());
    if line.len() > MAX_LINE {
        return Err(SealError::NotWritable(format!("its line of {} bytes is longer than {MAX_LINE}", line.len())));
    }
    if line.bytes().any(|b| b < 0x20) {
        return Err(SealError::NotWritable("its data is not one line of JSON".to_owned()));
    }
    let log = LogLine { line, body };
    let entry = decode(&log).map_err(|e| SealError::NotWritable(format!("it could not be read back ({e})")))?;
    if entry.happening.kind() != draft.happening.kind() || entry.text != draft.text {
        return Err(SealError::NotWritable("it would read back as something else".to_owned()));
    }
    Ok(Sealed { log, entry })
}

/// The line up to its tail.
fn head(draft: &EntryDraft, meta: &EntryMeta) -> Result<String, SealError> {
    let kind = draft.happening.kind();
    if kind.is_empty() || !kind.bytes().all(|b| b == b'_' || b.is_ascii_lowercase()) {
        return Err(SealError::NotWritable(format!("its kind {kind:?} is not of a-z and _")));
    }
    let data = draft.happening.data_json().map_err(|e| SealError::NotWritable(e.to_string()))?;
    if !(data.starts_with('{') && data.ends_with('}')) {
        return Err(SealError::NotWritable("its data is not a JSON object".to_owned()));
    }
    let mut line = String::with_capacity(data.len() + 512);
    let _ = write!(line, "{{\"v\":1,\"k\":\"{kind}\",\"seq\":{},\"bt\":{},\"ts\":\"", meta.seq, meta.batch);
    let _ = write!(line, "{}\",\"boot\":", meta.ts.trunc_subsecs(3).format("%Y-%m-%dT%H:%M:%S%.3fZ"));
    push_json(&mut line, &meta.boot)?;
    let _ = write!(line, ",\"mono\":{},\"room\":", meta.mono);
    push_json(&mut line, &meta.room)?;
    if let Some(incident) = &draft.incident {
        line.push_str(",\"inc\":");
        push_json(&mut line, incident.as_str())?;
    }
    line.push_str(",\"by\":");
    push_json(&mut line, &draft.by)?;
    line.push_str(",\"src\":");
    push_json(&mut line, &meta.src)?;
    line.push_str(",\"d\":");
    line.push_str(&data);
    Ok(line)
}

fn push_json<T: serde::Serialize + ?Sized>(line: &mut String, value: &T) -> Result<(), SealError> {
    line.push_str(&serde_json::to_string(value).map_err(|e| SealError::NotWritable(e.to_string()))?);
    Ok(())
}

fn body_line(seq: u64, text: &SafeText, salt: [u8; 32]) -> Result<String, SealError> {
    if text.as_str().len() > MAX_TEXT {
        return Err(SealError::NotWritable(format!("its text is longer than {MAX_TEXT} bytes")));
    }
    let mut line = format!("{{\"b\":{seq},\"salt\":\"{}\",\"text\":", Digest(salt).hex());
    push_json(&mut line, text)?;
    line.push('}');
    Ok(line)
}

/// The line that stands for the text of an entry once it is removed. As long as the text's own, so that nothing moves; `None`
/// if that is too short to say it.
pub fn redacted_body(seq: u64, by: u64, length: usize) -> Option<String> {
    let mut line = format!("{{\"b\":{seq},\"redacted\":{by},\"pad\":\"");
    let pad = length.checked_sub(line.len() + 2)?;
    line.extend(std::iter::repeat_n(' ', pad));
    line.push_str("\"}");
    Some(line)
}

/// The members of an entry's line. Doubled members are an error; unknown ones are a later version's and are left alone.
#[derive(Deserialize)]
struct WireEntry<'a> {
    v: u32,
    #[serde(borrow)]
    k: Cow<'a, str>,
    seq: u64,
    bt: u64,
    ts: Stamp,
    boot: String,
    mono: u64,
    room: String,
    #[serde(default)]
    inc: Option<IncidentId>,
    by: Actor,
    src: String,
    #[serde(borrow)]
    d: &'a RawValue,
    #[serde(default, borrow)]
    body: Option<Cow<'a, str>>,
    prev: Cow<'a, str>,
    h: Cow<'a, str>,
}

/// The members of a body line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireBody {
    b: u64,
    #[serde(rename = "salt")]
    _salt: String,
    text: SafeText,
}

/// Reads an entry from its lines and checks both: hash, body, and that every member parses.
pub fn decode(log: &LogLine) -> Result<Entry, SealError> {
    let bytes = log.line.as_bytes();
    let ChainLine::Entry(found) = chain::scan_line(bytes).map_err(|e| SealError::NotAnEntry(e.to_owned()))? else {
        return Err(SealError::NotAnEntry("it is a body line".to_owned()));
    };
    let seq = found.seq;
    if !found.hash_fits(bytes) {
        return Err(SealError::Hash { seq });
    }
    let wire: WireEntry<'_> = clean::from_str(&log.line).map_err(|e| SealError::NotAnEntry(e.to_string()))?;
    let same = wire.v == 1
        && wire.k.as_bytes() == found.kind
        && wire.seq == seq
        && wire.bt == found.batch
        && wire.prev.as_bytes() == found.prev
        && wire.h.as_bytes() == found.hash
        && wire.body.as_ref().map(|b| b.as_bytes()) == found.body;
    let (Some(prev), Some(hash), true) = (Digest::from_hex(found.prev), Digest::from_hex(found.hash), same) else {
        return Err(SealError::NotAnEntry("its members are not where they belong".to_owned()));
    };
    let happening =
        Happening::from_parts(&wire.k, wire.d.get()).map_err(|e| SealError::NotAnEntry(format!("{}: {e}", wire.k)))?;
    Ok(Entry {
        seq,
        batch: wire.bt,
        ts: wire.ts,
        boot: wire.boot,
        mono: wire.mono,
        room: wire.room,
        incident: wire.inc,
        by: wire.by,
        src: wire.src,
        happening,
        text: read_body(seq, found.body, log.body.as_deref())?,
        prev,
        hash,
    })
}

fn read_body(seq: u64, hash: Option<&[u8]>, body: Option<&str>) -> Result<Option<SafeText>, SealError> {
    match (hash, body) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(SealError::Body { seq, why: "a body line that the entry does not name" }),
        (Some(_), None) => Err(SealError::Body { seq, why: "its body line is missing" }),
        (Some(hash), Some(body)) => match chain::judge_body(seq, hash, body.as_bytes()) {
            Err(why) => Err(SealError::Body { seq, why }),
            Ok(Some(_redacted_by)) => Ok(None),
            Ok(None) => match clean::from_str::<WireBody>(body) {
                Ok(wire) if wire.b == seq => Ok(Some(wire.text)),
                _ => Err(SealError::Body { seq, why: "its body line can't be read" }),
            },
        },
    }
}
