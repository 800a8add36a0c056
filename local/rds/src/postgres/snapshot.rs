//! A copy of a server's data.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::{Host, Server, StopMode};

/// Stops a server for a moment and copies what it holds to a folder that must not exist, from which [`Host::thaw`] makes
/// servers.
///
/// # Errors
/// When the server can't be stopped, copied or started.
pub async fn freeze(host: &Host, server: &Server, folder: &Path) -> Result<()> {
    ensure!(!folder.exists(), "{} exists already", folder.display());
    server.stop(StopMode::Fast).await?;
    let copied = host.copy_at_rest(&server.data(), folder).await;
    server.start().await?;
    copied
}

/// Copies everything that a running server holds at one moment; it goes on meanwhile. Returns the copy's folder.
///
/// # Errors
/// When the copy can't be made.
pub async fn take(host: &Host, server: &Server, id: &str) -> Result<PathBuf> {
    let all = host.keeper.folder().join("snapshots");
    let folder = all.join(id);
    ensure!(!folder.exists(), "there is a snapshot {id} already");
    std::fs::create_dir_all(&all).with_context(|| format!("making {}", all.display()))?;
    host.basebackup(server, &folder).await?;
    Ok(folder)
}
