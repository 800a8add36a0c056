use super::*;
use crate::engine::Engine;

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
