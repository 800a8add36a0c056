//! A copy of a server as of one log position: how RDS makes a green that logical replication can follow on.
//!
//! In two steps, because the position has to lie *after* the copy was taken (a copy is no consistent server before its
//! own end): first [`begin`], then the caller makes its slots on the source, then [`Copy::to_position`].

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

use super::{Host, Server, ServerSpec};
use local_aws::process::tail;

const RECOVERED_WITHIN: Duration = Duration::from_mins(5);

/// A copy that waits for the position to which it is to be recovered.
#[derive(Debug)]
pub struct Copy {
    source: Server,
    server: Server,
}

/// Copies a running server, which goes on meanwhile. Its parameters come from `spec`, its version from the source.
///
/// # Errors
/// When the copy can't be made.
pub async fn begin(host: &Host, source: &Server, spec: ServerSpec) -> Result<Copy> {
    let server = host.copy_of(source, spec).await?;
    Ok(Copy {
        source: source.clone(),
        server,
    })
}

impl Copy {
    /// Recovers the copy: it then holds what was committed before `position` (a log position such as `0/1A2B3C4`, of
    /// a slot that was made after the copy), takes writes, and runs. A commit exactly there is left out, since the slot
    /// sends it.
    ///
    /// # Errors
    /// When the copy doesn't reach the position.
    pub async fn to_position(self, position: &str) -> Result<Server> {
        self.server.follow(&self.source, Some(position))?;
        // Recovery stops before the first record after the position, and an idle source would write none.
        let source = self.source.admin("postgres").await?;
        source.execute("SELECT pg_switch_wal()", &[]).await?;
        self.server.start().await?;
        self.wait_until_promoted(position).await?;
        self.server.stand_alone().await?;
        Ok(self.server)
    }

    async fn wait_until_promoted(&self, position: &str) -> Result<()> {
        let admin = self.server.admin("postgres").await?;
        let deadline = Instant::now() + RECOVERED_WITHIN;
        while Instant::now() < deadline {
            let recovering = admin.query_one("SELECT pg_is_in_recovery()", &[]).await?;
            if !recovering.get::<_, bool>(0) {
                return Ok(());
            }
            sleep(Duration::from_millis(10)).await;
        }
        let (id, said) = (self.server.id(), tail(&self.server.log()));
        bail!("the copy {id} did not reach {position}: {said}")
    }
}
