//! Old's end of the link: a subscription in each database.

use super::{adopt, difference};
use crate::{PgSession, identifier, literal, slots};
use domain::error::StepError;
use domain::reverse::{Link, SubscriptionSeen};
use ports::Error;
use std::collections::BTreeSet;

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
async fn subscribe(session: &PgSession, link: &Link, conninfo: &str) -> Result<(), Error> {
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

/// What fails where old's subscription can't be seen.
const LOOKING: &str = "looking at old blue's subscription";

/// The comment on a subscription that was never enabled. It goes in the transaction that enables it, so that whatever
/// disables it later, we or an error or a person, leaves one without it.
const FRESH: &str = "viridian: not enabled yet";

async fn is_fresh(session: &PgSession, name: &str) -> Result<bool, Error> {
    let query = "select coalesce(bool_or(obj_description(s.oid, 'pg_subscription') = $2), false) \
                 from pg_subscription s join pg_database d on d.oid = s.subdbid \
                 where s.subname = $1 and d.datname = current_database()";
    let row = session.look_one(LOOKING, query, &[&name, &FRESH]).await?;
    Ok(row.get(0))
}

async fn create_subscription(
    session: &PgSession,
    link: &Link,
    conninfo: &str,
) -> Result<(), Error> {
    let name = identifier(&link.name);
    let subscribe = format!(
        "create subscription {name} connection {conninfo} publication {name} \
         with (enabled = false, copy_data = false, create_slot = false, slot_name = {slot}{options}); \
         comment on subscription {name} is {fresh}",
        fresh = literal(FRESH),
        conninfo = literal(conninfo),
        slot = literal(&link.name),
        options = subscription_options(session.major()),
    );
    session
        .change("letting old blue follow green", &subscribe)
        .await
}

/// Options that came with later versions. `origin`: a publisher's own changes only; what old does not send can't come
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
async fn followed(session: &PgSession, name: &str) -> Result<BTreeSet<String>, Error> {
    let query = "select format('%I.%I', n.nspname, c.relname) from pg_subscription_rel r \
                 join pg_subscription s on s.oid = r.srsubid join pg_database d on d.oid = s.subdbid \
                 join pg_class c on c.oid = r.srrelid join pg_namespace n on n.oid = c.relnamespace \
                 where s.subname = $1 and d.datname = current_database()";
    let doing = "reading the tables of old blue's subscription";
    session.texts(doing, query, &[&name]).await
}

/// Lets old's database follow new's as soon as nothing leads the other way: two links would send each row round and round.
pub(crate) async fn follow(
    new: &PgSession,
    old: &PgSession,
    link: &Link,
    conninfo: &str,
) -> Result<(), Error> {
    match slots::subscriptions(new).await? {
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
pub(crate) async fn subscription(
    session: &PgSession,
    name: &str,
) -> Result<Option<SubscriptionSeen>, Error> {
    let query = "select s.subenabled, \
                    exists (select from pg_stat_subscription t where t.subid = s.oid and t.pid is not null), \
                    (select count(*) from pg_subscription_rel r where r.srsubid = s.oid) \
                 from pg_subscription s join pg_database d on d.oid = s.subdbid \
                 where s.subname = $1 and d.datname = current_database()";
    let found = session.look_opt(LOOKING, query, &[&name]).await?;
    Ok(found.map(|row| SubscriptionSeen {
        enabled: row.get(0),
        working: row.get(1),
        tables: usize::try_from(row.get::<_, i64>(2)).ok(),
    }))
}

/// Lets old's subscription apply nothing more. Its worker hears of it a moment later.
pub(crate) async fn disable(session: &PgSession, name: &str) -> Result<(), Error> {
    if subscription(session, name).await?.is_none() {
        return Ok(());
    }
    let disable = format!("alter subscription {} disable", identifier(name));
    session
        .change("stopping old blue's subscription", &disable)
        .await
}

/// Ends old's subscription and leaves new's slot alone. That there is none is success.
pub(crate) async fn unsubscribe(session: &PgSession, name: &str) -> Result<(), Error> {
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
