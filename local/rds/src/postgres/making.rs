//! How servers are made: from nothing, as a copy of one that runs, or of data at rest.

use super::host::{Host, pg_tool};
use super::server::{Server, ServerSpec};
use super::{ADMIN, roles};
use anyhow::{Context as _, Result, ensure};
use local_aws::process::Command;
use local_aws::toolchain::PgInstall;
use std::path::Path;
use std::sync::atomic::Ordering;

impl Host {
    /// A new, empty server that runs, with RDS's roles.
    ///
    /// # Errors
    /// When it can't be made or started.
    pub async fn create(&self, spec: ServerSpec) -> Result<Server> {
        let server = self.empty(spec)?;
        self.initdb(&server.install(), &server.data(), true).await?;
        server.equip().await?;
        server.start().await?;
        roles::set_up(&server.admin("postgres").await?).await?;
        Ok(server)
    }

    /// A physical replica, streaming, that runs. Its version is the source's.
    ///
    /// # Errors
    /// When it can't be made or started.
    pub async fn replica_of(&self, source: &Server, spec: ServerSpec) -> Result<Server> {
        let server = self.copy_of(source, spec).await?;
        server.follow(source, None)?;
        server.start().await?;
        Ok(server)
    }

    /// A stopped server with a copy of data at rest: those of a server of this version that was stopped well.
    ///
    /// # Errors
    /// When they can't be copied.
    pub async fn thaw(&self, spec: ServerSpec, data: &Path) -> Result<Server> {
        let server = self.empty(spec)?;
        self.keeper.keep_data(&server.data())?;
        self.copy_at_rest(data, &server.data()).await?;
        server.equip().await?;
        Ok(server)
    }

    /// Copies a data folder that no server writes.
    pub(super) async fn copy_at_rest(&self, from: &Path, to: &Path) -> Result<()> {
        let copy = Command::new("/bin/cp").args(["-a", "--reflink=auto"]);
        self.keeper.run(copy.arg(from).arg(to)).await.map(drop)
    }

    /// A stopped server with a copy of what a running one holds, which goes on meanwhile. Its parameters come from `spec`, its
    /// version from the source.
    ///
    /// # Errors
    /// When it can't be copied.
    pub async fn copy_of(&self, source: &Server, spec: ServerSpec) -> Result<Server> {
        let spec = ServerSpec {
            version: source.version(),
            ..spec
        };
        let server = self.empty(spec)?;
        self.basebackup(source, &server.data()).await?;
        server.equip().await?;
        Ok(server)
    }

    /// A server without data.
    pub(super) fn empty(&self, spec: ServerSpec) -> Result<Server> {
        let home = self.keeper.folder().join("postgres").join(&spec.id);
        ensure!(!home.exists(), "there is a server {} already", spec.id);
        std::fs::create_dir_all(&home).with_context(|| format!("making {}", home.display()))?;
        let number = self.sockets.used.fetch_add(1, Ordering::Relaxed);
        let socket = self.sockets.root.join(number.to_string());
        std::fs::create_dir_all(&socket)?;
        Server::new(self.clone(), spec, home, socket)
    }

    pub(super) async fn initdb(
        &self,
        install: &PgInstall,
        data: &Path,
        checksums: bool,
    ) -> Result<()> {
        let mut arguments = vec![
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--auth=trust",
            "--no-sync",
        ];
        arguments.extend(match (checksums, install.major()) {
            (true, _) => Some("--data-checksums"),
            (false, 18..) => Some("--no-data-checksums"),
            (false, _) => None,
        });
        self.keeper.keep_data(data)?;
        let initdb = pg_tool(install, "initdb")
            .args(arguments)
            .arg("--username")
            .arg(ADMIN)
            .arg("--pgdata")
            .arg(data);
        self.keeper.run(initdb).await.map(drop)
    }

    /// Copies a running server's data folder, with all the WAL that the copy needs.
    pub(super) async fn basebackup(&self, source: &Server, to: &Path) -> Result<()> {
        self.keeper.keep_data(to)?;
        let port = source.address().port().to_string();
        let copy = pg_tool(&source.install(), "pg_basebackup")
            .args([
                "--wal-method=stream",
                "--checkpoint=fast",
                "--no-sync",
                "--username",
                ADMIN,
                "--port",
                &port,
            ])
            .arg("--host")
            .arg(source.socket())
            .arg("--pgdata")
            .arg(to);
        self.keeper.run(copy).await.map(drop)
    }
}
