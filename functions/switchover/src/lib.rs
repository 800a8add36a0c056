//! The critical section: one writer becomes another.
//!
//! One invocation goes from the checklist to the receipt. A call that comes again, after whatever, decides from the
//! record's phase and from what RDS says where to go on.

mod approach;
mod checklist;
mod follow;
mod link;
mod opening;
mod proof;
mod retreat;
mod sides;

use domain::error::StepError;
use domain::record::Phase;
use domain::switchover::{Input, Output, Receipt, Stage, stage};
use effects::alarms::Alarms;
use effects::claims::{Claims, Held};
use effects::dns::Resolver;
use effects::error::Error;
use effects::rds::{Deployments, Instances};
use effects::routes::Routes;
use effects::secrets::Secrets;
use effects::step::Invocation;
use opening::Moment;
use sides::Sides;

/// What the switchover is made with.
#[derive(Clone)]
pub struct Bridge {
    /// The table of upgrades.
    pub claims: Claims,
    /// The blue/green deployment.
    pub deployments: Deployments,
    /// Its instances.
    pub instances: Instances,
    /// The alarms that guard the upgrade.
    pub alarms: Alarms,
    /// Where reads go.
    pub routes: Routes,
    /// Our credentials.
    pub secrets: Secrets,
    /// Who knows the servers' addresses.
    pub resolver: Resolver,
}

/// Switches over, or goes on with a switchover that was begun.
///
/// # Errors
///
/// `Upgrade.Refused` if it can't be begun or RDS took it back, with blue serving and no fence standing;
/// `Upgrade.AlarmRaised` if an alarm rings before it is begun; `Upgrade.Failed` if green serves but does not hold what it
/// should, or is withheld because it does not.
pub async fn run(bridge: &Bridge, input: Input, invocation: Invocation) -> Result<Output, Error> {
    // Boxed, because it is long and lives in the frame of every caller otherwise.
    let act = async |held: &mut Held<'_>| Box::pin(bridge.step(held, &invocation)).await;
    bridge
        .claims
        .holding(&input.ticket, "switchover", &invocation, act)
        .await
}

impl Bridge {
    async fn step(&self, held: &mut Held<'_>, invocation: &Invocation) -> Result<Output, Error> {
        let green = held.record().green.clone();
        let green =
            green.ok_or_else(|| StepError::refused("there is no green; provision makes it"))?;
        let seen = self.deployments.describe(&green.deployment).await?;
        match stage(held.record().phase, false, seen.as_ref()) {
            Stage::Begin => Box::pin(self.begin(held, invocation)).await,
            Stage::StartOver if !self.is_idle(&green.deployment).await? => {
                Ok(again("RDS may be about to switch"))
            }
            Stage::StartOver => {
                let mut sides = Sides::find(self, held.record()).await?;
                retreat::lift(held, &mut sides).await?;
                Ok(again(
                    "RDS has not switched; the fence is down, and the switchover is begun anew",
                ))
            }
            Stage::Follow => {
                let mut sides = Sides::find(self, held.record()).await?;
                Box::pin(self.follow(held, &mut sides, invocation)).await
            }
            // No call of ours is in the record, so that the writes went over without it.
            Stage::Finish if held.record().receipt.is_none() => foreign(held).await,
            Stage::Foreign => foreign(held).await,
            Stage::Finish => {
                let mut sides = Sides::find(self, held.record()).await?;
                self.finish(held, &mut sides, invocation, Moment::now())
                    .await
            }
            Stage::TakenBack { why } => {
                let mut sides = Sides::find(self, held.record()).await?;
                Err(retreat::taken_back(held, &mut sides, &why).await?.into())
            }
            Stage::Wait => Ok(again("somebody else is switching the deployment over")),
            Stage::Refuse { why } => Err(StepError::refused(why).into()),
        }
    }
}

/// Green serves, and nothing of it can be vouched for.
async fn foreign(held: &mut Held<'_>) -> Result<Output, Error> {
    if held.record().phase != Phase::After {
        held.enter(Phase::After).await?;
    }
    let what =
        "somebody else has switched the deployment over, without fence and proof; green serves";
    Err(StepError::failed(what).into())
}

/// Not done: the state machine calls again.
fn again(summary: &str) -> Output {
    Output {
        summary: summary.to_owned(),
        done: false,
        receipt: None,
    }
}

fn done(receipt: Receipt) -> Output {
    let (rds, ours) = (receipt.rds_ms, receipt.ours_ms);
    let complaints = match receipt.complaints.len() {
        0 => String::new(),
        some => format!("; {some} things to look at in the receipt"),
    };
    Output {
        summary: format!("green serves: RDS took {rds} ms, we took {ours} ms{complaints}"),
        done: true,
        receipt: Some(receipt),
    }
}
