//! One PostgreSQL server: start, stop, parameters, names, sessions of the superuser.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Result, bail};

/// What a new server is to be.
#[derive(Clone, Debug)]
pub struct ServerSpec {
    /// Names its data folder and its socket folder; never changes. A resource id is a good one.
    pub id: String,
    /// For instance `16.14`.
    pub version: String,
    /// The host names in its certificate.
    pub names: Vec<String>,
    /// Parameters as in `postgresql.conf`; those of the host (port, TLS, folders) win.
    pub parameters: BTreeMap<String, String>,
}

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopMode {
    /// Ends all sessions, writes everything down.
    Fast,
    /// As in a crash: recovers at the next start.
    Immediate,
}

/// Whom a server lets in by TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Every role with its password, over TLS.
    Open,
    /// Nobody. Sessions that exist go on: see [`Server::drop_sessions`].
    Closed,
}

/// One server. Clones are the same server.
#[derive(Clone, Debug)]
pub struct Server(Arc<()>);

impl Server {
    /// The name it was created with.
    #[must_use]
    pub fn id(&self) -> &str {
        ""
    }

    /// Where it listens by TCP; stays the same for life.
    #[must_use]
    pub fn address(&self) -> SocketAddrV4 {
        SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, 5432)
    }

    /// Its version, e.g. `16.14`.
    #[must_use]
    pub fn version(&self) -> String {
        String::new()
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        PathBuf::new()
    }

    /// The folder of its unix socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        Path::new("")
    }

    /// How servers on this host reach it as superuser (by its socket): for physical replicas and subscriptions.
    #[must_use]
    pub fn internal_conninfo(&self, database: &str) -> String {
        database.to_owned()
    }

    /// Whether it runs. A crash is noticed at once.
    #[must_use]
    pub fn is_running(&self) -> bool {
        false
    }

    /// Waits until it doesn't run: a stop or a crash.
    pub async fn down(&self) {}

    /// Starts it and waits until it takes connections. Nothing to do when it runs.
    ///
    /// # Errors
    /// When it doesn't start; the message has the last lines of its log.
    pub async fn start(&self) -> Result<()> {
        bail!("not built yet")
    }

    /// Stops it. Nothing to do when it doesn't run.
    ///
    /// # Errors
    /// When it can't be told.
    pub async fn stop(&self, _mode: StopMode) -> Result<()> {
        bail!("not built yet")
    }

    /// Stops and starts it.
    ///
    /// # Errors
    /// As [`Self::stop`] and [`Self::start`].
    pub async fn restart(&self, mode: StopMode) -> Result<()> {
        self.stop(mode).await?;
        self.start().await
    }

    /// A session of the superuser `rdsadmin`, by the socket.
    ///
    /// # Errors
    /// When the server doesn't answer.
    pub async fn admin(&self, _database: &str) -> Result<tokio_postgres::Client> {
        bail!("not built yet")
    }

    /// Its databases, without templates and `rdsadmin`'s own.
    ///
    /// # Errors
    /// When the server doesn't answer.
    pub async fn databases(&self) -> Result<Vec<String>> {
        bail!("not built yet")
    }

    /// Replaces the parameters and reloads. Returns those that wait for a restart.
    ///
    /// # Errors
    /// When they can't be written or the server doesn't answer.
    pub async fn set_parameters(
        &self,
        _parameters: &BTreeMap<String, String>,
    ) -> Result<Vec<String>> {
        bail!("not built yet")
    }

    /// Issues a new certificate for these names and reloads.
    ///
    /// # Errors
    /// When it can't be written or the server can't be told.
    pub async fn set_names(&self, _names: &[String]) -> Result<()> {
        bail!("not built yet")
    }

    /// Opens or closes it for new sessions by TCP and reloads; returns when the server acts by it.
    ///
    /// # Errors
    /// When it can't be written or the server doesn't answer.
    pub async fn set_access(&self, _access: Access) -> Result<()> {
        bail!("not built yet")
    }

    /// Ends all sessions of clients but the superuser's, never replication's; returns how many.
    ///
    /// # Errors
    /// When the server doesn't answer.
    pub async fn drop_sessions(&self) -> Result<u64> {
        bail!("not built yet")
    }

    /// Makes a physical replica a server of its own.
    ///
    /// # Errors
    /// When it is none, or doesn't finish in time.
    pub async fn promote(&self) -> Result<()> {
        bail!("not built yet")
    }

    /// Stops it and removes its folders.
    ///
    /// # Errors
    /// When it can't be stopped or removed.
    pub async fn destroy(&self) -> Result<()> {
        bail!("not built yet")
    }
}
