//! `on_green`: what RDS tells of a deployment ends a wait for green, by the rule that is shipped.

use crate::rollback::half_way;
use crate::world::World;
use anyhow::Result;
use asl::interpreter::Outcome;
use serde_json::{Value, json};

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
    world.start_machine(&machine(function), json!({"ticket": ticket}))
}

/// Starts a wait for green; the execution, once its token stands in the record.
async fn waiting(world: &World, ticket: &Value) -> Result<String> {
    let execution = started(world, ticket, "watch")?;
    let token = world.token().await?;
    world
        .change_record(|record| {
            record["green_wait"] = json!({"token": token, "deployment": "bgd-1"});
        })
        .await?;
    Ok(execution)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_for_a_green_that_stands_ends_without_an_event() -> Result<()> {
    let (world, ticket) = half_way("on-green-stands").await?;
    let execution = started(&world, &ticket, "provision")?;
    let ended = world.ended(&execution).await?;
    assert_eq!(ended, Outcome::Succeeded(json!({})));
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
    let ended = world.ended(&execution).await?;
    assert_eq!(ended, Outcome::Succeeded(json!({})));
    let again = json!({"id": "again", "detail": detail});
    assert_eq!(world.step("on_green", again).await?["ended"], 0);
    world.end().await
}
