//! The audit: the ledger against the database, row by row.

mod books;
mod compare;
mod contents;

use super::schema::{Seed, seeds};
use super::shop::SHOPS;
use anyhow::{Context, Result};
pub use books::Books;
pub use contents::Contents;
use futures_util::future::try_join_all;
use serde::Serialize;
use std::collections::BTreeMap;
use tokio_postgres::Client;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It was acknowledged and is not there.
    Lost,
    /// It is there more often than it was done.
    Doubled,
    /// It is there, but not as it was acknowledged.
    Wrong,
    /// It is there and no writer did it, or it is on old and not on new.
    Stray,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// What kind of wrong.
    pub kind: Kind,
    /// In which database of the server.
    pub database: String,
    /// What, for a person.
    pub what: String,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Commits that the application was told are done.
    pub acknowledged: u64,
    /// Commits of which it never learned; each may be there once or not at all.
    pub unsure: u64,
    /// Rows that were there before the application started.
    pub seeded: i64,
    /// Everything that is wrong.
    pub findings: Vec<Finding>,
}

/// Connections to the application's databases on one server.
pub type Databases = BTreeMap<String, Client>;

impl Report {
    /// How many findings of a kind.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.findings
            .iter()
            .filter(|finding| finding.kind == kind)
            .count() as u64
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Compares the ledger with the server that serves, and that with the old one, if there is one.
///
/// # Errors
/// When a server can't be read, which says nothing about what it holds.
pub async fn audit(
    books: &Books,
    seeded: &[Seed],
    serving: &Databases,
    old: Option<&Databases>,
) -> Result<Report> {
    let new = read(serving).await?;
    let mut findings = compare::with_ledger(books, &new);
    findings.extend(changed_seeds(seeded, serving).await?);
    if let Some(old) = old {
        findings.extend(compare::with_old(&new, &read(old).await?));
    }
    findings.sort();
    Ok(Report {
        acknowledged: books.acknowledged(),
        unsure: books.unsure(),
        seeded: seeded.iter().map(|seed| seed.rows).sum(),
        findings,
    })
}

async fn read(server: &Databases) -> Result<BTreeMap<&'static str, Contents>> {
    let each = SHOPS.iter().map(async |shop| {
        let client = client(server, shop.database)?;
        anyhow::Ok((shop.database, Contents::read(client, shop).await?))
    });
    Ok(try_join_all(each).await?.into_iter().collect())
}

async fn changed_seeds(seeded: &[Seed], server: &Databases) -> Result<Vec<Finding>> {
    let each = SHOPS
        .iter()
        .map(async |shop| seeds(client(server, shop.database)?, shop).await);
    let now: Vec<Seed> = try_join_all(each).await?.concat();
    let changed = seeded.iter().filter(|seed| !now.contains(seed));
    Ok(changed
        .map(|seed| Finding {
            kind: Kind::Wrong,
            database: seed.database.clone(),
            what: format!(
                "{}: the {} rows from before are not what they were",
                seed.table, seed.rows
            ),
        })
        .collect())
}

fn client<'a>(server: &'a Databases, database: &str) -> Result<&'a Client> {
    server
        .get(database)
        .with_context(|| format!("no connection to {database}"))
}
