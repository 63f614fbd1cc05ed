//! The transport policy against real sockets that misbehave.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::test_server::{ScriptedReply, TestServer, file};
use super::*;

const CANARY: &str = "canary-4f1d2c3b9a";

fn bearer(path: &std::path::Path) -> Options {
    Options { auth: Auth::Bearer(path.to_owned()), ..Options::default() }
}

fn short() -> Options {
    Options { total: Duration::from_millis(300), ..Options::default() }
}

async fn trouble_of(reply: ScriptedReply) -> Trouble {
    let server = TestServer::start(move |_| reply.clone()).await;
    let result = Api::new(&server.url, short()).get::<Value>(&["x"]).await;
    result.expect_err("trouble")
}

#[tokio::test]
async fn a_replaced_token_file_works_at_the_next_request() {
    let token = file("old\n");
    let server = TestServer::start(|seen| match seen.header("authorization") {
        "Bearer newer" => ScriptedReply::Json(200, json!({"ok": true})),
        _ => ScriptedReply::Json(401, json!({"message": "Unauthorized"})),
    })
    .await;
    let api = Api::new(&server.url, bearer(token.path()));
    let trouble = api.get::<Value>(&["x"]).await.expect_err("401");
    assert_eq!(trouble.kind, TroubleKind::Unauthorized);
    assert!(trouble.remedy.as_str().contains(&token.path().display().to_string()), "{trouble:?}");
    assert_eq!(server.seen().len(), 1, "the same token is not tried twice");
    std::fs::write(token.path(), "newer").expect("replaced");
    assert_eq!(api.get::<Value>(&["x"]).await.expect("good"), json!({"ok": true}));
}

#[tokio::test]
async fn a_token_replaced_while_the_request_was_under_way_is_used_at_once() {
    let token = file("old");
    let path = token.path().to_owned();
    let server = TestServer::start(move |seen| match seen.header("authorization") {
        "Bearer newer" => ScriptedReply::Json(200, json!(1)),
        _ => {
            std::fs::write(&path, "newer").expect("replaced");
            ScriptedReply::Json(401, json!("no"))
        }
    })
    .await;
    let api = Api::new(&server.url, bearer(token.path()));
    let answer = api.send(Method::PATCH, &["x"], Some(&json!({"a": 1}))).await.expect("an answer");
    assert_eq!(answer.status, 200);
    assert_eq!(server.seen().len(), 2);
    assert_eq!(server.seen()[1].body, json!({"a": 1}));
}

#[tokio::test]
async fn a_long_error_page_becomes_its_title() {
    let mut page = String::from("<!DOCTYPE html>\n<html><head>\n<title>502 Bad\n Gateway</title>\n<style>b{}</style>");
    (0..200).for_each(|i| page.push_str(&format!("<p>line {i}. more</p>\n")));
    let trouble = trouble_of(ScriptedReply::Text(502, page)).await;
    assert_eq!(trouble.kind, TroubleKind::ServerError);
    assert!(trouble.what.as_str().ends_with("answered 502: 502 Bad Gateway"), "{trouble:?}");
}

#[test]
fn the_first_sentence_of_every_kind_of_body() {
    let long = "x".repeat(500);
    for (body, words) in [
        (r#""Failed to parse filter. Try again.""#, "Failed to parse filter"),
        (r#"{"code":612,"message":"bad matcher"}"#, "bad matcher"),
        (r#"{"errors":[{"code":1,"message":"first"},{"message":"second"}]}"#, "first"),
        (
            "Limit of concurrent GET requests reached (8), try again later.\n",
            "Limit of concurrent GET requests reached (8), try again later",
        ),
        ("<html><body><style>p{x}</style><p>It is broken.</p><p>Very</p></body></html>", "It is broken. Very"),
        ("", ""),
        ("\n\n plain words\nmore", "plain words"),
        (long.as_str(), &format!("{}…", "x".repeat(160))),
    ] {
        let words = words.split(". ").next().expect("a sentence");
        assert_eq!(first_sentence(body.as_bytes(), 160), words, "{body}");
    }
}

#[tokio::test]
async fn every_status_has_its_kind() {
    use TroubleKind::{Forbidden, Garbage, NotInstalled, ServerError, Silent, Throttled, Unauthorized};
    for (status, body, kind) in [
        (400, "no", Garbage),
        (401, "no", Unauthorized),
        (403, "no", Forbidden),
        (404, "404 page not found", NotInstalled),
        (408, "", Silent),
        (429, "slow down", Throttled),
        (500, "", ServerError),
        (503, "Limit of concurrent GET requests reached (8)", Throttled),
        (504, "", Silent),
        (200, "not json", Garbage),
        (200, "", Garbage),
        (204, "", Garbage),
    ] {
        let trouble = trouble_of(ScriptedReply::Text(status, body.to_owned())).await;
        assert_eq!(trouble.kind, kind, "{status} {trouble:?}");
        assert!(!trouble.remedy.is_empty(), "{status}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let target = TestServer::start(|_| ScriptedReply::Json(200, json!(1))).await;
    let to = format!("{}/login?token={CANARY}", target.url);
    let trouble = trouble_of(ScriptedReply::With(302, vec![("location", to)], String::new())).await;
    assert_eq!(trouble.kind, TroubleKind::Garbage);
    assert!(trouble.what.as_str().contains("a redirect to 127.0.0.1, which is not followed"), "{trouble:?}");
    assert!(!format!("{trouble:?}").contains(CANARY));
    assert!(target.seen().is_empty());
}

#[tokio::test]
async fn silence_is_not_absence() {
    let silent = trouble_of(ScriptedReply::Silent).await;
    assert_eq!(silent.kind, TroubleKind::Silent, "{silent:?}");
    assert!(silent.what.as_str().ends_with("did not answer within 300 ms"), "{silent:?}");

    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let fault = Api::new(&format!("http://{port}"), short()).send(Method::GET, &[], None).await.expect_err("refused");
    assert_eq!(fault.trouble.kind, TroubleKind::Unreachable);
    assert_eq!(fault.trouble.what.as_str(), format!("no connection to {port}: Connection refused"));
    assert!(!fault.sent, "provably nothing was sent");
}

#[tokio::test]
async fn a_broken_get_is_asked_again_once_and_a_broken_patch_never() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let hits: std::sync::Arc<Mutex<Vec<String>>> = std::sync::Arc::default();
    let record = hits.clone();
    tokio::spawn(async move {
        // Reads the request and closes without a word; answers the third connection.
        loop {
            let Ok((mut socket, _)) = listener.accept().await else { return };
            let mut head = [0u8; 5];
            let _ = socket.read_exact(&mut head).await;
            let number = {
                let mut record = record.lock().expect("the record");
                record.push(String::from_utf8_lossy(&head).into_owned());
                record.len()
            };
            if number == 3 {
                let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\n7").await;
            }
        }
    });
    let api = Api::new(&url, short());
    let fault = api.send(Method::PATCH, &["x"], Some(&json!({}))).await.expect_err("broken");
    assert!(fault.sent, "it may have happened");
    assert_eq!(*hits.lock().expect("the record"), ["PATCH"]);
    assert_eq!(api.get::<u32>(&["x"]).await.expect("the second try"), 7);
    assert_eq!(*hits.lock().expect("the record"), ["PATCH", "GET /", "GET /"]);
}

#[tokio::test]
async fn bodies_are_bounded() {
    let server = TestServer::start(|_| ScriptedReply::Text(200, "x".repeat(4096))).await;
    let small = Options { max_body: 1024, ..Options::default() };
    let fault = Api::new(&server.url, small.clone()).send(Method::GET, &[], None).await.expect_err("too large");
    assert_eq!(fault.trouble.kind, TroubleKind::Garbage);
    assert!(fault.trouble.what.as_str().ends_with("answered more than 1 KiB"), "{fault:?}");
    let cut = Options { cut_body: true, ..small };
    let answer = Api::new(&server.url, cut).send(Method::GET, &[], None).await.expect("cut short");
    assert_eq!(answer.status, 200);
    assert!(answer.body.len() <= 1024);
}

#[test]
fn json_is_bounded_in_depth() {
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(parse::<Value>(nested(64).as_bytes()).is_ok());
    assert_eq!(parse::<Value>(nested(65).as_bytes()).expect_err("too deep"), "JSON nested deeper than 64 levels");
    let brackets_in_text = format!(r#"{{"a\"": "{}"}}"#, "[{".repeat(100));
    assert!(parse::<Value>(brackets_in_text.as_bytes()).is_ok());
}

#[tokio::test]
async fn a_credential_is_never_repeated() {
    let file = file(CANARY);
    // A server that sends everything back: what it got, in every place it can.
    let server = TestServer::start(|seen| {
        let got = seen.header("authorization").to_owned();
        let status = if seen.path == "/ok" { 200 } else { 403 };
        ScriptedReply::With(
            status,
            vec![],
            json!({"message": format!("bad header {got} here"), "n": [got]}).to_string(),
        )
    })
    .await;
    for auth in [Auth::Bearer(file.path().to_owned()), Auth::Basic("me".to_owned(), file.path().to_owned())] {
        let options = Options { auth: auth.clone(), ..Options::default() };
        let secret = auth.read(secret::Readers::ServiceAlone).await.expect("read").expect("one");
        let shown = format!("{options:?} {auth:?} {secret:?}");
        assert!(!shown.contains(CANARY), "{shown}");
        let api = Api::new(&server.url, options);
        let answer = api.send(Method::GET, &["ok"], None).await.expect("an answer");
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(body.contains("[redacted]"), "{body}");
        let trouble = api.get::<Value>(&["no"]).await.expect_err("403");
        let wrong_type = api.get::<Vec<u8>>(&["ok"]).await.expect_err("another type");
        for text in [body, format!("{answer:?}"), format!("{trouble:?}"), format!("{wrong_type:?}")] {
            // `bWU6Y2FuYXJ5` is how `me:canary` begins in base64.
            assert!(!text.contains(CANARY) && !text.contains("bWU6Y2FuYXJ5"), "{text}");
        }
    }
    assert!(server.seen()[0].header("authorization").contains(CANARY), "it was really sent");
}

#[tokio::test]
async fn what_is_wrong_on_our_side_is_said_and_sends_nothing() {
    let server = TestServer::start(|_| ScriptedReply::Json(200, json!(1))).await;
    let with_secret = server.url.replace("http://", &format!("http://ana:{CANARY}@"));
    let (empty, two_lines, not_pem) = (file(" \n"), file("one\ntwo"), file("not a certificate"));
    let gone = std::path::Path::new("/nonexistent/token");
    let ca = |path: &std::path::Path| Options { ca_file: Some(path.to_owned()), ..Options::default() };
    for (url, options, words) in [
        (&server.url, bearer(gone), "there is no such file"),
        (&server.url, bearer(empty.path()), "it is empty"),
        (&server.url, bearer(two_lines.path()), "more than one line"),
        (&server.url, ca(gone), "there is no such file"),
        (&server.url, ca(not_pem.path()), "it holds no certificate"),
        (&with_secret, Options::default(), "carries a user or password"),
        (&"ftp://x".to_owned(), Options::default(), "is not an http or https address"),
        (&"not a url".to_owned(), Options::default(), "does not parse"),
    ] {
        let fault = Api::new(url, options).send(Method::GET, &["x"], None).await.expect_err(words);
        assert_eq!(fault.trouble.kind, TroubleKind::Credential, "{fault:?}");
        assert!(fault.trouble.what.as_str().contains(words), "{fault:?}");
        assert!(!fault.sent && !format!("{fault:?}").contains(CANARY), "{fault:?}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_service_refuses_a_credential_that_others_may_read_and_a_room_of_ones_own_says_so() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let server = TestServer::start(|_| ScriptedReply::Json(200, json!(1))).await;
    let folder = tempfile::tempdir().expect("a folder");
    let (own, link) = (folder.path().join("token"), folder.path().join("link"));
    std::fs::write(&own, CANARY).expect("written");
    symlink(&own, &link).expect("linked");
    let mode = |mode| std::fs::set_permissions(&own, std::fs::Permissions::from_mode(mode)).expect("its mode");
    let header = |path: &std::path::Path| HttpConfig {
        headers: vec![crate::config::HeaderConfig {
            name: "x-key".into(),
            value: crate::config::HeaderValueConfig::File(path.to_owned()),
        }],
        ..HttpConfig::default()
    };
    let ask = async |path: &std::path::Path, reach: EgressPolicy| {
        let mut said = Vec::new();
        for options in [bearer(path), Options { http: header(path), ..Options::default() }] {
            let options = Options { reach: reach.clone(), ..options };
            let notes = notes(&server.url, &options);
            let answer = Api::new(&server.url, options).send(Method::GET, &["x"], None).await;
            said.push((answer.map(|_| ()).map_err(|fault| fault.trouble.what.to_string()), notes));
        }
        said
    };
    for (path, bits, words) in [
        (&own, 0o644, "it can be used by others (mode 0644): chmod 0600 it"),
        (&own, 0o640, "it can be used by others (mode 0640)"),
        (&link, 0o600, "it is a symbolic link"),
    ] {
        mode(bits);
        for (answer, _) in ask(path, EgressPolicy::guarded(&[])).await {
            assert!(answer.as_ref().expect_err("refused").contains(words), "{answer:?}");
        }
        for (answer, notes) in ask(path, EgressPolicy::default()).await {
            assert_eq!(answer, Ok(()), "solo reads it");
            let note = format!("credential file {} ", path.display());
            assert!(notes.iter().any(|it| it.as_str().starts_with(&note)), "{notes:?}");
        }
    }
    mode(0o600);
    for reach in [EgressPolicy::guarded(&[]), EgressPolicy::default()] {
        for (answer, notes) in ask(&own, reach).await {
            assert_eq!(answer, Ok(()));
            assert!(!format!("{notes:?}").contains("credential file"), "{notes:?}");
        }
    }
}

#[tokio::test]
async fn retry_after_is_read_in_seconds_and_as_a_date() {
    for (headers, seconds) in [
        (vec![("retry-after", "17")], Some(17)),
        (vec![("date", "Mon, 02 Mar 2026 14:00:00 GMT"), ("retry-after", "Mon, 02 Mar 2026 14:01:30 GMT")], Some(90)),
        (vec![("retry-after", "soon")], None),
        (vec![], None),
    ] {
        let sent: Vec<_> = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let server = TestServer::start(move |_| ScriptedReply::With(429, sent.clone(), String::new())).await;
        let answer = Api::new(&server.url, short()).send(Method::GET, &[], None).await.expect("an answer");
        assert_eq!(answer.retry_after_s(), seconds, "{headers:?}");
    }
}

#[tokio::test]
async fn the_base_path_and_query_are_kept() {
    let server = TestServer::start(|_| ScriptedReply::Json(200, json!(1))).await;
    for (base, path, asked) in [
        ("/prefix/", &["api", "v2"][..], "/prefix/api/v2"),
        ("/prefix", &["a b/c"][..], "/prefix/a%20b%2Fc"),
        ("/healthz/", &[][..], "/healthz/"),
        ("", &["x"][..], "/x"),
    ] {
        let api = Api::new(&format!("{}{base}", server.url), short());
        api.send(Method::GET, path, None).await.expect("an answer");
        assert_eq!(server.seen().last().expect("a request").path, asked);
    }
}
