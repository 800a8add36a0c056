//! Claims a database for an upgrade, before anything is touched.

use domain::claim::{Input, Output, output};
use effects::claims::Claims;
use effects::error::Error;

/// Claims the plan's database. Run again for the same owner, it finds its own claim.
///
/// # Errors
///
/// `Upgrade.Refused` if the claim is another's, waits for a person, had its time, or is later than the plan; nothing is
/// touched then.
pub async fn run(claims: &Claims, input: Input) -> Result<Output, Error> {
    let ticket = claims.take(&input.plan, &input.owner).await?;
    Ok(output(&input.plan, ticket))
}
