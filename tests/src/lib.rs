//! What the suites share: a folder for each run, waits that come to an end, and a writer.

pub mod ticks;

use anyhow::{Result, ensure};
use local::keeper::Keeper;
use local::platform::Platform;
use local::toolchain::workspace;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

/// The longest wait, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_mins(1);

/// A file system in memory, where there is one.
const MEMORY: &str = "/dev/shm";
/// What has to be free there: several runs at a time, each with some hundred megabytes.
const ROOM: u64 = 8 << 30;

/// Where a run leaves what there is to see if it fails; `name` tells it from the others.
#[must_use]
pub fn run_folder(name: &str) -> PathBuf {
    runs().join(format!("{name}-{}", std::process::id()))
}

/// In memory where there is room: ext4 searches long for an unused inode after many files were removed, and runs make and
/// remove thousands, so that on disk half of both cores went there. No test cuts the power, so none depends on the disk.
fn runs() -> PathBuf {
    let free = rustix::fs::statvfs(MEMORY).map_or(0, |it| it.f_bavail * it.f_frsize);
    if free < ROOM {
        return workspace().join(".local/test-runs");
    }
    Path::new(MEMORY).join(format!("viridian-{}", rustix::process::getuid()))
}

/// Ends a run that passed: stops what it started, and removes its folder.
///
/// # Errors
/// When something can't be stopped or removed.
pub async fn end(keeper: &Keeper) -> Result<()> {
    keeper.shutdown().await?;
    remove(keeper.folder())
}

/// Ends a platform's run that passed, likewise.
///
/// # Errors
/// As [`end`].
pub async fn end_platform(platform: Platform) -> Result<()> {
    let folder = platform.host.keeper.folder().to_owned();
    platform.stop().await?;
    remove(&folder)
}

fn remove(folder: &Path) -> Result<()> {
    Ok(std::fs::remove_dir_all(folder)?)
}

/// Waits until `done`, a minute at most.
///
/// # Errors
/// When it takes longer, and those of `done`.
pub async fn wait(what: &str, mut done: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !done().await? {
        ensure!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// Waits until a query gives true, likewise.
///
/// # Errors
/// As [`wait`].
pub async fn until(client: &Client, query: &str) -> Result<()> {
    wait(query, async || {
        Ok(client.query_one(query, &[]).await?.get(0))
    })
    .await
}
