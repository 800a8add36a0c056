//! An event of a blue/green deployment: a step that waits for green looks now, and not at its next poll.

use domain::record::Record;
use domain::steps::on_green::{Input, Output, output, waits};
use ports::{Ended, Error, TaskTokens, Upgrades, World};
use steps::Call;
use tracing::info;

/// Ends the waits for the deployment that the event is about.
///
/// # Errors
///
/// If a wait could not be ended; the others are ended all the same. The wait's own timeout ends it later.
pub async fn run<W: World>(call: &Call<'_, W>, input: Input) -> Result<Output, Error> {
    let items = call.world.upgrades().all().await?;
    let records: Vec<Record> = items.into_iter().map(|item| item.record).collect();
    let mut ended = 0;
    let mut failed = None;
    for (record, token) in waits(&input, &records) {
        match call.world.task_tokens().succeed(token).await {
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
