//! Lines, plans and chains, by hand and by property; the ledger's tests add files and faults.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::entry::{Decision, EntryDraft, Genesis, LogLine, Note, Proposed, Redact, Rotate};
use crate::model::plan::{HeadRef, Op, PolicyRef, Pre, ShownChange, Target};
use crate::model::{
    Action, Actor, Happening, IncidentId, Level, Plan, PlanId, SafeText, SourceId, Stamp, Step, StepRequest, System,
};

fn at(text: &str) -> Stamp {
    text.parse().expect("a time")
}

pub(crate) fn plan() -> Plan {
    let src = SourceId::new(System::Cloudflare, "edge");
    Plan {
        v: 1,
        room: "prod-ca".into(),
        incident: "INC-2026-03-02-01".into(),
        plan: PlanId::from("01KB3ZTEST"),
        action: Action::Failover,
        service: "shop".into(),
        title: "Fail over shop.example from primary to dr".into(),
        confirm: "shop.example".into(),
        shown: vec![ShownChange { what: "order".into(), now: "primary, dr".into(), after: "dr, primary".into() }],
        warnings: vec!["primary is \"down\"".into()],
        steps: vec![Step {
            id: "1".into(),
            request: StepRequest::from_members(
                "cloudflare.patch_load_balancer".into(),
                json!({"zone": "z1", "body": {"default_pools": ["dr", "primary"], "fallback_pool": "dr"}}),
            ),
            target: Target { src: src.clone(), kind: "load_balancer".into(), id: "lb-1".into(), name: "shop".into() },
            pre: vec![Pre {
                path: "lb/lb-1/default_pools".into(),
                op: Op::Eq,
                value: json!(["primary", "dr"]),
                src,
                read_at: at("2026-03-02T14:50:01.250Z"),
                says: "the order is primary, dr".into(),
            }],
            effect: "dr is first".into(),
            limit_s: 60,
            check: vec![],
        }],
        locks: vec!["cloudflare/edge/load_balancer/lb-1".into()],
        cred_ids: vec!["token edge".into()],
        policy: PolicyRef { quorum: 2, level: Level::Account, digest: "sha256:00".into() },
        people_digest: "sha256:11".into(),
        by: "ana".into(),
        ttl_s: 1800,
        supersedes: None,
        head: HeadRef { seq: 12, h: "ab".into() },
    }
}

fn meta(seq: u64, prev: Digest) -> EntryMeta {
    EntryMeta {
        seq,
        batch: seq,
        ts: at("2026-03-02T14:41:00.123Z"),
        boot: "9f3c".into(),
        mono: 81_234_567,
        room: "prod-ca".into(),
        src: "bastion-1".into(),
        prev,
    }
}

fn draft(happening: impl Into<Happening>, text: Option<&str>) -> EntryDraft {
    EntryDraft {
        incident: Some(IncidentId::from("INC-2026-03-02-01")),
        by: Actor { person: "ana".into(), uid: Some(1001), level: Level::Account, login: None, simulated: false },
        happening: happening.into(),
        text: text.map(SafeText::long),
    }
}

fn genesis() -> EntryDraft {
    draft(Genesis { log: "01LOG".into(), key: String::new(), drill: false, after_damage: None }, None)
}

/// A chain of these drafts.
fn chain(drafts: Vec<EntryDraft>) -> Vec<Sealed> {
    let mut prev = Digest([0; 32]);
    let mut out = Vec::new();
    for (draft, seq) in drafts.into_iter().zip(1..) {
        let sealed = encode(&draft, &meta(seq, prev), [7; 32]).expect("sealed");
        prev = sealed.entry.hash;
        out.push(sealed);
    }
    out
}

fn check(lines: &[LogLine]) -> Result<(u64, Digest), ChainBreak> {
    let mut check = ChainCheck::new();
    check.segment()?;
    for line in lines {
        check.push(line)?;
    }
    check.finish()?;
    Ok(check.head())
}

fn lines(chain: &[Sealed]) -> Vec<LogLine> {
    chain.iter().map(|sealed| sealed.log.clone()).collect()
}

#[test]
fn the_uid_that_logged_in_is_in_the_line_and_lines_without_it_are_read() {
    let without = encode(&genesis(), &meta(1, Digest([0; 32])), [7; 32]).expect("sealed");
    assert!(without.log.line.contains(r#""by":{"p":"ana","u":1001,"lvl":"account"}"#), "{}", without.log.line);
    assert_eq!(decode(&without.log).expect("read").by.login, None);
    let mut draft = genesis();
    draft.by = Actor { level: Level::Session, login: Some(1009), ..draft.by };
    let with = encode(&draft, &meta(1, Digest([0; 32])), [7; 32]).expect("sealed");
    assert!(with.log.line.contains(r#""by":{"p":"ana","u":1001,"lvl":"session","lu":1009}"#), "{}", with.log.line);
    assert_eq!(decode(&with.log).expect("read").by, draft.by);
}

#[test]
fn a_line_has_the_documented_form() {
    let prev = Digest([0xab; 32]);
    let sealed =
        encode(&draft(Note { at: None }, Some("call from \"Doe\" ⏎")), &meta(12, prev), [1; 32]).expect("sealed");
    let body = format!("{{\"b\":12,\"salt\":\"{}\",\"text\":\"call from \\\"Doe\\\" ⏎\"}}", "01".repeat(32));
    assert_eq!(sealed.log.body.as_deref(), Some(body.as_str()));
    let head = "{\"v\":1,\"k\":\"note\",\"seq\":12,\"bt\":12,\"ts\":\"2026-03-02T14:41:00.123Z\",\"boot\":\"9f3c\",\"mono\":81234567,\
                \"room\":\"prod-ca\",\"inc\":\"INC-2026-03-02-01\",\"by\":{\"p\":\"ana\",\"u\":1001,\"lvl\":\"account\"},\
                \"src\":\"bastion-1\",\"d\":{}";
    let covered = format!("{head},\"body\":\"{}\",\"prev\":\"{}\"", sha256(body.as_bytes()).hex(), "ab".repeat(32));
    assert_eq!(sealed.log.line, format!("{covered},\"h\":\"{}\"}}", sha256(covered.as_bytes()).hex()));
    assert_eq!(sealed.entry.text, Some(SafeText::long("call from \"Doe\" ⏎")));
    assert_eq!(decode(&sealed.log), Ok(sealed.entry));
}

#[test]
fn a_long_note_is_kept_whole_and_an_unknown_kind_is_kept() {
    let text = "word ".repeat(1500);
    let sealed =
        encode(&draft(Decision { at: None }, Some(&text)), &meta(2, Digest([1; 32])), [1; 32]).expect("sealed");
    assert_eq!(sealed.entry.text.expect("text").as_str(), text);
    let later = Happening::Unknown { kind: "from_later".into(), data: "{\"x\":[1,{\"y\":\"z\"}]}".into() };
    let sealed = encode(&draft(Note { at: None }, None), &meta(2, Digest([1; 32])), [0; 32]).expect("sealed");
    assert!(sealed.log.body.is_none());
    let unknown = EntryDraft { happening: later.clone(), ..draft(Note { at: None }, None) };
    let sealed = encode(&unknown, &meta(3, sealed.entry.hash), [0; 32]).expect("sealed");
    assert_eq!(decode(&sealed.log).expect("entry").happening, later);
}

#[test]
fn what_would_not_be_one_good_line_is_not_written() {
    for data in ["{\"a\":\n1}", "[]", "{}, \"by\":{}", "{\"a\":1", "{}}", "{},\"seq\":{}"] {
        let bad = EntryDraft {
            happening: Happening::Unknown { kind: "odd".into(), data: data.into() },
            ..draft(Note { at: None }, None)
        };
        assert!(matches!(encode(&bad, &meta(2, Digest([1; 32])), [0; 32]), Err(SealError::NotWritable(_))), "{data}");
    }
    for kind in ["", "Note", "no te", "x\"", "k1"] {
        let happening = Happening::Unknown { kind: kind.into(), data: "{}".into() };
        let bad = EntryDraft { happening, ..draft(Note { at: None }, None) };
        assert!(encode(&bad, &meta(2, Digest([1; 32])), [0; 32]).is_err(), "{kind}");
    }
    let data = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_LINE));
    let big =
        EntryDraft { happening: Happening::Unknown { kind: "big".into(), data }, ..draft(Note { at: None }, None) };
    assert!(encode(&big, &meta(2, Digest([1; 32])), [0; 32]).is_err());
}

#[test]
fn a_plan_travels_through_a_line_byte_by_byte() {
    let (bytes, digest) = plan_bytes(&plan()).expect("plan");
    let proposed = Proposed { digest, plan: crate::model::entry::PlanBytes(bytes.clone()) };
    let sealed = encode(&draft(proposed, None), &meta(2, Digest([1; 32])), [0; 32]).expect("sealed");
    assert!(sealed.log.line.contains(&bytes));
    let Happening::Proposed(back) = decode(&sealed.log).expect("entry").happening else { panic!("proposed") };
    assert_eq!(parse_plan(&back.plan.0).expect("plan"), (plan(), digest));
}

#[test]
fn plan_bytes_other_than_the_canonical_ones_are_refused() {
    let (bytes, digest) = plan_bytes(&plan()).expect("plan");
    assert_eq!(digest, sha256(format!("warroom/plan/v1\n{bytes}").as_bytes()));
    assert!(parse_plan(&bytes.replacen(',', ", ", 1)).is_err());
    assert!(parse_plan(&format!("{bytes}\n")).is_err());
    assert!(parse_plan(&bytes.replacen("\"v\":1", "\"v\":2", 1)).is_err());
    assert!(parse_plan(&bytes.replacen("{\"action\"", "{\"aa\":1,\"action\"", 1)).is_err(), "an unseen member");
    assert!(parse_plan(&bytes.replacen("\"v\":1", "\"v\":1,\"v\":1", 1)).is_err(), "a doubled member");
    assert!(parse_plan(&bytes.replacen("\"zone\":\"z1\"", "\"zone\":\"z0\",\"zone\":\"z1\"", 1)).is_err());
    assert!(parse_plan(&bytes.replacen("1800", "1800.0", 1)).is_err());
    assert!(parse_plan(&"[".repeat(20_000)).is_err());
    let mut other = plan();
    other.title = "e\u{301}".into();
    assert!(matches!(plan_bytes(&other), Err(SealError::NotCanonical(_))));
}

#[test]
fn jq_and_sha256sum_reproduce_a_plans_digest() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let (bytes, digest) = plan_bytes(&plan()).expect("plan");
    let spawned = Command::new("sh")
        .args(["-c", "(printf 'warroom/plan/v1\\n'; jq -cSj .) | sha256sum"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    if Command::new("jq").arg("--version").output().is_err() {
        crate::test_support::missing("jq");
        return;
    }
    let mut child = spawned.expect("sh");
    child.stdin.take().expect("stdin").write_all(bytes.as_bytes()).expect("written");
    let out = child.wait_with_output().expect("output");
    assert_eq!(String::from_utf8_lossy(&out.stdout)[..64], digest.hex());
}

#[test]
fn a_chain_is_whole_or_says_where_it_is_not() {
    let drafts = || {
        vec![
            genesis(),
            draft(Note { at: None }, Some("one")),
            draft(Rotate { segment: 2, why: "size".into() }, None),
            draft(Note { at: None }, None),
        ]
    };
    let whole = chain(drafts());
    let good = lines(&whole);
    assert_eq!(check(&good), Ok((4, whole[3].entry.hash)));
    let broken = |change: &dyn Fn(&mut Vec<LogLine>)| {
        let mut lines = good.clone();
        change(&mut lines);
        check(&lines).expect_err("broken").why
    };
    assert!(broken(&|l| drop(l.remove(1))).contains("sequence"));
    assert!(broken(&|l| l.swap(2, 3)).contains("sequence"));
    assert!(broken(&|l| l[1].body = None).contains("missing"));
    assert!(broken(&|l| l[3].body = l[1].body.clone()).contains("does not name"));
    assert!(broken(&|l| l[1].body = l[1].body.as_ref().map(|b| b.replace("one", "two"))).contains("changed"));
    assert!(broken(&|l| l[1].body = l[1].body.as_ref().map(|b| b.replace(":2,", ":3,"))).contains("another"));
    assert!(broken(&|l| l[3].line = l[3].line.replace("ana", "sam")).contains("hash"));
    assert!(broken(&|l| l[3].body = Some(l[3].line.clone())).contains("where a body line belongs"));
    assert!(broken(&|l| l[0].line = l[0].line.replace("\"v\":1", "\"v\":2")).contains("neither"));
    let mut segments = ChainCheck::new();
    segments.segment().expect("begin");
    segments.push(&good[0]).expect("genesis");
    segments.segment().expect("next");
    assert!(segments.push(&good[1]).expect_err("no rotate").why.contains("rotate"));
    assert_eq!(segments.head().0, 1);
    let second = chain(vec![genesis(), genesis()]);
    assert!(check(&lines(&second)).expect_err("twice").why.contains("second genesis"));
    assert!(check(&lines(&chain(vec![draft(Note { at: None }, None)]))).expect_err("none").why.contains("genesis"));
    let mut resumed = ChainCheck::after(2, whole[1].entry.hash);
    resumed.push(&good[2]).expect("third");
    assert_eq!(resumed.head(), (3, whole[2].entry.hash));
}

#[test]
fn a_redacted_body_keeps_the_chain_only_if_an_entry_says_so() {
    let whole = chain(vec![
        genesis(),
        draft(Note { at: None }, Some("secret")),
        draft(Redact { seq: 2, proposal: None }, None),
    ]);
    let mut redacted = lines(&whole);
    redacted[1].body = Some("{\"b\":2,\"redacted\":3,\"why\":\"personal data\"}".into());
    assert_eq!(check(&redacted), Ok((3, whole[2].entry.hash)));
    assert_eq!(decode(&redacted[1]).expect("entry").text, None);
    redacted[1].body = Some("{\"b\":2,\"redacted\":4,\"why\":\"\"}".into());
    assert!(check(&redacted).expect_err("other entry").why.contains("redacted"));
    redacted[1].body = Some("{\"b\":2,\"redacted\":03,\"why\":\"\"}".into());
    assert!(check(&redacted).is_err());
    redacted[1].body = Some("{\"b\":2,\"redacted\":3}".into());
    assert!(check(&redacted).is_err());
}

#[test]
fn decode_refuses_members_that_are_not_where_the_hash_says() {
    let sealed = encode(&draft(Note { at: None }, None), &meta(2, Digest([1; 32])), [0; 32]).expect("sealed");
    // A second `seq` further on, with a hash made to fit.
    let covered = sealed.log.line[..sealed.log.line.len() - 72].replace("\"src\"", "\"seq\":9,\"src\"");
    let line = format!("{covered},\"h\":\"{}\"}}", sha256(covered.as_bytes()).hex());
    assert!(matches!(decode(&LogLine { line, body: None }), Err(SealError::NotAnEntry(_))));
    assert!(matches!(
        decode(&LogLine { line: sealed.log.line.replace("ana", "sam"), body: None }),
        Err(SealError::Hash { seq: 2 })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_a_person_writes_reads_back(raw in ".{0,200}", salt in any::<[u8; 32]>()) {
        let draft = draft(Note { at: None }, Some(&raw));
        let sealed = encode(&draft, &meta(5, Digest([3; 32])), salt).expect("sealed");
        prop_assert_eq!(&sealed.entry.text, &draft.text);
        prop_assert_eq!(decode(&sealed.log).expect("entry"), sealed.entry);
    }
}
