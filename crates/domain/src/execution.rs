//! Executions of the state machines.

use crate::ids::Millis;

/// An execution, as far as it decides anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Execution {
    /// It runs.
    Running,
    /// It has ended, at this moment.
    Ended(Millis),
    /// Step Functions knows none.
    Unknown,
}
