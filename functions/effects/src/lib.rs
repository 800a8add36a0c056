//! What Viridian touches: one struct per capability, one file per AWS service or database concern. Nothing here decides.

pub mod claims;
pub mod config;
pub mod error;
pub mod rds;
pub mod step;
