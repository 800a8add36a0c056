//! The semantics of Step Functions, without a clock, a network or dice.
//!
//! [`Execution::step`] takes what happened and returns what to do. The real world can drive it, or a random walk in virtual
//! time; the same moments and events always give the same effects and the same history.

mod attempt;
mod evaluate;
mod execution;
mod failure;
mod flow;
mod protocol;
mod turn;

pub use crate::history::Outcome;
pub use crate::moment::Moment;
pub use execution::{Execution, Identity, Token};
pub use protocol::{CallId, Effect, Event, MAX_BYTES, Purpose, TimerId};
