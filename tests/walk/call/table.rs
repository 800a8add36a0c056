//! The table of upgrades.

use super::timer::Kind;
use super::{Call, Fault};
use crate::world::table::Stored;
use crate::world::{Fallible, World, silence};
use domain::ids::{Database, Epoch};
use domain::record::Record;
use ports::{Item, Nature, Upgrades, Write};

/// How often in ten thousand the SDK makes a call again whose answer was lost.
const AGAIN: u32 = 7_000;

impl Call {
    /// Does something to the table; a call whose answer was lost is made again by the SDK, most of the time.
    async fn table<T>(
        &self,
        at: &'static str,
        kind: Kind,
        mut work: impl FnMut(&mut World) -> T,
    ) -> Fallible<T> {
        self.point(at, kind).await;
        let (done, lost, again) = {
            let mut world = self.world();
            if world.strikes(Fault::CallFailed) {
                return silence(Nature::Acted, at);
            }
            let done = work(&mut world);
            let lost = world.strikes(Fault::AnswerLost);
            (done, lost, lost && world.dice.chance(AGAIN))
        };
        match (lost, again) {
            (false, _) => Ok(done),
            (true, false) => silence(Nature::Acted, at),
            (true, true) => {
                self.point(at, kind).await;
                Ok(work(&mut self.world()))
            }
        }
    }
}

impl Upgrades for Call {
    async fn read(&self, database: &Database) -> Fallible<Option<Item>> {
        let of = |world: &mut World| world.found(database);
        let found = self.table("read the record", Kind::Read, of).await?;
        let (leased, read) = self.me.epochs.get();
        if let Some(item) = found.as_ref().filter(|_| leased > Epoch(0)) {
            let epoch = item.record.ticket.epoch;
            self.me.epochs.set((leased, read.max(epoch)));
        }
        Ok(found)
    }

    async fn all(&self) -> Fallible<Vec<Item>> {
        let all = |world: &mut World| world.item.iter().map(Stored::item).collect();
        self.table("read all records", Kind::Read, all).await
    }

    async fn write(&self, write: Write<'_>) -> Fallible<Option<Record>> {
        let work = |world: &mut World| world.write(&write);
        let written = self.table(write.doing(), Kind::Write, work).await?;
        if let (Write::Hold { ticket, .. }, Some(_)) = (&write, &written) {
            self.me.epochs.set((ticket.epoch, ticket.epoch));
        }
        Ok(written)
    }
}
