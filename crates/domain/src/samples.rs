//! A database that is well, for the tests of every step.
#![allow(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::expect_used,
    missing_docs,
    reason = "only tests see it"
)]

use crate::alarms::{Reading, State};
use crate::fence::{Fence, FencedRole, Side};
use crate::ids::Millis;
use crate::inspection::{Case, Inspection, Seen, Unreadable};
use crate::plan::{Check, Plan, Verdict};
use crate::rds::{
    Deployment, DeploymentStatus, Instance, Pair, PairStatus, Snapshot, Task, UpgradeTarget,
};
use crate::receipt::Receipt;
use crate::record::{Green, GreenMember, Lease, Phase, Record};
use crate::request::Request;
use crate::reverse::{Reverse, Unavailable};
use crate::routes::{Pointer, Records, Route, Weighted};
use crate::steps::plan::{Output, decide};
use serde_json::json;

pub const PHASES: [Phase; 7] = [
    Phase::Before,
    Phase::Switching,
    Phase::After,
    Phase::RollingBack,
    Phase::Returning,
    Phase::NeedsOperator,
    Phase::Ended,
];

pub fn request(extra: &serde_json::Value) -> Request {
    let mut value = json!({"database": "orders", "target_version": "18.4"});
    for (name, field) in extra.as_object().into_iter().flatten() {
        value[name] = field.clone();
    }
    crate::request::parse(&value).expect("valid")
}

pub fn instance(name: &str, replica_of: Option<&str>) -> Instance {
    Instance {
        id: name.into(),
        arn: format!("arn:aws:rds:eu-west-1:123456789012:db:{name}"),
        resource_id: format!("db-{name}").into(),
        status: "available".into(),
        engine: "postgres".into(),
        version: "16.14".into(),
        pending_version: None,
        class: "db.r6g.large".into(),
        multi_az: false,
        storage_gib: 100,
        storage_type: "gp3".into(),
        storage_status: String::new(),
        parameter_group: "default.postgres16".into(),
        parameters_applied: "in-sync".into(),
        backup_days: 7,
        address: Some(format!("{name}.rds.test")),
        port: 5432,
        replica_of: replica_of.map(Into::into),
        replicas: vec![],
        replication: replica_of.map(|_| "replicating".into()),
        cluster: None,
        deletion_protection: false,
        managed_password: false,
        iam_login: false,
        tags: std::collections::BTreeMap::new(),
    }
}

/// A server whose engine finds nothing in the way.
#[derive(Debug, Default)]
pub struct WellServer(pub Vec<Check>);

impl Inspection for WellServer {
    fn databases(&self) -> Vec<String> {
        ["orders", "billing"].map(str::to_owned).to_vec()
    }

    fn application_roles(&self, _: &Request) -> Vec<String> {
        ["orders_app", "reader"].map(str::to_owned).to_vec()
    }

    fn checks(&self, _: &Case<'_>) -> Vec<Check> {
        self.0.clone()
    }
}

pub fn well() -> Seen {
    let mut writer = instance("orders", None);
    writer.replicas = vec!["orders-replica".into()];
    let weighted = Weighted {
        set_identifier: "blue".into(),
        target: "orders-replica.rds.test".into(),
        weight: 100,
        ttl: 5,
        health_check: None,
    };
    Seen {
        last_claim: Some(crate::ids::Epoch(0)),
        writer: Some(writer),
        readers: vec![instance("orders-replica", Some("orders"))],
        targets: ["16.15", "17.4", "18.4"]
            .map(|version| UpgradeTarget {
                version: version.into(),
                major: !version.starts_with("16"),
            })
            .to_vec(),
        family: Some("postgres18".into()),
        green_group_family: None,
        green_group_is_logical: true,
        green_group_bounds_slots: true,
        deployments: vec![],
        by_iam: false,
        server: Ok(Box::new(WellServer::default())),
        subscribers: Ok(1),
        execution: Ok(()),
        alarms: Ok(vec![reading(State::Ok)]),
        reads_name: Some("reads.shop.test".into()),
        reads: Ok(Some(Route::Weighted(Records {
            zone: "Z1".into(),
            name: "reads.shop.test".into(),
            records: vec![weighted],
        }))),
        writes_name: Some("writes.shop.test".into()),
        writes: Ok(Some(pointer("orders.rds.test", 5))),
    }
}

/// The alarm that guards it.
pub fn reading(state: State) -> Reading {
    Reading {
        alarm: "errors".into(),
        state,
        went_to_alarm: false,
        flapped: false,
    }
}

/// A record that leads the writes to this host.
pub fn pointer(target: &str, ttl: u32) -> Route {
    Route::Cname(Pointer {
        zone: "Z1".into(),
        name: "writes.shop.test".into(),
        target: target.into(),
        ttl,
    })
}

/// A server that can't be asked.
pub fn unreadable() -> Unreadable {
    Unreadable {
        why: "closed".into(),
        remedy: "see to it".into(),
    }
}

pub fn plan_of(extra: &serde_json::Value, seen: &Seen) -> Output {
    decide(&request(extra), &OWNER.into(), seen)
}

/// The plan of a major upgrade, or of whatever `extra` asks for.
pub fn plan(extra: &serde_json::Value) -> Plan {
    plan_of(extra, &well()).plan
}

/// The names of a plan's checks with this verdict.
pub fn with(output: &Output, verdict: Verdict) -> Vec<&str> {
    let checks = output.plan.checks.iter();
    let checks = checks.filter(|check| check.verdict == verdict);
    checks.map(|check| check.name.as_str()).collect()
}

/// What is in a plan's way.
pub fn blockers(output: &Output) -> Vec<&str> {
    with(output, Verdict::Blocker)
}

/// One check of a plan, if it was made.
pub fn check<'a>(output: &'a Output, name: &str) -> Option<&'a Check> {
    let mut checks = output.plan.checks.iter();
    checks.find(|check| check.name == name)
}

/// The verdict on one check, if it was made.
pub fn verdict(output: &Output, name: &str) -> Option<Verdict> {
    check(output, name).map(|check| check.verdict)
}

/// The writer, to make it less well.
pub fn writer(seen: &mut Seen) -> &mut Instance {
    seen.writer.as_mut().expect("there")
}

/// The execution that everything here belongs to.
pub const OWNER: &str = "arn:e1";

/// The deployment of `plan`, finished.
pub fn deployment(plan: &Plan) -> Deployment {
    let target = |arn: &str| format!("{arn}-green-abc123");
    let pairs = plan.members.iter().map(|member| Pair {
        source: member.arn.clone(),
        target: Some(target(&member.arn)),
        status: PairStatus::Available,
    });
    Deployment {
        id: "bgd-1".into(),
        name: plan.name.clone(),
        source: plan.members[0].arn.clone(),
        target: Some(target(&plan.members[0].arn)),
        status: DeploymentStatus::Available,
        status_details: String::new(),
        pairs: pairs.collect(),
        tasks: [
            "CREATING_READ_REPLICA_OF_SOURCE",
            "DB_ENGINE_VERSION_UPGRADE",
        ]
        .map(|name| Task {
            name: name.into(),
            status: "COMPLETED".into(),
        })
        .to_vec(),
        tags: plan.tags(&OWNER.into()),
    }
}

/// A deployment with this status, whose members have those.
pub fn deployment_at(status: &str, members: &[&str]) -> Deployment {
    let pair = |status: &&str| Pair {
        source: String::new(),
        target: None,
        status: PairStatus::from(*status),
    };
    Deployment {
        status: status.into(),
        pairs: members.iter().map(pair).collect(),
        ..deployment(&plan(&json!({})))
    }
}

/// A snapshot of what was the writer.
pub fn snapshot(id: String, status: &str) -> Snapshot {
    Snapshot {
        id,
        status: status.into(),
        percent: 40,
        instance: "orders".into(),
        resource_id: "db-orders".into(),
    }
}

/// Green's instances, as that deployment made them.
pub fn greens(plan: &Plan) -> Vec<Instance> {
    let name = |name: &str| format!("{name}-green-abc123");
    let writer = name(plan.members[0].instance.as_str());
    let green = |member: &crate::plan::Member| {
        let replica_of = (member.instance != plan.members[0].instance).then_some(writer.as_str());
        Instance {
            version: plan.to_version.clone(),
            parameter_group: "default.postgres18".into(),
            ..instance(&name(member.instance.as_str()), replica_of)
        }
    };
    plan.members.iter().map(green).collect()
}

/// An upgrade that has green, reads on a replica's record, and nothing under way.
pub fn record() -> Record {
    let plan = Plan {
        writes: None,
        alarms: vec![],
        ..plan(&json!({}))
    };
    let greens = plan.members.iter().map(|blue| GreenMember {
        blue: blue.instance.clone(),
        instance: format!("{}-green-abc123", blue.instance).into(),
        resource_id: format!("{}-green", blue.resource_id).into(),
        address: format!("{}-green-abc123.rds.test", blue.instance),
        port: blue.port,
    });
    let green = Green {
        deployment: "bgd-1".into(),
        members: greens.collect(),
    };
    let owner = "arn:aws:states:eu-west-1:123456789012:execution:upgrade:1";
    Record {
        green: Some(green),
        ..Record::new(plan, owner.into())
    }
}

/// The same in a phase.
pub fn at(phase: Phase) -> Record {
    Record { phase, ..record() }
}

/// Green serves, and old follows it.
pub fn followed() -> Record {
    Record {
        receipt: Some(opened()),
        reverse: Some(Reverse {
            subscribed: true,
            ..Reverse::default()
        }),
        ..at(Phase::After)
    }
}

/// The receipt once the application was let into green.
pub fn opened() -> Receipt {
    Receipt {
        opened_at: Some(Millis(1)),
        ..Receipt::default()
    }
}

pub fn unavailable() -> Unavailable {
    Unavailable {
        why: "a table is new".into(),
        remedy: "go on with green".into(),
    }
}

/// A fence whose deadline is over.
pub fn fence(side: Side) -> Fence {
    Fence {
        side,
        resource_id: "db-orders".into(),
        owner: "arn:x".into(),
        deadline: Millis(0),
        roles: vec![FencedRole {
            name: "orders_app".into(),
            comment: None,
        }],
    }
}

/// A lease of another call that ends at this moment.
pub fn lease(until: Millis) -> Lease {
    Lease {
        holder: "another".into(),
        step: "switchover".into(),
        until,
    }
}
