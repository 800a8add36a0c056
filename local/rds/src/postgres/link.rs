//! Logical replication from blue to green, one slot, publication and subscription per database of the server, all of them
//! the superuser's.

use super::server::Server;
use super::{quoted, shape};
use anyhow::Context as _;
use futures_util::future::try_join_all;
use tokio_postgres::Client;

/// How one database of the server is followed.
#[derive(Debug, Clone)]
pub struct Link {
    /// The database.
    pub database: String,
    /// The slot on blue and the subscription on green have one name.
    pub name: String,
    /// What blue's catalogs looked like when the slot was made.
    pub shape: String,
}

/// A superuser's session that writes whatever the server's default is.
///
/// # Errors
/// When a side doesn't answer.
pub async fn session(server: &Server, database: &str) -> anyhow::Result<Client> {
    let session = server.admin(database).await?;
    let write = "SET default_transaction_read_only = off";
    session.batch_execute(write).await?;
    Ok(session)
}

/// Publishes every database of blue and makes its slots. Returns the links, and the log position from which they go on:
/// green is to hold everything before it.
///
/// # Errors
/// When a side doesn't answer.
pub async fn prepare(blue: &Server, publication: &str) -> anyhow::Result<(Vec<Link>, String)> {
    let mut links = Vec::new();
    for (index, database) in blue.databases().await?.into_iter().enumerate() {
        let session = session(blue, &database).await?;
        let publish = format!("CREATE PUBLICATION {publication} FOR ALL TABLES");
        session.batch_execute(&publish).await?;
        let shape = shape::of(&session).await?;
        let name = format!("{publication}_{index}");
        let slot = "SELECT pg_create_logical_replication_slot($1, 'pgoutput')";
        let made = session.execute(slot, &[&name]).await;
        made.with_context(|| format!("making a slot in {database}"))?;
        links.push(Link {
            database,
            name,
            shape,
        });
    }
    let position = align(blue, &links).await?;
    Ok((links, position))
}

/// Moves all slots to the position of the last.
async fn align(blue: &Server, links: &[Link]) -> anyhow::Result<String> {
    let names: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
    let admin = session(blue, "postgres").await?;
    let last =
        "SELECT max(confirmed_flush_lsn)::text FROM pg_replication_slots WHERE slot_name = ANY($1)";
    let last: Option<String> = admin.query_one(last, &[&names]).await?.get(0);
    let last = last.context("there is no database to follow")?;
    for link in links {
        let advance = "SELECT pg_replication_slot_advance($1, $2::text::pg_lsn) FROM pg_replication_slots \
                       WHERE slot_name = $1 AND confirmed_flush_lsn < $2::text::pg_lsn";
        let session = session(blue, &link.database).await?;
        session.execute(advance, &[&link.name, &last]).await?;
    }
    Ok(last)
}

/// Green follows blue from where its copy ends.
///
/// # Errors
/// When a side doesn't answer.
pub async fn subscribe(
    blue: &Server,
    green: &Server,
    publication: &str,
    links: &[Link],
) -> anyhow::Result<()> {
    for link in links {
        let session = session(green, &link.database).await?;
        let conninfo = blue.internal_conninfo(&link.database).replace('\'', "''");
        let name = &link.name;
        let copied = format!("DROP PUBLICATION IF EXISTS {publication}");
        session.batch_execute(&copied).await?;
        let subscribe = format!(
            "CREATE SUBSCRIPTION {name} CONNECTION '{conninfo}' PUBLICATION {publication} WITH (copy_data = false, \
             create_slot = false, slot_name = '{name}', streaming = off)"
        );
        session.batch_execute(&subscribe).await?;
    }
    Ok(())
}

/// Green stops following. Nothing is left of the subscriptions.
pub(crate) async fn unsubscribe(green: &Server, links: &[Link]) -> anyhow::Result<()> {
    let drops = links.iter().map(|link| async move {
        drop_subscription(&session(green, &link.database).await?, &link.name).await
    });
    try_join_all(drops).await?;
    Ok(())
}

/// Drops one subscription, and leaves its slot alone.
///
/// # Errors
/// When a side doesn't answer.
pub async fn drop_subscription(session: &Client, name: &str) -> anyhow::Result<()> {
    let found = "SELECT FROM pg_subscription WHERE subname = $1";
    if session.query_opt(found, &[&name]).await?.is_none() {
        return Ok(());
    }
    let drop = format!(
        "ALTER SUBSCRIPTION {name} DISABLE; ALTER SUBSCRIPTION {name} SET (slot_name = NONE); DROP SUBSCRIPTION {name}"
    );
    Ok(session.batch_execute(&drop).await?)
}

/// Blue forgets that it was followed: slots and publications go.
pub(crate) async fn unpublish(blue: &Server, publication: &str) -> anyhow::Result<()> {
    let slots = format!("{publication}\\_%");
    for database in blue.databases().await? {
        let session = session(blue, &database).await?;
        let senders = "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots \
                       WHERE slot_name LIKE $1 AND database = current_database() AND active_pid IS NOT NULL";
        session.execute(senders, &[&slots]).await?;
        let drop = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots \
                    WHERE slot_name LIKE $1 AND database = current_database()";
        session.execute(drop, &[&slots]).await?;
        let drop = format!("DROP PUBLICATION IF EXISTS {}", quoted(publication));
        session.batch_execute(&drop).await?;
    }
    Ok(())
}
