//! An alert's own page: what it says, how grave it is, what to do about it, and who keeps it quiet.

use crate::console::view::silence;
use crate::model::facts::Alert;

use super::FactPage;

/// The facts of an alert.
pub(super) fn of_alert(facts: &mut FactPage<'_, '_>, alert: &Alert) {
    facts.text("alert", alert.name.as_str());
    facts.text("about", &alert.about());
    facts.text("summary", alert.summary.as_str());
    facts.text("description", alert.description.as_str());
    facts.text("runbook", alert.runbook_url.as_str());
    facts.text("severity", alert.severity.as_str());
    facts.time("since", alert.starts_at);
    facts.text("state", alert.state.as_str());
    for by in &alert.silenced_by {
        let words = silence::words(facts.app, by);
        facts.text("silenced by", words.as_str());
    }
    for by in &alert.inhibited_by {
        let words = silence::inhibitor(facts.app, by);
        facts.text("inhibited by", words.as_str());
    }
    facts.list("receivers", &alert.receivers);
    let labels: Vec<String> = alert.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    facts.text("labels", &labels.join("  "));
    facts.text("fired by", alert.generator_url.as_str());
}
