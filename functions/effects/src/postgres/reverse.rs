//! The link from new to old: a publication and a slot on new, a subscription on old, one of each per database.
//!
//! All of it is our own role's. The owners' part is taken first ([`adopt`]): who owns a table decides what is published of
//! it, and since 16 a subscription applies changes in the name of the table's owner
//! (<https://www.postgresql.org/docs/current/logical-replication-security.html>).

use super::{Session, identifier, literal};
use crate::error::{Error, acted, looked};
use domain::error::StepError;
use domain::ids::Lsn;
use domain::reverse::{Link, Shape, SlotSeen, SubscriptionSeen};
use std::time::Duration;

/// Tables whose changes are replicated, each with a digest of its columns; the marker's is one of them.
const SHAPE: &str = "
select format('%I.%I', n.nspname, c.relname),
       left(md5(coalesce(string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ',' order by a.attnum), '')), 12)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relkind = 'r' and c.relpersistence = 'p'
  and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_'
  and not exists (select from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
group by 1 order by 1";

/// The tables of the session's database.
///
/// # Errors
///
/// If the session is gone.
pub async fn shape(session: &Session) -> Result<Shape, Error> {
    let rows = session.query(SHAPE, &[]).await;
    let rows = rows.map_err(looked("reading the tables' shape"))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

const OWNERS: &str = "
select distinct quote_ident(pg_get_userbyid(c.relowner)) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'S') and c.relpersistence = 'p'
  and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_'
  and not pg_has_role(current_user, c.relowner, 'usage')";

/// Makes us a member of every role that owns tables or sequences of the session's database. Roles are the server's, and
/// this is no change of a schema.
///
/// # Errors
///
/// If we may not, for want of the ADMIN OPTION.
pub async fn adopt(session: &Session) -> Result<(), Error> {
    let rows = session.query(OWNERS, &[]).await;
    let rows = rows.map_err(looked("reading the tables' owners"))?;
    let options = match version(session).await? {
        16.. => " with inherit true, set true",
        _ => "",
    };
    let grants = rows.iter().map(|row| {
        let owner: String = row.get(0);
        format!("grant {owner} to current_user{options};")
    });
    let grants: String = grants.collect();
    session.change("taking the owners' part", &grants).await
}

/// The server's major version.
async fn version(session: &Session) -> Result<i32, Error> {
    let query = "select current_setting('server_version_num')::int / 10000";
    let row = session.query_one(query, &[]).await;
    Ok(row.map_err(looked("reading the server's version"))?.get(0))
}

/// How often the log is pushed to disk while a slot waits for it.
const PUSH: Duration = Duration::from_millis(2);

/// A slot that is not made within this time is not waited for: writers wait.
const ARMED_WITHIN: Duration = Duration::from_secs(2);

/// Publishes the tables and makes the slot, unless they are there; where the slot begins. A new slot waits for a record
/// that nothing flushes but the server's own rounds of a fifth of a second, so that `pusher`, another session on the same
/// server, commits something meanwhile.
///
/// # Errors
///
/// If a right is missing, no slot is free, or somebody's transaction is waited for.
pub async fn arm(
    session: &Session,
    pusher: &Session,
    name: &str,
    tables: &Shape,
) -> Result<Lsn, Error> {
    session.limit_statements(ARMED_WITHIN).await?;
    let made = make(session, pusher, name, tables).await;
    session.limit_statements(super::connect::STATEMENT).await?;
    made
}

async fn make(
    session: &Session,
    pusher: &Session,
    name: &str,
    tables: &Shape,
) -> Result<Lsn, Error> {
    publish(session, name, tables).await?;
    if let Some(position) = begins(session, name).await? {
        return Ok(position);
    }
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
            let row = made.map_err(acted("making the slot of the way back"))?;
            position(row.get(0))
        }
        () = push => Err(StepError::transient("the log was pushed in vain").into()),
    }
}

async fn publish(session: &Session, name: &str, tables: &Shape) -> Result<(), Error> {
    let found = session
        .query_opt("select from pg_publication where pubname = $1", &[&name])
        .await
        .map_err(looked("looking for the publication"))?;
    if found.is_some() {
        return Ok(());
    }
    let tables: Vec<String> = tables.keys().map(|table| format!("only {table}")).collect();
    let listed = match tables.as_slice() {
        [] => String::new(),
        some => format!(" for table {}", some.join(", ")),
    };
    let publish = format!("create publication {}{listed}", identifier(name));
    session.change("publishing green's tables", &publish).await
}

async fn begins(session: &Session, name: &str) -> Result<Option<Lsn>, Error> {
    let found = session
        .query_opt(
            "select confirmed_flush_lsn::text from pg_replication_slots where slot_name = $1 and database = current_database()",
            &[&name],
        )
        .await
        .map_err(looked("looking for the slot of the way back"))?;
    found.map(|row| position(row.get(0))).transpose()
}

fn position(text: &str) -> Result<Lsn, Error> {
    text.parse()
        .map_err(|why: String| StepError::failed(why).into())
}

/// Lets old's database follow new's, from the slot's beginning on; nothing is copied. One that is there is left as it is.
/// `conninfo` holds our password: PostgreSQL shows it to superusers only.
///
/// # Errors
///
/// If a right is missing, or new can't be reached from old.
pub async fn subscribe(session: &Session, link: &Link, conninfo: &str) -> Result<(), Error> {
    if subscription(session, &link.name).await?.is_some() {
        return Ok(());
    }
    // A publisher's own changes only: what old sends to nobody can't come back, and this says so where it can be said.
    let origin = match version(session).await? {
        16.. => ", origin = none",
        _ => "",
    };
    let name = identifier(&link.name);
    let subscribe = format!(
        "create subscription {name} connection {conninfo} publication {name} \
         with (copy_data = false, create_slot = false, slot_name = {slot}, streaming = off, disable_on_error = true{origin})",
        conninfo = literal(conninfo),
        slot = literal(&link.name),
    );
    session
        .change("letting old blue follow green", &subscribe)
        .await
}

/// Lets old's database follow new's as soon as nothing leads the other way: two links would send each row round and round.
///
/// # Errors
///
/// `Upgrade.Transient` while RDS's own link is there; as [`adopt`] and [`subscribe`].
pub async fn follow(
    new: &Session,
    old: &Session,
    link: &Link,
    conninfo: &str,
) -> Result<(), Error> {
    match super::slots::subscriptions(new).await? {
        0 => {}
        some => {
            let why = format!("green still has {some} subscriptions of RDS's");
            return Err(StepError::transient(why).into());
        }
    }
    adopt(old).await?;
    subscribe(old, link, conninfo).await
}

/// Old's subscription, if there is one.
///
/// # Errors
///
/// If the session is gone.
pub async fn subscription(
    session: &Session,
    name: &str,
) -> Result<Option<SubscriptionSeen>, Error> {
    let found = session
        .query_opt(
            "select s.subenabled, exists (select from pg_stat_subscription t where t.subid = s.oid and t.pid is not null) \
             from pg_subscription s join pg_database d on d.oid = s.subdbid \
             where s.subname = $1 and d.datname = current_database()",
            &[&name],
        )
        .await
        .map_err(looked("looking at old blue's subscription"))?;
    Ok(found.map(|row| SubscriptionSeen {
        enabled: row.get(0),
        working: row.get(1),
    }))
}

/// New's slot, if there is one.
///
/// # Errors
///
/// If the session is gone.
pub async fn slot(session: &Session, name: &str) -> Result<Option<SlotSeen>, Error> {
    let found = session
        .query_opt(
            "select active, wal_status is not distinct from 'lost', \
                    coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint \
             from pg_replication_slots where slot_name = $1",
            &[&name],
        )
        .await
        .map_err(looked("looking at the slot of the way back"))?;
    Ok(found.map(|row| SlotSeen {
        active: row.get(0),
        lost: row.get(1),
        held: u64::try_from(row.get::<_, i64>(2)).unwrap_or(0),
    }))
}

/// Lets old's subscription apply nothing more. Its worker hears of it a moment later.
///
/// # Errors
///
/// If the session is gone.
pub async fn disable(session: &Session, name: &str) -> Result<(), Error> {
    if subscription(session, name).await?.is_none() {
        return Ok(());
    }
    let disable = format!("alter subscription {} disable", identifier(name));
    session
        .change("stopping old blue's subscription", &disable)
        .await
}

/// Ends old's subscription and leaves new's slot alone. That there is none is success.
///
/// # Errors
///
/// If the session is gone.
pub async fn unsubscribe(session: &Session, name: &str) -> Result<(), Error> {
    if subscription(session, name).await?.is_none() {
        return Ok(());
    }
    let name = identifier(name);
    let drop = format!(
        "alter subscription {name} disable; alter subscription {name} set (slot_name = none); drop subscription {name}"
    );
    session
        .change("ending old blue's subscription", &drop)
        .await
}

/// Removes slot and publication from new. That there are none is success.
///
/// # Errors
///
/// If somebody still reads from the slot.
pub async fn disarm(session: &Session, name: &str) -> Result<(), Error> {
    let end = "select pg_terminate_backend(active_pid, 2000) from pg_replication_slots \
               where slot_name = $1 and active_pid is not null";
    let ended = session.query(end, &[&name]).await;
    ended.map_err(acted("ending the reader of the slot"))?;
    let drop =
        "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = $1";
    let dropped = session.query(drop, &[&name]).await;
    dropped.map_err(acted("dropping the slot of the way back"))?;
    let unpublish = format!("drop publication if exists {}", identifier(name));
    session.change("dropping the publication", &unpublish).await
}

/// Sets the sequences of `old`'s database to where `new`'s are: logical replication does not carry them.
///
/// # Errors
///
/// If a sequence is not there, or may not be set by us.
pub async fn carry_sequences(new: &Session, old: &Session) -> Result<u64, Error> {
    let read = "select format('%I.%I', schemaname, sequencename), last_value from pg_sequences \
                where schemaname !~ '^pg_' and last_value is not null order by 1";
    let rows = new.query(read, &[]).await;
    let rows = rows.map_err(looked("reading green's sequences"))?;
    let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let values: Vec<i64> = rows.iter().map(|row| row.get(1)).collect();
    let set = "select setval(name::regclass, value) from unnest($1::text[], $2::bigint[]) as s(name, value)";
    let done = old.query(set, &[&names, &values]).await;
    let done = done.map_err(acted("setting blue's sequences"))?;
    Ok(done.len() as u64)
}

/// The next transaction id: it moves with every commit that changed something, whoever made it.
///
/// # Errors
///
/// If the session is gone.
pub async fn next_transaction(session: &Session) -> Result<u64, Error> {
    let query = "select txid_snapshot_xmax(txid_current_snapshot())";
    let row = session.query_one(query, &[]).await;
    let next: i64 = row
        .map_err(looked("reading the next transaction id"))?
        .get(0);
    u64::try_from(next).map_err(|_| StepError::failed("the next transaction id is negative").into())
}
