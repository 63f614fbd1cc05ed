//! An alert: what it says, how grave it is, what to do about it, and who keeps it quiet.

use serde::{Deserialize, Serialize};

use super::{inhibitor_words, silence_words};
use crate::board::describe::{Describe, Description, joined};
use crate::model::Stamp;
use crate::model::facts::Alert;
use crate::model::filter::Field;
use crate::model::time::{short, since};

/// An alert, merged over the instances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertRow {
    /// Words and labels are of the instance that sorts first, receivers and silences of all; the gravest state.
    pub alert: Alert,
    /// Instances that hold it.
    pub held_by: Vec<String>,
    /// Reachable instances that don't.
    pub missing_from: Vec<String>,
    /// The service it belongs to, by its labels.
    pub service: Option<String>,
    /// It begins right after a start of the Alertmanager that says so: a sender that names no beginning gets this one,
    /// though the alert may have fired for long.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub since_restart: bool,
}

impl Describe for AlertRow {
    fn describe(&self, say: &mut Description<'_>) {
        let alert = &self.alert;
        say.title(&alert.name);
        say.summary(|now| self.summary(now));
        say.at(alert.starts_at);
        say.named("alert", &alert.name);
        say.known("about", say.page.map(|_| alert.about()));
        say.text("summary", [&alert.summary]);
        say.fact("description", &alert.description);
        say.fact("runbook", &alert.runbook_url);
        say.fact("severity", alert.severity.as_str());
        say.time("since", alert.starts_at);
        say.field(Field::State, "state", [alert.state.as_str()]);
        let (silenced, inhibited) = (!alert.silenced_by.is_empty(), !alert.inhibited_by.is_empty());
        say.state(&[(alert.state.is("active"), "firing"), (silenced, "silenced"), (inhibited, "inhibited")]);
        if let Some(page) = say.page {
            for by in &alert.silenced_by {
                say.fact("silenced by", silence_words(page.silences, by, page.time));
            }
            for by in &alert.inhibited_by {
                say.fact("inhibited by", inhibitor_words(page.alerts, by));
            }
        }
        say.field(Field::Receiver, "receivers", &alert.receivers);
        alert.labels.iter().for_each(|(name, value)| say.label(name, value.as_str()));
        if say.page.is_some() {
            let labels: Vec<String> = alert.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            say.fact("labels", joined(&labels, "  "));
        }
        say.field(Field::Ns, "", alert.labels.get("namespace").as_slice());
        alert.labels.get("cluster").into_iter().for_each(|cluster| say.cluster("", cluster.as_str()));
        say.fact("fired by", &alert.generator_url);
        let whose = "may be that of its Alertmanager, which was started just before";
        say.known("beginning", self.since_restart.then_some(whose));
        say.field(Field::Service, "service", self.service.as_slice());
        say.text("held by", &self.held_by);
        say.text("missing from", &self.missing_from);
    }
}

impl AlertRow {
    fn summary(&self, now: Stamp) -> String {
        let alert = &self.alert;
        let since = alert.starts_at.map_or(String::new(), |at| format!(" for {}", short(since(at, now))));
        let about = alert.about();
        let about = if about.is_empty() { about } else { format!("{about} · ") };
        let told = joined(&alert.receivers, ", ");
        let held = if self.held_by.is_empty() { String::new() } else { format!(" · on {}", self.held_by.join(", ")) };
        let summary = if alert.summary.is_empty() { String::new() } else { format!(" · {}", alert.summary) };
        format!("{about}{}{since} → {told}{held}{summary}", alert.state.as_str())
    }
}
