//! Lists that have pages, and refusals whose text decides.

use serde_json::{Value, json};

use super::super::client::CloudflareClient;
use super::{POOLS, no, setup, world};
use crate::model::TroubleKind;
use crate::systems::http::test_server::{ScriptedReply, SeenRequest, TestServer};

/// The pools `from..to`, as one page says it.
fn page(seen: &SeenRequest, all: usize, first_size: usize) -> ScriptedReply {
    let number = |name: &str, or: usize| TestServer::param(seen, name).parse().unwrap_or(or);
    let (page, size) = (number("page", 1), number("per_page", first_size));
    let ids =
        ((page - 1) * size..(page * size).min(all)).map(|n| json!({"id": format!("p{n:03}"), "name": n.to_string()}));
    let list: Vec<Value> = ids.collect();
    let info = json!({"page": page, "per_page": size, "count": list.len(), "total_count": all,
        "total_pages": all.div_ceil(size)});
    ScriptedReply::Json(200, json!({"success": true, "errors": [], "result": list, "result_info": info}))
}

#[tokio::test]
async fn every_page_of_a_list_is_read_and_counted() {
    let server = world(|seen, _| (seen.path == POOLS).then(|| page(seen, 60, 25))).await;
    let setup = setup(&server, &["z1"]);
    let client: std::sync::Arc<CloudflareClient> = setup.client();
    assert_eq!(client.round_cost(), 2);
    let pools = client.pools().await.expect("all pools");
    let ids: std::collections::BTreeSet<_> = pools.iter().filter_map(|it| it["id"].as_str()).collect();
    assert_eq!((pools.len(), ids.len()), (60, 60));
    let asked: Vec<_> = server.seen().iter().map(|it| it.query.clone()).collect();
    assert_eq!(asked, ["", "page=2&per_page=25", "page=3&per_page=25"]);
    assert_eq!((client.asked().all(), client.round_cost()), (3, 4), "a round costs what its pages cost");
}

#[tokio::test]
async fn a_list_without_an_end_is_left_and_that_is_said() {
    for (all, says) in [(100_000, "1000 of 100000 pools"), (1_001, "1000 of 1001 pools")] {
        let server = world(move |seen, _| (seen.path == POOLS).then(|| page(seen, all, 100))).await;
        let err = setup(&server, &["z1"]).client().pools().await.expect_err("too many");
        assert_eq!(err.trouble.kind, TroubleKind::Partial);
        assert!(err.trouble.what.as_str().contains(says), "{:?}", err.trouble);
        assert!(server.seen().len() <= 11, "it stops at its bound");
    }
    let server = world(|seen, _| (seen.path == POOLS).then(|| page(seen, 100_000, 1))).await;
    let err = setup(&server, &["z1"]).client().pools().await.expect_err("too many pages");
    assert_eq!((err.trouble.kind, server.seen().len()), (TroubleKind::Partial, 50));
}

#[tokio::test]
async fn a_refused_page_is_a_refused_list() {
    let server = world(|seen, _| match TestServer::param(seen, "page").as_str() {
        "2" => Some(no(500, 10001, "internal error")),
        _ => (seen.path == POOLS).then(|| page(seen, 60, 25)),
    })
    .await;
    let err = setup(&server, &["z1"]).client().pools().await.expect_err("half a list");
    assert_eq!(err.trouble.kind, TroubleKind::ServerError);
}

#[tokio::test]
async fn what_9109_means_is_in_its_text() {
    for (message, remedy) in [
        ("Cannot use the access token from location: 203.0.113.9", "add this bastion's (203.0.113.9)."),
        ("Cannot use the access token from location: 2001:db8::7", "add this bastion's (2001:db8::7)."),
        ("Cannot use the access token from location", "add this bastion's."),
        ("Unauthorized to access requested resource", "widen it to the account"),
        ("Invalid access token", "Put a valid token"),
    ] {
        let server = TestServer::start(move |_| no(403, 9109, message)).await;
        let err = setup(&server, &["z1"]).client().pools().await.expect_err(message);
        assert!(err.trouble.remedy.as_str().contains(remedy), "{message}: {:?}", err.trouble);
    }
}
