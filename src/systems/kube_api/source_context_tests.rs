//! What a source says of its parts: the trouble of the worst, and life only where every part was read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::error_text;
use super::source_context::{PROBE, SourceContext};
use super::testing::{KubeSourceBench, KubeTestServer, healthy};
use crate::model::{SourceChange, SourceId, System, TroubleKind};

#[tokio::test]
async fn a_part_whose_reader_fails_again_and_again_keeps_its_source_from_looking_alive() {
    let server = KubeTestServer::start(healthy).await;
    let mut seen = KubeSourceBench::default();
    let id = SourceId::new(System::Kubernetes, "dr");
    let feed = SourceContext::new(server.link(), seen.ctx.reporter(id), &seen.ctx, &[PROBE, "events"]);
    let mended = Arc::new(AtomicBool::new(false));
    let (of, well) = (feed.clone(), mended.clone());
    feed.keep(&seen.tasks, &seen.ctx, "events", move || {
        let (of, well) = (of.clone(), well.load(Ordering::SeqCst));
        async move {
            of.parts.live("events");
            assert!(well, "it fails right after it has read");
            of.stop.cancelled().await;
        }
    });
    seen.trouble(|trouble| trouble.what.as_str().contains("reader of this source failed")).await;
    feed.parts.live(PROBE);
    for _ in 0..20 {
        feed.parts.beat().await;
        let told = seen.until("a word", |change| Some(change.clone())).await;
        assert!(matches!(told, SourceChange::Trouble(_)), "the pulse believed what a dead reader had read");
    }
    mended.store(true, Ordering::SeqCst);
    let alive = async {
        while seen.until("a word", |change| Some(change.clone())).await != SourceChange::Alive {
            feed.parts.beat().await;
        }
    };
    feed.parts.beat().await;
    tokio::time::timeout(Duration::from_secs(30), alive).await.expect("alive once it is read again");
}

#[tokio::test]
async fn the_cause_that_is_told_is_the_newest_where_the_server_is_not_reached() {
    let server = KubeTestServer::start(healthy).await;
    let mut seen = KubeSourceBench::default();
    let id = SourceId::new(System::Kubernetes, "dr");
    let feed = SourceContext::new(server.link(), seen.ctx.reporter(id), &seen.ctx, &[PROBE, "events"]);
    for (part, kind, what) in [
        ("events", TroubleKind::Unreachable, "the server's certificate ran out"),
        (PROBE, TroubleKind::Unreachable, "connection refused"),
        ("events", TroubleKind::Unauthorized, "HTTP 401"),
    ] {
        feed.parts.troubled(part, error_text::plain(kind, what)).await;
    }
    let mut told = Vec::new();
    while told.len() < 3 {
        told.push(seen.trouble(|_| true).await.what.to_string());
    }
    assert_eq!(told, ["the server's certificate ran out", "connection refused", "connection refused"]);
    feed.parts.live(PROBE);
    feed.parts.beat().await;
    assert_eq!(seen.trouble(|_| true).await.what, "HTTP 401", "reached again: what is lacking now");
}
