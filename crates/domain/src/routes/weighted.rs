//! Weighted records of DNS: reads are shared by the records' weights.
//!
//! During an upgrade each of the customer's records has a partner of ours, whose target is green's counterpart, and the
//! two share a weight that stays the same. What is read back is compared whole, so that a foreign change is noticed.

use crate::error::StepError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Begins the set identifiers of the records that an upgrade adds.
pub const GREEN: &str = "viridian-green";

/// The heaviest original's weight while reads are shared: a multiple of 100, so that percentages come out exactly, and
/// no more than the 255 that Route 53 allows.
const HEAVIEST: u32 = 200;

/// A weighted DNS name and its records, as they were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// The hosted zone's id, without `/hostedzone/`.
    pub zone: String,
    /// The name, without a final dot.
    pub name: String,
    /// Its weighted CNAME records.
    pub records: Vec<Weighted>,
}

impl Records {
    pub(super) fn share(
        &self,
        greens: &BTreeMap<String, String>,
        percent: u8,
        ttl: u32,
    ) -> Result<Self, StepError> {
        Ok(self.with(share(&self.records, greens, percent, ttl)?))
    }

    pub(super) fn to(&self, hosts: &BTreeMap<String, String>) -> Self {
        let record = |record: &Weighted| Weighted {
            target: hosts.get(&record.target).unwrap_or(&record.target).clone(),
            ..record.clone()
        };
        self.with(self.records.iter().map(record).collect())
    }

    pub(super) fn kept_seconds(&self) -> u32 {
        let ttls = self.records.iter().map(|record| record.ttl);
        ttls.max().unwrap_or(0)
    }

    fn with(&self, records: Vec<Weighted>) -> Self {
        Self {
            records,
            ..self.clone()
        }
    }
}

/// One weighted record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weighted {
    /// Tells the records of one name apart.
    pub set_identifier: String,
    /// The host that it leads to, without a final dot.
    pub target: String,
    /// 0 to 255; 0 is never, unless all are 0, which is an equal split.
    pub weight: u8,
    /// Seconds for which clients may keep the answer.
    pub ttl: u32,
    /// The health check that takes the record out of service, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<String>,
}

/// One change of a record. A batch of them happens as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Make the record so, whether it is there or not.
    Upsert(Weighted),
    /// Remove the record, which is exactly so.
    Delete(Weighted),
}

/// The records with which `percent` of the reads go to green: the originals' relation to each other is kept, and the
/// sum of all weights is the same for every percentage. 0 percent is exactly the originals.
///
/// `greens` has green's host for each host of blue, `ttl` is every record's while reads are shared.
///
/// # Errors
///
/// `Upgrade.Refused` if a record that gets reads has no counterpart.
fn share(
    originals: &[Weighted],
    greens: &BTreeMap<String, String>,
    percent: u8,
    ttl: u32,
) -> Result<Vec<Weighted>, StepError> {
    match percent {
        0 => Ok(originals.to_vec()),
        some => shared(originals, greens, u32::from(some), ttl),
    }
}

fn shared(
    originals: &[Weighted],
    greens: &BTreeMap<String, String>,
    percent: u32,
    ttl: u32,
) -> Result<Vec<Weighted>, StepError> {
    let weights: Vec<u32> = originals
        .iter()
        .map(|record| u32::from(record.weight))
        .collect();
    let mut records = Vec::with_capacity(2 * originals.len());
    for (original, (stays, goes)) in originals.iter().zip(split(&weights, HEAVIEST, percent)) {
        records.push(Weighted {
            weight: weight(stays),
            ttl,
            ..original.clone()
        });
        if stays + goes > 0 {
            records.push(partner(original, greens, weight(goes), ttl)?);
        }
    }
    Ok(records)
}

fn partner(
    original: &Weighted,
    greens: &BTreeMap<String, String>,
    weight: u8,
    ttl: u32,
) -> Result<Weighted, StepError> {
    let name = &original.set_identifier;
    let target = greens.get(&original.target).ok_or_else(|| {
        StepError::refused(format!(
            "the record `{name}` leads to `{}`, which is no member of blue; take its weight away or let it lead to a member",
            original.target
        ))
    })?;
    Ok(Weighted {
        set_identifier: format!("{GREEN}-{name}"),
        target: target.clone(),
        weight,
        ttl,
        health_check: None,
    })
}

/// What stays of each weight and what goes to green, on a scale on which the heaviest is `heaviest`, a multiple of 100. Where all
/// weights are 0 Route 53 splits equally, and so does this.
pub(super) fn split(weights: &[u32], heaviest: u32, percent: u32) -> Vec<(u32, u32)> {
    let most = weights.iter().max().copied().unwrap_or(0);
    let scale = |weight: u32| match (weight, most) {
        (_, 0) => heaviest,
        (0, _) => 0,
        _ => ((weight * heaviest + most / 2) / most).max(1),
    };
    let mut so_far = 0;
    let part = |weight: &u32| {
        let whole = scale(*weight);
        // Rounded over the running sum, so that the errors of many weights don't add up.
        let goes = rounded(so_far + whole, percent) - rounded(so_far, percent);
        so_far += whole;
        (whole - goes, goes)
    };
    weights.iter().map(part).collect()
}

const fn rounded(weight: u32, percent: u32) -> u32 {
    (weight * percent + 50) / 100
}

fn weight(weight: u32) -> u8 {
    u8::try_from(weight).unwrap_or(u8::MAX)
}

/// What leads from the records as they are to the records as they should be. Only records of ours are ever removed.
#[must_use]
pub fn changes(now: &[Weighted], wanted: &[Weighted]) -> Vec<Change> {
    let surplus = ours(now).filter(|record| find(wanted, &record.set_identifier).is_none());
    let missing = wanted
        .iter()
        .filter(|record| find(now, &record.set_identifier) != Some(record));
    surplus
        .cloned()
        .map(Change::Delete)
        .chain(missing.cloned().map(Change::Upsert))
        .collect()
}

/// Foreign records that were added under the name meanwhile, by their set identifiers.
#[must_use]
pub fn strangers(now: &[Weighted], wanted: &[Weighted]) -> Vec<String> {
    let unknown = now.iter().filter(|record| {
        !record.set_identifier.starts_with(GREEN) && find(wanted, &record.set_identifier).is_none()
    });
    unknown
        .map(|record| record.set_identifier.clone())
        .collect()
}

fn ours(records: &[Weighted]) -> impl Iterator<Item = &Weighted> {
    records
        .iter()
        .filter(|record| record.set_identifier.starts_with(GREEN))
}

fn find<'a>(records: &'a [Weighted], set_identifier: &str) -> Option<&'a Weighted> {
    records
        .iter()
        .find(|record| record.set_identifier == set_identifier)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(name: usize, weight: u8) -> Weighted {
        Weighted {
            set_identifier: format!("r{name}"),
            target: format!("blue-{name}"),
            weight,
            ttl: 60,
            health_check: None,
        }
    }

    fn originals() -> impl Strategy<Value = Vec<Weighted>> {
        prop::collection::vec(any::<u8>(), 1..6).prop_map(|weights| {
            weights
                .into_iter()
                .enumerate()
                .map(|(n, w)| record(n, w))
                .collect()
        })
    }

    fn greens(originals: &[Weighted]) -> BTreeMap<String, String> {
        let hosts = originals.iter().map(|record| record.target.clone());
        hosts
            .map(|host| (host.clone(), format!("green-of-{host}")))
            .collect()
    }

    fn sum<'a>(records: impl Iterator<Item = &'a Weighted>) -> u32 {
        records.map(|record| u32::from(record.weight)).sum()
    }

    /// What a nameserver would hold after the changes.
    fn apply(now: &[Weighted], changes: Vec<Change>) -> Vec<Weighted> {
        let mut records = now.to_vec();
        for change in changes {
            let (Change::Upsert(edited) | Change::Delete(edited)) = &change;
            records.retain(|record| record.set_identifier != edited.set_identifier);
            if let Change::Upsert(added) = change {
                records.push(added);
            }
        }
        records.sort_by(|a, b| a.set_identifier.cmp(&b.set_identifier));
        records
    }

    proptest! {
        #[test]
        fn the_share_is_what_was_asked_for(originals in originals(), percent in 1_u8..=100) {
            let records = share(&originals, &greens(&originals), percent, 1).unwrap();
            let (all, green) = (sum(records.iter()), sum(ours(&records)));
            let off = (f64::from(green) / f64::from(all) * 100.0 - f64::from(percent)).abs();
            prop_assert!(off <= 0.26, "{off} percent off");
        }

        #[test]
        fn the_sum_is_the_same_for_every_percentage_and_never_zero(originals in originals(), percent in 1_u8..=100) {
            let at = |percent| sum(share(&originals, &greens(&originals), percent, 1).unwrap().iter());
            prop_assert_eq!(at(percent), at(100));
            prop_assert!(at(percent) > 0);
        }

        #[test]
        fn at_full_share_blue_gets_nothing(originals in originals()) {
            let records = share(&originals, &greens(&originals), 100, 1).unwrap();
            prop_assert_eq!(sum(ours(&records)), sum(records.iter()));
        }

        #[test]
        fn a_rising_share_never_takes_reads_back(originals in originals(), percent in 1_u8..100) {
            let greens = greens(&originals);
            let lower = share(&originals, &greens, percent, 1).unwrap();
            let higher = share(&originals, &greens, percent + 1, 1).unwrap();
            prop_assert!(sum(ours(&lower)) <= sum(ours(&higher)));
        }

        #[test]
        fn restoring_gives_exactly_the_originals(originals in originals(), percent in 0_u8..=100) {
            let greens = greens(&originals);
            let moved = apply(&originals, changes(&originals, &share(&originals, &greens, percent, 1).unwrap()));
            let back = apply(&moved, changes(&moved, &share(&originals, &greens, 0, 1).unwrap()));
            prop_assert_eq!(&back, &originals);
            prop_assert!(changes(&back, &originals).is_empty());
        }

        #[test]
        fn doing_it_twice_changes_nothing_more(originals in originals(), percent in 0_u8..=100) {
            let wanted = share(&originals, &greens(&originals), percent, 1).unwrap();
            let moved = apply(&originals, changes(&originals, &wanted));
            prop_assert!(changes(&moved, &wanted).is_empty());
        }
    }

    #[test]
    fn equal_originals_are_shared_exactly() {
        let originals = [record(0, 50), record(1, 50)];
        for percent in [10, 20, 50] {
            let records = share(&originals, &greens(&originals), percent, 1).unwrap();
            assert_eq!(
                sum(ours(&records)) * 100,
                u32::from(percent) * sum(records.iter())
            );
        }
    }

    #[test]
    fn a_record_that_leads_elsewhere_is_refused_unless_it_gets_no_reads() {
        let mut originals = [record(0, 100), record(1, 100)];
        let only_first = greens(&originals[..1]);
        assert!(share(&originals, &only_first, 10, 1).is_err());
        originals[1].weight = 0;
        assert!(share(&originals, &only_first, 10, 1).is_ok());
    }

    #[test]
    fn a_foreign_record_is_reported_and_left_alone() {
        let originals = [record(0, 100)];
        let now = [record(0, 100), record(7, 10)];
        assert_eq!(strangers(&now, &originals), ["r7"]);
        assert!(changes(&now, &originals).is_empty());
    }
}
