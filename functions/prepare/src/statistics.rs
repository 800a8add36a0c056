//! The planner's statistics on green.

use ports::{Access, Error, Session, World};
use std::time::Duration;
use steps::{Held, Servers};
use tracing::info;

/// What a call needs besides a table's analysis.
const SPARE: Duration = Duration::from_secs(15);

/// How far the statistics are, in words.
pub(crate) enum Gathered {
    /// Every table was seen to.
    All(String),
    /// The time was up; the next call goes on.
    Some(String),
}

/// Gathers the statistics of the tables of green that have none, as many as there is time for.
pub(crate) async fn gather<W: World>(
    held: &Held<'_, W>,
    servers: &Servers<'_, W>,
) -> Result<Gathered, Error> {
    let (mut analyzed, mut left) = (0, vec![]);
    for database in &servers.plan.databases {
        let session = servers.green(database, Access::Write).await?;
        for table in session.missing_statistics().await? {
            let remaining = held.call.remaining().saturating_sub(SPARE);
            if remaining.is_zero() {
                return Ok(Gathered::Some(format!("statistics of {database}.{table}")));
            }
            held.verify().await?;
            session.limit_statements(remaining).await?;
            session.analyze(&table).await?;
            analyzed += 1;
        }
        let still = session.missing_statistics().await?;
        left.extend(still.iter().map(|table| format!("{database}.{table}")));
    }
    info!(analyzed, left = left.len(), "statistics gathered");
    Ok(Gathered::All(domain::steps::prepare::statistics(
        analyzed, &left,
    )))
}
