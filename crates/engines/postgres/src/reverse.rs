//! The link from new to old: a publication and a slot on new, a subscription on old, one of each per database.
//!
//! All of it is our own role's. The owners' part is taken first ([`adopt`]): who owns a table decides what is published of
//! it, and since 16 a subscription applies changes in the name of the table's owner
//! (<https://www.postgresql.org/docs/current/logical-replication-security.html>).

pub(crate) mod publisher;
pub(crate) mod room;
pub(crate) mod subscriber;

use crate::PgSession;
use domain::reverse::Shape;
use ports::Error;
use std::collections::BTreeSet;

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
pub(crate) async fn shape(session: &PgSession) -> Result<Shape, Error> {
    let rows = session
        .look("reading the tables' shape", SHAPE, &[])
        .await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Owners whose rights we lack; an extension's tables are not replicated, and RDS's own roles can't be granted.
const OWNERS: &str = "
select distinct quote_ident(pg_get_userbyid(c.relowner)) from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'S') and c.relpersistence = 'p'
  and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_'
  and not exists (select from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  and not ";

/// Whether we have the rights of the role in `c.relowner`. Since 16 a membership may inherit without allowing `SET ROLE`,
/// which a subscription's worker needs.
pub(crate) const fn has_part(version: i32) -> &'static str {
    match version {
        16.. => {
            "(pg_has_role(current_user, c.relowner, 'usage') and pg_has_role(current_user, c.relowner, 'set'))"
        }
        _ => "pg_has_role(current_user, c.relowner, 'usage')",
    }
}

/// Makes us a member of every role that owns tables or sequences of the session's database. Roles are the server's, and
/// this is no change of a schema.
pub(crate) async fn adopt(session: &PgSession) -> Result<(), Error> {
    let version = session.major();
    let query = format!("{OWNERS}{}", has_part(version));
    let doing = "reading the tables' owners";
    let owners: Vec<String> = session.texts(doing, &query, &[]).await?;
    let options = match version {
        16.. => " with inherit true, set true",
        _ => "",
    };
    let grant = |owner: &String| format!("grant {owner} to current_user{options};");
    let grants: Vec<String> = owners.iter().map(grant).collect();
    session
        .change("taking the owners' part", &grants.concat())
        .await
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
