//! Signed heads of a real room: what a stranger checks with nothing but the log, a public key and `ssh-keygen`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use warroom::clock::Clock;

use crate::stage::{ANA, SAM, Stage, entries, of_kind};
use crate::support::{peer, run_json, wait_for, warroom};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_checks_who_wrote_the_log_with_ssh_keygen() {
    if !crate::stage::accounts() {
        return;
    }
    let Some(keygen) = peer("ssh-keygen", "apt-get install openssh-client") else { return };
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
    drop(stage.room.take());

    let public = key.with_extension("key.pub");
    let verify = |key: &std::path::Path| {
        run_json(warroom(stage.home()).arg("verify").arg(&state).arg("--key").arg(key).args(["-o", "json"]))
    };
    let (code, said) = verify(&public);
    assert_eq!((code, &said["ok"], &said["signed"]["pinned"]), (0, &Value::Bool(true), &Value::Bool(true)), "{said}");
    assert!(said["signed"]["seq"].as_u64() >= signed_end["d"]["head_seq"].as_u64(), "{said}");
    stage.intact(&state);

    // The recipe of the README, without the program.
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let data = &signed_end["d"];
    let head = word(&data["head"]);
    let head = head.strip_prefix("sha256:").unwrap_or(&head);
    let room = word(&signed_end["room"]);
    let text = format!("{room}\nchain-v1\n{}\n{head}\n{}\n", data["head_seq"], word(&data["at"]));
    let folder = stage.home();
    std::fs::write(folder.join("head.sig"), word(&data["sig"])).expect("written");
    let allowed = format!("{room} {}", std::fs::read_to_string(&public).expect("the public key"));
    std::fs::write(folder.join("allowed"), allowed).expect("written");
    let purpose = format!("checkpoint@{room}");
    let args = ["-Y", "verify", "-f", "allowed", "-I", &room, "-n", &purpose, "-s", "head.sig"];
    let mut child =
        Command::new(&keygen).args(args).current_dir(folder).stdin(Stdio::piped()).spawn().expect("started");
    child.stdin.take().expect("piped").write_all(text.as_bytes()).expect("written");
    assert!(child.wait().expect("ended").success(), "{text}");

    let other = folder.join("other");
    assert!(Command::new(&keygen).args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&other).status().is_ok());
    let (code, said) = verify(&other.with_extension("pub"));
    assert_eq!((code, &said["ok"]), (5, &Value::Bool(false)), "another key's owner did not write this: {said}");
}
