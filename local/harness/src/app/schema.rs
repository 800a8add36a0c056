//! The application's roles, databases and tables, and the rows that are there before it starts.

use super::shop::{SHOPS, Shop};
use super::{Doors, PASSWORD, roles};
use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use local_rds::postgres::dial::Session;
use serde::{Deserialize, Serialize};
use tokio_postgres::Client;

/// What was in a table before the application started, and must be there at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seed {
    /// The database of the server.
    pub database: String,
    /// The table.
    pub table: String,
    /// Which of its rows.
    pub condition: String,
    /// How many.
    pub rows: i64,
    /// The sum of their hashes.
    pub digest: String,
}

/// Each table's share of all rows, in 24ths; named as in the schema.
const SHARES: [(&str, u32); 6] = [
    (":customers", 2),
    (":orders", 6),
    (":events", 4),
    (":accounts", 1),
    (":invoices", 5),
    (":payments", 6),
];

/// Orders that are there before the application starts.
#[must_use]
pub fn seeded_orders(rows: u32) -> i64 {
    i64::from(share(rows, 6))
}

fn share(rows: u32, parts: u32) -> u32 {
    // The writers refer to the first hundred customers.
    (rows / 24 * parts).max(100)
}

/// Makes roles, databases and tables as the master user, who is let in to a database and owns the roles from then on, and fills
/// the tables.
///
/// # Errors
/// When the server refuses one of it; what was made before stays.
pub async fn install(doors: &Doors, database: &str, master: &str, rows: u32) -> Result<Vec<Seed>> {
    let first = enter(doors, database, master).await?;
    make_roles(&first.client).await?;
    make_databases(&first.client).await?;
    let seeds = try_join_all(SHOPS.iter().map(|shop| furnish(doors, master, shop, rows))).await?;
    Ok(seeds.into_iter().flatten().collect())
}

async fn enter(doors: &Doors, database: &str, user: &str) -> Result<Session> {
    let mut dialer = doors.dialer(&doors.writer, database, user)?;
    let session = dialer.dial().await;
    session.with_context(|| format!("logging in to {database} as {user}"))
}

async fn make_roles(master: &Client) -> Result<()> {
    // Clients hash their password at each login. They share this machine with the servers, and it is not what is measured.
    master.batch_execute("SET scram_iterations = 256").await?;
    for role in roles() {
        let create = format!("CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'");
        master
            .batch_execute(&create)
            .await
            .with_context(|| format!("making the role {role}"))?;
    }
    Ok(())
}

async fn make_databases(master: &Client) -> Result<()> {
    let existing = master.query("SELECT datname FROM pg_database", &[]).await?;
    for shop in &SHOPS {
        if existing
            .iter()
            .any(|row| row.get::<_, &str>(0) == shop.database)
        {
            continue;
        }
        let create = format!("CREATE DATABASE {}", shop.database);
        master.batch_execute(&create).await.context(create)?;
    }
    Ok(())
}

async fn furnish(doors: &Doors, master: &str, shop: &Shop, rows: u32) -> Result<Vec<Seed>> {
    let master = enter(doors, shop.database, master).await?;
    let grant = format!("GRANT CREATE ON SCHEMA public TO {}", shop.owner);
    master.client.batch_execute(&grant).await.context(grant)?;
    let owner = doors.writer(shop)?.dial().await?;
    let schema = SHARES
        .iter()
        .fold(shop.schema.to_owned(), |schema, (name, parts)| {
            schema.replace(name, &share(rows, *parts).to_string())
        });
    owner
        .client
        .batch_execute(&schema)
        .await
        .with_context(|| format!("filling {}", shop.database))?;
    owner.client.batch_execute("VACUUM (ANALYZE)").await?;
    seeds(&owner.client, shop).await
}

/// What is there of the rows that no writer touches.
///
/// # Errors
/// When the server doesn't answer.
pub async fn seeds(client: &Client, shop: &Shop) -> Result<Vec<Seed>> {
    let mut seeds = Vec::new();
    for (table, condition) in shop.seeded {
        let query = format!(
            "SELECT count(*), coalesce(sum(hash_record_extended(t, 0)::numeric), 0)::text FROM {table} t WHERE {condition}"
        );
        let found = client
            .query_one(&query, &[])
            .await
            .with_context(|| format!("reading {table}"))?;
        seeds.push(Seed {
            database: shop.database.to_owned(),
            table: table.to_owned(),
            condition: condition.to_owned(),
            rows: found.get(0),
            digest: found.get(1),
        });
    }
    Ok(seeds)
}
