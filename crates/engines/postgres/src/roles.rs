//! Roles, as far as a fence needs them. Roles belong to the server, not to one of its databases.

use crate::error::looked;
use crate::{PgSession, fence};
use domain::fence::Role;
use ports::Error;
use std::collections::BTreeSet;

/// Those of the named roles that exist.
pub(crate) async fn read(session: &PgSession, names: &[String]) -> Result<Vec<Role>, Error> {
    let rows = session
        .query(
            "select rolname::text, rolcanlogin, shobj_description(oid, 'pg_authid') \
             from pg_roles where rolname::text = any($1) order by 1",
            &[&names],
        )
        .await
        .map_err(looked("reading the application's roles"))?;
    let role = |row: &tokio_postgres::Row| {
        let (fenced_by, comment) = fence::read_notice(row.get(2));
        Role {
            name: row.get(0),
            can_login: row.get(1),
            fenced_by,
            comment,
        }
    };
    Ok(rows.iter().map(role).collect())
}

/// All roles that can log in, PostgreSQL's own and RDS's apart: a new version brings more of those.
pub(crate) async fn logins(session: &PgSession) -> Result<BTreeSet<String>, Error> {
    let query = "select rolname::text from pg_roles \
                 where rolcanlogin and rolname !~ '^pg_' and rolname !~ '^rds'";
    session
        .texts(query, "reading the roles that can log in")
        .await
}

/// The names of all roles.
pub(crate) async fn names(session: &PgSession) -> Result<BTreeSet<String>, Error> {
    let query = "select rolname::text from pg_roles";
    session.texts(query, "reading the names of the roles").await
}
