//! A database that is well, for the tests of every step.
#![allow(
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::expect_used,
    missing_docs,
    reason = "only tests see it"
)]

use crate::alarms::{Reading, State};
use crate::inspection::{Case, Inspection, Seen};
use crate::plan::{Check, Plan};
use crate::rds::{Deployment, DeploymentStatus, Instance, Pair, PairStatus, Task, UpgradeTarget};
use crate::request::Request;
use crate::routes::{Pointer, Records, Route, Weighted};
use crate::steps::plan::{Output, decide};
use serde_json::json;

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
        alarms: Ok(vec![Reading {
            alarm: "errors".into(),
            state: State::Quiet,
            rang: false,
            wavered: false,
        }]),
        reads_name: Some("reads.shop.test".into()),
        reads: Ok(Some(Route::Weighted(Records {
            zone: "Z1".into(),
            name: "reads.shop.test".into(),
            records: vec![weighted],
        }))),
        writes_name: Some("writes.shop.test".into()),
        writes: Ok(Some(Route::Cname(Pointer {
            zone: "Z1".into(),
            name: "writes.shop.test".into(),
            target: "orders.rds.test".into(),
            ttl: 5,
        }))),
    }
}

pub fn plan_of(extra: &serde_json::Value, seen: &Seen) -> Output {
    decide(&request(extra), &OWNER.into(), seen)
}

/// The plan of a major upgrade, or of whatever `extra` asks for.
pub fn plan(extra: &serde_json::Value) -> Plan {
    plan_of(extra, &well()).plan
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
