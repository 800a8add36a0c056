//! Tables and their rows, as far as both sides are compared.

use std::collections::BTreeMap;
use std::fmt;

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as the engine writes it.
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
pub struct Schema {
    /// The tables.
    pub tables: Vec<Table>,
    /// Names of extensions.
    pub extensions: Vec<String>,
    /// Indexes that answer nothing.
    pub invalid_indexes: Vec<String>,
}

/// The rows of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// How many.
    pub rows: u64,
    /// The sum of their hashes.
    pub sum: i128,
}

/// A row's key, column by column, as text. In a table without a key the row's own hash stands for it.
pub type Key = Vec<String>;

/// A row as it is seen on one side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its hash; in a table without a key, how often it is there.
    pub value: i64,
    /// Which version of the row it is on that side, if that can be told. The same version is the same row, untouched.
    pub version: Option<String>,
}

/// Rows, by key.
pub type Rows = BTreeMap<Key, Row>;
