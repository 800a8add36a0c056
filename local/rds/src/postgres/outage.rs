//! What a network does to one role: a server that it can't reach, or that answers slowly.
//!
//! Neither touches the superuser or a walsender that is there already, so replication goes on. Both are taken back when
//! they are ended or dropped.

use super::{Server, link, quoted};
use anyhow::{Context as _, Result};
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

/// Client sessions of a role.
const SESSIONS: &str =
    "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename = $1";

/// For how long held sessions run between two holds.
const BREATH: Duration = Duration::from_millis(10);

/// A server that a role can't reach. A physical replica can't be cut off, since it takes no changes of its own.
#[derive(Debug)]
pub struct Cut {
    role: String,
    limit: i32,
    admin: Option<Client>,
}

impl Cut {
    /// Ends the role's sessions on a server and lets it into no new ones.
    ///
    /// # Errors
    /// When the server doesn't answer or has no such role.
    pub async fn off(server: &Server, role: &str) -> Result<Self> {
        // Green and old blue are read-only by default.
        let admin = link::session(server, "postgres").await?;
        let known = "SELECT rolconnlimit FROM pg_roles WHERE rolname = $1";
        let known = admin.query_opt(known, &[&role]).await?;
        let limit = known.context("there is no such role")?.get(0);
        set_limit(&admin, role, 0).await?;
        // From here on a failure takes the limit back.
        let cut = Self {
            role: role.to_owned(),
            limit,
            admin: Some(admin),
        };
        cut.end_sessions().await?;
        Ok(cut)
    }

    async fn end_sessions(&self) -> Result<()> {
        let Some(admin) = &self.admin else {
            return Ok(());
        };
        // Materialized: in one WHERE the function may be asked before the role.
        let ended = format!(
            "WITH sessions AS MATERIALIZED ({SESSIONS}) SELECT pg_terminate_backend(pid, 5000) FROM sessions"
        );
        admin.execute(&ended, &[&self.role]).await?;
        Ok(())
    }

    /// Lets the role in again.
    ///
    /// # Errors
    /// When the server doesn't answer.
    pub async fn end(mut self) -> Result<()> {
        match self.admin.take() {
            Some(admin) => set_limit(&admin, &self.role, self.limit).await,
            None => Ok(()),
        }
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        let (admin, runtime) = (self.admin.take(), tokio::runtime::Handle::try_current());
        let (Some(admin), Ok(runtime)) = (admin, runtime) else {
            return;
        };
        let (role, limit) = (std::mem::take(&mut self.role), self.limit);
        runtime.spawn(async move {
            if let Err(error) = set_limit(&admin, &role, limit).await {
                tracing::error!(role, error = format!("{error:#}"), "a role stays cut off");
            }
        });
    }
}

async fn set_limit(admin: &Client, role: &str, limit: i32) -> Result<()> {
    let alter = format!("ALTER ROLE {} CONNECTION LIMIT {limit}", quoted(role));
    Ok(admin.batch_execute(&alter).await?)
}

/// A server that answers a role slowly: the role's sessions are held again and again, new ones as well.
#[derive(Debug)]
pub struct Slow {
    held: Arc<Mutex<Held>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Held {
    over: bool,
    sessions: Vec<Pid>,
}

impl Slow {
    /// From now on the role's sessions stand still for `hold`, run for a moment, stand still again, and so on.
    ///
    /// # Errors
    /// When the server doesn't answer.
    pub async fn down(server: &Server, role: &str, hold: Duration) -> Result<Self> {
        let admin = server.admin("postgres").await?;
        let held = Arc::<Mutex<Held>>::default();
        let (role, holds) = (role.to_owned(), Arc::clone(&held));
        let task = tokio::spawn(async move {
            while let Ok(sessions) = admin.query(SESSIONS, &[&role]).await {
                let pids = sessions.iter().filter_map(|row| Pid::from_raw(row.get(0)));
                if !stop(&holds, pids.collect()) {
                    return;
                }
                tokio::time::sleep(hold).await;
                go_on(&holds);
                tokio::time::sleep(BREATH).await;
            }
        });
        Ok(Self { held, task })
    }

    /// Lets the sessions run.
    pub fn end(self) {
        drop(self);
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.task.abort();
        // A round that is under way sees this before it holds a session.
        self.held.lock().over = true;
        go_on(&self.held);
    }
}

/// Holds sessions, unless that is over.
fn stop(held: &Mutex<Held>, sessions: Vec<Pid>) -> bool {
    let mut held = held.lock();
    if held.over {
        return false;
    }
    for session in &sessions {
        signal(*session, Signal::STOP);
    }
    held.sessions = sessions;
    true
}

fn go_on(held: &Mutex<Held>) {
    for session in held.lock().sessions.drain(..) {
        signal(session, Signal::CONT);
    }
}

fn signal(session: Pid, signal: Signal) {
    // It may have ended.
    kill_process(session, signal).ok();
}
