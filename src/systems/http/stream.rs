//! A JSON list read element by element while it comes in, so that its length costs neither memory nor the answer: in a storm
//! a list of alerts is many times the size of what is kept of it.

use std::time::Duration;

use reqwest::Response;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::secret::Secret;
use super::{Api, HttpFault, HttpResponse, Method, Payload, error_text, parse, read_body, redact, trouble};
use crate::clock::busy;
use crate::model::{SafeText, Trouble, TroubleKind};

/// An element larger than this is counted and passed over.
const MAX_ELEMENT: usize = 256 * 1024;
/// The most that is read of one list.
const MAX_LIST: usize = 512 * 1024 * 1024;
/// A list may take this many times the limit of an ordinary answer, as long as something of it comes within that limit.
const PATIENCE: u32 = 6;

/// What was read of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamedList {
    /// Elements handed on.
    pub taken: usize,
    /// Elements that could not be read, and why the first could not.
    pub unreadable: usize,
    /// Of the first unreadable one; `None` while there is none.
    pub why: Option<SafeText>,
}

impl Api {
    /// GETs a list and hands on each of its elements as it comes in. One that can't be read is counted, not fatal.
    ///
    /// # Errors
    /// If it is no list, does not come whole, or none of its elements can be read.
    pub async fn each<T: DeserializeOwned>(
        &self,
        path: &[&str],
        mut take: impl FnMut(T),
    ) -> Result<StreamedList, Trouble> {
        let _busy = busy();
        let url = self.url(path)?;
        let mut secrets = self.options.secrets().await?;
        let mut again = true;
        loop {
            let mut elements = Elements::default();
            let mut listed = StreamedList::default();
            let limit = self.limit();
            let begun = self.begin(&Method::GET, &url, Payload::None, &secrets, limit * PATIENCE);
            // What has answered must go on answering: a server that stalls is not waited for as long as one that is busy.
            let begun = timeout(limit, begun).await.unwrap_or_else(|_| Err(self.silent(&url, limit)));
            let (mut response, needles) = match begun {
                Ok(begun) => begun,
                Err(fault) if fault.broken && again => {
                    again = false;
                    continue;
                }
                Err(fault) => return Err(fault.trouble),
            };
            if !response.status().is_success() {
                let answer = self.refusal(response, &needles).await?;
                let newer = self.options.secrets().await?;
                if answer.status == 401 && again && newer != secrets {
                    (secrets, again) = (newer, false);
                    continue;
                }
                return Err(answer.trouble());
            }
            let mut read = 0;
            loop {
                let chunk = match timeout(limit, response.chunk()).await {
                    Ok(Ok(Some(chunk))) => chunk,
                    Ok(Ok(None)) => break,
                    Ok(Err(error)) => return Err(self.failed(error, &url).trouble),
                    Err(_) => return Err(self.silent(&url, limit).trouble),
                };
                read += chunk.len();
                if read > MAX_LIST {
                    let what = format!("{} lists more than {} MiB", self.called(&url), MAX_LIST / 1024 / 1024);
                    let remedy = "Fix what floods it: a list of this length is not read to its end.";
                    return Err(trouble(TroubleKind::Partial, what, remedy));
                }
                let pushed = elements.push(&chunk, |element| listed.element(element, &needles, &mut take));
                pushed.map_err(|why| self.unexpected(&url, why))?;
            }
            elements.finish().map_err(|why| self.unexpected(&url, why))?;
            return match &listed.why {
                Some(why) if listed.taken == 0 => Err(self.unexpected(&url, why.as_str())),
                _ => Ok(listed),
            };
        }
    }

    fn limit(&self) -> Duration {
        self.options.total.min(super::TOTAL)
    }

    fn silent(&self, url: &reqwest::Url, limit: Duration) -> HttpFault {
        HttpFault { trouble: error_text::of_silence(&super::label(url), &self.way, limit), sent: true, broken: false }
    }

    fn unexpected(&self, url: &reqwest::Url, why: &str) -> Trouble {
        super::unexpected(&self.called(url), why)
    }

    async fn refusal(&self, response: Response, needles: &[Secret]) -> Result<HttpResponse, Trouble> {
        let url = response.url().clone();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes =
            read_body(response, self.options.max_body, true).await.map_err(|fail| self.of_body(fail, &url).trouble)?;
        let credential = self.options.auth.describe();
        Ok(HttpResponse { status, headers, body: redact(bytes, needles), host: self.called(&url), credential })
    }
}

impl StreamedList {
    fn element<T: DeserializeOwned>(&mut self, element: Option<&[u8]>, needles: &[Secret], take: &mut impl FnMut(T)) {
        let read = match element {
            Some(bytes) => parse::<T>(&redact(bytes.to_vec(), needles)),
            None => Err(SafeText::new(&format!("an element of more than {} KiB", MAX_ELEMENT / 1024))),
        };
        match read {
            Ok(it) => {
                self.taken += 1;
                take(it);
            }
            Err(why) => {
                self.unreadable += 1;
                self.why.get_or_insert(why);
            }
        }
    }
}

/// Cuts a JSON list into its elements, whatever the pieces in which it comes.
#[derive(Debug, Default)]
struct Elements {
    place: ListPosition,
    depth: usize,
    in_string: bool,
    escaped: bool,
    element: Vec<u8>,
    too_large: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ListPosition {
    #[default]
    Before,
    Inside,
    After,
}

impl Elements {
    /// Takes in the next piece; `each` gets whole elements, or `None` for one that was too large to keep.
    fn push(&mut self, piece: &[u8], mut each: impl FnMut(Option<&[u8]>)) -> Result<(), &'static str> {
        for &byte in piece {
            match self.place {
                ListPosition::Before | ListPosition::After if byte.is_ascii_whitespace() => {}
                ListPosition::Inside if byte.is_ascii_whitespace() && self.element.is_empty() => {}
                ListPosition::Before if byte == b'[' => self.place = ListPosition::Inside,
                ListPosition::Before => return Err("not a JSON list"),
                ListPosition::After => return Err("more than one JSON list"),
                ListPosition::Inside => self.inside(byte, &mut each)?,
            }
        }
        Ok(())
    }

    fn inside(&mut self, byte: u8, each: &mut impl FnMut(Option<&[u8]>)) -> Result<(), &'static str> {
        if !self.in_string && self.depth == 0 && matches!(byte, b',' | b']') {
            if !self.element.is_empty() || self.too_large {
                each((!self.too_large).then_some(self.element.as_slice()));
            } else if byte == b',' {
                return Err("a JSON list with a gap");
            }
            self.element.clear();
            self.too_large = false;
            if byte == b']' {
                self.place = ListPosition::After;
            }
            return Ok(());
        }
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            b'[' | b'{' if !self.in_string => self.depth += 1,
            b']' | b'}' if !self.in_string => {
                self.depth = self.depth.checked_sub(1).ok_or("a JSON list that is closed twice")?;
            }
            _ => {}
        }
        if self.element.len() < MAX_ELEMENT {
            self.element.push(byte);
        } else {
            self.too_large = true;
        }
        Ok(())
    }

    fn finish(&self) -> Result<(), &'static str> {
        match self.place {
            ListPosition::After => Ok(()),
            ListPosition::Before => Err("an empty body"),
            ListPosition::Inside => Err("a JSON list that was cut short"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// The elements of a text that comes in pieces of this size; `None` for one too large.
    fn cut(text: &[u8], size: usize) -> Result<Vec<Option<Vec<u8>>>, &'static str> {
        let (mut elements, mut out) = (Elements::default(), Vec::new());
        for piece in text.chunks(size) {
            elements.push(piece, |element| out.push(element.map(<[u8]>::to_vec)))?;
        }
        elements.finish().map(|()| out)
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[ -~\u{e9}\u{1f600}\"\\\\\\[\\]{},]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z\"\\\\]{0,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_list_in_any_pieces_gives_its_elements(all in prop::collection::vec(value(), 0..6), size in 1usize..9, pretty: bool) {
            let list = Value::from(all.clone());
            let text = if pretty { serde_json::to_string_pretty(&list) } else { serde_json::to_string(&list) }.unwrap();
            let found: Vec<Value> = cut(text.as_bytes(), size)
                .unwrap()
                .into_iter()
                .map(|element| serde_json::from_slice(&element.unwrap()).unwrap())
                .collect();
            prop_assert_eq!(found, all);
        }
    }

    #[test]
    fn what_is_no_whole_list_is_refused_and_a_giant_in_it_is_passed_over() {
        for text in ["", "{}", "null", "[1,", "[{]}", "[1]]", "[1][2]", "[,1]", "<html>"] {
            assert!(cut(text.as_bytes(), 3).is_err(), "{text}");
        }
        let list = json!(["a", "x".repeat(MAX_ELEMENT + 10), "b"]).to_string();
        let found = cut(list.as_bytes(), 4096).unwrap();
        assert_eq!(found, [Some(b"\"a\"".to_vec()), None, Some(b"\"b\"".to_vec())]);
    }
}
