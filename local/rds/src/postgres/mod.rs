//! The twin of RDS for PostgreSQL: all that is PostgreSQL's own. What RDS does alike for every engine is outside of it.
//!
//! Real servers: each in its own data folder, on its own address, with TLS on every TCP connection.
//!
//! [`Host`] is the machine on which they stand; [`Server`] is one of them. The superuser `rdsadmin` comes by the unix
//! socket only, as only RDS itself does on RDS.

pub mod block;
pub mod clone;
mod config;
pub(crate) mod crossing;
pub mod dial;
mod fence;
pub mod gate;
pub(crate) mod health;
mod host;
mod lanes;
pub mod link;
mod making;
pub(crate) mod obstacles;
pub mod outage;
pub(crate) mod parameters;
pub mod roles;
mod script;
mod sequences;
mod server;
mod shape;
pub mod snapshot;
pub mod ticks;
pub mod upgrade;
pub(crate) mod version;

pub use fence::drain;
pub use host::Host;
pub use lanes::Lanes;
pub use outage::{Cut, Slow};
pub use script::leave_script;
pub use server::{Server, ServerSpec, StopMode};

use anyhow::Result;
use local_aws::clock::wait;
use tokio_postgres::Client;

/// The superuser of every server; reachable by the unix socket only.
pub const ADMIN: &str = "rdsadmin";

/// An identifier for SQL.
fn quoted(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// Waits until a query gives true, a minute at most.
///
/// # Errors
/// When it takes longer, or the server doesn't answer.
pub async fn until(client: &Client, query: &str) -> Result<()> {
    wait(query, async || {
        Ok(client.query_one(query, &[]).await?.get(0))
    })
    .await
}
