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
use std::collections::BTreeSet;
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

/// Owners whose rights we lack; an extension's tables are not replicated, and RDS's own roles are nobody's to grant.
const OWNERS: &str = "
select distinct quote_ident(pg_get_userbyid(c.relowner)) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'S') and c.relpersistence = 'p'
  and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_'
  and not exists (select from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  and not ";

/// Whether we have the rights of the role in `c.relowner`. Since 16 a membership may inherit without allowing `SET ROLE`,
/// which a subscription's worker needs.
pub(super) const fn has_part(version: i32) -> &'static str {
    match version {
        16.. => {
            "(pg_has_role(current_user, c.relowner, 'usage') and pg_has_role(current_user, c.relowner, 'set'))"
        }
        _ => "pg_has_role(current_user, c.relowner, 'usage')",
    }
}

/// Makes us a member of every role that owns tables or sequences of the session's database. Roles are the server's, and
/// this is no change of a schema.
///
/// # Errors
///
/// If we may not, for want of the ADMIN OPTION.
pub async fn adopt(session: &Session) -> Result<(), Error> {
    let version = version(session).await?;
    let query = format!("{OWNERS}{}", has_part(version));
    let rows = session.query(&query, &[]).await;
    let rows = rows.map_err(looked("reading the tables' owners"))?;
    let options = match version {
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
pub(super) async fn version(session: &Session) -> Result<i32, Error> {
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
            let row = made.map_err(acted("making the slot of the way back"))?;
            position(row.get(0))
        }
        () = push => Err(StepError::transient("the log was pushed in vain").into()),
    }
}

/// Publishes the tables anew: without a slot of ours, a publication of that name is an earlier upgrade's.
async fn publish(session: &Session, name: &str, tables: &Shape) -> Result<(), Error> {
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
async fn compare_published(session: &Session, name: &str, tables: &Shape) -> Result<(), Error> {
    let query = "select format('%I.%I', schemaname, tablename) from pg_publication_tables where pubname = $1";
    let rows = session.query(query, &[&name]).await;
    let rows = rows.map_err(looked("reading the published tables"))?;
    let published: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    match difference(tables, &published) {
        None => Ok(()),
        Some(differs) => {
            let why = format!("the publication {name} on green does not fit its slot: {differs}");
            Err(StepError::failed(why).into())
        }
    }
}

/// What the tables that are found lack of the wanted ones, or have beside them.
fn difference(wanted: &Shape, found: &BTreeSet<String>) -> Option<String> {
    let missing = wanted.keys().filter(|table| !found.contains(*table));
    let beside = found.iter().filter(|table| !wanted.contains_key(*table));
    let missing = missing.map(|table| format!("{table} is missing"));
    let all: Vec<String> = missing
        .chain(beside.map(|table| format!("{table} is one too many")))
        .collect();
    (!all.is_empty()).then(|| all.join(", "))
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

/// Lets old's database follow new's, from the slot's beginning on; nothing is copied. `conninfo` holds our password:
/// PostgreSQL shows it to superusers only.
///
/// The subscription applies nothing before it is known to follow every table: where `conninfo`'s name still leads to another
/// server, the publication is not found, and PostgreSQL would skip all changes without an error.
///
/// # Errors
///
/// `Upgrade.Transient` if it does not follow exactly the link's tables; then it is dropped again, and new's slot stays.
/// `Upgrade.Refused` if it was stopped since it was made: what stopped it counts, and what old has taken since may not be
/// mixed with what new has. If a right is missing, or new can't be reached from old.
pub async fn subscribe(session: &Session, link: &Link, conninfo: &str) -> Result<(), Error> {
    let seen = subscription(session, &link.name).await?;
    if seen.is_none() {
        create_subscription(session, link, conninfo).await?;
    } else if seen.is_some_and(|seen| !seen.enabled) && !is_fresh(session, &link.name).await? {
        let why = format!("old's subscription {} was stopped", link.name);
        return Err(StepError::refused(why).into());
    }
    if let Some(differs) = difference(&link.tables, &followed(session, &link.name).await?) {
        unsubscribe(session, &link.name).await?;
        let why = format!(
            "old's subscription {} found other tables than green's and was dropped again: {differs}",
            link.name
        );
        return Err(StepError::transient(why).into());
    }
    if seen.is_some_and(|seen| seen.enabled) {
        return Ok(());
    }
    let name = identifier(&link.name);
    let enable =
        format!("alter subscription {name} enable; comment on subscription {name} is null");
    session
        .change("letting old blue apply green's changes", &enable)
        .await
}

/// The comment on a subscription that was never enabled. It goes in the transaction that enables it, so that whatever
/// disables it later, we or an error or a person, leaves one without it.
const FRESH: &str = "viridian: not enabled yet";

async fn is_fresh(session: &Session, name: &str) -> Result<bool, Error> {
    let query = "select coalesce(bool_or(obj_description(s.oid, 'pg_subscription') = $2), false) \
                 from pg_subscription s join pg_database d on d.oid = s.subdbid \
                 where s.subname = $1 and d.datname = current_database()";
    let row = session.query_one(query, &[&name, &FRESH]).await;
    Ok(row
        .map_err(looked("looking at old blue's subscription"))?
        .get(0))
}

async fn create_subscription(session: &Session, link: &Link, conninfo: &str) -> Result<(), Error> {
    let name = identifier(&link.name);
    let subscribe = format!(
        "create subscription {name} connection {conninfo} publication {name} \
         with (enabled = false, copy_data = false, create_slot = false, slot_name = {slot}{options}); \
         comment on subscription {name} is {fresh}",
        fresh = literal(FRESH),
        conninfo = literal(conninfo),
        slot = literal(&link.name),
        options = subscription_options(version(session).await?),
    );
    session
        .change("letting old blue follow green", &subscribe)
        .await
}

/// Options that came with later versions. `origin`: a publisher's own changes only; what old sends to nobody can't come
/// back, and this says so where it can be said.
const fn subscription_options(version: i32) -> &'static str {
    match version {
        16.. => ", streaming = off, disable_on_error = true, origin = none",
        15 => ", streaming = off, disable_on_error = true",
        14 => ", streaming = off",
        _ => "",
    }
}

/// The tables whose changes old's subscription applies.
async fn followed(session: &Session, name: &str) -> Result<BTreeSet<String>, Error> {
    let query = "select format('%I.%I', n.nspname, c.relname) from pg_subscription_rel r \
                 join pg_subscription s on s.oid = r.srsubid join pg_database d on d.oid = s.subdbid \
                 join pg_class c on c.oid = r.srrelid join pg_namespace n on n.oid = c.relnamespace \
                 where s.subname = $1 and d.datname = current_database()";
    let rows = session.query(query, &[&name]).await;
    let rows = rows.map_err(looked("reading the tables of old blue's subscription"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
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
            "select s.subenabled, exists (select from pg_stat_subscription t where t.subid = s.oid and t.pid is not null), \
                    (select count(*) from pg_subscription_rel r where r.srsubid = s.oid) \
             from pg_subscription s join pg_database d on d.oid = s.subdbid \
             where s.subname = $1 and d.datname = current_database()",
            &[&name],
        )
        .await
        .map_err(looked("looking at old blue's subscription"))?;
    Ok(found.map(|row| SubscriptionSeen {
        enabled: row.get(0),
        working: row.get(1),
        tables: usize::try_from(row.get::<_, i64>(2)).ok(),
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
