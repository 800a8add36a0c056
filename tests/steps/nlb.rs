//! Reads and writes by a listener of a Network Load Balancer: they ramp by weight, come back exactly, and follow addresses.

use crate::world::{OWNER, World, error, green};
use anyhow::{Context, Result};
use local::routes::listener::{self, call, change, groups};
use local_aws::faults::{Fault, Target};
use local_aws::lambda::client::Failure;
use local_aws::xml;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddrV4};

const HOSTS: [(&str, u8); 4] = [
    ("orders", 10),
    ("orders-replica", 11),
    ("orders-green-abc123", 12),
    ("orders-replica-green-abc123", 13),
];

fn at(host: u8) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(127, 9, 9, host), 5432)
}

/// A claimed upgrade with green, whose reads go by a listener to the replica and whose writes go by another to the writer.
struct Balanced {
    world: World,
    ticket: Value,
    reads: String,
    writes: String,
}

impl Balanced {
    async fn start(name: &str) -> Result<Self> {
        let world = World::start(name).await?;
        let ticket = world.claimed().await?;
        for (host, last) in HOSTS {
            lead(&world, host, last);
        }
        let reads = listener_to(&world, "reads", 11).await?;
        let writes = listener_to(&world, "writes", 10).await?;
        let routes = [
            route(&world, &reads, "orders-replica", 11).await?,
            route(&world, &writes, "orders", 10).await?,
        ];
        let change = |record: &mut Value| {
            let [reads, writes] = routes;
            record["plan"]["reads"] = reads;
            record["plan"]["writes"] = writes;
            record["green"] = green();
        };
        world.change_record(change).await?;
        Ok(Self {
            world,
            ticket,
            reads,
            writes,
        })
    }

    async fn shift(&self, percent: u8) -> Result<Value, Failure> {
        self.world.shift(&self.ticket, percent).await
    }

    async fn refused(&self, percent: u8) -> Result<()> {
        assert_eq!(error(self.shift(percent).await)?, "Upgrade.Refused");
        Ok(())
    }

    /// Every upgrade is looked at, and none is rolled back because its execution was never started.
    async fn sweep(&self) -> Result<()> {
        let restart = Target::every("states", "StartExecution").by("sweep");
        let faults = self.world.platform.faults();
        faults.plant(restart, Fault::FailBefore);
        self.world.step("sweep", json!({})).await.map(drop)?;
        Ok(())
    }

    /// The groups of the reads, ours as `green`.
    async fn reads(&self) -> Result<Vec<String>> {
        seen(&self.world, &self.reads).await
    }

    async fn writes(&self) -> Result<Vec<String>> {
        seen(&self.world, &self.writes).await
    }

    /// All target groups of ours.
    async fn ours(&self) -> Result<usize> {
        let all = call(&self.world.client, "DescribeTargetGroups", &[]).await?;
        Ok(all.matches("<TargetGroupName>viridian-green-").count())
    }
}

fn lead(world: &World, host: &str, last: u8) {
    let name = format!("{host}.rds.test");
    world.platform.nameserver.register(&name, *at(last).ip(), 5);
}

async fn listener_to(world: &World, name: &str, last: u8) -> Result<String> {
    let made = listener::make(&world.client, name, 5432).await?;
    let group = group(world, &made, 0).await?;
    change(&world.client, "RegisterTargets", &group, at(last)).await?;
    Ok(made)
}

async fn group(world: &World, listener: &str, place: usize) -> Result<String> {
    let groups = groups(&world.client, listener).await?;
    Ok(groups.get(place).context("a group")?.0.clone())
}

async fn route(world: &World, listener: &str, host: &str, last: u8) -> Result<Value> {
    let found = json!({"ip": at(last).ip(), "port": 5432});
    let target = json!({"host": format!("{host}.rds.test"), "found": found});
    let group =
        json!({"group": group(world, listener, 0).await?, "weight": null, "targets": [target]});
    let tags = json!({"viridian:database": "orders", "viridian:owner": OWNER});
    Ok(json!({"listener": listener, "groups": [group], "tags": tags}))
}

async fn seen(world: &World, listener: &str) -> Result<Vec<String>> {
    let lines = listener::of(&world.client, listener).await?;
    let plain = |line: String| match line.strip_prefix("viridian-green-") {
        Some(ours) => format!("green {}", ours.split_once(' ').unwrap_or_default().1),
        None => line,
    };
    let mut lines: Vec<String> = lines.into_iter().map(plain).collect();
    lines.sort();
    Ok(lines)
}

const READS: &str = "reads all 127.9.9.11:5432";
const WRITES: &str = "writes all 127.9.9.10:5432";

fn shared(blue: u16, green: u16) -> [String; 2] {
    [
        format!("green {green} 127.9.9.13:5432"),
        format!("reads {blue} 127.9.9.11:5432"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_ramp_by_weight_and_come_back_exactly() -> Result<()> {
    let it = Balanced::start("nlb").await?;
    for (percent, blue, green) in [(10, 810, 90), (50, 450, 450), (100, 0, 900)] {
        let answer = it.shift(percent).await?;
        assert_eq!(it.reads().await?, shared(blue, green), "{percent} %");
        assert_eq!(answer["settle_seconds"], 5);
    }
    assert_eq!(
        (it.writes().await?, it.ours().await?),
        (vec![WRITES.to_owned()], 1)
    );
    it.shift(0).await?;
    assert_eq!(
        (it.reads().await?, it.writes().await?),
        (vec![READS.to_owned()], vec![WRITES.to_owned()])
    );
    assert_eq!(it.ours().await?, 0, "only the customer's are left");
    assert_eq!(
        it.world.weights()?,
        [10.0, 50.0, 100.0, 0.0],
        "each change once"
    );
    it.world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_and_throttled_calls_change_nothing_twice() -> Result<()> {
    let it = Balanced::start("nlb-lost").await?;
    let faults = it.world.platform.faults();
    let plant = |operation, fault| {
        let target = Target::first("elasticloadbalancing", operation).by("shift_weight");
        faults.plant(target, fault)
    };
    let there = [
        plant("CreateTargetGroup", Fault::LoseAnswer),
        plant("RegisterTargets", Fault::LoseAnswer),
        plant("ModifyListener", Fault::LoseAnswer),
        plant("DescribeTargetHealth", Fault::Throttle),
    ];
    it.shift(50).await?;
    assert!(there.iter().all(|fault| fault.fired() == 1), "{there:?}");
    assert_eq!(
        (it.reads().await?, it.ours().await?),
        (shared(450, 450).to_vec(), 1)
    );
    let back = [
        plant("ModifyListener", Fault::Throttle),
        plant("DeleteTargetGroup", Fault::LoseAnswer),
    ];
    it.shift(0).await?;
    assert!(back.iter().all(|fault| fault.fired() == 1), "{back:?}");
    assert_eq!(
        (it.reads().await?, it.ours().await?),
        (vec![READS.to_owned()], 0)
    );
    it.world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_clients_change_and_another_owners_group_are_left_alone() -> Result<()> {
    let it = Balanced::start("nlb-theirs").await?;
    it.shift(50).await?;
    let client = &it.world.client;
    let group = group(&it.world, &it.reads, 0).await?;
    let forward = async |weight: &str| {
        let parameters = [
            ("ListenerArn", &*it.reads),
            ("DefaultActions.member.1.Type", "forward"),
            (
                "DefaultActions.member.1.ForwardConfig.TargetGroups.member.1.TargetGroupArn",
                &group,
            ),
            (
                "DefaultActions.member.1.ForwardConfig.TargetGroups.member.1.Weight",
                weight,
            ),
        ];
        call(client, "ModifyListener", &parameters).await
    };
    forward("7").await?;
    let theirs = it.reads().await?;
    for percent in [100, 0] {
        it.refused(percent).await?;
        assert_eq!(it.reads().await?, theirs);
    }
    // As it was found, with a group of ours left behind whose tags another client has changed.
    forward("1").await?;
    let all = call(client, "DescribeTargetGroups", &[]).await?;
    let arns = xml::all(&all, "TargetGroupArn").into_iter();
    for ours in arns.filter(|arn| arn.contains("viridian-green-")) {
        let retag = [
            ("ResourceArns.member.1", ours),
            ("Tags.member.1.Key", "viridian:owner"),
            ("Tags.member.1.Value", "another"),
        ];
        call(client, "AddTags", &retag).await?;
    }
    it.refused(0).await?;
    assert_eq!(it.ours().await?, 1);
    it.world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_move_are_followed_and_strangers_are_left_alone() -> Result<()> {
    let it = Balanced::start("nlb-addresses").await?;
    it.shift(50).await?;
    let (client, customers) = (&it.world.client, group(&it.world, &it.reads, 0).await?);
    change(client, "RegisterTargets", &customers, at(99)).await?;
    lead(&it.world, "orders-replica", 21);
    lead(&it.world, "orders-replica-green-abc123", 23);
    it.sweep().await?;
    let followed = [
        "green 450 127.9.9.23:5432",
        "reads 450 127.9.9.21:5432 127.9.9.99:5432",
    ];
    assert_eq!(it.reads().await?, followed);
    // By the next step as well; and a name that is gone changes nothing.
    lead(&it.world, "orders-replica-green-abc123", 24);
    it.world
        .platform
        .nameserver
        .remove("orders-replica.rds.test");
    it.shift(100).await?;
    let followed = [
        "green 900 127.9.9.24:5432",
        "reads 0 127.9.9.21:5432 127.9.9.99:5432",
    ];
    assert_eq!(it.reads().await?, followed);
    // Once green serves, blue's names lead to it.
    it.world.serves().await?;
    lead(&it.world, "orders-replica", 25);
    it.sweep().await?;
    assert_eq!(it.reads().await?[0], "green 900 127.9.9.25:5432");
    assert_eq!(
        it.reads().await?[1],
        followed[1],
        "blue's are kept for the failback"
    );
    // Also while a person is needed.
    it.world.leave("needs_operator").await?;
    lead(&it.world, "orders-replica", 26);
    it.sweep().await?;
    assert_eq!(it.reads().await?[0], "green 900 127.9.9.26:5432");
    it.world.end().await
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_end_the_customers_own_groups_lead_to_green() -> Result<()> {
    let it = Balanced::start("nlb-end").await?;
    it.shift(100).await?;
    it.world.serves().await?;
    lead(&it.world, "orders", 12);
    lead(&it.world, "orders-replica", 13);
    it.world
        .step("retire", json!({"ticket": it.ticket}))
        .await?;
    assert_eq!(it.reads().await?, ["reads all 127.9.9.13:5432"]);
    assert_eq!(
        (it.writes().await?, it.ours().await?),
        (vec!["writes all 127.9.9.12:5432".to_owned()], 0)
    );
    it.world.end().await
}
