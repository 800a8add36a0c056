//! One PostgreSQL server: start, stop, parameters, names, and the superuser's sessions.

use parking_lot::{Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, NoTls};

use super::host::{Host, pg_tool};
use super::{ADMIN, config};
use local_aws::network::Lease;
use local_aws::process::{Child, StopBy, tail};
use local_aws::toolchain::PgInstall;

const START_WITHIN: Duration = Duration::from_mins(1);
const STOP_WITHIN: Duration = Duration::from_mins(1);
const RELOAD_WITHIN: Duration = Duration::from_secs(10);
const GONE_WITHIN: Duration = Duration::from_secs(10);

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
    pub(super) recovery: BTreeMap<&'static str, String>,
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
        let state = self.state();
        state.child.as_ref().is_some_and(|it| it.ended().is_none())
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
        // Left by a crash; no other process starts a server in this folder.
        std::fs::remove_file(self.data().join("postmaster.pid")).ok();
        let postgres = pg_tool(&self.install(), "postgres")
            .arg("-D")
            .arg(self.data())
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
        let removed = tokio::fs::remove_dir_all(&self.0.home).await;
        removed.with_context(|| format!("removing {}", self.0.home.display()))?;
        tokio::fs::remove_dir_all(&self.0.socket).await.ok();
        Ok(())
    }

    /// Replaces the parameters and reloads. Returns those that wait for a restart.
    ///
    /// # Errors
    /// When they can't be written or the server doesn't answer.
    pub async fn set_parameters(
        &self,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Vec<String>> {
        let _turn = self.turn().await;
        self.state().parameters.clone_from(parameters);
        let Some(admin) = self.reload().await? else {
            return Ok(Vec::new());
        };
        let waiting = "SELECT name FROM pg_settings WHERE pending_restart ORDER BY name";
        let rows = admin.query(waiting, &[]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Issues a new certificate for these names and reloads.
    ///
    /// # Errors
    /// When it can't be written or the server can't be told.
    pub async fn set_names(&self, names: &[String]) -> Result<()> {
        let _turn = self.turn().await;
        names.clone_into(&mut self.state().names);
        self.write_certificate()?;
        self.reload().await.map(drop)
    }

    /// Gives a data folder that was just made what it needs to be this server.
    pub(super) async fn equip(&self) -> Result<()> {
        let _turn = self.turn().await;
        self.write_certificate()?;
        self.write_configuration()
    }

    /// Makes it follow a source from its next start on: for good, or up to a position, where it goes its own way.
    pub(crate) fn follow(&self, source: &Server, position: Option<&str>) -> Result<()> {
        let conninfo = source.internal_conninfo("postgres");
        let conninfo = format!("{conninfo} application_name={}", self.id());
        let mut recovery = BTreeMap::from([
            ("primary_conninfo", conninfo),
            // A source that was restarted is found again at once, not after five seconds.
            ("wal_retrieve_retry_interval", "100ms".to_owned()),
        ]);
        if let Some(position) = position {
            recovery.insert("recovery_target_lsn", position.to_owned());
            // A commit exactly at the slot's position is sent by the slot: with it here, it would be applied twice.
            recovery.insert("recovery_target_inclusive", "off".to_owned());
            recovery.insert("recovery_target_action", "promote".to_owned());
        }
        self.state().recovery = recovery;
        std::fs::write(self.data().join("standby.signal"), []).context("marking it as a standby")
    }

    /// Forgets the source that it followed.
    pub(super) async fn stand_alone(&self) -> Result<()> {
        let _turn = self.turn().await;
        self.state().recovery.clear();
        self.reload().await.map(drop)
    }

    /// Writes all files but the certificate.
    pub(super) fn write_configuration(&self) -> Result<()> {
        let state = self.state();
        let mut host = config::host_parameters(self.socket(), self.address(), self.id());
        host.extend(state.recovery.clone());
        host.insert(config::GENERATION, state.generation.to_string());
        config::write_parameters(&self.data(), &state.parameters, &host)?;
        config::write_access(&self.data())
    }

    fn write_certificate(&self) -> Result<()> {
        let leaf = self.0.host.authority.issue(&self.names())?;
        config::write_certificate(&self.data(), &leaf)
    }

    /// Writes the configuration and waits until new sessions see it; returns the session that waited, if it runs.
    ///
    /// The postmaster reads everything anew before it tells its sessions to, and lets no client in meanwhile; so what a
    /// session of before sees, all that come after it see.
    async fn reload(&self) -> Result<Option<Client>> {
        let generation = {
            let mut state = self.state();
            state.generation += 1;
            state.generation.to_string()
        };
        self.write_configuration()?;
        let child = self.state().child.clone();
        let Some(child) = child.filter(|child| child.ended().is_none()) else {
            return Ok(None);
        };
        let admin = self.admin("postgres").await?;
        child.signal(Signal::HUP)?;
        let show = format!("SHOW {}", config::GENERATION);
        let deadline = Instant::now() + RELOAD_WITHIN;
        while Instant::now() < deadline {
            let seen: String = admin.query_one(&show, &[]).await?.get(0);
            if seen == generation {
                return Ok(Some(admin));
            }
            sleep(Duration::from_millis(1)).await;
        }
        let (id, said) = (self.id(), tail(&self.log()));
        bail!("{id} does not read its configuration: {said}")
    }

    /// A session of the superuser `rdsadmin`, by the socket.
    ///
    /// # Errors
    /// When the server doesn't answer.
    pub async fn admin(&self, database: &str) -> Result<Client> {
        let mut config = tokio_postgres::Config::new();
        config
            .host_path(self.socket())
            .port(self.address().port())
            .user(ADMIN)
            .dbname(database)
            .application_name("rdsadmin")
            .connect_timeout(Duration::from_secs(10));
        let connected = config.connect(NoTls).await;
        let (client, connection) =
            connected.with_context(|| format!("connecting to {} as {ADMIN}", self.id()))?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Its databases that take connections, templates of the user's own included, without PostgreSQL's templates and
    /// `rdsadmin`'s own.
    ///
    /// # Errors
    /// When the server doesn't answer.
    pub async fn databases(&self) -> Result<Vec<String>> {
        let all = "SELECT datname::text FROM pg_database \
                   WHERE datallowconn AND datname NOT IN ('template0', 'template1', $1) ORDER BY datname";
        let rows = self.admin("postgres").await?.query(all, &[&ADMIN]).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Ends all sessions of clients but the superuser's, never replication's, and waits until they are gone;
    /// returns how many.
    ///
    /// # Errors
    /// When the server doesn't answer, or a session doesn't end.
    pub async fn drop_sessions(&self) -> Result<usize> {
        let admin = self.admin("postgres").await?;
        // Materialized: in one WHERE the function may be asked before the name, and then it ends this session as well.
        let ended = "WITH clients AS MATERIALIZED (
                         SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> $1)
                     SELECT pid FROM clients WHERE pg_terminate_backend(pid)";
        let ended = admin.query(ended, &[&ADMIN]).await?;
        let pids: Vec<i32> = ended.iter().map(|row| row.get(0)).collect();
        let deadline = Instant::now() + GONE_WITHIN;
        while Instant::now() < deadline {
            let left = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)";
            if admin.query_one(left, &[&pids]).await?.get::<_, i64>(0) == 0 {
                return Ok(pids.len());
            }
            sleep(Duration::from_millis(2)).await;
        }
        bail!("sessions on {} do not end", self.id())
    }

    /// Makes a physical replica a server of its own.
    ///
    /// # Errors
    /// When it is none, or doesn't finish in time.
    pub async fn promote(&self) -> Result<()> {
        let admin = self.admin("postgres").await?;
        let promote = "SELECT pg_promote(true, 60)";
        let promoted = admin.query_one(promote, &[]).await?;
        if !promoted.get::<_, bool>(0) {
            bail!("{} was not promoted within a minute", self.id());
        }
        self.stand_alone().await
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

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }

    async fn wait_until_ready(&self, child: &Child) -> Result<()> {
        let deadline = Instant::now() + START_WITHIN;
        while Instant::now() < deadline {
            let status = std::fs::read_to_string(self.data().join("postmaster.pid"));
            let status = status.unwrap_or_default();
            let status = status.lines().nth(7).map(str::trim);
            if matches!(status, Some("ready" | "standby")) {
                return Ok(());
            }
            if child.ended().is_some() {
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
        bail!("{} does not start: {}", self.0.id, tail(&self.log()))
    }
}
