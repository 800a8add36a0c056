//! What the platform calls again and again.

use crate::stage::Stage;
use anyhow::Result;
use local::template::{Input, RuleTarget, Schedule};
use serde_json::json;
use std::time::Duration;

const LONG: Duration = Duration::from_mins(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_calls_again_and_again_at_its_own_pace_until_it_ends() -> Result<()> {
    let stage = Stage::new("schedules", LONG)?;
    let minute = Schedule {
        name: "minute".to_owned(),
        every: Duration::from_mins(1),
        target: RuleTarget {
            id: "subject".to_owned(),
            arn: local::lambda::arn("subject"),
            input: Input::Constant("{}".to_owned()),
            retries: 0,
        },
    };
    let kept = stage.events.keep(&[minute]);
    let calls = || stage.gateway.calls().of("lambda", "Invoke");
    assert_eq!(stage.recorded().await?, json!({}));
    tests::wait("a second call", async || Ok(calls().len() == 2)).await?;
    let apart = calls()[1].started.duration_since(calls()[0].started);
    assert!(
        apart.as_millis() > 1_900,
        "a hurried clock calls after {apart}"
    );
    assert!(calls().iter().all(|call| call.caller == "events"));

    drop(kept);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(calls().len(), 2);
    stage.end().await
}
