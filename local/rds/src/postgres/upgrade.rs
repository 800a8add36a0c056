//! Another version for a server: `pg_upgrade --link` to another major, other programs within one.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use super::host::pg_tool;
use super::{ADMIN, Host, Server, StopMode, config, roles};
use local_aws::toolchain::PgInstall;

/// Upgrades in place: the server is stopped, upgraded and started with the address, names and parameters that it had.
///
/// # Errors
/// When the version isn't installed or lower, or `pg_upgrade` refuses; then the server runs on its old version again
/// if it still can.
pub async fn to_version(host: &Host, server: &Server, version: &str) -> Result<()> {
    let (old, new) = (server.install(), host.toolchain.postgres(version)?);
    ensure!(
        new.major() >= old.major(),
        "{} can't go from {} down to {version}",
        server.id(),
        old.version()
    );
    if new.major() == old.major() {
        server.stop(StopMode::Fast).await?;
        server.set_install(new);
        return server.start().await;
    }
    let checksums = has_checksums(server).await?;
    server.stop(StopMode::Fast).await?;
    if let Err(error) = to_major(host, server, &new, checksums).await {
        let started = server.start().await;
        started.with_context(|| format!("after a failed upgrade: {error:#}"))?;
        return Err(error);
    }
    server.set_install(new);
    server.start().await?;
    roles::set_up(&server.admin("postgres").await?).await
}

async fn to_major(host: &Host, server: &Server, new: &PgInstall, checksums: bool) -> Result<()> {
    let (data, fresh) = (server.data(), server.home().join("upgraded"));
    std::fs::remove_dir_all(&fresh).ok();
    host.initdb(new, &fresh, checksums).await?;
    // Only what the upgrade itself needs: a parameter such as default_transaction_read_only would stop it.
    for folder in [&data, &fresh] {
        config::write_parameters(folder, &BTreeMap::new(), &BTreeMap::new())?;
    }
    run_pg_upgrade(host, server, new, &fresh).await?;
    for file in ["server.crt", "server.key"] {
        let copied = std::fs::copy(data.join(file), fresh.join(file));
        copied.with_context(|| format!("copying {file}"))?;
    }
    std::fs::remove_dir_all(&data).context("removing the data folder of the old version")?;
    std::fs::rename(&fresh, &data).context("putting the upgraded data folder in place")
}

async fn run_pg_upgrade(host: &Host, server: &Server, new: &PgInstall, fresh: &Path) -> Result<()> {
    let upgrade = pg_tool(new, "pg_upgrade")
        .args(["--link", "--jobs=2", "--username", ADMIN])
        .arg("--old-bindir")
        .arg(server.install().bin())
        .arg("--new-bindir")
        .arg(new.bin())
        .arg("--old-datadir")
        .arg(server.data())
        .arg("--new-datadir")
        .arg(fresh)
        .arg("--socketdir")
        .arg(server.socket())
        .current_dir(server.home());
    host.keeper.run(upgrade).await.map(drop)
}

async fn has_checksums(server: &Server) -> Result<bool> {
    let admin = server.admin("postgres").await?;
    let row = admin.query_one("SHOW data_checksums", &[]).await?;
    Ok(row.get::<_, &str>(0) == "on")
}
