//! Route 53.

use super::World;
use domain::routes::{Change, Weighted, changes};

impl World {
    /// Makes one batch of changes.
    pub fn reroute(&mut self, wanted: &[Weighted]) {
        for change in changes(&self.reads, wanted) {
            let (Change::Upsert(one) | Change::Delete(one)) = &change;
            self.reads
                .retain(|record| record.set_identifier != one.set_identifier);
            if let Change::Upsert(record) = change {
                self.reads.push(record);
            }
        }
        self.reads
            .sort_by(|a, b| a.set_identifier.cmp(&b.set_identifier));
    }
}
