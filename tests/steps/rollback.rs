//! `rollback`: blue serves as before, whatever was lost on the way.

use crate::watch::{rolled_back, waiting_in};
use crate::world::{OWNER, READS, World, error};
use anyhow::{Context, Result, ensure};
use local::app::PASSWORD;
use local::shop;
use local_aws::faults::{Fault, Planted, Target};
use local_rds::host_name;
use serde_json::{Value, json};
use std::time::Duration;

/// Our role is the master user, and has made the application's.
const APPLICATION: &str = "
    create role orders_app login password 'only-on-this-machine';
    create table orders (id bigint generated always as identity primary key, item text not null);
    insert into orders (item) select 'item ' || n from generate_series(1, 1000) n;
    grant select, insert, update, delete on orders to orders_app;";

/// Calls RDS.
async fn rds(world: &World, action: &str, parameters: &[(&str, &str)]) -> Result<String> {
    let mut all = vec![("Version", "2014-10-31")];
    all.extend(parameters);
    world.client.query("rds", action, &all).await
}

async fn create_blue(world: &World) -> Result<()> {
    shop::create_primary(&world.client, "16.14", &[]).await?;
    shop::create_replica(&world.client).await?;
    world
        .platform
        .keep_credentials("orders", "viridian", PASSWORD)
        .await
}

async fn run(world: &World, user: &str, statements: &str) -> Result<()> {
    let server = world.platform.rds.server("orders").context("a server")?;
    let session = tests::door(&world.platform, &server, user)?.dial().await?;
    Ok(session.client.batch_execute(statements).await?)
}

/// Calls a step until it says that it is done; all its answers.
pub async fn until_done(world: &World, step: &str, input: &Value) -> Result<Vec<Value>> {
    let mut answers = Vec::new();
    for _ in 0..600 {
        let answer = world.step(step, input.clone()).await?;
        let done = answer["done"] == true;
        answers.push(answer);
        if done {
            return Ok(answers);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    anyhow::bail!("{step} is never done: {:?}", answers.last())
}

/// An upgrade with green, half of the reads there.
pub async fn half_way(name: &str) -> Result<(World, Value)> {
    let world = World::start(name).await?;
    world
        .route(&[("replica", &host_name("orders-replica"), 100)])
        .await?;
    let ticket = with_green(&world, &json!({"record": READS})).await?;
    world.shift(&ticket, 50).await?;
    ensure!(world.routes().await?.len() == 2, "reads are shared");
    Ok((world, ticket))
}

/// Makes blue with a replica, and green by an upgrade whose reads go by this route; the ticket.
pub async fn with_green(world: &World, reads: &Value) -> Result<Value> {
    create_blue(world).await?;
    run(world, "viridian", APPLICATION).await?;
    let request =
        json!({"database": "orders", "target_version": "18.4", "reads": reads, "way_back": "none"});
    let planned = world
        .step("plan", json!({"request": request, "owner": OWNER}))
        .await?;
    ensure!(planned["outcome"] == "ready", "{}", planned["text"]);
    let claimed = world
        .step("claim", json!({"plan": planned["plan"], "owner": OWNER}))
        .await?;
    let ticket = claimed["ticket"].clone();
    until_done(world, "provision", &json!({"ticket": ticket})).await?;
    Ok(ticket)
}

/// A fence on blue, as a step that died leaves it.
async fn fence_blue(world: &World) -> Result<()> {
    run(world, "viridian", "alter role orders_app nologin").await?;
    let record = world.record().await?;
    let fence = json!({
        "side": "blue", "resource_id": record["plan"]["members"][0]["resource_id"], "owner": OWNER, "deadline": 0,
        "roles": [{"name": "orders_app", "comment": null}],
    });
    world
        .change_record(|record| record["fences"] = json!([fence]))
        .await
}

fn now_seconds() -> i64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    since.map_or(0, |since| since.as_secs().cast_signed())
}

#[tokio::test(flavor = "multi_thread")]
async fn blue_serves_as_before_although_every_answer_was_lost_once() -> Result<()> {
    let (world, ticket) = half_way("rollback").await?;
    fence_blue(&world).await?;
    let plant = |service, operation| {
        let target = Target::first(service, operation).by("rollback");
        world.platform.faults().plant(target, Fault::LoseAnswer)
    };
    let lost: Vec<Planted> = vec![
        plant("dynamodb", "UpdateItem"),
        plant("route53", "ChangeResourceRecordSets"),
        plant("rds", "DeleteBlueGreenDeployment"),
    ];
    let order = json!({"database": "orders", "owner": OWNER, "reason": "A test wants it."});
    let answers = until_done(&world, "rollback", &order).await?;
    assert!(lost.iter().all(|fault| fault.fired() == 1), "{lost:?}");

    let originals = [("replica".to_owned(), host_name("orders-replica"), 100, 60)];
    assert_eq!(world.routes().await?, originals);
    let instances = rds(&world, "DescribeDBInstances", &[]).await?;
    assert!(!instances.contains("-green-"), "{instances}");
    let insert = "insert into orders (item) values ('after')";
    run(&world, "orders_app", insert).await?;
    let gone = run(&world, "viridian", "select from viridian.marker").await;
    assert!(gone.is_err(), "the marker's table is gone");
    let item = world.item().await?;
    assert_eq!(item["phase"]["S"], "ended");
    let expires: i64 = item["expires_at"]["N"].as_str().expect("a TTL").parse()?;
    let days = (expires - now_seconds()) / 86_400;
    assert!((399..=400).contains(&days), "{days} days");
    assert!(answers.iter().any(|answer| answer["actions"] != json!([])));

    let again = world.step("rollback", order).await?;
    assert_eq!(again["done"], true);
    assert_eq!(again["actions"], json!([]));
    let late = world.shift(&ticket, 10).await;
    assert_eq!(error(late)?, "Upgrade.RolledBack");
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_goes_back_ends_the_upgrade_s_wait() -> Result<()> {
    for state in ["Watch", "WatchAfter"] {
        let (world, ticket) = half_way(&format!("rollback-{state}")).await?;
        let execution = waiting_in(state, &world, &ticket).await?;
        until_done(&world, "rollback", &json!({"database": "orders"})).await?;
        let why = "Upgrade.RolledBack: a person gave the order.";
        assert_eq!(rolled_back(&world, &execution).await?, why);
        assert_eq!(world.item().await?["phase"]["S"], "ended");
        // One that waits for nothing at that moment hears the same from its next step.
        let late = world.step("watch", json!({"ticket": ticket})).await;
        assert_eq!(error(late)?, "Upgrade.RolledBack");
        world.end().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn blue_serves_although_the_upgrade_s_wait_can_not_be_ended() -> Result<()> {
    let (world, ticket) = half_way("rollback-deaf").await?;
    waiting_in("WatchAfter", &world, &ticket).await?;
    let ends = Target::every("states", "SendTaskFailure").by("rollback");
    let planted = world.platform.faults().plant(ends, Fault::FailBefore);
    until_done(&world, "rollback", &json!({"database": "orders"})).await?;
    assert!(planted.fired() > 0, "it was tried");
    assert_eq!(world.item().await?["phase"]["S"], "ended");
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_switchover_green_goes_on_serving_and_a_person_is_asked() -> Result<()> {
    let world = World::start("rollback-after").await?;
    world.claimed().await?;
    world.serves().await?;
    let person = world.step("rollback", json!({"database": "orders"})).await;
    assert_eq!(error(person)?, "Upgrade.Refused");
    assert_eq!(
        world.item().await?["phase"]["S"],
        "after",
        "the upgrade goes on"
    );
    let failed = world
        .step("rollback", json!({"database": "orders", "owner": OWNER}))
        .await;
    assert_eq!(error(failed)?, "Upgrade.Refused");
    assert_eq!(world.item().await?["phase"]["S"], "needs_operator");
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_upgrade_is_not_rolled_back() -> Result<()> {
    let world = World::start("rollback-other").await?;
    world.claimed().await?;
    let before = world.item().await?;
    let order = json!({"database": "orders", "owner": "arn:another"});
    let answer = world.step("rollback", order).await?;
    assert_eq!(answer["done"], true);
    assert_eq!(answer["actions"], json!([]));
    assert_eq!(world.item().await?, before);
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn green_that_outlived_its_deployment_is_deleted() -> Result<()> {
    let (world, _) = half_way("rollback-left").await?;
    let record = world.record().await?;
    let deployment = record["green"]["deployment"].as_str().context("an id")?;
    let tidied = [
        ("BlueGreenDeploymentIdentifier", deployment),
        ("DeleteTarget", "false"),
    ];
    rds(&world, "DeleteBlueGreenDeployment", &tidied).await?;
    let order = json!({"database": "orders", "owner": OWNER, "reason": "A person tidied up."});
    until_done(&world, "rollback", &order).await?;
    let instances = rds(&world, "DescribeDBInstances", &[]).await?;
    assert!(!instances.contains("-green-"), "{instances}");
    assert_eq!(world.item().await?["phase"]["S"], "ended");
    world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphaned_fence_is_lifted_by_the_sweep() -> Result<()> {
    let (world, _) = half_way("sweep-fence").await?;
    fence_blue(&world).await?;
    let insert = "insert into orders (item) values ('after')";
    assert!(run(&world, "orders_app", insert).await.is_err(), "fenced");
    // No rollback may start that would lift it instead.
    let rollbacks = Target::every("states", "StartExecution").by("sweep");
    world.platform.faults().plant(rollbacks, Fault::FailBefore);
    let done = world.step("sweep", json!({})).await?["actions"].to_string();
    assert!(done.contains("LiftFence"), "{done}");
    run(&world, "orders_app", insert).await?;
    assert_eq!(world.record().await?["fences"], json!([]));
    world.end().await
}
