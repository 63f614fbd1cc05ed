//! Soak: a room, a world that sends events, and consoles, for as long as is asked; prints whether anything grows.
//!
//! `cargo bench --bench soak -- --minutes 30 --rate 200 --consoles 8`. Figures go to `target/evidence/soak.json`; exit 1 if
//! something ended, an entry is missing, or a figure has a slope that noise does not explain. Linux; needs curl, and
//! setpriv under root. Everything is on loopback and ends with the time.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

#[allow(dead_code, reason = "shared with the flood, which needs all of it")]
mod stage;
mod trend;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;
use stage::{Console, Stage, evidence, vitals};
use trend::Series;

/// Seconds between two looks at the processes.
const LOOK_S: u64 = 5;
/// Seconds between two notes.
const NOTE_S: u64 = 15;

struct Options {
    minutes: f64,
    rate: u64,
    consoles: usize,
    warm: f64,
}

fn options() -> Result<Options, String> {
    let mut found = Options { minutes: 5.0, rate: 200, consoles: 8, warm: 0.2 };
    // `cargo bench` adds `--bench` by itself.
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let number: f64 = value.parse().map_err(|_| format!("{word} {value}: not a number"))?;
        match word.as_str() {
            "--minutes" if (0.5..=1440.0).contains(&number) => found.minutes = number,
            "--rate" if (1.0..=5000.0).contains(&number) => found.rate = number as u64,
            "--consoles" if (0.0..=64.0).contains(&number) => found.consoles = number as usize,
            "--warm-up" if (0.0..0.9).contains(&number) => found.warm = number,
            _ => {
                return Err(format!(
                    "{word} {value}: --minutes 0.5-1440, --rate 1-5000 events/s, --consoles 0-64, --warm-up 0-0.9 of the time"
                ));
            }
        }
    }
    Ok(found)
}

/// What is seen over time.
#[derive(Default)]
struct Seen {
    figures: BTreeMap<String, Series>,
    notes: u64,
    /// The last entry that a note was acknowledged as.
    acknowledged: u64,
    events: u64,
    drawn: u64,
}

impl Seen {
    fn put(&mut self, figure: &str, at: f64, value: f64) {
        self.figures.entry(figure.to_owned()).or_default().push(at, value);
    }

    fn process(&mut self, name: &str, pid: u32, at: f64) -> Result<(), String> {
        let (memory, descriptors, threads) = vitals(pid).ok_or_else(|| format!("{name} has ended"))?;
        self.put(&format!("{name} memory MB"), at, memory);
        self.put(&format!("{name} descriptors"), at, descriptors);
        self.put(&format!("{name} threads"), at, threads);
        Ok(())
    }

    fn look(&mut self, stage: &mut Stage, consoles: &mut [Console], at: f64) -> Result<(), String> {
        if !stage.room.alive() || !stage.world.alive() {
            return Err("the room or the world has ended".to_owned());
        }
        self.process("room", stage.room.pid(), at)?;
        self.process("world", stage.world.pid(), at)?;
        let (mut memory, mut descriptors) = (0.0, 0.0);
        for console in consoles.iter_mut() {
            let figures = console.pid().filter(|_| console.alive()).and_then(vitals).ok_or("a console has ended")?;
            memory += figures.0;
            descriptors += figures.1;
        }
        if !consoles.is_empty() {
            self.put("consoles memory MB, mean", at, memory / consoles.len() as f64);
            self.put("consoles descriptors, sum", at, descriptors);
        }
        let status = stage.ask(&["status"]).ok_or("the room does not answer `status`")?;
        self.put("room tasks", at, status["room"]["tasks"].as_f64().unwrap_or(f64::NAN));
        self.drawn = consoles.iter().map(|console| console.bytes.load(Ordering::Relaxed)).sum();
        Ok(())
    }
}

fn soak(options: &Options, seen: &mut Seen) -> Result<u64, String> {
    let logs = evidence()?;
    let mut stage = Stage::open(&logs)?;
    let mut consoles = (0..options.consoles).map(|_| stage.console()).collect::<Result<Vec<_>, _>>()?;
    let begun = Instant::now();
    let end = Duration::from_secs_f64(options.minutes * 60.0);
    let mut second = 0;
    while begun.elapsed() < end {
        stage.inject(options.rate)?;
        seen.events += options.rate;
        if second % NOTE_S == 0 {
            let said = stage
                .ask(&["timeline", "add", &format!("still here after {second} s")])
                .ok_or("no answer to a note")?;
            let seq = said["seq"].as_u64().ok_or_else(|| format!("a note was not recorded: {said}"))?;
            seen.notes += 1;
            seen.acknowledged = seen.acknowledged.max(seq);
        }
        if second % LOOK_S == 0 {
            seen.look(&mut stage, &mut consoles, begun.elapsed().as_secs_f64())?;
        }
        if second % 60 == 0 {
            let memory = |name: &str| seen.figures.get(name).and_then(Series::latest).unwrap_or(f64::NAN);
            println!(
                "{:>5} s · room {:.1} MB · world {:.1} MB · consoles {:.1} MB · {} tasks",
                second,
                memory("room memory MB"),
                memory("world memory MB"),
                memory("consoles memory MB, mean"),
                memory("room tasks")
            );
        }
        second += 1;
        std::thread::sleep((begun + Duration::from_secs(second)).saturating_duration_since(Instant::now()));
    }
    drop(consoles);
    stage.verify()
}

fn report(options: &Options, seen: &Seen, entries: u64) -> Result<bool, String> {
    let warm_s = options.minutes * 60.0 * options.warm;
    println!(
        "\n{:<28} {:>9} {:>9} {:>9} {:>9} {:>12} {:>10}",
        "after warm-up", "first", "last", "least", "most", "slope /h", "± noise"
    );
    let mut flat = true;
    let (mut rows, mut untold) = (Vec::new(), Vec::new());
    for (name, series) in &seen.figures {
        // The world is the load, not what is measured: it is shown, and judged by nobody.
        let judged = !name.starts_with("world");
        let Some(trend) = series.trend(warm_s) else {
            untold.extend(judged.then_some(name.as_str()));
            continue;
        };
        flat &= !judged || trend.flat();
        let word = if trend.flat() { "flat" } else { "RISES OR FALLS" };
        println!(
            "{name:<28} {:>9.1} {:>9.1} {:>9.1} {:>9.1} {:>12.2} {:>10.2}  {word}",
            trend.first, trend.last, trend.least, trend.most, trend.slope, trend.margin
        );
        rows.push(json!({
            "figure": name, "first": trend.first, "last": trend.last, "least": trend.least, "most": trend.most,
            "slope_per_hour": trend.slope, "margin": trend.margin, "flat": trend.flat(),
        }));
    }
    let seconds = options.minutes * 60.0;
    println!(
        "\n{} events sent in {seconds:.0} s, {} notes acknowledged, {entries} entries verified, {:.0} B/s to each terminal",
        seen.events,
        seen.notes,
        seen.drawn as f64 / seconds / options.consoles.max(1) as f64
    );
    let whole = json!({
        "minutes": options.minutes, "rate": options.rate, "consoles": options.consoles, "events": seen.events,
        "notes": seen.notes, "last_acknowledged": seen.acknowledged, "entries_verified": entries, "bytes_drawn": seen.drawn, "figures": rows,
    });
    let path = evidence()?.join("soak.json");
    std::fs::write(&path, format!("{whole:#}\n")).map_err(|e| format!("{}: {e}", path.display()))?;
    println!("{}", path.display());
    if !untold.is_empty() || seen.figures.is_empty() {
        let names = untold.join(", ");
        return Err(format!("too short to tell: {} samples after the warm-up are needed of {names}", trend::LEAST));
    }
    if entries < seen.acknowledged {
        return Err(format!("entry {} was acknowledged, and the log ends with {entries}", seen.acknowledged));
    }
    Ok(flat)
}

fn main() -> ExitCode {
    let mut seen = Seen::default();
    let done = options().and_then(|options| {
        let entries = soak(&options, &mut seen)?;
        report(&options, &seen, entries)
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("soak: {why}");
            ExitCode::FAILURE
        }
    }
}
