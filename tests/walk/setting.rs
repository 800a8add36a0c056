//! What a walk is about: the database as it is at first, the versions of its engine, and the requests.

use super::dice::Dice;
use super::world::alarms::ALARM;
use super::world::routes::{Balancer, READS, WRITES};
use super::world::servers::Server;
use super::world::{DATABASE, World};
use domain::rds::UpgradeTarget;
use ports::{RecordSet, Value};
use serde_json::json;
use std::collections::BTreeMap;

/// The version that every database has at first.
const FROM: &str = "16.9";
/// How parameter groups of our own are called.
const OURS: &str = "orders.";
/// Seconds for which clients keep an answer while reads are shared.
pub const TTL: u32 = 1;

/// A version's first number.
fn major(version: &str) -> u32 {
    let first = version.split('.').next();
    first.and_then(|first| first.parse().ok()).unwrap_or(0)
}

/// The parameter group family of a version.
pub fn family(version: &str) -> String {
    format!("postgres{}", major(version))
}

/// The versions that RDS offers from one: a newer one of the same line, and one of the next.
pub fn targets(from: &str) -> Vec<UpgradeTarget> {
    let (minor, next) = targets_of(from);
    let target = |version, major| UpgradeTarget { version, major };
    vec![target(minor, false), target(next, true)]
}

/// The parameters of a group that differ from RDS's defaults.
pub fn parameters(group: &str) -> BTreeMap<String, String> {
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    if !group.starts_with(OURS) {
        return BTreeMap::new();
    }
    [
        set("max_slot_wal_keep_size", "10000"),
        set("rds.logical_replication", "1"),
    ]
    .into()
}

fn targets_of(from: &str) -> (String, String) {
    let line = major(from);
    (format!("{line}.10"), format!("{}.5", line + 1))
}

/// What a person, a schedule or an event asks for, where the database has a version.
fn request_from(from: &str, dice: &mut Dice) -> serde_json::Value {
    let (minor, next) = targets_of(from);
    let target = if dice.chance(300) { minor } else { next };
    let mut request = json!({
        "database": DATABASE,
        "target_version": target,
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
    if dice.chance(2_000) {
        request["alarms"] = json!([ALARM]);
    }
    if dice.chance(3_000) {
        let group = format!("{OURS}{}", family(&target));
        request["green"] = json!({"parameter_group": group});
    }
    request
}

/// The request of a walk.
pub fn request(dice: &mut Dice) -> serde_json::Value {
    let mut request = request_from(FROM, dice);
    if dice.chance(3_000) {
        request["request_id"] = json!("schedule-1");
    }
    request
}

/// Another upgrade of the database, as it is now.
pub fn another(world: &mut World) -> serde_json::Value {
    let from = world.named(DATABASE).map(|writer| writer.version.clone());
    request_from(from.as_deref().unwrap_or(FROM), &mut world.dice)
}

/// Makes the world's instances and records.
pub fn build(world: &mut World) {
    let mut writer = Server::new(1, "db-B".to_owned(), DATABASE.to_owned(), None, FROM);
    writer.protected = world.dice.chance(1_000);
    let (mut target, source) = (writer.host(), writer.id.clone());
    world.servers.push(writer);
    world.numbered = 1;
    if world.dice.chance(5_000) {
        let name = format!("{DATABASE}-replica");
        let replica = Server::new(2, "db-R".to_owned(), name, Some(source), FROM);
        target = replica.host();
        world.servers.push(replica);
        world.numbered = 2;
    }
    if world.dice.chance(6_000) {
        let reads = RecordSet {
            set_identifier: Some("blue".to_owned()),
            weight: Some(100),
            ..RecordSet::cname(&target, world.dice.pick(&[5, 5, 60]))
        };
        world.records.insert(READS.to_owned(), vec![reads]);
    } else if world.dice.pick(&[true, false]) {
        let (text, version) = (format!("{target}:5432"), 1);
        world.parameter = Some(Value { text, version });
    }
    if world.dice.chance(5_000) {
        let writes = RecordSet::cname(&world.servers[0].host(), 1);
        world.records.insert(WRITES.to_owned(), vec![writes]);
    } else if world.dice.pick(&[true, false]) {
        world.listener = Some(Balancer::new(world.servers[0].address));
    }
}
