//! What was seen of a run.

use super::follow::Trace;
use super::inject::Injected;
use super::kind::Kind;
use super::spent::Spent;
use super::state::State;
use super::world::World;
use crate::app::audit::Report;
use crate::app::tally::Tally;
use asl::interpreter::Outcome;
use domain::fence::Side;
use serde_json::Value;

/// Everything that was seen of a run, for the summary.
pub(super) struct Seen<'a> {
    pub(super) kind: Kind,
    pub(super) world: &'a World,
    pub(super) before: State,
    pub(super) after: State,
    pub(super) trace: Trace,
    pub(super) tally: Tally,
    pub(super) end: End,
    pub(super) report: Report,
    pub(super) spent: Spent,
    /// When the application was stopped, on its clock.
    pub(super) stopped_at: u64,
}

impl Seen<'_> {
    /// The receipt of the last switch: the way back's if there was one.
    pub(super) fn receipt(&self) -> Option<Value> {
        let back = self.trace.receipt_of("RollBack");
        back.or_else(|| self.trace.receipt_of("Switchover"))
    }

    /// Which side takes the writes at the end.
    pub(super) fn serving(&self) -> Side {
        match self.world.serving() {
            Ok(serving) if !self.world.is_blue(&serving) => Side::Green,
            _ => Side::Blue,
        }
    }
}

/// How the execution ended.
pub(super) struct End {
    pub(super) seconds: f64,
    pub(super) outcome: Outcome,
    pub(super) injected: Injected,
}

impl End {
    /// What the machine handed out, if it ended well.
    pub(super) fn output(&self) -> Option<&Value> {
        match &self.outcome {
            Outcome::Succeeded(output) => Some(output),
            _ => None,
        }
    }
}
