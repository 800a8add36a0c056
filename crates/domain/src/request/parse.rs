//! From what a person typed to a request with every default filled in.

use super::fields::{Fault, Faults, Fields};
use super::{GreenSettings, Request};
use crate::ids::Database;
use crate::routes::{Named, POLL_SECONDS};
use crate::version::Version;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Reads a request; what is wrong with it is reported all at once, by field.
///
/// An event of EventBridge is taken too: its `detail` is the request, and its `id` the request id if the detail has none.
///
/// # Errors
/// Every fault, each with its field and its remedy.
pub fn parse(value: &Value) -> Result<Request, Faults> {
    let Some(object) = unwrapped(value) else {
        return Err(Faults(vec![Fault {
            field: "request".to_owned(),
            problem: "is no object".to_owned(),
            remedy: r#"write at least {"database": "orders", "target_version": "17.4"}"#.to_owned(),
        }]));
    };
    let mut fields = Fields::of(object, "");
    let request = read(&mut fields);
    let faults = fields.finish();
    match request {
        Some(request) if faults.is_empty() => Ok(request),
        _ => Err(Faults(faults)),
    }
}

fn unwrapped(value: &Value) -> Option<Map<String, Value>> {
    let object = value.as_object()?;
    let Some((id, detail)) = event(object) else {
        return Some(object.clone());
    };
    let mut request = detail.clone();
    request
        .entry("request_id")
        .or_insert_with(|| Value::from(id));
    Some(request)
}

fn event(object: &Map<String, Value>) -> Option<(&str, &Map<String, Value>)> {
    object.get("detail-type")?;
    Some((
        object.get("id")?.as_str()?,
        object.get("detail")?.as_object()?,
    ))
}

/// Takes every field, also after one was wrong, so that all faults are found. The defaults stand here and nowhere else.
fn read(f: &mut Fields) -> Option<Request> {
    let database = f.need("database", DATABASE, database);
    let target_version = f.need("target_version", TARGET_VERSION, target_version);
    let request = Request {
        database: Database::from(""),
        target_version: String::new(),
        dry_run: f.take("dry_run", FLAG, Value::as_bool).unwrap_or(false),
        strategy: f.take("strategy", "write in_place or blue_green", word),
        ramp: f
            .take("ramp", RAMP, ramp)
            .unwrap_or_else(|| vec![10, 20, 50, 100]),
        bake_minutes: number(f, "bake_minutes", 1, 1440).unwrap_or(5),
        watch_hours: number(f, "watch_hours", 1, 168).unwrap_or(24),
        catch_up_minutes: number(f, "catch_up_minutes", 1, LONGEST_CATCH_UP).unwrap_or(360),
        max_lag_bytes: number(f, "max_lag_bytes", 1, 1 << 40).unwrap_or(1 << 20),
        max_lag_seconds: number(f, "max_lag_seconds", 1, 3600).unwrap_or(5),
        max_write_pause_ms: number(f, "max_write_pause_ms", 100, 3_600_000).unwrap_or(5000),
        alarms: f.take("alarms", ALARMS, |value| different(value, 255)),
        approval: choice(f, "approval", "write before_switchover or never"),
        application_roles: f.take("application_roles", ROLES, roles),
        reads: f.nested("reads", "reads.", READS, |f| named(f, WEIGHTED)),
        writes: f.nested("writes", "writes.", WRITES, |f| named(f, POINTER)),
        way_back: choice(f, "way_back", "write reverse_replication or none"),
        insufficient_data: choice(f, "insufficient_data", "write pause, alarm or ok"),
        green: f
            .nested("green", "green.", GREEN, |f| Some(green(f)))
            .unwrap_or_default(),
        retire: choice(f, "retire", "write keep or snapshot_and_delete"),
        request_id: f.take("request_id", "write 1 to 256 letters", |value| {
            text(value, 256)
        }),
    };
    Some(Request {
        database: database?,
        target_version: target_version?,
        ..request
    })
}

/// A reading takes nine of the 25,000 events that an execution may have, and all other loops need some too.
const LONGEST_CATCH_UP: u64 = 1440;

const DATABASE: &str = "write the DB instance identifier of the writer: 1 to 63 letters, digits and single hyphens, beginning with a letter";
const TARGET_VERSION: &str = "write the full version to reach, such as \"17.4\"";
const FLAG: &str = "write true or false, without quotes";
const RAMP: &str =
    "write up to 12 rising percentages of which the last is 100, such as [10, 20, 50, 100]";
const ALARMS: &str = "write a list of different names of CloudWatch alarms";
const ROLES: &str =
    "write a list of one or more different roles that the application logs in as; none of rds*";
const READS: &str = r#"write {"record": "orders-reads.example.com"}, {"parameter": "/orders/reads"} or {"listener": "<ARN>"}"#;
const WRITES: &str = r#"write {"record": "orders-writes.example.com"}, {"parameter": "/orders/writes"} or {"listener": "<ARN>"}"#;
const LISTENER: &str = "write the ARN of a listener, such as arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/net/orders/50dc6c495c0c9188/f2f7dc8efc522ab2";
const WEIGHTED: &str = "write the DNS name of the weighted records";
const POINTER: &str = "write the DNS name of the record that leads to the writer";
const PARAMETER: &str = "write the full name of a parameter of Systems Manager: it begins with / and has letters, digits, -, _ and . between slashes";
const GREEN: &str = r#"write {"parameter_group": "a group of the target version's family"}"#;

fn database(value: &Value) -> Option<Database> {
    // RDS keeps identifiers in lower case; one database must not have two claims.
    identifier(value, 63).map(|name| Database(name.to_lowercase()))
}

fn identifier(value: &Value, longest: usize) -> Option<String> {
    let name = text(value, longest)?;
    let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let hyphens = !name.contains("--") && !name.ends_with('-');
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
    (letters && hyphens && begins).then_some(name)
}

fn target_version(value: &Value) -> Option<String> {
    let version: Version = value.as_str()?.parse().ok()?;
    version.is_complete().then(|| version.to_string())
}

/// One of the words that a field can be.
fn word<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}

/// The same with a default.
fn choice<T: DeserializeOwned + Default>(f: &mut Fields, name: &'static str, remedy: &str) -> T {
    f.take(name, remedy, word).unwrap_or_default()
}

fn ramp(value: &Value) -> Option<Vec<u8>> {
    let weights: Vec<u8> = serde_json::from_value(value.clone()).ok()?;
    let rising = weights.windows(2).all(|pair| pair[0] < pair[1]);
    let begins = weights.first().is_some_and(|first| *first > 0);
    (rising && begins && weights.len() <= 12 && weights.last() == Some(&100)).then_some(weights)
}

fn roles(value: &Value) -> Option<Vec<String>> {
    let roles = different(value, 63)?;
    let theirs = |role: &String| role.starts_with("rds");
    (!roles.is_empty() && !roles.iter().any(theirs)).then_some(roles)
}

fn different(value: &Value, longest: usize) -> Option<Vec<String>> {
    let items = value.as_array()?.iter();
    let list: Vec<String> = items
        .map(|item| text(item, longest))
        .collect::<Option<_>>()?;
    let distinct: std::collections::BTreeSet<&String> = list.iter().collect();
    (distinct.len() == list.len()).then_some(list)
}

/// One route, by whichever field says what it is.
fn named(fields: &mut Fields, record: &str) -> Option<Named> {
    let kinds = ["record", "parameter", "listener"];
    let mut given = kinds.into_iter().filter(|kind| fields.has(kind));
    let (first, others) = (given.next(), given.collect::<Vec<_>>());
    for other in &others {
        let problem = format!("stands beside `{}`", first.unwrap_or_default());
        fields.fault(other, problem, "keep one of them");
    }
    let polled = number(fields, "poll_seconds", 1, 60);
    if polled.is_some() && first != Some("parameter") {
        let problem = "belongs to `parameter`".to_owned();
        fields.fault(
            "poll_seconds",
            problem,
            "leave it out; only a parameter is polled",
        );
    }
    let named = match first {
        Some("parameter") => {
            let parameter = fields.take("parameter", PARAMETER, parameter);
            parameter.map(|parameter| Named::Parameter {
                parameter,
                poll_seconds: polled.unwrap_or(POLL_SECONDS),
            })
        }
        Some("listener") => {
            let listener = fields.take("listener", LISTENER, listener);
            listener.map(|listener| Named::Listener { listener })
        }
        _ => {
            let record = fields.need("record", record, host);
            record.map(|record| Named::Record { record })
        }
    };
    fields.know(&kinds);
    named.filter(|_| others.is_empty())
}

fn listener(value: &Value) -> Option<String> {
    let arn = text(value, 512)?;
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let is_listener = matches!(parts[..], ["arn", _, "elasticloadbalancing", _, _, it] if it.starts_with("listener/"));
    is_listener.then_some(arn)
}

/// Names as Systems Manager takes them, in a hierarchy.
fn parameter(value: &Value) -> Option<String> {
    let name = text(value, 1011)?;
    let mut levels = name.strip_prefix('/')?.split('/');
    let letters = |level: &str| {
        let fit = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        !level.is_empty() && level.chars().all(fit)
    };
    levels.all(letters).then_some(name)
}

fn green(fields: &mut Fields) -> GreenSettings {
    let remedy = "write the name of a DB parameter group";
    let parameter_group = fields.take("parameter_group", remedy, |value| {
        // RDS's own groups have dots: `default.<family>`.
        let name = text(value, 255)?;
        let letters = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
        letters.then_some(name)
    });
    GreenSettings { parameter_group }
}

fn host(value: &Value) -> Option<String> {
    let name = text(value, 255)?.to_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    let labelled = name.split('.').all(|label| {
        let letters = label
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        letters && (1..=63).contains(&label.len())
    });
    (labelled && name.contains('.')).then(|| name.to_owned())
}

fn text(value: &Value, longest: usize) -> Option<String> {
    let text = value.as_str()?;
    let printable = !text.chars().any(char::is_control) && text.trim() == text;
    (printable && (1..=longest).contains(&text.len())).then(|| text.to_owned())
}

fn number<T: TryFrom<u64>>(f: &mut Fields, name: &'static str, low: u64, high: u64) -> Option<T> {
    let remedy = format!("write a whole number from {low} to {high}");
    f.take(name, &remedy, |value| {
        let number = value
            .as_u64()
            .filter(|number| (low..=high).contains(number))?;
        T::try_from(number).ok()
    })
}
