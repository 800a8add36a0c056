//! Names: the application's in Route 53, and those of RDS's servers.

use super::{Fallible, World, answered};
use domain::ids::ResourceId;
use domain::routes::{Pointer, Weighted};
use ports::{Edit, Failure, Nature, RecordKind, RecordSet};

/// The hosted zone's id.
pub const ZONE: &str = "Z1";
/// The hosted zone's name.
pub const ZONE_NAME: &str = "shop.test";
/// The name that routes reads.
pub const READS: &str = "orders-reads.shop.test";
/// The name that leads to the writer.
pub const WRITES: &str = "orders-writes.shop.test";

/// A host name that leads to another server than to the one that has it, for a while.
#[derive(Debug, Clone)]
pub struct Led {
    /// The host name.
    pub host: String,
    /// Where it leads.
    pub to: ResourceId,
    /// Until when.
    pub until: i64,
}

impl Led {
    /// Whether it is this name, and leads there at a moment.
    pub fn is_now(&self, host: &str, now: i64) -> bool {
        self.until > now && self.host == host
    }
}

fn weighted(record: &Weighted) -> RecordSet {
    RecordSet {
        kind: RecordKind::Cname,
        set_identifier: Some(record.set_identifier.clone()),
        weight: Some(record.weight),
        ttl: Some(record.ttl),
        targets: vec![record.target.clone()],
        health_check: record.health_check.clone(),
    }
}

fn plain(pointer: &Pointer) -> RecordSet {
    RecordSet {
        kind: RecordKind::Cname,
        set_identifier: None,
        weight: None,
        ttl: Some(pointer.ttl),
        targets: vec![pointer.target.clone()],
        health_check: None,
    }
}

impl World {
    /// The records of a name.
    pub fn records(&self, name: &str) -> Vec<RecordSet> {
        match name {
            READS => self.reads.iter().map(weighted).collect(),
            WRITES => self.pointer.iter().map(plain).collect(),
            _ => vec![],
        }
    }

    /// Makes one batch of changes, or none of it; the change's id while not every nameserver has it.
    pub fn reroute(&mut self, name: &str, edits: &[Edit]) -> Fallible<Option<String>> {
        let mut records = self.records(name);
        for edit in edits {
            let (Edit::Upsert(set) | Edit::Delete(set)) = edit;
            let there = records.iter();
            let mut there = there.filter(|there| there.set_identifier == set.set_identifier);
            let found = there.next();
            match edit {
                Edit::Delete(_) if found != Some(set) => {
                    let batch = "InvalidChangeBatch";
                    return answered(Nature::Acted, "changing records", Failure::Unknown, batch);
                }
                _ => records.retain(|there| there.set_identifier != set.set_identifier),
            }
            if let Edit::Upsert(set) = edit {
                records.push(set.clone());
            }
        }
        records.sort_by(|a, b| a.set_identifier.cmp(&b.set_identifier));
        self.lead(name, records);
        let slow = self.dice.chance(3_000);
        let after = if slow {
            self.dice.between(1, 40_000)
        } else {
            0
        };
        self.everywhere_at = self.now + after;
        Ok(slow.then(|| format!("C{}", self.everywhere_at)))
    }

    fn lead(&mut self, name: &str, records: Vec<RecordSet>) {
        let sets = records.into_iter();
        if name == READS {
            self.reads = sets
                .map(|set| Weighted {
                    set_identifier: set.set_identifier.unwrap_or_default(),
                    target: set.targets.concat(),
                    weight: set.weight.unwrap_or_default(),
                    ttl: set.ttl.unwrap_or_default(),
                    health_check: set.health_check,
                })
                .collect();
        } else if let Some(pointer) = &mut self.pointer {
            for set in sets {
                *pointer = pointer.to(&set.targets.concat());
            }
        }
    }

    /// Whether every nameserver has a change.
    pub fn is_everywhere(&self, change: &str) -> bool {
        let at = change
            .strip_prefix('C')
            .and_then(|at| at.parse::<i64>().ok());
        at.is_none_or(|at| at <= self.now)
    }
}
