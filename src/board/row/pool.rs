//! A pool: its origins, and all that sees and uses it.

use crate::board::describe::{Describe, Description};
use crate::model::facts::Pool;

impl Describe for Pool {
    fn describe(&self, say: &mut Description<'_>) {
        say.summary(|_| {
            let healthy = self.healthy.map_or("health unknown", |healthy| if healthy { "healthy" } else { "down" });
            format!("{healthy}{}", if self.enabled { "" } else { " · disabled" })
        });
        say.state(&[(true, health(self.enabled, self.healthy, "off"))]);
        say.named("pool", &self.name);
        say.fact("monitor", if self.monitored { "yes" } else { "no: its health is not considered" });
        say.known("health", self.regional.then_some("judged by each region for itself"));
        let on = self.origins.iter().filter(|origin| origin.enabled).count();
        let (all, needed) = (self.origins.len(), self.minimum_origins);
        say.fact("origins", format_args!("{on} of {all} enabled, at least {needed} needed"));
        for origin in &self.origins {
            let health = health(origin.enabled, origin.healthy, "disabled");
            say.texts([&origin.name, &origin.address]);
            say.fact(origin.name.as_str(), format_args!("{} {health}", origin.address));
        }
        let (traffic, sessions) = (self.shedding_percent, self.session_shedding_percent);
        if traffic + sessions > 0 {
            say.fact("sheds", format_args!("{traffic} % of new traffic, {sessions} % of sessions"));
        }
        for (place, healthy) in &self.places {
            say.fact(place.as_str(), if *healthy { "sees it up" } else { "sees it down" });
        }
        let Some(users) = &self.used_by else { return say.fact("used by", "not read") };
        for (label, kind) in [("used by", "load_balancer"), ("monitors", "monitor")] {
            let names: Vec<_> = users.iter().filter(|user| user.kind.is(kind)).map(|user| &user.name).collect();
            say.list(label, &names);
        }
    }
}

fn health(enabled: bool, healthy: Option<bool>, off: &str) -> &str {
    match healthy {
        _ if !enabled => off,
        Some(true) => "up",
        Some(false) => "down",
        None => "unknown",
    }
}
