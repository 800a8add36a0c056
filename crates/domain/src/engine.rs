//! The database engines.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A database engine of RDS. What is particular to one is behind the engine port, and chosen by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// RDS for PostgreSQL. Records from before there were others name none.
    #[default]
    Postgres,
    /// RDS for `MySQL`.
    Mysql,
    /// RDS for `MariaDB`.
    Mariadb,
}

impl Engine {
    /// The engines that this version upgrades.
    pub const SUPPORTED: [Self; 1] = [Self::Postgres];

    /// Reads RDS's `Engine` of an instance; `None` for one that is unknown here.
    #[must_use]
    pub fn of_rds(word: &str) -> Option<Self> {
        match word {
            "postgres" => Some(Self::Postgres),
            "mysql" => Some(Self::Mysql),
            "mariadb" => Some(Self::Mariadb),
            _ => None,
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "PostgreSQL",
            Self::Mysql => "MySQL",
            Self::Mariadb => "MariaDB",
        })
    }
}
