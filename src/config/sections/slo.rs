//! `[[slo]]`: how many of a service's requests must be answered well, and which figures tell.

use std::fmt::Write as _;

use super::RawFile;
use crate::config::kinds::*;
use crate::config::section::*;
use crate::model::slo::SloTarget;

/// A service level objective and where its figures come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SloConfig {
    /// Service, server, budget and period; the server is the only `[[prometheus]]` if the section names none.
    pub target: SloTarget,
    /// The expressions that the server is asked.
    pub figures: Figures,
}

/// How the figures of a window are asked for. `$window` stands for the window: `5m`, `1h`, `30d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figures {
    /// Two counters, or two expressions with `$window` that count.
    Counted {
        /// The requests that failed: the setting `errors`.
        errors: String,
        /// All requests, the failed ones too: the setting `total`.
        total: String,
    },
    /// What recording rules have computed: the part that failed and, if recorded too, how many requests there were.
    Recorded {
        /// The part of the requests that failed, 0 to 1, with `$window` in its name.
        ratio: String,
        /// How many requests there were; `None` if no rule records that.
        requests: Option<String>,
    },
}

impl Default for Figures {
    fn default() -> Self {
        Self::Counted { errors: String::new(), total: String::new() }
    }
}

section! {
    /// How many of a service's requests must be answered well, and which counters tell. Its pane says how many minutes of
    /// the error budget are left and whether it burns fast enough to call someone (1h and 5m, 6h and 30m) or for a ticket.
    [[slo]] RawSlo => SloConfig {
        service as target.service: Text = Required("shop");
        /// Left out, it is the only one.
        prometheus as target.prometheus: Text = Derived("prom-1");
        objective as target.budget_ppm: Percentage = Required(99.9);
        period as target.period_s: Seconds<LEAST_PERIOD, LONGEST_PERIOD> = Default("30d");
        /// Two counters, without function and range. Or expressions that count over $window: "increase(x[$window])".
        errors as _: Text = Optional(r#"http_requests_total{job="shop",code=~"5.."}"#);
        total as _: Text = Optional(r#"http_requests_total{job="shop"}"#);
        /// Lighter for the server: recording rules, one for each of 5m 30m 1h 2h 6h 1d 3d and the period, instead of both.
        ratio as _: Text = Alternative(r#"job:slo_errors_per_request:ratio_rate$window{job="shop"}"#);
        requests as _: Text = Alternative(r#"job:slo_requests:increase$window{job="shop"}"#);
    }
}

const DAY: u64 = 86_400;
/// The longest window of the burn table is three days; a period must be well above it.
const LEAST_PERIOD: u64 = 7 * DAY;
const LONGEST_PERIOD: u64 = 366 * DAY;
/// Stands for the window in an expression.
const WINDOW: &str = "$window";
/// The most bytes of one expression: it is sent again and again.
const LONGEST: usize = 4_096;

impl SectionRules for RawSlo {
    fn judge(file: &RawFile, make: &mut ResolveContext<'_, '_>) {
        let (services, servers) = (names(&file.objectives, |s| &s.name), names(&file.prometheus, |p| &p.name));
        let mut seen: Vec<&str> = Vec::new();
        for RawTable { it, .. } in &file.slos {
            if let Some(server) = &it.prometheus {
                make.refers(server.span(), "prometheus", server.get_ref(), "[[prometheus]]", &servers);
            }
            let Some((at, name)) = it.service.as_ref().map(|service| (service.span(), service.get_ref())) else {
                continue;
            };
            if make.refers(at.clone(), "service", name, "[[service]]", &services) {
                if seen.contains(&name.as_str()) {
                    make.report.at(at, format!("service `{name}` has an [[slo]] already: one objective each"));
                }
                seen.push(name);
            }
        }
    }

    fn resolve(table: &RawTable<Self>, it: &mut SloConfig, file: &RawFile, make: &mut ResolveContext<'_, '_>) {
        let raw = &table.it;
        let servers = names(&file.prometheus, |p| &p.name);
        if raw.prometheus.is_none() {
            if servers.len() != 1 && !make.report.is_unread(&table.at, "prometheus") {
                let count = servers.len();
                let what = format!("[[slo]] has no `prometheus`, and there are {count} [[prometheus]]: name one");
                make.report.at(table.at.clone(), what);
            }
            it.target.prometheus = servers.first().map(|name| (*name).to_owned()).unwrap_or_default();
        }
        let expressions =
            [("errors", &raw.errors), ("total", &raw.total), ("ratio", &raw.ratio), ("requests", &raw.requests)];
        for (key, text) in expressions {
            if let Some(text) = text {
                expression(key, text, make.report);
            }
        }
        it.figures = figures(table, make);
    }

    fn show_more(it: &SloConfig, table: &mut toml::Table) {
        match &it.figures {
            Figures::Counted { errors, total } => {
                put(table, "errors", errors.as_str());
                put(table, "total", total.as_str());
            }
            Figures::Recorded { ratio, requests } => {
                put(table, "ratio", ratio.as_str());
                requests.iter().for_each(|requests| put(table, "requests", requests.as_str()));
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

fn figures(table: &RawTable<RawSlo>, make: &mut ResolveContext<'_, '_>) -> Figures {
    let raw = &table.it;
    let Some(ratio) = &raw.ratio else { return counted(table, make) };
    if raw.errors.is_some() || raw.total.is_some() {
        make.report.at(ratio.span(), "`ratio` and `errors`, `total` are both set: which one shall be asked?");
        return Figures::default();
    }
    make.refuse_empty(ratio, "ratio", "");
    if let Some(requests) = &raw.requests {
        make.refuse_empty(requests, "requests", LEAVE_OUT);
    }
    Figures::Recorded { ratio: ratio.get_ref().clone(), requests: said(&raw.requests).map(str::to_owned) }
}

fn counted(table: &RawTable<RawSlo>, make: &mut ResolveContext<'_, '_>) -> Figures {
    let (title, RawSlo { errors, total, requests, .. }) = ("[[slo]]", &table.it);
    if let Some(requests) = requests {
        make.report.at(requests.span(), "`requests` goes with `ratio`; beside `total` it has nothing to say");
    }
    if ["errors", "total", "ratio"].iter().any(|key| make.report.is_unread(&table.at, key)) {
        return Figures::default();
    }
    if errors.is_none() && total.is_none() {
        let what = "[[slo]] has no `errors` and `total` (two counters), and no `ratio` (a recording rule)";
        make.report.at(table.at.clone(), what);
        return Figures::default();
    }
    let figures = Figures::Counted {
        errors: make.need(errors, "errors", title, &table.at),
        total: make.need(total, "total", title, &table.at),
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

/// A percentage of good requests, as those of a million that may fail.
pub(crate) enum Percentage {}

impl Kind for Percentage {
    type Raw = f64;
    type Value = u32;
    const MISSING: &'static str = ": give the percentage, like 99.9";

    fn check(raw: &Spanned<f64>, _: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<u32> {
        let (at, percent) = (raw.span(), *raw.get_ref());
        let ppm = (100.0 - percent) * 10_000.0;
        if !(50.0..100.0).contains(&percent) || ppm < 0.5 {
            let mut what = format!("`objective` is {percent}; it is a percentage from 50 to 99.9999");
            if (0.5..1.0).contains(&percent) {
                let _ = write!(what, " (did you mean {}?)", trim(percent * 100.0));
            }
            make.report.at(at, what);
            return None;
        }
        if (ppm - ppm.round()).abs() > 1e-3 {
            make.report.at(at, format!("`objective` is {percent}: four decimals are the most that is kept"));
        }
        Some(ppm.round() as u32)
    }

    fn show(value: &u32) -> Option<toml::Value> {
        Some(percent(*value).into())
    }
}

/// 99.9 from 1000 requests of a million.
fn percent(budget_ppm: u32) -> f64 {
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
