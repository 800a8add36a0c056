//! What is due in the world.

use super::rds::Next;
use domain::ids::ResourceId;

/// What the world does by itself, at its time.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// Logical links carry what they can.
    Carry,
    /// RDS goes on with a deployment, by its place.
    Deployment(usize, Next),
    /// An instance is gone.
    Gone(ResourceId),
    /// An instance has its new name.
    Named(ResourceId, String),
    /// A certificate carries an instance's present name alone.
    Certified(ResourceId),
    /// RDS lets old take writes, since the deployment's record is gone.
    OldOpens(ResourceId),
    /// An instance has the version that it was asked for.
    Upgraded(ResourceId, String),
    /// RDS is through with an instance's storage.
    Rested(ResourceId),
    /// A snapshot is through, by its place.
    Snapshot(usize),
    /// An alarm is quiet again.
    Quiet,
}
