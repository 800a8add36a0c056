//! A copy of a server's data.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use super::{Host, Server};

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
