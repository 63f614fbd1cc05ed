//! `[policy]`: who must agree before a dangerous act.

use super::RawFile;
use crate::config::kinds::*;
use crate::config::section::*;
use crate::model::{Level, Policy};

section! {
    [policy] RawPolicy => Policy {
        /// Persons who must agree before a dangerous act, its proposer included. Never below 2.
        quorum: Quorum = Default(2);
        /// How surely each of them must be known. "session": the account, and that same person logged in to the session it
        /// acts from; `warroom serve` takes this unless it is lowered. "account": the account alone. Then
        /// `sudo -u sam warroom approve` completes a plan of one's own, and every plan says so. A room of one's own
        /// (`warroom --config`) has one account anyway.
        level as _: Text = Derived("session");
        /// How long a plan waits for them.
        ttl as ttl_s: Seconds<60, 86_400> = Default("30m");
    }
}

impl SectionRules for RawPolicy {
    fn resolve(table: &RawTable<Self>, it: &mut Policy, _: &RawFile, make: &mut ResolveContext<'_, '_>) {
        let written = table.it.level.as_ref().and_then(|text| level(text, make));
        it.level = match written {
            // Nobody in a drill is known better than by the name they gave.
            _ if make.options.drill => Level::Drill,
            Some(level) => level,
            // Where several accounts come in, `sudo` must not make one person two; one's own room has one account.
            None if make.options.serve => Level::Session,
            None => Level::Account,
        };
    }

    fn show_more(it: &Policy, table: &mut toml::Table) {
        // A drill's level can't be written: what is shown must load.
        let level = if it.level == Level::Session { "session" } else { "account" };
        put(table, "level", level);
    }
}

fn level(text: &Spanned<String>, make: &mut ResolveContext<'_, '_>) -> Option<Level> {
    let words = ["account", "session", "key", "touch"].map(|word| (word, word));
    match make.choice(text, "level", &words)? {
        "account" => Some(Level::Account),
        "session" => Some(Level::Session),
        higher => {
            let what = format!(
                "`level = \"{higher}\"`: this version takes no signatures of persons, so no plan could ever be approved; \
                 use \"session\" or \"account\""
            );
            make.report.at(text.span(), what);
            None
        }
    }
}

pub(crate) enum Quorum {}

impl Kind for Quorum {
    type Raw = i64;
    type Value = u32;

    fn check(raw: &Spanned<i64>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<u32> {
        if *raw.get_ref() < 2 {
            let what = format!("`quorum` is {}: a dangerous act needs at least two persons, always", raw.get_ref());
            make.report.at(raw.span(), what);
            return None;
        }
        Number::<u32, 2, 10>::check(raw, setting, make)
    }
}
