//! What on the servers is in the way: of a green, and of a switchover.

use super::link::{self, Link};
use super::server::Server;
use super::shape;
use std::time::Duration;
use tokio_postgres::Client;

/// Why a server can't be the blue of a deployment, if it can't.
pub async fn of_green(blue: &Server) -> anyhow::Result<Option<String>> {
    let admin = link::session(blue, "postgres").await?;
    let slots =
        "SELECT string_agg(slot_name, ', ') FROM pg_replication_slots WHERE slot_type = 'logical'";
    let slots: Option<String> = admin.query_one(slots, &[]).await?.get(0);
    if let Some(slots) = slots {
        return Ok(Some(format!(
            "The source database has logical replication slots ({slots}). Drop them first."
        )));
    }
    let free = "SELECT current_setting('max_replication_slots')::int - (SELECT count(*)::int FROM pg_replication_slots), \
                current_setting('wal_level')";
    let row = admin.query_one(free, &[]).await?;
    let (free, wal_level): (i32, &str) = (row.get(0), row.get(1));
    if wal_level != "logical" {
        let message = "wal_level is not logical: reboot the source database.";
        return Ok(Some(message.to_owned()));
    }
    let databases = blue.databases().await?.len();
    let enough = usize::try_from(free).unwrap_or_default() >= databases;
    Ok((!enough).then(|| {
        format!("max_replication_slots leaves {free} slots free; the source has {databases} databases, which need one each.")
    }))
}

/// A write or a prepared transaction that is older than this stops a switchover.
const LONG: Duration = Duration::from_secs(10);

/// Each row is a reason not to switch over; `$1` is our own publication, `$2` the age of a long transaction in seconds.
const IN_THE_WAY: &str = "
SELECT format('the session %s has been writing for more than %s s', pid, $2::float8) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND backend_xid IS NOT NULL AND xact_start < clock_timestamp() - $2::float8 * interval '1 s'
UNION ALL
SELECT format('there is a prepared transaction %L', gid) FROM pg_prepared_xacts
UNION ALL
SELECT format('there is a logical replication slot %I', slot_name) FROM pg_replication_slots
WHERE slot_type = 'logical' AND NOT starts_with(slot_name, $1)";

/// The same for one database.
const IN_A_DATABASE: &str = "
SELECT format('there is a publication %I in %I', pubname, current_database()) FROM pg_publication WHERE NOT starts_with(pubname, $1)
UNION ALL
SELECT format('there is a subscription %I in %I', s.subname, current_database())
FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid AND d.datname = current_database()
WHERE NOT starts_with(s.subname, $1)";

/// Why green can't take over from blue now, if it can't.
pub async fn of_switchover(
    blue: &Server,
    green: &Server,
    links: &[Link],
    publication: &str,
) -> anyhow::Result<Option<String>> {
    for (server, long) in [(blue, LONG), (green, Duration::ZERO)] {
        let admin = link::session(server, "postgres").await?;
        let query = format!("{IN_THE_WAY} LIMIT 1");
        let long = long.as_secs_f64();
        let found = admin.query_opt(&query, &[&publication, &long]).await?;
        if let Some(row) = found {
            return Ok(Some(row.get(0)));
        }
        for link in links {
            let session = link::session(server, &link.database).await?;
            if let Some(obstacle) = obstacle_in(&session, publication).await? {
                return Ok(Some(obstacle));
            }
            if server.id() == blue.id() && shape::of(&session).await? != link.shape {
                return Ok(Some(format!("the schema of {} was changed", link.database)));
            }
        }
    }
    Ok(None)
}

async fn obstacle_in(session: &Client, ours: &str) -> anyhow::Result<Option<String>> {
    let query = format!("{IN_A_DATABASE} LIMIT 1");
    let found = session.query_opt(&query, &[&ours]).await?;
    Ok(found.map(|row| row.get(0)))
}
