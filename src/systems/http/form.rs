//! Requests with parameters: in the address, or as a form where they are too long for it.

use reqwest::header::CONTENT_TYPE;
use reqwest::{RequestBuilder, Url};
use serde_json::Value;

use super::{Api, HttpFault, HttpResponse, Method};

/// What a request carries.
#[derive(Clone, Copy)]
pub(super) enum Payload<'a> {
    None,
    Json(&'a Value),
    /// Parameters in the address.
    Query(&'a [(&'a str, &'a str)]),
    /// Already encoded.
    Form(&'a str),
}

impl Payload<'_> {
    pub(super) fn put(self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::None => request,
            Self::Json(body) => request.json(body),
            Self::Query(pairs) => request.query(pairs),
            Self::Form(body) => request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.to_owned()),
        }
    }
}

impl Api {
    /// A GET with parameters in its address: on a connection that the server had closed it is sent again.
    pub async fn query(&self, path: &[&str], pairs: &[(&str, &str)]) -> Result<HttpResponse, HttpFault> {
        self.deliver(Method::GET, path, Payload::Query(pairs), true).await
    }

    /// A POST that only asks, with its parameters as a form: on a connection that the server had closed it is sent again.
    pub async fn ask(&self, path: &[&str], form: &[(&str, &str)]) -> Result<HttpResponse, HttpFault> {
        let mut url = self.url(&[]).map_err(HttpFault::unsent)?;
        // A form is encoded like the query of an address.
        url.query_pairs_mut().clear().extend_pairs(form);
        self.deliver(Method::POST, path, Payload::Form(Url::query(&url).unwrap_or_default()), true).await
    }
}
