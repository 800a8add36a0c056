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

pub use kind::Kind;
pub use progress::Progress;
pub use run::{Scenario, run_well};
pub use spent::{Spent, Usage};
