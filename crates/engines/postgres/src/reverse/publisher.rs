//! New's end of the link: a publication and a slot in each database.

use super::difference;
use crate::error::acted;
use crate::position;
use crate::{PgSession, STATEMENT, identifier};
use domain::error::StepError;
use domain::ids::Position;
use domain::reverse::{Shape, SlotSeen};
use ports::{Error, Session};
use std::collections::BTreeSet;
use std::time::Duration;

/// How often the log is pushed to disk while a slot waits for it.
const PUSH: Duration = Duration::from_millis(2);

/// A slot that is not made within this time is not waited for: writers wait.
const ARMED_WITHIN: Duration = Duration::from_secs(2);

/// Publishes the tables and makes the slot, unless they are there; where the slot begins. A new slot waits for a record
/// that nothing flushes but the server's own rounds of a fifth of a second, so that `pusher`, another session on the same
/// server, commits something meanwhile.
pub(crate) async fn arm(
    session: &PgSession,
    pusher: &PgSession,
    name: &str,
    tables: &Shape,
) -> Result<Position, Error> {
    session.limit_statements(ARMED_WITHIN).await?;
    let made = make(session, pusher, name, tables).await;
    session.limit_statements(STATEMENT).await?;
    made
}

async fn make(
    session: &PgSession,
    pusher: &PgSession,
    name: &str,
    tables: &Shape,
) -> Result<Position, Error> {
    if let Some(position) = begins(session, name).await? {
        compare_published(session, name, tables).await?;
        return Ok(position);
    }
    publish(session, name, tables).await?;
    let make = async {
        let query = "select lsn::text from pg_create_logical_replication_slot($1, 'pgoutput')";
        session.query_one(query, &[&name]).await
    };
    let push = async {
        loop {
            tokio::time::sleep(PUSH).await;
            let pushed = pusher
                .batch_execute("select pg_logical_emit_message(true, 'viridian', '')")
                .await;
            if pushed.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        made = make => {
            let row = made.map_err(acted("creating the failback's slot"))?;
            Ok(position::read(row.get(0))?)
        }
        () = push => Err(StepError::transient("the log was pushed in vain").into()),
    }
}

/// Publishes the tables anew: without a slot of ours, a publication of that name is an earlier upgrade's.
async fn publish(session: &PgSession, name: &str, tables: &Shape) -> Result<(), Error> {
    let tables: Vec<String> = tables.keys().map(|table| format!("only {table}")).collect();
    let listed = match tables.as_slice() {
        [] => String::new(),
        some => format!(" for table {}", some.join(", ")),
    };
    let name = identifier(name);
    let publish = format!("drop publication if exists {name}; create publication {name}{listed}");
    session.change("publishing green's tables", &publish).await
}

/// A slot that is there may be read with its own publication only.
async fn compare_published(session: &PgSession, name: &str, tables: &Shape) -> Result<(), Error> {
    let query = "select format('%I.%I', schemaname, tablename) from pg_publication_tables where pubname = $1";
    let doing = "reading the published tables";
    let published: BTreeSet<String> = session.texts(doing, query, &[&name]).await?;
    match difference(tables, &published) {
        None => Ok(()),
        Some(differs) => {
            let why = format!("the publication {name} on green does not fit its slot: {differs}");
            Err(StepError::failed(why).into())
        }
    }
}

async fn begins(session: &PgSession, name: &str) -> Result<Option<Position>, Error> {
    let query = "select confirmed_flush_lsn::text from pg_replication_slots \
                 where slot_name = $1 and database = current_database()";
    let doing = "looking for the failback's slot";
    let found = session.look_opt(doing, query, &[&name]).await?;
    let begins = found.map(|row| position::read(row.get(0)));
    Ok(begins.transpose()?)
}

/// New's slot, if there is one.
pub(crate) async fn slot(session: &PgSession, name: &str) -> Result<Option<SlotSeen>, Error> {
    let query = "select active, wal_status is not distinct from 'lost', \
                    coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint \
                 from pg_replication_slots where slot_name = $1";
    let doing = "reading the failback's slot";
    let found = session.look_opt(doing, query, &[&name]).await?;
    Ok(found.map(|row| SlotSeen {
        active: row.get(0),
        lost: row.get(1),
        held: u64::try_from(row.get::<_, i64>(2)).unwrap_or(0),
    }))
}

/// Removes slot and publication from new. That there are none is success.
pub(crate) async fn disarm(session: &PgSession, name: &str) -> Result<(), Error> {
    let end = "select pg_terminate_backend(active_pid, 2000) from pg_replication_slots \
               where slot_name = $1 and active_pid is not null";
    let ended = session.query(end, &[&name]).await;
    ended.map_err(acted("ending the reader of the slot"))?;
    let drop =
        "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1";
    let dropped = session.query(drop, &[&name]).await;
    dropped.map_err(acted("dropping the failback's slot"))?;
    let unpublish = format!("drop publication if exists {}", identifier(name));
    session.change("dropping the publication", &unpublish).await
}
