//! Manual snapshots.

use super::tag_list;
use crate::error::{acted, looked};
use aws_sdk_rds::Client;
use aws_sdk_rds::types::DbSnapshot;
use domain::ids::{InstanceId, ResourceId};
use domain::rds::Snapshot;
use ports::Error;
use std::collections::BTreeMap;

/// The manual snapshots of this account and Region.
#[derive(Debug, Clone)]
pub(super) struct Snapshots {
    client: Client,
}

impl Snapshots {
    pub(super) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// The snapshot with this name, if there is one.
    pub(super) async fn describe(&self, id: &str) -> Result<Option<Snapshot>, Error> {
        let call = self
            .client
            .describe_db_snapshots()
            .db_snapshot_identifier(id);
        match call.send().await.map_err(looked("describing a snapshot")) {
            Ok(answer) => Ok(answer.db_snapshots().first().map(snapshot)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Starts a snapshot of the instance that has this name now. That the name is taken is success: the name is
    /// derived from the upgrade, and what stands under it is looked at by `describe` before anything relies on it.
    pub(super) async fn create(
        &self,
        instance: &InstanceId,
        id: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let call = self
            .client
            .create_db_snapshot()
            .db_instance_identifier(instance.as_str())
            .db_snapshot_identifier(id)
            .set_tags(Some(tag_list(tags)));
        match call.send().await.map_err(acted("starting a snapshot")) {
            Ok(_) => Ok(()),
            Err(error) if is_taken(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn is_missing(error: &Error) -> bool {
    let code = error.code().unwrap_or_default();
    code.starts_with("DBSnapshotNotFound")
}

fn is_taken(error: &Error) -> bool {
    let code = error.code().unwrap_or_default();
    code.starts_with("DBSnapshotAlreadyExists")
}

fn snapshot(found: &DbSnapshot) -> Snapshot {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let percent = found.percent_progress().unwrap_or_default().clamp(0, 100);
    Snapshot {
        id: text(found.db_snapshot_identifier()),
        status: text(found.status()),
        percent: u8::try_from(percent).unwrap_or_default(),
        instance: InstanceId(text(found.db_instance_identifier())),
        resource_id: ResourceId(text(found.dbi_resource_id())),
    }
}
