//! The roles of RDS: `rds_superuser`, which is no superuser, and the users that a person makes.

use super::quoted;
use super::server::Server;
use anyhow::{Context as _, Result, ensure};
use tokio_postgres::Client;

/// What stands on every RDS server. What RDS has and this has not: a `rds_replication` that by itself allows replication;
/// PostgreSQL wants the attribute REPLICATION for that, which [`create_master`] gives. Only the superuser may grant
/// `rds_iam` here; on RDS `rds_superuser` may grant it without being a member of it.
const SET_UP: &str = "
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['rds_superuser', 'rds_replication', 'rds_password', 'rds_iam', 'rdsrepladmin'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
    END LOOP;
    GRANT rds_replication, rds_password TO rds_superuser WITH ADMIN OPTION;
    -- pg_maintain is there since 17, pg_create_subscription since 16, pg_checkpoint since 15.
    FOR name IN SELECT rolname FROM pg_roles WHERE rolname IN ('pg_monitor', 'pg_signal_backend', 'pg_read_all_data',
        'pg_checkpoint', 'pg_create_subscription', 'pg_maintain') LOOP
        EXECUTE format('GRANT %I TO rds_superuser WITH ADMIN OPTION', name);
    END LOOP;
END
$$";

/// Makes what is missing of `rds_superuser` and its like, and of the database `rdsadmin`, which only RDS enters.
///
/// # Errors
/// When the session isn't a superuser's.
pub(super) async fn set_up(admin: &Client) -> Result<()> {
    let made = admin.batch_execute(SET_UP).await;
    made.context("making RDS's roles")?;
    let own = "SELECT FROM pg_database WHERE datname = 'rdsadmin'";
    if admin.query_opt(own, &[]).await?.is_none() {
        admin.batch_execute("CREATE DATABASE rdsadmin").await?;
        let revoke = "REVOKE ALL ON DATABASE rdsadmin FROM public";
        admin.batch_execute(revoke).await?;
    }
    Ok(())
}

/// What RDS puts into a new server beside its own roles: the master user, the first database.
///
/// # Errors
/// When the server doesn't answer, or a name or the password can't be one.
pub async fn furnish(
    server: &Server,
    master: &str,
    password: &str,
    database: Option<&str>,
) -> Result<()> {
    let admin = server.admin("postgres").await?;
    create_master(&admin, master, password).await?;
    if let Some(database) = database {
        let (database, owner) = (identifier(database)?, identifier(master)?);
        let create = format!("CREATE DATABASE {database} OWNER {owner}");
        admin.batch_execute(&create).await.context(create)?;
    }
    Ok(())
}

/// Makes the master user of an instance: CREATEDB, CREATEROLE, REPLICATION, member of `rds_superuser`, no superuser.
///
/// # Errors
/// When the session isn't a superuser's, or the name or password can't be one.
pub async fn create_master(admin: &Client, name: &str, password: &str) -> Result<()> {
    let (role, secret) = (identifier(name)?, literal(password)?);
    let statements = format!(
        "CREATE ROLE {role} LOGIN CREATEDB CREATEROLE REPLICATION PASSWORD {secret};
         GRANT rds_superuser TO {role} WITH ADMIN OPTION;"
    );
    let made = admin.batch_execute(&statements).await;
    made.with_context(|| format!("making the master user {name}"))
}

/// Gives a role another password.
///
/// # Errors
/// When there is no such role, or the password can't be one.
pub async fn set_password(admin: &Client, name: &str, password: &str) -> Result<()> {
    let (role, secret) = (identifier(name)?, literal(password)?);
    let statement = format!("ALTER ROLE {role} PASSWORD {secret}");
    let set = admin.batch_execute(&statement).await;
    set.with_context(|| format!("setting the password of {name}"))
}

fn identifier(name: &str) -> Result<String> {
    let sound = !name.is_empty() && !name.contains('\0');
    ensure!(sound, "{name:?} can't be a role's name");
    Ok(quoted(name))
}

fn literal(text: &str) -> Result<String> {
    ensure!(!text.contains('\0'), "a text with a zero byte");
    let text = text.replace('\\', "\\\\").replace('\'', "''");
    Ok(format!("E'{text}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_can_not_end_a_name_or_a_password() {
        assert_eq!(identifier("a\"b").unwrap(), "\"a\"\"b\"");
        assert_eq!(literal("a'b\\").unwrap(), "E'a''b\\\\'");
    }
}
