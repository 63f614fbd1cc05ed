//! A user's way to ask an API server.

use std::time::Duration;

use serde_json::Value;

use super::http::{Answer, Ask};

/// A user's way to ask an API server; the tests' own, so that it can't share the program's mistakes.
#[derive(Clone, Debug)]
pub struct Client {
    pub url: String,
    pub token: String,
}

impl Client {
    /// The request before it is sent. A PATCH with a body is a merge patch.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Ask {
        let ask = Ask::new(method, format!("{}{path}", self.url)).bearer(&self.token);
        match body {
            Some(body) if method == "PATCH" => ask.body("application/merge-patch+json", body.to_string()),
            Some(body) => ask.json(body),
            None => ask,
        }
    }

    /// Asks.
    ///
    /// # Errors
    /// When no answer came.
    pub fn try_request(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value), String> {
        let shown = |answer: Answer| {
            let value = serde_json::from_str(&answer.text);
            (answer.status, value.unwrap_or_else(|_| Value::from(answer.text.as_str())))
        };
        self.ask(method, path, body).send().map(shown)
    }

    /// Asks; the body as JSON, or as one string where it is none.
    ///
    /// # Panics
    /// When no answer came.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.try_request(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Asks and takes only a 2xx.
    ///
    /// # Panics
    /// For any other answer.
    pub fn must(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, said) = self.request(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {said:#}");
        said
    }

    /// Server-side apply.
    ///
    /// # Panics
    /// When it is refused.
    pub fn apply(&self, path: &str, object: &Value) -> Value {
        self.apply_text(path, object.to_string())
    }

    /// [`Self::apply`] of YAML as it stands in a file.
    ///
    /// # Panics
    /// When it is refused.
    pub fn apply_text(&self, path: &str, object: impl Into<Vec<u8>>) -> Value {
        let url = format!("{}{path}?fieldManager=peers&force=true", self.url);
        let ask = Ask::new("PATCH", url).bearer(&self.token).body("application/apply-patch+yaml", object);
        let answer =
            ask.patience(Duration::from_secs(60)).send().unwrap_or_else(|error| panic!("apply {path}: {error}"));
        assert!((200..300).contains(&answer.status), "apply {path}: {} {}", answer.status, answer.text);
        answer.json()
    }
}
