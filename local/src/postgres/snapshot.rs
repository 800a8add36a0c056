//! A copy of a server's data, and a server made of it.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use super::{Host, Server, ServerSpec};
use crate::process::Command;

/// A copy of everything that a server held at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its folder.
    pub folder: PathBuf,
    /// The server's version.
    pub version: String,
}

/// Copies a running server's data; it goes on meanwhile.
///
/// # Errors
/// When the copy can't be made.
pub async fn take(host: &Host, server: &Server, id: &str) -> Result<Snapshot> {
    let all = host.keeper.folder().join("snapshots");
    let folder = all.join(id);
    ensure!(!folder.exists(), "there is a snapshot {id} already");
    std::fs::create_dir_all(&all).with_context(|| format!("making {}", all.display()))?;
    host.basebackup(server, &folder).await?;
    Ok(Snapshot {
        folder,
        version: server.version(),
    })
}

/// A new server of a snapshot's data, of the snapshot's version. It runs.
///
/// # Errors
/// When it can't be made or started.
pub async fn restore(host: &Host, snapshot: &Snapshot, spec: ServerSpec) -> Result<Server> {
    let server = host.empty(ServerSpec {
        version: snapshot.version.clone(),
        ..spec
    })?;
    host.keeper.keep_data(&server.data())?;
    let copy = Command::new("/bin/cp")
        .args(["-a", "--reflink=auto", "--"])
        .arg(&snapshot.folder)
        .arg(server.data());
    host.keeper.run(copy).await?;
    server.equip().await?;
    server.start().await?;
    Ok(server)
}
