//! For each function an event that it has done with after its first calls to AWS: no such database, no such upgrade, no
//! such alarm.

use anyhow::Result;
use domain::inspection::Seen;
use domain::plan::Plan;
use domain::request::parse;
use domain::steps::plan::decide;
use serde_json::{Value, json};

/// A database that there is none of.
const ABSENT: &str = "absent";

/// The event for a function.
pub fn event(function: &str) -> Result<Value> {
    let owner = "arn:aws:states:eu-west-1:000000000000:execution:UpgradeMachine:absent";
    let ticket = json!({"database": ABSENT, "owner": owner, "epoch": 1});
    Ok(match function {
        "plan" => json!({"request": request(), "owner": owner}),
        "claim" => json!({"plan": plan()?, "owner": owner}),
        "check_lag" => json!({"ticket": ticket, "streak": 0}),
        "shift_weight" => json!({"ticket": ticket, "percent": 10}),
        "rollback" => json!({"database": ABSENT}),
        "on_alarm" => {
            json!({"id": "1", "detail": {"alarmName": ABSENT, "state": {"value": "ALARM"}}})
        }
        "on_green" => json!({"id": "1", "detail": {"SourceIdentifier": ABSENT}}),
        "announce" => json!({"event": "planned", "execution": owner, "database": ABSENT}),
        "sweep" => json!({}),
        _ => json!({"ticket": ticket}),
    })
}

fn request() -> Value {
    json!({"database": ABSENT, "target_version": "17.4"})
}

fn plan() -> Result<Plan> {
    let request = parse(&request())?;
    Ok(decide(&request, &ABSENT.into(), &Seen::nothing()).plan)
}
