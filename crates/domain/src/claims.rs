//! Claims on databases: a conditional write before anything is touched, and what a claim that is found means.

use crate::error::StepError;
use crate::ids::{Epoch, Owner};
use crate::plan::Plan;
use crate::record::{Phase, Record, Ticket};
use std::collections::BTreeSet;

/// What a person does once they have seen to a database that [`Phase::NeedsOperator`] marks.
pub const HOW_TO_CLEAR: &str = "once you have seen to it, set the attribute `phase` of its item in the table of upgrades to `ended`";

/// The id that a claim consumes for ever; an execution that a person started has none but its own name.
#[must_use]
pub fn request_id<'a>(plan: &'a Plan, owner: &'a Owner) -> &'a str {
    plan.request.request_id.as_deref().unwrap_or(owner.as_str())
}

/// What a plan writes down of the claim that it finds: the last one's epoch once it has ended, 0 where there was none. While
/// one stands there is nothing to write down: what is read may be another upgrade's work of a moment.
#[must_use]
pub fn last(found: Option<&Record>) -> Option<Epoch> {
    match found {
        None => Some(Epoch(0)),
        Some(record) => (record.phase == Phase::Ended).then_some(record.ticket.epoch),
    }
}

/// What a claim means that was found where ours could not be written: our own, if the answer was lost or the step runs
/// again, or a reason to stop.
///
/// # Errors
///
/// `Upgrade.Refused` if the claim is another upgrade's, waits for a person, is over, or ended after the plan was made;
/// nothing was touched.
pub fn found(
    record: &Record,
    consumed: &BTreeSet<String>,
    request_id: &str,
    owner: &Owner,
) -> Result<Ticket, StepError> {
    let Ticket {
        database,
        owner: holder,
        ..
    } = &record.ticket;
    let served = consumed.contains(request_id) || consumed.contains(owner.as_str());
    match record.phase {
        Phase::Before | Phase::Switching | Phase::After if holder == owner => {
            Ok(record.ticket.clone())
        }
        Phase::RollingBack | Phase::Returning if holder == owner => Err(StepError::refused(
            format!("the upgrade of `{database}` is being rolled back"),
        )),
        Phase::NeedsOperator => Err(needs_operator(record)),
        Phase::Ended if served => Err(StepError::refused(format!(
            "the request `{request_id}` was served before; nothing was started and nothing was touched"
        ))),
        Phase::Ended => Err(StepError::refused(format!(
            "`{database}` was planned before the upgrade {holder} had ended, so its plan may be out of date; start the upgrade again to plan anew, nothing was touched"
        ))),
        Phase::Before | Phase::Switching | Phase::After | Phase::RollingBack | Phase::Returning => {
            Err(StepError::refused(format!(
                "`{database}` is claimed by the upgrade {holder}; wait for its end, nothing was touched"
            )))
        }
    }
}

/// Why a ticket does not let a step act on what was found.
#[must_use]
pub fn not_held(record: Option<&Record>, ticket: &Ticket) -> StepError {
    let database = &ticket.database;
    let Some(record) = record else {
        return StepError::refused(format!("`{database}` is not claimed"));
    };
    if record.ticket.owner != ticket.owner {
        return StepError::refused(format!(
            "`{database}` belongs to the upgrade {} now",
            record.ticket.owner
        ));
    }
    // Only rollbacks raise an epoch.
    let taken_over = record.ticket.epoch != ticket.epoch;
    match (record.phase, &record.lease) {
        (Phase::Ended, _) if taken_over => StepError::rolled_back(match &record.note {
            Some(note) => note.clone(),
            None => format!("`{database}` was rolled back"),
        }),
        (Phase::Ended, _) => {
            StepError::refused(format!("the upgrade of `{database}` has ended already"))
        }
        (Phase::NeedsOperator, _) => needs_operator(record),
        _ if taken_over => StepError::rolled_back(format!(
            "a rollback of `{database}` has taken over; this call may not act any more"
        )),
        (_, Some(lease)) => StepError::transient(format!(
            "another call of `{}` may still act on `{database}`",
            lease.step
        )),
        (_, None) => StepError::transient(format!("the lease on `{database}` was not taken")),
    }
}

fn needs_operator(record: &Record) -> StepError {
    let Ticket {
        database, owner, ..
    } = &record.ticket;
    let why = record.note.as_deref().unwrap_or("no reason was recorded");
    StepError::refused(format!(
        "`{database}` waits for a person since the upgrade {owner}: {why}. {HOW_TO_CLEAR}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorName;
    use crate::ids::Millis;
    use crate::samples::{PHASES, at, lease, record};

    #[test]
    fn a_claim_that_another_upgrade_holds_is_refused() {
        let other = Owner::from("arn:other");
        for phase in PHASES {
            assert!(found(&at(phase), &BTreeSet::new(), "r", &other).is_err());
        }
    }

    #[test]
    fn a_claim_that_was_taken_and_whose_answer_was_lost_is_ours() {
        let claimed = at(Phase::Before);
        let owner = &claimed.ticket.owner;
        let consumed = BTreeSet::from([owner.0.clone()]);
        let ours = found(&claimed, &consumed, owner.as_str(), owner);
        assert_eq!(ours, Ok(claimed.ticket.clone()));
    }

    #[test]
    fn a_request_that_was_served_starts_nothing_after_the_end() {
        let consumed = BTreeSet::from(["event-1".to_owned()]);
        let failure = found(&at(Phase::Ended), &consumed, "event-1", &"arn:again".into());
        let name = failure.map_err(|failure| failure.name);
        assert_eq!(name, Err(ErrorName::Refused));
    }

    #[test]
    fn a_plan_that_is_older_than_the_last_claim_is_refused() {
        let other = Owner::from("arn:other");
        let failure = found(&at(Phase::Ended), &BTreeSet::new(), "r", &other).expect_err("stale");
        assert_eq!(failure.name, ErrorName::Refused);
        assert!(failure.message.contains("plan anew"), "{failure}");
    }

    #[test]
    fn only_a_claim_that_has_ended_is_one_to_plan_after() {
        assert_eq!(last(None), Some(Epoch(0)));
        for phase in PHASES {
            let ended = (phase == Phase::Ended).then_some(record().ticket.epoch);
            assert_eq!(last(Some(&at(phase))), ended, "{phase:?}");
        }
    }

    #[test]
    fn a_person_reads_how_to_clear_what_waits_for_them() {
        let waits = at(Phase::NeedsOperator);
        let failure = found(&waits, &BTreeSet::new(), "r", &"arn:x".into());
        assert!(failure.is_err_and(|failure| failure.message.contains(HOW_TO_CLEAR)));
    }

    #[test]
    fn an_old_ticket_is_refused() {
        let ticket = record().ticket;
        let mut raised = at(Phase::RollingBack);
        raised.ticket.epoch = Epoch(ticket.epoch.0 + 1);
        let over = not_held(Some(&raised), &ticket).name;
        assert_eq!(over, ErrorName::RolledBack);
        assert_eq!(not_held(None, &ticket).name, ErrorName::Refused);
    }

    #[test]
    fn a_lease_that_runs_is_waited_for() {
        let mut leased = at(Phase::Before);
        leased.lease = Some(lease(Millis(1)));
        let failure = not_held(Some(&leased), &leased.ticket);
        assert_eq!(failure.name, ErrorName::Transient);
        assert!(failure.message.contains("switchover"));
    }
}
