//! A server process: detached, with its output in a file, paused, ended and started again by its process id.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::support::wait_for;

/// How many lines of a log a failed start prints.
const TAIL: usize = 40;

type Job = (Command, Sender<std::io::Result<Child>>);

/// Starts every server. One thread that lives as long as the tests: a server is told to die with the thread that started
/// it, so that tests which are killed leave nothing behind.
static STARTER: LazyLock<Mutex<Sender<Job>>> = LazyLock::new(|| {
    let (jobs, asked) = channel::<Job>();
    std::thread::spawn(move || {
        for (mut command, answer) in asked {
            let _ = answer.send(command.spawn());
        }
    });
    Mutex::new(jobs)
});

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One server: how it is started, and the process while it runs.
pub struct Server {
    name: String,
    program: PathBuf,
    log: PathBuf,
    args: Mutex<Vec<OsString>>,
    folder: PathBuf,
    process: Mutex<Option<Child>>,
}

impl Server {
    /// A server that is not started yet. Its output goes to `NAME.log` in `folder`, where it also runs.
    pub fn new<A: Into<OsString>>(
        name: &str,
        program: &Path,
        folder: &Path,
        args: impl IntoIterator<Item = A>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            log: folder.join(format!("{name}.log")),
            args: Mutex::new(args.into_iter().map(Into::into).collect()),
            folder: folder.to_owned(),
            process: Mutex::new(None),
        }
    }

    /// Starts it, or does nothing where it runs.
    pub fn start(&self) {
        if self.alive() {
            return;
        }
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log).expect("a log file");
        let mut command = match super::find("setpriv") {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "KILL", "--"]).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        command
            .args(lock(&self.args).iter())
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .process_group(0);
        let (answer, answered) = channel();
        lock(&STARTER).send((command, answer)).expect("the starter lives");
        let child = answered.recv().expect("an answer");
        let child = child.unwrap_or_else(|error| panic!("{} does not start: {error}", self.program.display()));
        *lock(&self.process) = Some(child);
    }

    /// Other arguments for the next start.
    pub fn set_args<A: Into<OsString>>(&self, args: impl IntoIterator<Item = A>) {
        *lock(&self.args) = args.into_iter().map(Into::into).collect();
    }

    pub fn args(&self) -> Vec<OsString> {
        lock(&self.args).clone()
    }

    /// The process id, while there is a process.
    pub fn pid(&self) -> Option<u32> {
        lock(&self.process).as_ref().map(Child::id)
    }

    /// Whether it runs; a paused one does.
    pub fn alive(&self) -> bool {
        lock(&self.process).as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            let _ = kill(Pid::from_raw(pid.cast_signed()), signal);
        }
    }

    /// Stops it where it stands: sockets stay open, nothing answers.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets a paused one go on.
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// `kill -9`, of what it has started too, and waits for the end.
    pub fn kill(&self) {
        if let Some(mut child) = lock(&self.process).take() {
            // One that has ended has given its number back.
            if matches!(child.try_wait(), Ok(None)) {
                let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
            }
            let _ = child.wait();
        }
    }

    /// Asks it to end, and waits until it has; what hangs is killed.
    pub fn terminate(&self) {
        self.signal(Signal::SIGTERM);
        let ended = crate::support::wait_within(std::time::Duration::from_secs(20), || (!self.alive()).then_some(()));
        if ended.is_none() {
            self.resume();
        }
        self.kill();
    }

    /// What it wrote.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The last lines of what it wrote.
    pub fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }

    /// Waits until `ready` says so; fails with the log's tail where the process ends first.
    pub fn wait_ready(&self, mut ready: impl FnMut() -> bool) {
        if let Err(why) = self.try_ready(&mut ready) {
            panic!("{why}");
        }
    }

    /// [`Self::wait_ready`], for a caller that has something left to try.
    ///
    /// # Errors
    /// When the process ends before it is ready.
    pub fn try_ready(&self, mut ready: impl FnMut() -> bool) -> Result<(), String> {
        let ended = || format!("{} ended while it started:\n{}", self.name, self.tail());
        wait_for(&format!("a ready {}", self.name), || {
            if !self.alive() {
                return Some(Err(ended()));
            }
            ready().then_some(Ok(()))
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
