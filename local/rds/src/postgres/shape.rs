//! What a database's catalogs look like: another shape than at the slot's making means that a session ran DDL, which logical
//! replication doesn't carry over.

use tokio_postgres::Client;

/// Tables, their columns, constraints, indexes, sequences, views and large objects, as one digest. What statistics,
/// `TRUNCATE`, `VACUUM` and temporary objects change is no part of it.
const SHAPE: &str = "
WITH schemas AS (
    SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), relations AS (
    SELECT c.oid, c.relname, c.relkind, c.relnamespace, c.reloptions, c.relreplident, c.relpersistence
    FROM pg_class c WHERE c.relnamespace IN (SELECT oid FROM schemas)
), facts(fact) AS (
    SELECT concat_ws('|', 'r', oid, relname, relkind, relnamespace, reloptions, relreplident, relpersistence) FROM relations
    UNION ALL
    SELECT concat_ws('|', 'a', a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attisdropped)
    FROM pg_attribute a WHERE a.attrelid IN (SELECT oid FROM relations) AND a.attnum > 0
    UNION ALL
    SELECT concat_ws('|', 'd', d.adrelid, d.adnum, d.xmin) FROM pg_attrdef d WHERE d.adrelid IN (SELECT oid FROM relations)
    UNION ALL
    SELECT concat_ws('|', 'c', c.oid, c.conname, c.contype, c.convalidated)
    FROM pg_constraint c WHERE c.connamespace IN (SELECT oid FROM schemas)
    UNION ALL
    SELECT concat_ws('|', 'f', p.oid, p.xmin) FROM pg_proc p WHERE p.pronamespace IN (SELECT oid FROM schemas)
    UNION ALL
    SELECT concat_ws('|', 'n', oid) FROM schemas
    UNION ALL
    SELECT concat_ws('|', 'l', oid) FROM pg_largeobject_metadata
)
SELECT md5(coalesce(string_agg(fact, E'\\n' ORDER BY fact), '')) FROM facts";

/// The shape of the session's database.
pub async fn of(session: &Client) -> Result<String, tokio_postgres::Error> {
    Ok(session.query_one(SHAPE, &[]).await?.get(0))
}
