//! Real PostgreSQL servers: each in its own data folder, on its own address, with TLS on every TCP connection.
//!
//! [`Host`] is the machine on which they stand; [`Server`] is one of them. The superuser `rdsadmin` comes by the unix
//! socket only, as nobody but RDS itself does on RDS.

pub mod clone;
mod config;
pub mod gate;
mod host;
pub mod outage;
pub mod roles;
mod script;
mod server;
mod sessions;
mod settings;
pub mod snapshot;
pub mod upgrade;

pub use host::Host;
pub use outage::{Cut, Slow};
pub use script::leave_script;
pub use server::{Server, ServerSpec, StopMode};

/// The superuser of every server; reachable by the unix socket only.
pub const ADMIN: &str = "rdsadmin";
