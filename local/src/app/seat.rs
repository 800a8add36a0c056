//! A writer's connection: its statements prepared, and no earlier connection of the same writer left on that server.

use super::dial::{Dialer, Session};
use super::ledger::Action;
use super::shop::Shop;
use anyhow::{Context, Result};
use std::time::Duration;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tokio_postgres::error::Severity;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, GenericClient, Statement};

/// A commit that takes longer is one whose outcome is unknown.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);
/// Every so many commits are a transaction of several round trips, open for a moment as an application's are.
const INTERACTIVE: i64 = 8;

/// A row as the database has it, or as it was last acknowledged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) key: i64,
    pub(super) version: i32,
}

/// One commit, decided before the database is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) number: i64,
    pub(super) action: Action,
    /// The row before the commit; key and version are 0 for a new one.
    pub(super) row: Row,
}

/// What the database said.
#[derive(Debug)]
pub(super) enum Answer {
    /// Committed; the row as it is now.
    Done(Row),
    /// The row, or the commit that was looked up, is not there. Nothing was changed.
    Gone,
    /// The database is sure that it did not commit.
    NotDone(String),
    /// Nobody knows.
    Unknown(String),
}

/// A connection that is ready for a writer's orders.
pub(super) struct Seat {
    session: Session,
    shop: &'static Shop,
    writer: i32,
    place: Statement,
    change: Statement,
    remove: Statement,
}

impl Seat {
    /// Connects, and waits until no earlier connection of this writer is left on that server: else a commit that is
    /// looked up now could still happen a moment later.
    pub(super) async fn take(
        dialer: &mut Dialer,
        shop: &'static Shop,
        writer: i32,
    ) -> Result<Self> {
        let session = dialer.dial().await?;
        let lock: [&(dyn ToSql + Sync); 1] = [&writer];
        let client = &session.client;
        let ready = async {
            tokio::try_join!(
                client.execute("SELECT pg_advisory_lock($1::int)", &lock),
                client.prepare(shop.place),
                client.prepare(shop.change),
                client.prepare(shop.remove),
            )
        };
        let (_, place, change, remove) = timeout(COMMIT_TIMEOUT, ready)
            .await
            .context("an earlier connection of this writer does not end")??;
        Ok(Self {
            session,
            shop,
            writer,
            place,
            change,
            remove,
        })
    }

    /// Which server this is.
    pub(super) fn system(&self) -> &str {
        &self.session.system
    }

    /// Commits the order, or says why not.
    pub(super) async fn commit(&mut self, order: &Order) -> Answer {
        let interactive = order.number % INTERACTIVE == 0;
        let (place, change, remove) = (&self.place, &self.change, &self.remove);
        let (writer, Row { key, version }) = (&self.writer, &order.row);
        let (statement, row): (_, &[&(dyn ToSql + Sync)]) = match order.action {
            Action::Place => (place, &[writer, &order.number]),
            Action::Change => (change, &[writer, &order.number, key, version]),
            Action::Remove => (remove, &[writer, &order.number, key, version]),
        };
        let client = &mut self.session.client;
        let work = async {
            if !interactive {
                return one(client, statement, row).await;
            }
            let transaction = client.transaction().await?;
            let found = one(&transaction, statement, row).await?;
            transaction.commit().await?;
            Ok(found)
        };
        judge(timeout(COMMIT_TIMEOUT, work).await)
    }

    /// Was this commit, whose outcome is unknown, done after all?
    pub(super) async fn look_up(&self, number: i64) -> Answer {
        let first = async {
            let client = &self.session.client;
            let found = client
                .query(self.shop.lookup, &[&self.writer, &number])
                .await?;
            Ok(found.first().map(Row::from))
        };
        match judge(timeout(COMMIT_TIMEOUT, first).await) {
            // To look changes nothing, so what is unknown is still what was asked about.
            Answer::NotDone(why) => Answer::Unknown(why),
            answer => answer,
        }
    }
}

impl From<&tokio_postgres::Row> for Row {
    fn from(row: &tokio_postgres::Row) -> Self {
        Self {
            key: row.get(0),
            version: row.get(1),
        }
    }
}

async fn one(
    client: &impl GenericClient,
    statement: &Statement,
    values: &[&(dyn ToSql + Sync)],
) -> Result<Option<Row>, Error> {
    let found = client.query_opt(statement, values).await?;
    Ok(found.as_ref().map(Row::from))
}

/// Only a plain ERROR is the server's word that the transaction was rolled back. A FATAL may come after the commit, when
/// the session is ended before its answer went out.
fn judge(outcome: Result<Result<Option<Row>, Error>, Elapsed>) -> Answer {
    match outcome {
        Ok(Ok(Some(row))) => Answer::Done(row),
        Ok(Ok(None)) => Answer::Gone,
        Ok(Err(error)) => {
            let severity = error
                .as_db_error()
                .and_then(tokio_postgres::error::DbError::parsed_severity);
            let why = describe(&error);
            if severity == Some(Severity::Error) {
                Answer::NotDone(why)
            } else {
                Answer::Unknown(why)
            }
        }
        Err(_) => Answer::Unknown("no answer in time".to_owned()),
    }
}

fn describe(error: &Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => error.to_string(),
    }
}
