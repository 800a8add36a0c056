//! The roles of RDS: `rds_superuser` without superuser, and the users that a person makes.

use anyhow::{Result, bail};
use tokio_postgres::Client;

/// Makes `rds_superuser` (NOLOGIN, CREATEROLE, CREATEDB, the `pg_` roles that RDS gives) and `rds_replication`.
///
/// # Errors
/// When the session isn't a superuser's.
pub async fn set_up(_admin: &Client) -> Result<()> {
    bail!("not built yet")
}

/// Makes the master user of an instance: member of `rds_superuser`, with the right to stream, and no superuser.
///
/// # Errors
/// When the session isn't a superuser's.
pub async fn create_master(_admin: &Client, _name: &str, _password: &str) -> Result<()> {
    bail!("not built yet")
}
