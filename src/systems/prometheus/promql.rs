//! The questions: what is configured for a service → PromQL. Pure.
//!
//! No errors means an empty vector and not 0, so the errors of a window get `or vector(0)`; the requests do not, so that
//! no requests stay no data. Over the period errors and requests are asked side by side instead, because there "never an
//! error" is worth knowing. Parts of one answer are told apart by a label of our own.

use crate::config::Figures;

/// The label that says what a part of an answer is.
pub(super) const PART: &str = "is";

const WEEK_S: u64 = 7 * 86_400;

/// How finely the period is looked through for gaps.
const LOOKS: u64 = 720;

/// One question about a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Job {
    /// Errors as a part of the requests over a window of seconds, and the requests.
    Window(u64),
    /// Requests of a window, where they are recorded by a rule of their own.
    Requests(u64),
    /// Errors and requests over the whole period of seconds.
    Period(u64),
    /// How much of so many seconds the counters were there.
    Coverage(u64),
}

/// A window as Prometheus and the usual names of recording rules write it: `5m`, `1d`.
pub(super) fn window_name(seconds: u64) -> String {
    let units = [("d", 86_400), ("h", 3_600), ("m", 60)];
    let unit = units.iter().find(|(_, size)| seconds > 0 && seconds.is_multiple_of(*size));
    unit.map_or_else(|| format!("{seconds}s"), |(unit, size)| format!("{}{unit}", seconds / size))
}

/// The names that tools give a window: as Prometheus itself writes whole weeks (`4w`), and in days (`28d`).
fn window_names(seconds: u64) -> Vec<String> {
    let weeks = (seconds > 0 && seconds.is_multiple_of(WEEK_S)).then(|| format!("{}w", seconds / WEEK_S));
    weeks.into_iter().chain([window_name(seconds)]).collect()
}

/// Seconds between two looks for gaps; each look that finds something stands for so many.
pub(super) fn look_s(span_s: u64) -> u64 {
    (span_s / LOOKS).max(5)
}

/// The question in the words of each tool that may have recorded the answer, the likeliest first; empty where nothing is
/// configured to answer it.
pub(super) fn queries(figures: &Figures, job: Job) -> Vec<String> {
    let recorded = match (figures, job) {
        (Figures::Recorded { ratio, .. }, Job::Window(window) | Job::Period(window)) => Some((ratio.as_str(), window)),
        (Figures::Recorded { requests: Some(requests), .. }, Job::Requests(window)) => {
            Some((requests.as_str(), window))
        }
        _ => None,
    };
    match recorded {
        Some((text, window)) if !is_counter(text) => {
            window_names(window).iter().map(|name| text.replace("$window", name)).collect()
        }
        _ => query(figures, job).into_iter().collect(),
    }
}

/// The question's text; `None` where nothing is configured to answer it.
fn query(figures: &Figures, job: Job) -> Option<String> {
    match (figures, job) {
        (Figures::Counted { errors, total }, Job::Window(window)) => Some(counted_window(errors, total, window)),
        (Figures::Counted { errors, total }, Job::Period(period)) => {
            let (errors, total) = (counted(errors, "increase", period), counted(total, "increase", period));
            Some(format!("{} or {}", part(&errors, "errors"), part(&total, "requests")))
        }
        (Figures::Counted { .. }, Job::Requests(_)) => None,
        (Figures::Recorded { ratio, .. }, Job::Window(window) | Job::Period(window)) => Some(filled(ratio, window)),
        (Figures::Recorded { requests, .. }, Job::Requests(window)) => Some(filled(requests.as_ref()?, window)),
        (figures, Job::Coverage(span)) => {
            let seen = match figures {
                Figures::Counted { total, .. } => filled(total, 300),
                Figures::Recorded { ratio, .. } => filled(ratio, 300),
            };
            let (span, step) = (window_name(span), window_name(look_s(span)));
            Some(format!("count_over_time((count({seen}))[{span}:{step}])"))
        }
    }
}

fn counted_window(errors: &str, total: &str, window: u64) -> String {
    let ratio = format!("({} or vector(0)) / {}", counted(errors, "rate", window), counted(total, "rate", window));
    let requests = counted(total, "increase", window);
    let mut query = format!("{} or {}", part(&ratio, "errors"), part(&requests, "requests"));
    if is_counter(total) {
        // A range still remembers a target that has gone; an instant does not.
        query.push_str(&format!(" or {}", part(&format!("count({total})"), "series")));
    }
    query
}

/// A counter alone, not an expression that counts over `$window`.
pub(super) fn is_counter(text: &str) -> bool {
    !text.contains("$window")
}

fn counted(text: &str, function: &str, window: u64) -> String {
    if is_counter(text) {
        format!("sum({function}({text}[{}]))", window_name(window))
    } else {
        format!("sum({})", filled(text, window))
    }
}

fn filled(text: &str, window: u64) -> String {
    text.replace("$window", &window_name(window))
}

fn part(query: &str, name: &str) -> String {
    format!("label_replace({query}, \"{PART}\", \"{name}\", \"\", \"\")")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_have_the_names_that_recording_rules_use() {
        let names = [300, 1_800, 3_600, 7_200, 21_600, 86_400, 259_200, 2_592_000, 90].map(window_name).join(" ");
        assert_eq!(names, "5m 30m 1h 2h 6h 1d 3d 30d 90s");
        assert_eq!((look_s(2_592_000), look_s(604_800)), (3_600, 840));
    }

    #[test]
    fn counters_become_the_questions_that_tell_none_from_nothing() {
        let counted = Figures::Counted { errors: "x{c=\"5\"}".into(), total: "x".into() };
        let ask = |job| query(&counted, job).expect("a question");
        assert_eq!(
            ask(Job::Window(3_600)),
            "label_replace((sum(rate(x{c=\"5\"}[1h])) or vector(0)) / sum(rate(x[1h])), \"is\", \"errors\", \"\", \"\") \
             or label_replace(sum(increase(x[1h])), \"is\", \"requests\", \"\", \"\") \
             or label_replace(count(x), \"is\", \"series\", \"\", \"\")"
        );
        assert_eq!(
            ask(Job::Period(2_592_000)),
            "label_replace(sum(increase(x{c=\"5\"}[30d])), \"is\", \"errors\", \"\", \"\") \
             or label_replace(sum(increase(x[30d])), \"is\", \"requests\", \"\", \"\")"
        );
        assert_eq!(ask(Job::Coverage(2_592_000)), "count_over_time((count(x))[30d:1h])");
        assert_eq!(ask(Job::Coverage(look_s(2_592_000))), "count_over_time((count(x))[1h:5s])");
        assert_eq!(query(&counted, Job::Requests(300)), None);
    }

    #[test]
    fn rules_and_expressions_get_the_window_in_their_own_place() {
        let recorded = Figures::Recorded { ratio: "job:err:ratio$window{a=\"b\"}".into(), requests: None };
        assert_eq!(query(&recorded, Job::Window(86_400)).as_deref(), Some("job:err:ratio1d{a=\"b\"}"));
        assert_eq!(query(&recorded, Job::Requests(300)), None);
        let weeks = |period| queries(&recorded, Job::Period(period)).join(" ");
        assert_eq!(weeks(28 * 86_400), "job:err:ratio4w{a=\"b\"} job:err:ratio28d{a=\"b\"}");
        assert_eq!(weeks(30 * 86_400), "job:err:ratio30d{a=\"b\"}");
        let own = Figures::Counted { errors: "increase(e[$window])".into(), total: "increase(t[$window])".into() };
        assert_eq!(
            query(&own, Job::Window(300)).expect("a question"),
            "label_replace((sum(increase(e[5m])) or vector(0)) / sum(increase(t[5m])), \"is\", \"errors\", \"\", \"\") \
             or label_replace(sum(increase(t[5m])), \"is\", \"requests\", \"\", \"\")"
        );
    }
}
