//! A probe: what users are answered, and by whom.

use crate::board::describe::{Describe, Description};
use crate::model::SafeText;
use crate::model::facts::Probe;
use crate::model::filter::Field;

impl Describe for Probe {
    fn describe(&self, say: &mut Description<'_>) {
        let Probe { good, samples, .. } = self;
        let status = self.status.map_or("no answer".to_owned(), |status| status.to_string());
        say.summary(|_| {
            let site = self.site.as_ref().map_or(String::new(), |site| format!(" from {site}"));
            format!("{status}{site} · {good}/{samples} good")
        });
        say.at(Some(self.since));
        say.field(Field::Name, "", [&self.name]);
        say.field(Field::Service, "", [&self.service]);
        say.state(&[(true, if self.ok { "up" } else { "down" })]);
        say.text("url", [&self.url]);
        say.field(Field::State, "status", [&status]);
        say.text("error", [&self.error]);
        say.field(Field::Site, "", self.site.as_slice());
        say.fact("answered by", self.site.as_ref().map_or("not said", SafeText::as_str));
        say.fact("good", format_args!("{good} of the last {samples}"));
        say.time("so since", self.since);
        say.fact("took", format_args!("{} ms", self.latency_ms));
    }
}
