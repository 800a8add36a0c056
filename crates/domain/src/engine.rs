//! The database engines.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString};

/// A database engine of RDS. What is particular to one is behind the engine port, and chosen by this.
///
/// It parses from RDS's own word, such as `postgres`, and from the name that it is displayed by.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Display, EnumString,
)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// RDS for PostgreSQL. Records from before there were others name none.
    #[default]
    #[strum(to_string = "PostgreSQL", serialize = "postgres")]
    Postgres,
    /// RDS for `MySQL`.
    #[strum(to_string = "MySQL", serialize = "mysql")]
    Mysql,
    /// RDS for `MariaDB`.
    #[strum(to_string = "MariaDB", serialize = "mariadb")]
    Mariadb,
}

impl Engine {
    /// The engines that this version upgrades.
    pub const SUPPORTED: [Self; 1] = [Self::Postgres];
}
