//! One PostgreSQL server: start, stop, parameters, names.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::ADMIN;
use super::host::{Host, pg_tool};
use crate::network::Lease;
use crate::process::{Child, StopBy};
use crate::tls::Leaf;
use crate::toolchain::PgInstall;

const START_WITHIN: Duration = Duration::from_mins(1);
const STOP_WITHIN: Duration = Duration::from_mins(1);

/// What a new server is to be.
#[derive(Clone, Debug, Default)]
pub struct ServerSpec {
    /// Names its data folder; never changes. A resource id is a good one.
    pub id: String,
    /// For instance `16.14`. A copy has its source's version.
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

/// One server. Clones are the same server.
#[derive(Clone, Debug)]
pub struct Server(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    host: Host,
    id: String,
    home: PathBuf,
    socket: PathBuf,
    lease: Lease,
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) install: PgInstall,
    pub(super) names: Vec<String>,
    pub(super) parameters: BTreeMap<String, String>,
    /// What makes it a replica or recovers it to a position.
    pub(super) recovery: BTreeMap<String, String>,
    pub(super) generation: u64,
    pub(super) child: Option<Child>,
}

impl Server {
    pub(super) fn new(
        host: Host,
        spec: ServerSpec,
        home: PathBuf,
        socket: PathBuf,
    ) -> Result<Self> {
        let state = State {
            install: host.toolchain.postgres(&spec.version)?,
            names: spec.names,
            parameters: spec.parameters,
            recovery: BTreeMap::new(),
            generation: 1,
            child: None,
        };
        let lease = host.network.lease()?;
        let turn = tokio::sync::Mutex::default();
        Ok(Self(Arc::new(Inner {
            host,
            id: spec.id,
            home,
            socket,
            lease,
            turn,
            state: Mutex::new(state),
        })))
    }

    /// The name it was created with.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Where it listens by TCP; stays the same for life.
    #[must_use]
    pub fn address(&self) -> SocketAddrV4 {
        self.0.lease.address()
    }

    /// Its version, e.g. `16.14`.
    #[must_use]
    pub fn version(&self) -> String {
        self.state().install.version().to_owned()
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.0.home.join("data")
    }

    /// The file to which it logs.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.0.home.join("server.log")
    }

    /// The folder of its unix socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.0.socket
    }

    /// Its parameters, as they were given.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<String, String> {
        self.state().parameters.clone()
    }

    /// The host names in its certificate.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.state().names.clone()
    }

    /// How servers on this host reach it as superuser (by its socket): for physical replicas and subscriptions.
    #[must_use]
    pub fn internal_conninfo(&self, database: &str) -> String {
        let (socket, port) = (self.0.socket.display(), self.address().port());
        format!("host={socket} port={port} user={ADMIN} dbname={database}")
    }

    /// Whether its process lives. A crash is noticed at once.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.state()
            .child
            .as_ref()
            .is_some_and(|child| child.ended().is_none())
    }

    /// Starts it and waits until it takes connections. Nothing to do when it runs.
    ///
    /// # Errors
    /// When it doesn't start; the message has the last lines of its log.
    pub async fn start(&self) -> Result<()> {
        let _turn = self.turn().await;
        if self.is_running() {
            return Ok(());
        }
        self.write_configuration()?;
        // Left by a crash; nobody else starts a server in this folder.
        std::fs::remove_file(self.data().join("postmaster.pid")).ok();
        let postgres = pg_tool(&self.install(), "postgres")
            .arg("-D")
            .arg(self.data());
        let postgres = postgres
            .named(&self.0.id)
            .log(self.log())
            .stop_by(StopBy::Postgres);
        let child = self.0.host.keeper.spawn(postgres).await?;
        self.state().child = Some(child.clone());
        self.wait_until_ready(&child).await
    }

    /// Stops it. Nothing to do when it doesn't run.
    ///
    /// # Errors
    /// When it can't be told.
    pub async fn stop(&self, mode: StopMode) -> Result<()> {
        let _turn = self.turn().await;
        let child = self.state().child.take();
        let Some(child) = child else { return Ok(()) };
        let signal = match mode {
            StopMode::Fast => Signal::INT,
            StopMode::Immediate => Signal::QUIT,
        };
        child.stop(signal, STOP_WITHIN).await.map(drop)
    }

    /// Stops and starts it.
    ///
    /// # Errors
    /// As [`Self::stop`] and [`Self::start`].
    pub async fn restart(&self, mode: StopMode) -> Result<()> {
        self.stop(mode).await?;
        self.start().await
    }

    /// Stops it and removes its folders. Its address becomes free when the last clone is dropped.
    ///
    /// # Errors
    /// When it can't be stopped or removed.
    pub async fn destroy(&self) -> Result<()> {
        self.stop(StopMode::Immediate).await?;
        tokio::fs::remove_dir_all(&self.0.home)
            .await
            .with_context(|| format!("removing {}", self.0.home.display()))?;
        tokio::fs::remove_dir_all(&self.0.socket).await.ok();
        Ok(())
    }

    /// Another address on its network.
    pub(super) fn lease_beside(&self) -> Result<Lease> {
        self.0.host.network.lease()
    }

    /// Which programs it runs.
    pub(super) fn install(&self) -> PgInstall {
        self.state().install.clone()
    }

    pub(super) fn set_install(&self, install: PgInstall) {
        self.state().install = install;
    }

    /// Where its data folder and its log are.
    pub(super) fn home(&self) -> &Path {
        &self.0.home
    }

    /// Only one at a time starts, stops or changes it.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.turn.lock().await
    }

    pub(super) fn issue_certificate(&self) -> Result<Leaf> {
        let names = self.names();
        self.0.host.authority.issue(&names)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait_until_ready(&self, child: &Child) -> Result<()> {
        let deadline = Instant::now() + START_WITHIN;
        while Instant::now() < deadline {
            let status =
                std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
            if matches!(
                status.lines().nth(7).map(str::trim),
                Some("ready" | "standby")
            ) {
                return Ok(());
            }
            if child.ended().is_some() {
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
        bail!(
            "{} does not start: {}",
            self.0.id,
            crate::process::tail(&self.log())
        )
    }
}
