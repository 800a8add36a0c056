//! One process that the platform starts, in a process group of its own, so that Ctrl-C reaches only the platform.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal};
use tokio::sync::watch;

/// Waits for a word on its stdin before it becomes the program: a parent that dies in between leaves nothing behind,
/// since the process is written down before that word is given.
const GATE: &str = r#"read -r go && exec "$0" "$@" </dev/null"#;

/// What is to be started.
#[derive(Debug)]
pub struct Command {
    pub(crate) name: String,
    pub(crate) log: Option<PathBuf>,
    pub(crate) stop: StopBy,
    /// The program, its arguments, its environment and its folder.
    inner: std::process::Command,
    clean: bool,
    unprivileged: bool,
}

/// How the keeper asks a process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopBy {
    /// SIGTERM to the process group, then SIGKILL.
    Terminate,
    /// PostgreSQL: SIGINT (fast) to the postmaster, then SIGQUIT (immediate), then SIGKILL.
    Postgres,
}

impl Command {
    /// A program, by its path.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        let program = program.into();
        let name = program
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        Self {
            name,
            log: None,
            stop: StopBy::Terminate,
            inner: std::process::Command::new(program),
            clean: false,
            unprivileged: false,
        }
    }

    /// What messages and the log file call it, instead of the program's name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.inner.arg(argument);
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.inner.args(arguments);
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.inner.env(name, value);
        self
    }

    /// Gives it nothing of this process's environment but `PATH`.
    #[must_use]
    pub fn clean_environment(mut self) -> Self {
        self.clean = true;
        self
    }

    /// Where it runs.
    #[must_use]
    pub fn current_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.inner.current_dir(folder);
        self
    }

    /// The file to which its output is appended; by default one in the run's folder `logs`.
    #[must_use]
    pub fn log(mut self, file: impl Into<PathBuf>) -> Self {
        self.log = Some(file.into());
        self
    }

    /// How it is to be stopped; by default [`StopBy::Terminate`].
    #[must_use]
    pub fn stop_by(mut self, stop: StopBy) -> Self {
        self.stop = stop;
        self
    }

    /// Lets root start what refuses to be started by root: inside a user namespace the program believes to be
    /// user 1 (which every system knows), and its files stay root's. Changes nothing for an ordinary user.
    #[must_use]
    pub fn unprivileged(mut self) -> Self {
        self.unprivileged = true;
        self
    }

    pub(crate) fn gated(&self, log: &Path) -> Result<tokio::process::Command> {
        let program = Path::new(self.inner.get_program());
        ensure!(
            program.exists(),
            "there is no program {}",
            program.display()
        );
        let output = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log);
        let output = output.with_context(|| format!("opening {}", log.display()))?;
        let mut command = tokio::process::Command::new("/bin/sh");
        command.arg("-c").arg(GATE);
        if self.unprivileged && rustix::process::geteuid().is_root() {
            command.args(["unshare", "--user", "--map-user=1", "--map-group=1", "--"]);
        }
        command.arg(program).args(self.inner.get_args());
        if self.clean {
            command
                .env_clear()
                .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        }
        if let Some(folder) = self.inner.get_current_dir() {
            command.current_dir(folder);
        }
        let environment = self.inner.get_envs();
        command.envs(environment.filter_map(|(name, value)| Some((name, value?))));
        command.process_group(0).stdin(std::process::Stdio::piped());
        command.stdout(output.try_clone()?).stderr(output);
        Ok(command)
    }
}

/// A process that was started. Clones are the same process; dropping them does not end it.
#[derive(Clone, Debug)]
pub struct Child {
    name: String,
    pid: Pid,
    log: PathBuf,
    started: Instant,
    exit: watch::Receiver<Option<ExitStatus>>,
}

impl Child {
    pub(crate) fn watch(
        name: String,
        log: PathBuf,
        mut process: tokio::process::Child,
    ) -> Result<Self> {
        let pid = process.id().and_then(|id| i32::try_from(id).ok());
        let pid = pid.and_then(Pid::from_raw);
        let pid = pid.with_context(|| format!("{name} ended at once, see {}", log.display()))?;
        let (sender, exit) = watch::channel(None);
        tokio::spawn(async move {
            if let Ok(status) = process.wait().await {
                sender.send_replace(Some(status));
            }
        });
        Ok(Self {
            name,
            pid,
            log,
            started: Instant::now(),
            exit,
        })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// When it was let start.
    #[must_use]
    pub fn started(&self) -> Instant {
        self.started
    }

    pub(crate) fn starts_now(mut self) -> Self {
        self.started = Instant::now();
        self
    }

    /// Where its output goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// How it ended, if it did.
    #[must_use]
    pub fn ended(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Waits for its end: a stop, or a crash, which is noticed at once.
    ///
    /// # Errors
    /// When it is no longer known how the process ended.
    pub async fn end(&self) -> Result<ExitStatus> {
        let mut exit = self.exit.clone();
        let ended = exit
            .wait_for(Option::is_some)
            .await
            .with_context(|| format!("lost track of {}", self.name))?;
        ended.with_context(|| format!("lost track of {}", self.name))
    }

    /// Sends a signal to the process alone; one that has ended gets none.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        if self.ended().is_some() {
            return Ok(());
        }
        rustix::process::kill_process(self.pid, signal)
            .with_context(|| format!("sending {signal:?} to {}", self.name))
    }

    /// Sends a signal and waits for the end; after `grace` the process group is killed.
    ///
    /// # Errors
    /// When the signal can't be sent or the process doesn't even die of SIGKILL.
    pub async fn stop(&self, signal: Signal, grace: Duration) -> Result<ExitStatus> {
        self.signal(signal)?;
        if let Ok(status) = tokio::time::timeout(grace, self.end()).await {
            return status;
        }
        tracing::warn!(process = %self.name, ?grace, "killed, since it did not stop");
        if self.ended().is_none() {
            rustix::process::kill_process_group(self.pid, Signal::KILL).ok();
        }
        self.end().await
    }
}

/// Lets this process end as by SIGTERM when the `make` that started it is killed, which can't pass a SIGKILL on.
///
/// # Errors
/// When the operating system refuses.
pub fn end_with_make() -> Result<()> {
    let Some(parent) = rustix::process::getppid() else {
        return Ok(());
    };
    let name = std::fs::read_to_string(format!("/proc/{parent}/comm")).unwrap_or_default();
    if name.trim() == "make" {
        rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
    }
    Ok(())
}

/// The last lines of a log, for a message.
#[must_use]
pub fn tail(log: &Path) -> String {
    let said = std::fs::read(log).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let lines = said.lines().filter(|line| !line.trim().is_empty());
    let lines: Vec<&str> = lines.collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
