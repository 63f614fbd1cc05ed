//! Argo CD's sync windows: whether an application may be synced now, and until when that stays so. Pure.
//!
//! As Argo CD decides it: an active `deny` blocks; else an active `allow` permits; else, where any `allow` exists, being
//! outside it blocks. Manual syncs pass if every window that blocks says so.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::model::facts::{App, Project, SyncWindow};
use crate::model::time::go_duration;
use crate::model::{SafeText, Stamp};

use super::cron::Cron;
use super::judged_at::JudgedAt;
use super::row::Windows;

/// Boundaries that are looked at before "no end in sight".
const MOST_STEPS: u32 = 64;
/// Alternatives of one pattern with braces.
const MOST_ALTERNATIVES: usize = 64;

/// One window as it can be computed with.
#[derive(Debug)]
struct ComputedWindow {
    deny: bool,
    manual: bool,
    cron: Cron,
    lasts: TimeDelta,
}

impl ComputedWindow {
    fn read(it: &SyncWindow) -> Result<Self, String> {
        let deny = match it.kind.as_str() {
            "deny" => true,
            "allow" => false,
            other => return Err(format!("a window is of kind `{other}`")),
        };
        let zone = if it.time_zone.is_empty() { "UTC" } else { it.time_zone.as_str() };
        let cron = Cron::parse(&format!("CRON_TZ={zone} {}", it.schedule))?;
        let seconds = go_duration(it.duration.as_str()).filter(|s| *s > 0.0 && *s < 3.2e9);
        let seconds = seconds.ok_or_else(|| format!("`{}` is not a duration", it.duration))?;
        Ok(Self { deny, manual: it.manual_sync, cron, lasts: TimeDelta::milliseconds((seconds * 1000.0) as i64) })
    }

    /// The beginning of the run that is on at an instant, if one is.
    fn began(&self, at: Stamp) -> Option<Stamp> {
        let before = at.checked_sub_signed(self.lasts)?;
        self.cron.next_after(before).filter(|begin| *begin <= at)
    }

    /// When it may next change after an instant: its run ends, or the next one begins.
    fn boundary(&self, at: Stamp) -> Option<Stamp> {
        match self.began(at) {
            Some(begin) => begin.checked_add_signed(self.lasts),
            None => self.cron.next_after(at),
        }
    }
}

/// Whether syncs may run at an instant: by themselves, and by a person.
fn may(windows: &[ComputedWindow], at: Stamp) -> (bool, bool) {
    let (active, idle): (Vec<&ComputedWindow>, Vec<&ComputedWindow>) =
        windows.iter().partition(|it| it.began(at).is_some());
    let blockers: Vec<&ComputedWindow> = if active.iter().any(|it| it.deny) {
        active.into_iter().filter(|it| it.deny).collect()
    } else if active.is_empty() {
        idle.into_iter().filter(|it| !it.deny).collect()
    } else {
        Vec::new()
    };
    (blockers.is_empty(), blockers.iter().all(|it| it.manual))
}

fn judge(windows: &[&SyncWindow], now: JudgedAt<'_>) -> Windows {
    now.find(|now| judged(windows, now))
}

/// How it is at an instant, and when that may be otherwise.
fn judged(windows: &[&SyncWindow], now: Stamp) -> (Windows, Option<Stamp>) {
    let read: Result<Vec<ComputedWindow>, String> = windows.iter().map(|it| ComputedWindow::read(it)).collect();
    let windows = match read {
        Ok(windows) if windows.is_empty() => return (Windows::None, None),
        Ok(windows) => windows,
        Err(why) => return (Windows::Unreadable { why: SafeText::from(why) }, None),
    };
    let (automatic, manual) = may(&windows, now);
    let boundary = |at| windows.iter().filter_map(|it| it.boundary(at)).filter(|next| *next > at).min();
    let first = boundary(now);
    let mut at = now;
    let mut until = None;
    for _ in 0..MOST_STEPS {
        let Some(next) = boundary(at) else { break };
        at = next;
        if may(&windows, at).0 != automatic {
            until = Some(at);
            break;
        }
    }
    let found = if automatic { Windows::Open { until } } else { Windows::Blocked { manual, until } };
    (found, first)
}

/// The windows of every project of one cluster, judged once for each set of windows that apply together.
pub(super) struct Judge<'a> {
    projects: BTreeMap<&'a str, &'a Project>,
    known: BTreeMap<(&'a str, u64), Windows>,
    now: JudgedAt<'a>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(projects: impl Iterator<Item = &'a Project>, now: JudgedAt<'a>) -> Self {
        Self { projects: projects.map(|it| (it.name.as_str(), it)).collect(), known: BTreeMap::new(), now }
    }

    /// Whether an application may be synced.
    pub(super) fn of(&mut self, app: &App) -> Windows {
        if app.flux.is_some() {
            return Windows::None;
        }
        let Some((name, project)) = self.projects.get_key_value(app.project.as_str()) else { return Windows::Unknown };
        // No project keeps more windows than there are bits.
        let about: Vec<&SyncWindow> = project.windows.iter().take(64).collect();
        let set = about.iter().enumerate().filter(|(_, it)| is_about(it, app)).fold(0_u64, |set, (i, _)| set | 1 << i);
        let now = self.now;
        let of_set = || about.iter().enumerate().filter(|(i, _)| set & (1 << i) != 0).map(|(_, it)| *it).collect();
        let judged = self.known.entry((*name, set)).or_insert_with(|| {
            let windows: Vec<&SyncWindow> = of_set();
            judge(&windows, now)
        });
        judged.clone()
    }
}

/// Whether a window is about an application: one of its lists names it, or with `and` each list that is not empty.
fn is_about(window: &SyncWindow, app: &App) -> bool {
    let any = |patterns: &[SafeText], texts: &[&SafeText]| {
        patterns.iter().any(|pattern| texts.iter().any(|text| glob(pattern.as_str(), text.as_str())))
    };
    let place = &app.place;
    let hosts: Vec<&SafeText> = [&place.name, &place.server].into_iter().filter(|it| !it.is_empty()).collect();
    let lists = [
        (&window.applications, any(&window.applications, &[&app.name])),
        (&window.clusters, any(&window.clusters, &hosts)),
        (&window.namespaces, any(&window.namespaces, &[&place.namespace])),
    ];
    let mut asked = lists.into_iter().filter(|(list, _)| !list.is_empty()).map(|(_, fits)| fits).peekable();
    if window.and { asked.peek().is_some() && asked.all(|fits| fits) } else { asked.any(|fits| fits) }
}

/// One element of a pattern.
enum GlobPart {
    Any,
    One,
    Set { not: bool, ranges: Vec<(char, char)> },
    Char(char),
}

/// Patterns as Argo CD reads them: `*`, `?`, `[a-z]`, `[!a]`, `{one,other}`. A pattern that can't be read fits nothing.
fn glob(pattern: &str, text: &str) -> bool {
    alternatives(pattern).iter().any(|one| parts(one).is_some_and(|parts| fits(&parts, text)))
}

/// A pattern without braces for each choice of them, the first braces first.
fn alternatives(pattern: &str) -> Vec<String> {
    let mut open = vec![pattern.to_owned()];
    let mut done = Vec::new();
    while let Some(one) = open.pop() {
        let braces = one.find('{').and_then(|from| one[from..].find('}').map(|to| (from, from + to)));
        match braces {
            Some((from, to)) if open.len() + done.len() < MOST_ALTERNATIVES => {
                open.extend(one[from + 1..to].split(',').map(|it| format!("{}{it}{}", &one[..from], &one[to + 1..])));
            }
            Some(_) => {}
            None => done.push(one),
        }
    }
    done
}

fn parts(pattern: &str) -> Option<Vec<GlobPart>> {
    let mut out = Vec::new();
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        out.push(match c {
            '*' => GlobPart::Any,
            '?' => GlobPart::One,
            '\\' => GlobPart::Char(rest.next()?),
            '{' | '}' => return None,
            '[' => {
                let (inside, after) = rest.as_str().split_once(']')?;
                rest = after.chars();
                let (not, inside) = inside.strip_prefix('!').map_or((false, inside), |it| (true, it));
                GlobPart::Set { not, ranges: ranges(inside)? }
            }
            other => GlobPart::Char(other),
        });
    }
    Some(out)
}

fn ranges(inside: &str) -> Option<Vec<(char, char)>> {
    let chars: Vec<char> = inside.chars().collect();
    match chars.as_slice() {
        [] => None,
        [from, '-', to] => Some(vec![(*from, *to)]),
        all => Some(all.iter().map(|c| (*c, *c)).collect()),
    }
}

/// `reach[i]` = the text so far can end before part `i`: the cost is pattern times text, whatever the stars.
fn fits(parts: &[GlobPart], text: &str) -> bool {
    let through_stars = |reach: &mut Vec<bool>| {
        for (i, part) in parts.iter().enumerate() {
            if matches!(part, GlobPart::Any) && reach[i] {
                reach[i + 1] = true;
            }
        }
    };
    let mut reach = vec![false; parts.len() + 1];
    reach[0] = true;
    through_stars(&mut reach);
    for c in text.chars() {
        let mut next = vec![false; reach.len()];
        for (i, part) in parts.iter().enumerate().filter(|(i, _)| reach[*i]) {
            match part {
                GlobPart::Any => next[i] = true,
                GlobPart::One => next[i + 1] = true,
                GlobPart::Char(wanted) => next[i + 1] |= *wanted == c,
                GlobPart::Set { not, ranges } => {
                    next[i + 1] |= ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *not;
                }
            }
        }
        through_stars(&mut next);
        reach = next;
    }
    reach[parts.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::{DeployTarget, Open};

    fn at(text: &str) -> Stamp {
        text.parse().expect("a time")
    }

    fn window(kind: &str, schedule: &str, duration: &str) -> SyncWindow {
        SyncWindow {
            kind: Open::new(kind),
            schedule: schedule.into(),
            duration: duration.into(),
            applications: vec!["*".into()],
            ..SyncWindow::default()
        }
    }

    fn app() -> App {
        App {
            name: "shop-web".into(),
            project: "default".into(),
            place: DeployTarget { server: "https://dr.example".into(), name: "".into(), namespace: "shop".into() },
            ..App::default()
        }
    }

    fn judged(windows: Vec<SyncWindow>, now: &str) -> Windows {
        let project = Project { name: "default".into(), windows, ..Project::default() };
        Judge::new([&project].into_iter(), JudgedAt::once(at(now))).of(&app())
    }

    #[test]
    fn a_denied_time_blocks_and_says_until_when() {
        let deny = || window("deny", "0 22 * * *", "8h");
        let until = Some(at("2026-11-23T06:00:00Z"));
        let night = judged(vec![deny()], "2026-11-22T23:30:00Z");
        assert_eq!(night, Windows::Blocked { manual: false, until });
        let manual = SyncWindow { manual_sync: true, ..deny() };
        assert_eq!(judged(vec![manual.clone()], "2026-11-22T23:30:00Z"), Windows::Blocked { manual: true, until });
        // One that does not allow it is enough to stop people too.
        assert_eq!(judged(vec![manual, deny()], "2026-11-22T23:30:00Z"), night);
        let day = judged(vec![deny()], "2026-11-22T12:00:00Z");
        assert_eq!(day, Windows::Open { until: Some(at("2026-11-22T22:00:00Z")) });
        assert_eq!(
            judged(vec![deny()], "2026-11-23T06:00:00Z"),
            Windows::Open { until: Some(at("2026-11-23T22:00:00Z")) }
        );
    }

    #[test]
    fn outside_of_an_allowed_time_is_blocked_and_a_denial_is_stronger() {
        let allow = || window("allow", "0 9 * * 1-5", "8h");
        // A Sunday: until Monday at nine.
        let sunday = judged(vec![allow()], "2026-11-22T12:00:00Z");
        assert_eq!(sunday, Windows::Blocked { manual: false, until: Some(at("2026-11-23T09:00:00Z")) });
        let monday = judged(vec![allow()], "2026-11-23T10:00:00Z");
        assert_eq!(monday, Windows::Open { until: Some(at("2026-11-23T17:00:00Z")) });
        let lunch = window("deny", "0 12 * * *", "1h");
        let both = judged(vec![allow(), lunch], "2026-11-23T12:30:00Z");
        assert_eq!(both, Windows::Blocked { manual: false, until: Some(at("2026-11-23T13:00:00Z")) });
    }

    #[test]
    fn times_are_those_of_the_windows_zone() {
        let berlin = SyncWindow { time_zone: "Europe/Berlin".into(), ..window("deny", "0 9 * * *", "1h") };
        let winter = judged(vec![berlin.clone()], "2026-01-10T08:30:00Z");
        assert_eq!(winter, Windows::Blocked { manual: false, until: Some(at("2026-01-10T09:00:00Z")) });
        let summer = judged(vec![berlin], "2026-07-10T07:30:00Z");
        assert_eq!(summer, Windows::Blocked { manual: false, until: Some(at("2026-07-10T08:00:00Z")) });
    }

    #[test]
    fn windows_without_end_and_windows_that_overlap() {
        let always = judged(vec![window("deny", "* * * * *", "1h")], "2026-11-22T12:00:30Z");
        assert_eq!(always, Windows::Blocked { manual: false, until: None });
        let two = vec![window("deny", "0 10 * * *", "3h"), window("deny", "0 12 * * *", "3h")];
        let until = Some(at("2026-11-22T15:00:00Z"));
        assert_eq!(judged(two, "2026-11-22T11:00:00Z"), Windows::Blocked { manual: false, until });
    }

    #[test]
    fn what_cannot_be_read_is_said_and_never_taken_as_open() {
        for (broken, part) in [
            (window("deny", "61 * * * *", "1h"), "not a cron expression"),
            (window("deny", "0 1 * * *", "soon"), "not a duration"),
            (window("perhaps", "0 1 * * *", "1h"), "perhaps"),
            (SyncWindow { time_zone: "Mars/Olympus".into(), ..window("deny", "0 1 * * *", "1h") }, "Mars/Olympus"),
        ] {
            match judged(vec![broken], "2026-11-22T12:00:00Z") {
                Windows::Unreadable { why } => assert!(why.as_str().contains(part), "{why}"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(Judge::new([].into_iter(), JudgedAt::once(at("2026-11-22T12:00:00Z"))).of(&app()), Windows::Unknown);
        assert_eq!(judged(vec![], "2026-11-22T12:00:00Z"), Windows::None);
    }

    #[test]
    fn a_window_is_about_what_its_lists_name() {
        let lists = |applications: &[&str], namespaces: &[&str], clusters: &[&str], and| {
            let texts = |all: &[&str]| all.iter().map(|it| SafeText::from(*it)).collect();
            SyncWindow {
                applications: texts(applications),
                namespaces: texts(namespaces),
                clusters: texts(clusters),
                and,
                ..window("deny", "* * * * *", "1h")
            }
        };
        for (it, about) in [
            (lists(&["shop-*"], &[], &[], false), true),
            (lists(&["pay"], &["shop"], &[], false), true),
            (lists(&["pay"], &["shop"], &[], true), false),
            (lists(&["shop-web"], &["sh?p"], &["https://dr.*"], true), true),
            (lists(&[], &[], &[], false), false),
            (lists(&[], &[], &[], true), false),
            (lists(&[], &[], &["in-cluster"], false), false),
        ] {
            assert_eq!(is_about(&it, &app()), about, "{it:?}");
        }
        for (pattern, text, is) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abb", false),
            ("[a-c]1", "b1", true),
            ("[!a]1", "a1", false),
            ("{dev,prod}-*", "prod-1", true),
            ("{dev,prod}-*", "qa-1", false),
            ("{a", "{a", false),
            ("[a", "[a", false),
        ] {
            assert_eq!(glob(pattern, text), is, "{pattern} {text}");
        }
    }
}
