//! Credentials: read from their files at use, never printed, wiped when dropped.

use std::fmt;
use std::path::{Path, PathBuf};

use reqwest::RequestBuilder;
use reqwest::header::HeaderValue;
use tokio::io::AsyncReadExt;
use zeroize::{Zeroize, Zeroizing};

use crate::config::{HeaderValueConfig, check_secret};
use crate::model::{Trouble, TroubleKind};

use super::Options;
use super::error_text::trouble;

pub(super) const MAX_SECRET: u64 = 64 * 1024;

/// A secret in memory. `Debug` shows nothing of it; its bytes are overwritten when it goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Takes a secret over.
    pub fn new(text: String) -> Self {
        Self(text.into_bytes())
    }

    /// The secret itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        // Only ever made from a `String`.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// How we prove who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// No `Authorization` header is sent.
    #[default]
    None,
    /// A bearer token in a file.
    Bearer(PathBuf),
    /// A user, and a password in a file.
    Basic(String, PathBuf),
}

impl Auth {
    fn file(&self) -> Option<&Path> {
        match self {
            Self::None => None,
            Self::Bearer(file) | Self::Basic(_, file) => Some(file),
        }
    }

    /// Where the credential is, for remedies.
    pub fn describe(&self) -> String {
        self.file().map(|file| file.display().to_string()).unwrap_or_default()
    }

    /// Reads the secret now.
    pub async fn read(&self, readers: Readers) -> Result<Option<Secret>, Trouble> {
        match self.file() {
            Some(file) => read_line(file, readers).await.map(Some),
            None => Ok(None),
        }
    }

    fn apply(&self, request: RequestBuilder, secret: Option<&Secret>) -> RequestBuilder {
        match (self, secret) {
            (Self::Bearer(_), Some(secret)) => request.bearer_auth(secret.expose()),
            (Self::Basic(user, _), Some(secret)) => request.basic_auth(user, Some(secret.expose())),
            _ => request,
        }
    }
}

/// The secrets of one request, as they stood in their files.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Secrets {
    auth: Option<Secret>,
    /// By the name of their header.
    headers: Vec<(String, Secret)>,
}

impl Secrets {
    pub(super) fn all(&self) -> impl Iterator<Item = &Secret> {
        self.auth.iter().chain(self.headers.iter().map(|(_, secret)| secret))
    }
}

/// Who may be able to read the file of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Root or the service and nobody else, and the path is the file itself: `serve` refuses what is not so.
    ServiceAlone,
    /// Whoever may, as kubectl has it: a room of one's own mentions it in the notes of the source.
    Anyone,
}

impl Options {
    /// How files of secrets are judged: wherever addresses are guarded, a service runs.
    pub(super) fn readers(&self) -> Readers {
        if self.reach.is_guarded() { Readers::ServiceAlone } else { Readers::Anyone }
    }

    /// What is wrong with files of secrets that are used all the same.
    pub(super) fn loose_secrets(&self) -> Vec<String> {
        if self.readers() == Readers::ServiceAlone {
            return Vec::new();
        }
        let headers = self.http.headers.iter().filter_map(|header| match &header.value {
            HeaderValueConfig::File(file) => Some(file.as_path()),
            HeaderValueConfig::Text(_) => None,
        });
        let key = self.http.client_cert.iter().map(|it| it.key.as_deref().unwrap_or(&it.cert));
        let files = self.auth.file().into_iter().chain(headers).chain(key);
        // One that is not there is a trouble of its own, and said as that.
        let loose = files.filter(|file| file.exists()).filter_map(|file| check_secret(file).err());
        loose.map(|why| format!("credential file {why}")).collect()
    }

    /// Reads every secret now.
    pub(super) async fn secrets(&self) -> Result<Secrets, Trouble> {
        let auth = self.auth.read(self.readers()).await?;
        let mut headers = Vec::new();
        for header in &self.http.headers {
            if let HeaderValueConfig::File(file) = &header.value {
                headers.push((header.name.clone(), read_line(file, self.readers()).await?));
            }
        }
        Ok(Secrets { auth, headers })
    }

    /// Puts credential and headers on a request.
    pub(super) fn apply(&self, request: RequestBuilder, secrets: &Secrets) -> RequestBuilder {
        let plain = self.http.headers.iter().filter_map(|header| match &header.value {
            HeaderValueConfig::Text(text) => Some((&header.name, text)),
            HeaderValueConfig::File(_) => None,
        });
        let request = plain.fold(request, |request, (name, text)| request.header(name, text));
        let secret = secrets.headers.iter();
        let request = secret.fold(request, |request, (name, secret)| match HeaderValue::from_str(secret.expose()) {
            Ok(mut value) => {
                value.set_sensitive(true);
                request.header(name, value)
            }
            // Only plain characters were read.
            Err(_) => request,
        });
        self.auth.apply(request, secrets.auth.as_ref())
    }
}

/// A secret that stands in a file, on one line.
async fn read_line(file: &Path, readers: Readers) -> Result<Secret, Trouble> {
    let unusable = |why: &str| {
        let what = format!("can't use the credential file {}: {why}", file.display());
        trouble(TroubleKind::Credential, what, "Put the credential there, on one line, readable for this account.")
    };
    let bytes = read_secret(file, readers).await.map_err(|why| unusable(&why))?;
    let line = std::str::from_utf8(&bytes).map_err(|_| unusable("it is not text"))?.trim();
    if line.is_empty() {
        return Err(unusable("it is empty"));
    }
    if !line.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Err(unusable("it holds more than one line, or other than plain characters"));
    }
    Ok(Secret::new(line.to_owned()))
}

/// Reads a file that holds a secret; the error is in words, without the path.
pub(super) async fn read_secret(path: &Path, readers: Readers) -> Result<Zeroizing<Vec<u8>>, String> {
    if readers == Readers::Anyone || tokio::fs::symlink_metadata(path).await.is_err() {
        return read_open(tokio::fs::File::open(path).await.map_err(words)?, MAX_SECRET).await;
    }
    // Read from the descriptor that was judged: the path may mean another file a moment later.
    let own = path.to_owned();
    let judged = tokio::task::spawn_blocking(move || check_secret(&own)).await.map_err(|err| err.to_string())?;
    let shown = path.display().to_string();
    let file = judged.map_err(|why| format!("it {}", why.strip_prefix(&shown).unwrap_or(&why).trim_start()))?;
    read_open(file.into(), MAX_SECRET).await
}

/// Reads a small file whole; the error is in words, without the path.
pub(super) async fn read_file(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    let mut bytes = read_open(tokio::fs::File::open(path).await.map_err(words)?, max).await?;
    Ok(std::mem::take(&mut *bytes))
}

fn words(err: std::io::Error) -> String {
    match err.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "this account may not read it".to_owned(),
        _ => err.to_string(),
    }
}

async fn read_open(file: tokio::fs::File, max: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    // Room for a secret at once: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(8 * 1024));
    file.take(max + 1).read_to_end(&mut bytes).await.map_err(words)?;
    if bytes.len() as u64 > max {
        return Err(format!("it is larger than {} KiB", max / 1024));
    }
    Ok(bytes)
}
