//! A service's error budget: what is left of it, and how fast it burns.

use crate::board::describe::{Describe, Description};
use crate::board::{BurnPair, ErrorBudget, Verdict};
use crate::model::filter::Field;
use crate::model::time::{short, since, words};

impl Describe for ErrorBudget {
    fn describe(&self, say: &mut Description<'_>) {
        let (period, left) = (words(self.period_s), self.left_words());
        say.summary(|now| {
            let burn = self.burn.map_or(String::new(), |burn| format!(" {burn}× over {}", short(self.burn_over_s)));
            let empty = self.empty_at.map_or(String::new(), |at| format!(" · empty in {}", short(since(now, at))));
            let requests = self.requests.map_or(String::new(), |requests| format!(" · {requests} requests in 1 h"));
            format!("{left} · {}{burn}{empty}{requests}", self.state.words())
        });
        if let Some(since) = self.burning_since {
            say.at(Some(since));
        }
        say.field(Field::Name, "", [&self.service]);
        say.field(Field::Service, "service", [&self.service]);
        say.state(&[(true, self.state.words())]);
        say.fact("objective", format_args!("{} % over {period}", 100.0 - f64::from(self.budget_ppm) / 1e4));
        say.text("budget", [&left]);
        let unknown = || "not known".to_owned();
        say.fact("is left", self.left_percent.map_or_else(unknown, |left| format!("{left} %")));
        say.fact("data covers", self.reach_s.map_or_else(unknown, |reach| format!("{} of {period}", words(reach))));
        say.fact("requests", self.requests.map_or_else(unknown, |n| format!("{n} in 1 h")));
        say.time("burning since", self.burning_since);
        if let (Some(at), Some(page)) = (self.empty_at, say.page) {
            let left = words(since(page.now, at));
            say.fact("empty", format_args!("{}, in {left} if it goes on", (page.time)(at)));
        }
        say.space();
        self.pairs.iter().for_each(|pair| describe_burn(pair, say));
    }
}

/// The burn over a long and a short window, against the factor at which it matters.
fn describe_burn(pair: &BurnPair, say: &mut Description<'_>) {
    let (verdict, over) = match (pair.over, pair.page) {
        (Some(true), true) => (Verdict::Critical, "OVER"),
        (Some(true), false) => (Verdict::Warning, "OVER"),
        (Some(false), _) => (Verdict::Info, "not over"),
        (None, _) => (Verdict::Unknown, "can't be told"),
    };
    let times = |burn: Option<f64>| burn.map_or_else(|| "?".to_owned(), |burn| format!("{burn}×"));
    let label = format!("{} {}×", if pair.page { "page" } else { "ticket" }, pair.factor);
    let (long, short) = (words(pair.long_s), words(pair.short_s));
    let line = format!("{} over {long} and {} over {short}: {over}", times(pair.long), times(pair.short));
    say.judged(&label, line, verdict);
}
