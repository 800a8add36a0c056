//! What can be changed about a server while it runs: its parameters and its names.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

use super::{Server, config};

const RELOAD_WITHIN: Duration = Duration::from_secs(10);

impl Server {
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
        let rows = admin
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
        let conninfo = format!(
            "{} application_name={}",
            source.internal_conninfo("postgres"),
            self.id()
        );
        let mut recovery = vec![
            ("primary_conninfo", conninfo),
            // A source that was restarted is found again at once, not after five seconds.
            ("wal_retrieve_retry_interval", "100ms".to_owned()),
        ];
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
        let _turn = self.turn().await;
        self.state().recovery.clear();
        self.reload().await.map(drop)
    }

    /// Writes all files but the certificate.
    pub(super) fn write_configuration(&self) -> Result<()> {
        let state = self.state();
        let mut host = config::host_parameters(self.socket(), self.address(), self.id());
        host.extend(state.recovery.clone());
        host.insert(config::GENERATION.to_owned(), state.generation.to_string());
        config::write_parameters(&self.data(), &state.parameters, &host)?;
        config::write_access(&self.data())
    }

    pub(super) fn write_certificate(&self) -> Result<()> {
        config::write_certificate(&self.data(), &self.issue_certificate()?)
    }

    /// Writes the configuration and waits until new sessions see it; returns the session that waited, if it runs.
    ///
    /// The postmaster reads everything anew before it tells its sessions to, and lets nobody in meanwhile; so what a
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
        bail!(
            "{} does not read its configuration: {}",
            self.id(),
            crate::process::tail(&self.log())
        )
    }
}
