//! The table of results: states by faults.

use crate::case::Done;
use anyhow::Result;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

const COLUMNS: [&str; 8] = [
    "fails before",
    "fails once",
    "answer lost",
    "fails after",
    "twice",
    "killed",
    "aborted",
    "timed out",
];

const HEAD: &str = "# Every state meets every fault

Each row is a task of the shipped machines on one way through them, each column what goes wrong in it. A cell says who
serves once everything rests; in every one exactly one side takes writes, no fence stands on it, and no commit is lost or
doubled. † a person started the rollback machine once more; ‡ bad while others ran beside it, good alone. Written by
`make saga`.

";

/// Writes all results as JSON and as a table in markdown.
pub fn write(folder: &Path, all: &[Done]) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let results: Vec<Value> = all.iter().map(result).collect();
    let text = serde_json::to_string_pretty(&results)?;
    std::fs::write(folder.join("saga.json"), text)?;
    std::fs::write(folder.join("saga.md"), table(all)?)?;
    Ok(())
}

fn result(done: &Done) -> Value {
    let fault = done.case.fault.as_ref();
    json!({
        "journey": done.case.journey.name,
        "state": fault.map(|(place, _)| place.to_string()),
        "fault": fault.map(|(_, kind)| kind.to_string()),
        "seconds": (done.seconds * 10.0).round() / 10.0,
        "ordered_again": done.ordered,
        "alone": done.alone,
        "verdict": done.verdict,
    })
}

fn table(all: &[Done]) -> Result<String> {
    let mut rows: BTreeMap<String, BTreeMap<&str, Vec<&Done>>> = BTreeMap::new();
    for done in all {
        if let Some((place, kind)) = &done.case.fault {
            let row = format!("{place} ({})", done.case.journey.name);
            let cells = rows.entry(row).or_default();
            cells.entry(kind.column()).or_default().push(done);
        }
    }
    let mut text = format!("{HEAD}| state (journey) | {} |\n", COLUMNS.join(" | "));
    writeln!(text, "|---|{}", "---|".repeat(COLUMNS.len()))?;
    for (row, cells) in rows {
        let cells = COLUMNS.map(|column| cells.get(column).map_or(String::new(), |it| cell(it)));
        writeln!(text, "| {row} | {} |", cells.join(" | "))?;
    }
    Ok(text)
}

/// Who served after each of these faults, and how many did not end as they must.
fn cell(all: &[&Done]) -> String {
    let bad = all.iter().filter(|done| !done.verdict.problems.is_empty());
    let bad = bad.count();
    let mut serving: BTreeMap<&str, usize> = BTreeMap::new();
    for done in all {
        *serving.entry(&done.verdict.serving).or_default() += 1;
    }
    let counted = |(side, count): (&&str, &usize)| match count {
        1 => (*side).to_owned(),
        _ => format!("{side} ×{count}"),
    };
    let mut cell = serving.iter().map(counted).collect::<Vec<_>>().join(", ");
    if all.iter().any(|done| done.ordered) {
        cell.push_str(" †");
    }
    if all.iter().any(|done| done.alone) {
        cell.push_str(" ‡");
    }
    if bad > 0 {
        cell = format!("**{bad} bad:** {cell}");
    }
    cell
}
