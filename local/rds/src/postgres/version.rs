//! The words of RDS for PostgreSQL, and the order of its versions.

/// What `Engine` says.
pub const ENGINE: &str = "postgres";
/// What `LicenseModel` says.
pub const LICENSE: &str = "postgresql-license";

/// The family of the parameter groups of a version, such as `postgres16`.
pub fn family(version: &str) -> String {
    format!("{ENGINE}{}", major(version))
}

/// RDS's own parameter group of a version, such as `default.postgres16`.
pub fn default_group(version: &str) -> String {
    format!("default.{}", family(version))
}

/// The number before the dot.
pub fn major(version: &str) -> u32 {
    numbers(version).0
}

/// For comparison: `16.4` is less than `16.14`.
pub fn numbers(version: &str) -> (u32, u32) {
    let (major, minor) = version.split_once('.').unwrap_or((version, "0"));
    let number = |text: &str| text.parse().unwrap_or_default();
    (number(major), number(minor))
}
