//! Signed heads of a real room: what a stranger checks with nothing but the log, a public key and `ssh-keygen`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use warroom::clock::Clock;

use crate::peers::need;
use crate::stage::{ANA, KIM, SAM, Stage, entries, of_kind};
use crate::support::{run, run_json, segments, wait_for, warroom};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_checks_who_wrote_the_log_with_ssh_keygen() {
    if !crate::stage::accounts() {
        return;
    }
    let Some(keygen) = need("ssh-keygen") else { return };
    let mut stage = Stage::set(Stage::story(), Clock::real(), async |_: &str| None).await;
    let key = stage.at.config.with_file_name("log.key");
    let made = Command::new(&keygen).args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    assert!(made.is_ok_and(|status| status.success()), "a key");
    stage.open();
    stage.incident();
    let plan = stage.propose(ANA);
    assert_eq!(stage.approve(SAM, &plan).0, 0);
    wait_for("the end of the plan", || (stage.plan(&plan)["state"] == "succeeded").then_some(()));
    let state = stage.state();
    let signed_end = wait_for("a signature after it", || {
        let all = entries(&state);
        let ended = of_kind(&all, "plan_ended").first()?["seq"].as_u64()?;
        of_kind(&all, "head_signed").into_iter().find(|it| it["d"]["head_seq"].as_u64() >= Some(ended)).cloned()
    });
    let export = stage.client(ANA).args(["export", "--format", "json"]).output().expect("it runs").stdout;
    drop(stage.room.take());

    let public = key.with_extension("key.pub");
    let verify = |key: &std::path::Path| {
        run_json(warroom(stage.home()).arg("verify").arg(&state).arg("--key").arg(key).args(["-o", "json"]))
    };
    let (code, said) = verify(&public);
    assert_eq!((code, &said["ok"], &said["signed"]["pinned"]), (0, &Value::Bool(true), &Value::Bool(true)), "{said}");
    assert!(said["signed"]["seq"].as_u64() >= signed_end["d"]["head_seq"].as_u64(), "{said}");
    stage.intact(&state);

    // The recipes of docs/verify.md, without the program.
    let Some(_) = need("jq") else { return };
    let folder = stage.home();
    for segment in segments(&state) {
        std::fs::copy(&segment, folder.join(segment.file_name().expect("a name"))).expect("copied");
    }
    recipes_prove(folder, &state, export);
    recipes_refuse(folder);

    let other = folder.join("other");
    assert!(Command::new(&keygen).args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&other).status().is_ok());
    let (code, said) = verify(&other.with_extension("pub"));
    assert_eq!((code, &said["ok"]), (5, &Value::Bool(false)), "another key's owner did not write this: {said}");
}

/// Stop, cut the log behind its first entries, start, write anew: the second history gets no entry and no signature.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_cut_is_not_written_on_and_not_signed_again() {
    if !crate::stage::accounts() {
        return;
    }
    let Some(keygen) = need("ssh-keygen") else { return };
    let mut stage = Stage::set(Stage::story(), Clock::real(), async |_: &str| None).await;
    let key = stage.at.config.with_file_name("log.key");
    let made = Command::new(&keygen).args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    assert!(made.is_ok_and(|status| status.success()), "a key");
    stage.open();
    stage.incident();
    let state = stage.state();
    let signed = wait_for("a signature", || of_kind(&entries(&state), "head_signed").first().map(|it| (*it).clone()));
    let (seq, head) = (signed["d"]["head_seq"].as_u64().expect("a number"), signed["prev"].as_str().expect("a hash"));
    stage.kill();
    stage.intact(&state);
    let [segment] = &segments(&state)[..] else { panic!("one segment") };
    let whole = std::fs::read_to_string(segment).expect("the log");
    let cut: String = whole.split_inclusive('\n').take(2).collect();
    std::fs::write(segment, &cut).expect("cut");

    stage.open();
    let (_, status) = stage.ask(SAM, &["status"]);
    assert!(status["room"].to_string().contains("which the room signed, is missing"), "{status}");
    wait_for("rows: the panes are live", || {
        let (_, traffic) = stage.ask(SAM, &["traffic"]);
        traffic["rows"].as_array().is_some_and(|rows| !rows.is_empty()).then_some(())
    });
    let (code, said) = stage.ask(SAM, &["timeline", "add", "anew"]);
    assert_eq!((code, said["refused"].as_str()), (6, Some("degraded")), "{said}");
    assert!(said["remedy"].to_string().contains("warroom ledger new --after-damage"), "{said}");
    drop(stage.room.take());
    assert_eq!(std::fs::read_to_string(segment).expect("the log"), cut, "nothing is written on, and nothing signed");

    let verify = |words: &[&str]| run_json(warroom(stage.home()).arg("verify").args(words).args(["-o", "json"]));
    let (folder, public) = (state.display().to_string(), key.with_extension("key.pub").display().to_string());
    let file = segment.display().to_string();
    let expected = format!("{seq}:{head}");
    for words in [&[folder.as_str()][..], &[&file, "--expect-head", &expected], &[&file, "--key", &public]] {
        let (code, said) = verify(words);
        assert_eq!((code, &said["ok"]), (5, &Value::Bool(false)), "{words:?}: {said}");
    }
    assert_eq!(verify(&[&file]).0, 0, "a shorter chain is a chain: only what was kept elsewhere tells");
    std::fs::write(segment, &whole).expect("whole again");
    for words in [&[folder.as_str()][..], &[&file, "--expect-head", &expected], &[&folder, "--key", &public]] {
        assert_eq!(verify(words).0, 0, "{words:?}");
    }

    std::fs::write(segment, &cut).expect("cut");
    let mut renew = warroom(stage.home());
    renew
        .args(["ledger", "new", "--after-damage"])
        .arg("--config")
        .arg(&stage.at.config)
        .arg("--state-dir")
        .arg(&state);
    let (code, _, err) = run(&mut renew);
    assert_eq!(code, 0, "{err}");
    let genesis = entries(&state).remove(0);
    assert_eq!(genesis["d"]["after_damage"]["signed"]["seq"].as_u64(), Some(seq), "{genesis}");
    stage.open();
    stage.incident();
    wait_for("a signature of the new log", || of_kind(&entries(&state), "head_signed").first().map(|_| ()));
    stage.kill();
    stage.intact(&state);
}

/// The same by somebody who removes the room's own memory too: who was there before knows it, and who was not can't.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_was_there_before_does_not_take_another_history_for_the_log() {
    if !crate::stage::accounts() {
        return;
    }
    let mut stage = Stage::set(Stage::story(), Clock::real(), async |_: &str| None).await;
    stage.open();
    stage.incident();
    let state = stage.state();
    let own = stage.home().join("sam");
    std::fs::create_dir(&own).expect("a home");
    std::os::unix::fs::chown(&own, Some(SAM), Some(0)).expect("his own");
    let sam = |stage: &Stage, words: &[&str]| {
        let (code, out, err) = run(stage.client(SAM).env("HOME", &own).args(words));
        (code, format!("{out}{err}"))
    };
    let (code, said) = sam(&stage, &["timeline", "show"]);
    assert_eq!(code, 0, "{said}");
    let seen = entries(&state).len();
    stage.kill();
    let [segment] = &segments(&state)[..] else { panic!("one segment") };
    let whole = std::fs::read_to_string(segment).expect("the log");
    let cut: String = whole.split_inclusive('\n').take(1).collect();
    std::fs::write(segment, &cut).expect("cut");
    // Whoever cuts it so that the room itself can't tell takes these along.
    for name in ["SIGNED", "SNAPSHOT"] {
        let _ = std::fs::remove_file(state.join(name));
    }

    stage.open();
    // A command that reads no entries compares the room's head; once the log is as long as it was, that tells nothing.
    let (code, said) = sam(&stage, &["status"]);
    let short = code == 5 && (said.contains("the log was cut") || said.contains("this is another history"));
    assert!(short || entries(&state).len() > seen, "{code} {said}");
    stage.incident();
    wait_for("a longer log", || {
        stage.ask(KIM, &["timeline", "add", "anew"]);
        (entries(&state).len() > seen).then_some(())
    });
    stage.intact(&state);
    let (code, said) = sam(&stage, &["timeline", "show"]);
    assert!(code == 5 && said.contains("this is another history"), "{code} {said}");
    assert_eq!(stage.ask(KIM, &["timeline", "show"]).0, 0, "who was not there can't know");
    let log = entries(&state)[0]["d"]["log"].as_str().expect("its id").to_owned();
    for words in [&["timeline", "show", "--accept-log", &log][..], &["timeline", "show"]] {
        let (code, said) = sam(&stage, words);
        assert_eq!(code, 0, "{words:?}: {said}");
    }
    stage.kill();
}

/// The block of docs/verify.md that begins so.
fn recipe(start: &str) -> &'static str {
    let page = include_str!("../../docs/verify.md");
    let blocks = page.split("```sh\n").skip(1).chain(page.split("```bash\n").skip(1));
    let block = blocks.into_iter().find(|block| block.starts_with(start)).expect("the recipe");
    block.split("```").next().expect("its end")
}

/// Runs the recipes: those for any shell in the plainest one there is.
fn chain(folder: &Path) -> (i32, String, String) {
    run(Command::new("sh").args(["-c", recipe("cat timeline")]).current_dir(folder))
}

fn newest_head(folder: &Path, recipe: &str) -> (i32, String, String) {
    run(Command::new("bash").args(["-c", recipe]).current_dir(folder))
}

/// They accept what is whole, and say what the program says.
fn recipes_prove(folder: &Path, state: &Path, export: Vec<u8>) {
    let all = entries(state);
    let (code, out, err) = chain(folder);
    let last = all.last().expect("an entry")["h"].as_str().expect("a hash");
    assert_eq!((code, out.trim_end()), (0, format!("intact: {} entries, head {last}", all.len()).as_str()), "{err}");

    let (code, out, err) = run(Command::new("sh").args(["-euc", recipe("for seq in")]).current_dir(folder));
    let lines: Vec<&str> = out.lines().collect();
    let said: Vec<&str> = of_kind(&all, "proposed").iter().filter_map(|it| it["d"]["digest"].as_str()).collect();
    assert!(code == 0 && !said.is_empty() && lines.len() == 2 * said.len(), "{out}{err}");
    for (pair, digest) in lines.chunks(2).zip(said) {
        assert_eq!((pair[0], format!("sha256:{}", &pair[1][..64])), (digest, digest.to_owned()), "{out}");
    }

    std::fs::write(folder.join("export.json"), export).expect("written");
    let (code, out, err) = run(Command::new("sh").args(["-euc", recipe("jq -c --arg head")]).current_dir(folder));
    let found: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{code}: {out}{err}"));
    assert!(all.iter().any(|it| it["seq"] == found[0] && it["ts"] == found[1]), "{found}");

    let signed = recipe("e=$(grep");
    let (code, out, err) = newest_head(folder, signed);
    assert!(code == 0 && out.contains("Good \"checkpoint@"), "{out}{err}");
    let forged = signed.replace("\\(.d.head_seq)\\n", "1\\(.d.head_seq)\\n");
    assert_ne!(forged, signed);
    assert_ne!(newest_head(folder, &forged).0, 0, "what was signed is no other number");
}

/// They refuse what is not: nothing at all, a log that breaks off, and one that was written anew.
fn recipes_refuse(folder: &Path) {
    let files = segments(folder);
    let whole: Vec<Vec<u8>> = files.iter().map(|path| std::fs::read(path).expect("a segment")).collect();
    let newest = files.last().expect("a segment");
    let bytes = whole.last().expect("a segment");
    let empty = crate::support::scratch();
    let (code, out, _) = chain(empty.path());
    assert!(code == 5 && !out.contains("intact: "), "an empty folder: {code} {out}");
    std::fs::write(newest, &bytes[..bytes.len() - 1]).expect("torn");
    let (code, out, _) = chain(folder);
    assert!(code == 5 && out.contains("not whole"), "a torn line: {code} {out}");
    std::fs::write(newest, [bytes.as_slice(), b"{\"b\":\"x\",\"salt\":\"y\"}\n"].concat()).expect("a text of nothing");
    let (code, out, _) = chain(folder);
    assert!(code == 5 && out.contains("not whole"), "a text without its entry: {code} {out}");

    // Whoever can write the file computes the chain anew, and keeps the newest signature.
    std::fs::write(newest, bytes).expect("whole again");
    rewrite(&files);
    let (code, out, err) = chain(folder);
    assert!(code == 0 && out.starts_with("intact: "), "a chain by itself shows no fraud: {out}{err}");
    let (code, out, err) = newest_head(folder, recipe("e=$(grep"));
    assert!(code != 0 && out.trim() == "false", "the signature is of another log: {code} {out}{err}");
    for (path, bytes) in files.iter().zip(&whole) {
        std::fs::write(path, bytes).expect("as it was");
    }
}

/// Changes one entry early in a log, and every hash after it.
fn rewrite(files: &[PathBuf]) {
    use sha2::{Digest as _, Sha256};
    let mut prev = "0".repeat(64);
    for path in files {
        let mut out = String::new();
        for line in std::fs::read_to_string(path).expect("a segment").lines() {
            if line.starts_with("{\"b\":") {
                out.push_str(&format!("{line}\n"));
                continue;
            }
            let entry: Value = serde_json::from_str(line).expect("an entry");
            let (own, _) = line.rsplit_once(",\"h\":").expect("its hash");
            let link = |to: &str| format!("\"prev\":\"{to}\"");
            let own = own.replace(&link(entry["prev"].as_str().expect("a link")), &link(&prev));
            let own = if entry["seq"] == 2 { own.replacen("\"mono\":", "\"mono\":1", 1) } else { own };
            prev = format!("{:x}", Sha256::digest(own.as_bytes()));
            out.push_str(&format!("{own},\"h\":\"{prev}\"}}\n"));
        }
        std::fs::write(path, out).expect("written");
    }
}
