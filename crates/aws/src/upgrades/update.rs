//! Conditional writes to one item, as DynamoDB's expressions.

use super::item::{self, number, text, texts};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::Millis;
use domain::plan::Plan;
use domain::record::{Lease, Phase, Record, Ticket};
use ports::{CLOCKS_DIFFER, Error, Item, Write};

const MAY_CLAIM: &str = "(attribute_not_exists(#database) OR #phase = :ended AND #epoch = :planned) \
    AND NOT contains(#request_ids, :owner) AND NOT contains(#request_ids, :request)";
const CLAIM: &str = "SET #owner = :owner, #epoch = if_not_exists(#epoch, :zero) + :one, #phase = :before, \
    #record = :record REMOVE #lease_holder, #lease_step, #lease_until, #expires_at ADD #request_ids :ids";

const MAY_HOLD: &str = "#owner = :owner AND #epoch = :epoch AND NOT #phase IN (:ended, :needs_operator) \
    AND (attribute_not_exists(#lease_holder) OR #lease_holder = :me OR #lease_until < :now)";
const HOLD: &str = "SET #lease_holder = :me, #lease_step = :step, #lease_until = :until";

const MAY_RAISE: &str = "#owner = :owner AND #epoch = :epoch AND #phase = :seen";
const RAISE: &str = "SET #epoch = :raised, #phase = :phase";

const IS_OURS: &str = "#owner = :owner AND #epoch = :epoch AND #lease_holder = :me";
const CHANGE: &str = "SET #phase = :phase, #record = :record";
const END: &str = "SET #phase = :phase, #record = :record, #expires_at = :expires_at \
    REMOVE #lease_holder, #lease_step, #lease_until";
const FINISH: &str =
    "SET #phase = :phase, #record = :record REMOVE #lease_holder, #lease_step, #lease_until";

const MAY_RELEASE: &str = "#lease_holder = :me";
const RELEASE: &str = "REMOVE #lease_holder, #lease_step, #lease_until";

/// The record as it was read: a change by anyone else meanwhile is not overwritten.
const MAY_NOTE: &str = "#owner = :owner AND #epoch = :epoch AND #phase = :seen AND #record = :read \
    AND (attribute_not_exists(#lease_holder) OR #lease_until < :now)";
const NOTE: &str = "SET #record = :record";

/// A change of an item that happens only under a condition. `#name` stands for the attribute `name`.
pub(super) struct Update {
    condition: &'static str,
    change: &'static str,
    values: Vec<(&'static str, AttributeValue)>,
}

impl Update {
    /// The expressions of a write.
    pub(super) fn of(write: &Write<'_>) -> Result<Self, Error> {
        match *write {
            Write::Claim { fresh, request_id } => claim(fresh, request_id),
            Write::Hold { ticket, lease, now } => Ok(hold(ticket, lease, now)),
            Write::RaiseEpoch {
                ticket,
                seen,
                phase,
            } => Ok(raise_epoch(ticket, seen, phase)),
            Write::Change { record, holder } => ours(record, holder, CHANGE),
            Write::Finish {
                record,
                holder,
                expires_at: None,
            } => ours(record, holder, FINISH),
            Write::Finish {
                record,
                holder,
                expires_at: Some(moment),
            } => Ok(ours(record, holder, END)?.with(":expires_at", number(moment.0 / 1000))),
            Write::Release { holder, .. } => {
                Ok(Self::new(MAY_RELEASE, RELEASE).with(":me", text(holder)))
            }
            Write::Note {
                found,
                changed,
                now,
            } => note(found, changed, now),
        }
    }

    const fn new(condition: &'static str, change: &'static str) -> Self {
        Self {
            condition,
            change,
            values: Vec::new(),
        }
    }

    /// One whose condition names the ticket's owner and epoch.
    fn under(ticket: &Ticket, condition: &'static str, change: &'static str) -> Self {
        Self::new(condition, change)
            .with(":owner", text(ticket.owner.as_str()))
            .with(":epoch", number(ticket.epoch.0))
    }

    /// Gives a placeholder its value.
    fn with(mut self, placeholder: &'static str, value: AttributeValue) -> Self {
        self.values.push((placeholder, value));
        self
    }

    /// Puts condition, change, names and values into a request.
    pub(super) fn into_request(self, update: UpdateItemFluentBuilder) -> UpdateItemFluentBuilder {
        let named = [self.condition, self.change]
            .iter()
            .flat_map(|expression| attributes(expression))
            .fold(update, |update, name| {
                update.expression_attribute_names(format!("#{name}"), name)
            });
        self.values
            .into_iter()
            .fold(named, |update, (placeholder, value)| {
                update.expression_attribute_values(placeholder, value)
            })
            .condition_expression(self.condition)
            .update_expression(self.change)
    }
}

fn claim(fresh: &Record, request_id: &str) -> Result<Update, Error> {
    let owner = fresh.ticket.owner.as_str();
    Ok(Update::new(MAY_CLAIM, CLAIM)
        .with(":ended", text(Phase::Ended.as_ref()))
        .with(":planned", planned_after(&fresh.plan))
        .with(":before", text(Phase::Before.as_ref()))
        .with(":owner", text(owner))
        .with(":request", text(request_id))
        .with(":ids", texts([owner, request_id]))
        .with(":zero", number(0))
        .with(":one", number(1))
        .with(":record", text(&item::rest(fresh)?)))
}

/// The epoch that the last claim must still have; a plan that was made while one stood fits none.
fn planned_after(plan: &Plan) -> AttributeValue {
    plan.last_claim
        .map_or_else(|| number(-1), |last| number(last.0))
}

fn hold(ticket: &Ticket, lease: &Lease, now: Millis) -> Update {
    Update::under(ticket, MAY_HOLD, HOLD)
        .with(":ended", text(Phase::Ended.as_ref()))
        .with(":needs_operator", text(Phase::NeedsOperator.as_ref()))
        .with(":me", text(&lease.holder))
        .with(":step", text(&lease.step))
        .with(":until", number(lease.until.0))
        .with(":now", number(now.0 - CLOCKS_DIFFER))
}

fn raise_epoch(ticket: &Ticket, seen: Phase, phase: Phase) -> Update {
    Update::under(ticket, MAY_RAISE, RAISE)
        .with(":raised", number(ticket.epoch.0 + 1))
        .with(":seen", text(seen.as_ref()))
        .with(":phase", text(phase.as_ref()))
}

/// A write that happens only while `holder` may act.
fn ours(record: &Record, holder: &str, change: &'static str) -> Result<Update, Error> {
    Ok(Update::under(&record.ticket, IS_OURS, change)
        .with(":me", text(holder))
        .with(":phase", text(record.phase.as_ref()))
        .with(":record", text(&item::rest(record)?)))
}

fn note(found: &Item, changed: &Record, now: Millis) -> Result<Update, Error> {
    Ok(Update::under(&found.record.ticket, MAY_NOTE, NOTE)
        .with(":seen", text(found.record.phase.as_ref()))
        .with(":read", text(&found.stored))
        .with(":now", number(now.0 - CLOCKS_DIFFER))
        .with(":record", text(&item::rest(changed)?)))
}

/// The attributes that an expression names.
fn attributes(expression: &str) -> impl Iterator<Item = &str> {
    let named = expression.split('#').skip(1);
    named.map(|rest| {
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        end.map_or(rest, |end| &rest[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::attributes;

    #[test]
    fn the_attributes_of_an_expression_are_found() {
        let found: Vec<&str> =
            attributes("(#phase = :ended OR NOT #phase) AND #lease_until < :now").collect();
        assert_eq!(found, ["phase", "phase", "lease_until"]);
    }
}
