//! Ways through the machines that together enter every task.

use crate::faults::{End, Inner, Kind};
use crate::machines::Place;
use serde_json::{Value, json};
use std::time::Duration;

/// The version that the databases begin with.
pub const FROM: &str = "16.4";

/// A way through the machines.
#[derive(Debug, Clone)]
pub struct Journey {
    /// Its name.
    pub name: &'static str,
    /// What a person asks for.
    pub request: Value,
    /// What is in the way from the start.
    pub obstacle: Option<(Place, Kind)>,
    /// When this state of the upgrade is entered, the alarm changes to that.
    pub alarm: Option<(&'static str, &'static str)>,
    /// Its rollback meets another world than the rollbacks of other journeys, so that all faults are tried there as well.
    pub own_world: bool,
    /// The upgrade succeeds when nothing else goes wrong.
    pub succeeds: bool,
    /// The side that serves when nothing else goes wrong.
    pub serves: &'static str,
}

/// All of them. A task belongs to the first journey that enters it; one of the rollback to each journey in whose world the
/// rollback finds something else: green beside blue, green switched by a call that no function followed, green in service.
pub fn all() -> Vec<Journey> {
    let upgrade = |name, obstacle: Option<(&str, Kind)>| Journey {
        name,
        request: request(
            json!({"target_version": "18.4", "ramp": [100], "approval": "before_switchover"}),
        ),
        obstacle: obstacle.map(|(state, kind)| (Place::upgrade(state), kind)),
        alarm: None,
        own_world: false,
        succeeds: false,
        serves: "blue",
    };
    let asked = |name, typed| Journey {
        request: request(typed),
        ..upgrade(name, None)
    };
    let alarm = |name, state, becomes| Journey {
        alarm: Some((state, becomes)),
        ..upgrade(name, None)
    };
    let succeeds = |journey| Journey {
        succeeds: true,
        ..journey
    };
    let own_world = |journey| Journey {
        own_world: true,
        ..journey
    };
    let on_green = |journey| Journey {
        serves: "green",
        ..journey
    };
    let lease = Inner::new("dynamodb", "UpdateItem", 1);
    let outlived = Kind::Ended(End::Stop, Some(lease), Duration::from_secs(18));
    let call = Inner::new("rds", "SwitchoverBlueGreenDeployment", 1);
    vec![
        on_green(succeeds(upgrade("upgrade", None))),
        succeeds(asked(
            "dry run",
            json!({"target_version": "18.4", "dry_run": true}),
        )),
        asked("refused", json!({"target_version": "18.99"})),
        succeeds(asked("minor", json!({"target_version": "16.14"}))),
        alarm("blind", "Watch", "INSUFFICIENT_DATA"),
        alarm("alarm before", "Watch", "ALARM"),
        own_world(alarm("alarm after", "WatchAfter", "ALARM")),
        own_world(upgrade("undone", Some(("Validate", Kind::Deny)))),
        on_green(own_world(upgrade(
            "stopped in the call",
            Some(("Switchover", Kind::abort(Some(&call)))),
        ))),
        on_green(upgrade("stuck", Some(("Retire", Kind::Deny)))),
        // A lease outlives the execution by long enough for people to be told.
        upgrade("delayed", Some(("CheckLag", outlived))),
    ]
}

fn request(mut typed: Value) -> Value {
    typed["database"] = json!("orders");
    typed["bake_minutes"] = json!(1);
    typed["watch_hours"] = json!(1);
    typed
}
