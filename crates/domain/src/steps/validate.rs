//! Does green answer like blue, and hold the same rows?
//!
//! Writes go on meanwhile, so no moment is the same on both sides. What is compared instead: first digests of buckets of
//! rows; then, of the buckets that differ, the rows themselves, again and again, each time after a marker has shown that
//! green has everything that blue had when it was read. A difference that moves is traffic; one that stays is a mismatch.

mod suspects;

pub use suspects::{PERSISTENT, Suspects};

use crate::rows::{Bucket, Key, Schema, Table};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub use super::ByTicket as Input;

/// What `validate` answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// One sentence for a person.
    pub summary: String,
    /// Tables compared.
    pub tables: u32,
    /// Rows found alike.
    pub rows: u64,
    /// Rows that changed whenever they were looked at.
    pub busy: u64,
}

/// What is not the same on both sides of a database, a line each.
#[must_use]
pub fn unlike(database: &str, blue: &Schema, green: &Schema) -> Vec<String> {
    let columns = |table: &Table| {
        let columns = table.columns.iter();
        let columns: Vec<_> = columns.map(|c| (c.name.clone(), c.kind.clone())).collect();
        (columns, table.key.clone())
    };
    let by_name = |shape: &Schema| -> BTreeMap<String, _> {
        let tables = shape.tables.iter();
        tables
            .map(|table| (table.to_string(), columns(table)))
            .collect()
    };
    let (on_blue, on_green) = (by_name(blue), by_name(green));
    let names: BTreeSet<&String> = on_blue.keys().chain(on_green.keys()).collect();
    let tables =
        names
            .into_iter()
            .filter_map(|name| match (on_blue.get(name), on_green.get(name)) {
                (Some(a), Some(b)) if a == b => None,
                (Some(_), Some(_)) => Some(format!(
                    "`{database}.{name}` has other columns or another key on green"
                )),
                (Some(_), None) => Some(format!("`{database}.{name}` is not on green")),
                (None, _) => Some(format!("`{database}.{name}` is on green only")),
            });
    let missing = blue
        .extensions
        .iter()
        .filter(|name| !green.extensions.contains(name));
    let missing =
        missing.map(|name| format!("the extension `{name}` of `{database}` is not on green"));
    let invalid = green
        .invalid_indexes
        .iter()
        .filter(|name| !blue.invalid_indexes.contains(name));
    let invalid =
        invalid.map(|name| format!("the index `{database}.{name}` is not valid on green"));
    tables.chain(missing).chain(invalid).collect()
}

/// The buckets that are not the same on both sides.
#[must_use]
pub fn unequal(blue: &BTreeMap<i32, Bucket>, green: &BTreeMap<i32, Bucket>) -> Vec<i32> {
    let numbers: BTreeSet<i32> = blue.keys().chain(green.keys()).copied().collect();
    let differ = |number: &i32| blue.get(number) != green.get(number);
    numbers.into_iter().filter(differ).collect()
}

/// What a step says about rows that differ, by table.
#[must_use]
pub fn told(database: &str, table: &Table, wrong: &BTreeSet<Key>) -> Option<String> {
    let first = wrong.first()?;
    let rows = match wrong.len() {
        1 => "1 row is".to_owned(),
        rows => format!("{rows} rows are"),
    };
    let example = if table.key.is_empty() {
        String::new()
    } else {
        format!(
            ", one of them ({}) = ({})",
            table.key.join(", "),
            first.join(", ")
        )
    };
    Some(format!(
        "`{database}.{table}`: {rows} not the same on green{example}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Column;

    #[test]
    fn a_difference_in_rows_or_content_is_seen_in_its_bucket() {
        let bucket = |rows, sum| Bucket { rows, sum };
        let blue = [(0, bucket(2, 5)), (1, bucket(1, 7))].into();
        let green = [(0, bucket(2, 5)), (2, bucket(1, 7))].into();
        assert_eq!(unequal(&blue, &green), [1, 2]);
    }

    #[test]
    fn tables_columns_extensions_and_indexes_are_compared() {
        let table = |name: &str, kind: &str| Table {
            schema: "public".to_owned(),
            name: name.to_owned(),
            key: vec!["id".to_owned()],
            columns: vec![Column {
                name: "id".to_owned(),
                kind: kind.to_owned(),
                hashable: true,
            }],
            estimate: 0,
        };
        let blue = Schema {
            tables: vec![table("a", "bigint"), table("b", "bigint")],
            extensions: vec!["citext".to_owned()],
            invalid_indexes: vec![],
        };
        let green = Schema {
            tables: vec![table("a", "integer"), table("c", "bigint")],
            extensions: vec![],
            invalid_indexes: vec!["public.a_pkey".to_owned()],
        };
        assert_eq!(unlike("orders", &blue, &green).len(), 5);
        assert!(unlike("orders", &blue, &blue).is_empty());
    }
}
