//! The planner's statistics on green.

use effects::claims::Held;
use effects::error::Error;
use effects::postgres::statistics::{Table, analyze, missing};
use effects::postgres::{Access, Connector, Endpoint};
use effects::step::Invocation;
use std::time::Duration;
use tracing::info;

/// What an invocation needs besides a table's analysis.
const SPARE: Duration = Duration::from_secs(15);

/// How far the statistics are, in words.
pub(crate) enum Gathered {
    /// Every table was seen to.
    All(String),
    /// The time was up; the next invocation goes on.
    Some(String),
}

/// Runs ANALYZE on the tables of green that have no statistics, as many as there is time for.
pub(crate) async fn gather(
    held: &Held<'_>,
    connector: &Connector,
    green: &Endpoint,
    invocation: &Invocation,
) -> Result<Gathered, Error> {
    let (mut analyzed, mut left) = (0, vec![]);
    for database in &held.record().plan.databases {
        let session = connector.connect(green, database, Access::Write).await?;
        for table in missing(&session).await? {
            let remaining = invocation.remaining().saturating_sub(SPARE);
            if remaining.is_zero() {
                return Ok(Gathered::Some(format!(
                    "statistics of {database}.{}",
                    name(&table)
                )));
            }
            held.verify().await?;
            session.limit_statements(remaining).await?;
            analyze(&session, &table).await?;
            analyzed += 1;
        }
        let still = missing(&session).await?;
        left.extend(
            still
                .iter()
                .map(|table| format!("{database}.{}", name(table))),
        );
    }
    info!(analyzed, left = left.len(), "statistics gathered");
    Ok(Gathered::All(domain::prepare::statistics(analyzed, &left)))
}

fn name(table: &Table) -> String {
    format!("{}.{}", table.schema, table.name)
}
