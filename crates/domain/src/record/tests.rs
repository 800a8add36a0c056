//! A record for the tests of whoever decides by one.

use super::*;
use crate::engine::Engine;
use crate::plan::{Member, MemberRole};
use crate::request::{Request, Strategy, parse};
use crate::routes::{Records, Route, Weighted};

fn member(instance: &str, role: MemberRole) -> Member {
    Member {
        instance: instance.into(),
        arn: format!("arn:aws:rds:eu-west-1:123456789012:db:{instance}"),
        resource_id: format!("db-{instance}").into(),
        role,
        address: format!("{instance}.example.com"),
        port: 5432,
        class: "db.t4g.micro".into(),
        multi_az: false,
        storage_gib: 20,
        storage_type: "gp3".into(),
        parameter_group: "default.postgres16".into(),
        version: "16.14".into(),
        engine: Engine::Postgres,
    }
}

fn request() -> Request {
    let request = serde_json::json!({"database": "orders", "target_version": "18.4"});
    parse(&request).expect("the smallest request")
}

/// An upgrade that has green, reads on a replica's record, and nothing under way.
pub(crate) fn record() -> Record {
    let blue = [
        member("orders", MemberRole::Writer),
        member("orders-replica", MemberRole::Reader),
    ];
    let greens = blue.iter().map(|blue| GreenMember {
        blue: blue.instance.clone(),
        instance: format!("{}-green-abc123", blue.instance).into(),
        resource_id: format!("{}-green", blue.resource_id).into(),
        address: format!("{}-green-abc123.example.com", blue.instance),
        port: 5432,
    });
    let green = Green {
        deployment: "bgd-1".into(),
        members: greens.collect(),
    };
    let reads = Route::Weighted(Records {
        zone: "Z1".into(),
        name: "orders-reads.example.com".into(),
        records: vec![Weighted {
            set_identifier: "blue".into(),
            target: "orders-replica.example.com".into(),
            weight: 100,
            ttl: 60,
            health_check: None,
        }],
    });
    let plan = Plan {
        database: "orders".into(),
        last_claim: None,
        name: "orders-1".into(),
        request: request(),
        strategy: Strategy::BlueGreen,
        from_version: "16.14".into(),
        to_version: "18.4".into(),
        members: blue.to_vec(),
        databases: vec!["orders".into()],
        application_roles: vec!["orders_app".into()],
        reads: Some(reads),
        writes: None,
        alarms: vec![],
        checks: vec![],
        steps: vec![],
    };
    Record {
        green: Some(green),
        ..Record::new(
            plan,
            "arn:aws:states:eu-west-1:123456789012:execution:upgrade:1".into(),
        )
    }
}

/// Records as the release of autumn 2026 wrote them, which knew PostgreSQL alone: an upgrade that is under way outlasts a
/// deployment of the functions.
const STORED: [(&str, Phase, &str); 3] = [
    ("before", Phase::Before, include_str!("stored/before.json")),
    ("after", Phase::After, include_str!("stored/after.json")),
    (
        "returning",
        Phase::Returning,
        include_str!("stored/returning.json"),
    ),
];

/// Where `now` lacks something of `stored`, or has it otherwise.
fn lost(path: &str, stored: &serde_json::Value, now: &serde_json::Value) -> Vec<String> {
    use serde_json::Value::{Array, Object};
    match (stored, now) {
        (Object(stored), Object(now)) => stored
            .iter()
            .flat_map(|(name, value)| lost(&format!("{path}.{name}"), value, &now[name]))
            .collect(),
        (Array(stored), Array(now)) if stored.len() == now.len() => std::iter::zip(stored, now)
            .flat_map(|(stored, now)| lost(path, stored, now))
            .collect(),
        _ if stored == now => vec![],
        _ => vec![format!("{path}: {stored} became {now}")],
    }
}

#[test]
fn records_of_the_release_before_are_read_and_keep_everything() {
    for (name, phase, text) in STORED {
        let stored: serde_json::Value = serde_json::from_str(text).expect(name);
        let record: Record = serde_json::from_value(stored.clone()).expect(name);
        assert_eq!(record.phase, phase, "{name}");
        assert_eq!(record.plan.engine(), Engine::Postgres, "{name}");
        let now = serde_json::to_value(&record).expect(name);
        assert_eq!(lost(name, &stored, &now), Vec::<String>::new());
    }
}
