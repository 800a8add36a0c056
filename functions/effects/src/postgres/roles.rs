//! Roles, as far as a fence needs them. Roles belong to the server, not to one of its databases.

use super::Session;
use crate::error::{Error, looked};
use std::collections::BTreeSet;

/// A role of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Whether it can log in.
    pub can_login: bool,
    /// Its comment.
    pub comment: Option<String>,
}

/// Those of the named roles that exist.
///
/// # Errors
///
/// If the session is gone.
pub async fn read(session: &Session, names: &[String]) -> Result<Vec<Role>, Error> {
    let rows = session
        .query(
            "select rolname::text, rolcanlogin, shobj_description(oid, 'pg_authid') \
             from pg_roles where rolname::text = any($1) order by 1",
            &[&names],
        )
        .await
        .map_err(looked("reading the application's roles"))?;
    let role = |row: &tokio_postgres::Row| Role {
        name: row.get(0),
        can_login: row.get(1),
        comment: row.get(2),
    };
    Ok(rows.iter().map(role).collect())
}

/// Those of the named roles that can log in.
///
/// # Errors
///
/// If the session is gone.
pub async fn open(session: &Session, names: &[String]) -> Result<Vec<String>, Error> {
    let roles = read(session, names).await?;
    let open = roles.into_iter().filter(|role| role.can_login);
    Ok(open.map(|role| role.name).collect())
}

/// All roles that can log in, PostgreSQL's own and RDS's apart: a new version brings more of those.
///
/// # Errors
///
/// If the session is gone.
pub async fn logins(session: &Session) -> Result<BTreeSet<String>, Error> {
    let query = "select rolname::text from pg_roles \
                 where rolcanlogin and rolname !~ '^pg_' and rolname !~ '^rds'";
    let rows = session.query(query, &[]).await;
    let rows = rows.map_err(looked("reading the roles that can log in"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The names of all roles.
///
/// # Errors
///
/// If the session is gone.
pub async fn names(session: &Session) -> Result<BTreeSet<String>, Error> {
    let rows = session
        .query("select rolname::text from pg_roles", &[])
        .await;
    let rows = rows.map_err(looked("reading the names of the roles"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
