//! Ways through the machines that together enter every task.

use crate::faults::{Inner, Kind};
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
}

/// All of them. A task belongs to the first journey that enters it; one of the rollback to each journey that enters it,
/// since there it meets other worlds.
pub fn all() -> Vec<Journey> {
    let upgrade = |name, obstacle: Option<(&str, Kind)>| Journey {
        name,
        request: request(json!({"target_version": "18.4", "ramp": [100], "approval": true})),
        obstacle: obstacle.map(|(state, kind)| (Place::upgrade(state), kind)),
    };
    let lease = Inner::new("dynamodb", "UpdateItem", 1);
    vec![
        upgrade("upgrade", None),
        Journey {
            name: "dry run",
            request: request(json!({"target_version": "18.4", "dry_run": true})),
            obstacle: None,
        },
        Journey {
            name: "refused",
            request: request(json!({"target_version": "18.99"})),
            obstacle: None,
        },
        Journey {
            name: "minor",
            request: request(json!({"target_version": "16.14"})),
            obstacle: None,
        },
        upgrade("undone", Some(("Validate", Kind::Deny))),
        upgrade("switched", Some(("Switchover", Kind::DenyAfter))),
        upgrade("stuck", Some(("Retire", Kind::Deny))),
        // Its lease outlives the execution by long enough for people to be told.
        upgrade(
            "delayed",
            Some(("CheckLag", Kind::Abort(Some(lease), Duration::from_secs(9)))),
        ),
    ]
}

fn request(mut typed: Value) -> Value {
    typed["database"] = json!("orders");
    typed["bake_minutes"] = json!(1);
    typed["watch_hours"] = json!(1);
    typed
}
