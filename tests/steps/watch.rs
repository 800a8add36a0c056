//! `watch` and `on_alarm`: a wait that an alarm ends, and nothing else.

use crate::world::{World, error, plan};
use anyhow::{Context, Result};
use asl::interpreter::Outcome;
use local_aws::cloudwatch::StateValue;
use local_aws::faults::{Fault, Target};
use local_aws::toolchain::workspace;
use serde_json::{Value, json};

/// Some of the shipped machine's states, one after the other, between a beginning and the states that they lead to.
pub fn between(names: &[&str]) -> Result<String> {
    let path = workspace().join("statemachine/upgrade.asl.json");
    let shipped: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let assign = json!({
        "plan": "{% $states.input.plan %}", "ticket": "{% $states.input.ticket %}",
        "level": "Green is 0 bytes behind.", "alike": "6 tables hold the same rows.",
    });
    let mut states = json!({"Claimed": {"Type": "Pass", "Next": names[0], "Assign": assign}});
    for name in names {
        let state = &shipped["States"][name];
        states[name] = state.clone();
        for caught in state["Catch"].as_array().into_iter().flatten() {
            let next = caught["Next"].as_str().context("a state")?;
            states[next] = json!({"Type": "Fail", "Error": next, "Cause": "{% $why %}"});
        }
        if let Some(next) = state["Next"].as_str() {
            states[next] = json!({"Type": "Succeed"});
        }
    }
    let machine = json!({
        "QueryLanguage": "JSONata", "StartAt": "Claimed", "TimeoutSeconds": 90_000, "States": states,
    });
    Ok(machine.to_string())
}

pub async fn guarded(name: &str) -> Result<(World, Value)> {
    let world = World::start(name).await?;
    world.alarm("errors").await?;
    let ticket = world.claimed().await?;
    world
        .change_record(|record| record["plan"]["alarms"] = json!(["errors"]))
        .await?;
    Ok((world, ticket))
}

/// Starts the ramp's wait, and returns the execution once its token stands in the record.
pub async fn waiting(world: &World, ticket: &Value) -> Result<String> {
    waiting_in("Watch", world, ticket).await
}

/// Starts the wait of one of the shipped machine's states.
pub async fn waiting_in(state: &str, world: &World, ticket: &Value) -> Result<String> {
    let input = json!({"plan": plan(), "ticket": ticket});
    let execution = world.start_machine(&between(&[state])?, input)?;
    world.token().await?;
    Ok(execution)
}

/// Why a wait led to the rollback.
pub async fn rolled_back(world: &World, execution: &str) -> Result<String> {
    match world.ended(execution).await? {
        Outcome::Failed(failure) => {
            assert_eq!(failure.error.as_deref(), Some("RollBack"));
            failure.cause.context("a cause")
        }
        other => anyhow::bail!("it did not fail: {other:?}"),
    }
}

/// The alarms that CloudWatch is told of, by whichever function: one at least.
async fn alarms(world: &World) -> Result<Vec<f64>> {
    let told = || {
        let by = |function| tests::metric(&world.platform, function, "Alarms");
        anyhow::Ok([by("on_alarm")?, by("watch")?].concat())
    };
    tests::wait("an alarm is told", async || Ok(!told()?.is_empty())).await?;
    told()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_ends_the_wait_that_it_guards_and_its_second_event_ends_nothing() -> Result<()> {
    let (world, ticket) = guarded("watch-rings").await?;
    let execution = waiting(&world, &ticket).await?;
    world.ring("errors")?;
    let why = rolled_back(&world, &execution).await?;
    assert!(
        why.starts_with("Upgrade.AlarmRaised: `errors` went to ALARM"),
        "{why}"
    );
    let event = json!({"id": "again", "detail": {"alarmName": "errors", "state": {"value": "ALARM", "reason": ""}}});
    let answer = world.step("on_alarm", event).await?;
    assert_eq!(answer["ended"], 0);
    assert_eq!(alarms(&world).await?, [1.0], "told by who has ended it");
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_under_an_alarm_that_rings_already_ends_at_once() -> Result<()> {
    let (world, ticket) = guarded("watch-rang").await?;
    world.ring("errors")?;
    // Before the wait, so that only `watch` can end it.
    let answered = || world.platform.lambda.measured();
    let by_event = async || Ok(answered().iter().any(|it| it.function == "on_alarm"));
    tests::wait("the alarm's event is over", by_event).await?;
    let execution = waiting(&world, &ticket).await?;
    let why = rolled_back(&world, &execution).await?;
    assert!(
        why.starts_with("Upgrade.AlarmRaised: `errors` went to ALARM"),
        "{why}"
    );
    assert_eq!(alarms(&world).await?, [1.0]);
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_ticket_begins_no_wait() -> Result<()> {
    let (world, mut ticket) = guarded("watch-old").await?;
    ticket["epoch"] = json!(0);
    let refused = world.step("watch", json!({"ticket": ticket})).await;
    assert_eq!(error(refused)?, "Upgrade.RolledBack");
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_wait_is_clean_also_when_it_is_read_twice() -> Result<()> {
    let (world, ticket) = guarded("watch-quiet").await?;
    waiting(&world, &ticket).await?;
    let first = world.step("watch", json!({"ticket": ticket})).await?;
    let again = world.step("watch", json!({"ticket": ticket})).await?;
    assert_eq!(first, again);
    assert!(world.record().await?["wait"]["token"].is_null());
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_that_rang_and_recovered_is_found_in_the_history() -> Result<()> {
    let (world, ticket) = guarded("watch-history").await?;
    let target = Target::every("states", "SendTaskFailure").by("on_alarm");
    let unheard = world.platform.faults().plant(target, Fault::FailBefore);
    waiting(&world, &ticket).await?;
    world.ring("errors")?;
    world.show("errors", StateValue::Ok)?;
    let read = world.step("watch", json!({"ticket": ticket})).await;
    assert_eq!(error(read)?, "Upgrade.AlarmRaised");
    tests::wait("the event is lost", async || Ok(unheard.fired() > 0)).await?;
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_that_is_missing_or_blind_is_never_healthy() -> Result<()> {
    let (world, ticket) = guarded("watch-blind").await?;
    waiting(&world, &ticket).await?;
    world
        .change_record(|record| record["plan"]["alarms"] = json!(["errors", "gone"]))
        .await?;
    let read = world.step("watch", json!({"ticket": ticket})).await?;
    let told = read["inconclusive"].as_str().context("no question")?;
    assert!(told.starts_with("`gone` missing"), "{told}");
    world
        .change_record(|record| record["plan"]["alarms"] = json!(["errors"]))
        .await?;
    world.show("errors", StateValue::InsufficientData)?;
    let read = world.step("watch", json!({"ticket": ticket})).await?;
    assert!(read["inconclusive"].is_string(), "{read}");
    let judged = async |policy: &str| {
        let policy = policy.to_owned();
        world
            .change_record(|record| record["plan"]["request"]["insufficient_data"] = json!(policy))
            .await?;
        anyhow::Ok(world.step("watch", json!({"ticket": ticket})).await)
    };
    assert_eq!(error(judged("alarm").await?)?, "Upgrade.AlarmRaised");
    assert!(judged("ok").await??["inconclusive"].is_null());
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_asked_and_an_alarm_ends_the_question() -> Result<()> {
    let (world, ticket) = guarded("watch-asks").await?;
    let token = "AQCE-a-token";
    let ask = json!({"about": "switchover", "seconds": 86_400, "found": ["Green is level."]});
    let input = json!({"ticket": ticket, "token": token, "ask": ask});
    world.step("watch", input.clone()).await?;
    let told = || world.platform.calls().of("sns", "Publish").len();
    assert_eq!(told(), 2, "by mail and in the chat");
    assert_eq!(world.record().await?["wait"]["token"], token);
    world.ring("errors")?;
    world.step("watch", input).await?;
    let ended = world.platform.calls().of("states", "SendTaskFailure");
    assert!(!ended.is_empty(), "no call ended the question");
    let questions = world.platform.calls().of("sns", "Publish").into_iter();
    let questions = questions.filter(|call| call.caller == "watch");
    assert_eq!(questions.count(), 2, "no question while an alarm rings");
    world.end().await
}
