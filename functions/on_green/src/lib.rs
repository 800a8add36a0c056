//! RDS has told of a blue/green deployment: whoever waits for green looks now, and not at the next poll.

use domain::on_green::{Input, Output, output, waits};
use effects::claims::Claims;
use effects::error::Error;
use effects::tokens::{Ended, Tokens};
use tracing::info;

/// Ends the waits for the deployment that the event is about.
///
/// # Errors
///
/// If a wait could not be ended; the others are ended all the same. The wait's own timeout ends it later.
pub async fn run(claims: &Claims, tokens: &Tokens, input: &Input) -> Result<Output, Error> {
    let records = claims.all().await?;
    let mut ended = 0;
    let mut failed = None;
    for (record, token) in waits(input, &records) {
        match tokens.succeed(token).await {
            Ok(Ended::Now) => {
                info!(database = %record.ticket.database, said = input.detail.message, "wait ended");
                ended += 1;
            }
            Ok(Ended::Before) => info!(database = %record.ticket.database, "wait was over already"),
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or_else(|| Ok(output(ended)), Err)
}
