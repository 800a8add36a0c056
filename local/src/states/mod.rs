//! What AWS Step Functions is, on this machine.
//!
//! The shipped state machines are interpreted, not imitated: [`definition`] reads Amazon States Language (JSONata only) and
//! refuses whatever it does not implement, and [`core`] is the semantics as one pure `step(moment, event) → effects`.
//! [`States`] joins them to the network and the clock, and is a [`crate::gateway::Service`] that the SDKs and the `aws` CLI
//! can talk to.

mod api;
mod arn;
mod calls;
mod change;
pub mod core;
pub mod definition;
mod error;
pub mod expression;
pub mod history;
mod machines;
mod running;
mod service;

pub use change::StatusChange;
pub use error::Refusal;
pub use machines::StateMachine;
pub use service::{Observed, States};
