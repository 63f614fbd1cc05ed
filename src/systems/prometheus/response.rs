//! What Prometheus answers: its envelope, its numbers in strings, its lists of rules. Pure, and lenient where versions differ.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::promql::PART;
use crate::model::SafeText;

/// The most samples looked at in one answer; ours have up to three.
const MAX_SAMPLES: usize = 64;
/// The most warnings and notes kept of one answer.
const MAX_WORDS: usize = 3;

/// The envelope of every answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PrometheusEnvelope<T> {
    pub status: String,
    pub data: Option<T>,
    pub error_type: Option<String>,
    pub error: Option<String>,
    pub warnings: Option<Vec<String>>,
    /// VictoriaMetrics: a part of its cluster did not answer.
    pub is_partial: Option<bool>,
    pub infos: Option<Vec<String>>,
}

impl<T> PrometheusEnvelope<T> {
    /// What the server says went wrong, if it does.
    pub(super) fn refusal(&self) -> Option<SafeText> {
        if self.status == "success" {
            return None;
        }
        let kind = self.error_type.as_deref().unwrap_or("error");
        Some(SafeText::new(&format!("{kind}: {}", self.error.as_deref().unwrap_or("no reason given"))))
    }
}

/// The answer to a query.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawQuery {
    result_type: String,
    result: Value,
}

/// One sample: which part it is, and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MetricSample {
    pub part: String,
    pub value: f64,
}

/// What a query said.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct QueryResult {
    pub samples: Vec<MetricSample>,
    /// Samples there were in all.
    pub total: usize,
    /// The data is partial.
    pub warnings: Vec<SafeText>,
    pub notes: Vec<SafeText>,
}

#[derive(Deserialize)]
struct RawSample {
    metric: BTreeMap<String, String>,
    value: Option<(f64, String)>,
}

/// Reads the answer to a query; the error is one line.
pub(super) fn said(envelope: PrometheusEnvelope<RawQuery>) -> Result<QueryResult, SafeText> {
    if let Some(refusal) = envelope.refusal() {
        return Err(refusal);
    }
    let words = |list: Option<Vec<String>>| -> Vec<SafeText> {
        list.iter().flatten().take(MAX_WORDS).map(|it| SafeText::new(it)).collect()
    };
    let mut warnings = words(envelope.warnings);
    if envelope.is_partial == Some(true) {
        warnings.push(SafeText::new("the server says that its answer is partial"));
    }
    let data = envelope.data.ok_or_else(|| SafeText::new("an answer without data"))?;
    let (samples, total) = match data.result_type.as_str() {
        "vector" => vector(data.result)?,
        "scalar" => {
            let (_, value): (f64, String) = serde_json::from_value(data.result).map_err(|_| unexpected())?;
            (vec![MetricSample { part: String::new(), value: number(&value)? }], 1)
        }
        other => return Err(SafeText::new(&format!("a {other} where one number was asked for"))),
    };
    Ok(QueryResult { samples, total, warnings, notes: words(envelope.infos) })
}

fn vector(result: Value) -> Result<(Vec<MetricSample>, usize), SafeText> {
    let raw: Vec<RawSample> = serde_json::from_value(result).map_err(|_| unexpected())?;
    let total = raw.len();
    let one = |it: RawSample| {
        let (_, value) = it.value.ok_or_else(|| SafeText::new("a histogram where a number was asked for"))?;
        Ok(MetricSample { part: it.metric.get(PART).cloned().unwrap_or_default(), value: number(&value)? })
    };
    let samples: Result<Vec<MetricSample>, SafeText> = raw.into_iter().take(MAX_SAMPLES).map(one).collect();
    Ok((samples?, total))
}

fn unexpected() -> SafeText {
    SafeText::new("samples in a form that is not known")
}

/// A number as Prometheus writes it: `0.5`, `1e-05`, `NaN`, `+Inf`.
pub(super) fn number(text: &str) -> Result<f64, SafeText> {
    let written_so = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    let parsed = text.parse().ok().filter(|_| written_so && text.len() <= 64);
    parsed.ok_or_else(|| SafeText::new(&format!("`{text}` is not a number")))
}

/// A retention as `/status/runtimeinfo` states it, in seconds: `15d`, `30d12h`, `15d or 10GiB`. `None` where it is limited
/// by size alone, or said in another way.
pub(super) fn retention_s(text: &str) -> Option<u64> {
    let mut found = None;
    for limit in text.split(" or ") {
        found = found.or(duration_s(limit.trim()));
    }
    found.filter(|seconds| *seconds > 0)
}

fn duration_s(text: &str) -> Option<u64> {
    let (mut total, mut rest) = (0u64, text);
    if text.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0)?;
        let amount: u64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match rest.get(..end)? {
            "y" => 365 * 86_400,
            "w" => 7 * 86_400,
            "d" => 86_400,
            "h" => 3_600,
            "m" => 60,
            "s" => 1,
            "ms" => 0,
            _ => return None,
        };
        total = total.checked_add(amount.checked_mul(unit)?)?;
        rest = rest.get(end..)?;
    }
    Some(total)
}

/// The rules, in their groups.
#[derive(Debug, Deserialize)]
pub(super) struct RawRuleGroups {
    pub groups: Vec<RawRuleGroup>,
}

/// A group of rules.
#[derive(Debug, Deserialize)]
pub(super) struct RawRuleGroup {
    pub name: String,
    pub rules: Vec<RawRule>,
}

/// A rule, as far as it is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawRule {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub health: Option<String>,
    pub last_error: Option<String>,
}

/// `/status/runtimeinfo`, as far as it is needed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawRuntime {
    pub storage_retention: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_strings_and_some_are_none() {
        for (text, value) in [("0", 0.0), ("1e-05", 1e-5), ("+Inf", f64::INFINITY), ("-Inf", f64::NEG_INFINITY)] {
            assert_eq!(number(text), Ok(value), "{text}");
        }
        assert!(number("NaN").is_ok_and(f64::is_nan));
        for text in ["", "five", "0x10", "1,5", "1 ", "\u{202e}1"] {
            assert!(number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_retention_is_a_time_or_not_known() {
        for (text, seconds) in [
            ("15d", Some(1_296_000)),
            ("30d12h", Some(2_635_200)),
            ("1y", Some(31_536_000)),
            ("2w or 10GiB", Some(1_209_600)),
            ("10GiB", None),
            ("0s", None),
            ("", None),
            ("soon", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(retention_s(text), seconds, "{text}");
        }
    }
}
