//! A DB parameter group.

use super::Tags;
use crate::names;
use crate::wire::{Render, Xml};
use std::collections::BTreeMap;

/// Parameters by which instances run.
#[derive(Debug, Clone, Default)]
pub struct ParameterGroup {
    /// Its name.
    pub name: String,
    /// Such as `postgres16`.
    pub family: String,
    /// What it is for.
    pub description: String,
    /// What was changed from the engine's own, by RDS's names.
    pub values: BTreeMap<String, String>,
    /// Its tags.
    pub tags: Tags,
}

impl ParameterGroup {
    /// RDS's own group of a major version, which no caller can change.
    pub fn default_of(major: u32) -> Self {
        Self {
            name: format!("default.postgres{major}"),
            family: format!("postgres{major}"),
            description: format!("Default parameter group for postgres{major}"),
            ..Self::default()
        }
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        names::arn("pg", &self.name)
    }

    /// Whether RDS owns it.
    pub fn is_default(&self) -> bool {
        self.name.starts_with("default.")
    }

    /// What PostgreSQL is started with: RDS's own names are translated.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let mut settings = self.values.clone();
        if settings.remove("rds.logical_replication").as_deref() == Some("1") {
            settings.insert("wal_level".to_owned(), "logical".to_owned());
        }
        settings
    }

    /// Whether blue can be followed logically.
    pub fn has_logical_replication(&self) -> bool {
        let value = self.values.get("rds.logical_replication");
        value.is_some_and(|value| value == "1")
    }
}

impl Render for ParameterGroup {
    fn render(&self, xml: &mut Xml) {
        xml.text("DBParameterGroupName", &self.name);
        xml.text("DBParameterGroupFamily", &self.family);
        xml.text("Description", &self.description);
        xml.text("DBParameterGroupArn", self.arn());
    }
}
