//! What the platform calls again and again.

use crate::stage::Stage;
use anyhow::Result;
use asl::interpreter::Execution;
use local::platform::{Options, Platform};
use local_aws::clock::Clock;
use local_aws::template::{Input, RuleTarget, Schedule};
use serde_json::json;
use std::time::Duration;
use tests::{end_platform, run_folder, wait};

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_calls_again_and_again_at_its_own_pace_until_it_ends() -> Result<()> {
    let stage = Stage::new("schedules")?;
    let minute = Schedule {
        name: "minute".to_owned(),
        every: Duration::from_mins(1),
        target: RuleTarget {
            id: "subject".to_owned(),
            arn: local_aws::lambda::arn("subject"),
            role: None,
            input: Input::Constant("{}".to_owned()),
            retries: 0,
        },
    };
    let kept = stage.events.keep(&[minute]);
    let calls = || stage.gateway.calls.of("lambda", "Invoke");
    assert_eq!(stage.recorded().await?, json!({}));
    wait("a second call", async || Ok(calls().len() == 2)).await?;
    let apart = calls()[1].started.duration_since(calls()[0].started);
    let late = apart.as_millis() > 1_900;
    assert!(late, "a hurried clock calls after {apart}");
    assert!(calls().iter().all(|call| call.caller == "events"));

    drop(kept);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(calls().len(), 2);
    stage.end().await
}

/// How many executions of the upgrade machine began with such an event.
fn started(platform: &Platform, kind: &str) -> usize {
    let executions = platform.states.executions();
    let of = |execution: &&Execution| execution.input()["detail-type"] == kind;
    executions.iter().filter(of).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_and_a_schedule_start_upgrades_in_the_names_of_their_roles() -> Result<()> {
    let request = json!({"database": "orders"});
    let source = "com.example.releases";
    let parameters = [
        ("RequestSource", source),
        ("ScheduleExpression", "rate(1 minute)"),
        ("ScheduleInput", &request.to_string()),
    ];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let options = Options {
        clock: Clock::scaled(30.0),
        parameters: parameters.into(),
        ..Options::new(run_folder("started"))
    };
    let platform = Platform::start(options, &|_| {}).await?;
    let kind = "viridian.upgrade.requested";
    platform.events.emit(source, kind, &[], &request);
    for kind in [kind, "Scheduled upgrade"] {
        let has_started = async || Ok(started(&platform, kind) > 0);
        wait(&format!("an upgrade by {kind}"), has_started).await?;
    }
    let refused = async || {
        let executions = platform.states.executions();
        Ok(executions.iter().any(|it| it.status() == "FAILED"))
    };
    wait("a request without a version fails", refused).await?;
    end_platform(platform).await
}
