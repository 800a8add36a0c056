//! What Viridian decides, apart from everything that it touches.
//!
//! Each step of the upgrade has a module here with its `Input`, its `Output` and its decision: a total, pure function
//! over what was seen. There is no clock, no network and no environment in this crate, so that every decision can be
//! tried in every situation, and so that a step that runs twice decides from what it finds, not from what it remembers.

pub mod error;
pub mod ids;
pub mod notice;
pub mod plan;
pub mod rds;
pub mod record;
pub mod request;
pub mod reverse;
pub mod routes;
pub mod version;
pub mod writes;

pub mod announce;
pub mod check_lag;
pub mod claim;
pub mod on_alarm;
pub mod on_green;
pub mod prepare;
pub mod provision;
pub mod retire;
pub mod rollback;
pub mod shift_weight;
pub mod sweep;
pub mod switchover;
pub mod upgrade_in_place;
pub mod validate;
pub mod watch;

#[cfg(test)]
mod samples;
