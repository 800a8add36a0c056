//! The planner's statistics, which `pg_upgrade` leaves behind before 18.

use crate::error::{acted, looked};
use crate::{PgSession, identifier};
use ports::{Error, TableName};

/// Tables with rows for whose columns there are no statistics at all.
pub(crate) async fn missing(session: &PgSession) -> Result<Vec<TableName>, Error> {
    let query = "select n.nspname::text, c.relname::text from pg_class c \
                 join pg_namespace n on n.oid = c.relnamespace \
                 where c.relkind in ('r', 'm') and c.relpersistence = 'p' \
                   and n.nspname not like 'pg\\_%' and n.nspname not in ('information_schema', 'viridian') \
                   and pg_relation_size(c.oid) > 0 \
                   and not exists (select from pg_stats s where s.schemaname = n.nspname and s.tablename = c.relname) \
                 order by 1, 2";
    let rows = session.query(query, &[]).await;
    let rows = rows.map_err(looked("looking for missing statistics"))?;
    let table = |row: &tokio_postgres::Row| TableName {
        schema: row.get(0),
        name: row.get(1),
    };
    Ok(rows.iter().map(table).collect())
}

/// Gathers a table's statistics. A table that we may not analyze is left as it is, with no error: ask [`missing`] again.
pub(crate) async fn analyze(session: &PgSession, table: &TableName) -> Result<(), Error> {
    let statement = format!(
        "analyze {}.{}",
        identifier(&table.schema),
        identifier(&table.name)
    );
    let done = session.batch_execute(&statement).await;
    done.map_err(acted("gathering a table's statistics"))
}
