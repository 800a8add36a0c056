//! Tells people what a state machine has come to.

use domain::announce::{Input, Output, notice, told};
use effects::error::Error;
use effects::notices::Notices;

/// Tells people. A call that comes again tells them again: twice told is better than never.
///
/// # Errors
///
/// If SNS did not take the mail.
pub async fn run(notices: &Notices, input: Input) -> Result<Output, Error> {
    let notice = notice(&input);
    notices.publish(&notice).await?;
    Ok(told(&notice))
}
