//! Listeners of Network Load Balancers and the target groups that they forward to.

use crate::Error;
use domain::routes::Address;
use std::collections::BTreeMap;

/// What a listener does with a new connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The ARNs of the target groups that it forwards to, each with its weight.
    pub forwards: Vec<(String, Option<u16>)>,
    /// Seconds for which a client stays with a target group; `None` if it does not.
    pub stickiness: Option<u32>,
}

/// A target group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its ARN.
    pub arn: String,
    /// Whether its targets are addresses that are reached by TCP.
    pub has_addresses: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// What a load balancer makes of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It is being registered, and its first checks are not over.
    Initial,
    /// It gets connections.
    Healthy,
    /// It fails its checks, or can't be checked.
    Unhealthy,
    /// It was deregistered; connections that it had go on for a while.
    Draining,
}

/// The account's listeners and target groups in this Region.
pub trait Listeners {
    /// What a listener does; `None` if there is no such listener.
    ///
    /// # Errors
    ///
    /// `Upgrade.Refused` if it is no TCP listener that forwards to target groups; if it can't be asked.
    async fn action(&self, listener: &str) -> Result<Option<Action>, Error>;

    /// Gives a listener another action.
    ///
    /// # Errors
    ///
    /// If Elastic Load Balancing refuses, or its answer is lost.
    async fn forward(&self, listener: &str, action: &Action) -> Result<(), Error>;

    /// A target group by its name or ARN; `None` if there is no such group.
    ///
    /// # Errors
    ///
    /// If it can't be asked.
    async fn group(&self, id: &str) -> Result<Option<Group>, Error>;

    /// Makes a target group with the protocol, port, VPC and health check of another one, unless there is one of that name.
    ///
    /// # Errors
    ///
    /// As [`Self::forward`].
    async fn create_group(
        &self,
        name: &str,
        like: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), Error>;

    /// The targets of a group by its ARN, those that drain included.
    ///
    /// # Errors
    ///
    /// If it can't be asked.
    async fn targets(&self, group: &str) -> Result<Vec<(Address, Health)>, Error>;

    /// Registers targets; one that is registered stays so.
    ///
    /// # Errors
    ///
    /// As [`Self::forward`].
    async fn register(&self, group: &str, targets: &[Address]) -> Result<(), Error>;

    /// Deregisters targets; connections that they have go on for the group's deregistration delay.
    ///
    /// # Errors
    ///
    /// As [`Self::forward`].
    async fn deregister(&self, group: &str, targets: &[Address]) -> Result<(), Error>;

    /// Deletes a target group that no listener forwards to.
    ///
    /// # Errors
    ///
    /// As [`Self::forward`].
    async fn delete_group(&self, group: &str) -> Result<(), Error>;
}
