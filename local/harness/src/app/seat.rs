//! A writer's connection: its statements prepared, and no earlier connection of the same writer left on that server.

use super::ledger::Action;
use super::shop::Shop;
use anyhow::Result;
use local_rds::postgres::dial::{Dialer, Session};
use std::collections::HashMap;
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
    /// It is not known whether the database committed.
    Unknown(String),
}

/// A connection that is ready for a writer's orders.
pub(super) struct Seat {
    session: Session,
    shop: &'static Shop,
    writer: i32,
    /// Prepared when they are first needed.
    statements: HashMap<Action, Statement>,
}

/// What a writer says first on each connection: it waits until none of its earlier ones is left on that server, else a
/// commit that is looked up now could still happen a moment later.
pub(super) fn alone(writer: i32) -> String {
    format!("SELECT pg_advisory_lock({writer})")
}

impl Seat {
    /// Connects. The dialer is one of [`alone`], so that no earlier connection of this writer is left on that server.
    pub(super) async fn take(
        dialer: &mut Dialer,
        shop: &'static Shop,
        writer: i32,
    ) -> Result<Self> {
        Ok(Self {
            session: dialer.dial().await?,
            shop,
            writer,
            statements: HashMap::new(),
        })
    }

    /// Which server this is.
    pub(super) fn system(&self) -> &str {
        &self.session.system
    }

    /// Commits the order, or says why not.
    pub(super) async fn commit(&mut self, order: &Order) -> Answer {
        judge(timeout(COMMIT_TIMEOUT, self.work(order)).await)
    }

    async fn work(&mut self, order: &Order) -> Result<Option<Row>, Error> {
        let statement = self.statement(order.action).await?;
        let (writer, Row { key, version }) = (&self.writer, &order.row);
        let row: &[&(dyn ToSql + Sync)] = match order.action {
            Action::Place => &[writer, &order.number],
            Action::Change | Action::Remove => &[writer, &order.number, key, version],
        };
        let client = &mut self.session.client;
        if order.number % INTERACTIVE != 0 {
            return one(client, &statement, row).await;
        }
        let transaction = client.transaction().await?;
        let found = one(&transaction, &statement, row).await?;
        transaction.commit().await?;
        Ok(found)
    }

    async fn statement(&mut self, action: Action) -> Result<Statement, Error> {
        if let Some(known) = self.statements.get(&action) {
            return Ok(known.clone());
        }
        let text = match action {
            Action::Place => self.shop.place,
            Action::Change => self.shop.change,
            Action::Remove => self.shop.remove,
        };
        let prepared = self.session.client.prepare(text).await?;
        self.statements.insert(action, prepared.clone());
        Ok(prepared)
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
