//! The machine on which the servers stand.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use anyhow::{Context as _, Result};

use local_aws::keeper::Keeper;
use local_aws::network::Network;
use local_aws::process::Command;
use local_aws::tls::Authority;
use local_aws::toolchain::{PgInstall, Toolchain};

/// Makes servers: in the run's folder, on the platform's network, with certificates of its authority, under its keeper.
#[derive(Clone, Debug)]
pub struct Host {
    /// PostgreSQL's programs.
    pub toolchain: Toolchain,
    /// Who stops everything.
    pub keeper: Keeper,
    /// Where addresses come from.
    pub network: Network,
    /// Who signs certificates.
    pub authority: Authority,
    pub(super) sockets: Arc<Sockets>,
}

/// A short folder for unix sockets, whose paths may have 107 bytes at most.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) root: PathBuf,
    pub(super) used: AtomicUsize,
}

impl Host {
    /// A host that shares nothing: it has a keeper, a network and an authority of its own.
    ///
    /// # Errors
    /// When one of them can't be had.
    pub fn alone(folder: &Path) -> Result<Self> {
        let (network, keeper) = (Network::claim()?, Keeper::start(folder)?);
        Self::new(Toolchain::find()?, keeper, network, Authority::create()?)
    }

    /// A host that creates its servers under the keeper's folder.
    ///
    /// # Errors
    /// When the folder for sockets can't be made.
    pub fn new(
        toolchain: Toolchain,
        keeper: Keeper,
        network: Network,
        authority: Authority,
    ) -> Result<Self> {
        let root = tempfile::Builder::new()
            .prefix("viridian-")
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in("/tmp")
            .context("a folder for sockets")?;
        let sockets = Arc::new(Sockets {
            root: root.keep(),
            used: AtomicUsize::new(1),
        });
        keeper.keep_scratch(&sockets.root)?;
        Ok(Self {
            toolchain,
            keeper,
            network,
            authority,
            sockets,
        })
    }
}

/// One of PostgreSQL's programs, told nothing by this process's environment (`PGHOST` and the like).
pub(super) fn pg_tool(install: &PgInstall, name: &str) -> Command {
    Command::new(install.program(name))
        .clean_environment()
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC")
        .unprivileged()
}
