//! Names of hosts.

use crate::Error;
use std::net::IpAddr;

/// DNS, without a cache.
pub trait Names {
    /// The address that a host name has now.
    ///
    /// # Errors
    ///
    /// `Upgrade.Transient` if there is no answer, or none with an address: names move during a switchover.
    async fn address(&self, host: &str) -> Result<IpAddr, Error>;
}
