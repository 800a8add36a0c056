//! What the engine needs from outside of the database.

use ports::{Endpoint, Error};
use std::net::IpAddr;

/// The network around the servers: their names, and the logins that are not by password.
pub trait Network {
    /// The address that a host name has now. An address in text is its own answer.
    ///
    /// # Errors
    ///
    /// `Upgrade.Transient` if there is no answer, or none with an address: names move during a switchover.
    async fn address(&self, host: &str) -> Result<IpAddr, Error>;

    /// Whether a nameserver of our own is asked: then others, such as the database servers themselves, may not know the names.
    fn is_named(&self) -> bool;

    /// A token by which `username` may log in to one server by IAM, under the name that RDS describes.
    ///
    /// # Errors
    ///
    /// If it can't be signed.
    async fn token(&self, server: &Endpoint, username: &str) -> Result<String, Error>;
}
