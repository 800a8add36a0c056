//! Weighted records: the reads are shared between blue and green by the records' weights.

use crate::zones::{LOOK_AGAIN, change, first, host};
use domain::error::StepError;
use domain::ids::Millis;
use domain::routes::{Change, Records, Weighted, changes, strangers};
use ports::{Clock, Edit, Error, RecordKind, RecordSet, World, Zones};
use tracing::{info, warn};

/// The weighted records of a name, in the hosted zone with the longest suffix that has any. `Upgrade.Refused` if the name has
/// records that this upgrade can't share between two sides.
pub(crate) async fn find(world: &impl World, name: &str) -> Result<Option<Records>, Error> {
    let name = host(name);
    let look = async |zone: &str| {
        let found = list(world, zone, &name).await?;
        Ok((!found.records.is_empty()).then_some(found))
    };
    first(world, &name, look).await
}

/// The records as they are now.
pub(crate) async fn read(world: &impl World, route: &Records) -> Result<Records, Error> {
    list(world, &route.zone, &route.name).await
}

async fn list(world: &impl World, zone: &str, name: &str) -> Result<Records, Error> {
    let sets = world.zones().records(zone, name).await?;
    let records: Option<Vec<Weighted>> = sets.into_iter().map(weighted).collect();
    let mut records = records.ok_or_else(|| unfit(name))?;
    records.sort_by(|a, b| a.set_identifier.cmp(&b.set_identifier));
    Ok(Records {
        zone: zone.to_owned(),
        name: name.to_owned(),
        records,
    })
}

/// Makes the records as wanted and returns them as they were before.
pub(crate) async fn apply(
    world: &impl World,
    wanted: &Records,
    deadline: Millis,
    verify: impl AsyncFn() -> Result<(), Error>,
) -> Result<Records, Error> {
    let before = read(world, wanted).await?;
    let mut current = before.clone();
    loop {
        let edits = changes(&current.records, &wanted.records);
        let edits: Vec<Edit> = edits.into_iter().map(edit).collect();
        if edits.is_empty() {
            warn_of_strangers(&current, wanted);
            return Ok(before);
        }
        verify().await?;
        match change(world, &wanted.zone, &wanted.name, &edits, deadline).await {
            Ok(()) => info!(name = wanted.name, "weighted records changed"),
            Err(failed) if failed.is_transient() && world.clock().now() < deadline => {
                warn!(%failed, "weighted records not changed yet");
                world.clock().sleep(LOOK_AGAIN).await;
            }
            Err(failed) => return Err(failed),
        }
        current = read(world, wanted).await?;
    }
}

fn warn_of_strangers(now: &Records, wanted: &Records) {
    let foreign = strangers(&now.records, &wanted.records);
    if !foreign.is_empty() {
        warn!(name = wanted.name, ?foreign, "foreign records left alone");
    }
}

fn unfit(name: &str) -> StepError {
    StepError::refused(format!(
        "`{name}` has a record that is no weighted CNAME with one target; make all its records weighted CNAMEs, or leave `reads` out"
    ))
}

/// A record set that reads can be shared over; `None` for any other.
fn weighted(mut set: RecordSet) -> Option<Weighted> {
    let target = set.targets.pop()?;
    (set.kind == RecordKind::Cname && set.targets.is_empty()).then_some(Weighted {
        set_identifier: set.set_identifier?,
        target: host(&target),
        weight: set.weight?,
        ttl: set.ttl?,
        health_check: set.health_check,
    })
}

fn edit(change: Change) -> Edit {
    match change {
        Change::Upsert(record) => Edit::Upsert(set(record)),
        Change::Delete(record) => Edit::Delete(set(record)),
    }
}

fn set(record: Weighted) -> RecordSet {
    RecordSet {
        set_identifier: Some(record.set_identifier),
        weight: Some(record.weight),
        health_check: record.health_check,
        ..RecordSet::cname(&record.target, record.ttl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Weighted {
        Weighted {
            set_identifier: "one".into(),
            target: "orders.example.com".into(),
            weight: 10,
            ttl: 60,
            health_check: Some("hc-1".into()),
        }
    }

    #[test]
    fn a_weighted_record_survives_the_way_there_and_back() {
        assert_eq!(weighted(set(record())), Some(record()));
    }

    #[test]
    fn reads_are_shared_over_nothing_but_weighted_cnames_with_one_target() {
        let fit = set(record());
        let mut unfit = vec![fit.clone(); 5];
        unfit[0].kind = RecordKind::Address;
        unfit[1].weight = None;
        unfit[2].set_identifier = None;
        unfit[3].targets.push("other.example.com".into());
        unfit[4].ttl = None;
        for set in unfit {
            assert_eq!(weighted(set.clone()), None, "{set:?}");
        }
    }
}
