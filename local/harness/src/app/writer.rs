//! A writer: one commit after the other, each written down before and after, each looked up before it is repeated.

use super::backoff::Backoff;
use super::ledger::{Action, Entry, Event, Ledger};
use super::seat::{Answer, Order, Row, Seat};
use super::shop::Shop;
use super::tally::{Ack, Tally};
use anyhow::Result;
use domain::fence::Side;
use local_rds::postgres::dial::Dialer;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// How long a writer that was told to stop goes on to find out about its last commit.
const LAST_TRIES: Duration = Duration::from_secs(5);
/// Rows that a writer keeps before it rather ends one than begins another.
const MOST_ROWS: usize = 300;

/// What the writers of one database share: a pool that opens one connection at a time, as pools commonly do, so that a
/// closed server is tried by one client and not by all of them. The writer that holds it opens one.
pub(super) type Pool = Arc<Mutex<()>>;

/// What a writer needs.
pub(super) struct Writer {
    pub(super) id: i32,
    pub(super) shop: &'static Shop,
    pub(super) dialer: Dialer,
    pub(super) pool: Pool,
    pub(super) ledger: Ledger,
    pub(super) tally: Tally,
    /// Time from one commit to the next.
    pub(super) pace: Duration,
    pub(super) stop: watch::Receiver<bool>,
}

impl Writer {
    /// Writes until it is told to stop, and then sees the commit that it is at to its end.
    pub(super) async fn run(mut self) -> Result<()> {
        let mut rng = StdRng::seed_from_u64(u64::from(self.id.unsigned_abs()));
        let mut rows: Vec<Row> = Vec::new();
        let mut seat: Option<Seat> = None;
        // Writers begin apart, so that they don't all commit at the same moment.
        let first = Instant::now() + self.pace.mul_f64(f64::from(self.id % 16) / 16.0);
        let mut ticks = interval_at(first, self.pace);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        for number in 1.. {
            ticks.tick().await;
            if *self.stop.borrow() {
                break;
            }
            let order = choose(number, &mut rows, &mut rng);
            match self.commit(&order, &mut seat).await? {
                Some(row) if order.action != Action::Remove => rows.push(row),
                _ => {}
            }
        }
        Ok(())
    }

    /// Sees to it that the order is committed once, however often the connection is lost on the way. Returns the row
    /// as it is then; nothing if it is gone, or if the outcome is unknown at the end.
    async fn commit(&mut self, order: &Order, seat: &mut Option<Seat>) -> Result<Option<Row>> {
        self.note(Event::Try, order, expected(order), Side::Blue)?;
        let mut backoff = Backoff::of_a_writer();
        let mut unsure = false;
        while let Some(mut taken) = self.seat(seat.take(), &mut backoff).await {
            let side = self.tally.side(taken.system());
            let answer = if unsure {
                taken.look_up(order.number).await
            } else {
                taken.commit(order).await
            };
            match answer {
                Answer::Done(row) => {
                    self.settle(order, row, side, unsure)?;
                    *seat = Some(taken);
                    return Ok(Some(row));
                }
                Answer::Gone => {
                    *seat = Some(taken);
                    let event = if unsure { Event::Absent } else { Event::Gone };
                    self.note(event, order, expected(order), side)?;
                    if !std::mem::take(&mut unsure) {
                        return Ok(None);
                    }
                    continue;
                }
                Answer::Unknown(why) => {
                    unsure = true;
                    self.trouble(&why);
                }
                Answer::NotDone(why) => self.trouble(&why),
            }
            drop(taken);
            backoff.wait().await;
        }
        Ok(None)
    }

    /// The connection, or a new one. Nothing if the writer was told to stop and no server answers.
    async fn seat(&mut self, seat: Option<Seat>, backoff: &mut Backoff) -> Option<Seat> {
        if seat.is_some() {
            return seat;
        }
        let _turn = Arc::clone(&self.pool).lock_owned().await;
        let mut stopped = None;
        loop {
            match Seat::take(&mut self.dialer, self.shop, self.id).await {
                Ok(seat) => return Some(seat),
                Err(error) => self.trouble(&format!("{error:#}")),
            }
            if *self.stop.borrow() {
                let since = *stopped.get_or_insert_with(Instant::now);
                if since.elapsed() > LAST_TRIES {
                    return None;
                }
            }
            backoff.wait().await;
        }
    }

    /// The database has the commit: it said so at once, or it was found when looked up.
    fn settle(&mut self, order: &Order, row: Row, side: Side, found: bool) -> Result<()> {
        if found {
            return self.note(Event::Found, order, row, side);
        }
        let at = self.tally.now();
        let writer = self.id;
        self.tally.acknowledged(Ack { at, writer, side });
        self.note(Event::Ack, order, row, side)
    }

    fn note(&mut self, event: Event, order: &Order, row: Row, side: Side) -> Result<()> {
        self.ledger.write(&Entry {
            at: self.tally.now(),
            writer: self.id,
            number: order.number,
            event,
            side,
            database: self.shop.database.to_owned(),
            action: order.action,
            row: row.key,
            version: row.version,
        })
    }

    fn trouble(&self, why: &str) {
        self.tally.trouble(format!("writer {}: {why}", self.id));
    }
}

/// The next order, and its row taken from the writer's rows: half of them new rows, the others changes and ends of old.
fn choose(number: i64, rows: &mut Vec<Row>, rng: &mut StdRng) -> Order {
    let dice = rng.random_range(0..100);
    let action = match rows.len() {
        0 => Action::Place,
        len if len >= MOST_ROWS && dice < 50 => Action::Remove,
        _ if dice < 50 => Action::Place,
        _ if dice < 85 => Action::Change,
        _ => Action::Remove,
    };
    let row = match action {
        Action::Place => Row { key: 0, version: 0 },
        Action::Change | Action::Remove => rows.swap_remove(rng.random_range(0..rows.len())),
    };
    Order {
        number,
        action,
        row,
    }
}

/// The row after the commit, as far as it can be told before.
const fn expected(order: &Order) -> Row {
    let Row { key, version } = order.row;
    let version = match order.action {
        Action::Place | Action::Change => version + 1,
        Action::Remove => version,
    };
    Row { key, version }
}
