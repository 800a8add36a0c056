//! Begins a wait that an alarm can end, and reads the alarms when it is over.

use domain::error::StepError;
use domain::record::Wait;
use domain::watch::{Input, Output, begun, judge, quiet};
use effects::alarms::Alarms;
use effects::claims::{Claims, Held};
use effects::error::Error;
use effects::step::{Invocation, now};
use effects::tokens::Tokens;
use tracing::info;

/// With a token: hands it to the record, **then** reads the alarms, so that whoever rings in between is heard, and ends
/// its own wait if one rings. Without: reads the alarms' state and history since the wait began.
///
/// # Errors
///
/// `Upgrade.AlarmRaised` at the end of a wait that was not quiet, as [`judge`] has it.
pub async fn run(
    claims: &Claims,
    alarms: &Alarms,
    tokens: &Tokens,
    input: Input,
    invocation: Invocation,
) -> Result<Output, Error> {
    let watch = async |held: &mut Held<'_>| match input.token {
        Some(token) => begin(held, alarms, tokens, token).await,
        None => end(held, alarms).await,
    };
    claims
        .holding(&input.ticket, "watch", &invocation, watch)
        .await
}

async fn begin(
    held: &mut Held<'_>,
    alarms: &Alarms,
    tokens: &Tokens,
    token: String,
) -> Result<Output, Error> {
    let since = now();
    let wait = Wait {
        token: Some(token.clone()),
        since,
    };
    held.change(|record| record.wait = Some(wait)).await?;
    let record = held.record();
    let readings = alarms.read(&record.plan.alarms).await?;
    if let Err(rings) = judge(record.phase, &readings) {
        let ended = tokens.fail(&token, &rings).await?;
        info!(?ended, why = rings.message, "own wait ended");
    }
    Ok(begun(since, &readings))
}

async fn end(held: &mut Held<'_>, alarms: &Alarms) -> Result<Output, Error> {
    let record = held.record();
    let wait = record
        .wait
        .as_ref()
        .ok_or_else(|| StepError::failed("no wait began, so there is nothing to read"))?;
    let since = wait.since;
    let readings = alarms.read_since(&record.plan.alarms, since).await?;
    judge(record.phase, &readings)?;
    // The moment stays, for a call whose answer is lost and that runs again.
    let over = Wait { token: None, since };
    held.change(|record| record.wait = Some(over)).await?;
    Ok(quiet(since, &readings))
}
