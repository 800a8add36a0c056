//! What a run started, written down in the file `processes` of its folder.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use rustix::fs::FlockOperation;
use rustix::process::Pid;

use crate::process::StopBy;

/// A process, known by its id and the moment of its start, since ids are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: Pid,
    born: u64,
    pub stop: StopBy,
}

impl Process {
    /// The process that has this id now.
    pub fn of(pid: Pid, stop: StopBy) -> Option<Self> {
        let born = born(pid)?;
        Some(Self { pid, born, stop })
    }

    pub fn is_alive(&self) -> bool {
        born(self.pid) == Some(self.born)
    }
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A process.
    Process(Process),
    /// A data folder in which a server may run.
    Data(PathBuf),
    /// A folder to be removed at the end.
    Scratch(PathBuf),
}

impl Entry {
    fn line(&self) -> String {
        match self {
            Self::Process(Process { pid, born, stop }) => match stop {
                StopBy::Terminate => format!("process {pid} {born}\n"),
                StopBy::Postgres => format!("postgres {pid} {born}\n"),
            },
            Self::Data(folder) => format!("data {}\n", folder.display()),
            Self::Scratch(folder) => format!("scratch {}\n", folder.display()),
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let (kind, rest) = line.split_once(' ')?;
        let process = |stop| {
            let (pid, born) = rest.split_once(' ')?;
            Some(Self::Process(Process {
                pid: Pid::from_raw(pid.parse().ok()?)?,
                born: born.parse().ok()?,
                stop,
            }))
        };
        match kind {
            "process" => process(StopBy::Terminate),
            "postgres" => process(StopBy::Postgres),
            "data" => Some(Self::Data(rest.into())),
            "scratch" => Some(Self::Scratch(rest.into())),
            _ => None,
        }
    }
}

/// The open journal of a living run; its lock says that the run lives.
#[derive(Debug)]
pub struct Journal(File);

impl Journal {
    /// Begins a journal.
    pub fn create(folder: &Path) -> Result<Self> {
        let path = path(folder);
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let mut file = file.with_context(|| format!("opening {}", path.display()))?;
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!("another run is alive in {}", folder.display());
        }
        file.write_all(format!("boot {}\n", boot()).as_bytes())?;
        Ok(Self(file))
    }

    /// Adds a line.
    pub fn write(&self, entry: &Entry) -> Result<()> {
        (&self.0)
            .write_all(entry.line().as_bytes())
            .context("writing down what was started")
    }
}

/// What the journal of a run says, if it has one. Processes from before the machine's last start are gone.
pub fn read(folder: &Path) -> Vec<Entry> {
    let text = std::fs::read_to_string(path(folder)).unwrap_or_default();
    let same_boot = text.lines().any(|line| line == format!("boot {}", boot()));
    let entries = text.lines().filter_map(Entry::parse);
    entries
        .filter(|entry| same_boot || matches!(entry, Entry::Scratch(_)))
        .collect()
}

/// Ends the journal: nothing in it is left.
pub fn end(folder: &Path) -> Result<()> {
    match std::fs::remove_file(path(folder)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Has a journal, but no run that holds it.
pub fn is_abandoned(folder: &Path) -> bool {
    let file = File::open(path(folder));
    file.is_ok_and(|file| {
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
    })
}

/// When a process started, in ticks since the machine did; none if it is gone or only waits to be buried.
fn born(pid: Pid) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the name, may hold spaces and parentheses.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    if matches!(*fields.first()?, "Z" | "X") {
        return None;
    }
    fields.get(19)?.parse().ok()
}

fn path(folder: &Path) -> PathBuf {
    folder.join("processes")
}

fn boot() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::create(folder.path()).unwrap();
        let entries = [
            Entry::Process(Process::of(rustix::process::getpid(), StopBy::Postgres).unwrap()),
            Entry::Data("/a folder/data".into()),
            Entry::Scratch("/tmp/x".into()),
        ];
        for entry in &entries {
            journal.write(entry).unwrap();
        }
        assert_eq!(read(folder.path()), entries);
    }

    #[test]
    fn a_run_is_abandoned_when_no_process_holds_its_journal() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_abandoned(folder.path()));
        let journal = Journal::create(folder.path()).unwrap();
        assert!(!is_abandoned(folder.path()));
        drop(journal);
        assert!(is_abandoned(folder.path()));
    }
}
