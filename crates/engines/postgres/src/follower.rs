//! The role as which old blue follows green, where the secret has one beside ours: does it have what a failback needs?

use crate::facts::Follower;
use crate::tables::APPLICATIONS;
use crate::{Network, PgSession, Postgres};
use ports::{Access, Endpoint, Engine, Error};

/// What the server says of the role, and whether it lets it into each of the databases. `None` where the secret has none.
///
/// # Errors
///
/// If the session is gone, or the server can't be reached now.
pub(crate) async fn read<N: Network + Clone>(
    session: &PgSession,
    engine: &Postgres<N>,
    endpoint: &Endpoint,
    databases: &[&str],
) -> Result<Option<Follower>, Error> {
    let Some(theirs) = engine.of_replication() else {
        return Ok(None);
    };
    let mut follower = rights(session, theirs.role()).await?;
    if !follower.can_login || follower.is_by_iam {
        return Ok(Some(follower));
    }
    for database in databases {
        match theirs.connect(endpoint, database, Access::AsServed).await {
            Ok(inside) => follower.writes.extend(writes(&inside).await?),
            Err(later) if later.is_transient() => return Err(later),
            // A wrong password shows here, and not when green serves.
            Err(refused) => follower.refused = Some(refused.to_string()),
        }
    }
    Ok(Some(follower))
}

async fn rights(session: &PgSession, name: &str) -> Result<Follower, Error> {
    let query = "select rolcanlogin, \
                    rolreplication or exists (select from pg_roles g where g.rolname = 'rds_replication' \
                                              and pg_has_role(r.oid, g.oid, 'usage')), \
                    not rolsuper and exists (select from pg_roles g where g.rolname = 'rds_iam' \
                                             and pg_has_role(r.oid, g.oid, 'member')) \
                 from pg_roles r where rolname = $1";
    let doing = "reading the role as which old blue is to follow green";
    let row = session.look_opt(doing, query, &[&name]).await?;
    let says = |column: usize| row.as_ref().is_some_and(|row| row.get(column));
    Ok(Follower {
        name: name.to_owned(),
        exists: row.is_some(),
        can_login: says(0),
        replicates: says(1),
        is_by_iam: says(2),
        refused: None,
        writes: vec![],
    })
}

/// Tables of the application that the session's role may write.
async fn writes(theirs: &PgSession) -> Result<Vec<String>, Error> {
    let query = format!(
        "select current_database() || '.' || n.nspname || '.' || c.relname \
         from pg_class c join pg_namespace n on n.oid = c.relnamespace \
         where {APPLICATIONS} and c.relkind in ('r', 'p') \
           and (has_any_column_privilege(c.oid, 'insert, update') or has_table_privilege(c.oid, 'delete, truncate')) \
         order by 1"
    );
    let doing = "asking what the role of replication may write";
    theirs.texts(doing, &query, &[]).await
}
