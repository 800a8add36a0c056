//! What a database holds of what the writers did.

use super::books::{Commit, Key};
use crate::app::shop::Shop;
use anyhow::{Context, Result};
use local_aws::words::variant;
use std::collections::HashMap;
use tokio_postgres::Client;

/// One database's events and rows.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// Every event, as often as it is there.
    pub(super) events: HashMap<Key, Vec<Commit>>,
    /// Every row's version.
    pub(super) rows: HashMap<i64, i32>,
}

impl Contents {
    /// Reads both tables as they are.
    ///
    /// # Errors
    /// When the server doesn't answer or an event has no known action.
    pub async fn read(client: &Client, shop: &Shop) -> Result<Self> {
        let reading = || format!("reading {}", shop.database);
        let mut contents = Self::default();
        for row in client.query(shop.events, &[]).await.with_context(reading)? {
            let commit = Commit {
                action: variant(row.get(2))?,
                row: row.get(3),
                version: row.get(4),
            };
            let key = (row.get(0), row.get(1));
            contents.events.entry(key).or_default().push(commit);
        }
        let rows = client.query(shop.rows, &[]).await.with_context(reading)?;
        contents.rows = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        Ok(contents)
    }
}
