//! What a step needs from the outside world: one trait per capability, in the field's verbs and the domain's types.
//!
//! Steps are generic over [`World`]. The crate `aws` implements it over the AWS SDK and the engines; the simulation of the
//! tests implements it in memory and in virtual time. Whatever is awaited here may fail, be answered twice, or do its work and
//! lose the answer.

#![allow(
    async_fn_in_trait,
    reason = "one thread drives an invocation; no future has to be Send"
)]

mod alarms;
mod clock;
mod engine;
mod error;
mod executions;
mod listeners;
mod metrics;
mod names;
mod notices;
mod parameters;
mod rds;
mod tokens;
mod upgrades;
mod zones;

pub use alarms::Alarms;
pub use clock::{Clock, Elapsed, Invocation};
pub use engine::{
    Access, Answer, Drained, Endpoint, Engine, Logins, Session, TableName, WrittenMarker,
};
pub use error::{BoxError, Cause, Error, Failure, Nature};
pub use executions::Executions;
pub use listeners::{Action, Group, Health, Listeners};
pub use metrics::{Metrics, Observation};
pub use names::Names;
pub use notices::Notices;
pub use parameters::{Parameters, Value};
pub use rds::{Created, Deletion, NewDeployment, Rds};
pub use tokens::{Ended, TaskTokens};
pub use upgrades::{CLOCKS_DIFFER, Item, Upgrades, Write};
pub use zones::{Edit, RecordKind, RecordSet, Zones};

/// Everything outside of a step.
pub trait World {
    /// The table of upgrades.
    type Upgrades: Upgrades;
    /// RDS.
    type Rds: Rds;
    /// CloudWatch's alarms.
    type Alarms: Alarms;
    /// Waits of Step Functions.
    type TaskTokens: TaskTokens;
    /// Executions of the state machines.
    type Executions: Executions;
    /// Messages to people.
    type Notices: Notices;
    /// CloudWatch's metrics.
    type Metrics: Metrics;
    /// Hosted zones of Route 53.
    type Zones: Zones;
    /// Parameters of Systems Manager.
    type Parameters: Parameters;
    /// Listeners of load balancers.
    type Listeners: Listeners;
    /// DNS.
    type Names: Names;
    /// Our credentials for the databases.
    type Logins: Logins;
    /// Time.
    type Clock: Clock;

    /// The table of upgrades.
    fn upgrades(&self) -> &Self::Upgrades;
    /// RDS.
    fn rds(&self) -> &Self::Rds;
    /// CloudWatch's alarms.
    fn alarms(&self) -> &Self::Alarms;
    /// Waits of Step Functions.
    fn task_tokens(&self) -> &Self::TaskTokens;
    /// Executions of the state machines.
    fn executions(&self) -> &Self::Executions;
    /// Messages to people.
    fn notices(&self) -> &Self::Notices;
    /// CloudWatch's metrics.
    fn metrics(&self) -> &Self::Metrics;
    /// Hosted zones of Route 53.
    fn zones(&self) -> &Self::Zones;
    /// Parameters of Systems Manager.
    fn parameters(&self) -> &Self::Parameters;
    /// Listeners of load balancers.
    fn listeners(&self) -> &Self::Listeners;
    /// DNS.
    fn names(&self) -> &Self::Names;
    /// Our credentials for the databases.
    fn logins(&self) -> &Self::Logins;
    /// Time.
    fn clock(&self) -> &Self::Clock;
    /// Seconds for which clients may keep an answer while reads are shared.
    fn record_ttl(&self) -> u32;
}

/// The engine of a world's databases.
pub type EngineOf<W> = <<W as World>::Logins as Logins>::Engine;
/// A session on one of a world's servers.
pub type SessionOf<W> = <EngineOf<W> as Engine>::Session;
