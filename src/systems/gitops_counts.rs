//! What the executor asks about applications, whichever tool deploys them.

use crate::model::facts::App;
use crate::model::gitops::Around;
use crate::model::objective::app_fits;

/// What is asked about the applications that fit some patterns: `apps/PATTERN,…/WHAT`. A pattern may have a `/` itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AppQuestion {
    /// How many there are.
    Total,
    /// How many are not deployed and healthy, by data that proves it.
    Lagging,
    /// How many the tool may change by itself, or for how many that can't be told.
    Automated,
}

impl AppQuestion {
    /// The patterns and the question of a path.
    pub(super) fn of(path: &str) -> Option<(&str, Self)> {
        let (patterns, what) = path.strip_prefix("apps/")?.rsplit_once('/')?;
        let question = match what {
            "total" => Self::Total,
            "lagging" => Self::Lagging,
            "automated" => Self::Automated,
            _ => return None,
        };
        Some((patterns, question))
    }

    /// Whether an application counts.
    pub(super) fn counts(self, app: &App, around: Around<'_>) -> bool {
        match self {
            Self::Total => true,
            Self::Lagging => app.lag(around).is_some(),
            Self::Automated => app.automated != Some(false),
        }
    }
}

/// Whether an application fits one of some comma-separated patterns.
pub(super) fn fits(patterns: &str, app: &App) -> bool {
    let patterns = patterns.split(',').map(str::trim).filter(|it| !it.is_empty());
    patterns.into_iter().any(|pattern| app_fits(pattern, app.kind.as_str(), app.name.as_str()))
}
