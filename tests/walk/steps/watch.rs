//! Waits that an alarm can end.

use super::holding;
use crate::call::Call;
use crate::held::Held;
use crate::world::Fallible;
use domain::error::StepError;
use domain::ids::Millis;
use domain::record::{Phase, Wait};
use domain::watch::{Input, Output, Question, begun, judge, read, since};
use domain::{on_alarm, on_green};

/// Begins a wait, or reads the alarms at its end.
pub async fn run(call: &Call, input: Input) -> Fallible<Output> {
    let Input {
        ticket,
        token,
        entered,
        ask,
    } = input;
    holding(call, &ticket, async |held| match token {
        Some(token) => begin(call, held, token, since(entered, call.now()), ask).await,
        None => end(call, held).await,
    })
    .await
}

async fn begin(
    call: &Call,
    held: &mut Held,
    token: String,
    since: Millis,
    ask: Option<Question>,
) -> Fallible<Output> {
    let wait = Wait {
        token: Some(token.clone()),
        since,
    };
    held.change(|record| record.wait = Some(wait)).await?;
    if held.record.phase == Phase::After {
        call.world.borrow_mut().wait_begins();
    }
    let alarms = held.record.plan.alarms.clone();
    let readings = call
        .look("alarms", |world| Ok(world.readings(&alarms, None)))
        .await?;
    let blind = held.record.plan.request.insufficient_data;
    if let Err(rings) = judge(held.record.phase, blind, &readings) {
        call.fail_token(&token, &rings).await?;
    } else if ask.is_some() {
        call.publish(Some(token)).await?;
    }
    Ok(begun(since, &readings))
}

async fn end(call: &Call, held: &mut Held) -> Fallible<Output> {
    let wait = held.record.wait.as_ref();
    let since = wait
        .ok_or_else(|| StepError::failed("no wait began"))?
        .since;
    let alarms = held.record.plan.alarms.clone();
    let readings = call
        .look("alarms", |world| Ok(world.readings(&alarms, Some(since))))
        .await?;
    let verdict = judge(
        held.record.phase,
        held.record.plan.request.insufficient_data,
        &readings,
    )?;
    let over = Wait { token: None, since };
    held.change(|record| record.wait = Some(over)).await?;
    Ok(read(since, &readings, verdict))
}

/// An alarm rang.
pub async fn on_alarm(call: &Call, input: on_alarm::Input) -> Fallible<on_alarm::Output> {
    let records = call.look("all records", |world| {
        Ok(world.record().cloned().into_iter().collect::<Vec<_>>())
    });
    let records = records.await?;
    let rang_at = input
        .detail
        .state
        .timestamp
        .as_deref()
        .and_then(|at| at.parse().ok());
    let why = on_alarm::failure(&input);
    let mut failed = None;
    let mut ended = 0;
    for (_, token) in on_alarm::waits(&input, rang_at.map(Millis), &records) {
        match call.fail_token(token, &why).await {
            Ok(()) => ended += 1,
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or_else(|| Ok(on_alarm::output(&input, ended)), Err)
}

/// RDS told of a deployment.
pub async fn on_green(call: &Call, input: on_green::Input) -> Fallible<on_green::Output> {
    let records = call.look("all records", |world| {
        Ok(world.record().cloned().into_iter().collect::<Vec<_>>())
    });
    let records = records.await?;
    let mut ended = 0;
    for (_, token) in on_green::waits(&input, &records) {
        call.end_token(token, Ok(())).await?;
        ended += 1;
    }
    Ok(on_green::output(ended))
}
