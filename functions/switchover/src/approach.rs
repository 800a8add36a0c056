//! Parts 1 to 5: everything while blue serves, up to the call.

use crate::sides::{Sides, opened};
use crate::{again, checklist, failback, follow, retreat};
use domain::error::StepError;
use domain::fence::{Fence, Side};
use domain::ids::Millis;
use domain::marker::Marker;
use domain::receipt::Receipt;
use domain::record::Phase;
use domain::reverse::Reverse;
use domain::steps::switchover::{Output, Verdict};
use futures_util::future::try_join_all;
use ports::{Error, Rds, Session, SessionOf, World};
use std::collections::BTreeMap;
use std::time::Duration;
use steps::fencing::{self, DRAIN};
use steps::{Held, Laps};
use tracing::info;

/// Less time than this, and it is not begun.
const ENOUGH: Duration = Duration::from_secs(35);
/// RDS's own minimum, in seconds; the shortest time in which it takes a switchover back.
const TIMEOUT: u32 = 30;

/// What is recorded in the same write as the call of RDS.
struct Calling {
    receipt: Receipt,
    markers: BTreeMap<String, Marker>,
    reverse: Option<Reverse>,
}

pub(crate) async fn begin<W: World>(held: &mut Held<'_, W>) -> Result<Output, Error> {
    let call = held.call;
    let mut sides = Sides::find(call, held.record()).await?;
    sides.connect().await?;
    let blue = checklist::inside_blue(&sides).await?;
    let mut laps = Laps::begin(call);
    let (lines, verdict) = checklist::run(held, &sides, &blue).await?;
    match verdict {
        Verdict::Go => info!("checklist passed"),
        Verdict::NotQuiet { why } => return Ok(again(&format!("not now: {why}"))),
        Verdict::Unfit { why } => return Err(StepError::refused(why).into()),
    }
    laps.lap(call, "checklist");
    move_reads(held).await?;
    laps.lap(call, "reads");
    if call.remaining() < ENOUGH {
        return Ok(again(
            "reads are on the names that survive; the rest needs a call of its own",
        ));
    }
    let reverse = failback::prepare(&sides, &held.record().plan).await?;
    laps.lap(call, "way back");
    let mut receipt = fence_green(held, &sides).await?;
    receipt.checklist = lines;
    laps.lap(call, "fence");
    let Some(markers) = arrived(held, &sides, &blue).await? else {
        retreat::lift(held, &mut sides).await?;
        return Ok(again(
            "green does not catch up within the budget of the write pause; the fence is down",
        ));
    };
    laps.lap(call, "marker");
    // RDS would end them while every writer waits.
    drop(blue);
    receipt.phases = laps.parts;
    let calling = Calling {
        receipt,
        markers,
        reverse,
    };
    Box::pin(call_rds(held, &mut sides, calling)).await
}

/// Part 2. Every read goes to a name that is there after the switchover, and clients have dropped the other answer.
async fn move_reads<W: World>(held: &Held<'_, W>) -> Result<(), Error> {
    let call = held.call;
    let deadline = Millis(call.invocation.deadline.0 - 10_000);
    let verify = async || held.verify().await;
    let hosts = held.record().hosts(&[]);
    let mut kept = 0;
    for route in held.record().poised()? {
        let before = routes::apply(call.world, &route, &hosts, deadline, verify).await?;
        if !route.is_met_by(before.as_ref()) {
            kept = kept.max(before.map_or(0, |before| before.kept_seconds()));
        }
    }
    if kept > 0 {
        let left = call.remaining().saturating_sub(Duration::from_secs(5));
        call.sleep(Duration::from_secs(kept.into()).min(left)).await;
        info!(kept, "reads moved to the names that survive");
    }
    Ok(())
}

/// Part 3. Recorded before it stands.
async fn fence_green<W: World>(
    held: &mut Held<'_, W>,
    sides: &Sides<'_, W>,
) -> Result<Receipt, Error> {
    let call = held.call;
    let session = sides.on_new()?;
    let deadline = Millis(call.now().0 + i64::from(TIMEOUT) * 1000 + 120_000);
    let place = (Side::Green, &sides.new.resource_id);
    let stands = fencing::plan(held.record(), session, place, deadline).await?;
    held.fence(stands.clone()).await?;
    held.verify().await?;
    let names = stands.role_names();
    let closed = fencing::close(session, &stands, &names, DRAIN).await?;
    if !closed.standing.is_closed() {
        let left = closed.standing.sessions;
        return Err(StepError::transient(format!("{left} sessions don't end on green")).into());
    }
    info!(roles = names.len(), "green fenced");
    Ok(Receipt {
        sessions_drained: closed.ended,
        roles: names,
        fenced_at: Some(call.now()),
        ..Receipt::default()
    })
}

/// Part 4. The markers, once green has them all; `None` if that takes longer than the pause may.
async fn arrived<W: World>(
    held: &Held<'_, W>,
    sides: &Sides<'_, W>,
    blue: &[SessionOf<W>],
) -> Result<Option<BTreeMap<String, Marker>>, Error> {
    let budget = Duration::from_millis(held.record().plan.request.max_write_pause_ms.into());
    held.verify().await?;
    let pairs = blue.iter().zip(&sides.new_inside).zip(&sides.databases);
    let markers = pairs.map(|((blue, green), database)| async move {
        let written = blue.write_marker().await?.marker;
        let green = opened(green.as_ref())?;
        let seen = green.await_marker(written.number, budget).await?;
        let level = seen.is_some_and(|seen| seen.number >= written.number);
        Ok::<_, Error>(level.then(|| (database.clone(), written)))
    });
    let markers = try_join_all(markers).await?;
    Ok(markers.into_iter().collect())
}

/// Part 5. From here on only RDS knows which side serves, until every member says so.
async fn call_rds<W: World>(
    held: &mut Held<'_, W>,
    sides: &mut Sides<'_, W>,
    calling: Calling,
) -> Result<Output, Error> {
    let call = held.call;
    let Calling {
        mut receipt,
        markers,
        reverse,
    } = calling;
    let green = held.record().made_green()?.deployment.clone();
    let budget = held.record().plan.request.max_write_pause_ms.div_ceil(1000);
    // Old stays closed as long as it stands, whatever sweeps.
    let place = (Side::Blue, &sides.old.resource_id);
    let old = fencing::plan(held.record(), sides.on_old()?, place, Fence::FOR_GOOD).await?;
    receipt.called_at = Some(call.now());
    held.change(|record| {
        record.phase = Phase::Switching;
        record.markers = markers;
        record.reverse = reverse;
        record.receipt = Some(receipt);
        record.put_fence(old);
    })
    .await?;
    held.verify().await?;
    let rds = call.world.rds();
    if let Err(failed) = rds.switch_over(&green, TIMEOUT.max(budget)).await {
        // The answer may be lost although RDS switches, so RDS's own word counts.
        if follow::is_idle(call, &green).await? {
            return not_begun(held, sides, failed).await;
        }
    }
    info!("RDS called");
    Box::pin(follow::follow(held, sides)).await
}

/// RDS did not take the call. The fence comes down; whether the call may be made again is the failure's to say.
async fn not_begun<W: World>(
    held: &mut Held<'_, W>,
    sides: &mut Sides<'_, W>,
    failed: Error,
) -> Result<Output, Error> {
    if failed.is_transient() {
        retreat::lift(held, sides).await?;
        return Ok(again(&format!(
            "RDS did not begin: {failed}; the fence is down"
        )));
    }
    let why = failed.to_string();
    Err(retreat::taken_back(held, sides, &why).await?.into())
}
