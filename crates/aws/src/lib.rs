//! AWS behind the ports, a file per service, and what every function's `main` is made of.
//!
//! [`Aws`] implements [`ports::World`]; [`serve`](fn@serve) runs a step over it for Lambda. The SDK's types end here, and nothing
//! here decides. The database engines are packages of their own; [`Network`] is what they need of AWS.

mod alarms;
mod clock;
mod config;
mod dns;
mod error;
mod executions;
mod listeners;
mod logins;
pub mod metrics;
mod network;
mod notices;
mod parameters;
mod rds;
mod serve;
mod tokens;
mod upgrades;
mod world;
mod zones;

pub use clock::Clock;
pub use config::{Need, Unset};
pub use network::Network;
pub use rds::Rds;
pub use serve::{decode, serve};
pub use world::Aws;
