//! What Viridian decides, apart from everything that it touches.
//!
//! At the bottom is the model that all steps share; on top of it, in [`steps`], each step of the upgrade has a module with
//! its `Input`, its `Output` and its decision: a total, pure function over what was seen. There is no clock, no network, no
//! environment and no engine's own word in this crate, so that every decision can be tried in every situation, and so that a
//! step that runs twice decides from what it finds, not from what it remembers.

pub mod alarms;
pub mod claims;
pub mod engine;
pub mod error;
pub mod execution;
pub mod fence;
pub mod ids;
pub mod inspection;
pub mod lag;
pub mod marker;
pub mod notice;
pub mod plan;
pub mod proof;
pub mod rds;
pub mod receipt;
pub mod record;
pub mod request;
pub mod reverse;
pub mod routes;
pub mod rows;
pub mod steps;
pub mod version;

#[cfg(any(test, feature = "samples"))]
pub mod samples;
