//! The export of a room that runs: every form, twice, and from a copy of its log, to the byte.

use std::path::Path;

use warroom::cli::drill::{self, DrillMode, DrillOptions};
use warroom::cli::export::{ExportFormat, outline, render};
use warroom::config::paths::Env;
use warroom::model::entry::LogLine;
use warroom::postmortem::{self, ExportMeta};
use warroom::protocol::Request;
use warroom::seal;
use warroom::timeline::Story;

use crate::support::{run, scratch, segments, warroom};

const FORMATS: [(&str, ExportFormat); 4] = [
    ("markdown", ExportFormat::Markdown),
    ("html", ExportFormat::Html),
    ("csv", ExportFormat::Csv),
    ("json", ExportFormat::Json),
];

/// The fold of a log's files up to an entry, and that entry's hash.
fn folded(dir: &Path, last: u64) -> (Story, String) {
    let (mut story, mut head, mut body) = (Story::default(), String::new(), None);
    for path in segments(dir) {
        for line in std::fs::read_to_string(path).expect("a segment").lines() {
            if line.starts_with("{\"b\":") {
                body = Some(line.to_owned());
                continue;
            }
            let entry = seal::decode(&LogLine { line: line.to_owned(), body: body.take() }).expect("an entry");
            if entry.seq > last {
                return (story, head);
            }
            head = entry.hash.hex();
            story.apply(&entry);
        }
    }
    (story, head)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_log_gives_the_same_bytes_in_every_form() {
    warroom::systems::http::install_crypto();
    let home = scratch();
    let env = Env::read();
    let options = DrillOptions {
        scenario: "etcd-corruption".to_owned(),
        speed: 1.0,
        seed: 7,
        out: Some(home.path().join("out")),
        socket: Some(home.path().join("s")),
        state_dir: None,
    };
    let mut running = drill::start(&options, &env, DrillMode::ByHand).await.expect("a drill");
    running.begin();
    let mut link = running.link("ana", false).await.expect("a link");
    while link.mirror.story.current().is_none() {
        link.next().await.expect("an event");
    }
    let hostile = "=HYPERLINK(\"http://x\") <script>alert(1)</script> | **bold**, \u{1b}[2J";
    link.ask(Request::Note { text: hostile.into(), at: None, mark: None }).await.expect("recorded");
    // Another client, which hears of everything so far before it exports.
    let mut first = running.link("sam", false).await.expect("a link");
    let told = outline(&mut first, None).await.expect("an outline");
    let objectives = first.mirror.welcome.as_ref().expect("a welcome").objectives.clone();
    let meta = ExportMeta {
        room: told.room.clone(),
        log: told.log.log.clone(),
        drill: told.drill.clone(),
        seq: told.log.seq,
        head: told.log.head.clone(),
    };
    for (name, _) in FORMATS {
        // The command knows the same forms.
        let (code, out, err) =
            run(warroom(home.path()).args(["export", "--format", name]).arg("--socket").arg(home.path().join("s")));
        assert_eq!(code, 0, "{err}");
        assert!(out.contains("DRILL") || name == "json", "{out}");
    }
    let copy = home.path().join("copy");
    std::fs::create_dir(&copy).expect("a folder");
    for path in segments(&running.timeline) {
        std::fs::copy(&path, copy.join(path.file_name().expect("a name"))).expect("copied");
    }
    running.stop().await;
    let (story, head) = folded(&copy, told.log.seq);
    assert_eq!(head, told.log.head, "the copy holds what was exported");
    let again = postmortem::outline(story.latest().expect("an incident"), &objectives, &meta);
    for (name, format) in FORMATS {
        let (one, two) = (render(&told, format), render(&again, format));
        assert!(one == two, "{name} differs:\n{one}\n{two}");
        assert!(!one.contains('\u{1b}') && one.len() > 1_000, "{name}");
    }
    let page = render(&told, ExportFormat::Html);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    let csv = render(&told, ExportFormat::Csv);
    assert!(csv.contains("\"'=HYPERLINK(\"\"http://x\"\")"), "{csv}");
}
