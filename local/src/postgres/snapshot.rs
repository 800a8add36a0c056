//! A copy of a server's data, and a server made of it.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::{Host, Server, ServerSpec};

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
pub async fn take(_host: &Host, _server: &Server, _id: &str) -> Result<Snapshot> {
    bail!("not built yet")
}

/// A new server of a snapshot's data, of the snapshot's version. It runs.
///
/// # Errors
/// When it can't be made or started.
pub async fn restore(_host: &Host, _snapshot: &Snapshot, _spec: ServerSpec) -> Result<Server> {
    bail!("not built yet")
}
