//! What an order to roll back means, by who wants it and how far the upgrade is.

use super::{Cause, Input, Rest};
use crate::record::{Phase, Record};
use crate::reverse::Reverse;

/// What an order to roll back means for the record that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Nothing is left to do: what the upgrade has come to, and why.
    Nothing(Rest, String),
    /// This rollback has ended the upgrade already, and its answer was lost.
    Again,
    /// It can't be done; nothing is touched.
    Refuse(String),
    /// Green goes on serving: nothing leads back. Nothing is touched; see [`no_failback`].
    NoFailback,
    /// Raise the epoch and enter this phase, then go on.
    TakeOver(Phase),
    /// A rollback owns the database already: go on.
    GoOn,
}

/// Reads an order. One that names an upgrade is meant for that upgrade only; one that names none is a person's, and a
/// person may try again what waits for them.
#[must_use]
pub fn order(input: &Input, record: &Record) -> Order {
    let database = &input.database;
    let other = input
        .owner
        .as_ref()
        .is_some_and(|owner| *owner != record.ticket.owner);
    // Only a call whose answer was lost finds that its own execution is through.
    let own = input.execution.is_some() && record.rollback == input.execution;
    let note = || record.note.as_deref().unwrap_or("no reason was recorded.");
    match (record.phase, input.cause()) {
        _ if other => Order::Nothing(
            Rest::Unclaimed,
            format!(
                "`{database}` is claimed by another upgrade, {}.",
                record.ticket.owner
            ),
        ),
        (Phase::Ended, _) if own => Order::Again,
        (Phase::Ended, _) => Order::Nothing(
            Rest::Over,
            format!("The upgrade of `{database}` has ended."),
        ),
        (Phase::NeedsOperator, _) if own => Order::Refuse(note().to_owned()),
        (Phase::NeedsOperator, Cause::Stopped | Cause::Alarm) => Order::Nothing(
            Rest::Person,
            format!("`{database}` waits for a person: {}", note()),
        ),
        (Phase::Before | Phase::Switching, _) => Order::TakeOver(Phase::RollingBack),
        (Phase::RollingBack | Phase::Returning, _) => Order::GoOn,
        (Phase::After, Cause::Stopped) => Order::TakeOver(Phase::After),
        // The application was not let in yet.
        (Phase::After, _) if !record.green_serves() => Order::TakeOver(Phase::After),
        (Phase::After | Phase::NeedsOperator, cause) => wanted_back(record, cause),
    }
}

/// A person or an alarm wants blue: after the switchover only if failback is available.
fn wanted_back(record: &Record, cause: Cause) -> Order {
    if record.back.as_ref().is_some_and(|back| back.arrived) {
        return Order::TakeOver(Phase::Returning);
    }
    if !record.green_serves() {
        return Order::TakeOver(Phase::RollingBack);
    }
    match &record.reverse {
        Some(reverse) if reverse.is_available() => Order::TakeOver(Phase::Returning),
        // A person may have repaired it; it is looked at before anything is done.
        Some(reverse) if reverse.subscribed && cause == Cause::Person => {
            Order::TakeOver(Phase::Returning)
        }
        _ => Order::NoFailback,
    }
}

/// Why green has to go on serving, and what a person can do; `commands` show the link's state, repair it, or remove it.
#[must_use]
pub fn no_failback(record: &Record, commands: &[String]) -> String {
    let (why, remedy) = match &record.reverse {
        None => (
            "no link to old blue was armed",
            "decide which side is to serve",
        ),
        Some(Reverse {
            unavailable: Some(closed),
            ..
        }) => (closed.why.as_str(), closed.remedy.as_str()),
        Some(_) => (
            "old blue does not follow green",
            "look at the link on old blue",
        ),
    };
    let again = record.reverse.as_ref().map(|_| {
        format!(
            r#"to fail back once it is repaired: start the rollback machine with {{"database": "{}"}}"#,
            record.ticket.database
        )
    });
    let lines = commands.iter().chain(&again);
    let lines = lines.fold(String::new(), |text, line| text + "\n  " + line);
    format!(
        "green goes on serving, since failback is unavailable: {why}. What to do: {remedy}.{lines}"
    )
}
