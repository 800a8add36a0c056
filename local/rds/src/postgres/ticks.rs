//! A writer of consecutive numbers: a commit that is lost or doubled shows in the table alone.

use super::dial::{Dialer, Session};
use anyhow::{Context as _, Result, ensure};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

/// What it writes into.
pub const TABLE: &str = "CREATE TABLE ticks (id bigserial PRIMARY KEY, number bigint NOT NULL)";

/// With fewer commits than these, nothing was under way.
const FEW: i64 = 100;

/// How long it waits before it tries once more to get in.
const PAUSE: Duration = Duration::from_millis(20);

/// A client that writes 1, 2, 3, … wherever its dialer leads, and tries a number again until it is acknowledged or found.
pub struct Writer {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Written>,
}

impl Writer {
    /// Begins, as fast as it can.
    #[must_use]
    pub fn start(dialer: Dialer) -> Self {
        Self::paced(dialer, Duration::ZERO)
    }

    /// Begins, with a rest after each commit.
    #[must_use]
    pub fn paced(dialer: Dialer, rest: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(write(dialer, rest, Arc::clone(&stop)));
        Self { stop, task }
    }

    /// Stops, and tells what it saw.
    ///
    /// # Errors
    /// When it panicked.
    pub async fn stop(self) -> Result<Written> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.context("the writer")
    }
}

/// What a writer saw.
#[derive(Debug, Default)]
pub struct Written {
    /// How many commits were acknowledged.
    pub acknowledged: i64,
    /// The last number among these.
    pub last: i64,
    /// From the last commit on one server to the first on the next, if there was a next.
    pub pause: Option<Duration>,
    /// How often it was not let in.
    pub refusals: usize,
}

impl Written {
    /// Holds it against the table on the server that serves now: it moved, and [`Self::nothing_is_lost`].
    ///
    /// # Errors
    /// When any of this is not so.
    pub async fn check(&self, serving: &Client) -> Result<()> {
        let moved = self.pause.is_some_and(|pause| !pause.is_zero());
        ensure!(moved, "the writes did not move: {self:?}");
        self.nothing_is_lost(serving).await
    }

    /// Holds it against the table on the server that serves now: much was written, and of the numbers up to the last one
    /// each is there once.
    ///
    /// # Errors
    /// When any of this is not so.
    pub async fn nothing_is_lost(&self, serving: &Client) -> Result<()> {
        let found = self.found(serving).await?;
        eprintln!("{found}");
        ensure!(self.acknowledged > FEW, "hardly anything written: {found}");
        self.is_whole(serving).await
    }

    /// Holds it against the table, however much was written. Numbers below zero are another writer's.
    ///
    /// # Errors
    /// When one is lost or doubled.
    pub async fn is_whole(&self, serving: &Client) -> Result<()> {
        let (rows, distinct, max) = counted(serving).await?;
        ensure!(
            rows == distinct && rows == max && max >= self.last,
            "lost or doubled: {}",
            self.found(serving).await?
        );
        Ok(())
    }

    async fn found(&self, serving: &Client) -> Result<String> {
        let (rows, distinct, max) = counted(serving).await?;
        let counted = format!("{rows} rows, {distinct} numbers up to {max}");
        Ok(format!("{self:?}; {counted}"))
    }
}

/// Rows, different numbers, the largest of them.
async fn counted(serving: &Client) -> Result<(i64, i64, i64)> {
    let query = "SELECT count(*), count(DISTINCT number), coalesce(max(number), 0) FROM ticks WHERE number > 0";
    let row = serving.query_one(query, &[]).await?;
    Ok((row.get(0), row.get(1), row.get(2)))
}

async fn write(mut dialer: Dialer, rest: Duration, stop: Arc<AtomicBool>) -> Written {
    let (mut written, mut next) = (Written::default(), 1);
    let mut before: Option<(String, Instant)> = None;
    while !stop.load(Ordering::Relaxed) {
        let Ok((session, missing)) = enter(&mut dialer, next).await else {
            written.refusals += 1;
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        next += i64::from(!missing);
        let insert = "INSERT INTO ticks (number) VALUES ($1)";
        while session.client.execute(insert, &[&next]).await.is_ok() {
            if let Some((system, last)) = &before
                && *system != session.system
            {
                written.pause = Some(last.elapsed());
            }
            before = Some((session.system.clone(), Instant::now()));
            (written.acknowledged, written.last) = (written.acknowledged + 1, next);
            next += 1;
            if stop.load(Ordering::Relaxed) {
                break;
            }
            if !rest.is_zero() {
                tokio::time::sleep(rest).await;
            }
        }
    }
    written
}

/// A session, and whether the number is missing where it leads: the acknowledgement alone may have been lost.
async fn enter(dialer: &mut Dialer, number: i64) -> Result<(Session, bool)> {
    let session = dialer.dial().await?;
    let found = "SELECT count(*) = 0 FROM ticks WHERE number = $1";
    let missing = session.client.query_one(found, &[&number]).await?.get(0);
    Ok((session, missing))
}
