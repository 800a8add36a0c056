//! Claims a database for an upgrade, before anything is touched.

use domain::steps::claim::{Input, Output, output};
use ports::{Error, World};
use steps::{Call, claim};

/// Claims the plan's database. Run again for the same owner, it finds its own claim.
///
/// # Errors
///
/// `Upgrade.Refused` if the claim is another's, waits for a person, had its time, or is later than the plan; nothing is
/// touched then.
pub async fn run<W: World>(call: &Call<'_, W>, input: Input) -> Result<Output, Error> {
    let ticket = claim(call, &input.plan, &input.owner).await?;
    Ok(output(&input.plan, ticket))
}
