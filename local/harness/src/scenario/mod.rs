//! One run of the workflow from an empty machine to the audit: the demo and the tests call the same.

mod expect;
mod figures;
mod follow;
mod inject;
mod kind;
pub mod observe;
mod progress;
mod run;
pub mod runs;
mod seen;
mod spent;
mod state;
pub mod summary;
pub mod world;
mod xml;

pub use kind::Kind;
pub use progress::Progress;
pub use run::{Scenario, run_well};
pub use spent::{Spent, Usage};

/// The instance that takes the writes.
pub const DATABASE: &str = "orders";
/// Its replica.
pub const REPLICA: &str = "orders-replica";
/// The weighted name of reads.
pub const READS: &str = "orders-reads.shop.test";
/// The name under which the application writes.
pub const WRITES: &str = "orders-writes.shop.test";
