//! A Git repository, and places where it is served over HTTP on loopback: the smart protocol, read only, by the stock
//! `git upload-pack`. Each cluster has a place of its own, which may be down while the other is not.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::support::{free_port, scratch};

/// One bare repository with a branch `main`.
pub struct Git {
    home: tempfile::TempDir,
}

/// Where it is served. Ended on drop.
pub struct Served {
    pub url: String,
    down: Arc<AtomicBool>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Clone)]
struct Place {
    repository: PathBuf,
    down: Arc<AtomicBool>,
}

impl Git {
    /// One without a commit; `None` after a line that says what is missing.
    pub fn new() -> Option<Self> {
        super::super::need("git")?;
        let home = scratch();
        git(home.path(), &["init", "--quiet", "--bare", "--initial-branch=main", "repository.git"]);
        git(home.path(), &["clone", "--quiet", "repository.git", "work"]);
        git(&home.path().join("work"), &["checkout", "--quiet", "-B", "main"]);
        Some(Self { home })
    }

    /// Serves it on a port of its own.
    pub fn serve(&self) -> Served {
        let down = Arc::new(AtomicBool::new(false));
        let place = Place { repository: self.home.path().join("repository.git"), down: Arc::clone(&down) };
        let routes = Router::new()
            .route("/repository.git/info/refs", get(refs))
            .route("/repository.git/git-upload-pack", post(upload_pack))
            .with_state(place);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let port = free_port();
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", port))).expect("a free port");
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Served { url: format!("http://127.0.0.1:{port}/repository.git"), down, _runtime: runtime }
    }

    /// Commits these files (path and text) to `main`; gives the commit's id.
    pub fn commit(&self, title: &str, files: &[(&str, &str)]) -> String {
        let work = self.home.path().join("work");
        for (path, text) in files {
            let path = work.join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("written");
        }
        git(&work, &["add", "--all"]);
        git(&work, &["commit", "--quiet", "--allow-empty", "-m", title]);
        git(&work, &["push", "--quiet", "origin", "main"]);
        git(&work, &["rev-parse", "HEAD"])
    }
}

impl Served {
    /// Every request is answered with 503 from now on, or no longer.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }
}

fn git(folder: &Path, args: &[&str]) -> String {
    let who = ["-c", "user.name=tests", "-c", "user.email=tests@example.invalid"];
    let done = Command::new("git").args(who).args(args).current_dir(folder).output().expect("git runs");
    assert!(done.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

/// What `git upload-pack` answers to this input.
fn answer(served: &Place, more: &[&str], input: &[u8]) -> Result<Vec<u8>, StatusCode> {
    if served.down.load(Ordering::Relaxed) {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let mut child = Command::new("git")
        .args(["upload-pack", "--stateless-rpc"])
        .args(more)
        .arg(&served.repository)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    // Requests are small: they fit a pipe, so nothing waits for anything here.
    child.stdin.take().map(|mut pipe| pipe.write_all(input));
    child.wait_with_output().map(|done| done.stdout).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

async fn refs(State(served): State<Place>, RawQuery(query): RawQuery) -> Response {
    if query.as_deref() != Some("service=git-upload-pack") {
        return StatusCode::FORBIDDEN.into_response();
    }
    match answer(&served, &["--advertise-refs"], b"") {
        Ok(list) => {
            let body = [b"001e# service=git-upload-pack\n0000".as_slice(), &list].concat();
            ([(header::CONTENT_TYPE, "application/x-git-upload-pack-advertisement")], body).into_response()
        }
        Err(status) => status.into_response(),
    }
}

async fn upload_pack(State(served): State<Place>, body: Bytes) -> Response {
    match answer(&served, &[], &body) {
        Ok(pack) => ([(header::CONTENT_TYPE, "application/x-git-upload-pack-result")], pack).into_response(),
        Err(status) => status.into_response(),
    }
}
