//! Weighted records: the reads are shared between blue and green by the records' weights.

use crate::zones::{LOOK_AGAIN, change, first, host};
use domain::error::StepError;
use domain::ids::Millis;
use domain::routes::{Change, Route, Weighted, changes, strangers};
use ports::{Clock, Edit, Error, RecordKind, RecordSet, World, Zones};
use tracing::{info, warn};

/// The weighted records of a name, in the hosted zone with the longest suffix that has any.
///
/// # Errors
///
/// `Upgrade.Refused` if the name has records that this upgrade can't share between two sides.
pub async fn find(world: &impl World, name: &str) -> Result<Option<Route>, Error> {
    let name = host(name);
    let look = async |zone: &str| {
        let records = list(world, zone, &name).await?;
        Ok((!records.is_empty()).then(|| Route {
            zone: zone.to_owned(),
            name: name.clone(),
            records,
        }))
    };
    first(world, &name, look).await
}

/// The records of a route as they are now.
///
/// # Errors
///
/// As [`find`].
pub async fn read(world: &impl World, route: &Route) -> Result<Vec<Weighted>, Error> {
    list(world, &route.zone, &route.name).await
}

async fn list(world: &impl World, zone: &str, name: &str) -> Result<Vec<Weighted>, Error> {
    let sets = world.zones().records(zone, name).await?;
    let records: Option<Vec<Weighted>> = sets.into_iter().map(weighted).collect();
    let mut records = records.ok_or_else(|| unfit(name))?;
    records.sort_by(|a, b| a.set_identifier.cmp(&b.set_identifier));
    Ok(records)
}

/// Makes a route's records as wanted and returns them as they were before. Looks before each attempt, so that an attempt whose
/// answer was lost is recognized; on return every nameserver of Route 53 has the records.
///
/// `verify` runs immediately before each change.
///
/// # Errors
///
/// `Upgrade.Transient` if it is not done by `deadline`; what `verify` fails with.
pub async fn apply(
    world: &impl World,
    route: &Route,
    wanted: &[Weighted],
    deadline: Millis,
    verify: impl AsyncFn() -> Result<(), Error>,
) -> Result<Vec<Weighted>, Error> {
    let before = read(world, route).await?;
    let mut current = before.clone();
    loop {
        let edits: Vec<Edit> = changes(&current, wanted).into_iter().map(edit).collect();
        if edits.is_empty() {
            warn_of_strangers(route, &current, wanted);
            return Ok(before);
        }
        verify().await?;
        match change(world, &route.zone, &route.name, &edits, deadline).await {
            Ok(()) => info!(name = route.name, "weighted records changed"),
            Err(failed) if failed.is_transient() && world.clock().now() < deadline => {
                warn!(%failed, "weighted records not changed yet");
                world.clock().sleep(LOOK_AGAIN).await;
            }
            Err(failed) => return Err(failed),
        }
        current = read(world, route).await?;
    }
}

fn warn_of_strangers(route: &Route, now: &[Weighted], wanted: &[Weighted]) {
    let foreign = strangers(now, wanted);
    if !foreign.is_empty() {
        warn!(
            name = route.name,
            ?foreign,
            "records of somebody else left alone"
        );
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
        kind: RecordKind::Cname,
        set_identifier: Some(record.set_identifier),
        weight: Some(record.weight),
        ttl: Some(record.ttl),
        targets: vec![record.target],
        health_check: record.health_check,
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
