//! The decisions, one module per step.

pub mod announce;
pub mod check_lag;
pub mod claim;
pub mod on_alarm;
pub mod on_green;
pub mod plan;
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
