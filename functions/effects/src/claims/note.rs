//! Notes on a record by somebody who holds no lease.

use super::item::{self, Item, number, text};
use super::write::Write;
use super::{CLOCKS_DIFFER, Claims};
use crate::error::{Error, looked};
use crate::step::now;
use domain::record::Record;

/// The record as it was read: whoever has changed anything meanwhile is not overwritten.
const MAY_NOTE: &str = "#owner = :owner AND #epoch = :epoch AND #phase = :seen AND #record = :read \
    AND (attribute_not_exists(#lease_holder) OR #lease_until < :now)";
const NOTE: &str = "SET #record = :record";

/// A record, and the text from which it was read.
#[derive(Debug, Clone)]
pub struct Found {
    /// The record.
    pub record: Record,
    /// Another version of ours may have written it, so that it can't be made again from the record.
    text: String,
}

impl Claims {
    /// As [`Claims::all`], for whoever may want to note something.
    ///
    /// # Errors
    ///
    /// If the table can't be read.
    pub async fn found(&self) -> Result<Vec<Found>, Error> {
        let mut items = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut all = Vec::new();
        while let Some(attributes) = items.next().await {
            let attributes = attributes.map_err(looked("reading the table of upgrades"))?;
            let text = attributes
                .get(item::RECORD)
                .and_then(|text| text.as_s().ok());
            all.push(Found {
                record: Item::read(&attributes)?.record,
                text: text.cloned().unwrap_or_default(),
            });
        }
        Ok(all)
    }

    /// Writes what was changed in a record, if it still is as it was found and nobody holds a lease that runs. Whether it
    /// was written.
    ///
    /// # Errors
    ///
    /// If the table can't be written.
    pub async fn note(&self, found: &Found, changed: &Record) -> Result<bool, Error> {
        let Record { ticket, phase, .. } = &found.record;
        let noted = Write::new("noting something in the upgrade's record", MAY_NOTE, NOTE)
            .with(":owner", text(ticket.owner.as_str()))
            .with(":epoch", number(ticket.epoch.0))
            .with(":seen", text(phase.as_str()))
            .with(":read", text(&found.text))
            .with(":now", number(now().0 - CLOCKS_DIFFER))
            .with(":record", text(&item::rest(changed)?));
        Ok(self.write(&ticket.database, noted).await?.is_some())
    }
}
