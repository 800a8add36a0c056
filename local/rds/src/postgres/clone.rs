//! A copy of a server as of one log position: how RDS makes a green that logical replication can follow on.
//!
//! In two steps, because the position has to lie *after* the copy was taken (a copy is no consistent server before its
//! own end): first [`super::Host::copy_of`], then the caller makes its slots on the source, then [`to_position`].

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{Instant, sleep};

use super::Server;
use local_aws::process::tail;

const RECOVERED_WITHIN: Duration = Duration::from_mins(5);

/// Recovers a copy: it then holds what was committed before `position` (a log position such as `0/1A2B3C4`, of a slot that
/// was made after the copy), takes writes, and runs. A commit exactly there is left out, since the slot sends it.
///
/// # Errors
/// When the copy doesn't reach the position.
pub async fn to_position(copy: &Server, source: &Server, position: &str) -> Result<()> {
    copy.follow(source, Some(position))?;
    // Recovery stops before the first record after the position, and an idle source would write none.
    let source = source.admin("postgres").await?;
    source.execute("SELECT pg_switch_wal()", &[]).await?;
    copy.start().await?;
    let admin = copy.admin("postgres").await?;
    let deadline = Instant::now() + RECOVERED_WITHIN;
    while Instant::now() < deadline {
        let recovering = admin.query_one("SELECT pg_is_in_recovery()", &[]).await?;
        if !recovering.get::<_, bool>(0) {
            return copy.stand_alone().await;
        }
        sleep(Duration::from_millis(10)).await;
    }
    let (id, said) = (copy.id(), tail(&copy.log()));
    bail!("the copy {id} did not reach {position}: {said}")
}
