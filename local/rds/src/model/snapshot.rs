//! A DB snapshot.

use super::{Tags, write_tags};
use crate::names;
use crate::postgres::version::ENGINE;
use crate::wire::{Render, Xml};
use jiff::Timestamp;
use std::path::PathBuf;

/// A copy of an instance's data.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// The instance's name when it was taken.
    pub instance: String,
    /// The instance's identity.
    pub resource_id: String,
    /// The engine's version.
    pub version: String,
    /// GiB.
    pub storage: u32,
    /// The master user.
    pub master: String,
    /// When it was asked for.
    pub created: Timestamp,
    /// It could not be taken.
    pub failed: bool,
    /// Its tags.
    pub tags: Tags,
    /// Where its data is, once it is done.
    pub copy: Option<PathBuf>,
}

impl Snapshot {
    /// Its ARN.
    pub fn arn(&self) -> String {
        names::arn("snapshot", &self.name)
    }

    fn status(&self) -> &'static str {
        match (&self.copy, self.failed) {
            (_, true) => "failed",
            (Some(_), false) => "available",
            (None, false) => "creating",
        }
    }
}

impl Render for Snapshot {
    fn render(&self, xml: &mut Xml) {
        xml.text("DBSnapshotIdentifier", &self.name);
        xml.text("DBSnapshotArn", self.arn());
        xml.text("DBInstanceIdentifier", &self.instance);
        xml.text("DbiResourceId", &self.resource_id);
        xml.text("SnapshotCreateTime", names::instant(self.created));
        xml.text("SnapshotType", "manual");
        xml.text("Status", self.status());
        xml.text("PercentProgress", if self.copy.is_some() { 100 } else { 0 });
        xml.text("Engine", ENGINE);
        xml.text("EngineVersion", &self.version);
        xml.text("AllocatedStorage", self.storage);
        xml.text("MasterUsername", &self.master);
        xml.text("Encrypted", false);
        write_tags(xml, &self.tags);
    }
}
