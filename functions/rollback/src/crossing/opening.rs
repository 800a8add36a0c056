//! Old has everything, and new is closed for good: the link ends, old is opened, and both are compared.

use super::{Crossing, elapsed};
use crate::servers::roles_of;
use domain::record::{Record, Side};
use domain::rollback::fences;
use domain::switchover::Receipt;
use effects::claims::Held;
use effects::error::Error;
use effects::postgres::moment::{self, Moment};
use effects::postgres::{fence, marker, reverse, roles, sequences, standing};
use effects::step::now;
use futures_util::future::try_join_all;
use std::time::{Duration, Instant};
use tracing::warn;

impl Crossing {
    /// Whether a call whose record of it was lost has let the application into old.
    pub async fn is_old_open(&self, record: &Record) -> Result<bool, Error> {
        let Some(stands) = fences(record, Side::Blue).find(|one| one.resource_id == self.old)
        else {
            return Ok(true);
        };
        let open = roles::open(&self.opener, &roles_of(stands)).await?;
        Ok(!open.is_empty())
    }

    /// Stops the link and brings the sequences over; old has everything and is still closed.
    pub async fn settle(&self, receipt: &mut Receipt) -> Result<(), Error> {
        let began = Instant::now();
        let lanes = self.lanes.iter().map(|lane| async move {
            reverse::disable(&lane.old, &lane.link.name).await?;
            sequences::carry(&lane.new, &lane.old).await
        });
        for complaint in try_join_all(lanes).await?.into_iter().flatten() {
            warn!(complaint, "a sequence of old's is behind");
        }
        receipt.phases.push(("link".to_owned(), elapsed(began)));
        Ok(())
    }

    /// Lets the application into old, and sees that a write lands.
    pub async fn let_into_old(&self, held: &Held<'_>, receipt: &mut Receipt) -> Result<(), Error> {
        let began = Instant::now();
        let stands = fences(held.record(), Side::Blue).find(|one| one.resource_id == self.old);
        if let Some(stands) = stands {
            fence::lift(&self.opener, stands).await?;
        }
        if let Some(lane) = self.lanes.first() {
            marker::write(&lane.old).await?;
        }
        receipt.opened_at = Some(now());
        let fenced = receipt.fenced_at.zip(receipt.opened_at);
        let span = fenced.map_or(0, |(fenced, opened)| opened.since(fenced));
        receipt.ours_ms = u64::try_from(span).unwrap_or(0);
        receipt.phases.push(("opening".to_owned(), elapsed(began)));
        Ok(())
    }

    /// Holds on to what old is before it is opened.
    pub async fn hold_old(&self) -> Result<(), Error> {
        let lanes = self.lanes.iter();
        try_join_all(lanes.map(|lane| standing::freeze(&lane.moment))).await?;
        Ok(())
    }

    /// Compares new, which stands still, with old as it was when it was opened.
    pub async fn compare(&self, receipt: &mut Receipt, time: impl Fn() -> Duration) {
        let moments: Vec<Moment<'_>> = self
            .lanes
            .iter()
            .map(|lane| Moment {
                database: &lane.database,
                left: Ok(&lane.new),
                opened: Ok(&lane.moment),
            })
            .collect();
        moment::compare(&moments, receipt, time).await;
    }

    /// Removes what is left of the link from both sides.
    pub async fn disarm(&self) -> Result<(), Error> {
        let lanes = self.lanes.iter().map(|lane| async move {
            reverse::unsubscribe(&lane.old, &lane.link.name).await?;
            reverse::disarm(&lane.new, &lane.link.name).await
        });
        try_join_all(lanes).await?;
        Ok(())
    }
}
