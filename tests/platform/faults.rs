//! Faults that end the caller, forbid its call, or make it wait.

use crate::services::{cloudwatch, make_alarm, rings};
use crate::stage::{Stage, failure};
use anyhow::Result;
use local_aws::faults::{Fault, Target};
use local_aws::gateway::Caller;
use local_aws::lambda::Outcome;
use local_aws::lambda::client::invoke;
use serde_json::json;
use std::time::{Duration, Instant};

/// Lets `subject` ring the alarm while the call meets a fault: how that ended, and whether the alarm rings.
async fn ring(stage: &Stage, fault: Fault) -> Result<(Outcome, bool)> {
    let calls = Target::first("monitoring", "SetAlarmState").by("subject");
    let planted = stage.gateway.faults.plant(calls, fault);
    let outcome = stage.invoke(json!({"do": "ring"})).await?;
    assert_eq!(planted.fired(), 1, "{fault:?}: {outcome:?}");
    stage.gateway.faults.clear();
    Ok((outcome, rings(stage).await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_killed_before_or_after_its_work_is_done() -> Result<()> {
    let stage = Stage::new("kills")?;
    make_alarm(&stage).await?;
    for (fault, done) in [(Fault::KillBefore, false), (Fault::KillAfter, true)] {
        let (outcome, rings) = ring(&stage, fault).await?;
        let (kind, message) = failure(&outcome);
        assert_eq!(kind, "Runtime.ExitError");
        assert!(message.ends_with("signal: killed"), "{message}");
        assert_eq!(rings, done, "{fault:?}");
    }
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_no_function_makes_is_not_met_by_a_fault_that_kills() -> Result<()> {
    let stage = Stage::new("kills-none")?;
    let faults = &stage.gateway.faults;
    let planted = faults.plant(Target::every("lambda", "Invoke"), Fault::KillBefore);
    let caller = Caller::Service("test");
    invoke(&stage.gateway, caller, "subject", "{}".into()).await?;
    assert_eq!(planted.fired(), 0);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_an_answer_and_a_denied_call_does_nothing() -> Result<()> {
    let stage = Stage::new("late")?;
    make_alarm(&stage).await?;
    let (denied, rings_then) = ring(&stage, Fault::Deny).await?;
    assert!(failure(&denied).1.contains("AccessDenied"), "{denied:?}");
    assert!(!rings_then);
    let (late, began) = (Duration::from_millis(300), Instant::now());
    let (outcome, rings_now) = ring(&stage, Fault::Delay(late)).await?;
    assert!(matches!(outcome, Outcome::Returned(_)) && rings_now);
    assert!(began.elapsed() >= late);
    stage.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_can_be_out_of_reach_as_a_whole() -> Result<()> {
    let stage = Stage::new("out-of-reach")?;
    let faults = &stage.gateway.faults;
    let all = Target::all_of("monitoring").by("subject");
    let refused = faults.plant(all.clone(), Fault::Refuse);
    let alarms = cloudwatch(&stage);
    assert!(alarms.list_metrics().send().await.is_err());
    assert!(alarms.describe_alarms().send().await.is_err());
    assert!(refused.fired() >= 2);
    faults.clear();
    let late = faults.plant(all, Fault::Delay(Duration::from_millis(50)));
    alarms.list_metrics().send().await?;
    alarms.describe_alarms().send().await?;
    assert_eq!(late.fired(), 2);
    stage.end().await
}
