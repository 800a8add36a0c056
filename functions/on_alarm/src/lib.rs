//! An alarm went to ALARM: ends the waits of the upgrades that it guards, and notifies people.

use domain::ids::Millis;
use domain::notice::Notice;
use domain::record::Record;
use domain::steps::on_alarm::{Input, Output, failure, notice, output, waits};
use ports::{Ended, Error, Notices, Observation, TaskTokens, Upgrades, World};
use steps::{Call, metrics};
use tracing::{info, warn};

/// Ends every wait that the alarm guards. An event that comes late or twice finds nothing to end.
///
/// # Errors
///
/// If a wait could not be ended; the others are ended all the same. EventBridge delivers the event again.
pub async fn run<W: World>(call: &Call<'_, W>, input: Input) -> Result<Output, Error> {
    let world = call.world;
    let items = world.upgrades().all().await?;
    let records: Vec<Record> = items.into_iter().map(|item| item.record).collect();
    let why = failure(&input);
    let mut ended = 0;
    let mut failed = None;
    for (record, token) in waits(&input, raised_at(&input), &records) {
        match world.task_tokens().fail(token, &why).await {
            Ok(Ended::Now) => {
                info!(database = %record.ticket.database, "wait ended");
                metrics::tell(world, &record.ticket, &Observation::Alarm);
                ended += 1;
                tell(world, &notice(&input, record)).await;
            }
            Ok(Ended::Before) => info!(database = %record.ticket.database, "wait was over already"),
            Err(error) => failed = Some(error),
        }
    }
    failed.map_or_else(|| Ok(output(&input, ended)), Err)
}

/// The wait is over also without the notice, so losing it is no failure: the rollback sends its own.
async fn tell(world: &impl World, notice: &Notice) {
    if let Err(lost) = world.notices().publish(notice).await {
        warn!(%lost, "notice not published");
    }
}

/// When the alarm went to ALARM, if the event has a readable timestamp.
fn raised_at(input: &Input) -> Option<Millis> {
    let text = input.detail.state.timestamp.as_deref()?;
    let moment: jiff::Timestamp = text.parse().ok()?;
    Some(Millis(moment.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::raised_at;
    use domain::ids::Millis;
    use domain::steps::on_alarm::Input;

    fn event(timestamp: &str) -> Input {
        let state = serde_json::json!({"value": "ALARM", "timestamp": timestamp});
        let event =
            serde_json::json!({"id": "1", "detail": {"alarmName": "errors", "state": state}});
        serde_json::from_value(event).expect("an event")
    }

    #[test]
    fn cloudwatch_s_own_timestamps_are_read() {
        let read = |text| raised_at(&event(text));
        let expected = Some(Millis(1_570_035_880_985));
        assert_eq!(read("2019-10-02T17:04:40.985+0000"), expected);
        assert_eq!(read("2019-10-02T17:04:40.985Z"), expected);
        assert_eq!(read("yesterday"), None);
    }
}
