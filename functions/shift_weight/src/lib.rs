//! Moves a share of the reads to green, and back.

use domain::routes::{Route, changes};
use domain::steps::shift_weight::{Input, Output, nothing_to_shift, output, wanted};
use ports::{Error, Observation, World};
use routes::weighted;
use steps::{Call, Held, metrics};

/// Makes the weighted records so that `percent` of the reads go to green; 0 restores what the claim recorded.
///
/// # Errors
///
/// `Upgrade.Refused` if reads may not move now or have nowhere to go, `Upgrade.Transient` if Route 53 is not through.
pub async fn run<W: World>(call: &Call<'_, W>, input: Input) -> Result<Output, Error> {
    let percent = input.percent;
    let shift = async |held: &mut Held<'_, W>| match held.record().plan.reads.clone() {
        Some(route) => shifted(held, &route, percent).await,
        None => Ok(nothing_to_shift(percent)),
    };
    call.holding(&input.ticket, "shift_weight", shift).await
}

async fn shifted<W: World>(
    held: &Held<'_, W>,
    route: &Route,
    percent: u8,
) -> Result<Output, Error> {
    let call = held.call;
    let ttl = call.world.record_ttl();
    let wanted = wanted(held.record(), &route.records, percent, ttl)?;
    let verify = async || held.verify().await;
    let deadline = call.invocation.last_call();
    let before = weighted::apply(call.world, route, &wanted, deadline, verify).await?;
    if !changes(&before, &wanted).is_empty() {
        metrics::observe(held, &Observation::Weight(percent));
    }
    Ok(output(percent, &before, &wanted, &route.records))
}
