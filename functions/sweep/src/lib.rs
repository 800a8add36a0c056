//! Every minute: looks at each upgrade that is under way, and does what no event told anybody.

mod look;

use domain::error::StepError;
use domain::record::{Fence, Green, Record};
use domain::reverse::Reverse;
use domain::sweep::{Act, Output, acts, notice};
use effects::alarms::Alarms;
use effects::claims::{Claims, Found, Held};
use effects::dns::Resolver;
use effects::error::Error;
use effects::executions::Executions;
use effects::metrics;
use effects::notices::Notices;
use effects::postgres::{Access, fence, reverse};
use effects::rds::Instances;
use effects::secrets::Secrets;
use effects::step::{Invocation, now};
use effects::tokens::{Ended, Tokens};
use futures_util::future::join_all;
use serde_json::json;
use std::time::Duration;
use tracing::{info, warn};

/// What is left of the call when the records' time is over, to answer.
const SPARE: Duration = Duration::from_secs(3);

/// Everything that a sweep looks at.
pub struct World {
    /// The table of upgrades.
    pub claims: Claims,
    /// The state machines' executions.
    pub executions: Executions,
    /// The alarms that guard the upgrades.
    pub alarms: Alarms,
    /// The waits that an alarm can end.
    pub tokens: Tokens,
    /// Who is told.
    pub notices: Notices,
    /// The instances.
    pub instances: Instances,
    /// Our credentials.
    pub secrets: Secrets,
    /// Who knows the servers' addresses.
    pub resolver: Resolver,
    /// The rollback machine's ARN.
    pub machine: String,
}

/// Sweeps over every upgrade, all at once. One that can't be swept is no reason to leave the others.
///
/// # Errors
///
/// If the table can't be read.
pub async fn run(world: &World, invocation: Invocation) -> Result<Output, Error> {
    let found = world.claims.found().await?;
    let within = invocation.remaining().saturating_sub(SPARE);
    let sweeps = found
        .iter()
        .map(|found| world.sweep_within(found, &invocation, within));
    let actions = join_all(sweeps).await.concat();
    let summary = match actions.len() {
        0 => "Nothing was left behind.".to_owned(),
        some => format!("{some} things were put right."),
    };
    Ok(Output { summary, actions })
}

impl World {
    async fn sweep_within(
        &self,
        found: &Found,
        invocation: &Invocation,
        within: Duration,
    ) -> Vec<String> {
        let swept = tokio::time::timeout(within, self.sweep(found, invocation)).await;
        swept.unwrap_or_else(|_| {
            warn!(database = %found.record.ticket.database, "not swept in time");
            vec![]
        })
    }

    /// What can't be put right now is no reason to leave the rest: the next sweep sees it again.
    async fn sweep(&self, found: &Found, invocation: &Invocation) -> Vec<String> {
        let record = &found.record;
        let seen = self.look(record).await;
        let mut done = vec![];
        for act in acts(record, &seen) {
            let database = &record.ticket.database;
            match self.put_right(found, &act, invocation).await {
                Ok(()) => {
                    info!(%database, ?act, "swept");
                    done.push(format!("{database}: {act:?}"));
                }
                Err(failed) => warn!(%database, ?act, %failed, "not put right"),
            }
        }
        done
    }

    /// People are told before it is noted that they were: twice told is better than never.
    async fn put_right(
        &self,
        found: &Found,
        act: &Act,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        self.act(&found.record, act, invocation).await?;
        if let Some(notice) = notice(&found.record, act) {
            self.notices.publish(&notice).await?;
        }
        self.note(found, act).await
    }

    async fn act(&self, record: &Record, act: &Act, invocation: &Invocation) -> Result<(), Error> {
        match act {
            Act::EndWait(rings) => {
                if let Some(token) = record.token()
                    && self.tokens.fail(token, rings).await? == Ended::Now
                {
                    metrics::alarm(&record.ticket);
                }
                Ok(())
            }
            Act::Restart(why) => self.restart(record, why).await,
            Act::LiftFence(fence) => self.lift(record, fence, invocation).await,
            Act::DropSlots(_) => self.drop_slots(record).await,
            Act::CloseWayBack(_) | Act::Warn(_) => Ok(()),
        }
    }

    /// Starts the rollback machine, once in ten minutes at most for one state of the record.
    async fn restart(&self, record: &Record, why: &str) -> Result<(), Error> {
        let ticket = &record.ticket;
        let upgrade = ticket.owner.as_str().rsplit(':').next().unwrap_or_default();
        let upgrade: String = upgrade.chars().take(40).collect();
        let attempt = now().0 / 600_000;
        let name = format!("sweep-{upgrade}-{}-{attempt}", ticket.epoch.0);
        let input = json!({
            "database": ticket.database, "owner": ticket.owner, "reason": why, "cause": "stopped",
        });
        self.executions.start(&self.machine, &name, &input).await
    }

    async fn lift(
        &self,
        record: &Record,
        stands: &Fence,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let session = self
            .session(record, &stands.resource_id, None, Access::Write)
            .await?;
        let lift = async |held: &mut Held<'_>| {
            held.verify().await?;
            fence::lift(&session, stands).await?;
            held.unfence(&stands.resource_id).await
        };
        self.claims
            .holding(&record.ticket, "sweep", invocation, lift)
            .await
    }

    /// Notes what was done about the way back, unless the record has changed since it was found or a step holds it now; then
    /// the next sweep sees what is left.
    async fn note(&self, found: &Found, act: &Act) -> Result<(), Error> {
        let reverse = found.record.reverse.as_ref();
        let Some(noted) = reverse.and_then(|reverse| noted(reverse, act)) else {
            return Ok(());
        };
        let mut changed = found.record.clone();
        changed.reverse = Some(noted);
        if !self.claims.note(found, &changed).await? {
            info!(database = %changed.ticket.database, "the record is in use; noted by the next sweep");
        }
        Ok(())
    }

    /// Drops every slot that can be dropped, whatever becomes of the others.
    async fn drop_slots(&self, record: &Record) -> Result<(), Error> {
        let gone = || StepError::failed("the record names no green");
        let new = record.green.as_ref().and_then(Green::writer);
        let new = new.ok_or_else(gone)?;
        let mut dropped = Ok(());
        for (database, link) in record.reverse.iter().flat_map(|reverse| &reverse.links) {
            let one = async {
                let session = self
                    .session(record, &new.resource_id, Some(database), Access::AsServed)
                    .await?;
                reverse::disarm(&session, &link.name).await
            };
            dropped = dropped.and(one.await);
        }
        dropped
    }
}

/// What the record says of the way back after an act; nothing if the act is none of its. The links stay also without their
/// slots: `retire` ends old's subscriptions by them.
fn noted(reverse: &Reverse, act: &Act) -> Option<Reverse> {
    let mut noted = reverse.clone();
    match act {
        Act::CloseWayBack(why) | Act::DropSlots(why) => {
            noted.unavailable.get_or_insert_with(|| why.clone());
            noted.told = true;
        }
        Act::Warn(_) => noted.warned = true,
        Act::EndWait(_) | Act::Restart(_) | Act::LiftFence(_) => return None,
    }
    Some(noted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::Lsn;
    use domain::reverse::{Link, Unavailable};

    #[test]
    fn slots_that_are_dropped_leave_their_links_to_retire() {
        let link = Link {
            name: "viridian_back_0".into(),
            position: Lsn(1),
            tables: [].into(),
        };
        let reverse = Reverse {
            links: [("orders".to_owned(), link)].into(),
            subscribed: true,
            unavailable: None,
            warned: false,
            told: false,
        };
        let full = Act::DropSlots(Unavailable::since("the disk fills".into()));
        let noted = noted(&reverse, &full).expect("it is noted");
        assert_eq!(noted.links, reverse.links);
        assert!(noted.told && !noted.is_available());
    }
}
