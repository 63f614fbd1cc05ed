//! Each real server really starts, and does something that no stand-in would do by itself.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use warroom::clock::Clock;

use crate::peers::alertmanager::{self, One, Pair};
use crate::peers::kube::{Cluster, Options};
use crate::peers::prism::Prism;
use crate::peers::prometheus::{Prometheus, Setup};
use crate::peers::proxy::{Counts, Fault, Proxy};
use crate::peers::sshd::Sshd;
use crate::peers::{certs::Validity, crds, need};
use crate::support::{run, wait_for};

const VELERO: &str = "/apis/velero.io/v1/namespaces/velero";

#[test]
fn a_cluster_knows_its_users_and_the_rules_of_its_schemas() {
    let Some(cluster) = Cluster::start(Options::default()) else { return };
    let (status, version) = cluster.request("GET", "/version", None);
    assert_eq!((status, &version["gitVersion"]), (200, &json!("v1.36.3")), "{version:#}");
    let reader = cluster.client_of("reader");
    assert_eq!(reader.request("GET", "/api/v1/nodes", None).0, 403);
    cluster.allow_reading("reader");
    wait_for("the reader may read", || (reader.request("GET", "/api/v1/nodes", None).0 == 200).then_some(()));

    // The kubeconfig is one that others read, and names an authority that they can check.
    if let Some(kubectl) = need("kubectl") {
        let mut kubectl = std::process::Command::new(kubectl);
        let (code, said, complaint) = run(kubectl.arg("--kubeconfig").arg(&cluster.kubeconfig).args(["get", "ns"]));
        assert!(code == 0 && said.contains("kube-node-lease"), "{said}{complaint}");
    }

    cluster.apply_crds();
    a_status_is_written_as_each_schema_wants_it(&cluster);
}

#[test]
fn our_own_schemas_have_the_rules_of_the_published_ones() {
    let Some(cluster) = Cluster::start(Options::default()) else { return };
    crds::apply(&cluster.client(), &crds::own());
    a_status_is_written_as_each_schema_wants_it(&cluster);
}

/// Velero has no status subresource: the status comes with the object. Flux has one: a status on create is dropped.
fn a_status_is_written_as_each_schema_wants_it(cluster: &Cluster) {
    cluster.namespace("velero");
    let restore = json!({
        "apiVersion": "velero.io/v1", "kind": "Restore", "metadata": { "name": "r1", "namespace": "velero" },
        "spec": { "backupName": "b1" }, "status": { "phase": "InProgress" },
    });
    let made = cluster.must("POST", &format!("{VELERO}/restores"), Some(&restore));
    assert_eq!(made["status"]["phase"], "InProgress", "{made:#}");
    let done = json!({ "status": { "phase": "Completed" } });
    let (status, said) = cluster.request("PATCH", &format!("{VELERO}/restores/r1/status"), Some(&done));
    assert_eq!(status, 404, "{said:#}");

    let source = "/apis/source.toolkit.fluxcd.io/v1/namespaces/default/gitrepositories";
    let object = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": { "name": "fleet" },
        "spec": { "interval": "1m", "url": "https://git.example/fleet" },
        "status": { "observedGeneration": 7 },
    });
    let made = cluster.must("POST", source, Some(&object));
    assert_ne!(made["status"]["observedGeneration"], 7, "{made:#}");
    let written = cluster.must(
        "PATCH",
        &format!("{source}/fleet/status"),
        Some(&json!({ "status": { "observedGeneration": 7 } })),
    );
    assert_eq!(written["status"]["observedGeneration"], 7, "{written:#}");
    assert_eq!(written["metadata"]["generation"], 1, "a status is no new generation");
}

#[test]
fn a_cluster_is_broken_and_mended_by_hand() {
    let Some(cluster) = Cluster::start(Options::default()) else { return };
    let client = cluster.client();
    cluster.namespace("kept");

    cluster.etcd().pause();
    wait_for("etcd named as failed", || {
        let (_, said) = client.try_request("GET", "/livez?verbose", None).ok()?;
        said.as_str().is_some_and(|said| said.contains("[-]etcd failed")).then_some(())
    });
    cluster.etcd().resume();
    wait_for("etcd well again", || cluster.ready().then_some(()));
    cluster.etcd().kill();
    cluster.etcd().start();
    wait_for("etcd back with its data", || {
        let answer = client.try_request("GET", "/api/v1/namespaces/kept", None);
        answer.is_ok_and(|(status, _)| status == 200).then_some(())
    });

    let old = client.token.clone();
    cluster.set_token("admin", "another-token");
    cluster.api().restart();
    assert_eq!(client.request("GET", "/api/v1/nodes", None).0, 401, "{old} is revoked");
    assert_eq!(cluster.request("GET", "/api/v1/namespaces/kept", None).0, 200);

    cluster.api().serve_with(Validity::Expired);
    let mut openssl = std::process::Command::new("openssl");
    openssl.args(["s_client", "-verify_return_error", "-connect", &format!("127.0.0.1:{}", cluster.port), "-CAfile"]);
    let (code, _, said) = run(openssl.arg(&cluster.ca).stdin(std::process::Stdio::null()));
    assert!(code != 0 && said.contains("certificate has expired"), "{said}");
    assert_eq!(cluster.request("GET", "/api/v1/namespaces/kept", None).0, 200);
    let pid = cluster.api().server().pid().expect("a process");
    cluster.api().kill();
    assert!(client.ask("GET", "/version", None).patience(Duration::from_secs(2)).send().is_err());
    cluster.api().start(&["--min-request-timeout=10"]);
    assert_ne!(cluster.api().server().pid(), Some(pid));
}

#[test]
fn a_silence_reaches_the_other_member_and_an_alert_does_not() {
    let Some(pair) = Pair::start(alertmanager::QUIET) else { return };
    let now = Clock::real().now();
    let alert = json!([{ "labels": { "alertname": "DiskSlow", "severity": "warning" } }]);
    pair.one.post_alerts(&alert);
    let silence = json!({
        "matchers": [{ "name": "alertname", "value": "DiskSlow", "isRegex": false, "isEqual": true }],
        "startsAt": now.to_rfc3339(), "endsAt": (now + TimeDelta::hours(1)).to_rfc3339(),
        "createdBy": "ana", "comment": "a test",
    });
    let (status, made) = pair.one.request("POST", "/api/v2/silences", Some(&silence));
    assert_eq!(status, 200, "{made}");
    let gossiped = wait_for("the silence on the other member", || pair.two.silences().first().cloned());
    assert_eq!((&gossiped["id"], &gossiped["comment"]), (&made["silenceID"], &json!("a test")));
    assert_eq!(pair.one.alerts(), ["DiskSlow"]);
    assert_eq!(pair.two.alerts(), [""; 0], "alerts do not gossip");

    pair.two.start_empty();
    wait_for("the silence on the member that began anew", || pair.two.silences().first().cloned());
    assert_eq!(pair.two.alerts(), [""; 0]);
    pair.one.configure("route: { receiver: other }\nreceivers: [{ name: other }]\n");
    let (_, receivers) = pair.one.request("GET", "/api/v2/receivers", None);
    assert_eq!(receivers[0]["name"], "other");
}

#[test]
fn prometheus_scrapes_the_api_server_and_fires_into_an_alertmanager() {
    let Some(cluster) = Cluster::start(Options::default()) else { return };
    let Some(am) = One::start(alertmanager::QUIET) else { return };
    let rules = "groups: [{ name: kube, rules: [{ alert: KubeAPIDown, expr: 'up{job=\"kube-apiserver\"} == 0', \
                 labels: { severity: critical } }] }]\n";
    let setup = Setup::default().rules(rules).alertmanager(am.port).scrape_cluster(&cluster).label("site", "here");
    let Some(prometheus) = Prometheus::start(&setup) else { return };
    let up = |wanted: &str| {
        let found = prometheus.query("up{job=\"kube-apiserver\"}");
        (found.first()?["value"][1] == wanted).then_some(())
    };
    wait_for("the API server scraped", || up("1"));
    assert!(!prometheus.query("apiserver_request_total").is_empty(), "its own metrics are there");
    cluster.api().kill();
    wait_for("the API server gone", || up("0"));
    wait_for("the alert in the Alertmanager", || (am.alerts() == ["KubeAPIDown"]).then_some(()));
    let (_, alerts) = am.request("GET", "/api/v2/alerts", None);
    assert_eq!((&alerts[0]["labels"]["site"], &alerts[0]["labels"]["cluster"]), (&json!("here"), &json!("primary")));
    cluster.api().start(&[]);
    wait_for("the API server scraped again", || up("1"));
    prometheus.reload(&Setup::default());
    wait_for("nothing fires", || prometheus.alerts().is_empty().then_some(()));
}

#[test]
fn prism_refuses_what_cloudflares_schema_does_not_allow() {
    let Some(prism) = Prism::cloudflare() else { return };
    let pool = "/accounts/0123456789abcdef0123456789abcdef/load_balancers/pools/17b5962d775c646f3f9725cbc7a53df4";
    let (status, said) = prism.request("PATCH", pool, Some(&json!({ "enabled": false })));
    assert_eq!(status, 200, "{said:#}\n{}", prism.log());
    let (status, said) = prism.request("PATCH", pool, Some(&json!({ "enabled": "no" })));
    assert_eq!(status, 422, "{said:#}");
}

/// A server that says again what it hears.
fn echo() -> u16 {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut piece = [0; 1024];
                while let Ok(length @ 1..) = socket.read(&mut piece) {
                    if socket.write_all(&piece[..length]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

#[test]
fn a_proxy_delays_cuts_truncates_stalls_and_refuses() {
    use std::io::{ErrorKind, Read, Write};
    let proxy = Proxy::start(echo());
    let open = || {
        let socket = std::net::TcpStream::connect(("127.0.0.1", proxy.port)).expect("a connection");
        socket.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
        socket
    };
    let say = |mut socket: &std::net::TcpStream| {
        socket.write_all(b"0123456789").expect("written");
        let mut back = [0; 10];
        socket.read_exact(&mut back).map(|()| back)
    };
    let socket = open();
    assert_eq!(say(&socket).expect("an echo"), *b"0123456789");
    // What was passed on is counted a moment after it arrived.
    let whole = Counts { connections: 1, bytes_up: 10, bytes_down: 10 };
    crate::support::wait_for("the count of what passed", || (proxy.counts() == whole).then_some(()));

    proxy.set(Fault::Delay(Duration::from_millis(150)));
    let began = std::time::Instant::now();
    say(&socket).expect("a late echo");
    assert!(began.elapsed() >= Duration::from_millis(300), "late both ways");

    proxy.set(Fault::Stall);
    (&socket).write_all(b"held").expect("written");
    socket.set_read_timeout(Some(Duration::from_millis(300))).expect("set");
    let silent = (&socket).read(&mut [0; 4]).expect_err("silence");
    assert_eq!(silent.kind(), ErrorKind::WouldBlock);
    proxy.set(Fault::Pass);
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    let mut held = [0; 4];
    (&socket).read_exact(&mut held).expect("what was held");
    assert_eq!(&held, b"held");

    proxy.set(Fault::Truncate(4));
    let mut rest = Vec::new();
    (&socket).write_all(b"0123456789").expect("written");
    (&socket).read_to_end(&mut rest).expect("an end");
    assert_eq!(rest, b"0123");

    proxy.set(Fault::Pass);
    let socket = open();
    say(&socket).expect("an echo");
    proxy.set(Fault::Cut);
    let reset = (&socket).read(&mut [0; 4]).expect_err("a reset, not an end");
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    let socket = open();
    let reset = (&socket).read(&mut [0; 4]).expect_err("a reset, not an end");
    assert_eq!(reset.kind(), ErrorKind::ConnectionReset);

    proxy.set(Fault::Refuse);
    let refused = std::net::TcpStream::connect(("127.0.0.1", proxy.port)).expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    proxy.set(Fault::Pass);
    say(&open()).expect("an echo");
}

#[test]
fn two_people_log_in_by_ssh_as_themselves() {
    let Some(sshd) = Sshd::start(&["ana", "sam"]) else { return };
    for person in ["ana", "sam"] {
        let account = sshd.account(person);
        let mut ssh = sshd.ssh(person, &[]);
        let (code, said, complaint) = run(ssh.arg("id -un; id -u; cat /proc/self/loginuid; echo; tty; echo \"$HOME\""));
        assert_eq!(code, 0, "{complaint}\n{}", sshd.server().tail());
        let lines: Vec<&str> = said.split_whitespace().collect();
        let uid = account.uid.to_string();
        // The login uid is written by the PAM session of a real login, and can't be set by the account itself.
        let home = account.home.display().to_string();
        assert_eq!(lines, [account.name.as_str(), &uid, &uid, "not", "a", "tty", &home], "{said}");
    }
    let names = ["ana", "sam"].map(|person| sshd.account(person).name.clone());
    let mut other = sshd.ssh("ana", &["-l", &names[1]]);
    let (code, _, said) = run(other.arg("true"));
    assert_eq!(code, 255, "one person's key opens no other account: {said}");
    drop(sshd);
    let accounts = std::fs::read_to_string("/etc/passwd").expect("accounts");
    assert!(!names.iter().any(|name| accounts.contains(name)), "the accounts are gone");
}
