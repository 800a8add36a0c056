//! Moves a share of the reads to green, and back.

use domain::routes::{Route, changes};
use domain::shift_weight::{Input, Output, nothing_to_shift, output, wanted};
use effects::claims::{Claims, Held};
use effects::error::Error;
use effects::metrics;
use effects::routes::Routes;
use effects::step::Invocation;

/// Makes the weighted records so that `percent` of the reads go to green; 0 restores what the claim recorded. `ttl` is
/// the seconds for which clients may keep an answer while reads are shared.
///
/// # Errors
///
/// `Upgrade.Refused` if reads may not move now or have nowhere to go, `Upgrade.Transient` if Route 53 is not through.
pub async fn run(
    claims: &Claims,
    routes: &Routes,
    ttl: u32,
    input: Input,
    invocation: Invocation,
) -> Result<Output, Error> {
    let percent = input.percent;
    let shift = async |held: &mut Held<'_>| match held.record().plan.reads.clone() {
        Some(route) => shifted(held, routes, &route, percent, ttl, &invocation).await,
        None => Ok(nothing_to_shift(percent)),
    };
    claims
        .holding(&input.ticket, "shift_weight", &invocation, shift)
        .await
}

async fn shifted(
    held: &Held<'_>,
    routes: &Routes,
    route: &Route,
    percent: u8,
    ttl: u32,
    invocation: &Invocation,
) -> Result<Output, Error> {
    let wanted = wanted(held.record(), &route.records, percent, ttl)?;
    let verify = async || held.verify().await;
    let before = routes
        .apply(route, &wanted, invocation.last_call(), verify)
        .await?;
    if !changes(&before, &wanted).is_empty() {
        metrics::weight(held.ticket(), percent);
    }
    Ok(output(percent, &before, &wanted, &route.records))
}
