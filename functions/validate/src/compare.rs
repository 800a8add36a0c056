//! The rows of one database, compared in several sessions at once.

use super::Sides;
use domain::error::StepError;
use domain::validate::{Key, Rows, Suspects, Table, told, unequal};
use effects::error::Error;
use effects::postgres::{Session, digest, marker};
use futures_util::future::{try_join, try_join_all};
use std::cell::RefCell;
use std::time::Duration;

/// Tables that are compared at once, each with a session per side.
const AT_ONCE: usize = 2;
/// Buckets whose rows are fetched at once: some 64,000 rows.
const CHOSEN: usize = 4096;
/// How often a table is gone through whose differences are too many to look at them all.
const PASSES: u32 = 5;
/// Rounds until rows that changed in each of them are called busy.
const ROUNDS: u32 = 12;
/// Longest wait for a marker to arrive on green.
const ARRIVAL: Duration = Duration::from_secs(20);

/// What was compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alike {
    /// Tables compared.
    pub tables: u32,
    /// Rows found alike.
    pub rows: u64,
    /// Rows that changed whenever they were looked at.
    pub busy: u64,
    /// What is not the same, a line per table.
    pub mismatches: Vec<String>,
}

impl Alike {
    pub(crate) fn add(&mut self, other: Self) {
        self.tables += other.tables;
        self.rows += other.rows;
        self.busy += other.busy;
        self.mismatches.extend(other.mismatches);
    }
}

/// Compares the tables of a database. No statement runs longer than `patience`.
///
/// # Errors
///
/// `Upgrade.Transient` if a marker doesn't arrive, or a table changes faster than it can be compared.
pub async fn compare(
    sides: &Sides<'_>,
    database: &str,
    tables: Vec<Table>,
    patience: Duration,
) -> Result<Alike, Error> {
    let queue = RefCell::new(tables.into_iter());
    let worker = || async {
        let mut sum = Alike::default();
        let (blue, green) = sides.sessions(database).await?;
        try_join(
            blue.limit_statements(patience),
            green.limit_statements(patience),
        )
        .await?;
        loop {
            let next = queue.borrow_mut().next();
            let Some(table) = next else {
                return Ok::<_, Error>(sum);
            };
            let pair = Pair {
                database,
                table,
                blue: &blue,
                green: &green,
            };
            sum.add(pair.compare().await?);
        }
    };
    let done = try_join_all((0..AT_ONCE).map(|_| worker())).await?;
    let mut sum = Alike::default();
    for alike in done {
        sum.add(alike);
    }
    Ok(sum)
}

/// One table on both sides.
struct Pair<'a> {
    database: &'a str,
    table: Table,
    blue: &'a Session,
    green: &'a Session,
}

impl Pair<'_> {
    async fn compare(&self) -> Result<Alike, Error> {
        let (table, buckets) = (&self.table, self.table.buckets());
        for _ in 0..PASSES {
            let digests = try_join(
                digest::buckets(self.blue, table, buckets),
                digest::buckets(self.green, table, buckets),
            );
            let (blue, green) = digests.await?;
            let rows: u64 = blue.values().map(|bucket| bucket.rows).sum();
            let mut differ = unequal(&blue, &green);
            let all = differ.len() <= CHOSEN;
            differ.truncate(CHOSEN);
            let suspects = self.examine(buckets, &differ).await?;
            let mismatch = told(self.database, table, suspects.wrong());
            if all || mismatch.is_some() {
                let (busy, wrong) = (suspects.keys().len() as u64, suspects.wrong().len() as u64);
                return Ok(Alike {
                    tables: 1,
                    rows: rows.saturating_sub(busy + wrong),
                    busy,
                    mismatches: mismatch.into_iter().collect(),
                });
            }
        }
        let why = format!(
            "`{}.{table}` changes faster than it can be compared; try again when it is quieter",
            self.database
        );
        Err(StepError::transient(why).into())
    }

    /// Looks at the rows of buckets that differ until each is found alike, wrong, or busy.
    async fn examine(&self, buckets: u32, differ: &[i32]) -> Result<Suspects, Error> {
        if differ.is_empty() {
            return Ok(Suspects::default());
        }
        let rows = try_join(
            digest::rows_of(self.blue, &self.table, buckets, differ),
            digest::rows_of(self.green, &self.table, buckets, differ),
        );
        let (blue, green) = rows.await?;
        let mut suspects = Suspects::new(&blue, &green);
        let look = Look {
            pair: self,
            buckets,
            differ,
        };
        for round in 0..ROUNDS {
            let keys = suspects.keys();
            if keys.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10) * round).await;
            let before = look.rows(self.blue, &keys).await?;
            self.level().await?;
            let green = look.rows(self.green, &keys).await?;
            let after = look.rows(self.blue, &keys).await?;
            suspects.judge(&before, &green, &after);
        }
        Ok(suspects)
    }

    /// Green has everything that blue had when this began.
    async fn level(&self) -> Result<(), Error> {
        let written = marker::write(self.blue).await?;
        let seen = marker::wait(self.green, written.number, ARRIVAL).await?;
        if seen.is_some_and(|seen| seen.number >= written.number) {
            return Ok(());
        }
        let why = format!(
            "green did not come level with blue in `{}` within {} s",
            self.database,
            ARRIVAL.as_secs()
        );
        Err(StepError::transient(why).into())
    }
}

/// How the rows under suspicion are read again.
struct Look<'a> {
    pair: &'a Pair<'a>,
    buckets: u32,
    differ: &'a [i32],
}

impl Look<'_> {
    async fn rows(&self, side: &Session, keys: &[Key]) -> Result<Rows, Error> {
        if self.pair.table.key.is_empty() {
            digest::rows_of(side, &self.pair.table, self.buckets, self.differ).await
        } else {
            digest::rows_at(side, &self.pair.table, keys).await
        }
    }
}
