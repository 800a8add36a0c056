//! Minor versions: a snapshot, then the replicas one at a time, then the writer.

use domain::error::{ErrorName, StepError};
use domain::ids::{InstanceId, ResourceId};
use domain::plan::{Member, Plan};
use domain::rds::Instance;
use domain::record::{Phase, Record};
use domain::upgrade_in_place::{Act, Answer, Input, MemberSeen, Output, Seen, failure, finished, next, over, under_way};
use effects::claims::{Claims, Held};
use effects::dns::Resolver;
use effects::error::Error;
use effects::postgres::{Connector, Endpoint, smoke};
use effects::rds::{Instances, Snapshots};
use effects::secrets::Secrets;
use effects::step::Invocation;
use tracing::{error, info};

/// What a roll is done with.
#[derive(Clone)]
pub struct Roll {
    /// The table of upgrades.
    pub claims: Claims,
    /// The instances.
    pub instances: Instances,
    /// The snapshots.
    pub snapshots: Snapshots,
    /// Our credentials.
    pub secrets: Secrets,
    /// Who knows the servers' addresses.
    pub resolver: Resolver,
}

/// Takes the roll one step further. Run again, it sees how far it is; after the end it says so again.
///
/// # Errors
///
/// `Upgrade.Failed` if the roll can't go on: the message says what is left in service and where the snapshot is, and the
/// claim is marked for a person.
pub async fn run(roll: &Roll, input: Input, invocation: Invocation) -> Result<Output, Error> {
    let record = roll.claims.read(&input.ticket.database).await?;
    if let Some(output) = record.as_ref().and_then(|record| over(record, &input.ticket)) {
        return Ok(output);
    }
    // Boxed, since the compiler refuses futures that are nested as deeply as this one.
    let act = async |held: &mut Held<'_>| Box::pin(roll.step(held)).await;
    roll.claims.holding(&input.ticket, "upgrade_in_place", &invocation, act).await
}
