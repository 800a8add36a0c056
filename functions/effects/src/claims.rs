//! The claims on databases, as they stand in the table of upgrades: one item per database, each write conditional on
//! owner and epoch.
//!
//! A claim has no TTL; only the record of an upgrade that has ended does. A claim ends with the upgrade; after
//! [`Phase::NeedsOperator`] it stays until a person sets the item's `phase` to `ended`, once they have seen to the
//! database (see [`domain::claim::HOW_TO_CLEAR`]).

mod held;
mod item;
mod note;
mod write;

pub use held::Held;
pub use note::Found;

use crate::error::{Error, acted, looked};
use crate::step::{Invocation, now};
use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::claim;
use domain::error::StepError;
use domain::ids::{Database, Epoch, Owner};
use domain::plan::Plan;
use domain::record::{Phase, Record, Ticket};
use item::{Item, number, text, texts};
use std::time::Duration;
use tracing::info;
use write::Write;

/// Clocks of two Lambdas may differ by this much, in milliseconds; a lease counts for so long after its end.
const CLOCKS_DIFFER: i64 = 1_000;

/// The time between two looks at another call's lease.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

const MAY_TAKE: &str = "(attribute_not_exists(#database) OR #phase = :ended AND #epoch = :planned) \
    AND NOT contains(#request_ids, :owner) AND NOT contains(#request_ids, :request)";
const TAKE: &str = "SET #owner = :owner, #epoch = if_not_exists(#epoch, :zero) + :one, #phase = :before, \
    #record = :record REMOVE #lease_holder, #lease_step, #lease_until, #expires_at ADD #request_ids :ids";

const MAY_HOLD: &str = "#owner = :owner AND #epoch = :epoch AND NOT #phase IN (:ended, :needs_operator) \
    AND (attribute_not_exists(#lease_holder) OR #lease_holder = :me OR #lease_until < :now)";
const HOLD: &str = "SET #lease_holder = :me, #lease_step = :step, #lease_until = :until";

const MAY_RAISE: &str = "#owner = :owner AND #epoch = :epoch AND #phase = :seen";
const RAISE: &str = "SET #epoch = :raised, #phase = :phase";

/// The table of upgrades.
#[derive(Debug, Clone)]
pub struct Claims {
    client: Client,
    table: String,
}

impl Claims {
    /// The claims in `table`.
    #[must_use]
    pub fn new(config: &SdkConfig, table: impl Into<String>) -> Self {
        Self {
            client: Client::new(config),
            table: table.into(),
        }
    }

    /// Claims the plan's database for `owner`. Claiming what the owner holds already gives the same ticket.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if another upgrade holds the database, if a person has to look at it first, if the request's id
    /// was served before, or if another claim has ended since the plan was made. Nothing is touched then.
    pub async fn take(&self, plan: &Plan, owner: &Owner) -> Result<Ticket, Error> {
        let fresh = Record::new(plan.clone(), owner.clone());
        let request = claim::request_id(plan, owner);
        let taken = Write::new("claiming the database", MAY_TAKE, TAKE)
            .with(":ended", text(Phase::Ended.as_str()))
            .with(":planned", planned_after(plan))
            .with(":before", text(Phase::Before.as_str()))
            .with(":owner", text(owner.as_str()))
            .with(":request", text(request))
            .with(":ids", texts([owner.as_str(), request]))
            .with(":zero", number(0))
            .with(":one", number(1))
            .with(":record", text(&item::rest(&fresh)?));
        match self.write(&plan.database, taken).await? {
            Some(record) => {
                info!(epoch = record.ticket.epoch.0, "database claimed");
                Ok(record.ticket)
            }
            None => self.whose(plan, owner).await,
        }
    }

    /// Why a claim's condition did not hold; a lost answer is recognized here, since the claim is then ours.
    async fn whose(&self, plan: &Plan, owner: &Owner) -> Result<Ticket, Error> {
        let Some(Item {
            record,
            request_ids,
        }) = self.item(&plan.database).await?
        else {
            return Err(
                StepError::transient("the claim was neither taken nor found; try again").into(),
            );
        };
        Ok(claim::found(
            &record,
            &request_ids,
            claim::request_id(plan, owner),
            owner,
        )?)
    }

    /// The record of a database, read consistently.
    ///
    /// # Errors
    ///
    /// If the table can't be read.
    pub async fn read(&self, database: &Database) -> Result<Option<Record>, Error> {
        Ok(self.item(database).await?.map(|item| item.record))
    }

    async fn item(&self, database: &Database) -> Result<Option<Item>, Error> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(item::DATABASE, text(database.as_str()))
            .consistent_read(true)
            .send()
            .await
            .map_err(looked("reading the upgrade's record"))?;
        found.item().map(Item::read).transpose()
    }

    /// The records of all databases, ended ones included; there is one item per database.
    ///
    /// # Errors
    ///
    /// If the table can't be read.
    pub async fn all(&self) -> Result<Vec<Record>, Error> {
        let found = self.found().await?;
        Ok(found.into_iter().map(|found| found.record).collect())
    }

    /// Lets `step` act for `ticket` and ends the lease afterwards, also after a failure.
    ///
    /// # Errors
    ///
    /// As [`Claims::hold`], or what `act` fails with.
    pub async fn holding<T>(
        &self,
        ticket: &Ticket,
        step: &str,
        invocation: &Invocation,
        act: impl AsyncFnOnce(&mut Held<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut held = self.hold_patiently(ticket, step, invocation).await?;
        let done = act(&mut held).await;
        held.release().await;
        done
    }

    /// Waits for another call's lease, as long as half of this call is left for its own work. A call whose answer was lost
    /// goes on until its deadline, which is longer than the state machine's retries last.
    async fn hold_patiently<'a>(
        &'a self,
        ticket: &Ticket,
        step: &str,
        invocation: &Invocation,
    ) -> Result<Held<'a>, Error> {
        let half = invocation.remaining() / 2;
        loop {
            match self.hold(ticket, step, invocation).await {
                Err(busy) if busy.is_transient() && invocation.remaining() > half => {
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
                done => return done,
            }
        }
    }

    /// The right to act, until the invocation's deadline at most. [`Claims::holding`] also gives it back.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if the record is not the ticket's any more, `Upgrade.Transient` while another invocation's
    /// lease still runs.
    pub async fn hold<'a>(
        &'a self,
        ticket: &Ticket,
        step: &str,
        invocation: &Invocation,
    ) -> Result<Held<'a>, Error> {
        let leased = Write::new("taking the lease", MAY_HOLD, HOLD)
            .with(":owner", text(ticket.owner.as_str()))
            .with(":epoch", number(ticket.epoch.0))
            .with(":ended", text(Phase::Ended.as_str()))
            .with(":needs_operator", text(Phase::NeedsOperator.as_str()))
            .with(":me", text(&invocation.request_id))
            .with(":step", text(step))
            .with(":until", number(invocation.deadline.0))
            .with(":now", number(now().0 - CLOCKS_DIFFER));
        match self.write(&ticket.database, leased).await? {
            Some(record) => Ok(Held::new(self, record, &invocation.request_id)),
            None => Err(self.why_not(ticket).await?.into()),
        }
    }

    async fn why_not(&self, ticket: &Ticket) -> Result<StepError, Error> {
        let record = self.read(&ticket.database).await?;
        Ok(claim::not_held(record.as_ref(), ticket))
    }

    /// Reads consistently whether a ticket still lets its holder act, with or without a lease.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if it does not.
    pub async fn verify(&self, ticket: &Ticket) -> Result<(), Error> {
        let found = self.read(&ticket.database).await?;
        let stands = |found: &Record| {
            found.ticket == *ticket && !matches!(found.phase, Phase::Ended | Phase::NeedsOperator)
        };
        match found {
            Some(found) if stands(&found) => Ok(()),
            found => Err(claim::not_held(found.as_ref(), ticket).into()),
        }
    }

    /// Raises the epoch of the record as it was read, so that every older ticket is refused from now on, and enters
    /// `phase`. A lease that runs stays in force. Of several callers one raises it; the others get its ticket.
    ///
    /// # Errors
    ///
    /// `Upgrade.Transient` if the record has become another's meanwhile.
    pub async fn raise_epoch(&self, seen: &Record, phase: Phase) -> Result<Record, Error> {
        let ticket = &seen.ticket;
        let raised = Write::new("raising the epoch", MAY_RAISE, RAISE)
            .with(":owner", text(ticket.owner.as_str()))
            .with(":epoch", number(ticket.epoch.0))
            .with(":raised", number(ticket.epoch.0 + 1))
            .with(":seen", text(seen.phase.as_str()))
            .with(":phase", text(phase.as_str()));
        if let Some(record) = self.write(&ticket.database, raised).await? {
            info!(epoch = record.ticket.epoch.0, "epoch raised");
            return Ok(record);
        }
        let now = self.read(&ticket.database).await?;
        let raised = Epoch(ticket.epoch.0 + 1);
        now.filter(|now| {
            now.ticket.owner == ticket.owner && now.ticket.epoch == raised && now.phase == phase
        })
        .ok_or_else(|| StepError::transient("the upgrade's record changed; look again").into())
    }

    /// Writes; `None` if the condition did not hold.
    async fn write(&self, database: &Database, write: Write) -> Result<Option<Record>, Error> {
        let doing = write.doing;
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(item::DATABASE, text(database.as_str()))
            .return_values(ReturnValue::AllNew);
        match write.into_request(update).send().await {
            Ok(written) => {
                let attributes = written.attributes().cloned().unwrap_or_default();
                Ok(Some(Item::read(&attributes)?.record))
            }
            Err(failed) if is_condition(&failed) => Ok(None),
            Err(failed) => Err(acted(doing)(failed)),
        }
    }
}

/// The epoch that the last claim must still have; a plan that was made while one stood fits none.
fn planned_after(plan: &Plan) -> AttributeValue {
    plan.last_claim
        .map_or_else(|| number(-1), |last| number(last.0))
}

fn is_condition<R>(failed: &aws_sdk_dynamodb::error::SdkError<UpdateItemError, R>) -> bool {
    failed
        .as_service_error()
        .is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}
