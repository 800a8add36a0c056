//! Begins a wait that an alarm can end, and reads the alarms when it is over.

use domain::alarms::{Verdict, judge};
use domain::error::{ErrorName, StepError};
use domain::ids::Millis;
use domain::record::Wait;
use domain::steps::watch::{Input, Output, Question, asked, begun, read, since};
use jiff::Timestamp;
use ports::{Alarms, Ended, Error, Notices, Observation, TaskTokens, World};
use steps::{Call, Held, metrics};
use tracing::info;

/// With a token: hands it to the record, **then** reads the alarms, so that one that goes to ALARM in between is seen, and ends
/// its own wait if one is in ALARM. Without: reads the alarms' state and history since the wait began.
///
/// # Errors
///
/// `Upgrade.AlarmRaised` at the end of a wait that was not quiet, as [`judge`] has it.
pub async fn run<W: World>(call: &Call<'_, W>, input: Input) -> Result<Output, Error> {
    let Input {
        ticket,
        token,
        entered,
        ask,
    } = input;
    let watch = async |held: &mut Held<'_, W>| match token {
        Some(token) => begin(held, token, since(entered, call.now()), ask).await,
        None => end(held).await,
    };
    call.holding(&ticket, "watch", watch).await
}

async fn begin<W: World>(
    held: &mut Held<'_, W>,
    token: String,
    since: Millis,
    question: Option<Question>,
) -> Result<Output, Error> {
    let wait = Wait {
        token: Some(token.clone()),
        since,
    };
    held.change(|record| record.wait = Some(wait)).await?;
    let record = held.record();
    let world = held.call.world;
    let readings = world.alarms().read(&record.plan.alarms, None).await?;
    let blind = record.plan.request.insufficient_data;
    match (judge(record.phase, blind, &readings), question) {
        (Err(raised), _) => {
            let ended = world.task_tokens().fail(&token, &raised).await?;
            info!(?ended, why = raised.message, "own wait ended");
            if (ended, raised.name) == (Ended::Now, ErrorName::AlarmRaised) {
                metrics::observe(held, &Observation::Alarm);
            }
        }
        (Ok(alarms), Some(question)) => ask(held, &question, &alarms, &token, since).await?,
        (Ok(_), None) => {}
    }
    Ok(begun(since, &readings))
}

async fn ask<W: World>(
    held: &Held<'_, W>,
    question: &Question,
    alarms: &Verdict,
    token: &str,
    since: Millis,
) -> Result<(), Error> {
    let until = in_words(Millis(since.0 + i64::from(question.seconds) * 1_000));
    let notice = asked(held.record(), question, alarms, token, &until);
    held.call.world.notices().publish(&notice).await?;
    info!(about = ?question.about, until, "a person asked");
    Ok(())
}

async fn end<W: World>(held: &mut Held<'_, W>) -> Result<Output, Error> {
    let record = held.record();
    let wait = record
        .wait
        .as_ref()
        .ok_or_else(|| StepError::failed("no wait began, so there is nothing to read"))?;
    let since = wait.since;
    let alarms = held.call.world.alarms();
    let readings = alarms.read(&record.plan.alarms, Some(since)).await?;
    let blind = record.plan.request.insufficient_data;
    let verdict = judge(record.phase, blind, &readings)?;
    // The moment stays, for a call whose answer is lost and that runs again.
    let over = Wait { token: None, since };
    held.change(|record| record.wait = Some(over)).await?;
    Ok(read(since, &readings, verdict))
}

/// A moment for people: `2026-11-26 10:05 UTC`.
fn in_words(moment: Millis) -> String {
    let moment = Timestamp::from_millisecond(moment.0).unwrap_or(Timestamp::MAX);
    moment.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::in_words;
    use domain::ids::Millis;

    #[test]
    fn a_moment_is_told_to_the_minute() {
        assert_eq!(in_words(Millis(1_570_035_880_985)), "2019-10-02 17:04 UTC");
        assert_eq!(in_words(Millis(i64::MAX)), "9999-12-30 22:00 UTC");
    }
}
