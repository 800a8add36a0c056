//! Moves a share of the reads to green, and back.

use domain::routes::Route;
use domain::steps::shift_weight::{Input, Output, nothing_to_shift, output, wanted};
use ports::{Error, Observation, World};
use steps::{Call, Held, metrics};

/// Makes the route so that `percent` of the reads go to green; 0 restores what the claim recorded.
///
/// # Errors
///
/// `Upgrade.Refused` if reads may not move now or have nowhere to go, `Upgrade.Transient` if the change is not everywhere yet.
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
    let wanted = wanted(held.record(), route, percent, ttl)?;
    let verify = async || held.verify().await;
    let deadline = call.invocation.last_call();
    let hosts = held.record().hosts(&[]);
    let before = routes::apply(call.world, &wanted, &hosts, deadline, verify).await?;
    if !wanted.is_met_by(before.as_ref()) {
        metrics::observe(held, &Observation::Weight(percent));
    }
    Ok(output(percent, before.as_ref(), &wanted, route))
}
