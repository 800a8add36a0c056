//! Parts 1 to 5: everything while blue serves, up to the call.

use crate::sides::{Sides, opened};
use crate::{Bridge, again, checklist, link, retreat};
use domain::error::StepError;
use domain::ids::Millis;
use domain::record::{Fence, Marker, Phase, Side};
use domain::reverse::Reverse;
use domain::switchover::{Output, Receipt, Verdict};
use effects::claims::Held;
use effects::error::Error;
use effects::postgres::{Session, fence, marker, roles, sessions};
use effects::step::{Invocation, now};
use futures_util::future::try_join_all;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tracing::info;

/// Less time than this, and it is not begun.
const ENOUGH: Duration = Duration::from_secs(35);
/// How long sessions on green may take to end.
const DRAIN: Duration = Duration::from_secs(5);
/// RDS's own minimum, in seconds; the shortest time in which it takes a switchover back.
const TIMEOUT: u32 = 30;

/// What is recorded in the same write as the call of RDS.
struct Calling {
    receipt: Receipt,
    markers: BTreeMap<String, Marker>,
    reverse: Option<Reverse>,
}

impl Bridge {
    pub(crate) async fn begin(
        &self,
        held: &mut Held<'_>,
        invocation: &Invocation,
    ) -> Result<Output, Error> {
        let mut sides = Sides::find(self, held.record()).await?;
        sides.connect().await?;
        let blue = checklist::inside_blue(&sides).await?;
        let mut laps = Laps::new();
        let (lines, verdict) = checklist::run(self, held.record(), &sides, &blue).await?;
        match verdict {
            Verdict::Go => info!("checklist passed"),
            Verdict::NotQuiet { why } => return Ok(again(&format!("not now: {why}"))),
            Verdict::Unfit { why } => return Err(StepError::refused(why).into()),
        }
        laps.lap("checklist");
        self.move_reads(held, invocation).await?;
        laps.lap("reads");
        if invocation.remaining() < ENOUGH {
            return Ok(again(
                "reads are on the names that survive; the rest needs a call of its own",
            ));
        }
        let reverse = link::prepare(&sides, &held.record().plan).await?;
        laps.lap("way back");
        let mut receipt = self.fence_green(held, &mut sides).await?;
        receipt.checklist = lines;
        laps.lap("fence");
        let Some(markers) = arrived(held, &sides, &blue).await? else {
            retreat::lift(held, &mut sides).await?;
            return Ok(again(
                "green does not come level within the budget of the write pause; the fence is down",
            ));
        };
        laps.lap("marker");
        // RDS would end them while everybody waits.
        drop(blue);
        receipt.phases = laps.0;
        let calling = Calling {
            receipt,
            markers,
            reverse,
        };
        Box::pin(self.call(held, &mut sides, invocation, calling)).await
    }

    /// Part 2. Every read goes to a name that is there after the switchover, and clients have dropped the other answer.
    async fn move_reads(&self, held: &Held<'_>, invocation: &Invocation) -> Result<(), Error> {
        let Some(route) = held.record().plan.reads.clone() else {
            return Ok(());
        };
        let deadline = Millis(invocation.deadline.0 - 10_000);
        let verify = async || held.verify().await;
        let before = self
            .routes
            .apply(&route, &route.records, deadline, verify)
            .await?;
        if before == route.records {
            return Ok(());
        }
        let ttl = before.iter().map(|record| record.ttl).max().unwrap_or(0);
        let left = invocation
            .remaining()
            .saturating_sub(Duration::from_secs(5));
        tokio::time::sleep(Duration::from_secs(ttl.into()).min(left)).await;
        info!(ttl, "reads moved to the names that survive");
        Ok(())
    }

    /// Part 3. Recorded before it stands.
    async fn fence_green(&self, held: &mut Held<'_>, sides: &mut Sides) -> Result<Receipt, Error> {
        let session = opened(sides.new_roles.as_ref())?;
        let record = held.record();
        let seen = roles::read(session, &record.plan.application_roles).await?;
        let id = sides.new.resource_id.clone();
        let earlier = record.fences.iter().find(|fence| fence.resource_id == id);
        let stands = Fence {
            side: Side::Green,
            roles: fence::restoring(seen, earlier),
            owner: record.ticket.owner.clone(),
            deadline: Millis(now().0 + i64::from(TIMEOUT) * 1000 + 120_000),
            resource_id: id,
        };
        held.fence(stands.clone()).await?;
        held.verify().await?;
        fence::raise(session, &stands).await?;
        let names = retreat::names(&stands);
        let drained = sessions::drain(session, &names, DRAIN).await?;
        let leaking = roles::open(session, &names).await?;
        if drained.left > 0 || !leaking.is_empty() {
            let left = drained.left;
            return Err(StepError::transient(format!("{left} sessions don't end on green")).into());
        }
        info!(
            sessions = drained.ended,
            roles = names.len(),
            "green fenced"
        );
        Ok(Receipt {
            sessions_drained: drained.ended,
            roles: names,
            fenced_at: Some(now()),
            ..Receipt::default()
        })
    }

    /// Part 5. From here on only RDS knows which side serves, until every member says so.
    async fn call(
        &self,
        held: &mut Held<'_>,
        sides: &mut Sides,
        invocation: &Invocation,
        calling: Calling,
    ) -> Result<Output, Error> {
        let Calling {
            mut receipt,
            markers,
            reverse,
        } = calling;
        let green = held.record().green.clone();
        let green =
            green.ok_or_else(|| StepError::refused("there is no green; provision makes it"))?;
        let session = opened(sides.old_roles.as_ref())?;
        let seen = roles::read(session, &held.record().plan.application_roles).await?;
        let budget = held.record().plan.request.max_write_pause_ms.div_ceil(1000);
        receipt.called_at = Some(now());
        let old = Fence {
            side: Side::Blue,
            resource_id: sides.old.resource_id.clone(),
            owner: held.ticket().owner.clone(),
            // Old stays closed as long as it stands, whoever sweeps.
            deadline: Fence::FOR_GOOD,
            roles: fence::restoring(seen, None),
        };
        held.change(|record| {
            record.phase = Phase::Switching;
            record.markers = markers;
            record.reverse = reverse;
            record.receipt = Some(receipt);
            record
                .fences
                .retain(|fence| fence.resource_id != old.resource_id);
            record.fences.push(old);
        })
        .await?;
        held.verify().await?;
        if let Err(failed) = self
            .deployments
            .switch(&green.deployment, TIMEOUT.max(budget))
            .await
        {
            // The answer may be lost although RDS switches, so RDS's own word counts.
            if self.is_idle(&green.deployment).await? {
                return not_begun(held, sides, failed).await;
            }
        }
        info!("RDS called");
        Box::pin(self.follow(held, sides, invocation)).await
    }
}

/// RDS did not take the call. The fence comes down; whether the call may be made again is the failure's to say.
async fn not_begun(held: &mut Held<'_>, sides: &mut Sides, failed: Error) -> Result<Output, Error> {
    if failed.is_transient() {
        retreat::lift(held, sides).await?;
        return Ok(again(&format!(
            "RDS did not begin: {failed}; the fence is down"
        )));
    }
    Err(retreat::taken_back(held, sides, &failed.to_string())
        .await?
        .into())
}

/// Part 4. The markers, once green has them all; nothing if that takes longer than the pause may.
async fn arrived(
    held: &Held<'_>,
    sides: &Sides,
    blue: &[Session],
) -> Result<Option<BTreeMap<String, Marker>>, Error> {
    let budget = Duration::from_millis(held.record().plan.request.max_write_pause_ms.into());
    held.verify().await?;
    let pairs = blue.iter().zip(&sides.new_inside).zip(&sides.databases);
    let markers = pairs.map(|((blue, green), database)| async move {
        let written = marker::write(blue).await?;
        let seen = marker::wait(opened(green.as_ref())?, written.number, budget).await?;
        let level = seen.is_some_and(|seen| seen.number >= written.number);
        Ok::<_, Error>(level.then(|| (database.clone(), written)))
    });
    let markers = try_join_all(markers).await?;
    Ok(markers.into_iter().collect())
}

/// What each part took.
struct Laps(Vec<(String, u64)>, Instant);

impl Laps {
    fn new() -> Self {
        Self(vec![], Instant::now())
    }

    fn lap(&mut self, name: &str) {
        let took = self.1.elapsed().as_millis();
        self.0
            .push((name.to_owned(), u64::try_from(took).unwrap_or(u64::MAX)));
        self.1 = Instant::now();
    }
}
