//! A stand-in for AWS Step Functions: the interpreter ([`asl`]) with a network and a clock.
//!
//! [`States`] is a [`crate::gateway::Service`] that the SDKs and the `aws` CLI can talk to.

mod api;
mod arn;
mod calls;
mod change;
mod description;
mod error;
mod machine;
mod running;
mod service;

pub(crate) use calls::START_EXECUTION;
pub use change::StatusChange;
pub use error::Refusal;
pub use machine::StateMachine;
pub use running::Observed;
pub use service::States;
