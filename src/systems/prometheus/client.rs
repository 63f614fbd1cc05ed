//! The four requests we make, and what their failures mean: the server's trouble, or one question's.

use super::response::{self, PrometheusEnvelope, QueryResult, RawQuery, RawRuleGroup, RawRuleGroups, RawRuntime};
use crate::model::{SafeText, Trouble};
use crate::systems::http::{Api, HttpResponse, Options, parse};

/// An answer to one of our questions has up to three samples; what is larger matches what it should not.
const MAX_ANSWER: usize = 256 * 1024;
/// Rules come with their texts and annotations.
const MAX_RULES: usize = 4 * 1024 * 1024;
/// What a query may take at the server, below our own limit, so that the server says it and not a broken connection.
const QUERY_TIMEOUT: &str = "8s";

/// Why there is no figure.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum QueryFailure {
    /// The server can't be read.
    Source(Trouble),
    /// The server is well and refuses this question: a mistake in it, too much data, too slow.
    Query(SafeText),
}

impl From<Trouble> for QueryFailure {
    fn from(trouble: Trouble) -> Self {
        Self::Source(trouble)
    }
}

pub(super) struct PrometheusClient {
    queries: Api,
    lists: Api,
}

impl PrometheusClient {
    pub(super) fn new(url: &str, options: &Options) -> Self {
        let limited = |max_body| Api::new(url, Options { max_body, ..options.clone() });
        Self { queries: limited(MAX_ANSWER), lists: limited(MAX_RULES) }
    }

    /// One query at the server's own now.
    pub(super) async fn query(&self, query: &str) -> Result<QueryResult, QueryFailure> {
        let form = [("query", query), ("timeout", QUERY_TIMEOUT)];
        let answer = self.queries.ask(&["api", "v1", "query"], &form).await.map_err(Trouble::from)?;
        if matches!(answer.status, 400 | 422 | 503)
            && let Some(refusal) = refusal(&answer)
        {
            return Err(QueryFailure::Query(refusal));
        }
        let envelope: PrometheusEnvelope<RawQuery> = answer.success()?.json()?;
        response::said(envelope).map_err(QueryFailure::Query)
    }

    /// All rules.
    pub(super) async fn rules(&self) -> Result<Vec<RawRuleGroup>, Trouble> {
        let envelope: PrometheusEnvelope<RawRuleGroups> = self.lists.get(&["api", "v1", "rules"]).await?;
        Ok(envelope.data.map(|data| data.groups).unwrap_or_default())
    }

    /// How far back data is kept; `None` where it is not said.
    pub(super) async fn retention_s(&self) -> Option<u64> {
        let path = ["api", "v1", "status", "runtimeinfo"];
        let envelope: PrometheusEnvelope<RawRuntime> = self.lists.get(&path).await.ok()?;
        response::retention_s(&envelope.data?.storage_retention?)
    }

    /// Tests wait less long.
    #[cfg(test)]
    pub fn within(url: &str, total: std::time::Duration) -> Self {
        Self::new(url, &Options { total, ..Options::default() })
    }
}

/// The server's own words on a question that it refuses. `unavailable` is its state and not the question's.
fn refusal(answer: &HttpResponse) -> Option<SafeText> {
    let envelope: PrometheusEnvelope<serde_json::Value> = parse(&answer.body).ok()?;
    let unavailable = envelope.error_type.as_deref() == Some("unavailable");
    envelope.refusal().filter(|_| !unavailable)
}
