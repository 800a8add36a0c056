//! The rows of one database, compared in several sessions at once.

use domain::error::StepError;
use domain::rows::{Key, Rows, Table};
use domain::steps::validate::{Suspects, told, unequal};
use futures_util::future::{try_join, try_join_all};
use ports::{Clock, Error, Session};
use std::cell::RefCell;
use std::time::Duration;

/// Tables that are compared at once, each with a session per side.
const AT_ONCE: usize = 2;
/// Buckets whose rows are fetched at once: some 64,000 rows.
const CHOSEN: usize = 4096;
/// How often a table is compared whose differences are too many for one pass.
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

/// Compares the tables of a database, in sessions on blue and green that `open` gives. No statement runs longer than
/// `patience`.
///
/// # Errors
///
/// `Upgrade.Transient` if a marker doesn't arrive, or a table changes faster than it can be compared.
pub async fn compare<S: Session>(
    clock: &impl Clock,
    open: impl AsyncFn() -> Result<(S, S), Error>,
    database: &str,
    tables: Vec<Table>,
    patience: Duration,
) -> Result<Alike, Error> {
    let queue = RefCell::new(tables.into_iter());
    let worker = || async {
        let mut sum = Alike::default();
        let (blue, green) = open().await?;
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
                clock,
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
struct Pair<'a, C, S> {
    clock: &'a C,
    database: &'a str,
    table: Table,
    blue: &'a S,
    green: &'a S,
}

impl<C: Clock, S: Session> Pair<'_, C, S> {
    async fn compare(&self) -> Result<Alike, Error> {
        let (table, buckets) = (&self.table, self.table.buckets());
        for _ in 0..PASSES {
            let digests = try_join(
                self.blue.buckets(table, buckets),
                self.green.buckets(table, buckets),
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
            self.blue.rows_of(&self.table, buckets, differ),
            self.green.rows_of(&self.table, buckets, differ),
        );
        let (blue, green) = rows.await?;
        let mut suspects = Suspects::new(&blue, &green);
        for round in 0..ROUNDS {
            let keys = suspects.keys();
            if keys.is_empty() {
                break;
            }
            self.clock.sleep(Duration::from_millis(10) * round).await;
            let before = self.rows(self.blue, &keys, buckets, differ).await?;
            self.level().await?;
            let green = self.rows(self.green, &keys, buckets, differ).await?;
            let after = self.rows(self.blue, &keys, buckets, differ).await?;
            suspects.judge(&before, &green, &after);
        }
        Ok(suspects)
    }

    /// Waits until green has everything that blue had when this began.
    async fn level(&self) -> Result<(), Error> {
        let written = self.blue.write_marker().await?.marker;
        let seen = self.green.await_marker(written.number, ARRIVAL).await?;
        if seen.is_some_and(|seen| seen.number >= written.number) {
            return Ok(());
        }
        let why = format!(
            "green did not catch up with blue in `{}` within {} s",
            self.database,
            ARRIVAL.as_secs()
        );
        Err(StepError::transient(why).into())
    }

    /// The rows under suspicion, read again.
    async fn rows(
        &self,
        side: &S,
        keys: &[Key],
        buckets: u32,
        differ: &[i32],
    ) -> Result<Rows, Error> {
        if self.table.key.is_empty() {
            side.rows_of(&self.table, buckets, differ).await
        } else {
            side.rows_at(&self.table, keys).await
        }
    }
}
