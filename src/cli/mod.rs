//! The command line: its subcommands, each in a file of its own with its arguments, its help and what it does. Composes
//! rooms, drill and console; imported by nobody.

pub mod appearance;
pub mod args;
pub mod board_tables;
pub mod command_line;
pub mod command_output;
pub mod config;
pub mod connect;
pub mod console;
pub mod dispatch;
pub mod drill;
mod drill_args;
pub mod drill_participant;
mod drill_report;
mod entry_files;
pub mod error;
pub mod exit_code;
pub mod export;
pub mod headless;
mod incident;
pub mod init;
mod ledger_new;
mod log_folder;
pub mod output;
pub mod plan;
mod plan_decisions;
mod rbac;
mod readiness;
pub mod screenshot;
pub mod serve;
mod silence;
mod status;
mod status_exit;
pub mod timeline;
mod timeline_write;
mod topics;
pub mod verify;
mod whole_incident;

use dispatch::{CommandGroup, Invocation, RunCommand as _, commands};
use exit_code::Exit;

commands! {
    /// What to do. Without one: the console. A line is a command and the type of its arguments, in the order of the help.
    pub enum CliCommand {
        Status(status::StatusArgs),
        Readiness(readiness::ReadinessArgs),
        Events(topics::EventsArgs),
        Alerts(topics::AlertsArgs),
        Backups(topics::BackupsArgs),
        Gitops(topics::GitopsArgs),
        Traffic(topics::TrafficArgs),
        Slo(topics::SloArgs),
        /// The timeline: add to it, put it right, show it, follow it.
        Timeline(CommandGroup<TimelineCommand>),
        /// The incident: open, change, close it.
        Incident(CommandGroup<IncidentCommand>),
        /// Silences: list them, and make or end one in the open incident after a preview.
        Silence(CommandGroup<SilenceCommand>),
        Propose(plan_decisions::ProposeArgs),
        /// Plans: list them, show one, or wait for its end.
        Plan(CommandGroup<PlanCommand>),
        Approve(plan_decisions::ApproveArgs),
        Reject(plan_decisions::RejectArgs),
        Withdraw(plan_decisions::WithdrawArgs),
        Hold(plan_decisions::HoldArgs),
        Export(export::ExportArgs),
        Verify(verify::VerifyArgs),
        /// The configuration: check it, or show it as it is understood.
        Config(CommandGroup<ConfigCommand>),
        Init(init::InitArgs),
        Rbac(rbac::RbacArgs),
        Serve(serve::ServeArgs),
        Drill(drill_args::DrillArgs),
        Shot(screenshot::ShotArgs),
        /// The log on disk, while no room has it open.
        Ledger(CommandGroup<LedgerCommand>),
    }
}

commands! {
    /// `timeline …`.
    pub enum TimelineCommand {
        Add(timeline_write::AddArgs),
        Mark(timeline_write::MarkArgs),
        Unmark(timeline_write::UnmarkArgs),
        Amend(timeline_write::AmendArgs),
        Redact(timeline_write::RedactArgs),
        Show(timeline::ShowTimelineArgs),
        Tail(timeline::TailArgs),
    }
}

commands! {
    /// `incident …`.
    pub enum IncidentCommand {
        Open(incident::OpenArgs),
        Set(incident::SetArgs),
        Close(incident::CloseArgs),
    }
}

commands! {
    /// `silence …`.
    pub enum SilenceCommand {
        List(silence::ListSilencesArgs),
        Add(silence::AddSilenceArgs),
        Expire(silence::ExpireArgs),
    }
}

commands! {
    /// `plan …`.
    pub enum PlanCommand {
        List(plan::ListPlansArgs),
        Show(plan::ShowPlanArgs),
        Wait(plan::WaitArgs),
    }
}

commands! {
    /// `config …`.
    pub enum ConfigCommand {
        Check(config::CheckConfigArgs),
        Show(config::ShowConfigArgs),
    }
}

commands! {
    /// `ledger …`.
    pub enum LedgerCommand {
        New(ledger_new::NewLogArgs),
    }
}

/// The whole program after parsing: one runtime, one command.
pub fn main(args: command_line::Args) -> Exit {
    one_heap();
    crate::systems::http::install_crypto();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::say(&format!("can't start: {error}"));
            return Exit::Failure;
        }
    };
    let exit = runtime.block_on(run(args));
    // A blocking read (an exec plugin, a name look-up) must not hold the exit.
    runtime.shutdown_timeout(std::time::Duration::from_millis(200));
    exit
}

/// Does what the command line says.
async fn run(args: command_line::Args) -> Exit {
    let command_line::Args { global, join, command, json } = args;
    let given = Invocation { global, env: crate::config::paths::Env::read() };
    let done = match command {
        Some(command) => command.run(&given).await,
        None => console::open(&given.global, join, &given.env).await,
    };
    done.unwrap_or_else(|fail| {
        if json {
            let _ = output::print(&format!("{}\n", fail.json()));
        }
        output::say(&fail.message());
        fail.exit()
    })
}

/// Tells glibc to keep one heap. By default every thread gets its own, up to eight a core, and each keeps what its busiest
/// moment took: under 200 events/s a room of nine threads held 190 MB in eleven heaps, and 52 MB in one.
fn one_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code, reason = "the C library has no other way to say it")]
    // SAFETY: a setting by value, made while this is the only thread.
    unsafe {
        nix::libc::mallopt(nix::libc::M_ARENA_MAX, 1);
    }
}
