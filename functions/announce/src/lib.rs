//! Tells people what a state machine has come to.

use domain::steps::announce::{Input, Output, notice, told};
use ports::{Error, Notices, World};
use steps::Call;

/// Tells people. A call that comes again tells them again: a second message is better than none.
///
/// # Errors
///
/// If SNS did not take the mail.
pub async fn run<W: World>(call: &Call<'_, W>, input: Input) -> Result<Output, Error> {
    let notice = notice(&input);
    call.world.notices().publish(&notice).await?;
    Ok(told(&notice))
}
