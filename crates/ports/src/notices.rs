//! Messages to people.

use crate::Error;
use domain::notice::Notice;

/// The topics that tell people what happens.
pub trait Notices {
    /// How many have subscribed and confirmed it.
    ///
    /// # Errors
    ///
    /// If SNS can't be asked, or does not say it.
    async fn subscribers(&self) -> Result<u32, Error>;

    /// Tells people something, by mail and in the chat. A chat that can't be reached is no failure.
    ///
    /// # Errors
    ///
    /// If SNS did not take the mail.
    async fn publish(&self, notice: &Notice) -> Result<(), Error>;
}
