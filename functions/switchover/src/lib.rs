//! The critical section: one writer becomes another.
//!
//! One call goes from the checklist to the receipt. A repeated call decides from the record's phase and RDS's status where
//! to continue.

mod approach;
mod checklist;
mod failback;
mod follow;
mod opening;
mod proof;
mod retreat;
mod sides;

use domain::error::StepError;
use domain::receipt::Receipt;
use domain::record::Phase;
use domain::steps::switchover::{Input, Output, Stage, stage};
use ports::{Error, Rds, World};
use sides::Sides;
use steps::{Call, Held};

/// Switches over, or continues a switchover.
///
/// # Errors
///
/// `Upgrade.Refused` if it can't be begun or RDS took it back, with blue serving and no fence standing;
/// `Upgrade.AlarmRaised` if an alarm goes to ALARM before it is begun; `Upgrade.Failed` if green serves but does not hold what it
/// should, or is withheld because it does not.
pub async fn run<W: World>(call: &Call<'_, W>, input: Input) -> Result<Output, Error> {
    // Boxed, because it is long and lives in the frame of every caller otherwise.
    let act = async |held: &mut Held<'_, W>| Box::pin(step(held)).await;
    call.holding(&input.ticket, "switchover", act).await
}

async fn step<W: World>(held: &mut Held<'_, W>) -> Result<Output, Error> {
    let call = held.call;
    let green = held.record().made_green()?.deployment.clone();
    let seen = call.world.rds().deployment(&green).await?;
    match stage(held.record().phase, false, seen.as_ref()) {
        Stage::Begin => Box::pin(approach::begin(held)).await,
        Stage::StartOver if !follow::is_idle(call, &green).await? => {
            Ok(again("RDS may be about to switch"))
        }
        Stage::StartOver => {
            let mut sides = Sides::find(call, held.record()).await?;
            retreat::lift(held, &mut sides).await?;
            Ok(again(
                "RDS has not switched; the fence is down, and the switchover begins again",
            ))
        }
        Stage::Follow => {
            let mut sides = Sides::find(call, held.record()).await?;
            Box::pin(follow::follow(held, &mut sides)).await
        }
        // The record has no call of ours, so the switchover happened without it.
        Stage::Finish if held.record().receipt.is_none() => foreign(held).await,
        Stage::Foreign => foreign(held).await,
        Stage::Finish => {
            let mut sides = Sides::find(call, held.record()).await?;
            opening::finish(held, &mut sides, call.now()).await
        }
        Stage::TakenBack { why } => {
            let mut sides = Sides::find(call, held.record()).await?;
            Err(retreat::taken_back(held, &mut sides, &why).await?.into())
        }
        Stage::Wait => Ok(again(
            "the deployment is being switched over outside of Viridian",
        )),
        Stage::Refuse { why } => Err(StepError::refused(why).into()),
    }
}

/// Green serves, without a proof.
async fn foreign<W: World>(held: &mut Held<'_, W>) -> Result<Output, Error> {
    if held.record().phase != Phase::After {
        held.enter(Phase::After).await?;
    }
    let what = "the deployment was switched over outside of Viridian, without fence and proof; green serves";
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
