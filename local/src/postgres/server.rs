//! One PostgreSQL server: start, stop, parameters, names, access.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::host::{Host, pg_tool};
use super::{ADMIN, config};
use crate::network::Lease;
use crate::process::{Child, StopBy};
use crate::toolchain::PgInstall;

const START_WITHIN: Duration = Duration::from_mins(1);
const STOP_WITHIN: Duration = Duration::from_mins(1);
const RELOAD_WITHIN: Duration = Duration::from_secs(10);

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
pub struct Server(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    host: Host,
    id: String,
    home: PathBuf,
    socket: PathBuf,
    lease: Lease,
    /// Held by whoever starts, stops or reconfigures.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    install: PgInstall,
    names: Vec<String>,
    parameters: BTreeMap<String, String>,
    /// What makes it a replica or recovers it to a position.
    recovery: BTreeMap<String, String>,
    access: Access,
    generation: u64,
    child: Option<Child>,
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
            access: Access::Open,
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

    /// Waits until it doesn't run: a stop or a crash.
    pub async fn down(&self) {
        let child = self.state().child.clone();
        if let Some(child) = child {
            child.end().await.ok();
        }
    }

    /// Starts it and waits until it takes connections. Nothing to do when it runs.
    ///
    /// # Errors
    /// When it doesn't start; the message has the last lines of its log.
    pub async fn start(&self) -> Result<()> {
        let _turn = self.0.turn.lock().await;
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
        let _turn = self.0.turn.lock().await;
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

    /// Replaces the parameters and reloads. Returns those that wait for a restart.
    ///
    /// # Errors
    /// When they can't be written or the server doesn't answer.
    pub async fn set_parameters(
        &self,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Vec<String>> {
        let _turn = self.0.turn.lock().await;
        self.state().parameters.clone_from(parameters);
        self.reload().await?;
        if !self.is_running() {
            return Ok(Vec::new());
        }
        let rows = self.admin("postgres").await?;
        let rows = rows
            .query(
                "SELECT name FROM pg_settings WHERE pending_restart ORDER BY name",
                &[],
            )
            .await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Issues a new certificate for these names and reloads.
    ///
    /// # Errors
    /// When it can't be written or the server can't be told.
    pub async fn set_names(&self, names: &[String]) -> Result<()> {
        let _turn = self.0.turn.lock().await;
        names.clone_into(&mut self.state().names);
        self.write_certificate()?;
        self.reload().await
    }

    /// Opens or closes it for new sessions by TCP and reloads; returns when the server acts by it.
    ///
    /// # Errors
    /// When it can't be written or the server doesn't answer.
    pub async fn set_access(&self, access: Access) -> Result<()> {
        let _turn = self.0.turn.lock().await;
        self.state().access = access;
        self.reload().await
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

    /// Gives a data folder that was just made what it needs to be this server.
    pub(super) async fn equip(&self) -> Result<()> {
        let _turn = self.0.turn.lock().await;
        self.write_certificate()?;
        self.write_configuration()
    }

    /// Makes it follow a source from its next start on: for good, or up to a position, where it goes its own way.
    pub(super) fn follow(&self, source: &Server, position: Option<&str>) -> Result<()> {
        let conninfo = format!(
            "{} application_name={}",
            source.internal_conninfo("postgres"),
            self.0.id
        );
        let mut recovery = vec![("primary_conninfo", conninfo)];
        if let Some(position) = position {
            recovery.push(("recovery_target_lsn", position.to_owned()));
            // A commit exactly at the slot's position is sent by the slot: with it here, it would be applied twice.
            recovery.push(("recovery_target_inclusive", "off".to_owned()));
            recovery.push(("recovery_target_action", "promote".to_owned()));
        }
        self.state().recovery = recovery
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        std::fs::write(self.data().join("standby.signal"), []).context("marking it as a standby")
    }

    /// Forgets the source that it followed.
    pub(super) async fn stand_alone(&self) -> Result<()> {
        let _turn = self.0.turn.lock().await;
        self.state().recovery.clear();
        self.reload().await
    }

    /// Writes all files but the certificate.
    pub(super) fn write_configuration(&self) -> Result<()> {
        let state = self.state();
        let mut host = config::host_parameters(&self.0.socket, self.address(), &self.0.id);
        host.extend(state.recovery.clone());
        host.insert(config::GENERATION.to_owned(), state.generation.to_string());
        config::write_parameters(&self.data(), &state.parameters, &host)?;
        config::write_access(&self.data(), state.access)
    }

    pub(super) fn write_certificate(&self) -> Result<()> {
        let names = self.state().names.clone();
        config::write_certificate(&self.data(), &self.0.host.authority.issue(&names)?)
    }

    fn state(&self) -> MutexGuard<'_, State> {
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

    /// Writes the configuration and waits until new sessions see it.
    async fn reload(&self) -> Result<()> {
        let generation = {
            let mut state = self.state();
            state.generation += 1;
            state.generation.to_string()
        };
        self.write_configuration()?;
        let child = self.state().child.clone();
        let Some(child) = child.filter(|child| child.ended().is_none()) else {
            return Ok(());
        };
        child.signal(Signal::HUP)?;
        let deadline = Instant::now() + RELOAD_WITHIN;
        while Instant::now() < deadline {
            let show = format!("SHOW {}", config::GENERATION);
            if self
                .admin("postgres")
                .await?
                .query_one(&show, &[])
                .await?
                .get::<_, String>(0)
                == generation
            {
                return Ok(());
            }
            sleep(Duration::from_millis(2)).await;
        }
        bail!(
            "{} does not read its configuration: {}",
            self.0.id,
            crate::process::tail(&self.log())
        )
    }
}
