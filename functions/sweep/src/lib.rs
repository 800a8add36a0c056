//! Every minute: looks at each upgrade that is under way, and does what no event told anybody.

mod look;

use domain::error::StepError;
use domain::record::{Fence, Record};
use domain::reverse::{Reverse, Unavailable};
use domain::sweep::{Act, Output, acts, notice, token};
use effects::alarms::Alarms;
use effects::claims::{Claims, Held};
use effects::dns::Resolver;
use effects::error::Error;
use effects::executions::Executions;
use effects::notices::Notices;
use effects::postgres::{Access, fence, reverse};
use effects::rds::Instances;
use effects::secrets::Secrets;
use effects::step::{Invocation, now};
use effects::tokens::Tokens;
use serde_json::json;
use tracing::{info, warn};

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

/// Sweeps over every upgrade. One that can't be swept is no reason to leave the others.
///
/// # Errors
///
/// If the table can't be read.
pub async fn run(world: &World, invocation: Invocation) -> Result<Output, Error> {
    let mut actions = vec![];
    for record in world.claims.all().await? {
        match world.sweep(&record, &invocation).await {
            Ok(done) => actions.extend(done),
            Err(failed) => warn!(database = %record.ticket.database, %failed, "not swept"),
        }
    }
    let summary = match actions.len() {
        0 => "Nothing was left behind.".to_owned(),
        some => format!("{some} things were put right."),
    };
    Ok(Output { summary, actions })
}

impl World {
    async fn sweep(&self, record: &Record, invocation: &Invocation) -> Result<Vec<String>, Error> {
        let seen = self.look(record).await;
        let mut done = vec![];
        for act in acts(record, &seen) {
            info!(database = %record.ticket.database, ?act, "swept");
            self.act(record, &act, invocation).await?;
            if let Some((subject, message)) = notice(record, &act) {
                self.notices.publish(&subject, &message).await?;
            }
            done.push(format!("{}: {act:?}", record.ticket.database));
        }
        Ok(done)
    }

    async fn act(&self, record: &Record, act: &Act, invocation: &Invocation) -> Result<(), Error> {
        match act {
            Act::EndWait(rings) => {
                if let Some(token) = token(record) {
                    self.tokens.fail(token, rings).await?;
                }
                Ok(())
            }
            Act::Restart(why) => self.restart(record, why).await,
            Act::LiftFence(fence) => self.lift(record, fence, invocation).await,
            Act::CloseWayBack(why) => self.note(record, |reverse| close(reverse, why)).await,
            Act::DropSlots(why) => {
                self.drop_slots(record).await?;
                self.note(record, |reverse| {
                    close(reverse, why);
                    reverse.links.clear();
                })
                .await
            }
            Act::Warn(_) => self.note(record, |reverse| reverse.warned = true).await,
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

    /// Changes what the record says of the way back, unless a step holds it now; the next sweep sees the same.
    async fn note(&self, record: &Record, change: impl FnOnce(&mut Reverse)) -> Result<(), Error> {
        let mut changed = record.clone();
        if let Some(reverse) = &mut changed.reverse {
            change(reverse);
        }
        self.claims.note(&changed).await
    }

    async fn drop_slots(&self, record: &Record) -> Result<(), Error> {
        let gone = || StepError::failed("the record names no green");
        let new = record
            .green
            .as_ref()
            .and_then(|green| green.writer())
            .ok_or_else(gone)?;
        for (database, link) in record.reverse.iter().flat_map(|reverse| &reverse.links) {
            let session = self
                .session(record, &new.resource_id, Some(database), Access::AsServed)
                .await?;
            reverse::disarm(&session, &link.name).await?;
        }
        Ok(())
    }
}

fn close(reverse: &mut Reverse, why: &Unavailable) {
    reverse.unavailable.get_or_insert_with(|| why.clone());
    reverse.told = true;
}
