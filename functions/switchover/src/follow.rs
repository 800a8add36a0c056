//! Part 5, while RDS switches: ask the databases when to look, and RDS whether it happened.

use crate::sides::Sides;
use crate::{again, opening, retreat};
use domain::error::StepError;
use domain::ids::DeploymentId;
use domain::rds::{Deployment, instance_of};
use domain::record::Phase;
use domain::steps::switchover::{Output, Stage, stage};
use ports::{Error, Rds, Session, World};
use std::cell::Cell;
use std::convert::Infallible;
use std::time::Duration;
use steps::{Call, Held};
use tokio::sync::Notify;
use tracing::{debug, info, warn};

/// What the opening needs; with less, the next call opens.
const RESERVE: Duration = Duration::from_secs(20);
/// How often RDS is asked while nothing is to be expected.
const CALM: Duration = Duration::from_millis(250);
/// How often it is asked once the databases say that it must be soon, and how many times.
const TIGHT: (Duration, u32) = (Duration::from_millis(10), 300);
/// How long to wait at a closed door. A refused connection costs a server nearly as much as a session, in the moment in
/// which it has most to do.
const KNOCK: Duration = Duration::from_millis(15);
/// The longest that one round of opening sessions takes, since a silent side must not hide the other.
const ROUND: Duration = Duration::from_secs(1);
/// RDS bounds its own switchover by less, in milliseconds.
const OVERDUE: u64 = 900_000;
/// How long sessions may take that are being opened when RDS is through.
const NEARLY: Duration = Duration::from_millis(500);
/// How many observations in a row tell that RDS has taken it back, and the time between them.
const TAKEN_BACK: (u32, Duration) = (3, Duration::from_millis(500));

/// How RDS's switchover ended.
enum Ended {
    Through(Deployment),
    TakenBack(String),
    NotYet,
}

/// What the databases say meanwhile.
#[derive(Default)]
struct Soon {
    /// That it must be soon.
    said: Cell<bool>,
    wake: Notify,
    /// That all sessions on both sides are open.
    whole: Cell<bool>,
    opened: Notify,
}

impl Soon {
    fn say(&self) {
        if !self.said.replace(true) {
            debug!("green is back");
            self.wake.notify_waiters();
        }
    }

    /// Returns once all sessions are open.
    async fn complete(&self) {
        while !self.whole.get() {
            self.opened.notified().await;
        }
    }
}

pub(crate) async fn follow<W: World>(
    held: &mut Held<'_, W>,
    sides: &mut Sides<'_, W>,
) -> Result<Output, Error> {
    let call = held.call;
    let id = held.record().made_green()?.deployment.clone();
    let soon = Soon::default();
    let through;
    let ended = {
        let mut staying = Box::pin(stay(call, sides, &soon));
        let ended = tokio::select! {
            biased;
            ended = ended(call, &id, &soon) => ended?,
            never = &mut staying => match never {},
        };
        through = call.now();
        // What is being opened is nearly open, and would have to be begun anew.
        tokio::select! {
            biased;
            _ = call.timeout(NEARLY, soon.complete()) => {}
            never = staying => match never {},
        }
        ended
    };
    match ended {
        Ended::Through(deployment) => {
            info!("every member is through");
            sides.old.renamed(&instance_of(&deployment.source));
            opening::finish(held, sides, through).await
        }
        Ended::TakenBack(why) => Err(retreat::taken_back(held, sides, &why).await?.into()),
        Ended::NotYet if is_overdue(held) => {
            let what =
                "RDS has not ended its switchover within a quarter of an hour, nor taken it back";
            Err(StepError::failed(what).into())
        }
        Ended::NotYet => Ok(again("RDS is still switching over")),
    }
}

/// Whether RDS leaves blue the writes, by as many observations as it takes to believe it: its status may be a moment
/// behind a call that it accepted.
pub(crate) async fn is_idle<W: World>(
    call: &Call<'_, W>,
    id: &DeploymentId,
) -> Result<bool, Error> {
    for look in 0..TAKEN_BACK.0 {
        if look > 0 {
            call.sleep(TAKEN_BACK.1).await;
        }
        let seen = call.world.rds().deployment(id).await?;
        let stage = stage(Phase::Switching, true, seen.as_ref());
        if !matches!(stage, Stage::TakenBack { .. }) {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn ended<W: World>(
    call: &Call<'_, W>,
    id: &DeploymentId,
    soon: &Soon,
) -> Result<Ended, Error> {
    let (mut looks, mut back) = (0, 0);
    while call.remaining() > RESERVE {
        let stage = match call.world.rds().deployment(id).await {
            Ok(seen) => (stage(Phase::Switching, true, seen.as_ref()), seen),
            Err(failed) if failed.is_transient() => {
                warn!(%failed, "RDS not asked");
                (Stage::Follow, None)
            }
            Err(failed) => return Err(failed),
        };
        match stage {
            (Stage::Finish, Some(seen)) => return Ok(Ended::Through(seen)),
            (Stage::TakenBack { why }, _) if back + 1 == TAKEN_BACK.0 => {
                return Ok(Ended::TakenBack(why));
            }
            (Stage::TakenBack { .. }, _) => back += 1,
            (Stage::Refuse { why }, _) => return Err(StepError::refused(why).into()),
            _ => back = 0,
        }
        looks += u32::from(soon.said.get());
        pause(call, soon, looks, back).await;
    }
    Ok(Ended::NotYet)
}

fn is_overdue<W: World>(held: &Held<'_, W>) -> bool {
    let receipt = held.record().receipt.as_ref();
    let called = receipt.and_then(|receipt| receipt.called_at);
    called.is_some_and(|called| held.call.elapsed(called) > OVERDUE)
}

/// Until the next look at RDS: short once it must be soon, but not for ever.
async fn pause<W: World>(call: &Call<'_, W>, soon: &Soon, looks: u32, back: u32) {
    match (back, soon.said.get()) {
        (1.., _) => call.sleep(TAKEN_BACK.1).await,
        (0, true) if looks <= TIGHT.1 => call.sleep(TIGHT.0).await,
        (0, true) => call.sleep(CALM).await,
        (0, false) => {
            let _ = call.timeout(CALM, soon.wake.notified()).await;
        }
    }
}

/// Keeps sessions on both sides. RDS ends them all for the time in which no side takes writes, so that being let in again
/// is the sign that it is nearly through; where it ends none, the forward link's end is.
async fn stay<W: World>(call: &Call<'_, W>, sides: &mut Sides<'_, W>, soon: &Soon) -> Infallible {
    let mut turn = 0_u32;
    loop {
        let was_here = sides.new_is_here();
        // Old may stay away; new counts.
        let round = call.timeout(ROUND, sides.connect()).await;
        soon.whole.set(matches!(round, Ok(Ok(()))));
        soon.opened.notify_waiters();
        let here = sides.new_is_here();
        if here && (!was_here || turn.is_multiple_of(4) && is_unlinked(sides).await) {
            soon.say();
        }
        call.sleep(KNOCK).await;
        turn = turn.wrapping_add(1);
    }
}

async fn is_unlinked<W: World>(sides: &Sides<'_, W>) -> bool {
    let Some(Some(session)) = sides.new_inside.first() else {
        return false;
    };
    matches!(session.follows().await, Ok(false))
}
