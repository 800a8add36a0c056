//! Another version for a server: `pg_upgrade --link` to another major, a change of programs within one.

use anyhow::{Result, bail};

use super::{Host, Server};

/// Upgrades in place: the server is stopped, upgraded and started with the address, names and parameters that it had.
///
/// # Errors
/// When the version isn't installed, is lower, or `pg_upgrade` refuses; then the server runs on its old version again.
pub async fn to_version(_host: &Host, _server: &Server, _version: &str) -> Result<()> {
    bail!("not built yet")
}
