//! What AWS Step Functions is, on this machine.
//!
//! The shipped state machines are interpreted, not imitated: [`definition`] reads Amazon States Language (JSONata only) and
//! refuses whatever it does not implement, and [`core`] is the semantics as one pure `step(moment, event) → effects`.

pub mod core;
pub mod definition;
pub mod expression;
pub mod history;
