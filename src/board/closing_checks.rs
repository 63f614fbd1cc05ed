//! What speaks against closing an incident: alerts that fire, or that nobody can read. One rule for the room, the console
//! and plain mode.

use crate::model::System;

use super::row::{JudgedBoard, Row, Topic, Verdict};

/// What fires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FiringCounts {
    /// Critical alerts that fire.
    pub critical: u64,
    /// Alerts, or Alertmanagers, of which nobody can say how they stand.
    pub unread: u64,
}

impl FiringCounts {
    /// As the room judges it.
    pub fn of(judged: &JudgedBoard) -> Self {
        Self::in_rows(judged.rows(Topic::Alerts), judged.rows(Topic::Sources))
    }

    /// As the rows of alerts and sources say.
    pub fn in_rows(alerts: &[Row], sources: &[Row]) -> Self {
        let count = |rows: &mut dyn Iterator<Item = &Row>| u64::try_from(rows.count()).unwrap_or(u64::MAX);
        let unknown = |row: &&Row| row.verdict == Verdict::Unknown;
        let unheard = |row: &&Row| row.source.system == System::Alertmanager && (row.stale || unknown(row));
        Self {
            critical: count(&mut alerts.iter().filter(|row| row.verdict == Verdict::Critical)),
            unread: count(&mut alerts.iter().filter(unknown)) + count(&mut sources.iter().filter(unheard)),
        }
    }

    /// Nothing speaks against it.
    pub fn is_calm(self) -> bool {
        self == Self::default()
    }

    /// How it stands, as a sentence.
    pub fn words(self) -> String {
        match (self.critical, self.unread) {
            (0, 0) => "No critical alert is known to fire.".to_owned(),
            (0, _) => "Alerts can't all be read, so some may still fire.".to_owned(),
            (1, _) => "1 critical alert still fires.".to_owned(),
            (n, _) => format!("{n} critical alerts still fire."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::{RowBody, SourceRow};
    use super::*;
    use crate::model::{SafeText, SourceId, Stamp};

    fn row(system: System, verdict: Verdict, stale: bool) -> Row {
        Row {
            id: "it".into(),
            source: SourceId::new(system, "one"),
            verdict,
            seen_at: Stamp::UNIX_EPOCH,
            stale,
            why: SafeText::default(),
            body: RowBody::Source(SourceRow {
                alive_at: None,
                troubled_since: None,
                trouble: None,
                fresh_for_s: 1,
                reading: false,
                notes: Vec::new(),
            }),
        }
    }

    #[test]
    fn critical_alerts_and_what_nobody_can_read_speak_against_closing() {
        let alert = |verdict| row(System::Alertmanager, verdict, false);
        let calm = [alert(Verdict::Warning), alert(Verdict::Info)];
        let heard = [alert(Verdict::Ok), row(System::Velero, Verdict::Unknown, true)];
        assert!(FiringCounts::in_rows(&calm, &heard).is_calm(), "another system's trouble is not about alerts");
        let one = FiringCounts::in_rows(&[alert(Verdict::Critical), alert(Verdict::Warning)], &heard);
        assert_eq!((one.is_calm(), one.words().as_str()), (false, "1 critical alert still fires."));
        let gone = FiringCounts::in_rows(&[alert(Verdict::Unknown)], &heard);
        let unheard = FiringCounts::in_rows(&[], &[row(System::Alertmanager, Verdict::Warning, true)]);
        for it in [gone, unheard] {
            assert_eq!((it.is_calm(), it.words().contains("some may still fire")), (false, true), "{it:?}");
        }
    }
}
