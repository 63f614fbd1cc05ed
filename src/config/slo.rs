//! `[[prometheus]]` and `[[slo]]`: where the figures come from, and what was promised.

use toml::Spanned;

use super::error::Report;
use super::http::WrittenHttp;
use super::raw::{RawFile, RawPrometheus, RawSlo, Section, Text};
use super::resolve::ResolveContext;
use super::rules::{names, said};
use super::{Figures, PrometheusConfig, SloConfig};
use crate::model::slo::SloTarget;

const EVERY: u64 = 15;
const EVERY_LONG: u64 = 60;
const PERIOD: u64 = 30 * DAY;
const DAY: u64 = 86_400;
/// The longest window of the burn table is three days; a period must be well above it.
const PERIODS: (u64, u64) = (7 * DAY, 366 * DAY);
/// Stands for the window in an expression.
pub(super) const WINDOW: &str = "$window";
/// The most bytes of one expression: it is sent again and again.
const LONGEST: usize = 4_096;

impl ResolveContext<'_, '_> {
    pub(super) fn prometheus(&mut self, section: &Section<RawPrometheus>) -> PrometheusConfig {
        let (it, title) = (&section.it, "[[prometheus]]");
        let every_s = self.time(&it.every, "every", EVERY, (1, 3_600));
        let http = WrittenHttp {
            url: &it.url,
            proxy: &it.proxy,
            headers: &it.headers,
            client_cert: &it.client_cert,
            client_key: &it.client_key,
        };
        PrometheusConfig {
            name: self.need(&it.name, "name", title, &section.at),
            url: self.need(&it.url, "url", title, &section.at).trim_end_matches('/').to_owned(),
            basic_auth: self.basic_auth(&it.basic_auth, &it.bearer_file),
            bearer_file: self.may_secret(&it.bearer_file, "bearer_file"),
            ca_file: self.may_path(&it.ca_file, "ca_file"),
            http: self.http(&http),
            every_s,
            every_long_s: self.time(&it.every_long, "every_long", EVERY_LONG.max(every_s), (every_s, 3_600)),
        }
    }
}

/// What must hold between an objective and the rest of the file.
pub(super) fn can_be_asked(raw: &RawFile, report: &mut Report<'_>) {
    let (services, servers) = (names(&raw.services, |s| &s.name), names(&raw.prometheus, |p| &p.name));
    for url in raw.prometheus.iter().filter_map(|s| s.it.url.as_ref()) {
        if url.get_ref().trim_end_matches('/').ends_with("/api/v1") {
            report.at(url.span(), "leave out `/api/v1`: give the address that a browser would show Prometheus at");
        }
    }
    let mut seen: Vec<&str> = Vec::new();
    for section in &raw.slos {
        let it = &section.it;
        let known = [
            ("service", "[[service]]", &it.service, &services),
            ("prometheus", "[[prometheus]]", &it.prometheus, &servers),
        ];
        for (key, title, text, valid) in known {
            let Some(text) = text else { continue };
            let name = text.get_ref().as_str();
            if !valid.contains(&name) {
                let what = format!("`{key}` names `{name}`, which is not a {title}");
                report.word(text.span(), &what, name, valid);
            } else if key == "service" {
                if seen.contains(&name) {
                    report.at(text.span(), format!("service `{name}` has an [[slo]] already: one objective each"));
                }
                seen.push(name);
            }
        }
        if it.prometheus.is_none() && servers.len() != 1 && !report.is_unread(&section.at, "prometheus") {
            let what = format!("[[slo]] has no `prometheus`, and there are {} [[prometheus]]: name one", servers.len());
            report.at(section.at.clone(), what);
        }
        for (key, text) in
            [("errors", &it.errors), ("total", &it.total), ("ratio", &it.ratio), ("requests", &it.requests)]
        {
            if let Some(text) = text {
                expression(key, text, report);
            }
        }
    }
}

/// What can be said of an expression without evaluating it; the rest its server says, in the service's row.
fn expression(key: &str, text: &Spanned<String>, report: &mut Report<'_>) {
    let written = text.get_ref().as_str();
    let bare = outside_quotes(written);
    let mut wrong = |what: String| report.at(text.span(), what);
    if written.len() > LONGEST {
        wrong(format!("`{key}` is longer than {LONGEST} bytes: record it by a rule and name that"));
    }
    if written.contains(WINDOW) || written.contains("$__") {
        if written.contains("$__") {
            wrong(format!("`{key}`: variables of Grafana mean nothing here; write `{WINDOW}` where the window goes"));
        }
    } else if matches!(key, "ratio" | "requests") {
        wrong(format!(
            "`{key}` has no `{WINDOW}`: each window is recorded by a rule of its own, like `job:errors:ratio_rate{WINDOW}`"
        ));
    } else if bare.contains('[') || bare.contains('(') {
        wrong(format!(
            "`{key}`: give the counter alone, without function and range, or write `{WINDOW}` for the range, as in `increase(x[{WINDOW}])`"
        ));
    }
    if matches!(key, "errors" | "total") && (calls(&bare, "rate") || calls(&bare, "irate")) {
        wrong(format!("`{key}`: use increase() instead of rate(), so that the number of requests is known too"));
    }
}

/// Whether a function is called in a text without quotes.
fn calls(bare: &str, function: &str) -> bool {
    bare.match_indices('(').any(|(at, _)| {
        let before = bare.get(..at).unwrap_or_default().trim_end();
        before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next() == Some(function)
    })
}

/// A PromQL text with what stands in quotes left out.
fn outside_quotes(text: &str) -> String {
    let mut out = String::new();
    let (mut quote, mut escaped) = (None, false);
    for c in text.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(mark) if c == '\\' && mark != '`' => escaped = true,
            Some(mark) if c == mark => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            None => out.push(c),
        }
    }
    out
}

pub(super) fn slos(raw: &RawFile, make: &mut ResolveContext<'_, '_>) -> Vec<SloConfig> {
    raw.slos.iter().map(|section| slo(section, raw, make)).collect()
}

fn slo(section: &Section<RawSlo>, raw: &RawFile, make: &mut ResolveContext<'_, '_>) -> SloConfig {
    let (it, title) = (&section.it, "[[slo]]");
    let only = || raw.prometheus.iter().find_map(|s| said(&s.it.name)).unwrap_or_default().to_owned();
    let target = SloTarget {
        service: make.need(&it.service, "service", title, &section.at),
        prometheus: make.may(&it.prometheus, "prometheus").unwrap_or_else(only),
        budget_ppm: budget(section, make),
        period_s: make.time(&it.period, "period", PERIOD, PERIODS),
    };
    let figures = match (&it.ratio, &it.errors, &it.total) {
        (Some(ratio), None, None) => {
            let ratio = make.need(&Some(ratio.clone()), "ratio", title, &section.at);
            Figures::Recorded { ratio, requests: make.may(&it.requests, "requests") }
        }
        (Some(ratio), ..) => {
            make.report.at(ratio.span(), "`ratio` and `errors`, `total` are both set: which one shall be asked?");
            Figures::Recorded { ratio: String::new(), requests: None }
        }
        (None, errors, total) => counted(section, errors, total, make),
    };
    SloConfig { target, figures }
}

fn counted(section: &Section<RawSlo>, errors: &Text, total: &Text, make: &mut ResolveContext<'_, '_>) -> Figures {
    let title = "[[slo]]";
    if let Some(requests) = &section.it.requests {
        make.report.at(requests.span(), "`requests` goes with `ratio`; beside `total` it has nothing to say");
    }
    let unread = ["errors", "total", "ratio"].iter().any(|key| make.report.is_unread(&section.at, key));
    if unread {
        return Figures::Counted { errors: String::new(), total: String::new() };
    }
    if errors.is_none() && total.is_none() {
        make.report.at(
            section.at.clone(),
            "[[slo]] has no `errors` and `total` (two counters), and no `ratio` (a recording rule)",
        );
        return Figures::Counted { errors: String::new(), total: String::new() };
    }
    let figures = Figures::Counted {
        errors: make.need(errors, "errors", title, &section.at),
        total: make.need(total, "total", title, &section.at),
    };
    if let (Some(errors), Some(total)) = (errors, total) {
        if errors.get_ref().trim() == total.get_ref().trim() {
            make.report.at(errors.span(), "`errors` is the same as `total`: every request would be an error");
        }
        if errors.get_ref().contains(WINDOW) != total.get_ref().contains(WINDOW) {
            make.report.at(
                errors.span(),
                format!("`{WINDOW}` is in one of `errors` and `total` only: write both in the same way"),
            );
        }
    }
    figures
}

/// Requests of a million that may fail.
fn budget(section: &Section<RawSlo>, make: &mut ResolveContext<'_, '_>) -> u32 {
    let Some(objective) = &section.it.objective else {
        if !make.report.is_unread(&section.at, "objective") {
            make.report.at(section.at.clone(), "[[slo]] has no `objective`: give the percentage, like 99.9");
        }
        return 1_000;
    };
    let (at, percent) = (objective.span(), *objective.get_ref());
    let ppm = (100.0 - percent) * 10_000.0;
    if !(50.0..100.0).contains(&percent) || ppm < 0.5 {
        let hint = if (0.5..1.0).contains(&percent) {
            format!(" (did you mean {}?)", trim(percent * 100.0))
        } else {
            String::new()
        };
        make.report.at(at, format!("`objective` is {percent}; it is a percentage from 50 to 99.9999{hint}"));
        return 1_000;
    }
    if (ppm - ppm.round()).abs() > 1e-3 {
        make.report.at(at, format!("`objective` is {percent}: four decimals are the most that is kept"));
    }
    ppm.round() as u32
}

/// 99.9 from 1000 requests of a million.
pub(super) fn percent(budget_ppm: u32) -> f64 {
    // Counted in whole parts and divided once, so that 99.9 comes out as it was written.
    f64::from(1_000_000 - budget_ppm.min(1_000_000)) / 10_000.0
}

fn trim(number: f64) -> String {
    format!("{number:.4}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_quotes_is_not_syntax() {
        assert_eq!(outside_quotes(r#"x{code=~"5[0-9](0|1)", a='b\'[', c=`\`}"#), "x{code=~, a=, c=}");
        assert_eq!(outside_quotes("x[5m]"), "x[5m]");
    }

    #[test]
    fn a_percentage_comes_back_as_it_was_written() {
        for (ppm, written) in [(1_000, 99.9), (500, 99.95), (100, 99.99), (50_000, 95.0), (1, 99.9999), (10_000, 99.0)]
        {
            assert!((percent(ppm) - written).abs() < 1e-12, "{ppm}");
            assert_eq!(percent(ppm).to_string(), written.to_string());
        }
    }
}
