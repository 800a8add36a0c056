//! A plain CNAME: the record that leads to the writer.

use crate::zones::{change, first, host};
use domain::error::StepError;
use domain::ids::Millis;
use domain::routes::Pointer;
use ports::{Edit, Error, RecordKind, RecordSet, World, Zones};
use tracing::info;

/// The record of a name, in the hosted zone with the longest suffix that has one. `Upgrade.Refused` if the name has anything but
/// one plain CNAME.
pub(crate) async fn find(world: &impl World, name: &str) -> Result<Option<Pointer>, Error> {
    let name = host(name);
    first(world, &name, async |zone| pointer(world, zone, &name).await).await
}

/// The record as it is now; `None` if it is gone.
pub(crate) async fn read(world: &impl World, route: &Pointer) -> Result<Option<Pointer>, Error> {
    pointer(world, &route.zone, &route.name).await
}

async fn pointer(world: &impl World, zone: &str, name: &str) -> Result<Option<Pointer>, Error> {
    let sets = world.zones().records(zone, name).await?;
    match sets.as_slice() {
        [] => Ok(None),
        [only] => match plain(zone, name, only) {
            Some(pointer) => Ok(Some(pointer)),
            None => Err(unfit(name).into()),
        },
        _ => Err(unfit(name).into()),
    }
}

/// Lets the record lead where `wanted` says, and returns what it was before.
pub(crate) async fn apply(
    world: &impl World,
    wanted: &Pointer,
    deadline: Millis,
    verify: impl AsyncFn() -> Result<(), Error>,
) -> Result<Option<Pointer>, Error> {
    let before = read(world, wanted).await?;
    if before.as_ref() != Some(wanted) {
        verify().await?;
        let edits = [Edit::Upsert(set(wanted))];
        change(world, &wanted.zone, &wanted.name, &edits, deadline).await?;
        info!(name = wanted.name, target = wanted.target, "record changed");
    }
    Ok(before)
}

fn unfit(name: &str) -> StepError {
    StepError::refused(format!(
        "`{name}` is not one plain CNAME with one target; make it one, or leave `writes` out"
    ))
}

fn plain(zone: &str, name: &str, set: &RecordSet) -> Option<Pointer> {
    let [target] = set.targets.as_slice() else {
        return None;
    };
    let is_plain = set.kind == RecordKind::Cname && set.set_identifier.is_none();
    is_plain.then_some(Pointer {
        zone: zone.to_owned(),
        name: name.to_owned(),
        target: host(target),
        ttl: set.ttl?,
    })
}

fn set(wanted: &Pointer) -> RecordSet {
    RecordSet::cname(&wanted.target, wanted.ttl)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Pointer {
        Pointer {
            zone: "Z1".into(),
            name: "orders.example.com".into(),
            target: "orders.rds.example.com".into(),
            ttl: 1,
        }
    }

    #[test]
    fn the_writes_record_survives_the_way_there_and_back() {
        let wanted = record();
        let back = plain(&wanted.zone, &wanted.name, &set(&wanted));
        assert_eq!(back, Some(wanted));
    }

    #[test]
    fn writes_go_by_nothing_but_a_plain_cname_with_one_target() {
        let mut unfit = vec![set(&record()); 4];
        unfit[0].kind = RecordKind::Address;
        unfit[1].set_identifier = Some("one".into());
        unfit[2].targets.push("other.example.com".into());
        unfit[3].ttl = None;
        for set in unfit {
            assert_eq!(plain("Z1", "orders.example.com", &set), None, "{set:?}");
        }
    }
}
