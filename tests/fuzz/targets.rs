//! What must hold for any bytes, one function a surface. `cargo fuzz` looks for bytes that break it (see `Cargo.toml` beside
//! this file); the ordinary tests run the corpora, the hostile texts and their mutations through the same functions.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize as _;
use serde_json::Value;
use warroom::clock::{Clock, Random};
use warroom::config::{self, LoadOptions};
use warroom::console::Keymap;
use warroom::ledger::{self, FileStorage, Ledger, OpenOptions};
use warroom::model::SafeText;
use warroom::protocol::{ClientLine, Hello, RoomLine, codec};
use warroom::seal;
use warroom::systems::{alertmanager, kubernetes};

#[path = "hidden.rs"]
pub mod hidden;

/// A target and its name.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const ALL: [Target; 9] = [
    ("codec", codec),
    ("ledger", ledger),
    ("config", config),
    ("plan", plan),
    ("sshsig", sshsig),
    ("alertmanager", alertmanager),
    ("kube_event", kube_event),
    ("safe_text", safe_text),
    ("keymap", keymap),
];

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// What is shown to a person holds nothing that a terminal would obey or hide.
fn shown(words: &str) {
    let bad = hidden::hidden(words);
    assert!(bad.is_empty(), "{bad:?} in {words:?}");
}

/// Every text of a fact is clean already: cleaning it again changes nothing.
fn clean(fact: &impl serde::Serialize) {
    fn same(text: &str) {
        shown(text);
        assert_eq!(SafeText::long(text), text, "cleaned twice");
    }
    fn walk(value: &Value) {
        match value {
            Value::String(text) => same(text),
            Value::Array(all) => all.iter().for_each(walk),
            Value::Object(map) => map.iter().for_each(|(key, value)| {
                same(key);
                walk(value);
            }),
            _ => {}
        }
    }
    walk(&serde_json::to_value(fact).expect("a fact serializes"));
}

/// Lines of the socket, both ways: refused in one clean line, or the same after another trip.
pub fn codec(data: &[u8]) {
    fn both<T: serde::de::DeserializeOwned + serde::Serialize + PartialEq + std::fmt::Debug>(
        line: &str,
        deepest: usize,
    ) {
        match codec::decode::<T>(line, deepest) {
            Ok(message) => {
                let again = serde_json::to_string(&message).expect("a message serializes");
                assert_eq!(codec::decode::<T>(&again, codec::ROOM_DEPTH).expect("its own words"), message);
            }
            Err(why) => shown(SafeText::new(&why).as_str()),
        }
    }
    let Some(text) = text(data) else { return };
    for line in text.lines().take(64) {
        both::<Hello>(line, codec::CLIENT_DEPTH);
        both::<ClientLine>(line, codec::CLIENT_DEPTH);
        both::<RoomLine>(line, codec::ROOM_DEPTH);
    }
}

/// A file of a log: what opens verifies afterwards, and nothing that was whole is lost.
pub fn ledger(data: &[u8]) {
    let home = tempfile::tempdir().expect("a folder");
    let dir = home.path().join("log");
    std::fs::create_dir(&dir).expect("a folder");
    std::fs::set_permissions(&dir, Permissions::from_mode(0o700)).expect("its mode");
    let file = dir.join("timeline.000001.jsonl");
    std::fs::write(&file, data).expect("written");
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("its mode");
    let dirs: [PathBuf; 1] = [dir.clone()];
    let before = ledger::verify(&dirs, &ledger::Expected::default()).expect("a verdict");
    let options = OpenOptions {
        dir,
        room: "prod-ca".to_owned(),
        src: "bastion-1".to_owned(),
        boot: "boot".to_owned(),
        drill: false,
        key: String::new(),
        allow_fs: Vec::new(),
        check_fs: false,
        snapshot: None,
    };
    let Ok(opened) = Ledger::open(options, Arc::new(FileStorage), Clock::real(), Random::seeded(1)) else { return };
    let blocked = opened.damaged.as_ref().is_some_and(|damage| damage.blocks);
    let (seq, _) = opened.ledger.head();
    assert!(blocked || seq >= before.seq, "{} good entries became {seq}", before.seq);
    drop(opened);
    if blocked {
        assert_eq!(std::fs::read(&file).expect("still there"), data, "a damaged log is not touched");
    } else {
        let after = ledger::verify(&dirs, &ledger::Expected::default()).expect("a verdict");
        assert!(after.ok, "opened, and not intact: {after:?}");
    }
}

/// A configuration file: taken, or refused with its place in clean words.
pub fn config(data: &[u8]) {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("warroom.toml");
    std::fs::write(&file, data).expect("written");
    match config::load(&file, LoadOptions { drill: true, ..LoadOptions::default() }) {
        Ok(config) => {
            let said = config::to_toml(&config).to_string();
            assert!(!said.is_empty());
        }
        Err(errors) => {
            shown(&errors.to_string());
            assert!(errors.to_string().contains("warroom.toml"), "{errors}");
        }
    }
}

/// Bytes of a plan: those of one plan alone, or none.
pub fn plan(data: &[u8]) {
    let Some(text) = text(data) else { return };
    if let Ok((plan, digest)) = seal::parse_plan(text) {
        let (bytes, again) = seal::plan_bytes(&plan).expect("a parsed plan seals");
        assert_eq!((bytes.as_str(), again), (text, digest), "two forms of one plan");
    }
}

/// A key whose private half was thrown away: it never signed for this purpose.
const NOBODY: &str = include_str!("nobody.pub");

/// Signatures: of a key that signed nothing, none counts; and no text is a key by accident.
pub fn sshsig(data: &[u8]) {
    let Some(text) = text(data) else { return };
    for message in [&b""[..], b"prod-ca\nchain-v1\n1\n"] {
        let said = seal::check_signature(text, message, "checkpoint@prod-ca", NOBODY);
        shown(&said.expect_err("a forged signature").to_string());
    }
    if let Ok(fingerprint) = seal::fingerprint(text) {
        shown(&fingerprint);
    }
    if let Err(why) = seal::SigningKey::parse(text) {
        shown(&why.to_string());
    }
}

/// Answers of Alertmanager.
pub fn alertmanager(data: &[u8]) {
    use alertmanager::map;
    if let Ok(raw) = serde_json::from_slice::<Vec<map::RawAlert>>(data) {
        let words = warroom::model::AlertWords::default();
        clean(&raw.into_iter().map(|alert| map::alert(alert, &words)).collect::<Vec<_>>());
    }
    if let Ok(raw) = serde_json::from_slice::<Vec<map::RawSilence>>(data) {
        clean(&map::silences(raw));
    }
    if let Ok(status) = serde_json::from_slice::<Value>(data) {
        clean(&map::peer("am-1", &status));
    }
}

/// Objects of an API server, whatever they claim to be.
pub fn kube_event(data: &[u8]) {
    let Ok(object) = serde_json::from_slice::<Value>(data) else { return };
    if let Ok(event) = kubernetes::map::EventObject::deserialize(&object) {
        clean(&kubernetes::map::event("primary", &event));
    }
    clean(&kubernetes::map::node("primary", &object, None));
    clean(&kubernetes::pods::pod("primary", &object));
    if let Some(text) = text(data) {
        clean(&kubernetes::map::health(500, text));
    }
}

/// Any text from outside: bounded, harmless, and the same when cleaned again.
pub fn safe_text(data: &[u8]) {
    let raw = String::from_utf8_lossy(data);
    for (safe, most) in [(SafeText::new(&raw), 2 * 1024), (SafeText::long(&raw), 8 * 1024)] {
        shown(safe.as_str());
        assert!(!safe.as_str().contains('\n'), "a line break in {safe:?}");
        assert!(safe.as_str().len() <= most, "{} bytes", safe.as_str().len());
        assert_eq!(SafeText::long(safe.as_str()), safe, "cleaned twice");
    }
    // Nothing but the characters of identifiers, the marks of an escape and of a cut.
    let identifier = SafeText::identifier(&raw);
    let plain = |c: char| c.is_ascii_graphic() || matches!(c, '‹' | '›' | '…');
    assert!(identifier.as_str().chars().all(plain), "{identifier:?}");
}

/// Key maps: taken, or refused with their place in clean words.
pub fn keymap(data: &[u8]) {
    let Some(text) = text(data) else { return };
    match Keymap::parse("keys.toml", text) {
        Ok(map) => drop(map),
        Err(error) => {
            shown(&error.to_string());
            assert!(error.to_string().starts_with("keys.toml"), "{error}");
        }
    }
}
