//! An interpreter of Amazon States Language as AWS Step Functions runs it, pure and synchronous.
//!
//! [`definition`] reads a machine (JSONata only) and refuses whatever it does not implement. [`interpreter`] is the semantics as
//! one `step(moment, event) → effects`: no clock, no network, no dice. The caller supplies those.

pub mod definition;
pub mod expression;
pub mod history;
pub mod interpreter;
mod moment;
