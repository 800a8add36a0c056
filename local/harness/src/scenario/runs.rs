//! The folders of runs, `.local/runs/<id>`, of which the last few are kept.

use anyhow::{Context, Result};
use local_aws::memory;
use std::path::{Path, PathBuf};

/// Runs that stay, a new one among them.
const KEPT: usize = 3;
/// Begins the id of each; nothing else in that folder is removed.
const RUN: &str = "run-";

/// All runs of this working copy.
#[must_use]
pub fn root() -> PathBuf {
    local_aws::toolchain::workspace().join(".local/runs")
}

/// A new run. Old ones beyond the last few are removed.
///
/// # Errors
/// When the folder can't be made.
pub fn begin(scenario: &str) -> Result<PathBuf> {
    begin_in(&root(), scenario)
}

/// A new run of many, in memory where there is room.
///
/// # Errors
/// When the folder can't be made.
pub fn begin_passing(scenario: &str) -> Result<PathBuf> {
    begin_in(&memory::folder().unwrap_or_else(root), scenario)
}

/// Ends a run of many that ended well: memory is not kept for it.
///
/// # Errors
/// When the folder can't be removed.
pub fn end_passing(folder: &Path) -> Result<()> {
    if folder.starts_with(root()) {
        return Ok(());
    }
    std::fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))
}

fn begin_in(root: &Path, scenario: &str) -> Result<PathBuf> {
    std::fs::create_dir_all(root).with_context(|| format!("making {}", root.display()))?;
    prune(root);
    let now = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
    let folder = root.join(format!("{RUN}{now}-{scenario}"));
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    point_latest(root, &folder)?;
    Ok(folder)
}

/// A run's folder as a person may call it: `.local/runs/latest`, as long as that leads there.
#[must_use]
pub fn shown(folder: &Path) -> String {
    let latest = root().join("latest");
    let leads_there = latest
        .canonicalize()
        .is_ok_and(|led| folder.canonicalize().is_ok_and(|folder| folder == led));
    let shown = if leads_there { &latest } else { folder };
    let within = shown.strip_prefix(local_aws::toolchain::workspace());
    within.unwrap_or(shown).display().to_string()
}

/// `latest` leads to this run from now on.
fn point_latest(root: &Path, folder: &Path) -> Result<()> {
    let name = folder.file_name().context("a run without a name")?;
    let new = root.join(format!(".latest-{}", std::process::id()));
    // Left behind by a run that was killed in between.
    std::fs::remove_file(&new).ok();
    std::os::unix::fs::symlink(name, &new)?;
    std::fs::rename(&new, root.join("latest")).context("pointing `latest` at the run")
}

/// Makes room for one more. A run that is alive, or that a keeper still has to clean up after, has a journal.
fn prune(root: &Path) {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut runs: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(RUN))
        .map(|entry| entry.path())
        .filter(|path| !path.join("processes").exists())
        .collect();
    runs.sort();
    let surplus = runs.len().saturating_sub(KEPT - 1);
    for old in runs.into_iter().take(surplus) {
        if let Err(error) = std::fs::remove_dir_all(&old) {
            tracing::warn!(%error, run = %old.display(), "old run not removed");
        }
    }
}
