//! Signed heads of a real room: what a stranger checks with nothing but the log, a public key and `ssh-keygen`.

use std::process::Command;

use serde_json::Value;
use warroom::clock::Clock;

use crate::peers::need;
use crate::stage::{ANA, SAM, Stage, entries, of_kind};
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
    let Some(_) = need("jq") else { return };
    let folder = stage.home();
    for segment in segments(&state) {
        std::fs::copy(&segment, folder.join(segment.file_name().expect("a name"))).expect("copied");
    }
    let readme = include_str!("../../README.md");
    let recipe = readme.split("```sh\n").find(|block| block.starts_with("e=$(grep")).expect("the recipe");
    let recipe = recipe.split("```").next().expect("its end");
    let (code, out, err) = run(Command::new("bash").args(["-euc", recipe]).current_dir(folder));
    assert!(code == 0 && out.contains("Good \"checkpoint@"), "{out}{err}");
    let forged = recipe.replace("\\(.d.head_seq)", "1\\(.d.head_seq)");
    assert_ne!(forged, recipe);
    assert_ne!(run(Command::new("bash").args(["-euc", &forged]).current_dir(folder)).0, 0);

    let other = folder.join("other");
    assert!(Command::new(&keygen).args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&other).status().is_ok());
    let (code, said) = verify(&other.with_extension("pub"));
    assert_eq!((code, &said["ok"]), (5, &Value::Bool(false)), "another key's owner did not write this: {said}");
}
