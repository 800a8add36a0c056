//! What all routes in hosted zones have in common: finding a name's zone, and a change that is awaited.

use domain::error::StepError;
use domain::ids::Millis;
use ports::{Clock, Edit, Error, World, Zones};
use std::time::Duration;

/// Route 53 allows an account five calls a second, so a change is looked at again after this long.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A host name as it is compared: no final dot, lower case.
pub(crate) fn host(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// What `look` returns first of the hosted zones whose name is a suffix of `name`, the longest suffix first.
pub(crate) async fn first<T>(
    world: &impl World,
    name: &str,
    look: impl AsyncFn(&str) -> Result<Option<T>, Error>,
) -> Result<Option<T>, Error> {
    let suffixes = std::iter::successors(Some(name), |suffix| {
        suffix.split_once('.').map(|(_, rest)| rest)
    });
    for suffix in suffixes {
        for zone in world.zones().zones(suffix).await? {
            if let Some(found) = look(&zone).await? {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

/// One atomic batch, awaited until it has reached every nameserver.
pub(crate) async fn change(
    world: &impl World,
    zone: &str,
    name: &str,
    edits: &[Edit],
    deadline: Millis,
) -> Result<(), Error> {
    let Some(change) = world.zones().change(zone, name, edits).await? else {
        return Ok(());
    };
    while !world.zones().is_everywhere(&change).await? {
        if world.clock().now() >= deadline {
            let why = "the changed records have not reached every nameserver yet";
            return Err(StepError::transient(why).into());
        }
        world.clock().sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn names_are_compared_without_the_final_dot_and_in_lower_case() {
        assert_eq!(host("Orders.Example.com."), "orders.example.com");
    }
}
