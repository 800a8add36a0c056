//! Replication from blue to green: its slots on blue, its subscriptions on green.

use crate::{PgSession, count};
use ports::Error;
use std::collections::HashSet;

/// A logical slot.
struct Slot {
    /// Its name.
    name: String,
    /// The database that it decodes.
    database: String,
    /// Bytes of log that its reader has not confirmed; none if the slot is lost or says nothing.
    behind: Option<u64>,
}

/// Every logical slot of the server. `plan` refuses foreign ones, so these are the forward link's.
async fn logical(session: &PgSession) -> Result<Vec<Slot>, Error> {
    let query = "select slot_name::text, database::text, \
                    case when wal_status is distinct from 'lost' and confirmed_flush_lsn is not null \
                         then greatest(pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn), 0)::bigint end \
                 from pg_replication_slots where slot_type = 'logical' order by 1";
    let doing = "reading the replication slots";
    let rows = session.look(doing, query, &[]).await?;
    let slot = |row: &tokio_postgres::Row| Slot {
        name: row.get(0),
        database: row.get(1),
        behind: row
            .get::<_, Option<i64>>(2)
            .and_then(|bytes| u64::try_from(bytes).ok()),
    };
    Ok(rows.iter().map(slot).collect())
}

/// Bytes that green has not confirmed of one database; `None` with a slot that is missing, doubled or silent.
pub(crate) async fn unconfirmed(session: &PgSession, database: &str) -> Result<Option<u64>, Error> {
    let mut slots = logical(session).await?;
    slots.retain(|slot| slot.database == database);
    Ok(match slots.as_slice() {
        [slot] => slot.behind,
        _ => None,
    })
}

/// The names of foreign slots: RDS has one per database.
pub(crate) async fn foreign(session: &PgSession) -> Result<Vec<String>, Error> {
    let mut seen = HashSet::new();
    let slots = logical(session).await?.into_iter();
    let doubled = slots.filter(|slot| !seen.insert(slot.database.clone()));
    Ok(doubled.map(|slot| slot.name).collect())
}

/// How many subscriptions the session's database has.
pub(crate) async fn subscriptions(session: &PgSession) -> Result<u32, Error> {
    let query = "select count(*) from pg_subscription s join pg_database d on d.oid = s.subdbid \
                 where d.datname = current_database()";
    let doing = "reading the subscriptions";
    Ok(count(&session.look_one(doing, query, &[]).await?, 0))
}
