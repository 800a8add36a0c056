//! What Viridian touches: one struct per capability, one file per AWS service or database concern. Nothing here decides.

pub mod alarms;
pub mod claims;
pub mod config;
pub mod dns;
pub mod error;
pub mod executions;
pub mod metrics;
pub mod notices;
pub mod postgres;
pub mod rds;
pub mod routes;
pub mod secrets;
pub mod step;
pub mod tokens;
