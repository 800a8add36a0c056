//! How everything is stopped: asked first, then less kindly, all at once, within ten seconds.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::journal::{self, Entry, Process};
use crate::process::StopBy;

/// Kindness ends, and is followed by force, after these times.
const FAST: Duration = Duration::from_secs(4);
const IMMEDIATE: Duration = Duration::from_secs(7);
const LAST: Duration = Duration::from_secs(9);

/// Stops what the journal in this folder names and removes the journal.
pub fn stop_all(folder: &Path) -> Result<()> {
    let start = Instant::now();
    let stages = [
        (Stage::Ask, FAST),
        (Stage::Insist, IMMEDIATE),
        (Stage::Kill, LAST),
    ];
    for (stage, until) in stages {
        let mut told: Vec<Process> = Vec::new();
        while start.elapsed() < until {
            let alive = alive(&journal::read(folder));
            if alive.is_empty() {
                return clean(folder);
            }
            // Also those that appear only now: a tool may start a server while it is being stopped.
            alive
                .iter()
                .filter(|target| !told.contains(target))
                .for_each(|target| send(*target, stage));
            told = alive;
            sleep(Duration::from_millis(20));
        }
    }
    let left = alive(&journal::read(folder));
    ensure!(
        left.is_empty(),
        "still running: {:?}",
        left.iter().map(|target| target.pid).collect::<Vec<_>>()
    );
    clean(folder)
}

#[derive(Clone, Copy)]
enum Stage {
    Ask,
    Insist,
    Kill,
}

fn send(target: Process, stage: Stage) {
    let sent = match (target.stop, stage) {
        (StopBy::Postgres, Stage::Ask) => kill_process(target.pid, Signal::INT),
        (StopBy::Postgres, Stage::Insist) => kill_process(target.pid, Signal::QUIT),
        (StopBy::Terminate, Stage::Ask) => kill_process_group(target.pid, Signal::TERM),
        (_, Stage::Insist | Stage::Kill) => kill_process_group(target.pid, Signal::KILL),
    };
    // It may have ended by itself in the meantime, or lead no group.
    if sent.is_err() && matches!(stage, Stage::Kill) {
        kill_process(target.pid, Signal::KILL).ok();
    }
}

fn alive(entries: &[Entry]) -> Vec<Process> {
    let mut targets: Vec<Process> = Vec::new();
    let processes = entries.iter().filter_map(process);
    for target in processes.filter(Process::is_alive) {
        if !targets.iter().any(|known| known.pid == target.pid) {
            targets.push(target);
        }
    }
    targets
}

fn process(entry: &Entry) -> Option<Process> {
    match entry {
        Entry::Process(process) => Some(*process),
        Entry::Data(folder) => postmaster(folder),
        Entry::Scratch(_) => None,
    }
}

/// The server that runs in a data folder: its id is in `postmaster.pid`, and it works inside the folder, which a
/// process that got an old id by chance does not.
fn postmaster(data: &Path) -> Option<Process> {
    let text = std::fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let pid = Pid::from_raw(text.lines().next()?.trim().parse().ok()?)?;
    let server = Process::of(pid, StopBy::Postgres)?;
    let inside = std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|folder| folder == data);
    inside.then_some(server)
}

fn clean(folder: &Path) -> Result<()> {
    for entry in journal::read(folder) {
        if let Entry::Scratch(scratch) = entry {
            std::fs::remove_dir_all(scratch).ok();
        }
    }
    journal::end(folder)
}
