//! An account at the edge: whose token it is, what it may, and how many requests are left.

use crate::board::describe::{Describe, Description};
use crate::model::facts::EdgeAccount;
use crate::model::filter::Field;

impl Describe for EdgeAccount {
    fn describe(&self, say: &mut Description<'_>) {
        let EdgeAccount { token, asked, share, reading, reading_share, reserve, .. } = self;
        let left = self.remaining.zip(self.limit).map(|(left, limit)| format!("{left} of {limit}"));
        say.summary(|_| {
            let left = left.as_ref().map_or("requests left unknown".to_owned(), |left| format!("{left} requests left"));
            let until = token.expires.map_or(String::new(), |at| format!(" until {}", at.format("%Y-%m-%d")));
            let status = or(token.status.as_str(), "unknown");
            format!("{left} · ours {asked} of at most {share} in 5 min · token {status}{until}")
        });
        say.field(Field::Name, "account", [&self.account]);
        say.fact("token of", or(token.owner.as_str(), "not known"));
        say.field(Field::State, "", [token.status.as_str()]);
        say.fact("status", or(token.status.as_str(), "unknown"));
        say.fact("not checked", &token.problem);
        say.fact("expires", token.expires.map_or("no end is stated".to_owned(), |at| say.written(at)));
        say.time("checked", token.checked);
        let may = |it: Option<bool>| it.map_or("unknown", |may| if may { "yes" } else { "no" });
        say.fact("reads pools", may(token.reads_pools));
        say.fact("reads balancers", may(token.reads_balancers));
        say.fact("may write", "unknown: it can't be probed without writing");
        say.space();
        let left = left.map(|left| format!("{left}, shared by all who use this user"));
        say.fact("requests left", left.as_deref().unwrap_or("not said"));
        say.known("full again", self.resets.map(|at| say.written(at)));
        say.fact("ours", format_args!("{asked} in the last 5 min; polling asks for {share} at most"));
        say.fact("for people", format_args!("{reading} of at most {reading_share}: plans that were checked"));
        say.fact("reserve", format_args!("polling stops at {reserve} left; acting does not"));
        say.fact("not done", "Health previews start probes by a POST, so they are left to a person.");
    }
}

fn or<'a>(text: &'a str, unknown: &'a str) -> &'a str {
    if text.is_empty() { unknown } else { text }
}
