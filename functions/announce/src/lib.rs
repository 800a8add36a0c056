//! Publishes the notices of the state machines.

use domain::steps::announce::{Input, Output, notice, told};
use ports::{Error, Notices, World};
use steps::Call;

/// Publishes a notice. A retry may send a duplicate; losing one is worse.
///
/// # Errors
///
/// If SNS did not take the mail.
pub async fn run<W: World>(call: &Call<'_, W>, input: Input) -> Result<Output, Error> {
    let notice = notice(&input);
    call.world.notices().publish(&notice).await?;
    Ok(told(&notice))
}
