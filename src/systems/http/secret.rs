//! Credentials: read from their files at use, never printed, wiped when dropped.

use std::fmt;
use std::path::{Path, PathBuf};

use reqwest::RequestBuilder;
use reqwest::header::HeaderValue;
use tokio::io::AsyncReadExt;

use crate::config::HeaderValueConfig;
use crate::model::{Trouble, TroubleKind};

use super::Options;
use super::words::trouble;

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
        self.0.fill(0);
        // Without a reader the compiler may leave the overwriting out.
        std::hint::black_box(&self.0);
    }
}

/// How we prove who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
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
    pub async fn read(&self) -> Result<Option<Secret>, Trouble> {
        match self.file() {
            Some(file) => read_line(file).await.map(Some),
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

impl Options {
    /// Reads every secret now.
    pub(super) async fn secrets(&self) -> Result<Secrets, Trouble> {
        let auth = self.auth.read().await?;
        let mut headers = Vec::new();
        for header in &self.http.headers {
            if let HeaderValueConfig::File(file) = &header.value {
                headers.push((header.name.clone(), read_line(file).await?));
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
async fn read_line(file: &Path) -> Result<Secret, Trouble> {
    let unusable = |why: &str| {
        let what = format!("can't use the credential file {}: {why}", file.display());
        trouble(TroubleKind::Credential, what, "Put the credential there, on one line, readable for this account.")
    };
    let bytes = read_file(file, MAX_SECRET).await.map_err(|why| unusable(&why))?;
    let text = String::from_utf8(bytes).map_err(|_| unusable("it is not text"))?;
    // `text` becomes the secret's own buffer, so no second copy stays behind.
    let secret = Secret::new(text);
    let line = secret.expose().trim();
    if line.is_empty() {
        return Err(unusable("it is empty"));
    }
    if !line.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Err(unusable("it holds more than one line, or other than plain characters"));
    }
    Ok(Secret::new(line.to_owned()))
}

/// Reads a small file whole; the error is in words, without the path.
pub(super) async fn read_file(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    let words = |err: std::io::Error| match err.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "this account may not read it".to_owned(),
        _ => err.to_string(),
    };
    let file = tokio::fs::File::open(path).await.map_err(words)?;
    // Room for a secret at once: a buffer that grows leaves copies behind.
    let mut bytes = Vec::with_capacity(8 * 1024);
    file.take(max + 1).read_to_end(&mut bytes).await.map_err(words)?;
    if bytes.len() as u64 > max {
        return Err(format!("it is larger than {} KiB", max / 1024));
    }
    Ok(bytes)
}
