//! What a walk is about: the shape of the database and the request.

use super::dice::Dice;
use super::world::alarms::{ALARM, Alarm};
use super::world::postgres::ROLE;
use super::world::servers::Server;
use super::world::{DATABASE, World};
use domain::ids::{Epoch, Owner};
use domain::plan::{Member, MemberRole, Plan};
use domain::rds::Instance;
use domain::request::{Request, Strategy};
use domain::routes::{Route, Weighted};
use domain::writes::Pointer;
use serde_json::{Value, json};

/// The version that every database has at first.
const FROM: &str = "16.9";
/// Seconds for which clients keep an answer while reads are shared.
pub const TTL: u32 = 1;

/// What a person, a schedule or an event asks for.
pub fn request(dice: &mut Dice) -> Value {
    let minor = dice.chance(300);
    let mut request = json!({
        "database": DATABASE,
        "target_version": if minor { "16.10" } else { "17.5" },
        "ramp": dice.pick(&[&[100_u8][..], &[100], &[50, 100]]),
        "bake_minutes": dice.pick(&[1, 1, 5]),
        "watch_hours": 1,
        "catch_up_minutes": dice.pick(&[5, 30]),
        "max_write_pause_ms": dice.pick(&[500, 5000]),
        "approval": if dice.chance(2_000) { "before_switchover" } else { "never" },
        "retire": dice.pick(&["keep", "snapshot_and_delete"]),
        "way_back": dice.pick(&["reverse_replication", "reverse_replication", "reverse_replication", "none"]),
        "dry_run": dice.chance(100),
        "insufficient_data": dice.pick(&["pause", "pause", "alarm", "ok"]),
    });
    if dice.chance(3_000) {
        request["request_id"] = json!("schedule-1");
    }
    request
}

/// Makes the world's instances and records.
pub fn build(world: &mut World) {
    let writer = Server::new(
        "db-B".to_owned(),
        DATABASE.to_owned(),
        MemberRole::Writer,
        FROM,
    );
    world.servers.push(writer);
    if world.dice.chance(5_000) {
        let name = format!("{DATABASE}-replica");
        world.servers.push(Server::new(
            "db-R".to_owned(),
            name,
            MemberRole::Reader,
            FROM,
        ));
    }
    let target = world
        .servers
        .last()
        .map(Server::address)
        .unwrap_or_default();
    if world.dice.chance(6_000) {
        world.reads.push(Weighted {
            set_identifier: "blue".to_owned(),
            target,
            weight: 100,
            ttl: 5,
            health_check: None,
        });
    }
    if world.dice.chance(5_000) {
        world.pointer = Some(Pointer {
            zone: "Z1".to_owned(),
            name: "orders-writes.shop.test".to_owned(),
            target: format!("{DATABASE}.rds.test"),
            ttl: 1,
        });
    }
    world.alarm = Alarm::quiet();
}

/// The plan of a request, or why there is none. `plan` itself reads and touches nothing; what it would refuse in a walk is
/// a database that is not served under its name, or one with a deployment.
pub fn plan(
    world: &World,
    request: &Request,
    owner: &Owner,
    last_claim: Option<Epoch>,
) -> Result<Plan, String> {
    let writer = world.named(DATABASE).filter(|writer| writer.accepts());
    let writer = writer.ok_or("nobody takes writes under this name")?;
    let host = world.pointer.as_ref().map(|pointer| &pointer.target);
    if host.is_some_and(|host| *host != writer.address()) {
        return Err("the record of the writes leads elsewhere".to_owned());
    }
    let taken = |one: &super::world::rds::Bgd| {
        !one.gone && (one.source == writer.id || one.target == writer.id)
    };
    if world.deployments.iter().any(taken) {
        return Err("a deployment is in the way".to_owned());
    }
    let replicas = world
        .servers
        .iter()
        .filter(|one| one.role == MemberRole::Reader && one.name == format!("{DATABASE}-replica"));
    let members = std::iter::once(writer).chain(replicas);
    let major = request.target_version.starts_with("17");
    Ok(Plan {
        database: request.database.clone(),
        last_claim,
        name: domain::plan::name(owner, &request.database, &request.target_version),
        request: request.clone(),
        strategy: if major {
            Strategy::BlueGreen
        } else {
            Strategy::InPlace
        },
        from_version: writer.version.clone(),
        to_version: request.target_version.clone(),
        members: members
            .map(|one| member(&one.instance(), one.role))
            .collect(),
        databases: vec![DATABASE.to_owned()],
        application_roles: vec![ROLE.to_owned()],
        reads: route(world),
        writes: world.pointer.clone(),
        alarms: vec![ALARM.to_owned()],
        checks: vec![],
        steps: vec![],
    })
}

fn route(world: &World) -> Option<Route> {
    (!world.reads.is_empty()).then(|| Route {
        zone: "Z1".to_owned(),
        name: "orders-reads.shop.test".to_owned(),
        records: world.reads.clone(),
    })
}

fn member(instance: &Instance, role: MemberRole) -> Member {
    Member {
        instance: instance.id.clone(),
        arn: instance.arn.clone(),
        resource_id: instance.resource_id.clone(),
        role,
        address: instance.address.clone().unwrap_or_default(),
        port: instance.port,
        class: instance.class.clone(),
        multi_az: false,
        storage_gib: instance.storage_gib,
        storage_type: instance.storage_type.clone(),
        parameter_group: instance.parameter_group.clone(),
        version: instance.version.clone(),
    }
}
