//! Does green answer like blue, and hold the same rows?
//!
//! Writes go on meanwhile, so no moment is the same on both sides. What is compared instead: first digests of buckets of
//! rows; then, of the buckets that differ, the rows themselves, again and again, each time after a marker has shown that
//! green has everything that blue had when it was read. A difference that moves is traffic; one that stays is a mismatch.

use crate::record::Ticket;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What the state machine gives to `validate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Who may act.
    pub ticket: Ticket,
}

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

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as PostgreSQL writes it.
    pub kind: String,
    /// Whether the type's own hash is the same on every version.
    pub hashable: bool,
}

/// A table of the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The columns of its primary key or replica identity, in order; empty where it has none.
    pub key: Vec<String>,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// About how many rows it has, rather too many.
    pub estimate: u64,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

impl Table {
    /// In how many buckets its rows are compared: some 16 rows each, so that a changed row leads to few others.
    #[must_use]
    pub fn buckets(&self) -> u32 {
        let wanted = (self.estimate / 16).clamp(1, 65_536);
        u32::try_from(wanted).unwrap_or(1).next_power_of_two()
    }
}

/// What one side says about one of its databases, rows apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shape {
    /// The tables.
    pub tables: Vec<Table>,
    /// Names of extensions.
    pub extensions: Vec<String>,
    /// Indexes that answer nothing.
    pub invalid_indexes: Vec<String>,
}

/// What is not the same on both sides of a database, a line each.
#[must_use]
pub fn unlike(database: &str, blue: &Shape, green: &Shape) -> Vec<String> {
    let columns = |table: &Table| {
        let columns = table.columns.iter();
        let columns: Vec<_> = columns.map(|c| (c.name.clone(), c.kind.clone())).collect();
        (columns, table.key.clone())
    };
    let by_name = |shape: &Shape| -> BTreeMap<String, _> {
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

/// The rows of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// How many.
    pub rows: u64,
    /// The sum of their hashes.
    pub sum: i128,
}

/// The buckets that are not the same on both sides.
#[must_use]
pub fn unequal(blue: &BTreeMap<i32, Bucket>, green: &BTreeMap<i32, Bucket>) -> Vec<i32> {
    let numbers: BTreeSet<i32> = blue.keys().chain(green.keys()).copied().collect();
    let differ = |number: &i32| blue.get(number) != green.get(number);
    numbers.into_iter().filter(differ).collect()
}

/// A row's key, column by column, as text. In a table without a key the row's own hash stands for it.
pub type Key = Vec<String>;

/// A row as it is seen on one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its hash; in a table without a key, how often it is there.
    pub value: i64,
    /// Which version of the row it is on that side, if that can be told. The same version is the same row, untouched.
    pub version: Option<String>,
}

/// Rows, by key.
pub type Rows = BTreeMap<Key, Seen>;

/// After so many rounds in which green's row stayed as it was and blue's was never the same, it is no traffic.
pub const PERSISTENT: u32 = 5;

/// Rows that differed when they were last looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Suspects {
    /// What green had in the last round, and for how many rounds it has been so.
    open: BTreeMap<Key, (Option<i64>, u32)>,
    wrong: BTreeSet<Key>,
}

impl Suspects {
    /// The rows that are not the same in two readings that were taken while writes went on.
    #[must_use]
    pub fn new(blue: &Rows, green: &Rows) -> Self {
        let keys: BTreeSet<&Key> = blue.keys().chain(green.keys()).collect();
        let differ = |key: &&Key| value(blue, key) != value(green, key);
        let open = keys.into_iter().filter(differ);
        Self {
            open: open
                .map(|key| (key.clone(), (value(green, key), 0)))
                .collect(),
            wrong: BTreeSet::new(),
        }
    }

    /// The keys to look at once more.
    #[must_use]
    pub fn keys(&self) -> Vec<Key> {
        self.open.keys().cloned().collect()
    }

    /// Rows that differ for no reason of traffic.
    #[must_use]
    pub fn wrong(&self) -> &BTreeSet<Key> {
        &self.wrong
    }

    /// Judges a round: blue was read, then a marker was written there and seen on green, then green was read, then blue
    /// once more.
    pub fn judge(&mut self, before: &Rows, green: &Rows, after: &Rows) {
        for (key, (last, rounds)) in std::mem::take(&mut self.open) {
            let now = value(green, &key);
            let rounds = if now == last { rounds + 1 } else { 1 };
            let equal = now == value(before, &key) || now == value(after, &key);
            if equal {
                continue;
            }
            if untouched(before.get(&key), after.get(&key)) || rounds >= PERSISTENT {
                self.wrong.insert(key);
            } else {
                self.open.insert(key, (now, rounds));
            }
        }
    }
}

fn value(rows: &Rows, key: &Key) -> Option<i64> {
    rows.get(key).map(|seen| seen.value)
}

/// The same version of a row before and after: nobody wrote it in between.
fn untouched(before: Option<&Seen>, after: Option<&Seen>) -> bool {
    let version = |seen: Option<&Seen>| seen.and_then(|seen| seen.version.clone());
    version(before).is_some() && version(before) == version(after)
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
    use proptest::prelude::*;

    fn key(number: u8) -> Key {
        vec![number.to_string()]
    }

    /// A side of a table: for each key the row's content, and which write made it.
    type Side = BTreeMap<u8, (i64, u32)>;

    fn rows(side: &Side, keys: &[Key]) -> Rows {
        let seen = |(number, (value, write)): (&u8, &(i64, u32))| {
            let version = Some(write.to_string());
            (
                key(*number),
                Seen {
                    value: *value,
                    version,
                },
            )
        };
        let all: Rows = side.iter().map(seen).collect();
        all.into_iter()
            .filter(|(key, _)| keys.contains(key))
            .collect()
    }

    /// One write: a key, and its new content or its end.
    fn write() -> impl Strategy<Value = (u8, Option<i64>)> {
        (0_u8..8, prop::option::weighted(0.8, 0_i64..1000))
    }

    fn apply(side: &mut Side, writes: &[(u8, Option<i64>)], from: usize, corrupt: Option<u8>) {
        for (number, (key, content)) in writes.iter().enumerate().skip(from) {
            if corrupt == Some(*key) {
                continue;
            }
            match content {
                Some(content) => {
                    let write = u32::try_from(number).unwrap();
                    side.insert(*key, (content * 1000 + i64::from(write), write));
                }
                None => {
                    side.remove(key);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn traffic_is_never_a_mismatch(
            writes in prop::collection::vec(write(), 0..200),
            steps in prop::collection::vec((0_usize..12, 0_usize..12, 0_usize..12), 1..12),
        ) {
            // Green follows blue's commits in their order, and has at least what a marker promised.
            let at = |position: usize| {
                let mut side = Side::new();
                apply(&mut side, &writes[..position.min(writes.len())], 0, None);
                side
            };
            let everything: Vec<Key> = (0..8).map(key).collect();
            let mut suspects = Suspects::new(&rows(&at(3), &everything), &rows(&at(0), &everything));
            let mut position = 3;
            for (ahead, more, rest) in steps {
                let (before, green) = (position, position + ahead);
                let after = green + more;
                let keys = suspects.keys();
                let quiet = |side: Side| rows(&side, &keys);
                suspects.judge(&quiet(at(before)), &quiet(at(green)), &quiet(at(after)));
                position = after + rest;
            }
            // Only a key that comes and goes in step with our looking could look persistent; each write is another content here.
            let toggled: Vec<_> = suspects.wrong().iter().filter(|key| {
                let number: u8 = key[0].parse().unwrap();
                !writes.iter().any(|(written, content)| *written == number && content.is_none())
            }).collect();
            prop_assert!(toggled.is_empty(), "{toggled:?}");
        }

        #[test]
        fn a_row_that_is_wrong_is_named_whatever_the_others_do(
            writes in prop::collection::vec(write(), 0..200),
            ahead in 1_usize..12,
        ) {
            let spare = 9_u8;
            let at = |position: usize, of_spare: i64| {
                let mut side = Side::new();
                apply(&mut side, &writes[..position.min(writes.len())], 0, None);
                side.insert(spare, (of_spare, 0));
                side
            };
            let everything: Vec<Key> = (0..10).map(key).collect();
            let mut suspects = Suspects::new(&rows(&at(3, 1), &everything), &rows(&at(3, 2), &everything));
            let keys = suspects.keys();
            let seen = |position, of_spare| rows(&at(position, of_spare), &keys);
            suspects.judge(&seen(3, 1), &seen(3 + ahead, 2), &seen(3 + 2 * ahead, 1));
            prop_assert!(suspects.wrong().contains(&key(spare)));
        }
    }

    #[test]
    fn a_row_that_is_missing_or_left_over_is_named_after_some_rounds() {
        let here: Rows = [(
            key(1),
            Seen {
                value: 7,
                version: None,
            },
        )]
        .into();
        let gone = Rows::new();
        for (blue, green) in [(&here, &gone), (&gone, &here)] {
            let mut suspects = Suspects::new(blue, green);
            for _ in 0..PERSISTENT {
                assert!(suspects.wrong().is_empty());
                suspects.judge(blue, green, blue);
            }
            assert_eq!(suspects.wrong().len(), 1);
        }
    }

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
        let blue = Shape {
            tables: vec![table("a", "bigint"), table("b", "bigint")],
            extensions: vec!["citext".to_owned()],
            invalid_indexes: vec![],
        };
        let green = Shape {
            tables: vec![table("a", "integer"), table("c", "bigint")],
            extensions: vec![],
            invalid_indexes: vec!["public.a_pkey".to_owned()],
        };
        assert_eq!(unlike("orders", &blue, &green).len(), 5);
        assert!(unlike("orders", &blue, &blue).is_empty());
    }
}
