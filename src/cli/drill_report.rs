//! The end of a drill: what it leaves in its folder, and what it says of how the incident went.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::connect::{Intent, RoomLink};
use super::drill::{self, DrillOptions};
use super::error::CliError;
use super::export::{self, ExportFormat};
use super::output;
use crate::drill::score::{Score, score};
use crate::drill::script_runner::DrillRun;
use crate::model::time::from_detection;
use crate::postmortem::{Outline, Reached};

/// The forms of the export, by their file's ending.
const FORMS: [(&str, ExportFormat); 4] = [
    ("md", ExportFormat::Markdown),
    ("html", ExportFormat::Html),
    ("csv", ExportFormat::Csv),
    ("json", ExportFormat::Json),
];

/// The incident as the drill's room tells it; `None` if it was left before the first alert.
pub(super) async fn story(socket: &Path) -> Result<Option<Outline>, CliError> {
    let intent = Intent { entries_from: Some(1), ..Intent::default() };
    let mut link = RoomLink::open(socket, &intent).await?;
    link.caught_up().await?;
    if link.mirror.story.incidents.is_empty() {
        return Ok(None);
    }
    export::outline(&mut link, None).await.map(Some)
}

/// Takes away the files of a log that is written to; this one never is again.
pub(super) fn tidy(dir: &Path) {
    for name in ["LOCK", "RESERVE", "SNAPSHOT"] {
        let _ = std::fs::remove_file(dir.join(name));
    }
}

/// Leaves the export in all its forms and the score. `run` is what played people did, if nobody else took part.
pub(super) fn leave(
    dir: &Path,
    options: &DrillOptions,
    run: Option<&DrillRun>,
    outline: &Outline,
) -> Result<Score, CliError> {
    for (ending, form) in FORMS {
        super::output::write_file(&dir.join(format!("export.{ending}")), &export::render(outline, form))?;
    }
    let scenario = drill::load_scenario(&options.scenario)?;
    let reached: BTreeMap<String, i64> = outline.rows.iter().map(|row| (row.event.to_owned(), row.t_s)).collect();
    let score = score(&scenario, options.seed, &reached);
    let mut told = json!({
        "schema": score.schema, "score": score, "objectives": outline.objectives, "slowest": slowest(outline),
    });
    if let Some(run) = run {
        told["ended"] = json!(run.ended);
        told["acts"] = json!(run.acts);
    }
    let text = serde_json::to_string_pretty(&told).map_err(|error| CliError::Other(error.to_string()))?;
    super::output::write_file(&dir.join("score.json"), &format!("{text}\n"))?;
    Ok(score)
}

/// What a drill says at its end.
pub(super) fn words(score: &Score, outline: &Outline, dir: &Path, again: &str) -> String {
    let mut text =
        format!("DRILL {} · seed {} · {} of {} milestones\n", score.scenario, score.seed, score.reached, score.of);
    for objective in &outline.objectives {
        text.push_str(&against(objective, outline));
    }
    let rows: Vec<_> = score
        .milestones
        .iter()
        .map(|row| {
            let reached = row.t_s.map_or("never".to_owned(), from_detection);
            let verdict = match row.off_s {
                _ if row.ok => "ok",
                None => "",
                Some(off) if off < 0 => "EARLY",
                Some(_) => "LATE",
            };
            vec![row.event.clone(), from_detection(row.expected_s), reached, verdict.to_owned()]
        })
        .collect();
    text.push_str(&output::table(&["MILESTONE", "EXPECTED", "REACHED", ""], &rows));
    if let Some(stretch) = slowest(outline) {
        let (from, to) = (stretch.from.replace('_', " "), stretch.to.replace('_', " "));
        text.push_str(&format!("slowest: {} from {from} to {to}\n", span(stretch.seconds)));
    }
    let dir = dir.display();
    text.push_str(&format!(
        "log, score.json, export.html and the same as .md, .csv and .json are in {dir}\n\
         read it:  xdg-open {dir}/export.html\ncheck it: warroom verify {dir}\nagain:    {again}\n"
    ));
    text
}

/// An objective against what was reached, in a line each for time and data.
fn against(it: &Reached, outline: &Outline) -> String {
    let rto = span(it.rto_s);
    let time = match it.recovered_in_s {
        Some(took) if took <= it.rto_s => {
            format!("was back {} after the impact: RTO {rto} met, {} to spare", span(took), span(it.rto_s - took))
        }
        Some(took) => {
            format!("was back {} after the impact: RTO {rto} missed by {}", span(took), span(took - it.rto_s))
        }
        None => match outline.clocks.impact.as_ref().map(|impact| outline.as_of - impact.at) {
            Some(so_far) => {
                let so_far = u64::try_from(so_far.num_seconds()).unwrap_or_default();
                format!("was not back by the last entry, {} after the impact; RTO {rto}", span(so_far))
            }
            None => format!("was not back; RTO {rto}"),
        },
    };
    let stated = it.stated.as_ref().and_then(|it| Some((&it.by, it.recovered_in_s?)));
    let time = match stated {
        Some((by, seconds)) => {
            let by: Vec<&str> = by.iter().map(|person| person.as_str()).collect();
            format!("{time} (stated by {}: {})", by.join(" and "), span(seconds))
        }
        None => time,
    };
    let rpo = span(it.rpo_s);
    let data = match it.lost_s {
        Some(lost) if lost <= it.rpo_s => format!("{} of data lost: RPO {rpo} met", span(lost)),
        Some(lost) => format!("{} of data lost: RPO {rpo} missed by {}", span(lost), span(lost - it.rpo_s)),
        None => format!("what was lost is not known; RPO {rpo}"),
    };
    format!("{service} {time}\n{service}: {data}\n", service = it.service)
}

/// The longest time between two milestones that follow each other; the impact counts as the first.
fn slowest(outline: &Outline) -> Option<Stretch> {
    let impact = outline.clocks.impact.as_ref().map(|impact| ("impact", impact.at));
    let points: Vec<_> = impact.into_iter().chain(outline.rows.iter().map(|row| (row.event, row.at))).collect();
    let stretches = points.windows(2).filter_map(|pair| {
        let seconds = u64::try_from((pair[1].1 - pair[0].1).num_seconds()).ok()?;
        Some(Stretch { from: pair[0].0, to: pair[1].0, seconds })
    });
    // Of two that are as long, the earlier one.
    stretches.reduce(|longest, next| if next.seconds > longest.seconds { next } else { longest })
}

/// From one milestone to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
struct Stretch {
    from: &'static str,
    to: &'static str,
    seconds: u64,
}

/// Minutes and seconds.
fn span(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// The command that plays the same again.
pub(super) fn again(options: &DrillOptions, flags: &[&str]) -> String {
    let mut words = vec!["warroom drill".to_owned()];
    if options.scenario != drill::USUAL {
        words.push(options.scenario.clone());
    }
    words.extend(flags.iter().map(|flag| (*flag).to_owned()));
    if options.speed <= 0.0 {
        words.push("--speed max".to_owned());
    } else if options.speed != 1.0 {
        words.push(format!("--speed {}", options.speed));
    }
    words.push(format!("--seed {}", options.seed));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postmortem::{self, ExportMeta};

    fn reached(recovered_in_s: Option<u64>, lost_s: Option<u64>) -> Reached {
        Reached {
            service: "shop".to_owned(),
            rto_s: 1800,
            recovered_in_s,
            rto_met: recovered_in_s.map(|took| took <= 1800),
            rpo_s: 900,
            lost_s,
            rpo_met: lost_s.map(|lost| lost <= 900),
            stated: None,
        }
    }

    fn told() -> Outline {
        let log = crate::timeline::tests::story().fold();
        let incident = log.latest().expect("an incident");
        let meta = ExportMeta { room: "drill".into(), log: "01".into(), drill: None, seq: 1, head: String::new() };
        postmortem::outline(incident, &[crate::timeline::tests::objective()], &meta)
    }

    #[test]
    fn the_end_says_how_it_went_against_the_objectives() {
        let outline = told();
        let says = |recovered, lost| against(&reached(recovered, lost), &outline);
        assert_eq!(
            says(Some(1605), Some(480)),
            "shop was back 26:45 after the impact: RTO 30:00 met, 3:15 to spare\nshop: 8:00 of data lost: RPO 15:00 met\n"
        );
        assert_eq!(
            says(Some(1801), Some(1000)),
            "shop was back 30:01 after the impact: RTO 30:00 missed by 0:01\nshop: 16:40 of data lost: RPO 15:00 missed by 1:40\n"
        );
        let never = says(None, None);
        assert!(never.contains("was not back by the last entry") && never.contains("not known; RPO 15:00"), "{never}");
    }

    #[test]
    fn the_slowest_stretch_is_the_longest_between_two_milestones_and_may_begin_at_the_impact() {
        let mut outline = told();
        let all = slowest(&outline).expect("a stretch");
        let longest = outline.rows.windows(2).map(|pair| (pair[1].at - pair[0].at).num_seconds()).max();
        assert_eq!(i64::try_from(all.seconds).ok(), longest, "{all:?}");
        outline.rows.truncate(1);
        let first = slowest(&outline).expect("a stretch");
        assert_eq!((first.from, first.to, first.seconds), ("impact", "detected", 240));
        outline.clocks.impact = None;
        assert_eq!(slowest(&outline), None);
    }

    #[test]
    fn the_same_drill_again_is_one_command() {
        let mut options = DrillOptions {
            scenario: drill::USUAL.to_owned(),
            speed: 1.0,
            seed: 2,
            out: None,
            socket: None,
            state_dir: None,
        };
        assert_eq!(again(&options, &["--partner"]), "warroom drill --partner --seed 2");
        (options.speed, options.scenario) = (10.0, "mine.toml".to_owned());
        assert_eq!(again(&options, &[]), "warroom drill mine.toml --speed 10 --seed 2");
        options.speed = 0.0;
        assert!(again(&options, &["--auto"]).ends_with("--auto --speed max --seed 2"));
    }
}
