//! Replication: the forward link's slots on blue, its subscriptions on green, and positions in the log.

use super::Session;
use crate::error::{Error, looked};
use domain::error::StepError;
use domain::ids::Lsn;

/// A logical slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// The database that it decodes.
    pub database: String,
    /// Whether somebody reads from it.
    pub active: bool,
    /// Bytes of log that its reader has not confirmed; none if the slot is lost or says nothing.
    pub behind: Option<u64>,
}

/// Every logical slot of the server. `plan` refuses foreign ones, so these are the forward link's.
///
/// # Errors
///
/// If the session is gone.
pub async fn logical(session: &Session) -> Result<Vec<Slot>, Error> {
    let rows = session
        .query(
            "select slot_name::text, database::text, active, \
                    case when wal_status is distinct from 'lost' and confirmed_flush_lsn is not null \
                         then greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn), 0)::bigint end \
             from pg_replication_slots where slot_type = 'logical' order by 1",
            &[],
        )
        .await
        .map_err(looked("reading the replication slots"))?;
    let slot = |row: &tokio_postgres::Row| Slot {
        name: row.get(0),
        database: row.get(1),
        active: row.get(2),
        behind: row
            .get::<_, Option<i64>>(3)
            .and_then(|bytes| u64::try_from(bytes).ok()),
    };
    Ok(rows.iter().map(slot).collect())
}

/// The position behind the last record in the log.
///
/// # Errors
///
/// If the session is gone, or the server is a replica.
pub async fn position(session: &Session) -> Result<Lsn, Error> {
    let row = session
        .query_one("select pg_current_wal_insert_lsn()::text", &[])
        .await
        .map_err(looked("reading the log position"))?;
    let text: String = row.get(0);
    text.parse()
        .map_err(|why| StepError::failed(format!("reading the log position failed: {why}")).into())
}

/// How many subscriptions the session's database has.
///
/// # Errors
///
/// If the session is gone.
pub async fn subscriptions(session: &Session) -> Result<u32, Error> {
    let row = session
        .query_one(
            "select count(*) from pg_subscription s join pg_database d on d.oid = s.subdbid \
             where d.datname = current_database()",
            &[],
        )
        .await
        .map_err(looked("reading the subscriptions"))?;
    Ok(u32::try_from(row.get::<_, i64>(0)).unwrap_or(u32::MAX))
}
