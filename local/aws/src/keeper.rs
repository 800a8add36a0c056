//! Stops everything that a run started, by whatever cause the run ends.
//!
//! The run writes each process down in a journal before it lets it go on. A process of its own, `local keeper`, waits
//! for the end of its stdin, which comes when the run ends or dies, SIGKILL included, and then stops what the journal
//! names. Should the keeper be killed as well, the next run does it.

mod journal;
mod stopping;

use parking_lot::Mutex;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::AsyncWriteExt as _;

use crate::process::{Child, Command, tail};
use journal::{Entry, Journal, Process};

/// Starts processes and sees that they end. Clones are the same keeper; when the last one is dropped, everything is
/// stopped, and the drop returns when it is.
#[derive(Clone, Debug)]
pub struct Keeper(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    journal: Journal,
    guard: Mutex<Option<std::process::Child>>,
    logs: AtomicUsize,
}

impl Keeper {
    /// Opens a run in its folder, `.local/runs/<id>`; first stops what killed runs beside it left behind.
    ///
    /// # Errors
    /// When the folder can't be written or belongs to a run that is alive, or the keeper can't be started.
    pub fn start(folder: &Path) -> Result<Self> {
        let logs = folder.join("logs");
        std::fs::create_dir_all(&logs).with_context(|| format!("making {}", logs.display()))?;
        let folder = folder.canonicalize()?;
        if let Some(runs) = folder.parent() {
            sweep(runs);
        }
        let journal = Journal::create(&folder)?;
        let log = File::create(logs.join("keeper.log"))?;
        let guard = std::process::Command::new(binary()?)
            .arg("keeper")
            .arg(&folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .spawn()
            .context("starting the keeper")?;
        Ok(Self(Arc::new(Inner {
            folder,
            journal,
            guard: Mutex::new(Some(guard)),
            logs: AtomicUsize::new(1),
        })))
    }

    /// The run's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Starts a process that stays.
    ///
    /// # Errors
    /// When it can't be started.
    pub async fn spawn(&self, command: Command) -> Result<Child> {
        let usual = || self.logs().join(format!("{}.log", command.name));
        let log = command.log.clone().unwrap_or_else(usual);
        self.launch(&command, log).await
    }

    /// Runs a tool to its end and returns what it said.
    ///
    /// # Errors
    /// When it can't be started or fails; the message has the last lines of what it said.
    pub async fn run(&self, command: Command) -> Result<String> {
        let number = self.0.logs.fetch_add(1, Ordering::Relaxed);
        let log = format!("{number:03}-{}.log", command.name);
        let log = self.logs().join(log);
        let child = self.launch(&command, log.clone()).await?;
        let status = child.end().await?;
        if !status.success() {
            bail!("{} failed ({status}): {}", command.name, tail(&log));
        }
        Ok(String::from_utf8_lossy(&tokio::fs::read(&log).await?).into_owned())
    }

    /// Whatever PostgreSQL server runs in this data folder at the end is stopped, also one that a tool started.
    ///
    /// # Errors
    /// When the journal can't be written.
    pub fn keep_data(&self, folder: &Path) -> Result<()> {
        self.0.journal.write(&Entry::Data(folder.to_owned()))
    }

    /// Removes this folder at the end.
    ///
    /// # Errors
    /// When the journal can't be written.
    pub fn keep_scratch(&self, folder: &Path) -> Result<()> {
        self.0.journal.write(&Entry::Scratch(folder.to_owned()))
    }

    /// Ends a run that passed: stops what it started, and removes its folder.
    ///
    /// # Errors
    /// When something can't be stopped or removed.
    pub async fn end(&self) -> Result<()> {
        self.shutdown().await?;
        Ok(std::fs::remove_dir_all(self.folder())?)
    }

    /// Stops everything, within ten seconds. Starting anything afterwards fails.
    ///
    /// # Errors
    /// When something could not be stopped.
    pub async fn shutdown(&self) -> Result<()> {
        let inner = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || inner.stop()).await?
    }

    fn logs(&self) -> PathBuf {
        self.0.folder.join("logs")
    }

    async fn launch(&self, command: &Command, log: PathBuf) -> Result<Child> {
        let (name, is_open) = (&command.name, self.0.guard.lock().is_some());
        ensure!(is_open, "the run is over: {name} is not started any more");
        let process = command.gated(&log)?.spawn();
        let mut process = process.with_context(|| format!("starting {name}"))?;
        let mut gate = process.stdin.take().context("a process without stdin")?;
        let child = Child::watch(command.name.clone(), log, process)?;
        let process = Process::of(child.pid(), command.stop);
        let process = process.with_context(|| format!("{name} has gone already"))?;
        self.0.journal.write(&Entry::Process(process))?;
        let child = child.starts_now();
        let told = gate.write_all(b"go\n").await;
        told.with_context(|| format!("letting {name} start"))?;
        Ok(child)
    }
}

impl Inner {
    /// Closes the keeper's stdin and waits for it; does its work here if it was killed.
    fn stop(&self) -> Result<()> {
        let guard = self.guard.lock().take();
        let Some(mut guard) = guard else {
            return Ok(());
        };
        drop(guard.stdin.take());
        if guard.wait().is_ok_and(|status| status.success()) {
            return Ok(());
        }
        stopping::stop_all(&self.folder)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            let error = format!("{error:#}");
            tracing::error!(error, "not everything could be stopped");
        }
    }
}

/// What `local keeper <run's folder>` does.
///
/// # Errors
/// When something could not be stopped.
pub fn serve(folder: &Path) -> Result<()> {
    let mut end = Vec::new();
    std::io::stdin()
        .read_to_end(&mut end)
        .context("waiting for the run's end")?;
    stopping::stop_all(folder)
}

/// Stops what runs beside this one left behind when they and their keepers were killed.
fn sweep(runs: &Path) {
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    for folder in entries.map(|entry| entry.path()) {
        if journal::is_abandoned(&folder)
            && let Err(error) = stopping::stop_all(&folder)
        {
            tracing::warn!(run = %folder.display(), error = format!("{error:#}"), "could not clean up after a killed run");
        }
    }
}

/// The binary `local`: this one, or the one beside the test that runs.
fn binary() -> Result<PathBuf> {
    let this = std::env::current_exe().context("looking for this program")?;
    let folders = this.ancestors().skip(1).take(2);
    let mut binaries = folders.map(|folder| folder.join("local"));
    let none = || {
        let this = this.display();
        format!("the binary `local` is not beside {this}: run `cargo build -p local`")
    };
    binaries.find(|path| path.is_file()).with_context(none)
}
