//! Memory as a place for the folders of runs that are not read once they have ended well.

use crate::toolchain::workspace;
use std::path::{Path, PathBuf};

/// A file system in memory, where there is one.
const MEMORY: &str = "/dev/shm";
/// What has to be free there, in bytes: several runs at a time, the largest with two gigabytes.
const ROOM: u64 = 8 << 30;

/// A folder in memory, if there is room. On disk runs that follow one another disturb each other: ext4 searches long for
/// an unused inode after many files were removed, which took half of both cores. What is there is gone after a loss of
/// power; nothing here tries that.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    let free = rustix::fs::statvfs(MEMORY).map_or(0, |it| it.f_bavail * it.f_frsize);
    let own = format!("viridian-{}", rustix::process::getuid());
    (free >= ROOM).then(|| Path::new(MEMORY).join(own))
}

/// Where a run of a test leaves what there is to see if it fails; `name` tells it from the others.
#[must_use]
pub fn run_folder(name: &str) -> PathBuf {
    let runs = folder().unwrap_or_else(|| workspace().join(".local/test-runs"));
    runs.join(format!("{name}-{}", std::process::id()))
}
