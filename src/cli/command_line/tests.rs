//! The command line: everything the documentation promises parses, everything else is refused with exit code 2.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::CommandFactory;

use super::*;
use crate::cli::dispatch::CommandGroup;
use crate::cli::drill_args::DrillWorld;
use crate::cli::exit_code::Exit;
use crate::cli::export::ExportFormat;
use crate::cli::{IncidentCommand, PlanCommand, TimelineCommand};
use crate::model::Severity;

fn parse(line: &str) -> Result<Args, clap::Error> {
    Args::read(std::iter::once("warroom").chain(line.split_whitespace()).map(OsString::from))
}

fn good(line: &str) -> Args {
    parse(line).unwrap_or_else(|error| panic!("`warroom {line}`: {error}"))
}

#[test]
fn the_definition_is_consistent() {
    Args::command().debug_assert();
}

#[test]
fn every_command_of_the_documentation_parses() {
    for line in LINES {
        good(line);
    }
    good(&approval());
}

fn approval() -> String {
    format!("approve 01KB3Z --digest sha256:{} --confirm shop.example -o json", "0a".repeat(32))
}

/// Lines of the documentation.
const LINES: &[&str] = &[
    "",
    "--config warroom.toml",
    "--join sam",
    "--join sam --theme mono --keymap vim",
    "--socket /s --state-dir /d --no-input --readonly status -o json",
    "status --watch",
    "events -o json",
    "alerts",
    "backups -o table",
    "gitops --readonly",
    "traffic -o json --socket /s",
    "silence list -o json",
    "silence add alertname=DiskSlow cluster!=dr --for 1h --reason known",
    "silence add alertname=~.* --for 24h --reason known --yes --confirm everything -o json",
    "silence expire 5a1e0c2d --yes",
    "timeline add confirmed",
    "timeline add failing-over --kind decision --at 2026-03-02T14:49:00Z -o json",
    "timeline add write-it-up --kind follow-up --owner sam",
    "timeline add corrupt --mark confirmed",
    "timeline mark 12 traffic-switched -o json",
    "timeline unmark 12 traffic_switched",
    "timeline add -",
    "timeline add x --at -5m",
    "timeline amend 12 better-words --at T+8 -o json",
    "timeline redact 12 --reason a-private-number",
    "timeline redact 12 --confirm A1B2C3 -o json",
    "timeline redact 12 --refuse",
    "timeline show INC-2026-03-02-01 -o json",
    "timeline show --dir D",
    "status --dir D -o json",
    "plan list -o json",
    "plan list INC-2026-03-02-01 --dir D",
    "export --dir D --format html",
    "timeline tail --from 12",
    "incident open broken --severity sev2",
    "incident set --status mitigating --commander ana --impact-at 2026-03-02T14:37:00Z",
    "incident close",
    "incident close --although-firing -o json",
    "propose failover --service shop --confirm shop.example",
    "propose restore --service shop --confirm shop -o json --as ana",
    "plan show 01KB3Z --manual",
    "plan wait 01KB3Z --timeout 1h30m",
    "reject 01KB3Z --reason wrong-target",
    "withdraw 01KB3Z",
    "hold 01KB3Z",
    "export",
    "export INC-2026-03-02-01 --format json -o out.json",
    "export --format markdown --out out.md",
    "verify a.jsonl b -o json",
    "verify b --expect-head 812:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    "config check --serve",
    "config show -o json",
    "config show -o table",
    "init --systemd /etc/systemd/system --dir /etc/warroom",
    "serve --config /etc/warroom/warroom.toml",
    "drill",
    "drill etcd-corruption --speed 60 --seed 7 --as ana --partner --theme dark",
    "drill etcd-corruption --auto --headless --speed max --seed 7 --out D",
    "drill world etcd-corruption --out D",
    "drill world --out D --speed 10",
    "shot --size 120x40 --theme dark --keys Tab --format svg -o s.svg",
    "ledger new --after-damage",
];

#[test]
fn what_makes_no_sense_is_refused_as_usage() {
    let lines = [
        "stauts",
        "status -o yaml",
        "status -o",
        "timeline add",
        "timeline add x --kind rumour",
        "timeline amend 12",
        "timeline redact 12",
        "timeline redact 12 --reason x --confirm A1B2C3",
        "incident set",
        "incident set --status closed",
        "incident open x --severity sev9",
        "propose failover --service shop",
        "propose failback --service shop --confirm shop",
        "approve 01KB3Z --digest 12ab --confirm shop",
        "approve 01KB3Z --confirm shop",
        "reject 01KB3Z",
        "plan wait 01KB3Z --timeout 30",
        "verify",
        "verify b --expect-head 812",
        "verify b --expect-head 0:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
        "verify b --expect-head 812:0011",
        "export --format pdf",
        "drill --speed 0",
        "drill --speed NaN",
        "drill --headless",
        "drill --auto --headless",
        "drill world etcd-corruption",
        "shot --size 120",
        "shot --size 1x1",
        "ledger new",
        "--join room",
        "--join a/b",
        "--join sam --as ana",
    ];
    for line in lines {
        let error = parse(line).err().unwrap_or_else(|| panic!("`warroom {line}` is refused"));
        assert_eq!(error.exit_code(), i32::from(Exit::Usage.code()), "{line}");
    }
}

#[test]
fn values_arrive_as_they_were_meant() {
    let args = good("drill etcd-corruption --speed 2.5 --as ana");
    assert_eq!(args.global.as_name.as_deref(), Some("ana"), "the drill's --as is the global one");
    let Some(CliCommand::Drill(drill)) = args.command else { panic!("a drill") };
    assert_eq!((drill.play.pace.speed, drill.play.scenario.as_str()), (2.5, "etcd-corruption"));
    let Some(CliCommand::Drill(drill)) = good("drill world --out D").command else { panic!("a drill") };
    let Some(DrillWorld::World { scenario, pace, out, .. }) = drill.world else { panic!("the world alone") };
    assert_eq!((scenario.as_str(), pace.seed, out), ("etcd-corruption", 1, PathBuf::from("D")));
    let Some(CliCommand::Plan(CommandGroup { command: PlanCommand::Wait(wait) })) =
        good("plan wait P --timeout 1h30m").command
    else {
        panic!("wait")
    };
    assert_eq!(wait.timeout, Some(Duration::from_secs(5400)));
    let Some(CliCommand::Export(export)) = good("export -o report.md").command else { panic!("export") };
    assert_eq!((export.format, export.out), (ExportFormat::Markdown, Some(PathBuf::from("report.md"))));
    let Some(CliCommand::Incident(CommandGroup { command: IncidentCommand::Set(set) })) =
        good("incident set --severity sev3").command
    else {
        panic!("set")
    };
    assert_eq!((set.severity, set.status), (Some(Severity::Sev3), None));
}

#[test]
fn help_names_every_exit_code_and_every_command_explains_itself() {
    let help = Args::command().render_long_help().to_string();
    for exit in Exit::ALL {
        assert!(help.contains(&format!("{}", exit.code())), "{}", exit.code());
    }
    fn walk(command: &clap::Command, path: &str) {
        assert!(command.get_about().is_some(), "{path} says what it does");
        for sub in command.get_subcommands() {
            walk(sub, &format!("{path} {}", sub.get_name()));
        }
    }
    walk(&Args::command(), "warroom");
}

/// What prints JSON on request says its errors as JSON too, whichever command it is.
#[test]
fn a_command_that_was_asked_for_json_has_its_errors_as_json() {
    let command = Args::command();
    let mut asked = 0;
    for line in LINES.iter().copied().chain([approval().as_str()]) {
        let named = line.split_whitespace().fold(&command, |it, word| it.find_subcommand(word).unwrap_or(it));
        let takes_format = named.get_arguments().any(|arg| arg.get_long() == Some("output"));
        assert_eq!(good(line).json, takes_format && line.contains("-o json"), "{line}");
        if takes_format && !line.contains(" -o ") {
            assert!(good(&format!("{line} -o json")).json && good(&format!("{line} --output=json")).json, "{line}");
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked} commands");
    // Where `-o` names a file, the format is of what is written there.
    assert!(!good("export --format json -o json").json);
}

/// `--as` is who you are in a drill, and what a new entry is recorded as where a milestone follows.
#[test]
fn a_new_entry_is_recorded_as_a_milestone() {
    let of = |line: &str| {
        let args = good(line);
        let Some(CliCommand::Timeline(CommandGroup { command: TimelineCommand::Add(add) })) = args.command else {
            panic!("{line}")
        };
        (args.global.as_name, add.mark)
    };
    let ana = || Some("ana".to_owned());
    assert_eq!(of("--as ana timeline add corrupt --as confirmed"), (ana(), Some(Milestone::Confirmed)));
    assert_eq!(of("timeline add corrupt --as=restored --as ana"), (ana(), Some(Milestone::Restored)));
    assert_eq!(of("timeline add corrupt --mark gitops-confirmed"), (None, Some(Milestone::GitopsConfirmed)));
    assert_eq!(of("timeline add corrupt --as ana"), (ana(), None));
    assert_eq!(good("--as confirmed status").global.as_name, Some("confirmed".to_owned()));
    assert!(parse("timeline mark 12 coffee").is_err());
    assert!(parse("timeline add x --kind follow-up --owner sam --mark confirmed").is_err());
}
