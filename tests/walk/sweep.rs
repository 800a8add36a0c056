//! The sweep: every minute, what no event told anybody.
//!
//! It stands for the function that does the same, and is not that function's own code yet: it reads the alarms for waits,
//! and starts the rollback for upgrades whose executions are gone.

use super::machines::Machine;
use super::walk::Walk;
use domain::error::StepError;
use domain::record::{Phase, Record};
use domain::watch::State;
use serde_json::json;

impl Walk<'_> {
    /// Looks once. Whether it started anything.
    pub fn sweep(&mut self) -> bool {
        let record = self.world.borrow().record().cloned();
        let Some(record) = record.filter(|it| !matches!(it.phase, Phase::Ended | Phase::NeedsOperator)) else {
            return false;
        };
        self.read_alarms(&record);
        if self.is_alive(&record) {
            return false;
        }
        self.start(
            Machine::Rollback,
            json!({
                "database": record.ticket.database,
                "owner": record.ticket.owner,
                "reason": "Its execution is gone.",
                "cause": "stopped",
            }),
            None,
        );
        true
    }

    fn read_alarms(&mut self, record: &Record) {
        let ringing = self.world.borrow().alarm.state == State::Ringing;
        let waits = matches!(record.phase, Phase::Before | Phase::After);
        let token = record.wait.as_ref().and_then(|wait| wait.token.clone());
        if let Some(token) = token.filter(|_| ringing && waits) {
            self.end_wait(token, &StepError::alarm_raised("the alarm rings"));
        }
    }

    fn is_alive(&self, record: &Record) -> bool {
        let world = self.world.borrow();
        let rollback = record.rollback.as_ref();
        let known = world.running.contains(record.ticket.owner.as_str())
            || rollback.is_some_and(|rollback| world.running.contains(rollback.as_str()));
        // One that was started a moment ago has not said so in the record.
        known || self.runs.iter().any(|run| run.machine == Machine::Rollback && run.execution.outcome().is_none())
    }
}
