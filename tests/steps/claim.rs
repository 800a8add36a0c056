//! `claim`: one upgrade per database, whatever happens to an answer.

use crate::world::{OTHER, OWNER, World, claim, error, plan, text};
use anyhow::Result;
use local_aws::faults::{Fault, Target};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_belongs_to_its_owner_only() -> Result<()> {
    let world = World::start("claim").await?;
    let ticket = world.claimed().await?;
    assert_eq!(
        ticket,
        json!({"database": "orders", "owner": OWNER, "epoch": 1})
    );
    assert_eq!(
        world.claimed().await?,
        ticket,
        "claiming again gives the same ticket"
    );
    let refused = world.step("claim", claim(OTHER, &plan())).await;
    assert_eq!(error(refused)?, "Upgrade.Refused");
    assert_eq!(text(&world.item().await?, "owner"), OWNER);
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_whose_answer_was_lost_is_recognized() -> Result<()> {
    let world = World::start("claim-lost").await?;
    let target = Target::first("dynamodb", "UpdateItem").by("claim");
    let lost = world.platform.faults().plant(target, Fault::LoseAnswer);
    let ticket = world.claimed().await?;
    assert_eq!(lost.fired(), 1);
    assert_eq!(ticket["epoch"], 1, "it was not claimed twice");
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_is_ridden_out_or_handed_on_as_transient() -> Result<()> {
    let world = World::start("claim-throttled").await?;
    let always = Target::every("dynamodb", "UpdateItem").by("claim");
    let throttled = world.platform.faults().plant(always, Fault::Throttle);
    let failed = world.step("claim", claim(OWNER, &plan())).await;
    assert_eq!(error(failed)?, "Upgrade.Transient");
    assert!(throttled.fired() > 1);
    assert!(world.item().await?.is_null(), "nothing was claimed");
    world.platform.faults().clear();
    let once = Target::first("dynamodb", "UpdateItem").by("claim");
    let throttled = world.platform.faults().plant(once, Fault::Throttle);
    world.claimed().await?;
    assert_eq!(throttled.fired(), 1);
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_served_starts_nothing_and_a_new_one_does() -> Result<()> {
    let world = World::start("claim-served").await?;
    let mut scheduled = plan();
    scheduled["request"]["request_id"] = json!("schedule-7");
    world.step("claim", claim(OWNER, &scheduled)).await?;
    world
        .change_item(|item| {
            item["phase"] = json!({"S": "ended"});
            item["expires_at"] = json!({"N": "4000000000"});
        })
        .await?;
    let again = world.step("claim", claim(OTHER, &scheduled)).await;
    assert_eq!(error(again)?, "Upgrade.Refused");
    scheduled["request"]["request_id"] = json!("schedule-8");
    let stale = world.step("claim", claim(OTHER, &scheduled)).await;
    assert_eq!(error(stale)?, "Upgrade.Refused", "it was planned before");
    scheduled["last_claim"] = json!(1);
    let fresh = world.step("claim", claim(OTHER, &scheduled)).await?;
    assert_eq!(fresh["ticket"]["epoch"], 2);
    assert!(world.item().await?["expires_at"].is_null(), "a claim stays");
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_person_is_not_claimed_until_they_clear_it() -> Result<()> {
    let world = World::start("claim-operator").await?;
    world.claimed().await?;
    world.leave("needs_operator").await?;
    let refused = world.step("claim", claim(OTHER, &plan())).await;
    assert_eq!(error(refused)?, "Upgrade.Refused");
    world.leave("ended").await?;
    let mut anew = plan();
    anew["last_claim"] = json!(1);
    world.step("claim", claim(OTHER, &anew)).await?;
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_does_not_fit_is_named_by_its_field() -> Result<()> {
    let world = World::start("claim-input").await?;
    let mut input = claim(OWNER, &plan());
    input["plan"]["members"][0]["port"] = json!("five");
    let failure = world.step("claim", input).await.expect_err("a wrong port");
    assert_eq!(failure.error, "Upgrade.InvalidInput");
    assert!(failure.cause.contains("plan.members[0].port"), "{failure}");
    world.end().await
}
