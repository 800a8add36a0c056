//! The application's tables, as far as their rows are compared.

use crate::{PgSession, identifier};
use domain::rows::{Column, Table};
use ports::Error;
use tokio_postgres::Row;

/// Relations that are neither PostgreSQL's, nor temporary, nor ours.
pub(crate) const APPLICATIONS: &str =
    "n.nspname not like 'pg\\_%' and n.nspname not in ('information_schema', 'viridian')";

/// Ordinary tables and partitions whose changes are replicated, without the system's, an extension's and ours. The row
/// estimate is at least what the file's size suggests, because a table that was never analyzed has none.
const TABLES: &str = "
select n.nspname::text, c.relname::text,
       greatest(c.reltuples::bigint, pg_relation_size(c.oid) / 256),
       array(select a.attname::text
             from (select indrelid, indkey::int2[] as keys, indnkeyatts from pg_index
                   where indrelid = c.oid and (indisprimary or indisreplident) and indisvalid
                   order by indisprimary desc limit 1) i,
                  unnest(i.keys) with ordinality k(number, place)
                  join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number
             where k.place <= i.indnkeyatts order by k.place),
       array(select a.attname::text from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum),
       array(select format_type(a.atttypid, a.atttypmod) from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum),
       array(select a.atttypid = any('{bool,int2,int4,int8,oid,float4,float8,numeric,text,varchar,name,date,time,timetz,
                                       timestamp,timestamptz,uuid,bytea,inet,macaddr,jsonb}'::regtype[])
                    and coalesce((select l.collisdeterministic from pg_collation l where l.oid = a.attcollation), true)
             from pg_attribute a
             where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence = 'p'
  and n.nspname not in ('pg_catalog', 'information_schema', 'viridian') and n.nspname !~ '^pg_'
  and not exists (select from pg_depend d
                  where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1, 2";

/// The tables of the session's database.
pub(crate) async fn read(session: &PgSession) -> Result<Vec<Table>, Error> {
    let rows = session.look("reading the tables", TABLES, &[]).await?;
    Ok(rows.iter().map(table).collect())
}

fn table(row: &Row) -> Table {
    let names: Vec<String> = row.get(4);
    let kinds: Vec<String> = row.get(5);
    let hashable: Vec<bool> = row.get(6);
    let columns = names.into_iter().zip(kinds).zip(hashable);
    Table {
        schema: row.get(0),
        name: row.get(1),
        estimate: u64::try_from(row.get::<_, i64>(2)).unwrap_or(0),
        key: row.get(3),
        columns: columns
            .map(|((name, kind), hashable)| Column {
                name,
                kind,
                hashable,
            })
            .collect(),
    }
}

/// The table as it stands in a `from`, without those that inherit from it.
pub(crate) fn from(table: &Table) -> String {
    let (schema, name) = (identifier(&table.schema), identifier(&table.name));
    format!("only {schema}.{name} t")
}
