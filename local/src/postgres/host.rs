//! The machine on which the servers stand.

use anyhow::{Result, bail};

use super::{Server, ServerSpec};
use crate::keeper::Keeper;
use crate::network::Network;
use crate::tls::Authority;
use crate::toolchain::Toolchain;

/// Makes servers: in the run's folder, on the platform's network, with certificates of its authority, under its keeper.
#[derive(Clone)]
pub struct Host {
    /// PostgreSQL's programs.
    pub toolchain: Toolchain,
    /// Who stops everything.
    pub keeper: Keeper,
    /// Where addresses come from.
    pub network: Network,
    /// Who signs certificates.
    pub authority: Authority,
}

impl Host {
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
        Ok(Self {
            toolchain,
            keeper,
            network,
            authority,
        })
    }

    /// A new, empty server that runs.
    ///
    /// # Errors
    /// When it can't be made or started.
    pub async fn create(&self, _spec: ServerSpec) -> Result<Server> {
        bail!("not built yet")
    }

    /// A physical replica of the same version, streaming, that runs.
    ///
    /// # Errors
    /// When it can't be made or started.
    pub async fn replica_of(&self, _source: &Server, _spec: ServerSpec) -> Result<Server> {
        bail!("not built yet")
    }
}
