//! What runs have used of their permissions: a line for each distinct use, in a folder that outlasts the runs.

use super::request::Need;
use super::statement::is_dependent;
use crate::toolchain::workspace;
use anyhow::{Context as _, Result};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// That something was allowed, or was not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The function or the machine.
    pub caller: String,
    /// The statement that allowed it; nothing if none did.
    pub statement: Option<String>,
    /// The action.
    pub action: String,
    /// The statement's pattern that the resource matched; the resource itself where nothing allowed it.
    pub resource: String,
    /// Whether the service demanded it besides the call itself.
    pub besides: bool,
}

impl Line {
    /// Whether only what is there for a service's sake allowed a call of our own.
    pub(super) fn leans(&self) -> bool {
        let dependent = self.statement.as_deref().is_some_and(is_dependent);
        dependent && !self.besides
    }

    /// A statement allowed it, or none did.
    pub(super) fn new(caller: &str, statement: Option<String>, need: Need) -> Self {
        Self {
            caller: caller.to_owned(),
            statement,
            action: need.action,
            resource: need.resource,
            besides: need.besides,
        }
    }
}

/// Where all runs of this checkout keep what they used.
#[must_use]
pub fn folder() -> PathBuf {
    workspace().join(".local/privileges")
}

/// What one platform has used, kept in a file of its own as it happens: a run may end in any way.
#[derive(Debug)]
pub struct Used {
    file: PathBuf,
    seen: Mutex<BTreeSet<Line>>,
}

impl Used {
    /// Keeps a file in this folder, which is made when there is something to keep.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}.jsonl", std::process::id());
        Self {
            file: folder.join(name),
            seen: Mutex::default(),
        }
    }

    /// Keeps a line, once.
    pub fn note(&self, line: Line) {
        let mut seen = self.seen.lock();
        if seen.contains(&line) {
            return;
        }
        match self.write(&line) {
            Ok(()) => {
                seen.insert(line);
            }
            Err(error) => tracing::error!("a used permission was not kept: {error:#}"),
        }
    }

    fn write(&self, line: &Line) -> Result<()> {
        if let Some(folder) = self.file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let mut file = File::options().create(true).append(true).open(&self.file)?;
        Ok(file.write_all(&text)?)
    }
}

/// What all runs have used together. A folder that isn't there has nothing.
///
/// # Errors
/// When a file can't be read.
pub fn union(folder: &Path) -> Result<BTreeSet<Line>> {
    let mut all = BTreeSet::new();
    if !folder.exists() {
        return Ok(all);
    }
    for entry in std::fs::read_dir(folder).context(folder.display().to_string())? {
        let path = entry?.path();
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        for line in text.lines() {
            let line = serde_json::from_str(line).with_context(|| path.display().to_string())?;
            all.insert(line);
        }
    }
    Ok(all)
}
