//! `on_green`: what RDS tells of a deployment ends a wait for green, by the rule that is shipped.

use crate::rollback::half_way;
use crate::world::World;
use anyhow::{Context, Result, anyhow};
use asl::interpreter::Outcome;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// A wait whose token a function hands to the record.
fn machine(function: &str) -> String {
    let machine = json!({
        "QueryLanguage": "JSONata", "StartAt": "Wait", "TimeoutSeconds": 60,
        "States": {
            "Wait": {
                "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": true,
                "Arguments": {"FunctionName": format!("{}:1", local_aws::lambda::arn(function)), "Payload": {
                    "ticket": "{% $states.input.ticket %}", "token": "{% $states.context.Task.Token %}",
                }},
                "TimeoutSeconds": 50,
            },
        },
    });
    machine.to_string()
}

/// Starts a wait whose token a function hands to the record.
fn started(world: &World, ticket: &Value, function: &str) -> Result<String> {
    let states = &world.platform.states;
    // In the shipped machine's place, and so with its role.
    let shipped = world.platform.template.machine("UpgradeMachine");
    let shipped = &shipped.context("a machine")?.name;
    let machine = states
        .register(shipped, &machine(function), &BTreeMap::new())
        .map_err(|refusal| anyhow!("{refusal:?}"))?;
    let execution = states.start(&machine, None, json!({"ticket": ticket}));
    execution.map_err(|refusal| anyhow!("{refusal:?}"))
}

/// Starts a wait for green; the execution, once its token stands in the record.
async fn waiting(world: &World, ticket: &Value) -> Result<String> {
    let execution = started(world, ticket, "watch")?;
    for _ in 0..500 {
        let token = world.record().await?["wait"]["token"].clone();
        if token.is_string() {
            world
                .change_record(|record| {
                    record["green_wait"] = json!({"token": token, "deployment": "bgd-1"});
                })
                .await?;
            return Ok(execution);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("no wait was stored")
}

async fn end(world: &World, execution: &str) -> Result<Outcome> {
    let ended = world.platform.states.wait(execution);
    let ended = tokio::time::timeout(Duration::from_secs(20), ended).await?;
    ended.map_err(|refusal| anyhow!("{refusal:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_for_a_green_that_stands_ends_without_an_event() -> Result<()> {
    let (world, ticket) = half_way("on-green-stands").await?;
    let execution = started(&world, &ticket, "provision")?;
    assert_eq!(
        end(&world, &execution).await?,
        Outcome::Succeeded(json!({}))
    );
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_rds_ends_the_wait_and_its_second_one_ends_nothing() -> Result<()> {
    let world = World::start("on-green").await?;
    let ticket = world.claimed().await?;
    let execution = waiting(&world, &ticket).await?;
    let detail = json!({"EventID": "RDS-EVENT-0244", "SourceIdentifier": "bgd-1", "Message": "tasks completed"});
    let resources = ["arn:aws:rds:eu-west-1:123456789012:deployment:bgd-1".to_owned()];
    let kind = "RDS Blue Green Deployment Event";
    world
        .platform
        .events
        .emit("aws.rds", kind, &resources, &detail);
    assert_eq!(
        end(&world, &execution).await?,
        Outcome::Succeeded(json!({}))
    );
    let again = json!({"id": "again", "detail": detail});
    assert_eq!(world.step("on_green", again).await?["ended"], 0);
    world.end().await
}
