//! The texts of the state machines' notices. A machine names the event; its wording is here.

use crate::ids::Owner;
use crate::notice::Notice;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// Nothing was touched: the request is wrong, or something is in the way.
    Rejected,
    /// A dry run's plan.
    Planned,
    /// An upgrade has begun.
    Started,
    /// The writes are about to move.
    Switchover,
    /// The upgrade is over, and all is well.
    Completed,
    /// A rollback takes long.
    RollbackDelayed,
    /// Blue serves again.
    RolledBack,
    /// An upgrade stopped where it was.
    UpgradeStopped,
    /// A rollback stopped where it was.
    RollbackStopped,
}

/// What a state machine gives to `announce`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// What happened.
    pub event: Event,
    /// The execution that reports it.
    pub execution: Owner,
    /// The upgrade's own execution, where that is another one and known.
    #[serde(default)]
    pub upgrade: Option<Owner>,
    /// The database, as it was typed.
    #[serde(default)]
    pub database: Value,
    /// The request as it came, where nothing was planned.
    #[serde(default)]
    pub request: Value,
    /// The version that it goes from.
    #[serde(default)]
    pub from_version: String,
    /// The version that it goes to.
    #[serde(default)]
    pub to_version: String,
    /// A step's own text.
    #[serde(default)]
    pub text: String,
    /// The cause.
    #[serde(default)]
    pub why: String,
    /// What was done, a line each.
    #[serde(default)]
    pub actions: Vec<String>,
}

/// What `announce` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The subject of the notice.
    pub summary: String,
}

/// The notice of an event.
#[must_use]
pub fn notice(input: &Input) -> Notice {
    let [name, what, next, todo] = words(input.event);
    let versions = match input.to_version.as_str() {
        "" => String::new(),
        to => format!("{} -> {to} ", input.from_version),
    };
    Notice {
        event: name,
        database: database(input),
        what: format!("{versions}{what}"),
        happened: happened(input),
        next: next.to_owned(),
        todo: todo.to_owned(),
        execution: input.execution.clone(),
        upgrade: input.upgrade.as_ref().unwrap_or(&input.execution).clone(),
        commands: None,
    }
}

/// What `announce` answers once the notice is published.
#[must_use]
pub fn told(notice: &Notice) -> Output {
    let summary = notice.subject();
    Output { summary }
}

/// The database's name, if there is one: a request may be anything, and an event has it in its detail.
fn database(input: &Input) -> String {
    let known = [
        Some(&input.database),
        input.request.get("database"),
        input.request.pointer("/detail/database"),
    ];
    let name = known.into_iter().flatten().find_map(Value::as_str);
    name.unwrap_or("a database").to_owned()
}

fn happened(input: &Input) -> String {
    let began = match input.event {
        Event::Started => "The upgrade has begun.",
        Event::Switchover => "The writes move to the new version now.",
        Event::RollbackDelayed => "The rollback has not ended within ten minutes.",
        Event::UpgradeStopped => "The upgrade stopped where it was.",
        Event::RollbackStopped => "The rollback could not go on.",
        _ => "",
    };
    let why = match input.event {
        Event::RollbackDelayed | Event::RolledBack | Event::RollbackStopped => {
            format!("It was started because: {}", input.why)
        }
        _ => input.why.clone(),
    };
    let parts = [
        began.to_owned(),
        why,
        input.text.clone(),
        input.actions.join("\n"),
    ];
    let said: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    said.join("\n\n")
}

/// The event's own word, what the subject says after the database and the versions, what happens next, and what to do.
fn words(event: Event) -> [&'static str; 4] {
    match event {
        Event::Rejected => [
            "rejected",
            "was not touched: its upgrade was refused",
            "Nothing. Nothing was touched.",
            "Fix what is named above, and start again.",
        ],
        Event::Planned => [
            "planned",
            "dry run",
            "Nothing. It was a dry run, and nothing was touched.",
            "Start the same request without `dry_run` if the plan is what you want.",
        ],
        Event::Started => [
            "started",
            "has started",
            "The steps of the plan, one after the other. The writes stay where they are until the switchover, and you are told before it.",
            "Nothing. To give it up, stop the execution: what was done before the switchover is undone by itself.",
        ],
        Event::Switchover => [
            "switchover",
            "switches over now",
            "A pause of the writes, of about a second and of what RDS needs; connections are closed once. Then the alarms are watched.",
            "Nothing. See that your application connects again.",
        ],
        Event::Completed => [
            "completed",
            "is complete",
            "Nothing. The database runs on the target version.",
            "Nothing. Old blue, where it is kept, costs what it cost before: delete it when you no longer need it.",
        ],
        Event::RollbackDelayed => [
            "rollback_delayed",
            "is still being rolled back",
            "The rollback goes on trying, for six hours at most. It may be that no side takes writes meanwhile.",
            "Please look: docs/operator.md says where.",
        ],
        Event::RolledBack => [
            "rolled_back",
            "is back on blue",
            "Nothing. Blue serves as before.",
            "Find out why it was rolled back, fix it, and start again.",
        ],
        Event::UpgradeStopped => ["upgrade_stopped", NEEDS_YOU, STOPPED, LOOK],
        Event::RollbackStopped => ["rollback_stopped", NEEDS_YOU, ROLLBACK_STOPPED, LOOK],
    }
}

const NEEDS_YOU: &str = "needs you";
const STOPPED: &str = "Nothing by itself, if the record is at needs_operator: what serves now goes on serving, and the claim stays, so that nothing starts on top of it. Otherwise the sweep starts the rollback within minutes.";
const ROLLBACK_STOPPED: &str = "It may be that no side takes writes. If the record is at needs_operator nothing more happens by itself; otherwise the sweep starts the rollback once more within minutes.";
const LOOK: &str = "Check which side serves, and go on from there: docs/operator.md says how.";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ALL: [&str; 9] = [
        "rejected",
        "planned",
        "started",
        "switchover",
        "completed",
        "rollback_delayed",
        "rolled_back",
        "upgrade_stopped",
        "rollback_stopped",
    ];

    fn read(more: &Value) -> Input {
        let mut input = json!({
            "event": "rolled_back", "execution": "arn:aws:states:eu-west-1:123456789012:execution:rollback:two",
            "database": "orders",
        });
        for (name, field) in more.as_object().into_iter().flatten() {
            input[name] = field.clone();
        }
        serde_json::from_value(input).expect("an input")
    }

    #[test]
    fn every_event_says_all_there_is_to_say_under_its_own_name() {
        for name in ALL {
            let notice = notice(&read(&json!({"event": name, "text": "So it is."})));
            assert_eq!(notice.event, name);
            for part in [&notice.what, &notice.happened, &notice.next, &notice.todo] {
                assert!(!part.is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn an_upgrade_s_subject_has_its_versions() {
        let input = json!({"event": "started", "from_version": "16.14", "to_version": "18.4"});
        let told = told(&notice(&read(&input)));
        assert_eq!(told.summary, "Viridian: orders 16.14 -> 18.4 has started");
    }

    #[test]
    fn a_request_that_was_not_planned_is_told_by_what_it_names() {
        let event =
            json!({"detail-type": "viridian.upgrade.requested", "detail": {"database": "billing"}});
        let cases = [
            (json!({"database": "billing"}), "billing"),
            (event, "billing"),
            (json!({"database": 7}), "a database"),
            (json!("nonsense"), "a database"),
        ];
        for (request, name) in cases {
            let input = json!({"event": "rejected", "database": null, "request": request});
            assert_eq!(notice(&read(&input)).database, name, "{request}");
        }
    }

    #[test]
    fn a_rollback_says_why_it_was_started_what_it_did_and_whose_upgrade_it_was() {
        let upgrade = "arn:aws:states:eu-west-1:123456789012:execution:upgrade:one";
        let input = json!({
            "upgrade": upgrade, "why": "`errors` went to ALARM.", "text": "Blue serves.", "actions": ["Reads returned.", "Green is gone."],
        });
        let notice = notice(&read(&input));
        assert_eq!(
            notice.happened,
            "It was started because: `errors` went to ALARM.\n\nBlue serves.\n\nReads returned.\nGreen is gone."
        );
        assert_eq!(notice.upgrade.as_str(), upgrade);
        assert!(
            read(&json!({"upgrade": null})).upgrade.is_none(),
            "by a person"
        );
    }
}
